"""Data types: how the elements of an array are represented.

``numbers``, ``times``, ``text``, ``raw`` and ``records`` hold the types, ``registry`` knows them
all, ``parsing`` finds the one that a user means, ``storage`` tells the engine what it needs.
"""

from typing import Any

from zarr.dtype.base import TBaseDType, TBaseScalar, ZDType
from zarr.dtype.json_types import (
    DateTime64JSON_V2,
    DateTime64JSON_V3,
    DTypeSpec_V2,
    FixedLengthUTF32JSON_V2,
    FixedLengthUTF32JSON_V3,
    NullTerminatedBytesJSON_V3,
    NullterminatedBytesJSON_V2,
    RawBytesJSON_V2,
    RawBytesJSON_V3,
    StructJSON_V3,
    StructuredJSON_V2,
    StructuredJSON_V3,
    TimeDelta64JSON_V2,
    TimeDelta64JSON_V3,
    VariableLengthBytesJSON_V2,
    VariableLengthUTF8JSON_V2,
    check_dtype_spec_no_object_codec_v2,
    check_dtype_spec_v2,
)
from zarr.dtype.numbers import (
    NUMBERS,
    Bool,
    Complex64,
    Complex128,
    Float16,
    Float32,
    Float64,
    Int8,
    Int16,
    Int32,
    Int64,
    UInt8,
    UInt16,
    UInt32,
    UInt64,
)
from zarr.dtype.parsing import ZDTypeLike, parse_data_type, parse_dtype
from zarr.dtype.raw import NullTerminatedBytes, RawBytes, VariableLengthBytes
from zarr.dtype.records import Struct, Structured
from zarr.dtype.registry import DataTypeRegistry, data_type_registry
from zarr.dtype.small import SMALL
from zarr.dtype.text import FixedLengthUTF32, VariableLengthUTF8
from zarr.dtype.times import DateTime64, TimeDelta64
from zarr.errors import DataTypeValidationError

__all__ = [
    "Bool",
    "Complex64",
    "Complex128",
    "DTypeSpec_V2",
    "DataTypeRegistry",
    "DataTypeValidationError",
    "DateTime64",
    "DateTime64JSON_V2",
    "DateTime64JSON_V3",
    "FixedLengthUTF32",
    "FixedLengthUTF32JSON_V2",
    "FixedLengthUTF32JSON_V3",
    "Float16",
    "Float32",
    "Float64",
    "Int8",
    "Int16",
    "Int32",
    "Int64",
    "NullTerminatedBytes",
    "NullTerminatedBytesJSON_V3",
    "NullterminatedBytesJSON_V2",
    "RawBytes",
    "RawBytesJSON_V2",
    "RawBytesJSON_V3",
    "Struct",
    "StructJSON_V3",
    "Structured",
    "StructuredJSON_V2",
    "StructuredJSON_V3",
    "TBaseDType",
    "TBaseScalar",
    "TimeDelta64",
    "TimeDelta64JSON_V2",
    "TimeDelta64JSON_V3",
    "UInt8",
    "UInt16",
    "UInt32",
    "UInt64",
    "VariableLengthBytes",
    "VariableLengthBytesJSON_V2",
    "VariableLengthUTF8",
    "VariableLengthUTF8JSON_V2",
    "ZDType",
    "ZDTypeLike",
    "check_dtype_spec_no_object_codec_v2",
    "check_dtype_spec_v2",
    "data_type_registry",
    "parse_data_type",
    "parse_dtype",
]

_REST: tuple[type[ZDType[Any, Any]], ...] = (
    FixedLengthUTF32,
    VariableLengthUTF8,
    RawBytes,
    NullTerminatedBytes,
    VariableLengthBytes,
    Struct,
    DateTime64,
    TimeDelta64,
)
for _cls in (*NUMBERS, *_REST, *SMALL.values()):
    data_type_registry.register(_cls._zarr_v3_name, _cls)
