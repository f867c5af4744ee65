"""Every kind of selection reads and writes what NumPy does, however the array is stored."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import zarr
from support.stores import STORE_KINDS, make_store_of

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.filterwarnings("ignore::zarr.errors.UnstableSpecificationWarning")

DTYPES = ("i4", "u1", "f8", ">i2", "c8", "?", "M8[s]", "S3")
FAST = settings(
    max_examples=150,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)


class Case:
    """An array and its model in NumPy."""

    def __init__(self, array: Any, model: np.ndarray[Any, Any], edges: tuple[int, ...]) -> None:
        self.array = array
        self.model = model
        self.edges = edges

    def check(self) -> None:
        """Both hold the same elements."""
        np.testing.assert_array_equal(self.array[...], self.model)


def elements(shape: tuple[int, ...], dtype: str, first: int) -> np.ndarray[Any, Any]:
    """An array whose elements differ from their neighbours."""
    count = int(np.prod(shape))
    numbers = (np.arange(first, first + count) * 7 + 3) % 120
    return numbers.astype("i8").astype(dtype).reshape(shape)


@cache
@st.composite
def cases(draw: st.DrawFn, make_store: Callable[[], Any]) -> Case:
    """Arrays of all kinds: format, chunks or shards, memory orders, data types."""
    shape = draw(st.lists(st.integers(0, 9), min_size=0, max_size=3).map(tuple))
    chunks = tuple(draw(st.integers(1, max(1, n + 1))) for n in shape)
    zarr_format = draw(st.sampled_from([2, 3]))
    dtype = draw(st.sampled_from(DTYPES))
    options: dict[str, Any] = {"compressors": draw(st.sampled_from([None, "auto"]))}
    edges = chunks
    if zarr_format == 2:
        options["order"] = draw(st.sampled_from("CF"))
        options["chunk_key_encoding"] = {"name": "v2", "separator": draw(st.sampled_from("./"))}
    else:
        options["config"] = {
            "order": draw(st.sampled_from("CF")),
            "write_empty_chunks": draw(st.booleans()),
        }
        if draw(st.booleans()):
            options["filters"] = [
                zarr.codecs.TransposeCodec(order=tuple(draw(st.permutations(range(len(shape))))))
            ]
        if draw(st.booleans()):
            edges = tuple(n * draw(st.integers(1, 3)) for n in chunks)
            options["shards"] = edges
    array = zarr.create_array(
        make_store(),
        shape=shape,
        chunks=chunks,
        dtype=dtype,
        zarr_format=zarr_format,
        fill_value=draw(st.sampled_from([None, 0])),
        **options,
    )
    model = np.zeros(shape, array.dtype)
    if draw(st.booleans()):
        model = elements(shape, dtype, 0)
        array[...] = model
    else:
        model[...] = array[...]  # whatever the fill value is
    return Case(array, model.copy(), edges)


@cache
def integers(n: int) -> st.SearchStrategy[int]:
    return st.integers(-n, n - 1)


@cache
def slices(n: int) -> st.SearchStrategy[slice]:
    edge = st.none() | st.integers(-n - 2, n + 2)
    return st.builds(slice, edge, edge, st.none() | st.integers(1, n + 1))


@cache
def integers_or_slices(n: int) -> st.SearchStrategy[int | slice]:
    return slices(n) | integers(n) if n else slices(n)


@cache
def index_arrays(n: int) -> st.SearchStrategy[Any]:
    if n == 0:
        return st.just(np.zeros(0, int))
    arrays = st.lists(integers(n), max_size=6).map(lambda x: np.array(x, dtype=int))
    masks = st.lists(st.booleans(), min_size=n, max_size=n).map(np.array)
    return arrays | masks


@cache
@st.composite
def basic(draw: st.DrawFn, shape: tuple[int, ...]) -> Any:
    items: list[Any] = [draw(integers_or_slices(n)) for n in shape]
    if draw(st.booleans()):
        first = draw(st.integers(0, len(shape)))
        items[first : draw(st.integers(first, len(shape)))] = [Ellipsis]
    elif draw(st.booleans()):
        del items[draw(st.integers(0, len(shape))) :]
    return tuple(items)


@cache
@st.composite
def orthogonal(draw: st.DrawFn, shape: tuple[int, ...]) -> Any:
    return tuple(draw(index_arrays(n) | integers_or_slices(n)) for n in shape)


def outer(shape: tuple[int, ...], selection: Any) -> tuple[Any, tuple[int, ...]]:
    """An orthogonal selection for NumPy, and the axes that integers leave out."""
    items, dropped = [], []
    for axis, (item, n) in enumerate(zip(selection, shape, strict=True)):
        if isinstance(item, slice):
            items.append(np.arange(n)[item])
        elif isinstance(item, int):
            items.append(np.array([item % n]))
            dropped.append(axis)
        else:
            items.append(np.flatnonzero(item) if item.dtype == bool else item)
    return np.ix_(*items), tuple(dropped)


def picked(model: Any, selection: tuple[Any, ...]) -> Any:
    """A basic selection of NumPy, as an array even if it is one element."""
    return model[selection if Ellipsis in selection else (*selection, ...)]


def assert_same(found: Any, expected: Any) -> None:
    """Equal in shape, data type and elements."""
    if isinstance(found, np.generic):  # which has no byte order, and no length of strings
        found = np.array(found, expected.dtype)
    assert found.dtype == expected.dtype
    assert found.shape == expected.shape
    np.testing.assert_array_equal(found, expected)


@pytest.fixture(params=[*STORE_KINDS, "mapping"])
def make_store(request: Any, tmp_path: Any) -> Callable[[], Any]:
    """Makes an empty store of each kind."""
    return lambda: make_store_of(request.param, tmp_path)


@given(data=st.data())
@FAST
def test_a_basic_selection_is_that_of_numpy(make_store: Any, data: st.DataObject) -> None:
    case = data.draw(cases(make_store))
    selection = data.draw(basic(case.model.shape))
    expected = picked(case.model, selection)
    assert_same(case.array[selection], expected)
    assert_same(case.array.get_basic_selection(selection), expected)
    value = elements(expected.shape, case.model.dtype.str, 1)
    case.array[selection] = value
    case.model[selection] = value
    case.check()


@given(data=st.data())
@FAST
def test_an_orthogonal_selection_is_the_outer_product(make_store: Any, data: st.DataObject) -> None:
    case = data.draw(cases(make_store).filter(lambda case: case.model.ndim > 0))
    selection = data.draw(orthogonal(case.model.shape))
    places, dropped = outer(case.model.shape, selection)
    expected = case.model[places].squeeze(dropped)
    assert_same(case.array.oindex[selection], expected)
    value = elements(expected.shape, case.model.dtype.str, 1)
    case.array.oindex[selection] = value
    case.model[places] = np.expand_dims(value, dropped)
    case.check()


@given(data=st.data())
@FAST
def test_points_are_those_of_numpy(make_store: Any, data: st.DataObject) -> None:
    case = data.draw(cases(make_store).filter(lambda case: case.model.size > 0 < case.model.ndim))
    shape = data.draw(st.sampled_from([(), (1,), (5,), (2, 3), (0,)]))
    count = int(np.prod(shape))
    selection = tuple(
        np.array(data.draw(st.lists(integers(n), min_size=count, max_size=count)), int).reshape(
            shape
        )
        for n in case.model.shape
    )
    expected = np.array(case.model[selection], case.model.dtype).reshape(shape or (1,))
    assert_same(case.array.vindex[selection], expected)
    assert_same(case.array.get_coordinate_selection(selection), expected)
    value = elements(expected.shape, case.model.dtype.str, 1)
    case.array.vindex[selection] = value
    for place, one in zip(
        zip(*(axis.reshape(-1) for axis in selection), strict=True), value.reshape(-1), strict=True
    ):
        case.model[place] = one  # of a point given twice, the last value stays
    case.check()


@given(data=st.data())
@FAST
def test_a_mask_is_that_of_numpy(make_store: Any, data: st.DataObject) -> None:
    case = data.draw(cases(make_store).filter(lambda case: case.model.ndim > 0))
    seed = data.draw(st.integers(0, 1 << 16))
    share = data.draw(st.sampled_from([0, 0.2, 0.8, 1]))
    mask = np.random.default_rng(seed).random(case.model.shape) < share
    expected = case.model[mask]
    assert_same(case.array.vindex[mask], expected)
    assert_same(case.array.get_mask_selection(mask), expected)
    value = elements(expected.shape, case.model.dtype.str, 1)
    case.array.vindex[mask] = value
    case.model[mask] = value
    case.check()


@given(data=st.data())
@FAST
def test_blocks_are_whole_chunks(make_store: Any, data: st.DataObject) -> None:
    case = data.draw(cases(make_store).filter(lambda case: case.model.size > 0 < case.model.ndim))
    blocks: list[Any] = []
    region = []
    for n, edge in zip(case.model.shape, case.edges, strict=True):
        count = -(-n // edge)
        first = data.draw(st.integers(0, count - 1))
        last = data.draw(st.integers(first, count - 1))
        whole = first == last and data.draw(st.booleans())
        blocks.append(first if whole else slice(first, last + 1))
        region.append(slice(first * edge, (last + 1) * edge))
    expected = case.model[tuple(region)]
    assert_same(case.array.blocks[tuple(blocks)], expected)
    value = elements(expected.shape, case.model.dtype.str, 1)
    case.array.blocks[tuple(blocks)] = value
    case.model[tuple(region)] = value
    case.check()


@given(data=st.data())
@FAST
def test_values_are_broadcast_as_by_numpy(make_store: Any, data: st.DataObject) -> None:
    case = data.draw(cases(make_store))
    selection = data.draw(basic(case.model.shape))
    shape = picked(case.model, selection).shape
    given_shape = tuple(n if data.draw(st.booleans()) else 1 for n in shape)
    given_shape = given_shape[data.draw(st.integers(0, len(shape))) :]
    value = elements(given_shape, case.model.dtype.str, 1)
    case.array[selection] = value
    case.model[selection] = value
    case.check()


@given(data=st.data())
@FAST
def test_out_is_filled(make_store: Any, data: st.DataObject) -> None:
    case = data.draw(cases(make_store))
    selection = data.draw(basic(case.model.shape))
    expected = picked(case.model, selection)
    order = data.draw(st.sampled_from("CF"))
    out = np.empty(expected.shape, expected.dtype, order)
    result = case.array.get_basic_selection(selection, out=out)
    assert_same(result, expected)
    assert_same(out, expected)
    # A view with gaps between its elements.
    wide = np.zeros(tuple(2 * n + 1 for n in expected.shape), expected.dtype)
    view = picked(wide, tuple(slice(1, None, 2) for _ in expected.shape))
    case.array.get_basic_selection(selection, out=view)
    assert_same(view, expected)
