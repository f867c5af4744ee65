"""The codecs of N5: ``n5_default`` and ``n5_varlen``."""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from zarr.abc.codec import ArrayBytesCodec
from zarr.codecs.base import NativeSerializer
from zarr.codecs.bytes import BytesCodec
from zarr.codecs.chain import evolve, split, v3_chain
from zarr.codecs.configuration import named, required_configuration
from zarr.codecs.python_codec import Coder
from zarr.codecs.translate import parse_codecs
from zarr.codecs.transpose import TransposeCodec
from zarr.errors import ChunkDecodeError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Self

    import numpy as np

    from zarr.abc.buffer import Buffer, NDBuffer
    from zarr.abc.codec import Codec
    from zarr.codecs.base import Link
    from zarr.dtype import ZDType
    from zarr.metadata.chunk_grids import ChunkGridMetadata
    from zarr.metadata.spec import ArraySpec
    from zarr.types import JSON

__all__ = ["N5DefaultCodec", "N5VarlenCodec"]

_TYPES: Final = frozenset({"i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f4", "f8"})


@dataclass(frozen=True)
class N5DefaultCodec(NativeSerializer):
    """Stores chunks as N5 stores blocks in its default mode: after a header with their shape.

    Blocks of another shape than the chunk, as writers of N5 make them at the edges of an array,
    are cut off or filled up.

    Parameters
    ----------
    codecs : iterable of codecs
        What codes a block: ``transpose``, which reverses all axes; ``bytes``, big-endian; and at
        most one from bytes to bytes. Codec objects, or their JSON forms.

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

    codecs: tuple[Codec, ...]

    def __init__(self, *, codecs: Iterable[Codec | dict[str, JSON]]) -> None:
        object.__setattr__(self, "codecs", parse_codecs(codecs))

    @classmethod
    def from_dict(cls, data: dict[str, JSON]) -> Self:
        return cls(**required_configuration(data, "n5_default"))

    def to_dict(self) -> dict[str, JSON]:
        return named("n5_default", {"codecs": tuple(codec.to_dict() for codec in self.codecs)})

    def evolve_from_array_spec(self, array_spec: ArraySpec) -> Self:
        """The codec with its codecs fitted to `array_spec`."""
        evolved = evolve(self.codecs, array_spec)
        return self if evolved == self.codecs else replace(self, codecs=evolved)

    def validate(
        self,
        *,
        shape: tuple[int, ...],
        dtype: ZDType[Any, Any],
        chunk_grid: ChunkGridMetadata,
    ) -> None:
        """Refuse types that N5 does not have, and codecs that make no block of it."""
        native = dtype.to_native_dtype()
        # NumPy's strings have no byte order that could be asked for.
        if native.hasobject or native.newbyteorder("=").str[1:] not in _TYPES:
            raise ValueError(f"N5 has no data type with the meaning of {dtype}.")
        self._check(len(shape), native)
        for codec in self.codecs:
            codec.validate(shape=shape, dtype=dtype, chunk_grid=chunk_grid)

    def _check(self, ndim: int, dtype: np.dtype[Any]) -> None:
        filters, serializer, compressors = split(self.codecs)
        reverse = tuple(reversed(range(ndim)))
        fits = (
            len(filters) == 1
            and isinstance(filters[0], TransposeCodec)
            and filters[0]._axes(ndim) == reverse
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


@dataclass(frozen=True)
class N5VarlenCodec(ArrayBytesCodec):
    """Stores chunks as N5 stores blocks in its mode varlength: after a header with their shape.

    Parameters
    ----------
    codecs : iterable of codecs
        What codes a block: one from array to bytes, and any number from bytes to bytes. Codec
        objects, or their JSON forms.

    Examples
    --------
    >>> from zarr.codecs import GzipCodec, N5LabelMultisetCodec, N5VarlenCodec
    >>> codec = N5VarlenCodec(codecs=[N5LabelMultisetCodec(), GzipCodec()])
    """

    is_fixed_size = False

    codecs: tuple[Codec, ...]

    def __init__(self, *, codecs: Iterable[Codec | dict[str, JSON]]) -> None:
        parsed = parse_codecs(codecs)
        if split(parsed)[0]:
            raise ValueError(f"The first codec of a block is one to bytes. Got {parsed}.")
        object.__setattr__(self, "codecs", parsed)

    @classmethod
    def from_dict(cls, data: dict[str, JSON]) -> Self:
        return cls(**required_configuration(data, "n5_varlen"))

    def to_dict(self) -> dict[str, JSON]:
        return named("n5_varlen", {"codecs": tuple(codec.to_dict() for codec in self.codecs)})

    def evolve_from_array_spec(self, array_spec: ArraySpec) -> Self:
        """The codec with its codecs fitted to `array_spec`."""
        evolved = evolve(self.codecs, array_spec)
        return self if evolved == self.codecs else replace(self, codecs=evolved)

    def validate(
        self,
        *,
        shape: tuple[int, ...],
        dtype: ZDType[Any, Any],
        chunk_grid: ChunkGridMetadata,
    ) -> None:
        """Refuse elements of one size, and what the codecs refuse."""
        if not dtype.to_native_dtype().hasobject:
            raise ValueError(f"The codec 'n5_varlen' stores elements of any size. Got {dtype}.")
        for codec in self.codecs:
            codec.validate(shape=shape, dtype=dtype, chunk_grid=chunk_grid)

    def compute_encoded_size(self, input_byte_length: int, _chunk_spec: ArraySpec) -> int:
        raise NotImplementedError("The size of a block depends on its content.")

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
                f"{ndim} axes, shape {tuple(lengths)}."
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
