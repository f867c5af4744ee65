"""Parsers of single fields, which all documents share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import (
    TYPE_CHECKING,
    Any,
    Literal,
    TypedDict,
    TypeGuard,
    cast,
)

import numpy as np

from zarr.errors import MetadataValidationError
from zarr.metadata.json import as_stored

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from zarr.types import JSON, Document, NodeType, ShapeLike

MOST_ELEMENTS = 2**63 - 1
"""The most elements along a dimension."""


def ceildiv_int(a: int, b: int) -> int:
    """Return the quotient of integers, rounded up, without going by way of floats."""
    return -(-a // b)


def parse_bool(data: object) -> bool:
    """Return a boolean, if it is one."""
    if isinstance(data, bool):
        return data
    raise ValueError(f"Expected bool, got {data} instead.")


def parse_order(data: object) -> Literal["C", "F"]:
    """Return an order of dimensions in memory, if it is one."""
    if data in ("C", "F"):
        return data
    raise ValueError(
        f"Failed to parse input for 'order': expected Literal['C', 'F'], got {data!r}."
    )


def parse_separator(data: object) -> Literal[".", "/"]:
    """Return a separator of chunk keys, if it is one."""
    if data in (".", "/"):
        return data
    raise ValueError(
        f"Failed to parse input for 'separator': expected Literal['.', '/'], got {data!r}."
    )


def parse_shapelike(data: ShapeLike) -> tuple[int, ...]:
    """Return a shape as a tuple of integers.

    Raises
    ------
    TypeError
        If it is no integer and no iterable of integers.
    ValueError
        If a length is negative, or larger than any dimension can be.
    """
    if isinstance(data, (int, np.integer)) and not isinstance(data, bool):
        data = (data,)
    try:
        shape = tuple(data)  # type: ignore[arg-type]
    except TypeError:
        raise TypeError(
            f"Expected an integer or an iterable of integers. Got {data} instead."
        ) from None
    for length in shape:
        if type(length) is not int and (
            isinstance(length, bool) or not isinstance(length, (int, np.integer))
        ):
            raise TypeError(f"Expected an iterable of integers. Got {data} instead.")
        if length < 0:
            raise ValueError(f"Expected all values to be non-negative. Got {data} instead.")
        if length > MOST_ELEMENTS:
            raise ValueError(f"Expected all values to be below 2**63. Got {data} instead.")
    return tuple(map(int, shape))


def parse_name(data: JSON, expected: str | None = None) -> str:
    """Return a name, if it is the expected one."""
    if not isinstance(data, str):
        raise TypeError(f"Expected a string, got an instance of {type(data)}.")
    if expected is not None and data != expected:
        raise ValueError(f"Expected '{expected}'. Got {data} instead.")
    return data


def parse_configuration(data: JSON) -> JSON:
    """Return a configuration, if it is a dict."""
    if not isinstance(data, dict):
        raise TypeError(f"Expected dict, got {type(data)}")
    return data


def parse_named_configuration(
    data: object, expected_name: str | None = None, *, require_configuration: bool = True
) -> tuple[str, Document | None]:
    """Return the name and the configuration of an extension point.

    A name alone may be written as a string (core specification, extension definitions).
    """
    if isinstance(data, str) and not require_configuration:
        return parse_name(data, expected_name), None
    if not isinstance(data, Mapping):
        raise TypeError(f"Expected dict, got {type(data)}")
    if "name" not in data:
        raise ValueError(f"Named configuration does not have a 'name' key. Got {dict(data)}.")
    name = parse_name(data["name"], expected_name)
    if "configuration" in data:
        return name, cast("dict[str, Any]", parse_configuration(data["configuration"]))
    if require_configuration:
        raise ValueError(
            f"Named configuration does not have a 'configuration' key. Got {dict(data)}."
        )
    return name, None


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
) -> dict[str, object]:
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
