"""Shards as bytes: their index, the chunks in them, and shards made of chunks."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from math import prod
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from zarr.buffer.cpu import Buffer, buffer_prototype
from zarr.codecs.base import OneChunk
from zarr.codecs.chain import v3_chain
from zarr.codecs.crc32c_ import Crc32cCodec
from zarr.codecs.sharding import ShardingCodec
from zarr.dtype import UInt64
from zarr.errors import ChunkDecodeError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import numpy.typing as npt

    from zarr.abc.codec import Codec
    from zarr.metadata.spec import ArraySpec

    Entries = npt.NDArray[np.uint64]

__all__ = ["Part", "Shards"]

_ABSENT = 2**64 - 1


class Part(NamedTuple):
    """A chunk in a shard: its number in C order, and where its bytes are."""

    number: int
    start: int
    stop: int


class Shards:
    """How shards of one shape are laid out.

    Parameters
    ----------
    codec
        The codec of shards.
    spec
        The shape and data type of a shard, and what it is filled with.
    """

    def __init__(self, codec: ShardingCodec, spec: ArraySpec) -> None:
        self.codec = codec
        self.inner_spec = replace(spec, shape=codec.chunk_shape)
        self.counts = tuple(
            length // size for length, size in zip(spec.shape, codec.chunk_shape, strict=True)
        )
        self.count = prod(self.counts)
        self.at_end = codec.index_location == "end"
        self._index_spec = replace(
            spec,
            shape=(*self.counts, 2),
            dtype=UInt64(),
            fill_value=np.uint64(_ABSENT),
            config=replace(spec.config, write_empty_chunks=True),
            prototype=buffer_prototype,
        )
        self.index_size = self._size(codec.index_codecs)

    def _size(self, codecs: Sequence[Codec]) -> int:
        size, spec = 16 * self.count, self._index_spec
        for codec in codecs:
            size = codec.compute_encoded_size(size, spec)
            spec = codec.resolve_metadata(spec)
        return size

    def _index(self, codecs: Sequence[Codec]) -> OneChunk:
        return OneChunk(v3_chain(codecs, self._index_spec), self._index_spec)

    def inner(self) -> OneChunk | Shards:
        """Return what decodes a chunk of a shard, which may be a shard itself."""
        codecs = self.codec.codecs
        if len(codecs) == 1 and isinstance(codecs[0], ShardingCodec):
            return Shards(codecs[0], self.inner_spec)
        return OneChunk(v3_chain(codecs, self.inner_spec), self.inner_spec)

    def index_of(self, value: memoryview) -> memoryview:
        """Return the part of a shard that is its index."""
        return value[len(value) - self.index_size :] if self.at_end else value[: self.index_size]

    def body_of(self, value: memoryview) -> tuple[int, int]:
        """Return where the chunks may be in a shard: from where to where."""
        if self.at_end:
            return 0, len(value) - self.index_size
        return self.index_size, len(value)

    def entries(self, value: memoryview, *, trusting: bool = False) -> Entries:
        """Return the offset and the length of each chunk, as the index has them.

        Parameters
        ----------
        value
            The shard, which is at least as long as its index.
        trusting
            Whether the checksum of the index is left out of account.

        Raises
        ------
        ChunkDecodeError
            If the checksum does not match.
        """
        codecs, index = self.codec.index_codecs, self.index_of(value)
        if trusting:
            codecs = tuple(codec for codec in codecs if not isinstance(codec, Crc32cCodec))
            index = index[: self._size(codecs)]
        found = self._index(codecs).decode(Buffer.from_bytes(bytes(index)))
        return found.reshape(self.count, 2)

    def parts(self, entries: Entries) -> list[Part]:
        """Return the chunks that an index names, in C order."""
        there = np.flatnonzero((entries != _ABSENT).any(axis=1))
        return [
            Part(number, start, start + length)
            for number, (start, length) in zip(there.tolist(), entries[there].tolist(), strict=True)
        ]

    def outside(self, parts: Sequence[Part], value: memoryview) -> set[int]:
        """Return the numbers of chunks that do not lie where chunks may be."""
        first, last = self.body_of(value)
        return {part.number for part in parts if part.start < first or part.stop > last}

    def overlapping(self, parts: Sequence[Part]) -> set[int]:
        """Return the numbers of chunks that lie over others, and of those others."""
        found: set[int] = set()
        ordered = sorted((part for part in parts if part.stop > part.start), key=lambda p: p[1:])
        reach = ordered[:1]
        for _, part in pairwise(ordered):
            if part.start < reach[0].stop:
                found |= {reach[0].number, part.number}
            if part.stop > reach[0].stop:
                reach = [part]
        return found

    def gaps(self, parts: Sequence[Part], value: memoryview) -> Iterator[tuple[int, int]]:
        """Yield the bytes, between the chunks, that belong to none."""
        reach, last = self.body_of(value)
        for part in sorted(parts, key=lambda p: p[1:]):
            if part.start > reach:
                yield reach, part.start
            reach = max(reach, part.stop)
        if last > reach:
            yield reach, last

    def packed(self, chunks: Mapping[int, bytes | memoryview]) -> bytes:
        """Return the shard of encoded chunks, by their numbers, which follow in this order."""
        entries = np.full((self.count, 2), _ABSENT, np.uint64)
        at = 0 if self.at_end else self.index_size
        for number, chunk in chunks.items():
            entries[number] = at, len(chunk)
            at += len(chunk)
        return self.joined(entries, b"".join(chunks.values()))

    def joined(self, entries: Entries, body: bytes | memoryview) -> bytes:
        """Return a shard of an index and the bytes of its chunks."""
        encoded = self._index(self.codec.index_codecs).encode(
            entries.reshape(self._index_spec.shape)
        )
        if encoded is None or len(encoded) != self.index_size:
            raise ChunkDecodeError("the index of a shard could not be encoded")
        index = encoded.to_bytes()
        return b"".join((body, index) if self.at_end else (index, body))
