"""Names of zarr-python, kept for programs that import them from here."""

from zarr.dtype.base import HasItemSize as HasItemSize
from zarr.dtype.base import HasLength as HasLength
from zarr.dtype.base import HasObjectCodec as HasObjectCodec
from zarr.dtype.base import ZDType as ZDType
from zarr.dtype.json_types import NullterminatedBytesJSON_V2 as NullterminatedBytesJSON_V2
from zarr.dtype.json_types import NullTerminatedBytesJSON_V3 as NullTerminatedBytesJSON_V3
from zarr.dtype.json_types import RawBytesJSON_V2 as RawBytesJSON_V2
from zarr.dtype.json_types import RawBytesJSON_V3 as RawBytesJSON_V3
from zarr.dtype.json_types import VariableLengthBytesJSON_V2 as VariableLengthBytesJSON_V2
from zarr.dtype.strings import NullTerminatedBytes as NullTerminatedBytes
from zarr.dtype.strings import RawBytes as RawBytes
from zarr.dtype.strings import VariableLengthBytes as VariableLengthBytes
from zarr.types import DTypeConfig_V2 as DTypeConfig_V2
from zarr.types import NamedConfig as NamedConfig
