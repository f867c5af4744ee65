"""Strings and byte strings of any length, kept by the engine while it moves references to them."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from zarr import _core

if TYPE_CHECKING:
    import numpy.typing as npt

    Numbers = npt.NDArray[np.void]

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
        if self._text and flat.dtype == _STRING:
            numbers = self.heap.load(flat)
        else:
            numbers = self.heap.number(flat.tolist())
        return np.frombuffer(numbers, self.number_type).reshape(elements.shape)

    def elements(self, numbers: Numbers) -> npt.NDArray[Any]:
        """The elements with these numbers, in the shape of `numbers`."""
        found = np.empty(numbers.shape, self.dtype)
        self.place(numbers, found, fresh=True)
        return found

    def place(self, numbers: Numbers, out: npt.NDArray[Any], *, fresh: bool = False) -> None:
        """Write the elements with these numbers to an array of as many elements.

        Parameters
        ----------
        numbers
            The numbers.
        out
            Where to; of the type of the elements, or of objects.
        fresh
            Whether NumPy has just made `out`, and nobody wrote to it.
        """
        flat = np.ascontiguousarray(numbers).reshape(-1)
        as_objects = out.dtype.kind == "O"
        direct = out.flags.c_contiguous and (as_objects or out.dtype == _STRING)
        if direct:
            found = np.asarray(out).reshape(-1)
        else:
            found = np.empty(flat.size, "O" if as_objects else _STRING)
            fresh = True
        if as_objects:
            self.heap.place(flat, self._fill, found)
        else:
            self.heap.pack(flat, found, stands_in_array(), fresh)
        if not direct:
            out[...] = found.reshape(out.shape)


def _encoded(fill: Any) -> bytes:
    return fill.encode() if isinstance(fill, str) else bytes(fill)


@cache
def stands_in_array() -> bool:
    """Whether NumPy keeps short strings as the engine does, which its documentation leaves open.

    Where it does, both cores write a million of them in less time than NumPy's function takes.
    """
    lengths = range(1, 16)
    short = ["", *("é" * (n // 2) + "x" * (n % 2) for n in lengths), *("\0" * n for n in lengths)]
    theirs = np.array(short, _STRING)
    if theirs.itemsize != StringTable.number_type.itemsize:
        return False
    heap = _core.Heap(True, b"", False)
    ours = np.empty(theirs.size, _STRING)
    zeros = not any(_memory_of(ours))
    numbers = np.frombuffer(heap.number(short), StringTable.number_type)
    heap.pack(numbers, ours, True, True)
    return zeros and _memory_of(ours) == _memory_of(theirs)


def _memory_of(strings: npt.NDArray[Any]) -> bytes:
    import ctypes

    address: int = strings.__array_interface__["data"][0]
    return ctypes.string_at(address, strings.nbytes)
