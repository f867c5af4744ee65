"""What a selection takes of the chunks of an array: integers, slices, outer products, blocks."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeAlias, runtime_checkable

import numpy as np

from zarr.indexing import block, pop_fields
from zarr.metadata.chunk_grids import FixedDimension
from zarr.projections.axes import (
    BoolArrayDimIndexer,
    IntArrayDimIndexer,
    IntDimIndexer,
    SliceDimIndexer,
)
from zarr.projections.kinds import (
    is_bool_array,
    is_integer,
    is_integer_array,
    replace_ellipsis,
    replace_lists,
)
from zarr.projections.outer import ix_

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from zarr.metadata.chunk_grids import ChunkGrid, DimensionGrid
    from zarr.projections.axes import ChunkDimProjection

DimIndexer: TypeAlias = IntDimIndexer | SliceDimIndexer | IntArrayDimIndexer | BoolArrayDimIndexer


class ChunkProjection(NamedTuple):
    """What is taken of one chunk, and where it goes.

    Parameters
    ----------
    chunk_coords : tuple of int
        The place of the chunk in the grid.
    chunk_selection
        What is taken of it.
    out_selection
        Where that goes in the result.
    is_complete_chunk : bool
        Whether all is taken that lies in the array.
    """

    chunk_coords: tuple[int, ...]
    chunk_selection: Any
    out_selection: Any
    is_complete_chunk: bool


@runtime_checkable
class Indexer(Protocol):
    """The chunks that a selection takes something of.

    Attributes
    ----------
    shape : tuple of int
        The shape of the result.
    drop_axes : tuple of int
        The axes of what is taken of a chunk that the result does not have.
    """

    shape: tuple[int, ...]
    drop_axes: tuple[int, ...]

    def __iter__(self) -> Iterator[ChunkProjection]: ...


def _simple(item: Any, grid: DimensionGrid, what: str) -> IntDimIndexer | SliceDimIndexer:
    if is_integer(item):
        return IntDimIndexer(item, grid.extent, grid)
    if isinstance(item, slice):
        return SliceDimIndexer(item, grid.extent, grid)
    raise IndexError(
        f"unsupported selection item for {what} indexing; expected integer or slice, "
        f"got {type(item)}"
    )


def _shape(dims: Sequence[DimIndexer]) -> tuple[int, ...]:
    return tuple(dim.nitems for dim in dims if not isinstance(dim, IntDimIndexer))


def _combined(dims: Sequence[DimIndexer]) -> Iterator[ChunkProjection]:
    parts: tuple[ChunkDimProjection, ...]
    for parts in product(*dims):
        yield ChunkProjection(
            tuple(part.dim_chunk_ix for part in parts),
            tuple(part.dim_chunk_sel for part in parts),
            tuple(part.dim_out_sel for part in parts if part.dim_out_sel is not None),
            all(part.is_complete_chunk for part in parts),
        )


@dataclass(frozen=True)
class BasicIndexer(Indexer):
    """Integers and slices.

    Parameters
    ----------
    selection
        Of the array.
    shape : tuple of int
        The shape of the array.
    chunk_grid : ChunkGrid
        Its chunks.
    """

    dim_indexers: list[IntDimIndexer | SliceDimIndexer]
    shape: tuple[int, ...]
    drop_axes: tuple[int, ...]

    def __init__(self, selection: Any, shape: tuple[int, ...], chunk_grid: ChunkGrid) -> None:
        items = zip(replace_ellipsis(selection, shape), chunk_grid.dimensions, strict=True)
        dims = [_simple(item, grid, "basic") for item, grid in items]
        self.__dict__.update(dim_indexers=dims, shape=_shape(dims), drop_axes=())

    def __iter__(self) -> Iterator[ChunkProjection]:
        return _combined(self.dim_indexers)


@dataclass(frozen=True)
class BlockIndexer(Indexer):
    """Integers and slices that count chunks.

    Parameters
    ----------
    selection
        Of the array.
    shape : tuple of int
        The shape of the array.
    chunk_grid : ChunkGrid
        Its chunks.
    """

    dim_indexers: list[SliceDimIndexer]
    shape: tuple[int, ...]
    drop_axes: tuple[int, ...]

    def __init__(self, selection: Any, shape: tuple[int, ...], chunk_grid: ChunkGrid) -> None:
        sizes: list[Any] = [
            grid.size if isinstance(grid, FixedDimension) else grid.edges  # type: ignore[attr-defined]
            for grid in chunk_grid.dimensions
        ]
        axes: Any = block(selection, shape, sizes).axes
        dims = [
            SliceDimIndexer(slice(start, start + count), grid.extent, grid)
            for (start, _, count), grid in zip(axes, chunk_grid.dimensions, strict=True)
        ]
        self.__dict__.update(dim_indexers=dims, shape=_shape(dims), drop_axes=())

    def __iter__(self) -> Iterator[ChunkProjection]:
        return _combined(self.dim_indexers)


def _orthogonal(item: Any, grid: DimensionGrid) -> DimIndexer:
    if is_integer_array(item):
        return IntArrayDimIndexer(item, grid.extent, grid)
    if is_bool_array(item):
        return BoolArrayDimIndexer(item, grid.extent, grid)
    if is_integer(item) or isinstance(item, slice):
        return _simple(item, grid, "orthogonal")
    raise IndexError(
        "unsupported selection item for orthogonal indexing; expected integer, slice, integer "
        f"array or Boolean array, got {type(item)}"
    )


@dataclass(frozen=True)
class OrthogonalIndexer(Indexer):
    """Integers, slices, and arrays of integers or booleans, each for an axis of its own.

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
    is_advanced : bool
        Whether NumPy would take the items for points. What is taken of a chunk is written with
        index arrays for all axes then, and `drop_axes` names those of integers.
    """

    dim_indexers: list[DimIndexer]
    dim_grids: tuple[DimensionGrid, ...]
    shape: tuple[int, ...]
    is_advanced: bool
    drop_axes: tuple[int, ...]

    def __init__(self, selection: Any, shape: tuple[int, ...], chunk_grid: ChunkGrid) -> None:
        _, rest = pop_fields(selection)
        items = replace_ellipsis(replace_lists(rest), shape)
        grids = chunk_grid.dimensions
        dims = [_orthogonal(item, grid) for item, grid in zip(items, grids, strict=True)]
        integers = tuple(i for i, dim in enumerate(dims) if isinstance(dim, IntDimIndexer))
        arrays = sum(not isinstance(dim, IntDimIndexer | SliceDimIndexer) for dim in dims)
        advanced = arrays > 0 and arrays + len(integers) > 1
        self.__dict__.update(dim_indexers=dims, dim_grids=grids, shape=_shape(dims))
        self.__dict__.update(is_advanced=advanced, drop_axes=integers if advanced else ())

    def __iter__(self) -> Iterator[ChunkProjection]:
        for found in _combined(self.dim_indexers):
            if not self.is_advanced:
                yield found
                continue
            coords, inside, out, complete = found
            sizes = tuple(
                grid.chunk_size(i) for grid, i in zip(self.dim_grids, coords, strict=True)
            )
            if sum(isinstance(item, np.ndarray) for item in out) > 1:
                out = ix_(out, self.shape)
            yield ChunkProjection(coords, ix_(inside, sizes), out, complete)
