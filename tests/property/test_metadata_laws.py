"""Documents are written as they were read; those that make no sense are refused by name."""

from __future__ import annotations

import copy
import json
import pickle
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import zarr
from zarr.buffer import default_buffer_prototype
from zarr.errors import BaseZarrError
from zarr.metadata.group import ConsolidatedMetadata, GroupMetadata
from zarr.metadata.layout import layout_of
from zarr.metadata.v2 import ArrayV2Metadata
from zarr.metadata.v3 import ArrayV3Metadata

pytestmark = [
    pytest.mark.filterwarnings("ignore::zarr.errors.UnstableSpecificationWarning"),
    # Mutated documents may have an empty list of filters.
    pytest.mark.filterwarnings("ignore::zarr.errors.ZarrUserWarning"),
]
FAST = settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])

Document = dict[str, Any]

NUMBERS: dict[str, tuple[str, st.SearchStrategy[Any]]] = {
    # data type of Zarr v3: data type of Zarr v2, fill values that JSON holds exactly
    "bool": ("|b1", st.booleans()),
    "int8": ("|i1", st.integers(-(2**7), 2**7 - 1)),
    "int64": ("<i8", st.integers(-(2**63), 2**63 - 1)),
    "uint64": ("<u8", st.integers(0, 2**64 - 1)),
    "float32": ("<f4", st.floats(width=32, allow_nan=False, allow_infinity=False)),
    "float64": (
        "<f8",
        st.one_of(
            st.floats(allow_nan=False, allow_infinity=False),
            st.sampled_from(["NaN", "Infinity", "-Infinity"]),
        ),
    ),
    "complex64": (
        "<c8",
        st.lists(
            st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=2, max_size=2
        ),
    ),
}
# The values of JSON documents. Numbers are exact in the shortest text, so they compare equal.
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=8,
)
ATTRIBUTES = st.dictionaries(st.text(max_size=4), VALUES, max_size=3)
NAMES = st.none() | st.text(max_size=3)
LITTLE = {"name": "bytes", "configuration": {"endian": "little"}}


def grid(shape: tuple[int, ...]) -> Document:
    return {"name": "regular", "configuration": {"chunk_shape": list(shape)}}


@st.composite
def codec_lists(draw: st.DrawFn, edges: tuple[int, ...], serializer: Document) -> list[Document]:
    """Codecs of chunks with these edges, perhaps those of a shard with smaller chunks."""
    codecs: list[Document] = []
    if draw(st.booleans()):
        order = list(draw(st.permutations(range(len(edges)))))
        codecs.append({"name": "transpose", "configuration": {"order": order}})
        edges = tuple(edges[axis] for axis in order)
    if edges and draw(st.booleans()):
        inner = [draw(st.sampled_from([i for i in range(1, n + 1) if n % i == 0])) for n in edges]
        configuration = {
            "chunk_shape": inner,
            "codecs": draw(codec_lists(tuple(inner), serializer)),
            "index_codecs": [LITTLE, {"name": "crc32c"}],
            "index_location": draw(st.sampled_from(["start", "end"])),
        }
        codecs.append({"name": "sharding_indexed", "configuration": configuration})
    else:
        codecs.append(serializer)
    if draw(st.booleans()):
        configuration = {"level": draw(st.integers(0, 9)), "checksum": draw(st.booleans())}
        codecs.append({"name": "zstd", "configuration": configuration})
    if draw(st.booleans()):
        codecs.append({"name": "crc32c"})
    return codecs


@cache
@st.composite
def v3_documents(draw: st.DrawFn) -> Document:
    """Documents of arrays of Zarr v3."""
    shape = draw(st.lists(st.integers(0, 2**63 - 1), max_size=4).map(tuple))
    edges = tuple(draw(st.integers(1, 24)) for _ in shape)
    data_type = draw(st.sampled_from(sorted(NUMBERS)))
    separator = draw(st.sampled_from(["/", "."]))
    # The order of bytes is left out where elements have one only.
    serializer = {"name": "bytes"} if data_type in ("bool", "int8") else LITTLE
    document = {
        "shape": list(shape),
        "data_type": data_type,
        "chunk_grid": grid(edges),
        "chunk_key_encoding": {
            "name": draw(st.sampled_from(["default", "v2"])),
            "configuration": {"separator": separator},
        },
        "fill_value": draw(NUMBERS[data_type][1]),
        "codecs": draw(codec_lists(edges, serializer)),
        "attributes": draw(ATTRIBUTES),
        "zarr_format": 3,
        "node_type": "array",
        "storage_transformers": [],
    }
    if draw(st.booleans()):
        document["dimension_names"] = [draw(NAMES) for _ in shape]
    for name in draw(st.lists(st.sampled_from(["x", "y z", "é"]), unique=True, max_size=2)):
        document[name] = {**draw(ATTRIBUTES), "must_understand": False}
    return document


@cache
@st.composite
def v2_documents(draw: st.DrawFn) -> Document:
    """Documents of arrays of Zarr v2, without their attributes."""
    shape = draw(st.lists(st.integers(0, 2**63 - 1), max_size=4))
    dtype, fills = draw(st.sampled_from(list(NUMBERS.values())))
    compressors = [None, {"id": "zstd", "level": 3}, {"id": "blosc", "cname": "lz4", "clevel": 5}]
    return {
        "shape": shape,
        "chunks": [draw(st.integers(1, 24)) for _ in shape],
        "dtype": dtype,
        "fill_value": draw(st.none() | fills),
        "order": draw(st.sampled_from("CF")),
        "filters": draw(st.sampled_from([None, [{"id": "shuffle", "elementsize": 4}]])),
        "dimension_separator": draw(st.sampled_from("./")),
        "compressor": draw(st.sampled_from(compressors)),
        "zarr_format": 2,
    }


def stored(metadata: Any) -> dict[str, bytes]:
    """The documents that are written, by key."""
    documents = metadata.to_buffer_dict(default_buffer_prototype())
    return {key: value.to_bytes() for key, value in documents.items()}


def same(left: Any, right: Any) -> bool:
    """Whether two documents are equal, also in what Python takes for equal: True and 1."""
    return json.dumps(left, sort_keys=True) == json.dumps(right, sort_keys=True)


@FAST
@given(document=v3_documents())
def test_a_document_of_format_3_is_written_as_it_was_read(document: Document) -> None:
    metadata = ArrayV3Metadata.from_dict(copy.deepcopy(document))
    assert same(json.loads(stored(metadata)["zarr.json"]), document)


@FAST
@given(document=v2_documents(), attributes=ATTRIBUTES)
def test_documents_of_format_2_are_written_as_they_were_read(
    document: Document, attributes: Document
) -> None:
    metadata = ArrayV2Metadata.from_dict({**copy.deepcopy(document), "attributes": attributes})
    written = stored(metadata)
    assert same(json.loads(written[".zarray"]), document)
    assert same(json.loads(written[".zattrs"]), attributes)


@FAST
@given(document=v3_documents() | v2_documents(), attributes=ATTRIBUTES)
def test_equal_documents_are_equal_metadata(document: Document, attributes: Document) -> None:
    document["attributes"] = attributes
    read = ArrayV3Metadata if document["zarr_format"] == 3 else ArrayV2Metadata
    metadata: Any = read.from_dict(copy.deepcopy(document))
    again: Any = read.from_dict(copy.deepcopy(document))
    pickled = pickle.loads(pickle.dumps(metadata))
    assert metadata == again == pickled
    assert hash(metadata) == hash(again) == hash(pickled)
    changed = metadata.update_attributes({**attributes, "another": 1})
    assert metadata != changed
    assert same(metadata.attributes, attributes)
    assert changed.update_attributes(attributes) == metadata
    assert metadata.update_shape(metadata.shape) == metadata


@FAST
@given(document=v3_documents())
def test_a_document_that_is_read_twice_has_attributes_of_its_own(document: Document) -> None:
    document["attributes"]["list"] = [1]
    data = json.dumps(document).encode()
    first = ArrayV3Metadata.from_document(data, path="a")
    second = ArrayV3Metadata.from_document(data, path="b")
    first.attributes["list"].append(2)
    first.attributes["new"] = 3
    assert same(second.attributes, document["attributes"])
    third = ArrayV3Metadata.from_document(data, path="c")
    assert same(third.attributes, document["attributes"])
    assert layout_of(first) == layout_of(second) == layout_of(third)


@FAST
@given(document=v3_documents() | v2_documents())
def test_the_layout_says_what_the_document_says(document: Document) -> None:
    v3 = document["zarr_format"] == 3
    metadata = (ArrayV3Metadata if v3 else ArrayV2Metadata).from_dict(document)
    layout = layout_of(metadata)
    grid = document["chunk_grid"]["configuration"]["chunk_shape"] if v3 else document["chunks"]
    assert layout.shape == tuple(document["shape"])
    assert layout.grid == tuple(grid)
    assert len(layout.fill) == layout.itemsize == layout.dtype.itemsize
    fill = np.frombuffer(layout.fill, layout.dtype)[0]
    if metadata.fill_value is None:
        assert layout.fill == bytes(layout.itemsize)
    else:
        assert fill.tobytes() == np.asarray(metadata.fill_value, layout.dtype).tobytes()


# -- documents that make no sense ------------------------------------------------------------------


def places(tree: Any) -> list[tuple[Any, Any]]:
    """The containers in a document, with each key in them."""
    found: list[tuple[Any, Any]] = []
    keys: Any = tree if isinstance(tree, dict) else range(len(tree))
    for key in keys:
        found.append((tree, key))
        if isinstance(tree[key], (dict, list)):
            found += places(tree[key])
    return found


ODD = st.sampled_from(
    [
        *(None, True, 0, -1, 1, 2**31, 2**63, 2**64, -(2**63), 10**400, 0.5, 1e300, "", "x"),
        *([], {}, [0], [-1], [[1, 2]], [[2**62, 2**62]]),
        *({"name": "bytes"}, {"name": 1}, {"id": "zlib"}, {"must_understand": False}),
        *(float("nan"), float("inf"), "\ud800", "\x00"),
    ]
)
ODD_VALUES = ODD | VALUES


@st.composite
def wrong_documents(draw: st.DrawFn, documents: st.SearchStrategy[Document]) -> Document:
    """Documents in which a value or two were removed or exchanged for others."""
    document = copy.deepcopy(draw(documents))
    for _ in range(draw(st.integers(1, 2))):
        tree, key = draw(st.sampled_from(places(document)))
        if isinstance(tree, (dict, list)) and draw(st.booleans()):
            del tree[key]
        else:
            tree[key] = copy.deepcopy(draw(ODD_VALUES))
        if not document:
            break
    return document


@settings(FAST, max_examples=400)
@given(document=wrong_documents(v3_documents()))
@example({"zarr_format": 3, "node_type": "array", "shape": [2**63]})
def test_a_wrong_document_of_format_3_is_refused_by_the_name_of_its_array(
    document: Document,
) -> None:
    with zarr.config.set({"array.rectilinear_chunks": True}):
        try:
            metadata = ArrayV3Metadata.from_document(json.dumps(document).encode(), path="x/a")
        except (BaseZarrError, ValueError, TypeError) as error:
            assert "x/a" in str(error)  # noqa: PT017
            return
        refused_or_sound(metadata)


@settings(FAST, max_examples=400)
@given(document=wrong_documents(v2_documents()))
def test_a_wrong_document_of_format_2_is_refused_by_the_name_of_its_array(
    document: Document,
) -> None:
    try:
        metadata = ArrayV2Metadata.from_document(json.dumps(document).encode(), path="x/a")
    except (BaseZarrError, ValueError, TypeError) as error:
        assert "x/a" in str(error)  # noqa: PT017
        return
    refused_or_sound(metadata)


def refused_or_sound(metadata: Any) -> None:
    """Metadata that were taken can be written, read again and laid out, or their codecs refuse."""
    key, document = next(iter(stored(metadata).items()))
    assert type(metadata).from_document(document, path=key) == metadata or any_nan(metadata)
    try:
        layout = layout_of(metadata)
    except (BaseZarrError, ValueError, TypeError):
        return
    assert len(layout.shape) == len(layout.grid)


def any_nan(metadata: Any) -> bool:
    """Whether there is a value in the document that is not equal to itself."""
    return "NaN" in json.dumps(metadata.attributes) or "NaN" in str(metadata.to_dict())


# -- groups ----------------------------------------------------------------------------------------


@cache
@st.composite
def hierarchies(draw: st.DrawFn, zarr_format: int) -> dict[str, Any]:
    """Metadata of nodes by path; parents first, and all of them groups."""
    names = st.sampled_from(["a", "b", "c c", "é", "0", ".x"])
    groups = [""]
    nodes: dict[str, Any] = {}
    for _ in range(draw(st.integers(0, 8))):
        parent, name = draw(st.sampled_from(groups)), draw(names)
        path = f"{parent}/{name}" if parent else name
        if path in nodes:
            continue
        if draw(st.booleans()):
            groups.append(path)
            nodes[path] = GroupMetadata(draw(ATTRIBUTES), zarr_format=zarr_format)  # type: ignore[arg-type]
        elif zarr_format == 3:
            nodes[path] = ArrayV3Metadata.from_dict(draw(v3_documents()))
        else:
            document = {**draw(v2_documents()), "attributes": draw(ATTRIBUTES)}
            nodes[path] = ArrayV2Metadata.from_dict(document)
    return nodes


@FAST
@given(data=st.data())
def test_consolidated_metadata_hold_the_nodes_that_were_put_in(data: st.DataObject) -> None:
    nodes = data.draw(hierarchies(3))
    documents = {path: node.to_dict() for path, node in nodes.items()}
    listed = {"kind": "inline", "must_understand": False, "metadata": documents}
    parsed = ConsolidatedMetadata.from_dict(json.loads(json.dumps(listed)))
    flat = parsed.flattened_metadata
    assert set(flat) == set(nodes)
    for path, node in nodes.items():
        assert flat[path].attributes == node.attributes
        if not isinstance(node, GroupMetadata):
            assert flat[path] == node
    again = ConsolidatedMetadata.from_dict(json.loads(json.dumps(parsed.to_dict())))
    assert again == parsed
    group = GroupMetadata({"r": 1}, consolidated_metadata=parsed)
    written = json.loads(stored(group)["zarr.json"])
    assert GroupMetadata.from_dict(written) == group
