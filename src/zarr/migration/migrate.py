"""Documents of format 3 for nodes of format 2, whose chunks stay as they are."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any, Literal

from zarr._async.run import bounded
from zarr.arrays.async_array import AsyncArray
from zarr.arrays.document import documents_of, load_metadata
from zarr.arrays.placing import check_writable
from zarr.buffer.cpu import buffer_prototype
from zarr.errors import ArrayNotFoundError
from zarr.groups.async_group import AsyncGroup
from zarr.groups.nodes import load_group, load_node
from zarr.metadata.convert import as_v3
from zarr.metadata.group import (
    ZARR_JSON,
    ZARRAY_JSON,
    ZATTRS_JSON,
    ZGROUP_JSON,
    ZMETADATA_V2_JSON,
    ConsolidatedMetadata,
    GroupMetadata,
    nest,
    replace_consolidated,
)
from zarr.metadata.v2 import ArrayV2Metadata
from zarr.metadata.v3 import ArrayV3Metadata
from zarr.storage.path import StorePath
from zarr.storage.requests import Requests

if TYPE_CHECKING:
    from collections.abc import Iterable

    from zarr.abc.store import Store
    from zarr.buffer.core import Buffer
    from zarr.metadata.group import NodeMetadata

logger = logging.getLogger("zarr.metadata.migrate_v3")

_V2 = (ZGROUP_JSON, ZARRAY_JSON, ZATTRS_JSON, ZMETADATA_V2_JSON)
_V3 = (ZARR_JSON,)
# Where xarray writes the names of dimensions in format 2, which has no place for them.
_DIMENSIONS = "_ARRAY_DIMENSIONS"


async def node_at(place: StorePath, *, beside_v3: bool = False) -> AsyncArray[Any] | AsyncGroup:
    """The node of format 2 at a place.

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
        return AsyncArray(await load_metadata(place, 2), place)
    except ArrayNotFoundError:
        return AsyncGroup(await load_group(place, 2, False), place)


@dataclass
class _Plan:
    """What is to be stored, in place of what, and what is deleted afterwards."""

    made: dict[str, Buffer]
    """Documents by key."""
    before: dict[str, Buffer | None]
    """The values of these keys."""
    doomed: list[str]
    """Keys that are deleted once all documents are stored."""


async def migrate(
    node: AsyncArray[Any] | AsyncGroup,
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
    node
        The node.
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
    if node.metadata.zarr_format != 2:
        raise TypeError("Only arrays / groups with zarr v2 metadata can be converted")
    if not dry_run:
        check_writable(target)
    store = target.store
    plan = await _plan(node, target, overwrite=overwrite, force=force, remove_v2=remove_v2)
    for key in plan.made:
        logger.info("Saving metadata to %s/%s", store, key)
    if not dry_run:
        await _store(store, plan)
    await _delete(store, plan.doomed, dry_run=dry_run)


async def _plan(
    node: AsyncArray[Any] | AsyncGroup,
    target: StorePath,
    *,
    overwrite: bool,
    force: bool,
    remove_v2: bool,
) -> _Plan:
    store = target.store
    if (overwrite or remove_v2) and not store.supports_deletes:
        raise ValueError("Store must support deletes to remove metadata")
    made = await _documents(node, target)
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


async def _documents(node: AsyncArray[Any] | AsyncGroup, target: StorePath) -> dict[str, Buffer]:
    """All documents, made before the first is stored: what has no counterpart leaves no trace."""
    if isinstance(node, AsyncArray):
        return dict(documents_of(target.path, _as_v3(node.metadata, node.store_path)))
    place = node.store_path
    # Where members can be listed, that is what is true: consolidated metadata may be stale.
    believed = False if place.store.supports_listing else None
    group = AsyncGroup(await load_group(place, 2, believed), place)
    found = [(name, member) async for name, member in group._all_members()]
    nodes: dict[str, NodeMetadata] = {
        name: _as_v3(member.metadata, member.store_path) for name, member in found
    }
    nodes[""] = _as_v3(group.metadata, place)
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
        await _check_other_format(store, doomed, 5 - zarr_format)
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


async def _check_other_format(store: Store, doomed: list[str], other: Any) -> None:
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
