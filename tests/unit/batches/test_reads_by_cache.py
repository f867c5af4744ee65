"""Many selections of an array that is read by way of a cache are right, and cost a chunk once."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
import pytest
from obstore.store import MemoryStore as InMemory

import zarr
from support.counting import CountingCodec, DecodedChunks
from support.stores import WaitingStore
from zarr.api import asynchronous
from zarr.storage import ObjectStore

DATA = np.arange(1, 20 * 18 + 1, dtype="i4").reshape(20, 18)
WINDOWS: list[Any] = [(slice(i, i + 6), slice(i, i + 7)) for i in range(11)]
TOUCHED = {
    (i, j)
    for at in range(11)
    for i in range(at // 5, (at + 5) // 5 + 1)
    if i < 4
    for j in range(at // 6, (at + 6) // 6 + 1)
    if j < 3
}
"""The chunks of 5 x 6 in which the windows have an element."""


@pytest.fixture(params=[None, (10, 12)], ids=["chunks", "shards"])
def shards(request: pytest.FixtureRequest) -> Any:
    return request.param


def made(store: Any, cache: zarr.ChunkCache | None, shards: Any, **options: Any) -> Any:
    options = {"chunks": (5, 6), "compressors": CountingCodec()} | options
    return zarr.create_array(
        store, name="a", data=DATA, shards=shards, config={"cache": cache}, **options
    )


def check(found: list[Any], data: Any = DATA) -> None:
    for window, values in zip(WINDOWS, found, strict=True):
        np.testing.assert_array_equal(values, data[window])


def test_each_chunk_is_decoded_once_and_kept(store: Any, shards: Any) -> None:
    cache = zarr.ChunkCache("1 MB")
    array = made(store, cache, shards)
    decoded = DecodedChunks()
    check(array.read_many(WINDOWS))
    assert decoded() == cache.stats().misses == len(TOUCHED)
    check(array.read_many(WINDOWS))
    check(zarr.read([(array, window) for window in WINDOWS]))
    check([array[window] for window in WINDOWS])
    assert decoded() == 0


def test_a_chunk_that_one_selection_left_is_not_decoded_for_many(store: Any, shards: Any) -> None:
    array = made(store, zarr.ChunkCache("1 MB"), shards)
    decoded = DecodedChunks()
    array[5:10, 6:12]
    assert decoded() == 1
    check(array.read_many(WINDOWS))
    assert decoded() == len(TOUCHED) - 1


def test_a_chunk_that_is_too_large_for_the_cache_is_decoded_once(store: Any) -> None:
    with pytest.warns(zarr.errors.ZarrUserWarning, match="larger"):
        array = made(store, zarr.ChunkCache(300), None, chunks=(20, 18))
    decoded = DecodedChunks()
    check(array.read_many(WINDOWS))
    assert decoded() == 1


def test_a_write_shows_at_once(store: Any, shards: Any) -> None:
    cache = zarr.ChunkCache("1 MB")
    array = made(store, cache, shards)
    writer: Any = zarr.open_array(store, path="a")
    data = DATA.copy()
    rng = np.random.default_rng(0)
    for step in range(12):
        check(array.read_many(WINDOWS), data)
        row, column = (int(n) for n in rng.integers(0, 17, 2))
        part = (slice(row, row + 3), slice(column, column + 1 + step % 8))
        data[part] += 1000
        writer[part] = data[part]
    data[:10] = 0
    writer[:10] = 0
    check(array.read_many(WINDOWS), data)


def test_a_dict_that_is_changed_by_hand_shows_at_once() -> None:
    values: dict[str, Any] = {}
    array = made(values, zarr.ChunkCache("1 MB"), None)
    check(array.read_many(WINDOWS))
    other: dict[str, Any] = {}
    zarr.create_array(other, name="a", data=DATA * 2, chunks=(5, 6), compressors=CountingCodec())
    values.update(other)
    check(array.read_many(WINDOWS), DATA * 2)


def test_a_file_that_somebody_else_replaced_shows_where_each_read_looks(
    tmp_path: Any, shards: Any
) -> None:
    array = made(tmp_path / "a", zarr.ChunkCache("1 MB", recheck="always"), shards)
    for factor in (1, 2, 3):
        other = tmp_path / f"{factor}"
        made(other, None, shards)[:] = DATA * factor
        for value in other.rglob("c/*/*"):
            value.replace(tmp_path / "a" / value.relative_to(other))
        check(array.read_many(WINDOWS), DATA * factor)
        check(array.read_many(WINDOWS), DATA * factor)


def test_results_come_where_all_chunks_are_kept(store: Any, shards: Any) -> None:
    array = made(store, zarr.ChunkCache("1 MB"), shards)
    plain: Any = zarr.create_array(store, name="plain", data=DATA, chunks=(5, 6))
    reads: list[Any] = [(array, window) for window in WINDOWS]
    decoded = DecodedChunks()
    for _ in range(2):
        found: dict[int, Any] = dict(zarr.read(reads, ordered=False))  # type: ignore[arg-type]
        check([found[number] for number in range(len(reads))])
    assert decoded() == len(TOUCHED)

    async def collect() -> dict[int, Any]:
        results: Any = await asynchronous.read([*reads, (plain, 7)], ordered=False)
        return {number: result async for number, result in results}

    found = asyncio.run(collect())
    np.testing.assert_array_equal(found.pop(len(reads)), DATA[7])
    check([found[number] for number in range(len(reads))])
    assert decoded() == 0


def test_blocks_and_views_are_read_by_way_of_the_cache(store: Any, shards: Any) -> None:
    array = made(store, zarr.ChunkCache("1 MB"), shards)
    decoded = DecodedChunks()
    for _ in range(2):
        for selection, values in array.iter_blocks((7, 18)):
            np.testing.assert_array_equal(values, DATA[selection])
        joined = zarr.concat([array.lazy[::-1], array.lazy[3:]])
        np.testing.assert_array_equal(joined.result(), np.concatenate([DATA[::-1], DATA[3:]]))
    assert decoded() == 12


def test_a_value_is_asked_for_once(shards: Any) -> None:
    store = WaitingStore()
    array = made(store, zarr.ChunkCache("1 MB"), shards, compressors=None)
    store.asked.clear()
    check(array.read_many(WINDOWS))
    asked = store.asked["get"]
    # The values; of a shard that is read in part, its index and one stretch of it.
    assert asked <= (len(TOUCHED) if shards is None else 2 * 4)
    check(array.read_many(WINDOWS))
    assert store.asked["get"] == asked


def test_a_chunk_that_must_be_there_is_missed(store: Any) -> None:
    config: Any = {"cache": zarr.ChunkCache("1 MB"), "read_missing_chunks": False}
    array: Any = zarr.create_array(
        store, shape=(20,), chunks=(5,), dtype="i4", fill_value=7, config=config
    )
    array[:10] = 1
    for _ in range(2):
        for found in array.read_many([slice(0, 7), slice(3, 10)]):
            assert (found == 1).all()
        with pytest.raises(zarr.errors.ChunkNotFoundError):
            array.read_many([slice(0, 7), slice(8, 12)])


def test_the_index_of_a_shard_is_kept_and_never_used_for_another_shard() -> None:
    inner = ObjectStore(InMemory())
    array: Any = zarr.create_array(inner, data=np.arange(1, 65), chunks=(4,), shards=(64,))
    reader: Any = zarr.open_array(inner, mode="r")
    parts: list[Any] = [slice(1, 7), 60, slice(3, 50, 9)]
    for factor in (1, 2, 3, 0, 5):
        data = np.arange(1, 65) * factor
        data[20:30] *= factor % 2
        array[:] = data
        for _ in range(2):
            for part, found in zip(parts, reader.read_many(parts), strict=True):
                np.testing.assert_array_equal(found, data[part])
