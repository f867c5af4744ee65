"""The members of groups: found one by one, or told by consolidated metadata."""

from __future__ import annotations

from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from zarr._async.run import bounded, section
from zarr._async.warnings import warn
from zarr.errors import ZarrUserWarning
from zarr.hierarchy.documents import DOCUMENTS, at_a_time, find_node, node_v3
from zarr.metadata.group import (
    ZARR_JSON,
    GroupMetadata,
    NodeMetadata,
    is_group,
    replace_consolidated,
)
from zarr.storage.client import Requests, get_documents

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

    from zarr.abc.store import Store
    from zarr.metadata.group import ConsolidatedMetadata

    Load = Callable[[str], Awaitable[NodeMetadata | None]]


_BATCH = 4096
_GROUPS = 64
_UNREADABLE = (ValueError, TypeError, KeyError, OverflowError)
"""The errors of metadata that cannot be read."""


class _Place(NamedTuple):
    """A group on the way: its path, and its path relative to where the way began."""

    path: str
    relative: str
    group: GroupMetadata

    def below(self, name: str) -> str:
        return f"{self.path}/{name}" if self.path else name

    def named(self, name: str) -> str:
        return f"{self.relative}/{name}" if self.relative else name


async def walk(
    store: Store,
    path: str,
    group: GroupMetadata,
    max_depth: int | None = 0,
    *,
    use_consolidated_for_children: bool = True,
    whole: bool = False,
    load: Load | None = None,
) -> AsyncIterator[tuple[str, NodeMetadata]]:
    """Yield the nodes below a group: relative paths and metadata, level by level.

    Parameters
    ----------
    store, path, group
        The group.
    max_depth
        How many levels of groups are entered besides the first; all if None.
    use_consolidated_for_children
        Whether the consolidated metadata that a group below has are believed.
    whole
        Whether a node whose metadata cannot be read is an error. Otherwise it is left out, with a
        warning that names it.
    load
        Returns the metadata of the node at a path relative to the group; None if there is none.
        By default its documents are read.

    Raises
    ------
    ValueError
        If `max_depth` is negative.
    MetadataValidationError
        If `whole`, and the metadata of a node cannot be read. Other errors, too, say so.
    """
    if max_depth is not None and max_depth < 0:
        raise ValueError(f"max_depth must be None or >= 0. Got '{max_depth}' instead")
    level = [_Place(path, "", group)]
    depth = 0
    while level:
        groups, level = level, []
        # So many at a time that few names are in memory, and those who stop soon list few.
        for start in range(0, len(groups), _GROUPS):
            part = groups[start : start + _GROUPS]
            found = _below(store, part, use_consolidated_for_children, whole, load)
            async for place, name, node in found:
                if is_group(node):
                    own = place.group.consolidated_metadata is None
                    if own and not use_consolidated_for_children:
                        node = replace_consolidated(node, None)
                    level.append(_Place(place.below(name), place.named(name), node))
                yield place.named(name), node
        depth += 1
        if max_depth is not None and depth > max_depth:
            return


async def _below(
    store: Store, level: list[_Place], consolidated: bool, whole: bool, load: Load | None
) -> AsyncIterator[tuple[_Place, str, NodeMetadata]]:
    """Yield the children of several groups; those that have to be asked for, many together.

    So many that few are in memory, however many there are.
    """
    unknown = [place for place in level if place.group.consolidated_metadata is None]
    waits = store.traits.needs_event_loop
    listed = await section(lambda: bounded(unknown, lambda place: _names(store, place.path)), waits)
    names = {id(place): found for place, found in zip(unknown, listed, strict=True)}
    limit = at_a_time(level[0].group.zarr_format)

    async def load_all(asked: list[tuple[_Place, str]]) -> list[NodeMetadata | Exception | None]:
        if load is not None or level[0].group.zarr_format == 2:
            return await bounded(asked, load_one, limit)
        paths = [place.below(name) for place, name in asked]
        documents = await get_documents(store, [f"{path}/{ZARR_JSON}" for path in paths])
        found: list[NodeMetadata | Exception | None] = []
        for item, path, document in zip(asked, paths, documents, strict=True):
            try:
                node = document and node_v3(document, store, path, consolidated=consolidated)
                found.append(node or None)
            except _UNREADABLE:
                if whole:
                    raise
                found.append(await load_one(item, again=True))
        return found

    async def load_one(
        item: tuple[_Place, str], again: bool = False
    ) -> NodeMetadata | Exception | None:
        place, name = item
        if load is not None:
            return await load(place.named(name))
        path, zarr_format = place.below(name), place.group.zarr_format
        # A document that cannot be read may have been cut on the way. Only a node that is stored so
        # is left out.
        for checked in (again, True):
            parse = await find_node(
                store, path, zarr_format, consolidated=consolidated, checked=checked
            )
            try:
                return None if parse is None else parse()
            except _UNREADABLE as error:
                if whole:
                    raise
                found = error
        return found

    def known() -> Iterator[tuple[_Place, str, ConsolidatedMetadata | None]]:
        for place in level:
            told = place.group.consolidated_metadata
            if told is not None:
                for name in told.metadata:
                    yield place, name, told
            else:
                for name in names[id(place)]:
                    yield place, name, None

    children = known()
    while batch := list(islice(children, _BATCH)):
        asked = [(place, name) for place, name, told in batch if told is None]
        loaded = await section(partial(load_all, asked), waits)
        answers = iter(loaded)
        for place, name, told in batch:
            answer = next(answers) if told is None else _told(told, name, whole)
            if answer is None:
                warn(
                    f"Object at {place.below(name)} is not recognized as a component of a Zarr "
                    "hierarchy.",
                    ZarrUserWarning,
                )
            elif isinstance(answer, Exception):
                warn(
                    f"{place.below(name)!r} is left out: its metadata cannot be read. {answer}",
                    ZarrUserWarning,
                )
            else:
                yield place, name, answer


def _told(told: ConsolidatedMetadata, name: str, whole: bool) -> NodeMetadata | Exception:
    """The child of a group by its name, or the error that it is; see `walk`."""
    try:
        return told.metadata[name]
    except _UNREADABLE as error:
        if whole:
            raise
        return error


async def _names(store: Store, path: str) -> list[str]:
    names = [name.rstrip("/") async for name in Requests(store).list_dir(path)]
    return [name for name in names if name and name not in DOCUMENTS]


def find_consolidated(consolidated: ConsolidatedMetadata, path: str) -> NodeMetadata | None:
    """Return the node at a path relative to a group with consolidated metadata."""
    node: NodeMetadata | None = None
    children: ConsolidatedMetadata | None = consolidated
    for name in path.split("/"):
        node = None if children is None else children.metadata.get(name)
        if node is None:
            return None
        children = node.consolidated_metadata if is_group(node) else None
    return node
