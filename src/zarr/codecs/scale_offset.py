"""The codec ``scale_offset``: an offset subtracted, and what is left multiplied."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from zarr.abc.codec import ArrayArrayCodec
from zarr.codecs.base import DeclaredCodec
from zarr.codecs.configuration import is_number_type, number

if TYPE_CHECKING:
    from collections.abc import Callable

    from zarr.abc.buffer import NDBuffer
    from zarr.codecs.base import AnyDType, Array
    from zarr.metadata.spec import ArraySpec

__all__ = ["ScaleOffset"]


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class ScaleOffset(DeclaredCodec, ArrayArrayCodec):
    """Stores ``(x - offset) * scale``.

    Parameters
    ----------
    offset : int, float or str, default: 0
        The number to subtract, or the string that stands for it in JSON (``"NaN"``).
    scale : int, float or str, default: 1
        The factor of the difference; not zero.

    Notes
    -----
    Integers are computed exactly: what would leave the range of the data type, or would not come
    back as it was, is an error.

    Examples
    --------
    >>> from zarr.codecs import ScaleOffset
    >>> ScaleOffset(offset=5, scale=0.1).to_dict()
    {'name': 'scale_offset', 'configuration': {'offset': 5, 'scale': 0.1}}
    """

    _name = "scale_offset"
    _optional = True
    _short = True
    is_fixed_size = True

    offset: int | float | str = 0
    scale: int | float | str = 1

    def __post_init__(self) -> None:
        for name, value in (("offset", self.offset), ("scale", self.scale)):
            if not isinstance(value, (int, float, str)):
                raise TypeError(f"{name} must be a number or string, got {type(value).__name__}")

    def _check_dtype(self, dtype: AnyDType) -> None:
        """Refuse types that are no real numbers, and parameters that the type cannot hold."""
        _, scale = self._numbers(dtype)
        if scale == 0:
            raise ValueError("scale_offset scale must be non-zero.")

    def resolve_metadata(self, chunk_spec: ArraySpec) -> ArraySpec:
        """Return the chunk when encoded: of the same type, with the encoded fill value."""
        if chunk_spec.fill_value is None:
            return chunk_spec
        dtype = chunk_spec.dtype.to_native_dtype()
        fill = self._encoded(np.asarray(chunk_spec.fill_value, dtype), chunk_spec.dtype)
        return replace(chunk_spec, fill_value=fill[()])

    def _numbers(self, dtype: AnyDType) -> tuple[Any, Any]:
        if not is_number_type(dtype.to_native_dtype()):
            raise ValueError(
                "scale_offset codec only supports integer and floating-point data types. "
                f"Got {dtype}."
            )
        return (
            number(self.offset, dtype, "scale_offset offset value"),
            number(self.scale, dtype, "scale_offset scale value"),
        )

    def _encode_sync(self, chunk_data: NDBuffer, chunk_spec: ArraySpec) -> NDBuffer | None:
        encoded = self._encoded(chunk_data.as_numpy_array(), chunk_spec.dtype)
        return chunk_spec.prototype.nd_buffer.from_numpy_array(encoded)

    def _decode_sync(self, chunk_data: NDBuffer, chunk_spec: ArraySpec) -> NDBuffer:
        decoded = self._decoded(chunk_data.as_numpy_array(), chunk_spec.dtype)
        return chunk_spec.prototype.nd_buffer.from_numpy_array(decoded)

    def _encoded(self, array: Array, dtype: AnyDType) -> Array:
        offset, scale = self._numbers(dtype)
        values = array.astype(array.dtype.newbyteorder("="), copy=False)
        if values.dtype.kind == "f":
            result = (values - offset) * scale
        else:
            _check_range([(end - int(offset)) * int(scale) for end in _extremes(values)], dtype)
            result = _wrapping(values, lambda bits, of: (bits - of(offset)) * of(scale))
        return np.asarray(result, array.dtype)

    def _decoded(self, array: Array, dtype: AnyDType) -> Array:
        offset, scale = self._numbers(dtype)
        values = array.astype(array.dtype.newbyteorder("="), copy=False)
        if values.dtype.kind == "f":
            result = values / scale + offset
        else:
            if scale == 0:
                raise ZeroDivisionError("scale_offset cannot divide by a scale of zero.")
            if np.any(np.remainder(values, scale)):
                raise ValueError(
                    "scale_offset decode produced a non-zero remainder when dividing by "
                    f"scale={self.scale}; result is not exactly representable in dtype "
                    f"{values.dtype}."
                )
            _check_range([end // int(scale) + int(offset) for end in _extremes(values)], dtype)
            quotients = values // scale
            result = _wrapping(quotients, lambda bits, of: bits + of(offset))
        return np.asarray(result, array.dtype)


def _extremes(values: Array) -> tuple[int, int]:
    """The least and the greatest value, as integers without bounds.

    Both directions of the codec are monotonic: if these two stay in range, all others do.
    """
    return (int(values.min()), int(values.max())) if values.size else (0, 0)


def _check_range(results: list[int], dtype: AnyDType) -> None:
    limits = np.iinfo(dtype.to_native_dtype())
    if min(results) < limits.min or max(results) > limits.max:
        raise ValueError(
            f"scale_offset produced a value outside the range of dtype {limits.dtype} "
            f"[{limits.min}, {limits.max}]."
        )


def _wrapping(values: Array, compute: Callable[[Array, Callable[[object], Array]], Array]) -> Array:
    """A computation modulo the range of the type: exact, if the result is known to be in range."""
    bits = values.dtype.itemsize * 8
    unsigned = np.dtype(f"u{values.dtype.itemsize}")

    def of(parameter: Any) -> Array:
        return np.asarray([int(parameter) % 2**bits], unsigned)

    result = compute(np.atleast_1d(values).view(unsigned), of)
    return result.view(values.dtype).reshape(values.shape)
