"""A process that is killed while it moves or replaces a node has lost nothing of it."""

from __future__ import annotations

import itertools
import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import zarr
from zarr import tools
from zarr.storage import (
    FsspecStore,
    LocalStore,
    MemoryStore,
    ObjectStore,
    SQLiteStore,
    WrapperStore,
    ZipStore,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

OLD, NEW = np.arange(40).reshape(4, 10), np.arange(40, 64).reshape(8, 3)


COUNT = itertools.count()


class Killed(BaseException):
    """Ends a process, as far as the store can tell: nothing is written any more."""


class Dying(WrapperStore[Any]):
    """A store whose process is killed before one of its changes."""

    left = 0

    async def intercept(self, method: str, key: str, call: Any, byte_range: Any = None) -> Any:
        if method.startswith(("set", "delete", "copy", "move")):
            if Dying.left <= 0:
                raise Killed
            Dying.left -= 1
        return await call()


def made(zarr_format: Any, store: Any = None) -> Any:
    store = MemoryStore() if store is None else store
    root = zarr.create_group(store, zarr_format=zarr_format)
    root.create_array("old/a", data=OLD, chunks=(4, 5), attributes={"is": "old"})
    root.create_array("new/b", data=NEW, chunks=(4, 3), attributes={"is": "new"})
    return store


def holds(store: Any, path: str, name: str, data: Any, zarr_format: Any) -> bool:
    """Whether there is a group with this array, all of it; a part of it is an error."""
    root = zarr.open_group(store, mode="r", zarr_format=zarr_format)
    if path not in root or f"{path}/{name}" not in root:
        return False
    np.testing.assert_array_equal(root[path][name][...], data)
    assert root[path][name].attrs["is"] in ("old", "new")
    return True


def kill_at_each_step(
    store: Callable[[], Any], act: Callable[[Any], object], check: Callable[[Any], None]
) -> int:
    steps = 0
    while True:
        inner = store()
        Dying.left = steps
        try:
            act(Dying(inner))
        except Killed:
            check(inner)
            steps += 1
        else:
            return steps


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_a_move_leaves_a_whole_node_wherever_it_is_killed(zarr_format: Any) -> None:
    def act(store: Any) -> None:
        tools.mv(store, store, path="old", target_path="far/there")

    def check(inner: MemoryStore) -> None:
        there = holds(inner, "far/there", "a", OLD, zarr_format)
        assert there or holds(inner, "old", "a", OLD, zarr_format)

    assert kill_at_each_step(lambda: made(zarr_format), act, check) > 7


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_a_move_to_another_store_leaves_a_whole_node(zarr_format: Any) -> None:
    targets: list[MemoryStore] = []

    def act(store: Any) -> None:
        targets[:] = [MemoryStore()]
        zarr.create_group(targets[0], zarr_format=zarr_format)
        tools.mv(store, Dying(targets[0]), path="old", target_path="there")

    def check(inner: MemoryStore) -> None:
        there = holds(targets[0], "there", "a", OLD, zarr_format)
        assert there or holds(inner, "old", "a", OLD, zarr_format)

    assert kill_at_each_step(lambda: made(zarr_format), act, check) > 7


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_a_replacement_leaves_whole_nodes_and_can_be_finished(zarr_format: Any) -> None:
    finished = 0

    def act(store: Any) -> None:
        tools.replace(store, store, path="new", target_path="old")

    def check(inner: MemoryStore) -> None:
        nonlocal finished
        is_old = holds(inner, "old", "a", OLD, zarr_format)
        is_new = not is_old and holds(inner, "old", "b", NEW, zarr_format)
        beside = holds(inner, "old~new", "b", NEW, zarr_format)
        assert is_old or is_new or beside
        assert holds(inner, "new", "b", NEW, zarr_format)
        if beside:
            finished += 1
            with pytest.raises(FileExistsError, match="old~new"):
                act(inner)
            tools.replace(inner, inner, path="old~new", target_path="old")
        elif is_new and any(key.startswith("old~new/") for key in inner._store_dict):
            with pytest.raises(FileExistsError, match="was deleting"):
                act(inner)
            tools.rm(inner, path="old~new", recursive=True)
            act(inner)
        else:
            act(inner)
        assert holds(inner, "old", "b", NEW, zarr_format)
        assert sorted(zarr.open_group(inner, zarr_format=zarr_format)) == ["new", "old"]
        assert sorted(zarr.open_group(inner, path="old", zarr_format=zarr_format)) == ["b"]

    assert kill_at_each_step(lambda: made(zarr_format), act, check) > 12
    assert finished > 4


def test_what_was_read_and_is_overwritten_is_never_lost() -> None:
    def act(store: Any) -> None:
        array = zarr.open_array(store, path="old/a", mode="r")
        tools.replace(array.lazy[::-1], store, target_path="old/a")

    def check(inner: MemoryStore) -> None:
        for path in ("old/a", "old/a~new"):
            if path in zarr.open_group(inner, mode="r"):
                found = zarr.open_array(inner, path=path)[...]
                assert any(np.array_equal(found, each) for each in (OLD, OLD[::-1]))
                return
        raise AssertionError("there is no node")

    assert kill_at_each_step(lambda: made(3), act, check) > 6


def make_sqlite(directory: Path) -> Any:
    return SQLiteStore(directory / f"{next(COUNT)}.sqlite")


def make_zip(directory: Path) -> Any:
    return ZipStore(directory / f"{next(COUNT)}.zip", mode="w")


def make_objects(directory: Path) -> Any:
    return ObjectStore(pytest.importorskip("obstore.store").MemoryStore())


def make_fsspec(directory: Path) -> Any:
    fsspec = pytest.importorskip("fsspec")
    return FsspecStore.from_url(
        f"memory://cut-{fsspec.utils.tokenize(str(directory))}-{next(COUNT)}"
    )


STORES = {"zip": make_zip, "sqlite": make_sqlite, "objects": make_objects, "fsspec": make_fsspec}


@pytest.mark.parametrize("kind", STORES)
def test_moves_and_replacements_lose_nothing_in_any_store(kind: str, tmp_path: Path) -> None:
    def store() -> Any:
        return made(3, STORES[kind](tmp_path))

    def move(store: Any) -> None:
        tools.mv(store, store, path="old", target_path="far/there")

    def check_moved(inner: Any) -> None:
        assert holds(inner, "far/there", "a", OLD, 3) or holds(inner, "old", "a", OLD, 3)

    def replace(store: Any) -> None:
        array = zarr.open_array(store, path="old/a", mode="r")
        tools.replace(array.lazy[::-1], store, target_path="old/a")

    def check_replaced(inner: Any) -> None:
        group = zarr.open_group(inner, path="old", mode="r")
        whole = [group[name][...] for name in ("a", "a~new") if name in group]
        assert whole
        for found in whole[:1]:
            assert any(np.array_equal(found, each) for each in (OLD, OLD[::-1]))

    assert kill_at_each_step(store, move, check_moved) > 7
    assert kill_at_each_step(store, replace, check_replaced) > 6


@pytest.mark.parametrize("kind", STORES)
def test_a_synchronisation_that_is_killed_shows_no_node_in_part(kind: str, tmp_path: Path) -> None:
    source = made(3)

    def act(store: Any) -> None:
        tools.sync(source, store, delete=True)

    def check(inner: Any) -> None:
        try:
            root = zarr.open_group(inner, mode="r")
        except FileNotFoundError:
            return
        # The document of the root comes last: all is there.
        for path, data in (("old/a", OLD), ("new/b", NEW)):
            np.testing.assert_array_equal(root[path][...], data)

    assert kill_at_each_step(lambda: STORES[kind](tmp_path), act, check) > 7


@pytest.mark.parametrize("task", ["mv", "replace", "sync"])
def test_an_archive_on_disk_holds_whole_nodes_wherever_it_is_cut(task: str, tmp_path: Path) -> None:
    def store() -> Any:
        file = tmp_path / f"{next(COUNT)}.zip"
        with ZipStore(file, mode="w") as empty:
            made(3, empty)
        return ZipStore(file, mode="a")

    def act(store: Any) -> None:
        if task == "mv":
            tools.mv(store, store, path="old", target_path="there")
        elif task == "replace":
            tools.replace(store, store, path="new", target_path="old")
        else:
            tools.sync(store, store, path="new", target_path="copy")

    def check(inner: Any) -> None:
        file = tmp_path / f"{next(COUNT)}.zip"
        shutil.copy(inner.path, file)  # as a process that is killed leaves it
        with ZipStore(file, mode="r") as found:
            whole = any(
                holds(found, path, "a", OLD, 3) or holds(found, path, "b", NEW, 3)
                for path in ("old", "there", "old~new")
            )
            assert whole
            assert holds(found, "new", "b", NEW, 3)

    assert kill_at_each_step(store, act, check) > 3


def die(*args: Any, **kwargs: Any) -> None:
    raise Killed


@pytest.mark.parametrize("step", ["move_dir", "delete_dir"])
def test_a_replaced_directory_is_the_old_or_the_new(
    step: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    zarr.save_array(tmp_path / "data", OLD)
    monkeypatch.setattr(LocalStore, step, die)
    with pytest.raises(Killed):
        tools.replace(NEW, tmp_path / "data")
    monkeypatch.undo()
    found = zarr.open_array(tmp_path / "data", mode="r")[...]
    assert any(np.array_equal(found, each) for each in (OLD, NEW))


def test_a_directory_that_cannot_be_renamed_is_moved_file_by_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    zarr.save_array(tmp_path / "data", OLD)

    async def never(*args: Any, **kwargs: Any) -> bool:
        return False

    monkeypatch.setattr(LocalStore, "move_dir", never)
    assert not tools.mv(tmp_path / "data", tmp_path / "moved").renamed
    tools.replace(NEW, tmp_path / "moved")
    np.testing.assert_array_equal(zarr.open_array(tmp_path / "moved", mode="r")[...], NEW)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["moved"]


def test_an_import_that_is_killed_leaves_whole_arrays_only(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=OLD, y=NEW)

    def act(store: Any) -> None:
        tools.import_file(tmp_path / "a.npz", store, target_path="made", chunks=(2, 2))

    def check(inner: MemoryStore) -> None:
        for name, data in (("x", OLD), ("y", NEW)):
            if f"made/{name}/zarr.json" in inner._store_dict:
                np.testing.assert_array_equal(
                    zarr.open_array(inner, path=f"made/{name}")[...], data
                )
        assert (
            "made/zarr.json" not in inner._store_dict
            or len([key for key in inner._store_dict if key.endswith("/zarr.json")]) == 3
        )

    assert kill_at_each_step(MemoryStore, act, check) > 10
