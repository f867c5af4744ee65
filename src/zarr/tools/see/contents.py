"""The nodes of a hierarchy in short, with the sizes of what is stored of each."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod
from typing import TYPE_CHECKING, NamedTuple

from zarr._async.progress import metered
from zarr.arrays.async_array import AsyncArray
from zarr.arrays.stored_chunks import KeyDecoder
from zarr.hierarchy.documents import DOCUMENTS
from zarr.hierarchy.walk import walk
from zarr.metadata.chunk_grids import chunk_bounds, chunk_count
from zarr.metadata.group import is_group
from zarr.metadata.layout import layout_of
from zarr.metadata.v3 import ArrayV3Metadata
from zarr.storage.client import Requests
from zarr.tools.nodes import Owners
from zarr.tools.result import Result

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from zarr._async.progress import Progress
    from zarr.groups.async_group import AsyncGroup
    from zarr.metadata.group import NodeMetadata
    from zarr.storage.path import StorePath
    from zarr.types import AnyAsyncArray, ArrayMetadata

__all__ = [
    "Node",
    "Stored",
    "contents",
    "dimension_names_of",
    "node_in_short",
    "stored_below",
    "walked",
    "with_sizes",
]


@dataclass(frozen=True, slots=True)
class Node(Result):
    """A node in short.

    Parameters
    ----------
    path
        Its path in the store.
    kind
        ``"array"`` or ``"group"``.
    zarr_format
        2 or 3.
    shape, dtype, dimension_names
        Of an array; None of a group.
    chunks, shards
        The shapes of an array's chunks and shards; None where there are none, or several shapes.
    nbytes
        The bytes of the elements in memory; of a group, those of all arrays below that were seen.
    expected
        How many values the grid of an array has: shards, or chunks where there are no shards.
    values
        How many of them are stored; None where nobody asked.
    stored
        The bytes of all that is stored of the node and below it; None where nobody asked.
    """

    path: str
    kind: str
    zarr_format: int
    shape: tuple[int, ...] | None = None
    dtype: str | None = None
    dimension_names: tuple[str | None, ...] | None = None
    chunks: tuple[int, ...] | None = None
    shards: tuple[int, ...] | None = None
    nbytes: int = 0
    expected: int | None = None
    values: int | None = None
    stored: int | None = None

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rpartition("/")[2]

    def __str__(self) -> str:
        if self.kind == "group":
            return f"{self.path or '/'} group"
        return f"{self.path or '/'} {self.shape} {self.dtype}"


class Stored(NamedTuple):
    """The stored part of a node, without those below it.

    Parameters
    ----------
    size
        The bytes of all values, documents included.
    values
        How many values hold chunks within the shape.
    chunk_bytes
        The bytes of those.
    decoded
        The bytes of their elements, as they are encoded: also beyond the shape of the array.
    oldest, newest
        When the first and the last value were written, in seconds since 1970 UTC; None if the store
        does not tell.
    """

    size: int = 0
    values: int = 0
    chunk_bytes: int = 0
    decoded: int = 0
    oldest: float | None = None
    newest: float | None = None


def node_in_short(path: str, metadata: NodeMetadata) -> Node:
    """Return a node in short, without sizes of what is stored."""
    if is_group(metadata):
        return Node(path, "group", metadata.zarr_format)
    layout = layout_of(metadata)
    counts = map(chunk_count, layout.grid, layout.shape)
    return Node(
        path,
        "array",
        metadata.zarr_format,
        layout.shape,
        str(layout.dtype),
        dimension_names_of(metadata),
        _shape_or_none(metadata, "chunks"),
        _shape_or_none(metadata, "shards"),
        prod(layout.shape) * layout.dtype.itemsize,
        prod(counts),
    )


def dimension_names_of(metadata: ArrayMetadata) -> tuple[str | None, ...] | None:
    """Return the names of an array's dimensions, also those that xarray keeps in format 2."""
    if isinstance(metadata, ArrayV3Metadata):
        names = metadata.dimension_names
        return None if names is None else tuple(names)
    kept = metadata.attributes.get("_ARRAY_DIMENSIONS")
    if isinstance(kept, (list, tuple)) and len(kept) == len(metadata.shape):
        return tuple(str(name) for name in kept)
    return None


def _shape_or_none(metadata: ArrayMetadata, name: str) -> tuple[int, ...] | None:
    try:
        found: tuple[int, ...] | None = getattr(metadata, name)
    except NotImplementedError:  # chunks of several shapes
        return None
    return found


async def walked(
    node: AnyAsyncArray | AsyncGroup, levels: int | None = None
) -> AsyncIterator[tuple[str, NodeMetadata]]:
    """Yield the paths and metadata of a node and of those below it, level by level.

    Parameters
    ----------
    node
        Where to begin.
    levels
        How many levels below it; all if None.
    """
    path = node.store_path.path
    yield path, node.metadata
    if isinstance(node, AsyncArray) or levels == 0:
        return
    depth = None if levels is None else levels - 1
    async for name, metadata in walk(node.store_path.store, path, node.metadata, depth):
        yield f"{path}/{name}" if path else name, metadata


async def contents(
    node: AnyAsyncArray | AsyncGroup,
    levels: int | None = None,
    *,
    sizes: bool = False,
    most: int | None = None,
    progress: Progress = None,
) -> tuple[list[Node], bool]:
    """Return a node and those below it in short, and whether these are all.

    Parameters
    ----------
    node
        Where to begin.
    levels
        How many levels below it are shown; all if None.
    sizes
        Whether the sizes of what is stored are found out, by a listing of all keys.
    most
        How many nodes are returned at most; all if None.
    progress
        How it is shown.
    """
    nodes: list[Node] = []
    known: dict[str, NodeMetadata] = {}
    whole = True
    with metered("nodes", unit=" nodes", progress=progress) as meter:
        async for path, metadata in walked(node, levels):
            if most is not None and len(nodes) >= most:
                whole = False
                break
            nodes.append(node_in_short(path, metadata))
            if sizes:
                known[path] = metadata
            meter.advance()
        meter.expect(meter.done)
        if sizes:
            nodes = with_sizes(nodes, await stored_below(node.store_path, known))
    return nodes, whole


async def stored_below(place: StorePath, nodes: Mapping[str, NodeMetadata]) -> dict[str, Stored]:
    """Return the stored part of each node, by one listing of all that is below a place.

    A value belongs to the nearest of the nodes that it lies in or below.

    Parameters
    ----------
    place
        Where the listing begins.
    nodes
        The metadata of the nodes by their paths, of which the place itself is one.
    """
    totals = {path: _Total(metadata) for path, metadata in nodes.items()}
    owners = Owners(nodes, place.path)
    prefix = f"{place.path}/" if place.path else ""
    async for info in Requests(place.store).list_values(prefix):
        owner, name = owners.split(info.key)
        totals[owner].add(name, info.size, info.modified)
    return {path: total.ended() for path, total in totals.items()}


class _Total:
    """The sum of the values of one node."""

    __slots__ = (
        "_counts",
        "_decode",
        "_grid",
        "_item",
        "_one",
        "chunk_bytes",
        "decoded",
        "newest",
        "oldest",
        "size",
        "values",
    )

    def __init__(self, metadata: NodeMetadata) -> None:
        self.size = self.values = self.chunk_bytes = self.decoded = 0
        self.oldest: float | None = None
        self.newest: float | None = None
        self._decode: KeyDecoder | None = None
        if is_group(metadata):
            return
        layout = layout_of(metadata)
        self._decode = KeyDecoder(metadata)
        self._grid, self._item = layout.grid, layout.dtype.itemsize
        self._counts = tuple(map(chunk_count, layout.grid, layout.shape))
        sizes = [edge for edge in layout.grid if isinstance(edge, int)]
        self._one = prod(sizes) if len(sizes) == len(layout.grid) else None

    def add(self, name: str, size: int, modified: float | None) -> None:
        """Count a value, whose key relative to the node is given."""
        self.size += size
        if modified is not None:
            self.oldest = modified if self.oldest is None else min(self.oldest, modified)
            self.newest = modified if self.newest is None else max(self.newest, modified)
        if self._decode is None or name in DOCUMENTS:
            return
        coords = self._decode(name)
        if coords is None or any(map(int.__ge__, coords, self._counts)):
            return
        self.values += 1
        self.chunk_bytes += size
        elements = self._one
        if elements is None:
            bounds = map(chunk_bounds, self._grid, coords)
            elements = prod(stop - start for start, stop in bounds)
        self.decoded += elements * self._item

    def ended(self) -> Stored:
        """Return the sum."""
        return Stored(
            self.size, self.values, self.chunk_bytes, self.decoded, self.oldest, self.newest
        )


def with_sizes(nodes: list[Node], stored: Mapping[str, Stored]) -> list[Node]:
    """Return nodes with their sizes; those of groups hold all below them.

    Parameters
    ----------
    nodes
        Each after the group that it is in.
    stored
        The stored part of each alone.
    """
    sizes = {node.path: [node.nbytes, stored[node.path].size] for node in nodes}
    for node in reversed(nodes[1:]):
        above = node.path.rpartition("/")[0]
        while above not in sizes:
            above = above.rpartition("/")[0]
        for at, size in enumerate(sizes[node.path]):
            sizes[above][at] += size
    return [
        replace(
            node,
            nbytes=sizes[node.path][0],
            stored=sizes[node.path][1],
            values=stored[node.path].values if node.kind == "array" else None,
        )
        for node in nodes
    ]
