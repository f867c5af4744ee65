"""The parts of the Python array API standard that a view honours; the rest says that it does not.

The standard's own suite is on no package index, so these are its rules for one array object:
inspection, indexing, data types, casts, exchange by DLPack, and conversion of one element.
"""

from __future__ import annotations

import operator
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

import zarr

if TYPE_CHECKING:
    from collections.abc import Callable

INTEGERS = [f"{kind}{bits}" for kind in ("int", "uint") for bits in (8, 16, 32, 64)]
REAL = ["float32", "float64"]
COMPLEX = ["complex64", "complex128"]
NUMERIC = [*INTEGERS, *REAL, *COMPLEX]
DTYPES = ["bool", *NUMERIC]
SHAPES = [(), (1,), (5,), (3, 4), (2, 1, 3), (0,), (3, 0)]


def model_of(dtype: str, shape: tuple[int, ...] = (3, 4)) -> np.ndarray[Any, Any]:
    count = int(np.prod(shape))
    values = np.arange(count) % 2 if dtype == "bool" else np.arange(count)
    return values.astype(dtype).reshape(shape)


def view_of(model: np.ndarray[Any, Any]) -> Any:
    chunks = tuple(max(1, min(2, length)) for length in model.shape)
    return zarr.create_array({}, data=model, chunks=chunks).lazy


# -- inspection --------------------------------------------------------------------------------


@pytest.mark.parametrize(("dtype", "shape"), list(product(DTYPES, SHAPES)), ids=str)
def test_attributes_are_those_of_the_standard(dtype: str, shape: tuple[int, ...]) -> None:
    model = model_of(dtype, shape)
    view = view_of(model)
    assert type(view.shape) is tuple
    assert all(type(length) is int for length in view.shape)
    assert (view.shape, view.ndim, view.size) == (model.shape, model.ndim, model.size)
    assert view.dtype == np.dtype(dtype)
    assert view.dtype != np.dtype("int16" if dtype == "bool" else "bool")
    assert view.to_device(view.device) is view
    if model.ndim:
        assert len(view) == len(model)
    if model.ndim == 2:
        np.testing.assert_array_equal(view.T.result(), model.T)
    if model.ndim >= 2:
        np.testing.assert_array_equal(view.mT.result(), model.mT)
    result = view.result()
    assert (result.shape, result.dtype) == (model.shape, model.dtype)


def test_another_device_is_refused() -> None:
    view = view_of(model_of("int8"))
    with pytest.raises(ValueError, match="'cuda:0'"):
        view.to_device("cuda:0")
    with pytest.raises(ValueError, match="stream"):
        view.to_device("cpu", stream=1)


def test_a_view_is_no_array_of_a_namespace_that_computes() -> None:
    view = view_of(model_of("float64"))
    assert not hasattr(view, "__array_namespace__")
    operators: list[Callable[..., Any]] = [
        operator.add,
        operator.mul,
        operator.matmul,
        operator.lt,
        operator.and_,
    ]
    for operation in operators:
        with pytest.raises(TypeError, match="unsupported operand|not supported"):
            operation(view, view)
    for unary in (operator.neg, operator.abs, operator.invert):
        with pytest.raises(TypeError, match="bad operand"):
            unary(view)


# -- indexing ----------------------------------------------------------------------------------


@given(data=st.data(), shape=npst.array_shapes(min_dims=1, max_dims=4, max_side=5))
@settings(max_examples=150, deadline=None)
def test_integers_slices_ellipsis_and_none_select_as_the_standard_says(
    data: st.DataObject, shape: tuple[int, ...]
) -> None:
    model = model_of("int32", shape)
    index = data.draw(npst.basic_indices(shape, allow_newaxis=True, allow_ellipsis=True))
    found = view_of(model)[index].result()
    assert found.shape == model[index].shape
    np.testing.assert_array_equal(found, model[index])


@given(data=st.data(), shape=npst.array_shapes(min_dims=1, max_dims=3, max_side=5))
@settings(max_examples=60, deadline=None)
def test_one_mask_selects_as_the_standard_says(data: st.DataObject, shape: tuple[int, ...]) -> None:
    model = model_of("int32", shape)
    mask = data.draw(npst.arrays(bool, shape))
    np.testing.assert_array_equal(view_of(model)[mask].result(), model[mask])


@given(data=st.data(), shape=npst.array_shapes(min_dims=1, max_dims=3, max_side=5))
@settings(max_examples=60, deadline=None)
def test_an_array_of_integers_for_each_dimension_selects_as_the_standard_says(
    data: st.DataObject, shape: tuple[int, ...]
) -> None:
    model = model_of("int32", shape)
    index = data.draw(npst.integer_array_indices(shape))
    np.testing.assert_array_equal(view_of(model)[index].result(), model[index])


@pytest.mark.parametrize("index", [5, -6, (0, 4), (0, -5), (0, 0, 0), (..., 0, 0, 0)], ids=str)
def test_an_index_out_of_bounds_is_an_index_error(index: Any) -> None:
    with pytest.raises(IndexError):
        view_of(model_of("int32", (5, 4)))[index]


@pytest.mark.parametrize("dtype", DTYPES)
def test_elements_are_assigned_at_every_index(dtype: str) -> None:
    for index in (1, -1, slice(None, None, 2), (..., 2), (slice(2), 1), model_of("bool") > 0):
        model = model_of(dtype)
        view = view_of(model)
        value = np.ones((), dtype)
        view[index] = value
        model[index] = value
        np.testing.assert_array_equal(view.result(), model)


# -- data types --------------------------------------------------------------------------------


@pytest.mark.parametrize(("before", "after"), list(product(DTYPES, DTYPES)))
@pytest.mark.filterwarnings("ignore::numpy.exceptions.ComplexWarning")
def test_casts_are_those_of_the_standard(before: str, after: str) -> None:
    model = model_of(before)
    cast = view_of(model).astype(after)
    assert cast.dtype == np.dtype(after)
    found = cast.result()
    assert found.dtype == np.dtype(after)
    np.testing.assert_array_equal(found, model.astype(after))


# -- exchange ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("dtype", "shape"), list(product(DTYPES, SHAPES)), ids=str)
def test_elements_are_exchanged_by_dlpack(dtype: str, shape: tuple[int, ...]) -> None:
    model = model_of(dtype, shape)
    view = view_of(model)
    assert view.__dlpack_device__() == model.__dlpack_device__()
    for found in (np.from_dlpack(view), np.from_dlpack(view, copy=True)):
        assert found.dtype == model.dtype
        np.testing.assert_array_equal(found, model)
    with pytest.raises((BufferError, ValueError)):
        np.from_dlpack(view, copy=False)


# -- one element -------------------------------------------------------------------------------

CONVERSIONS: dict[Callable[[Any], Any], list[str]] = {
    bool: DTYPES,
    int: ["bool", *INTEGERS, *REAL],
    float: ["bool", *INTEGERS, *REAL],
    complex: DTYPES,
    operator.index: INTEGERS,
}


@pytest.mark.parametrize(
    ("convert", "dtype"),
    [(convert, dtype) for convert, dtypes in CONVERSIONS.items() for dtype in dtypes],
)
def test_one_element_becomes_a_number_of_python(convert: Callable[[Any], Any], dtype: str) -> None:
    model = model_of(dtype)
    found = convert(view_of(model)[2, 3])
    assert type(found) is (int if convert is operator.index else convert)
    assert found == convert(model[2, 3])


@pytest.mark.parametrize("dtype", ["bool", *REAL, *COMPLEX])
def test_only_an_integer_is_an_index(dtype: str) -> None:
    with pytest.raises(TypeError):
        operator.index(view_of(model_of(dtype))[2, 3])


@pytest.mark.parametrize("convert", list(CONVERSIONS))
def test_several_elements_are_no_number(convert: Callable[[Any], Any]) -> None:
    with pytest.raises(TypeError, match="without dimensions"):
        convert(view_of(model_of("int8")))
