"""The stored values of an array, each decoded to see whether it is whole."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from math import prod
from typing import TYPE_CHECKING, NamedTuple

from zarr._async.run import bounded, offload, run
from zarr.buffer.cpu import Buffer, buffer_prototype
from zarr.codecs.base import OneChunk
from zarr.codecs.sharding import ShardingCodec
from zarr.errors import ChunkDecodeError
from zarr.metadata.chunk_grids import chunk_bounds
from zarr.metadata.layout import layout_of
from zarr.metadata.spec import ArrayConfig
from zarr.metadata.v3 import ArrayV3Metadata
from zarr.storage.client import Requests
from zarr.tools.check.findings import Finding
from zarr.tools.check.shards import Shards

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from zarr.storage.path import StorePath
    from zarr.types import ArrayMetadata

    Coords = tuple[int, ...]

__all__ = ["Values", "check_some"]

_CONFIG = ArrayConfig(order="C", write_empty_chunks=True)


class Values:
    """The stored values of an array: their keys, and what decodes them.

    Parameters
    ----------
    metadata
        Of the array.
    place
        Where it is.
    """

    def __init__(self, metadata: ArrayMetadata, place: StorePath) -> None:
        self.metadata = metadata
        self.place = place
        self._layout = layout_of(metadata)
        self._spec = metadata.get_chunk_spec((), _CONFIG, buffer_prototype)
        self._decoders: dict[tuple[int, ...], OneChunk | Shards] = {}
        codecs = metadata.codecs if isinstance(metadata, ArrayV3Metadata) else ()
        one = codecs[0] if len(codecs) == 1 else None
        self.sharding = one if isinstance(one, ShardingCodec) else None

    def key(self, coords: Coords) -> str:
        """Return the key of a value in the store."""
        name = self.metadata.encode_chunk_key(coords)
        return f"{self.place.path}/{name}" if self.place.path else name

    def shape(self, coords: Coords) -> tuple[int, ...]:
        """Return the shape of what is coded as one value."""
        shape = []
        for edge, chunk in zip(self._layout.grid, coords, strict=True):
            start, stop = chunk_bounds(edge, chunk)
            shape.append(stop - start)
        return tuple(shape)

    def decoder(self, coords: Coords) -> OneChunk | Shards:
        """Return what decodes a value."""
        shape = self.shape(coords)
        found = self._decoders.get(shape)
        if found is None:
            spec = replace(self._spec, shape=shape)
            if self.sharding is not None:
                found = Shards(self.sharding, spec)
            else:
                found = OneChunk(self._layout.chain, spec)
            self._decoders[shape] = found
        return found

    def check(self, coords: Coords, value: bytes | memoryview) -> Iterator[Finding]:
        """Decode a value, and yield what is wrong with it."""
        yield from self._wrong(coords, self.decoder(coords), memoryview(value))

    def is_damaged(self, coords: Coords, value: bytes) -> bool:
        """Decode a value, and return whether anything is wrong with it."""
        return any(True for _ in self.check(coords, value))

    def _wrong(
        self, coords: Coords, decoder: OneChunk | Shards, value: memoryview
    ) -> Iterator[Finding]:
        if not value:
            yield self._finding("chunk-empty", coords, value)
        elif isinstance(decoder, Shards):
            for code, number, expected, found in wrong_in_shard(decoder, value):
                yield self._finding(code, coords, value, number, expected, found)
        else:
            problem = wrong_in_chunk(decoder, value)
            if problem is not None:
                code, expected, found = problem
                yield self._finding(code, coords, value, None, expected, found)

    def _finding(
        self,
        code: str,
        coords: Coords,
        value: memoryview,
        inner: int | None = None,
        expected: str = "",
        found: str = "",
    ) -> Finding:
        version = version_of(value)
        return Finding(
            code, self.place.path, self.key(coords), coords, inner, expected, found, version
        )


_TOGETHER, _BYTES = 32, 64 << 20


def most_together(metadata: ArrayMetadata) -> int:
    """Return how many values of an array are in memory at a time, at most."""
    layout = layout_of(metadata)
    edges = (edge if isinstance(edge, int) else max(edge) for edge in layout.grid)
    size = prod(edges) * max(1, layout.itemsize)
    return max(1, min(_TOGETHER, _BYTES // size))


def version_of(value: bytes | memoryview) -> str:
    """Return the name of a value by its content."""
    return hashlib.sha256(value).hexdigest()


def wrong_in_chunk(decoder: OneChunk, value: memoryview) -> tuple[str, str, str] | None:
    """Return what is wrong with a chunk: a code, what was expected, and what was found."""
    try:
        decoder.decode(Buffer.from_bytes(value))
    except ChunkDecodeError as error:
        return _told(error)
    except MemoryError:
        return "chunk-over-limit", "", "there is not enough memory"
    except Exception as error:  # codecs of others raise anything
        ours = type(error).__module__.startswith("zarr.")
        return ("chunk-not-tried" if ours else "chunk-damaged"), "", _first_line(error)
    return None


_EXPECTED = re.compile(r"(.*?): expected (.*), found (.*)", re.DOTALL)


def _told(error: ChunkDecodeError) -> tuple[str, str, str]:
    message = str(error)
    if "array.decoded_max_bytes" in message:
        return "chunk-over-limit", "", message.partition(" [codec")[0]
    text = message.partition(" [codec")[0]
    if "checksum does not match" in text or "check value" in text:
        code = "chunk-checksum"
    elif "wrong length" in text or "wrong size" in text or "no checksum" in text:
        code = "chunk-size"
    else:
        code = "chunk-damaged"
    match = _EXPECTED.fullmatch(text)
    return (code, match[2], match[3]) if match else (code, "", text)


def _first_line(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}".partition("\n")[0]


def wrong_in_shard(shards: Shards, value: memoryview) -> Iterator[tuple[str, int | None, str, str]]:
    """Yield what is wrong with a shard: code, number of the chunk, expected, found."""
    if len(value) < shards.index_size:
        need = f"at least {shards.index_size} bytes"
        yield "shard-too-short", None, need, f"{len(value)} bytes"
        return
    try:
        entries = shards.entries(value)
    except ChunkDecodeError as error:
        _, expected, found = _told(error)
        yield "shard-index-damaged", None, expected, found
        return
    parts = shards.parts(entries)
    outside = shards.outside(parts, value)
    first, last = shards.body_of(value)
    for part in parts:
        if part.number in outside:
            here = f"{part.start} to {part.stop}"
            yield "shard-entry-outside", part.number, f"within {first} to {last}", here
    inside = [part for part in parts if part.number not in outside]
    overlapping = shards.overlapping(inside)
    for number in sorted(overlapping):
        yield "shard-chunks-overlap", number, "", "bytes of another chunk of the shard"
    inner = shards.inner()
    for part in inside:
        if part.number not in overlapping:
            yield from _wrong_inside(inner, part.number, value[part.start : part.stop])


def _wrong_inside(
    inner: OneChunk | Shards, number: int, value: memoryview
) -> Iterator[tuple[str, int | None, str, str]]:
    if isinstance(inner, Shards):
        for code, below, expected, found in wrong_in_shard(inner, value):
            where = "" if below is None else f" (chunk {below} of the shard in it)"
            yield code, number, expected, found + where
        return
    problem = wrong_in_chunk(inner, value)
    if problem is not None:
        code, expected, found = problem
        kept = code in ("chunk-over-limit", "chunk-not-tried")
        yield (code if kept else "shard-chunk-damaged"), number, expected, found


# -- many of them ---------------------------------------------------------------------------------


class Checked(NamedTuple):
    """Some values of an array that were checked.

    Parameters
    ----------
    findings
        The findings.
    looked
        How many values were looked for.
    read, size
        How many were there, and how many bytes they have.
    """

    findings: list[Finding]
    looked: int
    read: int
    size: int


async def check_values(values: Values, coords: Sequence[Coords], *, listed: bool) -> Checked:
    """Read and decode some values of an array.

    Parameters
    ----------
    values
        Of the array.
    coords
        The places in its grid.
    listed
        Whether the store listed them, so that one that is not there was deleted since.
    """
    requests = Requests(values.place.store)
    found: list[Finding] = []

    def wrong_with(each: Coords, value: Buffer) -> list[Finding]:
        return list(values.check(each, memoryview(value.as_buffer_like())))

    async def one(each: Coords) -> int | None:
        key, path = values.key(each), values.place.path
        try:
            value = await requests.get(key, buffer_prototype)
            wrong = [] if value is None else await offload(wrong_with, each, value)
            if wrong:  # it may have been cut on the way, or written just now
                value = await requests.get_checked(key)
                wrong = [] if value is None else await offload(wrong_with, each, value)
        except OSError as error:
            found.append(Finding("chunk-unreadable", path, key, each, found=_first_line(error)))
            return None
        if value is None:
            if listed:
                found.append(Finding("chunk-vanished", path, key, each))
            return None
        found.extend(wrong)
        return len(value)

    # Values of stores that never wait are decoded together by the workers.
    width = min(requests.width, most_together(values.metadata))
    limit = width if values.place.needs_event_loop else 1
    sizes = await bounded(coords, one, limit)
    there = [size for size in sizes if size is not None]
    return Checked(found, len(coords), len(there), sum(there))


def check_some(
    metadata: ArrayMetadata, place: StorePath, coords: list[Coords], listed: bool
) -> Checked:
    """Read and decode some values of an array, in a worker."""
    work = check_values(Values(metadata, place), coords, listed=listed)
    return run(work, waits=place.needs_event_loop)
