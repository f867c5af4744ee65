"""The design page draws the packages that there are."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "design.md"


def test_every_package_of_the_drawing_is_there() -> None:
    drawing = PAGE.read_text().split("```text\n")[1].split("zarr._core")[0]
    above, drawn = "", []
    for inner, names in re.findall(r"^(│   )?[├└]── ([a-z_, ]+?)  ", drawing, re.MULTILINE):
        drawn += [f"{above}.{name}" if inner else f"zarr.{name}" for name in names.split(", ")]
        above = above if inner else drawn[-1]
    assert len(drawn) > 15
    for name in drawn:
        importlib.import_module(name)
