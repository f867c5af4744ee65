"""The codec ``sharding_indexed``: many chunks in one stored object, with an index of them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from math import prod
from typing import TYPE_CHECKING, ClassVar, Final, Literal, TypeAlias, cast

import numpy as np

from zarr._async.warnings import warn
from zarr.abc.codec import (
    ArrayBytesCodec,
    ArrayBytesCodecPartialDecodeMixin,
    ArrayBytesCodecPartialEncodeMixin,
)
from zarr.codecs.base import NOT_STORED, DeclaredCodec, DeprecatedStrEnumMeta, OneChunk
from zarr.codecs.bytes import BytesCodec
from zarr.codecs.chain import check_order, evolve, parse_codecs, v3_chain
from zarr.codecs.configuration import (
    InnerGrid,
    check_shards,
    choice_field,
    chunk_edges,
    seen_behind,
    shape_field,
)
from zarr.codecs.crc32c_ import Crc32cCodec
from zarr.dtype import UInt64
from zarr.errors import ZarrUserWarning
from zarr.registry import get_pipeline_class

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Self

    from zarr.abc.buffer import Buffer, NDBuffer
    from zarr.abc.codec import Codec, CodecPipeline
    from zarr.abc.store import ByteGetter, ByteSetter
    from zarr.codecs.base import AnyDType, Link, Shape
    from zarr.metadata.chunk_grids import ChunkGridMetadata
    from zarr.metadata.spec import ArraySpec
    from zarr.types import JSON, ShapeLike

__all__ = ["ShardingCodec", "ShardingCodecIndexLocation", "SubchunkWriteOrder"]

IndexLocation: TypeAlias = Literal["start", "end"]
"""Where the index of a shard lies."""

SubchunkWriteOrder: TypeAlias = Literal["morton", "unordered", "lexicographic", "colexicographic"]
"""In which order the chunks of a shard follow one another."""

INDEX_LOCATION: Final = ("start", "end")
SUBCHUNK_WRITE_ORDER: Final = ("morton", "unordered", "lexicographic", "colexicographic")

# The offset and the length of a chunk that is not stored.
_ABSENT = np.uint64(2**64 - 1)


class ShardingCodecIndexLocation(metaclass=DeprecatedStrEnumMeta):
    """Deprecated: pass the strings ``"start"`` and ``"end"``."""

    _members: ClassVar[dict[str, str]] = {name: name for name in INDEX_LOCATION}


def warn_of_hidden_shards(codecs: tuple[Codec, ...]) -> None:
    """Warn if what other codecs make of shards, or shards make of them, is read as a whole."""
    if len(codecs) == 1:
        return
    for codec in codecs:
        if isinstance(codec, ShardingCodec):
            warn(
                "Combining a `sharding_indexed` codec disables partial reads and writes, which may "
                "lead to inefficient performance.",
                ZarrUserWarning,
            )
            return


@dataclass(frozen=True, init=False, eq=False, repr=False)
class ShardingCodec(
    DeclaredCodec,
    ArrayBytesCodec,
    ArrayBytesCodecPartialDecodeMixin,
    ArrayBytesCodecPartialEncodeMixin,
):
    """Divides a chunk of the grid, then called a shard, into chunks that are coded alone.

    Parameters
    ----------
    chunk_shape : int or iterable of int
        The shape of the chunks in a shard. The shape of the shard must be a multiple.
    codecs : iterable of codecs, default: ``(BytesCodec(),)``
        The codecs of each inner chunk: codec objects, or their JSON forms.
    index_codecs : iterable of codecs, default: ``(BytesCodec(), Crc32cCodec())``
        The codecs of the index; its size must not depend on its content.
    index_location : {'end', 'start'}, default: 'end'
        Where the index lies in the shard.
    subchunk_write_order : {'morton', 'lexicographic', 'colexicographic', 'unordered'}
        In which order a shard that is written holds its chunks. Not stored.

    Examples
    --------
    >>> from zarr.codecs import BytesCodec, ShardingCodec, ZstdCodec
    >>> codec = ShardingCodec(chunk_shape=(32, 32), codecs=[BytesCodec(), ZstdCodec()])
    >>> codec.chunk_shape, codec.index_location
    ((32, 32), 'end')
    """

    _name = "sharding_indexed"

    chunk_shape: tuple[int, ...]
    codecs: tuple[Codec, ...]
    index_codecs: tuple[Codec, ...]
    index_location: IndexLocation = "end"
    subchunk_write_order: SubchunkWriteOrder = field(default="morton", metadata=NOT_STORED)

    def __init__(
        self,
        *,
        chunk_shape: ShapeLike,
        codecs: Iterable[Codec | dict[str, JSON]] = (BytesCodec(),),
        index_codecs: Iterable[Codec | dict[str, JSON]] = (BytesCodec(), Crc32cCodec()),
        index_location: ShardingCodecIndexLocation | IndexLocation = "end",
        subchunk_write_order: SubchunkWriteOrder = "morton",
    ) -> None:
        if subchunk_write_order not in SUBCHUNK_WRITE_ORDER:
            raise ValueError(
                f"Unrecognized subchunk write order: {subchunk_write_order}. "
                f"Only {SUBCHUNK_WRITE_ORDER} are allowed."
            )
        self._set(
            chunk_shape=shape_field(chunk_shape, least=1),
            codecs=parse_codecs(codecs),
            index_codecs=_parse_index_codecs(index_codecs),
            index_location=choice_field(index_location, "index_location", INDEX_LOCATION),
            subchunk_write_order=subchunk_write_order,
        )

    @property
    def codec_pipeline(self) -> CodecPipeline:
        """The codecs of the chunks as a pipeline."""
        return get_pipeline_class().from_codecs(self.codecs)

    def evolve_from_array_spec(self, array_spec: ArraySpec) -> Self:
        """The codec with the codecs of its chunks fitted to `array_spec`."""
        evolved = evolve(self.codecs, self._chunk_spec(array_spec))
        return self if evolved == self.codecs else replace(self, codecs=evolved)

    def validate(self, *, shape: Shape, dtype: AnyDType, chunk_grid: ChunkGridMetadata) -> None:
        """Refuse a grid whose chunks are no multiples of this codec's, and codecs that misfit."""
        if len(self.chunk_shape) != len(shape):
            raise ValueError(
                "The shard's `chunk_shape` and array's `shape` need to have the same number of "
                "dimensions."
            )
        edges = chunk_edges(chunk_grid)
        if edges is None:
            raise TypeError(
                "Sharding is only compatible with regular and rectilinear chunk grids, got "
                f"{type(chunk_grid)}"
            )
        for axis, (lengths, size) in enumerate(zip(edges, self.chunk_shape, strict=True)):
            for length in lengths:
                if length % size:
                    raise ValueError(
                        f"Chunk edge length {length} in dimension {axis} is not divisible by the "
                        f"shard's inner chunk size {size}."
                    )
        check_shards(tuple(map(max, edges)), self.chunk_shape)
        check_order(self.codecs)
        check_order(self.index_codecs)
        inner, grid = self.chunk_shape, cast("ChunkGridMetadata", InnerGrid(self.chunk_shape))
        for codec in self.codecs:
            codec.validate(shape=inner, dtype=dtype, chunk_grid=grid)
            inner, grid = seen_behind(codec, inner, grid)

    def compute_encoded_size(self, input_byte_length: int, shard_spec: ArraySpec) -> int:
        chunks = prod(self._chunks_per_shard(shard_spec.shape))
        size = 16 * chunks
        spec = self._index_spec(shard_spec)
        for codec in self.index_codecs:
            size = codec.compute_encoded_size(size, spec)
            spec = codec.resolve_metadata(spec)
        return input_byte_length + size

    def _chunk_spec(self, shard_spec: ArraySpec) -> ArraySpec:
        return replace(shard_spec, shape=self.chunk_shape)

    def _index_spec(self, shard_spec: ArraySpec) -> ArraySpec:
        shape = (*self._chunks_per_shard(shard_spec.shape), 2)
        return replace(shard_spec, shape=shape, dtype=UInt64(), fill_value=_ABSENT)

    def _chunks_per_shard(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        if len(shape) != len(self.chunk_shape) or any(
            length % inner for length, inner in zip(shape, self.chunk_shape, strict=True)
        ):
            raise ValueError(
                f"A shard of shape {shape} cannot be divided into chunks of {self.chunk_shape}."
            )
        check_shards(shape, self.chunk_shape)
        return tuple(length // inner for length, inner in zip(shape, self.chunk_shape, strict=True))

    def _link(self, spec: ArraySpec) -> Link:
        order = self.subchunk_write_order
        parameters = (
            self.chunk_shape,
            v3_chain(self.codecs, self._chunk_spec(spec)),
            v3_chain(self.index_codecs, self._index_spec(spec)),
            self.index_location,
            "lexicographic" if order == "unordered" else order,
        )
        return ("sharding_indexed", parameters)

    # -- a whole shard, or a part of one, outside of an array -------------------------------------

    def _shard(self, spec: ArraySpec) -> OneChunk:
        fitted = self.evolve_from_array_spec(spec)
        return OneChunk((fitted._link(spec),), spec)

    def _decode_sync(self, chunk_data: Buffer, chunk_spec: ArraySpec) -> NDBuffer:
        array = self._shard(chunk_spec).decode(chunk_data)
        return chunk_spec.prototype.nd_buffer.from_numpy_array(array)

    def _encode_sync(self, chunk_data: NDBuffer, chunk_spec: ArraySpec) -> Buffer | None:
        return self._shard(chunk_spec).encode(chunk_data.as_numpy_array())

    async def _decode_partial_single(
        self, byte_getter: ByteGetter, selection: object, chunk_spec: ArraySpec
    ) -> NDBuffer | None:
        array = await self._shard(chunk_spec).decode_part(byte_getter, selection)
        return None if array is None else chunk_spec.prototype.nd_buffer.from_numpy_array(array)

    async def _encode_partial_single(
        self,
        byte_setter: ByteSetter,
        chunk_array: NDBuffer,
        selection: object,
        chunk_spec: ArraySpec,
    ) -> None:
        shard = self._shard(chunk_spec)
        await shard.encode_part(byte_setter, selection, chunk_array.as_numpy_array())


def _parse_index_codecs(data: object) -> tuple[Codec, ...]:
    codecs = parse_codecs(data)
    varying = [codec for codec in codecs if not codec.is_fixed_size]
    if varying:
        raise ValueError(
            "Sharding `index_codecs` must produce a fixed-size encoding, but these codecs do not: "
            f"{varying}. Compression codecs cannot be used for the shard index."
        )
    return codecs
