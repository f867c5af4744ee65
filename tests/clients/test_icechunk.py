"""icechunk: versioned arrays in its store."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
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


def test_what_a_smaller_shape_left_out_does_not_come_back(repo: Any) -> None:
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


def test_what_was_not_committed_can_be_dropped(repo: Any) -> None:
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
