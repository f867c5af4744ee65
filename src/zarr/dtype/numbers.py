"""Booleans, integers, floating point and complex numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from zarr.dtype.base import (
    ORDER_CHAR,
    HasEndianness,
    HasItemSize,
    ZDType,
    endianness_of,
    v2_form,
    v2_name,
)
from zarr.dtype.floats import float_from_json, float_to_json

if TYPE_CHECKING:
    from zarr.types import JSON, DTypeJSON, ZarrFormat


@dataclass(frozen=True, kw_only=True)
class Number(ZDType[np.dtype[Any], np.generic], HasItemSize):
    """A data type that is named by its v3 name, or by one code of NumPy for each byte order."""

    _code: ClassVar[str]
    """Kind and size, such as ``f4``."""
    _native: ClassVar[np.dtype[Any]]

    @property
    def _order(self) -> str:
        if self._native.itemsize == 1:
            return "|"
        return ORDER_CHAR[getattr(self, "endianness", "little")]

    @classmethod
    def _of(cls, order: str) -> Self:
        if issubclass(cls, HasEndianness):
            return cls(endianness="big" if order == ">" else "little")  # type: ignore[return-value]
        return cls()

    @classmethod
    def from_native_dtype(cls, dtype: np.dtype[Any]) -> Self:
        if not cls._check_native_dtype(dtype):
            raise cls._invalid_native(dtype)
        return cls._of(ORDER_CHAR[endianness_of(dtype)])

    def to_native_dtype(self) -> np.dtype[Any]:
        if self._order == "|" or self._native.str[0] == self._order:
            return self._native
        return self._native.newbyteorder(self._order)

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

    @classmethod
    def _from_json_v3(cls, data: DTypeJSON) -> Self:
        if data == cls._zarr_v3_name:
            return cls()
        raise cls._invalid_json(data, repr(cls._zarr_v3_name))

    def to_json(self, zarr_format: ZarrFormat) -> Any:
        if zarr_format == 2:
            return v2_form(self._order + self._code)
        return self._zarr_v3_name

    def default_scalar(self) -> Any:
        return self._native.type(0)


@dataclass(frozen=True, kw_only=True)
class Bool(Number):
    """True or false, one byte each."""

    def _check_scalar(self, data: object) -> bool:
        return True

    def cast_scalar(self, data: object) -> Any:
        return np.bool_(data)

    def from_json_scalar(self, data: JSON, *, zarr_format: ZarrFormat) -> Any:
        return np.bool_(data)

    def to_json_scalar(self, data: object, *, zarr_format: ZarrFormat) -> bool:
        return bool(data)


@dataclass(frozen=True, kw_only=True)
class BaseInt(Number):
    """Integers."""

    def _check_scalar(self, data: object) -> bool:
        return isinstance(data, (int, float, str, np.number, np.bool_))

    def cast_scalar(self, data: object) -> Any:
        if self._check_scalar(data):
            return self._native.type(data)
        raise self._cannot_cast(data)

    def from_json_scalar(self, data: JSON, *, zarr_format: ZarrFormat) -> Any:
        number: object = data
        if isinstance(data, str):
            try:
                number = int(data)
            except ValueError:
                number = None
        if isinstance(number, int) or (isinstance(number, float) and number.is_integer()):
            return self._native.type(int(number))
        raise TypeError(f"Invalid type: {data}. Expected an integer.")

    def to_json_scalar(self, data: object, *, zarr_format: ZarrFormat) -> int:
        return int(self.cast_scalar(data))


@dataclass(frozen=True, kw_only=True)
class BaseFloat(Number, HasEndianness):
    """Floating point numbers."""

    def _check_scalar(self, data: object) -> bool:
        try:
            float(data)  # type: ignore[arg-type]
        except (TypeError, ValueError):
            return False
        return True

    def cast_scalar(self, data: object) -> Any:
        if isinstance(data, np.generic) and data.dtype == self._native:
            # As it is: going by way of a Python float would change the bits of a NaN.
            return data
        if not self._check_scalar(data):
            raise self._cannot_cast(data)
        return np.asarray(float(data)).astype(self._native)[()]  # type: ignore[arg-type]

    def from_json_scalar(self, data: JSON, *, zarr_format: ZarrFormat) -> Any:
        return float_from_json(data, self._native, zarr_format)

    def to_json_scalar(self, data: object, *, zarr_format: ZarrFormat) -> float | str:
        return float_to_json(self.cast_scalar(data), zarr_format)


@dataclass(frozen=True, kw_only=True)
class BaseComplex(Number, HasEndianness):
    """Complex numbers: a real and an imaginary part of half the size each."""

    @property
    def _part(self) -> np.dtype[Any]:
        return np.dtype(f"f{self._native.itemsize // 2}")

    def _check_scalar(self, data: object) -> bool:
        return data is None or isinstance(data, (int, float, complex, str, np.number, np.bool_))

    def cast_scalar(self, data: object) -> Any:
        if isinstance(data, np.generic) and data.dtype == self._native:
            return data
        if self._check_scalar(data):
            return self._native.type(data)
        raise self._cannot_cast(data)

    def from_json_scalar(self, data: JSON, *, zarr_format: ZarrFormat) -> Any:
        if isinstance(data, (list, tuple)) and len(data) == 2:
            parts = [float_from_json(part, self._part, zarr_format) for part in data]
            # Put together by their bytes: arithmetic would change the bits of a NaN.
            return np.array(parts, self._part).view(self._native)[0]
        raise TypeError(
            f"Invalid type: {data}. Expected a float or a special string encoding of a float."
        )

    def to_json_scalar(
        self, data: object, *, zarr_format: ZarrFormat
    ) -> tuple[float | str, float | str]:
        parts = np.asarray(self.cast_scalar(data)).reshape(1).view(self._part)
        return float_to_json(parts[0], zarr_format), float_to_json(parts[1], zarr_format)


# The one table of numbers: class name, v3 name and code of NumPy, base.
_TABLE: tuple[tuple[str, str, type[Number]], ...] = (
    *((f"Int{8 * n}", f"i{n}", BaseInt) for n in (1, 2, 4, 8)),
    *((f"UInt{8 * n}", f"u{n}", BaseInt) for n in (1, 2, 4, 8)),
    *((f"Float{8 * n}", f"f{n}", BaseFloat) for n in (2, 4, 8)),
    *((f"Complex{8 * n}", f"c{n}", BaseComplex) for n in (8, 16)),
)


def _described(cls: type[Number], code: str) -> type[Number]:
    native = np.dtype(code)
    cls._native = native
    cls._code = code
    cls._zarr_v3_name = cls.__name__.lower()
    cls.dtype_cls = type(native)
    return cls


def _made(name: str, code: str, base: type[Number]) -> type[Number]:
    bases: tuple[type, ...] = (base,)
    if base is BaseInt and np.dtype(code).itemsize > 1:
        bases = (base, HasEndianness)
    body = {"__module__": __name__, "__doc__": f"{base.__doc__} Of {8 * np.dtype(code).itemsize} bits."}
    return _described(dataclass(frozen=True, kw_only=True)(type(name, bases, body)), code)


NUMBERS: dict[str, type[Number]] = {"Bool": _described(Bool, "?")}
Bool._code = "b1"
NUMBERS |= {name: _made(name, code, base) for name, code, base in _TABLE}

if TYPE_CHECKING:

    class Int8(BaseInt): ...

    class Int16(BaseInt, HasEndianness): ...

    class Int32(BaseInt, HasEndianness): ...

    class Int64(BaseInt, HasEndianness): ...

    class UInt8(BaseInt): ...

    class UInt16(BaseInt, HasEndianness): ...

    class UInt32(BaseInt, HasEndianness): ...

    class UInt64(BaseInt, HasEndianness): ...

    class Float16(BaseFloat): ...

    class Float32(BaseFloat): ...

    class Float64(BaseFloat): ...

    class Complex64(BaseComplex): ...

    class Complex128(BaseComplex): ...

else:
    # As attributes of the module, so that instances can be pickled.
    globals().update(NUMBERS)
