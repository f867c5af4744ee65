"""A caller who stops waiting leaves no request behind, wherever the requests are then."""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import os
import signal
import threading
import time
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import zarr
from support.waiting import interrupt_when, until, wait_until
from zarr.storage import MemoryStore
from zarr.testing.faults import FaultyStore

if TYPE_CHECKING:
    from collections.abc import Iterator

CHUNKS = 200


@pytest.fixture(autouse=True)
def _interruptible() -> Iterator[None]:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(params=["hangs", "fails again and again", "is slow", "waits for its turn"])
def array(request: Any) -> Iterator[Any]:
    """An array whose requests do not come to an end soon, for one reason or another."""
    store = FaultyStore(MemoryStore(), delay=0.05)
    array: Any = zarr.create_array(
        store, shape=(CHUNKS,), chunks=(1,), dtype="i4", config={"write_empty_chunks": True}
    )
    array[:] = 1
    fault: Any = {"hangs": "hang", "fails again and again": "reset"}.get(request.param, "delay")
    store.plan([fault] * 100_000)
    if request.param == "waits for its turn":
        store.max_requests = 1
    settings = {"requests.backoff": 0.05, "requests.attempts": 1000, "requests.timeout": 60.0}
    with zarr.config.set(settings):
        yield array


def check_quiet(store: FaultyStore) -> None:
    assert store.in_flight == 0
    before = store.count()
    time.sleep(0.2)
    assert store.count() == before
    assert store.in_flight == 0
    # And the places are free again.
    store.plan([])
    assert zarr.open_array(store)[:].sum() == CHUNKS


@pytest.mark.parametrize("work", ["read", "write", "change"])
def test_after_cancelling_a_task(array: Any, work: str) -> None:
    asynchronous = array.async_array

    async def main() -> None:
        coro = {
            "read": lambda: asynchronous.getitem(...),
            "write": lambda: asynchronous.setitem(..., 1),
            "change": lambda: asynchronous.update_attributes({"a": 1}),
        }[work]()
        before = array.store.count()
        task = asyncio.create_task(coro)
        await until(lambda: array.store.count() > before)
        if task.done():  # one slow request, or two
            return
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert array.store.in_flight == 0

    asyncio.run(main())
    check_quiet(array.store)


def test_after_asyncio_timeout(array: Any) -> None:
    async def main() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await array.async_array.getitem(...)
        assert array.store.in_flight == 0

    asyncio.run(main())
    check_quiet(array.store)


def test_after_the_configured_timeout(array: Any) -> None:
    with zarr.config.set({"async.timeout": 0.1}), pytest.raises(TimeoutError):
        array[:]
    check_quiet(array.store)


def test_after_ctrl_c(array: Any) -> None:
    before = array.store.count()
    interrupt_when(lambda: array.store.count() > before)
    with pytest.raises(KeyboardInterrupt):
        array[:]
    check_quiet(array.store)


def test_after_the_first_error_of_many() -> None:
    store = FaultyStore(MemoryStore(), delay=0.05)
    array: Any = zarr.create_array(store, shape=(CHUNKS,), chunks=(1,), dtype="i4", fill_value=7)
    array[:] = 1
    store.plan(["delay"] * 5 + ["forbidden"] + ["delay"] * 1000)
    with pytest.raises(PermissionError):
        array[:]
    check_quiet(store)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_fork_while_requests_are_under_way(array: Any) -> None:
    store = array.store

    def child() -> None:
        # Neither the places nor the watches of the parent's requests count here.
        store.plan([])
        fresh: Any = zarr.open_array(store)
        assert fresh[:].sum() == CHUNKS
        fresh[3:5] = 1
        assert asyncio.run(fresh.async_array.getitem(slice(0, 50))).sum() == 50

    def read() -> None:
        with contextlib.suppress(TimeoutError), zarr.config.set({"async.timeout": 1.0}):
            array[:]

    reader = threading.Thread(target=read)
    before = store.count()
    reader.start()
    wait_until(lambda: store.count() > before)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        process = multiprocessing.get_context("fork").Process(target=child)
        process.start()
    process.join(60)
    alive = process.is_alive()
    if alive:
        process.kill()
    assert not alive
    assert process.exitcode == 0
    reader.join()


def test_as_many_threads_code_chunks_as_are_set(waiting_store: Any) -> None:
    store = waiting_store()
    data = np.random.default_rng(0).random((30, 1 << 17), "f4").round(2)
    array = zarr.create_array(store, data=data, chunks=(1, 1 << 17))
    store.delay = 0.001
    for workers in (1, 3):
        with zarr.config.set({"threading.max_workers": workers}):
            array[:]
            executor = zarr._async.executors.get_executor("codec")
            assert executor._max_workers == workers  # type: ignore[attr-defined]
            assert len(executor._threads) <= workers  # type: ignore[attr-defined]
            np.testing.assert_array_equal(array[:], data)
