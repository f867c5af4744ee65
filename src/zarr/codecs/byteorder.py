"""Byte order: which bytes of an element are swapped between the memory and the stored form."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from zarr.types import EndianLiteral

Swap: TypeAlias = int | tuple[tuple[int, int], ...]
"""0: no bytes are swapped. n: an element is words of n bytes, each reversed. Otherwise the
(offset, size) of each word of a record that is reversed."""


def stored_swap(dtype: np.dtype[Any], endian: EndianLiteral | None) -> Swap:
    """What is swapped between elements of `dtype` in memory and their form stored as `endian`."""
    if endian is None:
        return 0
    words = _words(dtype)
    if dtype.fields is None and dtype.subdtype is None:
        size, order = words[0][1:] if words else (1, "|")
        return size if size > 1 and order != endian else 0
    swapped = tuple((offset, size) for offset, size, order in words if order != endian)
    return swapped or 0


def has_words(dtype: np.dtype[Any]) -> bool:
    """Whether elements hold words of more than one byte, so that their byte order matters."""
    return bool(_words(dtype))


def _words(dtype: np.dtype[Any], offset: int = 0) -> list[tuple[int, int, str]]:
    """The (offset, size, byte order) of each word of more than one byte in an element."""
    if dtype.subdtype is not None:
        base, shape = dtype.subdtype
        count = int(np.prod(shape, dtype=np.int64))
        return [
            word for index in range(count) for word in _words(base, offset + index * base.itemsize)
        ]
    if dtype.fields is not None:
        return [
            word
            for name in dtype.names or ()
            for word in _words(dtype.fields[name][0], offset + dtype.fields[name][1])
        ]
    size = _word_size(dtype)
    if size < 2:
        return []
    order = "big" if dtype.byteorder == ">" else "little"
    if dtype.byteorder == "=" or (dtype.byteorder == "|" and size > 1):
        order = sys.byteorder
    return [(offset + start, size, order) for start in range(0, dtype.itemsize, size)]


def _word_size(dtype: np.dtype[Any]) -> int:
    """Bytes of the words that an element without fields is made of."""
    if dtype.kind == "c":
        return dtype.itemsize // 2
    if dtype.kind == "U":
        return 4
    if dtype.kind in "iufmM":
        return dtype.itemsize
    # Types that others add to NumPy (bfloat16) are of kind V, as raw bytes are, but of their own
    # scalar type.
    if dtype.kind == "V" and dtype.type is not np.void:
        return dtype.itemsize
    return 1


def swap_words(data: npt.NDArray[np.uint8], itemsize: int, swap: Swap) -> npt.NDArray[np.uint8]:
    """The bytes of elements of `itemsize` with the words of `swap` reversed; a copy if any are."""
    if swap == 0 or data.size == 0:
        return data
    if isinstance(swap, int):
        return data.view(f"u{swap}").byteswap().view(np.uint8)
    order = np.arange(itemsize)
    for offset, size in swap:
        order[offset : offset + size] = order[offset : offset + size][::-1].copy()
    swapped: npt.NDArray[np.uint8] = data.reshape(-1, itemsize)[:, order].reshape(-1)
    return swapped
