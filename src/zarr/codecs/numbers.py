"""Real numbers of a data type, from what stands for them in configurations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from zarr.dtype import ZDType


def is_number_type(dtype: np.dtype[Any]) -> bool:
    """Whether elements are the integers or the real numbers of NumPy."""
    return dtype.kind in "iu" or (dtype.kind == "f" and dtype.itemsize in (2, 4, 8))


def number(value: object, dtype: ZDType[Any, Any], what: str) -> Any:
    """A number, or its JSON form, as a scalar of `dtype`; `what` names it in errors."""
    native = dtype.to_native_dtype().newbyteorder("=")
    try:
        if native.kind == "f":
            return native.type(_real(value, dtype))
        if isinstance(value, str):  # digits, as others write integers
            value = int(value)
        if isinstance(value, (int, float, np.number)) and value == int(value):
            return native.type(int(value))
    except (TypeError, ValueError, OverflowError):
        pass
    raise ValueError(f"{what} {value!r} is not representable in dtype {native}.")


def _real(value: object, dtype: ZDType[Any, Any]) -> Any:
    if isinstance(value, str):
        try:
            return dtype.from_json_scalar(value, zarr_format=3)
        except (TypeError, ValueError):
            return float(value)
    if isinstance(value, (int, float, np.number)):
        return value
    raise TypeError("not a number")
