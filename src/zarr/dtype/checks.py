"""Whether something has the form of a data type in metadata."""

from __future__ import annotations

from typing import Any, TypeAlias, TypeGuard

from zarr.types import DTypeConfig_V2

DTypeSpec_V2: TypeAlias = DTypeConfig_V2[Any, Any]
"""The form of a data type in Zarr v2, with the object codec that it needs."""


def check_dtype_spec_v2(data: object) -> TypeGuard[DTypeSpec_V2]:
    """Return whether `data` has the form ``{"name", "object_codec_id"}``."""
    return (
        isinstance(data, dict)
        and data.keys() == {"name", "object_codec_id"}
        and _is_name(data["name"])
        and (data["object_codec_id"] is None or isinstance(data["object_codec_id"], str))
    )


def check_dtype_spec_no_object_codec_v2(data: object) -> TypeGuard[DTypeConfig_V2[Any, None]]:
    """Return whether `data` has that form, without an object codec."""
    return check_dtype_spec_v2(data) and data["object_codec_id"] is None


def _is_name(name: object) -> bool:
    return isinstance(name, str) or (isinstance(name, (list, tuple)) and all(map(_is_field, name)))


def _is_field(field: object) -> bool:
    """Whether `field` is a name, a data type, and perhaps a shape."""
    if not isinstance(field, (list, tuple)) or len(field) not in (2, 3):
        return False
    return isinstance(field[0], str) and _is_name(field[1])
