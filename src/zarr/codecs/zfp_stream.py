"""Streams of ZFP, made safe: its decoder does not look where its input ends.

Behind a stream, there must be as much as the decoder may read, and what the stream itself says of
that must be plausible.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from zarr.errors import ChunkDecodeError

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST_RATE = 64
"""More bits for each number than that are no compression."""
_HEADER = 20
_LONG = 4095


def most_bytes(shape: Sequence[int], itemsize: int) -> int:
    """More bytes than ZFP reads for an array: of each block of 4 elements along each axis all bits,
    as many to tell which of them are set, and some for its exponent."""
    ndim = max(len(shape), 1)
    blocks = prod(-(-length // 4) for length in shape)
    return blocks * (2 * itemsize * (1 << 2 * ndim) + 32) + 64


def padded(data: bytes, shape: Sequence[int], itemsize: int) -> bytes:
    """A stream without a header, with zeros behind it."""
    most = most_bytes(shape, itemsize)
    if len(data) > most:
        raise ChunkDecodeError(f"Expected at most {most} bytes of zfp, found {len(data)}.")
    return data.ljust(most, b"\0")


def checked(data: bytes, count: int) -> bytes:
    """A stream that tells its own shape, which must be of `count` elements, with zeros behind it.

    The header, from the least significant bit on: the letters and a version (32 bits), the type of
    the elements (2), the number of axes (2), their lengths (48 in all), and the mode: 12 bits, or,
    where these are all ones, 52 more.
    """
    header = data[:_HEADER].ljust(_HEADER, b"\0")
    bits = int.from_bytes(header, "little")
    kind, axes = bits >> 32 & 3, (bits >> 34 & 3) + 1
    width = 48 // axes
    shape = [(bits >> 36 + width * axis & (1 << width) - 1) + 1 for axis in range(axes)]
    mode = bits >> 84 & _LONG
    if header[:3] != b"zfp" or len(data) < 12:
        raise ChunkDecodeError("Expected a stream of zfp, found something else.")
    if prod(shape) != count:
        raise ChunkDecodeError(f"Expected a stream of {count} elements of zfp, found {shape}.")
    # The bits that are read of each block, however many it has.
    least = mode + 1 if mode < 2048 else (bits >> 96 & 0x7FFF) + 1 if mode == _LONG else 1
    if least > MOST_RATE << 2 * axes:
        raise ChunkDecodeError(f"A stream of zfp has {least} bits for each block of {axes} axes.")
    return padded(data, shape, 8 if kind in (1, 3) else 4) + bytes(_HEADER)
