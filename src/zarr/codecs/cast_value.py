"""The codec ``cast_value``: numbers as numbers of another type."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias, cast

import numpy as np

from zarr.abc.codec import ArrayArrayCodec
from zarr.codecs.base import DeclaredCodec
from zarr.codecs.configuration import choice_field, is_number_type, item_size, named, number
from zarr.dtype import data_type_registry, parse_dtype

if TYPE_CHECKING:
    import numpy.typing as npt

    from zarr.abc.buffer import NDBuffer
    from zarr.codecs.base import AnyDType, Array
    from zarr.metadata.spec import ArraySpec
    from zarr.types import JSON, NumpyDType

    Mask = npt.NDArray[np.bool_]
    NumberType = NumpyDType

__all__ = ["CastValue", "OutOfRangeMode", "RoundingMode"]

RoundingMode: TypeAlias = Literal[
    "nearest-even", "towards-zero", "towards-positive", "towards-negative", "nearest-away"
]
"""Which of the two neighbours stands for a number between them."""

OutOfRangeMode: TypeAlias = Literal["clamp", "wrap"]
"""How numbers beyond the range are stored: as its end, or modulo its length."""

ROUNDING_MODES: Final = (
    "nearest-even",
    "towards-zero",
    "towards-positive",
    "towards-negative",
    "nearest-away",
)
OUT_OF_RANGE_MODES: Final = ("clamp", "wrap")


def cast_elements(
    array: Array,
    dtype: NumberType,
    rounding: RoundingMode,
    out_of_range: OutOfRangeMode | None,
    replacements: list[tuple[object, object]],
) -> Array:
    """The elements of an array as elements of another type.

    Parameters
    ----------
    array
        Integers or floating point numbers.
    dtype
        The type to cast to, of the same kinds.
    rounding, out_of_range
        See `RoundingMode` and `OutOfRangeMode`; None makes what does not fit an error.
    replacements
        Pairs of scalars, of the first and of the second type: what is equal to the first becomes
        the second. A NaN is equal to every NaN. Later pairs win.
    """
    # NumPy turns arrays without dimensions into scalars on the way.
    values = np.atleast_1d(array.astype(array.dtype.newbyteorder("="), copy=False))
    target = dtype.newbyteorder("=")
    places: list[tuple[Mask, object]] = []
    for old, new in replacements:
        mask = np.isnan(values) if np.isnan(old) else values == old
        if mask.any():
            places.append((mask, new))
    if places:
        # Values that are replaced anyway must not be found out of range.
        values = values.copy()
        for mask, _ in places:
            values[mask] = 0
    if target.kind == "f":
        result = _to_float(values, target, rounding, out_of_range)
    elif values.dtype.kind == "f":
        result = _float_to_int(values, target, rounding, out_of_range)
    else:
        result = _int_to_int(values, target, out_of_range)
    for mask, new in places:
        result[mask] = new
    return result.astype(dtype, copy=False).reshape(array.shape)


def _refuse(values: Array, outside: Mask, low: object, high: object, remedy: str) -> None:
    raise ValueError(f"Value {values[outside].flat[0]} out of range [{low}, {high}]. Set {remedy}.")


_REMEDY_INT = "out_of_range='clamp' or out_of_range='wrap' to handle this"
_REMEDY_FLOAT = "out_of_range='clamp' to map it to ±Infinity"


def _int_to_int(values: Array, target: NumberType, out_of_range: OutOfRangeMode | None) -> Array:
    own, limits = np.iinfo(values.dtype), np.iinfo(target)
    if own.min >= limits.min and own.max <= limits.max:
        return values.astype(target)
    low, high = max(own.min, limits.min), min(own.max, limits.max)
    if out_of_range == "clamp":
        return values.clip(low, high).astype(target)
    if out_of_range is None:
        outside = (values < low) | (values > high)
        if outside.any():
            _refuse(values, outside, limits.min, limits.max, _REMEDY_INT)
    return values.astype(target)  # which is modular between integers


def _float_to_int(
    values: Array,
    target: NumberType,
    rounding: RoundingMode,
    out_of_range: OutOfRangeMode | None,
) -> Array:
    limits = np.iinfo(target)
    rounded = _to_integral(values.astype(np.float64, copy=False), rounding)
    # The end of the range is one below a power of two: that power is exact in floating point.
    low, high = float(limits.min), float(limits.max + 1)
    # NaN is in no range, and makes the extremes NaN.
    if not rounded.size or (rounded.min() >= low and rounded.max() < high):
        return rounded.astype(target)
    if np.isnan(rounded).any() or (out_of_range != "clamp" and not np.isfinite(rounded).all()):
        found = values[~np.isfinite(values)].flat[0]
        name = "NaN" if np.isnan(found) else str(found)
        raise ValueError(f"Cannot cast {name} to integer type without scalar_map")
    if out_of_range == "wrap":
        return _modular(rounded, target)
    below, above = rounded < low, rounded >= high
    if out_of_range is None:
        _refuse(values, below | above, limits.min, limits.max, _REMEDY_INT)
    result = np.where(below | above, 0.0, rounded).astype(target)
    result[below], result[above] = limits.min, limits.max
    return result


def _modular(integral: npt.NDArray[np.float64], target: NumberType) -> Array:
    # fmod is exact, and what it leaves fits 64 bits.
    rest = np.fmod(integral, 2.0 ** (8 * target.itemsize))
    bits = np.abs(rest).astype(np.uint64)
    bits = np.where(rest < 0, np.uint64(0) - bits, bits)
    return bits.astype(f"u{target.itemsize}").view(target)


def _to_integral(values: npt.NDArray[np.float64], rounding: RoundingMode) -> Array:
    if rounding == "nearest-even":
        return np.rint(values)
    if rounding == "towards-zero":
        return np.trunc(values)
    if rounding == "towards-positive":
        return np.ceil(values)
    if rounding == "towards-negative":
        return np.floor(values)
    whole = np.trunc(values)
    up: Array = np.abs(values - whole) >= 0.5  # the difference is exact
    return whole + np.copysign(up, values)


def _to_float(
    values: Array,
    target: NumberType,
    rounding: RoundingMode,
    out_of_range: OutOfRangeMode | None,
) -> Array:
    if np.can_cast(values.dtype, target, "safe") and values.dtype.itemsize < 8:
        return values.astype(target)  # every value is in the type
    with np.errstate(over="ignore", under="ignore"):
        result = values.astype(target)
        if values.dtype == target:
            return result
        overflow = _overflows(values, result, rounding)
        if rounding != "nearest-even":
            result = _rounded(values, result, rounding)
    if overflow.any():
        if out_of_range is None:
            limits = np.finfo(target)
            _refuse(values, overflow, f"{limits.min:.0f}", f"{limits.max:.0f}", _REMEDY_FLOAT)
        result = np.where(overflow, np.copysign(np.inf, values).astype(target), result)
    return result


def _overflows(values: Array, nearest: Array, rounding: RoundingMode) -> Mask:
    """Where a value, rounded as if exponents had no bounds, is beyond the greatest number."""
    finite = np.isfinite(values)
    if rounding in ("nearest-even", "nearest-away"):
        outside: Mask = finite & np.isinf(nearest)
        return outside
    limits = np.finfo(nearest.dtype)
    end = 2.0 ** int(limits.maxexp) if int(limits.maxexp) < 1024 else np.inf
    greatest = float(limits.max)
    if rounding == "towards-positive":
        outside = (values > greatest) | (values <= -end)
    elif rounding == "towards-negative":
        outside = (values >= end) | (values < -greatest)
    else:
        outside = (values >= end) | (values <= -end)
    return finite & outside


def _rounded(values: Array, nearest: Array, rounding: RoundingMode) -> Array:
    """The neighbour that a mode chooses, given the nearest one (ties to even)."""
    above, below, distance = _compare(values, nearest)
    up, down = nearest.dtype.type(np.inf), nearest.dtype.type(-np.inf)
    if rounding == "towards-positive":
        return np.where(below, np.nextafter(nearest, up), nearest)
    if rounding == "towards-negative":
        return np.where(above, np.nextafter(nearest, down), nearest)
    positive = values > 0
    if rounding == "towards-zero":
        too_far = np.where(positive, above, below)
        return np.where(too_far, np.nextafter(nearest, np.where(positive, down, up)), nearest)
    # Nearest, ties away from zero: the next number outwards, if it is as near.
    outwards = np.nextafter(nearest, np.where(positive, up, down))
    with np.errstate(invalid="ignore"):
        gap = np.abs(outwards.astype(np.float64) - nearest.astype(np.float64))
    inside = np.where(positive, below, above)
    tie = inside & (distance == gap / 2) & np.isfinite(nearest)
    return np.where(tie, outwards, nearest)


def _compare(values: Array, nearest: Array) -> tuple[Mask, Mask, npt.NDArray[np.float64]]:
    """Where `nearest` is above, and below, the exact value; and how far apart they are."""
    if values.dtype.kind == "f":
        exact, rounded = values.astype(np.float64), nearest.astype(np.float64)
        with np.errstate(invalid="ignore"):
            return rounded > exact, rounded < exact, np.abs(rounded - exact)
    # 64 bits of an integer do not fit a float: compare as integers, but for what is rounded up
    # to one beyond the last of them.
    limits = np.iinfo(values.dtype)
    wide = nearest.astype(np.float64)
    beyond = wide >= float(limits.max + 1)
    back = np.where(beyond, 0.0, np.maximum(wide, float(limits.min))).astype(values.dtype)
    last = values.dtype.type(limits.max)
    above, below = beyond | (back > values), ~beyond & (back < values)
    distance = np.where(
        beyond,
        (last - values).astype(np.float64) + 1.0,
        np.where(above, back - values, values - back).astype(np.float64),
    )
    return above, below, distance


ScalarMap: TypeAlias = dict[str, dict[Any, Any]]
"""For ``"encode"`` and ``"decode"``: which values become which."""

_DIRECTIONS = ("encode", "decode")


@dataclass(frozen=True, init=False, eq=False, repr=False)
class CastValue(DeclaredCodec, ArrayArrayCodec):
    """Stores numbers as numbers of another type.

    Parameters
    ----------
    data_type : str or ZDType
        The type to store.
    rounding : str, default: 'nearest-even'
        How to round: ``'nearest-even'``, ``'nearest-away'``, ``'towards-zero'``,
        ``'towards-positive'`` or ``'towards-negative'``.
    out_of_range : {'clamp', 'wrap'}, optional
        How to store values that the type cannot hold: as the nearest it can (±infinity for
        floating point types), or the value modulo its range. By default they are an error.
        Infinity is beyond the range of every integer type, and has no remainder: ``'wrap'``
        refuses it. NaN is refused for integers, unless `scalar_map` replaces it.
    scalar_map : mapping, optional
        For ``'encode'`` and ``'decode'``, pairs of values: the first becomes the second, whatever
        the rules above say. Values that JSON has no number for are strings, as ``'NaN'``.

    Examples
    --------
    >>> from zarr.codecs import CastValue
    >>> codec = CastValue(data_type="uint8", scalar_map={"encode": [["NaN", 0]]})
    >>> codec.to_dict()["configuration"]
    {'data_type': 'uint8', 'scalar_map': {'encode': [('NaN', 0)]}}
    """

    _name = "cast_value"
    is_fixed_size = True

    dtype: AnyDType
    rounding: RoundingMode
    out_of_range: OutOfRangeMode | None
    scalar_map: ScalarMap | None

    def __init__(
        self,
        *,
        data_type: str | AnyDType,
        rounding: RoundingMode = "nearest-even",
        out_of_range: OutOfRangeMode | Literal["error"] | None = None,
        scalar_map: Mapping[str, object] | None = None,
    ) -> None:
        if out_of_range == "error":  # the specification's word for the default
            out_of_range = None
        if out_of_range is not None:
            choice_field(out_of_range, "out_of_range", OUT_OF_RANGE_MODES)
        self._set(
            dtype=_parse_data_type(data_type),
            rounding=choice_field(rounding, "rounding", ROUNDING_MODES),
            out_of_range=out_of_range,
            scalar_map=None if scalar_map is None else _parse_map(scalar_map),
        )

    def to_dict(self) -> dict[str, JSON]:
        """Return the JSON form, without parameters that have their default values."""
        configuration: dict[str, JSON] = {"data_type": self.dtype.to_json(zarr_format=3)}
        if self.rounding != "nearest-even":
            configuration["rounding"] = self.rounding
        if self.out_of_range is not None:
            configuration["out_of_range"] = self.out_of_range
        if self.scalar_map is not None:
            configuration["scalar_map"] = {
                direction: list(pairs.items()) for direction, pairs in self.scalar_map.items()
            }
        return named("cast_value", configuration)

    def _check_dtype(self, dtype: AnyDType) -> None:
        """Refuse types that are no real numbers, and values that a type cannot hold."""
        self._check_types(dtype)
        for direction in _DIRECTIONS:
            self._replacements(direction, dtype)

    def _check_types(self, dtype: AnyDType) -> None:
        source, target = dtype.to_native_dtype(), self.dtype.to_native_dtype()
        if not is_number_type(source):
            raise ValueError(
                "The cast_value codec only supports integer and floating-point data types. "
                f"Got source dtype {source}."
            )
        if not is_number_type(target):
            raise ValueError(
                f"Invalid target data type {str(target)!r}. cast_value codec only supports "
                f"integer and floating-point data types. Got {self.dtype}."
            )
        if self.out_of_range == "wrap" and target.kind == "f":
            raise ValueError(
                "out_of_range='wrap' is only valid for integer target types. "
                f"Got target dtype {target}."
            )

    def resolve_metadata(self, chunk_spec: ArraySpec) -> ArraySpec:
        """Return the chunk when encoded: of the other type, with the cast fill value."""
        self._check_types(chunk_spec.dtype)
        fill = chunk_spec.fill_value
        if fill is not None:
            scalar = np.asarray(fill, chunk_spec.dtype.to_native_dtype())
            fill = self._encoded(scalar, chunk_spec.dtype)[()]
        return replace(chunk_spec, dtype=self.dtype, fill_value=fill)

    def compute_encoded_size(self, input_byte_length: int, chunk_spec: ArraySpec) -> int:
        elements = input_byte_length // item_size(chunk_spec.dtype)
        return elements * item_size(self.dtype)

    def _replacements(self, direction: str, dtype: AnyDType) -> list[tuple[object, object]]:
        """The pairs of scalars that one direction replaces, for an array of `dtype`."""
        pairs = (self.scalar_map or {}).get(direction, {})
        first, second = (dtype, self.dtype) if direction == "encode" else (self.dtype, dtype)
        what = f"scalar_map {direction}"
        return [
            (number(old, first, f"{what} key"), number(new, second, f"{what} value"))
            for old, new in pairs.items()
        ]

    def _encoded(self, array: Array, dtype: AnyDType) -> Array:
        return cast_elements(
            array,
            self.dtype.to_native_dtype(),
            self.rounding,
            self.out_of_range,
            self._replacements("encode", dtype),
        )

    def _encode_sync(self, chunk_data: NDBuffer, chunk_spec: ArraySpec) -> NDBuffer | None:
        encoded = self._encoded(chunk_data.as_numpy_array(), chunk_spec.dtype)
        return chunk_spec.prototype.nd_buffer.from_numpy_array(encoded)

    def _decode_sync(self, chunk_data: NDBuffer, chunk_spec: ArraySpec) -> NDBuffer:
        decoded = cast_elements(
            chunk_data.as_numpy_array(),
            chunk_spec.dtype.to_native_dtype(),
            self.rounding,
            self.out_of_range,
            self._replacements("decode", chunk_spec.dtype),
        )
        return chunk_spec.prototype.nd_buffer.from_numpy_array(decoded)


def _parse_data_type(data: Any) -> AnyDType:
    if hasattr(data, "to_native_dtype"):
        return cast("AnyDType", data)
    if isinstance(data, np.dtype):
        return parse_dtype(data, zarr_format=3)
    return data_type_registry.match_json(data, zarr_format=3)


def _parse_map(data: Mapping[str, Any]) -> ScalarMap:
    if not isinstance(data, Mapping):
        raise TypeError(f"scalar_map must be a mapping, got {type(data).__name__}")
    return {
        direction: dict(data[direction])
        for direction in _DIRECTIONS
        if data.get(direction) is not None
    }
