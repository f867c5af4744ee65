"""Turning hierarchies of format 2 into such of format 3: the documents; chunks stay as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from zarr._async.run import run
from zarr.migration.migrate import migrate, node_at, remove
from zarr.storage.path import StorePath

if TYPE_CHECKING:
    from zarr.abc.store import Store
    from zarr.groups import Group
    from zarr.types import AnyArray

__all__ = ["migrate_to_v3", "migrate_v2_to_v3", "remove_metadata"]


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
        await source._ensure_open()
        await target._ensure_open()
        node = await node_at(StorePath(source), beside_v3=overwrite)
        await migrate(
            node,
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
    node: Any = zarr_v2._async
    waits = node._waits or output_path.store.traits.needs_event_loop
    run(migrate(node, output_path, dry_run=dry_run), waits=waits)


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
    await store._ensure_open()
    await remove(store, zarr_format, force=force, dry_run=dry_run)
