"""Chunks that are passed on as they are stored: into shards, out of them, from shards to others.

An array whose elements are the encoded chunks of another has the same keys and the same shards.
Each element is a slot of a heap of the engine, where the bytes are. So the plans that read and
write elements move chunks, and nothing is decoded: of all that is stored only the indexes of
shards are made anew.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple

from zarr import _core
from zarr.abc.codec import ArrayBytesCodec
from zarr.arrays.async_array import AsyncArray
from zarr.codecs.base import DeclaredCodec
from zarr.dtype import RawBytes
from zarr.metadata.chunk_grids import (
    RectilinearChunkGridMetadata,
    RegularChunkGridMetadata,
    regular_shape,
)
from zarr.metadata.layout import layout_of, same_chunks
from zarr.metadata.spec import ArrayConfig
from zarr.metadata.v2 import ArrayV2Metadata
from zarr.metadata.v3 import ArrayV3Metadata

if TYPE_CHECKING:
    from collections.abc import Iterator

    from zarr.codecs.base import Link
    from zarr.codecs.sharding import ShardingCodec
    from zarr.metadata.chunk_grids import ChunkGridMetadata, Grid
    from zarr.metadata.spec import ArraySpec
    from zarr.types import AnyAsyncArray, ArrayMetadata

__all__ = ["Common", "common_chunks", "encoded_arrays", "without_shards"]

_SLOT = 16
"""Bytes of a slot of a heap."""
_BESIDE = 64
"""Bytes that an encoded chunk may have, or take in memory, beside those of its elements."""


class Common(NamedTuple):
    """The largest chunks of which the stored bytes mean the same in two arrays.

    Parameters
    ----------
    unit
        The shape of the chunks.
    source, target
        In how many shards they lie, one within the other: 0 if they are the stored values.
    """

    unit: tuple[int, ...]
    source: int
    target: int

    @property
    def are_values(self) -> bool:
        """Whether they are stored values in both arrays."""
        return not self.source and not self.target

    def itemsize(self, itemsize: int) -> int:
        """Return what to count for each element of a chunk, to have room for it as it is stored.

        Parameters
        ----------
        itemsize
            The bytes of an element in memory.
        """
        count = prod(self.unit)
        raw = count * itemsize
        return -(-(raw + raw // 16 + _BESIDE) // count)


def common_chunks(source: ArrayMetadata, target: ArrayMetadata) -> Common | None:
    """Find the largest chunks that can be passed on as they are stored.

    Parameters
    ----------
    source, target
        The metadata of the arrays.

    Returns
    -------
    Common or None
        None if there are no such chunks: others are decoded.
    """
    for here, outer in enumerate(without_shards(source)):
        for there, other in enumerate(without_shards(target)):
            if same_chunks(outer, other):
                grid = layout_of(outer).grid
                unit = tuple(edge for edge in grid if isinstance(edge, int))
                if len(unit) == len(grid) or not (here or there):
                    return Common(unit, here, there)
    return None


def without_shards(metadata: ArrayMetadata) -> Iterator[ArrayMetadata]:
    """Yield the metadata of an array; then as if its inner chunks were stored alone; and so on."""
    yield metadata
    while (sharding := _sharding_of(metadata)) is not None and metadata.zarr_format == 3:
        metadata = metadata.rebuilt(
            chunk_grid=RegularChunkGridMetadata(chunk_shape=sharding.chunk_shape),
            codecs=sharding.codecs,
        )
        yield metadata


def _sharding_of(metadata: ArrayMetadata) -> ShardingCodec | None:
    """The codec of the shards, if the engine finds inner chunks in them."""
    if isinstance(metadata, ArrayV2Metadata):
        return None
    chain = layout_of(metadata).chain
    is_known = len(chain) == 1 and chain[0][0] == "sharding_indexed"
    return metadata.sharding_codec if is_known else None


@dataclass(frozen=True)
class _EncodedCodec(DeclaredCodec, ArrayBytesCodec):
    """The only element of a chunk is the slot of its bytes. No document has this codec."""

    _name = "encoded"

    heap: _core.Heap

    def _link(self, spec: ArraySpec) -> Link:
        return (self._name, self.heap)


def encoded_arrays(
    source: AnyAsyncArray, target: AnyAsyncArray, common: Common
) -> tuple[AnyAsyncArray, AnyAsyncArray]:
    """Return two arrays as arrays of their chunks; elements of one may be written to the other.

    Parameters
    ----------
    source, target
        The arrays.
    common
        Their chunks.
    """
    # Nothing is the fill value, and no chunk is: not even one of no bytes.
    heap = _core.Heap(False, None, False)
    return (
        _encoded(source, common.source, common.unit, heap),
        _encoded(target, common.target, common.unit, heap),
    )


def _encoded(
    array: AnyAsyncArray, depth: int, unit: tuple[int, ...], heap: _core.Heap
) -> AnyAsyncArray:
    levels = list(without_shards(array.metadata))[:depth]
    codec: ArrayBytesCodec = _EncodedCodec(heap)
    for sharding in reversed([_sharding_of(level) for level in levels]):
        if sharding is not None:
            inner = [size // each for size, each in zip(sharding.chunk_shape, unit, strict=True)]
            codec = replace(sharding, chunk_shape=tuple(inner), codecs=(codec,))
    layout = layout_of(array.metadata)
    metadata = ArrayV3Metadata(
        shape=tuple(-(-n // each) for n, each in zip(layout.shape, unit, strict=True)),
        data_type=RawBytes(length=_SLOT),
        chunk_grid=_grid(layout.grid, unit),
        chunk_key_encoding=_key_encoding(array.metadata),
        fill_value=heap.fill,
        codecs=(codec,),
        attributes={},
        dimension_names=None,
    )
    there = array.config
    config = ArrayConfig(
        "C",
        write_empty_chunks=False,
        read_missing_chunks=there.read_missing_chunks,
        sharding_coalesce_max_gap_bytes=there.sharding_coalesce_max_gap_bytes,
        sharding_coalesce_max_bytes=there.sharding_coalesce_max_bytes,
    )
    return AsyncArray(metadata, array.chunk_store_path, config)


def _grid(grid: Grid, unit: tuple[int, ...]) -> ChunkGridMetadata:
    edges = tuple(
        edge // each if isinstance(edge, int) else tuple(size // each for size in edge)
        for edge, each in zip(grid, unit, strict=True)
    )
    regular = regular_shape(edges)
    if regular is not None:
        return RegularChunkGridMetadata(chunk_shape=regular)
    return RectilinearChunkGridMetadata.stored(edges)


def _key_encoding(metadata: ArrayMetadata) -> Any:
    if isinstance(metadata, ArrayV2Metadata):
        return {"name": "v2", "configuration": {"separator": metadata.dimension_separator}}
    return metadata.chunk_key_encoding
