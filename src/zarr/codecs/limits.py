"""How much data may become when they are decoded, and decoders that stop there.

Where the metadata tell the size of decoded data, that is the limit. Where they do not (strings,
codecs that say nothing of the size of their output), it is a setting.
"""

from __future__ import annotations

import struct
from functools import partial
from math import prod
from typing import TYPE_CHECKING, Any, Final, TypeVar

from zarr import _core
from zarr.errors import ChunkDecodeError
from zarr.settings import config

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import NoReturn

    from zarr.abc.numcodec import Numcodec
    from zarr.codecs.base import Link
    from zarr.metadata.spec import ArraySpec

SETTING: Final = "array.decoded_max_bytes"

# As in the engine: large chunks that compress as data do are no attack, nor those of many elements.
_RATIO = 100
_PER_ELEMENT = 4

F = TypeVar("F", bound="Callable[..., Any]")


def decoded_max() -> int:
    """The setting ``array.decoded_max_bytes``."""
    return min(config.settings.array__decoded_max_bytes, 2**63 - 1)


def most_decoded(stored: int, nbytes: int = 0) -> int:
    """The most bytes that `stored` ones may become, in a chunk of `nbytes` in memory."""
    return max(decoded_max(), _RATIO * stored, _PER_ELEMENT * nbytes)


def chunk_bytes(spec: ArraySpec) -> int:
    """About how many bytes a chunk of `spec` has in memory."""
    size: int = spec.dtype.to_native_dtype().itemsize
    return prod(spec.shape) * size


def takes_limit(method: F) -> F:
    """Mark a method that decodes a chunk: it takes the most bytes there may be as ``limit``."""
    method.takes_limit = True  # type: ignore[attr-defined]
    return method


# numcodecs' codecs whose stored form the engine reads, whatever else their configuration says.
_OF_THE_ENGINE: dict[str, Link] = {
    "blosc": ("blosc", ("lz4", 5, 1, 1, 0)),
    "gzip": ("gzip", 1),
    "lz4": ("lz4", 1),
    "zlib": ("zlib", 1),
    "zstd": ("zstd", (0, False)),
}


def decode_at_most(codec: Numcodec, data: Any, limit: int) -> object:
    """Decode `data` with a codec of numcodecs, to at most `limit` bytes if it makes bytes.

    Raises
    ------
    ChunkDecodeError
        If it is more.
    """
    if type(codec).__module__.partition(".")[0] != "numcodecs":
        return codec.decode(data)
    name: str = codec.codec_id
    try:
        if name in _OF_THE_ENGINE:
            return _core.decode_bytes([_OF_THE_ENGINE[name]], data, limit=limit)
        if name == "bz2":
            from bz2 import BZ2Decompressor  # late: few arrays have such chunks

            return _streams(name, data, limit, BZ2Decompressor, OSError)
        if name == "lzma":
            from lzma import LZMADecompressor, LZMAError  # late: as above

            lzma_codec: Any = codec
            begin = partial(LZMADecompressor, format=lzma_codec.format, filters=lzma_codec.filters)
            return _streams(name, data, limit, begin, LZMAError)
        return codec.decode(data)
    except _SAY_NOTHING as error:
        raise ChunkDecodeError(
            f"The codec {name!r} cannot decode the chunk: {type(error).__name__}: {error}"
        ) from error


# The errors that numcodecs raises for damaged data and strange configurations.
_SAY_NOTHING: Final = (ArithmeticError, AssertionError, AttributeError, LookupError, struct.error)


def _streams(
    name: str, data: Any, limit: int, begin: Callable[[], Any], damaged: type[Exception]
) -> bytes:
    """One stream after the other, up to the first bytes that are none, as Python's modules do."""
    found: list[bytes] = []
    rest, size = bytes(data), 0
    while rest:
        stream = begin()
        try:
            piece = stream.decompress(rest, limit - size + 1)
        except (OSError, ValueError, damaged) as error:
            if found:
                break
            raise ChunkDecodeError(
                f"The data of the codec {name!r} are damaged: {error}"
            ) from error
        size += len(piece)
        if size > limit:
            over_limit(name, limit)
        if not stream.eof:
            raise ChunkDecodeError(
                f"The data of the codec {name!r} end before their end is marked."
            )
        found.append(piece)
        rest = stream.unused_data
    return b"".join(found)


def over_limit(codec: str, limit: int) -> NoReturn:
    """Refuse data that become more than `limit` bytes."""
    found = (
        f"The data of the codec {codec!r} are too long: expected at most {limit} bytes, found more."
    )
    if limit >= decoded_max():  # smaller ones are those of the metadata
        found += f" If they are sound, raise the setting {SETTING!r} and open the array again."
    raise ChunkDecodeError(found)


MOST_RATE = 64
"""More bits for each number than that are no compression."""
_HEADER = 20
_LONG = 4095


def most_bytes(shape: Sequence[int], itemsize: int) -> int:
    """More bytes than ZFP reads for an array.

    Of each block of 4 elements along each dimension it reads all bits, as many to tell which of
    them are set, and some for its exponent.
    """
    ndim = max(len(shape), 1)
    blocks = prod(-(-length // 4) for length in shape)
    return blocks * (2 * itemsize * (1 << 2 * ndim) + 32) + 64


def padded(data: bytes, shape: Sequence[int], itemsize: int) -> bytes:
    """Return a stream without a header, with zeros appended up to the longest that it can be."""
    most = most_bytes(shape, itemsize)
    if len(data) > most:
        raise ChunkDecodeError(f"Expected at most {most} bytes of zfp, found {len(data)}.")
    return data.ljust(most, b"\0")


def checked(data: bytes, count: int) -> bytes:
    """A stream that tells its own shape, which must be of `count` elements, with zeros behind it.

    The header, from the least significant bit on: the letters and a version (32 bits), the type of
    the elements (2), the number of dimensions (2), their lengths (48 in all), and the mode: 12
    bits, or, where these are all ones, 52 more.
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
        raise ChunkDecodeError(
            f"A stream of zfp has {least} bits for each block of {axes} dimensions."
        )
    return padded(data, shape, 8 if kind in (1, 3) else 4) + bytes(_HEADER)
