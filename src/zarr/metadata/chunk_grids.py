"""Chunk grids: as metadata describe them, and as they lie over an array."""

from __future__ import annotations

import bisect
import itertools
import math
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import accumulate
from typing import (
    TYPE_CHECKING,
    Any,
    Literal,
    Protocol,
    Self,
    TypeAlias,
    TypedDict,
    runtime_checkable,
)

import numpy as np

from zarr._async.warnings import warn
from zarr.abc.metadata import Metadata
from zarr.errors import ZarrUserWarning
from zarr.metadata.common import (
    ceildiv_int,
    compress_rle,
    expand_rle,
    parse_chunk_edge,
    parse_chunk_edges,
    parse_chunk_shape,
    parse_named_configuration,
    parse_shapelike,
    validate_rectilinear_kind,
)
from zarr.settings import config

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt

    from zarr.types import JSON, ArrayMetadata, ShapeLike

Edge: TypeAlias = int | tuple[int, ...]


def chunk_count(edge: Edge, length: int) -> int:
    """How many chunks an axis of this length has."""
    if isinstance(edge, int):
        return -(-length // edge)
    if length == 0:
        return 0
    return chunk_of(edge, length - 1) + 1


def chunk_of(edge: Edge, index: int) -> int:
    """The number of the chunk that an element is in."""
    if isinstance(edge, int):
        return index // edge
    return min(bisect_right(tuple(accumulate(edge)), index), len(edge) - 1)


def chunk_bounds(edge: Edge, chunk: int) -> tuple[int, int]:
    """The first element of a chunk, and the one behind its last."""
    if isinstance(edge, int):
        return chunk * edge, (chunk + 1) * edge
    start = sum(edge[:chunk])
    return start, start + edge[chunk]


def chunk_sizes(edge: Edge, length: int) -> tuple[int, ...]:
    """How many elements of an axis each of its chunks holds."""
    if isinstance(edge, int):
        whole, rest = divmod(length, edge)
        return (edge,) * whole + ((rest,) if rest else ())
    sizes = []
    for size in edge:
        if length <= 0:
            break
        sizes.append(min(size, length))
        length -= size
    return tuple(sizes)


class RectilinearChunksDisabledError(ValueError):
    """Chunks of several sizes, where the setting ``array.rectilinear_chunks`` is off."""


def check_rectilinear_enabled() -> None:
    """Fail unless chunks of several sizes are switched on."""
    if not config.get("array.rectilinear_chunks"):
        raise RectilinearChunksDisabledError(
            "Rectilinear chunk grids are experimental and disabled by default. Enable them with: "
            "zarr.config.set({'array.rectilinear_chunks': True}) or set the environment variable "
            "ZARR_ARRAY__RECTILINEAR_CHUNKS=True"
        )


# -- as metadata describe them --------------------------------------------------------------------


class RegularChunkGridMetadataConfig(TypedDict):
    """The configuration of a regular grid."""

    chunk_shape: tuple[int, ...]


class RectilinearChunkGridMetadataConfig(TypedDict):
    """The configuration of a rectilinear grid."""

    kind: Literal["inline"]
    chunk_shapes: Sequence[int | Sequence[int | Sequence[int]]]


@dataclass(frozen=True, kw_only=True)
class RegularChunkGridMetadata(Metadata):
    """Chunks of one shape (core specification, regular grids)."""

    chunk_shape: tuple[int, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "chunk_shape", parse_chunk_shape(self.chunk_shape))

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.chunk_shape)

    def to_dict(self) -> dict[str, JSON]:
        """Return ``{"name", "configuration"}``."""
        return {"name": "regular", "configuration": {"chunk_shape": self.chunk_shape}}

    @classmethod
    def from_dict(cls, data: Any) -> Self:
        """Make an instance from ``{"name", "configuration"}``."""
        _, configuration = parse_named_configuration(data, "regular")
        if configuration is None or "chunk_shape" not in configuration:
            raise ValueError(f"A regular chunk grid has a chunk_shape. Got {data}.")
        return cls(chunk_shape=tuple(configuration["chunk_shape"]))


@dataclass(frozen=True, kw_only=True)
class RectilinearChunkGridMetadata(Metadata):
    """Chunks whose edges differ along an axis (Zarr enhancement proposal 3)."""

    chunk_shapes: tuple[int | tuple[int, ...], ...]

    def __post_init__(self) -> None:
        check_rectilinear_enabled()
        self._parse()

    @classmethod
    def _stored(cls, shapes: Sequence[Any]) -> Self:
        """Make an instance of what a document lists, whether users may make such grids or not."""
        made = object.__new__(cls)
        edges = (
            tuple(expand_rle(edges, axis)) if isinstance(edges, (list, tuple)) else edges
            for axis, edges in enumerate(shapes)
        )
        object.__setattr__(made, "chunk_shapes", tuple(edges))
        made._parse()
        return made

    def _parse(self) -> None:
        shapes = tuple(
            parse_chunk_edge(edges, axis)
            if isinstance(edges, (int, np.integer))
            else parse_chunk_edges(edges, axis)
            for axis, edges in enumerate(self.chunk_shapes)
        )
        for axis, edges in enumerate(shapes):
            if edges == ():
                raise ValueError(f"Dimension {axis} has no chunk edges.")
        object.__setattr__(self, "chunk_shapes", shapes)

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.chunk_shapes)

    def to_dict(self) -> dict[str, JSON]:
        """Return ``{"name", "configuration"}``; repeated edges in run-length form."""
        shapes: list[Any] = [
            edges if isinstance(edges, int) else compress_rle(edges) for edges in self.chunk_shapes
        ]
        return {
            "name": "rectilinear",
            "configuration": {"kind": "inline", "chunk_shapes": tuple(shapes)},
        }

    @classmethod
    def from_dict(cls, data: Any) -> Self:
        """Make an instance from ``{"name", "configuration"}``."""
        _, configuration = parse_named_configuration(data, "rectilinear")
        configuration = configuration or {}
        validate_rectilinear_kind(configuration.get("kind"))
        check_rectilinear_enabled()
        shapes = configuration.get("chunk_shapes")
        if not isinstance(shapes, (list, tuple)):
            raise ValueError(f"A rectilinear chunk grid has a list of chunk_shapes. Got {data}.")
        return cls._stored(shapes)

    def update_shape(
        self, old_shape: tuple[int, ...], new_shape: tuple[int, ...]
    ) -> RectilinearChunkGridMetadata:
        """Return the grid of an array of another shape: a longer axis gets one more chunk."""
        shapes: list[int | tuple[int, ...]] = []
        for edges, extent in zip(self.chunk_shapes, new_shape, strict=True):
            if isinstance(edges, int) or sum(edges) >= extent:
                shapes.append(edges)
            else:
                shapes.append((*edges, extent - sum(edges)))
        return RectilinearChunkGridMetadata(chunk_shapes=tuple(shapes))


ChunkGridMetadata: TypeAlias = RegularChunkGridMetadata | RectilinearChunkGridMetadata


def parse_chunk_grid(data: Any) -> ChunkGridMetadata:
    """Return the grid that a document describes."""
    if isinstance(data, (RegularChunkGridMetadata, RectilinearChunkGridMetadata)):
        return data
    name, _ = parse_named_configuration(data)
    if name == "regular":
        return RegularChunkGridMetadata.from_dict(data)
    if name == "rectilinear":
        return RectilinearChunkGridMetadata.from_dict(data)
    raise ValueError(f"Unknown chunk grid name: {name!r}")


def repaired_chunk_shape(sizes: Any, shape: Any) -> Any:
    """Return the shape of chunks in a document, without what earlier writers put there by mistake.

    They wrote 0 for a dimension without elements, and a boolean where it had been given as one:
    there a chunk has one element. A warning tells of each that may not have been meant so.
    """
    if not isinstance(sizes, (list, tuple)):
        return sizes
    repaired = [
        1 if isinstance(size, (bool, int)) and size in (0, True) else size for size in sizes
    ]
    lengths = shape if isinstance(shape, (list, tuple)) else (shape,) * len(sizes)
    if any(size in (0, False) and n != 0 for size, n in zip(sizes, lengths, strict=False)):
        warn(
            f"The stored chunk shape {list(sizes)} is not valid: chunks have at least one element "
            f"along each dimension. It is read as {repaired}.",
            ZarrUserWarning,
        )
    return repaired


def repaired_chunk_grid(data: Any, shape: Any) -> Any:
    """Return the grid in a document, without what earlier writers put there by mistake.

    Besides what `repaired_chunk_shape` repairs: chunks of several sizes in a regular grid.
    """
    if not isinstance(data, Mapping) or data.get("name") != "regular":
        return data
    configuration = data.get("configuration")
    if not isinstance(configuration, Mapping) or "chunk_shape" not in configuration:
        return data
    sizes = repaired_chunk_shape(configuration["chunk_shape"], shape)
    listed = [isinstance(size, (list, tuple)) for size in sizes] if isinstance(sizes, list) else []
    if any(listed) and not all(listed):
        warn(
            "The stored chunk grid is named 'regular', but lists the sizes of chunks, which only a "
            "rectilinear grid does. It is read as one.",
            ZarrUserWarning,
        )
        return RectilinearChunkGridMetadata._stored(sizes)
    return {**data, "configuration": {**configuration, "chunk_shape": sizes}}


def create_chunk_grid_metadata(chunks: ChunkGrid) -> ChunkGridMetadata:
    """Return the description of a grid."""
    if chunks.is_regular:
        return RegularChunkGridMetadata(chunk_shape=chunks.chunk_shape)
    return RectilinearChunkGridMetadata(
        chunk_shapes=tuple(
            axis.size if isinstance(axis, FixedDimension) else tuple(axis.edges)
            for axis in chunks.dimensions
            if isinstance(axis, (FixedDimension, VaryingDimension))
        )
    )


# -- as they lie over an array --------------------------------------------------------------------


@runtime_checkable
class DimensionGrid(Protocol):
    """The chunks along one axis."""

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


@dataclass(frozen=True)
class FixedDimension:
    """Chunks of one size along an axis."""

    size: int
    extent: int
    nchunks: int = field(init=False, repr=False)
    ngridcells: int = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if self.size < 1:
            raise ValueError(f"FixedDimension size must be >= 1, got {self.size}")
        if self.extent < 0:
            raise ValueError(f"FixedDimension extent must be >= 0, got {self.extent}")
        count = ceildiv_int(self.extent, self.size)
        object.__setattr__(self, "nchunks", count)
        object.__setattr__(self, "ngridcells", count)

    def index_to_chunk(self, idx: int) -> int:
        """Return the chunk that an element is in."""
        if not 0 <= idx < self.extent:
            raise IndexError(f"Index {idx} is out of bounds for an axis of length {self.extent}")
        return idx // self.size

    def chunk_offset(self, chunk_ix: int) -> int:
        """Return the first element of a chunk."""
        return chunk_ix * self.size

    def chunk_size(self, chunk_ix: int) -> int:
        """Return the elements of a chunk as it is stored."""
        return self.size

    def data_size(self, chunk_ix: int) -> int:
        """Return the elements of a chunk that lie in the array."""
        return max(0, min(self.size, self.extent - chunk_ix * self.size))

    def indices_to_chunks(self, indices: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
        """Return the chunks that elements are in."""
        return indices // self.size

    def with_extent(self, new_extent: int) -> FixedDimension:
        """Return the chunks of an axis of another length."""
        return FixedDimension(self.size, new_extent)

    def resize(self, new_extent: int) -> FixedDimension:
        """Return the chunks of an axis of another length."""
        return FixedDimension(self.size, new_extent)


@dataclass(frozen=True)
class VaryingDimension:
    """Chunks of given sizes along an axis."""

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
        values = self.__dict__
        values["edges"] = lengths
        values["cumulative"] = ends
        values["extent"] = extent
        values["nchunks"] = bisect.bisect_left(ends, extent) + 1 if extent else 0
        values["ngridcells"] = len(lengths)

    def index_to_chunk(self, idx: int) -> int:
        """Return the chunk that an element is in."""
        if not 0 <= idx < self.extent:
            raise IndexError(f"Index {idx} is out of bounds for an axis of length {self.extent}")
        return bisect.bisect_right(self.cumulative, idx)

    def chunk_offset(self, chunk_ix: int) -> int:
        """Return the first element of a chunk."""
        return self.cumulative[chunk_ix - 1] if chunk_ix else 0

    def chunk_size(self, chunk_ix: int) -> int:
        """Return the elements of a chunk as it is stored."""
        return self.edges[chunk_ix]

    def data_size(self, chunk_ix: int) -> int:
        """Return the elements of a chunk that lie in the array."""
        return max(0, min(self.edges[chunk_ix], self.extent - self.chunk_offset(chunk_ix)))

    def indices_to_chunks(self, indices: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
        """Return the chunks that elements are in."""
        return np.searchsorted(self.cumulative, indices, side="right").astype(np.intp)

    def with_extent(self, new_extent: int) -> VaryingDimension:
        """Return the same chunks over an axis of another length."""
        return VaryingDimension(self.edges, new_extent)

    def resize(self, new_extent: int) -> VaryingDimension:
        """Return the chunks of an axis of another length, with one more if need be."""
        missing = new_extent - self.cumulative[-1]
        return VaryingDimension((*self.edges, missing) if missing > 0 else self.edges, new_extent)


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
    """The chunks of an array: those along each axis."""

    _dimensions: tuple[DimensionGrid, ...]
    _is_regular: bool

    def __init__(self, *, dimensions: tuple[DimensionGrid, ...]) -> None:
        self.__dict__["_dimensions"] = dimensions
        self.__dict__["_is_regular"] = all(isinstance(axis, FixedDimension) for axis in dimensions)

    def __repr__(self) -> str:
        sizes = ", ".join(str(edges) for edges in self._edges)
        shape = tuple(axis.extent for axis in self._dimensions)
        return f"{type(self).__name__}(chunk_sizes=({sizes}), array_shape={shape})"

    @property
    def _edges(self) -> tuple[int | tuple[int, ...], ...]:
        return tuple(
            axis.size if isinstance(axis, FixedDimension) else tuple(getattr(axis, "edges", ()))
            for axis in self._dimensions
        )

    @classmethod
    def from_metadata(cls, metadata: ArrayMetadata) -> ChunkGrid:
        """Return the grid of stored chunks of an array."""
        sizes = metadata.chunks if metadata.zarr_format == 2 else _sizes(metadata.chunk_grid)
        return cls.from_sizes(metadata.shape, sizes)

    @classmethod
    def from_sizes(
        cls, array_shape: ShapeLike, chunk_sizes: Sequence[int | Sequence[int]]
    ) -> ChunkGrid:
        """Return a grid over an array; per axis one size, or the edges of all chunks."""
        extents = parse_shapelike(array_shape)
        if len(extents) != len(chunk_sizes):
            raise ValueError(
                f"chunks has {len(chunk_sizes)} dimensions but shape has {len(extents)} dimensions"
            )
        return cls(
            dimensions=tuple(
                FixedDimension(int(size), extent)
                if isinstance(size, (int, np.integer))
                else VaryingDimension(size, extent)
                for size, extent in zip(chunk_sizes, extents, strict=True)
            )
        )

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self._dimensions)

    @property
    def dimensions(self) -> tuple[DimensionGrid, ...]:
        """The chunks along each axis."""
        return self._dimensions

    @property
    def is_regular(self) -> bool:
        """Whether all chunks have one shape."""
        return self._is_regular

    @property
    def grid_shape(self) -> tuple[int, ...]:
        """The number of chunks along each axis."""
        return tuple(axis.nchunks for axis in self._dimensions)

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
        return tuple(axis.chunk_size(0) for axis in self._dimensions)

    @property
    def chunk_sizes(self) -> tuple[tuple[int, ...], ...]:
        """The elements of the array in each chunk, along each axis."""
        return tuple(
            tuple(axis.data_size(i) for i in range(axis.nchunks)) for axis in self._dimensions
        )

    def __getitem__(self, coords: int | tuple[int, ...]) -> ChunkSpec | None:
        """Return the chunk at a place in the grid, or None if there is none."""
        where = (coords,) if isinstance(coords, int) else coords
        if len(where) != self.ndim:
            raise ValueError(f"Expected {self.ndim} coordinates, got {len(where)}.")
        slices, shape = [], []
        for axis, i in zip(self._dimensions, where, strict=True):
            if not 0 <= i < axis.nchunks:
                return None
            start = axis.chunk_offset(i)
            slices.append(slice(start, start + axis.data_size(i), 1))
            shape.append(axis.chunk_size(i))
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
        for axis, (chosen, n) in enumerate(zip(ranges, self.grid_shape, strict=True)):
            if chosen and not 0 <= chosen[0] <= chosen[-1] < n:
                raise IndexError(
                    f"The chunks {chosen[0]} to {chosen[-1]} along axis {axis} are not all in a "
                    f"grid that has {n}."
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
        axes = zip(self._dimensions, new_shape, strict=True)
        return ChunkGrid(dimensions=tuple(axis.resize(extent) for axis, extent in axes))


def _sizes(grid: ChunkGridMetadata) -> tuple[int | tuple[int, ...], ...]:
    return grid.chunk_shape if isinstance(grid, RegularChunkGridMetadata) else grid.chunk_shapes
