"""Consolidated metadata of Zarr v2: all documents below a group in one, ``.zmetadata``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from zarr.errors import GroupNotFoundError, MetadataValidationError
from zarr.metadata.group import (
    ZARRAY_JSON,
    ZATTRS_JSON,
    ZGROUP_JSON,
    ConsolidatedMetadata,
    GroupMetadata,
    NodeMetadata,
    nest,
)
from zarr.metadata.jsonio import in_node, parse_json
from zarr.metadata.netcdf import leaves_size_open, marks_netcdf, with_size_of_elements
from zarr.metadata.v2 import ArrayV2Metadata


def read_zmetadata(document: bytes, *, path: str, name: str) -> GroupMetadata:
    """Read the metadata of a group of format 2, and of the nodes below it.

    Parameters
    ----------
    document
        The value of the key `name`.
    path, name
        Where it was found, for error messages.
    """
    parsed = parse_json(document, path, name)
    try:
        return _group_of(parsed.get("metadata"))
    except (ValueError, TypeError, KeyError, OverflowError) as error:
        raise in_node(error, "group", f"{path}/{name}") from error


def refuse_references(document: bytes, *, path: str, name: str) -> None:
    """Fail if a document beside which there is no group is that of a directory of kerchunk.

    fsspec's reference file system serves the same document, and a group with it.

    Raises
    ------
    GroupNotFoundError
        If it is. The values are elsewhere: without the references, all elements would read as if
        they had never been written.
    """
    if "record_size" in parse_json(document, path, name):
        raise GroupNotFoundError(
            f"No group found in {path}: it holds kerchunk's references in Parquet, to values that "
            f"are elsewhere ({name} has a record_size). Open it by the reference file system of "
            f"fsspec: zarr.open_group('reference://', mode='r', storage_options={{'fo': {path!r}}})"
        )


def _group_of(documents: Any) -> GroupMetadata:
    if not isinstance(documents, Mapping):
        raise MetadataValidationError(f"metadata: expected an object, found {documents!r}.")
    nodes: dict[str, NodeMetadata] = {}
    for key in documents:
        path, _, name = key.rpartition("/")
        if name == ZARRAY_JSON:
            if f"{path}/{ZGROUP_JSON}" in documents:
                raise MetadataValidationError(
                    f"Consolidated metadata: {path!r} is both an array and a group."
                )
            document = {**_object(documents, key), "attributes": _attributes(documents, path)}
            nodes[path] = metadata = ArrayV2Metadata.from_dict(document, path=path)
            if leaves_size_open(metadata) and _by_netcdf(documents, path):
                nodes[path] = with_size_of_elements(metadata)
        elif name == ZGROUP_JSON:
            # Some writers put more here than belongs: it is said by the other documents.
            fields = {"zarr_format": _object(documents, key).get("zarr_format", 2)}
            fields["attributes"] = _attributes(documents, path)
            nodes[path] = GroupMetadata.from_dict(fields, path=path)
    root = nodes.pop("", None) or GroupMetadata(
        zarr_format=2, attributes=_attributes(documents, "")
    )
    if not isinstance(root, GroupMetadata):
        raise MetadataValidationError("Consolidated metadata: an array cannot have any.")
    return GroupMetadata(
        attributes=root.attributes,
        zarr_format=2,
        consolidated_metadata=ConsolidatedMetadata(nest(nodes)),
    )


def _by_netcdf(documents: Mapping[str, Any], path: str) -> bool:
    """Whether an array, or a group above it, is marked as written by the netCDF library."""
    parts = path.split("/")
    places = ["/".join(parts[:depth]) for depth in range(len(parts) + 1)]
    names = (ZARRAY_JSON, ZATTRS_JSON, ZGROUP_JSON)
    keys = (f"{place}/{name}" if place else name for place in places for name in names)
    return any(marks_netcdf(_object(documents, key)) for key in keys if key in documents)


def _object(documents: Mapping[str, Any], key: str) -> dict[str, Any]:
    found = documents[key]
    if not isinstance(found, Mapping):
        raise MetadataValidationError(f"{key!r}: expected an object, found {found!r}.")
    return dict(found)


def _attributes(documents: Mapping[str, Any], path: str) -> dict[str, Any]:
    key = f"{path}/{ZATTRS_JSON}" if path else ZATTRS_JSON
    return _object(documents, key) if key in documents else {}
