"""Making, opening and saving arrays."""

from __future__ import annotations

import os
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from zarr.api.open_array import open_array
from zarr.arrays.async_array import AsyncArray
from zarr.arrays.copy import array_like
from zarr.arrays.create import init_array, keep, kept_attributes, like, source_of
from zarr.arrays.legacy_create import create
from zarr.arrays.parameters import DEFAULT_FILL_VALUE
from zarr.dtype.base import shown
from zarr.hierarchy.open_options import parse_format
from zarr.storage.path import make_store_path
from zarr.urls import local_path

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from concurrent.futures import Executor

    import numpy.typing as npt

    from zarr.arrays.parameters import (
        CompressorsLike,
        FiltersLike,
        SerializerLike,
    )
    from zarr.buffer.core import NDArrayLike
    from zarr.dtype import ZDTypeLike
    from zarr.metadata.chunk_key_encodings import ChunkKeyEncodingLike
    from zarr.metadata.spec import ArrayConfigLike
    from zarr.storage.path import StoreLike, StorePath
    from zarr.types import (
        JSON,
        AnyArray,
        AnyAsyncArray,
        AnyNDArray,
        ChunksLike,
        DimensionNamesLike,
        MemoryOrder,
        ShapeLike,
        ShardsLike,
        StorageOptions,
        ZarrFormat,
    )

__all__ = ["array", "create_array", "from_array", "open_array", "open_like", "save_array"]


async def create_array(
    store: StoreLike,
    *,
    name: str | None = None,
    shape: ShapeLike | None = None,
    dtype: ZDTypeLike | None = None,
    data: AnyNDArray | None = None,
    chunks: ChunksLike = "auto",
    shards: ShardsLike | None = None,
    filters: FiltersLike = "auto",
    compressors: CompressorsLike = "auto",
    serializer: SerializerLike = "auto",
    fill_value: object = DEFAULT_FILL_VALUE,
    order: MemoryOrder | None = None,
    zarr_format: ZarrFormat | None = 3,
    attributes: dict[str, JSON] | None = None,
    chunk_key_encoding: ChunkKeyEncodingLike | None = None,
    dimension_names: DimensionNamesLike = None,
    storage_options: StorageOptions | None = None,
    overwrite: bool = False,
    config: ArrayConfigLike | None = None,
    write_data: bool = True,
) -> AnyAsyncArray:
    """Create an array.

    Parameters
    ----------
    store : StoreLike
        Where the array is to be: a store, the path of a directory, a URL, a dict.
    name : str, optional
        The path of the array in the store; its root by default. Groups are made above it where
        there are none.
    shape : int or iterable of int, optional
        The length of each dimension. Not to be given with `data`.
    dtype : ZDTypeLike, optional
        The data type: of NumPy, of :mod:`zarr.dtype`, or the name of one. Not to be given with
        `data`.
    data : array_like, optional
        The elements of the new array, and its shape and data type.
    chunks : int, tuple of int, str or "auto", default: "auto"
        The shape of a chunk, the smallest part that is read alone. -1 is the whole dimension, and
        False the whole array. A number of bytes, as in ``"4MB"``, is about what a chunk has in
        memory. "auto" chooses chunks of one to some MB. Tuples of lengths make a rectilinear grid.
    shards : int, tuple of int, "auto" or dict, optional
        The shape of a shard: a value of the store that holds several chunks, so its shape is a
        multiple of theirs. None stores each chunk by itself. A dict with a ``"shape"`` may name
        the ``"index_location"``, "start" or "end". Format 3 only.
    filters : iterable of codecs, "auto" or None
        Array-to-array codecs, applied before serialization. In format 3 codecs from arrays to
        arrays (:class:`zarr.abc.codec.ArrayArrayCodec`), in format 2 any of numcodecs. "auto" is
        none, but for data types without a fixed size in format 2. None or an empty iterable is
        none.
    compressors : iterable of codecs, a codec, "auto" or None
        Compressors, in the order in which they are applied. In format 3 bytes-to-bytes codecs
        (:class:`zarr.abc.codec.BytesBytesCodec`), or those of numcodecs that have a counterpart; in
        format 2 one of numcodecs. "auto" is Zstandard. None is none.
    serializer : dict, ArrayBytesCodec or "auto"
        The codec that serializes elements to bytes. "auto" chooses by data type. Format 3 only.
    fill_value : scalar, optional
        The value of elements that were never written; the zero of the data type by default.
    order : {"C", "F"}, optional
        The order of elements in a chunk of format 2: rows or columns lie together. For format 3 it
        is deprecated and means ``config={"order": ...}``.
    zarr_format : {2, 3, None}, default: 3
        The format. None is the setting ``default_zarr_format``.
    attributes : dict, optional
        Attributes of the user, to be stored with the array.
    chunk_key_encoding : ChunkKeyEncodingLike, optional
        How the keys of chunks are made. By default ``{"name": "default", "separator": "/"}`` in
        format 3 and ``{"name": "v2", "separator": "."}`` in format 2.
    dimension_names : iterable of str or None, optional
        A name for each dimension. Format 3 only.
    storage_options : dict, optional
        Settings for the store that a URL names. An error with any other `store`.
    overwrite : bool, default: False
        Whether everything at that path is deleted first. Otherwise a node there is an error.
    config : ArrayConfigLike, optional
        Settings of the returned array, which are not stored.
    write_data : bool, default: True
        Whether the elements of `data` are written; if not, it gives shape and data type only.

    Returns
    -------
    AsyncArray
        The array.

    Raises
    ------
    ContainsArrayError, ContainsGroupError
        If there is a node and it is not to be overwritten.

    Examples
    --------
    >>> import zarr
    >>> zarr.create_array({}, shape=(100, 100), chunks=(10, 10), dtype="i4").cdata_shape
    (10, 10)
    """
    source, shape, dtype = source_of(data, shape, dtype)
    return await init_array(
        store_path=await _path_in(store, name, storage_options),
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
        overwrite=overwrite,
        config=config,
        beside=zarr_format == 2,  # 3 is the default: it says nothing of what the user knows
        data=source if write_data else None,
    )


async def _path_in(
    store: StoreLike, name: str | None, storage_options: StorageOptions | None
) -> StorePath:
    return await make_store_path(store, path=name, mode="a", storage_options=storage_options)


async def from_array(
    store: StoreLike,
    *,
    data: AnyArray | npt.ArrayLike,
    write_data: bool = True,
    name: str | None = None,
    chunks: ChunksLike = "keep",
    shards: ShardsLike | None = "keep",
    filters: FiltersLike | Literal["keep"] = "keep",
    compressors: CompressorsLike | Literal["keep"] = "keep",
    serializer: SerializerLike | Literal["keep"] = "keep",
    fill_value: object = DEFAULT_FILL_VALUE,
    order: MemoryOrder | None = None,
    zarr_format: ZarrFormat | None = None,
    attributes: dict[str, JSON] | None = None,
    chunk_key_encoding: ChunkKeyEncodingLike | None = None,
    dimension_names: DimensionNamesLike = None,
    storage_options: StorageOptions | None = None,
    overwrite: bool = False,
    config: ArrayConfigLike | None = None,
    executor: Executor | None = None,
) -> AnyAsyncArray:
    """Create an array with the elements of another array, or of anything like one.

    Parameters that are not given are taken over from `data` if that is a zarr array: ``"keep"`` is
    its value. Otherwise they are the defaults of :func:`create_array`. Codecs and key encodings
    are taken over within a format only. The elements are copied in blocks of whole shards, several
    at a time, so arrays may be larger than memory.

    Parameters
    ----------
    store : StoreLike
        Where the array is to be: a store, the path of a directory, a URL, a dict.
    data : Array or array_like
        What to copy.
    write_data : bool, default: True
        Whether the elements are copied; if not, the new array has the metadata only.
    name : str, optional
        The path of the array in the store; its root by default.
    chunks : int, tuple of int, str, "auto" or "keep", optional
        The shape of a chunk.
    shards : int, tuple of int, "auto", "keep" or None, optional
        The shape of a shard; None stores each chunk by itself.
    filters : iterable of codecs, "auto", "keep" or None, optional
        Array-to-array codecs, applied before serialization.
    compressors : iterable of codecs, a codec, "auto", "keep" or None, optional
        Compressors (bytes-to-bytes codecs).
    serializer : dict, ArrayBytesCodec, "auto" or "keep", optional
        The codec that serializes elements to bytes. Format 3 only.
    fill_value : scalar, optional
        The value of elements that were never written; by default that of `data`.
    order : {"C", "F"}, optional
        The order of elements in a chunk of format 2; by default that of `data`. For format 3 it is
        deprecated and means ``config={"order": ...}``.
    zarr_format : {2, 3, None}, optional
        The format; by default that of `data`.
    attributes : dict, optional
        Attributes of the user; by default those of `data`.
    chunk_key_encoding : ChunkKeyEncodingLike, optional
        How the keys of chunks are made; by default as for `data`.
    dimension_names : iterable of str or None, optional
        A name for each dimension; by default those of `data`. Format 3 only.
    storage_options : dict, optional
        Settings for the store that a URL names. An error with any other `store`.
    overwrite : bool, default: False
        Whether everything at that path is deleted first. Otherwise a node there is an error.
    config : ArrayConfigLike, optional
        Settings of the returned array, which are not stored.
    executor : concurrent.futures.Executor, optional
        Whose workers write the chunks, each its own: threads, processes, or other machines. By
        default this process does.

    Returns
    -------
    AsyncArray
        The array.

    Raises
    ------
    ContainsArrayError, ContainsGroupError
        If there is a node and it is not to be overwritten.

    Examples
    --------
    >>> import zarr
    >>> first = zarr.create_array({}, shape=(100, 100), chunks=(10, 10), dtype="i4")
    >>> zarr.from_array({}, data=first, chunks=(50, 50)).chunks
    (50, 50)
    >>> zarr.from_array({}, data=[[1, 2], [3, 4]])[:, 1]
    array([2, 4])
    """
    source = array_like(data)
    kept = keep(
        data,
        chunks=chunks,
        shards=shards,
        filters=filters,
        compressors=compressors,
        serializer=serializer,
        fill_value=fill_value,
        order=order,
        zarr_format=zarr_format,
        chunk_key_encoding=chunk_key_encoding,
        dimension_names=dimension_names,
    )
    return await init_array(
        store_path=await _path_in(store, name, storage_options),
        shape=source.shape,
        dtype=getattr(source, "_zdtype", source.dtype),
        attributes=kept_attributes(data, attributes),
        overwrite=overwrite,
        config=config,
        beside=zarr_format is not None,
        data=source if write_data else None,
        executor=executor,
        **kept._asdict(),
    )


def _of_from_array(given: dict[str, object]) -> dict[str, Any]:
    """The parameters of :func:`array` of a zarr array, which has the path as its name."""
    given = {"store": None, **given}
    if "name" not in given:
        given["name"] = given.pop("path", None)
    if unknown := given.keys() - from_array.__annotations__.keys():
        names = ", ".join(map(repr, sorted(unknown)))
        raise TypeError(
            f"array() has no parameter {names} if the data are a zarr array: it has those of "
            "from_array() then. Give array[...] for those of create()"
        )
    return given


async def array(data: npt.ArrayLike | AnyArray, **kwargs: object) -> AnyAsyncArray:
    """Create an array that holds `data`.

    Parameters
    ----------
    data : array_like or Array
        The elements. Of a zarr array all that is not given is taken over.
    **kwargs
        Parameters of :func:`create`; of :func:`from_array` if `data` is a zarr array, of which
        the name may also be given as ``path``.

    Returns
    -------
    AsyncArray
        The array.

    Raises
    ------
    ContainsArrayError, ContainsGroupError
        If there is a node and it is not to be overwritten.

    Examples
    --------
    >>> import zarr
    >>> first = zarr.array([1, 2, 3], chunks=2)
    >>> first[1:]
    array([2, 3])
    >>> zarr.array(first, attributes={"unit": "m"}).chunks
    (2,)
    """
    source = array_like(data)
    if isinstance(source, AsyncArray):
        return await from_array(data=source, **_of_from_array(kwargs))
    given = {"shape": source.shape, **kwargs}
    if given.get("dtype") is None:
        given["dtype"] = source.dtype
    return await create(**given, data=source)


@asynccontextmanager
async def target(store: StoreLike) -> AsyncIterator[StoreLike]:
    """The store to save to: for the name of a zip file, that file, which is whole at the end."""
    path = local_path(store) if isinstance(store, str) else store
    if not isinstance(path, str | Path) or not str(path).endswith(".zip") or os.path.isdir(path):
        yield store
        return
    from zarr.storage.zip import ZipStore  # late, as it takes a while

    archive = ZipStore(Path(path), mode="a" if os.path.exists(path) else "w")
    try:
        yield archive
    except BaseException:
        archive.abandon()  # the file is as it was
        raise
    archive.close()


def hint_of_order(store: object) -> str:
    """Return a hint for one who gives an array to save in place of the store."""
    return " The store comes first, and then the arrays." if hasattr(store, "dtype") else ""


async def open_like(
    a: object, path: str, *, zarr_format: ZarrFormat | None = None, **kwargs: Any
) -> AnyAsyncArray:
    """Open an array, or create one with the shape, data type, chunks and codecs of another.

    Parameters
    ----------
    a : array_like
        The other array.
    path : str
        The path of the array in the store.
    zarr_format : {2, 3, None}, optional
        The format; by default that of `a`. Codecs are taken over within a format only.
    **kwargs
        Parameters of :func:`open_array`; `mode` is 'a' by default.

    Returns
    -------
    AsyncArray
        The array.

    Raises
    ------
    ArrayNotFoundError
        If there is no array and none is to be created.

    Examples
    --------
    >>> import numpy as np, zarr
    >>> like = zarr.open_like(np.ones((4, 6), "f4"), "a", store={}, mode="w")
    >>> like.shape, like.dtype
    ((4, 6), dtype('float32'))
    """
    chosen = parse_format(zarr_format, kwargs.pop("zarr_version", None))
    given = {**like(a, chosen), **kwargs}
    if given.get("mode") is None:
        given["mode"] = "a"
    if chosen is not None:
        given["zarr_format"] = chosen
    return await open_array(path=path, **given)


async def save_array(
    store: StoreLike,
    arr: NDArrayLike | AnyNDArray,
    *,
    zarr_version: ZarrFormat | None = None,
    zarr_format: ZarrFormat | None = None,
    path: str | None = None,
    storage_options: StorageOptions | None = None,
    **kwargs: object,
) -> None:
    """Save an array.

    Parameters
    ----------
    store : StoreLike
        Where to: a store, the path of a directory, the name of a zip file (``….zip``), a URL, a
        dict.
    arr : ndarray
        The array.
    zarr_version : {2, 3, None}, optional
        Deprecated: use `zarr_format`.
    zarr_format : {2, 3, None}, optional
        The format. By default that of the setting ``default_zarr_format``.
    path : str, optional
        The path in the store.
    storage_options : dict, optional
        Settings for the store that a URL names. An error with any other `store`.
    **kwargs
        Parameters of :func:`create`, such as ``chunks`` or ``overwrite``.

    Raises
    ------
    TypeError
        If `arr` is not an array.

    Examples
    --------
    >>> import numpy as np, zarr
    >>> store = {}
    >>> zarr.save_array(store, np.arange(4))
    >>> zarr.load(store)
    array([0, 1, 2, 3])
    """
    if not (hasattr(arr, "shape") and hasattr(arr, "dtype") and hasattr(arr, "__array__")):
        raise TypeError(
            "arr argument must be numpy or other NDArrayLike array. "
            f"Got {shown(arr)} of {type(arr).__name__}.{hint_of_order(store)}"
        )
    source = array_like(arr)
    chosen = parse_format(zarr_format, zarr_version)
    given = {"shape": source.shape, "dtype": source.dtype, **kwargs}
    given.pop("read_only", None)  # of a handle that nobody gets
    async with target(store) as place:
        await create(
            store=place,
            path=path,
            zarr_format=chosen,
            storage_options=storage_options,
            data=source,
            **given,
        )
