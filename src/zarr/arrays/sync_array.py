"""The synchronous face of an array."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from zarr._async import progress
from zarr._async.run import described_by, faces, run, synced_method, waits_of
from zarr.arrays.async_array import AsyncArray
from zarr.arrays.base import ArrayBase, M
from zarr.arrays.indexing import BlockIndex, OIndex, VIndex
from zarr.arrays.read import read
from zarr.arrays.write import write, writing_waits
from zarr.buffer import cpu
from zarr.buffer.core import default_buffer_prototype
from zarr.indexing import basic, block, coordinate, orthogonal, parse
from zarr.indexing import mask as select_mask
from zarr.metadata.chunk_grids import chunk_bounds, chunk_of
from zarr.metadata.layout import chunk_edges
from zarr.successors import missing_member

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence

    import numpy.typing as npt

    from zarr.arrays.read import Out
    from zarr.buffer.core import BufferPrototype, NDArrayLike, NDArrayLikeOrScalar
    from zarr.hierarchy.attributes import Attributes
    from zarr.indexing import Fields
    from zarr.metadata.spec import ArrayConfig, ArrayConfigLike
    from zarr.storage.path import StoreLike, StorePath
    from zarr.types import JSON, SelectionLike, ShapeLike
    from zarr.views import View
    from zarr.views.blocks import Block

_TOGETHER = 64 << 20
"""Bytes of elements that are read ahead of those who iterate, at most."""


@dataclass(eq=False, repr=False)
class Array(ArrayBase[M]):
    """An array.

    Arrays are made by :func:`zarr.create_array` and opened by :func:`zarr.open_array`.

    Parameters
    ----------
    _async_array : AsyncArray
        The asynchronous face of the array, which does the work.

    Examples
    --------
    >>> import zarr
    >>> array = zarr.create_array({}, shape=(4, 4), dtype="i4", chunks=(2, 2))
    >>> array[1:3, 0] = [5, 6]
    >>> array[:3, 0]
    array([0, 5, 6], dtype=int32)
    """

    _async_array: AsyncArray[M]

    @classmethod
    def from_dict(cls, store_path: StorePath, data: dict[str, JSON]) -> Self:
        """Make an array out of its metadata as a dict.

        Parameters
        ----------
        store_path : StorePath
            The store, and the path of the array in it.
        data : dict
            The metadata, as in the stored document.

        Returns
        -------
        Array

        Examples
        --------
        >>> import zarr
        >>> array = zarr.create_array({}, shape=4, dtype="i4")
        >>> zarr.Array.from_dict(array.store_path, array.metadata.to_dict()).shape
        (4,)
        """
        return cls(AsyncArray.from_dict(store_path, data))

    @classmethod
    def open(cls, store: StoreLike, *, config: ArrayConfigLike | None = None) -> Self:
        """Open an array of format 3 that exists.

        Parameters
        ----------
        store : StoreLike
            Where the array is.
        config : ArrayConfigLike, optional
            Settings that are not stored.

        Returns
        -------
        Array

        Raises
        ------
        ArrayNotFoundError
            If there is no array.

        Examples
        --------
        >>> import zarr
        >>> store = zarr.storage.MemoryStore()
        >>> array = zarr.create_array(store, shape=4, dtype="i4")
        >>> zarr.Array.open(store).shape
        (4,)
        """
        return cls(run(AsyncArray.open(store, config=config), waits=waits_of((store,), {})))

    if not TYPE_CHECKING:
        __getattr__ = missing_member

    # -- the asynchronous face --------------------------------------------------------------

    @property
    def async_array(self) -> AsyncArray[M]:
        """The asynchronous face of this array.

        Returns
        -------
        AsyncArray

        Examples
        --------
        >>> import zarr
        >>> array = zarr.create_array({}, shape=(100, 60), chunks=(10, 20), dtype="f4")
        >>> type(array.async_array).__name__
        'AsyncArray'
        """
        return self._async_array

    # The name by which methods find their asynchronous twins.
    _async = async_array

    @property
    def needs_event_loop(self) -> bool:
        """Whether a call may wait for the store, and so runs on an event loop.

        Returns
        -------
        bool

        Examples
        --------
        >>> import zarr
        >>> zarr.ones(3).needs_event_loop
        False
        """
        return self._async_array.needs_event_loop

    @property
    def metadata(self) -> M:
        """The metadata of the array.

        Returns
        -------
        ArrayV2Metadata or ArrayV3Metadata

        Examples
        --------
        >>> import zarr
        >>> array = zarr.create_array({}, shape=(100, 60), chunks=(10, 20), dtype="f4")
        >>> array.metadata.zarr_format
        3
        """
        array = self._async_array
        if not array.access.cache_metadata:
            run(array.reload(), waits=array.needs_event_loop)
        return array.metadata

    @property
    def store_path(self) -> StorePath:
        """The store, and the path of the array in it.

        Returns
        -------
        StorePath

        Examples
        --------
        >>> import zarr
        >>> array = zarr.create_array({}, shape=(100, 60), chunks=(10, 20), dtype="f4")
        >>> array.store_path.path
        ''
        """
        return self._async_array.store_path

    @property
    def config(self) -> ArrayConfig:
        """The settings of this handle, which are not stored.

        Returns
        -------
        ArrayConfig

        Examples
        --------
        >>> import zarr
        >>> array = zarr.create_array({}, shape=(100, 60), chunks=(10, 20), dtype="f4")
        >>> array.config.write_empty_chunks
        False
        """
        return self._async_array.config

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
        return self._async_array.read_only

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Array):
            return NotImplemented
        return bool(self._async_array == other.async_array)

    __hash__ = None  # type: ignore[assignment]

    # -- attributes and settings ------------------------------------------------------------

    @property
    def attrs(self) -> Attributes:
        """The user attributes, as a mapping; a change is stored at once.

        Returns
        -------
        Attributes

        Examples
        --------
        >>> import zarr
        >>> array = zarr.create_array({}, shape=(100, 60), chunks=(10, 20), dtype="f4")
        >>> array.attrs["unit"] = "m"
        >>> dict(array.attrs)
        {'unit': 'm'}
        """
        from zarr.hierarchy.attributes import Attributes  # late: not all look at them

        return Attributes(self)

    @described_by(AsyncArray.with_config)
    def with_config(self, config: ArrayConfigLike) -> Self:
        return type(self)(self._async_array.with_config(config))

    @property
    def shape(self) -> tuple[int, ...]:
        """The length of each dimension. Assigning a shape resizes the array.

        Returns
        -------
        tuple of int

        Examples
        --------
        >>> import zarr
        >>> array = zarr.create_array({}, shape=(100, 60), chunks=(10, 20), dtype="f4")
        >>> array.shape = (200, 60)
        >>> array.shape
        (200, 60)
        """
        return self.metadata.shape

    @shape.setter
    def shape(self, value: ShapeLike) -> None:
        self.resize(value)

    update_attributes = synced_method(AsyncArray.update_attributes)
    resize = synced_method(AsyncArray.resize)
    append = synced_method(AsyncArray.append)
    info_complete = synced_method(AsyncArray.info_complete)
    read_many = synced_method(AsyncArray.read_many)
    nbytes_stored = synced_method(AsyncArray.nbytes_stored)
    _nshards_initialized = property(synced_method(AsyncArray._nshards_initialized))

    @property
    def nchunks_initialized(self) -> int:
        """The number of stored chunks; if a shard is stored, all of its chunks count.

        Returns
        -------
        int

        Examples
        --------
        >>> import zarr
        >>> array = zarr.create_array({}, shape=(100, 60), chunks=(10, 20), dtype="f4")
        >>> array[:10] = 1
        >>> array.nchunks_initialized
        3
        """
        return run(self._async_array.nchunks_initialized(), waits=self.needs_event_loop)

    # -- reading ----------------------------------------------------------------------------

    def __array__(
        self, dtype: npt.DTypeLike | None = None, copy: bool | None = None
    ) -> NDArrayLike:
        if copy is False:
            raise ValueError("`copy=False` is not supported. This method always creates a copy.")
        result = np.asarray(self[...])
        return result if dtype is None else result.astype(dtype, copy=False)

    def __iter__(self) -> Iterator[Any]:
        """Yield what each index of the first dimension selects.

        Chunks are read one after another, each once: what is written to one while its elements
        are yielded is not seen. An array without dimensions yields nothing.

        Yields
        ------
        NDArrayLike
            As ``array[0]``, ``array[1]``, …

        Examples
        --------
        >>> import zarr
        >>> [int(element) for element in zarr.array([1, 2, 3], chunks=2)]
        [1, 2, 3]
        """
        start = 0
        while self.ndim and start < self.shape[0]:
            stop = self._read_together(start)
            block: Any = self[start:stop]
            for place in range(len(block)):
                yield block[place, ...].copy()
            start = stop

    def _read_together(self, start: int) -> int:
        """The end of those along the first dimension that are read with one: of its chunk."""
        edge = chunk_edges(self.metadata)[0]
        _, stop = chunk_bounds(edge, chunk_of(edge, start))
        each = self.nbytes // self.shape[0]
        return min(stop, self.shape[0], start + max(1, _TOGETHER // max(1, each)))

    def __getitem__(self, selection: SelectionLike) -> NDArrayLikeOrScalar:
        """Read a selection, as NumPy does: integers, slices, and arrays or a mask.

        Parameters
        ----------
        selection
            Integers and slices, one for each dimension; with one integer or boolean array among
            them it is an orthogonal selection; an integer array for each dimension, or a mask of
            the shape of the array, are points. ``oindex`` and ``vindex`` leave no doubt.

        Returns
        -------
        NDArrayLikeOrScalar
            The elements.

        Raises
        ------
        IndexError
            If the selection is out of bounds, or of another kind.

        Examples
        --------
        >>> import numpy as np, zarr
        >>> array = zarr.create_array({}, data=np.arange(16).reshape(4, 4), chunks=(2, 2))
        >>> array[1:3, 0]
        array([4, 8])
        >>> array[-1]
        array([12, 13, 14, 15])
        """
        array = self._async_array
        engine = array._compiled
        if (
            engine is not None
            and engine.reader is not None
            and engine.metadata is array.metadata
            and not progress.watchers
            and default_buffer_prototype().nd_buffer is cpu.NDBuffer
        ):
            found: NDArrayLikeOrScalar = engine.reader.read(selection)
            if found is not NotImplemented:
                return found
        return run(read(array, parse, selection), waits=array.needs_event_loop)

    def get_basic_selection(
        self,
        selection: SelectionLike = Ellipsis,
        *,
        out: Out = None,
        prototype: BufferPrototype | None = None,
        fields: Fields = None,
    ) -> NDArrayLikeOrScalar:
        """Read integers and slices, one for each dimension.

        Parameters
        ----------
        selection : int, slice, Ellipsis or tuple of these
            What to read.
        out : ndarray or NDBuffer, optional
            Where the elements go.
        prototype : BufferPrototype, optional
            The kind of array to return.
        fields : str or sequence of str, optional
            The fields of a structured data type to read.

        Returns
        -------
        NDArrayLikeOrScalar
            The elements; a scalar if all dimensions are selected by integers.

        Raises
        ------
        IndexError
            If the selection is out of bounds, or of another kind.

        Examples
        --------
        >>> import numpy as np, zarr
        >>> array = zarr.create_array({}, data=np.arange(16).reshape(4, 4), chunks=(2, 2))
        >>> array.get_basic_selection((slice(1, 3), 0))
        array([4, 8])
        """
        return self._read(basic, selection, out, fields, prototype)

    @described_by(AsyncArray.get_orthogonal_selection)
    def get_orthogonal_selection(
        self,
        selection: SelectionLike,
        *,
        out: Out = None,
        fields: Fields = None,
        prototype: BufferPrototype | None = None,
    ) -> NDArrayLikeOrScalar:
        return self._read(orthogonal, selection, out, fields, prototype)

    @described_by(AsyncArray.get_mask_selection)
    def get_mask_selection(
        self,
        mask: object,
        *,
        out: Out = None,
        fields: Fields = None,
        prototype: BufferPrototype | None = None,
    ) -> NDArrayLikeOrScalar:
        return self._read(select_mask, mask, out, fields, prototype)

    @described_by(AsyncArray.get_coordinate_selection)
    def get_coordinate_selection(
        self,
        selection: SelectionLike,
        *,
        out: Out = None,
        fields: Fields = None,
        prototype: BufferPrototype | None = None,
    ) -> NDArrayLikeOrScalar:
        return self._read(coordinate, selection, out, fields, prototype)

    def get_block_selection(
        self,
        selection: SelectionLike,
        *,
        out: Out = None,
        fields: Fields = None,
        prototype: BufferPrototype | None = None,
    ) -> NDArrayLikeOrScalar:
        """Read whole chunks, or shards where there are some.

        Parameters
        ----------
        selection : int, slice, Ellipsis or tuple of these
            Which, counted along each dimension.
        out : ndarray or NDBuffer, optional
            Where the elements go.
        fields : str or sequence of str, optional
            The fields of a structured data type to read.
        prototype : BufferPrototype, optional
            The kind of array to return.

        Returns
        -------
        NDArrayLikeOrScalar
            The elements.

        Raises
        ------
        IndexError
            If the selection is out of bounds, or of another kind.

        Examples
        --------
        >>> import numpy as np, zarr
        >>> array = zarr.create_array({}, data=np.arange(16).reshape(4, 4), chunks=(2, 2))
        >>> array.get_block_selection((1, 0))
        array([[ 8,  9],
               [12, 13]])
        """
        return self._read(block, selection, out, fields, prototype)

    def _read(
        self,
        select: Any,
        selection: SelectionLike,
        out: Out,
        fields: Fields,
        prototype: BufferPrototype | None,
    ) -> NDArrayLikeOrScalar:
        array = self._async_array
        work = read(array, select, selection, out=out, fields=fields, prototype=prototype)
        return run(work, waits=array.needs_event_loop)

    @property
    def oindex(self) -> OIndex:
        """Orthogonal selections: ``array.oindex[rows, columns]``.

        Returns
        -------
        OIndex

        Examples
        --------
        >>> import numpy as np, zarr
        >>> array = zarr.create_array({}, data=np.arange(16).reshape(4, 4), chunks=(2, 2))
        >>> array.oindex[[0, 2], [1, 3]]
        array([[ 1,  3],
               [ 9, 11]])
        >>> array.oindex[[0, 2], 0] = -1
        """
        return OIndex(self)

    @property
    def vindex(self) -> VIndex:
        """Points and masks: ``array.vindex[rows, columns]``.

        Returns
        -------
        VIndex

        Examples
        --------
        >>> import numpy as np, zarr
        >>> array = zarr.create_array({}, data=np.arange(16).reshape(4, 4), chunks=(2, 2))
        >>> array.vindex[[0, 3], [1, 3]]
        array([ 1, 15])
        >>> array.vindex[array[:] > 12] = 0
        """
        return VIndex(self)

    @property
    def blocks(self) -> BlockIndex:
        """Whole chunks, or shards: ``array.blocks[0, 1:3]``.

        Returns
        -------
        BlockIndex

        Examples
        --------
        >>> import numpy as np, zarr
        >>> array = zarr.create_array({}, data=np.arange(16).reshape(4, 4), chunks=(2, 2))
        >>> array.blocks[1, 0]
        array([[ 8,  9],
               [12, 13]])
        """
        return BlockIndex(self)

    @described_by(AsyncArray.iter_blocks)
    def iter_blocks(
        self, by: str | Sequence[int] = "chunks", *, prefetch: int = 2
    ) -> Generator[Block, None, None]:
        return self.lazy.iter_blocks(by, prefetch=prefetch)

    @property
    def lazy(self) -> View:
        """A view of the whole array: selections of it are read when their elements are asked for.

        Returns
        -------
        View

        Examples
        --------
        >>> import numpy as np, zarr
        >>> array = zarr.create_array({}, data=np.arange(16).reshape(4, 4), chunks=(2, 2))
        >>> view = array.lazy[1:3][::-1, 0]
        >>> view.shape
        (2,)
        >>> view.result()
        array([8, 4])
        """
        array = self._async_array
        if not array.access.cache_metadata:
            run(array.reload(), waits=array.needs_event_loop)
        views = import_module("zarr.views")  # late: they stand above arrays
        view: View = views.View(array.lazy)
        return view

    # -- writing ----------------------------------------------------------------------------

    def __setitem__(self, selection: SelectionLike, value: npt.ArrayLike) -> None:
        """Write to a selection, which is interpreted as in ``__getitem__``.

        Parameters
        ----------
        selection
            Where to write.
        value : array_like
            What to write; it is broadcast to the shape of the selection.

        Raises
        ------
        ValueError
            If the array is read-only, or the value cannot be broadcast to the selection.
        IndexError
            If the selection is out of bounds, or of another kind.

        Examples
        --------
        >>> import numpy as np, zarr
        >>> array = zarr.create_array({}, data=np.arange(16).reshape(4, 4), chunks=(2, 2))
        >>> array[1:3, 0] = [20, 30]
        >>> array[:, 0]
        array([ 0, 20, 30, 12])
        """
        array = self._async_array
        run(write(array, parse, selection, value), waits=writing_waits(array, value))

    def set_basic_selection(
        self,
        selection: SelectionLike,
        value: npt.ArrayLike,
        *,
        fields: Fields = None,
        prototype: BufferPrototype | None = None,
    ) -> None:
        """Write to integers and slices, one for each dimension.

        Parameters
        ----------
        selection : int, slice, Ellipsis or tuple of these
            Where to write.
        value : array_like
            What to write; it is broadcast to the shape of the selection.
        fields : str or sequence of str, optional
            The fields of a structured data type to change.
        prototype : BufferPrototype, optional
            The kind of memory that `value` is in; it is found out if None.

        Raises
        ------
        ValueError
            If the array is read-only, or the value cannot be broadcast to the selection.
        IndexError
            If the selection is out of bounds, or of another kind.

        Examples
        --------
        >>> import numpy as np, zarr
        >>> array = zarr.create_array({}, data=np.arange(16).reshape(4, 4), chunks=(2, 2))
        >>> array.set_basic_selection((0, slice(2)), 7)
        >>> array[0]
        array([7, 7, 2, 3])
        """
        self._write(basic, selection, value, fields, prototype)

    def set_orthogonal_selection(
        self,
        selection: SelectionLike,
        value: npt.ArrayLike,
        *,
        fields: Fields = None,
        prototype: BufferPrototype | None = None,
    ) -> None:
        """Write to the outer product of integers, slices and arrays, one for each dimension.

        Parameters
        ----------
        selection : tuple of int, slice or array_like
            Where to write. Of an index given twice the last value stays.
        value : array_like
            What to write; it is broadcast to the shape of the selection.
        fields : str or sequence of str, optional
            The fields of a structured data type to change.
        prototype : BufferPrototype, optional
            The kind of memory that `value` is in; it is found out if None.

        Raises
        ------
        ValueError
            If the array is read-only, or the value cannot be broadcast to the selection.
        IndexError
            If the selection is out of bounds, or of another kind.

        Examples
        --------
        >>> import numpy as np, zarr
        >>> array = zarr.create_array({}, data=np.arange(16).reshape(4, 4), chunks=(2, 2))
        >>> array.set_orthogonal_selection((0, [1, 3]), [7, 8])
        >>> array[0]
        array([0, 7, 2, 8])
        """
        self._write(orthogonal, selection, value, fields, prototype)

    def set_mask_selection(
        self,
        mask: object,
        value: npt.ArrayLike,
        *,
        fields: Fields = None,
        prototype: BufferPrototype | None = None,
    ) -> None:
        """Write to the elements where a mask is true.

        Parameters
        ----------
        mask : array_like of bool
            A mask of the shape of the array.
        value : array_like
            What to write, in C order; or one value for all.
        fields : str or sequence of str, optional
            The fields of a structured data type to change.
        prototype : BufferPrototype, optional
            The kind of memory that `value` is in; it is found out if None.

        Raises
        ------
        ValueError
            If the array is read-only, or the value cannot be broadcast to the selection.
        IndexError
            If the selection is out of bounds, or of another kind.

        Examples
        --------
        >>> import numpy as np, zarr
        >>> array = zarr.create_array({}, data=np.arange(16).reshape(4, 4), chunks=(2, 2))
        >>> array.set_mask_selection(array[:] > 13, 0)
        >>> array[3]
        array([12, 13,  0,  0])
        """
        self._write(select_mask, mask, value, fields, prototype)

    def set_coordinate_selection(
        self,
        selection: SelectionLike,
        value: npt.ArrayLike,
        *,
        fields: Fields = None,
        prototype: BufferPrototype | None = None,
    ) -> None:
        """Write to points.

        Parameters
        ----------
        selection : tuple of array_like of int
            The indices along each dimension. Of a point given twice the last value stays.
        value : array_like
            What to write; it is broadcast to the shape of the indices.
        fields : str or sequence of str, optional
            The fields of a structured data type to change.
        prototype : BufferPrototype, optional
            The kind of memory that `value` is in; it is found out if None.

        Raises
        ------
        ValueError
            If the array is read-only, or the value cannot be broadcast to the selection.
        IndexError
            If the selection is out of bounds, or of another kind.

        Examples
        --------
        >>> import numpy as np, zarr
        >>> array = zarr.create_array({}, data=np.arange(16).reshape(4, 4), chunks=(2, 2))
        >>> array.set_coordinate_selection(([0, 3], [1, 3]), [7, 8])
        >>> array[3]
        array([12, 13, 14,  8])
        """
        self._write(coordinate, selection, value, fields, prototype)

    def set_block_selection(
        self,
        selection: SelectionLike,
        value: npt.ArrayLike,
        *,
        fields: Fields = None,
        prototype: BufferPrototype | None = None,
    ) -> None:
        """Write to whole chunks, or shards where there are some.

        Parameters
        ----------
        selection : int, slice, Ellipsis or tuple of these
            Which, counted along each dimension.
        value : array_like
            What to write; it is broadcast to the shape of the selection.
        fields : str or sequence of str, optional
            The fields of a structured data type to change.
        prototype : BufferPrototype, optional
            The kind of memory that `value` is in; it is found out if None.

        Raises
        ------
        ValueError
            If the array is read-only, or the value cannot be broadcast to the selection.
        IndexError
            If the selection is out of bounds, or of another kind.

        Examples
        --------
        >>> import numpy as np, zarr
        >>> array = zarr.create_array({}, data=np.arange(16).reshape(4, 4), chunks=(2, 2))
        >>> array.set_block_selection((0, 1), 0)
        >>> array[:2]
        array([[0, 1, 0, 0],
               [4, 5, 0, 0]])
        """
        self._write(block, selection, value, fields, prototype)

    def _write(
        self,
        select: Any,
        selection: SelectionLike,
        value: npt.ArrayLike,
        fields: Fields,
        prototype: BufferPrototype | None,
    ) -> None:
        array = self._async_array
        work = write(array, select, selection, value, fields=fields, prototype=prototype)
        run(work, waits=writing_waits(array, value))


faces[AsyncArray] = Array
