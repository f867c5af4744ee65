"""Reductions of blocks of elements to smaller ones, for pyramids. Pure.

A cell is so many elements along each dimension; those at the end of an array may have fewer. A
reduction keeps what it needs to go on, from cells to cells of cells, so that each level of a
pyramid is exact: its values are those of the elements of the array, and not of values that were
rounded at the level below. The mode alone is that of the level below.
"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from zarr.types import NumpyDType

    Parts: TypeAlias = tuple[Any, ...]
    """Arrays of one shape: the state of a reduction."""
    Factors: TypeAlias = tuple[int, ...]

METHODS = ("mean", "sum", "min", "max", "nearest", "mode")

_HALF = 32
_LOW = np.int64((1 << _HALF) - 1)


class Reduction(Protocol):
    """How elements become the elements of smaller levels."""

    dtype: NumpyDType
    """That of the levels."""

    def begin(self, block: Any) -> Parts:
        """Return the state of elements of the array."""
        ...

    def reduce(self, parts: Parts, factors: Factors) -> Parts:
        """Return the state of cells."""
        ...

    def end(self, parts: Parts, counts: Any) -> Any:
        """Return the values of cells; `counts` are the numbers of elements of each."""
        ...


def reduction_of(method: str, dtype: NumpyDType, *, skipna: bool = True) -> Reduction:
    """Return a reduction by its name.

    Parameters
    ----------
    method
        One of `METHODS`.
    dtype
        The data type of the elements.
    skipna
        Whether NaN and NaT are left out, where there are others.

    Raises
    ------
    ValueError
        If there is no such method, or not for this data type.
    """
    if method not in METHODS:
        raise ValueError(f"method must be one of {', '.join(METHODS)}. Got {method!r}.")
    if method == "nearest":
        return _Nearest(dtype)
    if method == "mode":
        return _Mode(dtype)
    kind = _kind(dtype)
    if kind is None or (method == "sum" and kind == "M"):
        raise ValueError(
            f"there is no {method} of elements of type {dtype}: take 'nearest' or 'mode'"
        )
    if method in ("min", "max"):
        return _Extreme(dtype, method, skipna)
    if kind in "iM" and (dtype.itemsize == 8 or method == "mean"):
        return _OfIntegers(dtype, method, kind == "M" and skipna)
    if kind == "i":
        return _OfIntegers(dtype, method, False)
    return _OfFloats(dtype, method, kind, skipna)


def _kind(dtype: NumpyDType) -> str | None:
    """``"i"`` for integers, ``"M"`` for times, ``"f"`` and ``"c"``; None for all else."""
    if dtype.kind in "biu":
        return "i"
    if dtype.kind in "mM":
        return "M"
    if dtype.kind in "fc":
        return dtype.kind
    if dtype.type.__module__ == "ml_dtypes":
        return "i" if "int" in dtype.name else "f"
    return None


def _fold(ufunc: Callable[..., Any], array: Any, factors: Factors) -> Any:
    """Reduce cells by a function of two arrays, from the first element of a cell to its last."""
    for axis, factor in enumerate(factors):
        if factor == 1:
            continue
        before = (slice(None),) * axis
        out = array[(*before, slice(0, None, factor))].copy()
        for offset in range(1, factor):
            part = array[(*before, slice(offset, None, factor))]
            there = out[(*before, slice(0, part.shape[axis]))]
            ufunc(there, part, out=there)
        array = out
    return array


class _Nearest:
    """The first element of each cell."""

    def __init__(self, dtype: NumpyDType) -> None:
        self.dtype = dtype

    def begin(self, block: Any) -> Parts:
        return (block,)

    def reduce(self, parts: Parts, factors: Factors) -> Parts:
        return (parts[0][tuple(slice(0, None, factor) for factor in factors)].copy(),)

    def end(self, parts: Parts, counts: Any) -> Any:
        return parts[0]


class _Extreme:
    """The least or the greatest element of each cell."""

    def __init__(self, dtype: NumpyDType, method: str, skipna: bool) -> None:
        self.dtype = dtype
        self._wide = np.dtype("f4") if dtype.type.__module__ == "ml_dtypes" else dtype
        functions = {
            ("min", True): np.fmin,
            ("max", True): np.fmax,
            ("min", False): np.minimum,
            ("max", False): np.maximum,
        }
        self._ufunc = functions[method, skipna]

    def begin(self, block: Any) -> Parts:
        return (block.astype(self._wide, copy=False),)

    def reduce(self, parts: Parts, factors: Factors) -> Parts:
        return (_fold(self._ufunc, parts[0], factors),)

    def end(self, parts: Parts, counts: Any) -> Any:
        return parts[0].astype(self.dtype, copy=False)


class _OfFloats:
    """The mean or the sum of floating-point and complex numbers, added in double precision."""

    def __init__(self, dtype: NumpyDType, method: str, kind: str, skipna: bool) -> None:
        self.dtype = dtype
        self._wide = np.dtype("c16" if kind == "c" else "f8")
        self._is_mean = method == "mean"
        self._skipna = skipna

    def begin(self, block: Any) -> Parts:
        values = block.astype(self._wide)
        if not self._skipna:
            return (values,)
        missing = np.isnan(values)
        values[missing] = 0
        return values, np.where(missing, np.int32(0), np.int32(1))

    def reduce(self, parts: Parts, factors: Factors) -> Parts:
        return tuple(_fold(np.add, part, factors) for part in parts)

    def end(self, parts: Parts, counts: Any) -> Any:
        total = parts[0]
        if not self._is_mean:
            return total.astype(self.dtype)
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            # Of none, 0 / 0 is NaN.
            return (total / (parts[1] if self._skipna else counts)).astype(self.dtype)


class _OfIntegers:
    """The mean or the sum of integers and times: exact, a mean is rounded to the nearest, or even.

    Sums of elements of 8 bytes are kept in two halves, which cannot overflow. NaT is left out.
    """

    def __init__(self, dtype: NumpyDType, method: str, skipna: bool) -> None:
        self._of = dtype
        self._is_time = dtype.kind in "mM"
        self._skipna = skipna
        self._is_mean = method == "mean"
        self._is_signed = self._is_time or dtype.kind == "i" or dtype.name.startswith("int")
        wide = np.dtype("i8") if self._is_signed else np.dtype("u8")
        self.dtype = dtype if self._is_mean else wide
        self._halves = dtype.itemsize == 8

    def begin(self, block: Any) -> Parts:
        missing = np.isnat(block) if self._is_time else None
        if self._is_time:
            block = block.view("i8")
        if missing is not None:
            block = np.where(missing, 0, block)
        if self._halves:
            parts: Parts = (
                (block >> _HALF).astype("i8"),
                (block & block.dtype.type(int(_LOW))).astype("i8"),
            )
        else:
            parts = (block.astype("i8"),)
        if missing is not None:
            parts = (*parts, np.where(missing, np.int32(0), np.int32(1)))
        return parts

    def reduce(self, parts: Parts, factors: Factors) -> Parts:
        return tuple(_fold(np.add, part, factors) for part in parts)

    def end(self, parts: Parts, counts: Any) -> Any:
        high, low = (parts[0], parts[1]) if self._halves else (None, parts[0])
        if not self._is_mean:
            if high is None:
                return low.astype(self.dtype)
            carried = high + (low >> _HALF)
            bounds = np.iinfo("i4" if self._is_signed else "u4")
            if carried.size and (carried.min() < bounds.min or carried.max() > bounds.max):
                raise OverflowError(
                    f"a sum of elements of type {self._of} is too large for 8 bytes"
                )
            return (high.astype(self.dtype) << _HALF) + low.astype(self.dtype)
        missing = None
        if self._is_time:
            found = parts[-1]
            missing = found == 0 if self._skipna else found < counts
            counts = np.maximum(found, 1)
        if high is None:
            whole, rest = np.divmod(low, counts)
        else:
            first, rest = np.divmod(high + (low >> _HALF), counts)
            whole, rest = np.divmod((rest << _HALF) + (low & _LOW), counts)
            whole = (first << _HALF) + whole
        up = (2 * rest > counts) | ((2 * rest == counts) & (whole & 1 == 1))
        mean = whole + up
        if missing is not None:
            mean = np.where(missing, np.iinfo("i8").min, mean)
            return mean.astype("i8").view(self.dtype)
        return mean.astype(self.dtype)


class _Mode:
    """The most frequent element of each cell of the level below; of several, the least."""

    def __init__(self, dtype: NumpyDType) -> None:
        self.dtype = dtype

    def begin(self, block: Any) -> Parts:
        return (block,)

    def reduce(self, parts: Parts, factors: Factors) -> Parts:
        block = parts[0]
        names = None
        if _kind(block.dtype) is None:  # numbers stand for elements that have no order in NumPy
            names, codes = np.unique(block, return_inverse=True)
            block = codes.reshape(block.shape)
        mode = _mode(block, factors)
        return (mode if names is None else names[mode],)

    def end(self, parts: Parts, counts: Any) -> Any:
        return parts[0].astype(self.dtype, copy=False)


def _mode(block: Any, factors: Factors) -> Any:
    shape = tuple(-(-n // factor) for n, factor in zip(block.shape, factors, strict=True))
    planes, there = [], []
    for offsets in product(*map(range, factors)):
        part = block[tuple(slice(o, None, f) for o, f in zip(offsets, factors, strict=True))]
        plane = np.empty(shape, block.dtype)
        valid = np.zeros(shape, bool)
        inside = tuple(slice(0, length) for length in part.shape)
        plane[inside] = part
        valid[inside] = part == part  # NaN is no value
        planes.append(np.where(valid, plane, block.dtype.type(0)) if not valid.all() else plane)
        there.append(valid)
    best = block[tuple(slice(0, None, factor) for factor in factors)].copy()
    most = np.zeros(shape, "i8")
    for plane, valid in zip(planes, there, strict=True):
        count = np.zeros(shape, "i8")
        for other, other_valid in zip(planes, there, strict=True):
            count += valid & other_valid & (plane == other)
        better = (count > most) | ((count == most) & (count > 0) & (plane < best))
        best[better] = plane[better]
        most[better] = count[better]
    return best
