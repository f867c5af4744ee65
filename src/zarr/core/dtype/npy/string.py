"""Names of zarr-python, kept for programs that import them from here."""

from zarr.dtype.base import HasEndianness as HasEndianness
from zarr.dtype.base import HasItemSize as HasItemSize
from zarr.dtype.base import HasLength as HasLength
from zarr.dtype.base import HasObjectCodec as HasObjectCodec
from zarr.dtype.base import ZDType as ZDType
from zarr.dtype.json_types import FixedLengthUTF32JSON_V2 as FixedLengthUTF32JSON_V2
from zarr.dtype.json_types import FixedLengthUTF32JSON_V3 as FixedLengthUTF32JSON_V3
from zarr.dtype.json_types import LengthBytesConfig as LengthBytesConfig
from zarr.dtype.json_types import VariableLengthUTF8JSON_V2 as VariableLengthUTF8JSON_V2
from zarr.dtype.strings import FixedLengthUTF32 as FixedLengthUTF32
from zarr.dtype.strings import VariableLengthUTF8 as VariableLengthUTF8
from zarr.types import DTypeConfig_V2 as DTypeConfig_V2
from zarr.types import NamedConfig as NamedConfig
