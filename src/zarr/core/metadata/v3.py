"""Names of zarr-python, kept for programs that import them from here."""

from zarr.abc.metadata import Metadata as Metadata
from zarr.codecs.chain import parse_codecs as parse_codecs
from zarr.core.chunk_grids import create_chunk_grid_metadata as create_chunk_grid_metadata
from zarr.errors import MetadataValidationError as MetadataValidationError
from zarr.experimental import FixedDimension as FixedDimension
from zarr.experimental import VaryingDimension as VaryingDimension
from zarr.metadata.chunk_grids import ChunkGridMetadata as ChunkGridMetadata
from zarr.metadata.chunk_grids import RectilinearChunkGridMetadata as RectilinearChunkGridMetadata
from zarr.metadata.chunk_grids import (
    RectilinearChunkGridMetadataConfig as RectilinearChunkGridMetadataConfig,
)
from zarr.metadata.chunk_grids import (
    RectilinearChunksDisabledError as RectilinearChunksDisabledError,
)
from zarr.metadata.chunk_grids import RegularChunkGridMetadata as RegularChunkGridMetadata
from zarr.metadata.chunk_grids import (
    RegularChunkGridMetadataConfig as RegularChunkGridMetadataConfig,
)
from zarr.metadata.chunk_grids import compress_rle as compress_rle
from zarr.metadata.chunk_grids import expand_rle as expand_rle
from zarr.metadata.chunk_grids import parse_chunk_edge as parse_chunk_edge
from zarr.metadata.chunk_grids import parse_chunk_grid as parse_chunk_grid
from zarr.metadata.chunk_grids import parse_chunk_shape as parse_chunk_shape
from zarr.metadata.chunk_grids import validate_rectilinear_edges as validate_rectilinear_edges
from zarr.metadata.chunk_grids import validate_rectilinear_kind as validate_rectilinear_kind
from zarr.metadata.fields import AllowedExtraField as AllowedExtraField
from zarr.metadata.fields import check_allowed_extra_field as check_allowed_extra_field
from zarr.metadata.fields import parse_extra_fields as parse_extra_fields
from zarr.metadata.fields import parse_named_configuration as parse_named_configuration
from zarr.metadata.fields import parse_shapelike as parse_shapelike
from zarr.metadata.v3 import ARRAY_METADATA_KEYS as ARRAY_METADATA_KEYS
from zarr.metadata.v3 import ZARR_JSON as ZARR_JSON
from zarr.metadata.v3 import ArrayMetadataJSON_V3 as ArrayMetadataJSON_V3
from zarr.metadata.v3 import ArrayV3Metadata as ArrayV3Metadata
from zarr.metadata.v3 import check_storable as check_storable
from zarr.metadata.v3 import parse_dimension_names as parse_dimension_names
from zarr.metadata.v3 import parse_node_type_array as parse_node_type_array
from zarr.metadata.v3 import parse_storage_transformers as parse_storage_transformers
from zarr.metadata.v3 import parse_zarr_format as parse_zarr_format
from zarr.metadata.v3 import validate_array_bytes_codec as validate_array_bytes_codec
from zarr.metadata.v3 import validate_codecs as validate_codecs
from zarr.settings import config as config
