"""Bytes: of a fixed length, ended by zeros or not, and of any length."""

from __future__ import annotations

from base64 import b64decode, b64encode
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from zarr.dtype.base import (
    HasItemSize,
    HasLength,
    HasObjectCodec,
    ZDType,
    v2_form,
    v2_name,
    warn_unstable,
)
from zarr.dtype.text import check_length, length_from_v2, length_from_v3

if TYPE_CHECKING:
    from zarr.types import JSON, DTypeJSON, ZarrFormat


def bytes_from_json(data: object, expected: str = "a string") -> bytes:
    """Read bytes in base64."""
    if isinstance(data, str):
        return b64decode(data.encode())
    raise TypeError(f"Invalid type: {data}. Expected {expected}.")


@dataclass(frozen=True, kw_only=True)
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
        warn_unstable(self._zarr_v3_name)
        return {"name": self._zarr_v3_name, "configuration": {"length_bytes": self.length}}

    def to_json_scalar(self, data: object, *, zarr_format: ZarrFormat) -> str:
        return b64encode(bytes(self.cast_scalar(data))).decode()


@dataclass(frozen=True, kw_only=True)
class NullTerminatedBytes(_FixedLengthBytes):
    """At most `length` bytes; zeros at the end are not part of a value."""

    dtype_cls = type(np.dtype("S1"))
    _zarr_v3_name = "null_terminated_bytes"
    _kind = "S"

    def _check_scalar(self, data: object) -> bool:
        return isinstance(data, (str, int, bytes)) and not isinstance(data, bool)

    def cast_scalar(self, data: object) -> np.bytes_:
        if not self._check_scalar(data):
            raise self._cannot_cast(data)
        value = data if isinstance(data, bytes) else str(data).encode()
        return np.bytes_(value[: self.length])

    def default_scalar(self) -> np.bytes_:
        return np.bytes_(b"")

    def from_json_scalar(self, data: JSON, *, zarr_format: ZarrFormat) -> np.bytes_:
        value = bytes_from_json(data, "a base64-encoded string")
        return np.bytes_(value[: self.length])


@dataclass(frozen=True, kw_only=True)
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
        # The name in the core specification: r, and the number of bits.
        if isinstance(data, str) and data[:1] == "r" and data[1:].isascii() and data[1:].isdigit():
            bits = int(data[1:])
            if bits and bits % 8 == 0:
                return cls(length=bits // 8)
        return super()._from_json_v3(data)

    def _check_scalar(self, data: object) -> bool:
        return isinstance(data, (bytes, bytearray, str, np.void))

    def cast_scalar(self, data: object) -> np.void:
        if not self._check_scalar(data):
            raise self._cannot_cast(data)
        if isinstance(data, str):
            raise TypeError("a bytes-like object is required, not 'str'")
        value = bytes(data)[: self.length]  # type: ignore[call-overload]
        return np.void(value.ljust(self.length, b"\0"))

    def default_scalar(self) -> np.void:
        return np.void(bytes(self.length))

    def from_json_scalar(self, data: JSON, *, zarr_format: ZarrFormat) -> np.void:
        if isinstance(data, (list, tuple)):
            # The form in the core specification: one number for each byte.
            return self.cast_scalar(bytes(data))  # type: ignore[arg-type]
        return self.cast_scalar(bytes_from_json(data))


@dataclass(frozen=True, kw_only=True)
class VariableLengthBytes(ZDType[np.dtype[Any], bytes], HasObjectCodec):
    """Bytes of any length."""

    dtype_cls = type(np.dtype("O"))
    _zarr_v3_name = "variable_length_bytes"
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
        warn_unstable(self._zarr_v3_name)
        return self._zarr_v3_name

    def _check_scalar(self, data: object) -> bool:
        return isinstance(data, (bytes, str))

    def cast_scalar(self, data: object) -> bytes:
        if isinstance(data, (bytes, bytearray, np.void)):
            return bytes(data)
        if isinstance(data, str):
            return data.encode()
        if isinstance(data, int):
            # Old writers stored 0 as the fill value of objects.
            return bytes(data)
        raise self._cannot_cast(data)

    def default_scalar(self) -> bytes:
        return b""

    def from_json_scalar(self, data: JSON, *, zarr_format: ZarrFormat) -> bytes:
        if data == 0 and data is not False:
            return b""
        return bytes_from_json(data)

    def to_json_scalar(self, data: object, *, zarr_format: ZarrFormat) -> str:
        return b64encode(self.cast_scalar(data)).decode()
