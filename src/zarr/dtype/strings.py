"""Strings, byte strings, and objects that a codec makes bytes of."""

from __future__ import annotations

from binascii import a2b_base64, b2a_base64
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np

from zarr.dtype.base import (
    ORDER_CHAR,
    AnyDType,
    HasEndianness,
    HasItemSize,
    HasLength,
    HasObjectCodec,
    OwnDType,
    TBaseDType,
    endianness_of,
    frozen,
    invalid_scalar,
    v2_form,
    v2_name,
    v3_configuration,
)
from zarr.types import AnyScalar

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


def _keeps_string(data: object, scalar: object) -> bool:
    return not isinstance(data, (bytes, bytearray, np.void)) and str(data) == str(scalar)


@frozen
class FixedLengthUTF32(OwnDType[TBaseDType, np.str_], HasEndianness, HasLength, HasItemSize):
    """Strings of at most `length` characters, four bytes for each.

    Parameters
    ----------
    length : int
        The length of each string, in code points.
    endianness : {'little', 'big'}
        The order of the bytes of an element; that of the machine by default.

    Examples
    --------
    >>> import zarr
    >>> from zarr.dtype import FixedLengthUTF32
    >>> array = zarr.create_array({}, shape=(2,), dtype=FixedLengthUTF32(length=3))
    >>> array[:] = ["ab", "abcd"]
    >>> array[:]
    array(['ab', 'abc'], dtype='<U3')
    """

    dtype_cls = type(np.dtype("U1"))
    _zarr_v3_name = "fixed_length_utf32"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_length(self.length, _CODE_POINT)

    @classmethod
    def _of_native(cls, dtype: TBaseDType) -> Self:
        return cls(length=dtype.itemsize // _CODE_POINT, endianness=endianness_of(dtype))

    def to_native_dtype(self) -> TBaseDType:
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

    def _json_v2(self) -> dict[str, object]:
        return v2_form(self.to_native_dtype().str)

    def _configuration(self) -> dict[str, object]:
        return {"length_bytes": self.item_size}

    def _keeps(self, data: object, scalar: object) -> bool:
        return _keeps_string(data, scalar)

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


class _OfAnyLength(OwnDType[TBaseDType, AnyScalar], HasObjectCodec):
    """The base of strings and byte strings of any length."""

    @classmethod
    def _from_json_v2(cls, data: DTypeJSON) -> Self:
        if v2_name(data, cls.object_codec_id) == "|O":
            return cls()
        raise cls._invalid_json(data, f"'|O' with the object codec {cls.object_codec_id!r}")

    def _json_v2(self) -> dict[str, object]:
        return v2_form("|O", self.object_codec_id)


class VariableLengthUTF8(_OfAnyLength):
    """Strings of any length.

    Examples
    --------
    >>> import zarr
    >>> from zarr.dtype import VariableLengthUTF8
    >>> array = zarr.create_array({}, shape=(2,), dtype=VariableLengthUTF8())
    >>> array[:] = ["ab", "a longer string"]
    >>> array[1]
    array('a longer string', dtype=StringDType())
    """

    dtype_cls = np.dtypes.StringDType
    _zarr_v3_name = "string"
    serializer_name = "vlen-utf8"
    object_codec_id = "vlen-utf8"

    @classmethod
    def _of_native(cls, dtype: TBaseDType) -> Self:
        if hasattr(dtype, "na_object"):
            raise ValueError(
                f"Zarr data type resolution from {dtype!r} failed. Strings that may be missing "
                "cannot be stored: use a StringDType without na_object."
            )
        return cls()

    def to_native_dtype(self) -> TBaseDType:
        return np.dtypes.StringDType()

    def _keeps(self, data: object, scalar: object) -> bool:
        return _keeps_string(data, scalar)

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
class _FixedLengthBytes(OwnDType[TBaseDType, AnyScalar], HasLength, HasItemSize):
    """The base of byte strings of a fixed length."""

    _kind: ClassVar[str]
    _unstable = True

    def __post_init__(self) -> None:
        check_length(self.length)

    @classmethod
    def _of_native(cls, dtype: TBaseDType) -> Self:
        return cls(length=dtype.itemsize)

    def to_native_dtype(self) -> TBaseDType:
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

    def _json_v2(self) -> dict[str, object]:
        return v2_form(f"|{self._kind}{self.length}")

    def _configuration(self) -> dict[str, object]:
        return {"length_bytes": self.length}

    def _keeps(self, data: object, scalar: AnyScalar) -> bool:
        given = data.tobytes() if isinstance(data, np.void) else data
        given = bytes(given) if isinstance(given, (bytes, bytearray)) else str(given).encode()
        return bool(given.rstrip(b"\0") == scalar.tobytes().rstrip(b"\0"))

    def to_json_scalar(self, data: object, *, zarr_format: ZarrFormat) -> JSON:
        return bytes_to_json(bytes(self.cast_scalar(data)))


class NullTerminatedBytes(_FixedLengthBytes):
    """At most `length` bytes; zeros at the end are not part of a value.

    Parameters
    ----------
    length : int
        The number of bytes of each element.

    Examples
    --------
    >>> from zarr.dtype import NullTerminatedBytes
    >>> NullTerminatedBytes(length=3).to_native_dtype()
    dtype('S3')
    """

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
    """Exactly `length` bytes.

    Parameters
    ----------
    length : int
        The number of bytes of each element.

    Examples
    --------
    >>> import zarr
    >>> from zarr.dtype import RawBytes
    >>> array = zarr.create_array({}, shape=(2,), dtype=RawBytes(length=3), zarr_format=2)
    >>> array[0]
    array(b'\\x00\\x00\\x00', dtype='|V3')
    """

    dtype_cls = type(np.dtype("V1"))
    _zarr_v3_name = "raw_bytes"
    _kind = "V"

    @classmethod
    def _check_native_dtype(cls, dtype: TBaseDType) -> bool:
        return type(dtype) is cls.dtype_cls and dtype.fields is None and dtype.subdtype is None

    @classmethod
    def _from_json_v3(cls, data: DTypeJSON) -> Self:
        bits = _bits_in_name(data)
        if bits is None:
            return super()._from_json_v3(data)
        made = cls(length=bits // 8)
        # A type that was read under this name is written under it: its writers know no other.
        made.__dict__["_is_core"] = True
        return made

    def _json_v3(self) -> str | dict[str, object]:
        if self.__dict__.get("_is_core"):
            return f"r{8 * self.length}"
        return super()._json_v3()

    def to_json_scalar(self, data: object, *, zarr_format: ZarrFormat) -> JSON:
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


class VariableLengthBytes(_OfAnyLength):
    """Bytes of any length.

    Examples
    --------
    >>> from zarr.dtype import VariableLengthBytes
    >>> VariableLengthBytes().to_json(zarr_format=2)
    {'name': '|O', 'object_codec_id': 'vlen-bytes'}
    """

    dtype_cls = type(np.dtype("O"))
    _zarr_v3_name = "variable_length_bytes"
    serializer_name = "vlen-bytes"
    object_codec_id = "vlen-bytes"
    _aliases = ("bytes",)
    _unstable = True

    def to_native_dtype(self) -> TBaseDType:
        return np.dtype("O")

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


OBJECT_CODEC_IDS: tuple[str, ...] = (
    "vlen-utf8",
    "vlen-bytes",
    "vlen-array",
    "pickle",
    "json2",
    "msgpack2",
)
"""The codecs of numcodecs that make bytes of objects."""
# The first two have data types of their own; the last ones are, or were, named otherwise.
OF_ANY_OBJECT = (*OBJECT_CODEC_IDS[2:], "json", "msgpack", "categorize")


def behind_object_codec(dtype: AnyDType, object_codec_id: str | None) -> AnyDType:
    """Return the data type of what an object codec codes, where a fixed length was named for it.

    The codecs of strings and of bytes store no length: elements of any are read and written.

    Raises
    ------
    ValueError
        If the codec does not code such elements.
    """
    if isinstance(dtype, FixedLengthUTF32) and object_codec_id == "vlen-utf8":
        return VariableLengthUTF8()
    if isinstance(dtype, NullTerminatedBytes) and object_codec_id == "vlen-bytes":
        return VariableLengthBytes()
    if str(object_codec_id).startswith("vlen-") and not isinstance(dtype, HasObjectCodec):
        raise ValueError(f"The object codec {object_codec_id!r} does not code elements of {dtype}.")
    return dtype


@frozen
class PythonObject(OwnDType[TBaseDType, AnyScalar], HasObjectCodec):
    """Objects that a codec of numcodecs makes bytes of; for Zarr v2 only.

    Parameters
    ----------
    object_codec_id
        The name of the codec.

    Examples
    --------
    >>> from zarr.dtype import PythonObject
    >>> PythonObject(object_codec_id="pickle").to_native_dtype()
    dtype('O')
    """

    object_codec_id: str  # type: ignore[misc]

    dtype_cls = type(np.dtype("O"))
    _zarr_v3_name = "python_object"
    holds_arrays = True

    @classmethod
    def _check_native_dtype(cls, dtype: TBaseDType) -> bool:
        # Which codec is meant, the data type of NumPy does not say.
        return False

    def to_native_dtype(self) -> TBaseDType:
        return np.dtype("O")

    @classmethod
    def _from_json_v2(cls, data: DTypeJSON) -> Self:
        if isinstance(data, dict) and data.keys() == {"name", "object_codec_id"}:
            codec = data["object_codec_id"]
            if data["name"] == "|O" and codec in OF_ANY_OBJECT:
                return cls(object_codec_id=codec)
        raise cls._invalid_json(data, f"'|O' with one of the object codecs {OF_ANY_OBJECT}")

    @classmethod
    def _from_json_v3(cls, data: DTypeJSON) -> Self:
        raise cls._invalid_json(data, "Zarr v2: Zarr v3 has no such data type")

    def _json_v2(self) -> dict[str, object]:
        return v2_form("|O", self.object_codec_id)

    def _json_v3(self) -> str | dict[str, object]:
        raise ValueError("Zarr v3 has no data type for objects of Python.")

    def cast_scalar(self, data: object) -> AnyScalar:
        return data

    def default_scalar(self) -> AnyScalar:
        return None

    def from_json_scalar(self, data: JSON, *, zarr_format: ZarrFormat) -> AnyScalar:
        return data

    def to_json_scalar(self, data: object, *, zarr_format: ZarrFormat) -> JSON:
        if data is None or isinstance(data, (str, int, float, bool, list, dict)):
            return data
        raise TypeError(
            f"A fill value of objects stands in the metadata as it is, which {data!r} cannot: "
            "use None, a string, a number, a list or a dict."
        )
