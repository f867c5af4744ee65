"""Nodes and their metadata are dataclasses that programs replace, extend and mark."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from typing import Any

import numpy as np
import pytest

import zarr
from zarr.storage import MemoryStore, StorePath

pytestmark = pytest.mark.filterwarnings("ignore:Consolidated metadata:UserWarning")


@pytest.fixture(params=[2, 3])
def group(request: Any) -> zarr.Group:
    group = zarr.create_group({}, attributes={"a": 1}, zarr_format=request.param)
    group.create_array("x", data=np.arange(6), chunks=(2,), attributes={"b": 2})
    return group


def handles(group: zarr.Group) -> list[Any]:
    array: Any = group["x"]
    return [group, group._async_group, array, array.async_array]


def test_a_replaced_handle_is_the_same_node(group: zarr.Group) -> None:
    for handle in handles(group):
        again = dataclasses.replace(handle)
        assert again == handle
        assert type(again) is type(handle)
        assert again is not handle
        assert vars(again).keys() >= {item.name for item in dataclasses.fields(handle)}


def test_replaced_metadata_are_those_of_the_new_handle_only(group: zarr.Group) -> None:
    metadata = dataclasses.replace(group.metadata, attributes={"n": 1})
    other = zarr.Group(dataclasses.replace(group._async_group, metadata=metadata))
    assert dict(other.attrs) == {"n": 1}
    assert dict(group.attrs) == {"a": 1}
    array: Any = group["x"]
    metadata = dataclasses.replace(array.metadata, attributes={"n": 2})
    replaced = zarr.Array(dataclasses.replace(array.async_array, metadata=metadata))
    assert dict(replaced.attrs) == {"n": 2}
    assert dict(array.attrs) == {"b": 2}
    assert replaced[:].tolist() == list(range(6))


def test_a_replaced_handle_is_accessed_in_the_same_way() -> None:
    store, chunks, locks = MemoryStore(), MemoryStore(), zarr.ThreadSynchronizer()
    group = zarr.open_group(store, mode="a", chunk_store=chunks, synchronizer=locks)
    group.create_array("x", data=np.arange(4), chunks=(2,))
    again = zarr.Group(dataclasses.replace(group._async_group))
    assert again.synchronizer is locks
    assert np.asarray(again["x"]).tolist() == [0, 1, 2, 3]

    closed = zarr.open_array(store, path="x", mode="r+", chunk_store=chunks, read_only=True)
    with pytest.raises(ValueError, match="read-only"):
        zarr.Array(dataclasses.replace(closed.async_array))[0] = 9


def test_a_handle_becomes_one_of_a_subclass(group: zarr.Group) -> None:
    class Measured(zarr.Array[Any]):
        def __len__(self) -> int:
            return self.shape[0]

    array: Any = group["x"]
    array.__class__ = Measured
    assert len(array) == 6
    assert array[1:3].tolist() == [1, 2]


def test_subclasses_may_be_dataclasses(group: zarr.Group) -> None:
    @dataclasses.dataclass(frozen=True)
    class Named(zarr.Group):
        label: str = ""

    @dataclasses.dataclass
    class Labelled(zarr.Array[Any]):
        label: str = ""

    named = Named(group._async_group, label="l")
    assert (named.label, list(named)) == ("l", ["x"])
    array: Any = group["x"]
    assert Labelled(array.async_array, "m")[0] == 0


def test_notes_of_a_program_on_an_array_are_kept_by_copies(group: zarr.Group) -> None:
    array: Any = group["x"]
    array.note = "mine"
    array[0] = 5
    for other in (copy.copy(array), copy.deepcopy(array)):
        assert other.note == "mine"
        assert other[:].tolist() == [5, 1, 2, 3, 4, 5]


def test_a_handle_is_pickled_without_what_is_made_of_it(tmp_path: Any) -> None:
    array = zarr.create_array(tmp_path, data=np.arange(6), chunks=(2,))
    array.note = "mine"
    assert array[0] == 0
    other = pickle.loads(pickle.dumps(array))
    assert other.note == "mine"
    assert other[:].tolist() == list(range(6))


@pytest.mark.parametrize("face", ["_async_group", "_async_array"])
def test_only_an_array_is_assigned_to(group: zarr.Group, face: str) -> None:
    handle: Any = group if face == "_async_group" else group["x"]
    with pytest.raises(dataclasses.FrozenInstanceError):
        getattr(handle, face).metadata = None
    with pytest.raises(dataclasses.FrozenInstanceError):
        group.note = 1  # type: ignore[attr-defined]


def test_metadata_that_are_set_by_force_are_read_by(group: zarr.Group) -> None:
    array: Any = group["x"]
    assert array[:].size == 6
    shorter = dataclasses.replace(array.metadata, shape=(3,))
    object.__setattr__(array.async_array, "metadata", shorter)
    assert array[:].tolist() == [0, 1, 2]


def test_nodes_become_dicts(group: zarr.Group) -> None:
    for handle in handles(group):
        assert dataclasses.asdict(handle).keys() == {
            item.name for item in dataclasses.fields(handle)
        }


def test_places_and_summaries_show_their_parts(group: zarr.Group) -> None:
    assert vars(StorePath(group.store, "a/b")) == {"store": group.store, "path": "a/b"}
    assert vars(group.info)["_name"] == ""
