"""A view is iterated over block by block, while the next blocks are read."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
import pytest

import zarr
from support.counting import CountingCodec, DecodedChunks
from support.stores import GatedStore, WaitingStore
from zarr.storage import MemoryStore

DATA = np.arange(11 * 9, dtype="i4").reshape(11, 9)


@pytest.mark.parametrize("prefetch", [0, 1, 2, 50])
@pytest.mark.parametrize("by", ["chunks", (4, 9), (3, -1), (1, 2), (100, 100)])
def test_blocks_are_the_parts_of_the_array_in_order(store: Any, by: Any, prefetch: int) -> None:
    array: Any = zarr.create_array(store, data=DATA, chunks=(3, 4))
    seen = np.zeros_like(DATA)
    starts = []
    for selection, values in array.iter_blocks(by, prefetch=prefetch):
        np.testing.assert_array_equal(values, DATA[selection])
        seen[selection] += 1
        starts.append(tuple(part.start for part in selection))
    assert (seen == 1).all()
    assert starts == sorted(starts)

    async def collect() -> list[Any]:
        blocks = array.async_array.iter_blocks(by, prefetch=prefetch)
        return [block.selection async for block in blocks]

    later = asyncio.run(collect())
    assert later == [block.selection for block in array.iter_blocks(by, prefetch=prefetch)]


def test_blocks_of_a_view_are_its_own_chunks() -> None:
    array: Any = zarr.create_array({}, data=DATA, chunks=(3, 4), compressors=CountingCodec())
    view = array.lazy[1:, ::-1]
    decoded = DecodedChunks()
    for selection, values in view.iter_blocks():
        np.testing.assert_array_equal(values, DATA[1:, ::-1][selection])
    assert decoded() == array.nchunks


def test_arrays_without_elements_or_dimensions_have_blocks() -> None:
    empty: Any = zarr.create_array({}, shape=(0, 3), chunks=(1, 1), dtype="i4")
    assert list(empty.iter_blocks()) == []
    one: Any = zarr.create_array({}, data=np.int64(7))
    (block,) = one.iter_blocks()
    assert block.selection == ()
    assert block.values == 7


def test_the_next_blocks_are_asked_for_while_one_is_looked_at() -> None:
    store = GatedStore(MemoryStore())
    array: Any = zarr.create_array(store, data=np.zeros((8, 1 << 20), "u1"), chunks=(1, 1 << 20))

    async def run() -> None:
        array[:] = 1
        blocks = array.async_array.iter_blocks(prefetch=3)
        await anext(blocks)
        store.shut()
        waiting = asyncio.ensure_future(anext(blocks))
        # Those that were begun before may be through; no more than prefetch + 1 are under way.
        await store.held(2)
        assert store.reads <= reads + 8
        store.open()
        await waiting
        await blocks.aclose()
        assert len(asyncio.all_tasks()) == 1

    reads = store.reads
    asyncio.run(run())


def test_blocks_that_were_read_ahead_are_dropped_with_the_iteration() -> None:
    store = WaitingStore()
    array: Any = zarr.create_array(store, data=DATA, chunks=(3, 4))
    for _ in array.iter_blocks(prefetch=4):
        break
    assert store.busy == 0


@pytest.mark.parametrize(
    ("by", "prefetch", "message"),
    [
        ("rows", 2, "'chunks' or the shape"),
        ((3,), 2, "2 dimensions"),
        ((3, 0), 2, "at least 1"),
        ("chunks", -1, "prefetch"),
    ],
)
def test_wrong_blocks_are_refused(by: Any, prefetch: int, message: str) -> None:
    array: Any = zarr.create_array({}, data=DATA, chunks=(3, 4))
    with pytest.raises(ValueError, match=message):
        next(array.iter_blocks(by, prefetch=prefetch))
    for wrong in ((1.5, 2), 2.5, None):
        with pytest.raises(TypeError, match="by is 'chunks' or the shape of a block, not"):
            next(array.iter_blocks(wrong))


def test_an_error_ends_the_iteration(store: Any) -> None:
    array: Any = zarr.create_array(store, data=DATA, chunks=(3, 4))
    spoil = store.set("c/2/0", zarr.buffer.cpu.Buffer.from_bytes(b"damaged"))
    asyncio.run(spoil)
    with pytest.raises(zarr.errors.ChunkDecodeError):
        list(array.iter_blocks(prefetch=3))
