"""Checksums for the chunks of arrays that have none, and arrays without them.

The chunks are stored anew under keys of another encoding, which nobody reads; then the array's
document is replaced, by which all chunks are the new ones; then the old ones are deleted. So
whenever this is killed, the array is whole, and `zarr repair` deletes what is left over.
"""

from __future__ import annotations

import json
import warnings
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from zarr import _core
from zarr._async.progress import metered
from zarr._async.run import bounded, offload
from zarr.api.groups import consolidate_metadata
from zarr.arrays.async_array import AsyncArray
from zarr.arrays.stored_chunks import stored_coords
from zarr.buffer.cpu import Buffer
from zarr.codecs.crc32c_ import Crc32cCodec
from zarr.codecs.sharding import ShardingCodec
from zarr.errors import ChunkDecodeError
from zarr.hierarchy.documents import documents_of, get_value
from zarr.metadata.chunk_key_encodings import DefaultChunkKeyEncoding, V2ChunkKeyEncoding
from zarr.metadata.v3 import ArrayV3Metadata
from zarr.storage.client import Requests
from zarr.storage.local import LocalStore
from zarr.storage.path import StorePath
from zarr.storage.wrapper import layers
from zarr.tools.check.journal import Change, change, current
from zarr.tools.check.shards import Shards
from zarr.tools.check.stored_values import Values, version_of
from zarr.tools.nodes import node_of
from zarr.tools.result import Result
from zarr.tools.text import printable

if TYPE_CHECKING:
    from collections.abc import Callable

    from zarr._async.progress import Progress
    from zarr.abc.codec import Codec
    from zarr.tools.nodes import Source
    from zarr.types import StorageOptions

    Coords = tuple[int, ...]

__all__ = ["Checksums", "add_checksums", "remove_checksums"]

_SIZE = 4
_TOGETHER = 8


@dataclass(frozen=True)
class Checksums(Result):
    """The report of a change of the checksums of an array.

    Attributes
    ----------
    source : str
        The array.
    changed : bool
        Whether it was changed: it may have been as it should be.
    values : int
        How many values were stored anew.
    bytes : int
        How many bytes they have.
    codecs : tuple of str
        The names of the codecs of its chunks now.
    """

    source: str
    changed: bool
    values: int
    bytes: int
    codecs: tuple[str, ...]

    def __str__(self) -> str:
        name = printable(self.source)
        if not self.changed:
            return f"{name} is so already: its chunks are coded by {', '.join(self.codecs)}"
        return (
            f"{name}: {self.values:,} values stored anew, {self.bytes:,} bytes; its chunks are "
            f"coded by {', '.join(self.codecs)}"
        )


async def add_checksums(
    source: Source,
    *,
    path: str = "",
    keep_old: bool = False,
    progress: Progress = None,
    storage_options: StorageOptions | None = None,
) -> Checksums:
    """Add a CRC-32C to each chunk of an array of format 3, so that damage is noticed.

    In shards, it is added to the chunks inside. No chunk is encoded anew. While this runs, nobody
    may write to the array; whoever opens it finds it whole at any time, and handles that are open
    must be opened again afterwards. Both copies of the chunks are stored meanwhile. The keys of the
    chunks change from one encoding of the specification to another; consolidated metadata of groups
    above that have the array's document are made anew.

    Parameters
    ----------
    source : store, str, path-like or Array
        Where the array is.
    path : str, default: ""
        A path below it.
    keep_old : bool, default: False
        Whether the old chunks stay, for programs that have the array open and would find them gone,
        as if they had never been written. `repair` deletes them later.
    progress : bool, callable or type, optional
        How it is shown how far this is; see `zarr.progress`.
    storage_options : dict, optional
        Settings for the store that a URL names.

    Returns
    -------
    Checksums

    Raises
    ------
    TypeError
        If it is no array of format 3.
    ValueError
        If its store is read-only or deletes nothing; or if consolidated metadata above the store
        have its document: they could not be made anew.
    ChunkDecodeError
        If a chunk is damaged. The array stays as it was.
    RuntimeError
        If the array was changed meanwhile. It stays as it is.

    Examples
    --------
    >>> import zarr
    >>> store = {}
    >>> array = zarr.create_array(store, data=[1, 2, 3, 4], chunks=(2,), compressors=None)
    >>> print(zarr.tools.add_checksums(array))
    memory://...: 2 values stored anew, 40 bytes; its chunks are coded by bytes, crc32c
    >>> zarr.open_array(store)[...]
    array([1, 2, 3, 4])
    """
    return await _change(source, path, storage_options, progress, adding=True, keep_old=keep_old)


async def remove_checksums(
    source: Source,
    *,
    path: str = "",
    keep_old: bool = False,
    progress: Progress = None,
    storage_options: StorageOptions | None = None,
) -> Checksums:
    """Remove the CRC-32C of each chunk of an array of format 3, where it is the last codec.

    All checksums are compared first, as chunks are decoded. See `add_checksums`.

    Parameters
    ----------
    source : store, str, path-like or Array
        Where the array is.
    path : str, default: ""
        A path below it.
    keep_old : bool, default: False
        Whether the old chunks stay, for programs that have the array open and would find them gone,
        as if they had never been written. `repair` deletes them later.
    progress : bool, callable or type, optional
        How it is shown how far this is; see `zarr.progress`.
    storage_options : dict, optional
        Settings for the store that a URL names.

    Returns
    -------
    Checksums

    Raises
    ------
    TypeError, ValueError, ChunkDecodeError, RuntimeError
        As of `add_checksums`.
    """
    return await _change(source, path, storage_options, progress, adding=False, keep_old=keep_old)


async def _change(
    source: Source,
    path: str,
    storage_options: StorageOptions | None,
    progress: Progress,
    *,
    adding: bool,
    keep_old: bool,
) -> Checksums:
    array = await node_of(source, path, mode="r+", storage_options=storage_options)
    metadata = array.metadata
    if not isinstance(array, AsyncArray) or not isinstance(metadata, ArrayV3Metadata):
        raise TypeError(
            f"{array.store_path.shown_as()} is no array of format 3: checksums are added to and "
            "removed from those only"
        )
    place = array.store_path
    shown = place.shown_as()
    if place.read_only or not place.store.supports_deletes:
        raise ValueError(f"{shown} cannot be changed: its store is read-only, or deletes nothing")
    new = _with_codecs(metadata, adding=adding)
    if new is None:
        return Checksums(shown, False, 0, 0, _names(metadata))
    above = await _consolidated_above(place)
    key, document = documents_of(place.path, metadata)[0]
    before = await current(place.store, key)
    if before is None:
        raise RuntimeError(f"{shown} was deleted meanwhile")
    coords = [each async for each in stored_coords(array)]
    new = await _with_other_keys(place, new, coords)
    done = _Recoding(place, metadata, new, adding=adding)
    with metered("checksums", len(coords), unit=" chunks", progress=progress) as meter:
        size = await done.store(coords, meter.advance)
    if {each async for each in stored_coords(array)} != set(coords):
        await done.delete(new, coords)
        raise RuntimeError(f"{shown} was written to meanwhile: it stays as it was")
    document = documents_of(place.path, new)[0][1]
    if not await change(place.store, Change(key, document.to_bytes(), version_of(before)), None):
        await done.delete(new, coords)
        raise RuntimeError(f"{shown} was changed meanwhile: it stays as it is")
    await _consolidate_again(place, above)
    if not keep_old:
        await done.delete(metadata, coords)
    return Checksums(shown, True, len(coords), size, _names(new))


def _names(metadata: ArrayV3Metadata) -> tuple[str, ...]:
    codecs = metadata.inner_codecs
    while len(codecs) == 1 and isinstance(codecs[0], ShardingCodec):
        codecs = codecs[0].codecs
    return tuple(str(codec.to_dict()["name"]) for codec in codecs)


def _with_codecs(metadata: ArrayV3Metadata, *, adding: bool) -> ArrayV3Metadata | None:
    """The metadata of the array with checksums, or without; None if they are so."""
    made = _chain(metadata.codecs, adding=adding)
    return None if made is None else metadata.rebuilt(codecs=made)


def _chain(codecs: tuple[Codec, ...], *, adding: bool) -> tuple[Codec, ...] | None:
    if len(codecs) == 1 and isinstance(codecs[0], ShardingCodec):
        inner = _chain(codecs[0].codecs, adding=adding)
        return None if inner is None else (replace(codecs[0], codecs=inner),)
    has = isinstance(codecs[-1], Crc32cCodec)
    if has == adding:
        return None
    return (*codecs, Crc32cCodec()) if adding else codecs[:-1]


async def _with_other_keys(
    place: StorePath, metadata: ArrayV3Metadata, coords: list[Coords]
) -> ArrayV3Metadata:
    """The metadata with an encoding by which no chunk has the key that it has now."""
    first = (0,) * metadata.ndim
    used = {metadata.encode_chunk_key(each) for each in (*coords, first)}
    requests = Requests(place.store)
    prefix = f"{place.path}/" if place.path else ""
    there = {key[len(prefix) :] async for key in requests.list_prefix(prefix)}
    for encoding in (DefaultChunkKeyEncoding, V2ChunkKeyEncoding):
        for separator in ("/", "."):
            made = metadata.rebuilt(chunk_key_encoding=encoding(separator=separator))
            keys = {made.encode_chunk_key(each) for each in (*coords, first)}
            if keys.isdisjoint(used) and keys.isdisjoint(there):
                return made
    raise RuntimeError(
        f"{place.shown_as()} has keys of chunks in every encoding: run `zarr repair`, which "
        "deletes those that belong to nothing"
    )


async def _consolidated_above(place: StorePath) -> list[str]:
    """The paths of groups whose consolidated metadata have the document of an array.

    Raises
    ------
    ValueError
        If there is one above the store, which cannot be changed by way of this store.
    """
    directory = next((each for each in layers(place.store) if isinstance(each, LocalStore)), None)
    beyond = [] if directory is None else directory.root.resolve().parents
    for parent in beyond:
        document = await get_value(LocalStore(parent, read_only=True), "", "zarr.json")
        if document is None:
            break
        inner = (directory.root.resolve() / place.path).relative_to(parent).as_posix()  # type: ignore[union-attr]
        if _names_node(document, inner):
            raise ValueError(
                f"the consolidated metadata of {parent} have the document of "
                f"{place.shown_as()}: open that, and give the path {inner!r}, so that they are "
                "made anew"
            )
    found = []
    path = place.path
    while path:
        path = path.rpartition("/")[0]
        document = await get_value(place.store, path, "zarr.json")
        if document is not None and _names_node(document, place.path[len(path) :].strip("/")):
            found.append(path)
    return found


def _names_node(document: bytes, path: str) -> bool:
    try:
        told = json.loads(document)["consolidated_metadata"]["metadata"]
        return path in told
    except (ValueError, TypeError, KeyError):
        return False


async def _consolidate_again(place: StorePath, paths: list[str]) -> None:
    """Make consolidated metadata anew: by the old ones, chunks would be looked for elsewhere."""
    for path in paths:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            await consolidate_metadata(StorePath(place.store, path), zarr_format=3)


class _Recoding:
    """Stores chunks anew, with checksums or without."""

    def __init__(
        self, place: StorePath, old: ArrayV3Metadata, new: ArrayV3Metadata, *, adding: bool
    ) -> None:
        self._place = place
        self._old = Values(old, place)
        self._new = Values(new, place)
        self._adding = adding
        self._requests = Requests(place.store)

    async def store(self, coords: list[Coords], advance: Callable[[int], None]) -> int:
        """Store values under their new keys; how many bytes they have together."""

        async def one(each: Coords) -> int:
            value = await current(self._place.store, self._old.key(each))
            if value is None:
                return 0  # its absence is noticed before the document is replaced
            made = await offload(self._recoded, each, value)
            await self._requests.set(self._new.key(each), Buffer.from_bytes(made))
            advance(1)
            return len(made)

        return sum(await bounded(coords, one, min(_TOGETHER, self._requests.width)))

    async def delete(self, metadata: ArrayV3Metadata, coords: list[Coords]) -> None:
        """Delete values under the keys that metadata give them."""
        values = Values(metadata, self._place)

        async def one(each: Coords) -> None:
            await self._requests.delete(values.key(each))

        await bounded(coords, one, self._requests.width)

    def _recoded(self, coords: Coords, value: bytes) -> bytes:
        for finding in self._old.check(coords, value):
            raise ChunkDecodeError(f"{finding}: repair the array first")
        old, new = self._old.decoder(coords), self._new.decoder(coords)
        made = self._shard(old, new, value) if isinstance(old, Shards) else self._chunk(value)
        for finding in self._new.check(coords, made):
            raise ChunkDecodeError(f"{finding}: the array stays as it was")
        return made

    def _chunk(self, value: bytes | memoryview) -> bytes:
        if not self._adding:
            return bytes(value[:-_SIZE])
        return bytes(_core.encode_bytes((("crc32c", "end"),), value))

    def _shard(self, old: Shards, new: Any, value: bytes | memoryview) -> bytes:
        view = memoryview(value)
        inner_old, inner_new = old.inner(), new.inner()
        chunks = {}
        for part in sorted(old.parts(old.entries(view)), key=lambda part: part.start):
            chunk = view[part.start : part.stop]
            chunks[part.number] = (
                self._shard(inner_old, inner_new, chunk)
                if isinstance(inner_old, Shards)
                else self._chunk(chunk)
            )
        packed: bytes = new.packed(chunks)
        return packed
