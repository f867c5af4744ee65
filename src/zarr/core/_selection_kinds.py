"""Kinds of selections and of their items, small steps of parsing them, orders of places."""

from __future__ import annotations

from functools import lru_cache
from itertools import product
from numbers import Integral
from typing import TYPE_CHECKING, Any, NoReturn, TypeGuard

import numpy as np
import numpy.typing as npt

from zarr.errors import BoundsCheckError
from zarr.indexing import per_axis

if TYPE_CHECKING:
    from zarr.indexing import Fields
    from zarr.types import AnyNDArray, NumpyDType

# -- items --------------------------------------------------------------------------------------


def is_integer(x: object) -> TypeGuard[int]:
    """Whether a value is an integer of Python or NumPy; booleans are none."""
    return isinstance(x, Integral) and not is_bool(x)


def is_bool(x: object) -> TypeGuard[bool | np.bool_]:
    """Whether a value is a boolean of Python or NumPy."""
    return isinstance(x, bool | np.bool_)


def is_integer_list(x: object) -> TypeGuard[list[int]]:
    """Whether a value is a list of integers, with one at least."""
    return isinstance(x, list) and bool(x) and all(map(is_integer, x))


def is_bool_list(x: object) -> TypeGuard[list[bool | np.bool_]]:
    """Whether a value is a list of booleans, with one at least."""
    return isinstance(x, list) and bool(x) and all(map(is_bool, x))


def _is_array(x: object, kinds: str, ndim: int | None) -> bool:
    if np.isscalar(x) or not (hasattr(x, "shape") and hasattr(x, "dtype")):
        return False
    kind = getattr(x.dtype, "kind", "")
    return bool(kind) and kind in kinds and ndim in (None, len(x.shape))


def is_integer_array(x: object, ndim: int | None = None) -> TypeGuard[npt.NDArray[np.intp]]:
    """Whether a value is an array of integers, with `ndim` dimensions if that is given."""
    return _is_array(x, "iu", ndim)


def is_bool_array(x: object, ndim: int | None = None) -> TypeGuard[npt.NDArray[np.bool_]]:
    """Whether a value is an array of booleans, with `ndim` dimensions if that is given."""
    return _is_array(x, "b", ndim)


def is_int_or_bool_iterable(x: object) -> bool:
    """Whether a value is a list or an array, of integers or of booleans."""
    return is_integer_list(x) or is_bool_list(x) or _is_array(x, "biu", None)


def is_slice(s: object) -> TypeGuard[slice]:
    """Whether a value is a slice."""
    return isinstance(s, slice)


def is_contiguous_slice(s: object) -> TypeGuard[slice]:
    """Whether a value is a slice with step 1."""
    return isinstance(s, slice) and s.step in (None, 1)


def is_positive_slice(s: object) -> TypeGuard[slice]:
    """Whether a value is a slice that goes forward."""
    return isinstance(s, slice) and (s.step is None or s.step >= 1)


def is_scalar(value: object, dtype: NumpyDType) -> bool:
    """Whether a value is one element of a data type, a tuple for one of several fields."""
    if np.isscalar(value) or (hasattr(value, "shape") and value.shape == ()):
        return True
    return isinstance(value, tuple) and len(value) == len(dtype.names or ()) > 0


# -- selections ---------------------------------------------------------------------------------


def ensure_tuple(v: object) -> tuple[object, ...]:
    """Return the items of a selection."""
    return v if isinstance(v, tuple) else (v,)


def is_basic_selection(selection: object) -> bool:
    """Whether there are only integers, and slices that go forward."""
    return all(is_integer(item) or is_positive_slice(item) for item in ensure_tuple(selection))


def is_contiguous_selection(selection: object) -> bool:
    """Whether there are only integer arrays, an ellipsis, and slices that leave nothing out."""
    return all(
        is_integer_array(item) or is_contiguous_slice(item) or item is Ellipsis
        for item in ensure_tuple(selection)
    )


def is_coordinate_selection(selection: object, shape: tuple[int, ...]) -> bool:
    """Whether there is an integer or an integer array for each dimension."""
    items = ensure_tuple(selection)
    return len(items) == len(shape) and all(
        is_integer(item) or is_integer_array(item) for item in items
    )


def is_mask_selection(selection: object, shape: tuple[int, ...]) -> bool:
    """Whether there is one array of booleans, which has the shape of the array."""
    items = ensure_tuple(selection)
    return len(items) == 1 and is_bool_array(items[0]) and tuple(items[0].shape) == tuple(shape)


def is_pure_fancy_indexing(selection: object, ndim: int) -> bool:
    """Whether a selection names points only: by indices for each dimension, or by a mask."""
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


def is_pure_orthogonal_indexing(selection: object, ndim: int) -> bool:
    """Whether each item, of any kind, selects along a dimension of its own."""
    items = ensure_tuple(selection)
    return 0 < len(items) <= ndim and all(
        is_integer(item) or is_slice(item) or is_int_or_bool_iterable(item) for item in items
    )


def pop_fields(selection: object) -> tuple[str | list[str] | None, object]:
    """Return the names of fields in a selection, and the rest of it; what is alone stands alone."""
    if isinstance(selection, str):
        return selection, ()
    if not isinstance(selection, tuple):
        return None, selection
    fields = [item for item in selection if isinstance(item, str)]
    rest = tuple(item for item in selection if not isinstance(item, str))
    return fields[0] if len(fields) == 1 else fields, rest[0] if len(rest) == 1 else rest


def replace_ellipsis(selection: object, shape: tuple[int, ...]) -> tuple[object, ...]:
    """Return one item for each dimension.

    Raises
    ------
    IndexError
        If there are more items than dimensions, or more than one ellipsis.
    """
    return tuple(per_axis(ensure_tuple(selection), shape))


def replace_lists(selection: tuple[object, ...]) -> tuple[object, ...]:
    """Return a selection with arrays in place of lists."""
    return tuple(
        np.asarray(item, dtype=None if item else np.intp) if isinstance(item, list) else item
        for item in selection
    )


def make_slice_selection(selection: Any) -> list[object]:
    """Return a selection with slices in place of integers, also of those in arrays of one."""
    made: list[Any] = []
    for item in selection:
        if isinstance(item, np.ndarray) and item.size == 1:
            item = int(item.reshape(-1)[0])
        made.append(slice(int(item), int(item) + 1, 1) if is_integer(item) else item)
    return made


def slice_to_range(s: slice, length: int) -> range:
    """Return what a slice selects along a dimension."""
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


def wraparound_indices(x: AnyNDArray, dim_len: int) -> AnyNDArray:
    """Return indices, with those that count from the end counted from the start."""
    return np.where(x < 0, x + dim_len, x)


def boundscheck_indices(x: AnyNDArray, dim_len: int) -> None:
    """Fail unless all indices, counted from the start, are those of elements.

    Raises
    ------
    BoundsCheckError
        If one is not.
    """
    if np.any(x < 0) or np.any(x >= dim_len):
        raise _out_of_bounds(dim_len)


def err_too_many_indices(selection: Any, shape: tuple[int, ...]) -> NoReturn:
    """Fail because there are more items than dimensions."""
    raise IndexError(f"too many indices for array; expected {len(shape)}, got {len(selection)}")


def check_selection_length(selection: Any, shape: tuple[int, ...]) -> None:
    """Fail if there are more items than dimensions.

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


def ix_(selection: object, shape: tuple[int, ...]) -> tuple[AnyNDArray, ...]:
    """Return index arrays for the outer product of the items; integers keep their dimension.

    Parameters
    ----------
    selection
        Integers, slices, and lists or arrays of integers or booleans.
    shape : tuple of int
        The shape of the array to select of.
    """
    items = replace_ellipsis(selection, shape)
    return np.ix_(*(_indices(item, n) for item, n in zip(items, shape, strict=True)))


def _indices(item: object, length: int) -> AnyNDArray:
    if isinstance(item, slice):
        return np.arange(*item.indices(length))
    if is_integer(item):
        return np.array([item], dtype=np.intp)
    if is_bool_array(item) or is_bool_list(item):
        return np.flatnonzero(item)
    return np.asarray(item, dtype=np.intp)


def _integer_axes(selection: object, shape: tuple[int, ...]) -> tuple[int, ...]:
    items = replace_ellipsis(selection, shape)
    return tuple(axis for axis, item in enumerate(items) if is_integer(item))


def oindex(a: AnyNDArray, selection: object) -> AnyNDArray:
    """Return an orthogonal selection of an array in memory.

    Parameters
    ----------
    a : ndarray
        The array.
    selection
        Integers, slices, and lists or arrays of integers or booleans, one for each dimension.
    """
    found: AnyNDArray = a[ix_(selection, a.shape)]
    return found.squeeze(axis=_integer_axes(selection, a.shape))


def oindex_set(a: AnyNDArray, selection: object, value: object) -> None:
    """Write to an orthogonal selection of an array in memory.

    Parameters
    ----------
    a : ndarray
        The array.
    selection
        Integers, slices, and lists or arrays of integers or booleans, one for each dimension.
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


Coords = tuple[tuple[int, ...], ...]


def lexicographic_order_coords(shape: tuple[int, ...]) -> Coords:
    """Return the places of a grid, those along the last dimension next to each other."""
    return tuple(product(*map(range, shape)))


def colexicographic_order_coords(shape: tuple[int, ...]) -> Coords:
    """Return the places of a grid, those along the first dimension next to each other."""
    return tuple(place[::-1] for place in product(*map(range, reversed(shape))))


@lru_cache(maxsize=32)
def morton_order_coords(shape: tuple[int, ...]) -> Coords:
    """Return the places of a grid in Morton order (Z order)."""
    if 0 in shape:
        return ()
    codes = np.arange(1 << sum(_bits(shape)), dtype=np.intp)
    places = decode_morton_vectorized(codes, shape)
    inside = places[np.all(places < np.array(shape, dtype=np.intp), axis=1)]
    return tuple(map(tuple, inside.tolist()))


def decode_morton(z: int, chunk_shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the place that a Morton code stands for: its bits go to the dimensions in turn.

    A dimension takes no more bits than its length needs: a code may mean a place outside of a grid
    whose lengths are no powers of two.
    """
    place = [0] * len(chunk_shape)
    for where, (axis, bit) in enumerate(_deal(chunk_shape)):
        place[axis] |= ((z >> where) & 1) << bit
    return tuple(place)


def decode_morton_vectorized(
    z: npt.NDArray[np.intp], chunk_shape: tuple[int, ...]
) -> npt.NDArray[np.intp]:
    """Return what `decode_morton` does, for many codes: one row for each."""
    places = np.zeros((len(z), len(chunk_shape)), dtype=np.intp)
    for where, (axis, bit) in enumerate(_deal(chunk_shape)):
        places[:, axis] |= ((z >> where) & 1) << bit
    return places


def _bits(shape: tuple[int, ...]) -> list[int]:
    return [max(length - 1, 0).bit_length() for length in shape]


def _deal(shape: tuple[int, ...]) -> list[tuple[int, int]]:
    """The dimension that each bit of a code goes to, lowest first, and its place there."""
    bits = _bits(shape)
    return [
        (axis, level)
        for level in range(max(bits, default=0))
        for axis, count in enumerate(bits)
        if level < count
    ]
