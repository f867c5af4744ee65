"""Making members of a group."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import numpy as np

from zarr._async.run import with_sections
from zarr._async.warnings import warn
from zarr.arrays import legacy_create
from zarr.arrays.async_array import AsyncArray, accessed
from zarr.arrays.copy import array_like
from zarr.arrays.create import init_array, source_of
from zarr.arrays.parameters import DEFAULT_FILL_VALUE
from zarr.dtype import parse_dtype
from zarr.dtype.base import shown
from zarr.errors import ContainsArrayError, ContainsGroupError, ZarrUserWarning
from zarr.groups.base import GroupBase
from zarr.hierarchy.documents import check_new_path, child_path, kind_at
from zarr.hierarchy.open_options import DEFAULT_ACCESS, parse_format
from zarr.hierarchy.place import (
    check_writable,
    make_parents,
    missing_parents,
    other_than,
    place_node,
    refuse_other,
)
from zarr.metadata.fields import parse_shapelike
from zarr.metadata.group import GroupMetadata
from zarr.storage.path import StorePath, address

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import Unpack

    from zarr.arrays.parameters import (
        CompressorLike,
        CompressorsLike,
        EmptyOptions,
        FiltersLike,
        FullOptions,
        MemberLikeOptions,
        SerializerLike,
    )
    from zarr.dtype import ZDTypeLike
    from zarr.groups.async_group import AsyncGroup
    from zarr.hierarchy.open_options import Access
    from zarr.metadata.chunk_key_encodings import ChunkKeyEncodingLike
    from zarr.metadata.group import NodeMetadata
    from zarr.metadata.spec import ArrayConfigLike
    from zarr.types import (
        JSON,
        AnyAsyncArray,
        AnyNDArray,
        ChunksLike,
        DimensionNamesLike,
        MemoryOrder,
        NodeAttributes,
        ShapeLike,
        ShardsLike,
        StorageOptions,
        ZarrFormat,
    )


_OF_SHAPE = """
Parameters
----------
name : str
    Its name, or its path below this group.
shape : int or tuple of int
    The length of each dimension.
**kwargs
    Parameters of :func:`zarr.create`.

Returns
-------
AsyncArray

Raises
------
ContainsArrayError, ContainsGroupError
    If there is a node and it is not to be overwritten.
"""

_LIKE = """
Parameters
----------
name : str
    Its name, or its path below this group.
data : array_like
    The other array.
**kwargs
    Other parameters of :func:`zarr.create`, in place of those of `data`.

Returns
-------
AsyncArray

Raises
------
ContainsArrayError, ContainsGroupError
    If there is a node and it is not to be overwritten.
"""


class GroupCreation(GroupBase):
    """A group for asynchronous code: how its members are made."""

    if TYPE_CHECKING:
        _stored: bool

        async def getitem(self, key: str) -> AnyAsyncArray | AsyncGroup: ...
        async def _find_child(self, path: str) -> NodeMetadata | None: ...
        def _child(self, path: str, metadata: NodeMetadata) -> Any: ...
        @property
        def access(self) -> Access: ...

    def _new_path(self, name: str) -> StorePath:
        """Where a new member is to be."""
        path = child_path(self.path, name)
        check_new_path(path[len(self.path) :].strip("/"), self.metadata.zarr_format)
        check_writable(self.store_path)
        return StorePath(self.store, path)

    def _is_direct(self, path: str) -> bool:
        """Whether the groups above a path are known to be there: of a child, if this one is."""
        return self._stored and "/" not in path[len(self.path) :].strip("/")

    async def _is_gone(self) -> bool:
        return await kind_at(self.store, self.path, self.metadata.zarr_format) is None

    async def _required(
        self, name: str, make: Callable[[], Awaitable[AnyAsyncArray | AsyncGroup]]
    ) -> AnyAsyncArray | AsyncGroup:
        """A member; it is made if there is none."""
        with contextlib.suppress(KeyError):
            return await self.getitem(name)
        try:
            return await make()
        except (ContainsArrayError, ContainsGroupError):
            # Somebody was faster, or it was not consolidated.
            path = child_path(self.path, name)
            found = await self._find_child(path)
            if found is None:
                raise
            return self._child(path, found)  # type: ignore[no-any-return]

    # -- groups -----------------------------------------------------------------------------

    async def create_group(
        self, name: str, *, overwrite: bool = False, attributes: NodeAttributes | None = None
    ) -> AsyncGroup:
        """Create a group in this one.

        Parameters
        ----------
        name : str
            Its name, or its path below this group. Groups on the way are made where there are
            none.
        overwrite : bool, optional
            Whether everything at that path is deleted first. Otherwise a node there is an error.
        attributes : dict, optional
            Its attributes.

        Returns
        -------
        AsyncGroup
            The new group.

        Raises
        ------
        ContainsArrayError, ContainsGroupError
            If there is a node and it is not to be overwritten.

        Examples
        --------
        >>> import zarr
        >>> group = zarr.create_group({})
        >>> group.create_group("c", attributes={"unit": "m"}).path
        'c'
        """
        place = self._new_path(name)
        if overwrite and place.path == self.path:
            raise ContainsGroupError(self.store, self.path)
        metadata = GroupMetadata(attributes, self.metadata.zarr_format)
        await place_node(
            place,
            metadata,
            overwrite=overwrite,
            parents=not self._is_direct(place.path),
            chunk_path=self.access.below(self.path, place.path).chunk_path,
        )
        return self._child(place.path, metadata)  # type: ignore[no-any-return]

    async def require_group(self, name: str, overwrite: bool = False) -> AsyncGroup:
        """Return a group in this one; it is created if there is none.

        Parameters
        ----------
        name : str
            Its name, or its path below this group.
        overwrite : bool, optional
            Whether it is made anew, and everything at that path deleted first.

        Returns
        -------
        AsyncGroup
            The group.

        Raises
        ------
        TypeError
            If there is an array.

        Examples
        --------
        >>> import zarr
        >>> group = zarr.create_group({})
        >>> array = group.create_array("a/b", shape=(4, 4), dtype="i4")
        >>> group.require_group("a").path, group.require_group("new").path
        ('a', 'new')
        """
        if overwrite:
            return await self.create_group(name, overwrite=True)
        found = await self._required(name, lambda: self.create_group(name))
        if found is self and await self._is_gone():  # the store was cleared
            return await self.create_group(name)
        if isinstance(found, AsyncArray):
            raise TypeError(f"Incompatible object (array) already exists at {found.store_path}")
        return found

    async def require_groups(self, *names: str) -> tuple[AsyncGroup, ...]:
        """Return groups in this one; those are created that are not there.

        Parameters
        ----------
        *names : str
            Their names.

        Returns
        -------
        tuple of AsyncGroup

        Examples
        --------
        >>> import zarr
        >>> group = zarr.create_group({})
        >>> array = group.create_array("a/b", shape=(4, 4), dtype="i4")
        >>> [found.path for found in group.require_groups("a", "c")]
        ['a', 'c']
        """
        # One after another: one may be above another.
        return tuple([await self.require_group(name) for name in names])

    # -- arrays -----------------------------------------------------------------------------

    async def create_array(
        self,
        name: str,
        *,
        shape: ShapeLike | None = None,
        dtype: ZDTypeLike | None = None,
        data: AnyNDArray | None = None,
        chunks: ChunksLike = "auto",
        shards: ShardsLike | None = None,
        filters: FiltersLike = "auto",
        compressors: CompressorsLike = "auto",
        compressor: CompressorLike = "auto",
        serializer: SerializerLike = "auto",
        fill_value: object = DEFAULT_FILL_VALUE,
        order: MemoryOrder | None = None,
        attributes: dict[str, JSON] | None = None,
        chunk_key_encoding: ChunkKeyEncodingLike | None = None,
        dimension_names: DimensionNamesLike = None,
        storage_options: StorageOptions | None = None,
        overwrite: bool = False,
        config: ArrayConfigLike | None = None,
        write_data: bool = True,
    ) -> AnyAsyncArray:
        """Create an array in this group.

        Parameters
        ----------
        name : str
            Its name, or its path below this group. Groups on the way are made where there are
            none.
        shape, dtype, data, chunks, shards, filters, compressors, serializer, fill_value, order
            As for :func:`zarr.create_array`.
        compressor : optional
            The only one of `compressors`. Deprecated for format 3.
        attributes, chunk_key_encoding, dimension_names, config, write_data
            As for :func:`zarr.create_array`.
        storage_options : dict, optional
            None: the store of the group exists.
        overwrite : bool, optional
            Whether everything at that path is deleted first. Otherwise a node there is an error.

        Returns
        -------
        AsyncArray
            The new array.

        Raises
        ------
        ContainsArrayError, ContainsGroupError
            If there is a node and it is not to be overwritten.

        Examples
        --------
        >>> import zarr
        >>> group = zarr.create_group({})
        >>> group.create_array("c", data=[1, 2, 3])[1:]
        array([2, 3])
        """
        if storage_options is not None:
            raise TypeError("'storage_options' was provided, but the store of a group exists.")
        if compressor != "auto":
            compressors = _compressors(compressor, compressors, self.metadata.zarr_format)
        source, shape, dtype = source_of(data, shape, dtype)
        place = self._new_path(name)
        if place.path == self.path:
            raise ContainsGroupError(self.store, self.path)
        return await init_array(
            store_path=place,
            shape=shape,
            dtype=dtype,
            chunks=chunks,
            shards=shards,
            filters=filters,
            compressors=compressors,
            serializer=serializer,
            fill_value=fill_value,
            order=order,
            zarr_format=self.metadata.zarr_format,
            attributes=attributes,
            chunk_key_encoding=chunk_key_encoding,
            dimension_names=dimension_names,
            overwrite=overwrite,
            config=self.access.config_of(config),
            parents=not self._is_direct(place.path),
            data=source if write_data else None,
            access=self.access.below(self.path, place.path),
        )

    async def require_array(
        self,
        /,
        name: str,
        *,
        shape: ShapeLike,
        dtype: ZDTypeLike | None = None,
        exact: bool = False,
        config: ArrayConfigLike | None = None,
        **kwargs: Any,
    ) -> AnyAsyncArray:
        """Return an array in this group; it is created if there is none.

        Parameters
        ----------
        name : str
            Its name, or its path below this group.
        shape : int or iterable of int
            The shape that it has, or gets.
        dtype : ZDTypeLike, optional
            The data type that it gets. One that exists may have any that can be cast to it.
        exact : bool, optional
            Whether one that exists must have that very data type.
        config : ArrayConfigLike, optional
            Settings that are not stored.
        **kwargs
            More parameters of :meth:`create_array`.

        Returns
        -------
        AsyncArray
            The array.

        Raises
        ------
        TypeError
            If there is a group, or an array of another shape or data type.

        Examples
        --------
        >>> import zarr
        >>> group = zarr.create_group({})
        >>> array = group.create_array("a/b", shape=(4, 4), dtype="i4")
        >>> group.require_array("a/b", shape=(4, 4), dtype="i4").path
        'a/b'
        """
        made: AnyAsyncArray | None = None

        async def make() -> AnyAsyncArray:
            nonlocal made
            made = await self.create_array(name, shape=shape, dtype=dtype, config=config, **kwargs)
            return made

        found = await self._required(name, make)
        if made is not None:
            return made
        if not isinstance(found, AsyncArray):
            raise TypeError(f"Incompatible object (group) already exists at {found.store_path}")
        wanted = parse_shapelike(shape)
        if found.shape != wanted:
            raise TypeError(
                f"Incompatible shape ({found.shape} vs {wanted}) of the array at {found.store_path}"
            )
        if dtype is not None:
            _check_dtype(found, dtype, exact=exact)
        return found if config is None else found.with_config(config)

    def _place(self, name: str, kwargs: dict[str, Any]) -> dict[str, Any]:
        """Parameters of ``zarr.create`` that say where a member is to be."""
        place = self._new_path(name)
        if place.path == self.path:
            raise ContainsGroupError(self.store, self.path)
        given = dict(kwargs)
        for other in ("store", "path"):
            if other in given:
                raise TypeError(f"{other!r} is given by the group and the name {name!r}")
        zarr_format = self.metadata.zarr_format
        chosen = parse_format(given.pop("zarr_format", None), given.pop("zarr_version", None))
        if chosen not in (None, zarr_format):
            raise ValueError(
                f"a group of format {zarr_format} has no members of format {chosen}: leave out "
                "zarr_format"
            )
        chunks = self.access.below(self.path, place.path).chunk_path
        if chunks is not None:
            given.setdefault(
                "chunk_store", StorePath(chunks.store, chunks.path.removesuffix(place.path))
            )
        if self.access.config is not None:
            given["config"] = self.access.config_of(given.get("config"))
        return {**given, "store": place, "zarr_format": zarr_format}

    @with_sections(_OF_SHAPE)
    async def empty(
        self, /, *, name: str, shape: ShapeLike, **kwargs: Unpack[EmptyOptions]
    ) -> AnyAsyncArray:
        """Create an array whose elements will all be written.

        Examples
        --------
        >>> import zarr
        >>> group = zarr.create_group({})
        >>> group.empty(name="c", shape=3, dtype="i4").shape
        (3,)
        """
        return await self._made(legacy_create.empty, name, shape, **kwargs)

    @with_sections(_OF_SHAPE)
    async def zeros(
        self, /, *, name: str, shape: ShapeLike, **kwargs: Unpack[FullOptions]
    ) -> AnyAsyncArray:
        """Create an array with the fill value zero; see :meth:`empty`.

        Examples
        --------
        >>> import zarr
        >>> group = zarr.create_group({})
        >>> group.zeros(name="c", shape=3, dtype="i4")[:]
        array([0, 0, 0], dtype=int32)
        """
        return await self._made(legacy_create.zeros, name, shape, **kwargs)

    @with_sections(_OF_SHAPE)
    async def ones(
        self, /, *, name: str, shape: ShapeLike, **kwargs: Unpack[FullOptions]
    ) -> AnyAsyncArray:
        """Create an array with the fill value one; see :meth:`empty`.

        Examples
        --------
        >>> import zarr
        >>> group = zarr.create_group({})
        >>> group.ones(name="c", shape=3, dtype="i4")[:]
        array([1, 1, 1], dtype=int32)
        """
        return await self._made(legacy_create.ones, name, shape, **kwargs)

    async def full(
        self, /, *, name: str, shape: ShapeLike, fill_value: object, **kwargs: Unpack[FullOptions]
    ) -> AnyAsyncArray:
        """Create an array with a fill value; see :meth:`empty`.

        Parameters
        ----------
        name : str
            Its name, or its path below this group.
        shape : int or tuple of int
            The shape of the array.
        fill_value : scalar
            The value of all elements.
        **kwargs
            Other parameters of :func:`zarr.create`.

        Returns
        -------
        AsyncArray

        Raises
        ------
        ContainsArrayError, ContainsGroupError
            If there is a node and it is not to be overwritten.

        Examples
        --------
        >>> import zarr
        >>> group = zarr.create_group({})
        >>> group.full(name="c", shape=3, dtype="i4", fill_value=7)[:]
        array([7, 7, 7], dtype=int32)
        """
        return await self._made(legacy_create.full, name, shape, fill_value=fill_value, **kwargs)

    @with_sections(_LIKE)
    async def empty_like(
        self, /, *, name: str, data: object, **kwargs: Unpack[MemberLikeOptions]
    ) -> AnyAsyncArray:
        """Create an array with the shape, data type, chunks and codecs of another.

        Examples
        --------
        >>> import zarr
        >>> group = zarr.create_group({})
        >>> array = group.create_array("a/b", shape=(4, 4), dtype="i4")
        >>> group.empty_like(name="c", data=array).shape
        (4, 4)
        """
        return await self._made(legacy_create.empty_like, name, data, **kwargs)

    @with_sections(_LIKE)
    async def zeros_like(
        self, /, *, name: str, data: object, **kwargs: Unpack[MemberLikeOptions]
    ) -> AnyAsyncArray:
        """Create an array of zeros like another; see :meth:`empty_like`.

        Examples
        --------
        >>> import zarr
        >>> group = zarr.create_group({})
        >>> array = group.create_array("a/b", shape=(4, 4), dtype="i4")
        >>> group.zeros_like(name="c", data=array).shape
        (4, 4)
        """
        return await self._made(legacy_create.zeros_like, name, data, **kwargs)

    @with_sections(_LIKE)
    async def ones_like(
        self, /, *, name: str, data: object, **kwargs: Unpack[MemberLikeOptions]
    ) -> AnyAsyncArray:
        """Create an array of ones like another; see :meth:`empty_like`.

        Examples
        --------
        >>> import zarr
        >>> group = zarr.create_group({})
        >>> array = group.create_array("a/b", shape=(4, 4), dtype="i4")
        >>> group.ones_like(name="c", data=array).shape
        (4, 4)
        """
        return await self._made(legacy_create.ones_like, name, data, **kwargs)

    @with_sections(_LIKE)
    async def full_like(
        self, /, *, name: str, data: object, **kwargs: Unpack[MemberLikeOptions]
    ) -> AnyAsyncArray:
        """Create an array like another, with a fill value; see :meth:`empty_like`.

        Examples
        --------
        >>> import zarr
        >>> group = zarr.create_group({})
        >>> array = group.create_array("a/b", shape=(4, 4), dtype="i4")
        >>> group.full_like(name="c", data=array, fill_value=7)[0]
        array([7, 7, 7, 7], dtype=int32)
        """
        return await self._made(legacy_create.full_like, name, data, **kwargs)

    async def _made(self, make: Any, name: str, first: Any, **kwargs: object) -> AnyAsyncArray:
        given = self._place(name, kwargs)
        place, zarr_format = given["store"], self.metadata.zarr_format
        if not given.get("overwrite"):
            # `create` takes the format for one that the user asked for, whatever is there.
            other = await kind_at(self.store, place.path, other_than(zarr_format))
            refuse_other(self.store, place.path, other, zarr_format)
        if not self._is_direct(place.path):
            await missing_parents(place, zarr_format)
        return accessed_by(self, await make(first, **given))

    async def setitem(self, key: str, value: object) -> None:
        """Save an array in this group, in place of what is there.

        Parameters
        ----------
        key : str
            Its name, or its path below this group.
        value : array_like
            Its elements.
        """
        if not (hasattr(value, "shape") and hasattr(value, "dtype")):
            raise TypeError(
                f"The item {key!r} of a group must be numpy or other NDArrayLike array. "
                f"Got {shown(value)} of {type(value).__name__}."
            )
        source = array_like(value)
        place = self._new_path(key)
        if isinstance(source, AsyncArray) and address(source.store_path) == address(place):
            return  # group[key] += 1 ends so
        given = {"dtype": source.dtype, "overwrite": True, "data": source}
        await self._made(legacy_create.create, key, source.shape, **given)


async def make_parents_in(group: GroupCreation, path: str) -> None:
    """Make groups above a path in a group where there are none."""
    if not group._is_direct(path):
        await make_parents(StorePath(group.store, path), group.metadata.zarr_format)


def accessed_by(group: GroupCreation, array: AnyAsyncArray) -> AnyAsyncArray:
    """Return an array in a group, accessed as the group is."""
    if group.access is DEFAULT_ACCESS:
        return array
    return accessed(array, group.access.below(group.path, array.path))


def _compressors(
    compressor: Any, compressors: CompressorsLike, zarr_format: ZarrFormat
) -> CompressorsLike:
    if compressors != "auto":
        raise ValueError("Cannot specify both `compressor` and `compressors`.")
    if zarr_format == 3:  # of format 2 there is one compressor, and it has this name
        warn(
            "The `compressor` argument is deprecated. Use `compressors` instead.",
            ZarrUserWarning,
        )
    return None if compressor is None else (compressor,)


def _check_dtype(array: AnyAsyncArray, dtype: ZDTypeLike, *, exact: bool) -> None:
    wanted = parse_dtype(dtype, zarr_format=array.metadata.zarr_format).to_native_dtype()
    found = array.dtype
    if (found != wanted) if exact else not np.can_cast(found, wanted):
        raise TypeError(f"Incompatible dtype ({found} vs {wanted})")
