"""Handles of nodes without documents behave as programs expect."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import zarr
from zarr.core.group import AsyncGroup, GroupMetadata
from zarr.core.sync import _collect_aiterator, sync
from zarr.errors import ContainsArrayError, GroupNotFoundError
from zarr.storage import MemoryStore, StorePath

FORMATS = pytest.mark.parametrize("zarr_format", [2, 3])


@FORMATS
def test_attributes_of_a_group_in_a_cleared_store_are_written_anew(zarr_format: Any) -> None:
    store = MemoryStore()
    group = zarr.open_group(store, mode="w", zarr_format=zarr_format, attributes={"a": 1})
    sync(store.clear())
    group.attrs["b"] = 2
    assert zarr.open_group(store, mode="r").attrs.asdict() == {"a": 1, "b": 2}
    sync(store.clear())
    assert group.require_group("/").path == ""
    assert zarr.open_group(store, mode="r").metadata.zarr_format == zarr_format


@FORMATS
def test_attributes_of_an_array_in_a_cleared_store_are_written_anew(zarr_format: Any) -> None:
    store = MemoryStore()
    array = zarr.create_array(store, shape=3, dtype="i1", zarr_format=zarr_format)
    sync(store.clear())
    array.attrs["b"] = 2
    assert zarr.open_array(store, mode="r").attrs.asdict() == {"b": 2}
    assert zarr.open_array(store, mode="r").shape == (3,)


@FORMATS
def test_a_group_is_not_written_over_what_came_in_its_place(zarr_format: Any) -> None:
    store = MemoryStore()
    group = zarr.open_group(store, mode="w", zarr_format=zarr_format)
    zarr.create_array(store, shape=3, dtype="i1", zarr_format=zarr_format, overwrite=True)
    with pytest.raises((ContainsArrayError, GroupNotFoundError)):
        group.attrs["b"] = 2
    assert zarr.open_array(store, mode="r").shape == (3,)


def test_a_group_that_is_only_described_is_stored_with_its_first_member() -> None:
    store = MemoryStore()
    group = AsyncGroup(GroupMetadata(), StorePath(store, "root"))

    async def names() -> list[str]:
        await group.create_array("a", shape=(1,), dtype="u1")
        found = await _collect_aiterator(group.members())
        return [name for name, _ in found]

    assert asyncio.run(names()) == ["a"]
    assert sorted(store._store_dict) == ["root/a/zarr.json", "root/zarr.json", "zarr.json"]


def test_fields_left_out_of_a_groups_document_are_as_in_an_empty_one() -> None:
    assert GroupMetadata.from_dict({"attributes": {"a": 1}}) == GroupMetadata({"a": 1})
    assert GroupMetadata.from_dict({"zarr_format": 2}).zarr_format == 2


def test_the_asynchronous_update_of_a_synchronous_group_replaces() -> None:
    group = zarr.open_group({}, mode="w", attributes={"a": 1})
    assert asyncio.run(group.update_attributes_async({"b": 2})).attrs.asdict() == {"b": 2}


def test_the_grid_of_an_array_of_format_2_is_deprecated_and_there() -> None:
    metadata = zarr.create_array({}, shape=(4,), chunks=(3,), dtype="i1", zarr_format=2).metadata
    with pytest.warns(DeprecationWarning, match="chunk_grid"):
        assert metadata.chunk_grid.chunk_shape == (3,)  # type: ignore[union-attr]
