"""The places and nodes that tools work on, out of what users give."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, TypeAlias

from zarr.arrays.async_array import AsyncArray
from zarr.hierarchy.documents import add_consolidated_v2, load_node, not_found
from zarr.metadata.group import is_group
from zarr.storage.path import StorePath, make_store_path

if TYPE_CHECKING:
    from zarr.groups import AsyncGroup, Group
    from zarr.storage.path import StoreLike
    from zarr.types import AccessModeLiteral, AnyArray, AnyAsyncArray, StorageOptions

    Source: TypeAlias = StoreLike | AnyArray | AnyAsyncArray | Group | AsyncGroup
    """A store, the path of a directory or zip file, a URL, a dict, or an array or group."""

__all__ = ["node_of", "opened", "place_of"]


def opened(source: Any) -> AnyAsyncArray | AsyncGroup | None:
    """The asynchronous handle, if it is an array or a group already."""
    handle = getattr(source, "async_array", getattr(source, "_async_group", source))
    # A group of a class that nobody imported cannot have come here.
    groups = sys.modules.get("zarr.groups.async_group")
    kinds = (AsyncArray,) if groups is None else (AsyncArray, groups.AsyncGroup)
    return handle if isinstance(handle, kinds) else None


async def place_of(
    source: Source,
    path: str = "",
    *,
    mode: AccessModeLiteral = "r",
    storage_options: StorageOptions | None = None,
) -> StorePath:
    """Return the place in a store, whatever is there.

    Parameters
    ----------
    source
        Where it is.
    path
        A path below it.
    mode
        How a store is opened; with ``"r"`` it is read-only.
    storage_options
        Settings for the store that a URL names.
    """
    handle = opened(source)
    store_like: Any = source if handle is None else handle.store_path
    return await make_store_path(store_like, path=path, mode=mode, storage_options=storage_options)


async def node_of(
    source: Source,
    path: str = "",
    *,
    mode: AccessModeLiteral = "r",
    storage_options: StorageOptions | None = None,
) -> AnyAsyncArray | AsyncGroup:
    """Return the array or group at a place.

    Parameters
    ----------
    source, path, mode, storage_options
        As of `place_of`.

    Raises
    ------
    FileNotFoundError
        If there is none.
    """
    handle = opened(source)
    if handle is not None and not path:
        return handle
    place = await place_of(source, path, mode=mode, storage_options=storage_options)
    consolidated = place.store.supports_consolidated_metadata
    found = await load_node(place.store, place.path, None, consolidated=consolidated)
    if found is None:
        raise await not_found(place, None, None)
    if not is_group(found):
        return AsyncArray(found, place).known_stored()
    from zarr.groups.async_group import opened_group  # late: those who look at an array need none

    group = found if found.zarr_format == 3 else await add_consolidated_v2(place, found, None)
    return opened_group(group, place, None)
