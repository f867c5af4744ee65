"""The stored part of an array: its keys, and the chunks that they name."""

from __future__ import annotations

from itertools import product
from math import prod
from typing import TYPE_CHECKING, NamedTuple

from zarr.hierarchy.documents import DOCUMENTS
from zarr.metadata.chunk_grids import Grid, chunk_bounds, chunk_count, chunk_of
from zarr.metadata.layout import chunk_edges, layout_of
from zarr.metadata.v2 import ArrayV2Metadata
from zarr.storage.client import Requests

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from zarr.types import AnyAsyncArray, ArrayMetadata

Coords = tuple[int, ...]


class Stored(NamedTuple):
    """How many values are stored, and how many chunks lie in them."""

    shards: int
    chunks: int


async def stored_shards(array: AnyAsyncArray) -> Stored:
    """Count what is stored of an array, by listing its keys."""
    shards = chunks = 0
    inner = chunk_edges(array.metadata)
    async for coords in stored_coords(array):
        shards += 1
        chunks += _chunks_in(coords, array, inner)
    return Stored(shards, chunks)


def _chunks_in(coords: Coords, array: AnyAsyncArray, inner: Grid) -> int:
    """How many chunks of the array lie in one stored value."""
    if layout_of(array.metadata).grid == inner:
        return 1
    counts = []
    for chunk, edge, small, length in zip(
        coords, layout_of(array.metadata).grid, inner, array.shape, strict=True
    ):
        start, stop = chunk_bounds(edge, chunk)
        counts.append(chunk_of(small, min(stop, length) - 1) - chunk_of(small, start) + 1)
    return prod(counts)


async def stored_coords(array: AnyAsyncArray) -> AsyncIterator[Coords]:
    """The places in the grid of what is stored of an array, as far as they lie in it."""
    grid = array._shard_grid_shape
    async for coords in listed_coords(array):
        if all(chunk < count for chunk, count in zip(coords, grid, strict=True)):
            yield coords


async def listed_coords(array: AnyAsyncArray) -> AsyncIterator[Coords]:
    """The places in the grid of all chunks that the store lists, also outside of the shape."""
    metadata, place = array.metadata, array.chunk_store_path
    prefix = f"{place.path}/" if place.path else ""
    decode = KeyDecoder(metadata)
    async for key in Requests(place.store).list_prefix(prefix):
        coords = decode(key[len(prefix) :])
        if coords is not None:
            yield coords


async def stored_size(array: AnyAsyncArray) -> int:
    """The bytes that are stored for an array: its chunks and its metadata."""
    place, chunk_place = array.store_path, array.chunk_store_path
    size = await Requests(place.store).getsize_prefix(place.path)
    if chunk_place is not place:
        size += await Requests(chunk_place.store).getsize_prefix(chunk_place.path)
    return size


class KeyDecoder:
    """Tells which chunk a key names, if any.

    Parameters
    ----------
    metadata
        Of the array.
    """

    def __init__(self, metadata: ArrayMetadata) -> None:
        self._metadata = metadata
        self._ndim = len(metadata.shape)
        self.known_stored: dict[str, Coords] | None = None

    def __call__(self, key: str) -> Coords | None:
        """The place in the grid of a key, relative to the array; None if it names no chunk."""
        if key in DOCUMENTS:
            return None
        try:
            coords = self._decode(key)
            named = len(coords) == self._ndim and self._metadata.encode_chunk_key(coords) == key
        except NotImplementedError:
            return self._look_up(key)
        except (ValueError, IndexError):
            return None
        return coords if named and all(chunk >= 0 for chunk in coords) else None

    def _decode(self, key: str) -> Coords:
        metadata = self._metadata
        if isinstance(metadata, ArrayV2Metadata):
            if self._ndim == 0:
                return ()
            return tuple(map(int, key.split(metadata.dimension_separator)))
        if self._ndim == 0:
            return ()
        return tuple(metadata.chunk_key_encoding.decode_chunk_key(key))

    def _look_up(self, key: str) -> Coords | None:
        """For an encoding that cannot be turned round: look among all keys of the grid."""
        if self.known_stored is None:
            encode = self._metadata.encode_chunk_key
            self.known_stored = {encode(coords): coords for coords in _all_coords(self._metadata)}
        return self.known_stored.get(key)


def _all_coords(metadata: ArrayMetadata) -> Iterable[Coords]:
    counts = map(chunk_count, layout_of(metadata).grid, metadata.shape)
    return product(*map(range, counts))
