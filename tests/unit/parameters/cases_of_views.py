"""Parameters of the functions that join arrays, and of ``read``."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from parameter_cases import case

import zarr
from zarr.api.asynchronous import read as async_read

if TYPE_CHECKING:
    from parameter_cases import Caller

JOINING = ("concat", "stack")


def two(do: Caller) -> tuple[list[Any], list[np.ndarray[Any, Any]]]:
    """Two arrays of one shape in the face of the caller, and their elements."""
    data = [np.arange(6).reshape(2, 3), np.arange(6, 12).reshape(2, 3)]
    arrays = [zarr.create_array({}, data=one, zarr_format=do.format) for one in data]
    return arrays if do.face == "sync" else [one.async_array for one in arrays], data


def joined(do: Caller, arrays: Any, **kwargs: Any) -> Any:
    """The elements of the joined arrays."""
    view = do(do.function, arrays, **kwargs)
    return view.result() if do.face == "sync" else asyncio.run(view.result())


@case(JOINING, "arrays")
def _(do: Caller) -> None:
    arrays, data = two(do)
    assert np.array_equal(
        joined(do, arrays), getattr(np, do.function.replace("concat", "concatenate"))(data)
    )
    with pytest.raises(ValueError, match="at least one array"):
        do(do.function, [])


@case(JOINING, "axis")
def _(do: Caller) -> None:
    arrays, data = two(do)
    expected = getattr(np, do.function.replace("concat", "concatenate"))(data, axis=1)
    assert np.array_equal(joined(do, arrays, axis=1), expected)
    with pytest.raises(ValueError, match="axis 5"):
        do(do.function, arrays, axis=5)


@case("read", "reads")
def _(do: Caller) -> None:
    arrays, data = two(do)
    first, second = do("read", [(arrays[0], slice(1, 2)), arrays[1]])
    assert np.array_equal(first, data[0][1:2])
    assert np.array_equal(second, data[1])
    with pytest.raises(TypeError, match="int"):
        do("read", [3])


@case("read", "out")
def _(do: Caller) -> None:
    arrays, data = two(do)
    out = np.zeros((2, 2, 3), data[0].dtype)
    do("read", arrays, out)
    assert np.array_equal(out, np.stack(data))
    with pytest.raises(ValueError, match="shape"):
        do("read", arrays, np.zeros((2, 1, 3), data[0].dtype))


@case("read", "ordered")
def _(do: Caller) -> None:
    arrays, data = two(do)

    async def collected() -> dict[int, Any]:
        return {number: value async for number, value in await async_read(arrays, ordered=False)}

    found = (
        dict(zarr.read(arrays, ordered=False)) if do.face == "sync" else asyncio.run(collected())
    )
    assert sorted(found) == [0, 1]
    assert all(np.array_equal(found[number], one) for number, one in enumerate(data))
