"""Elements of no fixed size (strings, bytes, objects) for an engine that moves fixed ones.

The engine reads and writes arrays of any fixed element size. So that it serves the others too, it
is given numbers: each decoded chunk becomes a part of a table, and the engine moves the places in
the table; at the end the numbers are exchanged for the elements. One table serves one operation.

If the engine has all codecs of a chain of strings, it keeps the table, too: see `StringTable`.
"""

from __future__ import annotations

import threading
from bisect import bisect_right
from functools import cache
from math import prod
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from zarr import _core

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import numpy.typing as npt

    from zarr.codecs.base import Array, Link
    from zarr.codecs.python_codec import Data, Elements, Shape
    from zarr.dtype.base import TBaseDType
    from zarr.types import AnyScalar

    Numbers = npt.NDArray[np.void]


_STRING = np.dtypes.StringDType()


class StringTable:
    """The strings that take part in one operation, kept by the engine; see `ObjectTable`.

    Parameters
    ----------
    text
        Whether the elements are strings, and not byte strings.
    dtype
        The type of the elements in memory: NumPy's strings, or objects.
    fill_value
        The value of elements that were never written.
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
        self, text: bool, dtype: TBaseDType, fill_value: object, *, writing: bool = False
    ) -> None:
        self.dtype = dtype
        self._text = text
        self._fill = "" if fill_value is None and dtype.kind == "T" else fill_value
        # Fill values that are no strings (None) are kept apart from all strings.
        is_string = isinstance(self._fill, str if text else bytes)
        self.heap = _core.Heap(text, _encoded(self._fill) if is_string else None, writing)
        self.fill_number: bytes = self.heap.fill

    def number(self, elements: Array) -> Numbers:
        """Add elements, and give the number of each, in the shape of `elements`."""
        flat = np.ascontiguousarray(elements.astype(self.dtype, copy=False)).reshape(-1)
        if self._text and flat.dtype == _STRING:
            numbers = self.heap.load(flat)
        else:
            numbers = self.heap.number(flat.tolist())
        return np.frombuffer(numbers, self.number_type).reshape(elements.shape)

    def elements(self, numbers: Numbers) -> Array:
        """The elements with these numbers, in the shape of `numbers`."""
        found = np.empty(numbers.shape, self.dtype)
        self.place(numbers, found, fresh=True)
        return found

    def place(self, numbers: Numbers, out: Array, *, fresh: bool = False) -> None:
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


def _encoded(fill: AnyScalar) -> bytes:
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


def _memory_of(strings: Array) -> bytes:
    import ctypes

    address: int = strings.__array_interface__["data"][0]
    return ctypes.string_at(address, strings.nbytes)


def encode(name: str, array: Array) -> bytes:
    """The encoded form of an array of strings (``vlen-utf8``) or byte strings (``vlen-bytes``)."""
    table = StringTable(name == "vlen-utf8", array.dtype, None)
    return bytes(table.heap.encode(table.number(array)))


def decode(name: str, data: Data, count: int, dtype: TBaseDType) -> Array:
    """An array of `count` elements from their encoded form."""
    table = StringTable(name == "vlen-utf8", dtype, "" if name == "vlen-utf8" else b"")
    numbers = memoryview(table.heap.decode(data, count))
    return table.elements(np.frombuffer(numbers, table.number_type))


class VLenSerializer:
    """One of the two codecs beside others that Python runs.

    Parameters
    ----------
    name
        ``"vlen-utf8"`` or ``"vlen-bytes"``.
    elements
        The elements of the array.
    """

    kind = "array_bytes"
    takes_objects = True

    def __init__(self, name: str, elements: Elements) -> None:
        self.name = name
        self._elements = elements

    def encode(self, data: Data, shape: Shape) -> bytes:
        return encode(self.name, self._elements.array(data, tuple(shape)))

    def decode(self, data: Data, shape: Shape) -> memoryview:
        array = decode(self.name, data, prod(shape), self._elements.dtype)
        return self._elements.data(array.reshape(shape))

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}>"


NUMBER_SIZE = 8
"""Bytes of a number that stands for an element, for codecs that Python runs."""


def holds_objects(dtype: TBaseDType) -> bool:
    """Whether elements are not stored in the array itself but elsewhere in memory."""
    return dtype.hasobject  # NumPy says so of its own strings too


class ObjectTable:
    """The elements that take part in one operation.

    Parameters
    ----------
    dtype
        The type of the elements in memory.
    fill_value
        The element with number 0.
    writing
        Whether chunks are to be written: elements equal to the fill value are then given its
        number, so that the engine can tell a chunk that need not be stored.

    Examples
    --------
    >>> import numpy as np
    >>> table = ObjectTable(np.dtype(object), "")
    >>> numbers = table.number(np.array(["a", "b"], dtype=object))
    >>> table.elements(numbers[::-1])
    array(['b', 'a'], dtype=object)
    """

    number_type = np.dtype(np.int64)
    fill_number = bytes(NUMBER_SIZE)

    def __init__(self, dtype: TBaseDType, fill_value: object, *, writing: bool = False) -> None:
        fill = np.empty(1, dtype)
        fill[0] = "" if fill_value is None and dtype.kind == "T" else fill_value
        self.dtype = dtype
        self._fill_value = fill[0]
        self._writing = writing
        self._parts = [fill]
        self._starts = [0]
        self._count = 1
        self._lock = threading.Lock()

    def number(self, elements: Array) -> npt.NDArray[np.int64]:
        """Add elements, and give the number of each, in the shape of `elements`."""
        part = elements.astype(self.dtype, copy=False).reshape(-1)
        with self._lock:
            start = self._count
            self._count += part.size
            self._starts.append(start)
            self._parts.append(part)
        numbers = np.arange(start, start + part.size, dtype=np.int64)
        if self._writing:
            numbers[self._is_fill(part)] = 0
        return numbers.reshape(elements.shape)

    def elements(self, numbers: npt.NDArray[np.int64]) -> Array:
        """The elements with these numbers, in the shape of `numbers`."""
        flat = numbers.reshape(-1)
        if flat.size == 0:
            return np.empty(numbers.shape, self.dtype)
        first, last = int(flat[0]), int(flat[-1])
        with self._lock:
            index = bisect_right(self._starts, first) - 1
            part, start = self._parts[index], self._starts[index]
        consecutive = last - first == flat.size - 1 and bool((np.diff(flat) == 1).all())
        if consecutive and last - start < part.size:
            found = part[first - start : last - start + 1]
        else:
            found = self._gather(flat)
        return found.reshape(numbers.shape)

    def place(self, numbers: npt.NDArray[np.int64], out: Array, *, fresh: bool = False) -> None:
        """Write the elements with these numbers to an array of as many elements."""
        out[...] = self.elements(numbers).reshape(out.shape)

    def _gather(self, flat: npt.NDArray[np.int64]) -> Array:
        with self._lock:
            parts, starts = list(self._parts), np.array(self._starts)
        used = np.unique(np.searchsorted(starts, flat, side="right") - 1)
        bases = np.cumsum([0, *(parts[index].size for index in used[:-1])])
        shift = np.zeros(len(parts), np.int64)
        shift[used] = bases - starts[used]
        places = flat + shift[np.searchsorted(starts, flat, side="right") - 1]
        whole = np.concatenate([parts[index] for index in used])
        found: Array = whole[places]
        return found

    def _is_fill(self, part: Array) -> npt.NDArray[np.bool_]:
        fill = self._fill_value
        if self.dtype.kind == "T":
            return np.asarray(part == fill)
        # Elements may be arrays, or of types that compare in their own ways: ask equal types only.
        kind = type(fill)
        if issubclass(kind, np.ndarray):
            return np.fromiter((_same_arrays(item, fill) for item in part), np.bool_, part.size)
        if kind is float:  # 0.0 is no -0.0, though NumPy and Python say that they are equal
            same = fill.hex()
            return np.fromiter((type(item) is float and item.hex() == same for item in part), bool)
        if kind not in (str, bytes, int, bool, type(None)):
            return np.zeros(part.size, np.bool_)
        return np.fromiter((type(item) is kind and item == fill for item in part), np.bool_)


def _same_arrays(one: object, other: Array) -> bool:
    if one is other or not isinstance(one, np.ndarray):
        return one is other
    # As plain arrays: those of other packages may compare in ways of their own.
    found, expected = np.asarray(one), np.asarray(other)
    return (
        found.dtype == expected.dtype
        and found.shape == expected.shape
        and not found.dtype.hasobject
        and found.tobytes() == expected.tobytes()
    )


Table: TypeAlias = ObjectTable | StringTable


def table_for(
    chain: Iterable[Link], dtype: TBaseDType, fill_value: object, *, writing: bool
) -> Table:
    """The table for elements of no fixed size that a chain codes."""
    coders = set(_coders(chain))
    if coders == {"vlen-utf8"} or (coders == {"vlen-bytes"} and dtype.kind == "O"):
        return StringTable("vlen-utf8" in coders, dtype, fill_value, writing=writing)
    return ObjectTable(dtype, fill_value, writing=writing)


def _coders(chain: Iterable[Link]) -> Iterator[str]:
    """The names of the codecs of a chain that code objects; ``python`` for those of others."""
    for name, parameters in chain:
        if name == "sharding_indexed":
            yield from _coders(parameters[1])
        elif name == "vlen":
            yield parameters[0]
        elif name == "python" and parameters.takes_objects:
            yield name


def bind(chain: Iterable[Link], table: Table) -> tuple[Link, ...]:
    """A chain whose codecs take the numbers of `table` for elements."""
    return tuple(_bound(link, table) for link in chain)


def _bound(link: Link, table: Table) -> Link:
    name, parameters = link
    if name == "sharding_indexed":
        inner_shape, inner_chain, *rest = parameters
        return (name, (inner_shape, bind(inner_chain, table), *rest))
    if name == "vlen":
        if isinstance(table, StringTable):
            return (name, table.heap)
        codec, elements = parameters
        return ("python", VLenSerializer(codec, elements.bound(table)))
    if name == "python" and parameters.takes_objects:
        return (name, parameters.bound(table))
    return link
