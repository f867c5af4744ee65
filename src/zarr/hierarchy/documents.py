"""The documents of nodes in a store: names, kinds, loading and saving."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

from zarr._async.run import bounded, concurrency, run
from zarr.buffer.cpu import buffer_prototype
from zarr.errors import (
    ArrayNotFoundError,
    ContainsArrayAndGroupError,
    ContainsArrayError,
    GroupNotFoundError,
    Message,
    NodeNotFoundError,
    did_you_mean,
)
from zarr.metadata.group import (
    ZATTRS_JSON,
    ZGROUP_JSON,
    ZMETADATA_V2_JSON,
    GroupMetadata,
    NodeMetadata,
    is_group,
    node_type_of,
    read_zmetadata,
    refuse_references,
    replace_consolidated,
)
from zarr.metadata.json import parse_json, read_alike, recalled, remember, to_json
from zarr.metadata.listed import parse_listing
from zarr.metadata.v2 import ArrayV2Metadata, leaves_size_open, marks_netcdf, with_size_of_elements
from zarr.metadata.v3 import ArrayV3Metadata
from zarr.registry import state
from zarr.storage.client import Requests, get_documents
from zarr.storage.keys import normalize_path
from zarr.storage.local import LocalStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from zarr.abc.store import Store
    from zarr.buffer.core import Buffer
    from zarr.storage.path import StorePath
    from zarr.types import ArrayMetadata, NodeType, ZarrFormat

DOCUMENTS = frozenset((".zarray", ".zattrs", ".zgroup", ".zmetadata", "zarr.json"))
"""Names of what a node is described by: they cannot be names of nodes."""
UNFINISHED = "zarr.unfinished"
"""The key at the path of a node whose values are being written: its documents come last."""
_IN_USE = frozenset(("__xarray_dataarray_variable__", "__values__"))
"""Reserved names that programs have always given to nodes: xarray, to arrays without a name."""


def child_path(parent: str, name: str) -> str:
    """Return the path of a node, given its name in a group: one part or several.

    Raises
    ------
    ValueError
        If the name leads out of the group.
    TypeError
        If it is no text.
    """
    if not isinstance(name, str):
        raise TypeError(f"The name of a node is a str. Got {name!r} of {type(name).__name__}.")
    below = normalize_path(name)
    return f"{parent}/{below}" if parent and below else parent or below


def check_new_path(path: str, zarr_format: ZarrFormat) -> None:
    """Fail unless nodes may be made at a path, and at all those above it.

    The core specification of Zarr v3 reserves names that begin with ``__``; in no format a node
    can have the name of a document.
    """
    for part in path.split("/"):
        _check_name(part, path, zarr_format)


def check_new_nodes(paths: Iterable[str], zarr_format: ZarrFormat) -> None:
    """Fail unless nodes may be made at paths whose parents are there, or among them."""
    for path in paths:
        _check_name(path.rpartition("/")[2], path, zarr_format)


def _check_name(name: str, path: str, zarr_format: ZarrFormat) -> None:
    if "\0" in name:
        raise ValueError(f"No node can be made at {path!r}: {name!r} has a NUL in it.")
    if name in DOCUMENTS:
        raise ValueError(
            f"No node can be made at {path!r}: {name!r} is the name of a metadata document."
        )
    if zarr_format == 3 and name.startswith("__") and name not in _IN_USE:
        raise ValueError(
            f"No node can be made at {path!r}: names that begin with '__' are reserved."
        )


def document_key(path: str) -> str:
    """Return the name of the lock for the documents of a node."""
    return f"{path}/zarr.json" if path else "zarr.json"


def documents_of(path: str, metadata: NodeMetadata) -> list[tuple[str, Buffer]]:
    """Return the keys and values to store for a node."""
    prefix = f"{path}/" if path else ""
    documents = metadata.to_buffer_dict(buffer_prototype)
    return [(prefix + name, value) for name, value in documents.items()]


async def get_value(store: Store, path: str, name: str, *, checked: bool = False) -> bytes | None:
    """The value of a key below a path; see `get_values`."""
    if checked:
        return (await get_values(store, path, name, checked=True))[0]
    return (await get_documents(store, [f"{path}/{name}" if path else name]))[0]


async def get_values(
    store: Store, path: str, *names: str, checked: bool = False
) -> list[bytes | None]:
    """The values of keys below a path, fetched together; `checked`, as long as they are there."""
    keys = [f"{path}/{name}" for name in names] if path else names
    if not checked:
        return await get_documents(store, keys)
    values = await bounded(keys, Requests(store).get_checked)
    return [None if value is None else value.to_bytes() for value in values]


async def get_v2(
    store: Store, path: str, name: str, *, checked: bool = False
) -> tuple[bytes | None, bytes | None]:
    """A document of format 2 and the attributes beside it, which are written first."""
    document, attributes = await get_values(store, path, name, ".zattrs", checked=checked)
    if document is not None and attributes is None:
        # Looked for too early, maybe, while the node was being made.
        attributes = await get_value(store, path, ".zattrs", checked=checked)
    return document, attributes


async def load_metadata(store_path: StorePath, zarr_format: ZarrFormat | None) -> ArrayMetadata:
    """Read the metadata of an array.

    Parameters
    ----------
    store_path
        Where it is.
    zarr_format
        The format of the array; None is whichever is found, 3 first.

    Raises
    ------
    ArrayNotFoundError
        If there is no array of that format; the message tells what is there instead.
    """
    found = await find_metadata(store_path, zarr_format)
    if found is not None:
        return found
    raise await not_found(store_path, zarr_format, "array")


async def find_metadata(
    store_path: StorePath, zarr_format: ZarrFormat | None
) -> ArrayMetadata | None:
    """Read the metadata of an array, if there is one; see `load_metadata`."""
    store, path = store_path.store, store_path.path
    if zarr_format != 2:
        document = await get_value(store, path, "zarr.json")
        if document is not None:
            known = recalled(document)
            if isinstance(known, ArrayV3Metadata):
                return known
            return ArrayV3Metadata.from_document(document, path=store_path.shown_as())
    if zarr_format != 3:
        document, attributes = await get_v2(store, path, ".zarray")
        if document is not None:
            netcdf = await below_netcdf(store, path, document)
            return array_v2(document, attributes, store_path.shown_as(), netcdf=netcdf)
    return None


def array_v2(
    document: bytes, attributes: bytes | None, where: str, *, netcdf: bool
) -> ArrayV2Metadata:
    """Return the metadata in the documents of an array of format 2.

    Parameters
    ----------
    document, attributes
        The values of ``.zarray`` and ``.zattrs``.
    where
        Where they are, for errors.
    netcdf
        Whether a group above is marked as written by the netCDF library.
    """
    metadata = ArrayV2Metadata.from_document(document, attributes, path=where)
    if leaves_size_open(metadata):
        own = (parse_json(document, where, ".zarray"), metadata.attributes)
        if netcdf or any(map(marks_netcdf, own)):
            return with_size_of_elements(metadata)
    return metadata


_OPEN_SIZE = re.compile(rb'"elementsize"\s*:\s*0\b')


async def below_netcdf(store: Store, path: str, document: bytes) -> bool:
    """Whether a group above an array is marked as written by the netCDF library.

    That is asked of the arrays only whose document leaves a size open.
    """
    while path and _OPEN_SIZE.search(document):
        path = path.rpartition("/")[0]
        for name in (".zattrs", ".zgroup"):
            value = await get_value(store, path, name)
            if value is not None and marks_netcdf(parse_json(value, path, name)):
                return True
    return False


_DOCUMENTS = {
    "zarr.json": "a node of format 3",
    ".zarray": "an array of format 2",
    ".zgroup": "a group of format 2",
}
_KIND_OF_V2: dict[str, NodeType] = {".zarray": "array", ".zgroup": "group"}


async def not_found(
    store_path: StorePath, zarr_format: ZarrFormat | None, wanted: NodeType | None
) -> NodeNotFoundError:
    """An error that says what was looked for, and what is there.

    Parameters
    ----------
    store_path
        Where it was looked for.
    zarr_format
        The format that was looked for; any if None.
    wanted
        The kind of node that was looked for; any if None.
    """
    looked_for = [
        name
        for name in _DOCUMENTS
        if (zarr_format != 2 if name == "zarr.json" else zarr_format != 3)
        and wanted in (None, _KIND_OF_V2.get(name, wanted))
    ]
    what = "Neither an array nor a group was found" if wanted is None else f"No {wanted} found"
    message = (
        f"{what} in store {store_path.store.shown_as()} at path {store_path.path!r}: there is no "
        + " or ".join(looked_for)
    )
    for name, kind in _DOCUMENTS.items():
        if name not in looked_for and await _has(store_path, name):
            message += f", but {kind} ({name})"
            break
    message = Message(message, partial(hint_of_missing, store_path))
    return (ArrayNotFoundError if wanted == "array" else GroupNotFoundError)(message)


def hint_of_missing(store_path: StorePath, group: str = "") -> str:
    """Return a hint at why there is no node at a path; a store that waits is not asked for one.

    Parameters
    ----------
    store_path
        Where there is none.
    group
        The path of the group in which it was looked for: names are relative to it.
    """
    store, path = store_path.store, store_path.path
    above = path.rpartition("/")[0]

    def relative(path: str) -> str:
        return path[len(group) :].strip("/")

    async def hint() -> str:
        parent = await load_node(store, above, None) if above else None
        if parent is not None and not is_group(parent):
            return f": {relative(above)!r} is an array, which has no members"
        names = [name async for name in Requests(store).list_dir(above) if name not in DOCUMENTS]
        return did_you_mean(relative(path), [relative(f"{above}/{name}") for name in names])

    waits = store.traits.needs_event_loop
    if not waits and run(_has(store_path, UNFINISHED), waits=False):
        return (
            ": its values are being written, or were until that was cut off. Run again what "
            f"writes them ({UNFINISHED!r} tells), and it goes on"
        )
    if not path and isinstance(store, LocalStore):
        return store._hint_of_missing()
    if not path or waits or not store.supports_listing:
        return ""
    return run(hint(), waits=False)


async def _has(store_path: StorePath, name: str) -> bool:
    return await get_value(store_path.store, store_path.path, name) is not None


def parse_array_metadata(
    data: ArrayMetadata | Mapping[str, Any], path: str | None = None
) -> ArrayMetadata:
    """Return the metadata of an array, from a dict or as they are.

    Parameters
    ----------
    data : mapping, ArrayV2Metadata or ArrayV3Metadata
        The document.
    path : str, optional
        Where it is, for errors.
    """
    if isinstance(data, (ArrayV2Metadata, ArrayV3Metadata)):
        return data
    if not isinstance(data, Mapping):
        raise TypeError(f"Expected the metadata of an array or a dict, got {type(data)}.")
    zarr_format = data.get("zarr_format")
    if zarr_format == 3:
        return ArrayV3Metadata.from_dict(dict(data), path=path)
    if zarr_format == 2:
        return ArrayV2Metadata.from_dict(dict(data), path=path)
    raise ValueError(f"Invalid zarr_format: {zarr_format!r}. Expected 2 or 3")


# -- writing ------------------------------------------------------------------------------------


async def save_changes(
    store: Store, path: str, before: NodeMetadata | None, after: NodeMetadata
) -> None:
    """Store those documents of a node that differ from what they were; all if there were none.

    Parameters
    ----------
    store, path
        Where the node is.
    before
        The metadata as they were read, if there were any.
    after
        The same, changed.
    """
    new, old = documents_of(path, after), {}
    # Of format 3 there is one document, and it differs if the attributes do.
    if before is not None and (
        len(new) > 1 or to_json(before.attributes) == to_json(after.attributes)
    ):
        old = {key: value.to_bytes() for key, value in documents_of(path, before)}
    await save_documents(store, [item for item in new if old.get(item[0]) != item[1].to_bytes()])
    consolidated = is_group(after) and after.consolidated_metadata is not None
    if before is not None and len(new) == 1 and not consolidated:
        # The one that changes it next need not parse it.
        remember(new[0][1].to_bytes(), after.copied(), state())


async def kind_at(store: Store, path: str, zarr_format: ZarrFormat) -> NodeType | None:
    """Return the kind of the node of a format at a path; see `kinds_at`."""
    return (await kinds_at(store, [path], zarr_format))[0]


async def kinds_at(
    store: Store, paths: Sequence[str], zarr_format: ZarrFormat
) -> list[NodeType | None]:
    """Return the kinds of the nodes of a format at paths; None where there is none.

    Raises
    ------
    MetadataValidationError
        If a document does not tell.
    """
    names = ("zarr.json",) if zarr_format == 3 else (".zarray", ".zgroup")
    keys = [f"{path}/{name}" if path else name for name in names for path in paths]
    found = await get_documents(store, keys)
    if zarr_format == 3:
        return [kind_v3(store, *item) for item in zip(paths, found, strict=True)]
    arrays, groups = found[: len(paths)], found[len(paths) :]
    return [kind_v2(store, *item) for item in zip(paths, arrays, groups, strict=True)]


def kind_v3(store: Store, path: str, document: bytes | None) -> NodeType | None:
    """Return the kind of node that has a document of format 3; see `kind_at`."""
    if document is None:
        return None
    known = recalled(document)
    if known is not None:
        kind: NodeType = known.node_type
        return kind
    name = where(store, path)
    return node_type_of(parse_json(document, name, "zarr.json"), name)


def kind_v2(store: Store, path: str, array: bytes | None, group: bytes | None) -> NodeType | None:
    """Return the kind of node that has documents of format 2; see `kind_at`."""
    if array is not None and group is not None:
        raise ContainsArrayAndGroupError(store, path)
    return "array" if array is not None else "group" if group is not None else None


UseConsolidated: TypeAlias = bool | str | None


def where(store: Store, path: str) -> str:
    """Return how a node is named in messages."""
    return f"{store.shown_as()}/{path}" if path else store.shown_as()


# -- reading --------------------------------------------------------------------------------------


def node_v3(document: bytes, store: Store, path: str, *, consolidated: bool = True) -> NodeMetadata:
    """Return what a document of format 3 says; what it says of others only if asked."""
    known: NodeMetadata | None = recalled(document)
    if known is not None:
        return known
    as_of = state()
    name = where(store, path)
    if b"consolidated_metadata" in document:
        below = ("consolidated_metadata", "metadata")
        parsed = parse_listing(document, name, "zarr.json", *below)
    else:
        parsed = parse_json(document, name, "zarr.json")
    if node_type_of(parsed, name) == "array":

        def read() -> ArrayV3Metadata:
            return ArrayV3Metadata.from_dict(parsed, path=name)

        return remember(document, read_alike(document, read, ArrayV3Metadata), as_of)
    is_alone = "consolidated_metadata" not in parsed
    if not consolidated:
        parsed.pop("consolidated_metadata", None)
    group = GroupMetadata.from_dict(parsed, path=name)
    return remember(document, group, as_of) if is_alone else group


def group_v2(document: bytes, attributes: bytes | None, path: str) -> GroupMetadata:
    """Return what the documents of a group of format 2 say."""
    fields: dict[str, object] = {
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
            return partial(node_v3, document, store, path, consolidated=consolidated)
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
        where they are; False, not. A string is the key of such a document of format 2.

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
            node = node_v3(document, store, path, consolidated=wanted)
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
            f"A group was looked for in store {store_path.store.shown_as()} at path "
            f"{store_path.path!r}, and an array of format 3 was found (zarr.json): "
            "open it by open_array."
        )
    if use_consolidated and node.consolidated_metadata is None:
        raise ValueError(
            "Consolidated metadata requested with 'use_consolidated=True' but not found in "
            f"{store_path.path!r} of {store_path.store.shown_as()}."
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
