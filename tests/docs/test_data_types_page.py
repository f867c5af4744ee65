"""The page on data types tells which of them have no specification in format 3."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "data-types.md"
TABLE = PAGE.read_text().split("| elements | dtype |")[1].split("\n\n")[0]
CASES = [
    (dtype, cells[3] == "¹")
    for cells in (
        [cell.strip() for cell in row.strip("|").split("|")] for row in TABLE.splitlines()[2:]
    )
    if cells[3] in ("yes", "¹")
    for dtype in re.findall(r"`([^`]+)`", cells[1])
]
PROGRAM = """
import warnings, numpy as np, zarr
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    zarr.create_array({{}}, shape=(3,), dtype={dtype})
print([warning.category.__name__ for warning in caught])
"""


@pytest.mark.parametrize(("dtype", "unspecified"), CASES, ids=[dtype for dtype, _ in CASES])
def test_the_page_marks_the_data_types_that_cause_a_warning(dtype: str, unspecified: bool) -> None:
    printed = subprocess.check_output(
        [sys.executable, "-c", PROGRAM.format(dtype=dtype)],
        text=True,  # a process warns once
    )
    assert ("UnstableSpecificationWarning" in printed) == unspecified
