"""Making arrays at a place in a store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from zarr.arrays.async_array import AsyncArray
from zarr.arrays.copy_data import array_like
from zarr.arrays.document import check_free, missing_parents, save_groups, save_metadata
from zarr.arrays.names import check_new_nodes
from zarr.arrays.new_metadata import NewArray
from zarr.arrays.parameters import (
    DEFAULT_FILL_VALUE,
    default_format,
    parse_config,
    parse_format,
)
from zarr.dtype import parse_dtype
from zarr.metadata.common import parse_shapelike

if TYPE_CHECKING:
    from zarr.arrays.parameters import CompressorsLike, FiltersLike, SerializerLike
    from zarr.dtype import ZDTypeLike
    from zarr.metadata.chunk_key_encodings import ChunkKeyEncodingLike
    from zarr.metadata.spec import ArrayConfigLike
    from zarr.storage.path import StorePath
    from zarr.types import (
        JSON,
        AnyAsyncArray,
        ArrayMetadata,
        ChunksLike,
        DimensionNamesLike,
        MemoryOrder,
        ShapeLike,
        ShardsLike,
        ZarrFormat,
    )


class Source(NamedTuple):
    """What a new array is made of: an array-like or None, its shape and its data type."""

    data: Any
    shape: ShapeLike
    dtype: ZDTypeLike


def source_of(data: Any, shape: ShapeLike | None, dtype: ZDTypeLike | None) -> Source:
    """What the elements of a new array are copied from, if anything; its shape and data type.

    Raises
    ------
    ValueError
        If there is too little, or too much, to tell them.
    """
    if data is None:
        if shape is None:
            raise ValueError(
                "The data parameter was set to None, but shape was not specified. Either provide "
                "a value for data, or specify shape."
            )
        if dtype is None:
            raise ValueError(
                "The data parameter was set to None, but dtype was not specified. Either provide "
                "an array-like value for data, or specify dtype."
            )
        return Source(None, shape, dtype)
    for value, parameter in ((shape, "shape"), (dtype, "dtype")):
        if value is not None:
            raise ValueError(
                f"The data parameter was used, but the {parameter} parameter was also used. "
                f"This is an error. Either use the data parameter, or the {parameter} "
                "parameter, but not both."
            )
    source = array_like(data)
    return Source(source, source.shape, source.dtype)


async def init_array(
    *,
    store_path: StorePath,
    shape: ShapeLike,
    dtype: ZDTypeLike,
    chunks: ChunksLike = "auto",
    shards: ShardsLike | None = None,
    filters: FiltersLike = "auto",
    compressors: CompressorsLike = "auto",
    serializer: SerializerLike = "auto",
    fill_value: Any | None = DEFAULT_FILL_VALUE,
    order: MemoryOrder | None = None,
    zarr_format: ZarrFormat | None = 3,
    attributes: dict[str, JSON] | None = None,
    chunk_key_encoding: ChunkKeyEncodingLike | None = None,
    dimension_names: DimensionNamesLike = None,
    overwrite: bool = False,
    config: ArrayConfigLike | None = None,
    parents: bool = True,
) -> AnyAsyncArray:
    """Make an array without data at a place in a store.

    Parameters
    ----------
    store_path : StorePath
        Where the array is to be.
    shape, dtype, chunks, shards, filters, compressors, serializer, fill_value, order, zarr_format
        As for :func:`zarr.create_array`.
    attributes, chunk_key_encoding, dimension_names, overwrite, config
        As for :func:`zarr.create_array`.
    parents : bool
        Whether groups are made at the paths above where there are none; False if they are known
        to be there.

    Returns
    -------
    AsyncArray
        The array.
    """
    chosen = parse_format(zarr_format) or default_format()
    settings = parse_config(config, order=None if chosen == 2 else order)
    new = NewArray(
        shape=parse_shapelike(shape),
        dtype=parse_dtype(dtype, zarr_format=chosen),
        chunks=chunks,
        shards=shards,
        filters=filters,
        compressors=compressors,
        serializer=serializer,
        fill_value=fill_value,
        order=order or settings.order,
        attributes=attributes,
        chunk_key_encoding=chunk_key_encoding,
        dimension_names=dimension_names,
    )
    metadata = new.metadata(chosen)
    await place(store_path, metadata, overwrite=overwrite, parents=parents)
    return AsyncArray(metadata, store_path, settings)


async def place(
    store_path: StorePath, metadata: ArrayMetadata, *, overwrite: bool, parents: bool = True
) -> None:
    """Store the metadata of a new array, unless there is a node already.

    Parameters
    ----------
    store_path
        Where the array is to be.
    metadata
        Of the array.
    overwrite
        Whether what is there is deleted first.
    parents
        Whether groups are made at the paths above.

    Raises
    ------
    ContainsArrayError, ContainsGroupError
        If there is a node and it is not to be overwritten.
    ValueError
        If the name is reserved.
    """
    if store_path.read_only:
        raise ValueError(f"{store_path} is read-only: no array can be made there")
    zarr_format = metadata.zarr_format
    missing = await missing_parents(store_path, zarr_format) if parents else []
    check_new_nodes([*missing, store_path.path], zarr_format)
    if overwrite and store_path.store.supports_deletes:
        await store_path.delete_dir()
    else:
        await check_free(store_path, zarr_format)
    await save_groups(store_path.store, missing, zarr_format)
    await save_metadata(store_path, metadata)
