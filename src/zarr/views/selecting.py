"""Selections of a view, as users write them, as transforms.

Each function takes what stands in the brackets, and the shape of the view; `block` also its chunks.
Names of fields are taken out before. Errors are `IndexError` or subclasses of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from zarr.errors import VindexInvalidSelectionError
from zarr.indexing import block as select_block
from zarr.indexing import described, in_bounds, integer, out_of_bounds
from zarr.views.transform import Range, Transform, as_places, table

if TYPE_CHECKING:
    from types import EllipsisType

    from zarr.indexing import Grid
    from zarr.types import AnyNDArray, SelectionLike
    from zarr.views.transform import Indices, Map

    _Item: TypeAlias = int | slice | AnyNDArray | None


def numpy_like(selection: object, shape: tuple[int, ...]) -> Transform:
    """The same of a view as of a NumPy array: ``array[selection]``."""
    items = _expanded(selection, shape)
    place = 0
    if any(isinstance(item, np.ndarray) for item in items):
        # Beside arrays, integers are arrays too. If all of them stand together, their dimensions
        # take that place in the result; else they come first. An ellipsis between them separates
        # them, though it may stand for no dimension.
        at = [number for number, item in enumerate(items) if isinstance(item, np.ndarray | int)]
        given = selection if isinstance(selection, tuple) else (selection,)
        ellipsis = next((number for number, item in enumerate(given) if item is Ellipsis), 0)
        together = at[-1] - at[0] + 1 == len(at) and not at[0] < ellipsis <= at[-1]
        place = at[0] if together else 0
    return _with_arrays(items, shape, place)


def points(selection: object, shape: tuple[int, ...]) -> Transform:
    """Points: the dimensions of the arrays come first, then those of slices."""
    items = _expanded(selection, shape)
    if not any(isinstance(item, np.ndarray | int) for item in items):
        raise VindexInvalidSelectionError(
            "a selection of points has an integer array, or a mask, for some of the dimensions; "
            f"got {described(selection)}"
        )
    return _with_arrays(items, shape, 0)


def orthogonal(selection: object, shape: tuple[int, ...]) -> Transform:
    """The outer product of integers, slices and arrays of one dimension."""
    made: list[int] = []
    maps: list[Map] = []
    for item in _expanded(selection, shape):
        axis = len(maps)
        if item is None:
            made.append(1)
        elif isinstance(item, int):
            maps.append(_counted(item, axis, shape[axis]))
        elif isinstance(item, slice):
            maps.append(_range(item, shape[axis], made))
        elif item.ndim != 1:
            kind = "Boolean" if item.dtype == bool else "integer"
            raise IndexError(f"{kind} arrays in an orthogonal selection must be 1-dimensional only")
        else:
            (indices,) = _indices(item, axis, shape)
            maps.append(table((len(made),), indices))
            made.append(indices.size)
    return Transform(tuple(made), tuple(maps))


def block(selection: SelectionLike, shape: tuple[int, ...], chunks: Grid) -> Transform:
    """Whole chunks, counted along each dimension."""
    axes = select_block(selection, shape, chunks).axes or ()
    maps = [Range(dim, start, 1) for dim, (start, _, _) in enumerate(axes)]
    return Transform(tuple(count for _, _, count in axes), tuple(maps))


def _with_arrays(items: list[_Item], shape: tuple[int, ...], place: int) -> Transform:
    """A selection whose arrays have their dimensions before the item number `place`."""
    axis = 0
    arrays: dict[int, Indices] = {}
    shapes: list[tuple[int, ...]] = []
    for item in items:
        if isinstance(item, slice):
            axis += 1
        elif isinstance(item, int):
            arrays[axis] = np.asarray(_counted(item, axis, shape[axis]))
            axis += 1
        elif item is not None:
            found = _indices(item, axis, shape)
            # True and False select one or none along a dimension that is made for them.
            shapes += [indices.shape for indices in found] or [(int(item),)]
            arrays.update(enumerate(found, axis))
            axis += len(found)
    try:
        joint = np.broadcast_shapes(*shapes)
    except ValueError:
        raise IndexError(
            "shape mismatch: the arrays of a selection cannot be broadcast to a single shape; "
            f"they have the shapes {shapes}"
        ) from None
    axis = 0
    made: list[int] = []
    maps: list[Map] = [0] * len(shape)
    dims: range = range(0)
    for number, item in enumerate(items):
        if number == place:
            dims = range(len(made), len(made) + len(joint))
            made += joint
        if item is None:
            made.append(1)
        elif isinstance(item, slice):
            maps[axis] = _range(item, shape[axis], made)
            axis += 1
        else:
            axis += item.ndim if isinstance(item, np.ndarray) and item.dtype == bool else 1
    for axis, indices in arrays.items():
        maps[axis] = table(tuple(dims[len(dims) - indices.ndim :]), indices)
    return Transform(tuple(made), tuple(maps))


def _counted(item: int, axis: int, length: int) -> int:
    """An index, counted from the start."""
    if not -length <= item < length:
        raise out_of_bounds(item, axis, length)
    return item % length


def _range(item: slice, length: int, made: list[int]) -> Range:
    """The range of a slice, along a new dimension of the view."""
    start, stop, step = item.indices(length)
    count = len(range(start, stop, step))
    made.append(count)
    return Range(len(made) - 1, start if count else 0, step if count > 1 else 1)


def _indices(item: AnyNDArray, axis: int, shape: tuple[int, ...]) -> list[Indices]:
    """The indices of an array or a mask, for each dimension that it selects of."""
    if item.dtype != bool:
        return [in_bounds(item, axis, shape[axis])]
    covered = shape[axis : axis + item.ndim]
    if item.shape != covered:
        raise IndexError(
            f"Boolean array has the wrong shape for dimensions of length {covered}; "
            f"got {item.shape}"
        )
    return as_places(item) if item.ndim else []


def _expanded(selection: object, shape: tuple[int, ...]) -> list[_Item]:
    """The items: None, integers, slices and arrays, together for all dimensions."""
    given = selection if isinstance(selection, tuple) else (selection,)
    items = [_item(item) for item in given]
    ellipses = sum(item is Ellipsis for item in items)
    if ellipses > 1:
        raise IndexError("an index can only have a single ellipsis ('...')")
    used = sum(map(_dimensions, items))
    missing = len(shape) - used
    if missing < 0:
        raise IndexError(f"too many indices for array; expected {len(shape)}, got {used}")
    if not ellipses:
        items.append(Ellipsis)
    expanded: list[_Item] = []
    for item in items:
        expanded += [slice(None)] * missing if item is Ellipsis else [item]
    return expanded


def _dimensions(item: _Item | EllipsisType) -> int:
    if item is None or item is Ellipsis:
        return 0
    return item.ndim if isinstance(item, np.ndarray) and item.dtype == bool else 1


def _item(item: object) -> _Item | EllipsisType:
    if item is None or item is Ellipsis:
        return item
    if isinstance(item, slice):
        return item
    if isinstance(item, bool | np.bool_):
        return np.asarray(item)
    number = integer(item)
    if number is not None:
        return number
    try:
        array = np.asarray(item)
    except (ValueError, TypeError, OverflowError):
        array = np.empty(0, object)
    if array.size == 0 and isinstance(item, list):
        array = array.astype(np.int64)
    if array.dtype.kind not in "biu":
        raise IndexError(
            "only integers, slices, Ellipsis, None, and arrays of integers or booleans are "
            f"selections of a view; got {described(item)}"
        )
    return array
