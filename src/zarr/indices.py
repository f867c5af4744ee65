"""Indices along one axis, made of what a user writes: integers, lists, arrays."""

from __future__ import annotations

from operator import index
from typing import TYPE_CHECKING, Any, TypeAlias, TypeGuard

import numpy as np
import numpy.typing as npt

from zarr.errors import BoundsCheckError

if TYPE_CHECKING:
    from collections.abc import Sequence

Indices: TypeAlias = npt.NDArray[np.int64]

_KINDS = "biu"


def integer(item: Any) -> int | None:
    """The value of an integer of any type, arrays without axes included; None for the rest."""
    if isinstance(item, bool):
        return None
    try:
        return index(item)
    except TypeError:
        return None


def out_of_bounds(number: int, axis: int, length: int) -> BoundsCheckError:
    return BoundsCheckError(
        f"index out of bounds for dimension with length {length} (axis {axis}, index {number})"
    )


def converted(items: Sequence[Any]) -> list[Any]:
    """Make arrays of lists and array-likes, if of integers or booleans; the rest stays."""
    return [_array(item) for item in items]


def _array(item: Any) -> Any:
    if isinstance(item, int | slice) or not (isinstance(item, list) or hasattr(item, "__array__")):
        return item
    try:
        array = np.asarray(item)
    except (ValueError, TypeError, OverflowError):
        return item
    if array.size == 0 and isinstance(item, list):
        array = array.astype(np.int64)
    return array if array.dtype.kind in _KINDS else item


def is_array(item: Any) -> TypeGuard[npt.NDArray[Any]]:
    """Whether an item, converted, is an array of integers or booleans."""
    return isinstance(item, np.ndarray) and item.dtype.kind in _KINDS


def along(array: npt.NDArray[Any], axis: int, length: int) -> Indices:
    """The indices that an array selects along an axis."""
    kind = "Boolean" if array.dtype == bool else "integer"
    if array.ndim != 1:
        raise IndexError(f"{kind} arrays in an orthogonal selection must be 1-dimensional only")
    if kind == "integer":
        return in_bounds(array, axis, length)
    if len(array) != length:
        raise IndexError(
            f"Boolean array has the wrong length for dimension; expected {length}, got {len(array)}"
        )
    return np.flatnonzero(array).astype(np.int64, copy=False)


def in_bounds(array: npt.NDArray[Any], axis: int, length: int) -> Indices:
    """Indices as int64, counted from the start."""
    if array.size:
        # Before the conversion, in which large unsigned numbers become negative.
        low, high = int(array.min()), int(array.max())
        if low < -length or high >= length:
            raise out_of_bounds(high if high >= length else low, axis, length)
        indices = np.ascontiguousarray(array, dtype=np.int64).reshape(array.shape)
        return np.where(indices < 0, indices + length, indices) if low < 0 else indices
    return np.ascontiguousarray(array, dtype=np.int64)
