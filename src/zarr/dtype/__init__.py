"""Data types: how the elements of an array are represented.

``numeric``, ``ml_dtypes``, ``datetime``, ``strings`` and ``structured`` hold the types.
``registry`` knows them all and finds the one that a user means; ``storage`` tells the engine what
it needs.
"""

from typing import TYPE_CHECKING, Any

from zarr.dtype.base import AnyDType, TBaseDType, TBaseScalar, ZDType
from zarr.dtype.datetime import DateTime64, TimeDelta64
from zarr.dtype.ml_dtypes import SMALL
from zarr.dtype.numeric import (
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
from zarr.dtype.registry import (
    DataTypeRegistry,
    DTypeSpec_V2,
    ZDTypeLike,
    check_dtype_spec_no_object_codec_v2,
    check_dtype_spec_v2,
    data_type_registry,
    parse_data_type,
    parse_dtype,
)
from zarr.dtype.strings import (
    FixedLengthUTF32,
    NullTerminatedBytes,
    PythonObject,
    RawBytes,
    VariableLengthBytes,
    VariableLengthUTF8,
)
from zarr.dtype.structured import Struct, Structured
from zarr.errors import DataTypeValidationError

if TYPE_CHECKING:
    from zarr.dtype.json_types import (
        DateTime64JSON_V2,
        DateTime64JSON_V3,
        FixedLengthUTF32JSON_V2,
        FixedLengthUTF32JSON_V3,
        NullterminatedBytesJSON_V2,
        NullTerminatedBytesJSON_V3,
        RawBytesJSON_V2,
        RawBytesJSON_V3,
        StructJSON_V3,
        StructuredJSON_V2,
        StructuredJSON_V3,
        TimeDelta64JSON_V2,
        TimeDelta64JSON_V3,
        VariableLengthBytesJSON_V2,
        VariableLengthUTF8JSON_V2,
    )

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
    "PythonObject",
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

_REST: tuple[type[AnyDType], ...] = (
    FixedLengthUTF32,
    VariableLengthUTF8,
    RawBytes,
    NullTerminatedBytes,
    VariableLengthBytes,
    Struct,
    DateTime64,
    TimeDelta64,
    PythonObject,
)
for _cls in (*NUMBERS, *_REST, *SMALL.values()):
    data_type_registry.register(_cls._zarr_v3_name, _cls)
# Imported when they are named.
_LATE = {"LabelMultiset": "label_multiset", "NDArray": "ndarray"}
data_type_registry.announce(
    SMALL.values(), {name: ("zarr.dtype.elements", cls) for cls, name in _LATE.items()}
)


def __getattr__(name: str) -> Any:
    if name in SMALL:
        return SMALL[name]
    if name in _LATE:
        return data_type_registry.get(_LATE[name])
    # The forms in metadata are for type checkers: making their classes takes milliseconds.
    if "JSON_V" in name:
        from zarr.dtype import json_types

        found = getattr(json_types, name, None)
        if found is not None:
            globals()[name] = found
            return found
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *SMALL, *_LATE})
