"""Processes that share chunks on a file system lose nothing, with a synchronizer or without."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import pytest

import zarr
from zarr.storage import SQLiteStore

pytestmark = pytest.mark.slow

PROCESSES = 4
EACH = 25

WRITER = """
synchronizer = zarr.ProcessSynchronizer(locks) if locks else None
array = zarr.open_array(place, mode="r+", synchronizer=synchronizer)
for index in range(number * {each}, (number + 1) * {each}):
    array[index] = index + 1
array.attrs[f"a{{number}}"] = number
array.append([-number] * 3)
"""


def _place(path: Any) -> Any:
    return SQLiteStore(path) if path.suffix == ".sqlite" else path


# One process starts, and the others are its children: so they begin at the same time. `place` is
# the store that the path stands for.
BEGIN = """
import os, sys, zarr
from zarr.storage import SQLiteStore
zarr.Array  # imports all that a child needs
path, locks, children = sys.argv[1], sys.argv[2], []
for number in range(int(sys.argv[3])):
    children.append(os.fork())
    if children[-1] == 0:
        break
else:
    sys.exit(any([os.waitpid(child, 0)[1] for child in children]))
place = SQLiteStore(path) if path.endswith(".sqlite") else path
"""


def _write_together(code: str, path: Any, locks: Any) -> None:
    command = [sys.executable, "-c", BEGIN + code, str(path), str(locks), str(PROCESSES)]
    subprocess.run(command, timeout=120, check=True)


@pytest.fixture(params=[False, True], ids=["alone", "synchronizer"])
def locks(request: pytest.FixtureRequest, tmp_path: Any) -> Any:
    """The directory of a synchronizer, or nothing."""
    return tmp_path / "locks" if request.param else ""


# By the engine, by way of Python (a codec that is no part of the engine), and as a shard.
KINDS: dict[str, dict[str, Any]] = {
    "chunk": {},
    "foreign": {"compressors": zarr.codecs.numcodecs.BZ2(level=1)},
    "shard": {"chunks": (10,), "shards": (2 * PROCESSES * EACH,)},
    "sqlite": {},
}


@pytest.mark.filterwarnings("ignore:Numcodecs codecs")
@pytest.mark.parametrize("kind", KINDS)
def test_processes_that_share_a_chunk_lose_nothing(tmp_path: Any, locks: Any, kind: str) -> None:
    path = tmp_path / ("a.sqlite" if kind == "sqlite" else "a.zarr")
    total = PROCESSES * EACH
    how = {"chunks": (2 * total,), **KINDS[kind]}
    zarr.create_array(_place(path), shape=(total,), dtype="i4", **how)
    _write_together(WRITER.format(each=EACH), path, locks)
    array = zarr.open_array(_place(path), mode="r")
    assert array[:total].tolist() == list(range(1, total + 1))
    assert dict(array.attrs) == {f"a{number}": number for number in range(PROCESSES)}
    assert array.shape == (total + 3 * PROCESSES,)
    assert sorted(array[total:].tolist()) == sorted([-n for n in range(PROCESSES)] * 3)


def test_a_handle_that_missed_another_processes_append_does_not_undo_it(tmp_path: Any) -> None:
    path, locks = tmp_path / "a.zarr", tmp_path / "locks"
    zarr.create_array(path, shape=(10,), chunks=(4,), dtype="i4")
    early = zarr.open_array(path, mode="r+", synchronizer=zarr.ProcessSynchronizer(locks))
    code = "import sys, zarr; zarr.open_array(sys.argv[1], mode='r+').append([7, 7])"
    subprocess.run([sys.executable, "-c", code, str(path)], check=True)
    early[8:10] = 3
    assert zarr.open_array(path)[8:].tolist() == [3, 3, 7, 7]


GROUP_WRITER = """
synchronizer = zarr.ProcessSynchronizer(locks) if locks else None
group = zarr.open_group(place, mode="r+", synchronizer=synchronizer)
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
    tmp_path: Any, locks: Any, zarr_format: Any
) -> None:
    path, total = tmp_path / "g.zarr", 60
    root = zarr.open_group(path, mode="w", zarr_format=zarr_format)
    shards = (2 * total,) if zarr_format == 3 else None
    root.create_array("sharded", shape=(total,), chunks=(10,), shards=shards, dtype="i4")
    root.create_array("grown", shape=(0,), chunks=(50,), dtype="i4")
    code = GROUP_WRITER.format(total=total, processes=PROCESSES)
    _write_together(code, path, locks)
    root = zarr.open_group(path, mode="r")
    assert root["sharded"][:].tolist() == list(range(1, total + 1))
    everyone = [f"{number}.{turn}" for number in range(PROCESSES) for turn in range(5)]
    assert set(root.attrs) == {f"a{name}" for name in everyone}
    assert set(root["sharded"].attrs) == {f"b{name}" for name in everyone}
    assert sorted(root["grown"][:].tolist()) == sorted(
        n for n in range(PROCESSES) for _ in range(15)
    )


# A chunk is set and cleared in turn: it comes into being and vanishes, again and again.
COMES_AND_GOES = """
array = zarr.open_array(place, mode="r+")
for turn in range({turns}):
    array[number] = turn + 1
    assert array[number] == turn + 1, (number, turn, array[number])
    array[number] = 0
array[number] = number + 1
"""


@pytest.mark.filterwarnings("ignore:Numcodecs codecs")
@pytest.mark.parametrize("kind", KINDS)
def test_a_chunk_that_comes_and_goes_keeps_what_each_process_wrote(
    tmp_path: Any, kind: str
) -> None:
    path = tmp_path / ("a.sqlite" if kind == "sqlite" else "a.zarr")
    how = {"chunks": (2 * PROCESSES * EACH,), **KINDS[kind]}
    zarr.create_array(_place(path), shape=(PROCESSES,), dtype="i4", **how)
    _write_together(COMES_AND_GOES.format(turns=50), path, "")
    assert zarr.open_array(_place(path))[:].tolist() == list(range(1, PROCESSES + 1))
    if kind != "sqlite":
        assert sorted(os.listdir(path)) == ["c", "zarr.json"]  # no files of locks


FIELDS = """
array = zarr.open_array(place, mode="r+")
for turn in range(15):
    array["f%d" % number, turn] = turn + 1
"""


def test_processes_that_write_fields_of_the_same_records_lose_nothing(tmp_path: Any) -> None:
    path = tmp_path / "a.zarr"
    names = [f"f{number}" for number in range(PROCESSES)]
    zarr.create_array(path, shape=(15,), chunks=(15,), dtype=[(name, "i4") for name in names])
    _write_together(FIELDS, path, "")
    found = zarr.open_array(path)[:]
    for name in names:
        assert found[name].tolist() == list(range(1, 16))


KILLED = """
import sys, zarr
array = zarr.open_array(sys.argv[1], mode="r+")
print("ready", flush=True)
while True:
    array[0] = array[0] + 1
"""


def test_a_killed_process_leaves_no_lock_behind(tmp_path: Any) -> None:
    path = tmp_path / "a.zarr"
    array = zarr.create_array(path, shape=(1 << 20,), chunks=(1 << 20,), dtype="i4")
    array[:] = 1
    for _ in range(5):
        writer = subprocess.Popen(
            [sys.executable, "-c", KILLED, str(path)], stdout=subprocess.PIPE, text=True
        )
        assert writer.stdout is not None
        with writer.stdout:
            assert writer.stdout.readline() == "ready\n"
            array[1] = 7  # beside it
            writer.kill()
        writer.wait(60)
        array[2] = 9
    assert array[1:4].tolist() == [7, 9, 1]
