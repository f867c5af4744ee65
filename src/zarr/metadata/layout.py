"""The layout of an array: all that the engine must know of it, whatever the format."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from zarr.buffer.core import default_buffer_prototype
from zarr.codecs.chain import v2_chain, v3_chain
from zarr.dtype.storage import element_of, fill_bytes, is_object_like
from zarr.metadata.chunk_grids import RegularChunkGridMetadata
from zarr.metadata.chunk_key_encodings import DefaultChunkKeyEncoding, V2ChunkKeyEncoding
from zarr.metadata.spec import ArrayConfig
from zarr.metadata.v2 import ArrayV2Metadata

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np

    from zarr.codecs.base import Link
    from zarr.dtype import ZDType
    from zarr.metadata.v3 import ArrayV3Metadata

Edge: TypeAlias = int | tuple[int, ...]


class ArrayLayout(NamedTuple):
    """A format-neutral description of an array.

    Parameters
    ----------
    shape
        Of the array.
    grid
        Per axis the size of all stored chunks, or the edges of each.
    key_encoding
        The name of an encoding and its separator, or a function from a place in the grid to a key.
    zdtype, dtype
        The data type, in Zarr and in memory.
    itemsize
        Bytes of an element in memory; 0 where elements have no one size.
    fill_value, fill
        The value of elements that were never written, and its bytes.
    chain
        The codecs, as links of the engine.
    """

    shape: tuple[int, ...]
    grid: tuple[Edge, ...]
    key_encoding: tuple[str, str] | Callable[[tuple[int, ...]], str]
    zdtype: ZDType[Any, Any]
    dtype: np.dtype[Any]
    itemsize: int
    fill_value: Any
    fill: bytes
    chain: tuple[Link, ...]


def layout_of(metadata: ArrayV2Metadata | ArrayV3Metadata) -> ArrayLayout:
    """Return the layout that metadata describe; it is made once for each."""
    layout: ArrayLayout | None = metadata.__dict__.get("_layout")
    if layout is None:
        # Copies differ in attributes only: what was made for one serves the others.
        origin = metadata.__dict__.get("_origin", metadata)
        layout = origin.__dict__.get("_layout")
        if layout is None:
            layout = _of_v2(metadata) if isinstance(metadata, ArrayV2Metadata) else _of_v3(metadata)
        # The metadata are frozen, so this stays true.
        origin.__dict__["_layout"] = metadata.__dict__["_layout"] = layout
    return layout


_CONFIG = ArrayConfig(order="C", write_empty_chunks=False)


def _of_v2(metadata: ArrayV2Metadata) -> ArrayLayout:
    dtype = metadata.dtype.to_native_dtype()
    filters: Any = metadata.__dict__.get("_filters") or metadata.filter_configs
    compressor: Any = metadata.__dict__.get("_compressor") or metadata.compressor_config
    return ArrayLayout(
        shape=metadata.shape,
        # An axis without elements may have chunks without elements; there are none of them.
        grid=tuple(size or 1 for size in metadata.chunks),
        key_encoding=("v2", metadata.dimension_separator),
        zdtype=metadata.dtype,
        dtype=dtype,
        itemsize=_item_size(metadata.dtype, dtype),
        fill_value=element_of(metadata._unwritten),
        fill=_fill(metadata.dtype, metadata._unwritten, dtype),
        chain=v2_chain(filters, compressor, dtype, metadata.order, metadata.ndim),
    )


def _of_v3(metadata: ArrayV3Metadata) -> ArrayLayout:
    dtype = metadata.data_type.to_native_dtype()
    grid = metadata.chunk_grid
    regular = isinstance(grid, RegularChunkGridMetadata)
    encoding: Any = metadata.chunk_key_encoding
    if type(encoding) in (DefaultChunkKeyEncoding, V2ChunkKeyEncoding):
        key_encoding: Any = (encoding.name, encoding.separator)
    else:
        key_encoding = encoding.encode_chunk_key
    spec = metadata.get_chunk_spec((), _CONFIG, default_buffer_prototype())
    return ArrayLayout(
        shape=metadata.shape,
        grid=grid.chunk_shape if regular else grid.chunk_shapes,  # type: ignore[union-attr]
        key_encoding=key_encoding,
        zdtype=metadata.data_type,
        dtype=dtype,
        itemsize=_item_size(metadata.data_type, dtype),
        fill_value=element_of(metadata.fill_value),
        fill=_fill(metadata.data_type, metadata.fill_value, dtype),
        chain=v3_chain(metadata.codecs, spec),
    )


def _item_size(zdtype: ZDType[Any, Any], dtype: np.dtype[Any]) -> int:
    return 0 if is_object_like(zdtype) else dtype.itemsize


def _fill(zdtype: ZDType[Any, Any], value: Any, dtype: np.dtype[Any]) -> bytes:
    return b"" if is_object_like(zdtype) else fill_bytes(value, dtype)
