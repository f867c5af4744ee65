"""The chunks of a selection, one by one, make up the selection."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zarr.core.indexing import (
    BasicIndexer,
    BlockIndexer,
    BoolArrayDimIndexer,
    CoordinateIndexer,
    IntArrayDimIndexer,
    MaskIndexer,
    Order,
    OrthogonalIndexer,
    SliceDimIndexer,
    colexicographic_order_coords,
    decode_morton,
    decode_morton_vectorized,
    get_indexer,
    is_scalar,
    lexicographic_order_coords,
    morton_order_coords,
    oindex,
    oindex_set,
)
from zarr.errors import BoundsCheckError, NegativeStepError, VindexInvalidSelectionError
from zarr.experimental import ChunkGrid
from zarr.testing.strategies import (
    basic_indices,
    block_indices,
    orthogonal_indices,
    rectilinear_dim_edges,
)

FAST = settings(max_examples=200)


@st.composite
def grids(draw: st.DrawFn) -> ChunkGrid:
    """Chunk grids over arrays that have elements."""
    shape = draw(st.lists(st.integers(1, 7), min_size=1, max_size=3))
    sizes = [
        draw(st.integers(1, length + 1) | rectilinear_dim_edges(extent=length)) for length in shape
    ]
    return ChunkGrid.from_sizes(shape, sizes)


def shape_of(grid: ChunkGrid) -> tuple[int, ...]:
    return tuple(axis.extent for axis in grid.dimensions)


def chunk(array: Any, grid: ChunkGrid, coords: tuple[int, ...]) -> Any:
    """A chunk as it is stored: also what lies outside of the array."""
    spec = grid[coords]
    assert spec is not None
    inside = array[spec.slices]
    padding = [(0, n - m) for n, m in zip(spec.codec_shape, inside.shape, strict=True)]
    return np.pad(inside, padding, constant_values=-1)


def gathered(indexer: Any, array: Any, grid: ChunkGrid) -> Any:
    """Read as a loop over chunks does: place each chunk in the result."""
    out = np.full(indexer.shape, -2)
    for coords, inside, outside, complete in indexer:
        part = chunk(array, grid, coords)
        found = part[inside]
        if indexer.drop_axes:
            found = found.squeeze(axis=indexer.drop_axes)
        out[outside] = found
        if complete:
            assert np.size(found) == np.count_nonzero(part != -1)
    return out


def check(indexer: Any, grid: ChunkGrid, expected: Any) -> None:
    array = np.arange(np.prod(shape_of(grid))).reshape(shape_of(grid))
    np.testing.assert_array_equal(gathered(indexer, array, grid), expected(array))


@FAST
@given(grid=grids(), data=st.data())
def test_integers_and_slices(grid: ChunkGrid, data: Any) -> None:
    where = data.draw(basic_indices(shape=shape_of(grid)))
    check(BasicIndexer(where, shape_of(grid), grid), grid, lambda array: array[where])
    check(get_indexer(where, shape_of(grid), grid), grid, lambda array: array[where])


@FAST
@given(grid=grids(), data=st.data())
def test_outer_products(grid: ChunkGrid, data: Any) -> None:
    where, same = data.draw(orthogonal_indices(shape=shape_of(grid)))
    check(OrthogonalIndexer(where, shape_of(grid), grid), grid, lambda array: array[same])
    np.testing.assert_array_equal(
        oindex(np.arange(np.prod(shape_of(grid))).reshape(shape_of(grid)), where),
        np.arange(np.prod(shape_of(grid))).reshape(shape_of(grid))[same],
    )


@FAST
@given(grid=grids(), data=st.data())
def test_masks_along_an_axis(grid: ChunkGrid, data: Any) -> None:
    shape = shape_of(grid)
    masks = tuple(
        np.array(data.draw(st.lists(st.booleans(), min_size=length, max_size=length)))
        for length in shape
    )
    check(OrthogonalIndexer(masks, shape, grid), grid, lambda array: array[np.ix_(*masks)])


@FAST
@given(grid=grids(), data=st.data())
def test_points(grid: ChunkGrid, data: Any) -> None:
    shape = shape_of(grid)
    count = data.draw(st.integers(0, 10))
    points = tuple(
        np.array(
            data.draw(st.lists(st.integers(-n, n - 1), min_size=count, max_size=count)), dtype=int
        )
        for n in shape
    )
    check(CoordinateIndexer(points, shape, grid), grid, lambda array: array[points])
    check(get_indexer(points, shape, grid), grid, lambda array: array[points])


@FAST
@given(grid=grids(), data=st.data())
def test_masks(grid: ChunkGrid, data: Any) -> None:
    shape = shape_of(grid)
    size = int(np.prod(shape))
    bits = data.draw(st.lists(st.booleans(), min_size=size, max_size=size))
    mask = np.array(bits).reshape(shape)
    for indexer in (MaskIndexer(mask, shape, grid), get_indexer(mask, shape, grid)):
        check(indexer, grid, lambda array: array[mask])
        assert indexer.chunk_nitems_cumsum[-1] == mask.sum()


@FAST
@given(grid=grids(), data=st.data())
def test_blocks(grid: ChunkGrid, data: Any) -> None:
    blocks, elements = data.draw(block_indices(chunk_sizes=grid.chunk_sizes))
    check(BlockIndexer(blocks, shape_of(grid), grid), grid, lambda array: array[elements])


@FAST
@given(shape=st.lists(st.integers(1, 5), max_size=3).map(tuple))
def test_each_order_of_a_grid_has_each_place_once(shape: tuple[int, ...]) -> None:
    places = set(itertools.product(*map(range, shape)))
    for order in (
        morton_order_coords(shape),
        lexicographic_order_coords(shape),
        colexicographic_order_coords(shape),
    ):
        assert len(order) == len(places)
        assert set(order) == places


def test_morton_codes_deal_their_bits_to_the_axes() -> None:
    assert morton_order_coords((2, 3)) == ((0, 0), (1, 0), (0, 1), (1, 1), (0, 2), (1, 2))
    assert decode_morton(0b101, (2, 4)) == (1, 2)
    codes = np.arange(64)
    decoded = decode_morton_vectorized(codes, (8, 8)).tolist()
    assert [tuple(place) for place in decoded] == [decode_morton(z, (8, 8)) for z in range(64)]
    assert morton_order_coords((0,)) == ()


@pytest.mark.parametrize("value", [9, np.arange(3), np.arange(6).reshape(2, 3)])
def test_writing_to_an_outer_product_in_memory(value: Any) -> None:
    ours, expected = np.zeros((4, 2, 5), int), np.zeros((4, 2, 5), int)
    oindex_set(ours, ([0, 2], 1, slice(None, None, 2)), value)
    expected[np.ix_([0, 2], [1], [0, 2, 4])] = np.broadcast_to(value, (2, 3))[:, None]
    np.testing.assert_array_equal(ours, expected)


def test_how_indices_are_ordered_is_known() -> None:
    axis = ChunkGrid.from_sizes((10,), (3,)).dimensions[0]
    for indices, order in (
        ([1, 2, 2, 8], Order.INCREASING),
        ([8, 2, 1], Order.DECREASING),
        ([2, 2, 1], Order.UNORDERED),
    ):
        found = IntArrayDimIndexer(np.array(indices), 10, axis)
        assert found.order is order
        assert found.chunk_nitems_cumsum[-1] == found.nitems == len(indices)


def test_bad_items_are_refused() -> None:
    grid = ChunkGrid.from_sizes((10,), (3,))
    axis = grid.dimensions[0]
    cases: list[tuple[type[Exception], Any]] = [
        (BoundsCheckError, lambda: BasicIndexer(10, (10,), grid)),
        (BoundsCheckError, lambda: OrthogonalIndexer([10], (10,), grid)),
        (BoundsCheckError, lambda: CoordinateIndexer([10], (10,), grid)),
        (NegativeStepError, lambda: SliceDimIndexer(slice(None, None, -1), 10, axis)),
        (IndexError, lambda: BasicIndexer([1], (10,), grid)),
        (IndexError, lambda: BasicIndexer((1, 2), (10,), grid)),
        (IndexError, lambda: BlockIndexer([1], (10,), grid)),
        (IndexError, lambda: BoolArrayDimIndexer(np.ones(3, bool), 10, axis)),
        (IndexError, lambda: IntArrayDimIndexer(np.ones((1, 1), int), 10, axis)),
        (IndexError, lambda: MaskIndexer([1], (10,), grid)),
        (VindexInvalidSelectionError, lambda: get_indexer(np.ones(3, bool), (10,), grid)),
    ]
    for error, call in cases:
        with pytest.raises(error):
            call()


def test_the_kind_of_one_element() -> None:
    assert is_scalar(1, np.dtype("i4"))
    assert is_scalar(np.array(1), np.dtype("i4"))
    assert is_scalar((1, 2), np.dtype("i4,i4"))
    assert not is_scalar((1, 2), np.dtype("i4"))
    assert not is_scalar(np.array([1]), np.dtype("i4"))
