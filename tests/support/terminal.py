"""A terminal emulator, tmux, in which programs run as they do for people."""

from __future__ import annotations

import shutil
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

TMUX = shutil.which("tmux")


class Screen:
    """A terminal of a size, in which a program runs."""

    def __init__(self, directory: Path) -> None:
        self.socket = str(directory / "tmux")

    def tmux(self, *arguments: str) -> str:
        done = subprocess.run(
            [TMUX or "tmux", "-S", self.socket, "-f", "/dev/null", *arguments],
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=120,
        )
        return done.stdout

    def begin(self, line: str, columns: int = 80) -> None:
        """Start a line of a shell in a new terminal; the terminal stays when it ends."""
        ended = f"'{TMUX}' -S '{self.socket}' wait-for -S ended"
        self.tmux(
            *("-u", "new-session", "-d", "-x", str(columns), "-y", "50"),
            f"stty -echoctl; trap : INT; {line}; echo code=$?; {ended}; cat",
        )

    def end(self) -> str:
        """Wait for the end of the line, and return the screen."""
        self.tmux("wait-for", "ended")
        return self.shown()

    def shown(self, *, styled: bool = False) -> str:
        return self.tmux("capture-pane", "-p", *(["-e"] if styled else []))

    def until(self, told: Callable[[str], object]) -> str:
        """Look at the screen until it shows something."""
        deadline = time.monotonic() + 60
        while not told(screen := self.shown()):
            assert time.monotonic() < deadline, screen
        return screen

    def press(self, *keys: str) -> None:
        """Press keys: strings, or names such as C-c, Tab and Enter."""
        for key in keys:
            self.tmux("send-keys", key)

    def has_cursor(self) -> bool:
        return self.tmux("display-message", "-p", "#{cursor_flag}").strip() == "1"

    def title(self) -> str:
        return self.tmux("display-message", "-p", "#{pane_title}")


@pytest.fixture
def screen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Screen]:
    """A terminal; the test is skipped where there is no tmux."""
    if TMUX is None:
        pytest.skip("tmux is not installed")
    made = Screen(tmp_path_factory.mktemp("t"))
    yield made
    made.tmux("kill-server")
