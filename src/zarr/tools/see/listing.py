"""Lists of nodes: what is in a group, trees, sizes, and nodes that are looked for."""

from __future__ import annotations

import fnmatch
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from zarr._async.progress import metered
from zarr.metadata.group import is_group
from zarr.metadata.layout import layout_of
from zarr.setting_values import parse_size
from zarr.tools.nodes import node_of
from zarr.tools.result import Result, plain
from zarr.tools.see.contents import Node, contents, node_in_short, stored_below, walked, with_sizes
from zarr.tools.text import bytes_of, count, percent, ratio, shorten, table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from zarr._async.progress import Progress
    from zarr.metadata.group import NodeMetadata
    from zarr.tools.nodes import Source
    from zarr.types import ArrayMetadata, StorageOptions

__all__ = ["Listing", "NodeTree", "Usage", "du", "find", "ls", "tree"]


@dataclass(frozen=True)
class Listing(Result):
    """Nodes, in the order of their paths.

    Parameters
    ----------
    store
        The store, as it is shown.
    path
        The group in which they are; names are shown relative to it.
    nodes
        The nodes.
    """

    store: str
    path: str
    nodes: tuple[Node, ...]

    def __str__(self) -> str:
        if not self.nodes:
            return "nothing"
        sized = any(node.stored is not None for node in self.nodes)
        rows = [_row(relative(node.path, self.path), node, sized) for node in self.nodes]
        headings = ("name", "shape", "type", "chunks")
        more = ("decoded", "stored", "ratio", "present") if sized else ()
        return table(rows, (*headings, *more), _SIDES)


_SIDES = "<<<<>>>>"


def relative(path: str, base: str) -> str:
    """Return a path as it is seen from a group; ``.`` for the group itself."""
    if path == base:
        return path.rpartition("/")[2] or "/"
    return path[len(base) + 1 :] if base else path


def _row(name: str, node: Node, sized: bool) -> list[str]:
    if node.kind == "group":
        # Nobody looked at the arrays in it.
        cells = [f"{name.rstrip('/')}/", "", "", ""]
        return [*cells, "", bytes_of(node.stored)] if sized else cells
    cells = [name, shape_of(node.shape), type_of(node.dtype), chunks_of(node)]
    return cells + _sizes(node) if sized else cells


def type_of(dtype: str | None) -> str:
    """Return a data type as people write it, in a few words."""
    return shorten(dtype or "", 40)


def shape_of(shape: Sequence[int] | None) -> str:
    """Return a shape as Python shows it; nothing if there is none."""
    return "" if shape is None else str(tuple(shape))


def chunks_of(node: Node) -> str:
    """Return the shape of an array's chunks, and of the shards that they are in."""
    if node.chunks is None:
        return "several shapes"
    inner = shape_of(node.chunks)
    return inner if node.shards is None else f"{inner} in {shape_of(node.shards)}"


def _sizes(node: Node) -> list[str]:
    sizes = [bytes_of(node.nbytes), bytes_of(node.stored), ratio(node.nbytes, node.stored)]
    if node.expected is None or node.values is None:
        return [*sizes, ""]
    return [*sizes, percent(node.values, node.expected)]


async def ls(
    source: Source,
    path: str = "",
    *,
    sizes: bool = False,
    storage_options: StorageOptions | None = None,
    progress: Progress = None,
) -> Listing:
    """List the nodes of a group; of an array, the array.

    Parameters
    ----------
    source : StoreLike, Array or Group
        Where it is.
    path : str, default: ''
        A path below it.
    sizes : bool, default: False
        Whether the sizes of what is stored are found out, by a listing of all keys.
    storage_options : dict, optional
        Settings for the store that a URL names.
    progress : bool, callable or type, optional
        How it is shown how far this is; see `zarr.progress`.

    Returns
    -------
    Listing
        The nodes, by their paths.

    Raises
    ------
    FileNotFoundError
        If there is neither an array nor a group.

    Examples
    --------
    >>> import zarr
    >>> root = zarr.create_group({})
    >>> a = root.create_array("a", shape=(100, 60), chunks=(10, 20), dtype="f4")
    >>> b = root.create_group("b")
    >>> print(zarr.tools.ls(root))
    name  shape      type     chunks
    a     (100, 60)  float32  (10, 20)
    b/
    """
    node = await node_of(source, path, storage_options=storage_options)
    nodes, _ = await contents(node, 1, sizes=sizes, progress=progress)
    shown = nodes[1:] if nodes[0].kind == "group" else nodes
    place = node.store_path
    return Listing(place.store.shown_as(), place.path, tuple(sorted(shown, key=_by_path)))


def _by_path(node: Node) -> list[str]:
    return node.path.split("/")


@dataclass(frozen=True)
class NodeTree(Result):
    """A node and those below it; it prints as a tree.

    Parameters
    ----------
    store
        The store, as it is shown.
    path
        The node with which it begins.
    nodes
        All nodes, each after the group that it is in.
    whole
        Whether these are all that are on the levels that were asked for.
    """

    store: str
    path: str
    nodes: tuple[Node, ...]
    whole: bool = True

    def __str__(self) -> str:
        below: dict[str, list[Node]] = {}
        for node in self.nodes[1:]:
            below.setdefault(node.path.rpartition("/")[0], []).append(node)
        root = self.nodes[0]
        rows = [_branch(relative(root.path, root.path), root)]
        rows += [_branch(lead + node.name, node) for lead, node in _lines(root, below)]
        text = table(rows, sides="<<<<>")
        if not self.whole:
            text += f"\n… there are more than {count(len(self.nodes), 'node')}"
        return text


def _branch(name: str, node: Node) -> list[str]:
    size = "" if node.stored is None else bytes_of(node.stored)
    if node.kind == "group":
        return [name, "", "", "", size]
    return [name, shape_of(node.shape), type_of(node.dtype), f"chunks {chunks_of(node)}", size]


def _lines(root: Node, below: dict[str, list[Node]]) -> Iterator[tuple[str, Node]]:
    """The nodes below one, each with the lines that lead to it."""
    waiting: list[tuple[str, list[Node]]] = [
        ("", sorted(below.get(root.path, ()), key=_by_path, reverse=True))
    ]
    while waiting:
        indent, nodes = waiting[-1]
        if not nodes:
            waiting.pop()
            continue
        node = nodes.pop()
        yield indent + ("├── " if nodes else "└── "), node
        inner = sorted(below.get(node.path, ()), key=_by_path, reverse=True)
        waiting.append((indent + ("│   " if nodes else "    "), inner))


async def tree(
    source: Source,
    path: str = "",
    *,
    level: int | None = None,
    sizes: bool = True,
    most: int | None = None,
    storage_options: StorageOptions | None = None,
    progress: Progress = None,
) -> NodeTree:
    """Return the tree of the nodes below one, with their shapes, chunks and sizes.

    Parameters
    ----------
    source : StoreLike, Array or Group
        Where it is.
    path : str, default: ''
        A path below it.
    level : int, optional
        How many levels below the node are shown; all by default.
    sizes : bool, default: True
        Whether the sizes of what is stored are found out, by a listing of all keys.
    most : int, optional
        How many nodes are shown at most; all by default.
    storage_options : dict, optional
        Settings for the store that a URL names.
    progress : bool, callable or type, optional
        How it is shown how far this is; see `zarr.progress`.

    Returns
    -------
    NodeTree
        It prints as a tree.

    Raises
    ------
    FileNotFoundError
        If there is neither an array nor a group.
    ValueError
        If `level` is negative.

    Examples
    --------
    >>> import zarr
    >>> root = zarr.create_group({})
    >>> a = root.create_array("a/b", shape=(100, 60), chunks=(10, 20), dtype="f4")
    >>> print(zarr.tools.tree(root, sizes=False))
    /
    └── a
        └── b  (100, 60)  float32  chunks (10, 20)
    """
    if level is not None and level < 0:
        raise ValueError(f"level must be 0 or more, or None for all levels. Got {level}.")
    node = await node_of(source, path, storage_options=storage_options)
    nodes, whole = await contents(node, level, sizes=sizes, most=most, progress=progress)
    place = node.store_path
    return NodeTree(place.store.shown_as(), place.path, tuple(nodes), whole)


@dataclass(frozen=True)
class Usage(Result):
    """The sizes of nodes, each with all below it.

    Parameters
    ----------
    store
        The store, as it is shown.
    path
        The node with which it begins; the first of the nodes.
    nodes
        The nodes with their sizes.
    """

    store: str
    path: str
    nodes: tuple[Node, ...]

    def __str__(self) -> str:
        rows = [[*_sizes(node)[:3], relative(node.path, self.path)] for node in self.nodes]
        return table(rows, ("decoded", "stored", "ratio", "name"), ">>><")


async def du(
    source: Source,
    path: str = "",
    *,
    level: int | None = None,
    storage_options: StorageOptions | None = None,
    progress: Progress = None,
) -> Usage:
    """Return how many bytes each node has, stored and decoded, with all below it.

    Parameters
    ----------
    source : StoreLike, Array or Group
        Where it is.
    path : str, default: ''
        A path below it.
    level : int, optional
        How many levels below the node are shown; all by default. Sizes always hold all levels.
    storage_options : dict, optional
        Settings for the store that a URL names.
    progress : bool, callable or type, optional
        How it is shown how far this is; see `zarr.progress`.

    Returns
    -------
    Usage
        The nodes, the node itself first.

    Raises
    ------
    FileNotFoundError
        If there is neither an array nor a group.
    ValueError
        If `level` is negative.

    Examples
    --------
    >>> import numpy as np, zarr
    >>> root = zarr.create_group({})
    >>> a = root.create_array("a", data=np.zeros((100, 60)), chunks=(10, 20))
    >>> zarr.tools.du(root).nodes[0].nbytes
    48000
    """
    if level is not None and level < 0:
        raise ValueError(f"level must be 0 or more, or None for all levels. Got {level}.")
    node = await node_of(source, path, storage_options=storage_options)
    nodes, _ = await contents(node, sizes=True, progress=progress)
    place = node.store_path
    start = place.path.count("/") + 1 if place.path else 0
    shown = [
        each
        for each in nodes
        if level is None or each.path == place.path or each.path.count("/") + 1 - start <= level
    ]
    return Usage(place.store.shown_as(), place.path, tuple(sorted(shown, key=_by_path)))


async def find(
    source: Source,
    path: str = "",
    *,
    name: str | None = None,
    attribute: str | None = None,
    dtype: str | None = None,
    kind: str | None = None,
    larger: int | str | None = None,
    smaller: int | str | None = None,
    storage_options: StorageOptions | None = None,
    progress: Progress = None,
) -> Listing:
    """Find the nodes for which all that is asked for holds.

    Parameters
    ----------
    source : StoreLike, Array or Group
        Where it is.
    path : str, default: ''
        A path below it.
    name : str, optional
        A pattern with ``*``, ``?`` and ``[…]``, for the last part of the path; with a slash in it,
        for the path relative to `path`.
    attribute : str, optional
        The name of an attribute that a node has, or ``"name=value"``: the value is JSON or a
        string, and a string may be a pattern as well.
    dtype : str, optional
        The data type of arrays, such as ``"float32"`` or ``"<f4"``, or a kind of types: one of
        ``"bool"``, ``"integer"``, ``"float"``, ``"complex"``, ``"string"``, ``"datetime"`` and
        ``"record"``.
    kind : {'array', 'group'}, optional
        The kind of nodes.
    larger, smaller : int or str, optional
        Bounds of the stored bytes, with all below a node, such as ``"10 MiB"``; both are part of
        the range.
    storage_options : dict, optional
        Settings for the store that a URL names.
    progress : bool, callable or type, optional
        How it is shown how far this is; see `zarr.progress`.

    Returns
    -------
    Listing
        The nodes, by their paths.

    Raises
    ------
    FileNotFoundError
        If there is neither an array nor a group.
    ValueError
        If `dtype` or `kind` is none of these, or a bound is no number of bytes.

    Examples
    --------
    >>> import zarr
    >>> root = zarr.create_group({})
    >>> a = root.create_array("a/t", shape=3, dtype="f4", attributes={"units": "K"})
    >>> b = root.create_array("b/t", shape=3, dtype="f8", attributes={"units": "m"})
    >>> [node.path for node in zarr.tools.find(root, attribute="units=K").nodes]
    ['a/t']
    """
    if kind not in (None, "array", "group"):
        raise ValueError(f"kind must be 'array' or 'group'. Got {kind!r}.")
    fits_type = _type_test(dtype)
    fits_attribute = _attribute_test(attribute)
    node = await node_of(source, path, storage_options=storage_options)
    place = node.store_path
    least, most = _bound(larger, "larger"), _bound(smaller, "smaller")
    sized = least is not None or most is not None
    found: list[Node] = []
    all_nodes: dict[str, NodeMetadata] = {}
    with metered("nodes", unit=" nodes", progress=progress) as meter:
        async for at, metadata in walked(node):
            meter.advance()
            if sized:
                all_nodes[at] = metadata
            short = node_in_short(at, metadata)
            if (
                (kind is None or short.kind == kind)
                and (name is None or _fits_name(short, place.path, name))
                and (fits_type is None or (not is_group(metadata) and fits_type(metadata)))
                and (fits_attribute is None or fits_attribute(metadata))
            ):
                found.append(short)
        meter.expect(meter.done)
    if sized:
        stored = await stored_below(place, all_nodes)
        shorts = [node_in_short(at, metadata) for at, metadata in all_nodes.items()]
        sizes = {each.path: each for each in with_sizes(shorts, stored)}
        found = [sizes[each.path] for each in found]
        found = [each for each in found if _is_between(each.stored or 0, least, most)]
    return Listing(place.store.shown_as(), place.path, tuple(sorted(found, key=_by_path)))


def _bound(size: int | str | None, name: str) -> int | None:
    return parse_size(size, name) if isinstance(size, str) else size


def _is_between(size: int, least: int | None, most: int | None) -> bool:
    return (least is None or size >= least) and (most is None or size <= most)


def _fits_name(node: Node, base: str, pattern: str) -> bool:
    if "/" in pattern:
        return fnmatch.fnmatchcase(relative(node.path, base), pattern.strip("/"))
    return fnmatch.fnmatchcase(node.name, pattern)


_KINDS = {
    "bool": "b",
    "integer": "iu",
    "float": "f",
    "complex": "c",
    "string": "USTO",
    "datetime": "mM",
    "record": "V",
}


def _type_test(dtype: str | None) -> Callable[[ArrayMetadata], bool] | None:
    """Return whether an array is of a data type, or of a kind of them, as a function."""
    if dtype is None:
        return None
    if dtype in _KINDS:
        kinds = _KINDS[dtype]
        return lambda metadata: layout_of(metadata).dtype.kind in kinds
    try:
        wanted = np.dtype(dtype)
    except TypeError:
        # A name that only Zarr knows, such as "bfloat16".
        return lambda metadata: dtype in (str(layout_of(metadata).dtype), _zarr_name(metadata))
    return lambda metadata: layout_of(metadata).dtype.newbyteorder("=") == wanted.newbyteorder("=")


def _zarr_name(metadata: ArrayMetadata) -> str:
    return str(layout_of(metadata).zdtype._zarr_v3_name)


def _attribute_test(attribute: str | None) -> Callable[[NodeMetadata], bool] | None:
    if attribute is None:
        return None
    name, equals, wanted = attribute.partition("=")
    if not equals:
        return lambda metadata: name in metadata.attributes
    try:
        value = json.loads(wanted)
    except ValueError:
        value = wanted

    def fits(metadata: NodeMetadata) -> bool:
        if name not in metadata.attributes:
            return False
        found = plain(metadata.attributes[name])
        if isinstance(found, str):
            return fnmatch.fnmatchcase(found, wanted)
        return found == value and isinstance(found, bool) == isinstance(value, bool)

    return fits
