"""Making many nodes at once, given their metadata by path."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from zarr.arrays.document import documents_of
from zarr.arrays.names import check_new_path, child_path
from zarr.arrays.placing import check_writable, parents_of, place_nodes
from zarr.groups.nodes import save_documents
from zarr.metadata.group import GroupMetadata, ImplicitGroupMarker, NodeMetadata, is_group
from zarr.metadata.v2 import ArrayV2Metadata
from zarr.metadata.v3 import ArrayV3Metadata
from zarr.storage.path import StorePath

if TYPE_CHECKING:
    from collections.abc import Mapping

    from zarr.abc.store import Store
    from zarr.types import ZarrFormat

Nodes: TypeAlias = dict[str, NodeMetadata]


class Plan(NamedTuple):
    """Nodes that are to be made, by path, parents first, and of which format they are.

    Of groups above that the user did not name, `ImplicitGroupMarker` stands: they are made where
    there are none.
    """

    nodes: Nodes
    zarr_format: ZarrFormat


def normalized(nodes: Mapping[str, NodeMetadata]) -> Nodes:
    """Return nodes by paths in the form of keys.

    Raises
    ------
    ValueError
        If a path leads out of the store, or two name the same node.
    TypeError
        If a path is no string, or what it names no metadata.
    """
    found: Nodes = {}
    names: dict[str, str] = {}
    for name, node in nodes.items():
        path = child_path("", name)
        if path in names:
            other = names[path]
            raise ValueError(
                f"After normalization, the value {name!r} collides with {other!r}. Both {name!r} "
                f"and {other!r} normalize to the same value: {path!r}. You should use either "
                f"{name!r} or {other!r}, but not both."
            )
        names[path] = name
        if not isinstance(node, (ArrayV2Metadata, ArrayV3Metadata, GroupMetadata)):
            raise TypeError(
                f"The node at {name!r} is the metadata of an array or a group. Got {node!r} of "
                f"{type(node).__name__}."
            )
        found[path] = node._copied()  # handles get these, and share nothing with the caller's
    return found


def plan(nodes: Mapping[str, NodeMetadata], *, parents: bool = True) -> Plan | None:
    """Return what is to be made, groups above included; None if there are no nodes.

    Raises
    ------
    ValueError
        If nodes are of two formats, or below an array, or a name cannot be that of a node.
    """
    found = normalized(nodes)
    if not found:
        return None
    zarr_format = _common_format(found)
    for path in found:
        check_new_path(path, zarr_format)
    for path in list(found):
        for parent in parents_of(path):
            node = found.get(parent)
            if node is None:
                if parents:
                    found[parent] = ImplicitGroupMarker(zarr_format=zarr_format)
            elif not is_group(node):
                raise ValueError(
                    f"The node at {parent!r} contains other nodes, but it is not a Zarr group. "
                    "This is invalid. Only Zarr groups can contain other nodes."
                )
    ordered = sorted(found, key=lambda path: path.split("/") if path else [])
    return Plan({path: found[path] for path in ordered}, zarr_format)


def _common_format(nodes: Nodes) -> ZarrFormat:
    by_format: dict[ZarrFormat, list[str]] = {2: [], 3: []}
    for path, node in nodes.items():
        by_format[node.zarr_format].append(path)
    if by_format[2] and by_format[3]:
        raise ValueError(
            "Got data with both Zarr v2 and Zarr v3 nodes, which is invalid. "
            f"The following keys map to Zarr v2 nodes: {by_format[2]}. "
            f"The following keys map to Zarr v3 nodes: {by_format[3]}. "
            "Ensure that all nodes have the same Zarr format."
        )
    return 2 if by_format[2] else 3


async def make_hierarchy(
    store: Store,
    nodes: Mapping[str, NodeMetadata],
    *,
    overwrite: bool = False,
    beside: bool = False,
) -> Nodes:
    """Store nodes, and groups above them where there are none.

    Everything is checked before the first document is written.

    Parameters
    ----------
    store
        Where.
    nodes
        Metadata by path.
    overwrite
        Whether nodes that are there already, and all below them, are deleted first.
    beside
        Whether nodes of the other format may be there, or above: the user asked for this one.

    Returns
    -------
    dict
        What was made, by path: groups above only if they were not there.

    Raises
    ------
    ContainsArrayError, ContainsGroupError
        If there is a node already, and it is not to be overwritten.
    """
    wanted = plan(nodes)
    if wanted is None:
        return {}
    check_writable(StorePath(store))
    made = await place_nodes(store, wanted.nodes, overwrite=overwrite, beside=beside)
    return {path: _plain(node) for path, node in wanted.nodes.items() if path in made}


async def save_nodes(store: Store, nodes: Mapping[str, NodeMetadata]) -> None:
    """Store the documents of nodes, without looking what is there."""
    documents = [item for path, node in nodes.items() for item in documents_of(path, node)]
    await save_documents(store, documents)


def root_of(nodes: Mapping[str, NodeMetadata]) -> str:
    """Return the path of the node that all others are below.

    Raises
    ------
    ValueError
        If there is none.
    """
    paths = sorted(normalized(nodes), key=len)
    if not paths:
        raise ValueError("The input has no nodes, so there is no root among them.")
    root = paths[0]
    if any(root and not path.startswith(f"{root}/") for path in paths[1:]):
        raise ValueError(
            "The input does not specify a root node. This function can only create hierarchies "
            "that contain a root node, which is defined as a group that is ancestral to all the "
            "other arrays and groups in the hierarchy, or a single array."
        )
    return root


def _plain(node: NodeMetadata) -> NodeMetadata:
    """A group that was made is one like any other."""
    if not isinstance(node, ImplicitGroupMarker):
        return node
    return GroupMetadata(
        attributes=node.attributes,
        zarr_format=node.zarr_format,
        consolidated_metadata=node.consolidated_metadata,
        extra_fields=node.extra_fields,
    )
