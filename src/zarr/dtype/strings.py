"""Strings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np

from zarr.dtype.base import (
    ORDER_CHAR,
    HasEndianness,
    HasItemSize,
    HasLength,
    HasObjectCodec,
    ZDType,
    endianness_of,
    frozen,
    invalid_scalar,
    unknown_format,
    v2_form,
    v2_name,
    v3_configuration,
)

if TYPE_CHECKING:
    from zarr.types import JSON, DTypeJSON, ZarrFormat

_CODE_POINT = 4


def check_length(length: int, size: int = 1) -> None:
    """Fail unless NumPy has elements of so many characters, of `size` bytes each."""
    if length < 1:
        raise ValueError(
            f"length must be >= 1, got {length}. A data type of NumPy names it, as 'U10' does; str "
            "has none."
        )
    if length * size >= 2**31:
        raise ValueError(f"length must be < {2**31 // size}, got {length}.")


def length_from_v2(data: object, orders: str, kind: str) -> tuple[str, int] | None:
    """Return the byte order and the length in a code such as ``<U5``."""
    name = v2_name(data)
    if not isinstance(name, str) or name[:1] not in orders or name[1:2] != kind:
        return None
    digits = name[2:]
    return (name[0], int(digits)) if digits.isascii() and digits.isdigit() else None


def length_from_v3(data: object, name: str) -> int | None:
    """Return the length in bytes in the configuration of a data type `name`."""
    configuration = v3_configuration(data, name)
    if configuration is not None and configuration.keys() == {"length_bytes"}:
        length = configuration["length_bytes"]
        return length if type(length) is int else None
    return None


@frozen
class FixedLengthUTF32(ZDType[np.dtype[Any], np.str_], HasEndianness, HasLength, HasItemSize):
    """Strings of at most `length` characters, four bytes for each."""

    dtype_cls = type(np.dtype("U1"))
    _zarr_v3_name = "fixed_length_utf32"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_length(self.length, _CODE_POINT)

    @classmethod
    def from_native_dtype(cls, dtype: np.dtype[Any]) -> Self:
        if not cls._check_native_dtype(dtype):
            raise cls._invalid_native(dtype)
        return cls(length=dtype.itemsize // _CODE_POINT, endianness=endianness_of(dtype))

    def to_native_dtype(self) -> np.dtype[Any]:
        return np.dtype(f"{ORDER_CHAR[self.endianness]}U{self.length}")

    @property
    def item_size(self) -> int:
        """Bytes of an element."""
        return self.length * _CODE_POINT

    @classmethod
    def _from_json_v2(cls, data: DTypeJSON) -> Self:
        found = length_from_v2(data, "<>", "U")
        if found is None:
            raise cls._invalid_json(data, "a code such as '<U5'")
        return cls(length=found[1], endianness="big" if found[0] == ">" else "little")

    @classmethod
    def _from_json_v3(cls, data: DTypeJSON) -> Self:
        length = length_from_v3(data, cls._zarr_v3_name)
        if length is None or length % _CODE_POINT:
            raise cls._invalid_json(
                data, f"the name {cls._zarr_v3_name!r} and length_bytes, a multiple of four"
            )
        return cls(length=length // _CODE_POINT)

    def to_json(self, zarr_format: ZarrFormat) -> Any:
        if zarr_format == 2:
            return v2_form(self.to_native_dtype().str)
        if zarr_format != 3:
            raise unknown_format(zarr_format)
        return {"name": self._zarr_v3_name, "configuration": {"length_bytes": self.item_size}}

    def _check_scalar(self, data: object) -> bool:
        return True

    def cast_scalar(self, data: object) -> np.str_:
        return np.str_(str(data)[: self.length])

    def default_scalar(self) -> np.str_:
        return np.str_("")

    def from_json_scalar(self, data: JSON, *, zarr_format: ZarrFormat) -> np.str_:
        if isinstance(data, str):
            return np.str_(data)
        raise invalid_scalar(data, "a string")

    def to_json_scalar(self, data: object, *, zarr_format: ZarrFormat) -> str:
        return str(data)


class VariableLengthUTF8(ZDType[Any, str], HasObjectCodec):
    """Strings of any length."""

    dtype_cls = np.dtypes.StringDType
    _zarr_v3_name = "string"
    _serializer = "vlen-utf8"
    object_codec_id = "vlen-utf8"

    @classmethod
    def from_native_dtype(cls, dtype: np.dtype[Any]) -> Self:
        if not cls._check_native_dtype(dtype):
            raise cls._invalid_native(dtype)
        if hasattr(dtype, "na_object"):
            raise ValueError(
                f"Zarr data type resolution from {dtype!r} failed. Strings that may be missing "
                "cannot be stored: use a StringDType without na_object."
            )
        return cls()

    def to_native_dtype(self) -> Any:
        return np.dtypes.StringDType()

    @classmethod
    def _from_json_v2(cls, data: DTypeJSON) -> Self:
        if v2_name(data, cls.object_codec_id) == "|O":
            return cls()
        raise cls._invalid_json(data, f"'|O' with the object codec {cls.object_codec_id!r}")

    @classmethod
    def _from_json_v3(cls, data: DTypeJSON) -> Self:
        if data == cls._zarr_v3_name:
            return cls()
        raise cls._invalid_json(data, repr(cls._zarr_v3_name))

    def to_json(self, zarr_format: ZarrFormat) -> Any:
        if zarr_format == 2:
            return v2_form("|O", self.object_codec_id)
        if zarr_format == 3:
            return self._zarr_v3_name
        raise unknown_format(zarr_format)

    def _check_scalar(self, data: object) -> bool:
        return True

    def cast_scalar(self, data: object) -> str:
        return str(data)

    def default_scalar(self) -> str:
        return ""

    def from_json_scalar(self, data: JSON, *, zarr_format: ZarrFormat) -> str:
        # Old writers stored 0 as the fill value of strings.
        if isinstance(data, (str, int, float)):
            return str(data)
        raise invalid_scalar(data, "a string or number")

    def to_json_scalar(self, data: object, *, zarr_format: ZarrFormat) -> str:
        return str(data)
