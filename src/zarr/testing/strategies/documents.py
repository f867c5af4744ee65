"""Strategies for names, settings, data types and chunk grids."""

from __future__ import annotations

import string
import sys
from itertools import pairwise
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from zarr._async.run import sync
from zarr.abc.store import OffsetByteRequest, RangeByteRequest, SuffixByteRequest
from zarr.codecs import BytesCodec, SubchunkWriteOrder, ZstdCodec
from zarr.dtype import RawBytes, Struct, VariableLengthBytes, VariableLengthUTF8, parse_dtype
from zarr.hierarchy.documents import DOCUMENTS
from zarr.metadata.chunk_grids import (
    RectilinearChunkGridMetadata,
    RegularChunkGridMetadata,
    compress_rle,
)
from zarr.settings import config
from zarr.storage import MemoryStore
from zarr.storage.keys import is_hidden

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

    from zarr.abc.store import ByteRequest, Store
    from zarr.dtype.base import AnyDType
    from zarr.metadata.chunk_grids import ChunkGridMetadata
    from zarr.types import NumpyDType, ZarrFormat

zarr_key_chars = st.sampled_from(tuple(sorted(string.ascii_letters + string.digits + "._-")))
"""Characters that any store can have in its keys."""


def _is_name(text: str) -> bool:
    # Names that the specification reserves, and names of documents, also on file systems which do
    # not tell upper from lower case.
    reserved = text in (".", "..") or text.startswith("__") or text.lower() in DOCUMENTS
    # Listings of directories skip the files that systems put there.
    return not reserved and not is_hidden(text)


node_names = st.text(zarr_key_chars, min_size=1).filter(_is_name)
"""Names of nodes."""
short_node_names = st.text(zarr_key_chars, min_size=1, max_size=3).filter(_is_name)
"""Names of nodes that are likely to meet again."""
array_names = node_names
"""Names of arrays."""

_attribute_names = st.text(min_size=1)
_attribute_values = st.recursive(
    st.none() | st.booleans() | st.text(max_size=5),
    lambda children: st.lists(children) | st.dictionaries(_attribute_names, children),
    max_leaves=3,
)
attrs: SearchStrategy[Any] = st.none() | st.dictionaries(_attribute_names, _attribute_values)
"""Attributes of a node, or None."""


@st.composite
def keys(draw: st.DrawFn, *, max_num_nodes: int | None = None) -> str:
    """Keys: one name, or several with slashes between them.

    Parameters
    ----------
    max_num_nodes : int, optional
        The most names.
    """
    return "/".join(draw(st.lists(node_names, min_size=1, max_size=max_num_nodes)))


@st.composite
def paths(draw: st.DrawFn, *, max_num_nodes: int | None = None) -> str:
    """Paths of nodes, the root (``"/"``) included.

    Parameters
    ----------
    max_num_nodes : int, optional
        The most names.
    """
    return draw(st.just("/") | keys(max_num_nodes=max_num_nodes))


@st.composite
def dimension_names(draw: st.DrawFn, *, ndim: int | None = None) -> list[str | None] | None:
    """Names of the dimensions of an array, or None.

    Parameters
    ----------
    ndim : int, optional
        The number of dimensions; any small one if None.
    """
    if ndim is None:
        ndim = draw(st.integers(0, 4))
    name = st.none() | st.text(zarr_key_chars, min_size=1)
    return draw(st.none() | st.lists(name, min_size=ndim, max_size=ndim))


@st.composite
def key_ranges(
    draw: st.DrawFn, keys: SearchStrategy[str] = node_names, max_size: int = sys.maxsize
) -> list[tuple[str, ByteRequest | None]]:
    """Requests for values, or parts of values, of several keys.

    Parameters
    ----------
    keys : strategy of str, optional
        The keys.
    max_size : int, optional
        No part begins or ends behind this byte.
    """
    place = st.integers(0, max_size)
    requests: SearchStrategy[Any] = st.one_of(
        st.none(),
        st.tuples(place, place).map(sorted).map(lambda ends: RangeByteRequest(*ends)),
        place.map(OffsetByteRequest),
        place.map(SuffixByteRequest),
    )
    return draw(st.lists(st.tuples(keys, requests), min_size=1, max_size=10))


SUBCHUNK_WRITE_ORDER: tuple[SubchunkWriteOrder, ...] = get_args(SubchunkWriteOrder)
"""The orders in which the chunks of a shard can be written."""


def clear_store(x: Store) -> Store:
    """Return a store, emptied.

    Parameters
    ----------
    x : Store
        The store.
    """
    sync(x.clear())
    return x


zarr_formats: SearchStrategy[ZarrFormat] = st.sampled_from([3, 2])
"""The formats."""
stores: SearchStrategy[Any] = st.builds(lambda: clear_store(MemoryStore()))
"""Empty stores."""
compressors: SearchStrategy[Any] = st.sampled_from([None, "default"])
"""No compressor, or the one that is chosen where none is named."""
subchunk_write_orders: SearchStrategy[SubchunkWriteOrder] = st.sampled_from(SUBCHUNK_WRITE_ORDER)
"""The orders in which the chunks of a shard can be written."""
sharding_inner_codecs: SearchStrategy[Any] = st.sampled_from(
    [[BytesCodec()], [BytesCodec(), ZstdCodec()]]
)
"""Codecs of the chunks in a shard."""


DATETIME_UNIT = (
    *("Y", "M", "W", "D", "h", "m", "s", "ms", "us", "μs", "ns", "ps", "fs", "as", "generic"),
)
"""The units of dates and times."""

_letters = st.text(st.characters(min_codepoint=97, max_codepoint=122), min_size=1, max_size=4)


def _plain(endianness: Any) -> SearchStrategy[NumpyDType]:
    return st.one_of(
        npst.boolean_dtypes(),
        npst.integer_dtypes(endianness=endianness),
        npst.unsigned_integer_dtypes(endianness=endianness),
        npst.floating_dtypes(endianness=endianness, sizes=(16, 32, 64)),
        npst.complex_number_dtypes(endianness=endianness, sizes=(64, 128)),
        npst.byte_string_dtypes(endianness=endianness),
        npst.unicode_string_dtypes(endianness=endianness),
        npst.datetime64_dtypes(endianness=endianness),
        npst.timedelta64_dtypes(endianness=endianness),
    )


def v3_dtypes() -> SearchStrategy[NumpyDType]:
    """NumPy's data types that arrays of format 3 can have."""
    return _plain("=")


def v2_dtypes() -> SearchStrategy[NumpyDType]:
    """NumPy's data types that arrays of format 2 can have."""
    return _plain("=")


def dtypes() -> SearchStrategy[NumpyDType]:
    """NumPy's data types that arrays of both formats can have."""
    return v3_dtypes() | v2_dtypes()


def safe_unicode_for_dtype(dtype: np.dtype[np.str_]) -> SearchStrategy[str]:
    """Texts that an element of a data type can hold, and that come back as they were.

    Parameters
    ----------
    dtype : dtype
        A data type of strings of one length.
    """
    # NumPy drops NULs at the end; surrogates have no encoding.
    character = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
    return st.text(character, min_size=1, max_size=max(1, dtype.itemsize // 4))


@st.composite
def structured_dtypes(
    draw: st.DrawFn, *, allow_extended: bool = False, max_depth: int = 3
) -> np.dtype[np.void]:
    """Data types of several fields.

    Parameters
    ----------
    allow_extended : bool, optional
        Whether there may be what Zarr cannot describe: titles, subarrays, padding.
    max_depth : int, optional
        How deep they may be nested.
    """
    fields: list[Any] = []
    for number in range(draw(st.integers(1, 4))):
        name: Any = f"{draw(_letters)}{number}"
        if max_depth > 1 and draw(st.integers(0, 3)) == 0:
            nested = structured_dtypes(allow_extended=allow_extended, max_depth=max_depth - 1)
            dtype = draw(nested)
        else:
            dtype = draw(_plain("?") | st.integers(1, 8).map(lambda n: np.dtype(f"V{n}")))
        if not allow_extended:
            fields.append((name, dtype))
            continue
        if draw(st.booleans()):
            name = (f"{draw(_letters).upper()}{number}", name)
        shape = draw(st.sampled_from([(), (), (3,), (1, 2)]))
        fields.append((name, dtype, shape) if shape else (name, dtype))
    return np.dtype(fields, align=allow_extended and draw(st.booleans()))


@st.composite
def zdtypes(draw: st.DrawFn, *, max_leaves: int = 6) -> AnyDType:
    """Data types as Zarr has them.

    Parameters
    ----------
    max_leaves : int, optional
        About how many fields there are in one of several fields, nested ones included.
    """
    fixed: SearchStrategy[AnyDType] = st.one_of(
        _plain("?").map(lambda dtype: parse_dtype(dtype, zarr_format=3)),
        st.integers(1, 16).map(lambda length: RawBytes(length=length)),
    )
    nested = st.recursive(fixed, _structs, max_leaves=max_leaves)
    variable = st.sampled_from([VariableLengthUTF8(), VariableLengthBytes()])
    return draw(st.one_of(nested, variable))


def _structs(fields: SearchStrategy[AnyDType]) -> SearchStrategy[AnyDType]:
    named = st.lists(st.tuples(_letters, fields), min_size=1, max_size=4)
    return named.map(
        lambda items: Struct(
            fields=tuple((f"{name}{i}", dtype) for i, (name, dtype) in enumerate(items))
        )
    )


array_shapes = npst.array_shapes(max_dims=4, min_side=3, max_side=5) | npst.array_shapes(
    max_dims=4, min_side=0
)
"""Shapes of small arrays, also of some without elements."""

# So that an array of several dimensions stays at a number of chunks that can be read one by one.
_MOST_CHUNKS = 200


@st.composite
def chunk_shapes(draw: st.DrawFn, *, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Shapes of chunks, none of which is longer than the array.

    Parameters
    ----------
    shape : tuple of int
        The shape of the array.
    """
    return tuple(draw(st.integers(1, max(1, length))) for length in shape)


@st.composite
def shard_shapes(
    draw: st.DrawFn, *, shape: tuple[int, ...], chunk_shape: tuple[int, ...]
) -> tuple[int, ...]:
    """Shapes of shards, which chunks divide.

    Parameters
    ----------
    shape : tuple of int
        The shape of the array.
    chunk_shape : tuple of int
        The shape of the chunks.
    """
    return tuple(
        size * draw(st.integers(1, max(1, length // size)))
        for length, size in zip(shape, chunk_shape, strict=True)
    )


@st.composite
def rectilinear_dim_edges(draw: st.DrawFn, *, extent: int, max_chunks: int = 20) -> list[int]:
    """The lengths of chunks along a dimension, which add up to the length of the dimension.

    Parameters
    ----------
    extent : int
        The length of the dimension.
    max_chunks : int, optional
        The most chunks.
    """
    if extent < 1:
        return []
    most = min(extent, max_chunks) - 1
    cuts = draw(st.sets(st.integers(1, extent - 1), max_size=most)) if most else set()
    return [end - start for start, end in pairwise([0, *sorted(cuts), extent])]


def _share(shape: tuple[int, ...]) -> int:
    return max(1, int(_MOST_CHUNKS ** (1 / max(1, len(shape)))))


@st.composite
def rectilinear_chunks(draw: st.DrawFn, *, shape: tuple[int, ...]) -> list[list[int]]:
    """The lengths of chunks along each dimension, which add up to the shape of the array.

    Parameters
    ----------
    shape : tuple of int
        The shape of the array.
    """
    most = _share(shape)
    return [draw(rectilinear_dim_edges(extent=length, max_chunks=most)) for length in shape]


@st.composite
def rectilinear_chunk_shape_declarations(
    draw: st.DrawFn, *, shape: tuple[int, ...]
) -> tuple[list[int | list[int | list[int]]], tuple[int | tuple[int, ...], ...]]:
    """The chunks along each dimension as a document can write them, and what that means.

    Parameters
    ----------
    shape : tuple of int
        The shape of the array. The chunks may reach over its end.
    """
    written: list[Any] = []
    meant: list[int | tuple[int, ...]] = []
    for length in shape:
        if draw(st.booleans()):
            size = draw(st.integers(max(1, length // _share(shape)), length + 5))
            written.append(size)
            meant.append(size)
            continue
        edges = draw(rectilinear_dim_edges(extent=length, max_chunks=_share(shape)))
        if not edges or draw(st.booleans()):
            over = draw(st.integers(1, 5))
            edges = [*edges[:-1], (edges[-1] if edges else 0) + over]
        meant.append(tuple(edges))
        written.append(compress_rle(edges) if draw(st.booleans()) else edges)
    return written, tuple(meant)


@st.composite
def rectilinear_chunk_grids(
    draw: st.DrawFn, *, shape: tuple[int, ...]
) -> RectilinearChunkGridMetadata:
    """Grids of chunks of several sizes.

    Parameters
    ----------
    shape : tuple of int
        The shape of the array.
    """
    _, sizes = draw(rectilinear_chunk_shape_declarations(shape=shape))
    with config.set({"array.rectilinear_chunks": True}):
        return RectilinearChunkGridMetadata(chunk_shapes=sizes)


def chunk_grids(*, shape: tuple[int, ...]) -> SearchStrategy[ChunkGridMetadata]:
    """Chunk grids; those of several sizes only where the settings allow them.

    Parameters
    ----------
    shape : tuple of int
        The shape of the array.
    """
    regular = chunk_shapes(shape=shape).map(
        lambda sizes: RegularChunkGridMetadata(chunk_shape=sizes)
    )
    if not config.get("array.rectilinear_chunks"):
        return regular
    return regular | rectilinear_chunk_grids(shape=shape)


def chunks_param_from_rectilinear(meta: RectilinearChunkGridMetadata) -> list[int | list[int]]:
    """Return a grid in the form of the parameter ``chunks``.

    Parameters
    ----------
    meta : RectilinearChunkGridMetadata
        The grid.
    """
    return [edges if isinstance(edges, int) else list(edges) for edges in meta.chunk_shapes]


@st.composite
def chunk_paths(draw: st.DrawFn, ndim: int, numblocks: tuple[int, ...], subset: bool = True) -> str:
    """Keys of chunks behind the prefix, as ``1/0/2``.

    Parameters
    ----------
    ndim : int
        The number of dimensions.
    numblocks : tuple of int
        The number of chunks along each dimension.
    subset : bool, optional
        Whether there may be fewer places than dimensions: the prefix of several keys.
    """
    places = [str(draw(st.integers(0, max(0, count - 1)))) for count in numblocks]
    return "/".join(places[: draw(st.integers(0, ndim))] if subset else places)
