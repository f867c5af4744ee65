"""Metadata that are written are read back; automatic chunks have a good size."""

from __future__ import annotations

import json
import math
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import zarr
from zarr.arrays.chunk_shapes import guess_chunks, resolve_grids
from zarr.buffer import default_buffer_prototype
from zarr.codecs import BloscCodec, BytesCodec, Crc32cCodec, GzipCodec, ShardingCodec, ZstdCodec
from zarr.dtype import data_type_registry
from zarr.experimental import ChunkGrid
from zarr.metadata.chunk_grids import compress_rle, expand_rle
from zarr.metadata.group import ConsolidatedMetadata, GroupMetadata
from zarr.metadata.v2 import ArrayV2Metadata
from zarr.metadata.v3 import ArrayV3Metadata
from zarr.setting_values import parse_size

PROTOTYPE = default_buffer_prototype()
MANY = settings(max_examples=200)
DTYPES = ("bool", "int8", "uint16", "int64", "float16", "float32", "float64", "complex64")

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
attributes = st.dictionaries(st.text(), json_values, max_size=4)
names = st.text("abcxyz.-_", min_size=1, max_size=4).filter(lambda name: name.strip("."))
lengths = st.integers(0, 40) | st.integers(0, 2**62)


@cache
@st.composite
def chunked(draw: st.DrawFn) -> tuple[tuple[int, ...], tuple[int, ...]]:
    shape = tuple(draw(st.lists(lengths, max_size=4)))
    return shape, tuple(draw(st.integers(1, 12)) for _ in shape)


@cache
@st.composite
def fills(draw: st.DrawFn) -> tuple[str, Any]:
    """The name of a data type, and one of its values."""
    name = draw(st.sampled_from(DTYPES))
    dtype = data_type_registry.match_json(name, zarr_format=3).to_native_dtype()
    if name == "bool":
        return name, draw(st.booleans())
    raw = draw(st.binary(min_size=dtype.itemsize, max_size=dtype.itemsize))
    return name, np.frombuffer(raw, dtype)[0]


compressors = st.lists(
    st.sampled_from(
        [GzipCodec(level=1), ZstdCodec(level=2, checksum=True), Crc32cCodec(), BloscCodec()]
    ),
    max_size=2,
)


@cache
@st.composite
def arrays_v3(draw: st.DrawFn) -> ArrayV3Metadata:
    shape, chunks = draw(chunked())
    name, fill = draw(fills())
    codecs: list[Any] = [BytesCodec(), *draw(compressors)]
    grid = chunks
    if shape and draw(st.booleans()):
        codecs = [ShardingCodec(chunk_shape=chunks, codecs=codecs)]
        grid = tuple(size * draw(st.integers(1, 3)) for size in chunks)
    return ArrayV3Metadata(
        shape=shape,
        data_type=data_type_registry.match_json(name, zarr_format=3),
        chunk_grid={"name": "regular", "configuration": {"chunk_shape": grid}},
        chunk_key_encoding=draw(
            st.sampled_from([("default", "/"), ("default", "."), ("v2", "."), ("v2", "/")])
        ),
        fill_value=fill,
        codecs=codecs,
        attributes=draw(attributes),
        dimension_names=draw(st.none() | st.tuples(*(st.none() | st.text() for _ in shape))),
    )


@cache
@st.composite
def arrays_v2(draw: st.DrawFn) -> ArrayV2Metadata:
    shape, chunks = draw(chunked())
    name, fill = draw(fills())
    return ArrayV2Metadata(
        shape=shape,
        dtype=data_type_registry.match_json(name, zarr_format=3),
        chunks=chunks,
        fill_value=draw(st.none() | st.just(fill)),
        order=draw(st.sampled_from(["C", "F"])),
        dimension_separator=draw(st.sampled_from([".", "/"])),
        compressor=draw(st.none() | st.just({"id": "zstd", "level": 3})),
        attributes=draw(attributes),
    )


@MANY
@given(arrays_v3())
def test_an_array_of_format_3_is_read_as_it_was_written(metadata: ArrayV3Metadata) -> None:
    document = metadata.to_buffer_dict(PROTOTYPE)["zarr.json"].to_bytes()
    again = ArrayV3Metadata.from_document(document)
    assert again == metadata
    assert repr(again) == repr(metadata)
    assert hash(again) == hash(metadata)
    assert again.to_buffer_dict(PROTOTYPE)["zarr.json"].to_bytes() == document
    assert again.data_type.to_native_dtype() == metadata.data_type.to_native_dtype()


@MANY
@given(arrays_v2())
def test_an_array_of_format_2_is_read_as_it_was_written(metadata: ArrayV2Metadata) -> None:
    documents = {k: v.to_bytes() for k, v in metadata.to_buffer_dict(PROTOTYPE).items()}
    again = ArrayV2Metadata.from_document(documents[".zarray"], documents[".zattrs"])
    assert again == metadata
    assert {k: v.to_bytes() for k, v in again.to_buffer_dict(PROTOTYPE).items()} == documents


@cache
@st.composite
def trees(draw: st.DrawFn, zarr_format: int) -> dict[str, Any]:
    """Nodes by path."""
    arrays = arrays_v3() if zarr_format == 3 else arrays_v2()
    nodes: dict[str, Any] = {}
    groups = [""]
    for _ in range(draw(st.integers(0, 6))):
        parent = draw(st.sampled_from(groups))
        path = f"{parent}/{draw(names)}".lstrip("/")
        if path in nodes:
            continue
        if draw(st.booleans()):
            nodes[path] = draw(arrays)
        else:
            nodes[path] = GroupMetadata(draw(attributes), zarr_format)  # type: ignore[arg-type]
            groups.append(path)
    return nodes


@settings(max_examples=60)
@given(st.data(), st.sampled_from([2, 3]))
def test_a_tree_is_read_as_it_was_consolidated(data: st.DataObject, zarr_format: int) -> None:
    nodes = data.draw(trees(zarr_format))
    flat = {path: node.to_dict() for path, node in nodes.items()}
    tree = ConsolidatedMetadata.from_dict({"kind": "inline", "metadata": flat})
    assert {k: v.attributes for k, v in tree.flattened_metadata.items()} == {
        k: v.attributes for k, v in nodes.items()
    }
    assert ConsolidatedMetadata.from_dict(json.loads(json.dumps(tree.to_dict()))) == tree


# -- documents that were damaged ------------------------------------------------------------------

DOCUMENT = {
    "zarr_format": 3,
    "node_type": "array",
    "shape": [10, 10],
    "data_type": "int32",
    "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [5, 5]}},
    "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
    "fill_value": 0,
    "codecs": [{"name": "bytes", "configuration": {"endian": "little"}}],
    "attributes": {},
    "dimension_names": ["x", None],
    "storage_transformers": [],
}
OLD_DOCUMENT = {
    "zarr_format": 2,
    "shape": [10, 10],
    "chunks": [5, 5],
    "dtype": "<i4",
    "fill_value": 0,
    "order": "C",
    "filters": None,
    "compressor": {"id": "zlib", "level": 1},
    "dimension_separator": ".",
}


@settings(max_examples=400)
@pytest.mark.filterwarnings("ignore::zarr.errors.ZarrUserWarning")
@given(st.sampled_from([DOCUMENT, OLD_DOCUMENT]), st.data())
def test_a_document_with_other_fields_is_read_or_refused(
    document: dict[str, Any], data: st.DataObject
) -> None:
    field = data.draw(st.sampled_from(sorted(document)))
    value = data.draw(json_values | st.lists(st.integers() | st.floats() | st.booleans()))
    changed = {**document, field: value}
    cls: Any = ArrayV3Metadata if document is DOCUMENT else ArrayV2Metadata
    try:
        found = cls.from_document(json.dumps(changed).encode(), path="x")
    except (ValueError, TypeError) as error:
        refused = str(error)
    else:
        refused = ""
    if refused:
        assert "'x'" in refused
        return
    if changed["zarr_format"] == 3:
        assert cls.from_document(found.to_buffer_dict(PROTOTYPE)["zarr.json"].to_bytes()) == found


# -- chunks ---------------------------------------------------------------------------------------

shapes = st.lists(st.integers(0, 2000) | st.integers(0, 2**40), max_size=5).map(tuple)
sizes = st.sampled_from([1, 2, 4, 8, 16, 100, 3, 70_000])


@MANY
@given(shapes, sizes)
def test_chosen_chunks_are_neither_small_nor_large(shape: tuple[int, ...], size: int) -> None:
    chunk = guess_chunks(shape, size)
    assert chunk == guess_chunks(shape, size)
    assert len(chunk) == len(shape)
    assert all(1 <= edge <= max(length, 1) for edge, length in zip(chunk, shape, strict=True))
    stored = math.prod(chunk) * size
    assert stored <= max(1 << 20, size)
    if math.prod(shape) * size >= 1 << 20:
        assert stored >= 64_000


@MANY
@given(shapes, sizes, st.integers(1, 64 << 20))
def test_chosen_chunks_keep_to_a_number_of_bytes(
    shape: tuple[int, ...], size: int, most: int
) -> None:
    chunk: Any = resolve_grids(shape, f"{most}B", None, size).outer
    stored = math.prod(chunk) * size
    assert stored <= max(most, size)
    if math.prod(shape) * size >= most >= size * 2 ** len(shape):
        assert stored * 2 ** (len(shape) + 1) >= most


@MANY
@given(shapes, sizes, st.data())
def test_chosen_shards_hold_whole_chunks(
    shape: tuple[int, ...], size: int, data: st.DataObject
) -> None:
    chunks: Any = data.draw(
        st.just("auto") | st.tuples(*(st.integers(1, 500) for _ in shape)), label="chunks"
    )
    given_shards = st.tuples(*(st.integers(1, 3000) for _ in shape))
    shards: Any = data.draw(
        st.just("auto") if chunks != "auto" else st.just("auto") | given_shards, label="shards"
    )
    layout = resolve_grids(shape, chunks, shards, size)
    outer: Any = layout.outer
    inner = layout.inner
    assert inner is not None
    assert all(n % m == 0 and n >= m >= 1 for n, m in zip(outer, inner, strict=True))
    if chunks != "auto":
        assert inner == chunks
    if shards != "auto":
        assert outer == shards


@given(st.integers(1, 10**9), st.sampled_from(["", "k", "M", "G", "Ki", "Mi", "Gi"]))
def test_a_number_of_bytes_has_a_unit(count: int, unit: str) -> None:
    factor = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30}
    assert parse_size(f"{count} {unit}B", "it") == pytest.approx(count * factor[unit])


@given(st.lists(st.integers(1, 5), max_size=30))
def test_runs_stand_for_the_same_lengths(edges: list[int]) -> None:
    runs = compress_rle(edges)
    assert expand_rle(runs) == edges
    assert len(runs) <= len(edges)


@MANY
@given(
    st.lists(st.lists(st.integers(1, 5), min_size=1, max_size=4) | st.integers(1, 5), max_size=3),
    st.data(),
)
def test_the_chunks_of_a_grid_cover_the_array_once(edges: list[Any], data: st.DataObject) -> None:
    shape = tuple(
        data.draw(st.integers(0, 8 if isinstance(edge, int) else sum(edge))) for edge in edges
    )
    grid = ChunkGrid.from_sizes(shape, edges)
    seen = np.zeros(shape, int)
    coords = list(grid.all_chunk_coords())
    assert len(coords) == grid.get_nchunks() == math.prod(grid.grid_shape)
    for place, region, spec in zip(coords, grid.iter_chunk_regions(), grid, strict=True):
        seen[region] += 1
        assert spec.slices == region
        assert grid[place] == spec
        assert spec.shape == seen[region].shape
        assert spec.is_boundary == (spec.shape != spec.codec_shape)
        for axis, i, part in zip(grid.dimensions, place, region, strict=True):
            if part.start < part.stop:
                assert axis.index_to_chunk(part.start) == axis.index_to_chunk(part.stop - 1) == i
    assert (seen == 1).all()
    assert [sum(sizes) for sizes in grid.chunk_sizes] == list(shape)


def test_a_setting_says_how_large_shards_are() -> None:
    with zarr.config.set({"array.target_shard_size_bytes": 8 << 20}):
        shards: Any = resolve_grids((2**14, 2**14), "auto", "auto", 4).outer
    assert 4 << 20 <= math.prod(shards) * 4 <= 8 << 20
