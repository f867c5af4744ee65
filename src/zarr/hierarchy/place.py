"""Making nodes: one who is first makes a node, the others find it there.

All that makes nodes goes through `place_node` or `place_nodes`. They hold the lock of a node's
documents, look what is there, and write on condition that nothing was written since, where the
store can do that: then it holds between processes, too.

A node of format 2 has its attributes in a document of their own. That one is written first, and
claims the place: nobody sees the node without its attributes, and one who finds the claim of
another waits for the node. A claim that comes to nothing is what a killed process left.
"""

from __future__ import annotations

import errno
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, NamedTuple, TypeAlias, TypeVar

from zarr._async.run import bounded, section
from zarr.abc._traits import data_id_of
from zarr.errors import ContainsArrayError, ContainsGroupError
from zarr.hierarchy.documents import (
    check_new_nodes,
    check_new_path,
    child_path,
    document_key,
    documents_of,
    kind_v2,
    kind_v3,
    kinds_at,
    save_changes,
    save_documents,
)
from zarr.hierarchy.locking import guarded
from zarr.metadata.group import GroupMetadata, ImplicitGroupMarker, NodeMetadata, is_group
from zarr.metadata.v2 import ArrayV2Metadata
from zarr.metadata.v3 import ArrayV3Metadata
from zarr.storage.client import Requests, get_documents
from zarr.storage.client.conditional import Conflict, Exchange, exchanged, put_first
from zarr.storage.path import StorePath

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from zarr import _core
    from zarr.abc.store import Store
    from zarr.buffer.core import Buffer
    from zarr.types import ArrayMetadata, NodeType, ZarrFormat

T = TypeVar("T")

_MAIN = ("zarr.json", ".zarray", ".zgroup")
"""The documents that say that there is a node."""
_PATIENCE = 8
"""How often one looks again for a node that somebody else has begun to make."""
# The disk takes no more, or is broken: to try in another way would not help.
_NO_ROOM = (errno.EDQUOT, errno.EIO, errno.ENOSPC)
_SWEPT = (errno.ENOENT, errno.EEXIST, errno.ENOTEMPTY)
"""The errors of the system where others make and delete the same directory."""
_TRIES = 5
"""How often a node is looked for that seems to be made and deleted all the time."""


def check_writable(store_path: StorePath) -> None:
    """Fail if the store refuses to write."""
    if store_path.store.read_only:
        raise ValueError(
            "store was opened in read-only mode and does not support writing: nothing can be "
            f"changed at {store_path.shown_as()}. Open it in mode 'r+' or 'a', or make the store "
            "with read_only=False."
        )


async def place_node(
    store_path: StorePath,
    metadata: NodeMetadata,
    *,
    overwrite: bool = False,
    parents: bool = True,
    beside: bool = False,
    chunk_path: StorePath | None = None,
) -> None:
    """Store the metadata of a new node, unless there is one already.

    Parameters
    ----------
    store_path
        Where the node is to be.
    metadata
        Of the node.
    overwrite
        Whether what is there is deleted first.
    parents
        Whether groups are made at the paths above; not to be asked if they are known to be there.
    beside
        Whether nodes of the other format may be there, or above: the user asked for this one.
    chunk_path
        Where chunks are, if not with the documents: they are deleted with what is there.

    Raises
    ------
    ContainsArrayError, ContainsGroupError
        If there is a node, and it is not to be overwritten.
    ValueError
        If the name is reserved, or there is an array above.
    """
    check_writable(store_path)
    store, path, zarr_format = store_path.store, store_path.path, metadata.zarr_format
    overwrite = overwrite and store.supports_deletes
    if overwrite and chunk_path is not None:
        check_writable(chunk_path)
    placing = _Placing(
        store, {path: metadata}, overwrite=overwrite, beside=beside, chunk_path=chunk_path
    )
    missing: list[str] = []
    if parents and path:
        missing = await missing_parents(store_path, zarr_format, beside=beside)
    check_new_nodes([*missing, path], zarr_format)
    if missing:
        if not overwrite:
            await placing.look()  # before groups are made for nothing
        await _make_groups(store, missing, zarr_format, beside=beside)
    await placing.run()


async def place_nodes(
    store: Store,
    nodes: Mapping[str, NodeMetadata],
    *,
    overwrite: bool = False,
    beside: bool = False,
) -> set[str]:
    """Store the metadata of new nodes; where an `ImplicitGroupMarker` stands, a group may be.

    Parameters
    ----------
    store
        Where.
    nodes
        Metadata by path, all of one format.
    overwrite
        Whether nodes that are there already, and all below them, are deleted first.
    beside
        Whether nodes of the other format may be there, or above: the user asked for this one.

    Returns
    -------
    set of str
        The paths of what was made.

    Raises
    ------
    ContainsArrayError, ContainsGroupError
        If there is a node already, and it is not to be overwritten. All is looked at before the
        first document is written.
    """
    return await _Placing(store, nodes, overwrite=overwrite, beside=beside).run()


class _Placing:
    """Nodes that are being made.

    Attributes
    ----------
    replaced
        The paths of those that are made whatever is there: it is deleted first.
    made
        The paths of those that are made already.
    """

    def __init__(
        self,
        store: Store,
        nodes: Mapping[str, NodeMetadata],
        *,
        overwrite: bool = False,
        beside: bool = False,
        chunk_path: StorePath | None = None,
    ) -> None:
        self._store = store
        self._beside = beside
        self._zarr_format = next(iter(nodes.values())).zarr_format
        # First of all: what cannot be stored changes nothing.
        self._documents = {path: _main_last(path, node) for path, node in nodes.items()}
        self._implicit = {p for p, node in nodes.items() if isinstance(node, ImplicitGroupMarker)}
        self.replaced: set[str] = set()
        self._doomed: list[StorePath] = []
        self.made: set[str] = set()
        self._attempts = 0
        if overwrite:
            self._replace(nodes.keys() - self._implicit, chunk_path)

    def _replace(self, explicit: set[str], chunk_path: StorePath | None) -> None:
        """Delete what is at paths, and below them, first."""
        for path in self._documents:
            above = not explicit.isdisjoint(parents_of(path))
            if above or path in explicit:
                self.replaced.add(path)
            if not above and path in explicit:
                self._doomed.append(StorePath(self._store, path))
        if self._doomed and chunk_path is not None:
            self._doomed.append(chunk_path)

    async def run(self) -> set[str]:
        """Make them."""
        return await section(self._run, self._store.traits.needs_event_loop)

    async def _run(self) -> set[str]:
        handle = None if self._store.read_only else self._store.traits.native_handle
        if handle is not None and len(self._documents) == 1 and not self.replaced:
            ((path, documents),) = self._documents.items()
            if len(documents) == 1 and await self._in_one_step(handle, path, *documents[0]):
                return self.made
        return await self._under_locks()

    async def _in_one_step(
        self, handle: _core.Files | _core.Mapping, path: str, key: str, document: Buffer
    ) -> bool:
        """Add the only document: who is first is told so. False leaves it to the general way."""
        for _ in range(_TRIES):
            if not await self.look():
                return True  # a group is there
            try:
                if handle.add(key, document.to_bytes()):
                    self.made.add(path)
                    return True
            except OSError as error:
                if error.errno in _NO_ROOM:
                    raise
                break
        return False

    async def _under_locks(self) -> set[str]:
        identity = data_id_of(self._store)
        async with AsyncExitStack() as held:
            for path in sorted(self._documents):  # in one order: nobody waits for ever
                await held.enter_async_context(guarded(identity, document_key(path)))
            return await exchanged(self._store, self._attempt, marked=True)

    async def _attempt(self, store: Store) -> set[str]:
        """Look, and write; or find out that somebody else writes the same nodes just now."""
        self._attempts += 1
        try:
            return await self._tried(store)
        except OSError as error:
            local = isinstance(store, Exchange) and not store.traits.needs_event_loop
            if local and error.errno in _SWEPT and self._attempts <= _PATIENCE:
                raise Conflict(next(iter(self._documents))) from error
            raise

    async def _tried(self, store: Store) -> set[str]:
        if self.replaced:
            await self.look()  # before anything is deleted for nothing
            await bounded(self._doomed, StorePath.delete_dir)
            self.made -= self.replaced
        found = await self.look(claims=isinstance(store, Exchange))
        if isinstance(store, Exchange):
            patient = self._attempts <= _PATIENCE
            claimed = [key for key, value in found.items() if value is not None]
            if claimed and patient:
                raise Conflict(claimed[0])
            await bounded(claimed, Requests(store).get_document)  # to replace what this reads
            store.expect_none(found.keys() - claimed)
            if patient:
                store.expect_none(key for path in self.replaced for key, _ in self._documents[path])
        missing = {key.rpartition("/")[0] for key in found} | self.replaced

        async def write(path: str) -> None:
            for key, value in self._documents[path]:
                if path in self._implicit and found.get(key) is not None:
                    continue  # attributes of a group that lost its other document
                if _is_main(key) and path not in self.replaced:
                    await put_first(store, key, value)
                else:
                    await Requests(store).set(key, value)
            self.made.add(path)

        await bounded([path for path in self._documents if path in missing], write)
        return self.made

    async def look(self, *, claims: bool = False) -> dict[str, bytes | None]:
        """See whether the nodes can be made.

        Parameters
        ----------
        claims
            Whether also to look for what others have begun to make.

        Returns
        -------
        dict
            Of nodes that are to be made where nothing may be: what their own documents hold.
        """
        store, zarr_format = self._store, self._zarr_format
        own = ("zarr.json",) if zarr_format == 3 else (".zarray", ".zgroup")
        names = own if self._beside else _MAIN
        done = self.made | self.replaced
        paths = [path for path in self._documents if path not in done]
        keys = {f"{path}/{name}" if path else name: None for path in paths for name in names}
        # The attributes that a group above has are kept, also if its other document was lost.
        whole = paths if claims else self._implicit.intersection(paths)
        keys.update({key: None for path in whole for key, _ in self._documents[path]})
        found = dict(zip(keys, await get_documents(store, list(keys)), strict=True))
        missing: dict[str, bytes | None] = {}
        for path in paths:
            v3, array, group = [found.get(f"{path}/{name}" if path else name) for name in _MAIN]
            there, other = kind_v3(store, path, v3), kind_v2(store, path, array, group)
            if zarr_format == 2:
                there, other = other, there
            if path in self._implicit and there == "group":
                continue
            refuse(store, path, there)
            refuse_other(store, path, other, zarr_format)
            missing.update({key: found.get(key) for key, _ in self._documents[path]})
        return missing


def _is_main(key: str) -> bool:
    return key.rpartition("/")[2] in _MAIN


def _main_last(path: str, node: NodeMetadata) -> list[tuple[str, Buffer]]:
    return sorted(documents_of(path, node), key=lambda item: _is_main(item[0]))


def parents_of(path: str) -> list[str]:
    """The paths above a path, from the root on."""
    parts = path.split("/")
    return ["/".join(parts[:depth]) for depth in range(len(parts))] if path else []


# -- groups above -------------------------------------------------------------------------------


async def make_parents(store_path: StorePath, zarr_format: ZarrFormat) -> None:
    """Make groups above a path where there are none; see `missing_parents`."""
    await _make_groups(
        store_path.store, await missing_parents(store_path, zarr_format), zarr_format
    )


async def _make_groups(
    store: Store, paths: list[str], zarr_format: ZarrFormat, *, beside: bool = False
) -> None:
    for path in paths:
        group = ImplicitGroupMarker(zarr_format=zarr_format)
        await _Placing(store, {path: group}, beside=beside).run()


async def missing_parents(
    store_path: StorePath, zarr_format: ZarrFormat, *, beside: bool = False
) -> list[str]:
    """The paths above at which there is no node.

    Raises
    ------
    ValueError
        If there is an array above: only groups have nodes below them.
    ContainsArrayError, ContainsGroupError
        If there is a node of the other format above, and it is not said that there may be.
    """
    store = store_path.store
    parents = parents_of(store_path.path)
    found = await kinds_at(store, parents, zarr_format)
    if "array" in found:
        parent = parents[found.index("array")]
        raise ValueError(
            f"A parent of {store_path.shown_as()} is an array, at path {parent!r} - only groups "
            "may have child nodes."
        )
    missing = [parent for parent, kind in zip(parents, found, strict=True) if kind is None]
    if beside:
        return missing
    other = other_than(zarr_format)
    kinds = await kinds_at(store, missing, other)
    for parent, kind in zip(missing, kinds, strict=True):
        refuse_other(store, parent, kind, zarr_format)
    return missing


async def save_metadata(
    store_path: StorePath, metadata: ArrayMetadata, ensure_parents: bool = False
) -> None:
    """Store the metadata of an array, whatever is there.

    Parameters
    ----------
    store_path
        Where the array is.
    metadata
        Of the array.
    ensure_parents
        Whether groups are made at the paths above, where there are none.
    """
    if ensure_parents:
        await make_parents(store_path, metadata.zarr_format)
    await save_changes(store_path.store, store_path.path, None, metadata)


# -- what is there ------------------------------------------------------------------------------


def refuse(store: Store, path: str, kind: NodeType | None) -> None:
    """Raise an error if there is a node."""
    if kind == "array":
        raise ContainsArrayError(store, path)
    if kind == "group":
        raise ContainsGroupError(store, path)


def other_than(zarr_format: ZarrFormat) -> ZarrFormat:
    """The other format."""
    return 3 if zarr_format == 2 else 2


def refuse_other(store: Store, path: str, kind: NodeType | None, zarr_format: ZarrFormat) -> None:
    """Raise an error if there is a node of the format that is not the one of a new node."""
    if kind is None:
        return
    other = other_than(zarr_format)
    message = (
        f"{'An' if kind == 'array' else 'A'} {kind} of format {other} exists in store "
        f"{store.shown_as()} at path {path!r}. One of format {zarr_format} is not made beside "
        f"it, as only that of format 3 would be seen: give zarr_format={other}, or another path."
    )
    raise (ContainsArrayError if kind == "array" else ContainsGroupError)(message)


async def found_or_made(
    find: Callable[[], Awaitable[T | None]],
    make: Callable[[], Awaitable[T]],
    *there: type[Exception],
) -> T:
    """Return a node; it is made if there is none, unless somebody else is faster.

    Parameters
    ----------
    find
        Returns the node, or None.
    make
        Makes it.
    *there
        The errors by which `make` says that there is one.
    """
    for attempt in range(_TRIES):
        found = await find()
        if found is not None:
            return found
        try:
            return await make()
        except there:
            if attempt == _TRIES - 1:
                raise
    raise AssertionError  # not reached


Nodes: TypeAlias = dict[str, NodeMetadata]


class Plan(NamedTuple):
    """Nodes that are to be made, by path, parents first, and of which format they are.

    Of groups above that the user did not name, `ImplicitGroupMarker` stands: they are made where
    there are none.
    """

    nodes: Nodes
    zarr_format: ZarrFormat


def normalized(nodes: Mapping[str, NodeMetadata]) -> Nodes:
    """Return nodes by paths in the form of keys.

    Raises
    ------
    ValueError
        If a path leads out of the store, or two name the same node.
    TypeError
        If a path is no string, or what it names no metadata.
    """
    found: Nodes = {}
    names: dict[str, str] = {}
    for name, node in nodes.items():
        path = child_path("", name)
        if path in names:
            other = names[path]
            raise ValueError(
                f"After normalization, the value {name!r} collides with {other!r}. Both {name!r} "
                f"and {other!r} normalize to the same value: {path!r}. You should use either "
                f"{name!r} or {other!r}, but not both."
            )
        names[path] = name
        if not isinstance(node, (ArrayV2Metadata, ArrayV3Metadata, GroupMetadata)):
            raise TypeError(
                f"The node at {name!r} is the metadata of an array or a group. Got {node!r} of "
                f"{type(node).__name__}."
            )
        found[path] = node.copied()  # handles get these, and share nothing with the caller's
    return found


def plan(nodes: Mapping[str, NodeMetadata], *, parents: bool = True) -> Plan | None:
    """Return what is to be made, groups above included; None if there are no nodes.

    Raises
    ------
    ValueError
        If nodes are of two formats, or below an array, or a name cannot be that of a node.
    """
    found = normalized(nodes)
    if not found:
        return None
    zarr_format = _common_format(found)
    for path in found:
        check_new_path(path, zarr_format)
    for path in list(found):
        for parent in parents_of(path):
            node = found.get(parent)
            if node is None:
                if parents:
                    found[parent] = ImplicitGroupMarker(zarr_format=zarr_format)
            elif not is_group(node):
                raise ValueError(
                    f"The node at {parent!r} contains other nodes, but it is not a Zarr group. "
                    "This is invalid. Only Zarr groups can contain other nodes."
                )
    ordered = sorted(found, key=lambda path: path.split("/") if path else [])
    return Plan({path: found[path] for path in ordered}, zarr_format)


def _common_format(nodes: Nodes) -> ZarrFormat:
    by_format: dict[ZarrFormat, list[str]] = {2: [], 3: []}
    for path, node in nodes.items():
        by_format[node.zarr_format].append(path)
    if by_format[2] and by_format[3]:
        raise ValueError(
            "Got data with both Zarr v2 and Zarr v3 nodes, which is invalid. "
            f"The following keys map to Zarr v2 nodes: {by_format[2]}. "
            f"The following keys map to Zarr v3 nodes: {by_format[3]}. "
            "Ensure that all nodes have the same Zarr format."
        )
    return 2 if by_format[2] else 3


async def make_hierarchy(
    store: Store,
    nodes: Mapping[str, NodeMetadata],
    *,
    overwrite: bool = False,
    beside: bool = False,
) -> Nodes:
    """Store nodes, and groups above them where there are none.

    Everything is checked before the first document is written.

    Parameters
    ----------
    store
        Where.
    nodes
        Metadata by path.
    overwrite
        Whether nodes that are there already, and all below them, are deleted first.
    beside
        Whether nodes of the other format may be there, or above: the user asked for this one.

    Returns
    -------
    dict
        The nodes that were made, by path: groups above only if they were not there.

    Raises
    ------
    ContainsArrayError, ContainsGroupError
        If there is a node already, and it is not to be overwritten.
    """
    wanted = plan(nodes)
    if wanted is None:
        return {}
    check_writable(StorePath(store))
    made = await place_nodes(store, wanted.nodes, overwrite=overwrite, beside=beside)
    return {path: _plain(node) for path, node in wanted.nodes.items() if path in made}


async def save_nodes(store: Store, nodes: Mapping[str, NodeMetadata]) -> None:
    """Store the documents of nodes, without looking what is there."""
    documents = [item for path, node in nodes.items() for item in documents_of(path, node)]
    await save_documents(store, documents)


def root_of(nodes: Mapping[str, NodeMetadata]) -> str:
    """Return the path of the node that all others are below.

    Raises
    ------
    ValueError
        If there is none.
    """
    paths = sorted(normalized(nodes), key=len)
    if not paths:
        raise ValueError("The input has no nodes, so there is no root among them.")
    root = paths[0]
    if any(root and not path.startswith(f"{root}/") for path in paths[1:]):
        raise ValueError(
            "The input does not specify a root node. This function can only create hierarchies "
            "that contain a root node, which is defined as a group that is ancestral to all the "
            "other arrays and groups in the hierarchy, or a single array."
        )
    return root


def _plain(node: NodeMetadata) -> NodeMetadata:
    """A group that was made is one like any other."""
    if not isinstance(node, ImplicitGroupMarker):
        return node
    return GroupMetadata(
        attributes=node.attributes,
        zarr_format=node.zarr_format,
        consolidated_metadata=node.consolidated_metadata,
        extra_fields=node.extra_fields,
    )
