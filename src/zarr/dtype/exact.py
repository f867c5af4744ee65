"""Scalars that say what a user said: fill values that a data type would change are refused."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING, Any

import numpy as np

from zarr.dtype.bytes import NullTerminatedBytes, RawBytes
from zarr.dtype.datetime import TimeDTypeBase
from zarr.dtype.ml_dtypes import SmallFloat, SmallInt
from zarr.dtype.numeric import BaseComplex, BaseFloat, BaseInt, Bool
from zarr.dtype.strings import FixedLengthUTF32, VariableLengthUTF8
from zarr.dtype.structured import Structured, SubArray

if TYPE_CHECKING:
    from zarr.dtype.base import ZDType


def exact_scalar(dtype: ZDType[Any, Any], data: object) -> Any:
    """Make a scalar of a data type that has the value of `data`.

    Floating point numbers are rounded, as elements are.

    Raises
    ------
    ValueError
        If the value would be another one.
    TypeError
        If `data` cannot be a scalar of this data type at all.

    Examples
    --------
    >>> from zarr.dtype import Int8
    >>> exact_scalar(Int8(), 1.0)
    np.int8(1)
    """
    # NumPy would warn of them, and drop the imaginary part.
    if isinstance(data, np.complexfloating) and not isinstance(dtype, BaseComplex):
        data = complex(data) if data.imag else data.real
    with np.errstate(over="ignore", invalid="ignore"):
        try:
            scalar = dtype.cast_scalar(data)
        except (TypeError, ValueError, OverflowError) as error:
            # NumPy's own words do not say which value is meant.
            kinds = (TypeError, ValueError, OverflowError)
            kind = next(kind for kind in kinds if isinstance(error, kind))
            raise kind(f"fill_value {data!r} is no value of {dtype}: {error}") from None
        if _keeps(dtype, data, scalar):
            return scalar
    raise ValueError(
        f"fill_value {data!r} is no value of {dtype}: it would become {scalar!r}. Give one that it "
        "has, or another data type."
    )


def _keeps(dtype: ZDType[Any, Any], data: Any, scalar: Any) -> bool:
    if isinstance(dtype, (Bool, BaseInt, SmallInt)):
        return _keeps_number(dtype, data, scalar)
    if isinstance(dtype, (BaseFloat, BaseComplex, SmallFloat)):
        return _keeps_range(data, scalar)
    if isinstance(dtype, TimeDTypeBase):
        return _keeps_time(data, scalar)
    if isinstance(dtype, (FixedLengthUTF32, VariableLengthUTF8)):
        return not isinstance(data, (bytes, bytearray, np.void)) and str(data) == str(scalar)
    if isinstance(dtype, (NullTerminatedBytes, RawBytes)):
        given = data.tobytes() if isinstance(data, np.void) else data
        given = bytes(given) if isinstance(given, (bytes, bytearray)) else str(given).encode()
        return bool(given.rstrip(b"\0") == scalar.tobytes().rstrip(b"\0"))
    if isinstance(dtype, Structured):
        return _keeps_fields(dtype, data, scalar)
    if isinstance(dtype, SubArray):
        given = np.broadcast_to(np.asarray(data), dtype.shape).reshape(-1)
        found = scalar.reshape(-1)
        return all(_keeps(dtype.base, given[i], found[i]) for i in range(found.size))
    return True


def _keeps_number(dtype: ZDType[Any, Any], data: Any, scalar: Any) -> bool:
    if isinstance(data, (np.datetime64, np.timedelta64)):
        return False
    if isinstance(data, (str, bytes)):  # digits, which are an integer; any string would be true
        return not isinstance(dtype, Bool)
    return bool(data == int(scalar))


def _keeps_range(data: Any, scalar: Any) -> bool:
    if isinstance(data, (np.datetime64, np.timedelta64)):
        return False
    try:
        given = complex(data.decode() if isinstance(data, bytes) else 0 if data is None else data)
    except ValueError:  # the bits of a number
        return True
    found = complex(scalar)
    pairs = ((given.real, found.real), (given.imag, found.imag))
    return all(isfinite(after) or not isfinite(before) for before, after in pairs)


def _keeps_time(data: Any, scalar: Any) -> bool:
    is_count = isinstance(data, (int, np.integer)) and not isinstance(data, np.timedelta64)
    text = data.decode() if isinstance(data, bytes) else data
    if text is None or is_count or (isinstance(text, str) and isinstance(scalar, np.timedelta64)):
        return True
    if isinstance(text, str) and text.lower() in ("", "nat"):
        return bool(np.isnat(scalar))
    given = type(scalar)(text)
    if np.isnat(given) or np.isnat(scalar):
        return bool(np.isnat(given) and np.isnat(scalar))
    return bool(scalar.astype(given.dtype) == given)


def _keeps_fields(dtype: Structured, data: Any, scalar: Any) -> bool:
    names = [name for name, _ in dtype.fields]
    if isinstance(data, np.void) and data.dtype.names is not None:
        parts = [data[name] for name in data.dtype.names]
    elif isinstance(data, (tuple, list)):
        parts = list(data)
    elif isinstance(data, (bytes, np.void)):
        return True
    else:  # one value for all fields
        parts = [data] * len(names)
    fields = zip(dtype.fields, parts, strict=True)
    return all(_keeps(field, part, scalar[name]) for (name, field), part in fields)
