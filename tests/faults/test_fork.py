"""A forked process reads and writes, whatever its parent did before."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import threading
import warnings
from typing import Any

import numpy as np
import pytest

import zarr

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")


def in_child(work: Any) -> None:
    """Run something in a forked child, and fail if it fails or hangs."""
    with warnings.catch_warnings():
        # Python warns that threads do not survive a fork: that they need not is what is tested.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = multiprocessing.get_context("fork").Process(target=work)
        child.start()
    child.join(60)
    hung = child.is_alive()
    if hung:
        child.kill()
        child.join()
    assert not hung
    assert child.exitcode == 0


@pytest.fixture
def array(store: Any) -> Any:
    """An array of many chunks that was used in every way: pools, loops and files exist."""
    array: Any = zarr.create_array(
        store, shape=(400, 400), chunks=(50, 50), shards=(100, 100), dtype="f8"
    )
    array[:] = np.arange(160000).reshape(400, 400)
    assert array[:].sum() == 160000 * 159999 / 2
    asyncio.run(array.async_array.getitem((slice(0, 100), 3)))
    return array


def test_a_child_reads_what_its_parent_wrote(array: Any) -> None:
    def work() -> None:
        assert array[:].sum() == 160000 * 159999 / 2
        assert asyncio.run(array.async_array.getitem((1, 1))) == 401

    in_child(work)


def test_a_child_writes(array: Any) -> None:
    def work() -> None:
        array[3:300, 5:] = 1
        assert array[3, 5] == 1

    in_child(work)
    array[0, 0] = 7  # and the parent goes on
    assert array[0, 0] == 7


def test_a_pool_of_forked_workers_shares_the_work(tmp_path: Any) -> None:
    array = zarr.create_array(tmp_path / "a.zarr", shape=(64, 10), chunks=(4, 10), dtype="i4")
    array[:] = np.arange(640).reshape(64, 10)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        pool = multiprocessing.get_context("fork").Pool(4)
    with pool:
        rows = pool.map(_Row(array), range(64))
    np.testing.assert_array_equal(np.array(rows), array[:])


class _Row:
    """Reads a sample, as the data set of a training loop does in the workers of its loader."""

    def __init__(self, array: Any) -> None:
        self.array = array

    def __call__(self, index: int) -> Any:
        return self.array[index]


def test_a_child_changes_settings_while_a_thread_of_its_parent_does() -> None:
    def work() -> None:
        zarr.config.set({"async.concurrency": 3})
        assert zarr.config.get("async.concurrency") == 3

    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with zarr.config.config_lock:
            held.set()
            done.wait()

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait()
    try:
        in_child(work)
    finally:
        done.set()
        thread.join()
