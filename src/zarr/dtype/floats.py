"""The forms of floating point numbers in metadata: every bit pattern has one."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import numpy as np

from zarr.dtype.base import invalid_scalar

if TYPE_CHECKING:
    from zarr.types import ZarrFormat

_SPECIAL = {"NaN": np.nan, "Infinity": np.inf, "-Infinity": -np.inf}
_WIDTHS: dict[int, np.dtype[Any]] = {4: np.dtype("f2"), 8: np.dtype("f4"), 16: np.dtype("f8")}
"""Data types by their number of hexadecimal digits."""


def has_method(data: object, *methods: str) -> bool:
    """Whether `data` has any of these methods, and is not an array of several elements."""
    if isinstance(data, type) or (isinstance(data, np.ndarray) and data.ndim):
        return False
    return any(hasattr(data, method) for method in methods)


def as_number(data: Any) -> Any:
    """Return what stands for a number as something that ``float`` and ``int`` take."""
    if isinstance(data, bytes):
        return data.decode("ascii", "replace")
    if isinstance(data, (np.datetime64, np.timedelta64)):
        return data.view(np.int64)
    return data


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
        bits = value.tobytes()
        if bits != np.asarray(np.nan).astype(value.dtype)[()].tobytes():
            return f"0x{int.from_bytes(bits, sys.byteorder):0{2 * len(bits)}x}"
    return "NaN"


def float_from_json(
    data: object, dtype: np.dtype[Any], zarr_format: ZarrFormat, *, texts: bool = True
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


def _from_hexadecimal(digits: str, dtype: np.dtype[Any]) -> Any:
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
