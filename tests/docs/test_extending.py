"""The store of the page on extending passes the suite that the page recommends."""

from __future__ import annotations

import re
import sys
import tempfile
from contextlib import chdir
from pathlib import Path
from types import ModuleType

PAGE = Path(__file__).parents[2] / "docs" / "extending.md"

_module = sys.modules.setdefault("docs_store", ModuleType("docs_store"))
_section = PAGE.read_text().split("## A store")[1].split("## A codec")[0]
with tempfile.TemporaryDirectory() as _directory, chdir(_directory):
    for _block in re.findall(r"```python.*?\n(.*?)```", _section, re.DOTALL):
        exec(compile(_block, PAGE, "exec"), _module.__dict__)

TestFlatStore = _module.TestFlatStore
