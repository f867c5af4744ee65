"""Metadata of groups in both formats, and what they may hold of the nodes below: consolidated
metadata.

The two stand together because each contains the other.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Literal, Self, TypeAlias, TypeVar

from zarr.abc.metadata import Metadata
from zarr.dtype.base import shown
from zarr.errors import GroupNotFoundError, MetadataValidationError, NodeTypeValidationError
from zarr.metadata.fields import parse_extra_fields
from zarr.metadata.json import as_stored, copied, in_node, parse_json, to_compact_json, to_json
from zarr.metadata.listed import Documents, Nodes, children_of, parse_listing
from zarr.metadata.v2 import ArrayV2Metadata, leaves_size_open, marks_netcdf, with_size_of_elements
from zarr.metadata.v3 import ArrayV3Metadata
from zarr.settings import config

if TYPE_CHECKING:
    from collections.abc import Callable

    from typing_extensions import TypeIs

    from zarr.buffer.core import Buffer, BufferPrototype
    from zarr.types import JSON, Document, NodeAttributes, NodeType, ZarrFormat

ZARR_JSON = "zarr.json"
ZARRAY_JSON = ".zarray"
ZGROUP_JSON = ".zgroup"
ZATTRS_JSON = ".zattrs"
ZMETADATA_V2_JSON = ".zmetadata"
GROUP_METADATA_KEYS = frozenset(("zarr_format", "node_type", "attributes", "consolidated_metadata"))


def parse_zarr_format(data: object) -> ZarrFormat:
    """Return the format, if there is such a one."""
    if data in (2, 3) and type(data) is int:
        return data
    raise ValueError(f"Invalid zarr_format. Expected one of 2 or 3. Got {data}.")


def parse_node_type(data: object, path: str | None = None) -> NodeType:
    """Return the node type, if there is such a one."""
    if data in ("array", "group"):
        return data
    where = "" if path is None else f" (in the metadata of the node {path!r})"
    raise NodeTypeValidationError(
        f"Failed to parse input for 'node_type': expected Literal['array', 'group'], got {data!r}"
        f"{where}."
    )


def node_type_of(document: Mapping[str, object], path: str) -> NodeType:
    """Return what a document of format 3 is of; a draft of the format is told as such."""
    found = document.get("node_type")
    if found is None and document.get("zarr_format") != 3:
        raise NodeTypeValidationError(
            "Failed to parse input for 'zarr_format': expected Literal[3], got "
            f"{document.get('zarr_format')!r} (in the metadata of the node {path!r}). Drafts of "
            "format 3 cannot be read."
        )
    return parse_node_type(found, path)


def parse_attributes(data: object) -> dict[str, JSON]:
    """Return attributes as they will be stored; none at all for None."""
    if data is None:
        return {}
    if isinstance(data, Mapping) and all(isinstance(key, str) for key in data):
        return as_stored(data)
    raise TypeError(
        f"Attributes are a dict with strings as keys. Got {shown(data)} of {type(data).__name__}."
    )


# -- groups -----------------------------------------------------------------------------------


@dataclass(frozen=True, init=False, eq=False, repr=False)
class GroupMetadata(Metadata):
    """The metadata of a group."""

    attributes: NodeAttributes = field(default_factory=dict)
    zarr_format: ZarrFormat = 3
    consolidated_metadata: ConsolidatedMetadata | None = None
    node_type: Literal["group"] = field(default="group", init=False)
    extra_fields: dict[str, object] = field(default_factory=dict)

    def __init__(
        self,
        attributes: Mapping[str, object] | None = None,
        zarr_format: ZarrFormat = 3,
        consolidated_metadata: ConsolidatedMetadata | None = None,
        extra_fields: Mapping[str, object] | None = None,
    ) -> None:
        values = self.__dict__
        values["attributes"] = parse_attributes(attributes)
        values["zarr_format"] = parse_zarr_format(zarr_format)
        values["consolidated_metadata"] = consolidated_metadata
        values["node_type"] = "group"
        if extra_fields and zarr_format == 2:
            raise ValueError("Invalid extra fields. Groups of Zarr v2 have none.")
        values["extra_fields"] = parse_extra_fields(
            extra_fields, reserved_keys=GROUP_METADATA_KEYS, node_type="group"
        )

    def to_dict(self) -> Document:
        """Return the document."""
        document: dict[str, object] = {
            "attributes": copied(self.attributes),
            "zarr_format": self.zarr_format,
        }
        if self.consolidated_metadata is not None:
            document["consolidated_metadata"] = self.consolidated_metadata.to_dict()
        document["node_type"] = "group"
        return {**document, **copied(self.extra_fields)}

    def to_buffer_dict(self, prototype: BufferPrototype) -> dict[str, Buffer]:
        """Return the documents to store, by their keys relative to the group."""
        make = prototype.buffer.from_bytes
        if self.zarr_format == 3:
            plain = not (self.attributes or self.consolidated_metadata or self.extra_fields)
            document = _plain(config.settings.json_indent) if plain else to_json(self.to_dict())
            return {ZARR_JSON: make(document)}
        documents = {
            ZGROUP_JSON: make(to_json({"zarr_format": 2})),
            ZATTRS_JSON: make(to_json(self.attributes)),
        }
        if self.consolidated_metadata is not None:
            documents[ZMETADATA_V2_JSON] = make(to_compact_json(self._zmetadata()))
        return documents

    def _zmetadata(self) -> dict[str, object]:
        """The document of consolidated metadata of format 2 (Zarr v2 specification, appendix)."""
        documents: dict[str, object] = {
            ZGROUP_JSON: {"zarr_format": 2},
            ZATTRS_JSON: self.attributes,
        }
        below = self.consolidated_metadata
        nodes = {} if below is None else below.flattened_metadata
        for path, node in nodes.items():
            documents[f"{path}/{ZATTRS_JSON}"] = node.attributes
            if is_group(node):
                documents[f"{path}/{ZGROUP_JSON}"] = {"zarr_format": 2}
            else:
                document = dict(node.to_dict())
                del document["attributes"]
                documents[f"{path}/{ZARRAY_JSON}"] = document
        return {"metadata": documents, "zarr_consolidated_format": 1}

    @classmethod
    def from_dict(cls, data: Document, *, path: str | None = None) -> Self:
        """Read a document, which may have the attributes in it.

        Parameters
        ----------
        data
            The parsed document.
        path
            Where it was found, for error messages. Where it is not given, the dictionary is a
            caller's, and what is missing is as in ``GroupMetadata()``.

        Raises
        ------
        MetadataValidationError
            If a field is missing in a document, or not known and not to be ignored.
        """
        try:
            if path is None:
                data = {"zarr_format": 3, **data}
                if data["zarr_format"] == 3:
                    data = {"node_type": "group", **data}
            return cls._from_fields(dict(data))
        except (ValueError, TypeError, KeyError) as error:
            if path is None:
                raise
            raise in_node(error, "group", path) from error

    @classmethod
    def _from_fields(cls, document: Document) -> Self:
        if "zarr_format" not in document:
            raise MetadataValidationError("The metadata of a group lack the field 'zarr_format'.")
        zarr_format = parse_zarr_format(document.pop("zarr_format"))
        if "node_type" in document or zarr_format == 3:
            found = document.pop("node_type", None)
            if found != "group":
                there = " An array is there: open it by open_array." if found == "array" else ""
                raise NodeTypeValidationError(
                    "Failed to parse input for 'node_type': expected Literal['group'], "
                    f"got {found!r}.{there}"
                )
        attributes = document.pop("attributes", None)
        consolidated = document.pop("consolidated_metadata", None)
        if consolidated == {}:  # some writers say so that there are none
            consolidated = None
        if consolidated is not None:
            consolidated = ConsolidatedMetadata.from_dict(consolidated)
            consolidated.check_format(zarr_format)
        return cls(
            attributes=attributes,
            zarr_format=zarr_format,
            consolidated_metadata=consolidated,
            extra_fields=document if zarr_format == 3 else None,
        )

    def update_attributes(self, attributes: Mapping[str, object]) -> Self:
        """Return the metadata of the group with other attributes."""
        return replace(self, attributes=dict(attributes))

    def copied(self) -> Self:
        """Return metadata with attributes and extra fields of their own."""
        made = object.__new__(type(self))
        made.__dict__.update(
            self.__dict__,
            attributes=copied(self.attributes),
            extra_fields=copied(self.extra_fields),
        )
        return made


class ImplicitGroupMarker(GroupMetadata):
    """A group that is made only if there is none: it gives way to what is there."""


@lru_cache(maxsize=4)
def _plain(indent: int | None) -> bytes:
    """The document of a group without attributes."""
    return to_json(GroupMetadata().to_dict())


NodeMetadata: TypeAlias = ArrayV2Metadata | ArrayV3Metadata | GroupMetadata


def is_group(node: NodeMetadata) -> TypeIs[GroupMetadata]:
    """Return whether metadata are those of a group."""
    return isinstance(node, GroupMetadata)


# -- consolidated metadata --------------------------------------------------------------------


@dataclass(frozen=True, eq=False, repr=False)
class ConsolidatedMetadata(Metadata):
    """The metadata of all nodes below a group, kept with those of the group.

    Parameters
    ----------
    metadata : mapping
        The children of the group by name. Those that are groups have the metadata of their own
        children with them. Of a document that was read it is a mapping that reads a node when it
        is first asked for: what is wrong in the document of a node is an error then.
    kind : "inline"
        Where the metadata are.
    must_understand : False
        A reader that does not know them may read node by node.
    """

    metadata: Mapping[str, NodeMetadata]
    kind: Literal["inline"] = "inline"
    must_understand: Literal[False] = False

    @property
    def flattened_metadata(self) -> dict[str, NodeMetadata]:
        """All nodes by path, parents first; groups have no metadata of others with them."""
        found: dict[str, NodeMetadata] = {}

        def add(prefix: str, children: ConsolidatedMetadata) -> None:
            for name in sorted(children.metadata):
                node = children.metadata[name]
                if not is_group(node) or node.consolidated_metadata is None:
                    found[prefix + name] = node
                    continue
                found[prefix + name] = replace_consolidated(node, ConsolidatedMetadata({}))
                add(f"{prefix}{name}/", node.consolidated_metadata)

        add("", self)
        return found

    def to_dict(self) -> dict[str, JSON]:
        """Return the document: all nodes by path."""
        return {
            "kind": self.kind,
            "must_understand": self.must_understand,
            "metadata": {path: node.to_dict() for path, node in self.flattened_metadata.items()},
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, object], *, path: str | None = None) -> Self:
        """Read a document: nodes by path.

        A parent that the document does not name is a group without attributes.

        Parameters
        ----------
        data
            The parsed document.
        path
            Where it was found, for error messages.

        Raises
        ------
        MetadataValidationError
            If nodes contradict each other, or a path leads elsewhere.
        """
        try:
            return cls._from_fields(data)
        except (ValueError, TypeError, KeyError, OverflowError) as error:
            if path is None:
                raise
            raise in_node(error, "group", path) from error

    @classmethod
    def _from_fields(cls, data: Mapping[str, object]) -> Self:
        if not isinstance(data, Mapping):
            raise TypeError(f"consolidated_metadata: expected an object, found {data!r}.")
        if data.get("kind") != "inline":
            raise ValueError(f"Consolidated metadata: kind={data.get('kind')!r} is not supported.")
        nodes = data.get("metadata")
        if not isinstance(nodes, Mapping):
            raise TypeError(f"Consolidated metadata: unexpected type for 'metadata': {type(nodes)}")
        if not isinstance(nodes, Documents):
            return cls(nest({path: _node_of(path, node) for path, node in nodes.items()}))
        documents, alike = nodes, _Alike()

        def read(path: str) -> NodeMetadata:
            if documents.kind(path) == "A":
                text, attributes = documents.without_attributes(path)
                return alike.read(ArrayV3Metadata, text, attributes, path)
            return _node_of(path, documents[path])

        kinds = {path: documents.kind(path) for path in documents}
        early = {path: read(path) for path, kind in kinds.items() if kind not in "AG"}
        groups = {path for path, kind in kinds.items() if kind == "G"}
        return cls(_when_asked(kinds, groups, early, read, 3, nodes.where))

    @staticmethod
    def _flat_to_nested(metadata: dict[str, NodeMetadata]) -> None:
        """Put nodes that are listed by path into their parents, in place (kept for VirtualiZarr
        and others that reach for it)."""
        nested = nest(metadata)
        metadata.clear()
        metadata.update(nested)

    def check_format(self, zarr_format: ZarrFormat) -> None:
        """Fail if a node is of another format."""
        if isinstance(self.metadata, Nodes):
            for name in self.metadata:
                _check_format(name, self.metadata.zarr_format, zarr_format)
            return
        for name, node in self.metadata.items():
            _check_format(name, node.zarr_format, zarr_format)
            if is_group(node) and node.consolidated_metadata is not None:
                node.consolidated_metadata.check_format(zarr_format)

    def count(self) -> tuple[int, int]:
        """Return how many nodes there are, and how many of them are groups."""
        nodes = groups = 0
        for name in self.metadata:
            nodes += 1
            if isinstance(self.metadata, Nodes) and not self.metadata.is_group(name):
                continue
            node = self.metadata[name]
            if is_group(node):
                groups += 1
                if node.consolidated_metadata is not None:
                    found = node.consolidated_metadata.count()
                    nodes, groups = nodes + found[0], groups + found[1]
        return nodes, groups


def _check_format(name: str, found: ZarrFormat, expected: ZarrFormat) -> None:
    if found != expected:
        raise MetadataValidationError(
            f"Consolidated metadata of a group of format {expected} have the node {name!r} of "
            f"format {found}."
        )


def replace_consolidated(
    group: GroupMetadata, consolidated: ConsolidatedMetadata | None
) -> GroupMetadata:
    """Return the metadata of a group with other consolidated metadata, or with none."""
    copied = object.__new__(type(group))
    copied.__dict__.update(group.__dict__, consolidated_metadata=consolidated)
    return copied


A = TypeVar("A", ArrayV2Metadata, ArrayV3Metadata)


class _Alike:
    """Arrays that were read, by the text of their documents: those that differ in their attributes
    only are read once."""

    def __init__(self) -> None:
        self._known: dict[bytes, ArrayV2Metadata | ArrayV3Metadata] = {}

    def read(self, kind: type[A], text: bytes, attributes: Document, path: str) -> A:
        """Return the metadata of an array, given the text of its document without attributes."""
        found = self._known.get(text)
        if not isinstance(found, kind):
            found = self._known[text] = kind.from_dict(json.loads(text), path=path)
        # Only these are not frozen.
        made = found.copied() if getattr(found, "extra_fields", None) else found
        return made.update_attributes(attributes)


def _node_of(path: str, data: object) -> NodeMetadata:
    if not isinstance(data, Mapping):
        raise TypeError(f"Invalid value for metadata items. key={path!r}, type={type(data)!r}")
    document: Document = dict(data)
    if document.get("zarr_format") == 2:
        if "shape" in document:
            return ArrayV2Metadata.from_dict(document, path=path)
        return GroupMetadata.from_dict(document, path=path)
    if parse_node_type(document.get("node_type")) == "array":
        return ArrayV3Metadata.from_dict(document, path=path)
    # Its children are listed by their paths in the same document.
    document.pop("consolidated_metadata", None)
    return GroupMetadata.from_dict(document, path=path)


def nest(nodes: Mapping[str, NodeMetadata]) -> dict[str, NodeMetadata]:
    """Return the children of a group, given all nodes below it by path.

    A parent that is not among them is a group without attributes.

    Raises
    ------
    MetadataValidationError
        If a path leads elsewhere, or below an array.
    """
    below = children_of(nodes, lambda path: is_group(nodes[path]))
    zarr_format: ZarrFormat = next((node.zarr_format for node in nodes.values()), 3)
    made: dict[str, dict[str, NodeMetadata]] = {path: {} for path in below}
    for parent, children in below.items():
        for name, path in children.items():
            node = nodes[path] if path in nodes else GroupMetadata(zarr_format=zarr_format)
            if is_group(node):
                node = replace_consolidated(node, ConsolidatedMetadata(made[path]))
            made[parent][name] = node
    return made[""]


def _when_asked(
    paths: Collection[str],
    groups: set[str],
    early: Mapping[str, NodeMetadata],
    read: Callable[[str], NodeMetadata],
    zarr_format: ZarrFormat,
    where: str,
) -> Nodes[NodeMetadata]:
    """The children of a group, each to be read when it is asked for.

    Parameters
    ----------
    paths
        The paths of all nodes below the group.
    groups
        Those of groups, besides groups in `early`.
    early
        The nodes that had to be read already.
    read
        Reads the node at a path.
    zarr_format
        The format of all nodes.
    where
        How the group is named in messages.
    """
    for path, node in early.items():
        _check_format(path, node.zarr_format, zarr_format)
    groups = groups.union(path for path, node in early.items() if is_group(node))
    below = children_of(paths, groups.__contains__)

    def node_at(path: str) -> NodeMetadata:
        try:
            if path in early:
                node = early[path]
            elif path in paths:
                node = read(path)
            else:
                node = GroupMetadata(zarr_format=zarr_format)
        except (ValueError, TypeError, KeyError, OverflowError) as error:
            raise in_node(error, "group", where) from error
        return (
            replace_consolidated(node, ConsolidatedMetadata(children(path)))
            if is_group(node)
            else node
        )

    def children(path: str) -> Nodes[NodeMetadata]:
        return Nodes(below[path], node_at, zarr_format, below.__contains__)

    return children("")


def read_zmetadata(document: bytes, *, path: str, name: str) -> GroupMetadata:
    """Read the metadata of a group of format 2, and of the nodes below it.

    Parameters
    ----------
    document
        The value of the key `name`.
    path, name
        Where it was found, for error messages.
    """
    parsed = parse_listing(document, path, name, "metadata")
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


def _group_of(documents: object) -> GroupMetadata:
    if not isinstance(documents, Mapping):
        raise MetadataValidationError(f"metadata: expected an object, found {documents!r}.")
    alike = _Alike()
    paths: dict[str, str] = {}
    for key in documents:
        path, _, name = key.rpartition("/")
        if name in (ZARRAY_JSON, ZGROUP_JSON):
            if path in paths:
                raise MetadataValidationError(
                    f"Consolidated metadata: {path!r} is both an array and a group."
                )
            paths[path] = key

    def read(path: str) -> NodeMetadata:
        key, attributes = paths[path], _attributes(documents, path)
        if key.endswith(ZGROUP_JSON):
            # Some writers put more here than belongs: it is said by the other documents.
            fields = {"zarr_format": _object(documents, key).get("zarr_format", 2)}
            return GroupMetadata.from_dict({**fields, "attributes": attributes}, path=path)
        if isinstance(documents, Documents) and documents.kind(key) == "2":
            text, _ = documents.without_attributes(key)
            metadata = alike.read(ArrayV2Metadata, text, attributes, path)
        else:
            document = {**_object(documents, key), "attributes": attributes}
            metadata = ArrayV2Metadata.from_dict(document, path=path)
        if leaves_size_open(metadata) and _by_netcdf(documents, path):
            return with_size_of_elements(metadata)
        return metadata

    root = read("") if "" in paths else GroupMetadata(_attributes(documents, ""), zarr_format=2)
    if not isinstance(root, GroupMetadata):
        raise MetadataValidationError("Consolidated metadata: an array cannot have any.")
    paths.pop("", None)
    below: Mapping[str, NodeMetadata]
    if isinstance(documents, Documents):
        early = {path: read(path) for path, key in paths.items() if not _is_plain(documents, key)}
        groups = {path for path, key in paths.items() if key.endswith(ZGROUP_JSON)}
        below = _when_asked(paths, groups, early, read, 2, documents.where)
    else:
        below = nest({path: read(path) for path in paths})
    return replace_consolidated(root, ConsolidatedMetadata(below))


def _is_plain(documents: Documents, key: str) -> bool:
    """Whether the document of a node, and its attributes, can be left until they are asked for."""
    attributes = key[: -len(ZGROUP_JSON)] + ZATTRS_JSON
    return documents.kind(key) == "2" and (
        attributes not in documents or documents.is_object(attributes)
    )


def _by_netcdf(documents: Mapping[str, object], path: str) -> bool:
    """Whether an array, or a group above it, is marked as written by the netCDF library."""
    parts = path.split("/")
    places = ["/".join(parts[:depth]) for depth in range(len(parts) + 1)]
    names = (ZARRAY_JSON, ZATTRS_JSON, ZGROUP_JSON)
    keys = (f"{place}/{name}" if place else name for place in places for name in names)
    return any(marks_netcdf(_object(documents, key)) for key in keys if key in documents)


def _object(documents: Mapping[str, object], key: str) -> dict[str, object]:
    found = documents[key]
    if not isinstance(found, Mapping):
        raise MetadataValidationError(f"{key!r}: expected an object, found {found!r}.")
    return dict(found)


def _attributes(documents: Mapping[str, object], path: str) -> dict[str, object]:
    key = f"{path}/{ZATTRS_JSON}" if path else ZATTRS_JSON
    return _object(documents, key) if key in documents else {}
