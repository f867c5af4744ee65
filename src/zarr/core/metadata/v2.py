"""Names of zarr-python, kept for programs that import them from here."""

from zarr.abc.metadata import Metadata as Metadata
from zarr.abc.numcodec import Numcodec as Numcodec
from zarr.errors import ZarrUserWarning as ZarrUserWarning
from zarr.metadata.fields import parse_separator as parse_separator
from zarr.metadata.fields import parse_shapelike as parse_shapelike
from zarr.metadata.spec import ArrayConfig as ArrayConfig
from zarr.metadata.spec import ArraySpec as ArraySpec
from zarr.metadata.v2 import OBJECT_CODEC_IDS as OBJECT_CODEC_IDS
from zarr.metadata.v2 import ZARRAY_JSON as ZARRAY_JSON
from zarr.metadata.v2 import ZATTRS_JSON as ZATTRS_JSON
from zarr.metadata.v2 import ArrayV2Metadata as ArrayV2Metadata
from zarr.metadata.v2 import ArrayV2MetadataDict as ArrayV2MetadataDict
from zarr.metadata.v2 import CompressorLikev2 as CompressorLikev2
from zarr.metadata.v2 import get_object_codec_id as get_object_codec_id
from zarr.metadata.v2 import parse_chunks as parse_chunks
from zarr.metadata.v2 import parse_compressor as parse_compressor
from zarr.metadata.v2 import parse_dtype as parse_dtype
from zarr.metadata.v2 import parse_filters as parse_filters
from zarr.metadata.v2 import parse_zarr_format as parse_zarr_format
from zarr.registry import get_numcodec as get_numcodec
from zarr.types import JSON as JSON
