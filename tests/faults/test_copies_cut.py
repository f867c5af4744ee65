"""A body that is cut off on its way, without an error, is not stored as a copy."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest

import zarr
from zarr.storage import MemoryStore
from zarr.testing.faults import FaultyStore

VALUES = np.arange(12, dtype="i4")


@pytest.fixture
def source() -> FaultyStore:
    store = FaultyStore(MemoryStore())
    zarr.create_group(store).create_array("a", data=VALUES, chunks=(4,))
    return store


def spoil(store: FaultyStore, fault: Any, times: int) -> None:
    """The first so many reads of chunks are spoilt."""
    met = store._log.met
    left = [times]

    def spoilt(rate: float, method: str, key: str, byte_range: Any) -> Any:
        found = met(rate, method, key, byte_range)
        if method == "get" and "/c/" in key and left[0]:
            left[0] -= 1
            return fault
        return found

    store._log.met = spoilt  # type: ignore[method-assign]


@pytest.mark.parametrize("fault", ["cut", "double"])
@pytest.mark.parametrize("how", ["copy_store", "copy"])
def test_a_cut_value_is_read_again(source: FaultyStore, fault: str, how: str) -> None:
    group: Any = zarr.open_group(source, mode="r")
    dest: Any = zarr.create_group(MemoryStore())
    spoil(source, fault, 2)
    if how == "copy":
        zarr.copy(group["a"], dest)
    else:
        zarr.copy_store(source, dest.store, if_exists="replace")
    assert dest["a"][:].tolist() == VALUES.tolist()


@pytest.mark.parametrize("how", ["copy_store", "copy"])
def test_if_it_always_is_there_is_an_error(source: FaultyStore, how: str) -> None:
    group: Any = zarr.open_group(source, mode="r")
    dest: Any = zarr.create_group(MemoryStore())
    spoil(source, "cut", 1000)
    work = partial(zarr.copy_store, source, dest.store, if_exists="replace")
    if how == "copy":
        work = partial(zarr.copy, group["a"], dest)
    with (
        zarr.config.set({"requests.attempts": 1}),
        pytest.raises(OSError, match=r"'a/c/\d'.*was cut on the way"),
    ):
        work()


def test_a_moved_array_too(source: FaultyStore) -> None:
    group: Any = zarr.open_group(source)
    spoil(source, "cut", 2)
    group.move("a", "b")
    assert group["b"][:].tolist() == VALUES.tolist()
