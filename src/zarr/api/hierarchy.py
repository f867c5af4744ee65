"""Making many nodes at once, and opening whatever node there is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zarr.arrays.async_array import AsyncArray
from zarr.errors import NodeNotFoundError
from zarr.groups.async_group import AsyncGroup
from zarr.groups.hierarchy import make_hierarchy, normalized, root_of, save_nodes
from zarr.groups.nodes import load_node
from zarr.metadata.group import is_group
from zarr.storage.path import StorePath
from zarr.storage.urls import normalize_path

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from zarr.abc.store import Store
    from zarr.metadata.group import NodeMetadata
    from zarr.types import AnyAsyncArray, ZarrFormat

__all__ = ["create_hierarchy", "create_nodes", "create_rooted_hierarchy", "get_node"]


async def create_hierarchy(
    *, store: Store, nodes: dict[str, NodeMetadata], overwrite: bool = False
) -> AsyncIterator[tuple[str, AsyncGroup | AnyAsyncArray]]:
    """Make many nodes at once.

    All is checked before the first node is written; then they are written concurrently.

    Parameters
    ----------
    store : Store
        Where the nodes are to be.
    nodes : dict
        Metadata by path. Groups above them are made where there are none.
    overwrite : bool, optional
        Whether nodes that are there, and all below them, are deleted first.

    Yields
    ------
    tuple of str and AsyncArray or AsyncGroup
        The path, and the node: also groups above that were made.

    Raises
    ------
    ContainsArrayError, ContainsGroupError
        If there is a node already, and it is not to be overwritten.
    """
    made = await make_hierarchy(store, nodes, overwrite=overwrite)
    for path, node in made.items():
        yield path, _handle(store, path, node)


def _handle(store: Store, path: str, node: NodeMetadata) -> AsyncGroup | AnyAsyncArray:
    place = StorePath(store, path)
    return AsyncGroup(node, place)._known() if is_group(node) else AsyncArray(node, place)


async def create_nodes(
    *, store: Store, nodes: dict[str, NodeMetadata]
) -> AsyncIterator[tuple[str, AsyncGroup | AnyAsyncArray]]:
    """Store the documents of nodes, whatever is there; see :func:`create_hierarchy`.

    Parameters
    ----------
    store : Store
        Where the nodes are to be.
    nodes : dict
        Metadata by path.
    """
    found = normalized(nodes)
    await save_nodes(store, found)
    for path, node in found.items():
        yield path, _handle(store, path, node)


async def create_rooted_hierarchy(
    *, store: Store, nodes: dict[str, NodeMetadata], overwrite: bool = False
) -> AsyncGroup | AnyAsyncArray:
    """Make many nodes at once, one of them above all others; return that one.

    Parameters
    ----------
    store, nodes, overwrite
        As for :func:`create_hierarchy`.

    Raises
    ------
    ValueError
        If no node is above all others.
    """
    root = root_of(nodes)
    made = await make_hierarchy(store, nodes, overwrite=overwrite)
    return _handle(store, root, made[root])


async def get_node(store: Store, path: str, zarr_format: ZarrFormat) -> AsyncGroup | AnyAsyncArray:
    """Open whatever node there is.

    Parameters
    ----------
    store, path
        Where.
    zarr_format : {2, 3}
        Its format.

    Raises
    ------
    NodeNotFoundError
        If there is none.
    """
    node = await load_node(store, normalize_path(path), zarr_format)
    if node is None:
        raise NodeNotFoundError(f"No node of format {zarr_format} in {store} at path {path!r}")
    return _handle(store, path, node)
