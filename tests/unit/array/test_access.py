"""How an array is accessed: chunk stores, locks, caches, memory."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import zarr
from support.waiting import wait_until
from zarr.storage import MemoryStore


class Locks:
    """A synchronizer that notes which locks are taken, and that they are given back."""

    def __init__(self) -> None:
        self.taken: list[str] = []
        self.held: list[str] = []  # appending is atomic, and locks are taken by several threads

    def __getitem__(self, key: str) -> Any:
        locks = self

        class Lock:
            def __enter__(self) -> None:
                locks.taken.append(key)
                locks.held.append(key)

            def __exit__(self, *_: object) -> None:
                locks.held.remove(key)

        return Lock()


def test_a_synchronizer_locks_what_is_changed_in_part(store: Any) -> None:
    locks = Locks()
    array = zarr.create((10,), chunks=5, dtype="i4", store=store, path="x/a", synchronizer=locks)
    array[:] = 1
    assert locks.taken == []  # whole chunks need no lock
    array[3:7] = 2
    assert sorted(locks.taken) == ["x/a/c/0", "x/a/c/1"]
    locks.taken.clear()
    array.attrs["a"] = 1
    array.append(np.array([9], "i4"))
    assert locks.taken == ["x/a/zarr.json", "x/a/zarr.json", "x/a/c/2"]
    # Where a task may move between threads, another one lets go of the lock.
    wait_until(lambda: not locks.held)
    assert array[:].tolist() == [1] * 3 + [2] * 4 + [1] * 3 + [9]


def test_a_synchronizer_that_is_none_is_refused() -> None:
    with pytest.raises(TypeError, match="synchronizer"):
        zarr.create(5, synchronizer=1)


def test_chunks_may_have_a_store_of_their_own(store: Any) -> None:
    chunk_store = MemoryStore()
    array = zarr.create((10,), chunks=5, dtype="i4", store=store, path="a", chunk_store=chunk_store)
    array[:] = 7
    assert set(chunk_store._store_dict) == {"a/c/0", "a/c/1"}
    assert array.nchunks_initialized == 2
    bare = zarr.open_array(store, path="a")
    assert bare[:].tolist() == [0] * 10
    both = zarr.open_array(store, path="a", chunk_store=chunk_store)
    assert both[:].tolist() == [7] * 10
    both.resize((3,))
    assert set(chunk_store._store_dict) == {"a/c/0"}
    assert both.nbytes_stored() > len(chunk_store._store_dict["a/c/0"])
    again = zarr.create(
        (4,), store=store, path="a", chunk_store=chunk_store, overwrite=True, dtype="i4"
    )
    assert chunk_store._store_dict == {}
    assert again[:].tolist() == [0] * 4


def test_metadata_that_are_not_cached_are_read_before_each_operation(store: Any) -> None:
    fresh = zarr.create((4,), chunks=2, dtype="i4", store=store, cache_metadata=False)
    cached = zarr.open_array(store)
    other = zarr.open_array(store)
    other.resize((6,))
    other.attrs["a"] = 1
    assert cached.shape == (4,)
    assert dict(cached.attrs) == {}
    assert fresh.shape == (6,)
    assert fresh[:].shape == (6,)
    assert dict(fresh.attrs) == {"a": 1}
    fresh[5] = 3
    assert other[5] == 3
    assert zarr.open_array(store, cache_metadata=False).shape == (6,)


def test_attributes_that_are_not_cached_are_read_when_looked_at(store: Any) -> None:
    fresh = zarr.create((4,), store=store, cache_attrs=False)
    other = zarr.open_array(store)
    other.attrs["a"] = 1
    assert fresh.attrs["a"] == 1
    other.attrs["a"] = 2
    assert dict(fresh.attrs) == {"a": 2}
    cached = zarr.open_array(store, cache_attrs=True)
    other.attrs["a"] = 3
    assert dict(cached.attrs) == {"a": 2}


def test_a_read_only_array_refuses_changes(store: Any) -> None:
    array = zarr.create((4,), store=store, read_only=True)
    assert array.read_only
    for change in (
        lambda: array.__setitem__(0, 1),
        lambda: array.resize((2,)),
        lambda: array.attrs.update(a=1),
    ):
        with pytest.raises(ValueError, match="read-only"):
            change()
    assert not zarr.open_array(store).read_only
    assert zarr.open_array(store, read_only=True).read_only


def test_meta_array_says_what_memory_results_are_in(store: Any) -> None:
    array = zarr.create((4,), store=store, meta_array=np.empty(()))
    assert type(array[:]) is np.ndarray
    with pytest.raises(TypeError, match="NumPy or CuPy"):
        zarr.create((4,), meta_array=[1])


def test_settings_of_a_handle_are_kept_by_its_copies(store: Any) -> None:
    locks = Locks()
    array = zarr.create((4,), chunks=4, dtype="i4", store=store, synchronizer=locks)
    array.with_config({"write_empty_chunks": True})[1] = 2
    assert locks.taken == ["c/0"]
    assert array[1] == 2
