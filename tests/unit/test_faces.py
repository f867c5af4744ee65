"""The synchronous functions are the asynchronous ones, called by other code."""

from __future__ import annotations

import asyncio
import inspect
from typing import Any

import numpy as np
import pytest

import zarr
from zarr.api import asynchronous, synchronous
from zarr.arrays import Array, AsyncArray

FUNCTIONS = synchronous.__all__
METHODS = [
    "append",
    "get_coordinate_selection",
    "get_mask_selection",
    "get_orthogonal_selection",
    "info_complete",
    "nbytes_stored",
    "update_attributes",
    "with_config",
]


def parameters(function: Any) -> list[Any]:
    return list(inspect.signature(function).parameters.values())


def test_both_modules_have_the_same_functions() -> None:
    assert asynchronous.__all__ == FUNCTIONS
    for name in FUNCTIONS:
        function = getattr(asynchronous, name)
        assert inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function)
        assert getattr(zarr, name) is getattr(synchronous, name)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_has_the_same_parameters_in_both(name: str) -> None:
    function, twin = getattr(synchronous, name), getattr(asynchronous, name)
    assert parameters(function) == parameters(twin)
    assert function.__doc__.splitlines()[0] == twin.__doc__.splitlines()[0]
    assert "Async" not in function.__doc__
    assert function.__name__ == twin.__name__


@pytest.mark.parametrize("name", METHODS)
def test_a_method_has_the_same_parameters_in_both(name: str) -> None:
    assert parameters(getattr(Array, name)) == parameters(getattr(AsyncArray, name))


def documented(function: Any) -> set[str]:
    """The parameters that a docstring describes."""
    lines = inspect.getdoc(function).split("Parameters\n----------\n")[1].splitlines()
    names: set[str] = set()
    for line in lines:
        if line.startswith("---"):
            break
        if (line and not line.startswith(" ") and " : " in line) or line.startswith("**"):
            names |= {name.strip("* ") for name in line.partition(" : ")[0].split(",")}
    return names


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_parameter_is_documented(name: str) -> None:
    function = getattr(asynchronous, name)
    assert documented(function) == {parameter.name for parameter in parameters(function)}


@pytest.fixture(params=["sync", "async"])
def call(request: Any) -> Any:
    """Calls a function by name, through either face; the result is an ``Array``."""

    def use(function: str, /, *args: Any, **kwargs: Any) -> Any:
        if request.param == "sync":
            return getattr(synchronous, function)(*args, **kwargs)
        made = asyncio.run(getattr(asynchronous, function)(*args, **kwargs))
        return Array(made) if isinstance(made, AsyncArray) else made

    return use


def test_every_function_works_through_both_faces(call: Any, store: Any) -> None:
    data = np.arange(12, dtype="i4").reshape(3, 4)
    made = call("create_array", store, name="a", data=data, chunks=(2, 2))
    np.testing.assert_array_equal(made[:], data)
    for name in ("open", "open_array"):
        np.testing.assert_array_equal(call(name, store, path="a", mode="r")[:], data)
    np.testing.assert_array_equal(call("load", store, path="a"), data)
    copy = call("from_array", store, data=made, name="b", chunks=(1, 4))
    np.testing.assert_array_equal(copy[:], data)
    call("save", store, data, path="c")
    call("save_array", store, data, path="d", chunks=2)
    np.testing.assert_array_equal(call("load", store, path="d"), data)
    for number, name in enumerate(("zeros", "ones")):
        assert call(name, (2,), store=store, path=name)[0] == number
        assert call(f"{name}_like", made, store=store, path=f"{name}_like")[0, 0] == number
    assert call("full", (2,), 7, store=store, path="full")[0] == 7
    assert call("full_like", made, fill_value=7, store=store, path="full_like")[0, 0] == 7
    assert call("empty", (2,), store=store, path="empty").shape == (2,)
    assert call("empty_like", made, store=store, path="empty_like").shape == (3, 4)
    assert call("create", 3, store=store, path="create").shape == (3,)
    np.testing.assert_array_equal(call("array", data, store=store, path="array")[:], data)
    assert call("open_like", made, "like", store=store).shape == (3, 4)


def test_the_asynchronous_accessors_are_what_reading_goes_through(store: Any) -> None:
    from unittest import mock

    from zarr.arrays.indexing import AsyncOIndex, AsyncVIndex

    array = zarr.create_array(store, name="a", data=np.arange(6)).async_array
    cases = (
        (AsyncArray, "getitem", lambda: array.getitem(slice(2))),
        (AsyncOIndex, "getitem", lambda: array.oindex.getitem([0, 1])),
        (AsyncVIndex, "getitem", lambda: array.vindex.getitem([0, 1])),
    )
    for cls, name, work in cases:
        real = getattr(cls, name)
        with mock.patch.object(cls, name, autospec=True, side_effect=real) as seen:
            assert asyncio.run(work()).tolist() == [0, 1]
        assert seen.call_count == 1
