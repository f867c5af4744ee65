"""Codecs of numcodecs as links of the engine."""

from __future__ import annotations

from functools import cached_property
from math import prod
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from zarr.codecs.limits import decode_at_most, most_decoded
from zarr.codecs.numcodecs_links import codec_id
from zarr.codecs.zfp_stream import checked
from zarr.errors import ChunkDecodeError, PickleCodecDisabledError
from zarr.registry import get_numcodec
from zarr.settings import config as settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Self

    import numpy.typing as npt

    from zarr.abc.numcodec import Numcodec
    from zarr.codecs.foreign import Data, Elements, Shape
    from zarr.codecs.objects import ObjectTable
    from zarr.types import MemoryOrder


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
        self, configs: Iterable[Mapping[str, Any]], elements: Elements, order: MemoryOrder = "C"
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
        return tuple(get_numcodec(cast("Any", config)) for config in self._configs)

    def encode(self, data: Data, shape: Shape) -> Data:
        array = np.asarray(self._elements.array(data, tuple(shape)), order=self._order)
        encoded: Any = array
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

    def _array(self, decoded: Any, shape: Shape) -> npt.NDArray[Any]:
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

    def __init__(self, config: Mapping[str, Any]) -> None:
        self._config = config
        self.name = codec_id(config)

    @cached_property
    def _codec(self) -> Numcodec:
        return get_numcodec(cast("Any", self._config))

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


def _as_bytes(encoded: Any, order: MemoryOrder) -> Data:
    if isinstance(encoded, (bytes, bytearray, memoryview)):
        return encoded
    array = np.asarray(encoded)
    if not (array.flags.c_contiguous or array.flags.f_contiguous):
        array = np.asarray(array, order=order)
    return memoryview(array.reshape(-1, order="A").view(np.uint8))


def decoded_by(codec: Numcodec, data: Any, limit: int) -> Any:
    """What a codec of numcodecs decodes, which may be `limit` bytes."""
    if codec.codec_id == "lzma" and (config := dict(codec.get_config())).get("format") != _RAW:
        # Such a stream says itself how it was filtered, and is refused with filters.
        codec = get_numcodec(cast("Any", {**config, "filters": None}))
    if codec.codec_id != "pickle":
        return decode_at_most(codec, data, limit)
    if not settings.get("array.allow_unsafe_pickle_decode"):
        raise PickleCodecDisabledError(
            "The chunk was encoded with pickle, and decoding it may run any code. If you trust "
            "whoever wrote it, set 'array.allow_unsafe_pickle_decode' in zarr.config to True, and "
            "numcodecs.pickles.ALLOW_UNSAFE_PICKLE_DECODE, too."
        )
    try:
        return codec.decode(data)
    except RuntimeError as error:  # of numcodecs, which wants to be allowed on its own
        if type(error).__name__ != "UnsafeDecodeError":
            raise
        raise PickleCodecDisabledError(str(error)) from error
