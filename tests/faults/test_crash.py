"""A process that is killed leaves each chunk as it was, or as it was to become."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import zarr

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.slow

# Starting Python takes longer than what is killed here: one process starts, and its children write.
WRITER = """
import os, sys, numpy as np, zarr
zarr.Array  # imports all that a child needs
for line in sys.stdin:
    path, write = line.rstrip().split("|")
    child = os.fork()
    if child == 0:
        array = zarr.open_array(path, mode="r+")
        number = 0
        while True:
            number += 1
            exec(write)
            if number == 1:
                print(os.getpid(), flush=True)
    os.waitpid(child, 0)
    print("dead", flush=True)
"""
WRITES = {
    "whole chunks": "array[:] = number",
    "parts of chunks": "array[1:-1] = number",
    "one element": "array[number % array.shape[0]] = number",
}


@pytest.fixture(scope="module")
def parent() -> Iterator[subprocess.Popen[str]]:
    """A process whose children write."""
    pipes: Any = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, "-c", WRITER], **pipes) as process:
        yield process
        process.kill()


def kill_while_writing(parent: Any, path: Any, write: str, after: float) -> None:
    """Let another process write in a loop, and kill it."""
    parent.stdin.write(f"{path}|{write}\n")
    parent.stdin.flush()
    writer = int(parent.stdout.readline())
    time.sleep(after)
    os.kill(writer, signal.SIGKILL)
    assert parent.stdout.readline() == "dead\n"


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("shards", [None, (4096,)])
def test_a_killed_writer_leaves_whole_chunks(
    parent: Any, tmp_path: Any, write: str, shards: Any
) -> None:
    chaos = random.Random(1)
    path = tmp_path / "a.zarr"
    array = zarr.create_array(
        path, shape=(8192,), chunks=(1024,), shards=shards, dtype="i8", compressors=None
    )
    array[:] = 0
    for _ in range(6):
        kill_while_writing(parent, path, WRITES[write], chaos.uniform(0, 0.03))
        found = zarr.open_array(path, mode="r")[:]
        if write != "one element":
            inner = found[1:-1] if write == "parts of chunks" else found
            for chunk in np.array_split(inner, 8 if shards is None else 2):
                # A chunk at the edge is one short of the others.
                assert len(set(chunk[2:-2].tolist())) == 1
    leftovers = [name for _, _, names in os.walk(path) for name in names]
    stored = {key for key in leftovers if key.isdigit() or key == "zarr.json"}
    assert len(array.store_path.path) == 0
    assert len(stored) >= 2


def test_a_killed_append_leaves_an_array_that_opens(parent: Any, tmp_path: Any) -> None:
    path = tmp_path / "a.zarr"
    zarr.create_array(path, shape=(0,), chunks=(100,), dtype="i8")
    for _ in range(6):
        kill_while_writing(parent, path, "array.append(np.full(7, number))", 0.02)
        array = zarr.open_array(path, mode="r")
        assert array.shape[0] % 7 == 0
        for row in array[:].reshape(-1, 7).tolist():
            # Of one that was killed, each chunk is there or not: two, where it crosses an edge.
            assert len(set(row) - {0}) <= 1
