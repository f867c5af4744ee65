"""A selection, cut along the grid of what is stored."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from zarr.arrays.edges import chunk_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt

    from zarr.arrays.edges import Edge
    from zarr.indexing import Axis, Selection


class Piece(NamedTuple):
    """What is selected of one stored value."""

    coords: tuple[int, ...]
    """The place of the value in the grid."""
    chosen: Selection
    """The part of the selection that lies there."""
    place: Any
    """Where that part is in an array of the selection's `engine_shape`."""


def pieces(chosen: Selection, grid: Sequence[Edge]) -> Iterator[Piece]:
    """Cut a selection, so that each piece lies in one stored value.

    Parameters
    ----------
    chosen
        The selection.
    grid
        The edges of the stored values, along each axis.
    """
    if chosen.axes is None:
        yield from _of_points(chosen, grid)
        return
    cut = [list(_of_axis(axis, edge)) for axis, edge in zip(chosen.axes, grid, strict=True)]
    for parts in product(*cut):
        shape = tuple(place.size for _, _, place in parts)
        part = chosen._replace(
            axes=tuple(axis for _, axis, _ in parts), shape=shape, engine_shape=shape, fields=None
        )
        yield Piece(tuple(at for at, _, _ in parts), part, np.ix_(*(p for _, _, p in parts)))


def _of_axis(axis: Axis, edge: Edge) -> Iterator[tuple[int, Axis, npt.NDArray[Any]]]:
    indices: npt.NDArray[Any]
    if isinstance(axis, np.ndarray):
        indices = axis
    else:
        start, step, count = axis
        indices = start + step * np.arange(count)
    chunks = _chunks(indices, edge)
    for place in _alike(chunks):
        chunk = int(chunks[place[0]])
        part: Axis = indices[place]
        if not isinstance(axis, np.ndarray):
            part = (int(indices[place[0]]), axis[1], place.size)
        yield chunk, part, place


def _of_points(chosen: Selection, grid: Sequence[Edge]) -> Iterator[Piece]:
    points = chosen.points or ()
    if not points:
        return
    chunks = np.stack([_chunks(p, edge) for p, edge in zip(points, grid, strict=True)])
    which = np.unique(chunks, axis=1, return_inverse=True)[1].reshape(-1)
    for place in _alike(which):
        coords = chunks[:, place[0]].tolist()
        shape = (place.size,)
        part = chosen._replace(
            points=tuple(p[place] for p in points), shape=shape, engine_shape=shape, fields=None
        )
        yield Piece(tuple(coords), part, place)


def _alike(values: npt.NDArray[Any]) -> list[npt.NDArray[Any]]:
    """Where each value stands, in order."""
    if not values.size:
        return []
    order = np.argsort(values, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(values[order])) + 1)


def _chunks(indices: npt.NDArray[Any], edge: Edge) -> npt.NDArray[Any]:
    """For each index, which chunk it is in."""
    if isinstance(edge, int):
        return indices // edge
    return np.array([chunk_of(edge, index) for index in indices.tolist()], np.intp)
