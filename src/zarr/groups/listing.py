"""The members of a group, one after another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zarr.arrays.async_array import AsyncArray
from zarr.groups.handle import GroupBase
from zarr.groups.members import walk
from zarr.metadata.group import is_group

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

    from zarr.groups.async_group import AsyncGroup
    from zarr.groups.info import GroupInfo
    from zarr.groups.tree import Tree
    from zarr.metadata.group import NodeMetadata
    from zarr.types import AnyAsyncArray


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

    async def _all_members(
        self, max_depth: int | None = None
    ) -> AsyncGenerator[tuple[str, AnyAsyncArray | AsyncGroup], None]:
        """Yield the nodes below for those who must miss none: what cannot be read is an error."""
        async for name, node in self._walk(max_depth, whole=True):
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
        """Return how many nodes are below this group; see :meth:`members`."""
        return len([name async for name, _ in self._walk(max_depth)])

    async def keys(self) -> AsyncGenerator[str, None]:
        """Yield the names of the members."""
        async for name, _ in self._walk():
            yield name

    async def groups(self) -> AsyncGenerator[tuple[str, AsyncGroup], None]:
        """Yield the names of the groups in this one, and the groups."""
        async for name, node in self.members():
            if not isinstance(node, AsyncArray):
                yield name, node

    async def group_keys(self) -> AsyncGenerator[str, None]:
        """Yield the names of the groups in this one."""
        async for name, node in self._walk():
            if is_group(node):
                yield name

    async def group_values(self) -> AsyncGenerator[AsyncGroup, None]:
        """Yield the groups in this one."""
        async for _, group in self.groups():
            yield group

    async def arrays(self) -> AsyncGenerator[tuple[str, AnyAsyncArray], None]:
        """Yield the names of the arrays in this group, and the arrays."""
        async for name, node in self.members():
            if isinstance(node, AsyncArray):
                yield name, node

    async def array_keys(self) -> AsyncGenerator[str, None]:
        """Yield the names of the arrays in this group."""
        async for name, node in self._walk():
            if not is_group(node):
                yield name

    async def array_values(self) -> AsyncGenerator[AnyAsyncArray, None]:
        """Yield the arrays in this group."""
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
        """Return a summary that counts all that is below; the store is asked."""
        nodes = [node async for _, node in self._walk(None)]
        return self._info(len(nodes), sum(map(is_group, nodes)))
