"""A shard that another process replaces is read by its own index, never by the one before."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from obstore.store import MemoryStore as InMemory

import zarr
from zarr.codecs import BytesCodec, Crc32cCodec, ShardingCodec, ZstdCodec
from zarr.storage import ObjectStore, WrapperStore

if TYPE_CHECKING:
    from pathlib import Path

    from zarr.abc.store import StoreTraits

EDGE = 64
STATES = 150
SOURCE = f"""
import sys, time, numpy as np, zarr
array = zarr.open_array(sys.argv[1])
places = np.arange({EDGE} * {EDGE}).reshape({EDGE}, {EDGE})
for state in range(1, {STATES}):
    # How well it compresses differs, and so do the places of the inner chunks.
    array[:] = state * 10_000 + places % (3 + 7 * state % 4093)
    if state % 10 == 0:
        time.sleep(0.05)  # only what is older than the ticks of a clock is kept
"""


def state_of(found: Any, at: Any) -> int:
    """The state of the shard that elements are of; fails if they are of none, or of several."""
    places = np.arange(EDGE * EDGE).reshape(EDGE, EDGE)[at]
    states = np.unique(found // 10_000)
    assert states.size == 1
    state = int(states[0])
    np.testing.assert_array_equal(found - state * 10_000, places % (3 + 7 * state % 4093))
    return state


@pytest.mark.parametrize("checked", [True, False], ids=["crc32c", "no checksum"])
@pytest.mark.parametrize("cached", [False, True], ids=["no cache", "cache"])
def test_shards_that_another_process_replaces_are_read_whole(
    tmp_path: Path, checked: bool, cached: bool
) -> None:
    index = [BytesCodec(), Crc32cCodec()] if checked else [BytesCodec()]
    codec = ShardingCodec(
        chunk_shape=(4, 4), codecs=[BytesCodec(), ZstdCodec()], index_codecs=index
    )
    array: Any = zarr.create_array(
        tmp_path / "a",
        shape=(EDGE, EDGE),
        chunks=(EDGE, EDGE),
        dtype="i4",
        compressors=None,
        serializer=codec,
        config={"cache": zarr.ChunkCache("1 MB", recheck="always") if cached else None},
    )
    array[:] = np.arange(EDGE * EDGE).reshape(EDGE, EDGE) % 3
    writer = subprocess.Popen([sys.executable, "-c", SOURCE, str(tmp_path / "a")])
    rng = np.random.default_rng(0)
    last = 0
    try:
        while writer.poll() is None or last < STATES - 1:
            row, column, rows, columns = rng.integers(0, EDGE, 4)
            at: tuple[Any, Any] = (int(row), int(column))
            if rows % 2:
                at = (slice(row, row + rows), slice(column, column + 1 + columns))
            # One selection, or several that are read together, are of one state of the shard.
            parts = [at, (slice(row % 8, EDGE, 3), slice(0, 5)), (int(column), ...)][: 1 + rows % 3]
            found = array.read_many(parts) if len(parts) > 1 else [array[at]]
            states = {state_of(one, part) for one, part in zip(found, parts, strict=True)}
            assert len(states) == 1
            (state,) = states
            assert state >= last
            last = state
            assert writer.poll() in (None, 0)
    finally:
        writer.kill()
        writer.wait()
    assert last == STATES - 1


class Counting(WrapperStore[ObjectStore[Any]]):
    """A store that counts how often values are asked for."""

    asked = 0

    def declare_traits(self) -> StoreTraits:
        return super().declare_traits()

    async def get_versioned(self, key: str, *args: Any) -> Any:
        self.asked += 1
        return await self._store.get_versioned(key, *args)


@pytest.mark.parametrize("compressors", [None, "auto"])
def test_the_index_of_a_shard_is_asked_for_once_while_the_shard_is_the_same(
    compressors: Any,
) -> None:
    inner = ObjectStore(InMemory())
    array: Any = zarr.create_array(
        inner, data=np.arange(1, 65), chunks=(4,), shards=(64,), compressors=compressors
    )
    store = Counting(inner)
    reader: Any = zarr.open_array(store, mode="r+")
    store.asked = 0
    assert reader[3] == 4
    assert store.asked == 2  # the index, and the chunk
    assert reader[60] == 61
    assert store.asked == 3
    for factor in (2, 3, 1):
        array[:] = factor * np.arange(1, 65)
        assert reader[60] == factor * 61
        assert (reader[10:50:3] == factor * np.arange(11, 51, 3)).all()
        assert asyncio.run(reader.async_array.getitem(7)) == factor * 8


@pytest.mark.parametrize("after", ["shorter", "absent chunk", "gone"])
def test_a_kept_index_of_a_shard_that_was_replaced_is_not_used(after: str) -> None:
    inner = ObjectStore(InMemory())
    rng = np.random.default_rng(1)
    data = rng.integers(1, 2**30, 64)
    array: Any = zarr.create_array(inner, data=data, chunks=(4,), shards=(64,))
    reader: Any = zarr.open_array(inner, mode="r")
    np.testing.assert_array_equal(reader[40:64], data[40:])
    match after:
        case "shorter":  # the places of the old chunks lie behind its end
            data = np.full(64, 5)
        case "absent chunk":
            data[44:] = 0
        case "gone":
            data[:] = 0
    array[:] = data
    np.testing.assert_array_equal(reader[40:63], data[40:63])
    np.testing.assert_array_equal(reader[1:63], data[1:63])
