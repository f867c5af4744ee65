"""What is taken of the chunks along one axis."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from zarr.errors import NegativeStepError
from zarr.metadata.common import ceildiv_int
from zarr.projections.kinds import (
    boundscheck_indices,
    normalize_integer_selection,
    wraparound_indices,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from zarr.metadata.chunk_grids import DimensionGrid


class ChunkDimProjection(NamedTuple):
    """What is taken of one chunk, along one axis.

    Parameters
    ----------
    dim_chunk_ix : int
        Which chunk.
    dim_chunk_sel
        What is taken of it.
    dim_out_sel
        Where that goes in the result; None if the axis is left out.
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
    def check(a: npt.NDArray[Any]) -> Order:
        """Return the order of indices; equal ones follow each other in an increasing order only."""
        steps = np.diff(a)
        if np.all(steps >= 0):
            return Order.INCREASING
        return Order.DECREASING if np.all(steps < 0) else Order.UNORDERED


def sorted_run_ends(a: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], npt.NDArray[np.intp]]:
    """Return the values of which a sorted array has runs, and where each run ends."""
    ends = np.flatnonzero(a[1:] != a[:-1]) + 1
    if len(a):
        ends = np.append(ends, len(a))
    return a[ends - 1], ends


@dataclass(frozen=True)
class IntDimIndexer:
    """One element along an axis.

    Parameters
    ----------
    dim_sel : int
        Which.
    dim_len : int
        The length of the axis.
    dim_grid : DimensionGrid
        The chunks along the axis.
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
    """A range along an axis.

    Parameters
    ----------
    dim_sel : slice
        Which.
    dim_len : int
        The length of the axis.
    dim_grid : DimensionGrid
        The chunks along the axis.
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
    """Elements along an axis, by their indices.

    Parameters
    ----------
    dim_sel : array_like of int
        Which, in any order.
    dim_len : int
        The length of the axis.
    dim_grid : DimensionGrid
        The chunks along the axis.
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
    """Elements along an axis, by a mask.

    Parameters
    ----------
    dim_sel : ndarray of bool
        True for each that is taken.
    dim_len : int
        The length of the axis.
    dim_grid : DimensionGrid
        The chunks along the axis.
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
