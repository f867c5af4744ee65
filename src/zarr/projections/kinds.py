"""What kind of selection, or of an item in one, a value is; and small steps of parsing."""

from __future__ import annotations

from numbers import Integral
from typing import TYPE_CHECKING, Any, NoReturn, TypeGuard

import numpy as np
import numpy.typing as npt

from zarr.errors import BoundsCheckError
from zarr.indexing import per_axis

if TYPE_CHECKING:
    from zarr.indexing import Fields

__all__ = [
    "boundscheck_indices",
    "check_no_multi_fields",
    "check_selection_length",
    "ensure_tuple",
    "err_too_many_indices",
    "is_basic_selection",
    "is_bool",
    "is_bool_array",
    "is_bool_list",
    "is_contiguous_selection",
    "is_contiguous_slice",
    "is_coordinate_selection",
    "is_int_or_bool_iterable",
    "is_integer",
    "is_integer_array",
    "is_integer_list",
    "is_mask_selection",
    "is_positive_slice",
    "is_pure_fancy_indexing",
    "is_pure_orthogonal_indexing",
    "is_scalar",
    "is_slice",
    "make_slice_selection",
    "normalize_integer_selection",
    "pop_fields",
    "replace_ellipsis",
    "replace_lists",
    "slice_to_range",
    "wraparound_indices",
]


# -- items --------------------------------------------------------------------------------------


def is_integer(x: Any) -> TypeGuard[int]:
    """Whether a value is an integer of Python or NumPy; booleans are none."""
    return isinstance(x, Integral) and not is_bool(x)


def is_bool(x: Any) -> TypeGuard[bool | np.bool_]:
    """Whether a value is a boolean of Python or NumPy."""
    return isinstance(x, bool | np.bool_)


def is_integer_list(x: Any) -> TypeGuard[list[int]]:
    """Whether a value is a list of integers, with one at least."""
    return isinstance(x, list) and bool(x) and all(map(is_integer, x))


def is_bool_list(x: Any) -> TypeGuard[list[bool | np.bool_]]:
    """Whether a value is a list of booleans, with one at least."""
    return isinstance(x, list) and bool(x) and all(map(is_bool, x))


def _is_array(x: Any, kinds: str, ndim: int | None) -> bool:
    if np.isscalar(x) or not (hasattr(x, "shape") and hasattr(x, "dtype")):
        return False
    kind = getattr(x.dtype, "kind", "")
    return bool(kind) and kind in kinds and ndim in (None, len(x.shape))


def is_integer_array(x: Any, ndim: int | None = None) -> TypeGuard[npt.NDArray[np.intp]]:
    """Whether a value is an array of integers, with `ndim` axes if that is given."""
    return _is_array(x, "iu", ndim)


def is_bool_array(x: Any, ndim: int | None = None) -> TypeGuard[npt.NDArray[np.bool_]]:
    """Whether a value is an array of booleans, with `ndim` axes if that is given."""
    return _is_array(x, "b", ndim)


def is_int_or_bool_iterable(x: Any) -> bool:
    """Whether a value is a list or an array, of integers or of booleans."""
    return is_integer_list(x) or is_bool_list(x) or _is_array(x, "biu", None)


def is_slice(s: Any) -> TypeGuard[slice]:
    """Whether a value is a slice."""
    return isinstance(s, slice)


def is_contiguous_slice(s: Any) -> TypeGuard[slice]:
    """Whether a value is a slice that leaves nothing out."""
    return isinstance(s, slice) and s.step in (None, 1)


def is_positive_slice(s: Any) -> TypeGuard[slice]:
    """Whether a value is a slice that goes forward."""
    return isinstance(s, slice) and (s.step is None or s.step >= 1)


def is_scalar(value: Any, dtype: np.dtype[Any]) -> bool:
    """Whether a value is one element of a data type, a tuple for one of several fields."""
    if np.isscalar(value) or (hasattr(value, "shape") and value.shape == ()):
        return True
    return isinstance(value, tuple) and len(value) == len(dtype.names or ()) > 0


# -- selections ---------------------------------------------------------------------------------


def ensure_tuple(v: Any) -> tuple[Any, ...]:
    """Return the items of a selection."""
    return v if isinstance(v, tuple) else (v,)


def is_basic_selection(selection: Any) -> bool:
    """Whether there are only integers, and slices that go forward."""
    return all(is_integer(item) or is_positive_slice(item) for item in ensure_tuple(selection))


def is_contiguous_selection(selection: Any) -> bool:
    """Whether there are only integer arrays, an ellipsis, and slices that leave nothing out."""
    return all(
        is_integer_array(item) or is_contiguous_slice(item) or item is Ellipsis
        for item in ensure_tuple(selection)
    )


def is_coordinate_selection(selection: Any, shape: tuple[int, ...]) -> bool:
    """Whether there is an integer or an integer array for each axis."""
    items = ensure_tuple(selection)
    return len(items) == len(shape) and all(
        is_integer(item) or is_integer_array(item) for item in items
    )


def is_mask_selection(selection: Any, shape: tuple[int, ...]) -> bool:
    """Whether there is one array of booleans, which has the shape of the array."""
    items = ensure_tuple(selection)
    return len(items) == 1 and is_bool_array(items[0]) and tuple(items[0].shape) == tuple(shape)


def is_pure_fancy_indexing(selection: Any, ndim: int) -> bool:
    """Whether a selection names points, by indices for each axis or by a mask; nothing else."""
    if is_bool_array(selection):
        return True
    if ndim == 1 and is_int_or_bool_iterable(selection):
        return True
    items = ensure_tuple(selection)
    lists = [item for item in items if is_integer_list(item) or is_integer_array(item)]
    return (
        len(items) == ndim
        and bool(lists)
        and len(lists) + sum(map(is_integer, items)) == len(items)
    )


def is_pure_orthogonal_indexing(selection: Any, ndim: int) -> bool:
    """Whether each item selects along an axis of its own: integers, slices, lists and arrays."""
    items = ensure_tuple(selection)
    return 0 < len(items) <= ndim and all(
        is_integer(item) or is_slice(item) or is_int_or_bool_iterable(item) for item in items
    )


def pop_fields(selection: Any) -> tuple[str | list[str] | None, Any]:
    """Return the names of fields in a selection, and the rest of it; what is alone stands alone."""
    if isinstance(selection, str):
        return selection, ()
    if not isinstance(selection, tuple):
        return None, selection
    fields = [item for item in selection if isinstance(item, str)]
    rest = tuple(item for item in selection if not isinstance(item, str))
    return fields[0] if len(fields) == 1 else fields, rest[0] if len(rest) == 1 else rest


def replace_ellipsis(selection: Any, shape: tuple[int, ...]) -> tuple[Any, ...]:
    """Return one item for each axis.

    Raises
    ------
    IndexError
        If there are more items than axes, or more than one ellipsis.
    """
    return tuple(per_axis(ensure_tuple(selection), shape))


def replace_lists(selection: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return a selection with arrays in place of lists."""
    return tuple(
        np.asarray(item, dtype=None if item else np.intp) if isinstance(item, list) else item
        for item in selection
    )


def make_slice_selection(selection: Any) -> list[Any]:
    """Return a selection with slices in place of integers, also of those in arrays of one."""
    made: list[Any] = []
    for item in selection:
        if isinstance(item, np.ndarray) and item.size == 1:
            item = int(item.reshape(-1)[0])
        made.append(slice(int(item), int(item) + 1, 1) if is_integer(item) else item)
    return made


def slice_to_range(s: slice, length: int) -> range:
    """Return what a slice selects along an axis."""
    return range(*s.indices(length))


# -- checks -------------------------------------------------------------------------------------


def _out_of_bounds(length: int) -> BoundsCheckError:
    return BoundsCheckError(f"index out of bounds for dimension with length {length}")


def normalize_integer_selection(dim_sel: int, dim_len: int) -> int:
    """Return an index, counted from the start.

    Raises
    ------
    BoundsCheckError
        If there is no such element.
    """
    found = int(dim_sel)
    if not -dim_len <= found < dim_len:
        raise _out_of_bounds(dim_len)
    return found % dim_len


def wraparound_indices(x: npt.NDArray[Any], dim_len: int) -> npt.NDArray[Any]:
    """Return indices, with those that count from the end counted from the start."""
    return np.where(x < 0, x + dim_len, x)


def boundscheck_indices(x: npt.NDArray[Any], dim_len: int) -> None:
    """Fail unless all indices, counted from the start, are those of elements.

    Raises
    ------
    BoundsCheckError
        If one is not.
    """
    if np.any(x < 0) or np.any(x >= dim_len):
        raise _out_of_bounds(dim_len)


def err_too_many_indices(selection: Any, shape: tuple[int, ...]) -> NoReturn:
    """Fail because there are more items than axes."""
    raise IndexError(f"too many indices for array; expected {len(shape)}, got {len(selection)}")


def check_selection_length(selection: Any, shape: tuple[int, ...]) -> None:
    """Fail if there are more items than axes.

    Raises
    ------
    IndexError
        If so.
    """
    if len(selection) > len(shape):
        err_too_many_indices(selection, shape)


def check_no_multi_fields(fields: Fields) -> Fields:
    """Return the name of one field, or None.

    Raises
    ------
    IndexError
        If there are several.
    """
    if not isinstance(fields, list):
        return fields
    if len(fields) > 1:
        raise IndexError("multiple fields are not supported for this operation")
    return fields[0] if fields else None
