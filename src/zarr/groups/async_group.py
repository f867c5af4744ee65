"""The asynchronous face of a group."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Self, TypeVar, overload

from zarr.arrays.async_array import AsyncArray, put
from zarr.errors import (
    ArrayNotFoundError,
    ContainsArrayError,
    ContainsGroupError,
    GroupNotFoundError,
    MemberNotFoundError,
)
from zarr.groups import consolidated, deletions_and_moves
from zarr.groups.base import GroupBase
from zarr.groups.creation import GroupCreation, accessed_by
from zarr.hierarchy.documents import child_path, hint_of_missing, load_group, load_node
from zarr.hierarchy.open_options import DEFAULT_ACCESS, Access
from zarr.hierarchy.place import make_hierarchy, normalized, place_node
from zarr.hierarchy.walk import find_consolidated, walk
from zarr.metadata.group import GroupMetadata, NodeMetadata, is_group
from zarr.metadata.json import as_attributes, copied
from zarr.storage.path import StorePath, make_store_path

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable

    from zarr.groups.base import GroupInfo
    from zarr.groups.tree import Tree
    from zarr.storage.path import StoreLike
    from zarr.synchronizer import Synchronizer
    from zarr.types import AnyAsyncArray, Document, NodeAttributes, NodeType, ZarrFormat


class GroupListing(GroupBase):
    """A group for asynchronous code: what is in it."""

    if TYPE_CHECKING:

        def _child(self, path: str, metadata: NodeMetadata) -> Any: ...

    async def members(
        self, max_depth: int | None = 0, *, use_consolidated_for_children: bool = True
    ) -> AsyncGenerator[tuple[str, AnyAsyncArray | AsyncGroup], None]:
        """Yield the nodes below this group, with their paths relative to it, level by level.

        A node whose metadata cannot be read is left out, with a warning that names it; so it is
        wherever members are listed.

        Parameters
        ----------
        max_depth : int, optional
            How many levels of groups are entered: 0, by default, yields the children only; None
            is all.
        use_consolidated_for_children : bool, optional
            Whether the consolidated metadata that a group below has are believed.

        Yields
        ------
        tuple of str and AsyncArray or AsyncGroup
        """
        below = self._walk(max_depth, use_consolidated_for_children)
        async for name, node in below:
            yield name, self._child(f"{self.path}/{name}" if self.path else name, node)

    def _walk(
        self,
        max_depth: int | None = 0,
        use_consolidated_for_children: bool = True,
        *,
        whole: bool = False,
    ) -> AsyncIterator[tuple[str, NodeMetadata]]:
        return walk(
            self.store,
            self.path,
            self.metadata,
            max_depth,
            use_consolidated_for_children=use_consolidated_for_children,
            whole=whole,
        )

    async def nmembers(self, max_depth: int | None = 0) -> int:
        """Return the number of nodes below this group; see :meth:`members`.

        Parameters
        ----------
        max_depth : int, optional
            How many levels of groups are entered: 0, by default, counts the children only; None
            is all.

        Returns
        -------
        int

        Examples
        --------
        >>> import zarr
        >>> group = zarr.create_group({})
        >>> array = group.create_array("a/b", shape=(4, 4), dtype="i4")
        >>> group.nmembers(), group.nmembers(max_depth=None)
        (1, 2)
        """
        return len([name async for name, _ in self._walk(max_depth)])

    async def keys(self) -> AsyncGenerator[str, None]:
        """Yield the names of the members.

        Returns
        -------
        Generator of str

        Examples
        --------
        >>> import zarr
        >>> group = zarr.create_group({})
        >>> array = group.create_array("a/b", shape=(4, 4), dtype="i4")
        >>> list(group.keys())
        ['a']
        """
        async for name, _ in self._walk():
            yield name

    async def groups(self) -> AsyncGenerator[tuple[str, AsyncGroup], None]:
        """Yield the names of the groups in this one, and the groups.

        Returns
        -------
        Generator of (str, AsyncGroup)

        Examples
        --------
        >>> import zarr
        >>> group = zarr.create_group({})
        >>> array = group.create_array("a/b", shape=(4, 4), dtype="i4")
        >>> [(name, below.path) for name, below in group.groups()]
        [('a', 'a')]
        """
        async for name, node in self.members():
            if not isinstance(node, AsyncArray):
                yield name, node

    async def group_keys(self) -> AsyncGenerator[str, None]:
        """Yield the names of the groups in this one.

        Returns
        -------
        Generator of str

        Examples
        --------
        >>> import zarr
        >>> group = zarr.create_group({})
        >>> array = group.create_array("a/b", shape=(4, 4), dtype="i4")
        >>> list(group.group_keys())
        ['a']
        """
        async for name, node in self._walk():
            if is_group(node):
                yield name

    async def group_values(self) -> AsyncGenerator[AsyncGroup, None]:
        """Yield the groups in this one.

        Returns
        -------
        Generator of AsyncGroup

        Examples
        --------
        >>> import zarr
        >>> group = zarr.create_group({})
        >>> array = group.create_array("a/b", shape=(4, 4), dtype="i4")
        >>> [group.path for group in group.group_values()]
        ['a']
        """
        async for _, group in self.groups():
            yield group

    async def arrays(self) -> AsyncGenerator[tuple[str, AnyAsyncArray], None]:
        """Yield the names of the arrays in this group, and the arrays.

        Returns
        -------
        Generator of (str, AsyncArray)

        Examples
        --------
        >>> import zarr
        >>> group = zarr.create_group({})
        >>> array = group.create_array("a/b", shape=(4, 4), dtype="i4")
        >>> [(name, array.shape) for name, array in group["a"].arrays()]
        [('b', (4, 4))]
        """
        async for name, node in self.members():
            if isinstance(node, AsyncArray):
                yield name, node

    async def array_keys(self) -> AsyncGenerator[str, None]:
        """Yield the names of the arrays in this group.

        Returns
        -------
        Generator of str

        Examples
        --------
        >>> import zarr
        >>> group = zarr.create_group({})
        >>> array = group.create_array("a/b", shape=(4, 4), dtype="i4")
        >>> list(group["a"].array_keys())
        ['b']
        """
        async for name, node in self._walk():
            if not is_group(node):
                yield name

    async def array_values(self) -> AsyncGenerator[AnyAsyncArray, None]:
        """Yield the arrays in this group.

        Returns
        -------
        Generator of AsyncArray

        Examples
        --------
        >>> import zarr
        >>> group = zarr.create_group({})
        >>> array = group.create_array("a/b", shape=(4, 4), dtype="i4")
        >>> [array.path for array in group["a"].array_values()]
        ['a/b']
        """
        async for _, array in self.arrays():
            yield array

    async def tree(
        self,
        expand: bool | None = None,
        level: int | None = None,
        *,
        max_nodes: int = 500,
        plain: bool = False,
    ) -> Tree:
        """Return a tree of what is below this group, to be printed.

        Parameters
        ----------
        expand : bool, optional
            Whether groups are open at first where the tree can be folded, in notebooks. By
            default the outermost is.
        level : int, optional
            How many levels of groups are entered; all by default.
        max_nodes : int, optional
            How many nodes are shown.
        plain : bool, optional
            Whether notebooks show plain text, too.

        Returns
        -------
        Tree

        Examples
        --------
        >>> import zarr
        >>> group = zarr.create_group({})
        >>> array = group.create_array("a/b", shape=(4, 4), dtype="i4")
        >>> print(group.tree())
        /
        └── a
            └── b (4, 4) int32
        """
        from zarr.groups.tree import make_tree

        return await make_tree(
            self.store,
            self.path,
            self.metadata,
            expand=expand,
            level=level,
            max_nodes=max_nodes,
            plain=plain,
        )

    async def info_complete(self) -> GroupInfo:
        """Return a summary that counts all that is below; the store is asked.

        Returns
        -------
        GroupInfo

        Examples
        --------
        >>> import zarr
        >>> group = zarr.create_group({})
        >>> array = group.create_array("a/b", shape=(4, 4), dtype="i4")
        >>> group.info_complete()._count_arrays
        1
        """
        nodes = [node async for _, node in self._walk(None)]
        return self._info(len(nodes), sum(map(is_group, nodes)))


DefaultT = TypeVar("DefaultT")


@dataclass(frozen=True, eq=False, repr=False)
class AsyncGroup(GroupCreation, GroupListing):
    """A group, for asynchronous code.

    Parameters
    ----------
    metadata : GroupMetadata
        The metadata of the group.
    store_path : StorePath
        The store, and the path of the group in it.

    Attributes
    ----------
    metadata : GroupMetadata
        The metadata of the group. If they are consolidated, members are found in them and the
        store is not asked.
    store_path : StorePath
        The store, and the path of the group in it.
    """

    metadata: GroupMetadata
    store_path: StorePath
    access: Access = field(default=DEFAULT_ACCESS, kw_only=True)
    custom_key: str | None = field(default=None, kw_only=True)
    """The key of consolidated metadata of format 2, if it is not the usual one."""
    _stored: bool = field(default=False, kw_only=True)
    """Whether the group was opened or created, not only described: its document was there."""
    consolidated_by: AsyncGroup | None = field(default=None, kw_only=True)
    """The group above of whose consolidated metadata those of this one are a part."""

    # -- making handles ---------------------------------------------------------------------

    @classmethod
    def from_dict(cls, store_path: StorePath, data: Document) -> AsyncGroup:
        """Make a group out of its metadata as a dict.

        Parameters
        ----------
        store_path : StorePath
            The store, and the path of the group in it.
        data : dict
            The metadata, as in the stored document.
        """
        return cls(GroupMetadata.from_dict(data, path=store_path.shown_as()), store_path)

    @classmethod
    async def from_store(
        cls,
        store: StoreLike,
        *,
        attributes: NodeAttributes | None = None,
        overwrite: bool = False,
        zarr_format: ZarrFormat = 3,
    ) -> AsyncGroup:
        """Create a group.

        Parameters
        ----------
        store : StoreLike
            Where the group is to be.
        attributes : dict, optional
            Its attributes.
        overwrite : bool, optional
            Whether everything that is there is deleted first.
        zarr_format : {2, 3}, optional
            The format.

        Returns
        -------
        AsyncGroup

        Raises
        ------
        ContainsArrayError, ContainsGroupError
            If there is a node and it is not to be overwritten.

        Examples
        --------
        >>> import zarr
        >>> zarr.Group.from_store(zarr.storage.MemoryStore()).path
        ''
        """
        place = await make_store_path(store)
        metadata = GroupMetadata(attributes, zarr_format)
        # Format 3 is the default: it says nothing of what the user knows.
        await place_node(place, metadata, overwrite=overwrite, beside=zarr_format == 2)
        return cls(metadata, place).known_stored()

    @classmethod
    async def open(
        cls,
        store: StoreLike,
        zarr_format: ZarrFormat | None = 3,
        use_consolidated: bool | str | None = None,
    ) -> AsyncGroup:
        """Open a group that exists.

        Parameters
        ----------
        store : StoreLike
            Where the group is.
        zarr_format : {2, 3, None}, optional
            The format of the group; None is whichever is found, 3 first.
        use_consolidated : bool or str, optional
            Whether consolidated metadata are used: True, they must be there; None, where they
            are; False, not. A string is the key of such a document of format 2.

        Raises
        ------
        GroupNotFoundError
            If there is no group of that format.
        """
        place = await make_store_path(store)
        metadata = await load_group(place, zarr_format, use_consolidated)
        return opened_group(metadata, place, use_consolidated, cls=cls)

    def known_stored(self, stored: bool = True) -> Self:
        """This handle, of which the group is known to be stored, or not to be."""
        put(self, "_stored", stored)
        return self

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, AsyncGroup):
            return NotImplemented
        return self.metadata == other.metadata and self.store_path == other.store_path

    __hash__ = None  # type: ignore[assignment]

    # -- the state of the handle ------------------------------------------------------------

    @property
    def needs_event_loop(self) -> bool:
        """Whether a call may wait for the store."""
        return self.store_path.store.traits.needs_event_loop

    @property
    def caches_attributes(self) -> bool:
        """Whether attributes are read once, and not whenever they are looked at."""
        return self.access.cache_attrs and self.access.cache_metadata

    @property
    def read_only(self) -> bool:
        """Whether writing is refused."""
        return self.store_path.store.read_only

    @property
    def synchronizer(self) -> Synchronizer | None:
        """The object that gives a lock for each key, if there is one."""
        return self.access.synchronizer

    @property
    def attrs(self) -> NodeAttributes:
        """A copy of the attributes, as this handle last saw them; see `update_attributes`."""
        found: dict[str, object] = copied(self.metadata.attributes)
        return found

    def set_metadata(self, metadata: GroupMetadata) -> None:
        """Hold other metadata from now on."""
        put(self, "metadata", metadata)

    async def reload(self) -> None:
        """Hold the attributes that are stored now."""
        found = await load_group(self.store_path, self.metadata.zarr_format, False)
        if found.attributes != self.metadata.attributes:
            self.set_metadata(self.metadata.update_attributes(found.attributes))

    def _child(self, path: str, metadata: NodeMetadata) -> Any:
        """The handle of a node below, which shares no attributes with consolidated metadata."""
        place, metadata = StorePath(self.store, path), metadata.copied()
        if is_group(metadata):
            access = self.access.below(self.path, path)
            group = type(self)(metadata, place, access=access, _stored=True)
            if self.metadata.consolidated_metadata is not None:
                put(group, "consolidated_by", self.consolidated_by or self)
            return group
        array: AnyAsyncArray = AsyncArray(metadata, place, self.access.config)
        if self.metadata.consolidated_metadata is None:  # else its own document may be missing
            array.known_stored()
        return accessed_by(self, array)

    # -- single members ---------------------------------------------------------------------

    async def getitem(self, key: str) -> AnyAsyncArray | AsyncGroup:
        """Return a member.

        Parameters
        ----------
        key : str
            Its name, or its path below this group.

        Returns
        -------
        AsyncArray or AsyncGroup

        Raises
        ------
        KeyError
            If there is none.
        """
        path = child_path(self.path, key)
        if path == self.path:
            return self
        consolidated = self.metadata.consolidated_metadata
        if consolidated is not None:
            node = find_consolidated(consolidated, path[len(self.path) :].strip("/"))
            if node is None:
                raise KeyError(f"{key!r} not found in consolidated metadata.")
        else:
            node = await load_node(self.store, path, self.metadata.zarr_format)
            if node is None:
                place = StorePath(self.store, path)
                raise MemberNotFoundError(key, partial(hint_of_missing, place, self.path))
        return self._child(path, node)  # type: ignore[no-any-return]

    async def _find_child(self, path: str) -> NodeMetadata | None:
        """The metadata of a node below that is there, consolidated or not."""
        return await load_node(self.store, path, self.metadata.zarr_format)

    @overload
    async def get(self, key: str, default: DefaultT) -> AnyAsyncArray | AsyncGroup | DefaultT: ...
    @overload
    async def get(self, key: str, default: None = None) -> AnyAsyncArray | AsyncGroup | None: ...

    async def get(
        self, key: str, default: DefaultT | None = None
    ) -> AnyAsyncArray | AsyncGroup | DefaultT | None:
        """Return a member, or something else if there is none.

        Parameters
        ----------
        key : str
            Its name, or its path below this group.
        default : object, optional
            What to return if there is none.

        Returns
        -------
        AsyncArray, AsyncGroup or object
            The member, or `default`.
        """
        try:
            return await self.getitem(key)
        except KeyError:
            return default

    async def get_array(self, path: str) -> AnyAsyncArray:
        """Return a member that is an array.

        Parameters
        ----------
        path : str
            Its name, or its path below this group.

        Returns
        -------
        AsyncArray

        Raises
        ------
        ArrayNotFoundError
            If there is none.
        ContainsGroupError
            If it is a group.

        Examples
        --------
        >>> import zarr
        >>> group = zarr.create_group({})
        >>> array = group.create_array("a/b", shape=(4, 4), dtype="i4")
        >>> group.get_array("a/b").shape
        (4, 4)
        """
        found = await self.get(path)
        if found is None:
            raise ArrayNotFoundError(self._instead("array", path, "nothing"))
        if not isinstance(found, AsyncArray):
            raise ContainsGroupError(self._instead("array", path, "a group"))
        return found

    async def get_group(self, path: str) -> AsyncGroup:
        """Return a member that is a group.

        Parameters
        ----------
        path : str
            Its name, or its path below this group.

        Returns
        -------
        AsyncGroup

        Raises
        ------
        GroupNotFoundError
            If there is none.
        ContainsArrayError
            If it is an array.

        Examples
        --------
        >>> import zarr
        >>> group = zarr.create_group({})
        >>> array = group.create_array("a/b", shape=(4, 4), dtype="i4")
        >>> group.get_group("a").path
        'a'
        """
        found = await self.get(path)
        if found is None:
            raise GroupNotFoundError(self._instead("group", path, "nothing"))
        if not isinstance(found, AsyncGroup):
            raise ContainsArrayError(self._instead("group", path, "an array"))
        return found

    def _instead(self, wanted: NodeType, path: str, there: str) -> str:
        """What to say where a member is not what it should be."""
        return (
            f"No {wanted} found in store {self.store.shown_as()} at path "
            f"{child_path(self.path, path)!r}: there is {there} of format "
            f"{self.metadata.zarr_format}."
        )

    async def contains(self, member: str) -> bool:
        """Return whether there is a member.

        Parameters
        ----------
        member : str
            Its name, or its path below this group.

        Returns
        -------
        bool
            Whether there is one.
        """
        try:
            await self.getitem(member)
        except KeyError:
            return False
        return True

    async def delitem(self, key: str) -> None:
        """Delete a member, and all below it. Nothing happens if there is none.

        Parameters
        ----------
        key : str
            Its name, or its path below this group; ``"/"`` is the group itself.
        """
        await deletions_and_moves.delete(self, key)

    async def move(self, source: str, dest: str) -> None:
        """Move a member, and all below it, to another path in this group.

        Parameters
        ----------
        source : str
            Its name, or its path below this group.
        dest : str
            Its new name or path. Groups on the way are made where there are none.

        Raises
        ------
        KeyError
            If there is no such member.
        ContainsArrayError, ContainsGroupError
            If there is a node at the new path.

        Examples
        --------
        >>> import zarr
        >>> group = zarr.create_group({})
        >>> array = group.create_array("a/b", shape=(4, 4), dtype="i4")
        >>> group.move("a", "c/d")
        >>> group["c/d/b"].shape
        (4, 4)
        """
        await deletions_and_moves.move(self, source, dest)

    # -- many at once, and changes ----------------------------------------------------------

    async def create_hierarchy(
        self, nodes: dict[str, NodeMetadata], *, overwrite: bool = False
    ) -> AsyncIterator[tuple[str, AsyncGroup | AnyAsyncArray]]:
        """Make many nodes below this group.

        Parameters
        ----------
        nodes : dict
            Metadata by path below this group. Groups on the way are made where there are none.
        overwrite : bool, optional
            Whether nodes that are there, and all below them, are deleted first.

        Yields
        ------
        tuple of str and AsyncArray or AsyncGroup
            The path below this group, and the node: also groups that were made on the way.

        Raises
        ------
        ContainsArrayError, ContainsGroupError
            If there is a node already, and it is not to be overwritten.

        Examples
        --------
        >>> import zarr
        >>> from zarr.core.group import GroupMetadata
        >>> group = zarr.create_group({})
        >>> made = group.create_hierarchy({"a/b": GroupMetadata()})
        >>> sorted(path for path, node in made)
        ['a', 'a/b']
        """
        found = normalized(nodes)
        if "" in found:
            raise ValueError(
                "The input defines a root node, but a root node already exists, namely this Group "
                "instance. It is an error to use this method to create a root node."
            )
        for path, node in found.items():
            if node.zarr_format != self.metadata.zarr_format:
                raise ValueError(
                    "The zarr_format of the nodes must be the same as the parent group. The node "
                    f"at {path} has zarr_format {node.zarr_format}, but the parent group has "
                    f"zarr_format {self.metadata.zarr_format}."
                )
        below = {child_path(self.path, path): node for path, node in found.items()}
        made = await make_hierarchy(self.store, below, overwrite=overwrite)
        for path, node in made.items():
            if path != self.path and not self.path.startswith(f"{path}/") and path:
                yield path[len(self.path) :].strip("/"), self._child(path, node)

    async def _save_metadata(self, ensure_parents: bool = False) -> None:
        # Not used here: programs that set `metadata` themselves store them by it.
        await consolidated.save_metadata(self, ensure_parents=ensure_parents)

    async def update_attributes(self, new_attributes: NodeAttributes) -> AsyncGroup:
        """Set some attributes; the others stay.

        Parameters
        ----------
        new_attributes : dict
            The attributes to set.

        Returns
        -------
        AsyncGroup
            This group.

        Examples
        --------
        >>> import zarr
        >>> group = zarr.create_group({})
        >>> array = group.create_array("a/b", shape=(4, 4), dtype="i4")
        >>> group.update_attributes({"unit": "m"}).attrs["unit"]
        'm'
        """
        new = as_attributes(new_attributes)
        await self.change_attributes(lambda attributes: {**attributes, **new})
        return self

    async def change_attributes(
        self, change: Callable[[dict[str, object]], dict[str, object]]
    ) -> None:
        await consolidated.change_metadata(
            self, lambda metadata: metadata.update_attributes(change(dict(metadata.attributes)))
        )


def opened_group(
    metadata: GroupMetadata,
    place: StorePath,
    use_consolidated: bool | str | None,
    access: Access = DEFAULT_ACCESS,
    *,
    cls: type[AsyncGroup] = AsyncGroup,
) -> AsyncGroup:
    """Return the handle of a group whose document was there.

    Parameters
    ----------
    metadata
        The metadata in the document.
    place
        Where it is.
    use_consolidated
        Of which consolidated metadata they were told to be.
    access
        How the group is accessed.
    cls
        The class of the handle.
    """
    key = use_consolidated if isinstance(use_consolidated, str) else ".zmetadata"
    custom_key = None if key == ".zmetadata" else key
    return cls(metadata, place, access=access, custom_key=custom_key, _stored=True)


async def all_members(
    group: AsyncGroup, max_depth: int | None = None
) -> AsyncGenerator[tuple[str, AnyAsyncArray | AsyncGroup], None]:
    """Yield the nodes below for those who must miss none: what cannot be read is an error.

    Parameters
    ----------
    group
        The group.
    max_depth
        How many levels of groups are entered; all by default.
    """
    async for name, node in group._walk(max_depth, whole=True):
        yield name, group._child(f"{group.path}/{name}" if group.path else name, node)
