"""The codec ``n5_varlen``: chunks as blocks of N5 whose elements differ in size."""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from zarr.abc.codec import ArrayBytesCodec
from zarr.codecs.chain import evolve, split
from zarr.codecs.configuration import named, required_configuration
from zarr.codecs.foreign import Coder
from zarr.codecs.parsing import parse_codecs
from zarr.errors import ChunkDecodeError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Self

    from zarr.abc.buffer import Buffer, NDBuffer
    from zarr.abc.codec import Codec
    from zarr.dtype import ZDType
    from zarr.metadata.chunk_grids import ChunkGridMetadata
    from zarr.metadata.spec import ArraySpec
    from zarr.types import JSON

__all__ = ["N5VarlenCodec"]

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
