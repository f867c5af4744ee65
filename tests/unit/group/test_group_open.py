"""Groups are opened, made and replaced as the mode says, and nothing else happens."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

import zarr
from zarr.buffer import default_buffer_prototype
from zarr.errors import (
    ContainsArrayError,
    ContainsGroupError,
    GroupNotFoundError,
    NodeNotFoundError,
    ZarrDeprecationWarning,
)
from zarr.metadata.group import GroupMetadata
from zarr.storage import MemoryStore, StorePath


def with_node(kind: str) -> MemoryStore:
    """A store with an array or a group of a format, such as "group3"; or an "empty" one."""
    store = MemoryStore()
    if kind.startswith("group"):
        root = zarr.create_group(store, zarr_format=int(kind[-1]), attributes={"old": 1})
        root.create_group("below")
    elif kind.startswith("array"):
        zarr.create_array(store, shape=(2,), dtype="i1", zarr_format=int(kind[-1]))
    return store


KINDS = ("empty", "group2", "group3", "array2", "array3")
WANTED = (None, 2, 3)


@pytest.mark.parametrize("wanted", WANTED)
@pytest.mark.parametrize("mode", ["r", "r+"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_group_that_must_exist_is_not_made(kind: str, mode: Any, wanted: Any) -> None:
    store = with_node(kind)
    before = dict(store._store_dict)
    if kind.startswith("group") and wanted in (None, int(kind[-1])):
        group = zarr.open_group(store, mode=mode, zarr_format=wanted, attributes={"new": 1})
        assert dict(group.attrs) == {"old": 1}
        assert group.metadata.zarr_format == int(kind[-1])
        assert group.read_only is (mode == "r")
    else:
        with pytest.raises((GroupNotFoundError, ContainsArrayError)):
            zarr.open_group(store, mode=mode, zarr_format=wanted)
    assert store._store_dict == before


@pytest.mark.parametrize("wanted", WANTED)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("open_it", [zarr.open_group, zarr.group])
def test_a_group_that_may_exist_is_kept(open_it: Any, kind: str, wanted: Any) -> None:
    store = with_node(kind)
    before = dict(store._store_dict)
    if kind.startswith("array") and wanted in (None, int(kind[-1])):
        with pytest.raises(ContainsArrayError):
            open_it(store, zarr_format=wanted)
        assert store._store_dict == before
        return
    group = open_it(store, zarr_format=wanted, attributes={"new": 1})
    found = kind.startswith("group") and wanted in (None, int(kind[-1]))
    assert dict(group.attrs) == ({"old": 1} if found else {"new": 1})
    assert group.metadata.zarr_format == (int(kind[-1]) if found else wanted or 3)
    assert before.items() <= store._store_dict.items()


@pytest.mark.parametrize("wanted", WANTED)
@pytest.mark.parametrize("kind", KINDS)
def test_a_group_that_is_written_anew_replaces_everything(kind: str, wanted: Any) -> None:
    for make in (
        lambda store: zarr.open_group(store, mode="w", zarr_format=wanted, attributes={"n": 1}),
        lambda store: zarr.group(store, overwrite=True, zarr_format=wanted, attributes={"n": 1}),
        lambda store: zarr.create_group(
            store, overwrite=True, zarr_format=wanted, attributes={"n": 1}
        ),
    ):
        store = with_node(kind)
        group = make(store)
        assert dict(group.attrs) == {"n": 1}
        names = {3: {"zarr.json"}, 2: {".zgroup", ".zattrs"}}[wanted or 3]
        assert set(store._store_dict) == names


@pytest.mark.parametrize("kind", KINDS)
def test_a_group_that_must_not_exist_is_not_replaced(kind: str) -> None:
    store = with_node(kind)
    before = dict(store._store_dict)
    if kind == "empty":
        assert dict(zarr.open_group(store, mode="w-", attributes={"n": 1}).attrs) == {"n": 1}
        return
    with pytest.raises(FileExistsError):
        zarr.open_group(store, mode="w-")
    with pytest.raises((ContainsArrayError, ContainsGroupError)):
        zarr.create_group(store, zarr_format=int(kind[-1]))
    # A path in a store, as programs hand it over.
    place = StorePath(store)
    array: Any = {"shape": (3,)}
    for make, what in ((zarr.open_group, {}), (zarr.open, {}), (zarr.open, array)):
        with pytest.raises((ContainsArrayError, ContainsGroupError)):
            make(place, mode="w-", zarr_format=int(kind[-1]), **what)  # type: ignore[operator]
    assert store._store_dict == before


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mode", [None, "r", "r+", "a", "w", "w-"])
def test_open_finds_out_what_there_is(kind: str, mode: Any) -> None:
    store = with_node(kind)
    if kind == "empty" and mode in ("r", "r+"):
        with pytest.raises(NodeNotFoundError):
            zarr.open(store, mode=mode)
        return
    if kind != "empty" and mode == "w-":
        with pytest.raises(FileExistsError):
            zarr.open(store, mode=mode)
        return
    found = zarr.open(store, mode=mode)
    is_array = kind.startswith("array") and mode != "w"
    assert isinstance(found, zarr.Array if is_array else zarr.Group)
    assert found.read_only is (mode == "r")


def test_open_takes_parameters_of_groups_for_groups_only() -> None:
    store = with_node("group3")
    with pytest.raises(ContainsGroupError):
        zarr.open(store, shape=(3,), dtype="i4")
    with pytest.raises(TypeError, match="order"):
        zarr.open(store, order="C")
    assert zarr.open(store, synchronizer=zarr.ThreadSynchronizer()).synchronizer is not None
    assert isinstance(zarr.open(with_node("array3"), use_consolidated=False), zarr.Array)
    assert zarr.open(MemoryStore(), shape=(3,), dtype="i4").shape == (3,)


def test_a_format_may_be_named_as_it_was() -> None:
    with pytest.warns(ZarrDeprecationWarning, match="zarr_version"):
        assert zarr.open_group({}, zarr_version=2).metadata.zarr_format == 2
    with zarr.config.set({"default_zarr_format": 2}):
        assert zarr.group().metadata.zarr_format == 2
        assert zarr.create_group({}).metadata.zarr_format == 2
    with pytest.raises(ValueError, match="zarr_format"):
        zarr.create_group({}, zarr_format=4)


def test_a_group_is_made_with_those_above_it(tmp_path: Any) -> None:
    group = zarr.create_group(tmp_path / "s", path="a/b", attributes={"x": 1})
    assert group.path == "a/b"
    assert [name for name, _ in zarr.open_group(tmp_path / "s").members(None)] == ["a", "a/b"]
    zarr.create_array(tmp_path / "s", name="a/b/c", shape=(1,), dtype="i1")
    with pytest.raises(ValueError, match="only groups"):
        zarr.create_group(tmp_path / "s", path="a/b/c/d")


def test_classes_open_and_make_groups_too() -> None:
    store = MemoryStore()
    made = zarr.Group.from_store(store, attributes={"x": 1}, zarr_format=2)
    assert zarr.Group.open(store, zarr_format=None) == made
    with pytest.raises(GroupNotFoundError):
        zarr.Group.open(store)
    with pytest.raises(ContainsGroupError):
        zarr.Group.from_store(store, zarr_format=2)
    assert dict(zarr.Group.from_store(store, overwrite=True).attrs) == {}
    group = zarr.AsyncGroup.from_dict(made.store_path, {"zarr_format": 2, "attributes": {"y": 1}})
    assert group.attrs == {"y": 1}


def test_chunks_of_a_group_may_be_stored_elsewhere() -> None:
    store, chunks = MemoryStore(), MemoryStore()
    group = zarr.open_group(store, chunk_store=chunks)
    array = group.create_array("x/a", data=np.arange(4), chunks=(2,))
    assert set(store._store_dict) == {"zarr.json", "x/zarr.json", "x/a/zarr.json"}
    assert set(chunks._store_dict) == {"x/a/c/0", "x/a/c/1"}
    np.testing.assert_array_equal(array[:], np.arange(4))
    again = zarr.open_group(store, mode="r", chunk_store=chunks)
    for found in (again["x/a"], again["x"]["a"]):
        np.testing.assert_array_equal(found[:], np.arange(4))


def test_several_arrays_are_saved_and_loaded_as_a_group(tmp_path: Any) -> None:
    place = tmp_path / "s"
    zarr.save(place, np.arange(3), np.arange(2), named=np.ones((2, 2)))
    loaded: Any = zarr.load(place)
    assert sorted(loaded) == ["arr_0", "arr_1", "named"]
    np.testing.assert_array_equal(loaded["arr_0"], [0, 1, 2])
    assert isinstance(loaded["named"], np.ndarray)
    assert loaded["named"] is loaded["named"]
    zarr.save_group(place, x=np.arange(1), path="sub", zarr_format=3)
    assert "sub" in loaded
    np.testing.assert_array_equal(loaded["sub"]["x"], [0])
    assert len(loaded) == 3
    zarr.save(place, only=np.arange(1))
    assert list(zarr.open_group(place)) == ["only"]
    for wrong in ([1, 2], "text"):
        with pytest.raises(TypeError, match="numpy"):
            zarr.save_group(place, wrong)
    with pytest.raises(ValueError, match="at least one"):
        zarr.save_group(place)
    assert list(zarr.open_group(place)) == ["only"]


ARRAY = {
    "zarr_format": 2,
    "shape": [2],
    "chunks": [2],
    "dtype": "|u1",
    "fill_value": 0,
    "order": "C",
    "filters": None,
    "compressor": None,
}
ZGROUP = {"zarr_format": 2}
DOCUMENTS: dict[str, dict[str, Any]] = {
    "nothing": {},
    "attributes": {".zattrs": {"a": 1}},
    "consolidated": {".zmetadata": {"metadata": {".zgroup": ZGROUP, "x/.zarray": ARRAY}}},
    "consolidated, of no group": {".zmetadata": {"metadata": {"x/.zarray": ARRAY}}},
    "consolidated, of an array": {".zmetadata": {"metadata": {".zarray": ARRAY}}},
    "an array, and consolidated": {
        ".zarray": ARRAY,
        ".zmetadata": {"metadata": {".zgroup": ZGROUP}},
    },
    "a group": {".zgroup": ZGROUP, ".zmetadata": {"metadata": {"x/.zarray": ARRAY}}},
}


@pytest.mark.parametrize("documents", DOCUMENTS)
@pytest.mark.parametrize("zarr_format", [None, 2])
def test_all_ways_of_opening_agree_on_where_a_group_is(documents: str, zarr_format: Any) -> None:
    def kind(function: Any, **given: Any) -> str:
        store = MemoryStore()
        for path in ("", "below/"):
            for name, document in DOCUMENTS[documents].items():
                value = default_buffer_prototype().buffer.from_bytes(json.dumps(document).encode())
                store._store_dict[path + name] = value
        try:
            return type(function(store, **given)).__name__
        except NodeNotFoundError:
            return "nothing"

    def member(store: Any) -> Any:
        root = zarr.AsyncGroup(GroupMetadata(zarr_format=2), StorePath(store))
        try:
            return zarr.Group(root)["below"]
        except KeyError as error:
            raise GroupNotFoundError from error

    given = {"zarr_format": zarr_format}
    there = kind(zarr.open, mode="r", **given)
    expected = there if there == "Group" else "nothing"
    assert there == kind(member)
    for function in (zarr.open_group, zarr.open_consolidated):
        assert expected == kind(function, mode="r", **given)
        assert expected == kind(function, mode="r", path="below", **given)
    assert expected == kind(zarr.Group.open, **given)
    assert expected == kind(zarr.open_group, mode="r+", use_consolidated=False, **given)
