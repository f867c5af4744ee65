"""What both faces of an array tell without asking the store."""

from __future__ import annotations

from itertools import product
from math import prod
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

import numpy as np

from zarr._async.warnings import warn
from zarr.abc.codec import ArrayArrayCodec, ArrayBytesCodec, BytesBytesCodec
from zarr.arrays.edges import chunk_bounds, chunk_count, chunk_sizes
from zarr.errors import ZarrDeprecationWarning
from zarr.metadata.chunk_grids import ChunkGrid
from zarr.metadata.layout import layout_of
from zarr.metadata.v2 import ArrayV2Metadata
from zarr.metadata.v3 import ArrayV3Metadata

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from zarr.abc.numcodec import Numcodec
    from zarr.abc.store import Store
    from zarr.arrays.edges import Edge
    from zarr.arrays.info import ArrayInfo
    from zarr.metadata.spec import ArrayConfig
    from zarr.storage.path import StorePath
    from zarr.types import MemoryOrder

M = TypeVar("M", bound=ArrayV2Metadata | ArrayV3Metadata)


class ArrayBase(Generic[M]):
    """An array at a path in a store: its properties.

    Attributes
    ----------
    metadata
        The metadata of the array.
    store_path
        The store, and the path of the array in it.
    config
        Settings that are not stored.
    """

    if TYPE_CHECKING:
        # Attributes of one face, properties of the other.
        @property
        def metadata(self) -> M: ...
        @property
        def store_path(self) -> StorePath: ...
        @property
        def config(self) -> ArrayConfig: ...

    # -- where it is ------------------------------------------------------------------------

    @property
    def store(self) -> Store:
        """The store of the array."""
        return self.store_path.store

    @property
    def path(self) -> str:
        """The path of the array in its store."""
        return self.store_path.path

    @property
    def name(self) -> str:
        """The path of the array, with a slash before it."""
        return "/" + self.store_path.path

    @property
    def basename(self) -> str:
        """The last part of the path."""
        return self.store_path.path.rpartition("/")[2]

    @property
    def read_only(self) -> bool:
        """Whether writing is refused."""
        return self.store_path.store.read_only

    # -- what it holds ----------------------------------------------------------------------

    @property
    def shape(self) -> tuple[int, ...]:
        """The length of each axis."""
        return self.metadata.shape

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.metadata.shape)

    @property
    def size(self) -> int:
        """The number of elements."""
        return prod(self.metadata.shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        """The NumPy data type of the elements that are read."""
        return layout_of(self.metadata).dtype

    @property
    def _zdtype(self) -> Any:
        return layout_of(self.metadata).zdtype

    @property
    def nbytes(self) -> int:
        """How many bytes the elements take in memory."""
        return self.size * self.dtype.itemsize

    @property
    def fill_value(self) -> Any:
        """The value of elements that are not stored."""
        value = self.metadata.fill_value
        # Records can be changed; the array's must not be.
        return value.copy() if isinstance(value, np.void | np.ndarray) else value

    @property
    def order(self) -> MemoryOrder:
        """The memory layout of arrays that are read: rows (C) or columns (F) lie together."""
        metadata = self.metadata
        return metadata.order if isinstance(metadata, ArrayV2Metadata) else self.config.order

    # -- how it is stored -------------------------------------------------------------------

    @property
    def chunks(self) -> tuple[int, ...]:
        """The shape of a chunk; of those inside of a shard, where there are shards."""
        return self.metadata.chunks

    @property
    def shards(self) -> tuple[int, ...] | None:
        """The shape of a shard; None if each chunk is stored by itself."""
        return self.metadata.shards

    @property
    def filters(self) -> tuple[Numcodec, ...] | tuple[ArrayArrayCodec, ...]:
        """The codecs that change the elements before they become bytes."""
        metadata = self.metadata
        if isinstance(metadata, ArrayV2Metadata):
            return metadata.filters or ()
        return self._codecs_of_kind(metadata, ArrayArrayCodec)

    @property
    def serializer(self) -> ArrayBytesCodec | None:
        """The codec that makes bytes of the elements; None for format 2, which names none."""
        metadata = self.metadata
        if isinstance(metadata, ArrayV2Metadata):
            return None
        return cast("ArrayBytesCodec", self._codecs_of_kind(metadata, ArrayBytesCodec)[0])

    @property
    def compressors(self) -> tuple[Numcodec, ...] | tuple[BytesBytesCodec, ...]:
        """The codecs that make other bytes of the bytes."""
        metadata = self.metadata
        if isinstance(metadata, ArrayV2Metadata):
            return () if metadata.compressor is None else (metadata.compressor,)
        return self._codecs_of_kind(metadata, BytesBytesCodec)

    @staticmethod
    def _codecs_of_kind(metadata: ArrayV3Metadata, kind: type) -> tuple[Any, ...]:
        return tuple(item for item in metadata.inner_codecs if isinstance(item, kind))

    @property
    def compressor(self) -> Numcodec | None:
        """The compressor of an array of format 2.

        .. deprecated:: 3.0.0
            Use `compressors`.
        """
        warn(f"Use {type(self).__name__}.compressors instead.", ZarrDeprecationWarning)
        metadata = self.metadata
        if isinstance(metadata, ArrayV2Metadata):
            return metadata.compressor
        raise TypeError("`compressor` is not available for Zarr format 3 arrays.")

    # -- grids ------------------------------------------------------------------------------

    @property
    def _stored_edges(self) -> tuple[Edge, ...]:
        """The edges of what is stored under one key: shards where there are some, or chunks."""
        return layout_of(self.metadata).grid

    @property
    def _chunk_edges(self) -> tuple[Edge, ...]:
        """The edges of what is decoded alone."""
        metadata = self.metadata
        if isinstance(metadata, ArrayV3Metadata) and metadata.sharding_codec is not None:
            return metadata.sharding_codec.chunk_shape
        return layout_of(metadata).grid

    @property
    def cdata_shape(self) -> tuple[int, ...]:
        """The number of chunks along each axis."""
        return tuple(map(chunk_count, self._chunk_edges, self.metadata.shape))

    @property
    def _chunk_grid_shape(self) -> tuple[int, ...]:
        return self.cdata_shape

    @property
    def _shard_grid_shape(self) -> tuple[int, ...]:
        return tuple(map(chunk_count, self._stored_edges, self.metadata.shape))

    @property
    def nchunks(self) -> int:
        """The number of chunks, stored or not."""
        return prod(self.cdata_shape)

    @property
    def _nshards(self) -> int:
        return prod(self._shard_grid_shape)

    @property
    def read_chunk_sizes(self) -> tuple[tuple[int, ...], ...]:
        """The lengths of the chunks along each axis, as reading meets them."""
        return tuple(map(chunk_sizes, self._chunk_edges, self.metadata.shape))

    @property
    def write_chunk_sizes(self) -> tuple[tuple[int, ...], ...]:
        """The lengths of what is stored under one key, along each axis.

        Who writes in parallel does best to write whole ones of these.
        """
        return tuple(map(chunk_sizes, self._stored_edges, self.metadata.shape))

    @property
    def _chunk_grid(self) -> ChunkGrid:
        return ChunkGrid.from_metadata(self.metadata)

    def _iter_chunk_regions(
        self, *, origin: Sequence[int] | None = None, selection_shape: Sequence[int] | None = None
    ) -> Iterator[tuple[slice, ...]]:
        """The part of the array that each chunk holds."""
        return _regions(self._chunk_edges, self.metadata.shape, origin, selection_shape)

    def _iter_shard_regions(
        self, *, origin: Sequence[int] | None = None, selection_shape: Sequence[int] | None = None
    ) -> Iterator[tuple[slice, ...]]:
        """The part of the array that each stored value holds."""
        return _regions(self._stored_edges, self.metadata.shape, origin, selection_shape)

    # -- for people -------------------------------------------------------------------------

    @property
    def info(self) -> ArrayInfo:
        """A summary, made without asking the store.

        Returns
        -------
        ArrayInfo
        """
        return self._info()

    def _info(self, count: int | None = None, size: int | None = None) -> ArrayInfo:
        from zarr.arrays.info import ArrayInfo

        return ArrayInfo(
            _zarr_format=self.metadata.zarr_format,
            _data_type=self._zdtype,
            _fill_value=self.fill_value,
            _shape=self.shape,
            _shard_shape=self._shape_or_variable("shards"),
            _chunk_shape=self._shape_or_variable("chunks"),
            _order=self.order,
            _read_only=self.read_only,
            _store_type=type(self.store_path.store).__name__,
            _filters=self.filters,
            _serializer=self.serializer,
            _compressors=self.compressors,
            _count_bytes=self.nbytes,
            _count_bytes_stored=size,
            _count_chunks_initialized=count,
        )

    def _shape_or_variable(self, name: str) -> tuple[int, ...] | str | None:
        try:
            return cast("tuple[int, ...] | None", getattr(self, name))
        except NotImplementedError:  # a grid with chunks of several sizes
            return "<variable>"

    def __repr__(self) -> str:
        kind = type(self).__name__
        return f"<{kind} {self.store_path} shape={self.shape} dtype={self.dtype}>"


def _regions(
    edges: tuple[Edge, ...],
    shape: tuple[int, ...],
    origin: Sequence[int] | None,
    selection_shape: Sequence[int] | None,
) -> Iterator[tuple[slice, ...]]:
    counts = tuple(map(chunk_count, edges, shape))
    start = (0,) * len(shape) if origin is None else tuple(origin)
    if selection_shape is None:
        selection_shape = tuple(n - first for n, first in zip(counts, start, strict=True))
    ranges = [range(first, first + n) for first, n in zip(start, selection_shape, strict=True)]
    for chunk in product(*ranges):
        bounds = map(chunk_bounds, edges, chunk)
        yield tuple(slice(a, min(b, n)) for (a, b), n in zip(bounds, shape, strict=True))
