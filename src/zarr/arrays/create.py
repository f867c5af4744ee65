"""Making arrays at a place in a store."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from zarr._async.progress import metered
from zarr._async.warnings import warn
from zarr.arrays.async_array import AsyncArray
from zarr.arrays.chunk_shapes import resolve_grids
from zarr.arrays.copy import array_like, begin, copy_data
from zarr.arrays.parameters import (
    DEFAULT_FILL_VALUE,
    DefaultFillValue,
    parse_config,
    v2_codecs,
    v3_codecs,
)
from zarr.codecs.chain import config_of
from zarr.codecs.numcodecs_links import codec_id
from zarr.codecs.sharding import ShardingCodec
from zarr.dtype import parse_dtype
from zarr.dtype.base import AnyDType, HasObjectCodec, exact_scalar
from zarr.dtype.strings import OBJECT_CODEC_IDS, OF_ANY_OBJECT, behind_object_codec
from zarr.errors import ZarrUserWarning
from zarr.hierarchy.open_options import DEFAULT_ACCESS, default_format, parse_format, unless_default
from zarr.hierarchy.place import place_node
from zarr.metadata.chunk_grids import grid_metadata, regular_shape
from zarr.metadata.chunk_key_encodings import V2ChunkKeyEncoding, parse_chunk_key_encoding
from zarr.metadata.fields import parse_shapelike
from zarr.metadata.json import as_attributes
from zarr.metadata.layout import layout_of, shared_by_copies
from zarr.metadata.v2 import ArrayV2Metadata, get_object_codec_id
from zarr.metadata.v3 import ArrayV3Metadata
from zarr.registry import state
from zarr.storage.path import places_of

if TYPE_CHECKING:
    from concurrent.futures import Executor
    from typing import Unpack

    from zarr.abc.codec import Codec
    from zarr.arrays.chunk_shapes import ChunkLayout
    from zarr.arrays.parameters import ArrayOptions, CompressorsLike, FiltersLike, SerializerLike
    from zarr.dtype import ZDTypeLike
    from zarr.hierarchy.open_options import Access
    from zarr.metadata.chunk_key_encodings import ChunkKeyEncodingLike
    from zarr.metadata.spec import ArrayConfigLike
    from zarr.storage.path import StorePath
    from zarr.types import (
        JSON,
        AnyAsyncArray,
        AnyScalar,
        ArrayMetadata,
        ChunksLike,
        DimensionNamesLike,
        MemoryOrder,
        ShapeLike,
        ShardsLike,
        ZarrFormat,
    )


class Kept(NamedTuple):
    """Parameters of ``create_array``, with ``"keep"`` resolved."""

    chunks: object
    shards: object
    filters: object
    compressors: object
    serializer: object
    fill_value: AnyScalar
    order: MemoryOrder | None
    zarr_format: ZarrFormat | None
    chunk_key_encoding: object
    dimension_names: object


def keep(
    data: object,
    *,
    chunks: object = "keep",
    shards: object = "keep",
    filters: object = "keep",
    compressors: object = "keep",
    serializer: object = "keep",
    fill_value: object = DEFAULT_FILL_VALUE,
    order: MemoryOrder | None = None,
    zarr_format: ZarrFormat | None = None,
    chunk_key_encoding: object = None,
    dimension_names: object = None,
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


def _is_keep(value: object) -> bool:
    return isinstance(value, str) and value == "keep"


def _kept_codecs(of_source: object, given: object, same: bool) -> object:
    if not _is_keep(given):
        return given
    return of_source if same else "auto"


def _kept_order(metadata: object, given: MemoryOrder | None, same: bool) -> MemoryOrder | None:
    if given is not None or not same or not isinstance(metadata, ArrayV2Metadata):
        return given
    return metadata.order


def _kept_chunks(source: AnyAsyncArray) -> object:
    try:
        return source.chunks
    except NotImplementedError:  # chunks of several sizes
        return source.metadata.chunk_grid


def _kept_shards(source: AnyAsyncArray) -> object:
    try:
        return source.shards
    except NotImplementedError:
        return source.metadata.chunk_grid


def kept_attributes(data: object, attributes: dict[str, JSON] | None) -> dict[str, JSON] | None:
    """The attributes that are given, or those of a zarr array."""
    source = getattr(data, "async_array", data)
    if attributes is None and isinstance(source, AsyncArray):
        return dict(source.metadata.attributes)
    return attributes


def like(a: object, zarr_format: ZarrFormat | None = None) -> dict[str, object]:
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
    found: dict[str, object] = {
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


# The size that an element without a fixed one is taken to have, for choosing chunks.
_OBJECT_SIZE = 16


_PLAIN = frozenset((type(None), bool, int, float, str, DefaultFillValue))


class NewArray(NamedTuple):
    """A new array to be made, in either format: shape, data type and `ArrayOptions`."""

    shape: tuple[int, ...]
    dtype: AnyDType
    chunks: ChunksLike = "auto"
    shards: ShardsLike | None = None
    filters: FiltersLike = "auto"
    compressors: CompressorsLike = "auto"
    serializer: SerializerLike = "auto"
    fill_value: AnyScalar = DEFAULT_FILL_VALUE
    order: MemoryOrder | None = None
    attributes: Mapping[str, JSON] | None = None
    chunk_key_encoding: ChunkKeyEncodingLike | None = None
    dimension_names: DimensionNamesLike = None

    def metadata(self, zarr_format: int) -> ArrayMetadata:
        """The metadata in a format."""
        if zarr_format == 2:
            return self._v2()
        plain = self._plain()
        if plain is None:
            return self._v3()
        new = self if self.attributes is None else self._replace(attributes=None)
        return _known_v3(new, plain, state()).update_attributes(as_attributes(self.attributes))

    def _plain(self) -> str | None:
        """The parameters as a string, if they are plain values and the codecs are the usual ones.

        Programs make many arrays alike. By this string, and not by equality, such are told from
        others: 1, 1.0 and True are equal, and mean different things.
        """
        if self.chunk_key_encoding is not None:
            return None
        for codecs in (self.filters, self.compressors, self.serializer):
            if type(codecs) is not str or codecs != "auto":
                return None
        plain = (self.chunks, self.shards, self.fill_value, self.order, self.dimension_names)
        for value in plain:
            for item in value if type(value) is tuple else (value,):
                if type(item) not in _PLAIN or item != item:  # a NaN has bits that it does not show
                    return None
        try:
            hash(self.dtype)
        except TypeError:  # one of another package
            return None
        return repr(plain)

    def _v2(self) -> ArrayV2Metadata:
        filters, compressor = v2_codecs(self.filters, self.compressors, self.dtype)
        codec = get_object_codec_id(map(config_of, filters))
        dtype = behind_object_codec(self.dtype, codec)
        if dtype != self.dtype:
            return self._replace(dtype=dtype)._v2()
        if self.serializer != "auto":
            raise ValueError("Zarr format 2 arrays do not support `serializer`.")
        if self.dimension_names is not None:
            raise ValueError("Zarr format 2 arrays do not support dimension names.")
        if self.shards is not None:
            raise ValueError(
                "Zarr format 2 arrays can only be created with `shard_shape` set to `None`. "
                f"Got `shard_shape={self.shards}` instead."
            )
        layout = self._layout()
        chunks = regular_shape(layout.outer)
        if chunks is None:
            raise ValueError("Zarr format 2 does not support rectilinear chunk grids.")
        _check_object_codec(self.dtype, [*(filters or ()), compressor])
        fill_value = self.fill_value
        if fill_value is DEFAULT_FILL_VALUE:
            fill_value = self.dtype.default_scalar()
        elif fill_value is not None:
            fill_value = exact_scalar(self.dtype, fill_value)
        return ArrayV2Metadata(
            shape=self.shape,
            dtype=self.dtype,
            chunks=chunks,
            fill_value=fill_value,
            order=self.order or "C",
            dimension_separator=self._v2_separator(),
            filters=filters or None,
            compressor=compressor,
            attributes=as_attributes(self.attributes),
        )

    def _v3(self) -> ArrayV3Metadata:
        filters, serializer, compressors = v3_codecs(
            self.filters, self.serializer, self.compressors, self.dtype
        )
        codecs: tuple[Codec, ...] = (*filters, serializer, *compressors)
        layout = self._layout()
        if layout.inner is not None:
            codecs = (self._sharding(layout.inner, codecs),)
        fill_value = self.fill_value
        if fill_value is DEFAULT_FILL_VALUE or fill_value is None:
            fill_value = self.dtype.default_scalar()
        else:
            fill_value = exact_scalar(self.dtype, fill_value)
        encoding = self.chunk_key_encoding
        return ArrayV3Metadata(
            shape=self.shape,
            data_type=self.dtype,
            chunk_grid=grid_metadata(layout.outer),
            chunk_key_encoding={"name": "default"} if encoding is None else encoding,
            fill_value=fill_value,
            codecs=codecs,
            attributes=as_attributes(self.attributes),
            dimension_names=self.dimension_names,
        )

    def _layout(self) -> ChunkLayout:
        item_size = getattr(self.dtype, "item_size", None) or _OBJECT_SIZE
        return resolve_grids(self.shape, self.chunks, self.shards, item_size)

    def _sharding(self, chunk_shape: tuple[int, ...], codecs: tuple[Codec, ...]) -> ShardingCodec:
        index_location: Any = "end"
        if isinstance(self.shards, Mapping):
            index_location = self.shards.get("index_location", index_location)
        return ShardingCodec(chunk_shape=chunk_shape, codecs=codecs, index_location=index_location)

    def _v2_separator(self) -> Literal[".", "/"]:
        if self.chunk_key_encoding is None:
            return "."
        encoding = parse_chunk_key_encoding(self.chunk_key_encoding)
        if not isinstance(encoding, V2ChunkKeyEncoding):
            raise ValueError(
                "Invalid chunk key encoding. For Zarr format 2 arrays, the `name` field of the "
                f"chunk key encoding must be 'v2'. Got `name` = {encoding.name} instead."
            )
        return encoding.separator


@lru_cache(maxsize=64)
def _known_v3(new: NewArray, plain: str, settings: tuple[int, int]) -> ArrayV3Metadata:
    """The metadata of arrays that are made alike, under the same settings; without attributes."""
    return new._v3()


def _check_object_codec(dtype: AnyDType, chain: list[Any]) -> None:
    """Refuse elements without a fixed size where no codec makes bytes of them."""
    if not isinstance(dtype, HasObjectCodec):
        return
    found = [codec_id(config_of(codec)) for codec in chain if codec is not None]
    if not any(name in OBJECT_CODEC_IDS or name in OF_ANY_OBJECT for name in found):
        raise ValueError(
            f"Data type {dtype} requires the object codec {dtype.object_codec_id!r}, but there is "
            f"no such codec among the filters. Got {found}."
        )


class Source(NamedTuple):
    """The source of a new array: an array-like or None, its shape and its data type."""

    data: Any
    shape: ShapeLike
    dtype: ZDTypeLike


def source_of(data: object, shape: ShapeLike | None, dtype: ZDTypeLike | None) -> Source:
    """Return the source of the elements of a new array, if any; its shape and data type.

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
    zarr_format: ZarrFormat | None = 3,
    overwrite: bool = False,
    config: ArrayConfigLike | None = None,
    parents: bool = True,
    beside: bool = False,
    data: object = None,
    executor: Executor | None = None,
    access: Access = DEFAULT_ACCESS,
    **options: Unpack[ArrayOptions],
) -> AnyAsyncArray:
    """Make an array at a place in a store.

    All that can be refused is, before anything is changed.

    Parameters
    ----------
    store_path : StorePath
        Where the array is to be.
    shape, dtype, zarr_format, overwrite, config
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
    **options
        How the array is stored, as for :func:`zarr.create_array`.

    Returns
    -------
    AsyncArray
        The array.
    """
    array = new_array(
        store_path=store_path,
        shape=shape,
        dtype=dtype,
        zarr_format=zarr_format,
        config=config,
        access=access,
        **options,
    )
    await place(array, data, overwrite=overwrite, parents=parents, beside=beside, executor=executor)
    return array


def new_array(
    *,
    store_path: StorePath,
    shape: ShapeLike,
    dtype: ZDTypeLike,
    zarr_format: ZarrFormat | None = 3,
    config: ArrayConfigLike | None = None,
    access: Access = DEFAULT_ACCESS,
    **options: Unpack[ArrayOptions],
) -> AnyAsyncArray:
    """Return the handle of an array that is to be stored by `place`; see `init_array`."""
    chosen = parse_format(zarr_format) or default_format()
    order = options.get("order")
    settings = parse_config(config, order=None if chosen == 2 else order)
    options["order"] = order or settings.order
    new = NewArray(parse_shapelike(shape), parse_dtype(dtype, zarr_format=chosen), **options)
    return AsyncArray(new.metadata(chosen), store_path, settings, access=access)


async def place(
    array: AnyAsyncArray,
    data: object = None,
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
        The data that are written to it; see `begin`.
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
    store_path, chunk_path = array.store_path, array.access.chunk_path
    known = shared_by_copies(array.metadata)
    if "_compiles" not in known:
        array.engine()  # which there is none of if the codecs make no chain
        known["_compiles"] = True
    if data is not None:
        array.check_writable()
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
    array.known_stored()
    if data is not None:
        await _copy(data, array, executor)


async def _copy(data: object, array: AnyAsyncArray, executor: Executor | None) -> None:
    if isinstance(data, np.ndarray) and executor is None:
        await copy_data(data, array)  # a write, which is shown as one
        return
    size = array.dtype.itemsize
    with metered("create", array.nbytes) as meter:
        await copy_data(
            data, array, executor=executor, done=lambda count: meter.advance(count * size)
        )
