"""Metadata of groups, in both formats."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Self

from zarr.abc.metadata import Metadata
from zarr.errors import MetadataValidationError, NodeTypeValidationError
from zarr.metadata.extra import parse_extra_fields
from zarr.metadata.jsonio import to_json

if TYPE_CHECKING:
    from zarr.buffer.core import Buffer, BufferPrototype
    from zarr.types import JSON, ZarrFormat

ZARR_JSON = "zarr.json"
ZGROUP_JSON = ".zgroup"
ZATTRS_JSON = ".zattrs"
GROUP_METADATA_KEYS = frozenset(
    ("zarr_format", "node_type", "attributes", "consolidated_metadata")
)


def parse_zarr_format(data: object) -> ZarrFormat:
    """Return the format, if there is such a one."""
    if data in (2, 3) and type(data) is int:
        return data  # type: ignore[return-value]
    raise ValueError(f"Invalid zarr_format. Expected one of 2 or 3. Got {data}.")


def parse_node_type(data: object) -> Literal["group"]:
    """Return the node type, if it is a group's."""
    if data == "group":
        return "group"
    raise NodeTypeValidationError(
        f"Failed to parse input for 'node_type': expected Literal['group'], got {data!r}."
    )


@dataclass(frozen=True)
class GroupMetadata(Metadata):
    """What the documents of a group say."""

    attributes: dict[str, Any] = field(default_factory=dict)
    zarr_format: ZarrFormat = 3
    consolidated_metadata: Any = None
    node_type: Literal["group"] = field(default="group", init=False)
    extra_fields: dict[str, Any] = field(default_factory=dict)

    def __init__(
        self,
        attributes: Mapping[str, Any] | None = None,
        zarr_format: ZarrFormat = 3,
        consolidated_metadata: Any = None,
        extra_fields: Mapping[str, Any] | None = None,
    ) -> None:
        if attributes is not None and not isinstance(attributes, Mapping):
            raise TypeError(
                f"Expected attributes to be a dict-like, got {type(attributes)}"
            )
        values = self.__dict__
        values["attributes"] = {} if attributes is None else dict(attributes)
        values["zarr_format"] = parse_zarr_format(zarr_format)
        values["consolidated_metadata"] = consolidated_metadata
        values["node_type"] = "group"
        values["extra_fields"] = parse_extra_fields(
            extra_fields, reserved_keys=GROUP_METADATA_KEYS, node_type="group"
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the document."""
        document: dict[str, Any] = {
            "attributes": deepcopy(self.attributes),
            "zarr_format": self.zarr_format,
        }
        if self.consolidated_metadata is not None:
            document["consolidated_metadata"] = self.consolidated_metadata.to_dict()
        document["node_type"] = "group"
        return {**document, **self.extra_fields}

    def to_buffer_dict(self, prototype: BufferPrototype) -> dict[str, Buffer]:
        """Return the documents to store, by their keys relative to the group."""
        make = prototype.buffer.from_bytes
        if self.zarr_format == 3:
            return {ZARR_JSON: make(to_json(self.to_dict()))}
        return {
            ZGROUP_JSON: make(to_json({"zarr_format": 2})),
            ZATTRS_JSON: make(to_json(self.attributes)),
        }

    @classmethod
    def from_dict(cls, data: dict[str, JSON]) -> Self:
        """Read a document, which may have the attributes in it.

        Raises
        ------
        MetadataValidationError
            If a field is missing, or not known and not to be ignored.
        """
        document: dict[str, Any] = dict(data)
        if "zarr_format" not in document:
            raise MetadataValidationError("The metadata of a group have a field 'zarr_format'.")
        zarr_format = parse_zarr_format(document.pop("zarr_format"))
        if "node_type" in document or zarr_format == 3:
            parse_node_type(document.pop("node_type", None))
        attributes = document.pop("attributes", None)
        consolidated = document.pop("consolidated_metadata", None)
        return cls(
            attributes=attributes,
            zarr_format=zarr_format,
            consolidated_metadata=consolidated,
            extra_fields=document if zarr_format == 3 else None,
        )

