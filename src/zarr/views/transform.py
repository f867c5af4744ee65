"""Where the elements of a view are in its source, as a small value.

A `Transform` tells for each dimension of a source which index an element of the view has there: a
constant, a range along one dimension of the view, or a table over one or more dimensions of the
view. Selecting, transposing and adding dimensions make such values, and two of them in a row are
one again: a chain of selections is one selection. Ranges stay ranges, so their size does not
depend on their length.

Nothing here knows of arrays, stores or data types.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Indices: TypeAlias = npt.NDArray[np.int64]


class Range(NamedTuple):
    """The index ``start + step * i``, where ``i`` is the index along a dimension of the view."""

    dim: int
    start: int
    step: int


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """An index for each place along some dimensions of the view.

    Parameters
    ----------
    dims
        The dimensions, in increasing order.
    indices
        The indices: an array of the lengths of these dimensions.
    """

    dims: tuple[int, ...]
    indices: Indices

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Table):
            return NotImplemented
        return self.dims == other.dims and np.array_equal(self.indices, other.indices)

    __hash__ = None  # type: ignore[assignment]


Map: TypeAlias = int | Range | Table
"""The index along one dimension of the source."""


class Transform(NamedTuple):
    """The place in the source of each element of a view.

    Parameters
    ----------
    shape
        The shape of the view.
    maps
        For each dimension of the source, the index there. A dimension of the view that none of
        them depends on repeats the same elements.
    """

    shape: tuple[int, ...]
    maps: tuple[Map, ...]

    def then(self, outer: Transform) -> Transform:
        """The transform of a view of the view: `outer` maps into the shape of this one."""
        return Transform(outer.shape, tuple(_composed(one, outer) for one in self.maps))

    def at(self, dim: int, start: int, count: int) -> Transform:
        """The part of the view that begins at `start` along a dimension, `count` long."""
        shape = (*self.shape[:dim], count, *self.shape[dim + 1 :])
        maps: list[Map] = [Range(k, 0, 1) for k in range(len(shape))]
        maps[dim] = Range(dim, start, 1)
        return self.then(Transform(shape, tuple(maps)))

    @property
    def is_empty(self) -> bool:
        """Whether the view has no elements."""
        return 0 in self.shape

    def box(self) -> tuple[int | slice, ...] | None:
        """The selection of the source that the view is, if integers and forward slices say it.

        None also for a view without elements.
        """
        items: list[int | slice] = []
        dim = 0
        for one in self.maps:
            if isinstance(one, int):
                items.append(one)
                continue
            if not isinstance(one, Range) or one.dim != dim or one.step < 1:
                return None
            count = self.shape[dim]
            if count == 0:
                return None
            items.append(slice(one.start, one.start + one.step * (count - 1) + 1, one.step))
            dim += 1
        return tuple(items) if dim == len(self.shape) else None

    def users(self) -> list[list[int]]:
        """For each dimension of the view, the dimensions of the source that depend on it."""
        found: list[list[int]] = [[] for _ in self.shape]
        for axis, one in enumerate(self.maps):
            for dim in dims_of(one):
                found[dim].append(axis)
        return found


def dims_of(one: Map) -> tuple[int, ...]:
    """The dimensions of the view that an index depends on."""
    if isinstance(one, Range):
        return (one.dim,)
    return one.dims if isinstance(one, Table) else ()


def identity(shape: tuple[int, ...]) -> Transform:
    """The transform of a view of all elements in their order."""
    return Transform(shape, tuple(Range(dim, 0, 1) for dim in range(len(shape))))


def permuted(shape: tuple[int, ...], order: Sequence[int]) -> Transform:
    """The transform that gives the view the dimensions `order` of its source."""
    maps = [Range(order.index(dim), 0, 1) for dim in range(len(shape))]
    return Transform(tuple(shape[dim] for dim in order), tuple(maps))


def table(dims: tuple[int, ...], indices: Indices) -> Map:
    """The simplest map for a table over some dimensions, in any order, of the view.

    It is a constant if there is one place, and a range if the indices have the same distance.
    """
    order = sorted(range(len(dims)), key=dims.__getitem__)
    if order != list(range(len(dims))):
        dims, indices = tuple(dims[i] for i in order), indices.transpose(order)
    kept = tuple(i for i, length in enumerate(indices.shape) if length != 1)
    if len(kept) < len(dims):
        indices = indices.reshape(tuple(indices.shape[i] for i in kept))
        dims = tuple(dims[i] for i in kept)
    if not dims:
        return int(indices[()])
    if len(dims) == 1:
        start = int(indices[0]) if indices.size else 0
        step = int(indices[1]) - start if indices.size > 1 else 1
        if indices.size < 2 or (step and bool((np.diff(indices) == step).all())):
            return Range(dims[0], start, step)
    elif not indices.size:
        return 0  # of a view without elements, none of which is looked up
    indices = np.array(indices, dtype=np.int64, order="C")
    indices.flags.writeable = False
    return Table(dims, indices)


def values(one: Map, shape: tuple[int, ...], dims: Sequence[int]) -> Indices:
    """The indices of a map over some dimensions of a view, for broadcasting."""
    if isinstance(one, int):
        return np.full((1,) * len(dims), one, np.int64)
    if isinstance(one, Range):
        found = one.start + one.step * np.arange(shape[one.dim], dtype=np.int64)
    else:
        found = one.indices
    mine = dims_of(one)
    return found.reshape(tuple(shape[dim] if dim in mine else 1 for dim in dims))


def _composed(one: Map, outer: Transform) -> Map:
    if isinstance(one, int):
        return one
    if isinstance(one, Range):
        inner = outer.maps[one.dim]
        if isinstance(inner, int):
            return one.start + one.step * inner
        if isinstance(inner, Range):
            start, step = one.start + one.step * inner.start, one.step * inner.step
            return Range(inner.dim, start, step)
        return table(inner.dims, one.start + one.step * inner.indices)
    inners = [outer.maps[dim] for dim in one.dims]
    used = tuple(sorted({dim for inner in inners for dim in dims_of(inner)}))
    alone = sum(len(dims_of(inner)) for inner in inners) == len(used)
    if alone and not any(isinstance(inner, Table) for inner in inners):
        items = tuple(map(_slice_of, inners, [outer.shape] * len(inners)))
        dims = tuple(dim for inner in inners for dim in dims_of(inner))
        return table(dims, np.asarray(one.indices[items]))
    if prod(outer.shape[dim] for dim in used) == 0:
        return table(used, np.zeros(tuple(outer.shape[dim] for dim in used), np.int64))
    picked = one.indices[tuple(values(inner, outer.shape, used) for inner in inners)]
    return table(used, np.broadcast_to(picked, tuple(outer.shape[dim] for dim in used)))


def _slice_of(one: Map, shape: tuple[int, ...]) -> int | slice:
    """The item that takes a constant or a range of a NumPy array."""
    if isinstance(one, int):
        return one
    assert isinstance(one, Range)
    count = shape[one.dim]
    if count == 0:
        return slice(0, 0)
    stop = one.start + one.step * count
    return slice(one.start, stop if stop >= 0 else None, one.step)


def taken(transform: Transform, dims: Sequence[int], places: Sequence[Indices]) -> Transform:
    """The view of some places along `dims`, which become one dimension, the last.

    Parameters
    ----------
    transform
        Of the view.
    dims
        Dimensions of the view.
    places
        For each of them the index of each place.
    """
    rest = [dim for dim in range(len(transform.shape)) if dim not in dims]
    maps: list[Map] = [0] * len(transform.shape)
    for number, dim in enumerate(rest):
        maps[dim] = Range(number, 0, 1)
    for dim, indices in zip(dims, places, strict=True):
        maps[dim] = table((len(rest),), indices)
    shape = (*(transform.shape[dim] for dim in rest), len(places[0]))
    return transform.then(Transform(shape, tuple(maps)))


def linked(transform: Transform, dims: Sequence[int]) -> list[int]:
    """The dimensions of a view that indices depend on together with `dims`, directly or not."""
    found = set(dims)
    grew = True
    while grew:
        grew = False
        for one in transform.maps:
            mine = set(dims_of(one))
            if mine & found and not mine <= found:
                found |= mine
                grew = True
    return sorted(found)


def batches(shape: Sequence[int], most: int) -> Iterator[tuple[slice, ...]]:
    """Cut a box into parts of about `most` elements, in C order: each is one run of elements."""
    if not shape or prod(shape) <= most:
        yield tuple(slice(0, length) for length in shape)
        return
    inner = prod(shape[1:])
    if inner <= most:
        rows = max(1, most // max(1, inner))
        for start in range(0, shape[0], rows):
            rest = (slice(0, length) for length in shape[1:])
            yield (slice(start, min(start + rows, shape[0])), *rest)
        return
    for start in range(shape[0]):
        for part in batches(shape[1:], most):
            yield (slice(start, start + 1), *part)


def as_places(mask: Any) -> list[Indices]:
    """Where a mask is true: an array of indices for each of its dimensions."""
    return [np.ascontiguousarray(axis, dtype=np.int64) for axis in np.nonzero(mask)]
