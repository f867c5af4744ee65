"""Making arrays with the parameters that zarr has had for long: ``create``, ``zeros``, …"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from zarr._async.run import with_sections
from zarr.abc.numcodec import _is_numcodec
from zarr.arrays.async_array import AsyncArray, accessed
from zarr.arrays.create import NewArray, like, place
from zarr.arrays.parameters import DEFAULT_FILL_VALUE, parse_config
from zarr.codecs.chain import parse_codecs, split
from zarr.dtype import data_type_registry, parse_dtype
from zarr.hierarchy.open_options import default_format, make_access, parse_format
from zarr.metadata.fields import parse_shapelike
from zarr.storage.path import make_store_path, path_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Unpack

    import numpy.typing as npt

    from zarr.abc.codec import Codec
    from zarr.abc.numcodec import Numcodec
    from zarr.arrays.parameters import CompressorLike, EmptyOptions, FullOptions, LikeOptions
    from zarr.dtype import ZDTypeLike
    from zarr.dtype.base import AnyDType
    from zarr.metadata.chunk_key_encodings import ChunkKeyEncoding
    from zarr.metadata.spec import ArrayConfigLike
    from zarr.storage.path import StoreLike
    from zarr.synchronizer import Synchronizer
    from zarr.types import (
        JSON,
        AccessModeLiteral,
        AnyAsyncArray,
        ChunksLike,
        DimensionNamesLike,
        MemoryOrder,
        ShapeLike,
        StorageOptions,
        ZarrFormat,
    )

__all__ = [
    "create",
    "empty",
    "empty_like",
    "full",
    "full_like",
    "ones",
    "ones_like",
    "zeros",
    "zeros_like",
]

# The advice for a parameter of the other format, by format and parameter.
_INSTEAD = {
    (3, "compressor"): "Use bytes-to-bytes codecs instead.",
    (3, "filters"): "Use array-to-array codecs instead.",
    (3, "dimension_separator"): "Use chunk_key_encoding instead.",
    (3, "object_codec"): "Name the data type of the objects, such as dtype=str.",
    (2, "codecs"): "Use filters and compressor instead.",
    (2, "chunk_key_encoding"): "Use dimension_separator instead.",
    (2, "dimension_names"): "They are stored in format 3 only.",
}


def check_format_parameters(zarr_format: ZarrFormat, **given: object) -> None:
    """Refuse parameters that belong to the other format."""
    for name, value in given.items():
        instead = _INSTEAD.get((zarr_format, name))
        if value is not None and instead is not None:
            raise ValueError(
                f"{name} cannot be used for arrays with zarr_format {zarr_format}. {instead}"
            )


def chunks_or_auto(chunks: object, zarr_format: ZarrFormat) -> Any:
    """Chunks, with "auto" for the values that mean a choice by shape and data type."""
    if chunks is None or chunks is True:
        return "auto"
    # In format 2 programs write 0, False or () for it.
    nothing = zarr_format == 2 and not isinstance(chunks, np.ndarray) and not chunks
    return "auto" if nothing else chunks


def dtype_for(dtype: ZDTypeLike | None, object_codec: object, zarr_format: ZarrFormat) -> AnyDType:
    """Return the data type with a name; for objects, their codec tells which kind they are of."""
    if dtype is None:
        dtype = "float64"
    if object_codec is None:
        return parse_dtype(dtype, zarr_format=zarr_format)
    is_object = dtype is object or (isinstance(dtype, str | np.dtype) and np.dtype(dtype) == object)
    if not is_object:
        raise ValueError(f"object_codec is for dtype=object only, and the dtype is {dtype!r}")
    name = {"name": "|O", "object_codec_id": _codec_id(object_codec)}
    return data_type_registry.match_json(name, zarr_format=2)


def _codec_id(codec: object) -> str:
    found = codec.get("id") if isinstance(codec, dict) else getattr(codec, "codec_id", None)
    if not isinstance(found, str) or not (isinstance(codec, dict) or _is_numcodec(codec)):
        raise TypeError(
            "object_codec must be a codec of numcodecs or the configuration of one. "
            f"Got an instance of {type(codec)} instead."
        )
    return found


def codec_parameters(
    zarr_format: ZarrFormat,
    codecs: Iterable[object] | None,
    filters: Iterable[object] | None,
    compressor: object,
    object_codec: object,
) -> dict[str, Any]:
    """The codecs as ``create_array`` names them."""
    if zarr_format == 2:
        chosen: Any = "auto" if filters is None else tuple(filters)
        if object_codec is not None:
            # Objects become bytes first; filters work on these.
            chosen = (object_codec,) if chosen == "auto" else (object_codec, *chosen)
        return {"filters": chosen, "compressors": compressor}
    if codecs is None:
        return {}
    array_array, array_bytes, bytes_bytes = split(parse_codecs(codecs))
    return {"filters": array_array, "serializer": array_bytes, "compressors": bytes_bytes}


def key_encoding(zarr_format: ZarrFormat, encoding: object, separator: str | None) -> Any:
    """How keys are made, from either parameter that says so."""
    if zarr_format == 2:
        return None if separator is None else {"name": "v2", "separator": separator}
    if isinstance(encoding, tuple):
        name, separator = encoding
        return {"name": name, "separator": separator}
    return encoding


async def create(
    shape: ShapeLike,
    *,
    chunks: ChunksLike | None = None,
    dtype: ZDTypeLike | None = None,
    compressor: CompressorLike = "auto",
    fill_value: object = DEFAULT_FILL_VALUE,
    order: MemoryOrder | None = None,
    store: StoreLike | None = None,
    synchronizer: Synchronizer | None = None,
    overwrite: bool = False,
    path: str | bytes | None = None,
    chunk_store: StoreLike | None = None,
    filters: Iterable[dict[str, JSON] | Numcodec] | None = None,
    cache_metadata: bool | None = None,
    cache_attrs: bool | None = None,
    read_only: bool | None = None,
    object_codec: Codec | None = None,
    dimension_separator: Literal[".", "/"] | None = None,
    write_empty_chunks: bool | None = None,
    zarr_version: ZarrFormat | None = None,
    zarr_format: ZarrFormat | None = None,
    meta_array: object = None,
    attributes: dict[str, JSON] | None = None,
    chunk_shape: ChunksLike | None = None,
    chunk_key_encoding: ChunkKeyEncoding
    | tuple[Literal["default"], Literal[".", "/"]]
    | tuple[Literal["v2"], Literal[".", "/"]]
    | None = None,
    codecs: Iterable[Codec | dict[str, JSON]] | None = None,
    dimension_names: DimensionNamesLike = None,
    storage_options: StorageOptions | None = None,
    config: ArrayConfigLike | None = None,
    mode: AccessModeLiteral | None = None,
    data: npt.ArrayLike | None = None,
) -> AnyAsyncArray:
    """Create an array.

    :func:`create_array` does the same with fewer parameters, and with shards.

    Parameters
    ----------
    shape : int or tuple of int
        The length of each dimension.
    chunks : int, tuple of int or bool, optional
        The shape of a chunk. None and True choose one by shape and data type, and in format 2
        so do 0, False and (); in format 3, False is one chunk for the whole array. One number is
        the length along each dimension.
    dtype : ZDTypeLike, optional
        The data type; float64 by default.
    compressor : Numcodec, dict or None, optional
        The compressor of a chunk: a codec of numcodecs, or None. Zstandard by default.
        Format 2 only: in format 3 it is one of the `codecs`.
    fill_value : scalar, optional
        The value of elements that were never written; the zero of the data type by default.
    order : {'C', 'F'}, optional
        The order of elements in a chunk of format 2: rows or columns lie together. For format 3 it
        is deprecated and means ``config={'order': ...}``.
    store : StoreLike, optional
        Where the array is to be: a store, the path of a directory, a URL, a dict. A new store in
        memory by default.
    synchronizer : object, optional
        Gives a lock for each key, as :class:`zarr.ProcessSynchronizer`: taken around each change
        of a part of a chunk, of the attributes and of the shape.
    overwrite : bool, optional
        Whether everything at that path is deleted first. Otherwise a node there is an error.
    path : str, optional
        The path of the array in the store.
    chunk_store : StoreLike, optional
        Where the chunks are to be, if not with the metadata.
    filters : iterable of Numcodec or dict, optional
        Filters, applied to the elements before they become bytes. Format 2 only: in format 3 they
        are among the `codecs`.
    cache_metadata : bool, optional
        Whether the returned array keeps what it knows of its metadata (the default); otherwise
        they are read before each operation.
    cache_attrs : bool, optional
        Whether the returned array keeps what it knows of its attributes (the default); otherwise
        they are read whenever they are looked at.
    read_only : bool, optional
        Whether the returned array refuses changes.
    object_codec : Numcodec, optional
        The codec that makes bytes of objects: needed with ``dtype=object``. Format 2 only.
    dimension_separator : {'.', '/'}, optional
        The separator between the numbers in the key of a chunk. Format 2 only: for format 3, see
        `chunk_key_encoding`.
    write_empty_chunks : bool, optional
        Deprecated: use ``config={'write_empty_chunks': ...}``. Whether chunks of which all
        elements are the fill value are stored; otherwise they are deleted.
    zarr_version : {2, 3, None}, optional
        Deprecated: use `zarr_format`.
    zarr_format : {2, 3, None}, optional
        The format. By default that of the setting ``default_zarr_format``.
    meta_array : array_like, optional
        An array of the kind that reading is to return: of NumPy or CuPy.
    attributes : dict, optional
        Attributes of the user, to be stored with the array.
    chunk_shape : int or tuple of int, optional
        Another name of `chunks`.
    chunk_key_encoding : ChunkKeyEncoding, optional
        How the keys of chunks are made; ``("default", "/")`` by default. Format 3 only.
    codecs : iterable of Codec or dict, optional
        The codecs of a chunk, in order. Format 3 only. By default what belongs to the data
        type, and Zstandard.
    dimension_names : iterable of str or None, optional
        A name for each dimension. Format 3 only.
    storage_options : dict, optional
        Settings for the store that a URL names. An error with any other `store`.
    config : ArrayConfigLike, optional
        Settings of the returned array, which are not stored.
    mode : {'a', 'r+', 'w', 'w-'}, optional
        'w' means `overwrite`, 'w-' that nothing may be at that path.
    data : array_like, optional
        The elements to write; they are broadcast to its shape.

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
    >>> zarr.create((10, 10), chunks=5, dtype="f4", fill_value=1.5)[0, :2]
    array([1.5, 1.5], dtype=float32)
    """
    asked = parse_format(zarr_format, zarr_version)
    chosen = asked or default_format()
    check_format_parameters(
        chosen,
        compressor=None if compressor == "auto" else (compressor,),
        filters=filters,
        dimension_separator=dimension_separator,
        object_codec=object_codec,
        codecs=codecs,
        chunk_key_encoding=chunk_key_encoding,
        dimension_names=dimension_names,
    )
    if chunk_shape is not None and chunks is not None:
        raise ValueError("Only one of chunk_shape or chunks can be provided.")
    settings = parse_config(
        config, order=None if chosen == 2 else order, write_empty_chunks=write_empty_chunks
    )
    store_path = await make_store_path(
        store, path=path_text(path), mode=mode or "a", storage_options=storage_options
    )
    new = NewArray(
        shape=parse_shapelike(shape),
        dtype=dtype_for(dtype, object_codec, chosen),
        chunks=chunks_or_auto(chunks if chunk_shape is None else chunk_shape, chosen),
        fill_value=fill_value,
        order=order or settings.order,
        attributes=attributes,
        dimension_names=dimension_names,
        **codec_parameters(chosen, codecs, filters, compressor, object_codec),
        chunk_key_encoding=key_encoding(chosen, chunk_key_encoding, dimension_separator),
    )
    access = await make_access(
        store_path,
        mode=mode or "a",
        chunk_store=chunk_store,
        synchronizer=synchronizer,
        cache_metadata=cache_metadata,
        cache_attrs=cache_attrs,
        meta_array=meta_array,
    )
    made: AnyAsyncArray = AsyncArray(new.metadata(chosen), store_path, settings, access=access)
    await place(made, data, overwrite=overwrite or mode == "w", beside=asked is not None)
    return accessed(made, access._replace(read_only=True)) if read_only else made


_OF_SHAPE = """
Parameters
----------
shape : int or tuple of int
    The length of each dimension.
**kwargs
    Parameters of :func:`create`.

Returns
-------
AsyncArray
    The array.

Raises
------
ContainsArrayError, ContainsGroupError
    If there is a node and it is not to be overwritten.
"""

_LIKE = """
Parameters
----------
a : array_like
    The other array.
zarr_format : {2, 3, None}, optional
    The format; by default that of `a`. Codecs are taken over within a format only.
**kwargs
    Parameters of :func:`create`.

Returns
-------
AsyncArray
    The array.

Raises
------
ContainsArrayError, ContainsGroupError
    If there is a node and it is not to be overwritten.
"""


async def empty(shape: ShapeLike, **kwargs: Unpack[EmptyOptions]) -> AnyAsyncArray:
    """Create an array whose elements will all be written, so that their first values do not matter.

    The elements have the fill value for now. Do not rely on it.

    Examples
    --------
    >>> import zarr
    >>> array = zarr.empty(4, dtype="i4", chunks=2)
    >>> array.shape
    (4,)
    """
    return await create(shape=shape, **kwargs)


async def empty_like(
    a: object, *, zarr_format: ZarrFormat | None = None, **kwargs: Unpack[LikeOptions]
) -> AnyAsyncArray:
    """Create an array with the shape, data type, chunks and codecs of another.

    The elements have the fill value for now. Do not rely on it.

    Examples
    --------
    >>> import numpy as np, zarr
    >>> array = zarr.empty_like(np.arange(4, dtype="i4"))
    >>> array.shape
    (4,)
    """
    return await create(**_like(a, kwargs, zarr_format))


async def zeros(shape: ShapeLike, **kwargs: Unpack[FullOptions]) -> AnyAsyncArray:
    """Create an array with the fill value zero.

    Examples
    --------
    >>> import zarr
    >>> array = zarr.zeros(4, dtype="i4", chunks=2)
    >>> array[:2]
    array([0, 0], dtype=int32)
    """
    return await create(shape=shape, fill_value=0, **kwargs)


async def zeros_like(
    a: object, *, zarr_format: ZarrFormat | None = None, **kwargs: Unpack[LikeOptions]
) -> AnyAsyncArray:
    """Create an array of zeros with the shape, data type, chunks and codecs of another.

    Examples
    --------
    >>> import numpy as np, zarr
    >>> array = zarr.zeros_like(np.arange(4, dtype="i4"))
    >>> array[:2]
    array([0, 0], dtype=int32)
    """
    return await zeros(**_without_fill(_like(a, kwargs, zarr_format), kwargs))


async def ones(shape: ShapeLike, **kwargs: Unpack[FullOptions]) -> AnyAsyncArray:
    """Create an array with the fill value one.

    Examples
    --------
    >>> import zarr
    >>> array = zarr.ones(4, dtype="i4", chunks=2)
    >>> array[:2]
    array([1, 1], dtype=int32)
    """
    return await create(shape=shape, fill_value=1, **kwargs)


async def ones_like(
    a: object, *, zarr_format: ZarrFormat | None = None, **kwargs: Unpack[LikeOptions]
) -> AnyAsyncArray:
    """Create an array of ones with the shape, data type, chunks and codecs of another.

    Examples
    --------
    >>> import numpy as np, zarr
    >>> array = zarr.ones_like(np.arange(4, dtype="i4"))
    >>> array[:2]
    array([1, 1], dtype=int32)
    """
    return await ones(**_without_fill(_like(a, kwargs, zarr_format), kwargs))


async def full(
    shape: ShapeLike, fill_value: object, **kwargs: Unpack[FullOptions]
) -> AnyAsyncArray:
    """Create an array with a fill value.

    Parameters
    ----------
    shape : int or tuple of int
        The length of each dimension.
    fill_value : scalar
        The value of elements that were never written.
    **kwargs
        Parameters of :func:`create`.

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
    >>> zarr.full(4, 7, dtype="i4", chunks=2)[:2]
    array([7, 7], dtype=int32)
    """
    return await create(shape=shape, fill_value=fill_value, **kwargs)


async def full_like(
    a: object, *, zarr_format: ZarrFormat | None = None, **kwargs: Unpack[LikeOptions]
) -> AnyAsyncArray:
    """Create an array with the shape, data type, chunks and codecs of another, and a fill value.

    Parameters
    ----------
    a : array_like
        The other array.
    zarr_format : {2, 3, None}, optional
        The format; by default that of `a`. Codecs are taken over within a format only.
    **kwargs
        Parameters of :func:`create`; ``fill_value`` is by default that of a zarr array `a`.

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
    >>> import numpy as np, zarr
    >>> zarr.full_like(np.arange(4, dtype="i4"), fill_value=7)[:2]
    array([7, 7], dtype=int32)
    """
    return await full(**_like(a, kwargs, zarr_format))


def _like(
    a: Any, kwargs: Mapping[str, Any], zarr_format: ZarrFormat | None = None
) -> dict[str, Any]:
    """Parameters of `create` for an array like `a`; what is given in `kwargs` wins."""
    kwargs = dict(kwargs)
    if "zarr_version" in kwargs:
        zarr_format = parse_format(zarr_format, kwargs.pop("zarr_version"))
    if zarr_format is not None:
        kwargs["zarr_format"] = zarr_format
    found = like(a, kwargs.get("zarr_format"))
    if "chunk_shape" in kwargs:
        found.pop("chunks", None)
    return {**found, **kwargs}


def _without_fill(found: dict[str, object], given: Mapping[str, object]) -> dict[str, Any]:
    """Without the fill value of the other array; one that was given is kept, to be refused."""
    if "fill_value" not in given:
        found.pop("fill_value", None)
    return found


# Not as decorators: mypy would infer their types too late for modules that import each other.
for _new in (empty, zeros, ones):
    with_sections(_OF_SHAPE)(_new)
for _alike in (empty_like, zeros_like, ones_like):
    with_sections(_LIKE)(_alike)
