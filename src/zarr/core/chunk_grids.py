"""Names of zarr-python, kept for programs that import them from here."""

from zarr.errors import ZarrUserWarning as ZarrUserWarning
from zarr.metadata.chunk_grids import ChunkGrid as ChunkGrid
from zarr.metadata.chunk_grids import ChunkSpec as ChunkSpec
from zarr.metadata.chunk_grids import DimensionGrid as DimensionGrid
from zarr.metadata.chunk_grids import FixedDimension as FixedDimension
from zarr.metadata.chunk_grids import VaryingDimension as VaryingDimension
from zarr.metadata.chunking import SHARDED_INNER_CHUNK_MAX_BYTES as SHARDED_INNER_CHUNK_MAX_BYTES
from zarr.metadata.chunking import ChunkLayout as ChunkLayout
from zarr.metadata.chunking import full_span_chunk_size as full_span_chunk_size
from zarr.metadata.chunking import guess_chunks as guess_chunks
from zarr.metadata.chunking import is_regular_1d as is_regular_1d
from zarr.metadata.chunking import is_regular_nd as is_regular_nd
from zarr.metadata.chunking import normalize_chunks_1d as normalize_chunks_1d
from zarr.metadata.chunking import normalize_chunks_nd as normalize_chunks_nd
from zarr.metadata.chunking import resolve_outer_and_inner_chunks as resolve_outer_and_inner_chunks
from zarr.metadata.common import ceildiv_int as ceildiv_int
from zarr.metadata.common import parse_shapelike as parse_shapelike
