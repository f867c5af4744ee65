"""The small numbers of machine learning, by way of the package ml_dtypes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from zarr.dtype.base import HasItemSize, ZDType
from zarr.dtype.floats import float_from_json, float_to_json
from zarr.errors import DataTypeValidationError

if TYPE_CHECKING:
    from zarr.types import JSON, DTypeJSON, ZarrFormat


@dataclass(frozen=True, kw_only=True)
class SmallNumber(ZDType[np.dtype[Any], np.generic], HasItemSize):
    """A number that NumPy does not have itself. Each takes a byte at least."""

    dtype_cls: ClassVar[type[np.dtype[Any]]] = np.dtype

    @classmethod
    def _native(cls) -> np.dtype[Any]:
        try:
            import ml_dtypes
        except ModuleNotFoundError:
            raise ModuleNotFoundError(
                f"The data type {cls._zarr_v3_name!r} needs the package ml_dtypes: "
                "pip install 'zarr[ml-dtypes]'"
            ) from None
        return np.dtype(getattr(ml_dtypes, cls._zarr_v3_name))

    @classmethod
    def _check_native_dtype(cls, dtype: np.dtype[Any]) -> bool:
        return dtype.name == cls._zarr_v3_name

    @classmethod
    def from_native_dtype(cls, dtype: np.dtype[Any]) -> Self:
        if not cls._check_native_dtype(dtype):
            raise DataTypeValidationError(
                f"Invalid data type: {dtype}. Expected {cls._zarr_v3_name}"
            )
        return cls()

    def to_native_dtype(self) -> np.dtype[Any]:
        return self._native()

    @property
    def item_size(self) -> int:
        """Bytes of an element."""
        return self._native().itemsize

    @classmethod
    def _from_json_v2(cls, data: DTypeJSON) -> Self:
        raise cls._invalid_json(data, "Zarr v3: Zarr v2 has no such data type")

    @classmethod
    def _from_json_v3(cls, data: DTypeJSON) -> Self:
        if data == cls._zarr_v3_name:
            return cls()
        raise cls._invalid_json(data, repr(cls._zarr_v3_name))

    def to_json(self, zarr_format: ZarrFormat) -> Any:
        if zarr_format == 2:
            raise ValueError(f"Zarr v2 has no data type {self._zarr_v3_name!r}.")
        return self._zarr_v3_name

    def default_scalar(self) -> Any:
        return self._native().type(self._default)

    _default: ClassVar[float] = 0

    def _check_scalar(self, data: object) -> bool:
        try:
            float(data)  # type: ignore[arg-type]
        except (TypeError, ValueError):
            return False
        return True


@dataclass(frozen=True, kw_only=True)
class SmallFloat(SmallNumber):
    """Floating point numbers of 4 to 16 bits."""

    def cast_scalar(self, data: object) -> Any:
        native = self._native()
        if isinstance(data, np.generic) and data.dtype == native:
            return data
        if not self._check_scalar(data):
            raise self._cannot_cast(data)
        return native.type(data)

    def from_json_scalar(self, data: JSON, *, zarr_format: ZarrFormat) -> Any:
        return float_from_json(data, self._native(), zarr_format)

    def to_json_scalar(self, data: object, *, zarr_format: ZarrFormat) -> float | str:
        return float_to_json(self.cast_scalar(data), zarr_format)


@dataclass(frozen=True, kw_only=True)
class SmallInt(SmallNumber):
    """Integers of 2 or 4 bits, one in each byte."""

    _least: ClassVar[int]
    _most: ClassVar[int]

    def cast_scalar(self, data: object) -> Any:
        if not self._check_scalar(data):
            raise self._cannot_cast(data)
        number = int(data)  # type: ignore[call-overload]
        if not self._least <= number <= self._most:
            raise OverflowError(f"Integer {number} out of bounds for {self._zarr_v3_name}")
        return self._native().type(number)

    def from_json_scalar(self, data: JSON, *, zarr_format: ZarrFormat) -> Any:
        if isinstance(data, int) or (isinstance(data, float) and data.is_integer()):
            return self.cast_scalar(data)
        raise TypeError(f"Invalid type: {data}. Expected an integer.")

    def to_json_scalar(self, data: object, *, zarr_format: ZarrFormat) -> int:
        return int(self.cast_scalar(data))


_FLOATS = {
    "BFloat16": "bfloat16",
    "Float8E3M4": "float8_e3m4",
    "Float8E4M3": "float8_e4m3",
    "Float8E4M3FN": "float8_e4m3fn",
    "Float8E4M3B11FNUZ": "float8_e4m3b11fnuz",
    "Float8E4M3FNUZ": "float8_e4m3fnuz",
    "Float8E5M2": "float8_e5m2",
    "Float8E5M2FNUZ": "float8_e5m2fnuz",
    "Float8E8M0FNU": "float8_e8m0fnu",
    "Float6E2M3FN": "float6_e2m3fn",
    "Float6E3M2FN": "float6_e3m2fn",
    "Float4E2M1FN": "float4_e2m1fn",
}
_INTS = {"Int2": (-2, 1), "Int4": (-8, 7), "UInt2": (0, 3), "UInt4": (0, 15)}


def _made(name: str, base: type[SmallNumber], v3_name: str, **constants: Any) -> type[SmallNumber]:
    body = {"__module__": __name__, "__doc__": f"Numbers of the type {v3_name}."}
    cls = dataclass(frozen=True, kw_only=True)(type(name, (base,), body))
    cls._zarr_v3_name = v3_name
    for key, value in constants.items():
        setattr(cls, key, value)
    return cls


SMALL: dict[str, type[SmallNumber]] = {
    **{name: _made(name, SmallFloat, v3_name) for name, v3_name in _FLOATS.items()},
    **{
        name: _made(name, SmallInt, name.lower(), _least=least, _most=most)
        for name, (least, most) in _INTS.items()
    },
}
# This one has no zero and no sign, only powers of two.
SMALL["Float8E8M0FNU"]._default = 1
# As attributes of the module, so that instances can be pickled.
globals().update(SMALL)
