"""The command in a real terminal emulator: what is on the screen, and what is left there."""

from __future__ import annotations

import re
import shlex
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest
from tests.support.terminal import Screen, screen

import zarr

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["screen"]

RUN = """
import os, sys, threading
sys.argv[0] = "zarr"
from zarr._async.bar import Bar
Bar.delay = 0
if "STUCK" in os.environ:  # a part is done, and then nothing happens any more
    update = Bar.update
    def stuck(self, count=1):
        update(self, count)
        while self.n:
            threading.Event().wait(1)
    Bar.update = stuck
from zarr.cli import entry
entry()
"""


def begin(screen: Screen, *command: str, columns: int = 80, **environment: str) -> None:
    """Start a command; its code is shown when it ends."""
    settings = [f"{name}={value}" for name, value in environment.items()]
    line = shlex.join(["env", *settings, sys.executable, "-c", RUN, *command])
    screen.begin(line, columns)


@pytest.fixture
def store(tmp_path: Path) -> str:
    root = zarr.create_group(tmp_path / "g")
    for number in range(8):
        root.create_array(f"é{number}", data=np.arange(8), chunks=(2,))
    return str(tmp_path / "g")


@pytest.mark.parametrize("columns", [40, 80, 200])
def test_a_bar_ends_at_the_total_and_fits_the_screen(
    screen: Screen, store: str, columns: int
) -> None:
    begin(screen, "verify", store, columns=columns)
    shown = screen.end()
    (bar,) = re.findall(r"^verify.*$", shown, re.MULTILINE)
    assert "32/32 chunks" in bar
    assert len(bar) <= columns
    assert "code=0" in shown
    assert re.search("Found *: nothing", shown)
    # The cursor is there again.
    assert screen.has_cursor()


def test_ctrl_c_ends_a_command_and_leaves_nothing(
    screen: Screen, store: str, tmp_path: Path
) -> None:
    before = sorted(tmp_path.rglob("*"))
    begin(screen, "verify", store, STUCK="1")
    screen.until(lambda shown: re.search(r"verify .* [1-9]\d*/32 ", shown) is not None)
    screen.press("C-c")
    shown = screen.end()
    assert "zarr: interrupted" in shown
    assert "code=130" in shown
    assert "Traceback" not in shown
    assert sorted(tmp_path.rglob("*")) == before
    assert screen.has_cursor()


@pytest.mark.parametrize("no_color", [False, True])
def test_no_color_is_obeyed(screen: Screen, store: str, no_color: bool) -> None:
    begin(screen, "verify", store, **({"NO_COLOR": "1"} if no_color else {}))
    assert "32/32 chunks" in screen.end()
    color = re.search(r"\x1b\[[0-9;]*(3[0-7]|38;5;\d+|9[0-7])m", screen.shown(styled=True))
    assert (color is None) == no_color


def test_a_terminal_that_knows_nothing_is_sent_plain_text(screen: Screen, store: str) -> None:
    begin(screen, "verify", store, TERM="dumb")
    shown = screen.end()
    assert "code=0" in shown
    assert "\x1b" not in screen.shown(styled=True)


@pytest.mark.parametrize("more", [{}, {"PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}])
def test_a_terminal_without_utf_8_shows_all(
    screen: Screen, tmp_path: Path, more: dict[str, str]
) -> None:
    zarr.create_group(tmp_path / "g").create_group("a").create_group("b")
    begin(screen, "tree", str(tmp_path / "g"), "--no-sizes", LC_ALL="C", **more)
    shown = screen.end()
    assert "code=0" in shown
    lines = ("`-- a", "    `-- b") if more else ("└── a", "    └── b")
    for line in lines:
        assert re.search(f"^{re.escape(line)} *$", shown, re.MULTILINE), shown
    assert "\\u" not in shown


@pytest.mark.parametrize("command", ["info", "tree", "cat"])
def test_names_and_attributes_do_not_steer_a_terminal(
    screen: Screen, tmp_path: Path, command: str
) -> None:
    hostile = "\x1b[2J\x1b]0;owned\x07\r\u202egnp\u2066"
    data = np.array([hostile])
    root = zarr.create_group(tmp_path / "g", attributes={hostile: hostile})
    root.create_array("x", data=data, attributes={"units": hostile})
    root.create_group(hostile.replace("/", ""))
    path = ["--path", "x"] if command == "cat" else []
    begin(screen, command, str(tmp_path / "g"), *path, "--quiet")
    shown = screen.end()
    assert "code=0" in shown
    assert "\\u202egnp" in shown.replace("\n", "")
    assert "owned" not in screen.title()
