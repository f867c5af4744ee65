"""The places and nodes that tools work on, out of what users give."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, TypeAlias

from zarr.arrays.async_array import AsyncArray
from zarr.hierarchy.documents import add_consolidated_v2, load_node, not_found
from zarr.metadata.group import is_group
from zarr.storage.path import StorePath, make_store_path

if TYPE_CHECKING:
    from collections.abc import Container

    from zarr.groups import AsyncGroup, Group
    from zarr.storage.path import StoreLike
    from zarr.types import AccessModeLiteral, AnyArray, AnyAsyncArray, StorageOptions

    Source: TypeAlias = StoreLike | AnyArray | AnyAsyncArray | Group | AsyncGroup
    """A store, the path of a directory or zip file, a URL, a dict, or an array or group."""

__all__ = ["Owners", "node_of", "opened", "place_of"]

_REMEMBERED = 1 << 20
"""Of how many directories it is kept in memory which node they belong to."""


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


class Owners:
    """Tells which of several nodes is the nearest at or above a key.

    Parameters
    ----------
    paths
        The paths of the nodes.
    root
        The path at which the search ends, whether there is a node or not.
    """

    def __init__(self, paths: Container[str], root: str) -> None:
        self._paths = paths
        self._root = root
        self._known: dict[str, str] = {}

    def split(self, key: str) -> tuple[str, str]:
        """Return the path of the node of a key, and the key relative to it."""
        directory = key.rpartition("/")[0]
        owner = directory if directory in self._paths else self._known.get(directory)
        if owner is None:
            owner = directory
            while owner not in self._paths and len(owner) > len(self._root):
                owner = owner.rpartition("/")[0]
            owner = owner if len(owner) > len(self._root) else self._root
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known[directory] = owner
        return owner, key[len(owner) + 1 :] if owner else key
