"""The codec ``cast_value``: numbers as numbers of another type."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast

import numpy as np

from zarr.abc.codec import ArrayArrayCodec
from zarr.codecs import casting
from zarr.codecs.casting import OutOfRangeMode, RoundingMode
from zarr.codecs.configuration import choice_field, named, required_configuration
from zarr.codecs.geometry import item_size
from zarr.codecs.numbers import is_number_type, number
from zarr.dtype import data_type_registry, parse_dtype

if TYPE_CHECKING:
    from typing import Self

    import numpy.typing as npt

    from zarr.abc.buffer import NDBuffer
    from zarr.dtype import ZDType
    from zarr.metadata.chunk_grids import ChunkGridMetadata
    from zarr.metadata.spec import ArraySpec
    from zarr.types import JSON

__all__ = ["CastValue", "OutOfRangeMode", "RoundingMode"]

ScalarMap: TypeAlias = dict[str, dict[Any, Any]]
"""For ``"encode"`` and ``"decode"``: which values become which."""

_DIRECTIONS = ("encode", "decode")


@dataclass(frozen=True)
class CastValue(ArrayArrayCodec):
    """Stores numbers as numbers of another type.

    Parameters
    ----------
    data_type : str or ZDType
        The type to store.
    rounding : str, default: 'nearest-even'
        How to round: ``'nearest-even'``, ``'nearest-away'``, ``'towards-zero'``,
        ``'towards-positive'`` or ``'towards-negative'``.
    out_of_range : {'clamp', 'wrap'}, optional
        What becomes of values that the type cannot hold: the nearest it can (±infinity for
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

    is_fixed_size = True

    dtype: ZDType[Any, Any]
    rounding: RoundingMode
    out_of_range: OutOfRangeMode | None
    scalar_map: ScalarMap | None

    def __init__(
        self,
        *,
        data_type: str | ZDType[Any, Any],
        rounding: RoundingMode = "nearest-even",
        out_of_range: OutOfRangeMode | Literal["error"] | None = None,
        scalar_map: Mapping[str, Any] | None = None,
    ) -> None:
        if out_of_range == "error":  # the specification's word for the default
            out_of_range = None
        if out_of_range is not None:
            choice_field(out_of_range, "out_of_range", casting.OUT_OF_RANGE_MODES)
        fields = {
            "dtype": _parse_data_type(data_type),
            "rounding": choice_field(rounding, "rounding", casting.ROUNDING_MODES),
            "out_of_range": out_of_range,
            "scalar_map": None if scalar_map is None else _parse_map(scalar_map),
        }
        for name, value in fields.items():
            object.__setattr__(self, name, value)

    @classmethod
    def from_dict(cls, data: dict[str, JSON]) -> Self:
        return cls(**required_configuration(data, "cast_value"))

    def to_dict(self) -> dict[str, JSON]:
        configuration: dict[str, Any] = {"data_type": self.dtype.to_json(zarr_format=3)}
        if self.rounding != "nearest-even":
            configuration["rounding"] = self.rounding
        if self.out_of_range is not None:
            configuration["out_of_range"] = self.out_of_range
        if self.scalar_map is not None:
            configuration["scalar_map"] = {
                direction: list(pairs.items()) for direction, pairs in self.scalar_map.items()
            }
        return named("cast_value", configuration)

    def validate(
        self,
        *,
        shape: tuple[int, ...],
        dtype: ZDType[Any, Any],
        chunk_grid: ChunkGridMetadata,
    ) -> None:
        """Refuse types that are no real numbers, and values that a type cannot hold."""
        self._check_types(dtype)
        for direction in _DIRECTIONS:
            self._replacements(direction, dtype)

    def _check_types(self, dtype: ZDType[Any, Any]) -> None:
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
        """What a chunk becomes: one of the other type, filled with the cast fill value."""
        self._check_types(chunk_spec.dtype)
        fill = chunk_spec.fill_value
        if fill is not None:
            scalar = np.asarray(fill, chunk_spec.dtype.to_native_dtype())
            fill = self._encoded(scalar, chunk_spec.dtype)[()]
        return replace(chunk_spec, dtype=self.dtype, fill_value=fill)

    def compute_encoded_size(self, input_byte_length: int, chunk_spec: ArraySpec) -> int:
        elements = input_byte_length // item_size(chunk_spec.dtype)
        return elements * item_size(self.dtype)

    def _replacements(self, direction: str, dtype: ZDType[Any, Any]) -> list[tuple[Any, Any]]:
        """The pairs of scalars that one direction replaces, for an array of `dtype`."""
        pairs = (self.scalar_map or {}).get(direction, {})
        first, second = (dtype, self.dtype) if direction == "encode" else (self.dtype, dtype)
        what = f"scalar_map {direction}"
        return [
            (number(old, first, f"{what} key"), number(new, second, f"{what} value"))
            for old, new in pairs.items()
        ]

    def _encoded(self, array: npt.NDArray[Any], dtype: ZDType[Any, Any]) -> npt.NDArray[Any]:
        return casting.cast(
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
        decoded = casting.cast(
            chunk_data.as_numpy_array(),
            chunk_spec.dtype.to_native_dtype(),
            self.rounding,
            self.out_of_range,
            self._replacements("decode", chunk_spec.dtype),
        )
        return chunk_spec.prototype.nd_buffer.from_numpy_array(decoded)


def _parse_data_type(data: Any) -> ZDType[Any, Any]:
    if hasattr(data, "to_native_dtype"):
        return cast("ZDType[Any, Any]", data)
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
