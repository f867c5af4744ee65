"""The synchronous face of a group."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar, overload

from zarr._async.run import (
    collected,
    described_by,
    face,
    faces,
    run,
    synced_array_method,
    synced_group_method,
    synced_iter_method,
    synced_method,
    waits_of,
)
from zarr.groups.async_group import AsyncGroup
from zarr.groups.base import GroupBase
from zarr.hierarchy.attributes import Attributes
from zarr.successors import missing_member

if TYPE_CHECKING:
    from collections.abc import Iterator

    from zarr.metadata.group import GroupMetadata
    from zarr.storage.path import StoreLike, StorePath
    from zarr.synchronizer import Synchronizer
    from zarr.types import AnyArray, NodeAttributes, ZarrFormat

DefaultT = TypeVar("DefaultT")


@dataclass(frozen=True, eq=False, repr=False)
class Group(GroupBase):
    """A group: a node that has arrays and other groups below it.

    Groups are made by :func:`zarr.create_group` and opened by :func:`zarr.open_group`.

    Parameters
    ----------
    _async_group : AsyncGroup
        The asynchronous face of the group, which does the work.

    Examples
    --------
    >>> import zarr
    >>> root = zarr.create_group({})
    >>> weather = root.create_group("weather", attributes={"station": "Ny-Ålesund"})
    >>> temperature = weather.create_array("temperature", shape=(24,), dtype="f4")
    >>> root
    <Group memory://...>
    >>> root["weather/temperature"].shape
    (24,)
    >>> root.tree()
    /
    └── weather
        └── temperature (24,) float32
    <BLANKLINE>
    """

    _async_group: AsyncGroup

    @classmethod
    @described_by(AsyncGroup.from_store)
    def from_store(
        cls,
        store: StoreLike,
        *,
        attributes: NodeAttributes | None = None,
        overwrite: bool = False,
        zarr_format: ZarrFormat = 3,
    ) -> Group:
        work = AsyncGroup.from_store(
            store, attributes=attributes, overwrite=overwrite, zarr_format=zarr_format
        )
        return cls(run(work, waits=waits_of((store,), {})))

    @classmethod
    def open(cls, store: StoreLike, zarr_format: ZarrFormat | None = 3) -> Group:
        """Open a group that exists.

        Parameters
        ----------
        store : StoreLike
            Where the group is.
        zarr_format : {2, 3, None}, optional
            The format of the group; None is whichever is found, 3 first.

        Returns
        -------
        Group

        Raises
        ------
        GroupNotFoundError
            If there is no group of that format.

        Examples
        --------
        >>> import zarr
        >>> group = zarr.create_group({})
        >>> array = group.create_array("a/b", shape=(4, 4), dtype="i4")
        >>> zarr.Group.open(group.store).path
        ''
        """
        work = AsyncGroup.open(store, zarr_format=zarr_format)
        return cls(run(work, waits=waits_of((store,), {})))

    if not TYPE_CHECKING:
        __getattr__ = missing_member

    # -- the asynchronous face --------------------------------------------------------------

    @property
    def _async(self) -> AsyncGroup:
        """The name by which methods find their asynchronous twins."""
        return self._async_group

    @property
    def needs_event_loop(self) -> bool:
        """Whether a call may wait for the store, and so runs on an event loop.

        Returns
        -------
        bool

        Examples
        --------
        >>> import zarr
        >>> zarr.create_group({}).needs_event_loop
        False
        """
        return self._async_group.needs_event_loop

    @property
    def metadata(self) -> GroupMetadata:
        """The metadata of the group.

        Returns
        -------
        GroupMetadata

        Examples
        --------
        >>> import zarr
        >>> group = zarr.create_group({})
        >>> array = group.create_array("a/b", shape=(4, 4), dtype="i4")
        >>> group.metadata.zarr_format
        3
        """
        return self._async_group.metadata

    @property
    def store_path(self) -> StorePath:
        """The store, and the path of the group in it.

        Returns
        -------
        StorePath

        Examples
        --------
        >>> import zarr
        >>> group = zarr.create_group({})
        >>> array = group.create_array("a/b", shape=(4, 4), dtype="i4")
        >>> group["a"].store_path.path
        'a'
        """
        return self._async_group.store_path

    @property
    def read_only(self) -> bool:
        """Whether writing is refused.

        Returns
        -------
        bool

        Examples
        --------
        >>> import zarr
        >>> group = zarr.create_group({})
        >>> array = group.create_array("a/b", shape=(4, 4), dtype="i4")
        >>> group.read_only
        False
        """
        return self._async_group.read_only

    @property
    def synchronizer(self) -> Synchronizer | None:
        """The object that gives a lock for each key, if there is one.

        Returns
        -------
        object or None

        Examples
        --------
        >>> import zarr
        >>> group = zarr.create_group({})
        >>> array = group.create_array("a/b", shape=(4, 4), dtype="i4")
        >>> group.synchronizer is None
        True
        """
        return self._async_group.synchronizer

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Group):
            return NotImplemented
        return bool(self._async_group == other._async_group)

    __hash__ = None  # type: ignore[assignment]

    # -- attributes -------------------------------------------------------------------------

    @property
    def attrs(self) -> Attributes:
        """The user attributes, as a mapping; a change is stored at once.

        Returns
        -------
        Attributes

        Examples
        --------
        >>> import zarr
        >>> group = zarr.create_group({})
        >>> array = group.create_array("a/b", shape=(4, 4), dtype="i4")
        >>> group.attrs["unit"] = "m"
        >>> dict(group.attrs)
        {'unit': 'm'}
        """
        return Attributes(self)

    update_attributes = synced_group_method(AsyncGroup.update_attributes)

    async def update_attributes_async(self, new_attributes: dict[str, object]) -> Group:
        """Replace all attributes, as the method of zarr-python does.

        `update_attributes` keeps the attributes that are not given.

        Parameters
        ----------
        new_attributes : dict
            The attributes.

        Returns
        -------
        Group
            This group.

        Examples
        --------
        >>> import zarr
        >>> group = zarr.create_group({})
        >>> array = group.create_array("a/b", shape=(4, 4), dtype="i4")
        >>> import asyncio
        >>> asyncio.run(group.update_attributes_async({"unit": "m"})).attrs["unit"]
        'm'
        """
        await self._async_group.change_attributes(lambda _: dict(new_attributes))
        return Group(self._async_group)

    # -- single members ---------------------------------------------------------------------

    def __getitem__(self, path: str) -> AnyArray | Group:
        """Return a member.

        Parameters
        ----------
        path : str
            Its name, or its path below this group.

        Returns
        -------
        Array or Group

        Raises
        ------
        KeyError
            If there is none.

        Examples
        --------
        >>> import zarr
        >>> group = zarr.create_group({})
        >>> array = group.create_array("a/b", shape=(4, 4), dtype="i4")
        >>> group["a"]["b"].path
        'a/b'
        """
        group = self._async_group
        return face(run(group.getitem(path), waits=group.needs_event_loop))  # type: ignore[no-any-return]

    @overload
    def get(self, path: str, default: DefaultT) -> AnyArray | Group | DefaultT: ...
    @overload
    def get(self, path: str, default: None = None) -> AnyArray | Group | None: ...

    def get(self, path: str, default: DefaultT | None = None) -> AnyArray | Group | DefaultT | None:
        """Return a member, or something else if there is none.

        Parameters
        ----------
        path : str
            Its name, or its path below this group.
        default : object, optional
            What to return if there is none.

        Returns
        -------
        Array, Group or `default`

        Examples
        --------
        >>> import zarr
        >>> group = zarr.create_group({})
        >>> array = group.create_array("a/b", shape=(4, 4), dtype="i4")
        >>> group.get("none", "default")
        'default'
        """
        try:
            return self[path]
        except KeyError:
            return default

    get_array = synced_array_method(AsyncGroup.get_array)
    get_group = synced_group_method(AsyncGroup.get_group)

    def __contains__(self, member: str) -> bool:
        """Whether there is a member of this name, or path below this group.

        Returns
        -------
        bool

        Examples
        --------
        >>> import zarr
        >>> group = zarr.create_group({})
        >>> array = group.create_array("a/b", shape=(4, 4), dtype="i4")
        >>> "a/b" in group, "b" in group
        (True, False)
        """
        group = self._async_group
        return run(group.contains(member), waits=group.needs_event_loop)

    def __setitem__(self, key: str, value: object) -> None:
        """Save an array in this group, in place of what is there.

        Parameters
        ----------
        key : str
            Its name, or its path below this group.
        value : array_like
            Its elements.

        Examples
        --------
        >>> import zarr
        >>> group = zarr.create_group({})
        >>> array = group.create_array("a/b", shape=(4, 4), dtype="i4")
        >>> import numpy as np
        >>> group["c"] = np.arange(3)
        >>> group["c"][1:]
        array([1, 2])
        """
        group = self._async_group
        run(group.setitem(key, value), waits=group.needs_event_loop)

    def __delitem__(self, key: str) -> None:
        """Delete a member, and all below it. Nothing happens if there is none.

        Parameters
        ----------
        key : str
            Its name, or its path below this group; ``"/"`` is the group itself.

        Examples
        --------
        >>> import zarr
        >>> group = zarr.create_group({})
        >>> array = group.create_array("a/b", shape=(4, 4), dtype="i4")
        >>> del group["a"]
        >>> list(group)
        []
        """
        group = self._async_group
        run(group.delitem(key), waits=group.needs_event_loop)

    move = synced_method(AsyncGroup.move)

    # -- all members ------------------------------------------------------------------------

    def __iter__(self) -> Iterator[str]:
        """Yield the names of the members.

        Returns
        -------
        Iterator of str

        Examples
        --------
        >>> import zarr
        >>> group = zarr.create_group({})
        >>> array = group.create_array("a/b", shape=(4, 4), dtype="i4")
        >>> list(group)
        ['a']
        """
        yield from self.keys()

    def __len__(self) -> int:
        """The number of members.

        Returns
        -------
        int

        Examples
        --------
        >>> import zarr
        >>> group = zarr.create_group({})
        >>> array = group.create_array("a/b", shape=(4, 4), dtype="i4")
        >>> len(group)
        1
        """
        return self.nmembers()

    def members(
        self, max_depth: int | None = 0, *, use_consolidated_for_children: bool = True
    ) -> tuple[tuple[str, AnyArray | Group], ...]:
        """Return the nodes below this group, with their paths relative to it, level by level.

        A node whose metadata cannot be read is left out, with a warning that names it; so it is
        wherever members are listed.

        Parameters
        ----------
        max_depth : int, optional
            How many levels of groups are entered: 0, by default, gives the children only; None is
            all.
        use_consolidated_for_children : bool, optional
            Whether the consolidated metadata that a group below has are believed.

        Returns
        -------
        tuple of (str, Array or Group)

        Examples
        --------
        >>> import zarr
        >>> group = zarr.create_group({})
        >>> array = group.create_array("a/b", shape=(4, 4), dtype="i4")
        >>> [name for name, node in group.members(max_depth=None)]
        ['a', 'a/b']
        """
        group = self._async_group
        found = group.members(
            max_depth, use_consolidated_for_children=use_consolidated_for_children
        )
        return tuple(map(face, run(collected(found), waits=group.needs_event_loop)))

    nmembers = synced_method(AsyncGroup.nmembers)
    keys = synced_iter_method(AsyncGroup.keys)
    groups = synced_iter_method(AsyncGroup.groups)
    group_keys = synced_iter_method(AsyncGroup.group_keys)
    group_values = synced_iter_method(AsyncGroup.group_values)
    arrays = synced_iter_method(AsyncGroup.arrays)
    array_keys = synced_iter_method(AsyncGroup.array_keys)
    array_values = synced_iter_method(AsyncGroup.array_values)
    tree = synced_method(AsyncGroup.tree)
    info_complete = synced_method(AsyncGroup.info_complete)

    # -- making members ---------------------------------------------------------------------

    create_group = synced_group_method(AsyncGroup.create_group)
    require_group = synced_group_method(AsyncGroup.require_group)
    require_groups = synced_method(AsyncGroup.require_groups)
    create_array = synced_array_method(AsyncGroup.create_array)
    create = synced_array_method(AsyncGroup.create_array)
    require_array = synced_array_method(AsyncGroup.require_array)
    create_hierarchy = synced_iter_method(AsyncGroup.create_hierarchy)
    empty = synced_array_method(AsyncGroup.empty)
    zeros = synced_array_method(AsyncGroup.zeros)
    ones = synced_array_method(AsyncGroup.ones)
    full = synced_array_method(AsyncGroup.full)
    empty_like = synced_array_method(AsyncGroup.empty_like)
    zeros_like = synced_array_method(AsyncGroup.zeros_like)
    ones_like = synced_array_method(AsyncGroup.ones_like)
    full_like = synced_array_method(AsyncGroup.full_like)


faces[AsyncGroup] = Group
