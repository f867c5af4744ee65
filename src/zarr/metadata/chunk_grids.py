"""Chunk grids: the chunks along each dimension, as metadata describe and users ask for them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Literal, Self, TypeAlias, TypedDict

import numpy as np

from zarr._async.warnings import warn
from zarr.abc.metadata import Metadata
from zarr.errors import ZarrUserWarning
from zarr.metadata.fields import parse_named_configuration
from zarr.settings import config

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zarr.types import JSON

Edge: TypeAlias = int | tuple[int, ...]
"""The chunks along a dimension: the size of all of them, or the sizes of each."""
Grid: TypeAlias = tuple[Edge, ...]
"""The chunks of an array: those along each dimension."""


def chunk_count(edge: Edge, length: int) -> int:
    """How many chunks a dimension of this length has."""
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
    """How many elements of a dimension each of its chunks holds."""
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
    if not config.settings.array__rectilinear_chunks:
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


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class RegularChunkGridMetadata(Metadata):
    """Chunks of one shape (core specification, regular grids)."""

    chunk_shape: tuple[int, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "chunk_shape", parse_chunk_shape(self.chunk_shape))

    @property
    def ndim(self) -> int:
        """The number of dimensions."""
        return len(self.chunk_shape)

    def to_dict(self) -> dict[str, JSON]:
        """Return ``{"name", "configuration"}``."""
        return {"name": "regular", "configuration": {"chunk_shape": self.chunk_shape}}

    @classmethod
    def from_dict(cls, data: object) -> Self:
        """Make an instance from ``{"name", "configuration"}``."""
        _, configuration = parse_named_configuration(data, "regular")
        if configuration is None or "chunk_shape" not in configuration:
            raise ValueError(f"A regular chunk grid has a chunk_shape. Got {data}.")
        return cls(chunk_shape=tuple(configuration["chunk_shape"]))


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class RectilinearChunkGridMetadata(Metadata):
    """Chunks whose edges differ along a dimension (Zarr enhancement proposal 3)."""

    chunk_shapes: tuple[int | tuple[int, ...], ...]

    def __post_init__(self) -> None:
        check_rectilinear_enabled()
        self._parse()

    @classmethod
    def stored(cls, shapes: Sequence[object]) -> Self:
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
        """The number of dimensions."""
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
    def from_dict(cls, data: object) -> Self:
        """Make an instance from ``{"name", "configuration"}``."""
        _, configuration = parse_named_configuration(data, "rectilinear")
        configuration = configuration or {}
        validate_rectilinear_kind(configuration.get("kind"))
        check_rectilinear_enabled()
        shapes = configuration.get("chunk_shapes")
        if not isinstance(shapes, (list, tuple)):
            raise ValueError(f"A rectilinear chunk grid has a list of chunk_shapes. Got {data}.")
        return cls.stored(shapes)

    def update_shape(
        self, old_shape: tuple[int, ...], new_shape: tuple[int, ...]
    ) -> RectilinearChunkGridMetadata:
        """Return the grid of an array of another shape: a longer dimension gets one more chunk."""
        shapes: list[int | tuple[int, ...]] = []
        for edges, extent in zip(self.chunk_shapes, new_shape, strict=True):
            if isinstance(edges, int) or sum(edges) >= extent:
                shapes.append(edges)
            else:
                shapes.append((*edges, extent - sum(edges)))
        return RectilinearChunkGridMetadata(chunk_shapes=tuple(shapes))


ChunkGridMetadata: TypeAlias = RegularChunkGridMetadata | RectilinearChunkGridMetadata


def parse_chunk_grid(data: object) -> ChunkGridMetadata:
    """Return the grid that a document describes."""
    if isinstance(data, (RegularChunkGridMetadata, RectilinearChunkGridMetadata)):
        return data
    name, _ = parse_named_configuration(data)
    if name == "regular":
        return RegularChunkGridMetadata.from_dict(data)
    if name == "rectilinear":
        return RectilinearChunkGridMetadata.from_dict(data)
    raise ValueError(f"Unknown chunk grid name: {name!r}")


def repaired_chunk_shape(sizes: object, shape: object) -> Any:
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


def repaired_chunk_grid(data: object, shape: object) -> Any:
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
        return RectilinearChunkGridMetadata.stored(sizes)
    return {**data, "configuration": {**configuration, "chunk_shape": sizes}}


def grid_metadata(grid: Grid) -> ChunkGridMetadata:
    """Return the description of a grid."""
    sizes = tuple(edge for edge in grid if isinstance(edge, int))
    if len(sizes) == len(grid):
        return RegularChunkGridMetadata(chunk_shape=sizes)
    return RectilinearChunkGridMetadata(chunk_shapes=grid)


def regular_shape(grid: Grid) -> tuple[int, ...] | None:
    """Return the shape of all chunks of a grid; None if they differ."""
    sizes = tuple(edge for edge in grid if isinstance(edge, int))
    return sizes if len(sizes) == len(grid) else None


def expand_rle(data: Sequence[object], axis: int | None = None) -> list[int]:
    """Return the lengths that a run-length form stands for: lengths, and [length, count] pairs."""
    where = "" if axis is None else f"Dimension {axis}: "
    lengths: list[int] = []
    total = 0
    for item in data:
        size, count = item, 1
        if isinstance(item, (list, tuple)):
            if len(item) != 2:
                raise ValueError(f"{where}RLE entries must be pairs, got {item!r}")
            size, count = item
        edge = parse_chunk_edge(size, axis)
        if type(count) is not int:
            raise TypeError(f"{where}RLE count must be an integer, got {count!r}")
        if count < 1:
            raise ValueError(f"{where}RLE count must be an integer >= 1, got {count!r}")
        total += count
        if total > MOST_RUNS:
            raise ValueError(f"{where}more than {MOST_RUNS} chunks along one dimension")
        lengths.extend([edge] * count)
    return lengths


MOST_RUNS = 1 << 22
"""The most chunks of a dimension that are listed one by one.

A document of a few bytes may ask for any number of them."""


def compress_rle(sizes: Sequence[int]) -> list[int | list[int]]:
    """Return the run-length form of lengths: [length, count] where one repeats."""
    runs: list[list[int]] = []
    for size in sizes:
        if runs and runs[-1][0] == size:
            runs[-1][1] += 1
        else:
            runs.append([int(size), 1])
    return [size if count == 1 else [size, count] for size, count in runs]


def parse_chunk_edge(size: object, axis: int | None = None) -> int:
    """Return the length of a chunk, if it is one."""
    where = "" if axis is None else f"Dimension {axis}: "
    if isinstance(size, bool) or not isinstance(size, (int, np.integer)):
        raise TypeError(f"{where}chunk edge length must be an integer, got {size!r}")
    if size < 1:
        raise ValueError(f"{where}chunk edge length must be >= 1, got {size}")
    return int(size)


def parse_chunk_edges(sizes: Iterable[object], axis: int | None = None) -> tuple[int, ...]:
    """Return the lengths of the chunks along a dimension, if they are some."""
    edges: Any = tuple(sizes)
    if edges and set(map(type, edges)) == {int} and min(edges) >= 1:
        return edges  # type: ignore[no-any-return]
    return tuple(parse_chunk_edge(edge, axis) for edge in edges)


def parse_chunk_shape(data: object) -> tuple[int, ...]:
    """Return the shape of chunks as a tuple of positive integers."""
    if not isinstance(data, Iterable) or isinstance(data, (str, Mapping)):
        raise TypeError(f"Expected an iterable of integers. Got {data} instead.")
    return tuple(parse_chunk_edge(size, axis) for axis, size in enumerate(data))


def validate_rectilinear_kind(kind: str | None) -> None:
    """Fail unless the edges of a grid are listed in its metadata."""
    if kind is None:
        raise ValueError(
            "Rectilinear chunk grid configuration requires a 'kind' field. "
            "Only 'inline' is currently supported."
        )
    if kind != "inline":
        raise ValueError(
            f"Unsupported rectilinear chunk grid kind: {kind!r}. "
            "Only 'inline' is currently supported."
        )


def validate_rectilinear_edges(
    chunk_shapes: Sequence[int | Sequence[int]], array_shape: Sequence[int]
) -> None:
    """Fail unless the edges of each dimension reach its end."""
    for axis, (edges, extent) in enumerate(zip(chunk_shapes, array_shape, strict=True)):
        if not isinstance(edges, int) and sum(edges) < extent:
            raise ValueError(
                f"Rectilinear chunk edges for dimension {axis} sum to {sum(edges)} but array "
                f"shape extent is {extent} (edge sum must be >= extent)"
            )
