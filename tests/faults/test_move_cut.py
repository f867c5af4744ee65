"""A move, or a deletion, that ends after any number of its changes leaves whole nodes only."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import zarr
from zarr.storage import MemoryStore, WrapperStore

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from zarr.abc.store import Store
    from zarr.buffer.core import Buffer

pytestmark = [
    pytest.mark.filterwarnings("ignore:Consolidated metadata is currently not"),
    # A warning tells of the chunks of a node whose documents are gone.
    pytest.mark.filterwarnings("ignore:Object at (old|new).* is not recognized"),
]

DATA = np.arange(1, 41).reshape(8, 5)
FORMATS = pytest.mark.parametrize("zarr_format", [2, 3])
CONSOLIDATED = pytest.mark.parametrize("consolidated", [False, True])


class Cut(Exception):
    """The process is no more."""


class Ending(WrapperStore["Store"]):
    """A store that makes so many changes, one by one and in no order, and then none."""

    def __init__(self, store: Store, changes: int) -> None:
        super().__init__(store)
        self.changes = changes
        self.order = random.Random(changes)

    def _count(self) -> None:
        self.changes -= 1
        if self.changes < 0:
            raise Cut

    async def set(self, key: str, value: Buffer) -> None:
        self._count()
        await self._store.set(key, value)

    async def delete(self, key: str) -> None:
        self._count()
        await self._store.delete(key)

    async def list_prefix(self, prefix: str) -> AsyncIterator[str]:
        keys = [key async for key in self._store.list_prefix(prefix)]
        self.order.shuffle(keys)
        for key in keys:
            yield key


def made(zarr_format: Any, consolidated: bool) -> dict[str, Any]:
    store: dict[str, Any] = {}
    root = zarr.create_group(store, zarr_format=zarr_format)
    for name in ("old/a", "old/sub/b"):
        array = root.create_array(name, data=DATA, chunks=(3, 5), attributes={"name": name[-1]})
        assert dict(array.attrs)
    if consolidated:
        zarr.consolidate_metadata(store, zarr_format=zarr_format)
    return store


def opened(store: Any, zarr_format: Any, **more: Any) -> Any:
    return zarr.open_group(store, mode="r+", zarr_format=zarr_format, **more)


def check_whole(group: Any) -> set[str]:
    """All arrays below a group are whole; their paths."""
    found = dict(group.members(max_depth=None))
    arrays = {name: node for name, node in found.items() if isinstance(node, zarr.Array)}
    for name, array in arrays.items():
        np.testing.assert_array_equal(array[...], DATA, err_msg=name)
        assert dict(array.attrs) == {"name": name[-1]}
    return set(arrays)


def check_reached(store: Any, zarr_format: Any) -> None:
    """So are those that are opened by their paths."""
    for path in ("old/a", "old/sub/b", "new/a", "new/sub/b"):
        try:
            array: Any = zarr.open_array(store, path=path, mode="r", zarr_format=zarr_format)
        except FileNotFoundError:
            continue
        np.testing.assert_array_equal(array[...], DATA, err_msg=path)


@FORMATS
@CONSOLIDATED
def test_a_move(zarr_format: Any, consolidated: bool) -> None:
    old, new = ({f"{name}/a", f"{name}/sub/b"} for name in ("old", "new"))
    for changes in range(1000):
        data = made(zarr_format, consolidated)
        try:
            opened(Ending(MemoryStore(data), changes), zarr_format).move("old", "new")
        except Cut:
            done = False
        else:
            done = True
        seen = [check_whole(opened(data, zarr_format))]
        seen.append(check_whole(opened(data, zarr_format, use_consolidated=False)))
        for found in seen:
            assert old <= found or new <= found
        check_reached(data, zarr_format)
        if "new" not in opened(data, zarr_format, use_consolidated=False):
            opened(data, zarr_format).move("old", "new")  # goes on
            assert check_whole(opened(data, zarr_format)) == new
        elif "old" in opened(data, zarr_format, use_consolidated=False):
            del opened(data, zarr_format)["old"]
            assert check_whole(opened(data, zarr_format)) == new
        if done:
            assert not any(key.startswith("old") for key in data)
            break
    assert changes >= 20


@FORMATS
@CONSOLIDATED
def test_a_deletion_of_an_array(zarr_format: Any, consolidated: bool) -> None:
    for changes in range(1000):
        data = made(zarr_format, consolidated)
        try:
            del opened(Ending(MemoryStore(data), changes), zarr_format)["old/a"]
        except Cut:
            done = False
        else:
            done = True
        check_whole(opened(data, zarr_format))
        check_whole(opened(data, zarr_format, use_consolidated=False))
        check_reached(data, zarr_format)
        if done:
            assert not any(key.startswith("old/a") for key in data)
            break
    assert changes > 3


@FORMATS
def test_values_that_are_no_part_of_a_node_are_not_taken_for_its_own(zarr_format: Any) -> None:
    data = made(zarr_format, False)
    root = opened(data, zarr_format)
    left = "new/a/c/7/7" if zarr_format == 3 else "new/a/7.7"
    data[left] = data["old/a/c/0/0" if zarr_format == 3 else "old/a/0.0"]
    with pytest.raises(FileExistsError, match=left):
        root.move("old", "new")
    assert "old/a" in root
    del root["new"]
    root.move("old", "new")
    assert check_whole(root) == {"new/a", "new/sub/b"}
