"""Strategies for selections, arrays and groups."""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from zarr.abc.codec import ArrayBytesCodec
from zarr.api.synchronous import create_array, open_group
from zarr.codecs import BytesCodec, ShardingCodec
from zarr.dtype import parse_dtype
from zarr.metadata.chunk_grids import RegularChunkGridMetadata
from zarr.metadata.chunk_key_encodings import DefaultChunkKeyEncoding
from zarr.metadata.v2 import ArrayV2Metadata
from zarr.metadata.v3 import ArrayV3Metadata
from zarr.settings import config
from zarr.storage import MemoryStore
from zarr.storage.keys import normalize_path
from zarr.testing.strategies import documents
from zarr.testing.strategies.documents import array_shapes as small_shapes
from zarr.testing.strategies.documents import (
    chunk_shapes,
    dtypes,
    rectilinear_chunks,
    safe_unicode_for_dtype,
    shard_shapes,
    v3_dtypes,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hypothesis.strategies import SearchStrategy

    from zarr.types import (
        JSON,
        AccessModeLiteral,
        AnyArray,
        AnyNDArray,
        ArrayMetadata,
        NumpyDType,
        ZarrFormat,
    )


def is_negative_slice(idx: Any) -> bool:
    """Whether a value is a slice that goes backward.

    Parameters
    ----------
    idx
        An item of a selection.
    """
    return isinstance(idx, slice) and idx.step is not None and idx.step < 0


@st.composite
def end_slices(draw: st.DrawFn, *, shape: tuple[int, ...]) -> tuple[slice, ...]:
    """Slices in the second half of each dimension, where the last chunk is.

    Parameters
    ----------
    shape : tuple of int
        The shape of the array.
    """
    slices = []
    for length in shape:
        start = draw(st.integers(length // 2, max(length // 2, length - 1)))
        slices.append(slice(start, draw(st.integers(start, length))))
    return tuple(slices)


@st.composite
def basic_indices(
    draw: st.DrawFn,
    *,
    shape: tuple[int, ...],
    min_dims: int = 0,
    max_dims: int | None = None,
    allow_newaxis: bool = False,
    allow_ellipsis: bool = True,
) -> Any:
    """Integers and slices that go forward.

    Parameters
    ----------
    shape : tuple of int
        The shape of the array.
    min_dims, max_dims : int, optional
        The number of dimensions of the result.
    allow_newaxis, allow_ellipsis : bool, optional
        Whether there may be such items.
    """
    items: SearchStrategy[Any] = npst.basic_indices(  # type: ignore[call-overload]
        shape,
        min_dims=min_dims,
        max_dims=max_dims,
        allow_newaxis=allow_newaxis,
        allow_ellipsis=allow_ellipsis,
    )
    forward = items.filter(
        lambda found: (
            not any(
                is_negative_slice(item)
                for item in (found if isinstance(found, tuple) else (found,))
            )
        )
    )
    fits = min_dims <= len(shape) and (max_dims is None or max_dims >= len(shape))
    return draw(st.one_of(forward, end_slices(shape=shape)) if fits else forward)


@st.composite
def orthogonal_indices(
    draw: st.DrawFn, *, shape: tuple[int, ...]
) -> tuple[tuple[int | slice | AnyNDArray, ...], tuple[AnyNDArray, ...]]:
    """Integers, slices and integer arrays for ``oindex``, and the same for NumPy.

    Parameters
    ----------
    shape : tuple of int
        The shape of the array, which has elements.
    """
    items: list[Any] = []
    arrays: list[AnyNDArray] = []
    for length in shape:
        index = st.integers(-length, length - 1)
        ranges = basic_indices(shape=(length,), min_dims=1, allow_ellipsis=False)
        lists = st.lists(index, min_size=1, max_size=length).map(
            lambda found: np.array(found, dtype=np.intp)
        )
        item = draw(st.one_of(index, ranges, lists))
        if isinstance(item, tuple):
            item = item[0] if item else slice(None)
        items.append(item)
        arrays.append(np.arange(length)[item] if isinstance(item, slice) else np.asarray(item))
    # Each array along a dimension of its own; integers have none.
    ndim = sum(array.ndim for array in arrays)
    axis = 0
    for which, array in enumerate(arrays):
        if array.ndim:
            arrays[which] = array.reshape([-1 if i == axis else 1 for i in range(ndim)])
            axis += 1
    return tuple(items), tuple(np.broadcast_arrays(*arrays))


@st.composite
def block_indices(
    draw: st.DrawFn, *, chunk_sizes: tuple[tuple[int, ...], ...]
) -> tuple[tuple[int | slice, ...], tuple[slice, ...]]:
    """Integers and slices that count chunks, and the elements that they mean.

    Parameters
    ----------
    chunk_sizes : tuple of tuple of int
        The lengths of the chunks along each dimension.
    """
    blocks: list[int | slice] = []
    elements: list[slice] = []
    for sizes in chunk_sizes:
        edges = [0, *accumulate(sizes)]
        count = len(sizes)
        if draw(st.booleans()):
            which = draw(st.integers(0, count - 1))
            blocks.append(draw(st.sampled_from([which, which - count])))
            elements.append(slice(edges[which], edges[which + 1]))
            continue
        start = draw(st.none() | st.integers(-count, count - 1))
        stop = draw(st.none() | st.integers(-count, count))
        found = slice(start, stop, draw(st.sampled_from([None, 1])))
        first, last, _ = found.indices(count)
        blocks.append(found)
        elements.append(slice(edges[first], edges[max(first, last)]))
    return tuple(blocks), tuple(elements)


_ANY_PATHS = documents.paths()
_SHARDED_SHAPES = npst.array_shapes(max_dims=4, max_side=8)
_RECTILINEAR_SHAPES = npst.array_shapes(max_dims=3, max_side=20)


# -- in memory ----------------------------------------------------------------------------------


@st.composite
def numpy_arrays(
    draw: st.DrawFn,
    *,
    shapes: SearchStrategy[tuple[int, ...]] = small_shapes,
    dtype: NumpyDType | None = None,
) -> AnyNDArray:
    """Arrays of NumPy.

    Parameters
    ----------
    shapes : strategy of tuple of int, optional
        Their shapes.
    dtype : dtype, optional
        Their data type; any that Zarr has if None.
    """
    if dtype is None:
        dtype = draw(v3_dtypes())
    elements = safe_unicode_for_dtype(dtype) if dtype.kind == "U" else None
    return draw(npst.arrays(dtype=dtype, shape=shapes, elements=elements))


_ANY_ARRAYS = numpy_arrays()


@st.composite
def np_array_and_chunks(
    draw: st.DrawFn, *, arrays: SearchStrategy[AnyNDArray] = _ANY_ARRAYS
) -> tuple[AnyNDArray, tuple[int, ...]]:
    """Arrays of NumPy, and the shape of chunks for them.

    Parameters
    ----------
    arrays : strategy of ndarray, optional
        The arrays.
    """
    array = draw(arrays)
    return array, draw(chunk_shapes(shape=array.shape))


# -- in stores ----------------------------------------------------------------------------------


@st.composite
def arrays(
    draw: st.DrawFn,
    *,
    shapes: SearchStrategy[tuple[int, ...]] = small_shapes,
    compressors: SearchStrategy[Any] = documents.compressors,
    stores: SearchStrategy[Any] = documents.stores,
    paths: SearchStrategy[str] = _ANY_PATHS,
    array_names: SearchStrategy[str] = documents.array_names,
    arrays: SearchStrategy[AnyNDArray] | None = None,
    attrs: SearchStrategy[Any] = documents.attrs,
    zarr_formats: SearchStrategy[ZarrFormat] = documents.zarr_formats,
    subchunk_write_orders: SearchStrategy[Any] = documents.subchunk_write_orders,
    open_mode: AccessModeLiteral = "w",
) -> AnyArray:
    """Arrays in a store, in a group, with data in them.

    Parameters
    ----------
    shapes : strategy of tuple of int, optional
        Their shapes.
    compressors : strategy, optional
        None, ``"default"``, or what ``create_array`` takes; a serializer stands for None.
    stores : strategy of StoreLike, optional
        Where they are.
    paths, array_names : strategy of str, optional
        The paths of their groups, and their names there.
    arrays : strategy of ndarray, optional
        Their elements.
    attrs : strategy of dict or None, optional
        Their attributes.
    zarr_formats : strategy of {2, 3}, optional
        Their formats.
    subchunk_write_orders : strategy of str, optional
        The orders in which the chunks of shards are written.
    open_mode : {'r', 'r+', 'a', 'w', 'w-'}, optional
        How the group is opened.
    """
    store = draw(stores, label="store")
    path = draw(paths, label="array parent")
    name = draw(array_names, label="array name")
    attributes = draw(attrs, label="attributes")
    zarr_format = draw(zarr_formats, label="zarr format")
    data = draw(numpy_arrays(shapes=shapes) if arrays is None else arrays, label="array")
    compressor = draw(compressors, label="compressor")
    # NumPy has no zero of these kinds that does not depend on the length or the unit.
    zeros = [None] if data.dtype.kind in "SUMm" else [None, data.dtype.type()]
    options: dict[str, Any] = {"fill_value": draw(st.sampled_from(zeros), label="fill value")}
    if isinstance(compressor, ArrayBytesCodec):  # said of a serializer: nothing comes after it
        compressor = None
    options["compressors"] = "auto" if compressor == "default" else compressor
    options["chunks"] = draw(chunk_shapes(shape=data.shape), label="chunk shape")
    if zarr_format == 3:
        options["dimension_names"] = draw(documents.dimension_names(ndim=data.ndim), label="names")
        if data.size and draw(st.booleans(), label="sharded"):
            order = draw(subchunk_write_orders, label="write order")
            options |= draw(_sharding(data.shape, options["chunks"], order))
    group = open_group(store, path=normalize_path(path), mode=open_mode, zarr_format=zarr_format)
    array = group.create_array(
        name,
        shape=data.shape,
        dtype=data.dtype,
        attributes=attributes,
        **options,
    )
    assert array.name == f"/{array.path}"
    assert array.attrs.asdict() == (attributes or {})
    array[...] = data
    return array


@st.composite
def _sharding(
    draw: st.DrawFn, shape: tuple[int, ...], chunks: tuple[int, ...], order: Any
) -> dict[str, Any]:
    """Parameters of ``create_array`` for chunks in shards."""
    shards = draw(shard_shapes(shape=shape, chunk_shape=chunks), label="shard shape")
    codec = ShardingCodec(
        chunk_shape=chunks,
        codecs=draw(documents.sharding_inner_codecs),
        index_location=draw(st.sampled_from(["start", "end"])),
        subchunk_write_order=order,
    )
    return {"chunks": shards, "serializer": codec, "compressors": None}


@st.composite
def simple_arrays(
    draw: st.DrawFn, *, shapes: SearchStrategy[tuple[int, ...]] = small_shapes
) -> Any:
    """Arrays in a store that have short names and no attributes.

    Parameters
    ----------
    shapes : strategy of tuple of int, optional
        Their shapes.
    """
    return draw(
        arrays(
            shapes=shapes,
            paths=documents.paths(max_num_nodes=2),
            array_names=documents.short_node_names,
            attrs=st.none(),
            compressors=st.sampled_from([None, "default"]),
        )
    )


@st.composite
def sharded_arrays(
    draw: st.DrawFn,
    *,
    shapes: SearchStrategy[tuple[int, ...]] = _SHARDED_SHAPES,
    nested: bool | None = None,
) -> Any:
    """Arrays whose chunks are in shards.

    Parameters
    ----------
    shapes : strategy of tuple of int, optional
        Their shapes.
    nested : bool, optional
        Whether the chunks of shards are shards themselves; either if None.
    """
    data, chunks = draw(np_array_and_chunks(arrays=numpy_arrays(shapes=shapes)))
    if nested is None:
        nested = draw(st.booleans())
    outer = draw(shard_shapes(shape=data.shape, chunk_shape=chunks))
    codec = ShardingCodec(chunk_shape=chunks, codecs=draw(documents.sharding_inner_codecs))
    if nested:
        middle = outer
        outer = tuple(size * draw(st.integers(1, 2)) for size in middle)
        codec = ShardingCodec(chunk_shape=middle, codecs=[codec])
    array = create_array(
        MemoryStore(),
        shape=data.shape,
        dtype=data.dtype,
        chunks=outer,
        serializer=codec,
        compressors=None,
    )
    array[...] = data
    return array


def _rectilinear(store: Any, data: AnyNDArray, chunks: Any, **options: Any) -> AnyArray:
    with config.set({"array.rectilinear_chunks": True}):
        array = create_array(
            store, shape=data.shape, dtype=data.dtype, chunks=chunks, zarr_format=3, **options
        )
    array[...] = data
    return array


@st.composite
def rectilinear_arrays(
    draw: st.DrawFn, *, shapes: SearchStrategy[tuple[int, ...]] = _RECTILINEAR_SHAPES
) -> Any:
    """Arrays whose chunks have several sizes.

    Parameters
    ----------
    shapes : strategy of tuple of int, optional
        Their shapes.
    """
    data = draw(numpy_arrays(shapes=shapes))
    return _rectilinear(MemoryStore(), data, draw(rectilinear_chunks(shape=data.shape)))


@st.composite
def complex_rectilinear_arrays(
    draw: st.DrawFn,
    *,
    stores: SearchStrategy[Any] = documents.stores,
    paths: SearchStrategy[str] = _ANY_PATHS,
    array_names: SearchStrategy[str] = documents.array_names,
    attrs: SearchStrategy[Any] = documents.attrs,
) -> tuple[AnyNDArray, AnyArray]:
    """Arrays whose chunks have several sizes, at a path in a store, beside what is in them.

    Parameters
    ----------
    stores : strategy of StoreLike, optional
        Where they are.
    paths, array_names : strategy of str, optional
        The paths of their groups, and their names there.
    attrs : strategy of dict or None, optional
        Their attributes.
    """
    data = draw(numpy_arrays(shapes=_RECTILINEAR_SHAPES))
    chunks = draw(rectilinear_chunks(shape=data.shape))
    path = normalize_path(f"{draw(paths)}/{draw(array_names)}")
    array = _rectilinear(
        draw(stores), data, chunks, name=path, attributes=draw(attrs), overwrite=True
    )
    return data, array


@st.composite
def block_test_arrays(draw: st.DrawFn) -> tuple[AnyArray, AnyNDArray]:
    """Arrays with chunks of one size, of several, or in shards, beside what is in them."""
    kind = draw(st.sampled_from(["regular", "sharded", "rectilinear"]))
    if kind == "sharded":
        array = draw(sharded_arrays(nested=False))
        return array, np.asarray(array[...])
    shapes = npst.array_shapes(max_dims=3, max_side=8)
    data, chunks = draw(np_array_and_chunks(arrays=numpy_arrays(shapes=shapes)))
    if kind == "rectilinear":
        return _rectilinear(MemoryStore(), data, draw(rectilinear_chunks(shape=data.shape))), data
    array = create_array(MemoryStore(), shape=data.shape, dtype=data.dtype, chunks=chunks)
    array[...] = data
    return array, data


# -- metadata -----------------------------------------------------------------------------------


@st.composite
def array_metadata(
    draw: st.DrawFn,
    *,
    array_shapes: Callable[..., SearchStrategy[tuple[int, ...]]] = npst.array_shapes,
    zarr_formats: SearchStrategy[Literal[2, 3]] = documents.zarr_formats,
    attributes: SearchStrategy[Mapping[str, JSON] | None] = documents.attrs,
) -> ArrayMetadata:
    """Metadata of arrays.

    Parameters
    ----------
    array_shapes : callable, optional
        Makes a strategy of shapes.
    zarr_formats : strategy of {2, 3}, optional
        The formats.
    attributes : strategy of dict or None, optional
        The attributes.
    """
    zarr_format = draw(zarr_formats)
    shape = draw(array_shapes())
    chunks = draw(chunk_shapes(shape=shape))
    native = draw(dtypes())
    elements = safe_unicode_for_dtype(native) if native.kind == "U" else npst.from_dtype(native)
    fill_value = draw(elements)
    dtype = parse_dtype(native, zarr_format=zarr_format)
    attrs: Any = draw(attributes)
    if zarr_format == 2:
        return ArrayV2Metadata(
            shape=shape,
            chunks=chunks,
            dtype=dtype,
            fill_value=fill_value,
            order=draw(st.sampled_from(["C", "F"])),
            dimension_separator=draw(st.sampled_from([".", "/"])),
            filters=None,
            compressor=None,
            attributes=attrs,
        )
    return ArrayV3Metadata(
        shape=shape,
        data_type=dtype,
        chunk_grid=RegularChunkGridMetadata(chunk_shape=chunks),
        chunk_key_encoding=DefaultChunkKeyEncoding(separator=draw(st.sampled_from(["/", "."]))),
        fill_value=fill_value,
        codecs=[BytesCodec()],
        attributes=attrs,
        dimension_names=draw(documents.dimension_names(ndim=len(shape))),
        storage_transformers=None,
    )
