"""Strings and byte strings of any length, kept by the engine while it moves references to them."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from zarr import _core

if TYPE_CHECKING:
    import numpy.typing as npt

    Numbers = npt.NDArray[np.void]

_BLOCK = 1024
_STRING = np.dtypes.StringDType()


class StringTable:
    """The strings that take part in one operation; see `zarr.codecs.objects.ObjectTable`.

    Parameters
    ----------
    text
        Whether the elements are strings, and not byte strings.
    dtype
        The type of the elements in memory: NumPy's strings, or objects.
    fill_value
        What stands for elements that were never written.
    writing
        Whether chunks are to be written.

    Examples
    --------
    >>> import numpy as np
    >>> table = StringTable(True, np.dtypes.StringDType(), "")
    >>> numbers = table.number(np.array(["a", "b"], dtype="T"))
    >>> table.elements(numbers[::-1])
    array(['b', 'a'], dtype=StringDType())
    """

    number_type = np.dtype("V16")

    def __init__(
        self, text: bool, dtype: np.dtype[Any], fill_value: object, *, writing: bool = False
    ) -> None:
        self.dtype = dtype
        self._text = text
        self._fill = "" if fill_value is None and dtype.kind == "T" else fill_value
        # What is no string (None) is kept apart from all strings.
        is_string = isinstance(self._fill, str if text else bytes)
        self.heap = _core.Heap(text, _encoded(self._fill) if is_string else None, writing)
        self.fill_number: bytes = self.heap.fill

    def number(self, elements: npt.NDArray[Any]) -> Numbers:
        """Add elements, and give the number of each, in the shape of `elements`."""
        flat = np.ascontiguousarray(elements.astype(self.dtype, copy=False)).reshape(-1)
        if self._text and flat.dtype == _STRING and stands_in_array():
            numbers = self._unpacked(flat)
        else:
            numbers = self._numbered(flat)
        return numbers.reshape(elements.shape)

    def elements(self, numbers: Numbers) -> npt.NDArray[Any]:
        """The elements with these numbers, in the shape of `numbers`."""
        found = np.empty(numbers.shape, self.dtype)
        self.place(numbers, found)
        return found

    def place(self, numbers: Numbers, out: npt.NDArray[Any]) -> None:
        """Write the elements with these numbers to an array of as many elements."""
        flat = np.ascontiguousarray(numbers).reshape(-1)
        if self._text and out.dtype == _STRING and out.flags.c_contiguous and stands_in_array():
            view = out.reshape(-1)
            long = self.heap.pack(flat, memory_of(view)) if out.size else []
            if long is not None:
                if long:
                    view[long] = np.array(self._items(flat[long]), out.dtype)
                return
        found = out.reshape(-1) if out.flags.c_contiguous else np.empty(flat.size, self.dtype)
        if self.dtype.kind == "O":
            self.heap.place(flat, self._fill, found)
        else:  # in blocks: objects that go at once are made of memory that is near
            for start in range(0, flat.size, _BLOCK):
                found[start : start + _BLOCK] = self._items(flat[start : start + _BLOCK])
        if not out.flags.c_contiguous:
            out[...] = found.reshape(out.shape)

    def _items(self, numbers: Numbers) -> list[Any]:
        return self.heap.items(numbers, self._fill)

    def _numbered(self, flat: npt.NDArray[Any]) -> Numbers:
        return np.frombuffer(self.heap.number(flat.tolist()), self.number_type)

    def _unpacked(self, flat: npt.NDArray[Any]) -> Numbers:
        if flat.size == 0:
            return np.empty(0, self.number_type)
        unpacked = self.heap.unpack(memory_of(flat))
        if unpacked is None:
            return self._numbered(flat)
        packed, long = unpacked
        numbers: Numbers = np.frombuffer(packed, self.number_type)
        if long:
            numbers = numbers.copy()
            numbers[long] = self._numbered(flat[long])
        return numbers


def _encoded(fill: Any) -> bytes:
    return fill.encode() if isinstance(fill, str) else bytes(fill)


def memory_of(strings: npt.NDArray[Any]) -> Numbers:
    """The memory of a contiguous array of NumPy's strings, 16 bytes for each.

    NumPy does not lend it: the caller keeps the array. Only short strings may be written, and only
    over nothing.
    """
    import ctypes

    address: int = strings.__array_interface__["data"][0]
    block = (ctypes.c_char * strings.nbytes).from_address(address)
    return np.frombuffer(block, StringTable.number_type)


@cache
def stands_in_array() -> bool:
    """Whether NumPy keeps short strings as the engine does, which its documentation leaves open.

    Where it does, a million of them are placed in less time than NumPy takes to cast them.
    """
    lengths = range(1, 16)
    short = ["", *("é" * (n // 2) + "x" * (n % 2) for n in lengths), *("\0" * n for n in lengths)]
    strings = np.array([*short, "é" * 8, "x" * 300, "x" * 1000], _STRING)
    if strings.itemsize != StringTable.number_type.itemsize:
        return False
    heap = _core.Heap(True, b"", False)
    numbers = heap.number(strings.tolist())
    packed = np.zeros(strings.size, StringTable.number_type)
    elsewhere = [len(short), len(short) + 1, len(short) + 2]
    if heap.pack(np.frombuffer(numbers, packed.dtype), packed) != elsewhere:
        return False
    theirs = memory_of(strings)
    unpacked = heap.unpack(theirs)
    if unpacked is None:
        return False
    found, long = unpacked
    same = heap.items(np.frombuffer(found, packed.dtype)[: len(short)], "") == short
    fresh = np.empty(64, _STRING)
    zeros = not memory_of(fresh).view(np.uint8).any()
    equal = packed[: len(short)].tobytes() == theirs[: len(short)].tobytes()
    return long == elsewhere and same and zeros and equal
