"""Arrays in a store that has to be waited for: few requests, many at a time."""

from __future__ import annotations

import asyncio
from collections import UserDict
from typing import Any

import numpy as np
import pytest

import zarr
from zarr.errors import ChunkDecodeError

CHUNKS = 1000


def test_many_chunks_take_as_many_round_trips_as_the_bound_dictates(waiting_store: Any) -> None:
    store = waiting_store()
    array = zarr.create_array(store, shape=(CHUNKS, 4096), chunks=(1, 4096), dtype="f4")
    data = np.random.default_rng(0).random((CHUNKS, 4096), "f4")
    array[:] = data
    for limit in (10, 50):
        store.most_busy = store.rounds = 0
        store.together = limit
        with zarr.config.set({"async.concurrency": limit, "async.timeout": 60}):
            found = array[:]
        np.testing.assert_array_equal(found, data)
        assert store.most_busy == limit
        assert store.rounds == CHUNKS / limit


def test_a_full_write_reads_nothing(waiting_store: Any) -> None:
    store = waiting_store()
    for options in ({}, {"shards": (20,)}):
        array = zarr.create_array(
            store, shape=(100,), chunks=(10,), dtype="i4", overwrite=True, **options
        )
        store.asked.clear()
        array[:] = range(1, 101)
        assert store.asked == {"set": array._nshards}
        store.asked.clear()
        array[:40] = 5
        assert store.asked == {"set": array._nshards * 40 // 100}


def test_reading_a_part_of_a_shard_asks_for_its_index_and_that_part(waiting_store: Any) -> None:
    store = waiting_store()
    array = zarr.create_array(
        store,
        shape=(1000,),
        chunks=(10,),
        shards=(1000,),
        dtype="i4",
        config={"sharding_coalesce_max_gap_bytes": 0},
    )
    array[:] = range(1000)
    store.asked.clear()
    assert array[500:520].tolist() == list(range(500, 520))
    assert store.asked == {"get": 2}
    store.asked.clear()
    assert array.oindex[[5, 995]].tolist() == [5, 995]
    assert store.asked == {"get": 3}


def test_a_partial_write_reads_and_writes_each_chunk_once(waiting_store: Any) -> None:
    store = waiting_store()
    array = zarr.create_array(store, shape=(100,), chunks=(10,), dtype="i4")
    array[:] = 1
    store.asked.clear()
    array[5:35] = 2
    assert store.asked == {"get": 2, "set": 4}
    store.asked.clear()
    array[:] = 0
    assert store.asked == {"delete": 10}


def test_one_array_serves_any_loop_and_synchronous_callers(waiting_store: Any) -> None:
    array: Any = zarr.create_array(waiting_store(0.001), shape=(100,), chunks=(7,), dtype="i4")

    async def use() -> int:
        await array.async_array.setitem(slice(3, 50), 2)
        return int((await array.async_array.getitem(...)).sum())

    for _ in range(3):
        assert asyncio.run(use()) == 94
        assert array[:].sum() == 94


def test_large_chunks_of_a_store_that_never_waits_are_decoded_beside_each_other() -> None:
    values: UserDict[str, bytes] = UserDict()
    array = zarr.create_array(
        values,  # type: ignore[arg-type]
        shape=(24, 1 << 18),
        chunks=(1, 1 << 18),
        shards=(2, 1 << 18),
        dtype="f4",
    )
    data = np.random.default_rng(0).random(array.shape, "f4").round(3)
    array[:] = data
    np.testing.assert_array_equal(array[:], data)
    np.testing.assert_array_equal(array[1:20:3, 5:], data[1:20:3, 5:])
    key = "c/3/0"
    values[key] = values[key][:-7]
    with pytest.raises(ChunkDecodeError, match=key):
        array[:]
