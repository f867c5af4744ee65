"""Processes that share chunks on a file system lose nothing, given a synchronizer."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import zarr

PROCESSES = 4
EACH = 25

WRITER = """
import sys, zarr
path, locks, number = sys.argv[1], sys.argv[2], int(sys.argv[3])
array = zarr.open_array(path, mode="r+", synchronizer=zarr.ProcessSynchronizer(locks))
for index in range(number * {each}, (number + 1) * {each}):
    array[index] = index + 1
array.attrs[f"a{{number}}"] = number
array.append([-number] * 3)
"""


def test_processes_that_share_a_chunk_lose_nothing(tmp_path: Any) -> None:
    path, locks = tmp_path / "a.zarr", tmp_path / "locks"
    total = PROCESSES * EACH
    zarr.create_array(path, shape=(total,), chunks=(2 * total,), dtype="i4")
    code = WRITER.format(each=EACH)
    writers = [
        subprocess.Popen([sys.executable, "-c", code, str(path), str(locks), str(number)])
        for number in range(PROCESSES)
    ]
    assert [writer.wait(120) for writer in writers] == [0] * PROCESSES
    array = zarr.open_array(path, mode="r")
    assert array[:total].tolist() == list(range(1, total + 1))
    assert dict(array.attrs) == {f"a{number}": number for number in range(PROCESSES)}
    assert array.shape == (total + 3 * PROCESSES,)
    assert sorted(array[total:].tolist()) == sorted([-n for n in range(PROCESSES)] * 3)
