"""Chunk grids as objects, whose place and names may still change.

The package itself describes chunks by their sizes, see `zarr.metadata.chunk_grids`: these classes
serve programs that know them from zarr-python.
"""

from __future__ import annotations

import bisect
import itertools
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np

from zarr.metadata.chunk_grids import RegularChunkGridMetadata, parse_chunk_edges
from zarr.metadata.fields import ceildiv_int, parse_shapelike

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt

    from zarr.metadata.chunk_grids import Edge, Grid
    from zarr.types import ArrayMetadata, ShapeLike

__all__ = ["ChunkGrid", "ChunkSpec"]


@runtime_checkable
class DimensionGrid(Protocol):
    """The chunks along one dimension."""

    @property
    def nchunks(self) -> int: ...
    @property
    def ngridcells(self) -> int: ...
    @property
    def extent(self) -> int: ...
    def index_to_chunk(self, idx: int) -> int: ...
    def chunk_offset(self, chunk_ix: int) -> int: ...
    def chunk_size(self, chunk_ix: int) -> int: ...
    def data_size(self, chunk_ix: int) -> int: ...
    def indices_to_chunks(self, indices: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]: ...
    def with_extent(self, new_extent: int) -> DimensionGrid: ...
    def resize(self, new_extent: int) -> DimensionGrid: ...


class _Dimension:
    """The base of the chunks along a dimension, of one size or of several."""

    extent: int
    nchunks: int

    def index_to_chunk(self, idx: int) -> int:
        """Return the chunk that an element is in."""
        if not 0 <= idx < self.extent:
            raise IndexError(f"Index {idx} is out of bounds for an axis of length {self.extent}")
        return int(self.indices_to_chunks(np.asarray(idx, np.intp)))

    def chunk_offset(self, chunk_ix: int) -> int:
        """Return the first element of a chunk."""
        raise NotImplementedError

    def chunk_size(self, chunk_ix: int) -> int:
        """Return the elements of a chunk as it is stored."""
        raise NotImplementedError

    def data_size(self, chunk_ix: int) -> int:
        """Return the elements of a chunk that lie in the array."""
        rest = self.extent - self.chunk_offset(chunk_ix)
        return max(0, min(self.chunk_size(chunk_ix), rest))

    def indices_to_chunks(self, indices: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
        """Return the chunks that elements are in."""
        raise NotImplementedError


@dataclass(frozen=True)
class FixedDimension(_Dimension):
    """Chunks of one size along a dimension."""

    size: int
    extent: int
    nchunks: int = field(init=False, repr=False)
    ngridcells: int = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if self.size < 1:
            raise ValueError(f"FixedDimension size must be >= 1, got {self.size}")
        if self.extent < 0:
            raise ValueError(f"FixedDimension extent must be >= 0, got {self.extent}")
        self.__dict__["nchunks"] = self.__dict__["ngridcells"] = ceildiv_int(self.extent, self.size)

    def chunk_offset(self, chunk_ix: int) -> int:
        """Return the first element of a chunk."""
        return chunk_ix * self.size

    def chunk_size(self, chunk_ix: int) -> int:
        """Return the elements of a chunk as it is stored."""
        return self.size

    def indices_to_chunks(self, indices: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
        """Return the chunks that elements are in."""
        return indices // self.size

    def with_extent(self, new_extent: int) -> FixedDimension:
        """Return the chunks of a dimension of another length."""
        return FixedDimension(self.size, new_extent)

    resize = with_extent


@dataclass(frozen=True)
class VaryingDimension(_Dimension):
    """Chunks of given sizes along a dimension."""

    edges: tuple[int, ...]
    cumulative: tuple[int, ...]
    extent: int
    nchunks: int = field(init=False, repr=False)
    ngridcells: int = field(init=False, repr=False)

    def __init__(self, edges: Sequence[int], extent: int) -> None:
        lengths = parse_chunk_edges(edges)
        if not lengths:
            raise ValueError("VaryingDimension edges must not be empty")
        ends = tuple(itertools.accumulate(lengths))
        if extent < 0:
            raise ValueError(f"VaryingDimension extent must be >= 0, got {extent}")
        if extent > ends[-1]:
            raise ValueError(f"The chunk edges sum to {ends[-1]}, less than the extent {extent}")
        nchunks = bisect.bisect_left(ends, extent) + 1 if extent else 0
        self.__dict__.update(edges=lengths, cumulative=ends, extent=extent)
        self.__dict__.update(nchunks=nchunks, ngridcells=len(lengths))

    def chunk_offset(self, chunk_ix: int) -> int:
        """Return the first element of a chunk."""
        return self.cumulative[chunk_ix - 1] if chunk_ix else 0

    def chunk_size(self, chunk_ix: int) -> int:
        """Return the elements of a chunk as it is stored."""
        return self.edges[chunk_ix]

    def indices_to_chunks(self, indices: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
        """Return the chunks that elements are in."""
        return np.searchsorted(self.cumulative, indices, side="right").astype(np.intp)

    def with_extent(self, new_extent: int) -> VaryingDimension:
        """Return the same chunks over a dimension of another length."""
        return VaryingDimension(self.edges, new_extent)

    def resize(self, new_extent: int) -> VaryingDimension:
        """Return the chunks of a dimension of another length, with one more if need be."""
        missing = new_extent - self.cumulative[-1]
        return VaryingDimension((*self.edges, missing) if missing > 0 else self.edges, new_extent)


def edge_of(dimension: DimensionGrid) -> Edge:
    """Return the chunks along a dimension as their size, or the sizes of each."""
    if isinstance(dimension, FixedDimension):
        return dimension.size
    return tuple(getattr(dimension, "edges", ()))


def dimension_of(edge: int | Sequence[int], extent: int) -> FixedDimension | VaryingDimension:
    """Return the chunks along a dimension of a length, from their size or the sizes of each."""
    if isinstance(edge, (int, np.integer)):
        return FixedDimension(int(edge), extent)
    return VaryingDimension(edge, extent)


@dataclass(frozen=True)
class ChunkSpec:
    """One chunk: where it lies in the array, and its shape as it is stored."""

    slices: tuple[slice, ...]
    codec_shape: tuple[int, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the part that lies in the array."""
        return tuple(each.stop - each.start for each in self.slices)

    @property
    def is_boundary(self) -> bool:
        """Whether a part of the chunk lies outside of the array."""
        return self.shape != self.codec_shape


@dataclass(frozen=True)
class ChunkGrid:
    """The chunks of an array: those along each dimension."""

    _dimensions: tuple[DimensionGrid, ...]
    _is_regular: bool

    def __init__(self, *, dimensions: tuple[DimensionGrid, ...]) -> None:
        self.__dict__["_dimensions"] = dimensions
        self.__dict__["_is_regular"] = all(
            isinstance(dimension, FixedDimension) for dimension in dimensions
        )

    def __repr__(self) -> str:
        sizes = ", ".join(str(edges) for edges in self.edges)
        shape = tuple(dimension.extent for dimension in self._dimensions)
        return f"{type(self).__name__}(chunk_sizes=({sizes}), array_shape={shape})"

    @property
    def edges(self) -> Grid:
        """The lengths of the chunks, as the rest of the package has them.

        Returns
        -------
        tuple of int or numpy.ndarray
            For each dimension one length, or that of each chunk.
        """
        return tuple(map(edge_of, self._dimensions))

    @classmethod
    def from_metadata(cls, metadata: ArrayMetadata) -> ChunkGrid:
        """Return the grid of stored chunks of an array."""
        if metadata.zarr_format == 2:
            return cls.from_sizes(metadata.shape, metadata.chunks)
        grid = metadata.chunk_grid
        if isinstance(grid, RegularChunkGridMetadata):
            return cls.from_sizes(metadata.shape, grid.chunk_shape)
        return cls.from_sizes(metadata.shape, grid.chunk_shapes)

    @classmethod
    def from_sizes(
        cls, array_shape: ShapeLike, chunk_sizes: Sequence[int | Sequence[int]]
    ) -> ChunkGrid:
        """Return a grid over an array; per dimension one size, or the edges of all chunks."""
        extents = parse_shapelike(array_shape)
        if len(extents) != len(chunk_sizes):
            raise ValueError(
                f"chunks has {len(chunk_sizes)} dimensions but shape has {len(extents)} dimensions"
            )
        return cls(dimensions=tuple(map(dimension_of, chunk_sizes, extents)))

    @property
    def ndim(self) -> int:
        """The number of dimensions."""
        return len(self._dimensions)

    @property
    def dimensions(self) -> tuple[DimensionGrid, ...]:
        """The chunks along each dimension."""
        return self._dimensions

    @property
    def is_regular(self) -> bool:
        """Whether all chunks have one shape."""
        return self._is_regular

    @property
    def grid_shape(self) -> tuple[int, ...]:
        """The number of chunks along each dimension."""
        return tuple(dimension.nchunks for dimension in self._dimensions)

    @property
    def chunk_shape(self) -> tuple[int, ...]:
        """The shape of all chunks.

        Raises
        ------
        ValueError
            If they differ.
        """
        if not self._is_regular:
            raise ValueError("chunk_shape is only available for regular chunk grids.")
        return tuple(dimension.chunk_size(0) for dimension in self._dimensions)

    @property
    def chunk_sizes(self) -> tuple[tuple[int, ...], ...]:
        """The elements of the array in each chunk, along each dimension."""
        return tuple(
            tuple(dimension.data_size(i) for i in range(dimension.nchunks))
            for dimension in self._dimensions
        )

    def __getitem__(self, coords: int | tuple[int, ...]) -> ChunkSpec | None:
        """Return the chunk at a place in the grid, or None if there is none."""
        where = (coords,) if isinstance(coords, int) else coords
        if len(where) != self.ndim:
            raise ValueError(f"Expected {self.ndim} coordinates, got {len(where)}.")
        slices, shape = [], []
        for dimension, i in zip(self._dimensions, where, strict=True):
            if not 0 <= i < dimension.nchunks:
                return None
            start = dimension.chunk_offset(i)
            slices.append(slice(start, start + dimension.data_size(i), 1))
            shape.append(dimension.chunk_size(i))
        return ChunkSpec(tuple(slices), tuple(shape))

    def __iter__(self) -> Iterator[ChunkSpec]:
        """Iterate over the chunks, in C order."""
        for coords in self.all_chunk_coords():
            spec = self[coords]
            if spec is not None:
                yield spec

    def all_chunk_coords(
        self,
        *,
        origin: Sequence[int] | None = None,
        selection_shape: Sequence[int] | None = None,
    ) -> Iterator[tuple[int, ...]]:
        """Iterate over places in the grid: `selection_shape` of them from `origin` on."""
        begin = origin if origin is not None else (0,) * self.ndim
        counts = selection_shape
        if counts is None:
            counts = [n - start for n, start in zip(self.grid_shape, begin, strict=True)]
        ranges = [range(start, start + n) for start, n in zip(begin, counts, strict=True)]
        for dimension, (chosen, n) in enumerate(zip(ranges, self.grid_shape, strict=True)):
            if chosen and not 0 <= chosen[0] <= chosen[-1] < n:
                raise IndexError(
                    f"The chunks {chosen[0]} to {chosen[-1]} along dimension {dimension} are not "
                    f"all in a grid that has {n}."
                )
        return itertools.product(*ranges)

    def iter_chunk_regions(
        self,
        *,
        origin: Sequence[int] | None = None,
        selection_shape: Sequence[int] | None = None,
    ) -> Iterator[tuple[slice, ...]]:
        """Iterate over the parts of the array that the chunks hold."""
        for coords in self.all_chunk_coords(origin=origin, selection_shape=selection_shape):
            spec = self[coords]
            if spec is not None:
                yield spec.slices

    def get_nchunks(self) -> int:
        """Return the number of chunks."""
        return math.prod(self.grid_shape)

    def update_shape(self, new_shape: tuple[int, ...]) -> ChunkGrid:
        """Return the grid of an array of another shape."""
        if len(new_shape) != self.ndim:
            raise ValueError(
                f"new_shape has {len(new_shape)} dimensions but the grid has {self.ndim}"
            )
        dimensions = zip(self._dimensions, new_shape, strict=True)
        return ChunkGrid(
            dimensions=tuple(dimension.resize(extent) for dimension, extent in dimensions)
        )
