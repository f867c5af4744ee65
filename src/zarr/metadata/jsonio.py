"""JSON documents and their bytes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from zarr.config import config
from zarr.errors import MetadataValidationError

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST_BYTES = 1 << 30
"""A longer document is refused before it is parsed."""


def parse_json(document: bytes, path: str, name: str) -> dict[str, Any]:
    """Parse the metadata document `name` of the node at `path`: an object.

    Raises
    ------
    MetadataValidationError
        If it is not JSON, or not an object.
    """
    if len(document) > MOST_BYTES:
        raise _bad(path, name, f"it has {len(document)} bytes, more than {MOST_BYTES}")
    try:
        parsed = json.loads(document)
    except (ValueError, RecursionError) as error:
        raise _bad(path, name, f"it is not JSON: {error}") from None
    if not isinstance(parsed, dict):
        raise _bad(path, name, f"expected an object, found {type(parsed).__name__}")
    return parsed


def _bad(path: str, name: str, why: str) -> MetadataValidationError:
    return MetadataValidationError(f"Cannot read the document {name!r} of the node {path!r}: {why}")


def in_array(error: Exception, path: str) -> Exception:
    """Return an error like `error` that names the array in whose metadata it was found."""
    text = str(error.args[0]) if error.args else str(error)
    if isinstance(error, KeyError):
        return MetadataValidationError(f"{text} is missing in the metadata of the array {path!r}")
    return type(error)(f"{text} (in the metadata of the array {path!r})")


def to_json(document: Mapping[str, Any]) -> bytes:
    """Return the bytes of a document."""
    return json.dumps(document, indent=config.get("json_indent"), default=_plain).encode()


def _plain(value: Any) -> Any:
    """Return what JSON can hold of a value of NumPy."""
    if hasattr(value, "tolist"):
        return value.tolist()
    if hasattr(value, "to_dict"):
        return value.to_dict()
    raise TypeError(f"{value!r} of {type(value).__name__} cannot be stored in metadata: not JSON.")
