"""Points in time and spans of time, as NumPy counts them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self, TypeAlias, cast, get_args

import numpy as np

from zarr.dtype.base import (
    ORDER_CHAR,
    HasEndianness,
    HasItemSize,
    ZDType,
    endianness_of,
    v2_form,
    v2_name,
    v3_configuration,
)

if TYPE_CHECKING:
    from zarr.types import JSON, DTypeJSON, ZarrFormat

DateTimeUnit: TypeAlias = Literal[
    "Y", "M", "W", "D", "h", "m", "s", "ms", "us", "μs", "ns", "ps", "fs", "as", "generic"
]
DATETIME_UNIT: tuple[str, ...] = get_args(DateTimeUnit)
NAT = -(2**63)


@dataclass(frozen=True, kw_only=True, slots=False)
class TimeDTypeBase(ZDType[np.dtype[Any], np.generic], HasEndianness, HasItemSize):
    """A 64-bit count of units; the least of them stands for not-a-time."""

    scale_factor: int = 1
    unit: DateTimeUnit = "generic"

    _char: ClassVar[str]

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.scale_factor < 1:
            raise ValueError(f"scale_factor must be > 0, got {self.scale_factor}.")
        if self.scale_factor >= 2**31:
            raise ValueError(f"scale_factor must be < 2147483648, got {self.scale_factor}.")
        if self.unit not in DATETIME_UNIT:
            raise ValueError(f"unit must be one of {DATETIME_UNIT}, got {self.unit!r}.")

    @classmethod
    def from_native_dtype(cls, dtype: np.dtype[Any]) -> Self:
        if not cls._check_native_dtype(dtype):
            raise cls._invalid_native(dtype)
        unit, scale_factor = np.datetime_data(dtype)
        return cls(
            unit=cast("DateTimeUnit", unit),
            scale_factor=scale_factor,
            endianness=endianness_of(dtype),
        )

    @property
    def _code(self) -> str:
        name = f"{ORDER_CHAR[self.endianness]}{self._char}8"
        if self.unit == "generic":
            return name
        return f"{name}[{self.scale_factor if self.scale_factor > 1 else ''}{self.unit}]"

    def to_native_dtype(self) -> np.dtype[Any]:
        return np.dtype(self._code)

    @property
    def item_size(self) -> int:
        """Bytes of an element."""
        return 8

    @classmethod
    def _from_json_v2(cls, data: DTypeJSON) -> Self:
        name = v2_name(data)
        if isinstance(name, str) and name[:1] in ("<", ">") and name[1:3] == f"{cls._char}8":
            try:
                return cls.from_native_dtype(np.dtype(name))
            except TypeError:
                pass
        raise cls._invalid_json(data, f"a code such as '<{cls._char}8[ns]'")

    @classmethod
    def _from_json_v3(cls, data: DTypeJSON) -> Self:
        configuration = v3_configuration(data, cls._zarr_v3_name)
        if configuration is not None and configuration.keys() == {"unit", "scale_factor"}:
            unit, scale_factor = configuration["unit"], configuration["scale_factor"]
            if unit in DATETIME_UNIT and type(scale_factor) is int:
                return cls(unit=unit, scale_factor=scale_factor)
        raise cls._invalid_json(
            data,
            f"a dict with the name {cls._zarr_v3_name!r} and a configuration of unit and "
            "scale_factor",
        )

    def to_json(self, zarr_format: ZarrFormat) -> Any:
        if zarr_format == 2:
            return v2_form(self._code)
        return {
            "name": self._zarr_v3_name,
            "configuration": {"unit": self.unit, "scale_factor": self.scale_factor},
        }

    def _scalar(self, data: object) -> Any:
        dtype = self.to_native_dtype()
        return np.array(data, dtype.newbyteorder("="))[()]

    def _check_scalar(self, data: object) -> bool:
        return data is None or isinstance(
            data, (str, int, bytes, np.integer, np.datetime64, np.timedelta64)
        )

    def cast_scalar(self, data: object) -> Any:
        if not self._check_scalar(data):
            from datetime import date, timedelta

            if not isinstance(data, (date, timedelta)):
                raise self._cannot_cast(data)
        return self._scalar(data)

    def default_scalar(self) -> Any:
        return self._scalar("NaT")

    def from_json_scalar(self, data: JSON, *, zarr_format: ZarrFormat) -> Any:
        if isinstance(data, bool) or not isinstance(data, (int, str)):
            raise TypeError(f"Invalid type: {data}. Expected an integer.")
        if isinstance(data, int):
            return np.int64(data).view(self.to_native_dtype().newbyteorder("="))
        return self._scalar(data)

    def to_json_scalar(self, data: object, *, zarr_format: ZarrFormat) -> int:
        return int(self.cast_scalar(data).view(np.int64))


@dataclass(frozen=True, kw_only=True, slots=False)
class DateTime64(TimeDTypeBase):
    """Points in time since the beginning of 1970."""

    dtype_cls = type(np.dtype("M8"))
    _zarr_v3_name = "numpy.datetime64"
    _char = "M"


@dataclass(frozen=True, kw_only=True, slots=False)
class TimeDelta64(TimeDTypeBase):
    """Spans of time."""

    dtype_cls = type(np.dtype("m8"))
    _zarr_v3_name = "numpy.timedelta64"
    _char = "m"
