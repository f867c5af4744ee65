"""Configurations of numcodecs codecs as links of the engine, where it has the codec."""

from __future__ import annotations

from functools import cached_property
from math import prod
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from zarr.codecs.limits import checked, decode_at_most, most_decoded
from zarr.errors import ChunkDecodeError, PickleCodecDisabledError
from zarr.registry import get_numcodec
from zarr.settings import config

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Self

    from zarr.abc.numcodec import Numcodec
    from zarr.codecs.base import Array, Link
    from zarr.codecs.python_codec import Data, Elements, Shape
    from zarr.codecs.vlen import ObjectTable
    from zarr.dtype.base import TBaseDType
    from zarr.types import MemoryOrder

_BLOSC_CNAMES: Final = frozenset({"lz4", "lz4hc", "blosclz", "snappy", "zlib", "zstd"})
_MAX_TYPESIZE: Final = 255
_AUTOSHUFFLE: Final = -1


def codec_id(config: Mapping[str, object]) -> str:
    """The name of a codec in its configuration."""
    name = config.get("id")
    if not isinstance(name, str):
        raise ValueError(f"The configuration of a codec needs an 'id'. Got {dict(config)}.")
    return name


_OWN: Final = {
    "bitround": {"keepbits"},
    "blosc": {"cname", "clevel", "shuffle", "blocksize", "typesize"},
    "crc32c": {"location"},
    "delta": {"dtype", "astype"},
    "gzip": {"level"},
    "lz4": {"acceleration"},
    "shuffle": {"elementsize"},
    "vlen-bytes": set[str](),
    "vlen-utf8": set[str](),
    "zlib": {"level"},
    "zstd": {"level", "checksum"},
}
"""The codecs that the engine has, and what it understands of their configurations."""


def is_understood(config: Mapping[str, object]) -> bool:
    """Return whether the engine knows a codec, and all that its configuration says."""
    name = codec_id(config)
    if name not in _OWN or (name == "delta" and "dtype" not in config):
        return False
    return config.keys() <= {"id", *_OWN[name]}


def bytes_link(config: Mapping[str, Any], typesize: int) -> Link | None:
    """The link for a codec from bytes to bytes; None if the engine does not have it.

    Parameters
    ----------
    config
        The codec's configuration, as numcodecs writes it.
    typesize
        Bytes of the elements that the bytes are of; 1 where they are bytes of no type.
    """
    name = codec_id(config)
    if name == "blosc":
        return _blosc_link(config, typesize)
    if name == "zstd":
        level, checksum = config.get("level", 0), config.get("checksum", False)
        return ("zstd", (min(level, 22), bool(checksum))) if _is_int(level) else None
    if name in ("gzip", "zlib"):
        level = config.get("level", 1)
        if not _is_int(level) or not -1 <= level <= 9:
            return None
        return (name, 6 if level == -1 else level)  # -1 is zlib's word for 6
    if name == "lz4":
        acceleration = config.get("acceleration", 1)
        return ("lz4", max(acceleration, 1)) if _is_int(acceleration) else None
    if name == "shuffle":
        size = config.get("elementsize", 4)
        return ("shuffle", max(size, 1)) if _is_int(size) else None
    if name == "crc32c" and config.get("location") in (None, "end"):
        return ("crc32c", "end")
    return None


def array_link(config: Mapping[str, Any], dtype: TBaseDType) -> Link | None:
    """The link for a codec from array to array of `dtype`; None if the engine does not have it."""
    if codec_id(config) == "bitround":
        return _bitround_link(config, dtype)
    if codec_id(config) != "delta" or "dtype" not in config:
        return None
    if dtype.kind not in "iu" and dtype.str[1:] not in ("f4", "f8"):
        return None
    try:
        decoded = np.dtype(config["dtype"])
        encoded = np.dtype(config.get("astype") or decoded)
    except TypeError:
        return None
    return ("delta", dtype.str) if decoded == encoded == dtype else None


def _bitround_link(config: Mapping[str, object], dtype: TBaseDType) -> Link | None:
    keepbits, mantissa = config.get("keepbits"), {2: 10, 4: 23, 8: 52}.get(dtype.itemsize, 0)
    if dtype.kind != "f" or not isinstance(keepbits, int) or not 1 <= keepbits <= mantissa:
        return None
    return ("bitround", (dtype.str, keepbits))


def _blosc_link(config: Mapping[str, Any], typesize: int) -> Link | None:
    cname, shuffle = config.get("cname", "lz4"), config.get("shuffle", 1)
    clevel, blocksize = config.get("clevel", 5), config.get("blocksize", 0)
    typesize = config.get("typesize") or typesize
    if cname not in _BLOSC_CNAMES or shuffle not in (_AUTOSHUFFLE, 0, 1, 2):
        return None
    if not (_is_int(clevel) and 0 <= clevel <= 9 and _is_int(blocksize) and _is_int(typesize)):
        return None
    if typesize > _MAX_TYPESIZE:
        typesize = 1
    if shuffle == _AUTOSHUFFLE:
        shuffle = 2 if typesize == 1 else 1
    return ("blosc", (cname, clevel, int(shuffle), typesize, max(blocksize, 0)))


def _is_int(value: object) -> bool:
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)


class NumcodecsSerializer:
    """From array to bytes through a list of codecs, each given what the one before it gives.

    Parameters
    ----------
    configs
        The configurations of the codecs, in the order of encoding.
    elements
        The elements of the array.
    order
        The order of the elements in the array that the first codec is given.
    """

    kind = "array_bytes"

    def __init__(
        self, configs: Iterable[Mapping[str, object]], elements: Elements, order: MemoryOrder = "C"
    ) -> None:
        self._configs = tuple(configs)
        self._elements = elements
        self._order: MemoryOrder = order
        self.name = "+".join(codec_id(config) for config in self._configs)
        self.takes_objects = elements.objects

    def bound(self, table: ObjectTable) -> Self:
        """The same, for the elements of a table."""
        return type(self)(self._configs, self._elements.bound(table), self._order)

    @cached_property
    def _codecs(self) -> tuple[Numcodec, ...]:
        return tuple(get_numcodec(config) for config in self._configs)

    def encode(self, data: Data, shape: Shape) -> Data:
        array = np.asarray(self._elements.array(data, tuple(shape)), order=self._order)
        encoded: object = array
        for codec in self._codecs:
            encoded = codec.encode(encoded)
        return _as_bytes(encoded, self._order)

    def decode(self, data: Data, shape: Shape) -> memoryview:
        decoded: Any = data
        nbytes = prod(shape) * self._elements.itemsize
        limit = most_decoded(len(data), nbytes)
        for place, codec in reversed(list(enumerate(self._codecs))):
            if place == 0 and not self._elements.objects:
                limit = nbytes
            if codec.codec_id == "zfpy":
                decoded = checked(bytes(decoded), prod(shape))
            decoded = decoded_by(codec, decoded, limit)
        return self._elements.data(self._array(decoded, tuple(shape)))

    def _array(self, decoded: object, shape: Shape) -> Array:
        dtype = self._elements.dtype
        if self._elements.objects:
            array = np.asarray(decoded, dtype=dtype)
            found, expected, unit = array.size, prod(shape), "elements"
            if array.shape == shape:
                return array  # the codec stored the shape, as json2 does
        else:
            raw = decoded if isinstance(decoded, np.ndarray) else np.frombuffer(decoded, np.uint8)
            array = raw.reshape(-1, order="A").view(np.uint8)
            found, expected, unit = array.size, prod(shape) * dtype.itemsize, "bytes"
        if found != expected:
            raise ChunkDecodeError(
                f"The codec {self.name!r} was to give {expected} {unit} for shape {shape} of "
                f"{dtype}, and gave {found}."
            )
        if self._elements.objects:
            return array.reshape(-1, order="A").reshape(shape, order=self._order)
        return array.view(dtype).reshape(shape, order=self._order)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}>"


class NumcodecsBytes:
    """From bytes to bytes through one codec."""

    kind = "bytes_bytes"
    takes_objects = False

    def __init__(self, config: Mapping[str, object]) -> None:
        self._config = config
        self.name = codec_id(config)

    @cached_property
    def _codec(self) -> Numcodec:
        return get_numcodec(self._config)

    def encode(self, data: Data, shape: Shape = ()) -> Data:
        return _as_bytes(self._codec.encode(data), "C")

    def decode(self, data: Data, shape: Shape = (), limit: int | None = None) -> Data:
        if limit is None:
            limit = most_decoded(len(data))
        return _as_bytes(decoded_by(self._codec, data, limit), "C")

    def encoded_size(self, size: int) -> int | None:
        """The bytes that every `size` bytes are encoded to; None if that depends on them."""
        return size + 4 if self.name in CHECKSUMS else None

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}>"


_RAW = 3
"""The form of LZMA without a header."""
CHECKSUMS = frozenset({"crc32", "crc32c", "adler32", "fletcher32", "jenkins_lookup3"})
"""The codecs of numcodecs that only add a checksum, all of four bytes."""


def _as_bytes(encoded: object, order: MemoryOrder) -> Data:
    if isinstance(encoded, (bytes, bytearray, memoryview)):
        return encoded
    array = np.asarray(encoded)
    if not (array.flags.c_contiguous or array.flags.f_contiguous):
        array = np.asarray(array, order=order)
    return memoryview(array.reshape(-1, order="A").view(np.uint8))


def decoded_by(codec: Numcodec, data: object, limit: int) -> object:
    """The output of a decoder of numcodecs, which may be `limit` bytes."""
    if codec.codec_id == "lzma" and (given := dict(codec.get_config())).get("format") != _RAW:
        # Such a stream says itself how it was filtered, and is refused with filters.
        codec = get_numcodec({**given, "filters": None})
    if codec.codec_id != "pickle":
        return decode_at_most(codec, data, limit)
    if not config.settings.array__allow_unsafe_pickle_decode:
        raise PickleCodecDisabledError(
            "The chunk was encoded with pickle, and decoding it may run any code. If you trust "
            "its author, set 'array.allow_unsafe_pickle_decode' in zarr.config to True, and "
            "numcodecs.pickles.ALLOW_UNSAFE_PICKLE_DECODE, too."
        )
    try:
        return codec.decode(data)
    except RuntimeError as error:  # of numcodecs, which wants to be allowed on its own
        if type(error).__name__ != "UnsafeDecodeError":
            raise
        raise PickleCodecDisabledError(str(error)) from error
