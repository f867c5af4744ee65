"""The forms of floating point numbers in metadata: every bit pattern has one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from zarr.types import ZarrFormat

_SPECIAL = {"NaN": np.nan, "Infinity": np.inf, "-Infinity": -np.inf}


def float_to_json(value: Any, zarr_format: ZarrFormat) -> float | str:
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
        bits = bits_of(value)
        if bits != bits_of(np.asarray(np.nan).astype(value.dtype)[()]):
            return f"0x{bits:0{value.dtype.itemsize * 2}x}"
    return "NaN"


def bits_of(value: Any) -> int:
    """Return the bits of a scalar as a number."""
    native = np.asarray(value)
    if not native.dtype.isnative:
        native = native.astype(native.dtype.newbyteorder("="))
    return int.from_bytes(native.tobytes(), "little" if np.little_endian else "big")


def float_from_json(data: object, dtype: np.dtype[Any], zarr_format: ZarrFormat) -> Any:
    """Read a scalar of `dtype`, which is of native byte order.

    Raises
    ------
    TypeError
        If `data` stands for no number.
    """
    if isinstance(data, str):
        if data in _SPECIAL:
            return np.asarray(_SPECIAL[data]).astype(dtype)[()]
        if zarr_format == 3 and data[:2] in ("0x", "0X"):
            return _from_hexadecimal(data, dtype)
    if isinstance(data, (int, float, str)):
        try:
            return np.asarray(float(data)).astype(dtype)[()]
        except (ValueError, OverflowError):
            pass
    raise TypeError(
        f"Invalid type: {data}. Expected a float or a special string encoding of a float."
    )


def _from_hexadecimal(data: str, dtype: np.dtype[Any]) -> Any:
    size = dtype.itemsize
    try:
        bits = int(data, 16).to_bytes(size, "little" if np.little_endian else "big")
    except (ValueError, OverflowError):
        raise TypeError(
            f"Invalid type: {data}. Expected at most {size * 2} hexadecimal digits after 0x."
        ) from None
    return np.frombuffer(bits, dtype)[0]
