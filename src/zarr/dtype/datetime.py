"""Points in time and spans of time, as NumPy counts them."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, ClassVar, Literal, Self, TypeAlias, cast, get_args

import numpy as np

from zarr.dtype.base import (
    ORDER_CHAR,
    HasEndianness,
    HasItemSize,
    OwnDType,
    TBaseDType,
    endianness_of,
    frozen,
    invalid_scalar,
    v2_form,
    v2_name,
    v3_configuration,
)

if TYPE_CHECKING:
    from zarr.types import JSON, AnyScalar, DTypeJSON, ZarrFormat

DateTimeUnit: TypeAlias = Literal[
    "Y", "M", "W", "D", "h", "m", "s", "ms", "us", "μs", "ns", "ps", "fs", "as", "generic"
]
DATETIME_UNIT: tuple[str, ...] = get_args(DateTimeUnit)
_NAT = np.int64(-(2**63))


@frozen
class TimeDTypeBase(OwnDType[TBaseDType, np.generic], HasEndianness, HasItemSize):
    """A 64-bit count of units; the least of them stands for not-a-time."""

    scale_factor: int = 1
    unit: DateTimeUnit = "generic"

    _char: ClassVar[str]
    _scalar_cls: ClassVar[type[np.generic]]
    _python_cls: ClassVar[type]
    """The class of the standard library whose objects stand for such a scalar."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.scale_factor < 1:
            raise ValueError(f"scale_factor must be > 0, got {self.scale_factor}.")
        if self.scale_factor >= 2**31:
            raise ValueError(f"scale_factor must be < 2147483648, got {self.scale_factor}.")
        if self.unit not in DATETIME_UNIT:
            raise ValueError(f"unit must be one of {DATETIME_UNIT}, got {self.unit!r}.")
        if self.unit == "μs":
            object.__setattr__(self, "unit", "us")

    @classmethod
    def _of_native(cls, dtype: TBaseDType) -> Self:
        unit, scale_factor = np.datetime_data(dtype)
        return cls(
            unit=cast("DateTimeUnit", unit),
            scale_factor=scale_factor,
            endianness=endianness_of(dtype),
        )

    def to_native_dtype(self) -> TBaseDType:
        return np.dtype(f"{ORDER_CHAR[self.endianness]}{self._char}8{self._unit_text}")

    @property
    def _unit_text(self) -> str:
        if self.unit == "generic" and self.scale_factor == 1:
            return ""
        return f"[{self.scale_factor if self.scale_factor > 1 else ''}{self.unit}]"

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
            except (TypeError, ValueError):
                pass
        raise cls._invalid_json(data, f"a code such as '<{cls._char}8[ns]'")

    @classmethod
    def _from_json_v3(cls, data: DTypeJSON) -> Self:
        configuration = v3_configuration(data, cls._zarr_v3_name)
        if configuration is None or configuration.keys() != {"unit", "scale_factor"}:
            raise cls._invalid_json(
                data,
                f"the name {cls._zarr_v3_name!r} and a configuration of unit and scale_factor",
            )
        unit, scale_factor = configuration["unit"], configuration["scale_factor"]
        if not isinstance(unit, str) or not isinstance(scale_factor, int):
            raise cls._invalid_json(
                data, "a unit that is a string, a scale_factor that is a number"
            )
        return cls(unit=cast("DateTimeUnit", unit), scale_factor=scale_factor)

    def _json_v2(self) -> dict[str, object]:
        return v2_form(f"{ORDER_CHAR[self.endianness]}{self._char}8{self._unit_text}")

    def _configuration(self) -> dict[str, object]:
        return {"unit": self.unit, "scale_factor": self.scale_factor}

    @property
    def _native(self) -> TBaseDType:
        return self.to_native_dtype().newbyteorder("=")

    def _check_scalar(self, data: object) -> bool:
        if isinstance(data, (np.datetime64, np.timedelta64)):
            return isinstance(data, self._scalar_cls)
        if data is None or isinstance(data, (str, bytes, int, np.integer)):
            return True
        return isinstance(data, self._python_cls)

    def cast_scalar(self, data: object) -> AnyScalar:
        if not self._check_scalar(data):
            raise self._cannot_cast(data)
        if isinstance(data, (int, np.integer)) and not isinstance(data, np.timedelta64):
            return np.int64(int(data)).view(self._native)
        if self.unit == "generic":
            return self._without_unit(data)
        return np.asarray(data, self._native)[()]

    def _without_unit(self, data: object) -> object:
        """Make a scalar that counts nothing in particular: NumPy would take the unit of `data`."""
        if isinstance(data, bytes):
            data = data.decode("ascii", "replace")
        if data is None or (isinstance(data, str) and data.lower() in ("", "nat")):
            return self.default_scalar()
        if isinstance(data, str) and self._char == "m":
            # Digits, which are the same count of any unit.
            return np.asarray(data, "m8[s]").view(np.int64)[()].view(self._native)
        if isinstance(data, str):
            raise ValueError(f"{data!r} has a unit, which the data type {self} has not.")
        if isinstance(data, self._scalar_cls):
            scalar: AnyScalar = data
            if np.isnat(scalar) or np.datetime_data(scalar.dtype)[0] == "generic":
                return scalar.view(np.int64).view(self._native)
        raise self._cannot_cast(data)

    def _keeps(self, data: AnyScalar, scalar: AnyScalar) -> bool:
        is_count = isinstance(data, (int, np.integer)) and not isinstance(data, np.timedelta64)
        text = data.decode() if isinstance(data, bytes) else data
        is_text = isinstance(text, str)
        if text is None or is_count or (is_text and isinstance(scalar, np.timedelta64)):
            return True
        if is_text and text.lower() in ("", "nat"):
            return bool(np.isnat(scalar))
        given = type(scalar)(text)
        if np.isnat(given) or np.isnat(scalar):
            return bool(np.isnat(given) and np.isnat(scalar))
        return bool(scalar.astype(given.dtype) == given)

    def default_scalar(self) -> AnyScalar:
        return _NAT.view(self._native)

    def from_json_scalar(self, data: JSON, *, zarr_format: ZarrFormat) -> AnyScalar:
        if data == "NaT":
            return self.default_scalar()
        if isinstance(data, int):
            return np.int64(data).view(self._native)
        raise invalid_scalar(data, "an integer")

    def to_json_scalar(self, data: object, *, zarr_format: ZarrFormat) -> int:
        return int(self.cast_scalar(data).view(np.int64))


class DateTime64(TimeDTypeBase):
    """Points in time, counted from the beginning of 1970.

    Parameters
    ----------
    endianness : {'little', 'big'}
        The order of the bytes of an element; that of the machine by default.
    scale_factor : int
        How many units one step has.
    unit : str
        The unit, such as ``"s"``; ``"generic"`` is none.

    Examples
    --------
    >>> import zarr
    >>> from zarr.dtype import DateTime64
    >>> array = zarr.create_array({}, shape=(2,), dtype=DateTime64(unit="D"))
    >>> array[:] = ["2024-02-29", "NaT"]
    >>> array[:]
    array(['2024-02-29',        'NaT'], dtype='datetime64[D]')
    """

    dtype_cls = type(np.dtype("M8"))
    _zarr_v3_name = "numpy.datetime64"
    _char = "M"
    _scalar_cls = np.datetime64
    _python_cls = date


class TimeDelta64(TimeDTypeBase):
    """Spans of time.

    Parameters
    ----------
    endianness : {'little', 'big'}
        The order of the bytes of an element; that of the machine by default.
    scale_factor : int
        How many units one step has.
    unit : str
        The unit, such as ``"s"``; ``"generic"`` is none.

    Examples
    --------
    >>> import zarr
    >>> from zarr.dtype import TimeDelta64
    >>> array = zarr.create_array({}, shape=(2,), dtype=TimeDelta64(unit="s", scale_factor=10))
    >>> array[:].dtype
    dtype('<m8[10s]')
    """

    dtype_cls = type(np.dtype("m8"))
    _zarr_v3_name = "numpy.timedelta64"
    _char = "m"
    _scalar_cls = np.timedelta64
    _python_cls = timedelta
