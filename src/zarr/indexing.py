"""The selection of elements of an array, as one small value.

``a[1:9, ::2]``, ``oindex``, ``vindex``, masks and blocks all become a `Selection`: for each
dimension a range or indices, or else a set of points. Planning and both ways of input and output
work on that value; nothing behind this module knows how a selection was written.

Most functions here take a selection as the user wrote it and the shape of the array. `parse` does
what indexing an array means, the others what its methods and accessors mean. Errors are
`IndexError` or subclasses of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from importlib import import_module
from itertools import accumulate
from math import prod
from operator import index
from reprlib import Repr
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, TypeGuard

import numpy as np
import numpy.typing as npt

from zarr.errors import BoundsCheckError, NegativeStepError, VindexInvalidSelectionError

if TYPE_CHECKING:
    from typing import NoReturn

    from zarr.types import AnyNDArray, NumpyDType

__all__ = [
    "Axis",
    "Fields",
    "Selection",
    "basic",
    "block",
    "check_fields",
    "coordinate",
    "coordinates_of",
    "mask",
    "orthogonal",
    "parse",
    "pop_fields",
    "vindex",
]

Fields: TypeAlias = str | list[str] | None
"""Which fields: one, several as a structured data type, or all."""


def pop_fields(selection: object) -> tuple[Fields, tuple[object, ...]]:
    """Take the names of fields out of a selection.

    Parameters
    ----------
    selection
        The selection as the user wrote it.

    Returns
    -------
    fields : str or list of str, or None
        One name, several, or none at all.
    items : tuple
        The rest of the selection.
    """
    return popped(selection if isinstance(selection, tuple) else (selection,))


def popped(items: tuple[object, ...]) -> tuple[Fields, tuple[object, ...]]:
    """Take the names of fields out of the items of a selection."""
    names: list[str] = []
    rest: list[object] = []
    single = True
    for item in items:
        if isinstance(item, str):
            names.append(item)
        elif isinstance(item, list) and item and all(isinstance(name, str) for name in item):
            names += item
            single = False
        else:
            rest.append(item)
    if not names:
        return None, items
    return (names[0] if single and len(names) == 1 else names), tuple(rest)


def check_fields(fields: Fields | tuple[str, ...], dtype: NumpyDType) -> NumpyDType:
    """Return the data type of some fields.

    Parameters
    ----------
    fields : str or sequence of str, or None
        Names of fields. None, or none of them, is all of them.
    dtype : dtype
        The data type that has the fields.

    Raises
    ------
    IndexError
        The data type has no fields, or none of a name.
    """
    if not fields:
        return dtype
    if dtype.names is None:
        raise IndexError("invalid 'fields' argument, array does not have any fields")
    try:
        return dtype[fields] if isinstance(fields, str) else dtype[list(fields)]
    except KeyError as error:
        raise IndexError(
            f"invalid 'fields' argument, field not found: {error}; the fields are {dtype.names}"
        ) from None


Indices: TypeAlias = npt.NDArray[np.int64]
Points: TypeAlias = tuple[npt.NDArray[Any], ...] | npt.NDArray[np.bool_]
"""Indices along each dimension, arrays of one shape, negative ones from the end; or a mask."""

_KINDS = "biu"


def integer(item: object) -> int | None:
    """The value of an integer of any type, also of an array without dimensions; else None."""
    if isinstance(item, bool):
        return None
    try:
        return index(item)  # type: ignore[arg-type]
    except TypeError:
        return None


def out_of_bounds(number: int, axis: int, length: int) -> BoundsCheckError:
    return BoundsCheckError(
        f"index out of bounds for dimension with length {length} (dimension {axis}, index {number})"
    )


def converted(items: Sequence[object]) -> list[object]:
    """Make arrays of lists and array-likes, if of integers or booleans; the rest stays."""
    return [_array(item) for item in items]


def _array(item: object) -> object:
    if isinstance(item, int | slice) or not (isinstance(item, list) or hasattr(item, "__array__")):
        return item
    try:
        array = np.asarray(item)
    except (ValueError, TypeError, OverflowError):
        return item
    if array.size == 0 and isinstance(item, list):
        array = array.astype(np.int64)
    return array if array.dtype.kind in _KINDS else item


def is_array(item: object) -> TypeGuard[AnyNDArray]:
    """Whether an item, converted, is an array of integers or booleans."""
    return isinstance(item, np.ndarray) and item.dtype.kind in _KINDS


def along(array: AnyNDArray, axis: int, length: int) -> Indices:
    """The indices that an array selects along a dimension."""
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


def in_bounds(array: AnyNDArray, axis: int, length: int) -> Indices:
    """Indices as int64, counted from the start."""
    check_bounds(array, axis, length)
    return from_start(array, length)


def check_bounds(array: AnyNDArray, axis: int, length: int) -> None:
    """Refuse indices that are outside of a dimension."""
    if array.size:
        low, high = int(array.min()), int(array.max())
        if low < -length or high >= length:
            raise out_of_bounds(high if high >= length else low, axis, length)


def from_start(array: AnyNDArray, length: int) -> Indices:
    """Indices within bounds as int64, counted from the start."""
    indices: Indices = np.ascontiguousarray(array, dtype=np.int64).reshape(array.shape)
    negative = indices < 0
    return np.where(negative, indices + length, indices) if negative.any() else indices


Axis: TypeAlias = tuple[int, int, int] | Indices
"""The selection along one dimension: (start, step, count), or indices >= 0 in any order."""
Grid: TypeAlias = Sequence[int | Sequence[int]]
"""The chunks along each dimension: their size, or the length of each."""


class Selection(NamedTuple):
    """The elements that are selected of an array.

    Parameters
    ----------
    axes : tuple of (int, int, int) or ndarray, or None
        The selection along each dimension; None if `points` is given.
    points : tuple of ndarray, or ndarray of bool, or None
        Single elements: indices, one array of integers for each dimension, all of one shape,
        negative ones from the end; or a mask of the shape of the array. See `coordinates_of`.
    shape : tuple of int
        The shape of the result that the user sees.
    engine_shape : tuple of int
        The same without a dimension left out (integers select length 1), or the number of points.
    fields : str or list of str, optional
        Which fields of a structured data type.
    """

    axes: tuple[Axis, ...] | None
    points: Points | None
    shape: tuple[int, ...]
    engine_shape: tuple[int, ...]
    fields: Fields = None


# `Selection(...)` runs a Python function; this does not.
_new = tuple.__new__


def parse(selection: object, shape: tuple[int, ...]) -> Selection:
    """Parse what stands in the brackets of ``array[...]``.

    Integers and slices, one array of integers or booleans beside them, one integer array for each
    dimension (points), or one mask; and names of fields.

    Parameters
    ----------
    selection
        The selection as the user wrote it.
    shape : tuple of int
        The shape of the array.
    """
    if selection is Ellipsis:
        return _whole(shape)
    items = selection if isinstance(selection, tuple) else (selection,)
    return _basic(items, shape) or _parse_other(items, shape)


def basic(selection: object, shape: tuple[int, ...]) -> Selection:
    """Parse integers and slices.

    Parameters
    ----------
    selection
        The selection as the user wrote it.
    shape : tuple of int
        The shape of the array.
    """
    items = selection if isinstance(selection, tuple) else (selection,)
    return _basic(items, shape) or _refuse_basic(items)


@lru_cache(maxsize=256)
def _whole(shape: tuple[int, ...]) -> Selection:
    return Selection(tuple((0, 1, length) for length in shape), None, shape, shape)


def _basic(items: tuple[object, ...], shape: tuple[int, ...]) -> Selection | None:
    """Parse integers and slices; None if there is anything else."""
    # The way of every small read: one loop, and no Python call in it.
    axis = 0
    axes: list[tuple[int, int, int]] = []
    kept: list[int] = []
    counts: list[int] = []
    missing = len(shape) - len(items)
    if missing < 0:
        if popped(items)[0] is not None:
            return None
        _check_number(items, shape)
    ellipsis = False
    for item in items:
        if type(item) is int:
            length = shape[axis]
            start = item + length if item < 0 else item
            if not 0 <= start < length:
                raise out_of_bounds(item, axis, length)
            axes.append((start, 1, 1))
            counts.append(1)
        elif type(item) is slice:
            start, stop, step = item.indices(shape[axis])
            if step < 1:
                raise NegativeStepError("only slices with step >= 1 are supported.")
            count = (stop - start + step - 1) // step if stop > start else 0
            axes.append((start, step if count > 1 else 1, count))
            kept.append(count)
            counts.append(count)
        elif item is Ellipsis:
            if ellipsis:
                raise IndexError("an index can only have a single ellipsis ('...')")
            ellipsis = True
            for length in shape[axis : axis + missing + 1]:
                axes.append((0, 1, length))
                kept.append(length)
                counts.append(length)
            axis += missing + 1
            continue
        else:
            number = integer(item)
            if number is None:
                return None
            length = shape[axis]
            start = number + length if number < 0 else number
            if not 0 <= start < length:
                raise out_of_bounds(number, axis, length)
            axes.append((start, 1, 1))
            counts.append(1)
        axis += 1
    for length in shape[axis:]:
        axes.append((0, 1, length))
        kept.append(length)
        counts.append(length)
    return _new(Selection, (tuple(axes), None, tuple(kept), tuple(counts), None))


def _check_number(items: Sequence[object], shape: tuple[int, ...]) -> None:
    number = sum(item is not Ellipsis for item in items)
    if number > len(shape):
        raise IndexError(f"too many indices for array; expected {len(shape)}, got {number}")
    if len(items) - number > 1:
        raise IndexError("an index can only have a single ellipsis ('...')")


def _refuse_basic(items: Sequence[object]) -> NoReturn:
    bad = next(
        item
        for item in items
        if not isinstance(item, slice) and item is not Ellipsis and integer(item) is None
    )
    raise IndexError(
        f"unsupported selection item for basic indexing; expected integer or slice, got {type(bad)}"
    )


def _parse_other(items: tuple[object, ...], shape: tuple[int, ...]) -> Selection:
    """Parse a selection that has items other than integers and slices."""
    fields, items = popped(items)
    if fields is not None:
        return parse(items, shape)._replace(fields=fields)
    arranged = converted(items)
    if len(items) == 1 and is_array(array := arranged[0]) and array.dtype == bool:
        # A list of booleans selects along the first dimension; so does an array of one dimension,
        # if it has the right length.
        lies_along = len(shape) > 1 and array.ndim == 1
        if lies_along and (isinstance(items[0], list) or array.shape == shape[:1]):
            return _orthogonal(arranged, shape)
        return _points(selection=items[0], items=arranged, shape=shape)
    expanded = per_axis(arranged, shape)
    arrays = [item for item in expanded if is_array(item) and integer(item) is None]
    slices = sum(isinstance(item, slice) for item in expanded)
    integers = sum(not isinstance(item, slice) and integer(item) is not None for item in expanded)
    masks = sum(array.dtype == bool for array in arrays)
    if len(arrays) + slices + integers < len(expanded):
        _refuse_basic(items)
    if arrays and not slices and not masks:
        return _coordinate(expanded, shape)
    if len(arrays) == 1 or (masks and len(arrays) == len(expanded)):
        return _orthogonal(expanded, shape)
    if len(arrays) > 1:
        raise IndexError(
            "unsupported selection: several arrays together with slices are no basic indexing; "
            "use .oindex for their outer product, or .vindex with one array for each dimension"
        )
    _refuse_basic(items)


def orthogonal(selection: object, shape: tuple[int, ...]) -> Selection:
    """Parse integers, slices, and arrays of integers or booleans, each for its own dimension.

    The result is the outer product, as with :func:`numpy.ix_`; integers leave their dimension out.

    Parameters
    ----------
    selection
        The selection as the user wrote it.
    shape : tuple of int
        The shape of the array.
    """
    fields, items = pop_fields(selection)
    found = _orthogonal(converted(items), shape)
    return found if fields is None else found._replace(fields=fields)


def _orthogonal(items: Sequence[object], shape: tuple[int, ...]) -> Selection:
    axes: list[Axis] = []
    kept: list[int] = []
    counts: list[int] = []
    for axis, (item, length) in enumerate(zip(per_axis(items, shape), shape, strict=True)):
        if isinstance(item, slice):
            one_axis = _basic((item,), (length,))
            assert one_axis is not None
            assert one_axis.axes is not None
            axes.append(one_axis.axes[0])
            kept += one_axis.shape
            counts += one_axis.shape
            continue
        if (number := integer(item)) is not None:
            if not -length <= number < length:
                raise out_of_bounds(number, axis, length)
            axes.append((number % length, 1, 1))
            counts.append(1)
            continue
        if not is_array(item):
            raise IndexError(
                "unsupported selection item for orthogonal indexing; expected integer, slice, "
                f"integer array or Boolean array, got {type(item)}"
            )
        indices = along(item, axis, length)
        axes.append(indices)
        kept.append(len(indices))
        counts.append(len(indices))
    return _new(Selection, (tuple(axes), None, tuple(kept), tuple(counts), None))


def coordinate(selection: object, shape: tuple[int, ...]) -> Selection:
    """Parse points: an integer array for each dimension, broadcast against each other.

    Parameters
    ----------
    selection
        The selection as the user wrote it.
    shape : tuple of int
        The shape of the array.
    """
    fields, rest = pop_fields(selection)
    items = converted(rest)
    if not _are_coordinates(items, shape):
        raise IndexError(
            "invalid coordinate selection; expected one integer (coordinate) array per dimension "
            f"of the target array, got {described(selection)}"
        )
    found = _coordinate(items, shape)
    return found if fields is None else found._replace(fields=fields)


def _are_coordinates(items: Sequence[object], shape: tuple[int, ...]) -> bool:
    if len(items) != len(shape) or not items:
        return False
    return all(
        item.dtype != bool if is_array(item) else integer(item) is not None for item in items
    )


def _coordinate(items: Sequence[object], shape: tuple[int, ...]) -> Selection:
    arrays = [np.asarray(item) for item in items]
    for axis, (array, length) in enumerate(zip(arrays, shape, strict=True)):
        check_bounds(array, axis, length)
        if not array.dtype.isnative:
            arrays[axis] = array.astype(array.dtype.newbyteorder("="))
    # A single point, written with integers only, still is a list of points.
    found = arrays[0].shape or (1,)
    if len({array.shape for array in arrays}) > 1 or not arrays[0].shape:
        found, arrays = _broadcast(arrays)
    return _new(Selection, (None, tuple(arrays), found, (prod(found),), None))


def _broadcast(arrays: list[AnyNDArray]) -> tuple[tuple[int, ...], list[AnyNDArray]]:
    try:
        found = np.broadcast_shapes((1,), *(array.shape for array in arrays))
    except ValueError:
        raise ValueError(
            "shape mismatch: the arrays of a coordinate selection cannot be broadcast to a "
            f"single shape; they have the shapes {[array.shape for array in arrays]}"
        ) from None
    return found, [np.broadcast_to(array, found) for array in arrays]


def coordinates_of(points: Points, shape: tuple[int, ...]) -> tuple[Indices, ...]:
    """The indices of single elements along each dimension, in order, counted from the start.

    Parameters
    ----------
    points : tuple of ndarray, or ndarray of bool
        Of a `Selection`.
    shape : tuple of int
        The shape of the array.
    """
    if isinstance(points, tuple):
        return tuple(
            from_start(axis, length).reshape(-1) for axis, length in zip(points, shape, strict=True)
        )
    # A third of the time of `np.nonzero`, which looks at every element along every dimension.
    places = np.unravel_index(np.flatnonzero(points), points.shape)
    return tuple(np.ascontiguousarray(axis, dtype=np.int64) for axis in places)


def mask(selection: object, shape: tuple[int, ...]) -> Selection:
    """Parse a mask: an array of booleans with the shape of the array.

    Parameters
    ----------
    selection
        The selection as the user wrote it.
    shape : tuple of int
        The shape of the array.
    """
    fields, rest = pop_fields(selection)
    items = converted(rest)
    if not _is_mask(items, shape):
        raise IndexError(
            "invalid mask selection; expected one Boolean (mask) array with the same shape as "
            f"the target array, got {described(selection)}"
        )
    found = _mask(items)
    return found if fields is None else found._replace(fields=fields)


def _is_mask(
    items: Sequence[object], shape: tuple[int, ...]
) -> TypeGuard[Sequence[npt.NDArray[np.bool_]]]:
    if len(items) != 1 or not is_array(array := items[0]):
        return False
    return array.dtype == bool and array.shape == shape and shape != ()


def _mask(items: Sequence[npt.NDArray[np.bool_]]) -> Selection:
    count = (int(np.count_nonzero(items[0])),)
    return _new(Selection, (None, np.asarray(items[0]), count, count, None))


def vindex(selection: object, shape: tuple[int, ...]) -> Selection:
    """Parse what stands in the brackets of ``array.vindex[...]``: points, or a mask.

    Parameters
    ----------
    selection
        The selection as the user wrote it.
    shape : tuple of int
        The shape of the array.
    """
    fields, items = pop_fields(selection)
    found = _points(selection=selection, items=converted(items), shape=shape)
    return found if fields is None else found._replace(fields=fields)


def _points(*, selection: object, items: Sequence[object], shape: tuple[int, ...]) -> Selection:
    if _is_mask(items, shape):
        return _mask(items)
    if _are_coordinates(items, shape):
        return _coordinate(items, shape)
    raise VindexInvalidSelectionError(
        "unsupported selection type for vectorized indexing; only coordinate selection "
        "(tuple of integer arrays) and mask selection (single Boolean array) are supported; "
        f"got {described(selection)}"
    )


def block(selection: object, shape: tuple[int, ...], grid: Grid) -> Selection:
    """Parse integers and slices that count chunks.

    Parameters
    ----------
    selection
        The selection as the user wrote it.
    shape : tuple of int
        The shape of the array.
    grid : sequence of int or sequence of int
        For each dimension the size of chunks, or the length of each chunk.
    """
    fields, items = pop_fields(selection)
    ranges = [
        _block_range(item, length, chunks)
        for item, length, chunks in zip(per_axis(items, shape), shape, grid, strict=True)
    ]
    axes = tuple((start, 1, stop - start) for start, stop in ranges)
    counts = tuple(count for _, _, count in axes)
    return Selection(axes, None, counts, counts, fields)


def _block_range(item: object, length: int, chunks: int | Sequence[int]) -> tuple[int, int]:
    """The elements from the first of a range of chunks to the last."""
    if isinstance(chunks, int):
        number = -(-length // chunks) if length else 0
    else:
        # Where each chunk starts; those that start behind the end do not count.
        starts = [start for start in accumulate(chunks, initial=0) if start < length]
        number = min(len(starts), len(chunks))

    def edge(which: int) -> int:
        if which >= number:
            return length
        return which * chunks if isinstance(chunks, int) else starts[which]

    if isinstance(item, slice):
        if item.step is not None and item.step != 1:
            raise IndexError(
                "unsupported selection item for block indexing; expected integer or slice with "
                f"step=1, got {type(item)}"
            )
        first, last, _ = item.indices(number)
        asked = 0 if item.start is None else index(item.start)
        if not -number <= asked < max(number, 1):
            raise BoundsCheckError(
                f"block index out of bounds for dimension with {number} chunk(s): {asked}"
            )
        return edge(first), max(edge(first), edge(last))
    # As in a basic selection, but arrays without dimensions are no integers here.
    which = None if isinstance(item, np.ndarray) else integer(item)
    if which is None:
        raise IndexError(
            "unsupported selection item for block indexing; expected integer or slice, "
            f"got {type(item)}"
        )
    if not -number <= which < number:
        raise BoundsCheckError(
            f"block index out of bounds for dimension with {number} chunk(s): {which}"
        )
    which %= number
    return edge(which), edge(which + 1)


_BRIEF = Repr()
_BRIEF.maxother = 80


def described(selection: object) -> str:
    """A selection in an error: arrays by their shape, and of long lists the beginning."""
    if isinstance(selection, tuple):
        return f"({', '.join(map(described, selection))}{',' * (len(selection) == 1)})"
    if isinstance(selection, np.ndarray):
        return f"an array of {selection.dtype} of shape {selection.shape}"
    return _BRIEF.repr(selection)


def per_axis(items: Sequence[object], shape: tuple[int, ...]) -> list[object]:
    """One item for each dimension: an ellipsis, and missing ones at the end, become slices."""
    _check_number(items, shape)
    missing = len(shape) - len(items)
    expanded: list[object] = []
    open_end = True
    for item in items:
        if item is Ellipsis:
            expanded += [slice(None)] * (missing + 1)
            open_end = False
        else:
            expanded.append(item)
    return expanded + [slice(None)] * missing if open_end else expanded


if not TYPE_CHECKING:  # zarr-python 2 had a module of this name

    def __getattr__(name: str) -> object:
        raise import_module("zarr.successors").missing(f"module {__name__!r}", name)
