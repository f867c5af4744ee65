"""Names of zarr-python, kept for programs that import them from here."""

from zarr.dtype.base import ENDIANNESS_STR as ENDIANNESS_STR
from zarr.dtype.base import EndiannessStr as EndiannessStr
from zarr.dtype.base import HasEndianness as HasEndianness
from zarr.dtype.base import HasItemSize as HasItemSize
from zarr.dtype.base import HasLength as HasLength
from zarr.dtype.base import HasObjectCodec as HasObjectCodec
from zarr.dtype.registry import DTypeSpec_V2 as DTypeSpec_V2
from zarr.dtype.registry import (
    check_dtype_spec_no_object_codec_v2 as check_dtype_spec_no_object_codec_v2,
)
from zarr.dtype.registry import check_dtype_spec_v2 as check_dtype_spec_v2
from zarr.errors import UnstableSpecificationWarning as UnstableSpecificationWarning
from zarr.types import DTypeConfig_V2 as DTypeConfig_V2
from zarr.types import DTypeJSON as DTypeJSON
from zarr.types import NamedConfig as NamedConfig
