"""A rechunk that is killed at any moment loses nothing, is not taken for complete, and goes on."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from tests.support.stores import WaitingStore

import zarr
from zarr.errors import NodeNotFoundError, SourceChangedError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DATA = np.arange(12 * 8 * 10, dtype="f4").reshape(12, 8, 10) + 1
WANTED: dict[str, Any] = {"chunks": (12, 4, 5)}
TWO_PASSES = 3100
ONE_PASS = 10**8
WAYS: dict[str, dict[str, Any]] = {
    "one pass": {**WANTED, "max_memory": ONE_PASS},
    "two passes": {**WANTED, "max_memory": TWO_PASSES},
    "chunks": {"shards": (2, 8, 10), "max_memory": 4500},
}


class Killed(BaseException):
    """The process is gone."""


class MortalStore(WaitingStore):
    """A store of which the process dies after so many changes: from then on nothing works."""

    changes_left = 10**9
    error: BaseException = Killed()

    def _change(self) -> None:
        if self.changes_left <= 0:
            raise self.error
        self.changes_left -= 1

    async def set(self, key: str, value: Any) -> None:
        self._change()
        await super().set(key, value)

    async def delete(self, key: str) -> None:
        self._change()
        await super().delete(key)

    async def get(self, key: str, *args: Any, **kwargs: Any) -> Any:
        if self.changes_left <= 0 and isinstance(self.error, Killed):
            raise self.error
        return await super().get(key, *args, **kwargs)


def source(**options: Any) -> Any:
    return zarr.create_array({}, data=DATA, chunks=(1, 8, 10), **options)


def changes_of_a_whole_run(memory: int = TWO_PASSES, **wanted: Any) -> int:
    store = MortalStore()
    zarr.rechunk(source(), store, **{"max_memory": memory, **(wanted or WANTED)})
    return store.asked["set"] + store.asked["delete"]


def chunks_of(log: list[tuple[str, str]]) -> list[str]:
    return [key for name, key in log if name == "set" and key.startswith("c/")]


@pytest.mark.parametrize("way", WAYS)
def test_killed_at_any_change_it_goes_on(way: str) -> None:
    wanted = WAYS[way]
    assert zarr.rechunk(source(), {}, plan_only=True, **wanted).arrays[0].way == way
    whole = changes_of_a_whole_run(**wanted)
    for count in sorted({*range(0, whole, 1 + whole // 20), *range(whole - 3, whole)}):
        mortal = MortalStore()
        mortal.changes_left = count
        array = source()
        with pytest.raises(Killed):
            zarr.rechunk(array, mortal, **wanted)
        alive = WaitingStore(data=mortal.data)
        finished = "zarr.json" in mortal.data
        if finished:  # only what lies beside the target is left to be deleted
            np.testing.assert_array_equal(zarr.open_array(alive, mode="r")[...], DATA)
        else:
            with pytest.raises(NodeNotFoundError):
                zarr.open(alive, mode="r")
        if finished and not any("unfinished" in key for key in mortal.data):
            continue
        done = zarr.rechunk(array, alive, **wanted)
        assert done.resumed == (count > 0)
        np.testing.assert_array_equal(zarr.open_array(alive, mode="r")[...], DATA)
        assert not [key for key in alive.data if "unfinished" in key]
        assert (array[...] == DATA).all()


def test_blocks_that_are_there_are_not_written_again() -> None:
    mortal = MortalStore()
    mortal.changes_left = 5
    array = source()
    wanted = {"chunks": (2, 8, 10), "max_memory": 7000}
    with pytest.raises(Killed):
        zarr.rechunk(array, mortal, **wanted)
    alive = WaitingStore(data=mortal.data)
    zarr.rechunk(array, alive, **wanted)
    first, second = chunks_of(mortal.log), chunks_of(alive.log)
    assert len(first) > 1
    assert len(second) < 6
    np.testing.assert_array_equal(zarr.open_array(alive, mode="r")[...], DATA)


@pytest.mark.parametrize("memory", [*range(TWO_PASSES, 5000, 300), ONE_PASS])
def test_another_memory_may_be_given_when_it_goes_on(memory: int) -> None:
    mortal = MortalStore()
    mortal.changes_left = 9
    array = source()
    with pytest.raises(Killed):
        zarr.rechunk(array, mortal, max_memory=TWO_PASSES, **WANTED)
    alive = WaitingStore(data=mortal.data)
    zarr.rechunk(array, alive, max_memory=memory, **WANTED)
    np.testing.assert_array_equal(zarr.open_array(alive, mode="r")[...], DATA)
    assert not [key for key in alive.data if "unfinished" in key]


@pytest.mark.parametrize("damage", ["cut", "lost", "changed"])
@pytest.mark.parametrize("what", ["c/", "values/"])
def test_what_is_there_is_verified(what: str, damage: str) -> None:
    array = source()
    for count in range(4, changes_of_a_whole_run(TWO_PASSES), 7):
        mortal = MortalStore()
        mortal.changes_left = count
        with pytest.raises(Killed):
            zarr.rechunk(array, mortal, max_memory=TWO_PASSES, **WANTED)
        keys = [key for key in mortal.data if f"/{what}" in f"/{key}"]
        if "zarr.json" in mortal.data or not keys:
            continue
        for key in keys:
            if damage == "lost":
                del mortal.data[key]
            elif damage == "cut":
                mortal.data[key] = mortal.data[key][:-3]
            elif what == "c/":
                mortal.data[key] = b"\x01" + mortal.data[key][1:]
        alive = WaitingStore(data=mortal.data)
        zarr.rechunk(array, alive, max_memory=TWO_PASSES, **WANTED)
        np.testing.assert_array_equal(zarr.open_array(alive, mode="r")[...], DATA)


def test_values_that_were_passed_on_are_verified() -> None:
    mortal = MortalStore()
    mortal.changes_left = 8
    array = source()
    with pytest.raises(Killed):
        zarr.rechunk(array, mortal)
    keys = [key for key in mortal.data if key.startswith("c/")]
    mortal.data[keys[0]] = mortal.data[keys[0]][:-3]
    alive = WaitingStore(data=mortal.data)
    done = zarr.rechunk(array, alive)
    assert done.arrays[0].way == "values"
    assert keys[0] in chunks_of(alive.log)
    assert not set(keys[1:]) & set(chunks_of(alive.log))
    np.testing.assert_array_equal(zarr.open_array(alive, mode="r")[...], DATA)


def test_other_parameters_are_refused_and_named() -> None:
    mortal = MortalStore()
    mortal.changes_left = 4
    array = source()
    with pytest.raises(Killed):
        zarr.rechunk(array, mortal, **WANTED)
    before = dict(mortal.data)
    alive = WaitingStore(data=mortal.data)
    with pytest.raises(ValueError, match=r"chunks was \[12, 4, 5\], and is \[12, 2, 5\]"):
        zarr.rechunk(array, alive, chunks=(12, 2, 5))
    with pytest.raises(ValueError, match="source was"):
        zarr.rechunk(source(), alive, **WANTED)
    assert alive.data == before
    zarr.rechunk(array, alive, chunks=(12, 2, 5), resume=False)
    made = zarr.open_array(alive, mode="r")
    assert made.chunks == (12, 2, 5)
    np.testing.assert_array_equal(made[...], DATA)


def test_a_tree_goes_on_with_the_array_where_it_was() -> None:
    root = zarr.create_group({}, attributes={"a": 1})
    for name in "abc":
        root.create_array(f"g/{name}", data=DATA, chunks=(1, 8, 10))
    rules = {"rules": {"*": WANTED}}
    whole = MortalStore()
    zarr.rechunk(root, whole, **rules)
    for count in range(1, whole.asked["set"], 2):
        mortal = MortalStore()
        mortal.changes_left = count
        with pytest.raises(Killed):
            zarr.rechunk(root, mortal, **rules)
        alive = WaitingStore(data=mortal.data)
        with pytest.raises(NodeNotFoundError):
            zarr.open_group(alive, mode="r")
        zarr.rechunk(root, alive, **rules)
        made = zarr.open_group(alive, mode="r")
        assert made.attrs["a"] == 1
        for name in "abc":
            np.testing.assert_array_equal(made[f"g/{name}"][...], DATA)


@pytest.mark.parametrize("count", [1, 3, 6, 9])
def test_a_full_disk_is_an_error_and_then_it_goes_on(count: int) -> None:
    full = MortalStore()
    full.changes_left = count
    full.error = OSError(errno.ENOSPC, "No space left on device")
    array = source()
    with pytest.raises(OSError, match="No space left"):
        zarr.rechunk(array, full, max_memory=TWO_PASSES, **WANTED)
    alive = WaitingStore(data=full.data)
    zarr.rechunk(array, alive, max_memory=TWO_PASSES, **WANTED)
    np.testing.assert_array_equal(zarr.open_array(alive, mode="r")[...], DATA)


# -- disks and stores that fail on the way ---------------------------------------------------------


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small disk."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        pytest.skip("mounting takes root")
    directory = tmp_path / "disk"
    directory.mkdir()
    if _mount("-t", "tmpfs", "-o", "size=1m", "tmpfs", str(directory)):
        pytest.skip("no file system can be mounted here")
    try:
        yield directory
    finally:
        subprocess.run(["umount", str(directory)], check=True)


def _mount(*arguments: str) -> int:
    return subprocess.run(["mount", *arguments], capture_output=True, check=False).returncode


LARGE = np.random.default_rng(0).integers(0, 2**31, (32, 64, 256), "i4")
FORMS: dict[str, dict[str, Any]] = {
    "one pass": {"chunks": (32, 8, 64), "codecs": ["gzip"]},
    "two passes": {"chunks": (32, 8, 64), "max_memory": 700_000},
    "chunks": {"shards": (4, 64, 256), "max_memory": 1_300_000},
    "values": {},
}


@pytest.mark.parametrize("way", FORMS)
def test_a_disk_that_is_full_is_an_error_and_then_it_goes_on(
    way: str, disk: Path, tmp_path: Path
) -> None:
    array = zarr.create_array(tmp_path / "s", data=LARGE, chunks=(1, 64, 256))
    with pytest.raises(OSError, match="No space left") as error:
        zarr.rechunk(array, disk / "t", **FORMS[way])
    assert error.value.errno == errno.ENOSPC
    with pytest.raises(NodeNotFoundError):
        zarr.open(disk / "t", mode="r")
    assert _mount("-o", "remount,size=32m", str(disk)) == 0
    done = zarr.rechunk(array, disk / "t", **FORMS[way])
    assert done.arrays[0].way == way
    np.testing.assert_array_equal(zarr.open_array(disk / "t", mode="r")[...], LARGE)


@pytest.mark.parametrize("way", FORMS)
def test_a_disk_that_becomes_read_only_is_an_error_and_then_it_goes_on(
    way: str, disk: Path, tmp_path: Path
) -> None:
    def lock(done: int, total: int) -> None:
        _mount("-o", "remount,ro", str(disk))

    array = zarr.create_array(tmp_path / "s", data=LARGE, chunks=(1, 64, 256))
    assert _mount("-o", "remount,size=32m", str(disk)) == 0
    with pytest.raises(OSError, match="Read-only"):
        zarr.rechunk(array, disk / "t", progress=lock, **FORMS[way])
    assert _mount("-o", "remount,rw", str(disk)) == 0
    with pytest.raises(NodeNotFoundError):
        zarr.open(disk / "t", mode="r")
    zarr.rechunk(array, disk / "t", **FORMS[way])
    np.testing.assert_array_equal(zarr.open_array(disk / "t", mode="r")[...], LARGE)


@pytest.mark.parametrize("way", WAYS)
def test_a_source_that_vanishes_for_a_while_gives_no_fill_values(way: str, tmp_path: Path) -> None:
    def unplug(done: int, total: int) -> None:
        if done and (tmp_path / "s").exists():
            (tmp_path / "s").rename(tmp_path / "elsewhere")

    zarr.create_array(tmp_path / "s", data=DATA, chunks=(1, 8, 10))
    options = {**WAYS[way], "chunks": (2, 4, 5)} if way == "one pass" else WAYS[way]
    options = {**options, "max_memory": 3100} if way == "one pass" else options
    with pytest.raises(SourceChangedError, match="was deleted while it was read"):
        zarr.rechunk(tmp_path / "s", tmp_path / "t", progress=unplug, **options)
    with pytest.raises(NodeNotFoundError):
        zarr.open(tmp_path / "t", mode="r")
    (tmp_path / "elsewhere").rename(tmp_path / "s")
    done = zarr.rechunk(tmp_path / "s", tmp_path / "t", **options)
    assert (done.resumed, done.arrays[0].way) == (True, way)
    np.testing.assert_array_equal(zarr.open_array(tmp_path / "t", mode="r")[...], DATA)


@pytest.mark.parametrize("way", ["several blocks", "chunks"])
def test_a_target_that_vanishes_is_not_taken_for_complete(way: str, tmp_path: Path) -> None:
    steps: list[int] = []

    def delete(done: int, total: int) -> None:
        steps.append(done)
        if len(steps) == 3:
            shutil.rmtree(tmp_path / "t")

    array = zarr.create_array(tmp_path / "s", data=DATA, chunks=(1, 8, 10))
    wanted = WAYS.get(way, {"chunks": (2, 8, 10), "max_memory": 3100})
    with pytest.raises(RuntimeError, match="was deleted while it was written"):
        zarr.rechunk(array, tmp_path / "t", progress=delete, **wanted)
    with pytest.raises(NodeNotFoundError):
        zarr.open(tmp_path / "t", mode="r")
    assert zarr.rechunk(array, tmp_path / "t", **wanted).resumed
    np.testing.assert_array_equal(zarr.open_array(tmp_path / "t", mode="r")[...], DATA)


def test_a_run_that_another_goes_on_with_ends(tmp_path: Path) -> None:
    marker = tmp_path / "t" / "zarr.unfinished"

    def take(done: int, total: int) -> None:
        state = json.loads(marker.read_text())
        marker.write_text(json.dumps({**state, "owner": {**state["owner"], "run": "other"}}))

    array = zarr.create_array(tmp_path / "s", data=DATA, chunks=(1, 8, 10))
    with pytest.raises(RuntimeError, match="another run goes on with"):
        zarr.rechunk(array, tmp_path / "t", progress=take, **WANTED)
    assert json.loads(marker.read_text())["owner"]["run"] == "other"
    with pytest.raises(NodeNotFoundError):
        zarr.open(tmp_path / "t", mode="r")


def test_bad_chunks_that_a_killed_run_skipped_are_listed_by_the_next() -> None:
    store: dict[str, Any] = {}
    array = zarr.create_array(store, data=DATA, chunks=(1, 8, 10), fill_value=0)
    store["c/0/0/0"] = type(store["c/0/0/0"]).from_bytes(b"rubbish")
    wanted = {"chunks": (2, 8, 10), "max_memory": 7000, "skip_bad": True}
    mortal = MortalStore()
    mortal.changes_left = 5
    with pytest.raises(Killed):
        zarr.rechunk(array, mortal, **wanted)
    assert "c/0/0/0" in mortal.data
    done = zarr.rechunk(array, WaitingStore(data=mortal.data), **wanted)
    assert [bad.region for bad in done.bad] == ["[0:1, 0:8, 0:10]"]


# -- two runs -------------------------------------------------------------------------------------


def test_two_runs_at_once_are_refused(tmp_path: Path) -> None:
    array = zarr.create_array(tmp_path / "s", data=DATA, chunks=(1, 8, 10))
    errors: list[str] = []
    code = "import sys, zarr; zarr.rechunk(sys.argv[1], sys.argv[2], chunks=(12, 4, 5))"

    def again(done: int, total: int) -> None:
        if errors:
            return
        with pytest.raises(RuntimeError, match="is being made by process") as info:
            zarr.rechunk(array, tmp_path / "t", **WANTED)
        errors.append(str(info.value))
        paths = [str(tmp_path / "s"), str(tmp_path / "t")]
        other = subprocess.run(
            [sys.executable, "-c", code, *paths], capture_output=True, text=True, check=False
        )
        assert f"is being made by process {os.getpid()}" in other.stderr

    zarr.rechunk(array, tmp_path / "t", progress=again, max_memory=TWO_PASSES, **WANTED)
    assert errors
    np.testing.assert_array_equal(zarr.open_array(tmp_path / "t", mode="r")[...], DATA)


def test_a_run_on_another_machine_is_believed_for_a_while() -> None:
    mortal = MortalStore()
    mortal.changes_left = 4
    array = source()
    with pytest.raises(Killed):
        zarr.rechunk(array, mortal, **WANTED)
    state = json.loads(mortal.data["zarr.unfinished"])
    state["owner"]["host"] = "elsewhere"
    mortal.data["zarr.unfinished"] = json.dumps(state).encode()
    alive = WaitingStore(data=mortal.data)
    with pytest.raises(RuntimeError, match="on 'elsewhere', which was last seen at"):
        zarr.rechunk(array, alive, **WANTED)
    state["seen"] = "2020-01-01T00:00:00+00:00"
    mortal.data["zarr.unfinished"] = json.dumps(state).encode()
    zarr.rechunk(array, alive, **WANTED)
    np.testing.assert_array_equal(zarr.open_array(alive, mode="r")[...], DATA)


@pytest.mark.parametrize("document", [b"", b"{", b"[]", b'{"parameters": 3}', b"\xff"])
def test_a_marker_that_cannot_be_read_is_no_reason_to_write(document: bytes) -> None:
    store = WaitingStore(data={"zarr.unfinished": document, "c/0": b"x"})
    for resume in (True, False):
        with pytest.raises(ValueError, match="cannot be read"):
            zarr.rechunk(source(), store, resume=resume, **WANTED)
    assert store.data == {"zarr.unfinished": document, "c/0": b"x"}


# -- processes that are killed --------------------------------------------------------------------

KILLED = """
import os, sys, zarr
source, target, end = sys.argv[1], sys.argv[2], int(sys.argv[3])
def cut(done, total):
    if done >= end:
        os._exit(9)
zarr.rechunk(source, target, chunks=(12, 4, 5), max_memory=3100, progress=cut)
"""


@pytest.mark.parametrize("share", [0.1, 0.6, 1.0])
def test_a_process_that_was_killed_is_followed_at_once(share: float, tmp_path: Path) -> None:
    zarr.create_array(tmp_path / "s", data=DATA, chunks=(1, 8, 10))
    paths = [str(tmp_path / "s"), str(tmp_path / "t")]
    end = str(int(share * 2 * DATA.nbytes))
    process = subprocess.run([sys.executable, "-c", KILLED, *paths, end], check=False)
    assert process.returncode == 9
    assert (tmp_path / "t" / "zarr.unfinished").exists()
    done = zarr.rechunk(paths[0], paths[1], max_memory=TWO_PASSES, **WANTED)
    assert done.resumed
    np.testing.assert_array_equal(zarr.open_array(paths[1], mode="r")[...], DATA)
    assert sorted(path.name for path in (tmp_path / "t").iterdir()) == ["c", "zarr.json"]
