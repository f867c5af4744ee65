"""A process that is killed while it moves or replaces a node has lost nothing of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import zarr
from zarr import tools
from zarr.storage import LocalStore, MemoryStore, WrapperStore

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

OLD, NEW = np.arange(40).reshape(4, 10), np.arange(40, 64).reshape(8, 3)


class Killed(BaseException):
    """Ends a process, as far as the store can tell: nothing is written any more."""


class Dying(WrapperStore[MemoryStore]):
    """A store whose process is killed before one of its changes."""

    left = 0

    async def intercept(self, method: str, key: str, call: Any, byte_range: Any = None) -> Any:
        if method in ("set", "delete", "delete_dir", "set_if_not_exists", "set_if_unchanged"):
            if Dying.left <= 0:
                raise Killed
            Dying.left -= 1
        return await call()


def made(zarr_format: Any) -> MemoryStore:
    store = MemoryStore()
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
    store: Callable[[], MemoryStore], act: Callable[[Any], object], check: Callable[[Any], None]
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
