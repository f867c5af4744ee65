"""Virtual arrays: arrays and views one after the other, or on top of each other."""

from __future__ import annotations

from operator import index
from typing import TYPE_CHECKING, Any

from zarr.arrays import AsyncArray
from zarr.arrays.batch import several
from zarr.views.async_view import AsyncView
from zarr.views.base import ViewBase
from zarr.views.source import Expression, Joined, whole
from zarr.views.transform import Range, Transform, identity

if TYPE_CHECKING:
    from collections.abc import Iterable

    from zarr.types import AnyArray, AnyAsyncArray
    from zarr.views.sync_view import View

    Joinable = AnyArray | AnyAsyncArray | View | AsyncView


async def concat(arrays: Iterable[Joinable], axis: int = 0) -> AsyncView:
    """Join arrays and views along a dimension that they have; nothing is read or copied.

    The arrays may be in different stores. Reading the result, or a part of it, reads the parts
    that are needed, all together.

    Parameters
    ----------
    arrays : iterable of Array or View
        Arrays and views, of one data type, and of one shape but for the length along `axis`.
        Views of views of this kind are allowed.
    axis : int
        The dimension along which they follow one another.

    Returns
    -------
    AsyncView
        A view of all of them. Writing to it writes to the arrays.

    Raises
    ------
    TypeError
        If the data types differ: `astype` of a view makes them the same.
    ValueError
        If there are no arrays, or their shapes do not fit.

    Examples
    --------
    >>> import zarr
    >>> first, second = zarr.zeros((2, 3)), zarr.ones((1, 3))
    >>> both = zarr.concat([first, second])
    >>> both.shape
    (3, 3)
    >>> both[1:, 0].result()
    array([0., 1.])
    """
    parts = [_expression(array) for array in several(arrays, "arrays", "arrays and views")]
    along = _checked(parts, axis, "concat", 0)
    shape = parts[0].shape
    for number, part in enumerate(parts):
        expected = (*shape[:along], part.shape[along], *shape[along + 1 :])
        if part.shape != expected:
            raise ValueError(
                f"arrays are joined along dimension {along} if their other dimensions have the "
                f"same lengths: number 0 has the shape {shape}, number {number} has {part.shape}"
            )
    return _joined(parts, along)


async def stack(arrays: Iterable[Joinable], axis: int = 0) -> AsyncView:
    """Join arrays and views along a new dimension; nothing is read or copied.

    The arrays may be in different stores. Reading the result, or a part of it, reads the parts
    that are needed, all together.

    Parameters
    ----------
    arrays : iterable of Array or View
        Arrays and views, of one shape and data type.
    axis : int
        The place of the new dimension in the result.

    Returns
    -------
    AsyncView
        A view of all of them. Writing to it writes to the arrays.

    Raises
    ------
    TypeError
        If the data types differ: `astype` of a view makes them the same.
    ValueError
        If there are no arrays, or their shapes differ.

    Examples
    --------
    >>> import zarr
    >>> days = zarr.stack([zarr.zeros((2, 3)), zarr.ones((2, 3))])
    >>> days.shape
    (2, 2, 3)
    >>> days[:, 0, 0].result()
    array([0., 1.])
    """
    parts = [_expression(array) for array in several(arrays, "arrays", "arrays and views")]
    along = _checked(parts, axis, "stack", 1)
    shape = parts[0].shape
    for number, part in enumerate(parts):
        if part.shape != shape:
            raise ValueError(
                "arrays of one shape are stacked: "
                f"number 0 has the shape {shape}, number {number} has {part.shape}"
            )
    maps = tuple(Range(dim + (dim >= along), 0, 1) for dim in range(len(shape)))
    thick = Transform((*shape[:along], 1, *shape[along:]), maps)
    return _joined([part._replace(transform=part.transform.then(thick)) for part in parts], along)


def _expression(array: Any) -> Expression:
    if isinstance(array, ViewBase):
        return array.expression
    array = getattr(array, "async_array", array)
    if not isinstance(array, AsyncArray):
        raise TypeError(f"arrays of zarr and views of them are joined, got {type(array).__name__}")
    return whole(array)


def _checked(parts: list[Expression], axis: int, name: str, added: int) -> int:
    """The dimension that is meant, if the arrays can be joined."""
    if not parts:
        raise ValueError(f"{name} needs at least one array")
    ndim = len(parts[0].shape) + added
    dtype = parts[0].dtype
    for number, part in enumerate(parts):
        if part.dtype != dtype:
            raise TypeError(
                f"arrays of one data type are joined: number 0 has {dtype}, number {number} has "
                f"{part.dtype}; use .lazy.astype(...) for one of them"
            )
    along = index(axis)
    if not -ndim <= along < ndim:
        raise ValueError(f"axis {axis} is out of bounds for a result of {ndim} dimensions")
    return along % ndim


def _joined(parts: list[Expression], axis: int) -> AsyncView:
    flat: list[Expression] = []
    for part in parts:
        source = part.source
        plain = not part.steps and part.transform == identity(source.shape)
        if isinstance(source, Joined) and source.axis == axis and plain:
            flat += source.parts  # however often one is added to the others
        else:
            flat.append(part)
    joined = Joined(tuple(flat), axis)
    return AsyncView(Expression(joined, identity(joined.shape)))
