"""A caller who stops waiting stops the work: no further requests are made, and nothing hangs."""

from __future__ import annotations

import asyncio
import signal
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import zarr
from support.waiting import interrupt_when, until

if TYPE_CHECKING:
    from collections.abc import Iterator

CHUNKS = 400
DELAY = 0.02


@pytest.fixture(autouse=True)
def _interruptible() -> Iterator[None]:
    """A process that was started in the background may ignore Ctrl-C: here it is heard."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def slow(waiting_store: Any) -> Any:
    """An array of many chunks behind a slow network; reading it takes most of a second."""
    store = waiting_store(0)
    array: Any = zarr.create_array(
        store, shape=(CHUNKS,), chunks=(1,), dtype="i4", config={"write_empty_chunks": True}
    )
    array[:] = np.arange(CHUNKS)
    store.delay = DELAY
    store.asked.clear()
    return array


def requests_later(store: Any) -> int:
    """How many requests are made from now on."""
    before = store.asked.total()
    time.sleep(5 * DELAY)
    return int(store.asked.total() - before)


def test_ctrl_c_stops_a_read(slow: Any) -> None:
    interrupt_when(lambda: slow.store.asked["get"])
    with pytest.raises(KeyboardInterrupt):
        slow[:]
    assert requests_later(slow.store) == 0
    assert slow.store.asked["get"] < CHUNKS
    assert slow[3] == 3


def test_ctrl_c_stops_a_read_of_files(tmp_path: Any) -> None:
    array = zarr.create_array(
        tmp_path / "a.zarr", shape=(4000, 4000), chunks=(1000, 1000), dtype="f8"
    )
    array[:] = np.random.default_rng(0).random((4000, 4000)).round(2)

    reads = 0

    def read_for_ever() -> None:
        nonlocal reads
        while True:
            array[:]
            reads += 1

    interrupt_when(lambda: reads)
    with pytest.raises(KeyboardInterrupt):
        read_for_ever()
    assert array[0, 0] == array[:1, :1][0, 0]


def test_a_timeout_stops_a_read(slow: Any) -> None:
    async def main() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await slow.async_array.getitem(...)
        before = slow.store.asked.total()
        await asyncio.sleep(5 * DELAY)
        assert slow.store.asked.total() == before

    asyncio.run(main())
    assert slow.store.asked["get"] < CHUNKS


def test_the_configured_timeout_stops_a_read(slow: Any) -> None:
    with zarr.config.set({"async.timeout": 0.1}):
        with pytest.raises(TimeoutError):
            slow[:]
        assert slow[0] == 0
    assert requests_later(slow.store) == 0


def test_a_cancelled_write_stops(slow: Any) -> None:
    async def main() -> None:
        task = asyncio.create_task(slow.async_array.setitem(..., 7))
        await until(lambda: slow.store.asked["set"])
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        before = slow.store.asked.total()
        await asyncio.sleep(5 * DELAY)
        assert slow.store.asked.total() == before

    asyncio.run(main())


def test_a_cancelled_partial_write_lets_others_write(waiting_store: Any) -> None:
    array: Any = zarr.create_array(waiting_store(0.05), shape=(10,), chunks=(10,), dtype="i4")

    async def main() -> None:
        first = asyncio.create_task(array.async_array.setitem(0, 1))
        second = asyncio.create_task(array.async_array.setitem(1, 2))
        await until(lambda: array.store.busy)
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        await second
        await array.async_array.setitem(2, 3)

    asyncio.run(asyncio.wait_for(main(), 10))
    assert array[1:3].tolist() == [2, 3]


def test_a_cancelled_read_of_files_stops(tmp_path: Any) -> None:
    array: Any = zarr.create_array(
        tmp_path / "a.zarr", shape=(4000, 4000), chunks=(500, 500), dtype="f8"
    )
    array[:] = np.random.default_rng(0).random((4000, 4000)).round(2)

    async def main() -> None:
        for delay in (0, 0.001, 0.01, 0.03):
            task = asyncio.create_task(array.async_array.getitem(...))
            await asyncio.sleep(delay)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    asyncio.run(main())
    assert array[5, 5] == array[:][5, 5]


def test_a_failing_store_fails_the_read(waiting_store: Any) -> None:
    store = waiting_store(0)
    array = zarr.create_array(store, shape=(100,), chunks=(1,), dtype="i4")
    array[:] = 1

    async def broken(key: str, *_: Any) -> None:
        raise OSError(f"connection lost while reading {key}")

    store.get = broken
    with pytest.raises(OSError, match="connection lost"):
        array[:]


def test_the_synchronous_face_works_in_a_running_loop(tmp_path: Any, waiting_store: Any) -> None:
    async def main() -> None:
        for store in (tmp_path / "a.zarr", {}, waiting_store(0.001)):
            array = zarr.create_array(store, shape=(10,), chunks=(3,), dtype="i4")
            array[2:7] = 5
            array.attrs["a"] = 1
            array.append(np.ones(2, "i4"))
            assert array[:].sum() == 27
            assert (await array.async_array.getitem(3)) == 5

    asyncio.run(main())
