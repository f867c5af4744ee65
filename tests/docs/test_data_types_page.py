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
import os, warnings, numpy as np, zarr
zarr.create_array({{}}, shape=(3,), dtype="i4")  # imports all that the others need
for dtype in {dtypes}:
    if os.fork() == 0:  # a process warns once
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            zarr.create_array({{}}, shape=(3,), dtype=eval(dtype))
        print(dtype, *[warning.category.__name__ for warning in caught], sep="|", flush=True)
        os._exit(0)
    os.wait()
"""


@pytest.fixture(scope="module")
def warned() -> dict[str, list[str]]:
    """The warnings about each data type."""
    program = PROGRAM.format(dtypes=[dtype for dtype, _ in CASES])
    printed = subprocess.check_output([sys.executable, "-c", program], text=True)
    return {dtype: found for dtype, *found in (line.split("|") for line in printed.splitlines())}


@pytest.mark.parametrize(("dtype", "unspecified"), CASES, ids=[dtype for dtype, _ in CASES])
def test_the_page_marks_the_data_types_that_cause_a_warning(
    warned: dict[str, list[str]], dtype: str, unspecified: bool
) -> None:
    assert ("UnstableSpecificationWarning" in warned[dtype]) == unspecified
