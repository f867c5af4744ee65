"""Large reads and writes in parts of whole chunks, while somebody wants to see how far they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zarr._async import progress
from zarr.metadata.chunk_grids import chunk_bounds, chunk_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from zarr.arrays.compiled import Engine
    from zarr.indexing import Selection

Place = tuple[slice, ...]

__all__ = ["parts_to_show"]

_LEAST = 32 << 20
"""The bytes of elements that take long enough for a person to wait, and of a part, about."""


def parts_to_show(
    engine: Engine, chosen: Selection, nbytes: int
) -> list[tuple[Selection, Place]] | None:
    """Return the parts of a selection, and their places in its result.

    None if nobody wants to see how far it is, if it is small, or if it is of points or lists of
    indices, whose parts would not be made of whole chunks.

    Parameters
    ----------
    engine
        Of the array.
    chosen
        The selection.
    nbytes
        The bytes of its elements.
    """
    if nbytes < 2 * _LEAST or chosen.axes is None or not progress.is_shown():
        return None
    shape = chosen.engine_shape
    axis = next((at for at, length in enumerate(shape) if length > 1), None)
    taken = None if axis is None else chosen.axes[axis]
    if axis is None or not isinstance(taken, tuple) or taken[1] < 1:
        return None
    rows = max(1, _LEAST * shape[axis] // nbytes)
    parts = []
    for start, stop in _runs(engine, axis, taken, rows):
        axes = list(chosen.axes)
        axes[axis] = (taken[0] + start * taken[1], taken[1], stop - start)
        part = (*shape[:axis], stop - start, *shape[axis + 1 :])
        place = (*(slice(None),) * axis, slice(start, stop))
        parts.append((chosen._replace(axes=tuple(axes), engine_shape=part), place))
    return parts


def _runs(
    engine: Engine, axis: int, taken: tuple[int, int, int], rows: int
) -> Iterator[tuple[int, int]]:
    """Runs of at least so many indices, each of which ends where a stored chunk does."""
    first, step, count = taken
    edge, length = engine.grid[axis], engine.shape[axis]
    start = 0
    while start < count:
        last = min(first + (start + rows - 1) * step, length - 1)
        _, end = chunk_bounds(edge, chunk_of(edge, last))
        stop = min(count, max(start + 1, -(-(end - first) // step)))
        yield start, stop
        start = stop
