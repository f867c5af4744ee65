"""Making consolidated metadata."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from zarr._async.run import section
from zarr.abc._traits import data_id_of
from zarr.errors import ZarrUserWarning
from zarr.hierarchy.documents import document_key, documents_of, load_group, save_documents
from zarr.hierarchy.locking import guarded
from zarr.hierarchy.walk import walk
from zarr.metadata.group import (
    ZMETADATA_V2_JSON,
    ConsolidatedMetadata,
    GroupMetadata,
    nest,
    replace_consolidated,
)
from zarr.storage.client.conditional import exchanged
from zarr.storage.path import StorePath

if TYPE_CHECKING:
    from zarr.abc.store import Store
    from zarr.groups.async_group import AsyncGroup
    from zarr.metadata.group import NodeMetadata


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
