"""A hash of the elements of an array that depends on nothing but their values and places.

Each element that differs from the fill value is hashed with its place in C order, and the hashes
are added. A sum has no order: the elements may come in blocks of any shape, and those of chunks
that are not stored need not come at all. docs/checking-and-mending.md defines it.
"""

from __future__ import annotations

import hashlib
from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from zarr.dtype import VariableLengthUTF8
from zarr.metadata.layout import layout_of
from zarr.tools.check.survey import canonical

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from zarr.metadata.layout import ArrayLayout
    from zarr.types import AnyNDArray, ArrayMetadata

    Words = npt.NDArray[np.uint64]

__all__ = ["Elements", "Sums", "type_name"]

_SLAB = 1 << 14
"""Elements that are hashed at a time: what is made of them stays in the cache of a CPU."""
_FIRST, _SECOND = 0x9E3779B97F4A7C15, 0xD1B54A32D192ED03
_MASK = 2**64 - 1


class Sums(NamedTuple):
    """The sums of two hashes, modulo 2^64."""

    first: int = 0
    second: int = 0

    def plus(self, other: Sums) -> Sums:
        """Return the sums of both together."""
        return Sums((self.first + other.first) & _MASK, (self.second + other.second) & _MASK)


class Elements:
    """Hashes elements of one array.

    Parameters
    ----------
    metadata
        Of the array.

    Raises
    ------
    TypeError
        If elements are objects of which only Python knows what they are.
    """

    def __init__(self, metadata: ArrayMetadata) -> None:
        layout = layout_of(metadata)
        self.shape = layout.shape
        self.type = type_name(layout)
        self._dtype = np.dtype(layout.dtype)
        self._strides = [prod(layout.shape[axis + 1 :]) for axis in range(len(layout.shape))]
        self._fill = self._words(_fill_of(layout))[:, 0].copy()

    def digest(self, sums: Sums) -> str:
        """Return the hash of all elements, given the sums over those that differ from the fill."""
        header = {
            "elements": "zarr-elements-1",
            "type": self.type,
            "shape": list(self.shape),
            "fill": [f"{word:016x}" for word in self._fill.tolist()],
            "sums": [f"{each:016x}" for each in sums],
        }
        return hashlib.sha256(canonical(header)).hexdigest()

    def sums(self, block: AnyNDArray, start: tuple[int, ...]) -> Sums:
        """Return the sums over a block.

        Parameters
        ----------
        block
            The elements.
        start
            The place of the first of them in the array.
        """
        found = Sums()
        for box in _slabs(block.shape):
            places = np.zeros((1,) * block.ndim, np.uint64)
            for axis, (part, first, stride) in enumerate(
                zip(box, start, self._strides, strict=True)
            ):
                # Modulo 2^64, as all that follows.
                along = np.arange(part.start, part.stop, dtype=np.uint64) + np.uint64(first)
                along *= np.uint64(stride & _MASK)
                places = places + along.reshape(-1, *(1,) * (block.ndim - 1 - axis))
            found = found.plus(self._hashed(places.reshape(-1), self._words(block[box])))
        return found

    def _hashed(self, state: Words, words: Words) -> Sums:
        counted = np.zeros(len(state), bool)
        for word, fill in zip(words, self._fill, strict=True):
            counted |= word != fill
        if not counted.any():
            return Sums()
        if not counted.all():
            state, words = state[counted], words[:, counted]
        spare = np.empty_like(state)
        state += np.uint64(_FIRST)
        _mix(state, spare)
        for word in words:
            state ^= word
            _mix(state, spare)
        first = int(state.sum(dtype=np.uint64))
        state += np.uint64(_SECOND)
        _mix(state, spare)
        return Sums(first, int(state.sum(dtype=np.uint64)))

    def _words(self, elements: AnyNDArray) -> Words:
        """The elements as 64-bit words, the first word of each in the first row."""
        size = self._dtype.itemsize
        if self._dtype.kind in "biufmM" and self._dtype.names is None and size in (1, 2, 4, 8):
            flat = np.ascontiguousarray(elements).reshape(-1)
            order = self._dtype.newbyteorder("=").str[1:]
            unsigned = flat.astype(f"={order}", copy=False).view(f"u{size}")
            return unsigned.astype(np.uint64).reshape(1, -1)
        if self._dtype.kind in "OT":
            return _hashes(elements.reshape(-1))
        return _as_words(_packed(elements.reshape(-1)))


def _mix(state: Words, spare: Words) -> None:
    """Mix the bits of each word, in place, so that each depends on all (splitmix64)."""
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        np.right_shift(state, np.uint64(shift), out=spare)
        state ^= spare
        state *= np.uint64(factor)
    np.right_shift(state, np.uint64(31), out=spare)
    state ^= spare


def _slabs(shape: tuple[int, ...]) -> Iterator[tuple[slice, ...]]:
    """Boxes that cover a shape, each of so many elements at most."""
    if not shape:
        yield ()
        return
    row = prod(shape[1:])
    if row > _SLAB:
        for index in range(shape[0]):
            for box in _slabs(shape[1:]):
                yield (slice(index, index + 1), *box)
        return
    rest = tuple(slice(0, length) for length in shape[1:])
    step = max(1, _SLAB // max(1, row))
    for first in range(0, shape[0], step):
        yield (slice(first, min(first + step, shape[0])), *rest)


def _packed(elements: AnyNDArray) -> npt.NDArray[np.uint8]:
    """The bytes of elements, a row for each: little-endian, fields without what is between them."""
    dtype, count = elements.dtype, len(elements)
    if dtype.names is not None:
        parts = []
        for name in dtype.names:
            field = elements[name]
            size = prod(field.shape[1:])
            parts.append(_packed(field.reshape(count * size)).reshape(count, -1))
        return np.concatenate(parts, axis=1) if parts else np.zeros((count, 0), np.uint8)
    if dtype.kind in "OT":
        return _hashes(elements).T.astype("<u8").view(np.uint8).reshape(count, 16)
    if dtype.kind in "biufcmMU":
        elements = elements.astype(dtype.newbyteorder("<"), copy=False)
    flat = np.ascontiguousarray(elements)
    return flat.view(np.dtype((np.void, dtype.itemsize))).view(np.uint8).reshape(count, -1)


def _as_words(packed: npt.NDArray[np.uint8]) -> Words:
    count, size = packed.shape
    padded = np.zeros((count, max(8, -(-size // 8) * 8)), np.uint8)
    padded[:, :size] = packed
    words: Words = padded.view("<u8").astype(np.uint64).T
    return words


def _hashes(elements: AnyNDArray) -> Words:
    """Two words for each element of any length."""
    whole = b"".join(
        hashlib.blake2b(_bytes_of(each), digest_size=16).digest() for each in elements.tolist()
    )
    return np.frombuffer(whole, "<u8").reshape(-1, 2).T.astype(np.uint64)


def _bytes_of(element: Any) -> bytes:
    if isinstance(element, str):
        return b"s" + element.encode("utf-8", "surrogatepass")
    if isinstance(element, (bytes, bytearray, memoryview)):
        return b"b" + bytes(element)
    if isinstance(element, np.ndarray):
        if element.dtype.hasobject:
            return b"l" + b"".join(
                hashlib.blake2b(_bytes_of(each), digest_size=16).digest()
                for each in element.reshape(-1).tolist()
            )
        name = canonical([_name(element.dtype), list(element.shape)])
        return b"a" + name + _packed(element.reshape(-1)).tobytes()
    try:
        return b"j" + canonical(element)
    except (TypeError, ValueError) as error:
        raise TypeError(
            f"elements that are objects of {type(element)} have no digest: only strings, bytes, "
            "arrays and what JSON has do"
        ) from error


def _fill_of(layout: ArrayLayout) -> AnyNDArray:
    if layout.itemsize:
        return np.frombuffer(layout.fill, layout.dtype)
    made: AnyNDArray = np.empty(1, object)
    value: Any = layout.fill_value
    made[0] = str(value) if isinstance(layout.zdtype, VariableLengthUTF8) else value
    return made


def type_name(layout: ArrayLayout) -> object:
    """Return a name of a data type that is the same in both formats."""
    if isinstance(layout.zdtype, VariableLengthUTF8):
        return "string"
    return _name(np.dtype(layout.dtype))


def _name(dtype: np.dtype[Any]) -> object:
    if dtype.subdtype is not None:
        base, shape = dtype.subdtype
        return [_name(base), list(shape)]
    if dtype.names is not None:
        return {"fields": [[name, _name(dtype[name])] for name in dtype.names]}
    if dtype.kind == "O":
        return "object"
    if dtype.kind == "T":
        return "string"
    if dtype.isbuiltin == 2:  # of another package
        return dtype.name
    return dtype.newbyteorder("<").str
