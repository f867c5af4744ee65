"""Whatever a user names a data type by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeAlias, TypeGuard

import numpy as np
import numpy.typing as npt

from zarr.dtype.base import ZDType
from zarr.dtype.registry import data_type_registry
from zarr.dtype.strings import VariableLengthUTF8
from zarr.errors import did_you_mean
from zarr.types import DTypeConfig_V2

if TYPE_CHECKING:
    from zarr.types import DTypeJSON, ZarrFormat

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


ZDTypeLike: TypeAlias = ZDType[Any, Any] | npt.DTypeLike | Mapping[str, Any] | str
VLEN_UTF8_ALIAS = ("str", str, "string")
"""What stands for strings of any length, rather than for strings of NumPy without a length."""


def parse_dtype(dtype_spec: ZDTypeLike, *, zarr_format: ZarrFormat) -> ZDType[Any, Any]:
    """Return the data type that `dtype_spec` stands for.

    Parameters
    ----------
    dtype_spec
        A data type of zarr or of NumPy, anything that NumPy takes for one, or the form in metadata
        of the given format.
    zarr_format : {2, 3}
        The format of Zarr.

    Raises
    ------
    ValueError, TypeError
        If nothing matches.

    Examples
    --------
    >>> from zarr.dtype import parse_dtype
    >>> parse_dtype("<i4", zarr_format=3)
    Int32(endianness='little')
    """
    if isinstance(dtype_spec, ZDType):
        return dtype_spec
    if isinstance(dtype_spec, np.dtype):
        return data_type_registry.match_dtype(dtype_spec)
    if isinstance(dtype_spec, str):
        return _parse_name(dtype_spec, zarr_format)
    if dtype_spec is str:
        return VariableLengthUTF8()
    if isinstance(dtype_spec, Mapping) and "name" in dtype_spec:
        return data_type_registry.match_json(dict(dtype_spec), zarr_format=zarr_format)
    return get_data_type_from_native_dtype(dtype_spec)  # type: ignore[arg-type]


def _parse_name(name: str, zarr_format: ZarrFormat) -> ZDType[Any, Any]:
    if name in VLEN_UTF8_ALIAS:
        return VariableLengthUTF8()
    key = ("parsed", name, zarr_format)
    found = data_type_registry._found.get(key)
    return found or data_type_registry._remember(key, _search_name(name, zarr_format))


def _search_name(name: str, zarr_format: ZarrFormat) -> ZDType[Any, Any]:
    if zarr_format == 3:
        try:
            return data_type_registry.match_json(name, zarr_format=3)
        except ValueError:
            pass
    try:
        native = np.dtype(name)
    except TypeError as error:
        # Some names of Zarr v3 are the only ones that there are.
        try:
            return data_type_registry.match_json(name, zarr_format=3)
        except ValueError:
            near = did_you_mean(name, data_type_registry.contents)
            raise TypeError(f"{error}{near}") from None
    return data_type_registry.match_dtype(native)


def parse_data_type(dtype_spec: ZDTypeLike, *, zarr_format: ZarrFormat) -> ZDType[Any, Any]:
    """Return the data type that `dtype_spec` stands for; the same as `parse_dtype`."""
    return parse_dtype(dtype_spec, zarr_format=zarr_format)


def get_data_type_from_native_dtype(dtype: npt.DTypeLike) -> ZDType[Any, Any]:
    """Return the data type that stands for what NumPy takes for a data type."""
    if isinstance(dtype, list):
        # The fields of a record, as they stand in metadata: lists where NumPy wants tuples.
        dtype = _with_tuples(dtype)
    return data_type_registry.match_dtype(np.dtype(dtype))


def _with_tuples(fields: list[Any]) -> Any:
    return [
        tuple(_with_tuples(part) if isinstance(part, list) else part for part in field)
        if isinstance(field, list) and field and isinstance(field[0], str)
        else field
        for field in fields
    ]


def get_data_type_from_json(dtype_spec: DTypeJSON, *, zarr_format: ZarrFormat) -> ZDType[Any, Any]:
    """Return the data type that its form in metadata stands for."""
    return data_type_registry.match_json(dtype_spec, zarr_format=zarr_format)
