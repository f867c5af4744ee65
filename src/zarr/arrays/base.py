"""The properties of an array that both faces tell without asking the store."""

from __future__ import annotations

from importlib import import_module
from itertools import product
from math import prod
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

import numpy as np

from zarr._async.warnings import warn
from zarr.abc.codec import ArrayArrayCodec, ArrayBytesCodec, BytesBytesCodec
from zarr.errors import ZarrDeprecationWarning
from zarr.metadata.chunk_grids import chunk_bounds, chunk_count, chunk_sizes
from zarr.metadata.layout import chunk_edges, layout_of
from zarr.metadata.v2 import ArrayV2Metadata
from zarr.metadata.v3 import ArrayV3Metadata

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from zarr.abc.numcodec import Numcodec
    from zarr.abc.store import Store
    from zarr.arrays.card import ArrayInfo
    from zarr.dtype.base import AnyDType
    from zarr.experimental import ChunkGrid
    from zarr.metadata.chunk_grids import Edge
    from zarr.metadata.spec import ArrayConfig
    from zarr.storage.path import StorePath
    from zarr.types import AnyAsyncArray, AnyScalar, MemoryOrder, NumpyDType

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
        """The store of the array.

        Returns
        -------
        Store

        Examples
        --------
        >>> import zarr
        >>> array = zarr.create_array({}, shape=(100, 60), chunks=(10, 20), dtype="f4")
        >>> type(array.store).__name__
        'MemoryStore'
        """
        return self.store_path.store

    @property
    def path(self) -> str:
        """The path of the array in its store.

        Returns
        -------
        str
            ``""`` for the root of the store.

        Examples
        --------
        >>> import zarr
        >>> group = zarr.create_group({})
        >>> group.create_array("a/b", shape=4, dtype="i4").path
        'a/b'
        """
        return self.store_path.path

    @property
    def name(self) -> str:
        """The path of the array, with a slash before it.

        Returns
        -------
        str

        Examples
        --------
        >>> import zarr
        >>> zarr.create_group({}).create_array("a/b", shape=4, dtype="i4").name
        '/a/b'
        """
        return "/" + self.store_path.path

    @property
    def basename(self) -> str:
        """The last part of the path.

        Returns
        -------
        str

        Examples
        --------
        >>> import zarr
        >>> zarr.create_group({}).create_array("a/b", shape=4, dtype="i4").basename
        'b'
        """
        return self.store_path.path.rpartition("/")[2]

    @property
    def read_only(self) -> bool:
        """Whether writing is refused.

        Returns
        -------
        bool

        Examples
        --------
        >>> import zarr
        >>> array = zarr.create_array({}, shape=(100, 60), chunks=(10, 20), dtype="f4")
        >>> array.read_only
        False
        """
        return self.store_path.store.read_only

    # -- what it holds ----------------------------------------------------------------------

    @property
    def shape(self) -> tuple[int, ...]:
        """The length of each dimension.

        Returns
        -------
        tuple of int

        Examples
        --------
        >>> import zarr
        >>> array = zarr.create_array({}, shape=(100, 60), chunks=(10, 20), dtype="f4")
        >>> array.shape
        (100, 60)
        """
        return self.metadata.shape

    @property
    def ndim(self) -> int:
        """The number of dimensions.

        Returns
        -------
        int

        Examples
        --------
        >>> import zarr
        >>> array = zarr.create_array({}, shape=(100, 60), chunks=(10, 20), dtype="f4")
        >>> array.ndim
        2
        """
        return len(self.metadata.shape)

    @property
    def size(self) -> int:
        """The number of elements.

        Returns
        -------
        int

        Examples
        --------
        >>> import zarr
        >>> array = zarr.create_array({}, shape=(100, 60), chunks=(10, 20), dtype="f4")
        >>> array.size
        6000
        """
        return prod(self.metadata.shape)

    @property
    def dtype(self) -> NumpyDType:
        """The NumPy data type of the elements that are read.

        Returns
        -------
        numpy.dtype

        Examples
        --------
        >>> import zarr
        >>> array = zarr.create_array({}, shape=(100, 60), chunks=(10, 20), dtype="f4")
        >>> array.dtype
        dtype('float32')
        """
        return layout_of(self.metadata).dtype

    @property
    def _zdtype(self) -> AnyDType:
        return layout_of(self.metadata).zdtype

    @property
    def nbytes(self) -> int:
        """The number of bytes that the elements take in memory.

        Returns
        -------
        int

        Examples
        --------
        >>> import zarr
        >>> array = zarr.create_array({}, shape=(100, 60), chunks=(10, 20), dtype="f4")
        >>> array.nbytes
        24000
        """
        return self.size * self.dtype.itemsize

    @property
    def fill_value(self) -> AnyScalar:
        """The value of elements that are not stored.

        Returns
        -------
        scalar

        Examples
        --------
        >>> import zarr
        >>> array = zarr.create_array({}, shape=(100, 60), chunks=(10, 20), dtype="f4")
        >>> array.fill_value
        np.float32(0.0)
        """
        value = self.metadata.fill_value
        # Records can be changed; the array's must not be.
        return value.copy() if isinstance(value, np.void | np.ndarray) else value

    @property
    def order(self) -> MemoryOrder:
        """The memory layout of results: contiguous rows ('C') or contiguous columns ('F').

        Returns
        -------
        {'C', 'F'}

        Examples
        --------
        >>> import zarr
        >>> array = zarr.create_array({}, shape=(100, 60), chunks=(10, 20), dtype="f4")
        >>> array.order
        'C'
        """
        metadata = self.metadata
        return metadata.order if isinstance(metadata, ArrayV2Metadata) else self.config.order

    # -- how it is stored -------------------------------------------------------------------

    @property
    def chunks(self) -> tuple[int, ...]:
        """The shape of a chunk; of the inner chunks if the array has shards.

        Returns
        -------
        tuple of int

        Raises
        ------
        NotImplementedError
            If the chunks have several shapes: see `read_chunk_sizes`.

        Examples
        --------
        >>> import zarr
        >>> array = zarr.create_array({}, shape=(100, 60), chunks=(10, 20), dtype="f4")
        >>> array.chunks
        (10, 20)
        """
        return self.metadata.chunks

    @property
    def shards(self) -> tuple[int, ...] | None:
        """The shape of a shard; None if each chunk is stored by itself.

        Returns
        -------
        tuple of int or None

        Raises
        ------
        NotImplementedError
            If the shards have several shapes: see `write_chunk_sizes`.

        Examples
        --------
        >>> import zarr
        >>> array = zarr.create_array(
        ...     {}, shape=(100, 60), chunks=(10, 20), shards=(50, 60), dtype="f4"
        ... )
        >>> array.shards
        (50, 60)
        """
        return self.metadata.shards

    @property
    def filters(self) -> tuple[Numcodec, ...] | tuple[ArrayArrayCodec, ...]:
        """The array-to-array codecs, applied before serialization; filters of any kind in format 2.

        Returns
        -------
        tuple of codecs

        Examples
        --------
        >>> import zarr
        >>> array = zarr.create_array({}, shape=(100, 60), chunks=(10, 20), dtype="f4")
        >>> array.filters
        ()
        """
        metadata = self.metadata
        if isinstance(metadata, ArrayV2Metadata):
            return metadata.filters or ()
        return self._codecs_of_kind(metadata, ArrayArrayCodec)

    @property
    def serializer(self) -> ArrayBytesCodec | None:
        """The codec that serializes elements to bytes; None for format 2, which names none.

        Returns
        -------
        ArrayBytesCodec or None

        Examples
        --------
        >>> import zarr
        >>> array = zarr.create_array({}, shape=(100, 60), chunks=(10, 20), dtype="f4")
        >>> array.serializer
        BytesCodec(endian='little')
        """
        metadata = self.metadata
        if isinstance(metadata, ArrayV2Metadata):
            return None
        return cast("ArrayBytesCodec", self._codecs_of_kind(metadata, ArrayBytesCodec)[0])

    @property
    def compressors(self) -> tuple[Numcodec, ...] | tuple[BytesBytesCodec, ...]:
        """The bytes-to-bytes codecs, in the order in which they are applied.

        Returns
        -------
        tuple of codecs

        Examples
        --------
        >>> import zarr
        >>> array = zarr.create_array({}, shape=(100, 60), chunks=(10, 20), dtype="f4")
        >>> array.compressors
        (ZstdCodec(level=0, checksum=False),)
        """
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
    def cdata_shape(self) -> tuple[int, ...]:
        """The number of chunks along each dimension.

        Returns
        -------
        tuple of int

        Examples
        --------
        >>> import zarr
        >>> array = zarr.create_array({}, shape=(100, 60), chunks=(10, 20), dtype="f4")
        >>> array.cdata_shape
        (10, 3)
        """
        return tuple(map(chunk_count, chunk_edges(self.metadata), self.metadata.shape))

    @property
    def _chunk_grid_shape(self) -> tuple[int, ...]:
        return self.cdata_shape

    @property
    def _shard_grid_shape(self) -> tuple[int, ...]:
        return tuple(map(chunk_count, self._stored_edges, self.metadata.shape))

    @property
    def nchunks(self) -> int:
        """The number of chunks, stored or not.

        Returns
        -------
        int

        Examples
        --------
        >>> import zarr
        >>> array = zarr.create_array({}, shape=(100, 60), chunks=(10, 20), dtype="f4")
        >>> array.nchunks
        30
        """
        return prod(self.cdata_shape)

    @property
    def _nshards(self) -> int:
        return prod(self._shard_grid_shape)

    @property
    def read_chunk_sizes(self) -> tuple[tuple[int, ...], ...]:
        """The lengths of the chunks along each dimension; of inner chunks if there are shards.

        Returns
        -------
        tuple of tuple of int

        Examples
        --------
        >>> import zarr
        >>> array = zarr.create_array({}, shape=(100, 60), chunks=(10, 20), dtype="f4")
        >>> array.read_chunk_sizes[1]
        (20, 20, 20)
        """
        return tuple(map(chunk_sizes, chunk_edges(self.metadata), self.metadata.shape))

    @property
    def write_chunk_sizes(self) -> tuple[tuple[int, ...], ...]:
        """The lengths of what is stored under one key, along each dimension.

        Parallel writers do best to write whole ones of these.

        Returns
        -------
        tuple of tuple of int

        Examples
        --------
        >>> import zarr
        >>> array = zarr.create_array(
        ...     {}, shape=(100, 60), chunks=(10, 20), shards=(50, 60), dtype="f4"
        ... )
        >>> array.write_chunk_sizes
        ((50, 50), (60,))
        """
        return tuple(map(chunk_sizes, self._stored_edges, self.metadata.shape))

    @property
    def _chunk_grid(self) -> ChunkGrid:
        home = import_module("zarr.experimental")  # late: a name of zarr-python
        grid: type[ChunkGrid] = home.ChunkGrid
        return grid.from_metadata(self.metadata)

    def _iter_chunk_regions(
        self, *, origin: Sequence[int] | None = None, selection_shape: Sequence[int] | None = None
    ) -> Iterator[tuple[slice, ...]]:
        """The part of the array that each chunk holds."""
        return _regions(chunk_edges(self.metadata), self.metadata.shape, origin, selection_shape)

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

        Examples
        --------
        >>> import zarr
        >>> array = zarr.create_array({}, shape=(100, 60), chunks=(10, 20), dtype="f4")
        >>> print(str(array.info).splitlines()[0])
        Type               : Array
        """
        return self._info()

    def _info(self, count: int | None = None, size: int | None = None) -> ArrayInfo:
        from zarr.arrays.card import ArrayInfo  # late: few are shown

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

    def _repr_html_(self) -> str:
        from zarr.arrays.card import array_card  # late: few are shown in a notebook

        handle: Any = self
        array: AnyAsyncArray = getattr(handle, "async_array", handle)
        return array_card(array, type(self).__name__)


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
