"""Nodes are copied, moved, deleted, synchronised and replaced as they are stored."""

from __future__ import annotations

import asyncio
import hashlib
import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import zarr
from support.stores import WaitingStore
from zarr import tools
from zarr.abc.store import ValueInfo
from zarr.errors import ContainsArrayError, ContainsGroupError, CopyError
from zarr.storage import LocalStore, MemoryStore, ObjectStore, ZipStore

if TYPE_CHECKING:
    from collections.abc import Callable

DATA = np.arange(60).reshape(6, 10)


def fill(store: Any, zarr_format: Any = 3, path: str = "data") -> Any:
    group = zarr.create_group(store, path=path, zarr_format=zarr_format, attributes={"a": 1})
    group.create_array("deep/x", data=DATA, chunks=(4, 5))
    return group


def values(store: Any) -> dict[str, bytes]:
    async def read() -> dict[str, bytes]:
        prototype = zarr.core.buffer.default_buffer_prototype()
        found = {}
        async for key in store.list_prefix(""):
            value = await store.get(key, prototype)
            found[key] = value.to_bytes()
        return found

    return asyncio.run(read())


def below(store: Any, path: str) -> dict[str, bytes]:
    start = f"{path}/" if path else ""
    return {k[len(start) :]: v for k, v in values(store).items() if k.startswith(start)}


def make_object_store() -> Any:
    obstore = pytest.importorskip("obstore.store")
    return ObjectStore(obstore.MemoryStore())


@pytest.fixture(params=["memory", "local", "waiting", "objects"])
def store(request: Any, tmp_path: Path) -> Any:
    makers: dict[str, Callable[[], Any]] = {
        "memory": MemoryStore,
        "local": lambda: LocalStore(tmp_path / "store"),
        "waiting": WaitingStore,
        "objects": make_object_store,
    }
    return makers[request.param]()


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_a_copy_is_byte_for_byte_what_it_was_copied_from(store: Any, zarr_format: Any) -> None:
    fill(store, zarr_format)
    before = below(store, "data")
    done = tools.cp(store, store, path="data", target_path="far/copy")
    assert below(store, "far/copy") == below(store, "data") == before
    assert done.copied == len(before)
    assert done.bytes == sum(map(len, before.values()))
    np.testing.assert_array_equal(zarr.open_group(store)["far/copy/deep/x"][...], DATA)


def test_copies_go_between_any_two_stores(store: Any, tmp_path: Path) -> None:
    fill(store)
    with ZipStore(tmp_path / "a.zip", mode="w") as archive:
        tools.cp(store, archive)
    tools.cp(str(tmp_path / "a.zip"), tmp_path / "b", path="data/deep")
    np.testing.assert_array_equal(zarr.open_array(tmp_path / "b", path="x")[...], DATA)


@pytest.mark.parametrize("task", [tools.cp, tools.mv])
def test_what_is_there_is_never_overwritten(store: Any, task: Any) -> None:
    fill(store)
    fill(store, path="other")
    before = values(store)
    with pytest.raises(ContainsGroupError):
        task(store, store, path="data", target_path="other")
    with pytest.raises(ContainsArrayError):
        task(store, store, path="data", target_path="other/deep/x")
    with pytest.raises(ValueError, match="lies within the other"):
        task(store, store, path="data", target_path="data/deep/more")
    with pytest.raises(FileNotFoundError, match="nothing-here"):
        task(store, store, path="nothing-here", target_path="new")
    assert values(store) == before


def test_a_copy_into_an_array_is_refused_before_anything_is_written(store: Any) -> None:
    fill(store)
    fill(store, path="other")
    before = values(store)
    with pytest.raises(ValueError, match="is an array"):
        tools.cp(store, store, path="other", target_path="data/deep/x/y")
    assert values(store) == before


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_a_node_is_moved_with_all_that_is_below_it(store: Any, zarr_format: Any) -> None:
    fill(store, zarr_format)
    before = below(store, "data")
    done = tools.mv(store, store, path="data", target_path="far/new")
    assert below(store, "far/new") == before
    assert below(store, "data") == {}
    assert done.renamed == isinstance(store, LocalStore)


def test_a_directory_is_renamed(tmp_path: Path) -> None:
    fill(tmp_path / "a.zarr", path="")
    inode = (tmp_path / "a.zarr" / "deep").stat().st_ino
    done = tools.mv(tmp_path / "a.zarr", tmp_path / "made" / "b.zarr")
    assert done.renamed
    assert not (tmp_path / "a.zarr").exists()
    assert (tmp_path / "made" / "b.zarr" / "deep").stat().st_ino == inode
    assert not (tmp_path / "made" / "zarr.json").exists()  # what is above is no group


def test_consolidated_metadata_follow_a_move(store: Any) -> None:
    fill(store)
    with pytest.warns(match="Consolidated metadata"):
        zarr.consolidate_metadata(store)
    tools.mv(store, store, path="data/deep/x", target_path="data/y")
    root = zarr.open_group(store, use_consolidated=True)
    assert sorted(path for path, _ in root.members(max_depth=None)) == [
        "data",
        "data/deep",
        "data/y",
    ]
    np.testing.assert_array_equal(root["data/y"][...], DATA)


def test_a_node_is_deleted_and_its_neighbours_are_not(store: Any) -> None:
    fill(store)
    fill(store, path="data2")
    with pytest.raises(IsADirectoryError, match="recursive"):
        tools.rm(store, path="data")
    kept = below(store, "data2")
    shown = tools.rm(store, path="data", recursive=True, dry_run=True)
    assert f"- {'data/zarr.json'}" in shown.keys
    assert below(store, "data") != {}
    done = tools.rm(store, path="data", recursive=True)
    assert done.deleted == shown.deleted > 0
    assert below(store, "data") == {}
    assert below(store, "data2") == kept
    with pytest.raises(FileNotFoundError):
        tools.rm(store, path="data", recursive=True)


def test_a_deleted_store_of_files_leaves_no_directory(tmp_path: Path) -> None:
    fill(tmp_path / "a.zarr", path="")
    tools.rm(tmp_path / "a.zarr", recursive=True)
    assert list(tmp_path.iterdir()) == []


def test_only_what_differs_is_copied(store: Any, tmp_path: Path) -> None:
    group = fill(store)
    target = tmp_path / "target"
    assert tools.sync(store, target).skipped == 0
    assert tools.sync(store, target).copied == 0
    if isinstance(store, LocalStore):  # times may be as coarse as the clock of the kernel
        later = (store.root / "zarr.json").stat().st_mtime + 5
        for path in target.rglob("*"):
            os.utime(path, (later, later))
    group["deep/x"][0, 0] = -1
    if isinstance(store, LocalStore):
        os.utime(store.root / "data/deep/x/c/0/0", (later + 5, later + 5))
    shown = tools.sync(store, target, dry_run=True)
    assert shown.keys == ("+ data/deep/x/c/0/0",)
    done = tools.sync(store, target)
    assert done.copied == 1
    assert values(LocalStore(target)) == values(store)


def shift(directory: Path, seconds: float) -> None:
    """Let all files of a directory be later."""
    for path in filter(Path.is_file, directory.rglob("*")):
        time = path.stat().st_mtime + seconds
        os.utime(path, (time, time))


@pytest.mark.parametrize("ticks", [0.0, 0.001, 1.9])
def test_a_value_that_is_written_anew_within_a_tick_of_the_clock_is_copied(
    ticks: float, tmp_path: Path
) -> None:
    fill(tmp_path / "a")
    tools.sync(tmp_path / "a", tmp_path / "b")
    chunk = tmp_path / "a/data/deep/x/c/0/0"
    before = chunk.stat().st_mtime
    new = bytes(len(chunk.read_bytes()))
    chunk.write_bytes(new)
    os.utime(chunk, (before, before))  # by a clock that did not move meanwhile
    shift(tmp_path / "b", ticks)
    os.utime(tmp_path / "b/data/deep/x/c/0/0", (before + ticks, before + ticks))
    assert tools.sync(tmp_path / "a", tmp_path / "b").copied == 1
    assert (tmp_path / "b/data/deep/x/c/0/0").read_bytes() == new


class Told(MemoryStore):
    """A store whose listings tell times of its own clock, and perhaps digests."""

    def __init__(self, *, ahead: float = 0.0, tags: bool = False) -> None:
        super().__init__()
        self.ahead, self.tags = ahead, tags
        self.times: dict[str, float] = {}
        self.reads: list[str] = []

    def with_read_only(self, read_only: bool = False) -> Any:
        return self

    async def set(self, key: str, value: Any, byte_range: Any = None) -> None:
        await super().set(key, value)
        self.times[key] = NOW[0] + self.ahead

    async def get(self, key: str, prototype: Any = None, byte_range: Any = None) -> Any:
        self.reads.append(key)
        return await super().get(key, prototype, byte_range)

    async def list_values(self, prefix: str) -> Any:
        for key, value in list(self._store_dict.items()):
            if key.startswith(prefix):
                data = value.to_bytes()
                tag = hashlib.md5(data).hexdigest() if self.tags else None
                yield ValueInfo(key, len(data), self.times.get(key, NOW[0] + self.ahead), tag)


NOW = [0.0]


def test_a_clock_that_is_ahead_hides_no_change() -> None:
    NOW[0] = 1e9
    source, target = Told(), Told(ahead=600.0)
    group = fill(source)
    tools.sync(source, target)
    NOW[0] += 300
    group["deep/x"][:] = DATA[::-1]
    assert tools.sync(source, target).copied > 0
    assert values(target) == values(source)
    # Once the times are further apart than clocks may be, nothing is read.
    NOW[0] += 3600
    for key in target.times:
        target.times[key] = NOW[0]
    source.reads.clear()
    assert tools.sync(source, target).copied == 0
    assert not any("/c/" in key for key in source.reads)


def test_digests_of_a_service_spare_reading_its_values() -> None:
    NOW[0] = 1e9
    source, target = Told(), Told(tags=True)
    group = fill(source)
    tools.sync(source, target)
    target.reads.clear()
    assert tools.sync(source, target).copied == 0
    assert not any("/c/" in key for key in target.reads)
    group["deep/x"][0, 0] = -1
    assert tools.sync(source, target).copied == 1
    assert values(target) == values(source)


def test_bytes_are_compared_on_demand(tmp_path: Path) -> None:
    fill(tmp_path / "a")
    tools.sync(tmp_path / "a", tmp_path / "b")
    chunk = tmp_path / "b" / "data/deep/x/c/0/0"
    there = chunk.read_bytes()
    chunk.write_bytes(bytes(len(there)))  # later, and of the same size
    shift(tmp_path / "b", 5)
    assert tools.sync(tmp_path / "a", tmp_path / "b").copied == 0
    assert tools.sync(tmp_path / "a", tmp_path / "b", checksum=True).copied == 1
    assert chunk.read_bytes() == there


def test_what_the_source_lacks_is_deleted_on_demand(store: Any) -> None:
    fill(store)
    other = MemoryStore()
    fill(other)
    zarr.open_group(other, path="data").create_array("more", data=[1])
    assert tools.sync(store, other, path="data", target_path="data").deleted == 0
    assert "data/more/c/0" in values(other)
    shown = tools.sync(store, other, path="data", target_path="data", delete=True, dry_run=True)
    assert shown.deleted == 2
    assert "data/more/c/0" in values(other)
    tools.sync(store, other, path="data", target_path="data", delete=True)
    assert below(other, "data") == below(store, "data")


def test_an_empty_source_empties_nothing(store: Any) -> None:
    fill(store)
    before = values(store)
    with pytest.raises(FileNotFoundError):
        tools.sync(MemoryStore(), store, delete=True)
    assert values(store) == before


class Growing(MemoryStore):
    """A store that somebody writes to while it is copied, so often."""

    times = 1
    written: MemoryStore

    async def get(self, key: str, prototype: Any = None, byte_range: Any = None) -> Any:
        value = await super().get(key, prototype, byte_range)
        if key.endswith("c/0/0") and Growing.times:
            Growing.times -= 1
            new = value.from_bytes(b"0" * (7 + self.times))
            await Growing.written.set(f"data/deep/x/c/9/{self.times}", new)
            await Growing.written.set(key, new)
        return value


def test_what_changes_meanwhile_is_copied_again() -> None:
    inner = MemoryStore()
    fill(inner)
    target = MemoryStore()
    Growing.times, Growing.written = 1, inner
    tools.cp(Growing(inner._store_dict), target)
    assert below(target, "data") == below(inner, "data")
    assert Growing.times == 0


def test_a_copy_of_what_changes_all_the_time_is_an_error() -> None:
    inner = MemoryStore()
    fill(inner)
    Growing.times, Growing.written = 100, inner
    with pytest.raises((CopyError, OSError), match="all the time"):
        tools.cp(Growing(inner._store_dict), MemoryStore())


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_a_node_is_replaced_by_another(store: Any, zarr_format: Any) -> None:
    fill(store, zarr_format)
    root = zarr.open_group(store, zarr_format=zarr_format)
    root.create_array("new", data=DATA * 2, chunks=(3, 3))
    new = below(store, "new")
    tools.replace(store, store, path="new", target_path="data")
    assert below(store, "data") == new
    assert sorted(root) == ["data", "new"]


def test_what_is_read_can_be_overwritten(store: Any) -> None:
    group = fill(store)
    group["deep/x"].attrs["unit"] = "m"
    array = group["deep/x"]
    tools.replace(array.lazy[::-1, 2:4], store, target_path="data/deep/x")
    made = zarr.open_array(store, path="data/deep/x")
    np.testing.assert_array_equal(made[...], DATA[::-1, 2:4])
    assert made.attrs["unit"] == "m"
    assert made.chunks == (4, 2) or made.chunks == (4, 5)
    assert sorted(group["deep"]) == ["x"]


def test_a_part_takes_the_place_of_the_whole(store: Any) -> None:
    fill(store)
    part = below(store, "data/deep")
    tools.replace(store, store, path="data/deep", target_path="data")
    assert below(store, "data") == part


def test_the_whole_does_not_take_the_place_of_a_part(store: Any) -> None:
    fill(store)
    before = values(store)
    with pytest.raises(ValueError, match="which it lies in"):
        tools.replace(store, store, path="data", target_path="data/deep")
    assert values(store) == before


def test_a_replacement_that_fails_leaves_all_as_it_was(store: Any) -> None:
    fill(store)
    before = values(store)

    class Broken:
        shape, dtype = DATA.shape, DATA.dtype

        def __getitem__(self, region: Any) -> Any:
            raise RuntimeError("torn")

    with pytest.raises(RuntimeError, match="torn"):
        tools.replace(Broken(), store, target_path="data/deep/x")
    assert values(store) == before


def test_a_whole_store_of_files_is_replaced(tmp_path: Path) -> None:
    fill(tmp_path / "a.zarr", path="")
    zarr.save_array(tmp_path / "b.zarr", DATA + 1)
    opened = zarr.open_array(tmp_path / "b.zarr", mode="r")
    tools.replace(opened, tmp_path / "a.zarr")
    np.testing.assert_array_equal(zarr.open_array(tmp_path / "a.zarr")[...], DATA + 1)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.zarr", "b.zarr"]


def test_consolidated_metadata_follow_a_replacement(store: Any) -> None:
    fill(store)
    with pytest.warns(match="Consolidated metadata"):
        zarr.consolidate_metadata(store)
    tools.replace(DATA[:2].astype("f4"), store, target_path="data/deep/x")
    found = zarr.open_group(store, use_consolidated=True)["data/deep/x"]
    np.testing.assert_array_equal(found[...], DATA[:2])
    assert found.dtype == "f4"


@pytest.mark.parametrize("task", [tools.cp, tools.mv, tools.sync, tools.replace])
def test_a_limit_of_bytes_is_kept(task: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from zarr.tools import transfer

    source = MemoryStore()
    fill(source, path="")
    clock = [100.0]
    moved: list[tuple[float, int]] = []

    async def sleep(seconds: float) -> None:
        assert seconds >= 0
        clock[0] += seconds

    monkeypatch.setattr(transfer, "sleep", sleep)
    monkeypatch.setattr(transfer.time, "monotonic", lambda: clock[0])

    def progress(done: int, total: int) -> None:
        moved.append((clock[0], done))

    done = task(source, MemoryStore(), bwlimit="1kB", progress=progress)
    # All of it took as long as the limit says, and at no time was more done than might be.
    assert clock[0] - 100 == pytest.approx(done.bytes / 1000)
    largest = max(map(len, values(source).values()), default=0) if task is not tools.mv else 10**6
    assert all(count <= (at - 100) * 1000 + largest for at, count in moved)
    with pytest.raises(ValueError, match="bwlimit"):
        task(source, MemoryStore(), bwlimit=0)


def test_a_dry_run_makes_nothing(store: Any, tmp_path: Path) -> None:
    fill(store)
    before = values(store)
    shown = tools.cp(store, tmp_path / "new", dry_run=True)
    assert {key[2:] for key in shown.keys} == set(before)
    assert not (tmp_path / "new").exists()
    tools.mv(store, tmp_path / "new", dry_run=True)
    assert not (tmp_path / "new").exists()
    assert values(store) == before


def test_read_only_stores_are_refused_first(store: Any) -> None:
    fill(store)
    read_only = store.with_read_only(True)
    before = values(store)
    with pytest.raises(ValueError, match="read-only"):
        tools.cp(store, read_only, path="data", target_path="new")
    with pytest.raises(ValueError, match="read-only"):
        tools.mv(read_only, MemoryStore(), path="data")
    with pytest.raises(ValueError, match="read-only"):
        tools.rm(read_only, path="data", recursive=True)
    assert values(store) == before


def test_progress_ends_at_the_total(store: Any) -> None:
    fill(store)
    seen: list[tuple[int, int]] = []
    done = tools.cp(store, MemoryStore(), progress=lambda *pair: seen.append(pair))
    assert seen[-1][0] == seen[-1][1]
    if not isinstance(store, WaitingStore):
        assert seen[-1][1] == done.bytes


def test_a_result_shows_no_control_characters(tmp_path: Path) -> None:
    store = MemoryStore()
    zarr.create_array(store, name="a\x1b[31m", data=[1])
    shown = str(tools.cp(store, MemoryStore(), dry_run=True))
    assert "\x1b" not in shown
    assert "a\\x1b[31m/c/0" in shown


def test_two_replacements_at_once_do_not_disturb_each_other(store: Any) -> None:
    fill(store)
    refused: list[str] = []

    class Slow:
        """Elements that are asked for while somebody else replaces the same array."""

        shape, dtype = DATA.shape, DATA.dtype

        def __getitem__(self, region: Any) -> Any:
            with pytest.raises(RuntimeError, match="is being made by process") as found:
                tools.replace(DATA * 3, store, target_path="data/deep/x")
            refused.append(str(found.value))
            return DATA[region] * 2

    tools.replace(Slow(), store, target_path="data/deep/x")
    assert refused
    np.testing.assert_array_equal(zarr.open_array(store, path="data/deep/x")[...], DATA * 2)
    assert not any("unfinished" in key for key in values(store))


@pytest.mark.parametrize("zarr_format", [2, 3])
@pytest.mark.filterwarnings("ignore:Consolidated metadata is currently not part")
def test_consolidated_metadata_follow_what_is_named_by_its_directory(
    zarr_format: Any, tmp_path: Path
) -> None:
    root = fill(tmp_path / "a", zarr_format, path="")
    root.create_array("other", data=DATA)
    zarr.consolidate_metadata(tmp_path / "a")

    def members() -> list[str]:
        found = zarr.open_group(tmp_path / "a", use_consolidated=True)
        return sorted(path for path, _ in found.members(max_depth=None))

    tools.mv(tmp_path / "a" / "deep" / "x", tmp_path / "a" / "y")
    assert members() == ["deep", "other", "y"]
    tools.replace(DATA[:2], tmp_path / "a" / "y")
    assert zarr.open_group(tmp_path / "a", use_consolidated=True)["y"].shape == (2, 10)
    tools.rm(tmp_path / "a" / "other")
    assert members() == ["deep", "y"]
    np.testing.assert_array_equal(zarr.open_group(tmp_path / "a")["y"][...], DATA[:2])


def test_a_long_run_says_that_it_is_still_there(
    store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from zarr.tools import replacing
    from zarr.tools.reshape import unfinished

    monkeypatch.setattr(replacing, "_SIGN", 0.001)
    signed = threading.Event()

    async def sign(self: Any) -> None:
        signed.set()

    monkeypatch.setattr(unfinished.Unfinished, "sign", sign)

    class Slow:
        shape, dtype = DATA.shape, DATA.dtype

        def __getitem__(self, region: Any) -> Any:
            assert signed.wait(30)
            return DATA[region]

    tools.replace(Slow(), store, target_path="x")
    np.testing.assert_array_equal(zarr.open_array(store, path="x")[...], DATA)


def test_coroutines_do_the_same(store: Any, tmp_path: Path) -> None:
    fill(store)

    async def work() -> None:
        there = tools.asynchronous
        await there.cp(store, tmp_path / "copy")
        array = await zarr.api.asynchronous.open_array(store=store, path="data/deep/x")
        await there.replace(array.lazy[::2], store, target_path="data/deep/x")
        assert (await there.sync(store, tmp_path / "copy", checksum=True)).copied > 0
        await there.mv(store, store, path="data/deep", target_path="moved")
        await there.rm(store, path="data", recursive=True)

    asyncio.run(work())
    root = zarr.open_group(store)
    assert sorted(path for path, _ in root.members(max_depth=None)) == ["moved", "moved/x"]
    np.testing.assert_array_equal(root["moved/x"][...], DATA[::2])
    np.testing.assert_array_equal(zarr.open_group(tmp_path / "copy")["data/deep/x"][...], DATA[::2])


def test_a_limit_that_is_no_number_of_bytes_is_refused() -> None:
    store: dict[str, Any] = {}
    zarr.create_array(store, name="a", data=[1])
    for limit in ("fast", "0", 0, -1):
        with pytest.raises(ValueError, match="bwlimit, for a second, is a positive number of byte"):
            tools.cp(store, {}, path="a", target_path="b", bwlimit=limit)
