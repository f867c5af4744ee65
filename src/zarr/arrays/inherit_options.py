"""Parameters of a new array that are taken over from another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from zarr._async.warnings import warn
from zarr.arrays.async_array import AsyncArray
from zarr.arrays.parameters import DEFAULT_FILL_VALUE
from zarr.errors import ZarrUserWarning
from zarr.hierarchy.open_options import unless_default
from zarr.metadata.layout import layout_of
from zarr.metadata.v2 import ArrayV2Metadata
from zarr.metadata.v3 import ArrayV3Metadata

if TYPE_CHECKING:
    from zarr.types import JSON, MemoryOrder, ZarrFormat


class Kept(NamedTuple):
    """Parameters of ``create_array``, with ``"keep"`` resolved."""

    chunks: Any
    shards: Any
    filters: Any
    compressors: Any
    serializer: Any
    fill_value: Any
    order: MemoryOrder | None
    zarr_format: ZarrFormat | None
    chunk_key_encoding: Any
    dimension_names: Any


def keep(
    data: Any,
    *,
    chunks: Any = "keep",
    shards: Any = "keep",
    filters: Any = "keep",
    compressors: Any = "keep",
    serializer: Any = "keep",
    fill_value: Any = DEFAULT_FILL_VALUE,
    order: MemoryOrder | None = None,
    zarr_format: ZarrFormat | None = None,
    chunk_key_encoding: Any = None,
    dimension_names: Any = None,
) -> Kept:
    """Resolve ``"keep"``: as in `data`, if that is a zarr array, else as by default.

    Codecs and key encodings are kept within a format only.
    """
    source = getattr(data, "async_array", data)
    if not isinstance(source, AsyncArray):
        return Kept(
            "auto" if _is_keep(chunks) else chunks,
            None if _is_keep(shards) else shards,
            "auto" if _is_keep(filters) else filters,
            "auto" if _is_keep(compressors) else compressors,
            "auto" if _is_keep(serializer) else serializer,
            fill_value,
            order,
            zarr_format,
            chunk_key_encoding,
            dimension_names,
        )
    metadata = source.metadata
    same = zarr_format in (None, metadata.zarr_format)
    if not same and metadata.zarr_format == 2 and source.order != "C" and order is None:
        warn(
            "The 'order' attribute of a Zarr format 2 array does not have a direct analogue in "
            f"Zarr format 3. The existing order={source.order!r} of the source Zarr format 2 "
            "array will be ignored.",
            ZarrUserWarning,
        )
    if isinstance(metadata, ArrayV3Metadata):
        encoding: Any = metadata.chunk_key_encoding
        names = metadata.dimension_names if zarr_format != 2 else None
    else:
        encoding = {"name": "v2", "separator": metadata.dimension_separator}
        names = None
    return Kept(
        _kept_chunks(source) if _is_keep(chunks) else chunks,
        _kept_shards(source) if _is_keep(shards) else shards,
        _kept_codecs(source.filters, filters, same),
        _kept_codecs(source.compressors, compressors, same),
        _kept_codecs(source.serializer, serializer, same and metadata.zarr_format == 3),
        source.fill_value if fill_value is DEFAULT_FILL_VALUE else fill_value,
        _kept_order(metadata, order, same),
        zarr_format or metadata.zarr_format,
        encoding if chunk_key_encoding is None and same else chunk_key_encoding,
        names if dimension_names is None else dimension_names,
    )


def _is_keep(value: Any) -> bool:
    return isinstance(value, str) and value == "keep"


def _kept_codecs(of_source: Any, given: Any, same: bool) -> Any:
    if not _is_keep(given):
        return given
    return of_source if same else "auto"


def _kept_order(metadata: Any, given: MemoryOrder | None, same: bool) -> MemoryOrder | None:
    if given is not None or not same or not isinstance(metadata, ArrayV2Metadata):
        return given
    return metadata.order


def _kept_chunks(source: AsyncArray[Any]) -> Any:
    try:
        return source.chunks
    except NotImplementedError:  # chunks of several sizes
        return source.metadata.chunk_grid


def _kept_shards(source: AsyncArray[Any]) -> Any:
    try:
        return source.shards
    except NotImplementedError:
        return source.metadata.chunk_grid


def kept_attributes(data: Any, attributes: dict[str, JSON] | None) -> dict[str, JSON] | None:
    """The attributes that are given, or those of a zarr array."""
    source = getattr(data, "async_array", data)
    if attributes is None and isinstance(source, AsyncArray):
        return dict(source.metadata.attributes)
    return attributes


def like(a: Any, zarr_format: ZarrFormat | None = None) -> dict[str, Any]:
    """The parameters of ``create`` for an array like another: what it holds, and how.

    Parameters
    ----------
    a
        A zarr array, or anything like an array.
    zarr_format
        The format of the new array; that of `a` if None. Codecs are taken over within a format.
    """
    source = getattr(a, "async_array", a)
    if not isinstance(source, AsyncArray):
        if not (hasattr(a, "shape") and hasattr(a, "dtype")):
            a = np.asarray(a)
        return {"shape": a.shape, "dtype": a.dtype}
    metadata = source.metadata
    found: dict[str, Any] = {
        "shape": source.shape,
        "dtype": layout_of(source.metadata).zdtype,
        "fill_value": source.fill_value,
        "zarr_format": zarr_format or unless_default(metadata.zarr_format),
    }
    if zarr_format not in (None, metadata.zarr_format):
        found["chunks"] = _kept_chunks(source)
    elif isinstance(metadata, ArrayV2Metadata):
        found |= {
            "chunks": source.chunks,
            "order": metadata.order,
            "filters": metadata.filters,
            "compressor": metadata.compressor,
        }
    else:
        edges = layout_of(source.metadata).grid
        regular = all(isinstance(edge, int) for edge in edges)
        found["chunks"] = edges if regular else metadata.chunk_grid
        found["codecs"] = metadata.codecs
    return found
