"""The codecs of numcodecs in arrays of format 3, under the names ``numcodecs.<codec>``.

Those that the engine has are coded by it; the others need the package ``numcodecs``, which is
imported when the first chunk is coded. Where format 3 has a codec of its own with the same
meaning, such as :class:`zarr.codecs.BloscCodec`, other implementations are more likely to read it.

Examples
--------
>>> from zarr.codecs.numcodecs import Delta, Zlib
>>> Zlib(level=3).to_dict()
{'name': 'numcodecs.zlib', 'configuration': {'level': 3}}
>>> Delta(dtype="<i4").codec_config["dtype"]
'<i4'
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from math import prod
from typing import TYPE_CHECKING, Any, ClassVar, cast

import numpy as np

from zarr import _core
from zarr.abc.codec import ArrayArrayCodec, ArrayBytesCodec, BytesBytesCodec
from zarr.abc.metadata import Metadata
from zarr.codecs.configuration import (
    check_chunk_bytes,
    item_size,
    largest_chunk,
    named,
    named_configuration,
)
from zarr.codecs.limits import checked, chunk_bytes, most_decoded, takes_limit
from zarr.codecs.numcodecs_links import array_link, bytes_link, decoded_by
from zarr.dtype import UInt8, parse_dtype
from zarr.errors import ChunkDecodeError
from zarr.registry import get_numcodec

if TYPE_CHECKING:
    from typing import Self

    from zarr.abc.buffer import Buffer, NDBuffer
    from zarr.abc.numcodec import Numcodec
    from zarr.codecs.base import AnyDType, Array, Link, Shape
    from zarr.metadata.chunk_grids import ChunkGridMetadata
    from zarr.metadata.spec import ArraySpec
    from zarr.types import JSON

__all__ = [
    "BZ2",
    "CRC32",
    "CRC32C",
    "LZ4",
    "LZMA",
    "ZFPY",
    "Adler32",
    "AsType",
    "BitRound",
    "Blosc",
    "Delta",
    "FixedScaleOffset",
    "Fletcher32",
    "GZip",
    "JenkinsLookup3",
    "PCodec",
    "PackBits",
    "Quantize",
    "Shuffle",
    "Zlib",
    "Zstd",
    "_NumcodecsArrayArrayCodec",
    "_NumcodecsArrayBytesCodec",
    "_NumcodecsBytesBytesCodec",
    "_NumcodecsCodec",
]

CODEC_PREFIX = "numcodecs."


@dataclass(frozen=True, init=False, eq=False, repr=False)
class _NumcodecsCodec(Metadata):
    """The base of the codecs: a name, and the configuration that numcodecs takes.

    Subclasses give their name: ``class Zlib(_NumcodecsBytesBytesCodec, codec_name="zlib")``.

    Parameters
    ----------
    **codec_config
        The parameters that the codec of this name has in numcodecs.
    """

    codec_name: str
    codec_config: dict[str, JSON]

    def __init_subclass__(cls, *, codec_name: str | None = None, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        if codec_name is not None:
            cls.codec_name = f"{CODEC_PREFIX}{codec_name}"

    def __init__(self, **codec_config: JSON) -> None:
        if not self.codec_name.startswith(CODEC_PREFIX):
            raise ValueError(
                f"Expected name to start with '{CODEC_PREFIX}'. Got {self.codec_name} instead."
            )
        name = self.codec_name.removeprefix(CODEC_PREFIX)
        given = codec_config.pop("id", name)
        if given != name:
            raise ValueError(f"Codec id does not match {name}. Got: {given}.")
        object.__setattr__(self, "codec_config", {"id": name, **codec_config})

    @cached_property
    def _codec(self) -> Numcodec:
        return get_numcodec(self.codec_config)

    @property
    def _parameters(self) -> dict[str, JSON]:
        return {key: value for key, value in self.codec_config.items() if key != "id"}

    @classmethod
    def from_dict(cls, data: dict[str, JSON]) -> Self:
        name, parameters = named_configuration(data)
        return cls(id=name.removeprefix(CODEC_PREFIX), **parameters)

    def to_dict(self) -> dict[str, JSON]:
        return named(self.codec_name, self._parameters)

    def compute_encoded_size(self, input_byte_length: int, chunk_spec: ArraySpec) -> int:
        raise NotImplementedError(f"The size of {self.codec_name}'s output depends on its input.")

    def _shaped(self, decoded: object, shape: tuple[int, ...]) -> Array:
        array = np.asarray(decoded)
        if array.size != prod(shape):
            raise ChunkDecodeError(
                f"The codec {self.codec_name!r} was to give an array of shape {shape}, and gave "
                f"one of {array.shape}."
            )
        return array.reshape(shape)

    def _with(self, **parameters: JSON) -> Self:
        return type(self)(**{**self._parameters, **parameters})

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(codec_name={self.codec_name!r}, "
            f"codec_config={self._parameters!r})"
        )


class _NumcodecsBytesBytesCodec(_NumcodecsCodec, BytesBytesCodec):
    """A codec of numcodecs from bytes to bytes."""

    def validate(self, *, shape: Shape, dtype: AnyDType, chunk_grid: ChunkGridMetadata) -> None:
        """Refuse chunks that are larger than the codec can hold."""
        size = largest_chunk(shape, chunk_grid) * item_size(dtype)
        check_chunk_bytes(self.codec_name.removeprefix(CODEC_PREFIX), size)

    def _link(self, spec: ArraySpec) -> Link | None:
        return bytes_link(self.codec_config, item_size(spec.dtype))

    @takes_limit
    def _decode_sync(
        self, chunk_data: Buffer, chunk_spec: ArraySpec, limit: int | None = None
    ) -> Buffer:
        link = self._link(chunk_spec)
        if limit is None:
            limit = most_decoded(len(chunk_data), chunk_bytes(chunk_spec))
        if link is None:
            decoded = _flat(decoded_by(self._codec, chunk_data.as_numpy_array(), limit))
        else:
            decoded = _core.decode_bytes([link], chunk_data.as_buffer_like(), limit=limit)
        return chunk_spec.prototype.buffer.from_bytes(decoded)

    def _encode_sync(self, chunk_data: Buffer, chunk_spec: ArraySpec) -> Buffer | None:
        link = self._link(chunk_spec)
        if link is None:
            encoded = _flat(self._codec.encode(chunk_data.as_numpy_array()))
        else:
            encoded = _core.encode_bytes([link], chunk_data.as_buffer_like())
        return chunk_spec.prototype.buffer.from_bytes(encoded)


class _NumcodecsArrayArrayCodec(_NumcodecsCodec, ArrayArrayCodec):
    """A codec of numcodecs from array to array."""

    def _link(self, spec: ArraySpec) -> Link | None:
        return array_link(self.codec_config, spec.dtype.to_native_dtype())

    def _decode_sync(self, chunk_data: NDBuffer, chunk_spec: ArraySpec) -> NDBuffer:
        array = np.ascontiguousarray(chunk_data.as_numpy_array())
        decoded = self._shaped(self._codec.decode(array), chunk_spec.shape)
        return chunk_spec.prototype.nd_buffer.from_numpy_array(decoded)

    def _encode_sync(self, chunk_data: NDBuffer, chunk_spec: ArraySpec) -> NDBuffer | None:
        # Some codecs flatten what they are given, in the order in which it lies in memory.
        array = np.ascontiguousarray(chunk_data.as_numpy_array())
        return chunk_spec.prototype.nd_buffer.from_numpy_array(self._codec.encode(array))


class _NumcodecsTypedCodec(_NumcodecsArrayArrayCodec):
    """A codec whose parameters name the data types of the decoded and the encoded elements."""

    _decoded: ClassVar[str] = "dtype"
    _encoded: ClassVar[str] = "astype"

    def evolve_from_array_spec(self, array_spec: ArraySpec) -> Self:
        """Return the codec with the data type of `array_spec`, if none was given."""
        if self._decoded in self.codec_config:
            return self
        return self._with(**{self._decoded: str(array_spec.dtype.to_native_dtype())})

    def resolve_metadata(self, chunk_spec: ArraySpec) -> ArraySpec:
        """Return the chunk when encoded: elements of the type that the parameters name."""
        encoded = self.codec_config.get(self._encoded)
        if encoded is None:
            return chunk_spec
        return replace(chunk_spec, dtype=parse_dtype(np.dtype(cast("str", encoded)), zarr_format=3))


class _NumcodecsArrayBytesCodec(_NumcodecsCodec, ArrayBytesCodec):
    """A codec of numcodecs from array to bytes."""

    def _decode_sync(self, chunk_data: Buffer, chunk_spec: ArraySpec) -> NDBuffer:
        array = self._shaped(self._codec.decode(chunk_data.to_bytes()), chunk_spec.shape)
        return chunk_spec.prototype.nd_buffer.from_numpy_array(array)

    def _encode_sync(self, chunk_data: NDBuffer, chunk_spec: ArraySpec) -> Buffer | None:
        encoded = self._codec.encode(np.ascontiguousarray(chunk_data.as_numpy_array()))
        return chunk_spec.prototype.buffer.from_bytes(_flat(encoded))


class _NumcodecsChecksumCodec(_NumcodecsBytesBytesCodec):
    """A codec of numcodecs that adds a checksum of four bytes."""

    is_fixed_size: ClassVar[bool] = True  # type: ignore[misc]

    def compute_encoded_size(self, input_byte_length: int, chunk_spec: ArraySpec) -> int:
        return input_byte_length + 4


def _flat(encoded: object) -> Any:
    """The output of a codec of numcodecs, as bytes."""
    if isinstance(encoded, (bytes, bytearray, memoryview)):
        return encoded
    return np.ascontiguousarray(encoded).reshape(-1).view(np.uint8)


# -- from bytes to bytes --------------------------------------------------------------------------


class Blosc(_NumcodecsBytesBytesCodec, codec_name="blosc"):
    """Blosc; prefer :class:`zarr.codecs.BloscCodec`.

    Parameters
    ----------
    **codec_config : object
        The parameters of ``numcodecs.blosc.Blosc``.

    Examples
    --------
    >>> import numpy as np, zarr
    >>> from zarr.codecs.numcodecs import Blosc
    >>> array = zarr.create_array(
    ...     {}, data=np.arange(4).astype("i4"), compressors=[Blosc(cname="zstd", clevel=5)]
    ... )
    >>> array[:]
    array([0, 1, 2, 3], dtype=int32)
    """


class LZ4(_NumcodecsBytesBytesCodec, codec_name="lz4"):
    """LZ4 in blocks, after the size of the content.

    Parameters
    ----------
    **codec_config : object
        The parameters of ``numcodecs.lz4.LZ4``.

    Examples
    --------
    >>> import numpy as np, zarr
    >>> from zarr.codecs.numcodecs import LZ4
    >>> array = zarr.create_array(
    ...     {}, data=np.arange(4).astype("i4"), compressors=[LZ4(acceleration=1)]
    ... )
    >>> array[:]
    array([0, 1, 2, 3], dtype=int32)
    """


class Zstd(_NumcodecsBytesBytesCodec, codec_name="zstd"):
    """Zstandard; prefer :class:`zarr.codecs.ZstdCodec`.

    Parameters
    ----------
    **codec_config : object
        The parameters of ``numcodecs.zstd.Zstd``.

    Examples
    --------
    >>> import numpy as np, zarr
    >>> from zarr.codecs.numcodecs import Zstd
    >>> array = zarr.create_array(
    ...     {}, data=np.arange(4).astype("i4"), compressors=[Zstd(level=3)]
    ... )
    >>> array[:]
    array([0, 1, 2, 3], dtype=int32)
    """


class Zlib(_NumcodecsBytesBytesCodec, codec_name="zlib"):
    """DEFLATE in the form of zlib.

    Parameters
    ----------
    **codec_config : object
        The parameters of ``numcodecs.zlib.Zlib``.

    Examples
    --------
    >>> import numpy as np, zarr
    >>> from zarr.codecs.numcodecs import Zlib
    >>> array = zarr.create_array(
    ...     {}, data=np.arange(4).astype("i4"), compressors=[Zlib(level=5)]
    ... )
    >>> array[:]
    array([0, 1, 2, 3], dtype=int32)
    """


class GZip(_NumcodecsBytesBytesCodec, codec_name="gzip"):
    """DEFLATE in the form of gzip; prefer :class:`zarr.codecs.GzipCodec`.

    Parameters
    ----------
    **codec_config : object
        The parameters of ``numcodecs.gzip.GZip``.

    Examples
    --------
    >>> import numpy as np, zarr
    >>> from zarr.codecs.numcodecs import GZip
    >>> array = zarr.create_array(
    ...     {}, data=np.arange(4).astype("i4"), compressors=[GZip(level=5)]
    ... )
    >>> array[:]
    array([0, 1, 2, 3], dtype=int32)
    """


class BZ2(_NumcodecsBytesBytesCodec, codec_name="bz2"):
    """Compresses with bzip2.

    Parameters
    ----------
    **codec_config : object
        The parameters of ``numcodecs.bz2.BZ2``.

    Examples
    --------
    >>> import numpy as np, zarr
    >>> from zarr.codecs.numcodecs import BZ2
    >>> array = zarr.create_array(
    ...     {}, data=np.arange(4).astype("i4"), compressors=[BZ2(level=9)]
    ... )
    >>> array[:]
    array([0, 1, 2, 3], dtype=int32)
    """


class LZMA(_NumcodecsBytesBytesCodec, codec_name="lzma"):
    """LZMA, as of xz.

    Parameters
    ----------
    **codec_config : object
        The parameters of ``numcodecs.lzma.LZMA``.

    Examples
    --------
    >>> import numpy as np, zarr
    >>> from zarr.codecs.numcodecs import LZMA
    >>> array = zarr.create_array(
    ...     {}, data=np.arange(4).astype("i4"), compressors=[LZMA(preset=6)]
    ... )
    >>> array[:]
    array([0, 1, 2, 3], dtype=int32)
    """


class Shuffle(_NumcodecsBytesBytesCodec, codec_name="shuffle"):
    """Brings together the bytes of equal weight.

    Parameters
    ----------
    **codec_config : object
        The parameters of ``numcodecs.shuffle.Shuffle``.

    Examples
    --------
    >>> import numpy as np, zarr
    >>> from zarr.codecs.numcodecs import Shuffle
    >>> array = zarr.create_array(
    ...     {}, data=np.arange(4).astype("i4"), compressors=[Shuffle(elementsize=4)]
    ... )
    >>> array[:]
    array([0, 1, 2, 3], dtype=int32)
    """

    def evolve_from_array_spec(self, array_spec: ArraySpec) -> Self:
        """The codec with the size of an element that `array_spec` tells, if none was given."""
        if "elementsize" in self.codec_config:
            return self
        return self._with(elementsize=item_size(array_spec.dtype))


# -- from array to array --------------------------------------------------------------------------


class Delta(_NumcodecsTypedCodec, codec_name="delta"):
    """Stores differences of consecutive elements.

    Parameters
    ----------
    **codec_config : object
        The parameters of ``numcodecs.delta.Delta``.

    Examples
    --------
    >>> import numpy as np, zarr
    >>> from zarr.codecs.numcodecs import Delta
    >>> array = zarr.create_array(
    ...     {}, data=np.arange(4).astype("i4"), filters=[Delta(dtype="i4")]
    ... )
    >>> array[:]
    array([0, 1, 2, 3], dtype=int32)
    """


class BitRound(_NumcodecsArrayArrayCodec, codec_name="bitround"):
    """Rounds floating point numbers to a number of bits.

    Parameters
    ----------
    **codec_config : object
        The parameters of ``numcodecs.bitround.BitRound``.

    Examples
    --------
    >>> import numpy as np, zarr
    >>> from zarr.codecs.numcodecs import BitRound
    >>> array = zarr.create_array(
    ...     {}, data=np.arange(4).astype("f4"), filters=[BitRound(keepbits=10)]
    ... )
    >>> array[:]
    array([0., 1., 2., 3.], dtype=float32)
    """


class FixedScaleOffset(_NumcodecsTypedCodec, codec_name="fixedscaleoffset"):
    """Stores ``(x - offset) * scale``, rounded.

    Parameters
    ----------
    **codec_config : object
        The parameters of ``numcodecs.fixedscaleoffset.FixedScaleOffset``.

    Examples
    --------
    >>> import numpy as np, zarr
    >>> from zarr.codecs.numcodecs import FixedScaleOffset
    >>> codec = FixedScaleOffset(offset=0, scale=10, dtype="f4", astype="i2")
    >>> array = zarr.create_array({}, data=np.arange(4).astype("f4"), filters=[codec])
    >>> array[:]
    array([0., 1., 2., 3.], dtype=float32)
    """


class Quantize(_NumcodecsTypedCodec, codec_name="quantize"):
    """Rounds floating point numbers to a number of decimal digits.

    Parameters
    ----------
    **codec_config : object
        The parameters of ``numcodecs.quantize.Quantize``.

    Examples
    --------
    >>> import numpy as np, zarr
    >>> from zarr.codecs.numcodecs import Quantize
    >>> array = zarr.create_array(
    ...     {}, data=np.arange(4).astype("f4"), filters=[Quantize(digits=2, dtype="f4")]
    ... )
    >>> array[:]
    array([0., 1., 2., 3.], dtype=float32)
    """


class PackBits(_NumcodecsArrayArrayCodec, codec_name="packbits"):
    """Stores eight booleans in a byte, after one byte that counts what is missing at the end.

    Parameters
    ----------
    **codec_config : object
        The parameters of ``numcodecs.packbits.PackBits``.

    Examples
    --------
    >>> import numpy as np, zarr
    >>> from zarr.codecs.numcodecs import PackBits
    >>> array = zarr.create_array(
    ...     {}, data=np.arange(4).astype("bool"), filters=[PackBits()]
    ... )
    >>> array[:]
    array([False,  True,  True,  True])
    """

    def resolve_metadata(self, chunk_spec: ArraySpec) -> ArraySpec:
        """Return the chunk when encoded: bytes."""
        return replace(chunk_spec, shape=(1 + -(-prod(chunk_spec.shape) // 8),), dtype=UInt8())

    def validate(self, *, shape: Shape, dtype: AnyDType, chunk_grid: ChunkGridMetadata) -> None:
        """Refuse elements that are no booleans."""
        if dtype.to_native_dtype() != np.dtype("bool"):
            raise ValueError(f"Packbits filter requires bool dtype. Got {dtype}.")


class AsType(_NumcodecsTypedCodec, codec_name="astype"):
    """Stores elements as another type.

    Parameters
    ----------
    **codec_config : object
        The parameters of ``numcodecs.astype.AsType``.

    Examples
    --------
    >>> import numpy as np, zarr
    >>> from zarr.codecs.numcodecs import AsType
    >>> codec = AsType(encode_dtype="i2", decode_dtype="i4")
    >>> array = zarr.create_array({}, data=np.arange(4).astype("i4"), filters=[codec])
    >>> array[:]
    array([0, 1, 2, 3], dtype=int32)
    """

    _decoded, _encoded = "decode_dtype", "encode_dtype"


# -- checksums ------------------------------------------------------------------------------------


class CRC32(_NumcodecsChecksumCodec, codec_name="crc32"):
    """CRC-32, the checksum of zlib.

    Parameters
    ----------
    **codec_config : object
        The parameters of ``numcodecs.checksum32.CRC32``.

    Examples
    --------
    >>> import numpy as np, zarr
    >>> from zarr.codecs.numcodecs import CRC32
    >>> array = zarr.create_array(
    ...     {}, data=np.arange(4).astype("i4"), compressors=[CRC32()]
    ... )
    >>> array[:]
    array([0, 1, 2, 3], dtype=int32)
    """


class CRC32C(_NumcodecsChecksumCodec, codec_name="crc32c"):
    """CRC-32C; prefer :class:`zarr.codecs.Crc32cCodec`.

    Parameters
    ----------
    **codec_config : object
        The parameters of ``numcodecs.checksum32.CRC32C``.

    Examples
    --------
    >>> import numpy as np, zarr
    >>> from zarr.codecs.numcodecs import CRC32C
    >>> array = zarr.create_array(
    ...     {}, data=np.arange(4).astype("i4"), compressors=[CRC32C()]
    ... )
    >>> array[:]
    array([0, 1, 2, 3], dtype=int32)
    """


class Adler32(_NumcodecsChecksumCodec, codec_name="adler32"):
    """Adler-32.

    Parameters
    ----------
    **codec_config : object
        The parameters of ``numcodecs.checksum32.Adler32``.

    Examples
    --------
    >>> import numpy as np, zarr
    >>> from zarr.codecs.numcodecs import Adler32
    >>> array = zarr.create_array(
    ...     {}, data=np.arange(4).astype("i4"), compressors=[Adler32()]
    ... )
    >>> array[:]
    array([0, 1, 2, 3], dtype=int32)
    """


class Fletcher32(_NumcodecsChecksumCodec, codec_name="fletcher32"):
    """Fletcher-32, as HDF5 has it.

    Parameters
    ----------
    **codec_config : object
        The parameters of ``numcodecs.checksum32.Fletcher32``.

    Examples
    --------
    >>> import numpy as np, zarr
    >>> from zarr.codecs.numcodecs import Fletcher32
    >>> array = zarr.create_array(
    ...     {}, data=np.arange(4).astype("i4"), compressors=[Fletcher32()]
    ... )
    >>> array[:]
    array([0, 1, 2, 3], dtype=int32)
    """


class JenkinsLookup3(_NumcodecsChecksumCodec, codec_name="jenkins_lookup3"):
    """Bob Jenkins' lookup3, as HDF5 has it.

    Parameters
    ----------
    **codec_config : object
        The parameters of ``numcodecs.checksum32.JenkinsLookup3``.

    Examples
    --------
    >>> import numpy as np, zarr
    >>> from zarr.codecs.numcodecs import JenkinsLookup3
    >>> array = zarr.create_array(
    ...     {}, data=np.arange(4).astype("i4"), compressors=[JenkinsLookup3()]
    ... )
    >>> array[:]
    array([0, 1, 2, 3], dtype=int32)
    """


# -- from array to bytes --------------------------------------------------------------------------


class PCodec(_NumcodecsArrayBytesCodec, codec_name="pcodec"):
    """Pcodec, for numbers (``pip install pcodec``).

    Parameters
    ----------
    **codec_config : object
        The parameters of ``numcodecs.pcodec.PCodec``.

    Examples
    --------
    >>> import numpy as np, zarr
    >>> from zarr.codecs.numcodecs import PCodec
    >>> array = zarr.create_array(
    ...     {}, data=np.arange(4).astype("i4"), serializer=PCodec(level=8), compressors=None
    ... )
    >>> array[:]
    array([0, 1, 2, 3], dtype=int32)
    """


class ZFPY(_NumcodecsArrayBytesCodec, codec_name="zfpy"):
    """ZFP, for fields of numbers (``pip install zfpy``).

    Parameters
    ----------
    **codec_config : object
        The parameters of ``numcodecs.zfpy.ZFPY``.

    Examples
    --------
    >>> import numpy as np, zarr
    >>> from zarr.codecs.numcodecs import ZFPY
    >>> array = zarr.create_array(
    ...     {},
    ...     data=np.arange(4).astype("f4"),
    ...     serializer=ZFPY(mode=4, tolerance=0.01),
    ...     compressors=None,
    ... )
    >>> array[:]
    array([0., 1., 2., 3.], dtype=float32)
    """

    def _decode_sync(self, chunk_data: Buffer, chunk_spec: ArraySpec) -> NDBuffer:
        stream = checked(chunk_data.to_bytes(), prod(chunk_spec.shape))
        return super()._decode_sync(chunk_spec.prototype.buffer.from_bytes(stream), chunk_spec)
