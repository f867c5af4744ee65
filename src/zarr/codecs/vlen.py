"""The form of variable-length elements: a count, then each element after its length.

All numbers are unsigned integers of four bytes, little-endian.
"""

from __future__ import annotations

import struct
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from zarr.errors import ChunkDecodeError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Self

    import numpy.typing as npt

    from zarr.codecs.foreign import Data, Elements, Shape
    from zarr.codecs.objects import ObjectTable

_NUMBER = struct.Struct("<I")
_MOST = 2**32 - 1


def encode_items(items: Iterable[bytes]) -> bytes:
    """The encoded form of byte strings."""
    pack = _NUMBER.pack
    parts = [b""]
    try:
        for item in items:
            parts.append(pack(len(item)))
            parts.append(item)
        parts[0] = pack(len(parts) // 2)
    except struct.error as error:
        raise ValueError(
            f"A chunk holds at most {_MOST} elements of at most {_MOST} bytes."
        ) from error
    return b"".join(parts)


def decode_items(data: Data, expected: int) -> list[bytes]:
    """The byte strings in an encoded form, which must be `expected` many."""
    view = bytes(data)
    end = len(view)
    if end < 4:
        raise ChunkDecodeError(f"Expected the number of elements, found {end} bytes.")
    (count,) = _NUMBER.unpack_from(view)
    if count != expected:
        raise ChunkDecodeError(f"Expected {expected} elements, found {count}.")
    if 4 + 4 * count > end:
        raise ChunkDecodeError(
            f"Expected at least {4 + 4 * count} bytes for {count} elements, found {end}."
        )
    items: list[bytes] = []
    unpack = _NUMBER.unpack_from
    start = 4
    for index in range(count):
        if start + 4 > end:
            raise ChunkDecodeError(f"Expected {count} elements, found the end after {index}.")
        (length,) = unpack(view, start)
        start += 4
        stop = start + length
        if stop > end:
            raise ChunkDecodeError(
                f"Expected {length} bytes of element {index}, found {end - start}."
            )
        items.append(view[start:stop])
        start = stop
    if start != end:
        raise ChunkDecodeError(f"Expected {start} bytes, found {end - start} more.")
    return items


def encode_text(array: npt.NDArray[Any]) -> bytes:
    """The encoded form of an array of strings, in UTF-8."""
    return encode_items([_utf8(item) for item in array.reshape(-1).tolist()])


def decode_text(data: Data, count: int, dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    """An array of `count` strings from their encoded form."""
    items = decode_items(data, count)
    try:
        texts = [item.decode() for item in items]
    except UnicodeDecodeError as error:
        raise ChunkDecodeError(f"Expected text in UTF-8: {error}.") from error
    return _filled(texts, dtype)


def encode_bytes(array: npt.NDArray[Any]) -> bytes:
    """The encoded form of an array of byte strings."""
    return encode_items([_raw(item) for item in array.reshape(-1).tolist()])


def decode_bytes(data: Data, count: int, dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    """An array of `count` byte strings from their encoded form."""
    return _filled(decode_items(data, count), dtype)


def _filled(items: list[Any], dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    array = np.empty(len(items), dtype)
    array[:] = items
    return array


def _utf8(item: object) -> bytes:
    if isinstance(item, str):
        return item.encode()
    if _is_missing(item):
        return b""
    raise TypeError(f"Expected str, got {type(item).__name__}")


def _raw(item: object) -> bytes:
    if isinstance(item, (bytes, bytearray, memoryview)):
        return bytes(item)
    if _is_missing(item):
        return b""
    raise TypeError(f"Expected bytes, got {type(item).__name__}")


def _is_missing(item: object) -> bool:
    """Whether an element of an object array was never set: NumPy leaves None or 0 there."""
    return item is None or (type(item) is int and item == 0)


_CODING = {
    "vlen-utf8": (encode_text, decode_text),
    "vlen-bytes": (encode_bytes, decode_bytes),
}


class VLenSerializer:
    """Arrays of strings or byte strings as a link of the engine.

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
        self._encode, self._decode = _CODING[name]

    def bound(self, table: ObjectTable) -> Self:
        """The same, for the elements of a table."""
        return type(self)(self.name, self._elements.bound(table))

    def encode(self, data: Data, shape: Shape) -> bytes:
        return self._encode(self._elements.array(data, tuple(shape)))

    def decode(self, data: Data, shape: Shape) -> memoryview:
        array = self._decode(data, prod(shape), self._elements.dtype)
        return self._elements.data(array.reshape(shape))

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}>"
