"""Fixtures of all tests: an empty store of each kind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from support.stores import STORE_KINDS, WaitingStore, make_store_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from zarr.abc.store import Store


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
