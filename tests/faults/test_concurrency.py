"""What several writers write at the same time is all there afterwards."""

from __future__ import annotations

import asyncio
from collections import UserDict
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import zarr
from zarr.storage import LocalStore, MemoryStore

if TYPE_CHECKING:
    from collections.abc import Callable

WRITERS = 16
EACH = 20
TOTAL = WRITERS * EACH

LAYOUTS = {
    "one chunk": {"chunks": (TOTAL,)},
    "one shard": {"chunks": (8,), "shards": (TOTAL,)},
    "chunks across writers": {"chunks": (7,)},
    "version 2": {"chunks": (TOTAL,), "zarr_format": 2},
}


@pytest.fixture(params=["memory", "mapping", "local", "waiting"])
def store(request: Any, tmp_path: Any, waiting_store: Any) -> Any:
    """An empty store of each kind."""
    if request.param in ("memory", "mapping"):
        return MemoryStore(UserDict() if request.param == "mapping" else None)  # type: ignore[arg-type]
    return LocalStore(tmp_path) if request.param == "local" else waiting_store(0.001)


@pytest.fixture(params=LAYOUTS)
def array(request: Any, store: Any) -> Any:
    """An array that all write to, disjoint parts each."""
    return zarr.create_array(store, shape=(TOTAL,), dtype="i4", **LAYOUTS[request.param])


def part(writer: int) -> slice:
    return slice(writer * EACH, (writer + 1) * EACH)


def together(work: Callable[[int], Any], count: int = WRITERS) -> list[Any]:
    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(work, range(count)))


def test_threads_that_share_a_chunk_lose_nothing(array: Any) -> None:
    def write(writer: int) -> None:
        for index in range(part(writer).start, part(writer).stop):
            array[index] = index + 1

    together(write)
    assert array[:].tolist() == list(range(1, TOTAL + 1))


def test_handles_that_share_a_chunk_lose_nothing(array: Any) -> None:
    def write(writer: int) -> None:
        handle = zarr.open_array(array.store, mode="r+")
        handle[part(writer)] = writer + 1

    together(write)
    assert array[:].tolist() == np.repeat(np.arange(1, WRITERS + 1), EACH).tolist()


def test_tasks_that_share_a_chunk_lose_nothing(array: Any) -> None:
    async def write(writer: int) -> None:
        await array.async_array.setitem(part(writer), writer + 1)

    async def main() -> None:
        await asyncio.gather(*map(write, range(WRITERS)))

    asyncio.run(main())
    assert array[:].tolist() == np.repeat(np.arange(1, WRITERS + 1), EACH).tolist()


def test_threads_and_tasks_together_lose_nothing(array: Any) -> None:
    async def write(index: int) -> None:
        await array.async_array.setitem(index, index + 1)

    async def main(writer: int) -> None:
        indices = range(part(writer).start, part(writer).stop)
        await asyncio.gather(*map(write, indices[::2]))

    def work(writer: int) -> None:
        for index in range(part(writer).start, part(writer).stop)[1::2]:
            array[index] = index + 1

    with ThreadPoolExecutor(4) as pool:
        threads = [pool.submit(work, writer) for writer in range(WRITERS)]
        loops = [pool.submit(asyncio.run, main(writer)) for writer in range(WRITERS)]
        for future in (*threads, *loops):
            future.result()
    assert array[:].tolist() == list(range(1, TOTAL + 1))


def test_synchronizers_lose_nothing(store: Any, tmp_path: Any) -> None:
    for synchronizer in (zarr.ThreadSynchronizer(), zarr.ProcessSynchronizer(tmp_path / "locks")):
        array: Any = zarr.create(
            TOTAL, chunks=TOTAL, dtype="i4", store=store, synchronizer=synchronizer, overwrite=True
        )

        def write(writer: int, array: Any = array) -> None:
            array[part(writer)] = writer + 1

        together(write)
        assert array[:].tolist() == np.repeat(np.arange(1, WRITERS + 1), EACH).tolist()


def test_concurrent_appends_are_all_there(store: Any) -> None:
    zarr.create_array(store, shape=(0,), chunks=(64,), dtype="i4")

    def append(number: int) -> None:
        zarr.open_array(store, mode="r+").append(np.full(10, number, "i4"))

    together(append, 50)
    array = zarr.open_array(store, mode="r")
    assert array.shape == (500,)
    rows = array[:].reshape(50, 10)
    assert (rows == rows[:, :1]).all()
    assert sorted(rows[:, 0].tolist()) == list(range(50))


def test_appending_tasks_are_all_there(store: Any) -> None:
    array: Any = zarr.create_array(store, shape=(0,), chunks=(64,), dtype="i4").async_array

    async def main() -> None:
        await asyncio.gather(*(array.append(np.full(10, number, "i4")) for number in range(50)))

    asyncio.run(main())
    rows = zarr.open_array(store, mode="r")[:].reshape(50, 10)
    assert sorted(rows[:, 0].tolist()) == list(range(50))


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_concurrent_attributes_are_all_there(store: Any, zarr_format: Any) -> None:
    array = zarr.create_array(store, shape=(3,), dtype="i4", zarr_format=zarr_format)

    def set_attribute(number: int) -> None:
        zarr.open_array(store, mode="r+").attrs[f"a{number}"] = number

    together(set_attribute, 20)
    reopened = zarr.open_array(store, mode="r")
    assert dict(reopened.attrs) == {f"a{number}": number for number in range(20)}
    assert reopened.shape == array.shape


def test_attributes_and_appends_do_not_undo_each_other(store: Any) -> None:
    zarr.create_array(store, shape=(0,), chunks=(8,), dtype="i4")

    def change(number: int) -> None:
        handle = zarr.open_array(store, mode="r+")
        if number % 2:
            handle.attrs[f"a{number}"] = number
        else:
            handle.append(np.full(3, number, "i4"))

    together(change, 20)
    array = zarr.open_array(store, mode="r")
    assert array.shape == (30,)
    assert len(array.attrs) == 10


def test_overlapping_writes_leave_one_of_them(store: Any) -> None:
    array = zarr.create_array(store, shape=(100,), chunks=(100,), dtype="i4")

    def write(writer: int) -> None:
        array[10:90] = writer + 1

    together(write)
    assert len(set(array[10:90].tolist())) == 1
    assert not array[:10].any()
    assert not array[90:].any()
