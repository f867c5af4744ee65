"""Loaders work in forked and spawned processes, and a worker that dies hurts no other."""

from __future__ import annotations

import multiprocessing
import os
import signal
import warnings
from collections import deque
from itertools import chain
from typing import Any

import numpy as np
import pytest

import zarr
from zarr.loader import BatchLoader

COUNT = 60
needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")


@pytest.fixture
def array(tmp_path: Any) -> Any:
    """An array on local files."""
    return zarr.create_array(tmp_path, data=np.arange(COUNT), chunks=4)


def part(loader: BatchLoader, rank: int, answers: Any) -> None:
    """Send the batches of a part of an epoch."""
    for batch in loader:
        answers.send(batch.tolist())
    answers.send(None)
    answers.close()


def run_workers(method: str, loaders: list[BatchLoader]) -> list[list[int]]:
    """The batches that processes make of loaders."""
    context = multiprocessing.get_context(method)
    pipes, processes = [], []
    for rank, loader in enumerate(loaders):
        ours, theirs = context.Pipe(duplex=False)
        process: Any = context.Process(target=part, args=(loader, rank, theirs))
        with warnings.catch_warnings():
            # Python warns that threads do not survive a fork: that they need not is what is tested.
            warnings.simplefilter("ignore", DeprecationWarning)
            process.start()
        theirs.close()
        pipes.append(ours)
        processes.append(process)
    found: list[list[int]] = []
    for pipe in pipes:
        while pipe.poll(60) and (batch := pipe.recv()) is not None:
            found.append(batch)
    for process in processes:
        process.join(60)
        assert process.exitcode == 0
    return found


@pytest.mark.parametrize("method", [pytest.param("fork", marks=needs_fork), "spawn"])
def test_workers_share_an_epoch(array: Any, method: str) -> None:
    here = list(BatchLoader(array, batch_size=7, shuffle="blocks", seed=3, shard=(0, 2)))
    loaders = [
        BatchLoader(array, batch_size=7, shuffle="blocks", seed=3, shard=(rank, 2))
        for rank in range(2)
    ]
    found = run_workers(method, loaders)
    assert sorted(chain.from_iterable(found)) == list(range(COUNT))
    assert found[: len(here)] == [batch.tolist() for batch in here]


@needs_fork
def test_an_iteration_that_began_before_a_fork_says_so_in_the_child(array: Any) -> None:
    batches = iter(BatchLoader(array, batch_size=1, prefetch=4))
    next(batches)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        code = 1
        try:
            for _ in batches:
                pass
        except RuntimeError as error:
            code = 0 if "forked" in str(error) else 2
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert len(list(batches)) == COUNT - 1


@needs_fork
def test_a_worker_that_is_killed_ends_no_other(array: Any) -> None:
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe(duplex=False)
    loader = BatchLoader(array, batch_size=1, shuffle="full", seed=1)
    endless: Any = context.Process(target=_for_ever, args=(loader, theirs))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        endless.start()
    theirs.close()
    first = ours.recv()
    os.kill(endless.pid, signal.SIGKILL)
    endless.join(60)
    with pytest.raises(EOFError):  # and no wait for ever
        deque(iter(ours.recv, None), maxlen=0)
    again = [batch.tolist() for batch in loader]
    assert again[0] == first
    assert sorted(chain.from_iterable(again)) == list(range(COUNT))


def _for_ever(loader: BatchLoader, answers: Any) -> None:
    while True:
        for batch in loader:
            answers.send(batch.tolist())
