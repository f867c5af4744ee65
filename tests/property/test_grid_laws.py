"""Chunk grids tile their arrays; automatic chunks are neither tiny nor huge."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import zarr
from zarr.arrays.chunk_shapes import (
    SHARDED_INNER_CHUNK_MAX_BYTES,
    TARGET_BYTES,
    TARGET_SHARD_BYTES,
    guess_chunks,
    resolve_grids,
)
from zarr.core.chunk_grids import (
    ChunkGrid,
    FixedDimension,
    VaryingDimension,
    create_chunk_grid_metadata,
)
from zarr.metadata.chunk_grids import (
    RectilinearChunkGridMetadata,
    compress_rle,
    expand_rle,
    parse_chunk_grid,
)
from zarr.metadata.chunk_key_encodings import DefaultChunkKeyEncoding, V2ChunkKeyEncoding

FAST = settings(max_examples=150)
EDGES = st.lists(st.integers(1, 6), min_size=1, max_size=8)
SMALLEST = 64 * 1024


@st.composite
def axes(draw: st.DrawFn) -> tuple[int | list[int], int]:
    """The sizes of chunks along an axis, and its length."""
    if draw(st.booleans()):
        return draw(st.integers(1, 7)), draw(st.integers(0, 20))
    edges = draw(EDGES)
    return edges, draw(st.integers(0, sum(edges)))


def dimension(sizes: int | list[int], extent: int) -> Any:
    if isinstance(sizes, int):
        return FixedDimension(sizes, extent)
    return VaryingDimension(sizes, extent)


@FAST
@given(axis=axes())
def test_the_chunks_of_an_axis_hold_each_element_once(axis: Any) -> None:
    chunks = dimension(*axis)
    owners = [
        i
        for i in range(chunks.nchunks)
        for _ in range(chunks.chunk_offset(i), chunks.chunk_offset(i) + chunks.data_size(i))
    ]
    assert len(owners) == chunks.extent
    assert owners == [chunks.index_to_chunk(i) for i in range(chunks.extent)]
    indices = np.arange(chunks.extent, dtype=np.intp)
    assert chunks.indices_to_chunks(indices).tolist() == owners
    assert all(0 < chunks.data_size(i) <= chunks.chunk_size(i) for i in range(chunks.nchunks))
    for outside in (-1, chunks.extent):
        with pytest.raises(IndexError):
            chunks.index_to_chunk(outside)


@FAST
@given(axis=axes(), longer=st.integers(0, 40))
def test_an_axis_that_grew_and_shrank_again_has_the_chunks_it_had(axis: Any, longer: int) -> None:
    chunks = dimension(*axis)
    grown = chunks.resize(chunks.extent + longer)
    assert grown.extent == chunks.extent + longer
    for i in range(chunks.nchunks):
        assert grown.chunk_offset(i) == chunks.chunk_offset(i)
        assert grown.chunk_size(i) == chunks.chunk_size(i)
    shrunk = grown.resize(chunks.extent)
    assert shrunk.nchunks == chunks.nchunks
    assert [shrunk.data_size(i) for i in range(shrunk.nchunks)] == [
        chunks.data_size(i) for i in range(chunks.nchunks)
    ]


@settings(FAST, max_examples=100)
@given(axes=st.lists(axes(), max_size=3))
def test_the_chunks_of_a_grid_hold_each_element_once(axes: Any) -> None:
    shape = tuple(extent for _, extent in axes)
    grid = ChunkGrid.from_sizes(shape, tuple(sizes for sizes, _ in axes))
    counts = np.zeros(shape, int)
    specs = list(grid)
    assert len(specs) == grid.get_nchunks() == math.prod(grid.grid_shape)
    for spec, coords in zip(specs, grid.all_chunk_coords(), strict=True):
        counts[spec.slices] += 1
        assert grid[coords] == spec
        assert counts[spec.slices].shape == spec.shape
        assert spec.is_boundary == (spec.shape != spec.codec_shape)
    assert (counts == 1).all()
    assert [spec.slices for spec in specs] == list(grid.iter_chunk_regions())
    tiles = [spec.shape for spec in specs]
    assert tiles == list(itertools.product(*grid.chunk_sizes))


@FAST
@given(axes=st.lists(axes(), max_size=3))
def test_the_description_of_a_grid_describes_it(axes: Any) -> None:
    grid = ChunkGrid.from_sizes(
        tuple(extent for _, extent in axes), tuple(sizes for sizes, _ in axes)
    )
    with zarr.config.set({"array.rectilinear_chunks": True}):
        described = create_chunk_grid_metadata(grid)
        assert parse_chunk_grid(described.to_dict()) == described
    assert isinstance(described, RectilinearChunkGridMetadata) != grid.is_regular


@FAST
@given(edges=st.lists(st.integers(1, 4), max_size=30))
def test_run_lengths_stand_for_what_was_compressed(edges: list[int]) -> None:
    runs = compress_rle(edges)
    assert expand_rle(runs) == edges
    assert len(runs) == len(list(itertools.groupby(edges)))


@FAST
@given(
    coords=st.lists(st.integers(0, 2**63 - 1), min_size=1, max_size=5).map(tuple),
    separator=st.sampled_from(["/", "."]),
)
def test_a_key_names_one_chunk(coords: tuple[int, ...], separator: Any) -> None:
    for encoding in (DefaultChunkKeyEncoding(separator), V2ChunkKeyEncoding(separator)):
        assert encoding.decode_chunk_key(encoding.encode_chunk_key(coords)) == coords


# -- chunks that nobody chose --------------------------------------------------------------------

SHAPES = st.lists(
    st.integers(0, 30) | st.integers(0, 5000) | st.integers(0, 2**40) | st.just(1), max_size=6
).map(tuple)
ITEM_SIZES = st.sampled_from([1, 2, 3, 4, 8, 16, 100, 4096, 70_000, 2**21])


def size(chunks: tuple[int, ...], item_size: int) -> int:
    return math.prod(chunks) * item_size


@settings(FAST, max_examples=400)
@given(shape=SHAPES, item_size=ITEM_SIZES)
def test_guessed_chunks_are_of_a_good_size(shape: tuple[int, ...], item_size: int) -> None:
    chunks = guess_chunks(shape, item_size)
    assert chunks == guess_chunks(shape, item_size)
    assert all(1 <= n <= max(extent, 1) for n, extent in zip(chunks, shape, strict=True))
    assert size(chunks, item_size) <= max(TARGET_BYTES, item_size)
    whole = size(tuple(max(extent, 1) for extent in shape), item_size)
    assert size(chunks, item_size) >= min(whole, SMALLEST)


@settings(FAST, max_examples=150)
@given(shape=SHAPES, item_size=ITEM_SIZES)
def test_guessed_shards_hold_whole_chunks_of_a_good_size(
    shape: tuple[int, ...], item_size: int
) -> None:
    layout = resolve_grids(shape, "auto", "auto", item_size)
    chunks: Any = layout.inner
    shards: Any = layout.outer
    assert all(shard % chunk == 0 for shard, chunk in zip(shards, chunks, strict=True))
    assert size(chunks, item_size) <= max(SHARDED_INNER_CHUNK_MAX_BYTES, item_size)
    assert size(shards, item_size) <= max(TARGET_SHARD_BYTES, size(chunks, item_size))


@settings(FAST, max_examples=150)
@given(
    shape=st.lists(st.integers(1, 2**40), min_size=1, max_size=5).map(tuple),
    item_size=st.sampled_from([1, 4, 8]),
    wanted=st.sampled_from([("100 KiB", 100 << 10), ("4MB", 4 * 10**6), ("1.5 MiB", 3 << 19)]),
)
def test_chunks_named_by_their_bytes_have_no_more_and_half_at_least(
    shape: tuple[int, ...], item_size: int, wanted: tuple[str, int]
) -> None:
    text, most = wanted
    chunks: Any = resolve_grids(shape, text, None, item_size).outer
    assert size(chunks, item_size) <= most
    # Some is lost to rounding, where an edge has few elements.
    assert size(chunks, item_size) >= min(size(shape, item_size), most // 3)
