"""Digests of hierarchies: of what they say, however it is stored, or of what is stored."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import dataclass
from itertools import product
from math import prod
from operator import lt
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zarr._async.progress import metered
from zarr._async.run import bounded, offload, run
from zarr.arrays.async_array import AsyncArray
from zarr.arrays.copy import check_reach, spread
from zarr.arrays.read import read
from zarr.arrays.stored_chunks import KeyDecoder, stored_coords
from zarr.errors import ChunkDecodeError
from zarr.groups.async_group import AsyncGroup
from zarr.hierarchy.documents import DOCUMENTS
from zarr.hierarchy.walk import walk
from zarr.indexing import basic
from zarr.metadata.chunk_grids import chunk_bounds, chunk_count, chunk_of
from zarr.metadata.group import replace_consolidated
from zarr.metadata.layout import layout_of
from zarr.metadata.v3 import ArrayV3Metadata
from zarr.storage.client import Requests
from zarr.storage.path import StorePath
from zarr.tools.check.element_hash import Elements, Sums
from zarr.tools.check.findings import Finding
from zarr.tools.check.survey import canonical, joined, refuses_to_list
from zarr.tools.nodes import Owners, node_of
from zarr.tools.result import Result
from zarr.tools.text import printable
from zarr.tools.workers import workers

if TYPE_CHECKING:
    import os
    from collections.abc import AsyncIterator, Callable, Iterable, Iterator
    from concurrent.futures import Executor

    from zarr._async.progress import Progress
    from zarr.metadata.group import NodeMetadata
    from zarr.tools.nodes import Source
    from zarr.types import AnyAsyncArray, ArrayMetadata, StorageOptions

    Region = tuple[slice, ...]
    Coords = tuple[int, ...]

__all__ = ["Digest", "NodeDigest", "compared", "digest"]

CONTENT, EXACT = "zarr-content-1", "zarr-exact-1"
_BLOCK = 8 << 20
"""Bytes that are read at a time, unless a chunk has more."""
_TOGETHER = 8


@dataclass(frozen=True)
class NodeDigest:
    """The digest of one node.

    Attributes
    ----------
    path : str
        The path of the node, relative to where the digest begins.
    kind : {"array", "group"}
        Whether it is an array or a group.
    data : str
        Of the elements of an array, or of its stored values; empty for a group.
    attributes : str
        Of the attributes and the names of dimensions, or of the documents.
    node : str
        Of both.
    tree : str
        Of the node and all that is below it.
    """

    path: str
    kind: str
    data: str
    attributes: str
    node: str
    tree: str


@dataclass(frozen=True)
class Digest(Result):
    """The digest of a hierarchy.

    Attributes
    ----------
    algorithm : str
        ``"zarr-content-1"``, or ``"zarr-exact-1"`` for what is stored.
    digest : str
        Of the whole: 64 hexadecimal digits.
    nodes : tuple of NodeDigest
        Those of the nodes, parents first.
    """

    algorithm: str
    digest: str
    nodes: tuple[NodeDigest, ...]

    def __str__(self) -> str:
        return "\n".join(f"{each.tree}  {printable(each.path) or '/'}" for each in self.nodes)

    @classmethod
    def load(cls, source: Digest | str | os.PathLike[str]) -> Digest:
        """Read a digest from a file of JSON.

        Parameters
        ----------
        source : Digest, str or path-like
            The file; or a digest, which is returned.

        Raises
        ------
        ValueError
            If the file holds no digest.
        """
        if isinstance(source, cls):
            return source
        path = Path(source)  # type: ignore[arg-type]
        try:
            found = json.loads(path.read_bytes())
            nodes = tuple(NodeDigest(**each) for each in found["nodes"])
            made = cls(found["algorithm"], found["digest"], nodes)
        except (ValueError, TypeError, KeyError) as error:
            raise ValueError(f"{path} holds no digest as `zarr digest --json` makes it") from error
        if made.algorithm not in (CONTENT, EXACT):
            raise ValueError(f"{path} holds a digest of the unknown algorithm {made.algorithm!r}")
        return made


async def digest(
    source: Source,
    *,
    path: str = "",
    exact: bool = False,
    executor: Executor | None = None,
    progress: Progress = None,
    storage_options: StorageOptions | None = None,
) -> Digest:
    """Compute a hash of the content of a hierarchy, or of an array.

    It depends on the elements (bit by bit), the data type (less its byte order), the shape, the
    fill value, the attributes, and the names of dimensions and nodes. It does not depend on chunks,
    shards, codecs, the format, the store, or on whether chunks that hold the fill value are stored.
    It tells accidents from the truth; somebody who wants to can make other content of the same
    digest. With `exact`, it is a SHA-256 of all stored bytes.

    Parameters
    ----------
    source : store, str, path-like, Array or Group
        Where it is.
    path : str, default: ""
        A path below it.
    exact : bool, default: False
        Whether the stored bytes count, and not what they say.
    executor : concurrent.futures.Executor, optional
        Whose workers read; threads of this process by default.
    progress : bool, callable or type, optional
        How it is shown how far this is; see `zarr.progress`.
    storage_options : dict, optional
        Settings for the store that a URL names.

    Returns
    -------
    Digest

    Raises
    ------
    FileNotFoundError
        If there is no node.
    ChunkDecodeError
        If a chunk is damaged: content that cannot be read has no digest.

    Examples
    --------
    >>> import zarr
    >>> one = zarr.create_array({}, data=[1, 2, 3, 4], chunks=(2,))
    >>> other = zarr.create_array({}, data=[1, 2, 3, 4], chunks=(3,), zarr_format=2)
    >>> zarr.tools.digest(one).digest == zarr.tools.digest(other).digest
    True
    >>> other[0] = 7
    >>> zarr.tools.digest(one).digest == zarr.tools.digest(other).digest
    False
    """
    top = await node_of(source, path, storage_options=storage_options)
    return await _digest(top, exact, executor, progress, refuse=True)


async def _digest(
    top: AnyAsyncArray | AsyncGroup,
    exact: bool,
    executor: Executor | None,
    progress: Progress,
    *,
    refuse: bool,
) -> Digest:
    """The digest of a node; what cannot be read is an error, or a part that says why."""
    place = top.store_path
    listing = place.store.supports_listing
    try:
        nodes = [item async for item in _nodes(top, listing=listing)]
        stored = await _stored([node for _, node in nodes], place, listing=listing)
    except OSError as error:
        if not listing or not refuses_to_list(place.store, error):
            raise
        listing = False
        nodes = [item async for item in _nodes(top, listing=listing)]
        stored = await _stored([node for _, node in nodes], place, listing=listing)
    arrays = len(stored)
    total = sum(map(len, stored.values()))
    with metered("digest", total, unit=" chunks", progress=progress) as meter:
        made: dict[str, tuple[str, str, str]] = {}
        if executor is not None and arrays:
            await check_reach(executor, place.store)
        for below, node in nodes:
            kind = "array" if isinstance(node, AsyncArray) else "group"
            if exact:
                coords = stored.pop(node.store_path.path, [])
                made[below] = kind, *await _exact(node, coords)
                meter.advance(len(coords))
            elif isinstance(node, AsyncArray):
                coords = stored.pop(node.store_path.path)
                try:
                    data = await _elements(node, coords, executor, meter.advance)
                except (ChunkDecodeError, OSError) as error:
                    if refuse:
                        raise
                    data = f"unreadable: {error}"
                made[below] = kind, data, _attributes(node.metadata)
            else:
                made[below] = kind, "", _attributes(node.metadata)
    combined = _combined(made)
    return Digest(EXACT if exact else CONTENT, combined[0].tree, combined)


async def _nodes(
    top: AnyAsyncArray | AsyncGroup, *, listing: bool
) -> AsyncIterator[tuple[str, AnyAsyncArray | AsyncGroup]]:
    """The nodes by their paths relative to the first; by their own documents, where possible."""
    yield "", top
    if isinstance(top, AsyncArray):
        return
    group, place = top.metadata, top.store_path
    if listing:
        group = replace_consolidated(group, None)
    metadata: NodeMetadata
    async for below, metadata in walk(
        place.store,
        place.path,
        group,
        None,
        use_consolidated_for_children=not listing,
        whole=True,
    ):
        there = StorePath(place.store, joined(place.path, below))
        if isinstance(metadata, type(group)):
            yield below, AsyncGroup(metadata, there)
        else:
            yield below, AsyncArray(metadata, there)


async def _stored(
    nodes: Iterable[AnyAsyncArray | AsyncGroup], place: StorePath, *, listing: bool
) -> dict[str, list[Coords]]:
    """The places in the grid of all that is stored of arrays, by one listing of a place.

    Where nothing can be listed, all places of the grids.
    """
    found: dict[str, list[Coords]] = {}
    decoders: dict[str, tuple[KeyDecoder, tuple[int, ...]]] = {}
    for node in nodes:
        if isinstance(node, AsyncGroup):
            continue
        path = node.store_path.path
        counts = tuple(map(chunk_count, layout_of(node.metadata).grid, node.shape))
        if not listing:
            found[path] = list(product(*map(range, counts)))
        elif node.chunk_store_path is not node.store_path:
            found[path] = [coords async for coords in stored_coords(node)]
        else:
            found[path] = []
            decoders[path] = KeyDecoder(node.metadata), counts
    if not decoders:
        return found
    owners = Owners(decoders, place.path)
    prefix = f"{place.path}/" if place.path else ""
    async for key in Requests(place.store).list_prefix(prefix):
        owner, name = owners.split(key)
        if owner in decoders:
            decode, counts = decoders[owner]
            coords = decode(name)
            if coords is not None and all(map(lt, coords, counts)):
                found[owner].append(coords)
    return found


def _combined(made: dict[str, tuple[str, str, str]]) -> tuple[NodeDigest, ...]:
    children: dict[str, dict[str, str]] = {}
    found: list[NodeDigest] = []
    for path in sorted(made, key=lambda path: (path.count("/") if path else -1, path))[::-1]:
        kind, data, attributes = made[path]
        node = _hash([kind, data, attributes])
        tree = _hash(["tree", node, children.pop(path, {})])
        parent, _, name = path.rpartition("/")
        if path:
            children.setdefault(parent, {})[name] = tree
        found.append(NodeDigest(path, kind, data, attributes, node, tree))
    return tuple(found[::-1])


def _hash(content: object) -> str:
    return hashlib.sha256(canonical(content)).hexdigest()


def _attributes(metadata: NodeMetadata) -> str:
    """The hash of attributes; of names of dimensions, wherever they are."""
    attributes = dict(metadata.attributes)
    names: Any = attributes.pop("_ARRAY_DIMENSIONS", None)
    if isinstance(metadata, ArrayV3Metadata) and metadata.dimension_names is not None:
        names = list(metadata.dimension_names)
    return _hash({"attributes": attributes, "dimension_names": names})


# -- elements -------------------------------------------------------------------------------------


async def _elements(
    array: AnyAsyncArray,
    stored: list[Coords],
    executor: Executor | None,
    advance: Callable[[int], None],
) -> str:
    elements = Elements(array.metadata)
    total = Sums()

    def take(result: tuple[Sums, int]) -> None:
        nonlocal total
        total = total.plus(result[0])
        advance(result[1])

    # A handle that reads each chunk from the store, as it is now.
    plain: AnyAsyncArray = AsyncArray(array.metadata, array.store_path)
    plain = array if array.chunk_store_path is not array.store_path else plain
    parts = list(_parts(plain.metadata, stored))
    if executor is None and (array.needs_event_loop or len(parts) <= 1):

        async def one(part: tuple[Region, int]) -> None:
            block: Any = await read(plain, basic, part[0])
            take((await offload(elements.sums, np.asarray(block), _start(part[0])), part[1]))

        await bounded(parts, one, _TOGETHER)
    else:
        with workers(executor) as own:
            tasks = ((plain, region, count) for region, count in parts)
            await spread(own, _sums_of, tasks, take)
    return elements.digest(total)


def _sums_of(array: AnyAsyncArray, region: Region, count: int) -> tuple[Sums, int]:
    """Hash a block, in a worker."""
    block = run(read(array, basic, region), waits=array.needs_event_loop)
    return Elements(array.metadata).sums(np.asarray(block), _start(region)), count


def _start(region: Region) -> tuple[int, ...]:
    return tuple(part.start for part in region)


def _parts(metadata: ArrayMetadata, stored: Iterable[Coords]) -> Iterator[tuple[Region, int]]:
    """Blocks in which all stored values lie, and how many of those are in each."""
    layout = layout_of(metadata)
    counts = tuple(map(chunk_count, layout.grid, layout.shape))
    sizes = [edge if isinstance(edge, int) else max(edge) for edge in layout.grid]
    size = prod(sizes) * max(1, layout.itemsize or 16)
    strides = [1] * len(counts)
    for axis in reversed(range(len(counts))):
        strides[axis] = max(1, min(counts[axis], _BLOCK // max(1, size)))
        size *= strides[axis]
        if strides[axis] < counts[axis]:
            break
    blocks = Counter(
        tuple(chunk // stride for chunk, stride in zip(coords, strides, strict=True))
        for coords in stored
    )
    inner = metadata.chunks if _is_sharded(metadata) else None
    for block in sorted(blocks):
        region = []
        for at, stride, count, edge, length in zip(
            block, strides, counts, layout.grid, layout.shape, strict=True
        ):
            start, _ = chunk_bounds(edge, at * stride)
            _, stop = chunk_bounds(edge, min((at + 1) * stride, count) - 1)
            region.append(slice(start, min(stop, length)))
        count = blocks[block]
        for part in _divided(tuple(region), inner, max(1, layout.itemsize or 16)):
            yield part, count
            count = 0


def _is_sharded(metadata: ArrayMetadata) -> bool:
    return isinstance(metadata, ArrayV3Metadata) and metadata.sharding_codec is not None


def _divided(region: Region, inner: tuple[int, ...] | None, itemsize: int) -> Iterator[Region]:
    """Parts of a shard that is large, of whole chunks."""
    shape = [part.stop - part.start for part in region]
    if inner is None or prod(shape) * itemsize <= _BLOCK:
        yield region
        return
    axis = max(range(len(shape)), key=lambda axis: -(-shape[axis] // inner[axis]))
    size, part = inner[axis], region[axis]
    chunks = chunk_of(size, shape[axis] - 1) + 1
    if chunks == 1:
        yield region
        return
    middle = part.start + chunks // 2 * size
    for half in (slice(part.start, middle), slice(middle, part.stop)):
        yield from _divided((*region[:axis], half, *region[axis + 1 :]), inner, itemsize)


# -- stored bytes ---------------------------------------------------------------------------------


async def _exact(node: AnyAsyncArray | AsyncGroup, stored: Iterable[Coords]) -> tuple[str, str]:
    """The hashes of the stored values of a node and of its documents."""
    place = node.store_path
    requests = Requests(place.store)

    async def hashed(key: str) -> list[str] | None:
        value = await requests.get_checked(joined(place.path, key))
        if value is None:
            return None
        return [key, await offload(lambda: hashlib.sha256(value.to_bytes()).hexdigest())]

    documents = await bounded(sorted(DOCUMENTS), hashed)
    values: list[list[str] | None] = []
    if isinstance(node, AsyncArray):
        encode = node.metadata.encode_chunk_key
        keys = sorted(map(encode, stored))
        values = await bounded(keys, hashed, _TOGETHER)
    data = _hash([each for each in values if each is not None])
    attributes = _hash([each for each in documents if each is not None])
    return data if isinstance(node, AsyncArray) else "", attributes


# -- against another ------------------------------------------------------------------------------


async def compared(
    place: StorePath,
    against: Digest | str | os.PathLike[str],
    *,
    executor: Executor | None = None,
    progress: Progress = None,
) -> list[Finding]:
    """Return in which nodes the content of a place is not that of a digest."""
    wanted = Digest.load(against)
    exact = wanted.algorithm == EXACT
    made = await _digest(await node_of(place), exact, executor, progress, refuse=False)
    have = {each.path: each for each in made.nodes}
    found: list[Finding] = []
    for each in wanted.nodes:
        path = joined(place.path, each.path) if each.path else place.path
        here = have.pop(each.path, None)
        if here is None:
            found.append(Finding("digest-surplus", path, path))
            continue
        for what in ("kind", "data", "attributes"):
            expected, there = getattr(each, what), getattr(here, what)
            if expected != there:
                found.append(
                    Finding("digest-differs", path, path, None, None, expected, f"{there} ({what})")
                )
    for below in have:
        path = joined(place.path, below)
        found.append(Finding("digest-lacks", path, path))
    return found
