"""The chunks of a source, as they fall in a view."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, TypeAlias

from zarr.metadata.chunk_grids import chunk_bounds, chunk_of, chunk_sizes
from zarr.views.source import Leaf
from zarr.views.transform import Range, Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zarr.metadata.chunk_grids import Edge
    from zarr.types import AnyAsyncArray
    from zarr.views.source import Expression

ViewChunks: TypeAlias = tuple[int | tuple[int, ...], ...]
"""Along each dimension the length of all chunks, or that of each where they differ."""


def chunks_of(view: Expression, *, stored: bool = False) -> ViewChunks:
    """The chunks of the sources, as they fall in a view.

    Parameters
    ----------
    view
        The view.
    stored
        Whether they are the shards, for sources that have some.

    Returns
    -------
    tuple of int or tuple of int
        Along each dimension the length of the chunks: one number if all but the last are as long,
        else the length of each. Along a dimension of index arrays or points, it is as many
        elements as a chunk of the source has there.
    """
    source, transform = view.source, view.transform
    inner: Sequence[Edge]
    if isinstance(source, Leaf):
        inner, lengths = _edges(source.array, stored), source.shape
    else:
        inner, lengths = _joined(source.parts, source.axis, stored), source.shape
    found: list[int | tuple[int, ...]] = []
    users = transform.users()
    for dim, axes in enumerate(users):
        count = transform.shape[dim]
        maps = [transform.maps[axis] for axis in axes]
        if len(axes) == 1 and isinstance(maps[0], Range):
            found.append(_along(maps[0], count, inner[axes[0]], lengths[axes[0]]))
            continue
        sizes = [_longest(inner[axis], lengths[axis]) for axis in axes]
        shared = any(isinstance(one, Table) and len(one.dims) > 1 for one in maps)
        # Points share dimensions: as many as a chunk has elements along them, for each dimension.
        size = max(sizes, default=count) if shared else prod(sizes) if sizes else count
        found.append(max(1, min(size, count)))
    return tuple(found)


def has_shards(view: Expression) -> bool:
    """Whether one of the sources of a view has shards."""
    return any(_has_shards(leaf.array) for leaf in view.leaves)


def _has_shards(array: AnyAsyncArray) -> bool:
    try:
        return array.shards is not None
    except NotImplementedError:  # of several sizes
        return True


def _edges(array: AnyAsyncArray, stored: bool) -> tuple[Edge, ...]:
    """The chunks of an array: the size of all of them, or the size of each."""
    try:
        return (array.shards if stored else None) or array.chunks
    except NotImplementedError:  # of several sizes
        return array.write_chunk_sizes if stored else array.read_chunk_sizes


def _joined(parts: Sequence[Expression], axis: int, stored: bool) -> list[Edge]:
    """The chunks of views one after the other."""
    each = [chunks_of(part, stored=stored) for part in parts]
    found: list[Edge] = []
    for dim, lengths in enumerate(parts[0].shape):
        if dim == axis:
            sizes = [
                size
                for part, chunks in zip(parts, each, strict=True)
                for size in chunk_sizes(chunks[dim], part.shape[dim])
            ]
            found.append(_shortest(sizes, 1))
        elif all(chunks[dim] == each[0][dim] for chunks in each):
            found.append(each[0][dim])
        else:
            found.append(max(_longest(chunks[dim], lengths) for chunks in each))
    return found


def _longest(edge: Edge, length: int) -> int:
    return edge if isinstance(edge, int) else max(chunk_sizes(edge, length), default=1)


def _along(one: Range, count: int, edge: Edge, length: int) -> int | tuple[int, ...]:
    """The chunks along a dimension of a view that is a range of one of the source."""
    step = abs(one.step)
    if count == 0:
        return max(1, min(_longest(edge, length), -(-length // step) or 1))
    if isinstance(edge, int):
        # Where each chunk but the first holds as many elements, and the first is as full.
        if step >= edge and (step % edge == 0 or step > edge):
            return 1
        if edge % step == 0:
            within = one.start % edge
            first = (within if one.step < 0 else edge - 1 - within) // step + 1
            if first == edge // step or first >= count:
                return edge // step
    sizes: list[int] = []
    done = 0
    while done < count:
        index = one.start + done * one.step
        low, high = chunk_bounds(edge, chunk_of(edge, index))
        reach = index - low if one.step < 0 else max(high, index + 1) - 1 - index
        sizes.append(min(reach // step + 1, count - done))
        done += sizes[-1]
    return _shortest(sizes, 1)


def _shortest(sizes: list[int], default: int) -> int | tuple[int, ...]:
    """One number for sizes that are the same but for the last, which may be smaller."""
    sizes = [size for size in sizes if size]
    if not sizes:
        return default
    if all(size == sizes[0] for size in sizes[:-1]) and sizes[-1] <= sizes[0]:
        return sizes[0]
    return tuple(sizes)
