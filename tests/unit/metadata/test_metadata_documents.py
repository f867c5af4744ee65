"""Documents are read whole or refused with a reason, and written as they were read."""

from __future__ import annotations

import copy
import json
import pickle
from contextlib import nullcontext
from typing import Any

import numpy as np
import pytest

import zarr
from zarr.buffer import default_buffer_prototype
from zarr.errors import (
    BaseZarrError,
    MetadataValidationError,
    NodeTypeValidationError,
    ZarrUserWarning,
)
from zarr.metadata.group import ConsolidatedMetadata, GroupMetadata, read_zmetadata
from zarr.metadata.v2 import ArrayV2Metadata
from zarr.metadata.v3 import ArrayV3Metadata

V3: dict[str, Any] = {
    "zarr_format": 3,
    "node_type": "array",
    "shape": [10, 10],
    "data_type": "int32",
    "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [5, 5]}},
    "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
    "fill_value": 0,
    "codecs": [{"name": "bytes", "configuration": {"endian": "little"}}],
}
V2: dict[str, Any] = {
    "zarr_format": 2,
    "shape": [10, 10],
    "chunks": [5, 5],
    "dtype": "<i4",
    "fill_value": 0,
    "order": "C",
    "filters": None,
    "compressor": None,
}
GROUP: dict[str, Any] = {"zarr_format": 3, "node_type": "group", "attributes": {}}
READERS = {
    "v3": lambda data: ArrayV3Metadata.from_document(data, path="x/a"),
    "v2": lambda data: ArrayV2Metadata.from_document(data, path="x/a"),
    ".zmetadata": lambda data: read_zmetadata(data, path="x/a", name=".zmetadata"),
}


def document(base: dict[str, Any], **changes: Any) -> bytes:
    return json.dumps({**copy.deepcopy(base), **changes}).encode()


def grid(*shape: Any) -> dict[str, Any]:
    return {"name": "regular", "configuration": {"chunk_shape": list(shape)}}


@pytest.mark.parametrize("reader", READERS.values(), ids=READERS)
@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"[]",
        b"3",
        b"null",
        b'"text"',
        b"\xff\xfe\x00",
        b'{"a": "\xff"}',
        b"[" * 200_000,
        b'{"a":' * 200_000,
        b'{"zarr_format": ' + b"9" * 10_000 + b"}",
        b"\x00" * 100,
    ],
    ids=lambda data: repr(data[:12]),
)
def test_a_document_that_is_no_json_object_is_refused_by_name(reader: Any, data: bytes) -> None:
    with pytest.raises(MetadataValidationError, match="x/a"):
        reader(data)


@pytest.mark.parametrize(
    "change",
    [
        {"shape": [True, 10]},
        {"shape": [10, 2**63]},
        {"shape": [10, 10**400]},
        {"shape": [10, -1]},
        {"shape": [[10], 10]},
        {"shape": {"0": 10, "1": 10}},
        {"chunk_grid": grid(5, -5)},
        {"chunk_grid": grid(5, 2**64)},
        {"chunk_grid": grid(5)},
        {"chunk_grid": {"name": "rectilinear", "configuration": {"kind": "inline"}}},
        {"data_type": ["int32"]},
        {"data_type": {"name": "int32", "configuration": 5}},
        {"fill_value": float("nan")},
        {"fill_value": 10**400},
        {"fill_value": {}},
        {"codecs": {}},
        {"codecs": [[]]},
        {"codecs": [{"name": None}]},
        {"codecs": V3["codecs"] * 2},
        {"dimension_names": {"x": 1, "y": 2}},
        {"dimension_names": "xy"},
        {"attributes": 5},
        {"attributes": None, "extra": 5},
        {"storage_transformers": [{"name": "x"}]},
        {"node_type": "group"},
        {"node_type": ["array"]},
        {"zarr_format": True},
        {"zarr_format": 3.5},
        {"zarr_format": 2},
    ],
    ids=str,
)
def test_a_document_of_format_3_that_contradicts_itself_is_refused(change: Any) -> None:
    with pytest.raises((BaseZarrError, ValueError, TypeError), match="x/a"):
        ArrayV3Metadata.from_document(document(V3, **change), path="x/a")


@pytest.mark.parametrize(
    "change",
    [
        {"shape": [True, 10]},
        {"shape": [2**63, 10]},
        {"shape": [-1, 10]},
        {"shape": [10]},
        {"chunks": [-5, 5]},
        {"chunks": [5]},
        {"dtype": "<i3"},
        {"dtype": [["a"]]},
        {"dtype": {"a": 1}},
        {"fill_value": "x"},
        {"fill_value": [[]]},
        {"order": 5},
        {"order": ["C"]},
        {"filters": "x"},
        {"filters": [{}]},
        {"compressor": []},
        {"compressor": {"level": 1}},
        {"compressor": {"id": 5}},
        {"dimension_separator": ["."]},
        {"zarr_format": True},
        {"zarr_format": "2"},
    ],
    ids=str,
)
def test_a_document_of_format_2_that_contradicts_itself_is_refused(change: Any) -> None:
    with pytest.raises((BaseZarrError, ValueError, TypeError), match="x/a"):
        ArrayV2Metadata.from_document(document(V2, **change), path="x/a")


@pytest.mark.parametrize(
    "change",
    [
        {"zarr_format": 4},
        {"zarr_format": "3"},
        {"node_type": "array"},
        {"node_type": None},
        {"attributes": []},
        {"unknown": 5},
        {"unknown": {"must_understand": True}},
        {"consolidated_metadata": []},
        {"consolidated_metadata": {"kind": "other", "metadata": {}}},
        {"consolidated_metadata": {"kind": "inline", "metadata": []}},
        *(
            {"consolidated_metadata": {"kind": "inline", "metadata": nodes}}
            for nodes in (
                {"a": 5},
                {"a": {}},
                {"a": {**GROUP, "node_type": "tree"}},
                {"": GROUP},
                {"/a": GROUP},
                {"a/": GROUP},
                {"a//b": GROUP},
                {"../a": GROUP},
                {"a/../../b": GROUP},
                {".": GROUP},
                {"a": V3, "a/b": GROUP},
                {"a": V2},
                {"a": {"zarr_format": 2}},
                {"a": {**V3, "shape": [-1]}},
            )
        ),
    ],
    ids=str,
)
def test_a_document_of_a_group_that_contradicts_itself_is_refused(change: Any) -> None:
    with pytest.raises((BaseZarrError, ValueError, TypeError), match="x/a"):
        GroupMetadata.from_dict({**GROUP, **change}, path="x/a")


@pytest.mark.parametrize(
    "documents",
    [
        None,
        [],
        {".zarray": V2},
        {"a/.zarray": 5},
        {"a/.zarray": V2, "a/.zgroup": {"zarr_format": 2}},
        {"a/.zarray": V2, "a/b/.zgroup": {"zarr_format": 2}},
        {"../a/.zarray": V2},
        {"/.zarray": V2},
        {"a/.zarray": V2, "a/.zattrs": []},
        {"a/.zarray": V3},
        {"a/.zgroup": {"zarr_format": 3}},
    ],
    ids=str,
)
def test_consolidated_metadata_of_format_2_that_contradict_themselves_are_refused(
    documents: Any,
) -> None:
    data = json.dumps({"metadata": documents, "zarr_consolidated_format": 1}).encode()
    with pytest.raises((BaseZarrError, ValueError, TypeError), match="x/a"):
        read_zmetadata(data, path="x/a", name=".zmetadata")


def test_a_node_of_another_type_is_its_own_error() -> None:
    with pytest.raises(NodeTypeValidationError):
        ArrayV3Metadata.from_document(document(GROUP), path="x/a")
    with pytest.raises(NodeTypeValidationError):
        GroupMetadata.from_dict(V3)


def test_not_a_number_may_be_written_as_json_does_not_know_it() -> None:
    data = b'{"a": NaN, "b": [Infinity, -Infinity]}'
    found = ArrayV2Metadata.from_document(document(V2), data, path="x/a")
    assert np.isnan(found.attributes["a"])
    assert found.attributes["b"] == [float("inf"), float("-inf")]
    again = ArrayV2Metadata.from_document(
        document(V2, dtype="<f4", fill_value=float("nan")), path="x/a"
    )
    assert np.isnan(again.fill_value)
    assert again == ArrayV2Metadata.from_document(
        document(V2, dtype="<f4", fill_value="NaN"), path="x/a"
    )


def test_an_axis_without_elements_may_have_chunks_without_elements() -> None:
    """As Zarr v2 has written them."""
    found = ArrayV2Metadata.from_document(document(V2, shape=[0, 10], chunks=[0, 5]), path="x")
    assert found.chunks == (1, 5)


def test_runs_of_chunks_are_bounded() -> None:
    runs = {
        "name": "rectilinear",
        "configuration": {"kind": "inline", "chunk_shapes": [[[1, 2**60]]]},
    }
    with (
        zarr.config.set({"array.rectilinear_chunks": True}),
        pytest.raises(ValueError, match="more than"),
    ):
        ArrayV3Metadata.from_document(document(V3, shape=[2**60], chunk_grid=runs), path="x/a")


def test_a_chunk_that_its_codec_cannot_hold_is_refused_when_the_array_is_made() -> None:
    big = {"shape": (2**33,), "chunks": (2**31,), "dtype": "u1"}
    store: dict[str, Any] = {}
    with pytest.raises(ValueError, match="Blosc takes at most"):
        zarr.create_array(store, compressors=zarr.codecs.BloscCodec(), **big)
    with pytest.raises(ValueError, match="Blosc takes at most"):
        zarr.create_array(store, zarr_format=2, compressors={"id": "blosc", "cname": "lz4"}, **big)
    assert store == {}
    zarr.create_array(
        store,
        shards=(2**32,),
        compressors=zarr.codecs.BloscCodec(),
        shape=(2**33,),
        chunks=(2**20,),
        dtype="u1",
    )


def test_equal_documents_are_parsed_once_and_do_not_share_attributes() -> None:
    data = document(V3, attributes={"a": {"b": 1}})
    one, two = (ArrayV3Metadata.from_document(data) for _ in range(2))
    assert one == two
    assert one.codecs is two.codecs
    one.attributes["a"]["b"] = 2
    assert two.attributes == {"a": {"b": 1}}
    assert ArrayV3Metadata.from_document(data).attributes == {"a": {"b": 1}}


@pytest.mark.parametrize(
    "metadata",
    [
        ArrayV3Metadata.from_dict(V3),
        ArrayV2Metadata.from_dict({**V2, "compressor": {"id": "zstd", "level": 1}}),
        GroupMetadata(attributes={"a": 1}),
        GroupMetadata(
            consolidated_metadata=ConsolidatedMetadata({"a": ArrayV3Metadata.from_dict(V3)})
        ),
    ],
    ids=["v3", "v2", "group", "consolidated"],
)
def test_metadata_are_equal_after_pickling_and_after_writing(metadata: Any) -> None:
    assert pickle.loads(pickle.dumps(metadata)) == metadata
    assert copy.deepcopy(metadata) == metadata
    documents = metadata.to_buffer_dict(default_buffer_prototype())
    merged = {
        **json.loads(documents.get("zarr.json", documents.get(".zarray")).to_bytes()),
        **({"attributes": metadata.attributes} if ".zattrs" in documents else {}),
    }
    assert type(metadata).from_dict(merged) == metadata


def test_attributes_are_what_json_can_hold() -> None:
    class Table:
        def to_dict(self) -> dict[str, Any]:
            return {}

    for value in (object(), Table()):
        with pytest.raises(TypeError, match="not JSON"):
            ArrayV3Metadata.from_dict({**V3, "attributes": {"a": value}})
        with pytest.raises(TypeError, match="not JSON"):
            GroupMetadata(attributes={"a": value})


def test_a_consolidated_tree_is_nested_and_flat() -> None:
    tree = ConsolidatedMetadata.from_dict(
        {
            "kind": "inline",
            "metadata": {"g/h/a": V3, "g": {**GROUP, "attributes": {"x": 1}}, "b": V3},
        }
    )
    assert list(tree.flattened_metadata) == ["b", "g", "g/h", "g/h/a"]
    assert set(tree.metadata) == {"b", "g"}
    assert tree.metadata["g"].attributes == {"x": 1}
    assert ConsolidatedMetadata.from_dict(tree.to_dict()) == tree


def test_names_of_axes_may_be_the_keys_of_a_mapping() -> None:
    made = ArrayV3Metadata.from_document(document(V3, dimension_names=["x", "y"]))
    names = ("shape", "data_type", "chunk_grid", "chunk_key_encoding", "fill_value", "codecs")
    fields: dict[str, Any] = {name: getattr(made, name) for name in names}
    assert ArrayV3Metadata(**fields, attributes={}, dimension_names={"x": 3, "y": 4}) == made


@pytest.mark.parametrize("value", [{"a": 1}, 5, None, []])
@pytest.mark.parametrize("attributes", [None, {"b": 2}])
def test_attributes_of_format_2_are_those_in_their_own_document(
    value: Any, attributes: Any
) -> None:
    document = {
        "zarr_format": 2,
        "shape": [2],
        "chunks": [2],
        "dtype": "<i4",
        "fill_value": 0,
        "order": "C",
        "compressor": None,
        "filters": None,
        "attributes": value,
    }
    make = default_buffer_prototype().buffer.from_bytes
    store = {
        ".zgroup": make(json.dumps({"zarr_format": 2, "attributes": value}).encode()),
        "x/.zarray": make(json.dumps(document).encode()),
    }
    if attributes is not None:
        store["x/.zattrs"] = make(json.dumps(attributes).encode())
    group = zarr.open_group(store, mode="r+", zarr_format=2)
    for array in (zarr.open_array(store, path="x", mode="r"), group["x"]):
        assert dict(array.attrs) == (attributes or {})
    assert dict(group.attrs) == {}
    zarr.consolidate_metadata(store)
    assert dict(zarr.open_consolidated(store)["x"].attrs) == (attributes or {})


def _regular(sizes: Any, shape: list[int], zarr_format: int) -> dict[str, Any]:
    if zarr_format == 3:
        grid = {"name": "regular", "configuration": {"chunk_shape": sizes}}
        found: dict[str, Any] = {**V3, "shape": shape, "chunk_grid": grid}
        name = "zarr.json"
    else:
        name = ".zarray"
        found = {
            "zarr_format": 2,
            "shape": shape,
            "chunks": sizes,
            "dtype": "<i4",
            "fill_value": 0,
            "order": "C",
            "compressor": None,
            "filters": None,
        }
    return {name: default_buffer_prototype().buffer.from_bytes(json.dumps(found).encode())}


@pytest.mark.parametrize("zarr_format", [2, 3])
@pytest.mark.parametrize(
    ("sizes", "shape", "expected", "warns"),
    [
        ([0], [0], (1,), False),
        ([0, 2], [0, 4], (1, 2), False),
        ([True], [3], (1,), False),
        ([True, 4], [3, 4], (1, 4), False),
        ([0], [3], (1,), True),
        ([False], [3], (1,), True),
        ([2, 0], [0, 4], (2, 1), True),
    ],
)
def test_chunks_without_elements_are_read_as_chunks_of_one(
    sizes: Any, shape: list[int], expected: Any, warns: bool, zarr_format: int
) -> None:
    store = _regular(sizes, shape, zarr_format)
    context = pytest.warns(ZarrUserWarning, match="chunk") if warns else nullcontext()
    with context:
        array = zarr.open_array(store, mode="r+")
    assert array.chunks == expected
    array[...] = 5
    assert (array[...] == 5).all()
    assert array[...].shape == tuple(shape)


@pytest.mark.parametrize("zarr_format", [2, 3])
@pytest.mark.parametrize("sizes", [[-1], [2.0], ["2"], [None], [[1, 2]]])
def test_other_sizes_of_chunks_are_refused(sizes: Any, zarr_format: int) -> None:
    with pytest.raises((ValueError, TypeError)):
        zarr.open_array(_regular(sizes, [3], zarr_format), mode="r")


def test_sizes_of_chunks_that_are_listed_in_a_regular_grid_are_obeyed() -> None:
    store = _regular([20, [5, 10, 5]], [20, 20], 3)
    with pytest.warns(ZarrUserWarning, match="rectilinear"):
        array = zarr.open_array(store, mode="r+")
    assert array.read_chunk_sizes == ((20,), (5, 10, 5))
    array[:] = np.arange(400).reshape(20, 20)
    assert sorted(store) == ["c/0/0", "c/0/1", "c/0/2", "zarr.json"]
    assert array[:].sum() == 399 * 200
