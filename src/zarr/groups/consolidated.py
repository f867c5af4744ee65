"""The metadata of a group, with the consolidated ones of all below it.

The documents of a group are read, changed and written under a lock, so that no change is lost.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from zarr._async.run import section
from zarr.abc._traits import data_id_of
from zarr.errors import ZarrUserWarning
from zarr.hierarchy.documents import (
    document_key,
    documents_of,
    find_group,
    kind_at,
    load_group,
    not_found,
    save_changes,
    save_documents,
)
from zarr.hierarchy.locking import guarded
from zarr.hierarchy.place import check_writable, make_parents
from zarr.hierarchy.walk import walk
from zarr.metadata.group import (
    ZMETADATA_V2_JSON,
    ConsolidatedMetadata,
    nest,
    replace_consolidated,
)
from zarr.storage.client.conditional import exchanged
from zarr.storage.path import StorePath

if TYPE_CHECKING:
    from collections.abc import Callable

    from zarr.abc.store import Store
    from zarr.groups.async_group import AsyncGroup
    from zarr.metadata.group import GroupMetadata, NodeMetadata


async def save_metadata(group: AsyncGroup, *, ensure_parents: bool = False) -> None:
    """Store the metadata of a group as its handle shows them."""
    place = group.store_path
    check_writable(place)
    if ensure_parents:
        await make_parents(place, group.metadata.zarr_format)
    await save_documents(place.store, documents_of(place.path, group.metadata))


async def change_metadata(
    group: AsyncGroup, change: Callable[[GroupMetadata], GroupMetadata]
) -> None:
    """Replace the metadata of a group by what a function makes of the stored ones."""
    place = group.store_path
    check_writable(place)
    shown = group.metadata.consolidated_metadata
    # In format 2 they are a document of their own: it changes with what this handle shows of it.
    separate = group.metadata.zarr_format == 2 and (shown is None or group.custom_key)
    use_consolidated = False if separate else None

    async def attempt(store: Store) -> GroupMetadata:
        there = StorePath(store, place.path)
        found = await find_group(there, group.metadata.zarr_format, use_consolidated)
        if found is None:
            await _check_nothing_is_there(group)
        # Of a group whose store was cleared in between, all documents are written anew.
        before = group.metadata if found is None else found
        after = change(before)
        await save_changes(store, place.path, found, after)
        return after

    async def work() -> None:
        key = document_key(place.path)
        async with guarded(data_id_of(place.store), key, group.access.synchronizer):
            after = await exchanged(place.store, attempt)
            if separate or shown is None:
                after = replace_consolidated(after, shown)
            group.set_metadata(after)

    await section(work, place.store.traits.needs_event_loop)


async def _check_nothing_is_there(group: AsyncGroup) -> None:
    """Raise an error if another node stands where the group was."""
    place, zarr_format = group.store_path, group.metadata.zarr_format
    if await kind_at(place.store, place.path, zarr_format) is not None:
        raise await not_found(place, zarr_format, "group")


async def forget(group: AsyncGroup, path: str, new_path: str | None = None) -> None:
    """Take a node, and those below it, out of the consolidated metadata of a group, or move it.

    So it is in those of the group above from which it has its own.
    """
    above = group.consolidated_by
    if above is not None:
        prefix = group.path[len(above.path) :].strip("/") + "/"
        await forget(above, prefix + path, None if new_path is None else prefix + new_path)
    if group.metadata.consolidated_metadata is None:
        return

    def change(metadata: GroupMetadata) -> GroupMetadata:
        known = metadata.consolidated_metadata
        if known is None:
            return metadata
        nodes = {}
        for name, node in known.flattened_metadata.items():
            if name != path and not name.startswith(f"{path}/"):
                nodes[name] = node
            elif new_path is not None:
                nodes[new_path + name[len(path) :]] = node
        return replace_consolidated(metadata, ConsolidatedMetadata(nest(nodes)))

    shown = change(group.metadata)
    if not group.custom_key:
        await change_metadata(group, change)
    if group.custom_key or above is not None:
        group.set_metadata(replace_consolidated(group.metadata, shown.consolidated_metadata))


async def consolidate(group: AsyncGroup) -> GroupMetadata:
    """Store the metadata of all nodes below a group with those of the group.

    Parameters
    ----------
    group
        The group, opened without consolidated metadata.

    Returns
    -------
    GroupMetadata
        Those of the group, with what was consolidated.
    """
    store, path, chosen = group.store, group.path, group.metadata.zarr_format
    if chosen == 3:
        # Shown as this module's, not the caller's: programs whose tests make warnings of their own
        # modules errors (xarray) consolidate on purpose.
        warnings.warn(
            "Consolidated metadata is currently not part in the Zarr format 3 specification. It "
            "may not be supported by other zarr implementations and may change in the future.",
            ZarrUserWarning,
            stacklevel=1,
        )

    async def member(below: str) -> NodeMetadata | None:
        # Got as anybody gets them: programs count these calls in their tests.
        found = await group.get(below)
        return None if found is None else found.metadata

    below = walk(
        store, path, group.metadata, None, use_consolidated_for_children=False, load=member
    )
    found = ConsolidatedMetadata(nest({name: node async for name, node in below}))

    async def attempt(store: Store) -> GroupMetadata:
        # Attributes that were set in the meantime stay.
        now = await load_group(StorePath(store, path), chosen, use_consolidated=False)
        made = replace_consolidated(now, found)
        documents = documents_of(path, made)
        if chosen == 2:
            documents = [item for item in documents if item[0].endswith(ZMETADATA_V2_JSON)]
        await save_documents(store, documents)
        return made

    async def save() -> GroupMetadata:
        async with guarded(data_id_of(store), document_key(path)):
            return await exchanged(store, attempt)

    return await section(save, store.traits.needs_event_loop)
