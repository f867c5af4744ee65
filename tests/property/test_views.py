"""A view reads and writes what NumPy does, through any chain of selections and other changes."""

from __future__ import annotations

import asyncio
import pickle
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

FAST = settings(
    max_examples=60,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
DTYPES = ("i4", "u1", ">i2", "f8", "M8[s]", "S3")


class Case:
    """A view, and where its elements are in one long array of all elements."""

    def __init__(self, elements: Any, places: Any, view: Any, arrays: list[Any]) -> None:
        self.elements = elements
        self.places = places
        self.view = view
        self.arrays = arrays

    def model(self) -> Any:
        """The elements of the view, by NumPy."""
        found = self.elements[self.places.reshape(-1)].reshape(self.places.shape)
        # The numbers are so small that a type has no effect on the next one.
        return found.astype(self.view.dtype)

    def check_sources(self) -> None:
        """The arrays hold all elements, and no others."""
        start = 0
        for array in self.arrays:
            expected = self.elements[start : start + array.size].reshape(array.shape)
            np.testing.assert_array_equal(array[...], expected)
            start += array.size


@st.composite
def arrays(draw: st.DrawFn, make_store: Callable[[], Any], dtype: str, shape: Any) -> Any:
    """Arrays of both formats, of a shape, sharded or not."""
    chunks = tuple(draw(st.integers(1, max(1, n + 1))) for n in shape)
    options: dict[str, Any] = {"zarr_format": draw(st.sampled_from([2, 3]))}
    if options["zarr_format"] == 3 and draw(st.booleans()):
        options["shards"] = tuple(n * draw(st.integers(1, 2)) for n in chunks)
    options["config"] = {"order": draw(st.sampled_from("CF"))}
    return zarr.create_array(
        make_store(), shape=shape, chunks=chunks, dtype=dtype, fill_value=0, **options
    )


@cache
def shapes(most: int) -> st.SearchStrategy[tuple[int, ...]]:
    return st.lists(st.integers(0, 5), max_size=most).map(tuple)


@cache
def numbers(n: int) -> st.SearchStrategy[Any]:
    edge = st.none() | st.integers(-n - 2, n + 2)
    steps = st.none() | st.sampled_from([-3, -2, -1, 1, 2, 3])
    return st.builds(slice, edge, edge, steps)


@cache
def integers(n: int) -> st.SearchStrategy[Any]:
    return st.integers(-n, n - 1) if n else numbers(n)


@cache
def lists(n: int, most: int = 6) -> st.SearchStrategy[Any]:
    if n == 0:
        return st.just(np.zeros(0, int))
    return st.lists(st.integers(-n, n - 1), max_size=most).map(lambda x: np.array(x, int))


@cache
@st.composite
def basic(draw: st.DrawFn, shape: Any) -> Any:
    items = [draw(st.one_of(numbers(n), numbers(n), integers(n))) for n in shape]
    if draw(st.booleans()):
        first = draw(st.integers(0, len(items)))
        items[first : draw(st.integers(first, len(items)))] = [Ellipsis]
    for _ in range(draw(st.integers(0, 1))):
        items.insert(draw(st.integers(0, len(items))), None)
    return tuple(items)


@cache
@st.composite
def advanced(draw: st.DrawFn, shape: Any) -> Any:
    """Arrays of one joint shape, a mask perhaps, beside integers, slices and new dimensions."""
    joint = tuple(draw(st.lists(st.integers(1, 3), max_size=2)))
    items: list[Any] = []
    axis = 0
    while axis < len(shape):
        kind = draw(st.sampled_from(["array", "slice", "integer", "mask", "new"]))
        n = shape[axis]
        if kind == "array" and n:
            own = joint[draw(st.integers(0, len(joint))) :]
            own = tuple(draw(st.sampled_from([1, length])) for length in own)
            count = int(np.prod(own))
            found = draw(st.lists(st.integers(-n, n - 1), min_size=count, max_size=count))
            items.append(np.array(found, int).reshape(own))
        elif kind == "mask" and not any(isinstance(i, np.ndarray) and i.ndim for i in items):
            count = draw(st.integers(1, min(2, len(shape) - axis)))
            mask = np.zeros(shape[axis : axis + count], bool)
            mask.flat[: mask.size : 2] = True
            items.append(mask)
            joint = (int(mask.sum()),)
            axis += count - 1
        elif kind == "integer":
            items.append(draw(integers(n)))
        elif kind == "new":
            items.append(None)
            axis -= 1
            if len(items) > 8:
                axis += 1
                items[-1] = slice(None)
        else:
            items.append(draw(numbers(n)))
        axis += 1
    return tuple(items)


def outer(model: Any, selection: Any) -> Any:
    """An orthogonal selection of NumPy."""
    for axis, item in reversed(list(enumerate(selection))):
        model = model[(slice(None),) * axis + (item,)]
    return model


@st.composite
def changed(draw: st.DrawFn, case: Case) -> Case:
    """One more change of a view."""
    view, places, shape = case.view, case.places, case.view.shape
    kinds = ["basic", "basic", "advanced", "oindex", "transpose", "squeeze", "mask"]
    kinds += ["vindex", "blocks", "join"]
    if view.dtype.kind in "iuf":
        kinds.append("cast")
    kind = draw(st.sampled_from(kinds))
    if kind == "basic":
        selection = draw(basic(shape))
        view, places = view[selection], places[selection]
    elif kind == "advanced":
        selection = draw(advanced(shape))
        try:
            places = places[selection]
        except IndexError:
            with pytest.raises(IndexError):
                view[selection]
            return case
        view = view[selection]
    elif kind == "oindex":
        selection = tuple(draw(st.one_of(lists(n), numbers(n), integers(n))) for n in shape)
        view, places = view.oindex[selection], outer(places, selection)
    elif kind == "vindex" and shape and 0 not in shape:
        count = draw(st.integers(1, len(shape)))
        length = draw(st.integers(0, 5))
        selection = tuple(
            draw(
                lists(n).map(
                    lambda x, n=n: np.resize(x, length) if x.size else np.zeros(length, int)
                )
            )
            for n in shape[:count]
        )
        view, places = view.vindex[selection], places[selection]
    elif kind == "mask" and shape:
        mask = (places * 7 % 5) < draw(st.integers(1, 4))
        view, places = view[mask], places[mask]
    elif kind == "transpose":
        order = draw(st.permutations(range(len(shape))))
        view, places = view.transpose(order), places.transpose(order)
    elif kind == "cast":
        view = view.astype(draw(st.sampled_from(["f8", "i8", ">i2", "u1", "f4"])))
    elif kind == "squeeze":
        view, places = view.squeeze(), places.squeeze()
    elif kind == "blocks" and shape and 0 not in shape:
        items = []
        for chunk, n in zip(view.shards or view.chunks, shape, strict=True):
            sizes = (chunk,) * -(-n // chunk) if isinstance(chunk, int) else chunk
            ends = np.minimum(np.cumsum(sizes), n)
            number = draw(st.integers(0, len(sizes) - 1))
            items.append(
                (
                    number,
                    slice(
                        int(ends[number] - sizes[number])
                        if number + 1 < len(sizes)
                        else sum(sizes[:-1]),
                        int(ends[number]),
                    ),
                )
            )
        view = view.blocks[tuple(number for number, _ in items)]
        places = places[tuple(part for _, part in items)]
    elif kind == "join" and shape and places.size < 500:
        axis = draw(st.integers(0, len(shape) - 1))
        start = draw(st.integers(0, shape[axis]))
        cut = (slice(None),) * axis
        if draw(st.booleans()):
            parts = [(*cut, slice(start, None)), (*cut, slice(0, start))]
            view = zarr.concat([view[part] for part in parts], axis=axis)
            places = np.concatenate([places[part] for part in parts], axis=axis)
        elif len(shape) < 6:
            view = zarr.stack([view, view[(..., slice(None, None, -1))]], axis=axis)
            places = np.stack([places, places[..., ::-1]], axis=axis)
    return Case(case.elements, np.asarray(places), view, case.arrays)


@st.composite
def cases(draw: st.DrawFn, make_store: Callable[[], Any], most: int = 3, rank: int = 6) -> Case:
    dtype = draw(st.sampled_from(DTYPES))
    shape = draw(shapes(rank))
    made = [draw(arrays(make_store, dtype, shape))]
    view = made[0].lazy
    if shape and draw(st.booleans()):
        axis = draw(st.integers(0, len(shape) - 1))
        other = (*shape[:axis], draw(st.integers(0, 4)), *shape[axis + 1 :])
        made.append(draw(arrays(make_store, dtype, other)))
        view = zarr.concat(made, axis=axis)
    count = sum(array.size for array in made)
    elements = ((np.arange(count) * 7 + 3) % 120).astype(dtype)
    places, start = [], 0
    for array in made:
        stop = start + array.size
        array[...] = elements[start:stop].reshape(array.shape)
        places.append(np.arange(start, stop).reshape(array.shape))
        start = stop
    joined = places[0] if len(made) == 1 else np.concatenate(places, axis=axis)
    case = Case(elements, joined, view, made)
    for _ in range(draw(st.integers(0, most))):
        if case.places.size < 2000:
            case = draw(changed(case))
    return case


@pytest.fixture(params=STORE_KINDS)
def make_store(request: Any, tmp_path: Any) -> Any:
    return lambda: make_store_of(request.param, tmp_path)


@FAST
@given(data=st.data())
def test_a_view_reads_what_numpy_selects(make_store: Any, data: Any) -> None:
    case = data.draw(cases(make_store))
    expected = case.model()
    view = case.view
    assert (view.shape, view.dtype, view.size) == (expected.shape, expected.dtype, expected.size)
    found = view.result()
    assert (found.shape, found.dtype) == (expected.shape, expected.dtype)
    np.testing.assert_array_equal(found, expected)
    out = np.empty(expected.shape[::-1], expected.dtype).T
    assert view.result(out) is out
    np.testing.assert_array_equal(out, expected)
    again = pickle.loads(pickle.dumps(view.async_view.expression.transform))
    assert again == view.async_view.expression.transform
    np.testing.assert_array_equal(asyncio.run(view.async_view.result()), expected)


def is_refused(view: Any, values: Any) -> bool:
    """Write, unless several parts of the view have an element in common."""
    try:
        view[...] = values
    except ValueError as error:
        if "more than one of its parts" not in str(error):
            raise
        return True
    return False


@FAST
@given(data=st.data())
def test_a_view_writes_where_numpy_does(make_store: Any, data: Any) -> None:
    case = data.draw(cases(make_store))
    values = ((np.arange(case.places.size) * 11 + 5) % 120).astype(case.elements.dtype)
    values = values.astype(case.view.dtype)
    values = values.reshape(case.view.shape)
    if is_refused(case.view, values):
        assert len(np.unique(case.places)) < case.places.size
    else:
        case.elements[case.places.reshape(-1)] = values.astype(case.elements.dtype).reshape(-1)
    case.check_sources()


@FAST
@given(data=st.data())
def test_chunks_of_a_view_fill_it(make_store: Any, data: Any) -> None:
    view = data.draw(cases(make_store)).view
    for chunk, length in zip(view.chunks, view.shape, strict=True):
        if isinstance(chunk, tuple):
            assert sum(chunk) == length
            assert all(chunk)
        else:
            assert chunk > 0
