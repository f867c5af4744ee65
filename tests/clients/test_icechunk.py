"""icechunk: versioned arrays in its store."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import zarr

if TYPE_CHECKING:
    from pathlib import Path

icechunk = pytest.importorskip("icechunk")


@pytest.fixture
def repo(tmp_path: Path) -> Any:
    return icechunk.Repository.create(icechunk.local_filesystem_storage(str(tmp_path / "repo")))


def committed(repo: Any, **attributes: Any) -> str:
    """The snapshot of a group with an array."""
    session = repo.writable_session("main")
    root = zarr.group(session.store, attributes=attributes)
    array = root.create_array("a/b", shape=(100, 40), chunks=(10, 40), dtype="f8", fill_value=-1)
    array[:50] = np.arange(2000).reshape(50, 40)
    return session.commit("first")  # type: ignore[no-any-return]


def array_of(session: Any, **kwargs: Any) -> zarr.Array[Any]:
    return zarr.open_array(session.store, path="a/b", **kwargs)


def test_each_snapshot_shows_what_was_committed(repo: Any) -> None:
    first = committed(repo, title="ä")
    session = repo.writable_session("main")
    array_of(session)[:] = 7
    zarr.open_group(session.store).attrs["title"] = "second"
    assert array_of(repo.readonly_session("main"), mode="r")[0, 1] == 1  # not before the commit
    second = session.commit("second")
    old, new = (repo.readonly_session(snapshot_id=s) for s in (first, second))
    assert np.array_equal(array_of(old, mode="r")[:50].ravel(), np.arange(2000))
    assert (array_of(old, mode="r")[50:] == -1).all()
    assert (array_of(new, mode="r")[:] == 7).all()
    assert zarr.open_group(old.store, mode="r").attrs.asdict() == {"title": "ä"}
    assert zarr.open_group(new.store, mode="r").attrs.asdict() == {"title": "second"}


def test_branches_are_apart(repo: Any) -> None:
    first = committed(repo)
    repo.create_branch("other", first)
    session = repo.writable_session("other")
    array = array_of(session)
    array.resize((110, 40))
    array[100:] = 3
    session.commit("longer")
    assert array_of(repo.readonly_session("main"), mode="r").shape == (100, 40)
    assert array_of(repo.readonly_session("other"), mode="r")[105, 3] == 3


def test_elements_that_a_smaller_shape_left_out_do_not_come_back(repo: Any) -> None:
    committed(repo)
    session = repo.writable_session("main")
    array = array_of(session)
    array.resize((15, 40))
    array.resize((100, 40))
    session.commit("smaller, and larger again")
    found = array_of(repo.readonly_session("main"), mode="r")[:]
    assert np.array_equal(found[:15].ravel(), np.arange(600))
    assert (found[15:] == -1).all()


def test_a_snapshot_is_read_only(repo: Any) -> None:
    committed(repo)
    array = array_of(repo.readonly_session("main"), mode="r")
    assert array.read_only
    with pytest.raises(ValueError, match="read-only"):
        array[0] = 1
    session = repo.readonly_session("main")
    with pytest.raises(ValueError, match="read-only"):
        zarr.create_array(session.store, name="new", shape=1, dtype="i1")


def test_other_chunks_are_rebased_and_the_same_are_a_conflict(repo: Any) -> None:
    committed(repo)
    one, two, three = (repo.writable_session("main") for _ in range(3))
    array_of(one)[:10] = 1
    array_of(two)[10:20] = 2
    array_of(three)[5:8] = 3
    one.commit("one")
    with pytest.raises(icechunk.ConflictError):
        two.commit("two")
    two.rebase(icechunk.ConflictDetector())
    two.commit("two")
    with pytest.raises(icechunk.RebaseFailedError):
        three.rebase(icechunk.ConflictDetector())
    found = array_of(repo.readonly_session("main"), mode="r")[:20]
    assert (found[:10] == 1).all()
    assert (found[10:] == 2).all()


def test_uncommitted_changes_can_be_dropped(repo: Any) -> None:
    committed(repo)
    session = repo.writable_session("main")
    del zarr.open_group(session.store)["a"]
    assert "a" not in zarr.open_group(session.store)
    session.discard_changes()
    assert array_of(session)[0, 1] == 1


def test_listing_and_shards(repo: Any) -> None:
    committed(repo)
    session = repo.writable_session("main")
    root = zarr.open_group(session.store)
    sharded = root.create_array("s", shape=(64, 64), chunks=(8, 8), shards=(32, 32), dtype="i4")
    sharded[3:50, 7:60] = 5
    session.commit("shards")
    root = zarr.open_group(repo.readonly_session("main").store, mode="r")
    names = [name for name, _ in root.members(max_depth=None)]
    assert sorted(names) == ["a", "a/b", "s"]
    expected = np.zeros((64, 64), "i4")
    expected[3:50, 7:60] = 5
    assert np.array_equal(root["s"][:], expected)  # type: ignore[index]


def write_rows(fork: Any, start: int) -> Any:
    """Write ten rows in another process; the session has what was written."""
    zarr.open_array(fork.store, path="a/b")[start : start + 10] = start
    return fork


def test_sessions_go_to_processes_and_are_merged(repo: Any) -> None:
    committed(repo)
    session = repo.writable_session("main")
    fork = session.fork()
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(2, mp_context=context) as pool:
        written = list(pool.map(write_rows, [fork] * 4, [0, 10, 20, 30]))
    session.merge(*written)
    session.commit("by processes")
    found = array_of(repo.readonly_session("main"), mode="r")[:40, 0]
    assert np.array_equal(found, np.repeat([0, 10, 20, 30], 10))


# -- many at once ---------------------------------------------------------------------------------
#
# The objects of icechunk have one name for all that is not committed, which may not be asked for
# while they are at work.

SHAPE, CHUNKS, SHARDS = (400, 4), (10, 4), (200, 4)


def filled(session: Any, number: int) -> tuple[Any, np.ndarray[Any, Any]]:
    """A sharded array whose shards are of another size in each session, and its values."""
    array: Any = zarr.open_group(session.store, mode="a").create_array(
        "x", shape=SHAPE, chunks=CHUNKS, shards=SHARDS, dtype="i8", fill_value=-1
    )
    values = np.random.default_rng(number).integers(0, 2 ** (8 * number), SHAPE)
    values[: 60 * number] = -1
    array[:] = values
    return array, values


def in_memory() -> Any:
    return icechunk.Repository.create(icechunk.in_memory_storage())


@pytest.fixture(params=["repositories", "sessions", "forks", "snapshots"])
def arrays(request: Any) -> list[tuple[Any, np.ndarray[Any, Any]]]:
    """Arrays at one path, of different values, in stores that cannot be told apart."""
    if request.param == "repositories":
        return [filled(in_memory().writable_session("main"), number) for number in range(1, 5)]
    repo = in_memory()
    if request.param == "sessions":
        return [filled(repo.writable_session("main"), number) for number in range(1, 5)]
    if request.param == "forks":
        session = repo.writable_session("main")
        return [filled(session.fork(), number) for number in range(1, 5)]
    found = []
    for number in range(1, 5):
        session = repo.writable_session("main")
        zarr.create_group(session.store, overwrite=True)
        values = filled(session, number)[1]
        snapshot = session.commit(str(number))
        store = repo.readonly_session(snapshot_id=snapshot).store
        found.append((zarr.open_array(store, path="x", mode="r"), values))
    return found


PARTS = [slice(start, start + 25) for start in range(0, 375, 15)]


def test_tasks_read_from_the_store_that_they_ask(arrays: Any) -> None:
    async def read() -> None:
        for part in PARTS:
            found = await asyncio.gather(*(a.async_array.getitem(part) for a, _ in arrays))
            for each, (_, values) in zip(found, arrays, strict=True):
                assert np.array_equal(each, values[part])

    asyncio.run(read())


def test_threads_read_from_the_store_that_they_ask(arrays: Any) -> None:
    def read(number: int) -> bool:
        array, values = arrays[number % len(arrays)]
        part = PARTS[number % len(PARTS)]
        return np.array_equal(array[part], values[part])

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(read, range(200)))


def test_tasks_and_threads_change_parts_of_shards_and_lose_nothing() -> None:
    stores = [in_memory().writable_session("main").store for _ in range(2)]
    options: Any = {"shape": SHAPE, "chunks": CHUNKS, "shards": SHARDS, "dtype": "i8"}
    arrays: list[Any] = [zarr.create_array(store, **options) for store in stores]
    expected = [np.arange(1600).reshape(SHAPE) + number for number in (1, 7000)]

    def write(row: int) -> None:
        for array, values in zip(arrays, expected, strict=True):
            array[row : row + 5] = values[row : row + 5]

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(0, 200, 5)))

    async def write_all() -> None:
        tasks = [
            array.async_array.setitem(slice(row, row + 5), values[row : row + 5])
            for row in range(200, 400, 5)
            for array, values in zip(arrays, expected, strict=True)
        ]
        await asyncio.gather(*tasks)

    asyncio.run(write_all())
    for array, values in zip(arrays, expected, strict=True):
        assert np.array_equal(array[:], values)


def test_forks_are_written_to_by_threads_and_merged(repo: Any) -> None:
    committed(repo)
    session = repo.writable_session("main")
    forks = [session.fork() for _ in range(5)]

    def write(number: int) -> None:
        array_of(forks[number])[number * 20 : number * 20 + 20] = number

    with ThreadPoolExecutor(5) as pool:
        list(pool.map(write, range(5)))
    session.merge(*forks)
    session.commit("by forks")
    found = array_of(repo.readonly_session("main"), mode="r")[:, 0]
    assert np.array_equal(found, np.repeat(range(5), 20))


TRANSPOSE = """
import sys, os
from concurrent.futures import ThreadPoolExecutor
import icechunk, numpy as np, zarr

storage = icechunk.local_filesystem_storage(sys.argv[1])
session = icechunk.Repository.create(storage).writable_session("main")
root = zarr.open_group(session.store, mode="a")
data = np.random.default_rng(0).random((10, 200, 200), "f4")
source = root.create_array(
    "source", shape=data.shape, chunks=(1, 50, 50), shards=(1, 100, 100), dtype="f4"
)
target = root.create_array(
    "target", shape=data.shape, chunks=(10, 10, 10), shards=(10, 20, 20), dtype="f4"
)
source[:] = data

def move(place):
    i, j = place
    target[:, i:i + 25, j:j + 25] = source[:, i:i + 25, j:j + 25]

with ThreadPoolExecutor(8) as pool:
    list(pool.map(move, [(i, j) for i in range(0, 200, 25) for j in range(0, 200, 25)]))
print(int((target[:] != data).sum()), flush=True)
os._exit(0)
"""


def test_threads_that_read_one_array_and_write_another_end(tmp_path: Path) -> None:
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run(
        [sys.executable, "-c", TRANSPOSE, str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=300,
        env=env,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "0\n"
