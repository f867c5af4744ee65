"""A shard that is replaced while it is read is read as one version: the old or the new one."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from obstore.store import MemoryStore as InMemory

import zarr
from zarr._async.executors import sync
from zarr.buffer.cpu import Buffer, buffer_prototype
from zarr.storage import LocalStore, LoggingStore, MemoryStore, ObjectStore, SQLiteStore
from zarr.storage.cache import CacheStore
from zarr.testing.faults import SwappingStore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LENGTH = 64
KINDS = ("obstore", "local", "sqlite", "local, wrapped", "cached")
# Many requests, one after the other.
ONE_BY_ONE = {"array.sharding_coalesce_max_gap_bytes": 0, "async.concurrency": 1}
CODECS = pytest.mark.parametrize("compressors", [None, "auto"])


@pytest.fixture(autouse=True)
def _one_by_one() -> Iterator[None]:
    with zarr.config.set(ONE_BY_ONE):
        yield


@pytest.fixture(params=KINDS)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    match request.param:
        case "obstore":
            return ObjectStore(InMemory())
        case "sqlite":
            return SQLiteStore(tmp_path / "a.sqlite")
        case "local":
            return LocalStore(tmp_path)
        case "local, wrapped":
            return LoggingStore(LocalStore(tmp_path), log_level="ERROR")
    return CacheStore(ObjectStore(InMemory()), cache_store=MemoryStore(), max_size=300)


def both(store: Any, compressors: Any) -> tuple[Any, bytes, bytes]:
    """An array with one shard, and what is stored of the shard before and after."""
    array: Any = zarr.create_array(
        store, shape=(LENGTH,), chunks=(4,), shards=(LENGTH,), dtype="i4", compressors=compressors
    )
    stored = []
    for values in (np.arange(LENGTH), 1000 * np.arange(LENGTH) + 7):
        array[:] = values
        value = sync(store.get("c/0", buffer_prototype))
        stored.append(value.to_bytes())
    return array, stored[0], stored[1]


def is_whole(found: Any, at: Any) -> bool:
    places = np.arange(LENGTH)[at]
    return found.tolist() in (places.tolist(), (1000 * places + 7).tolist())


def swapped(store: Any, compressors: Any, turn: int) -> tuple[Any, SwappingStore]:
    """The array, read by a store in which the shard is replaced after so many requests."""
    _, before, after = both(store, compressors)
    inner = store._store if isinstance(store, CacheStore) else store
    sync(inner.set("c/0", Buffer.from_bytes(before)))
    swapping = SwappingStore(inner, "c/0", after, turn)
    asked: Any = swapping
    if isinstance(store, CacheStore):
        asked = CacheStore(swapping, cache_store=MemoryStore(), max_size=300)
    return zarr.open_array(asked, mode="r"), swapping


@CODECS
@pytest.mark.parametrize("turn", [1, 2, 3])
def test_parts_of_a_shard_are_of_one_version(store: Any, compressors: Any, turn: int) -> None:
    array, swapping = swapped(store, compressors, turn)
    at = slice(0, LENGTH, 16)
    found = array[at]
    assert swapping.swapped
    assert is_whole(found, at)


@pytest.mark.parametrize("turn", [1, 2, 3])
def test_also_in_the_asynchronous_face(store: Any, turn: int) -> None:
    array, swapping = swapped(store, "auto", turn)
    at = slice(0, LENGTH, 16)
    found = asyncio.run(array._async_array.getitem(at))
    assert swapping.swapped
    assert is_whole(found, at)


def test_a_shard_that_is_deleted_meanwhile_is_not_there(store: Any) -> None:
    array, swapping = swapped(store, None, 2)
    swapping.value = None
    at = slice(0, LENGTH, 16)
    found = array[at]
    assert swapping.swapped
    assert not found.any() or is_whole(found, at)


def test_a_shard_that_is_written_all_the_time_is_read_at_once(store: Any) -> None:
    array, swapping = swapped(store, None, 1)
    swapping.every = True
    at = slice(0, LENGTH, 16)
    assert is_whole(array[at], at)
    assert swapping.requests <= 20


def test_cached_parts_of_a_replaced_shard_are_not_mixed_with_the_new_one() -> None:
    inner = ObjectStore(InMemory())
    _, before, after = both(inner, None)
    sync(inner.set("c/0", Buffer.from_bytes(before)))
    store = CacheStore(inner, cache_store=MemoryStore())
    array: Any = zarr.open_array(store, mode="r")
    assert array[0] == 0
    sync(inner.set("c/0", Buffer.from_bytes(after)))
    at = slice(0, LENGTH, 16)
    assert is_whole(array[at], at)
    assert array[16] == 16007


def test_a_directory_has_no_version(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    sync(store.set("a/b", Buffer.from_bytes(b"1")))
    assert sync(store.get_versioned("a", buffer_prototype)) is None
    found = sync(store.get_versioned("a/b", buffer_prototype))
    assert found is not None
    assert found[0].to_bytes() == b"1"


def test_a_view_of_a_swapping_store_refuses_to_write_and_counts_for_it() -> None:
    swapping = SwappingStore(MemoryStore(), "k", b"after", 1)
    sync(swapping.set("k", Buffer.from_bytes(b"before")))
    view = swapping.with_read_only(True)
    assert view.read_only
    assert not swapping.read_only
    with pytest.raises(ValueError, match="read-only"):
        sync(view.set("k", Buffer.from_bytes(b"x")))
    for expected in (b"before", b"after"):
        value = sync(view.get("k", buffer_prototype))
        assert value is not None
        assert value.to_bytes() == expected
    assert swapping.swapped
    assert swapping.requests == 2
