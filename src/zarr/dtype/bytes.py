"""Bytes: of a fixed length, ended by zeros or not, and of any length."""

from __future__ import annotations

from binascii import a2b_base64, b2a_base64
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from zarr.dtype.base import (
    HasItemSize,
    HasLength,
    HasObjectCodec,
    ZDType,
    frozen,
    invalid_scalar,
    unknown_format,
    v2_form,
    v2_name,
    warn_unstable,
)
from zarr.dtype.strings import check_length, length_from_v2, length_from_v3

if TYPE_CHECKING:
    from zarr.types import JSON, DTypeJSON, ZarrFormat


def bytes_from_json(data: object, expected: str = "a string in base64") -> bytes:
    """Read bytes in base64.

    Raises
    ------
    TypeError, ValueError
        If `data` is no string, or not in base64.
    """
    if isinstance(data, str):
        return a2b_base64(data, strict_mode=True)
    raise invalid_scalar(data, expected)


def bytes_to_json(data: bytes) -> str:
    """Write bytes in base64."""
    return b2a_base64(data, newline=False).decode()


@frozen
class _FixedLengthBytes(ZDType[np.dtype[Any], Any], HasLength, HasItemSize):
    _kind = ""

    def __post_init__(self) -> None:
        check_length(self.length)

    @classmethod
    def from_native_dtype(cls, dtype: np.dtype[Any]) -> Self:
        if not cls._check_native_dtype(dtype):
            raise cls._invalid_native(dtype)
        return cls(length=dtype.itemsize)

    def to_native_dtype(self) -> np.dtype[Any]:
        return np.dtype(f"{self._kind}{self.length}")

    @property
    def item_size(self) -> int:
        """Bytes of an element."""
        return self.length

    @classmethod
    def _from_json_v2(cls, data: DTypeJSON) -> Self:
        found = length_from_v2(data, "|", cls._kind)
        if found is None:
            raise cls._invalid_json(data, f"a code such as '|{cls._kind}5'")
        return cls(length=found[1])

    @classmethod
    def _from_json_v3(cls, data: DTypeJSON) -> Self:
        length = length_from_v3(data, cls._zarr_v3_name)
        if length is None:
            raise cls._invalid_json(data, f"the name {cls._zarr_v3_name!r} and length_bytes")
        return cls(length=length)

    def to_json(self, zarr_format: ZarrFormat) -> Any:
        if zarr_format == 2:
            return v2_form(f"|{self._kind}{self.length}")
        if zarr_format != 3:
            raise unknown_format(zarr_format)
        warn_unstable(self._zarr_v3_name)
        return {"name": self._zarr_v3_name, "configuration": {"length_bytes": self.length}}

    def to_json_scalar(self, data: object, *, zarr_format: ZarrFormat) -> Any:
        return bytes_to_json(bytes(self.cast_scalar(data)))


class NullTerminatedBytes(_FixedLengthBytes):
    """At most `length` bytes; zeros at the end are not part of a value."""

    dtype_cls = type(np.dtype("S1"))
    _zarr_v3_name = "null_terminated_bytes"
    _kind = "S"

    def _check_scalar(self, data: object) -> bool:
        return isinstance(data, (str, int, bytes))

    def cast_scalar(self, data: object) -> np.bytes_:
        if not self._check_scalar(data):
            raise self._cannot_cast(data)
        value = data if isinstance(data, bytes) else str(data).encode("ascii")
        return np.bytes_(value[: self.length])

    def default_scalar(self) -> np.bytes_:
        return np.bytes_(b"")

    def from_json_scalar(self, data: JSON, *, zarr_format: ZarrFormat) -> np.bytes_:
        return np.bytes_(bytes_from_json(data)[: self.length])


class RawBytes(_FixedLengthBytes):
    """Exactly `length` bytes."""

    dtype_cls = type(np.dtype("V1"))
    _zarr_v3_name = "raw_bytes"
    _kind = "V"

    @classmethod
    def _check_native_dtype(cls, dtype: np.dtype[Any]) -> bool:
        return type(dtype) is cls.dtype_cls and dtype.fields is None and dtype.subdtype is None

    @classmethod
    def _from_json_v3(cls, data: DTypeJSON) -> Self:
        bits = _bits_in_name(data)
        if bits is None:
            return super()._from_json_v3(data)
        made = cls(length=bits // 8)
        # What was read under this name is written under it: those who write it know no other.
        made.__dict__["_is_core"] = True
        return made

    def to_json(self, zarr_format: ZarrFormat) -> Any:
        if zarr_format == 3 and self.__dict__.get("_is_core"):
            return f"r{8 * self.length}"
        return super().to_json(zarr_format)

    def to_json_scalar(self, data: object, *, zarr_format: ZarrFormat) -> Any:
        if zarr_format == 3 and self.__dict__.get("_is_core"):
            return list(self.cast_scalar(data).tobytes())
        return super().to_json_scalar(data, zarr_format=zarr_format)

    def _check_scalar(self, data: object) -> bool:
        return isinstance(data, (bytes, bytearray, np.void))

    def cast_scalar(self, data: object) -> np.void:
        if isinstance(data, np.void):
            value = data.tobytes()
        elif isinstance(data, (bytes, bytearray)):
            value = bytes(data)
        else:
            raise self._cannot_cast(data)
        return np.void(value[: self.length].ljust(self.length, b"\0"))

    def default_scalar(self) -> np.void:
        return np.void(bytes(self.length))

    def from_json_scalar(self, data: JSON, *, zarr_format: ZarrFormat) -> np.void:
        if isinstance(data, (list, tuple)) and zarr_format == 3:
            # The form in the core specification: one number for each byte.
            if len(data) != self.length or not all(isinstance(byte, int) for byte in data):
                raise invalid_scalar(data, f"{self.length} bytes")
            return self.cast_scalar(bytes(data))
        return self.cast_scalar(bytes_from_json(data))


def _bits_in_name(data: object) -> int | None:
    """Return the number of bits in a name such as ``r16``, which the core specification defines."""
    if isinstance(data, str) and data[:1] == "r" and data[1:].isascii() and data[1:].isdigit():
        bits = int(data[1:])
        return bits if bits and bits % 8 == 0 else None
    return None


class VariableLengthBytes(ZDType[np.dtype[Any], bytes], HasObjectCodec):
    """Bytes of any length."""

    dtype_cls = type(np.dtype("O"))
    _zarr_v3_name = "variable_length_bytes"
    _serializer = "vlen-bytes"
    object_codec_id = "vlen-bytes"

    @classmethod
    def from_native_dtype(cls, dtype: np.dtype[Any]) -> Self:
        if not cls._check_native_dtype(dtype):
            raise cls._invalid_native(dtype)
        return cls()

    def to_native_dtype(self) -> np.dtype[Any]:
        return np.dtype("O")

    @classmethod
    def _from_json_v2(cls, data: DTypeJSON) -> Self:
        if v2_name(data, cls.object_codec_id) == "|O":
            return cls()
        raise cls._invalid_json(data, f"'|O' with the object codec {cls.object_codec_id!r}")

    @classmethod
    def _from_json_v3(cls, data: DTypeJSON) -> Self:
        if data in (cls._zarr_v3_name, "bytes"):
            return cls()
        raise cls._invalid_json(data, repr(cls._zarr_v3_name))

    def to_json(self, zarr_format: ZarrFormat) -> Any:
        if zarr_format == 2:
            return v2_form("|O", self.object_codec_id)
        if zarr_format != 3:
            raise unknown_format(zarr_format)
        warn_unstable(self._zarr_v3_name)
        return self._zarr_v3_name

    def _check_scalar(self, data: object) -> bool:
        return isinstance(data, (bytes, bytearray, str, np.void)) or _is_zero(data)

    def cast_scalar(self, data: object) -> bytes:
        if isinstance(data, np.void):
            return data.tobytes()
        if isinstance(data, (bytes, bytearray)):
            return bytes(data)
        if isinstance(data, str):
            return data.encode()
        if _is_zero(data):
            return b""
        raise self._cannot_cast(data)

    def default_scalar(self) -> bytes:
        return b""

    def from_json_scalar(self, data: JSON, *, zarr_format: ZarrFormat) -> bytes:
        return b"" if _is_zero(data) else bytes_from_json(data)

    def to_json_scalar(self, data: object, *, zarr_format: ZarrFormat) -> str:
        return bytes_to_json(self.cast_scalar(data))


def _is_zero(data: object) -> bool:
    """Whether `data` is the number that old writers stored as the fill value of objects."""
    return type(data) is int and data == 0
