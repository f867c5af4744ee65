"""The reads and writes that a view consists of: selections of arrays, and memory for each.

A transform is cut into selections that the engine takes, boxes or sets of points, each with the
part of the user's memory that it fills or comes from. Steps backwards, other orders of dimensions
and new dimensions are only another view of that memory: nothing is copied twice.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from zarr.arrays.batch import Read
from zarr.indexing import Selection
from zarr.views.transform import Range, Table, Transform, batches, linked, values

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from zarr.indexing import Axis, Fields
    from zarr.types import AnyAsyncArray, AnyNDArray, MemoryOrder, NumpyDType


@dataclass(slots=True)
class Reading:
    """All reads of a view.

    Parameters
    ----------
    reads
        What to read; in any order, or all as one plan.
    after
        The steps that follow, in this order, when all has been read: elements are cast, or moved
        to their places.
    """

    reads: list[Read] = field(default_factory=list)
    after: list[Callable[[], None]] = field(default_factory=list)

    def finish(self) -> None:
        """Cast and move elements, when all has been read."""
        for step in self.after:
            step()


class Write(NamedTuple):
    """All that is written to one array.

    Parameters
    ----------
    array
        The array.
    transform
        Where the elements belong in it.
    fields
        The fields that they are of; None if they are whole elements.
    elements
        An array of the shape of the transform, and the data type of the array or the fields.
    """

    array: AnyAsyncArray
    transform: Transform
    fields: Fields
    elements: AnyNDArray

    def selections(self) -> Iterator[Selection]:
        """Yield the selections that are written to, in order."""
        for piece in pieces(self.transform, writing=True):
            yield piece.selection._replace(fields=self.fields)

    def parts(self) -> Iterator[tuple[Selection, AnyNDArray]]:
        """Yield selections and their elements, in order."""
        for selection, part in pieces(self.transform, writing=True):
            elements = part(self.elements).reshape(selection.engine_shape)
            yield selection._replace(fields=self.fields), elements


class Piece(NamedTuple):
    """A part of a transform that the engine takes as one selection."""

    selection: Selection
    part: Callable[[AnyNDArray], AnyNDArray]
    """The part of an array of the view's shape that belongs to it, without a copy.

    It has the shape of the selection, or as many elements if these are points."""


_FEW = 1 << 16
"""So many points are sooner read one by one than box by box."""
_SMALL = 64
"""Boxes of fewer elements are read as points."""
_BATCH = 1 << 20
"""So many points are made at a time of what was not given as points."""


def pieces(transform: Transform, *, writing: bool) -> Iterator[Piece]:
    """Cut a transform into selections of the engine.

    Parameters
    ----------
    transform
        Of a view of an array.
    writing
        Whether elements are written: where the view repeats some, the last then is the one, and
        otherwise the first.
    """
    if transform.is_empty:
        return
    users = transform.users()
    several = [dim for dim, axes in enumerate(users) if len(axes) > 1]
    several += [dim for one in transform.maps if isinstance(one, Table) for dim in one.dims[1:]]
    if not several:
        yield _box(transform, -1 if writing else 0)
        return
    joint = linked(transform, several)
    rest = [dim for dim, axes in enumerate(users) if axes and dim not in joint]
    inner = prod(transform.shape[dim] for dim in rest)
    count = prod(transform.shape[dim] for dim in joint) * inner
    if not rest or writing or inner < _SMALL or count <= _FEW:
        given = not rest and not any(isinstance(one, Range) for one in transform.maps)
        yield from _points(transform, sorted(joint + rest), -1 if writing else 0, given)
        return
    for place in np.ndindex(*(transform.shape[dim] for dim in joint)):
        yield _box_at(transform, joint, place)


def _box(transform: Transform, repeated: int) -> Piece:
    """The piece of a transform without points."""
    axes: list[Axis] = []
    order: list[int] = []
    items: list[Any] = [repeated] * len(transform.shape)
    for one in transform.maps:
        if isinstance(one, Range):
            count = transform.shape[one.dim]
            backwards = one.step < 0
            start = one.start + one.step * (count - 1) if backwards else one.start
            axes.append((start, abs(one.step), count))
            items[one.dim] = slice(None, None, -1) if backwards else slice(None)
            order.append(one.dim)
        elif isinstance(one, Table):
            axes.append(one.indices)
            items[one.dims[0]] = slice(None)
            order.append(one.dims[0])
        else:
            axes.append((one, 1, 1))
    kept = sorted(order)
    turned = tuple(kept.index(dim) for dim in order)
    added = tuple(None if isinstance(one, int) else slice(None) for one in transform.maps)

    def part(memory: AnyNDArray) -> AnyNDArray:
        return memory[(*items, ...)].transpose(turned)[(*added, ...)]

    shape = tuple(1 if isinstance(one, int) else -1 for one in transform.maps)
    lengths = iter(transform.shape[dim] for dim in order)
    shape = tuple(length if length == 1 else next(lengths) for length in shape)
    return Piece(Selection(tuple(axes), None, shape, shape), part)


def _box_at(transform: Transform, joint: list[int], place: tuple[int, ...]) -> Piece:
    """The box at one of the points that a transform has along some dimensions."""
    fixed = dict(zip(joint, place, strict=True))
    free = [dim for dim in range(len(transform.shape)) if dim not in fixed]
    outer = tuple(
        fixed[dim] if dim in fixed else Range(free.index(dim), 0, 1)
        for dim in range(len(transform.shape))
    )
    shape = tuple(transform.shape[dim] for dim in free)
    found = _box(transform.then(Transform(shape, outer)), 0)
    items = tuple(fixed.get(dim, slice(None)) for dim in range(len(transform.shape)))
    return Piece(found.selection, lambda memory: found.part(memory[(*items, ...)]))


def _points(transform: Transform, dims: list[int], repeated: int, given: bool) -> Iterator[Piece]:
    """The points along some dimensions, on which all indices depend, in C order.

    They are one piece if they were `given` as points, and are in memory anyway.
    """
    lengths = tuple(transform.shape[dim] for dim in dims)
    kept = tuple(slice(None) if dim in dims else repeated for dim in range(len(transform.shape)))
    indices = [values(one, transform.shape, dims) for one in transform.maps]
    for batch in batches(lengths, prod(lengths) if given else _BATCH):
        shape = tuple(item.stop - item.start for item in batch)
        points = []
        for axis in indices:
            if axis.shape != shape:
                items = tuple(
                    item if length != 1 else slice(None)
                    for item, length in zip(batch, axis.shape, strict=True)
                )
                axis = np.ascontiguousarray(np.broadcast_to(axis[items], shape))
            points.append(axis.reshape(-1))
        count = (prod(shape),)

        def part(memory: AnyNDArray, batch: Any = batch) -> AnyNDArray:
            return memory[(*kept, ...)][(*batch, ...)]

        yield Piece(Selection(None, tuple(points), count, count), part)


def repeats(transform: Transform) -> tuple[slice, ...] | None:
    """The part of a view that is repeated in the rest of it; None if nothing is."""
    free = [not axes for axes in transform.users()]
    if not any(unused and n > 1 for unused, n in zip(free, transform.shape, strict=True)):
        return None
    return tuple(slice(0, 1) if unused else slice(None) for unused in free)


def add_reads(
    reading: Reading,
    array: AnyAsyncArray,
    transform: Transform,
    memory: AnyNDArray,
    *,
    fresh: bool,
) -> None:
    """Add the reads of a view of an array.

    Parameters
    ----------
    reading
        Takes the reads.
    array
        The array.
    transform
        Where the elements of the view are in it.
    memory
        An array of the shape of the view, and the data type of the array.
    fresh
        Whether NumPy has just made that memory.
    """
    for selection, part in pieces(transform, writing=False):
        place = part(memory)
        if selection.points is None or place.ndim < 2 or place.flags.c_contiguous:
            flat = place.reshape(selection.engine_shape)
            reading.reads.append(Read(array, selection, flat, fresh))
        else:  # points do not follow one another there
            flat = empty(selection.engine_shape, memory.dtype)
            reading.reads.append(Read(array, selection, flat, True))
            reading.after.append(partial(_move, flat, place))
    again = repeats(transform)
    if again is not None and not transform.is_empty:
        reading.after.append(partial(_move, memory[again], memory))


def _move(found: AnyNDArray, place: AnyNDArray) -> None:
    if found.size == place.size:
        found = found.reshape(place.shape)
    place[...] = found


def empty(shape: tuple[int, ...], dtype: NumpyDType, order: MemoryOrder = "C") -> AnyNDArray:
    """Return a new array, of which nothing is known but its shape, data type and memory order."""
    # NumPy's `empty` makes times without a unit in the native byte order, whatever it is asked.
    make: Callable[..., AnyNDArray] = np.ndarray if dtype.kind in "mM" else np.empty
    return make(shape, dtype, order=order)
