"""Processes that share chunks on a file system lose nothing, given a synchronizer."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

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


def test_who_does_not_know_of_another_processes_append_does_not_undo_it(tmp_path: Any) -> None:
    path, locks = tmp_path / "a.zarr", tmp_path / "locks"
    zarr.create_array(path, shape=(10,), chunks=(4,), dtype="i4")
    early = zarr.open_array(path, mode="r+", synchronizer=zarr.ProcessSynchronizer(locks))
    code = "import sys, zarr; zarr.open_array(sys.argv[1], mode='r+').append([7, 7])"
    subprocess.run([sys.executable, "-c", code, str(path)], check=True)
    early[8:10] = 3
    assert zarr.open_array(path)[8:].tolist() == [3, 3, 7, 7]


GROUP_WRITER = """
import sys, zarr
path, locks, number = sys.argv[1], sys.argv[2], int(sys.argv[3])
group = zarr.open_group(path, mode="r+", synchronizer=zarr.ProcessSynchronizer(locks))
shared = group["sharded"]
for index in range(number, {total}, {processes}):
    shared[index] = index + 1
for turn in range(5):
    group.attrs[f"a{{number}}.{{turn}}"] = turn
    group["grown"].append([number] * 3)
    group["sharded"].update_attributes({{f"b{{number}}.{{turn}}": turn}})
"""


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_processes_that_open_arrays_through_a_group_lose_nothing(
    tmp_path: Any, zarr_format: Any
) -> None:
    path, locks, total = tmp_path / "g.zarr", tmp_path / "locks", 60
    root = zarr.open_group(path, mode="w", zarr_format=zarr_format)
    shards = (2 * total,) if zarr_format == 3 else None
    root.create_array("sharded", shape=(total,), chunks=(10,), shards=shards, dtype="i4")
    root.create_array("grown", shape=(0,), chunks=(50,), dtype="i4")
    code = GROUP_WRITER.format(total=total, processes=PROCESSES)
    writers = [
        subprocess.Popen([sys.executable, "-c", code, str(path), str(locks), str(number)])
        for number in range(PROCESSES)
    ]
    assert [writer.wait(120) for writer in writers] == [0] * PROCESSES
    root = zarr.open_group(path, mode="r")
    assert root["sharded"][:].tolist() == list(range(1, total + 1))
    everyone = [f"{number}.{turn}" for number in range(PROCESSES) for turn in range(5)]
    assert set(root.attrs) == {f"a{name}" for name in everyone}
    assert set(root["sharded"].attrs) == {f"b{name}" for name in everyone}
    assert sorted(root["grown"][:].tolist()) == sorted(
        n for n in range(PROCESSES) for _ in range(15)
    )
