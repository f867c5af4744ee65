"""Names of zarr-python, kept for programs that import them from here."""

from zarr.abc.metadata import Metadata as Metadata
from zarr.metadata.chunk_key_encodings import ChunkKeyEncoding as ChunkKeyEncoding
from zarr.metadata.chunk_key_encodings import ChunkKeyEncodingLike as ChunkKeyEncodingLike
from zarr.metadata.chunk_key_encodings import ChunkKeyEncodingParams as ChunkKeyEncodingParams
from zarr.metadata.chunk_key_encodings import DefaultChunkKeyEncoding as DefaultChunkKeyEncoding
from zarr.metadata.chunk_key_encodings import SeparatorLiteral as SeparatorLiteral
from zarr.metadata.chunk_key_encodings import V2ChunkKeyEncoding as V2ChunkKeyEncoding
from zarr.metadata.chunk_key_encodings import parse_chunk_key_encoding as parse_chunk_key_encoding
from zarr.metadata.fields import parse_named_configuration as parse_named_configuration
from zarr.metadata.fields import parse_separator as parse_separator
from zarr.registry import get_chunk_key_encoding_class as get_chunk_key_encoding_class
from zarr.types import JSON as JSON
