"""The command in a terminal: bars of progress, and what a person sees."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING

import numpy as np
import pytest

import zarr

if TYPE_CHECKING:
    from pathlib import Path

pty = pytest.importorskip("pty")

RUN = """
import sys
sys.argv[0] = "zarr"
from zarr._async.bar import Bar
Bar.delay = 0
from zarr.cli import entry
entry()
"""


def in_terminal(*arguments: str) -> tuple[str, int]:
    """All that a terminal is sent, and the code with which the command ends."""
    child, terminal = pty.fork()
    if child == 0:
        os.environ.update(TERM="xterm-256color", COLUMNS="100", LINES="30")
        os.execv(sys.executable, [sys.executable, "-c", RUN, *arguments])
    seen = b""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            part = os.read(terminal, 1 << 16)
        except OSError:  # its other end is closed
            break
        if not part:
            break
        seen += part
    os.close(terminal)
    return seen.decode(), os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@pytest.fixture
def store(tmp_path: Path) -> str:
    zarr.create_array(tmp_path / "a", data=np.arange(1 << 20), chunks=1 << 16)
    return str(tmp_path / "a")


def test_a_bar_ends_at_the_total(store: str) -> None:
    seen, code = in_terminal("stats", store)
    assert code == 0
    assert "stats" in seen
    assert "8.0/8.0" in seen
    assert "1,048,576" in seen
    # The cursor is visible again.
    assert seen.rfind("\x1b[?25h") > seen.rfind("\x1b[?25l")


def test_a_quiet_command_shows_no_bar(store: str) -> None:
    seen, code = in_terminal("stats", store, "--quiet")
    assert code == 0
    assert "\x1b" not in seen
    assert "1,048,576" in seen


def test_nothing_of_a_bar_reaches_a_file(store: str) -> None:
    import subprocess

    done = subprocess.run(
        [sys.executable, "-c", RUN, "stats", store], capture_output=True, text=True, check=True
    )
    assert done.stderr == ""


def test_npy_is_refused_in_a_terminal(store: str) -> None:
    seen, code = in_terminal("cat", store, "--format", "npy")
    assert code == 2
    assert "npy is not for a terminal" in seen


def test_csv_in_a_terminal_is_escaped(tmp_path: Path) -> None:
    zarr.create_array(tmp_path / "a", data=np.array(["\x1b[2J"]))
    seen, code = in_terminal("cat", str(tmp_path / "a"), "--format", "csv", "--quiet")
    assert code == 0
    assert seen == "\\x1b[2J\r\n"
