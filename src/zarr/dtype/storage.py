"""What the engine must know of a data type: its bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from zarr.dtype.base import HasItemSize, ZDType

if TYPE_CHECKING:
    import numpy.typing as npt

_PLAIN = frozenset("?bhilqBHILQefdgFDG")
"""The kinds of elements that NumPy hands out through the buffer protocol."""


def is_object_like(zdtype: ZDType[Any, Any]) -> bool:
    """Return whether elements have no fixed size, so that Python must code them."""
    return not isinstance(zdtype, HasItemSize)


def swap_words(dtype: np.dtype[Any]) -> int | tuple[tuple[int, int], ...]:
    """Return which bytes of an element change places between the two byte orders.

    Either the size of the words that an element consists of (0 if the order does not matter), or
    the offset and size of each word of a record.
    """
    if dtype.subdtype is not None:
        return swap_words(dtype.subdtype[0])
    if dtype.fields is None:
        if dtype.kind in "SVO" or dtype.itemsize == 1:
            return 0
        if dtype.kind == "U":
            return 4
        return dtype.itemsize // 2 if dtype.kind == "c" else dtype.itemsize
    return tuple(_words(dtype, 0))


def _words(dtype: np.dtype[Any], offset: int) -> list[tuple[int, int]]:
    words: list[tuple[int, int]] = []
    for field, start, *_ in (dtype.fields or {}).values():
        base, count = field, 1
        if field.subdtype is not None:
            base = field.subdtype[0]
            count = field.itemsize // max(base.itemsize, 1)
        for i in range(count):
            at = offset + start + i * base.itemsize
            if base.fields is not None:
                words.extend(_words(base, at))
                continue
            size = swap_words(base)
            if isinstance(size, int) and size > 1:
                words.extend((at + j, size) for j in range(0, base.itemsize, size))
    return words


def foreign_words(dtype: np.dtype[Any], order: str) -> int | tuple[tuple[int, int], ...]:
    """Return the words of `dtype` that are not of the byte order `order` ("<" or ">").

    These are what must be reversed so that all of an element is of that order.
    """
    if dtype.fields is None:
        return 0 if dtype.newbyteorder(order) == dtype else swap_words(dtype)
    words: list[tuple[int, int]] = []
    for field, start, *_ in dtype.fields.values():
        base = field.subdtype[0] if field.subdtype is not None else field
        count = field.itemsize // max(base.itemsize, 1)
        found = foreign_words(base, order)
        for i in range(count):
            at = start + i * base.itemsize
            if isinstance(found, tuple):
                words.extend((at + offset, size) for offset, size in found)
            elif found:
                words.extend((at + j, found) for j in range(0, base.itemsize, found))
    return tuple(words) or 0


def buffer_view(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return a view of `array` that supports the buffer protocol, with elements of equal size."""
    if array.dtype.char in _PLAIN:
        return array
    if array.dtype.char in "mM":
        return array.view(np.int64)
    return array.view(np.dtype(f"V{array.dtype.itemsize}"))


def fill_bytes(scalar: Any, dtype: np.dtype[Any]) -> bytes:
    """Return the bytes of one element that has the value `scalar`; zeros for None."""
    if scalar is None:
        return bytes(dtype.itemsize)
    if isinstance(scalar, np.generic) and scalar.dtype == dtype:
        return scalar.tobytes()
    if isinstance(scalar, np.generic) and scalar.dtype.newbyteorder("=") == dtype.newbyteorder("="):
        # Only the byte order differs: swap bytes rather than cast, which may change a NaN.
        return np.asarray(scalar).astype(dtype).tobytes()
    element = np.empty(1, dtype)
    element[0] = scalar
    return element.tobytes()
