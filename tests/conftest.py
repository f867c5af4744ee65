"""Fixtures of all tests: an empty store of each kind. Marks of the areas that are slow."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings

from support.stores import STORE_KINDS, WaitingStore, make_store_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from zarr.abc.store import Store

# No example is late: the machine may be busy.
settings.register_profile("zarr", deadline=None)
settings.load_profile("zarr")

# In the background of a shell, a process ignores Ctrl-C, and so would those that tests start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

TESTS = Path(__file__).parent
#: Areas that are slow as a whole; single slow modules and tests have a mark of their own.
MARKS = {
    "clients": ("slow",),
    "interop": ("slow",),
    "property": ("slow",),
    "services": ("slow", "network"),
}


def pytest_report_header() -> str:
    """Say whether threads take turns in this Python: that decides what tests of races try."""
    has_gil = getattr(sys, "_is_gil_enabled", lambda: True)()
    return f"GIL: {'on' if has_gil else 'off'}"


@pytest.hookimpl(tryfirst=True)  # before -m selects
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of slow areas."""
    for item in items:
        if item.path.is_relative_to(TESTS):
            for mark in MARKS.get(item.path.relative_to(TESTS).parts[0], ()):
                item.add_marker(mark)


@pytest.fixture
def waiting_store() -> Callable[..., WaitingStore]:
    """Makes stores that need an event loop: ``waiting_store(delay=0.0)``."""
    return WaitingStore


@pytest.fixture(params=STORE_KINDS)
def make_store(request: Any, tmp_path: Path) -> Callable[[], Store]:
    """Makes empty stores of one kind: in memory, on local files, behind an event loop."""
    return lambda: make_store_of(request.param, tmp_path)


@pytest.fixture
def store(make_store: Callable[[], Store]) -> Store:
    """An empty store of each kind."""
    return make_store()
