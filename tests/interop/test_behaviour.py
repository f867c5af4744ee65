"""Small programs print the same here and with zarr-python, except for the listed differences."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

HERE = Path(__file__).parent
PYTHON = os.environ.get("ZARR_PEERS", str(HERE.parent.parent / ".envs/peers/bin/python"))
if not Path(PYTHON).exists():
    pytest.skip("`make test` makes the environment of the peers", allow_module_level=True)

# Differences that are meant: of a program, what zarr-python prints, what is printed here, and why.
LISTED = [tuple(line) for line in json.loads((HERE / "behaviour_known.json").read_text())]
KNOWN: list[tuple[str, str, str]] = [(name, a, b) for name, a, b, _ in LISTED]


@cache
def printed(python: str) -> dict[str, list[str]]:
    """The output of all programs."""
    done = subprocess.run(
        [python, str(HERE / "behaviour.py")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)  # type: ignore[no-any-return]


NAMES = [
    line.removeprefix("# -- ").strip()
    for line in (HERE / "behaviour_snippets.txt").read_text().splitlines()
    if line.startswith("# -- ")
]


def differences(name: str) -> Counter[tuple[str, str, str]]:
    theirs, ours = printed(PYTHON)[name], printed(sys.executable)[name]
    assert len(theirs) == len(ours), (theirs[-1:], ours[-1:])
    return Counter((name, a, b) for a, b in zip(theirs, ours, strict=True) if a != b)


@pytest.mark.parametrize("name", NAMES)
def test_programs_print_what_they_print_with_zarr_python(name: str) -> None:
    known = Counter(line for line in KNOWN if line[0] == name)
    assert differences(name) == known


def test_each_difference_has_a_reason() -> None:
    assert [line for line in LISTED if len(line[3]) < 20] == []


def test_there_is_much_to_compare() -> None:
    lines = [line for lines in printed(sys.executable).values() for line in lines if line]
    assert len(lines) > 2000
    assert not [line for line in lines if line.startswith("the program stopped")]
