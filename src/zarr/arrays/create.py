"""Making arrays at a place in a store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from zarr.arrays.access import DEFAULT_ACCESS
from zarr.arrays.async_array import AsyncArray
from zarr.arrays.copy_data import array_like, begin, copy_data
from zarr.arrays.new_metadata import NewArray
from zarr.arrays.parameters import (
    DEFAULT_FILL_VALUE,
    default_format,
    parse_config,
    parse_format,
)
from zarr.arrays.placing import place_node
from zarr.dtype import parse_dtype
from zarr.metadata.common import parse_shapelike
from zarr.storage.places import places_of

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from zarr.arrays.access import Access
    from zarr.arrays.parameters import CompressorsLike, FiltersLike, SerializerLike
    from zarr.dtype import ZDTypeLike
    from zarr.metadata.chunk_key_encodings import ChunkKeyEncodingLike
    from zarr.metadata.spec import ArrayConfigLike
    from zarr.storage.path import StorePath
    from zarr.types import (
        JSON,
        AnyAsyncArray,
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
    beside: bool = False,
    data: Any = None,
    executor: Executor | None = None,
    access: Access = DEFAULT_ACCESS,
) -> AnyAsyncArray:
    """Make an array at a place in a store.

    All that can be refused is, before anything is changed.

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
    beside : bool
        Whether nodes of the other format may be there, or above: the user asked for this one.
    data : optional
        An array or array-like of that shape, whose elements are copied.
    executor : concurrent.futures.Executor, optional
        Whose workers copy them.
    access : Access, optional
        How the new array is accessed.

    Returns
    -------
    AsyncArray
        The array.
    """
    array = new_array(
        store_path=store_path,
        shape=shape,
        dtype=dtype,
        chunks=chunks,
        shards=shards,
        filters=filters,
        compressors=compressors,
        serializer=serializer,
        fill_value=fill_value,
        order=order,
        zarr_format=zarr_format,
        attributes=attributes,
        chunk_key_encoding=chunk_key_encoding,
        dimension_names=dimension_names,
        config=config,
    )._with_access(access)
    await place(array, data, overwrite=overwrite, parents=parents, beside=beside, executor=executor)
    return array


def new_array(
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
    config: ArrayConfigLike | None = None,
) -> AnyAsyncArray:
    """Return the handle of an array that is to be stored by `place`; see `init_array`."""
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
    return AsyncArray(new.metadata(chosen), store_path, settings)


async def place(
    array: AnyAsyncArray,
    data: Any = None,
    *,
    overwrite: bool,
    parents: bool = True,
    beside: bool = False,
    executor: Executor | None = None,
) -> None:
    """Store a new array, unless there is a node already.

    Parameters
    ----------
    array
        The array, of which nothing is stored.
    data
        What is written to it; see `begin`.
    overwrite, parents, beside
        As for `place_node`.
    executor
        Whose workers copy the data.

    Raises
    ------
    ContainsArrayError, ContainsGroupError
        If there is a node and it is not to be overwritten.
    ValueError
        If the name is reserved.
    """
    store_path, chunk_path = array.store_path, array._access.chunk_path
    array._engine()  # which there is none of if the codecs make no chain
    if data is not None:
        array._check_writable()
        doomed = places_of(array) if overwrite and store_path.store.supports_deletes else ()
        data = await begin(data, array, doomed, executor=executor)
    await place_node(
        store_path,
        array.metadata,
        overwrite=overwrite,
        parents=parents,
        beside=beside,
        chunk_path=chunk_path,
    )
    if data is not None:
        await copy_data(data, array, executor=executor)
