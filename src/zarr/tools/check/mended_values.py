"""Damaged values of an array, made whole of what is left of them and of a second copy."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from zarr._async.run import offload
from zarr.arrays.async_array import AsyncArray
from zarr.arrays.read import read
from zarr.arrays.write import write
from zarr.errors import ChunkDecodeError
from zarr.indexing import basic
from zarr.metadata.chunk_grids import chunk_bounds
from zarr.metadata.layout import layout_of, same_coding
from zarr.metadata.spec import ArrayConfig
from zarr.storage.memory import MemoryStore
from zarr.storage.path import StorePath
from zarr.tools.check.element_hash import type_name
from zarr.tools.check.journal import current
from zarr.tools.check.shards import Part, Shards
from zarr.tools.check.stored_values import Values, wrong_in_chunk, wrong_in_shard

if TYPE_CHECKING:
    from zarr.codecs.base import OneChunk
    from zarr.types import AnyAsyncArray

    Coords = tuple[int, ...]

__all__ = ["Mended", "mended"]


class Mended(NamedTuple):
    """The outcome of mending a damaged value.

    Parameters
    ----------
    value
        The new value; None to delete it.
    how
        How it was made.
    """

    value: bytes | None
    how: str


async def mended(
    values: Values,
    coords: Coords,
    value: bytes | None,
    second: AnyAsyncArray | None,
    *,
    drop: bool,
) -> Mended | str:
    """Make a damaged value whole.

    Parameters
    ----------
    values, coords
        The array, and the place of the value in its grid.
    value
        The damaged value; None if it cannot be read.
    second
        The same array in a second copy.
    drop
        Whether what cannot be got back is given up: it reads as the fill value then.

    Returns
    -------
    Mended or str
        The new value; or why there is none.
    """
    decoder = values.decoder(coords)
    if value and isinstance(decoder, Shards) and len(value) >= decoder.index_size:
        return await _shard(values, coords, decoder, memoryview(value), second, drop=drop)
    if second is not None:
        taken = await _from_second(values, coords, second)
        if not isinstance(taken, str):
            return taken
        if not drop:
            return taken
    if drop:
        return Mended(None, "deleted: it reads as the fill value")
    return "there is no second copy"


# -- a second copy --------------------------------------------------------------------------------


async def _from_second(values: Values, coords: Coords, second: AnyAsyncArray) -> Mended | str:
    """The value of a second copy, as it is or coded anew."""
    why = _differs(values, second)
    if why:
        return why
    if same_coding(values.metadata, second.metadata):
        found = await current(second.chunk_store_path.store, _key_in(second, coords))
        if found is None:
            return Mended(None, "deleted: the second copy has none, and its fill value stands")
        if await offload(values.is_damaged, coords, found):
            return "the value of the second copy is damaged, too"
        return Mended(found, "taken from the second copy")
    box = _box(values, coords)
    try:
        elements: Any = await read(second, basic, box)
    except (ChunkDecodeError, OSError) as error:
        return f"the second copy cannot be read: {error}"
    config = ArrayConfig(order="C", write_empty_chunks=True)
    place = StorePath(MemoryStore())
    await write(AsyncArray(values.metadata, place, config), basic, box, elements)
    key = values.metadata.encode_chunk_key(coords)
    return Mended(await current(place.store, key), "coded anew from the second copy")


def _differs(values: Values, second: AnyAsyncArray) -> str:
    one, other = layout_of(values.metadata), layout_of(second.metadata)
    if one.shape != other.shape:
        return f"the second copy has the shape {other.shape}, not {one.shape}"
    if type_name(one) != type_name(other):
        return f"the second copy has elements of {other.dtype}, not of {one.dtype}"
    return ""


def _key_in(array: AnyAsyncArray, coords: Coords) -> str:
    path, key = array.chunk_store_path.path, array.metadata.encode_chunk_key(coords)
    return f"{path}/{key}" if path else key


def _box(values: Values, coords: Coords) -> tuple[slice, ...]:
    """The elements of a stored value that lie in the array."""
    layout = layout_of(values.metadata)
    bounds = map(chunk_bounds, layout.grid, coords)
    return tuple(
        slice(start, min(stop, length))
        for (start, stop), length in zip(bounds, layout.shape, strict=True)
    )


# -- shards ---------------------------------------------------------------------------------------


async def _shard(
    values: Values,
    coords: Coords,
    shards: Shards,
    value: memoryview,
    second: AnyAsyncArray | None,
    *,
    drop: bool,
) -> Mended | str:
    whole, bad, is_sure = await offload(_sorted_out, shards, value)
    if not bad and is_sure:
        return Mended(shards.packed(whole), "index rebuilt: all chunks in it are whole")
    if second is not None:
        why = _differs(values, second)
        if why and not drop:
            return why
        if not why and not is_sure:
            # Which chunks there were is not known.
            return await _from_second(values, coords, second)
        if not why:
            taken = await _inner_from_second(values, coords, shards, bad, second)
            if not isinstance(taken, str):
                how = f"{len(bad)} chunks in it taken from the second copy"
                return Mended(shards.packed({**whole, **taken}), how)
            if not drop:
                return taken
    if drop and whole:
        lost = f"{len(bad)} chunks in it" if is_sure else "what its index does not tell"
        return Mended(shards.packed(whole), f"dropped {lost}, which reads as the fill value")
    if drop:
        return Mended(None, "deleted: it reads as the fill value")
    return "there is no second copy of its damaged chunks"


def _sorted_out(shards: Shards, value: memoryview) -> tuple[dict[int, memoryview], list[int], bool]:
    """The whole chunks of a shard, the numbers of the others, and whether these are all."""
    try:
        entries, is_sound = shards.entries(value), True
    except ChunkDecodeError:
        is_sound = False
        try:
            entries = shards.entries(value, trusting=True)
        except ChunkDecodeError:
            return {}, [], False
    parts = shards.parts(entries)
    outside = shards.outside(parts, value)
    inside = [part for part in parts if part.number not in outside]
    unclear = outside | shards.overlapping(inside)
    inner = shards.inner()
    good = [
        part
        for part in inside
        if part.number not in unclear and _is_whole(inner, value[part.start : part.stop])
    ]
    bad = sorted({part.number for part in parts} - {part.number for part in good})
    gaps = list(shards.gaps(good, value))
    if len(bad) == 1 and len(gaps) == 1 and not _is_entry(parts, bad[0], gaps[0]):
        start, stop = gaps[0]
        if _is_whole(inner, value[start:stop]):  # only its place was wrong
            good.append(Part(bad[0], start, stop))
            bad, gaps = [], []
    # A damaged index may have lost chunks: then there are bytes that belong to none.
    is_sure = is_sound or not gaps or bool(bad)
    if not is_sound and bad:
        is_sure = sum(stop - start for start, stop in gaps) == sum(
            part.stop - part.start for part in parts if part.number in bad
        )
    return {part.number: value[part.start : part.stop] for part in good}, bad, is_sure


def _is_entry(parts: list[Part], number: int, gap: tuple[int, int]) -> bool:
    return any(part.number == number and (part.start, part.stop) == gap for part in parts)


def _is_whole(inner: OneChunk | Shards, value: memoryview) -> bool:
    if isinstance(inner, Shards):
        return next(wrong_in_shard(inner, value), None) is None
    return bool(value) and wrong_in_chunk(inner, value) is None


async def _inner_from_second(
    values: Values, coords: Coords, shards: Shards, numbers: list[int], second: AnyAsyncArray
) -> dict[int, bytes] | str:
    """Chunks of a shard, coded anew from the elements of a second copy."""
    inner = shards.inner()
    if isinstance(inner, Shards):
        return "shards in shards are taken from a second copy only as a whole"
    layout = layout_of(values.metadata)
    starts = [chunk_bounds(edge, at)[0] for edge, at in zip(layout.grid, coords, strict=True)]
    found: dict[int, bytes] = {}
    for number in numbers:
        place = np.unravel_index(number, shards.counts)
        first = [
            start + int(at) * size
            for start, at, size in zip(starts, place, shards.codec.chunk_shape, strict=True)
        ]
        box = tuple(
            slice(start, min(start + size, length))
            for start, size, length in zip(
                first, shards.codec.chunk_shape, layout.shape, strict=True
            )
        )
        if any(part.stop <= part.start for part in box):
            continue  # outside of the array: nobody reads it
        try:
            elements: Any = await read(second, basic, box)
        except (ChunkDecodeError, OSError) as error:
            return f"the second copy cannot be read: {error}"
        chunk = np.empty(shards.codec.chunk_shape, layout.dtype)
        if chunk.size != prod(part.stop - part.start for part in box):
            chunk[...] = layout.fill_value
        chunk[tuple(slice(0, part.stop - part.start) for part in box)] = elements
        encoded = inner.encode(chunk)
        if encoded is not None:
            found[number] = encoded.to_bytes()
    return found
