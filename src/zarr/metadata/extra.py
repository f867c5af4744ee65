"""Fields of documents that this version does not know."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypedDict, TypeGuard

from zarr.errors import MetadataValidationError
from zarr.metadata.jsonio import as_stored

if TYPE_CHECKING:
    from collections.abc import Mapping
    from collections.abc import Set as AbstractSet

    from zarr.types import NodeType


class AllowedExtraField(TypedDict):
    """An object that says that it need not be understood; whatever else is in it."""

    must_understand: Literal[False]


def check_allowed_extra_field(data: object) -> TypeGuard[AllowedExtraField]:
    """Return whether a field may be ignored (core specification, ``must_understand``)."""
    return isinstance(data, dict) and data.get("must_understand") is False


def parse_extra_fields(
    data: Mapping[str, object] | None,
    *,
    reserved_keys: AbstractSet[str],
    node_type: NodeType,
) -> dict[str, Any]:
    """Return the fields beyond those of the specification.

    Raises
    ------
    MetadataValidationError
        If one of them must be understood.
    """
    if not data:
        return {}
    clash = sorted(set(data) & reserved_keys)
    if clash:
        raise ValueError(f"Invalid extra fields: {clash} are fields of the specification.")
    refused = [name for name, value in data.items() if not check_allowed_extra_field(value)]
    if refused:
        raise MetadataValidationError(
            f"Got Zarr V3 {node_type} metadata with the following disallowed extra fields: "
            f"{refused}. Extra fields are not allowed unless they are an object with a "
            '"must_understand" key which is assigned the value `false`.'
        )
    return as_stored(data)
