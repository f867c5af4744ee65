"""Numbers for machine learning, which NumPy knows by way of the package ml_dtypes."""

from __future__ import annotations

from math import isnan
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from zarr.dtype.base import AnyDType, HasItemSize, OwnDType, TBaseDType, invalid_scalar
from zarr.dtype.numeric import (
    Float16,
    as_number,
    float_from_json,
    float_to_json,
    has_method,
    keeps_integer,
    keeps_range,
)
from zarr.dtype.storage import without_unused_bits

if TYPE_CHECKING:
    from types import ModuleType

    from zarr.types import JSON, AnyScalar, ZarrFormat


def _ml_dtypes() -> ModuleType:
    try:
        import ml_dtypes
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "Data types such as bfloat16 and int4 need the package ml_dtypes: "
            "pip install 'zarr[ml-dtypes]'"
        ) from error
    return ml_dtypes


class SmallDType(OwnDType[TBaseDType, np.generic], HasItemSize):
    """A data type for Zarr v3 only, without a byte order, that ml_dtypes has."""

    # Whatever the package makes is of a class of its own.
    dtype_cls: ClassVar[type[TBaseDType]] = np.dtype

    @classmethod
    def _check_native_dtype(cls, dtype: TBaseDType) -> bool:
        is_added = isinstance(dtype, np.dtype) and dtype.isbuiltin == 2
        return is_added and bool(dtype.name == cls._zarr_v3_name)

    def to_native_dtype(self) -> TBaseDType:
        native: TBaseDType = np.dtype(getattr(_ml_dtypes(), self._zarr_v3_name))
        return native

    @property
    def item_size(self) -> int:
        """Bytes of an element."""
        return self.to_native_dtype().itemsize


class SmallNumber(SmallDType):
    """A number of 2 to 16 bits, in one or two bytes."""

    _bits: ClassVar[int]

    def _check_scalar(self, data: object) -> bool:
        return isinstance(data, (str, bytes)) or has_method(data, "__float__", "__index__")


class SmallFloat(SmallNumber):
    """Floating point numbers of 4 to 16 bits."""

    _default: ClassVar[float] = 0
    _special: ClassVar[str]
    """The values besides numbers: "inf", "nan"."""

    def _keeps(self, data: object, scalar: object) -> bool:
        return keeps_range(data, scalar)

    def cast_scalar(self, data: object) -> AnyScalar:
        native = self.to_native_dtype()
        if isinstance(data, np.generic) and data.dtype == native:
            # ml_dtypes takes bits that the type does not use for a part of the number.
            return data if self._bits >= 8 else without_unused_bits(np.asarray(data))[()]
        if not self._check_scalar(data):
            raise self._cannot_cast(data)
        # Never by way of the scalar type itself: that of ml_dtypes crashes on strings.
        return self._fitting(float(as_number(data)), native)

    def _fitting(self, number: float, native: TBaseDType) -> AnyScalar:
        scalar = np.asarray(number).astype(native)[()]
        if isnan(number):
            if "nan" not in self._special:
                raise ValueError(f"There is no NaN of the data type {self._zarr_v3_name!r}.")
        elif "inf" not in self._special and (
            isnan(scalar) or abs(number) > float(_ml_dtypes().finfo(native).max)
        ):
            raise OverflowError(f"{number} is out of range of {self._zarr_v3_name!r}.")
        return scalar

    def default_scalar(self) -> AnyScalar:
        return self.cast_scalar(self._default)

    def from_json_scalar(self, data: JSON, *, zarr_format: ZarrFormat) -> AnyScalar:
        native = self.to_native_dtype()
        if isinstance(data, str) and data.startswith("0x"):
            scalar = float_from_json(data, native, zarr_format)
            if int(data, 16) >> self._bits or len(data) != 2 + 2 * native.itemsize:
                raise ValueError(f"Invalid bits of {self._zarr_v3_name!r}: {data}.")
            return scalar
        return self._fitting(float(float_from_json(data, np.dtype("f8"), zarr_format)), native)

    def to_json_scalar(self, data: object, *, zarr_format: ZarrFormat) -> float | str:
        return float_to_json(self.cast_scalar(data), zarr_format)


class SmallInt(SmallNumber):
    """Integers of 2 or 4 bits, one in each byte."""

    _is_signed: ClassVar[bool]

    def _keeps(self, data: object, scalar: object) -> bool:
        return keeps_integer(data, scalar)

    def cast_scalar(self, data: object) -> AnyScalar:
        if not self._check_scalar(data):
            raise self._cannot_cast(data)
        number = int(as_number(data))
        least = -(1 << self._bits - 1) if self._is_signed else 0
        if not least <= number < least + (1 << self._bits):
            raise OverflowError(f"Integer {number} out of bounds for {self._zarr_v3_name}")
        return np.asarray(number).astype(self.to_native_dtype())[()]

    def default_scalar(self) -> AnyScalar:
        return self.cast_scalar(0)

    def from_json_scalar(self, data: JSON, *, zarr_format: ZarrFormat) -> AnyScalar:
        if isinstance(data, int) or (isinstance(data, float) and data.is_integer()):
            return self.cast_scalar(data)
        raise invalid_scalar(data, "an integer")

    def to_json_scalar(self, data: object, *, zarr_format: ZarrFormat) -> int:
        return int(self.cast_scalar(data))


class SmallComplex(SmallDType):
    """Complex numbers of two small floating point numbers.

    NumPy has no such numbers: elements are records of two fields, ``re`` and ``im``. The type is
    chosen by name; that of NumPy stands for a record.
    """

    _part: ClassVar[AnyDType]

    @classmethod
    def _check_native_dtype(cls, dtype: TBaseDType) -> bool:
        return False

    def to_native_dtype(self) -> TBaseDType:
        part = self._part.to_native_dtype()
        return np.dtype([("re", part), ("im", part)])

    def _check_scalar(self, data: object) -> bool:
        if isinstance(data, (list, tuple)):
            return len(data) == 2
        if isinstance(data, np.void):
            return data.dtype.names == ("re", "im")
        return isinstance(data, str) or has_method(data, "__complex__", "__float__", "__index__")

    def cast_scalar(self, data: AnyScalar) -> AnyScalar:
        if not self._check_scalar(data):
            raise self._cannot_cast(data)
        if isinstance(data, (list, tuple)):
            re, im = data
        elif isinstance(data, np.void):
            re, im = data["re"], data["im"]
        else:
            number = complex(data)
            re, im = number.real, number.imag
        return self._joined(self._part.cast_scalar(re), self._part.cast_scalar(im))

    def _joined(self, re: object, im: object) -> object:
        element = np.zeros(1, self.to_native_dtype())
        element["re"], element["im"] = re, im
        return element[0]

    def default_scalar(self) -> AnyScalar:
        part = self._part.default_scalar()
        return self._joined(part, part)

    def from_json_scalar(self, data: JSON, *, zarr_format: ZarrFormat) -> AnyScalar:
        if isinstance(data, (list, tuple)) and len(data) == 2:
            read = self._part.from_json_scalar
            return self._joined(*(read(item, zarr_format=zarr_format) for item in data))
        raise invalid_scalar(data, "the two parts of a complex number")

    def to_json_scalar(self, data: object, *, zarr_format: ZarrFormat) -> tuple[JSON, JSON]:
        scalar = self.cast_scalar(data)
        write = self._part.to_json_scalar
        return (
            write(scalar["re"], zarr_format=zarr_format),
            write(scalar["im"], zarr_format=zarr_format),
        )


# The one table of them: class, name in Zarr and in ml_dtypes, bits, special values.
_FLOATS = (
    ("BFloat16", "bfloat16", 16, "inf nan"),
    ("Float8E3M4", "float8_e3m4", 8, "inf nan"),
    ("Float8E4M3", "float8_e4m3", 8, "inf nan"),
    ("Float8E4M3B11FNUZ", "float8_e4m3b11fnuz", 8, "nan"),
    ("Float8E4M3FN", "float8_e4m3fn", 8, "nan"),
    ("Float8E4M3FNUZ", "float8_e4m3fnuz", 8, "nan"),
    ("Float8E5M2", "float8_e5m2", 8, "inf nan"),
    ("Float8E5M2FNUZ", "float8_e5m2fnuz", 8, "nan"),
    ("Float8E8M0FNU", "float8_e8m0fnu", 8, "nan"),
    ("Float6E2M3FN", "float6_e2m3fn", 6, ""),
    ("Float6E3M2FN", "float6_e3m2fn", 6, ""),
    ("Float4E2M1FN", "float4_e2m1fn", 4, ""),
)
_INTS = (("Int2", 2, True), ("Int4", 4, True), ("UInt2", 2, False), ("UInt4", 4, False))


def _made(name: str, base: type[SmallDType], v3_name: str, **constants: object) -> type[SmallDType]:
    return type(
        name,
        (base,),
        {
            "__module__": __name__,
            "__doc__": f"The data type ``{v3_name}`` of the extensions of Zarr v3.",
            "_zarr_v3_name": v3_name,
            **constants,
        },
    )


SMALL: dict[str, type[SmallDType]] = {}
for _name, _v3_name, _bits, _special in _FLOATS:
    SMALL[_name] = _made(_name, SmallFloat, _v3_name, _bits=_bits, _special=_special)
for _name, _bits, _is_signed in _INTS:
    SMALL[_name] = _made(_name, SmallInt, _name.lower(), _bits=_bits, _is_signed=_is_signed)
# This one has no zero and no sign, only powers of two.
SMALL["Float8E8M0FNU"]._default = 1  # type: ignore[attr-defined]
for _part in (Float16(), *(SMALL[_name]() for _name, *_ in _FLOATS)):
    _name = f"Complex{type(_part).__name__}"
    SMALL[_name] = _made(_name, SmallComplex, f"complex_{_part._zarr_v3_name}", _part=_part)
# As attributes of the module, so that instances can be pickled.
globals().update(SMALL)
