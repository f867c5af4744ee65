"""Which parts of which chunks a selection takes, and where they go in the result."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from itertools import product
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeAlias, runtime_checkable

import numpy as np

from zarr.core._selection_kinds import (
    boundscheck_indices,
    ensure_tuple,
    is_bool_array,
    is_coordinate_selection,
    is_integer,
    is_integer_array,
    is_mask_selection,
    is_pure_fancy_indexing,
    is_pure_orthogonal_indexing,
    ix_,
    normalize_integer_selection,
    replace_ellipsis,
    replace_lists,
    wraparound_indices,
)
from zarr.errors import NegativeStepError, VindexInvalidSelectionError
from zarr.experimental import FixedDimension
from zarr.indexing import block, coordinate, coordinates_of, described, mask, pop_fields
from zarr.metadata.fields import ceildiv_int

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt

    from zarr.experimental import ChunkGrid, DimensionGrid
    from zarr.types import AnyNDArray


class ChunkDimProjection(NamedTuple):
    """The part of one chunk that is taken, along one dimension.

    Parameters
    ----------
    dim_chunk_ix : int
        Which chunk.
    dim_chunk_sel
        The part of the chunk that is taken.
    dim_out_sel
        Where that goes in the result; None if the dimension is left out.
    is_complete_chunk : bool
        Whether all is taken that lies in the array.
    """

    dim_chunk_ix: int
    dim_chunk_sel: Any
    dim_out_sel: Any
    is_complete_chunk: bool


class Order(Enum):
    """How the indices of a selection are ordered."""

    UNKNOWN = 0
    INCREASING = 1
    DECREASING = 2
    UNORDERED = 3

    @staticmethod
    def check(a: AnyNDArray) -> Order:
        """Return the order of indices; equal ones follow each other in an increasing order only."""
        steps = np.diff(a)
        if np.all(steps >= 0):
            return Order.INCREASING
        return Order.DECREASING if np.all(steps < 0) else Order.UNORDERED


def sorted_run_ends(a: AnyNDArray) -> tuple[AnyNDArray, npt.NDArray[np.intp]]:
    """Return the values of which a sorted array has runs, and where each run ends."""
    ends = np.flatnonzero(a[1:] != a[:-1]) + 1
    if len(a):
        ends = np.append(ends, len(a))
    return a[ends - 1], ends


@dataclass(frozen=True)
class IntDimIndexer:
    """One element along a dimension.

    Parameters
    ----------
    dim_sel : int
        Which.
    dim_len : int
        The length of the dimension.
    dim_grid : DimensionGrid
        The chunks along the dimension.
    """

    dim_sel: int
    dim_len: int
    dim_grid: DimensionGrid
    nitems: int = field(init=False, default=1)

    def __post_init__(self) -> None:
        found = normalize_integer_selection(self.dim_sel, self.dim_len)
        object.__setattr__(self, "dim_sel", found)

    def __iter__(self) -> Iterator[ChunkDimProjection]:
        chunk = self.dim_grid.index_to_chunk(self.dim_sel)
        inside = self.dim_sel - self.dim_grid.chunk_offset(chunk)
        yield ChunkDimProjection(chunk, inside, None, self.dim_grid.data_size(chunk) == 1)


@dataclass(frozen=True)
class SliceDimIndexer:
    """A range along a dimension.

    Parameters
    ----------
    dim_sel : slice
        Which.
    dim_len : int
        The length of the dimension.
    dim_grid : DimensionGrid
        The chunks along the dimension.
    """

    dim_len: int
    nitems: int
    nchunks: int
    dim_grid: DimensionGrid
    start: int
    stop: int
    step: int

    def __init__(self, dim_sel: slice, dim_len: int, dim_grid: DimensionGrid) -> None:
        start, stop, step = dim_sel.indices(dim_len)
        if step < 1:
            raise NegativeStepError("only slices with step >= 1 are supported.")
        nitems = max(0, ceildiv_int(stop - start, step))
        self.__dict__.update(dim_len=dim_len, nitems=nitems, nchunks=dim_grid.nchunks)
        self.__dict__.update(dim_grid=dim_grid, start=start, stop=stop, step=step)

    def __iter__(self) -> Iterator[ChunkDimProjection]:
        done = 0
        while done < self.nitems:
            first = self.start + done * self.step
            chunk = self.dim_grid.index_to_chunk(first)
            offset = self.dim_grid.chunk_offset(chunk)
            size = self.dim_grid.data_size(chunk)
            begin, end = first - offset, min(size, self.stop - offset)
            count = ceildiv_int(end - begin, self.step)
            yield ChunkDimProjection(
                chunk,
                slice(begin, end, self.step),
                slice(done, done + count),
                self.step == 1 and begin == 0 and end == size,
            )
            done += count


@dataclass(frozen=True)
class IntArrayDimIndexer:
    """Elements along a dimension, by their indices.

    Parameters
    ----------
    dim_sel : array_like of int
        Which, in any order.
    dim_len : int
        The length of the dimension.
    dim_grid : DimensionGrid
        The chunks along the dimension.
    wraparound : bool, optional
        Whether negative indices count from the end.
    boundscheck : bool, optional
        Whether to check that there are such elements.
    order : Order, optional
        How the indices are ordered, where that is known.
    """

    dim_len: int
    dim_grid: DimensionGrid
    nchunks: int
    nitems: int
    order: Order
    dim_sel: npt.NDArray[np.intp]
    dim_out_sel: npt.NDArray[np.intp] | None
    dim_chunk_ixs: npt.NDArray[np.intp]
    chunk_run_ends: npt.NDArray[np.intp]

    def __init__(
        self,
        dim_sel: npt.ArrayLike,
        dim_len: int,
        dim_grid: DimensionGrid,
        wraparound: bool = True,
        boundscheck: bool = True,
        order: Order = Order.UNKNOWN,
    ) -> None:
        indices = np.asarray(dim_sel)
        if indices.ndim != 1:
            raise IndexError("integer arrays in an orthogonal selection must be 1-dimensional only")
        if wraparound:
            indices = wraparound_indices(indices, dim_len)
        if boundscheck:
            boundscheck_indices(indices, dim_len)
        indices = indices.astype(np.intp, copy=False)
        if order is Order.UNKNOWN:
            order = Order.check(indices)
        where = None
        if order is Order.DECREASING:
            where = np.arange(len(indices) - 1, -1, -1, dtype=np.intp)
        elif order is not Order.INCREASING:
            where = np.argsort(dim_grid.indices_to_chunks(indices), kind="stable")
        if where is not None:
            indices = indices[where]
        chunks, ends = sorted_run_ends(dim_grid.indices_to_chunks(indices))
        self.__dict__.update(dim_len=dim_len, dim_grid=dim_grid, nchunks=dim_grid.nchunks)
        self.__dict__.update(nitems=len(indices), order=order, dim_sel=indices, dim_out_sel=where)
        self.__dict__.update(dim_chunk_ixs=chunks, chunk_run_ends=ends)

    @property
    def chunk_nitems(self) -> npt.NDArray[np.intp]:
        """The elements that are taken of each chunk."""
        counts = np.zeros(self.nchunks, dtype=np.intp)
        counts[self.dim_chunk_ixs] = np.diff(self.chunk_run_ends, prepend=0)
        return counts

    @property
    def chunk_nitems_cumsum(self) -> npt.NDArray[np.intp]:
        """The elements that are taken of each chunk and those before it."""
        return np.cumsum(self.chunk_nitems)

    def __iter__(self) -> Iterator[ChunkDimProjection]:
        start = 0
        runs = zip(self.dim_chunk_ixs.tolist(), self.chunk_run_ends.tolist(), strict=True)
        for chunk, stop in runs:
            inside = self.dim_sel[start:stop] - self.dim_grid.chunk_offset(chunk)
            out: Any = slice(start, stop)
            if self.dim_out_sel is not None:
                out = self.dim_out_sel[start:stop]
            yield ChunkDimProjection(chunk, inside, out, False)
            start = stop


@dataclass(frozen=True)
class BoolArrayDimIndexer:
    """Elements along a dimension, by a mask.

    Parameters
    ----------
    dim_sel : ndarray of bool
        True for each that is taken.
    dim_len : int
        The length of the dimension.
    dim_grid : DimensionGrid
        The chunks along the dimension.
    """

    dim_sel: npt.NDArray[np.bool_]
    dim_len: int
    dim_grid: DimensionGrid
    nchunks: int = field(init=False)
    chunk_nitems: npt.NDArray[np.intp] = field(init=False)
    chunk_nitems_cumsum: npt.NDArray[np.intp] = field(init=False)
    nitems: int = field(init=False)
    dim_chunk_ixs: npt.NDArray[np.intp] = field(init=False)

    def __post_init__(self) -> None:
        mask = np.asarray(self.dim_sel, dtype=bool)
        if mask.ndim != 1:
            raise IndexError("Boolean arrays in an orthogonal selection must be 1-dimensional only")
        if len(mask) != self.dim_len:
            raise IndexError(
                "Boolean array has the wrong length for dimension; "
                f"expected {self.dim_len}, got {len(mask)}"
            )
        chunks = self.dim_grid.indices_to_chunks(np.flatnonzero(mask))
        counts = np.bincount(chunks, minlength=self.dim_grid.nchunks)
        self.__dict__.update(dim_sel=mask, nchunks=self.dim_grid.nchunks, chunk_nitems=counts)
        self.__dict__.update(chunk_nitems_cumsum=np.cumsum(counts), nitems=len(chunks))
        self.__dict__.update(dim_chunk_ixs=np.flatnonzero(counts))

    def __iter__(self) -> Iterator[ChunkDimProjection]:
        for chunk in self.dim_chunk_ixs.tolist():
            offset = self.dim_grid.chunk_offset(chunk)
            # As long as the stored chunk, also where that reaches over the end of the array.
            inside = np.zeros(self.dim_grid.chunk_size(chunk), dtype=bool)
            part = self.dim_sel[offset : offset + len(inside)]
            inside[: len(part)] = part
            stop = int(self.chunk_nitems_cumsum[chunk])
            out = slice(stop - int(self.chunk_nitems[chunk]), stop)
            yield ChunkDimProjection(chunk, inside, out, False)


DimIndexer: TypeAlias = IntDimIndexer | SliceDimIndexer | IntArrayDimIndexer | BoolArrayDimIndexer


class ChunkProjection(NamedTuple):
    """The part of one chunk that is taken, and where it goes.

    Parameters
    ----------
    chunk_coords : tuple of int
        The place of the chunk in the grid.
    chunk_selection
        The part of the chunk that is taken.
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
        The dimensions of what is taken of a chunk that the result does not have.
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
    """Integers, slices, and arrays of integers or booleans, each for a dimension of its own.

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
        Whether NumPy would take the items for points. The part of a chunk then has index arrays
        for all dimensions, and `drop_axes` names those of integers.
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


@dataclass(frozen=True)
class CoordinateIndexer(Indexer):
    """Points, by an integer array for each dimension.

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
        self._arrange(coordinates_of(found.points, shape), found.shape, chunk_grid)

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
        self._arrange(coordinates_of(found.points, shape), found.shape, chunk_grid)


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
