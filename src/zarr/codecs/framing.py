"""The codecs that put something around a chunk: ``optional``, ``n5_*``, ``pad`` and ``offset``."""

from __future__ import annotations

import struct
from base64 import b64decode, b64encode
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from zarr.abc.codec import ArrayBytesCodec, BytesBytesCodec
from zarr.codecs.base import (
    NOT_STORED,
    DeclaredCodec,
    NativeBytesCodec,
    NativeSerializer,
    native_link,
)
from zarr.codecs.bytes import BytesCodec
from zarr.codecs.chain import evolve, parse_codecs, split, v3_chain
from zarr.codecs.configuration import choice_field, int_field, required_configuration
from zarr.codecs.python_codec import Coder, foreign_link
from zarr.codecs.transpose import TransposeCodec
from zarr.errors import ChunkDecodeError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Self

    from zarr.abc.buffer import Buffer, NDBuffer
    from zarr.abc.codec import Codec
    from zarr.codecs.base import AnyDType, Link, Shape
    from zarr.dtype.base import TBaseDType
    from zarr.metadata.chunk_grids import ChunkGridMetadata
    from zarr.metadata.spec import ArraySpec
    from zarr.types import JSON

__all__ = ["Apply", "N5DefaultCodec", "N5VarlenCodec", "OffsetCodec", "OptionalCodec", "PadCodec"]

Apply: TypeAlias = Literal["smaller", "always", "never"]
APPLY: Final = ("smaller", "always", "never")


@dataclass(frozen=True, eq=False, repr=False)
class _NestedCodec(DeclaredCodec):
    """The base of codecs that hold a chain of other codecs, all for the same chunks."""

    codecs: tuple[Codec, ...]

    def evolve_from_array_spec(self, array_spec: ArraySpec) -> Self:
        """Return the codec with its codecs fitted to `array_spec`."""
        evolved = evolve(self.codecs, array_spec)
        return self if evolved == self.codecs else replace(self, codecs=evolved)

    def validate(self, *, shape: Shape, dtype: AnyDType, chunk_grid: ChunkGridMetadata) -> None:
        """Raise an error if the codec, or one of those in it, cannot serve an array."""
        self._check_dtype(dtype)
        for codec in self.codecs:
            codec.validate(shape=shape, dtype=dtype, chunk_grid=chunk_grid)


@dataclass(frozen=True, init=False, eq=False, repr=False)
class OptionalCodec(_NestedCodec, NativeBytesCodec):
    """Applies codecs to those chunks that they make smaller.

    Each chunk begins with a mask that tells which of the codecs were applied to it.

    Parameters
    ----------
    codecs : iterable of codecs
        Codecs from bytes to bytes: codec objects, or their JSON forms.
    header_bits : int, optional
        The length of the mask, a multiple of 8; by default as long as it must be.
    apply : {'smaller', 'always', 'never'}, default: 'smaller'
        Which chunks the codecs are applied to when they are written: those that they make smaller
        together, all, or none. Not stored: chunks are read by their masks.

    Examples
    --------
    >>> from zarr.codecs import OptionalCodec, ZstdCodec
    >>> OptionalCodec(codecs=[ZstdCodec()]).to_dict()["configuration"]["header_bits"]
    8
    """

    _name = "optional"

    header_bits: int
    apply: Apply = field(compare=False, metadata=NOT_STORED)

    def __init__(
        self,
        *,
        codecs: Iterable[Codec | dict[str, JSON]],
        header_bits: int | None = None,
        apply: Apply = "smaller",
    ) -> None:
        parsed = parse_codecs(codecs)
        for codec in parsed:
            if not isinstance(codec, BytesBytesCodec):
                raise TypeError(f"Expected codecs from bytes to bytes, got {codec!r}.")
        bits = -(-len(parsed) // 8) * 8 if header_bits is None else header_bits
        if int_field(bits, "header_bits") % 8 or not len(parsed) <= bits <= 1 << 16:
            raise ValueError(
                f"header_bits must be a multiple of 8 and at least {len(parsed)}, got {bits}."
            )
        self._set(codecs=parsed, header_bits=bits, apply=choice_field(apply, "apply", APPLY))

    @classmethod
    def from_dict(cls, data: dict[str, JSON]) -> Self:
        """Make a codec from its JSON form, in which `apply` has no place."""
        if "apply" in required_configuration(data, cls._name):
            raise TypeError(f"The codec optional has no parameter 'apply' in metadata. Got {data}.")
        return super().from_dict(data)

    def _link(self, spec: ArraySpec) -> Link:
        links = [native_link(codec, spec) or foreign_link(codec, spec) for codec in self.codecs]
        return ("optional", (links, self.header_bits, self.apply))


_TYPES: Final = frozenset({"i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f4", "f8"})


@dataclass(frozen=True, init=False, eq=False, repr=False)
class N5DefaultCodec(_NestedCodec, NativeSerializer):
    """Stores chunks as N5 stores blocks in its default mode: after a header with their shape.

    Blocks of another shape than the chunk, as writers of N5 make them at the edges of an array,
    are cut off or filled up.

    Parameters
    ----------
    codecs : iterable of codecs
        The codecs of a block: ``transpose``, which reverses all dimensions; ``bytes``, big-endian;
        and at most one from bytes to bytes. Codec objects, or their JSON forms.

    Notes
    -----
    To read the data of an N5 data set, write a ``zarr.json`` beside its ``attributes.json``, with
    the chunk key encoding ``v2`` and its separator ``/``.

    Examples
    --------
    >>> from zarr.codecs import BytesCodec, GzipCodec, N5DefaultCodec, TransposeCodec
    >>> codec = N5DefaultCodec(
    ...     codecs=[TransposeCodec(order=[1, 0]), BytesCodec(endian="big"), GzipCodec()]
    ... )
    """

    _name = "n5_default"

    def __init__(self, *, codecs: Iterable[Codec | dict[str, JSON]]) -> None:
        self._set(codecs=parse_codecs(codecs))

    def validate(self, *, shape: Shape, dtype: AnyDType, chunk_grid: ChunkGridMetadata) -> None:
        """Refuse types that N5 does not have, and codecs that make no block of it."""
        native = dtype.to_native_dtype()
        # NumPy's strings have no byte order that could be asked for.
        if native.hasobject or native.newbyteorder("=").str[1:] not in _TYPES:
            raise ValueError(f"N5 has no data type with the meaning of {dtype}.")
        self._check(len(shape), native)
        super().validate(shape=shape, dtype=dtype, chunk_grid=chunk_grid)

    def _check(self, ndim: int, dtype: TBaseDType) -> None:
        filters, serializer, compressors = split(self.codecs)
        reverse = tuple(reversed(range(ndim)))
        fits = (
            len(filters) == 1
            and isinstance(filters[0], TransposeCodec)
            and filters[0].axes_of(ndim) == reverse
            and isinstance(serializer, BytesCodec)
            and (serializer.endian == "big" or dtype.itemsize == 1)
            and len(compressors) <= 1
        )
        if not fits:
            raise ValueError(
                f"The codecs of a block of N5 are transpose with the order {reverse}, bytes with "
                f"endian 'big', and at most one from bytes to bytes. Got {self.codecs}."
            )

    def _link(self, spec: ArraySpec) -> Link:
        self._check(spec.ndim, spec.dtype.to_native_dtype())
        return ("n5_default", v3_chain(self.codecs, spec))


_VARLENGTH = 1


@dataclass(frozen=True, init=False, eq=False, repr=False)
class N5VarlenCodec(_NestedCodec, ArrayBytesCodec):
    """Stores chunks as N5 stores blocks in its mode varlength: after a header with their shape.

    Parameters
    ----------
    codecs : iterable of codecs
        The codecs of a block: one from array to bytes, and any number from bytes to bytes. Codec
        objects, or their JSON forms.

    Examples
    --------
    >>> from zarr.codecs import GzipCodec, N5LabelMultisetCodec, N5VarlenCodec
    >>> codec = N5VarlenCodec(codecs=[N5LabelMultisetCodec(), GzipCodec()])
    """

    _name = "n5_varlen"

    def __init__(self, *, codecs: Iterable[Codec | dict[str, JSON]]) -> None:
        parsed = parse_codecs(codecs)
        if split(parsed)[0]:
            raise ValueError(f"The first codec of a block is one to bytes. Got {parsed}.")
        self._set(codecs=parsed)

    def _check_dtype(self, dtype: AnyDType) -> None:
        if not dtype.to_native_dtype().hasobject:
            raise ValueError(f"The codec 'n5_varlen' stores elements of any size. Got {dtype}.")

    def _encode_sync(self, chunk_data: NDBuffer, chunk_spec: ArraySpec) -> Buffer | None:
        data: Any = chunk_data
        for codec in self.codecs:
            data = Coder(codec, chunk_spec).encode(data, chunk_spec)
        payload = data.to_bytes()
        shape = chunk_spec.shape
        try:
            head = struct.pack(f">HH{len(shape)}II", _VARLENGTH, len(shape), *shape, len(payload))
        except struct.error as error:
            raise ValueError(f"A chunk is too large for a block of N5: {error}") from error
        return chunk_spec.prototype.buffer.from_bytes(head + payload)

    def _decode_sync(self, chunk_data: Buffer, chunk_spec: ArraySpec) -> NDBuffer:
        whole = chunk_data.to_bytes()
        shape = chunk_spec.shape
        size = struct.calcsize(f">HH{len(shape)}II")
        if len(whole) < size:
            raise ChunkDecodeError(f"The block of {len(whole)} bytes ends in its header.")
        mode, ndim, *lengths, count = struct.unpack_from(f">HH{len(shape)}II", whole)
        if mode != _VARLENGTH or ndim != len(shape) or tuple(lengths) != shape:
            raise ChunkDecodeError(
                f"Expected a block of mode {_VARLENGTH} and shape {shape}, found mode {mode}, "
                f"{ndim} dimensions, shape {tuple(lengths)}."
            )
        if count != len(whole) - size:
            raise ChunkDecodeError(
                f"Expected {count} bytes in the block, found {len(whole) - size}."
            )
        data: Any = chunk_spec.prototype.buffer.from_bytes(whole[size:])
        for codec in reversed(self.codecs):
            data = Coder(codec, chunk_spec).decode(data, chunk_spec)
        decoded: NDBuffer = data
        return decoded


Location: TypeAlias = Literal["start", "end"]
LOCATION: Final = ("start", "end")


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class PadCodec(NativeBytesCodec):
    """Adds bytes before or after a chunk, such as the header of another format.

    Parameters
    ----------
    location : {'start', 'end'}
        Where.
    nbytes : int
        How many bytes. So many are skipped when the chunk is read, whatever they are.
    padding : str, optional
        The bytes, in Base64; by default zeros.

    Examples
    --------
    >>> from zarr.codecs import PadCodec
    >>> PadCodec(location="start", nbytes=2, padding="SUk=")._bytes
    b'II'
    """

    _name = "pad"
    _short = True
    is_fixed_size = True

    location: Location
    nbytes: int
    padding: str | None = None

    def __post_init__(self) -> None:
        self._set(location=choice_field(self.location, "location", LOCATION))
        _decoded(self.padding, _size(self.nbytes, "nbytes"), "padding")

    @property
    def _bytes(self) -> bytes:
        return _decoded(self.padding, self.nbytes, "padding")

    def compute_encoded_size(self, input_byte_length: int, chunk_spec: ArraySpec) -> int:
        return input_byte_length + self.nbytes

    def _link(self, spec: ArraySpec) -> Link:
        return ("pad", (self.location, self.nbytes, self._bytes))


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class OffsetCodec(NativeBytesCodec):
    """Adds bytes before a chunk, such as the header of another format.

    Parameters
    ----------
    offset : int
        How many bytes. So many are skipped when the chunk is read, whatever they are.
    prefix : str, optional
        The bytes, in Base64; by default zeros.

    Examples
    --------
    >>> from zarr.codecs import OffsetCodec
    >>> OffsetCodec(offset=4).to_dict()
    {'name': 'offset', 'configuration': {'offset': 4}}
    """

    _name = "offset"
    _short = True
    is_fixed_size = True

    offset: int
    prefix: str | None = None

    def __post_init__(self) -> None:
        _decoded(self.prefix, _size(self.offset, "offset"), "prefix")

    def compute_encoded_size(self, input_byte_length: int, chunk_spec: ArraySpec) -> int:
        return input_byte_length + self.offset

    def _link(self, spec: ArraySpec) -> Link:
        return ("offset", (self.offset, _decoded(self.prefix, self.offset, "prefix")))


_MOST = 1 << 24
"""More bytes than that are no header: they would be made of nothing but a number in a document."""


def _size(value: object, field: str) -> int:
    size = int_field(value, field)
    if not 0 <= size <= _MOST:
        raise ValueError(f"{field} must be from 0 to {_MOST}, got {size}.")
    return size


def _decoded(text: object, size: int, field: str) -> bytes:
    """The bytes that a field says in Base64; zeros if it is not there."""
    if text is None:
        return bytes(size)
    if not isinstance(text, str):
        raise TypeError(f"Failed to parse input for '{field}': expected str, got {text!r}.")
    try:
        data = b64decode(text, validate=True)
    except ValueError as error:
        raise ValueError(f"{field} is not in Base64: {text!r}.") from error
    if len(data) != size:
        raise ValueError(f"{field} must be {size} bytes, got {len(data)}: {b64encode(data)!r}.")
    return data
