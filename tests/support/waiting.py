"""Wait for a condition, and not for a time that may be too short on a busy machine."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

PATIENCE = 60.0


def wait_until(condition: Callable[[], object]) -> None:
    """Wait until a condition holds, while other threads run.

    Parameters
    ----------
    condition
        Called again and again.

    Raises
    ------
    AssertionError
        If it does not hold within a minute.
    """
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "the condition never held"
        time.sleep(0.0005)


async def until(condition: Callable[[], object]) -> None:
    """Wait until a condition holds, while other tasks and threads run. See `wait_until`."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "the condition never held"
        await asyncio.sleep(0.0005)


def interrupt_when(condition: Callable[[], object]) -> None:
    """Send this process Ctrl-C as soon as a condition holds; the main thread goes on meanwhile."""

    def watch() -> None:
        wait_until(condition)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=watch, daemon=True).start()
