"""Making groups at a place in a store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zarr.arrays.document import kind_at, missing_parents, save_groups
from zarr.arrays.names import check_new_nodes
from zarr.groups.nodes import documents_of, refuse, save_documents

if TYPE_CHECKING:
    from zarr.metadata.group import GroupMetadata
    from zarr.storage.path import StorePath


def check_writable(store_path: StorePath) -> None:
    """Fail if the store refuses to write."""
    if store_path.store.read_only:
        raise ValueError(
            "store was opened in read-only mode and does not support writing: nothing can be "
            f"changed at {store_path._shown_as()}"
        )


async def make_group(
    store_path: StorePath,
    metadata: GroupMetadata,
    *,
    overwrite: bool = False,
    parents: bool = True,
    known_free: bool = False,
) -> None:
    """Store the metadata of a new group, unless there is a node already.

    Parameters
    ----------
    store_path
        Where the group is to be.
    metadata
        Of the group.
    overwrite
        Whether what is there is deleted first.
    parents
        Whether groups are made at the paths above; not to be asked if they are known to be there.
    known_free
        Whether it was found already that there is nothing.

    Raises
    ------
    ContainsArrayError, ContainsGroupError
        If there is a node and it is not to be overwritten.
    ValueError
        If the name is reserved.
    """
    check_writable(store_path)
    store, path, zarr_format = store_path.store, store_path.path, metadata.zarr_format
    missing = await missing_parents(store_path, zarr_format) if parents else []
    check_new_nodes([*missing, path], zarr_format)
    if overwrite and store.supports_deletes:
        await store_path.delete_dir()
    elif not known_free:
        refuse(store, path, await kind_at(store, path, zarr_format))
    await save_groups(store, missing, zarr_format)
    await save_documents(store, documents_of(path, metadata))
