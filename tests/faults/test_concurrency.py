"""Concurrent writers lose nothing: all of their elements are there afterwards."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import zarr
from support.stores import STORE_KINDS, make_store_of
from support.waiting import until

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


@pytest.fixture(params=[*STORE_KINDS, "mapping"])
def store(request: Any, tmp_path: Any) -> Any:
    """An empty store of each kind; in the one behind an event loop, writers overlap."""
    return make_store_of(request.param, tmp_path, delay=0.001)


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


@pytest.mark.parametrize("columns", [None, 5])
def test_appends_that_share_a_chunk_of_a_shard_are_all_there(store: Any, columns: Any) -> None:
    """Of which each caller knows the length as it was when it reserved its part."""
    rest = () if columns is None else (columns,)
    array: Any = zarr.create_array(
        store,
        shape=(0, *rest),
        chunks=(4, *(2 for _ in rest)),
        shards=(16, *(8 for _ in rest)),
        dtype="i4",
    )

    def append(number: int) -> None:
        array.append(np.full((3, *rest), number, "i4"))

    together(append, 40)
    found = np.asarray(zarr.open_array(store)[:]).reshape(40, -1)
    assert (found == found[:, :1]).all()
    assert sorted(found[:, 0].tolist()) == list(range(40))


@pytest.mark.parametrize("asynchronous", [False, True])
def test_a_handle_that_missed_an_append_does_not_undo_it(store: Any, asynchronous: bool) -> None:
    early = zarr.create_array(store, shape=(10, 3), chunks=(4, 2), shards=(4, 4), dtype="i4")
    early[:] = 1
    late: Any = zarr.open_array(store)
    late.append(np.full((2, 3), 7))
    late.append(np.full((12, 1), 8), axis=1)
    if asynchronous:
        asyncio.run(early.async_array.setitem((slice(8, 10), slice(None)), 3))
    else:
        early[8:10] = 3
    assert early.shape == (10, 3)
    found = zarr.open_array(store)[8:].tolist()
    assert found == [[3, 3, 3, 8]] * 2 + [[7, 7, 7, 8]] * 2


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


class TestSynchronousCallsOnTheThreadOfAnEventLoop:
    """As in a notebook, whose cells run on the thread of its event loop."""

    def array(self, waiting_store: Any, delay: float) -> Any:
        array = zarr.create_array(waiting_store(), shape=(8,), chunks=(8,), dtype="i4")
        array.store.delay = delay
        return array

    def test_a_call_that_would_wait_for_ever_is_an_error(self, waiting_store: Any) -> None:
        array = self.array(waiting_store, 0.05)

        async def main() -> None:
            task = asyncio.create_task(array.async_array.setitem(0, 1))
            await until(lambda: array.store.busy)
            # The task has the lock of the chunk, and cannot go on before this returns.
            with pytest.raises(zarr._async.run.SyncError, match=r"holds the lock of .*c/0.* Await"):
                array[1] = 2
            assert array[:].sum() == 0
            await task
            array[1] = 2

        asyncio.run(asyncio.wait_for(main(), 20))
        assert array[:2].tolist() == [1, 2]

    def test_that_goes_for_those_in_the_queue_too(self, waiting_store: Any) -> None:
        array = self.array(waiting_store, 0.1)

        async def main() -> None:
            first = asyncio.create_task(asyncio.to_thread(array.__setitem__, 0, 1))
            await until(lambda: array.store.busy)
            second = asyncio.create_task(array.async_array.setitem(1, 2))
            await asyncio.sleep(0)  # it waits for the lock
            with pytest.raises(zarr._async.run.SyncError, match="holds the lock"):
                array[2] = 3
            await first
            await second
            array[2] = 3

        asyncio.run(asyncio.wait_for(main(), 20))
        assert array[:3].tolist() == [1, 2, 3]

    def test_another_thread_is_waited_for(self, waiting_store: Any) -> None:
        array = self.array(waiting_store, 0.05)

        async def main() -> None:
            first = asyncio.create_task(asyncio.to_thread(array.__setitem__, 0, 1))
            await until(lambda: array.store.busy)
            array[1] = 2
            await first

        asyncio.run(asyncio.wait_for(main(), 20))
        assert array[:2].tolist() == [1, 2]

    def test_places_of_suspended_tasks_are_not_waited_for(
        self, waiting_store: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        array = zarr.create_array(waiting_store(), shape=(80,), chunks=(8,), dtype="i4")
        array[:] = 1
        array.store.max_requests = 2
        array.store.delay = 0.02

        async def main() -> None:
            tasks = [asyncio.create_task(array.async_array.getitem(...)) for _ in range(3)]
            await until(lambda: array.store.busy == 2)
            assert array[:].sum() == 80
            await asyncio.gather(*tasks)

        monkeypatch.setattr("zarr.storage.client.limiter.PATIENCE", 1e6)
        thread = threading.Thread(target=asyncio.run, args=(main(),), daemon=True)
        thread.start()
        thread.join(60)
        assert not thread.is_alive()
