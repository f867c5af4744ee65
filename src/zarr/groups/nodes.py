"""The documents of nodes, in a store: groups, and nodes of which it is not known what they are."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

from zarr._async.run import bounded, concurrency
from zarr.arrays.document import (
    array_v2,
    below_netcdf,
    get_v2,
    get_value,
    get_values,
    not_found,
)
from zarr.errors import ContainsArrayError
from zarr.metadata.consolidated import read_zmetadata, refuse_references
from zarr.metadata.group import (
    ZATTRS_JSON,
    ZGROUP_JSON,
    ZMETADATA_V2_JSON,
    GroupMetadata,
    NodeMetadata,
    is_group,
    node_type_of,
    replace_consolidated,
)
from zarr.metadata.jsonio import parse_json
from zarr.metadata.v3 import ArrayV3Metadata
from zarr.storage.requests import Requests

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from zarr.abc.store import Store
    from zarr.buffer.core import Buffer
    from zarr.storage.path import StorePath
    from zarr.types import ZarrFormat

UseConsolidated: TypeAlias = bool | str | None


def where(store: Store, path: str) -> str:
    """Return how a node is named in messages."""
    return f"{store._shown_as()}/{path}" if path else store._shown_as()


# -- reading --------------------------------------------------------------------------------------


def node_v3(document: bytes, path: str, *, consolidated: bool = True) -> NodeMetadata:
    """Return what a document of format 3 says; what it says of others only if asked."""
    known = ArrayV3Metadata.known(document)
    if known is not None:
        return known
    parsed = parse_json(document, path, "zarr.json")
    if node_type_of(parsed, path) == "group":
        if not consolidated:
            parsed.pop("consolidated_metadata", None)
        return GroupMetadata.from_dict(parsed, path=path)
    return ArrayV3Metadata.from_parsed(document, parsed, path=path)


def group_v2(document: bytes, attributes: bytes | None, path: str) -> GroupMetadata:
    """Return what the documents of a group of format 2 say."""
    fields: dict[str, Any] = {
        "zarr_format": parse_json(document, path, ZGROUP_JSON).get("zarr_format")
    }
    if attributes is not None:
        fields["attributes"] = parse_json(attributes, path, ZATTRS_JSON)
    return GroupMetadata.from_dict(fields, path=path)


def at_a_time(zarr_format: ZarrFormat) -> int:
    """How many nodes may be looked at together: of format 2, each takes two requests."""
    limit = concurrency()
    return limit if zarr_format == 3 else max(1, limit // 2)


async def load_node(
    store: Store, path: str, zarr_format: ZarrFormat | None, *, consolidated: bool = True
) -> NodeMetadata | None:
    """Read the metadata of whatever node there is; None if there is none. See `find_node`."""
    parse = await find_node(store, path, zarr_format, consolidated=consolidated)
    return None if parse is None else parse()


async def find_node(
    store: Store,
    path: str,
    zarr_format: ZarrFormat | None,
    *,
    consolidated: bool = True,
    checked: bool = False,
) -> Callable[[], NodeMetadata] | None:
    """Read the documents of whatever node there is; None if there is none.

    Returns a function that says what is in them, or that they are none of a node.

    Parameters
    ----------
    store, path
        Where to look.
    zarr_format
        The format to look for; any, 3 first, if None.
    consolidated
        Whether the document of a group of format 3 is believed in what it says of other nodes.
    checked
        Whether the length of what is read is compared with what the store says.
    """
    if zarr_format != 2:
        document = await get_value(store, path, "zarr.json", checked=checked)
        if document is not None:
            return partial(node_v3, document, where(store, path), consolidated=consolidated)
    if zarr_format != 3:
        document, attributes = await get_v2(store, path, ".zarray", checked=checked)
        if document is not None:
            netcdf = await below_netcdf(store, path, document)
            return partial(array_v2, document, attributes, where(store, path), netcdf=netcdf)
        document = await get_value(store, path, ZGROUP_JSON, checked=checked)
        if document is not None:
            return partial(group_v2, document, attributes, where(store, path))
    return None


async def load_group(
    store_path: StorePath,
    zarr_format: ZarrFormat | None,
    use_consolidated: UseConsolidated = None,
) -> GroupMetadata:
    """Read the metadata of a group that must be there; see `find_group`.

    Raises
    ------
    GroupNotFoundError
        If there is no group; the message tells what is there instead.
    ContainsArrayError
        If there is an array of format 3, which shares the document's name.
    """
    found = await find_group(store_path, zarr_format, use_consolidated)
    if found is not None:
        return found
    raise await not_found(store_path, zarr_format, "group")


async def find_group(
    store_path: StorePath,
    zarr_format: ZarrFormat | None,
    use_consolidated: UseConsolidated = None,
) -> GroupMetadata | None:
    """Read the metadata of a group; None if there is none.

    Parameters
    ----------
    store_path
        Where it is.
    zarr_format
        The format to look for; any, 3 first, if None.
    use_consolidated
        Whether the metadata of what is below are read with it: True, they must be there; None,
        where they are; False, not. A text is the key of such a document of format 2.

    Raises
    ------
    ContainsArrayError
        If there is an array of format 3, which shares the document's name.
    """
    store, path = store_path.store, store_path.path
    if use_consolidated is None and not store.supports_consolidated_metadata:
        use_consolidated = False
    if zarr_format != 2:
        document = await get_value(store, path, "zarr.json")
        if document is not None:
            wanted = use_consolidated is not False
            node = node_v3(document, where(store, path), consolidated=wanted)
            return as_group_v3(node, store_path, use_consolidated)
    if zarr_format != 3:
        return await _load_v2(store_path, use_consolidated)
    return None


def as_group_v3(
    node: NodeMetadata, store_path: StorePath, use_consolidated: UseConsolidated
) -> GroupMetadata:
    """Return the metadata of a node of format 3, if it is a group; see `find_group`."""
    if isinstance(use_consolidated, str):
        raise TypeError(
            "use_consolidated must be a bool or None for Zarr format 3: consolidated metadata are "
            f"in zarr.json. Got {use_consolidated!r}."
        )
    if not is_group(node):
        raise ContainsArrayError(
            f"A group was looked for in store {store_path.store._shown_as()} at path "
            f"{store_path.path!r}, and an array of format 3 was found (zarr.json): "
            "open it by open_array."
        )
    if use_consolidated and node.consolidated_metadata is None:
        raise ValueError(
            "Consolidated metadata requested with 'use_consolidated=True' but not found in "
            f"{store_path.path!r} of {store_path.store._shown_as()}."
        )
    if use_consolidated is False and node.consolidated_metadata is not None:
        return replace_consolidated(node, None)
    return node


async def _load_v2(
    store_path: StorePath, use_consolidated: UseConsolidated
) -> GroupMetadata | None:
    store, path = store_path.store, store_path.path
    named = where(store, path)
    if use_consolidated is False:
        document, attributes = await get_v2(store, path, ZGROUP_JSON)
        return None if document is None else group_v2(document, attributes, named)
    key = use_consolidated if isinstance(use_consolidated, str) else ZMETADATA_V2_JSON
    names = (ZGROUP_JSON, ZATTRS_JSON, key)
    document, attributes, consolidated = await get_values(store, path, *names)
    if document is None:
        # A node is where its own document is, whatever others say.
        if consolidated is not None:
            refuse_references(consolidated, path=named, name=key)
        return None
    if attributes is None:  # as in `get_v2`
        attributes = await get_value(store, path, ZATTRS_JSON)
    if consolidated is not None:
        group = read_zmetadata(consolidated, path=named, name=key)
        # Attributes of the group itself are never stale.
        found = {} if attributes is None else parse_json(attributes, named, ZATTRS_JSON)
        return group.update_attributes(found)
    _refuse_missing(use_consolidated, key, named)
    return group_v2(document, attributes, named)


async def add_consolidated_v2(
    store_path: StorePath, group: GroupMetadata, use_consolidated: UseConsolidated
) -> GroupMetadata:
    """Read what there is of consolidated metadata, for a group of format 2 whose own were read."""
    store, path = store_path.store, store_path.path
    if use_consolidated is False:
        return group
    key = use_consolidated if isinstance(use_consolidated, str) else ZMETADATA_V2_JSON
    consolidated = await get_value(store, path, key)
    named = where(store, path)
    if consolidated is None:
        _refuse_missing(use_consolidated, key, named)
        return group
    found = read_zmetadata(consolidated, path=named, name=key)
    return found.update_attributes(group.attributes)


def _refuse_missing(use_consolidated: UseConsolidated, key: str, named: str) -> None:
    if use_consolidated:
        raise ValueError(f"Consolidated metadata requested, but there is no {key!r} in {named}.")


# -- writing --------------------------------------------------------------------------------------


async def save_documents(store: Store, documents: Iterable[tuple[str, Buffer]]) -> None:
    """Store values, several at a time."""

    requests = Requests(store)

    async def put(item: tuple[str, Buffer]) -> None:
        await requests.set(*item)

    await bounded(documents, put)
