"""A process that is killed leaves each chunk as it was, or as it was to become."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from typing import Any

import numpy as np
import pytest

import zarr

pytestmark = pytest.mark.slow

WRITER = """
import sys, numpy as np, zarr
array = zarr.open_array(sys.argv[1], mode="r+")
number = 0
while True:
    number += 1
    {write}
    if number == 1:
        print("writing", flush=True)
"""
WRITES = {
    "whole chunks": "array[:] = number",
    "parts of chunks": "array[1:-1] = number",
    "one element": "array[number % array.shape[0]] = number",
}


def kill_while_writing(path: Any, write: str, after: float) -> None:
    """Let another process write in a loop, and kill it."""
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER.format(write=write), str(path)], stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"writing\n"
    time.sleep(after)
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("shards", [None, (4096,)])
def test_a_killed_writer_leaves_whole_chunks(tmp_path: Any, write: str, shards: Any) -> None:
    chaos = random.Random(1)
    path = tmp_path / "a.zarr"
    array = zarr.create_array(
        path, shape=(8192,), chunks=(1024,), shards=shards, dtype="i8", compressors=None
    )
    array[:] = 0
    for _ in range(6):
        kill_while_writing(path, WRITES[write], chaos.uniform(0, 0.03))
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


def test_a_killed_append_leaves_an_array_that_opens(tmp_path: Any) -> None:
    path = tmp_path / "a.zarr"
    zarr.create_array(path, shape=(0,), chunks=(100,), dtype="i8")
    for _ in range(6):
        kill_while_writing(path, "array.append(np.full(7, number))", 0.02)
        array = zarr.open_array(path, mode="r")
        assert array.shape[0] % 7 == 0
        for row in array[:].reshape(-1, 7).tolist():
            # Of one that was killed, each chunk is there or not: two, where it crosses an edge.
            assert len(set(row) - {0}) <= 1
