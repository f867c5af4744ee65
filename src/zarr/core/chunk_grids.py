"""Names of zarr-python, kept for programs that import them from here."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from zarr.arrays import chunk_shapes
from zarr.arrays.chunk_shapes import SHARDED_INNER_CHUNK_MAX_BYTES as SHARDED_INNER_CHUNK_MAX_BYTES
from zarr.arrays.chunk_shapes import full_span_chunk_size as full_span_chunk_size
from zarr.arrays.chunk_shapes import is_regular_1d as is_regular_1d
from zarr.errors import ZarrUserWarning as ZarrUserWarning
from zarr.experimental import ChunkGrid as ChunkGrid
from zarr.experimental import ChunkSpec as ChunkSpec
from zarr.experimental import DimensionGrid as DimensionGrid
from zarr.experimental import FixedDimension as FixedDimension
from zarr.experimental import VaryingDimension as VaryingDimension
from zarr.experimental import dimension_of
from zarr.metadata.chunk_grids import grid_metadata
from zarr.metadata.fields import ceildiv_int as ceildiv_int
from zarr.metadata.fields import parse_shapelike as parse_shapelike

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from zarr.metadata.chunk_grids import ChunkGridMetadata
    from zarr.types import ChunksLike, ShardsLike


def guess_chunks(
    shape: tuple[int, ...], typesize: int, *, max_bytes: int | None = None
) -> ChunkGrid:
    """Return chunks of about `max_bytes` over an array of `shape`."""
    sizes = chunk_shapes.guess_chunks(shape, typesize, max_bytes=max_bytes)
    return ChunkGrid.from_sizes(shape, sizes)


def is_regular_nd(chunks: Iterable[Sequence[int]]) -> bool:
    """Return whether that holds for each dimension."""
    return all(is_regular_1d(edges) for edges in chunks)


def normalize_chunks_1d(chunks: int | Iterable[object], span: int, unit: int = 1) -> DimensionGrid:
    """Return the chunks along a dimension of length `span`: one size, -1 for all, or all edges."""
    return dimension_of(chunk_shapes.normalize_edge(chunks, span, unit), span)


def normalize_chunks_nd(
    chunks: ChunksLike | None, shape: tuple[int, ...], unit: tuple[int, ...] | None = None
) -> ChunkGrid:
    """Return the grid over an array of `shape` that a user names."""
    return ChunkGrid.from_sizes(shape, chunk_shapes.normalize_grid(chunks, shape, unit))


def create_chunk_grid_metadata(chunks: ChunkGrid) -> ChunkGridMetadata:
    """Return the description of a grid."""
    return grid_metadata(chunks.edges)


class ChunkLayout(NamedTuple):
    """The grid of the stored objects, and the layout inside of them, if they are shards."""

    outer_chunks: ChunkGrid
    inner: ChunkLayout | None


def resolve_outer_and_inner_chunks(
    *,
    array_shape: tuple[int, ...],
    chunks: ChunkGrid,
    shard_shape: ShardsLike | None,
    item_size: int,
) -> ChunkLayout:
    """Return both grids of an array, given its chunks."""
    outer, inner = chunk_shapes.divided(array_shape, chunks.edges, shard_shape, item_size)
    if inner is None:
        return ChunkLayout(chunks, None)
    return ChunkLayout(ChunkGrid.from_sizes(array_shape, outer), ChunkLayout(chunks, None))
