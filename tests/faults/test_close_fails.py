"""An error that the system reports only at close is raised, and the old value stays."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest

import zarr

if TYPE_CHECKING:
    from pathlib import Path

STRACE = shutil.which("strace")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(STRACE is None, reason="closing is made to fail by strace"),
]

CHILD = """
import sys, zarr
array = zarr.open_array(sys.argv[1], mode="r+")
try:
    exec(sys.argv[2])
except OSError as error:
    print("refused:", error)
"""


def _run(directory: Path, code: str, *options: str) -> tuple[str, list[str]]:
    trace = directory / "trace"
    command = [str(STRACE), "-f", "-q", "-o", str(trace), "-e", "trace=openat,close", *options]
    done = subprocess.run(
        [*command, sys.executable, "-c", CHILD, str(directory / "a"), code],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return done.stdout, trace.read_text().splitlines()


def _closes_of_written_files(directory: Path, lines: list[str]) -> list[int]:
    """Which calls of close, counted for each thread as strace does, end a write."""
    closes: dict[str, int] = {}
    written: set[str] = set()
    found = []
    for line in lines:
        call = re.match(r"(\d+)\s+(\w+)\((.*)\)\s*=\s*(-?\d+)", line)
        if call is None:
            continue
        thread, name, arguments, result = call.groups()
        if name == "openat" and str(directory) in arguments and "O_CREAT" in arguments:
            written.add(result)
        elif name == "close":
            closes[thread] = closes.get(thread, 0) + 1
            if arguments in written:
                written.discard(arguments)
                found.append(closes[thread])
    return found


@pytest.mark.parametrize("errno", ["EDQUOT", "EIO"])
@pytest.mark.parametrize(
    ("code", "key"),
    [("array[:] = 1", "c/0"), ("array[3] = 1", "c/0"), ("array.attrs['k'] = 1", "zarr.json")],
)
def test_a_close_that_fails_leaves_the_old_value(
    tmp_path: Path, code: str, key: str, errno: str
) -> None:
    array = zarr.create_array(tmp_path / "a", shape=(100,), dtype="i8", compressors=None)
    array[:] = 5
    shutil.copytree(tmp_path / "a", tmp_path / "kept")
    said, lines = _run(tmp_path, code)
    assert said == ""
    place = _closes_of_written_files(tmp_path, lines)[0]
    shutil.rmtree(tmp_path / "a")
    shutil.copytree(tmp_path / "kept", tmp_path / "a")
    said, lines = _run(tmp_path, code, "-e", f"inject=close:error={errno}:when={place}")
    assert any("INJECTED" in line for line in lines)
    assert said.startswith("refused:"), said
    assert key in said
    again = zarr.open_array(tmp_path / "a", mode="r")
    np.testing.assert_array_equal(again[:], 5)
    assert dict(again.attrs) == {}
    names = sorted(path.name for path in (tmp_path / "a").rglob("*"))
    assert names == ["0", "c", "zarr.json"]


@pytest.mark.parametrize("errno", ["EDQUOT", "ENOSPC"])
def test_a_node_whose_document_cannot_be_closed_is_not_made(tmp_path: Path, errno: str) -> None:
    zarr.create_array(tmp_path / "a", shape=(4,), dtype="i4")
    code = f"zarr.create_array({str(tmp_path / 'b')!r}, shape=(4,), dtype='i4')"
    _, lines = _run(tmp_path, code)
    place = _closes_of_written_files(tmp_path, lines)[0]
    shutil.rmtree(tmp_path / "b")
    said, lines = _run(tmp_path, code, "-e", f"inject=close:error={errno}:when={place}")
    assert any("INJECTED" in line for line in lines)
    assert said.startswith("refused:"), said
    assert "zarr.json" in said
    assert [path.name for path in (tmp_path / "b").rglob("*")] == []
