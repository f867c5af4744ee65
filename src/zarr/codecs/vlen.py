"""The codecs of strings and byte strings, for those who code a chunk by themselves.

The engine knows their form: a count, then each element after its length.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from zarr.codecs.strings import StringTable

if TYPE_CHECKING:
    import numpy.typing as npt

    from zarr.codecs.foreign import Data, Elements, Shape


def encode(name: str, array: npt.NDArray[Any]) -> bytes:
    """The encoded form of an array of strings (``vlen-utf8``) or byte strings (``vlen-bytes``)."""
    table = StringTable(name == "vlen-utf8", array.dtype, None)
    return bytes(table.heap.encode(table.number(array)))


def decode(name: str, data: Data, count: int, dtype: np.dtype[Any]) -> npt.NDArray[Any]:
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
