"""All about one node: its metadata in words, and what is stored of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from math import prod
from typing import TYPE_CHECKING, Any

from zarr.arrays.async_array import AsyncArray
from zarr.hierarchy.walk import walk
from zarr.metadata.chunk_grids import chunk_count, chunk_sizes
from zarr.metadata.group import is_group
from zarr.metadata.layout import layout_of
from zarr.metadata.v2 import ArrayV2Metadata
from zarr.metadata.v3 import ArrayV3Metadata
from zarr.tools.nodes import node_of
from zarr.tools.result import Result
from zarr.tools.see.contents import dimension_names_of, stored_below
from zarr.tools.see.listing import shape_of
from zarr.tools.text import bytes_of, count, json_lines, pairs, percent, printable, ratio, shorten

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from zarr.groups.async_group import AsyncGroup
    from zarr.tools.nodes import Source
    from zarr.tools.see.contents import Stored
    from zarr.types import JSON, AnyAsyncArray, ArrayMetadata, StorageOptions

__all__ = ["ArrayReport", "GroupReport", "codecs_in_words", "info"]

_LONG = 2000
"""How many characters of attributes are printed; JSON has all of them."""


@dataclass(frozen=True)
class NodeReport(Result):
    """The part of a report that arrays and groups share.

    Parameters
    ----------
    store
        The store, as it is shown.
    path
        The path of the node in it.
    zarr_format
        2 or 3.
    attributes
        The attributes.
    stored
        The bytes of all that is stored of the node, and of a group, below it.
    oldest, newest
        When the first and the last of its values were written; None if the store does not tell.
    """

    store: str
    path: str
    zarr_format: int
    attributes: Mapping[str, JSON]
    stored: int | None
    oldest: datetime | None
    newest: datetime | None

    def _head(self, kind: str) -> Iterator[tuple[str, str]]:
        yield kind, f"/{self.path}"
        yield "Store", self.store
        yield "Zarr format", str(self.zarr_format)

    def _tail(self) -> Iterator[tuple[str, str]]:
        if self.oldest is not None and self.newest is not None:
            first, last = (f"{each:%Y-%m-%d %H:%M:%S} UTC" for each in (self.oldest, self.newest))
            yield "Written", first if first == last else f"{first} to {last}"
        if self.attributes:
            text = json_lines(self.attributes)
            if len(text) > _LONG:
                text = text[:_LONG] + "\n… (all of them: --json, or zarr attrs get)"
            yield "Attributes", text


@dataclass(frozen=True)
class ArrayReport(NodeReport):
    """All about an array.

    Parameters
    ----------
    shape
        The length of each dimension.
    dimension_names
        Their names, if they have some; those of xarray in format 2.
    dtype
        The data type in memory.
    fill_value
        The value of elements that are not stored.
    order
        The memory layout of chunks in format 2, or None.
    chunks
        The lengths of chunks for each dimension: one number, or one for each chunk.
    shards
        The same of the shards that they are in; None if each chunk is stored by itself.
    grid
        How many chunks there are along each dimension.
    codecs
        The codecs in the order of encoding, in words.
    nbytes
        The bytes of the elements in memory.
    expected
        How many values the grid has: shards, or chunks where there are no shards.
    present
        How many of them are stored.
    stored_chunks
        The bytes of those.
    ratio
        How many times more bytes their elements have; None if none are stored.
    """

    shape: tuple[int, ...]
    dimension_names: tuple[str | None, ...] | None
    dtype: str
    fill_value: object
    order: str | None
    chunks: tuple[int | tuple[int, ...], ...]
    shards: tuple[int | tuple[int, ...], ...] | None
    grid: tuple[int, ...]
    codecs: tuple[str, ...]
    nbytes: int
    expected: int
    present: int | None
    stored_chunks: int | None
    ratio: float | None

    def __str__(self) -> str:
        return pairs(self._rows())

    def _rows(self) -> Iterator[tuple[str, str]]:
        yield from self._head("Array")
        yield "Shape", shape_of(self.shape)
        if self.dimension_names is not None:
            yield "Dimensions", ", ".join("–" if n is None else n for n in self.dimension_names)
        yield "Data type", self.dtype
        yield "Fill value", shorten(printable(str(self.fill_value)), 200)
        name = "chunk" if self.shards is None else "inner chunk"
        grid = f" in a grid of {shape_of(self.grid)}" if len(self.grid) > 1 else ""
        yield "Chunks", f"{_edges(self.chunks)}: {count(prod(self.grid), name)}{grid}"
        if self.shards is not None:
            yield "Shards", f"{_edges(self.shards)}: {count(self.expected, 'shard')}"
        yield "Codecs", " → ".join(self.codecs) or "none"
        yield "Decoded", f"{bytes_of(self.nbytes)} ({self.nbytes:,} bytes)"
        if self.stored is None or self.present is None:
            yield "Stored", "not listed: the store cannot list keys"
            return
        yield "Stored", f"{bytes_of(self.stored)} ({self.stored:,} bytes)"
        value = "chunk" if self.shards is None else "shard"
        share = percent(self.present, self.expected)
        yield "Present", f"{self.present:,} of {count(self.expected, value)} ({share})"
        if self.ratio is not None:
            yield "Ratio", f"{self.ratio:.1f}× smaller than the decoded {value}s that are present"
        yield from self._tail()


@dataclass(frozen=True)
class GroupReport(NodeReport):
    """All about a group.

    Parameters
    ----------
    groups, arrays
        How many of each are directly in it.
    all_groups, all_arrays
        How many are below it.
    nbytes
        The bytes of the elements of all arrays below it, in memory.
    consolidated
        Whether the metadata of all that is below are stored with those of the group.
    """

    groups: int
    arrays: int
    all_groups: int
    all_arrays: int
    nbytes: int
    consolidated: bool

    def __str__(self) -> str:
        return pairs(self._rows())

    def _rows(self) -> Iterator[tuple[str, str]]:
        yield from self._head("Group")
        yield "Members", f"{count(self.arrays, 'array')}, {count(self.groups, 'group')}"
        if (self.all_groups, self.all_arrays) != (self.groups, self.arrays):
            below = f"{count(self.all_arrays, 'array')}, {count(self.all_groups, 'group')}"
            yield "Below", below
        yield "Consolidated", "yes" if self.consolidated else "no"
        yield "Decoded", f"{bytes_of(self.nbytes)} ({self.nbytes:,} bytes)"
        if self.stored is None:
            yield "Stored", "not listed: the store cannot list keys"
        else:
            yield "Stored", f"{bytes_of(self.stored)} ({self.stored:,} bytes)"
            yield "Ratio", ratio(self.nbytes, self.stored)
        yield from self._tail()


def _edges(sizes: Sequence[int | tuple[int, ...]]) -> str:
    shown = [str(each) if isinstance(each, int) else _run(each) for each in sizes]
    return f"({', '.join(shown)}{',' if len(shown) == 1 else ''})"


def _run(sizes: tuple[int, ...]) -> str:
    if len(sizes) <= 6:
        return f"({', '.join(map(str, sizes))})"
    return f"({', '.join(map(str, sizes[:4]))}, …: {len(sizes)} sizes)"


async def info(
    source: Source,
    path: str = "",
    *,
    storage_options: StorageOptions | None = None,
) -> ArrayReport | GroupReport:
    """Report all about a node: metadata, codecs in words, and sizes of what is stored.

    The keys below the node are listed for that; no chunk is read.

    Parameters
    ----------
    source : StoreLike, Array or Group
        Where it is.
    path : str, default: ''
        A path below it.
    storage_options : dict, optional
        Settings for the store that a URL names.

    Returns
    -------
    ArrayReport or GroupReport
        It prints as a table.

    Raises
    ------
    FileNotFoundError
        If there is neither an array nor a group.

    Examples
    --------
    >>> import numpy as np, zarr
    >>> array = zarr.create_array({}, data=np.zeros((100, 60)), chunks=(10, 20), fill_value=1)
    >>> report = zarr.tools.info(array)
    >>> report.present, report.expected, report.codecs
    (30, 30, ('bytes (little endian)', 'zstd (level 0)'))
    """
    node = await node_of(source, path, storage_options=storage_options)
    if isinstance(node, AsyncArray):
        return await _array(node)
    return await _group(node)


async def _array(array: AnyAsyncArray) -> ArrayReport:
    metadata: ArrayMetadata = array.metadata
    layout = layout_of(metadata)
    place = array.chunk_store_path
    stored: Stored | None = None
    if place.store.supports_listing:
        stored = (await stored_below(place, {place.path: metadata}))[place.path]
    edges = inner_edges(metadata)
    sharded = edges != layout.grid
    has_chunks = stored is not None and stored.chunk_bytes > 0
    return ArrayReport(
        **_common(array, stored),
        shape=layout.shape,
        dimension_names=dimension_names_of(metadata),
        dtype=str(layout.dtype),
        fill_value=metadata.fill_value,
        order=metadata.order if isinstance(metadata, ArrayV2Metadata) else None,
        chunks=_sizes(edges, layout.shape),
        shards=_sizes(layout.grid, layout.shape) if sharded else None,
        grid=tuple(map(chunk_count, edges, layout.shape)),
        codecs=codecs_in_words(metadata),
        nbytes=prod(layout.shape) * layout.dtype.itemsize,
        expected=prod(map(chunk_count, layout.grid, layout.shape)),
        present=None if stored is None else stored.values,
        stored_chunks=None if stored is None else stored.chunk_bytes,
        ratio=stored.decoded / stored.chunk_bytes if stored is not None and has_chunks else None,
    )


async def _group(group: AsyncGroup) -> GroupReport:
    place = group.store_path
    stored: Stored | None = None
    counts = {True: [0, 0], False: [0, 0]}
    nbytes = 0
    if place.store.supports_listing:
        stored = (await stored_below(place, {place.path: group.metadata}))[place.path]
    if place.store.supports_listing or group.metadata.consolidated_metadata is not None:
        async for name, metadata in walk(place.store, place.path, group.metadata, None):
            number = counts[is_group(metadata)]
            number[1] += 1
            number[0] += "/" not in name
            if not is_group(metadata):
                layout = layout_of(metadata)
                nbytes += prod(layout.shape) * layout.dtype.itemsize
    return GroupReport(
        **_common(group, stored),
        groups=counts[True][0],
        arrays=counts[False][0],
        all_groups=counts[True][1],
        all_arrays=counts[False][1],
        nbytes=nbytes,
        consolidated=group.metadata.consolidated_metadata is not None,
    )


def _common(node: AnyAsyncArray | AsyncGroup, stored: Stored | None) -> dict[str, Any]:
    place = node.store_path
    return {
        "store": place.store.shown_as(),
        "path": place.path,
        "zarr_format": node.metadata.zarr_format,
        "attributes": dict(node.metadata.attributes),
        "stored": None if stored is None else stored.size,
        "oldest": None if stored is None else _time(stored.oldest),
        "newest": None if stored is None else _time(stored.newest),
    }


def _time(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def inner_edges(metadata: ArrayMetadata) -> tuple[Any, ...]:
    """Return the edges of the chunks of an array: the smallest that are decoded alone."""
    if isinstance(metadata, ArrayV3Metadata) and metadata.sharding_codec is not None:
        return tuple(metadata.sharding_codec.chunk_shape)
    return layout_of(metadata).grid


def _sizes(edges: Iterable[Any], shape: tuple[int, ...]) -> tuple[int | tuple[int, ...], ...]:
    return tuple(
        edge if isinstance(edge, int) else chunk_sizes(edge, length)
        for edge, length in zip(edges, shape, strict=True)
    )


# -- codecs in words -------------------------------------------------------------------------------


def codecs_in_words(metadata: ArrayMetadata) -> tuple[str, ...]:
    """Return the codecs of an array in the order of encoding, in words.

    Parameters
    ----------
    metadata
        Of the array.
    """
    if isinstance(metadata, ArrayV2Metadata):
        found = [*(metadata.filters or ()), metadata.compressor]
        return tuple(_of_config(each.get_config()) for each in found if each is not None)
    return tuple(_of_document(each.to_dict()) for each in metadata.codecs)


def _of_config(config: Mapping[str, object]) -> str:
    more = {name: value for name, value in config.items() if name != "id"}
    return _words(str(config.get("id", "unnamed")), more)


def _of_document(document: Any) -> str:
    if isinstance(document, str):
        return document
    name, more = str(document.get("name", "unnamed")), document.get("configuration") or {}
    if name == "sharding_indexed":
        inner = " → ".join(map(_of_document, more.get("codecs", ())))
        index = " → ".join(map(_of_document, more.get("index_codecs", ())))
        place = more.get("index_location", "end")
        shape = shape_of(more.get("chunk_shape", ()))
        return f"shards of chunks {shape} [{inner}; index at the {place}: {index}]"
    return _words(name, more)


# Values that say nothing that the name of the codec does not.
_DULL: tuple[object, ...] = (None, False, "", [], {})


def _words(name: str, config: Mapping[str, object]) -> str:
    words = []
    for key, value in config.items():
        if value in _DULL and not (key == "level" and value == 0 and value is not False):
            continue
        if name == "bytes" and key == "endian":
            words.append(f"{value} endian")
        elif value is True:
            words.append(key.replace("_", " "))
        elif isinstance(value, (list, tuple)) and all(isinstance(each, int) for each in value):
            words.append(f"{key} {tuple(value)}")
        else:
            words.append(f"{key} {shorten(printable(str(value)), 60)}")
    return f"{name} ({', '.join(words)})" if words else name
