"""The places and nodes that tools work on, out of what users give."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from zarr.api.open import open as open_node
from zarr.arrays.async_array import AsyncArray
from zarr.groups.async_group import AsyncGroup
from zarr.storage.path import StorePath, make_store_path

if TYPE_CHECKING:
    from zarr.groups import Group
    from zarr.storage.path import StoreLike
    from zarr.types import AccessModeLiteral, AnyArray, AnyAsyncArray, StorageOptions

    Source: TypeAlias = StoreLike | AnyArray | AnyAsyncArray | Group | AsyncGroup
    """A store, the path of a directory or zip file, a URL, a dict, or an array or group."""

__all__ = ["node_of", "place_of"]


def _opened(source: Any) -> AnyAsyncArray | AsyncGroup | None:
    """The asynchronous handle, if it is an array or a group already."""
    handle = getattr(source, "async_array", getattr(source, "_async_group", source))
    return handle if isinstance(handle, (AsyncArray, AsyncGroup)) else None


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
    handle = _opened(source)
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
    handle = _opened(source)
    if handle is not None and not path:
        return handle
    place = await place_of(source, path, mode=mode, storage_options=storage_options)
    return await open_node(place, mode=mode)
