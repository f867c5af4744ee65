"""Two nodes at one path: which one is opened, and that none is changed or lost by opening."""

from __future__ import annotations

from typing import Any

import pytest

import zarr
from zarr.errors import ArrayNotFoundError, ContainsArrayError, GroupNotFoundError


def arrays() -> dict[str, Any]:
    """An array of three elements in format 2, and one of five in format 3."""
    store: dict[str, Any] = {}
    zarr.create_array(store, shape=3, dtype="i4", zarr_format=2)
    other: dict[str, Any] = {}
    zarr.create_array(other, shape=5, dtype="i4", zarr_format=3)
    return {**store, **other}


def array_and_group() -> dict[str, Any]:
    """An array and a group of format 2."""
    store: dict[str, Any] = {}
    zarr.create_array(store, shape=3, dtype="i4", zarr_format=2)
    other: dict[str, Any] = {}
    zarr.create_group(other, zarr_format=2)
    return {**store, **other}


@pytest.mark.parametrize("name", ["open", "open_array"])
@pytest.mark.parametrize("mode", ["r", "r+", "a"])
def test_format_3_comes_first_unless_a_format_is_given(name: str, mode: Any) -> None:
    store = arrays()
    before = dict(store)
    for zarr_format, length in ((None, 5), (3, 5), (2, 3)):
        found = getattr(zarr, name)(store, mode=mode, zarr_format=zarr_format)
        assert found.shape == (length,)
    assert store == before


@pytest.mark.parametrize("zarr_format", [None, 2])
def test_an_array_beside_a_group_of_format_2_is_what_open_finds(zarr_format: Any) -> None:
    store = array_and_group()
    before = dict(store)
    assert isinstance(zarr.open(store, mode="r", zarr_format=zarr_format), zarr.Array)
    assert zarr.open_array(store, mode="r", zarr_format=zarr_format).shape == (3,)
    assert isinstance(zarr.open_group(store, mode="r", zarr_format=zarr_format), zarr.Group)
    assert store == before


@pytest.mark.parametrize("mode", ["r", "r+", "a"])
def test_an_error_names_what_was_looked_for_and_what_is_there(mode: Any) -> None:
    store = arrays()
    before = dict(store)
    with pytest.raises(ContainsArrayError, match="group was looked for.*array of format 3"):
        zarr.open_group(store, mode=mode)
    if mode != "a":
        with pytest.raises(GroupNotFoundError, match=r"no \.zgroup, but a node of format 3"):
            zarr.open_group(store, mode=mode, zarr_format=2)
    assert store == before
    store = array_and_group()
    before = dict(store)
    with pytest.raises(ArrayNotFoundError, match=r"no zarr\.json, but an array of format 2"):
        zarr.open_array(store, mode="r", zarr_format=3)
    assert store == before


def test_a_node_of_unknown_type_is_named_as_such() -> None:
    document = b'{"zarr_format": 3, "node_type": "blob"}'
    for name in ("open", "open_group"):
        store = {"x/zarr.json": zarr.buffer.cpu.Buffer.from_bytes(document)}
        with pytest.raises(ValueError, match=r"'array', 'group'\], got 'blob'.*'.*x'"):
            getattr(zarr, name)(store, path="x", mode="a")
        assert set(store) == {"x/zarr.json"}
