"""Attributes, read and changed by tools: all that is refused is refused before a change."""

from __future__ import annotations

from typing import Any

import pytest

import zarr
from zarr import tools


@pytest.fixture(params=[2, 3])
def node(request: pytest.FixtureRequest) -> Any:
    return zarr.create_group({}, attributes={"a": 1, "b": [1]}, zarr_format=request.param)


def now(node: Any) -> Any:
    return dict(zarr.open_group(node.store).attrs)


def test_attributes_are_set_and_others_stay(node: Any) -> None:
    assert tools.set_attributes(node, attributes={"c": None}).attributes == now(node)
    assert now(node) == {"a": 1, "b": [1], "c": None}
    tools.set_attributes(node, attributes={"c": 2}, replace=True)
    assert now(node) == {"c": 2}


def test_attributes_are_deleted_all_or_none(node: Any) -> None:
    with pytest.raises(KeyError, match="'z'"):
        tools.delete_attributes(node, names=["a", "z"])
    assert now(node) == {"a": 1, "b": [1]}
    tools.delete_attributes(node, names=["a"])
    assert now(node) == {"b": [1]} == tools.get_attributes(node).attributes


def test_values_that_json_lacks_are_refused(node: Any) -> None:
    with pytest.raises(TypeError):
        tools.set_attributes(node, attributes={"a": 2, "z": object()})  # type: ignore[dict-item]
    assert now(node) == {"a": 1, "b": [1]}


def test_a_store_that_is_read_only_is_not_changed(node: Any) -> None:
    store = node.store.with_read_only(True)
    with pytest.raises(ValueError, match="read-only"):
        tools.set_attributes(store, attributes={"a": 2})
    assert now(node) == {"a": 1, "b": [1]}
