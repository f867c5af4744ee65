"""Booleans, integers, floating point and complex numbers."""

from __future__ import annotations

import sys
from math import isfinite
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from zarr.dtype.base import (
    ORDER_CHAR,
    HasEndianness,
    HasItemSize,
    OwnDType,
    TBaseDType,
    endianness_of,
    invalid_scalar,
    unknown_format,
    v2_form,
    v2_name,
)

if TYPE_CHECKING:
    from zarr.types import JSON, AnyScalar, DTypeJSON, ZarrFormat

_SPECIAL = {"NaN": np.nan, "Infinity": np.inf, "-Infinity": -np.inf}
_WIDTHS: dict[int, TBaseDType] = {4: np.dtype("f2"), 8: np.dtype("f4"), 16: np.dtype("f8")}
"""Data types by their number of hexadecimal digits."""


def has_method(data: object, *methods: str) -> bool:
    """Whether `data` has any of these methods, and is not an array of several elements."""
    if isinstance(data, type) or (isinstance(data, np.ndarray) and data.ndim):
        return False
    return any(hasattr(data, method) for method in methods)


def as_number(data: object) -> AnyScalar:
    """Return what stands for a number as something that ``float`` and ``int`` take."""
    if isinstance(data, bytes):
        return data.decode("ascii", "replace")
    if isinstance(data, (np.datetime64, np.timedelta64)):
        return data.view(np.int64)
    return data


def keeps_integer(data: AnyScalar, scalar: AnyScalar) -> bool:
    """Whether an integer equals the value that it was made from."""
    if isinstance(data, (np.datetime64, np.timedelta64)):
        return False
    if isinstance(data, (str, bytes)):  # digits
        return True
    return bool(data == int(scalar))


def keeps_range(data: AnyScalar, scalar: AnyScalar) -> bool:
    """Whether a number is finite if the value that it was made from is."""
    if isinstance(data, (np.datetime64, np.timedelta64)):
        return False
    try:
        given = complex(data.decode() if isinstance(data, bytes) else 0 if data is None else data)
    except ValueError:  # the bits of a number
        return True
    found = complex(scalar)
    pairs = ((given.real, found.real), (given.imag, found.imag))
    return all(isfinite(after) or not isfinite(before) for before, after in pairs)


def float_to_json(value: AnyScalar, zarr_format: ZarrFormat) -> float | str:
    """Return the form of a scalar: a number, the name of a special value, or all bits.

    Zarr v3 names only one NaN, whose sign is clear and whose mantissa has the first bit set only;
    any other is written as ``0x…``. Zarr v2 has no form for the bits.
    """
    if value == value:  # not a NaN
        number = float(value)
        if number == float("inf"):
            return "Infinity"
        return "-Infinity" if number == float("-inf") else number
    if zarr_format == 3:
        bits = value.tobytes()
        if bits != np.asarray(np.nan).astype(value.dtype)[()].tobytes():
            return f"0x{int.from_bytes(bits, sys.byteorder):0{2 * len(bits)}x}"
    return "NaN"


def float_from_json(
    data: object, dtype: TBaseDType, zarr_format: ZarrFormat, *, texts: bool = True
) -> Any:
    """Read a scalar of `dtype`, which is of native byte order.

    Parameters
    ----------
    data
        The form in metadata.
    dtype
        Of the scalar.
    zarr_format
        The format of the metadata: all bits, as ``0x…``, are a form of v3.
    texts
        Whether numbers may be written as strings, which some programs do.

    Raises
    ------
    TypeError, ValueError, OverflowError
        If `data` stands for no number.
    """
    if isinstance(data, str):
        if data in _SPECIAL:
            return np.asarray(_SPECIAL[data]).astype(dtype)[()]
        if zarr_format == 3 and data.startswith("0x"):
            return _from_hexadecimal(data[2:], dtype)
        if texts:
            try:
                return np.asarray(float(data)).astype(dtype)[()]
            except ValueError:
                pass
    elif isinstance(data, (int, float)):
        return np.asarray(float(data)).astype(dtype)[()]
    raise invalid_scalar(data, "a float or a special string encoding of a float")


def _from_hexadecimal(digits: str, dtype: TBaseDType) -> object:
    """Read a number by its bits, or by those of a wider or narrower number."""
    size = dtype.itemsize
    written = _WIDTHS.get(len(digits))
    if len(digits) == 2 * size:
        written = dtype
    if written is None or not (digits.isascii() and digits.isalnum()):
        raise ValueError(
            f"Invalid bits of a floating point number: 0x{digits}. Expected {2 * size} hexadecimal "
            "digits after 0x."
        )
    # By way of unsigned integers: NumPy reads no buffers of the data types of others.
    number = np.array([int(digits, 16)], f"u{written.itemsize}").view(written)
    return number.astype(dtype)[0]


class Number(OwnDType[TBaseDType, np.generic], HasItemSize):
    """A data type that is named by its v3 name, or by one code of NumPy for each byte order."""

    _code: ClassVar[str]
    """Kind and size, such as ``f4``."""
    _native: ClassVar[TBaseDType]
    """The data type of NumPy, in native byte order."""

    @property
    def _order(self) -> str:
        if self._native.itemsize == 1:
            return "|"
        return ORDER_CHAR[getattr(self, "endianness", "little")]

    @classmethod
    def _of(cls, order: str) -> Self:
        if issubclass(cls, HasEndianness):
            return cls(endianness="big" if order == ">" else "little")
        return cls()

    @classmethod
    def _of_native(cls, dtype: TBaseDType) -> Self:
        return cls._of(ORDER_CHAR[endianness_of(dtype)])

    def to_native_dtype(self) -> TBaseDType:
        order: Any = self._order
        if order == "|" or self._native.str[0] == order:
            return self._native
        return self._native.newbyteorder(order)

    @property
    def item_size(self) -> int:
        """Bytes of an element."""
        return self._native.itemsize

    @classmethod
    def _from_json_v2(cls, data: DTypeJSON) -> Self:
        name = v2_name(data)
        orders = "|" if cls._native.itemsize == 1 else "<>"
        if isinstance(name, str) and name[1:] == cls._code and name[0] in orders:
            return cls._of(name[0])
        raise cls._invalid_json(data, " or ".join(repr(o + cls._code) for o in orders))

    def _json_v2(self) -> dict[str, object]:
        return v2_form(self._order + self._code)

    def default_scalar(self) -> AnyScalar:
        return self._native.type(0)


class Bool(Number):
    """True or false, one byte each."""

    def _keeps(self, data: object, scalar: object) -> bool:
        # Any string would be true.
        return not isinstance(data, (str, bytes)) and keeps_integer(data, scalar)

    def cast_scalar(self, data: object) -> AnyScalar:
        scalar: object = np.bool_(data)
        if isinstance(scalar, np.bool_):
            return scalar
        raise self._cannot_cast(data)

    def from_json_scalar(self, data: JSON, *, zarr_format: ZarrFormat) -> AnyScalar:
        if isinstance(data, (bool, int, float)):
            return np.bool_(data)
        raise invalid_scalar(data, "a boolean")

    def to_json_scalar(self, data: object, *, zarr_format: ZarrFormat) -> bool:
        return bool(data)


class BaseInt(Number):
    """Integers."""

    def _keeps(self, data: object, scalar: object) -> bool:
        return keeps_integer(data, scalar)

    def _check_scalar(self, data: object) -> bool:
        return isinstance(data, (str, bytes)) or has_method(data, "__int__", "__index__")

    def cast_scalar(self, data: object) -> AnyScalar:
        if type(data) is self._native.type:
            return data
        if self._check_scalar(data):
            # By way of an integer of Python: NumPy's would lose bits where they do not fit.
            return self._native.type(int(as_number(data)))
        raise self._cannot_cast(data)

    def from_json_scalar(self, data: JSON, *, zarr_format: ZarrFormat) -> AnyScalar:
        number: object = data
        if isinstance(data, str):
            try:
                number = int(data)
            except ValueError:
                number = None
        if isinstance(number, int) or (isinstance(number, float) and number.is_integer()):
            return self._native.type(int(number))
        raise invalid_scalar(data, "an integer")

    def to_json_scalar(self, data: object, *, zarr_format: ZarrFormat) -> int:
        return int(self.cast_scalar(data))


class OrderedInt(HasEndianness, BaseInt):
    """Integers of several bytes."""


class BaseFloat(HasEndianness, Number):
    """Floating point numbers."""

    def _keeps(self, data: object, scalar: object) -> bool:
        return keeps_range(data, scalar)

    def _check_scalar(self, data: object) -> bool:
        return isinstance(data, (str, bytes)) or has_method(data, "__float__", "__index__")

    def cast_scalar(self, data: object) -> AnyScalar:
        if isinstance(data, np.generic) and data.dtype == self._native:
            # As it is: going by way of a Python float would change the bits of a NaN.
            return data
        if not self._check_scalar(data):
            raise self._cannot_cast(data)
        return np.asarray(self._float(data)).astype(self._native)[()]

    def _float(self, data: object) -> float:
        try:
            return float(as_number(data))
        except ValueError:
            if isinstance(data, str):
                raise self._cannot_cast(data) from None
            raise

    def from_json_scalar(self, data: JSON, *, zarr_format: ZarrFormat) -> AnyScalar:
        return float_from_json(data, self._native, zarr_format)

    def to_json_scalar(self, data: object, *, zarr_format: ZarrFormat) -> float | str:
        if zarr_format not in (2, 3):
            raise unknown_format(zarr_format)
        return float_to_json(self.cast_scalar(data), zarr_format)


def _part_to_json(part: AnyScalar, zarr_format: ZarrFormat) -> float | str:
    """Return the form of a part of a complex number.

    Products of infinities have NaNs for parts, and the processor chooses their sign: it is no
    value that somebody meant.
    """
    form = float_to_json(part, zarr_format)
    return "NaN" if form != "NaN" and float_to_json(-part, zarr_format) == "NaN" else form


class BaseComplex(HasEndianness, Number):
    """Complex numbers: a real and an imaginary part of half the size each."""

    @property
    def _part(self) -> TBaseDType:
        return np.dtype(f"f{self._native.itemsize // 2}")

    def _keeps(self, data: object, scalar: object) -> bool:
        return keeps_range(data, scalar)

    def _check_scalar(self, data: object) -> bool:
        if data is None or isinstance(data, (str, bytes)):
            return True
        return has_method(data, "__complex__", "__float__", "__index__")

    def cast_scalar(self, data: object) -> AnyScalar:
        if isinstance(data, np.generic) and data.dtype == self._native:
            return data
        if self._check_scalar(data):
            scalar = self._native.type(as_number(data))
            if isinstance(scalar, np.generic):
                return scalar
        raise self._cannot_cast(data)

    def from_json_scalar(self, data: JSON, *, zarr_format: ZarrFormat) -> AnyScalar:
        if isinstance(data, (list, tuple)) and len(data) == 2:
            part = self._part
            parts = [float_from_json(item, part, zarr_format, texts=False) for item in data]
            # Put together by their bytes: arithmetic would change the bits of a NaN.
            return np.array(parts, part).view(self._native)[0]
        raise invalid_scalar(data, "the two parts of a complex number")

    def to_json_scalar(
        self, data: object, *, zarr_format: ZarrFormat
    ) -> tuple[float | str, float | str]:
        parts = np.asarray(self.cast_scalar(data)).reshape(1).view(self._part)
        return _part_to_json(parts[0], zarr_format), _part_to_json(parts[1], zarr_format)


class Int8(BaseInt):
    """Integers from -128 to 127."""


class Int16(OrderedInt):
    """Signed integers of two bytes."""


class Int32(OrderedInt):
    """Signed integers of four bytes."""


class Int64(OrderedInt):
    """Signed integers of eight bytes."""


class UInt8(BaseInt):
    """Integers from 0 to 255."""


class UInt16(OrderedInt):
    """Unsigned integers of two bytes."""


class UInt32(OrderedInt):
    """Unsigned integers of four bytes."""


class UInt64(OrderedInt):
    """Unsigned integers of eight bytes."""


class Float16(BaseFloat):
    """Floating point numbers of half precision, IEEE 754 binary16."""


class Float32(BaseFloat):
    """Floating point numbers of single precision, IEEE 754 binary32."""


class Float64(BaseFloat):
    """Floating point numbers of double precision, IEEE 754 binary64."""


class Complex64(BaseComplex):
    """Complex numbers of two `Float32`."""

    _aliases = ("complex_float32",)


class Complex128(BaseComplex):
    """Complex numbers of two `Float64`."""

    _aliases = ("complex_float64",)


NUMBERS: dict[type[Number], str] = {
    Bool: "b1",
    Int8: "i1",
    Int16: "i2",
    Int32: "i4",
    Int64: "i8",
    UInt8: "u1",
    UInt16: "u2",
    UInt32: "u4",
    UInt64: "u8",
    Float16: "f2",
    Float32: "f4",
    Float64: "f8",
    Complex64: "c8",
    Complex128: "c16",
}
"""All of them, and what NumPy calls them; the names in Zarr v3 are those of the classes."""

_ORDER = """
    Parameters
    ----------
    endianness : {'little', 'big'}
        The order of the bytes of an element; that of the machine by default.
"""
_EXAMPLE = """
    Examples
    --------
    >>> import zarr
    >>> from zarr.dtype import NAME
    >>> zarr.create_array({}, shape=(2,), dtype=NAME()).dtype
    dtype('NUMPY')
"""

for _cls, _code in NUMBERS.items():
    if _cls.__doc__:  # there is none under `python -OO`
        _example = _EXAMPLE.replace("NAME", _cls.__name__).replace("NUMPY", _cls.__name__.lower())
        _order = _ORDER if issubclass(_cls, HasEndianness) else ""
        _cls.__doc__ = f"{_cls.__doc__}\n{_order}{_example}"
    _cls._code = _code
    _cls._native = np.dtype(_code)
    _cls._zarr_v3_name = _cls.__name__.lower()
    _cls.dtype_cls = type(_cls._native)
