"""The metadata of new arrays, from what users give."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from zarr.arrays.parameters import DEFAULT_FILL_VALUE, v2_codecs, v3_codecs
from zarr.codecs.numcodecs_links import codec_id
from zarr.codecs.sharding import ShardingCodec
from zarr.codecs.v2_chain import config_of
from zarr.dtype.base import HasObjectCodec
from zarr.dtype.exact import exact_scalar
from zarr.dtype.objects import OBJECT_CODEC_IDS, OF_ANY_OBJECT, behind_object_codec
from zarr.metadata.chunk_grids import create_chunk_grid_metadata
from zarr.metadata.chunk_key_encodings import V2ChunkKeyEncoding, parse_chunk_key_encoding
from zarr.metadata.chunking import resolve_grids
from zarr.metadata.v2 import ArrayV2Metadata, get_object_codec_id
from zarr.metadata.v3 import ArrayV3Metadata

if TYPE_CHECKING:
    from zarr.abc.codec import Codec
    from zarr.arrays.parameters import CompressorsLike, FiltersLike, SerializerLike
    from zarr.dtype import ZDType
    from zarr.metadata.chunk_key_encodings import ChunkKeyEncodingLike
    from zarr.metadata.chunking import ChunkLayout
    from zarr.types import (
        JSON,
        ArrayMetadata,
        ChunksLike,
        DimensionNamesLike,
        MemoryOrder,
        ShardsLike,
    )


# What an element without a fixed size is taken to have, for choosing chunks.
_OBJECT_SIZE = 16


class NewArray(NamedTuple):
    """What a new array is to be, in either format. The fields are those of ``create_array``."""

    shape: tuple[int, ...]
    dtype: ZDType[Any, Any]
    chunks: ChunksLike = "auto"
    shards: ShardsLike | None = None
    filters: FiltersLike = "auto"
    compressors: CompressorsLike = "auto"
    serializer: SerializerLike = "auto"
    fill_value: Any = DEFAULT_FILL_VALUE
    order: MemoryOrder | None = None
    attributes: Mapping[str, JSON] | None = None
    chunk_key_encoding: ChunkKeyEncodingLike | None = None
    dimension_names: DimensionNamesLike = None

    def metadata(self, zarr_format: int) -> ArrayMetadata:
        """The metadata in a format."""
        return self._v2() if zarr_format == 2 else self._v3()

    def _v2(self) -> ArrayV2Metadata:
        filters, compressor = v2_codecs(self.filters, self.compressors, self.dtype)
        codec = get_object_codec_id(map(config_of, filters))
        dtype = behind_object_codec(self.dtype, codec)
        if dtype != self.dtype:
            return self._replace(dtype=dtype)._v2()
        if self.serializer != "auto":
            raise ValueError("Zarr format 2 arrays do not support `serializer`.")
        if self.dimension_names is not None:
            raise ValueError("Zarr format 2 arrays do not support dimension names.")
        if self.shards is not None:
            raise ValueError(
                "Zarr format 2 arrays can only be created with `shard_shape` set to `None`. "
                f"Got `shard_shape={self.shards}` instead."
            )
        layout = self._layout()
        if not layout.outer_chunks.is_regular:
            raise ValueError("Zarr format 2 does not support rectilinear chunk grids.")
        _check_object_codec(self.dtype, [*(filters or ()), compressor])
        fill_value = self.fill_value
        if fill_value is DEFAULT_FILL_VALUE:
            fill_value = self.dtype.default_scalar()
        elif fill_value is not None:
            fill_value = exact_scalar(self.dtype, fill_value)
        return ArrayV2Metadata(
            shape=self.shape,
            dtype=self.dtype,
            chunks=layout.outer_chunks.chunk_shape,
            fill_value=fill_value,
            order=self.order or "C",
            dimension_separator=self._v2_separator(),
            filters=filters or None,
            compressor=compressor,
            attributes=dict(self.attributes or {}),
        )

    def _v3(self) -> ArrayV3Metadata:
        filters, serializer, compressors = v3_codecs(
            self.filters, self.serializer, self.compressors, self.dtype
        )
        codecs: tuple[Codec, ...] = (*filters, serializer, *compressors)
        layout = self._layout()
        if layout.inner is not None:
            codecs = (self._sharding(layout.inner.outer_chunks.chunk_shape, codecs),)
        fill_value = self.fill_value
        if fill_value is DEFAULT_FILL_VALUE or fill_value is None:
            fill_value = self.dtype.default_scalar()
        else:
            fill_value = exact_scalar(self.dtype, fill_value)
        encoding = self.chunk_key_encoding
        return ArrayV3Metadata(
            shape=self.shape,
            data_type=self.dtype,
            chunk_grid=create_chunk_grid_metadata(layout.outer_chunks),
            chunk_key_encoding={"name": "default"} if encoding is None else encoding,
            fill_value=fill_value,
            codecs=codecs,
            attributes=dict(self.attributes or {}),
            dimension_names=self.dimension_names,
        )

    def _layout(self) -> ChunkLayout:
        item_size = getattr(self.dtype, "item_size", None) or _OBJECT_SIZE
        return resolve_grids(self.shape, self.chunks, self.shards, item_size)

    def _sharding(self, chunk_shape: tuple[int, ...], codecs: tuple[Codec, ...]) -> ShardingCodec:
        index_location: Any = "end"
        if isinstance(self.shards, Mapping):
            index_location = self.shards.get("index_location", index_location)
        return ShardingCodec(chunk_shape=chunk_shape, codecs=codecs, index_location=index_location)

    def _v2_separator(self) -> Literal[".", "/"]:
        if self.chunk_key_encoding is None:
            return "."
        encoding = parse_chunk_key_encoding(self.chunk_key_encoding)
        if not isinstance(encoding, V2ChunkKeyEncoding):
            raise ValueError(
                "Invalid chunk key encoding. For Zarr format 2 arrays, the `name` field of the "
                f"chunk key encoding must be 'v2'. Got `name` = {encoding.name} instead."
            )
        return encoding.separator


def _check_object_codec(dtype: ZDType[Any, Any], chain: list[Any]) -> None:
    """Refuse elements without a fixed size where no codec makes bytes of them."""
    if not isinstance(dtype, HasObjectCodec):
        return
    found = [codec_id(config_of(codec)) for codec in chain if codec is not None]
    if not any(name in OBJECT_CODEC_IDS or name in OF_ANY_OBJECT for name in found):
        raise ValueError(
            f"Data type {dtype} requires the object codec {dtype.object_codec_id!r}, but there is "
            f"no such codec among the filters. Got {found}."
        )
