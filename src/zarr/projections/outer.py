"""Orthogonal selections of arrays in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from zarr.projections.kinds import is_bool_array, is_bool_list, is_integer, replace_ellipsis

if TYPE_CHECKING:
    import numpy.typing as npt


def ix_(selection: Any, shape: tuple[int, ...]) -> tuple[npt.NDArray[Any], ...]:
    """Return index arrays for the outer product of the items; integers keep their axis.

    Parameters
    ----------
    selection
        Integers, slices, and lists or arrays of integers or booleans.
    shape : tuple of int
        The shape of the array to select of.
    """
    items = replace_ellipsis(selection, shape)
    return np.ix_(*(_indices(item, n) for item, n in zip(items, shape, strict=True)))


def _indices(item: Any, length: int) -> npt.NDArray[Any]:
    if isinstance(item, slice):
        return np.arange(*item.indices(length))
    if is_integer(item):
        return np.array([item], dtype=np.intp)
    if is_bool_array(item) or is_bool_list(item):
        return np.flatnonzero(item)
    return np.asarray(item, dtype=np.intp)


def _integer_axes(selection: Any, shape: tuple[int, ...]) -> tuple[int, ...]:
    items = replace_ellipsis(selection, shape)
    return tuple(axis for axis, item in enumerate(items) if is_integer(item))


def oindex(a: npt.NDArray[Any], selection: Any) -> npt.NDArray[Any]:
    """Return an orthogonal selection of an array in memory.

    Parameters
    ----------
    a : ndarray
        The array.
    selection
        Integers, slices, and lists or arrays of integers or booleans, one for each axis.
    """
    found: npt.NDArray[Any] = a[ix_(selection, a.shape)]
    return found.squeeze(axis=_integer_axes(selection, a.shape))


def oindex_set(a: npt.NDArray[Any], selection: Any, value: Any) -> None:
    """Write to an orthogonal selection of an array in memory.

    Parameters
    ----------
    a : ndarray
        The array.
    selection
        Integers, slices, and lists or arrays of integers or booleans, one for each axis.
    value : array_like
        What to write; it is broadcast.
    """
    where = ix_(selection, a.shape)
    dropped = _integer_axes(selection, a.shape)
    values = np.asarray(value)
    if values.ndim and dropped:
        kept = tuple(each.size for axis, each in enumerate(where) if axis not in dropped)
        values = np.expand_dims(np.broadcast_to(values, kept), dropped)
    a[where] = values
