"""The form of variable-length elements: a count, then each element after its length.

All numbers are unsigned integers of four bytes, little-endian.
"""

from __future__ import annotations

import struct
from math import prod
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from zarr.errors import ChunkDecodeError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Self

    import numpy.typing as npt

    from zarr.codecs.foreign import Data, Elements, Shape
    from zarr.codecs.objects import ObjectTable

Source = TypeVar("Source", str, bytes)

_MOST = 2**32 - 1


def encode_items(items: Sequence[bytes]) -> bytes:
    """The encoded form of byte strings."""
    sizes = np.fromiter(map(len, items), np.int64, len(items))
    return _interleaved(b"".join(items), sizes)


def _interleaved(content: bytes, sizes: npt.NDArray[np.int64]) -> bytes:
    """The count, then each stretch of `content` after its size."""
    if sizes.size > _MOST or (sizes.size and int(np.max(sizes)) > _MOST):
        raise ValueError(f"A chunk holds at most {_MOST} elements of at most {_MOST} bytes.")
    encoded = np.empty(4 + 4 * sizes.size + len(content), np.uint8)
    encoded[:4] = np.array([sizes.size], "<u4").view(np.uint8)
    # Where the size of each element is: after the count, and all elements before it.
    heads = 4 + 4 * np.arange(sizes.size) + np.cumsum(sizes) - sizes
    places = (heads[:, None] + np.arange(4)).reshape(-1)
    is_content = np.ones(encoded.size, np.bool_)
    is_content[:4] = False
    is_content[places] = False
    encoded[places] = sizes.astype("<u4").view(np.uint8)
    encoded[is_content] = np.frombuffer(content, np.uint8)
    return encoded.tobytes()


def decode_items(data: Data, expected: int) -> list[bytes]:
    """The byte strings in an encoded form, which must be `expected` many."""
    stored = bytes(data)
    return _split(stored, stored, expected)


def _split(stored: bytes, source: Source, expected: int) -> list[Source]:
    """The elements of `stored`, as stretches of `source`, which is as long."""
    end = len(stored)
    if end < 4:
        raise ChunkDecodeError(f"Expected the number of elements, found {end} bytes.")
    unpack = struct.Struct("<I").unpack_from
    (count,) = unpack(stored)
    if count != expected:
        raise ChunkDecodeError(f"Expected {expected} elements, found {count}.")
    if 4 + 4 * count > end:
        raise ChunkDecodeError(
            f"Expected at least {4 + 4 * count} bytes for {count} elements, found {end}."
        )
    items: list[Source] = []
    start = 4
    for index in range(count):
        if start + 4 > end:
            raise ChunkDecodeError(f"Expected {count} elements, found the end after {index}.")
        (length,) = unpack(stored, start)
        start += 4
        stop = start + length
        if stop > end:
            raise ChunkDecodeError(
                f"Expected {length} bytes of element {index}, found {end - start}."
            )
        items.append(source[start:stop])
        start = stop
    if start != end:
        raise ChunkDecodeError(f"Expected {start} bytes, found {end - start} more.")
    return items


def encode_text(array: npt.NDArray[Any]) -> bytes:
    """The encoded form of an array of strings, in UTF-8."""
    items = array.reshape(-1).tolist()
    try:
        text = "".join(items)
    except TypeError:
        return encode_items([_utf8(item) for item in items])
    if text.isascii():  # one byte a character: no need to encode each string
        return _interleaved(text.encode(), np.fromiter(map(len, items), np.int64, len(items)))
    return encode_items(list(map(str.encode, items)))


def decode_text(data: Data, count: int, dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    """An array of `count` strings from their encoded form."""
    stored = bytes(data)
    if stored.isascii():  # the sizes too: then text and bytes have the same places
        return _filled(_split(stored, stored.decode("ascii"), count), dtype)
    items = _split(stored, stored, count)
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
    if dtype.kind == "T":
        return np.array(items, dtype)
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
