"""What a selection takes of the chunks of an array: points, and where a mask is true."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from zarr.errors import VindexInvalidSelectionError
from zarr.indexing import coordinate, described, mask, pop_fields
from zarr.projections.axes import sorted_run_ends
from zarr.projections.chunks import (
    BasicIndexer,
    ChunkProjection,
    Indexer,
    OrthogonalIndexer,
)
from zarr.projections.kinds import (
    ensure_tuple,
    is_coordinate_selection,
    is_mask_selection,
    is_pure_fancy_indexing,
    is_pure_orthogonal_indexing,
    replace_lists,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from zarr.metadata.chunk_grids import ChunkGrid, DimensionGrid


@dataclass(frozen=True)
class CoordinateIndexer(Indexer):
    """Points, by an integer array for each axis.

    Parameters
    ----------
    selection
        Of the array.
    shape : tuple of int
        The shape of the array.
    chunk_grid : ChunkGrid
        Its chunks.

    Attributes
    ----------
    sel_shape : tuple of int
        The shape of the arrays, broadcast. `shape` has one axis: the points.
    selection : tuple of ndarray
        The indices, points of one chunk next to each other.
    sel_sort : ndarray or None
        Where these points are in the result; None if in their order.
    """

    sel_shape: tuple[int, ...]
    selection: tuple[npt.NDArray[np.intp], ...]
    sel_sort: npt.NDArray[np.intp] | None
    cdata_shape: tuple[int, ...]
    chunk_run_ends: npt.NDArray[np.intp]
    chunk_rixs: npt.NDArray[np.intp]
    chunk_mixs: tuple[npt.NDArray[np.intp], ...]
    shape: tuple[int, ...]
    dim_grids: tuple[DimensionGrid, ...]
    drop_axes: tuple[int, ...]

    def __init__(self, selection: Any, shape: tuple[int, ...], chunk_grid: ChunkGrid) -> None:
        found = coordinate(selection, shape)
        assert found.points is not None
        self._arrange(found.points, found.shape, chunk_grid)

    def _arrange(self, points: Any, sel_shape: tuple[int, ...], chunk_grid: ChunkGrid) -> None:
        grids = chunk_grid.dimensions
        counts = chunk_grid.grid_shape
        chunks = [grid.indices_to_chunks(axis) for grid, axis in zip(grids, points, strict=True)]
        numbers = np.ravel_multi_index(chunks, [max(count, 1) for count in counts])
        order = None
        if np.any(np.diff(numbers) < 0):
            order = np.argsort(numbers, kind="stable")
            points = tuple(axis[order] for axis in points)
            numbers = numbers[order]
        found, ends = sorted_run_ends(numbers)
        places = np.unravel_index(found, [max(count, 1) for count in counts])
        self.__dict__.update(sel_shape=sel_shape, selection=tuple(points), sel_sort=order)
        self.__dict__.update(cdata_shape=counts, chunk_run_ends=ends, chunk_rixs=found)
        self.__dict__.update(chunk_mixs=tuple(places), shape=(len(numbers),), dim_grids=grids)
        self.__dict__.update(drop_axes=())

    @property
    def chunk_nitems_cumsum(self) -> npt.NDArray[np.intp]:
        """The points in each chunk of the array and those before it."""
        counts = np.zeros(int(np.prod(self.cdata_shape)), dtype=np.intp)
        counts[self.chunk_rixs] = np.diff(self.chunk_run_ends, prepend=0)
        return np.cumsum(counts)

    def __iter__(self) -> Iterator[ChunkProjection]:
        start = 0
        for which, stop in enumerate(self.chunk_run_ends.tolist()):
            coords = tuple(int(axis[which]) for axis in self.chunk_mixs)
            inside = tuple(
                axis[start:stop] - grid.chunk_offset(i)
                for axis, grid, i in zip(self.selection, self.dim_grids, coords, strict=True)
            )
            out: Any = slice(start, stop)
            if self.sel_sort is not None:
                out = self.sel_sort[start:stop]
            yield ChunkProjection(coords, inside, out, False)
            start = stop


@dataclass(frozen=True)
class MaskIndexer(CoordinateIndexer):
    """Points, by an array of booleans.

    Parameters
    ----------
    selection : ndarray of bool
        Of the array.
    shape : tuple of int
        The shape of the array.
    chunk_grid : ChunkGrid
        Its chunks.
    """

    def __init__(self, selection: Any, shape: tuple[int, ...], chunk_grid: ChunkGrid) -> None:
        found = mask(selection, shape)
        assert found.points is not None
        self._arrange(found.points, found.shape, chunk_grid)


def get_indexer(selection: Any, shape: tuple[int, ...], chunk_grid: ChunkGrid) -> Indexer:
    """Return what ``array[selection]`` takes of the chunks.

    Parameters
    ----------
    selection
        Of the array.
    shape : tuple of int
        The shape of the array.
    chunk_grid : ChunkGrid
        Its chunks.
    """
    _, rest = pop_fields(selection)
    items = rest if isinstance(selection, tuple) or len(rest) != 1 else rest[0]
    if is_pure_fancy_indexing(items, len(shape)):
        arrays = replace_lists(ensure_tuple(items))
        if is_coordinate_selection(arrays, shape):
            return CoordinateIndexer(arrays, shape, chunk_grid)
        if is_mask_selection(arrays, shape):
            return MaskIndexer(arrays, shape, chunk_grid)
        raise VindexInvalidSelectionError(
            "unsupported selection type for vectorized indexing; only coordinate selection "
            "(tuple of integer arrays) and mask selection (single Boolean array) are supported; "
            f"got {described(selection)}"
        )
    if is_pure_orthogonal_indexing(items, len(shape)):
        return OrthogonalIndexer(items, shape, chunk_grid)
    return BasicIndexer(items, shape, chunk_grid)
