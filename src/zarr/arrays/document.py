"""The metadata documents of arrays, in a store."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from zarr._async.run import bounded
from zarr.buffer.cpu import buffer_prototype
from zarr.errors import (
    ArrayNotFoundError,
    ContainsArrayAndGroupError,
    GroupNotFoundError,
    NodeNotFoundError,
)
from zarr.metadata.group import node_type_of
from zarr.metadata.jsonio import parse_json
from zarr.metadata.netcdf import leaves_size_open, marks_netcdf, with_size_of_elements
from zarr.metadata.v2 import ArrayV2Metadata
from zarr.metadata.v3 import ArrayV3Metadata
from zarr.storage.requests import Requests

if TYPE_CHECKING:
    from zarr.abc.store import Store
    from zarr.buffer.core import Buffer
    from zarr.metadata.group import NodeMetadata
    from zarr.storage.path import StorePath
    from zarr.types import ArrayMetadata, NodeType, ZarrFormat


def document_key(path: str) -> str:
    """Return the name of the lock for the documents of a node."""
    return f"{path}/zarr.json" if path else "zarr.json"


def documents_of(path: str, metadata: NodeMetadata) -> list[tuple[str, Buffer]]:
    """Return the keys and values to store for a node."""
    prefix = f"{path}/" if path else ""
    documents = metadata.to_buffer_dict(buffer_prototype)
    return [(prefix + name, value) for name, value in documents.items()]


async def get_value(store: Store, path: str, name: str, *, checked: bool = False) -> bytes | None:
    """The value of a key below a path, as bytes; `checked`, of the length that it has there."""
    requests, key = Requests(store), f"{path}/{name}" if path else name
    if not checked:
        return await requests.get_document(key)
    value = await requests.get_checked(key)
    return None if value is None else value.to_bytes()


async def get_values(
    store: Store, path: str, *names: str, checked: bool = False
) -> list[bytes | None]:
    """The values of several keys below a path, fetched together."""
    return await bounded(names, lambda name: get_value(store, path, name, checked=checked))


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
            return ArrayV3Metadata.from_document(document, path=store_path._shown_as())
    if zarr_format != 3:
        document, attributes = await get_v2(store, path, ".zarray")
        if document is not None:
            netcdf = await below_netcdf(store, path, document)
            return array_v2(document, attributes, store_path._shown_as(), netcdf=netcdf)
    return None


def array_v2(
    document: bytes, attributes: bytes | None, where: str, *, netcdf: bool
) -> ArrayV2Metadata:
    """What the documents of an array of format 2 say.

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
        What was looked for; any node if None.
    """
    looked_for = [
        name
        for name in _DOCUMENTS
        if (zarr_format != 2 if name == "zarr.json" else zarr_format != 3)
        and wanted in (None, _KIND_OF_V2.get(name, wanted))
    ]
    what = "Neither an array nor a group was found" if wanted is None else f"No {wanted} found"
    message = (
        f"{what} in store {store_path.store._shown_as()} at path {store_path.path!r}: there is no "
        + " or ".join(looked_for)
    )
    for name, kind in _DOCUMENTS.items():
        if name not in looked_for and await _has(store_path, name):
            message += f", but {kind} ({name})"
            break
    return (ArrayNotFoundError if wanted == "array" else GroupNotFoundError)(message)


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
    store_path: StorePath, before: ArrayMetadata | None, after: ArrayMetadata
) -> None:
    """Store those documents that differ from what they were; all if there were none."""
    old = {} if before is None else before.to_buffer_dict(buffer_prototype)
    new = after.to_buffer_dict(buffer_prototype)
    changed = {
        name: value
        for name, value in new.items()
        if name not in old or old[name].to_bytes() != value.to_bytes()
    }
    await _save(store_path, changed)


async def _save(store_path: StorePath, documents: Mapping[str, Buffer]) -> None:
    requests, path = Requests(store_path.store), store_path.path
    prefix = f"{path}/" if path else ""

    async def put(item: tuple[str, Buffer]) -> None:
        await requests.set(prefix + item[0], item[1])

    await bounded(documents.items(), put)


async def kind_at(store: Store, path: str, zarr_format: ZarrFormat) -> NodeType | None:
    """What kind of node of a format there is at a path.

    Raises
    ------
    MetadataValidationError
        If a document does not tell.
    """
    if zarr_format == 3:
        return kind_v3(store, path, await get_value(store, path, "zarr.json"))
    array, group = await get_values(store, path, ".zarray", ".zgroup")
    return kind_v2(store, path, array, group)


def kind_v3(store: Store, path: str, document: bytes | None) -> NodeType | None:
    """What kind of node a document of format 3 is of; see `kind_at`."""
    if document is None:
        return None
    name = f"{store._shown_as()}/{path}" if path else store._shown_as()
    parsed = parse_json(document, name, "zarr.json")
    return node_type_of(parsed, name)


def kind_v2(store: Store, path: str, array: bytes | None, group: bytes | None) -> NodeType | None:
    """What kind of node documents of format 2 are of; see `kind_at`."""
    if array is not None and group is not None:
        raise ContainsArrayAndGroupError(store, path)
    return "array" if array is not None else "group" if group is not None else None
