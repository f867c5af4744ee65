"""The forms of data types in metadata, for type checkers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypedDict

from zarr.types import DTypeConfig_V2, NamedConfig

if TYPE_CHECKING:
    from collections.abc import Sequence


class LengthBytesConfig(TypedDict):
    """The length of an element."""

    length_bytes: int


class TimeConfig(TypedDict):
    """The unit of a count."""

    unit: str
    scale_factor: int


class StructField(TypedDict):
    """A field of a record."""

    name: str
    data_type: Any


class StructConfig(TypedDict):
    """The fields of a record."""

    fields: Sequence[object]


class DateTime64JSON_V2(DTypeConfig_V2[str, None]):
    """Form of `DateTime64` in Zarr v2."""


class DateTime64JSON_V3(NamedConfig[Literal["numpy.datetime64"], TimeConfig]):
    """Form of `DateTime64` in Zarr v3."""


class TimeDelta64JSON_V2(DTypeConfig_V2[str, None]):
    """Form of `TimeDelta64` in Zarr v2."""


class TimeDelta64JSON_V3(NamedConfig[Literal["numpy.timedelta64"], TimeConfig]):
    """Form of `TimeDelta64` in Zarr v3."""


class FixedLengthUTF32JSON_V2(DTypeConfig_V2[str, None]):
    """Form of `FixedLengthUTF32` in Zarr v2."""


class FixedLengthUTF32JSON_V3(NamedConfig[Literal["fixed_length_utf32"], LengthBytesConfig]):
    """Form of `FixedLengthUTF32` in Zarr v3."""


class NullterminatedBytesJSON_V2(DTypeConfig_V2[str, None]):
    """Form of `NullTerminatedBytes` in Zarr v2."""


class NullTerminatedBytesJSON_V3(NamedConfig[Literal["null_terminated_bytes"], LengthBytesConfig]):
    """Form of `NullTerminatedBytes` in Zarr v3."""


class RawBytesJSON_V2(DTypeConfig_V2[str, None]):
    """Form of `RawBytes` in Zarr v2."""


class RawBytesJSON_V3(NamedConfig[Literal["raw_bytes"], LengthBytesConfig]):
    """Form of `RawBytes` in Zarr v3."""


class StructuredJSON_V2(DTypeConfig_V2[Any, None]):
    """Form of `Structured` in Zarr v2."""


class StructuredJSON_V3(NamedConfig[Literal["structured"], StructConfig]):
    """Form of `Structured` in Zarr v3."""


class StructJSON_V3(NamedConfig[Literal["struct"], StructConfig]):
    """Form of `Struct` in Zarr v3."""


class VariableLengthUTF8JSON_V2(DTypeConfig_V2[Literal["|O"], Literal["vlen-utf8"]]):
    """Form of `VariableLengthUTF8` in Zarr v2."""


class VariableLengthBytesJSON_V2(DTypeConfig_V2[Literal["|O"], Literal["vlen-bytes"]]):
    """Form of `VariableLengthBytes` in Zarr v2."""
