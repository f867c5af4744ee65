"""Many nodes are made at once, or none."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import zarr
from zarr.api.groups import create_nodes, create_rooted_hierarchy, get_node
from zarr.errors import ContainsArrayError, ContainsGroupError, NodeNotFoundError
from zarr.metadata.group import GroupMetadata, ImplicitGroupMarker
from zarr.storage import MemoryStore

ARRAY = zarr.create_array({}, shape=(2,), dtype="i4").metadata
ARRAY_V2 = zarr.create_array({}, shape=(2,), dtype="i4", zarr_format=2).metadata
GROUP = GroupMetadata(attributes={"g": 1})


def made(store: MemoryStore, nodes: Any, **options: Any) -> dict[str, str]:
    found = zarr.create_hierarchy(store=store, nodes=nodes, **options)
    return {path: type(node).__name__ for path, node in found}


def test_nodes_are_made_and_groups_above_them() -> None:
    store = MemoryStore()
    assert made(store, {"a/b/c": ARRAY, "/d/": GROUP}) == {
        "": "Group",
        "a": "Group",
        "a/b": "Group",
        "a/b/c": "Array",
        "d": "Group",
    }
    root = zarr.open_group(store, mode="r")
    assert dict(root["d"].attrs) == {"g": 1}
    assert sorted(name for name, _ in root.members(None)) == ["a", "a/b", "a/b/c", "d"]
    assert made(MemoryStore(), {"a": ARRAY_V2}) == {"": "Group", "a": "Array"}
    assert made(MemoryStore(), {}) == {}


@pytest.mark.parametrize(
    ("nodes", "message"),
    [
        ({"a": ARRAY, "a/b": ARRAY}, "Only Zarr groups"),
        ({"a": ARRAY, "a/b/c": GROUP}, "Only Zarr groups"),
        ({"a": ARRAY, "b": ARRAY_V2}, "both Zarr v2 and Zarr v3"),
        ({"a": GROUP, "/a": ARRAY}, "collides"),
        ({"../a": GROUP}, "'..'"),
        ({"a/./b": GROUP}, "'.'"),
        ({"__a": GROUP}, "reserved"),
        ({"a/zarr.json": GROUP}, "document"),
    ],
)
def test_nodes_that_contradict_each_other_are_refused(nodes: Any, message: str) -> None:
    store = MemoryStore()
    with pytest.raises(ValueError, match=message):
        made(store, {"first": GROUP, **nodes} if "b" not in nodes else nodes)
    assert not store._store_dict


def test_nothing_is_made_if_one_is_there_already() -> None:
    store = MemoryStore()
    root = zarr.create_group(store)
    root.create_array("array", shape=(1,), dtype="i1")
    root.create_group("group/below")
    before = dict(store._store_dict)
    for nodes, error in (
        ({"new": GROUP, "array": ARRAY}, ContainsArrayError),
        ({"new": GROUP, "group": GROUP}, ContainsGroupError),
        ({"new": GROUP, "array/x": ARRAY}, ContainsArrayError),
        ({"": GROUP}, ContainsGroupError),
    ):
        with pytest.raises(error):
            made(store, nodes)
        assert store._store_dict == before
    assert made(store, {"group/new": ARRAY}) == {"group/new": "Array"}
    with pytest.raises(ContainsArrayError):
        made(store, {"array/x": ARRAY}, overwrite=True)
    assert made(store, {"group": GROUP}, overwrite=True) == {"group": "Group"}
    assert sorted(root) == ["array", "group"]
    assert list(root["group"]) == []


def test_a_marker_gives_way_to_what_is_there() -> None:
    store = MemoryStore()
    zarr.create_group(store, path="g", attributes={"x": 1})
    assert made(store, {"g": ImplicitGroupMarker(), "h": ImplicitGroupMarker()}) == {"h": "Group"}
    assert dict(zarr.open_group(store, path="g").attrs) == {"x": 1}


def test_a_group_makes_nodes_below_itself() -> None:
    root = zarr.create_group({})
    group = root.create_group("base")
    found = dict(group.create_hierarchy({"x/y": ARRAY, "/z": GROUP}))
    assert {name: node.path for name, node in found.items()} == {
        "x": "base/x",
        "x/y": "base/x/y",
        "z": "base/z",
    }
    with pytest.raises(ValueError, match="root node"):
        list(group.create_hierarchy({"": GROUP}))
    with pytest.raises(ValueError, match="zarr_format"):
        list(group.create_hierarchy({"v": ARRAY_V2}))
    with pytest.raises(ContainsArrayError):
        list(group.create_hierarchy({"x/y": ARRAY}))
    assert sorted(group) == ["x", "z"]

    async def asynchronous() -> list[str]:
        nodes = {"a/b": ARRAY}
        return [name async for name, _ in group._async_group.create_hierarchy(nodes)]

    assert asyncio.run(asynchronous()) == ["a", "a/b"]


def test_the_root_of_what_was_made() -> None:
    def rooted(nodes: Any) -> Any:
        return asyncio.run(create_rooted_hierarchy(store=MemoryStore(), nodes=nodes))

    assert rooted({"a/b": ARRAY, "a": GROUP}).path == "a"
    assert rooted({"a": ARRAY}).shape == (2,)
    assert rooted({"": GROUP, "x": ARRAY}).path == ""
    for nodes in ({"a": GROUP, "b": GROUP}, {"a/b": ARRAY, "a/c": ARRAY}, {}):
        with pytest.raises(ValueError, match="root"):
            rooted(nodes)


def test_nodes_are_stored_and_found_whatever_is_there() -> None:
    store = MemoryStore()

    async def use() -> list[Any]:
        found = [item async for item in create_nodes(store=store, nodes={"a": ARRAY, "g": GROUP})]
        assert dict(found)["a"].shape == (2,)
        return [await get_node(store, path, 3) for path in ("a", "g")]

    array, group = asyncio.run(use())
    assert (array.shape, group.attrs) == ((2,), {"g": 1})
    with pytest.raises(NodeNotFoundError, match="nothing"):
        asyncio.run(get_node(store, "nothing", 3))


def test_groups_on_the_way_are_made_anew_where_one_above_them_is_replaced() -> None:
    root = zarr.create_group({})
    root.create_array("a/b", shape=(1,), dtype="i1")
    new = GroupMetadata()
    made = dict(root.create_hierarchy({"a": new, "a/b/c": new}, overwrite=True))
    assert sorted(made) == ["a", "a/b", "a/b/c"]
    assert sorted(name for name, _ in root.members(None)) == ["a", "a/b", "a/b/c"]
