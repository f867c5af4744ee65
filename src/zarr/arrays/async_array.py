"""The asynchronous face of an array."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar, Self

from zarr.arrays.base import ArrayBase, M
from zarr.arrays.changes import append, change_attributes, resize
from zarr.arrays.compiled import Engine
from zarr.arrays.indexing import AsyncOIndex, AsyncVIndex
from zarr.arrays.read import read
from zarr.arrays.write import write
from zarr.codecs.sharding import warn_of_hidden_shards
from zarr.hierarchy.documents import load_metadata, parse_array_metadata
from zarr.hierarchy.open_options import DEFAULT_ACCESS, Access
from zarr.hierarchy.place import save_metadata
from zarr.indexing import basic, coordinate, orthogonal
from zarr.indexing import mask as select_mask
from zarr.metadata.json import as_attributes, copied
from zarr.metadata.spec import ArrayConfig, named_settings, parse_array_config
from zarr.metadata.v2 import ArrayV2Metadata
from zarr.metadata.v3 import ArrayV3Metadata
from zarr.registry import get_pipeline_class
from zarr.storage.client.own_writes import deletions
from zarr.storage.path import make_store_path

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Sequence

    import numpy.typing as npt

    from zarr.abc.codec import CodecPipeline
    from zarr.arrays.card import ArrayInfo
    from zarr.arrays.read import Out
    from zarr.arrays.stored_chunks import Stored
    from zarr.buffer.core import BufferPrototype, NDArrayLikeOrScalar
    from zarr.indexing import Fields
    from zarr.metadata.spec import ArrayConfigLike
    from zarr.storage.path import StoreLike, StorePath
    from zarr.types import JSON, AnyAsyncArray, NodeAttributes, SelectionLike, ShapeLike, ZarrFormat
    from zarr.views import AsyncView
    from zarr.views.blocks import Block


put = object.__setattr__  # what is frozen for users, the methods below keep up to date


@dataclass(frozen=True, init=False, eq=False, repr=False)
class AsyncArray(ArrayBase[M]):
    """An array, for asynchronous code.

    Parameters
    ----------
    metadata : ArrayMetadata
        The metadata of the array.
    store_path : StorePath
        The store, and the path of the array in it.
    config : ArrayConfigLike, optional
        Settings that are not stored.

    Attributes
    ----------
    metadata : ArrayMetadata
        The metadata of the array.
    store_path : StorePath
        The store, and the path of the array in it.
    config : ArrayConfig
        Settings that are not stored.
    """

    metadata: M
    store_path: StorePath
    config: ArrayConfig
    access: Access = field(default=DEFAULT_ACCESS, kw_only=True)
    # Made of the others when it is first needed: no field, which copies would share.
    _compiled: ClassVar[Engine | None] = None
    # Where the document of the array was seen beside its chunks: the number of the last deletion
    # before. Else nobody can tell whether the array was deleted.
    deletions_seen: ClassVar[int | None] = None

    def __init__(
        self,
        metadata: M | dict[str, JSON],
        store_path: StorePath,
        config: ArrayConfigLike | None = None,
        *,
        access: Access = DEFAULT_ACCESS,
    ) -> None:
        known = isinstance(metadata, ArrayV3Metadata | ArrayV2Metadata)
        parsed = metadata if known else parse_array_metadata(metadata)
        if isinstance(parsed, ArrayV3Metadata):
            warn_of_hidden_shards(parsed.codecs)
        put(self, "metadata", parsed)
        put(self, "store_path", store_path)
        put(self, "config", config if type(config) is ArrayConfig else parse_array_config(config))
        put(self, "access", access)

    @classmethod
    def from_dict(cls, store_path: StorePath, data: dict[str, JSON]) -> AnyAsyncArray:
        """Make an array out of its metadata as a dict.

        Parameters
        ----------
        store_path : StorePath
            The store, and the path of the array in it.
        data : dict
            The metadata, as in the stored document.
        """
        return cls(data, store_path)

    @classmethod
    async def open(
        cls,
        store: StoreLike,
        zarr_format: ZarrFormat | None = 3,
        *,
        config: ArrayConfigLike | None = None,
    ) -> AnyAsyncArray:
        """Open an array that exists.

        Parameters
        ----------
        store : StoreLike
            Where the array is.
        zarr_format : {2, 3, None}, optional
            The format of the array; None is whichever is found.
        config : ArrayConfigLike, optional
            Settings that are not stored.

        Raises
        ------
        ArrayNotFoundError
            If there is no array of that format.
        """
        store_path = await make_store_path(store)
        metadata: Any = await load_metadata(store_path, zarr_format)
        return cls(metadata, store_path, config).known_stored()

    def known_stored(self, deleted: int | None = None) -> Self:
        """This handle, of which the array is known to be stored, its chunks beside its document.

        `deleted` is the number of the last deletion before, by default of the last one.
        """
        if self.access.chunk_path is None:
            put(self, "deletions_seen", deletions() if deleted is None else deleted)
        return self

    @property
    def is_known_stored(self) -> bool:
        """Whether the document of the array was seen where its chunks are."""
        return self.deletions_seen is not None

    def __getstate__(self) -> dict[str, object]:
        return {name: value for name, value in vars(self).items() if name != "_compiled"}

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, AsyncArray):
            return NotImplemented
        return (
            self.metadata == other.metadata
            and self.store_path == other.store_path
            and self.config == other.config
        )

    __hash__ = None  # type: ignore[assignment]

    # -- the state of the handle ------------------------------------------------------------

    def engine(self) -> Engine:
        """Return the array as the native engine has it."""
        engine = self._compiled
        if engine is None or engine.metadata is not self.metadata:
            access = self.access
            plain = access.cache_metadata and access.prototype is None
            engine = Engine(self.metadata, self.config, self.chunk_store_path, plain=plain)
            put(self, "_compiled", engine)
        return engine

    def set_metadata(self, metadata: M) -> None:
        """Hold other metadata from now on."""
        put(self, "metadata", metadata)

    async def reload(self) -> None:
        """Hold the metadata that are stored now."""
        metadata: Any = await load_metadata(self.store_path, self.metadata.zarr_format)
        if metadata != self.metadata:
            self.set_metadata(metadata)

    async def _save_metadata(self, metadata: M, ensure_parents: bool = False) -> None:
        await save_metadata(self.store_path, metadata, ensure_parents=ensure_parents)

    @property
    def chunk_store_path(self) -> StorePath:
        """Where the chunks are: the store, and the path in it."""
        return self.access.chunk_path or self.store_path

    @property
    def needs_event_loop(self) -> bool:
        """Whether a call may wait for the store."""
        chunk_path = self.access.chunk_path
        waits = self.store_path.store.traits.needs_event_loop
        return waits if chunk_path is None else waits or chunk_path.store.traits.needs_event_loop

    @property
    def caches_attributes(self) -> bool:
        """Whether attributes are read once, and not whenever they are looked at."""
        return self.access.cache_attrs and self.access.cache_metadata

    @property
    def _config(self) -> ArrayConfig:
        return self.config

    @property
    def read_only(self) -> bool:
        """Whether writing is refused."""
        return self.access.read_only or self.chunk_store_path.store.read_only

    def check_writable(self) -> None:
        """Raise an error if writing is refused."""
        if self.chunk_store_path.store.read_only:
            self.chunk_store_path.store._check_writable()
        if self.access.read_only:
            raise ValueError(
                f"{self.store_path.shown_as()} was opened as a read-only array: open it in mode "
                "'r+' or 'a' to write"
            )

    @property
    def codec_pipeline(self) -> CodecPipeline:
        """The codecs of the array, for those who want to code single chunks."""
        return get_pipeline_class().from_array_metadata_and_store(self.metadata, self.store)

    @property
    def attrs(self) -> dict[str, JSON]:
        """A copy of the attributes, as this handle last saw them; see `update_attributes`."""
        found: dict[str, JSON] = copied(self.metadata.attributes)
        return found

    def with_config(self, config: ArrayConfigLike) -> Self:
        """Return the same array with other settings.

        Parameters
        ----------
        config : ArrayConfigLike
            The settings. A dict, or :class:`zarr.Settings`, changes those that it names.

        Returns
        -------
        AsyncArray
            Another handle of the same array.

        Examples
        --------
        >>> import zarr
        >>> array = zarr.create_array({}, shape=(100, 60), chunks=(10, 20), dtype="f4")
        >>> array.with_config({"order": "F"}).order
        'F'
        """
        kept = {"cache": None, **self.config.to_dict()}
        changed = ArrayConfig.from_dict({**kept, **named_settings(config)})
        array = type(self)(self.metadata, self.store_path, changed, access=self.access)
        put(array, "deletions_seen", self.deletions_seen)
        return array

    # -- reading and writing ----------------------------------------------------------------

    async def getitem(
        self, selection: SelectionLike, *, prototype: BufferPrototype | None = None
    ) -> NDArrayLikeOrScalar:
        """Read integers and slices, one for each dimension.

        Parameters
        ----------
        selection : int, slice, Ellipsis or tuple of these
            What to read.
        prototype : BufferPrototype, optional
            The kind of array to return.

        Returns
        -------
        NDArrayLikeOrScalar
            The elements; a scalar if all dimensions are selected by integers.

        Examples
        --------
        >>> import asyncio, zarr
        >>> array = zarr.ones((4, 4)).async_array
        >>> asyncio.run(array.getitem((slice(0, 2), 1)))
        array([1., 1.])
        """
        return await read(self, basic, selection, prototype=prototype)

    async def read_many(
        self, selections: Sequence[SelectionLike], out: Any = None
    ) -> list[NDArrayLikeOrScalar]:
        """Read many selections as one operation: each chunk is fetched and decoded once.

        Parameters
        ----------
        selections : sequence of selections
            Each as it would stand in the brackets of ``array[...]``.
        out : array or sequence of arrays, optional
            Where the elements go: an array for each selection, or one whose first dimension the
            selections are. They must not share memory. Anything that exports its memory on the
            host by DLPack or the buffer protocol will do.

        Returns
        -------
        list of NDArrayLikeOrScalar
            The elements of each selection, in the order of the selections.

        Raises
        ------
        IndexError
            A selection does not fit the array.
        ValueError
            Something in `out` has another shape, is read-only, or shares memory with another.

        Examples
        --------
        >>> import asyncio, zarr
        >>> array = zarr.ones((4, 4)).async_array
        >>> asyncio.run(array.read_many([(slice(0, 2), 1), (3, slice(2, 4))]))
        [array([1., 1.]), array([1., 1.])]
        """
        from zarr.arrays.batch import read_many  # late: most read one selection

        return await read_many(self, selections, out)

    async def get_orthogonal_selection(
        self,
        selection: SelectionLike,
        *,
        out: Out = None,
        fields: Fields = None,
        prototype: BufferPrototype | None = None,
    ) -> NDArrayLikeOrScalar:
        """Read the outer product of integers, slices and arrays, one for each dimension.

        Parameters
        ----------
        selection : tuple of int, slice or array_like
            What to read: indices, or booleans for all elements of a dimension.
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
        >>> array.get_orthogonal_selection(([0, 2], [1, 3]))
        array([[ 1,  3],
               [ 9, 11]])
        """
        return await read(self, orthogonal, selection, out=out, fields=fields, prototype=prototype)

    async def get_mask_selection(
        self,
        mask: object,
        *,
        out: Out = None,
        fields: Fields = None,
        prototype: BufferPrototype | None = None,
    ) -> NDArrayLikeOrScalar:
        """Read the elements where a mask is true, in C order.

        Parameters
        ----------
        mask : array_like of bool
            A mask of the shape of the array.
        out : ndarray or NDBuffer, optional
            Where the elements go.
        fields : str or sequence of str, optional
            The fields of a structured data type to read.
        prototype : BufferPrototype, optional
            The kind of array to return.

        Returns
        -------
        NDArrayLike
            The elements, in one dimension.

        Raises
        ------
        IndexError
            If the selection is out of bounds, or of another kind.

        Examples
        --------
        >>> import numpy as np, zarr
        >>> array = zarr.create_array({}, data=np.arange(16).reshape(4, 4), chunks=(2, 2))
        >>> array.get_mask_selection(array[:] % 5 == 0)
        array([ 0,  5, 10, 15])
        """
        return await read(self, select_mask, mask, out=out, fields=fields, prototype=prototype)

    async def get_coordinate_selection(
        self,
        selection: SelectionLike,
        *,
        out: Out = None,
        fields: Fields = None,
        prototype: BufferPrototype | None = None,
    ) -> NDArrayLikeOrScalar:
        """Read points.

        Parameters
        ----------
        selection : tuple of array_like of int
            The indices along each dimension; they are broadcast against each other.
        out : ndarray or NDBuffer, optional
            Where the elements go.
        fields : str or sequence of str, optional
            The fields of a structured data type to read.
        prototype : BufferPrototype, optional
            The kind of array to return.

        Returns
        -------
        NDArrayLike
            The elements, in the shape of the coordinates.

        Raises
        ------
        IndexError
            If the selection is out of bounds, or of another kind.

        Examples
        --------
        >>> import numpy as np, zarr
        >>> array = zarr.create_array({}, data=np.arange(16).reshape(4, 4), chunks=(2, 2))
        >>> array.get_coordinate_selection(([0, 3], [1, 3]))
        array([ 1, 15])
        """
        return await read(self, coordinate, selection, out=out, fields=fields, prototype=prototype)

    async def setitem(
        self,
        selection: SelectionLike,
        value: npt.ArrayLike,
        prototype: BufferPrototype | None = None,
    ) -> None:
        """Write to integers and slices, one for each dimension.

        A chunk that is covered in part is read, changed and written while nobody else in this
        process changes it.

        Parameters
        ----------
        selection : int, slice, Ellipsis or tuple of these
            Where to write.
        value : array_like
            What to write; it is broadcast to the shape of the selection.
        prototype : BufferPrototype, optional
            The kind of memory that `value` is in; it is found out if None.
        """
        await write(self, basic, selection, value, prototype=prototype)

    @property
    def oindex(self) -> AsyncOIndex:
        """Orthogonal selections: ``await array.oindex.getitem((rows, columns))``."""
        return AsyncOIndex(self)

    @property
    def vindex(self) -> AsyncVIndex:
        """Points and masks: ``await array.vindex.getitem((rows, columns))``."""
        return AsyncVIndex(self)

    def iter_blocks(
        self, by: str | Sequence[int] = "chunks", *, prefetch: int = 2
    ) -> AsyncGenerator[Block, None]:
        """Yield the array block by block, the next ones of which are already on their way.

        Blocks come in C order. A chunk is decoded once if the blocks are its chunks, or multiples
        of them.

        Parameters
        ----------
        by : "chunks" or tuple of int, default "chunks"
            The shape of the blocks; -1 is the whole length of a dimension. The last block along a
            dimension may be smaller.
        prefetch : int, default 2
            How many blocks are read before they are asked for. Their memory is needed at the same
            time. With 0, a block is read when it is asked for.

        Yields
        ------
        Block
            A named tuple of ``selection``, a tuple of slices that says where the block is, and
            ``values``, a NumPy array of its elements.

        Raises
        ------
        ValueError
            If `by` is no shape of blocks, or `prefetch` is negative.

        Examples
        --------
        >>> import numpy as np, zarr
        >>> array = zarr.create_array({}, data=np.arange(16).reshape(4, 4), chunks=(2, 4))
        >>> [int(block.values.sum()) for block in array.iter_blocks()]
        [28, 92]
        """
        return self.lazy.iter_blocks(by, prefetch=prefetch)

    @property
    def lazy(self) -> AsyncView:
        """A view of the whole array: selections of it are read when they are awaited.

        Returns
        -------
        AsyncView

        Examples
        --------
        >>> import asyncio, zarr
        >>> view = zarr.ones((4, 4)).async_array.lazy[::-1, 0]
        >>> asyncio.run(view[:2].result())
        array([1., 1.])
        """
        views = import_module("zarr.views")  # late: they stand above arrays
        view: AsyncView = views.AsyncView.of(self)
        return view

    # -- what is stored ---------------------------------------------------------------------

    async def nchunks_initialized(self) -> int:
        """Return how many chunks are stored; all of a shard's count where the shard is.

        Returns
        -------
        int
            The number of chunks.
        """
        return (await self._count_stored()).chunks

    async def _nshards_initialized(self) -> int:
        return (await self._count_stored()).shards

    async def _count_stored(self) -> Stored:
        from zarr.arrays.stored_chunks import stored_shards  # late: few programs ask

        return await stored_shards(self)

    async def nbytes_stored(self) -> int:
        """Return the number of stored bytes, metadata documents included.

        Returns
        -------
        int

        Examples
        --------
        >>> import zarr
        >>> array = zarr.create_array({}, shape=(100, 60), chunks=(10, 20), dtype="f4")
        >>> array.nbytes_stored() > 0
        True
        """
        from zarr.arrays.stored_chunks import stored_size  # late: few programs ask

        return await stored_size(self)

    async def info_complete(self) -> ArrayInfo:
        """Return a summary that includes what is stored; the store is asked to list its keys.

        Returns
        -------
        ArrayInfo

        Examples
        --------
        >>> import zarr
        >>> array = zarr.create_array({}, shape=(100, 60), chunks=(10, 20), dtype="f4")
        >>> array.info_complete()._count_chunks_initialized
        0
        """
        return self._info(await self._nshards_initialized(), await self.nbytes_stored())

    # -- changes ----------------------------------------------------------------------------

    async def resize(self, new_shape: ShapeLike, delete_outside_chunks: bool = True) -> None:
        """Change the shape.

        Elements that are added have the fill value.

        Parameters
        ----------
        new_shape : int or iterable of int
            The length of each dimension.
        delete_outside_chunks : bool
            Whether what lies outside of the new shape is removed for good: chunks are deleted,
            and in those at the new edge the outer elements become the fill value. Otherwise old
            elements are there again when the array grows.

        Raises
        ------
        ValueError
            If the array is read-only.

        Examples
        --------
        >>> import zarr
        >>> array = zarr.create_array({}, shape=(100, 60), chunks=(10, 20), dtype="f4")
        >>> array.resize((200, 60))
        >>> array.shape
        (200, 60)
        """
        await resize(self, new_shape, delete_outside_chunks)

    async def append(self, data: npt.ArrayLike, axis: int = 0) -> tuple[int, ...]:
        """Make the array longer along one dimension, and write to the new part.

        Several may append at the same time, through one handle or several: each gets a part of
        its own, in the order in which they come.

        Parameters
        ----------
        data : array_like
            The elements to append; they have the shape of the array but for one dimension.
        axis : int
            The dimension along which the array grows.

        Returns
        -------
        tuple of int
            The new shape.

        Raises
        ------
        ValueError
            If the array is read-only.

        Examples
        --------
        >>> import numpy as np, zarr
        >>> array = zarr.create_array({}, data=np.arange(16).reshape(4, 4), chunks=(2, 2))
        >>> array.append([[1, 2, 3, 4]])
        (5, 4)
        >>> array[4]
        array([1, 2, 3, 4])
        """
        return await append(self, data, axis)

    async def update_attributes(self, new_attributes: dict[str, JSON]) -> Self:
        """Set some attributes; the others stay.

        Parameters
        ----------
        new_attributes : dict
            The attributes to set.

        Returns
        -------
        AsyncArray
            This array.

        Raises
        ------
        TypeError
            If a value has no JSON form.
        ValueError
            If the array is read-only.

        Examples
        --------
        >>> import zarr
        >>> array = zarr.create_array({}, shape=(100, 60), chunks=(10, 20), dtype="f4")
        >>> array.update_attributes({"unit": "m"}).attrs["unit"]
        'm'
        """
        new = as_attributes(new_attributes)
        await self.change_attributes(lambda attributes: {**attributes, **new})
        return self

    async def change_attributes(self, change: Callable[[NodeAttributes], NodeAttributes]) -> None:
        """Change the stored attributes, while nobody else does."""
        await change_attributes(self, change)


def accessed(array: AsyncArray[M], access: Access) -> AsyncArray[M]:
    """Return a handle, which is accessed in another way from now on."""
    put(array, "access", access)
    put(array, "deletions_seen", array.deletions_seen if access.chunk_path is None else None)
    put(array, "_compiled", None)
    return array
