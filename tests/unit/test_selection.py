"""Selections mean what they mean in NumPy, and are refused as the errors say."""

from __future__ import annotations

import sys
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from zarr import indexing
from zarr.errors import BoundsCheckError, NegativeStepError, VindexInvalidSelectionError

if TYPE_CHECKING:
    from zarr.indexing import Selection

thorough = settings(max_examples=200)

Array = npt.NDArray[Any]


def numbered(shape: tuple[int, ...]) -> Array:
    """An array in which every element is different."""
    return np.arange(int(np.prod(shape))).reshape(shape)


def applied(found: Selection, array: Array) -> Array:
    """The selected elements, by the meaning of the selection's parts alone."""
    if found.axes is not None:
        assert found.points is None
        axes = []
        for axis, length in zip(found.axes, array.shape, strict=True):
            if isinstance(axis, tuple):
                start, step, count = axis
                assert step >= 1
                assert count == 0 or 0 <= start <= start + (count - 1) * step < length
                axes.append(start + step * np.arange(count))
            else:
                check_indices(axis, length)
                axes.append(axis)
        result = array[np.ix_(*axes)] if axes else array
    else:
        assert found.points is not None
        places = indexing.coordinates_of(found.points, array.shape)
        for points, length in zip(places, array.shape, strict=True):
            check_indices(points, length)
        result = array[places]
    assert result.shape == found.engine_shape
    for length in (*found.shape, *found.engine_shape):
        assert type(length) is int
    return result.reshape(found.shape)


def check_indices(indices: Array, length: int) -> None:
    assert indices.dtype == np.int64
    assert indices.ndim == 1
    assert indices.flags.c_contiguous
    assert ((indices >= 0) & (indices < length)).all()


def assert_same(found: Array, expected: Any) -> None:
    assert found.shape == np.shape(expected)
    assert np.array_equal(found, expected)


# --- strategies, made once for each length: making and checking one takes longer than a draw

shapes = hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=7)
shapes_with_axes = hnp.array_shapes(min_dims=1, max_dims=3, min_side=1, max_side=7)


@cache
def slices(length: int) -> st.SearchStrategy[slice]:
    ends = st.none() | st.integers(-length - 3, length + 3)
    return st.builds(slice, ends, ends, st.none() | st.integers(1, length + 2))


@cache
def integers(length: int) -> st.SearchStrategy[Any]:
    kinds = st.sampled_from([int, np.int8, np.int64, np.intp, lambda i: np.array(i, dtype="i2")])
    return st.builds(lambda kind, i: kind(i), kinds, st.integers(-length, length - 1))


@cache
def index_arrays(length: int, shape: Any = None) -> st.SearchStrategy[Any]:
    shape = st.integers(0, 6) if shape is None else shape
    signed = hnp.arrays(
        st.sampled_from(["i1", "i4", "i8", ">i4"]), shape, elements=st.integers(-length, length - 1)
    )
    unsigned = hnp.arrays("u8", shape, elements=st.integers(0, length - 1))
    return signed | unsigned | signed.map(lambda array: array.tolist())


@cache
def masks(shape: Any) -> st.SearchStrategy[Any]:
    return hnp.arrays(bool, shape)


@st.composite
def with_shape(draw: st.DrawFn, kind: str) -> tuple[tuple[int, ...], Any]:
    if kind == "basic":
        shape = draw(shapes)
        items = [
            draw(slices(length) | integers(length) if length else slices(length))
            for length in shape
        ]
    else:
        shape = draw(shapes_with_axes)
        items = [
            draw(
                slices(length)
                | integers(length)
                | index_arrays(length)
                | masks(length)
                | masks(length).map(lambda array: array.tolist())
            )
            for length in shape
        ]
    keep = draw(st.integers(0, len(items)))
    if draw(st.booleans()):
        items = items[:keep]
    elif draw(st.booleans()):
        gap = draw(st.integers(keep, len(items)))
        items = [*items[:keep], ..., *items[gap:]]
    if len(items) == 1 and draw(st.booleans()):
        return shape, items[0]
    return shape, tuple(items)


def as_numpy(item: Any) -> Any:
    """An item without what NumPy would take differently."""
    if isinstance(item, np.ndarray) and item.ndim == 0:
        return int(item)
    if isinstance(item, list):
        return np.array(item, dtype=None if item else np.intp)
    return item


def outer(array: Array, items: Any) -> Array:
    """The outer product of items, one axis after the other."""
    items = items if isinstance(items, tuple) else (items,)
    if ... in [item if item is ... else None for item in items]:
        at = next(i for i, item in enumerate(items) if item is ...)
        filling = (slice(None),) * (array.ndim - len(items) + 1)
        items = items[:at] + filling + items[at + 1 :]
    result = array
    axis = 0
    for item in items:
        item = as_numpy(item)
        result = result[(slice(None),) * axis + (item,)]
        axis += 0 if np.ndim(item) == 0 and not isinstance(item, slice) else 1
    return result


# --- against NumPy


@thorough
@given(with_shape("basic"))
def test_basic_selections_are_those_of_numpy(case: tuple[tuple[int, ...], Any]) -> None:
    shape, items = case
    array = numbered(shape)
    given_items = items if isinstance(items, tuple) else (items,)
    expected = array[tuple(as_numpy(item) for item in given_items)]
    assert_same(applied(indexing.basic(items, shape), array), expected)
    assert_same(applied(indexing.parse(items, shape), array), expected)
    assert_same(applied(indexing.orthogonal(items, shape), array), expected)


@thorough
@given(with_shape("orthogonal"))
def test_orthogonal_selections_are_outer_products(case: tuple[tuple[int, ...], Any]) -> None:
    shape, items = case
    array = numbered(shape)
    assert_same(applied(indexing.orthogonal(items, shape), array), outer(array, items))


@thorough
@given(st.data())
def test_coordinates_are_broadcast_as_in_numpy(data: st.DataObject) -> None:
    shape = data.draw(shapes_with_axes)
    array = numbered(shape)
    together = data.draw(
        hnp.mutually_broadcastable_shapes(num_shapes=len(shape), min_dims=1, max_dims=3, max_side=4)
    )
    items = tuple(
        data.draw(index_arrays(length, points))
        for length, points in zip(shape, together.input_shapes, strict=True)
    )
    expected = array[tuple(as_numpy(item) for item in items)]
    for parse in (indexing.coordinate, indexing.vindex, indexing.parse):
        assert_same(applied(parse(items, shape), array), expected)


@thorough
@given(st.data())
def test_masks_select_as_in_numpy(data: st.DataObject) -> None:
    shape = data.draw(shapes_with_axes)
    array = numbered(shape)
    mask = data.draw(masks(shape))
    for parse in (indexing.mask, indexing.vindex, indexing.parse):
        assert_same(applied(parse(mask, shape), array), array[mask])
        assert_same(applied(parse((mask,), shape), array), array[mask])


@thorough
@given(st.data())
def test_one_array_beside_slices_selects_along_its_axis(data: st.DataObject) -> None:
    shape = data.draw(hnp.array_shapes(min_dims=2, max_dims=4, min_side=1, max_side=6))
    at = data.draw(st.integers(0, len(shape) - 1))
    items: list[Any] = [
        data.draw(slices(length) | st.integers(-length, length - 1)) for length in shape
    ]
    items[at - 1] = data.draw(slices(shape[at - 1]))
    items[at] = data.draw(index_arrays(shape[at]) | masks(shape[at]))
    array = numbered(shape)
    found = applied(indexing.parse(tuple(items), shape), array)
    assert_same(found, outer(array, tuple(items)))


@st.composite
def grids(draw: st.DrawFn) -> tuple[tuple[int, ...], list[Any], list[list[int]]]:
    """A shape, a grid, and where the chunks of each axis start and end."""
    shape = draw(hnp.array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=9))
    grid: list[Any] = []
    edges = []
    for length in shape:
        if draw(st.booleans()):
            size = draw(st.integers(1, length + 2))
            grid.append(size)
            edges.append([*range(0, length, size), length])
        else:
            cuts = draw(st.sets(st.integers(1, max(1, length)))) | {max(1, length)}
            ends = [0, *sorted(cuts)]
            grid.append(tuple(b - a for a, b in pairwise(ends)))
            edges.append([end for end in ends if end < length] + [length])
    return shape, grid, edges


@thorough
@given(grids(), st.data())
def test_blocks_select_whole_chunks(
    case: tuple[tuple[int, ...], list[Any], list[list[int]]], data: st.DataObject
) -> None:
    shape, grid, edges = case
    items: list[Any] = []
    expected = []
    for length, ends in zip(shape, edges, strict=True):
        number = len(ends) - 1
        if number and data.draw(st.booleans()):
            which = data.draw(st.integers(-number, number - 1))
            items.append(which)
            expected.append(slice(ends[which % number], ends[which % number + 1]))
        else:
            first = data.draw(st.none() | st.integers(-number, max(0, number - 1)))
            last = data.draw(st.none() | st.integers(-number, number + 2))
            item = slice(first, last, data.draw(st.sampled_from([None, 1])))
            items.append(item)
            start, stop, _ = item.indices(number)
            expected.append(slice(ends[start], ends[max(start, stop)]))
            assert length >= ends[start]
    array = numbered(shape)
    found = indexing.block(tuple(items), shape, grid)
    assert_same(applied(found, array), array[tuple(expected)])


# --- details


@pytest.mark.parametrize(
    ("item", "shape"),
    [
        (5, ()),
        (np.int64(5), ()),
        (np.array(5), ()),
        (..., (10,)),
        ((), (10,)),
        ([], (0,)),
        ([3, -1, 3], (3,)),
        (np.array([[1, 2], [3, 4]]), (2, 2)),
        ([[1, 2], [3, 4]], (2, 2)),
        ([True] * 10, (10,)),
        (np.arange(10) % 2 == 0, (5,)),
        (slice(20, 30), (0,)),
    ],
)
def test_selections_of_one_dimension(item: Any, shape: tuple[int, ...]) -> None:
    assert indexing.parse(item, (10,)).shape == shape


@pytest.mark.parametrize(
    ("items", "shape"),
    [
        (([1, 2], [3, 4]), (2,)),  # points
        (([1, 2], 3), (2,)),
        ((np.array([[1], [2]]), np.array([[3, 4]])), (2, 2)),
        (([1, 2], slice(None)), (2, 6)),  # outer products
        ((slice(None), [1, 2]), (5, 2)),
        (([1, 2], ...), (2, 6)),
        ((..., [1, 2]), (5, 2)),
        ((np.int64(1), [1, 2]), (2,)),
        ([1, 2], (2, 6)),
        ([True, False, True, False, True], (3, 6)),
        (np.array([True, False, True, False, True]), (3, 6)),
        (([True, False, True, False, True], [1, 2]), (3, 2)),
        (([True, False, True, False, True], 2), (3,)),
        (np.zeros((5, 6), bool), (0,)),  # a mask
    ],
)
def test_how_two_axes_are_read(items: Any, shape: tuple[int, ...]) -> None:
    assert indexing.parse(items, (5, 6)).shape == shape


@pytest.mark.parametrize("item", [10, -11, [10], [-11], np.uint64(2**64 - 1), 2**70])
def test_indices_outside_of_an_axis_are_refused(item: Any) -> None:
    for parse in (indexing.parse, indexing.orthogonal):
        with pytest.raises(BoundsCheckError, match="with length 10"):
            parse(item, (10,))


def test_large_unsigned_indices_do_not_wrap() -> None:
    item = np.array([2**64 - 1], dtype="u8")
    for parse in (indexing.parse, indexing.orthogonal, indexing.vindex):
        with pytest.raises(BoundsCheckError):
            parse(item, (10,))


def test_slices_that_run_backwards_are_refused() -> None:
    for parse in (indexing.parse, indexing.basic, indexing.orthogonal):
        with pytest.raises(NegativeStepError, match="step >= 1"):
            parse(slice(None, None, -1), (10,))
        with pytest.raises(ValueError, match="zero"):
            parse(slice(None, None, 0), (10,))


@pytest.mark.parametrize(
    ("items", "message"),
    [
        ((1, 2, 3), "too many indices for array; expected 2, got 3"),
        ((1, ..., 2, 3), "expected 2, got 3"),
        ((..., ...), "single ellipsis"),
        ((..., 0, ...), "single ellipsis"),
        (None, "NoneType"),
        ((0, None), "NoneType"),
        (np.newaxis, "NoneType"),
        (1.0, "float"),
        (np.array([1.0]), "ndarray"),
        (np.array([1], dtype=object), "ndarray"),
        (True, "bool"),
        ((0, True), "bool"),
        ([None], "list"),
        ([[1, 2], [3]], "list"),
        ({1}, "set"),
        (b"a", "bytes"),
        (range(3), "range"),
        (([0, 1], [0, 1], [0]), "too many"),
        ([True, False], "wrong length"),
        ((slice(None), [True, False]), "wrong length"),
    ],
)
def test_everything_else_is_an_index_error(items: Any, message: str) -> None:
    with pytest.raises(IndexError, match=message):
        indexing.parse(items, (5, 6))


def test_several_arrays_beside_slices_are_an_error_that_names_oindex_and_vindex() -> None:
    with pytest.raises(IndexError, match=r"oindex.*vindex"):
        indexing.parse(([0, 1], [0, 1], slice(None)), (5, 6, 7))


def test_orthogonal_arrays_have_one_axis() -> None:
    with pytest.raises(IndexError, match=r"integer arrays .* 1-dimensional"):
        indexing.orthogonal(np.zeros((2, 2), int), (5,))
    with pytest.raises(IndexError, match=r"Boolean arrays .* 1-dimensional"):
        indexing.orthogonal(np.zeros((5, 6), bool), (5, 6))
    with pytest.raises(IndexError, match=r"orthogonal indexing.*float"):
        indexing.orthogonal(1.5, (5,))


@pytest.mark.parametrize(
    "items",
    [
        slice(None),
        (0, slice(None)),
        ...,
        ([0, 1],),
        np.zeros(5, bool),
        True,
        "no",
        None,
        ([0], [0.5]),
    ],
)
def test_vindex_takes_points_and_masks_only(items: Any) -> None:
    with pytest.raises(VindexInvalidSelectionError):
        indexing.vindex(items, (5, 6))
    with pytest.raises(IndexError):
        indexing.coordinate(items, (5, 6))
    with pytest.raises(IndexError):
        indexing.mask(items, (5, 6))


def test_points_that_do_not_broadcast_are_an_error_that_shows_the_shapes() -> None:
    with pytest.raises(ValueError, match=r"\(2,\), \(3,\)"):
        indexing.vindex(([0, 1], [0, 1, 2]), (5, 6))


def test_a_single_point_is_a_list_of_one() -> None:
    assert indexing.vindex((1, 2), (5, 6)).shape == (1,)
    assert indexing.parse((np.array(1), np.array(2)), (5, 6)).shape == ()


@pytest.mark.parametrize(
    ("item", "error"),
    [
        (4, BoundsCheckError),
        (-5, BoundsCheckError),
        (slice(4, None), BoundsCheckError),
        (slice(-5, None), BoundsCheckError),
        (slice(None, None, 2), IndexError),
        (slice(None, None, -1), IndexError),
        ([0], IndexError),
        (np.array(0), IndexError),
        (None, IndexError),
        ((0, 0), IndexError),
    ],
)
def test_blocks_are_refused_like_indices(item: Any, error: type[Exception]) -> None:
    for chunks in (3, (3, 3, 3, 1)):
        with pytest.raises(error):
            indexing.block(item, (10,), (chunks,))


@pytest.mark.parametrize(
    ("items", "fields", "shape"),
    [
        ("a", "a", (5, 6)),
        (("a", 1), "a", (6,)),
        ((1, "a"), "a", (6,)),
        ((1, "a", 2), "a", ()),
        (("a", "b"), ["a", "b"], (5, 6)),
        (["a", "b"], ["a", "b"], (5, 6)),
        (["a"], ["a"], (5, 6)),
        ((["a", "b"], slice(1, 3)), ["a", "b"], (2, 6)),
        (([1, 2], "a"), "a", (2, 6)),
        ((..., "a"), "a", (5, 6)),
        (np.str_("a"), "a", (5, 6)),
    ],
)
def test_names_of_fields_are_taken_out(items: Any, fields: Any, shape: tuple[int, ...]) -> None:
    found = indexing.parse(items, (5, 6))
    assert found.fields == fields
    assert found.shape == shape
    assert indexing.orthogonal(items, (5, 6)) is not None
    assert indexing.block("a", (5, 6), (2, 2)).fields == "a"
    assert indexing.vindex(("a", [1], [2]), (5, 6)).fields == "a"


def test_fields_are_checked_against_the_data_type() -> None:
    dtype = np.dtype([("a", "i4"), ("b", "f8")])
    assert indexing.check_fields("a", dtype) == np.dtype("i4")
    assert indexing.check_fields(["a", "b"], dtype).names == ("a", "b")
    assert indexing.check_fields(None, dtype) is dtype
    assert indexing.check_fields([], dtype) is dtype
    with pytest.raises(IndexError, match="does not have any fields"):
        indexing.check_fields("a", np.dtype("i4"))
    with pytest.raises(IndexError, match="'c'"):
        indexing.check_fields(["a", "c"], dtype)


def test_array_likes_select_too() -> None:
    class Like:
        def __init__(self, data: Any) -> None:
            self.data = np.asarray(data)

        def __array__(self, dtype: Any = None, copy: Any = None) -> Array:
            return np.asarray(self.data, dtype=dtype)

    assert indexing.parse(Like([1, 2]), (5, 6)).shape == (2, 6)
    assert indexing.vindex(Like(np.ones((5, 6), bool)), (5, 6)).shape == (30,)
    assert indexing.orthogonal((Like([1, 2]), 0), (5, 6)).shape == (2,)


@pytest.mark.parametrize("items", [5, np.int64(5), (slice(1, 9), slice(None, None, 2)), ..., ()])
def test_small_reads_are_parsed_in_few_calls(items: Any) -> None:
    calls = 0

    def count(frame: Any, event: str, argument: Any) -> None:
        nonlocal calls
        calls += event == "call"

    indexing.parse(items, (10, 20))
    sys.setprofile(count)
    try:
        indexing.parse(items, (10, 20))
    finally:
        sys.setprofile(None)
    assert calls <= 6
