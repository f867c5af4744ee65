"""Names of zarr-python, kept for programs that import them from the modules of this package.

Each of its modules is this one, but for `bytes`, which programs are known to import from.
"""

from typing import TYPE_CHECKING

from zarr.dtype.base import ENDIANNESS_STR as ENDIANNESS_STR
from zarr.dtype.base import EndiannessStr as EndiannessStr
from zarr.dtype.base import HasEndianness as HasEndianness
from zarr.dtype.base import HasItemSize as HasItemSize
from zarr.dtype.base import HasLength as HasLength
from zarr.dtype.base import HasObjectCodec as HasObjectCodec
from zarr.dtype.base import ZDType as ZDType
from zarr.dtype.datetime import DATETIME_UNIT as DATETIME_UNIT
from zarr.dtype.datetime import DateTime64 as DateTime64
from zarr.dtype.datetime import DateTimeUnit as DateTimeUnit
from zarr.dtype.datetime import TimeDelta64 as TimeDelta64
from zarr.dtype.datetime import TimeDTypeBase as TimeDTypeBase
from zarr.dtype.json_types import DateTime64JSON_V2 as DateTime64JSON_V2
from zarr.dtype.json_types import DateTime64JSON_V3 as DateTime64JSON_V3
from zarr.dtype.json_types import FixedLengthUTF32JSON_V2 as FixedLengthUTF32JSON_V2
from zarr.dtype.json_types import FixedLengthUTF32JSON_V3 as FixedLengthUTF32JSON_V3
from zarr.dtype.json_types import LengthBytesConfig as LengthBytesConfig
from zarr.dtype.json_types import NullterminatedBytesJSON_V2 as NullterminatedBytesJSON_V2
from zarr.dtype.json_types import NullTerminatedBytesJSON_V3 as NullTerminatedBytesJSON_V3
from zarr.dtype.json_types import RawBytesJSON_V2 as RawBytesJSON_V2
from zarr.dtype.json_types import RawBytesJSON_V3 as RawBytesJSON_V3
from zarr.dtype.json_types import StructJSON_V3 as StructJSON_V3
from zarr.dtype.json_types import StructuredJSON_V2 as StructuredJSON_V2
from zarr.dtype.json_types import StructuredJSON_V3 as StructuredJSON_V3
from zarr.dtype.json_types import TimeConfig as TimeConfig
from zarr.dtype.json_types import TimeDelta64JSON_V2 as TimeDelta64JSON_V2
from zarr.dtype.json_types import TimeDelta64JSON_V3 as TimeDelta64JSON_V3
from zarr.dtype.json_types import VariableLengthBytesJSON_V2 as VariableLengthBytesJSON_V2
from zarr.dtype.json_types import VariableLengthUTF8JSON_V2 as VariableLengthUTF8JSON_V2
from zarr.dtype.numeric import BaseComplex as BaseComplex
from zarr.dtype.numeric import BaseFloat as BaseFloat
from zarr.dtype.numeric import BaseInt as BaseInt
from zarr.dtype.numeric import Bool as Bool
from zarr.dtype.numeric import Complex64 as Complex64
from zarr.dtype.numeric import Complex128 as Complex128
from zarr.dtype.numeric import Float16 as Float16
from zarr.dtype.numeric import Float32 as Float32
from zarr.dtype.numeric import Float64 as Float64
from zarr.dtype.numeric import Int8 as Int8
from zarr.dtype.numeric import Int16 as Int16
from zarr.dtype.numeric import Int32 as Int32
from zarr.dtype.numeric import Int64 as Int64
from zarr.dtype.numeric import UInt8 as UInt8
from zarr.dtype.numeric import UInt16 as UInt16
from zarr.dtype.numeric import UInt32 as UInt32
from zarr.dtype.numeric import UInt64 as UInt64
from zarr.dtype.strings import FixedLengthUTF32 as FixedLengthUTF32
from zarr.dtype.strings import NullTerminatedBytes as NullTerminatedBytes
from zarr.dtype.strings import RawBytes as RawBytes
from zarr.dtype.strings import VariableLengthBytes as VariableLengthBytes
from zarr.dtype.strings import VariableLengthUTF8 as VariableLengthUTF8
from zarr.dtype.strings import bytes_from_json as bytes_from_json
from zarr.dtype.strings import bytes_to_json as bytes_to_json
from zarr.dtype.structured import Struct as Struct
from zarr.dtype.structured import Structured as Structured
from zarr.errors import ZarrUserWarning as ZarrUserWarning
from zarr.successors import lazy_submodules
from zarr.types import DTypeConfig_V2 as DTypeConfig_V2
from zarr.types import NamedConfig as NamedConfig

if not TYPE_CHECKING:
    __getattr__ = lazy_submodules(__name__)
