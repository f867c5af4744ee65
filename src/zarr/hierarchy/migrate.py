"""Documents of format 3 for nodes of format 2, whose chunks stay as they are."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Literal

from zarr._async.run import bounded, run
from zarr.buffer.cpu import buffer_prototype
from zarr.errors import ArrayNotFoundError
from zarr.hierarchy.documents import documents_of, load_group, load_metadata, load_node
from zarr.hierarchy.place import check_writable
from zarr.hierarchy.walk import walk
from zarr.metadata.group import (
    ZARR_JSON,
    ZARRAY_JSON,
    ZATTRS_JSON,
    ZGROUP_JSON,
    ZMETADATA_V2_JSON,
    ConsolidatedMetadata,
    GroupMetadata,
    is_group,
    nest,
    replace_consolidated,
)
from zarr.metadata.layout import as_v3
from zarr.metadata.v2 import ArrayV2Metadata
from zarr.metadata.v3 import ArrayV3Metadata
from zarr.storage.client import Requests
from zarr.storage.path import StorePath

if TYPE_CHECKING:
    from collections.abc import Iterable

    from zarr.abc.store import Store
    from zarr.buffer.core import Buffer
    from zarr.groups import Group
    from zarr.metadata.group import NodeMetadata
    from zarr.types import AnyArray, ZarrFormat

__all__ = ["migrate_to_v3", "migrate_v2_to_v3", "remove_metadata"]

logger = logging.getLogger("zarr.metadata.migrate_v3")

_V2 = (ZGROUP_JSON, ZARRAY_JSON, ZATTRS_JSON, ZMETADATA_V2_JSON)
_V3 = (ZARR_JSON,)
# Where xarray writes the names of dimensions in format 2, which has no place for them.
_DIMENSIONS = "_ARRAY_DIMENSIONS"


async def node_at(place: StorePath, *, beside_v3: bool = False) -> NodeMetadata:
    """The metadata of the node of format 2 at a place.

    Raises
    ------
    TypeError
        If there is one of format 3, and it is not said that there may be.
    GroupNotFoundError
        If there is none.
    """
    if not beside_v3 and await (place / ZARR_JSON).exists():
        raise TypeError("Only arrays / groups with zarr v2 metadata can be converted")
    try:
        return await load_metadata(place, 2)
    except ArrayNotFoundError:
        return await load_group(place, 2, False)


@dataclass
class _Plan:
    """The values to be stored, those that they replace, and those to be deleted afterwards."""

    made: dict[str, Buffer]
    """Documents by key."""
    before: dict[str, Buffer | None]
    """The values of these keys."""
    doomed: list[str]
    """Keys that are deleted once all documents are stored."""


async def migrate(
    node: NodeMetadata,
    place: StorePath,
    target: StorePath,
    *,
    dry_run: bool,
    overwrite: bool = False,
    force: bool = False,
    remove_v2: bool = False,
) -> None:
    """Store documents of format 3 for a node and all below it; see `migrate_v2_to_v3`.

    All that can be refused is refused before something is stored. If storing fails, what was
    stored is taken back; if that fails, too, the next run goes on.

    Parameters
    ----------
    node, place
        The node, and where it is.
    target
        Where the documents go.
    dry_run
        Whether only to log what would be done.
    overwrite
        Whether documents of format 3 that are there are replaced; those of other nodes are deleted.
    force
        Whether documents are deleted though there are none of the other format.
    remove_v2
        Whether documents of format 2 are deleted where those of format 3 went.
    """
    if node.zarr_format != 2:
        raise TypeError("Only arrays / groups with zarr v2 metadata can be converted")
    if not dry_run:
        check_writable(target)
    store = target.store
    made = await _documents(node, place, target)
    plan = await _plan(made, target, overwrite=overwrite, force=force, remove_v2=remove_v2)
    for key in plan.made:
        logger.info("Saving metadata to %s/%s", store, key)
    if not dry_run:
        await _store(store, plan)
    await _delete(store, plan.doomed, dry_run=dry_run)


async def _plan(
    made: dict[str, Buffer],
    target: StorePath,
    *,
    overwrite: bool,
    force: bool,
    remove_v2: bool,
) -> _Plan:
    store = target.store
    if (overwrite or remove_v2) and not store.supports_deletes:
        raise ValueError("Store must support deletes to remove metadata")
    values = await bounded(made, lambda key: Requests(store).get(key, buffer_prototype))
    before = dict(zip(made, values, strict=True))
    doomed: list[str] = []
    top = (target / ZARR_JSON).path
    if overwrite:
        old = await _documents_below(store, 3, target.path)
        if not force:
            await _check_other_format(store, old, 2)
        doomed += [key for key in old if key not in made]
    else:
        for key, value in before.items():
            # The uppermost is stored last. Where it is missing, others may be of a run that was cut
            # off: then they are as they should be.
            if value is not None and (key == top or not _same(value, made[key])):
                raise ValueError(f"{ZARR_JSON} already exists at {store}/{key}")
    if remove_v2:
        old = await _documents_below(store, 2, target.path)
        if not force:
            new = {_node_of(key) for key in made}
            await _check_other_format(store, [key for key in old if _node_of(key) not in new], 3)
        doomed += old
    return _Plan(made, before, doomed)


def _same(one: Buffer, other: Buffer) -> bool:
    try:
        return bool(json.loads(one.to_bytes()) == json.loads(other.to_bytes()))
    except ValueError:
        return False


async def _store(store: Store, plan: _Plan) -> None:
    requests = Requests(store)
    try:
        # Nodes below first: nobody finds a group whose members are missing, and where the
        # uppermost document is, all are.
        for keys in _by_depth(plan.made):
            await bounded(keys, lambda key: requests.set(key, plan.made[key]))
    except BaseException as error:
        kept: list[Exception] = []
        for keys in reversed(_by_depth(plan.made)):
            kept += filter(None, await bounded(keys, lambda key: _restore(requests, plan, key)))
        if kept:
            error.add_note(
                f"{len(kept)} documents of format 3 are left in {store}, since they could not be "
                f"taken back ({type(kept[0]).__name__}: {kept[0]}). Those of format 2 are "
                "untouched: migrate again."
            )
        raise


async def _restore(requests: Requests, plan: _Plan, key: str) -> Exception | None:
    """Bring back what was at a key; the error if that fails."""
    value = plan.before[key]
    try:
        if value is not None:
            await requests.set(key, value)
        elif await requests.exists(key):
            await requests.delete(key)
    except Exception as error:
        return error
    return None


def _by_depth(keys: Iterable[str]) -> list[list[str]]:
    """Keys of documents, those of the nodes that are furthest below first."""
    ordered = sorted(keys, key=_depth, reverse=True)
    return [list(group) for _, group in groupby(ordered, _depth)]


def _depth(key: str) -> int:
    return key.count("/")


def _node_of(key: str) -> str:
    """The path of the node that a document is of."""
    return key.rpartition("/")[0]


async def _documents(node: NodeMetadata, place: StorePath, target: StorePath) -> dict[str, Buffer]:
    """All documents, made before the first is stored: what has no counterpart leaves no trace."""
    nodes = {"": _as_v3(node, place)}
    if is_group(node):
        # Where members can be listed, that is what is true: consolidated metadata may be stale.
        believed = False if place.store.supports_listing else None
        group = await load_group(place, 2, believed)
        async for name, member in walk(place.store, place.path, group, None, whole=True):
            nodes[name] = _as_v3(member, place / name)
    documents: dict[str, Buffer] = {}
    stored = await bounded(nodes.items(), lambda item: _consolidated(place, item, nodes))
    for name, made in zip(nodes, stored, strict=True):
        documents.update(documents_of(StorePath(target.store, f"{target.path}/{name}").path, made))
    return documents


async def _consolidated(
    place: StorePath, item: tuple[str, NodeMetadata], nodes: dict[str, NodeMetadata]
) -> NodeMetadata:
    """The metadata of a node, with those of all below it if that is so in format 2."""
    name, node = item
    if not isinstance(node, GroupMetadata):
        return node
    if not await StorePath(place.store, f"{place.path}/{name}/{ZMETADATA_V2_JSON}").exists():
        return node
    start = f"{name}/" if name else ""
    below = {
        path.removeprefix(start): found
        for path, found in nodes.items()
        if path.startswith(start) and path != name
    }
    return replace_consolidated(node, ConsolidatedMetadata(nest(below)))


def _as_v3(metadata: NodeMetadata, place: StorePath) -> NodeMetadata:
    if isinstance(metadata, GroupMetadata):
        return GroupMetadata(metadata.attributes, 3)
    assert isinstance(metadata, ArrayV2Metadata)
    try:
        return _with_dimension_names(as_v3(metadata))
    except (TypeError, ValueError) as error:
        error.add_note(f"This is the array at {place}: nothing was changed.")
        raise


def _with_dimension_names(made: ArrayV3Metadata) -> ArrayV3Metadata:
    names = made.attributes.get(_DIMENSIONS)
    if not isinstance(names, list) or len(names) != len(made.shape):
        return made
    if not all(isinstance(name, str) for name in names):
        return made
    return ArrayV3Metadata.from_dict({**made.to_dict(), "dimension_names": names})


async def remove(
    store: Store, zarr_format: Literal[2, 3], *, force: bool, dry_run: bool, path: str = ""
) -> None:
    """Delete the documents of one format; see `remove_metadata`."""
    if zarr_format not in (2, 3):
        raise ValueError(f"zarr_format must be 2 or 3, got {zarr_format!r}")
    if not store.supports_deletes:
        raise ValueError("Store must support deletes to remove metadata")
    if not dry_run:
        check_writable(StorePath(store))
    doomed = await _documents_below(store, zarr_format, path)
    if not force:
        await _check_other_format(store, doomed, 3 if zarr_format == 2 else 2)
    await _delete(store, doomed, dry_run=dry_run)


async def _documents_below(store: Store, zarr_format: Literal[2, 3], path: str) -> list[str]:
    """The keys of the documents of one format, at a path and below it."""
    prefix = f"{path}/" if path else ""
    mine = _V2 if zarr_format == 2 else _V3
    keys = Requests(store).list_prefix(prefix)
    return [key async for key in keys if key.rpartition("/")[2] in mine]


async def _delete(store: Store, doomed: list[str], *, dry_run: bool) -> None:
    # Documents of nodes below first: what is left is a tree at any moment.
    for keys in _by_depth(doomed):
        for key in keys:
            logger.info("Deleting metadata at %s/%s", store, key)
        if not dry_run:
            await bounded(keys, Requests(store).delete)


async def _check_other_format(store: Store, doomed: list[str], other: ZarrFormat) -> None:
    """Fail, before anything is deleted, if a node would be left without sound metadata."""
    nodes = sorted({_node_of(key) for key in doomed})
    found = await bounded(nodes, lambda path: load_node(store, path, other))
    for path, node in zip(nodes, found, strict=True):
        if node is None:
            key = next(key for key in doomed if _node_of(key) == path)
            raise ValueError(
                f"Cannot remove v{5 - other} metadata at {store}/{key} - no v{other} metadata "
                "exists. To delete anyway, use the 'force' option."
            )


def migrate_v2_to_v3(
    *,
    input_store: Store,
    output_store: Store | None = None,
    dry_run: bool = False,
    overwrite: bool = False,
    force: bool = False,
) -> None:
    """Store documents of format 3 for all nodes of format 2 in a store.

    Chunks stay where and as they are, and so do the documents of format 2: `remove_metadata`
    deletes these. All documents are made before the first is stored.

    Parameters
    ----------
    input_store : Store
        The store.
    output_store : Store, optional
        Where the documents go; by default the same store.
    dry_run : bool, default: False
        Whether only to log what would be stored.
    overwrite : bool, default: False
        Whether documents of format 3 that are there are replaced, once all new ones are made; those
        of other nodes are deleted.
    force : bool, default: False
        Whether to do so though nodes have no documents of format 2: those are then lost.

    Raises
    ------
    TypeError
        If what is there is of format 3, or has codecs that format 3 has none for.
    ValueError
        If there are documents of format 3 already that are not to be overwritten.

    Notes
    -----
    If storing fails, what was stored is taken back. Where metadata are consolidated, so are the new
    ones: by the documents of the nodes, which are right where ``.zmetadata`` is stale. The names of
    dimensions that xarray keeps as the attribute ``_ARRAY_DIMENSIONS`` become those of format 3.

    Examples
    --------
    >>> import zarr
    >>> from zarr.metadata.migrate_v3 import migrate_v2_to_v3
    >>> from zarr.storage import MemoryStore
    >>> store = MemoryStore()
    >>> array = zarr.create_array(store, data=[1, 2, 3], zarr_format=2)
    >>> migrate_v2_to_v3(input_store=store)
    >>> zarr.open_array(store, zarr_format=3)[:]
    array([1, 2, 3])
    """
    target = input_store if output_store is None else output_store
    migrate_store(input_store, target, dry_run=dry_run, overwrite=overwrite, force=force)


def migrate_store(
    source: Store,
    target: Store,
    *,
    dry_run: bool,
    overwrite: bool,
    force: bool,
    remove_v2: bool = False,
) -> None:
    """Do as `migrate_v2_to_v3` says; with `remove_v2`, delete documents of format 2 afterwards.

    These are those where the new ones went.
    """

    async def work() -> None:
        await Requests(source).ensure_open()
        await Requests(target).ensure_open()
        place = StorePath(source)
        await migrate(
            await node_at(place, beside_v3=overwrite),
            place,
            StorePath(target),
            dry_run=dry_run,
            overwrite=overwrite,
            force=force,
            remove_v2=remove_v2,
        )

    run(work(), waits=source.traits.needs_event_loop or target.traits.needs_event_loop)


def migrate_to_v3(zarr_v2: AnyArray | Group, output_path: StorePath, dry_run: bool = False) -> None:
    """Store documents of format 3 for an array or group of format 2, and all below it.

    Parameters
    ----------
    zarr_v2 : Array or Group
        The node.
    output_path : StorePath
        Where the documents go.
    dry_run : bool, default: False
        Whether only to log what would be stored.

    Raises
    ------
    TypeError, ValueError
        As by `migrate_v2_to_v3`.
    """
    node, place = zarr_v2.metadata, zarr_v2.store_path
    waits = any(path.store.traits.needs_event_loop for path in (place, output_path))
    run(migrate(node, place, output_path, dry_run=dry_run), waits=waits)


async def remove_metadata(
    store: Store, zarr_format: Literal[2, 3], force: bool = False, dry_run: bool = False
) -> None:
    """Delete the documents of one format from a store.

    Parameters
    ----------
    store : Store
        The store.
    zarr_format : {2, 3}
        The format.
    force : bool, default: False
        Whether to delete also documents of nodes that have none of the other format: their data
        cannot be read any more.
    dry_run : bool, default: False
        Whether only to log what would be deleted.

    Raises
    ------
    ValueError
        If a node has no metadata of the other format, and `force` is not given; nothing was
        deleted.
    """
    await Requests(store).ensure_open()
    await remove(store, zarr_format, force=force, dry_run=dry_run)
