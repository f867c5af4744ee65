"""Documents of format 3 for nodes of format 2, whose chunks stay as they are."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Literal

from zarr.arrays.async_array import AsyncArray
from zarr.arrays.document import load_metadata
from zarr.errors import ArrayNotFoundError
from zarr.groups.async_group import AsyncGroup
from zarr.groups.nodes import documents_of, load_group, load_node
from zarr.metadata.convert import as_v3
from zarr.metadata.group import GroupMetadata
from zarr.runner import bounded

if TYPE_CHECKING:
    from zarr.abc.store import Store
    from zarr.buffer.core import Buffer
    from zarr.storage.path import StorePath

logger = logging.getLogger("zarr.metadata.migrate_v3")

_V2 = (".zgroup", ".zarray", ".zattrs", ".zmetadata")
_V3 = ("zarr.json",)


async def node_at(place: StorePath, *, beside_v3: bool = False) -> AsyncArray[Any] | AsyncGroup:
    """The node of format 2 at a place.

    Raises
    ------
    TypeError
        If there is one of format 3, and it is not said that there may be.
    GroupNotFoundError
        If there is none.
    """
    if not beside_v3 and await place.store.exists((place / "zarr.json").path):
        raise TypeError("Only arrays / groups with zarr v2 metadata can be converted")
    try:
        return AsyncArray(await load_metadata(place, 2), place)
    except ArrayNotFoundError:
        return AsyncGroup(await load_group(place, 2, False), place)


async def migrate(
    node: AsyncArray[Any] | AsyncGroup,
    target: StorePath,
    *,
    dry_run: bool,
    overwrite: bool = False,
    force: bool = False,
) -> None:
    """Store documents of format 3 for a node and all below it; see `migrate_v2_to_v3`.

    All that can fail before something is stored, does. Documents that are there are replaced one
    by one, and those that have no counterpart any more are deleted last.
    """
    if node.metadata.zarr_format != 2:
        raise TypeError("Only arrays / groups with zarr v2 metadata can be converted")
    documents = await _documents(node, target)
    store = target.store
    doomed: list[str] = []
    if overwrite:
        doomed = await _documents_below(store, 3, target.path)
        if not force:
            await _check_other_format(store, doomed, 2)
    else:
        found = await bounded(documents, lambda item: store.exists(item[0]))
        for (key, _), exists in zip(documents, found, strict=True):
            if exists:
                raise ValueError(f"zarr.json already exists at {store}/{key}")
    for key, value in documents:
        logger.info("Saving metadata to %s/%s", store, key)
        if not dry_run:
            await store.set(key, value)
    made = {key for key, _ in documents}
    await _delete(store, [key for key in doomed if key not in made], dry_run=dry_run)


async def _documents(
    node: AsyncArray[Any] | AsyncGroup, target: StorePath
) -> list[tuple[str, Buffer]]:
    """All documents, those of nodes below first: nobody finds a group whose members are missing.

    All are made before the first is stored: a codec without a counterpart leaves no trace.
    """
    if isinstance(node, AsyncArray):
        return _of_array(node, target.path)
    if await node.store.exists((node.store_path / ".zmetadata").path):
        raise NotImplementedError("Migration of consolidated metadata isn't supported.")
    group = AsyncGroup(await load_group(node.store_path, 2, False), node.store_path)
    members = [(name, member) async for name, member in group._all_members()]
    found: list[tuple[str, Buffer]] = []
    for name, member in sorted(members, key=lambda item: item[0].split("/"), reverse=True):
        found += _of_node(member, (target / name).path)
    return found + _of_node(group, target.path)


def _of_node(node: AsyncArray[Any] | AsyncGroup, path: str) -> list[tuple[str, Buffer]]:
    if isinstance(node, AsyncArray):
        return _of_array(node, path)
    return documents_of(path, GroupMetadata(node.metadata.attributes, 3))


def _of_array(array: AsyncArray[Any], path: str) -> list[tuple[str, Buffer]]:
    try:
        return documents_of(path, as_v3(array.metadata))
    except (TypeError, ValueError) as error:
        error.add_note(f"This is the array at {array.store_path}: nothing was changed.")
        raise


async def remove(
    store: Store, zarr_format: Literal[2, 3], *, force: bool, dry_run: bool, path: str = ""
) -> None:
    """Delete the documents of one format; see `remove_metadata`."""
    if zarr_format not in (2, 3):
        raise ValueError(f"zarr_format must be 2 or 3, got {zarr_format!r}")
    if not store.supports_deletes:
        raise ValueError("Store must support deletes to remove metadata")
    doomed = await _documents_below(store, zarr_format, path)
    if not force:
        await _check_other_format(store, doomed, 5 - zarr_format)
    await _delete(store, doomed, dry_run=dry_run)


async def _documents_below(store: Store, zarr_format: Literal[2, 3], path: str) -> list[str]:
    """The keys of the documents of one format, at a path and below it."""
    prefix = f"{path}/" if path else ""
    mine = _V2 if zarr_format == 2 else _V3
    return [key async for key in store.list_prefix(prefix) if key.rpartition("/")[2] in mine]


async def _delete(store: Store, doomed: list[str], *, dry_run: bool) -> None:
    # Documents of nodes below first: what is left is a tree at any moment.
    for key in sorted(doomed, key=lambda key: key.split("/"), reverse=True):
        logger.info("Deleting metadata at %s/%s", store, key)
        if not dry_run:
            await store.delete(key)


async def _check_other_format(store: Store, doomed: list[str], other: Any) -> None:
    """Fail, before anything is deleted, if a node would be left without sound metadata."""
    for folder in sorted({key.rpartition("/")[0] for key in doomed}):
        if await load_node(store, folder, other) is None:
            key = next(key for key in doomed if key.rpartition("/")[0] == folder)
            raise ValueError(
                f"Cannot remove v{5 - other} metadata at {store}/{key} - no v{other} metadata "
                "exists. To delete anyway, use the 'force' option."
            )
