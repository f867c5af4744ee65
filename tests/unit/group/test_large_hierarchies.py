"""A consolidated hierarchy is opened without reading its nodes: each is read when asked for."""

from __future__ import annotations

import copy
import json
import pickle
import threading
from typing import Any

import numpy as np
import pytest

import zarr
from zarr.errors import MetadataValidationError, ZarrUserWarning
from zarr.storage import MemoryStore

pytestmark = pytest.mark.filterwarnings("ignore:Consolidated metadata is currently not part")


@pytest.fixture(params=[2, 3])
def zarr_format(request: Any) -> Any:
    return request.param


def consolidated(zarr_format: Any) -> MemoryStore:
    store = MemoryStore()
    root = zarr.create_group(store, zarr_format=zarr_format, attributes={"a": 1})
    for name in ("b", "é", "g/h/c", "g/d"):
        array = root.create_array(name, data=np.arange(3), attributes={"of": name})
        assert array.attrs["of"] == name
    root["g"].attrs["y"] = 2
    zarr.consolidate_metadata(store)
    return store


def change(store: MemoryStore, version: int, path: str, /, **fields: Any) -> None:
    """Put other fields into what the consolidated metadata say of an array."""
    key = "zarr.json" if version == 3 else ".zmetadata"
    document = json.loads(store._store_dict[key].to_bytes())
    if version == 3:
        document["consolidated_metadata"]["metadata"][path].update(fields)
    else:
        document["metadata"][f"{path}/.zarray"].update(fields)
    data = json.dumps(document).encode()
    store._store_dict[key] = zarr.buffer.cpu.Buffer.from_bytes(data)


def test_an_array_that_cannot_be_read_bars_nobody_from_the_others(zarr_format: Any) -> None:
    store = consolidated(zarr_format)
    change(store, zarr_format, "g/d", shape=[-3])
    group = zarr.open_consolidated(store, mode="r")
    assert group["b"][:].tolist() == [0, 1, 2]
    for _ in range(2):
        with pytest.raises(ValueError, match="g/d") as raised:
            group["g/d"]
        assert f"the metadata of the group {store.shown_as()!r}" in str(raised.value)
    assert "g" in group
    with pytest.warns(ZarrUserWarning, match="'g/d' is left out.*non-negative"):
        found = [name for name, _ in group.members(max_depth=None)]
    assert sorted(found) == ["b", "g", "g/h", "g/h/c", "é"]
    with pytest.raises(ValueError, match="g/d"):
        group.metadata.to_dict()


def test_nodes_of_another_format_are_refused_when_the_hierarchy_is_opened(
    zarr_format: Any,
) -> None:
    store = consolidated(zarr_format)
    change(store, zarr_format, "g/d", zarr_format=5 - zarr_format)
    with pytest.raises((MetadataValidationError, ValueError), match=r"g/d|'d'"):
        zarr.open_consolidated(store, mode="r")


def test_the_metadata_of_nodes_are_a_mapping_as_a_dict_is_one(zarr_format: Any) -> None:
    store = consolidated(zarr_format)
    told = zarr.open_consolidated(store).metadata.consolidated_metadata
    assert told is not None
    nodes = told.metadata
    as_dict = dict(nodes)
    assert nodes == as_dict
    assert as_dict == nodes
    assert nodes != {**as_dict, "more": as_dict["b"]}
    assert list(nodes) == list(as_dict)
    assert len(nodes) == 3
    assert set(nodes) == {"b", "é", "g"}
    assert nodes["b"] is nodes["b"]
    assert nodes.get("none") is None
    assert "none" not in nodes
    with pytest.raises(KeyError, match="none"):
        nodes["none"]
    assert repr(nodes) == repr(as_dict)
    for copied in (pickle.loads(pickle.dumps(told)), copy.deepcopy(told)):
        assert copied == told
    assert told == type(told).from_dict(json.loads(json.dumps(told.to_dict())))


def test_a_handle_of_a_consolidated_group_can_be_pickled(zarr_format: Any, tmp_path: Any) -> None:
    local = zarr.storage.LocalStore(tmp_path)
    zarr.copy_store(consolidated(zarr_format), local)
    group = pickle.loads(pickle.dumps(zarr.open_consolidated(tmp_path, mode="r")))
    assert group["g/h/c"][:].tolist() == [0, 1, 2]
    below = pickle.loads(pickle.dumps(group["g"]))
    assert sorted(below) == ["d", "h"]


def test_nodes_are_counted_without_being_read(zarr_format: Any) -> None:
    store = consolidated(zarr_format)
    change(store, zarr_format, "g/d", shape=[-3])
    told = repr(zarr.open_consolidated(store, mode="r").info)
    assert "No. members : 6" in told
    assert "No. arrays  : 4" in told
    assert "No. groups  : 2" in told


def test_threads_that_ask_for_a_node_get_the_same(zarr_format: Any) -> None:
    told = zarr.open_consolidated(consolidated(zarr_format)).metadata.consolidated_metadata
    assert told is not None
    seen: list[Any] = []
    ready = threading.Barrier(8)

    def ask() -> None:
        ready.wait()
        seen.append(told.metadata["b"])

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({id(node) for node in seen}) == 1


def test_of_two_documents_of_one_node_the_last_one_holds(zarr_format: Any) -> None:
    store = consolidated(zarr_format)
    key = "zarr.json" if zarr_format == 3 else ".zmetadata"
    document = store._store_dict[key].to_bytes()
    parsed = json.loads(document)
    nodes = parsed["consolidated_metadata"]["metadata"] if zarr_format == 3 else parsed["metadata"]
    name = "b" if zarr_format == 3 else "b/.zarray"
    twice = json.dumps(name) + ": " + json.dumps({**nodes[name], "shape": [2]}) + ", "
    text = json.dumps(parsed)
    at = text.index('"metadata": {') + len('"metadata": {')
    data = (text[:at] + twice + text[at:]).encode()
    store._store_dict[key] = zarr.buffer.cpu.Buffer.from_bytes(data)
    group = zarr.open_consolidated(store, mode="r")
    assert group["b"].shape == (3,)
    assert next(iter(group)) == "b"


ATTRIBUTES = [
    None,
    "{}",
    "{ }",
    '{"a": 1}',
    '{"a": {"deep": [1]}, "é": "\\u00e9"}',
    '{"a": NaN, "b": -Infinity}',
    '{"zarr_format": 2, "zarr_format": 3}',
    "null",
    "5",
    "[]",
]


def test_arrays_that_differ_in_their_attributes_only_are_read_each_by_itself() -> None:
    store = MemoryStore()
    zarr.create_group(store)
    plain = zarr.create_array({}, shape=(3,), dtype="i2").metadata.to_dict()
    del plain["attributes"]
    for number, attributes in enumerate(ATTRIBUTES * 2):
        text = json.dumps(plain)
        if attributes is not None:
            text = f'{text[:-1]}, "attributes": {attributes}}}'
        store._store_dict[f"n{number}/zarr.json"] = zarr.buffer.cpu.Buffer.from_bytes(text.encode())
    with pytest.warns(ZarrUserWarning, match="is left out"):
        members: dict[str, Any] = dict(zarr.open_group(store, mode="r").members())
    for number, attributes in enumerate(ATTRIBUTES * 2):
        name = f"n{number}"
        if attributes in ("5", "[]"):
            assert name not in members
            with pytest.raises((TypeError, ValueError), match=name):
                zarr.open_array(store, path=name, mode="r")
            continue
        expected = repr(json.loads(attributes or "null") or {})
        for array in (members[name], zarr.open_array(store, path=name, mode="r")):
            assert repr(dict(array.attrs)) == expected
            assert array.shape == (3,)
            array.metadata.attributes["changed"] = number
    again = zarr.open_array(store, path="n3", mode="r")
    assert dict(again.attrs) == {"a": 1}


def test_the_documents_of_members_are_read_once(waiting_store: Any, zarr_format: Any) -> None:
    store = waiting_store()
    root = zarr.create_group(store, zarr_format=zarr_format)
    for number in range(30):
        root.create_array(f"n{number}", shape=(2,), dtype="i1", attributes={"n": number})
    opened = zarr.open_group(store, mode="r", use_consolidated=False)
    store.asked.clear()
    members: dict[str, Any] = dict(opened.members())
    assert [members[f"n{number}"].attrs["n"] for number in range(30)] == list(range(30))
    assert store.asked["get"] == (30 if zarr_format == 3 else 60)
