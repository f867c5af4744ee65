"""Names of zarr-python, kept for programs that import them from here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zarr.dtype.base import TBaseDType as TBaseDType
from zarr.dtype.base import TBaseScalar as TBaseScalar
from zarr.dtype.base import ZDType as ZDType  # noqa: TC001  (programs import it)
from zarr.dtype.datetime import DateTime64 as DateTime64
from zarr.dtype.datetime import TimeDelta64 as TimeDelta64
from zarr.dtype.json_types import DateTime64JSON_V2 as DateTime64JSON_V2
from zarr.dtype.json_types import DateTime64JSON_V3 as DateTime64JSON_V3
from zarr.dtype.json_types import FixedLengthUTF32JSON_V2 as FixedLengthUTF32JSON_V2
from zarr.dtype.json_types import FixedLengthUTF32JSON_V3 as FixedLengthUTF32JSON_V3
from zarr.dtype.json_types import NullterminatedBytesJSON_V2 as NullterminatedBytesJSON_V2
from zarr.dtype.json_types import NullTerminatedBytesJSON_V3 as NullTerminatedBytesJSON_V3
from zarr.dtype.json_types import RawBytesJSON_V2 as RawBytesJSON_V2
from zarr.dtype.json_types import RawBytesJSON_V3 as RawBytesJSON_V3
from zarr.dtype.json_types import StructJSON_V3 as StructJSON_V3
from zarr.dtype.json_types import StructuredJSON_V2 as StructuredJSON_V2
from zarr.dtype.json_types import StructuredJSON_V3 as StructuredJSON_V3
from zarr.dtype.json_types import TimeDelta64JSON_V2 as TimeDelta64JSON_V2
from zarr.dtype.json_types import TimeDelta64JSON_V3 as TimeDelta64JSON_V3
from zarr.dtype.json_types import VariableLengthBytesJSON_V2 as VariableLengthBytesJSON_V2
from zarr.dtype.json_types import VariableLengthUTF8JSON_V2 as VariableLengthUTF8JSON_V2
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
from zarr.dtype.registry import DataTypeRegistry as DataTypeRegistry
from zarr.dtype.registry import ZDTypeLike as ZDTypeLike
from zarr.dtype.registry import data_type_registry as data_type_registry
from zarr.dtype.registry import get_data_type_from_native_dtype as get_data_type_from_native_dtype
from zarr.dtype.registry import parse_data_type as parse_data_type
from zarr.dtype.registry import parse_dtype as parse_dtype
from zarr.dtype.strings import FixedLengthUTF32 as FixedLengthUTF32
from zarr.dtype.strings import NullTerminatedBytes as NullTerminatedBytes
from zarr.dtype.strings import RawBytes as RawBytes
from zarr.dtype.strings import VariableLengthBytes as VariableLengthBytes
from zarr.dtype.strings import VariableLengthUTF8 as VariableLengthUTF8
from zarr.dtype.structured import Struct as Struct
from zarr.dtype.structured import Structured as Structured
from zarr.successors import lazy_submodules

if TYPE_CHECKING:
    from zarr.dtype.base import AnyDType
    from zarr.types import DTypeJSON, ZarrFormat
else:
    __getattr__ = lazy_submodules(__name__)


def get_data_type_from_json(dtype_spec: DTypeJSON, *, zarr_format: ZarrFormat) -> AnyDType:
    """Return the data type that its form in metadata stands for."""
    return data_type_registry.match_json(dtype_spec, zarr_format=zarr_format)
