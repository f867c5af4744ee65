"""Whatever a user names a data type by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from zarr.dtype.base import ZDType
from zarr.dtype.registry import data_type_registry
from zarr.dtype.text import VariableLengthUTF8

if TYPE_CHECKING:
    import numpy.typing as npt

    from zarr.types import ZarrFormat

ZDTypeLike: TypeAlias = "ZDType[Any, Any] | npt.DTypeLike | Mapping[str, Any] | str"

_parsed: dict[tuple[str, int], ZDType[Any, Any]] = {}


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
    if dtype_spec is str:
        return VariableLengthUTF8()
    if isinstance(dtype_spec, str):
        key = (dtype_spec, zarr_format)
        known = _parsed.get(key)
        if known is None:
            known = _parsed[key] = _parse_name(dtype_spec, zarr_format)
        return known
    if isinstance(dtype_spec, Mapping) and zarr_format == 3:
        return data_type_registry.match_json(dict(dtype_spec), zarr_format=3)
    if isinstance(dtype_spec, list):
        # The fields of a record, as they stand in metadata: lists where NumPy wants tuples.
        dtype_spec = [tuple(field) if isinstance(field, list) else field for field in dtype_spec]
    return data_type_registry.match_dtype(np.dtype(dtype_spec))  # type: ignore[arg-type]


def _parse_name(name: str, zarr_format: ZarrFormat) -> ZDType[Any, Any]:
    if name in ("str", "string"):
        return VariableLengthUTF8()
    if zarr_format == 3:
        try:
            return data_type_registry.match_json(name, zarr_format=3)
        except ValueError:
            pass
    try:
        return data_type_registry.match_dtype(np.dtype(name))
    except TypeError:
        # bfloat16 and its kin have names that NumPy knows only once ml_dtypes is imported.
        try:
            return data_type_registry.match_json(name, zarr_format=3)
        except ValueError:
            pass
        raise


def parse_data_type(dtype_spec: ZDTypeLike, *, zarr_format: ZarrFormat) -> ZDType[Any, Any]:
    """Return the data type that `dtype_spec` stands for; the same as `parse_dtype`."""
    return parse_dtype(dtype_spec, zarr_format=zarr_format)
