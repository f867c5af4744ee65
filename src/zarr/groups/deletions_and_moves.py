"""Deletions and moves of the members of a group."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zarr._async.run import bounded
from zarr.groups.consolidated import forget
from zarr.groups.creation import make_parents_in
from zarr.hierarchy.documents import DOCUMENTS, check_new_path, child_path, kind_at
from zarr.hierarchy.place import check_writable, refuse
from zarr.hierarchy.transfer import keys_below, move_below
from zarr.metadata.group import replace_consolidated
from zarr.storage.client import Requests
from zarr.storage.path import StorePath

if TYPE_CHECKING:
    from collections.abc import Iterable

    from zarr.abc.store import Store
    from zarr.groups.async_group import AsyncGroup


async def delete(group: AsyncGroup, name: str) -> None:
    """Delete a member and all below it; or the group itself, which ``"/"`` names."""
    check_writable(group.store_path)
    path = child_path(group.path, name)
    if not name:  # rather a mistake than a wish
        raise ValueError(
            f"'' names the group {group.name!r} itself, with all that is in it: to delete that, "
            "write '/'"
        )
    if path == group.path:
        await _delete_itself(group)
        return
    if await _is_inside_array(group, path):
        return  # what is there are chunks, or a document
    if path.rpartition("/")[2] in DOCUMENTS:
        raise ValueError(f"{name!r} is the name of a metadata document, and so of no member.")
    await forget(group, path[len(group.path) :].strip("/"))
    names = ("zarr.json",) if group.metadata.zarr_format == 3 else (".zarray", ".zgroup")
    await _delete_node(group, path, [[f"{path}/{name}" for name in names]])


async def _delete_itself(group: AsyncGroup) -> None:
    """Delete a group and all below it."""
    above = group.consolidated_by
    if above is not None:
        await forget(above, group.path[len(above.path) :].strip("/"))
    prefix = f"{group.path}/" if group.path else ""
    names = ("zarr.json",) if group.metadata.zarr_format == 3 else (".zgroup", ".zmetadata")
    await _delete_node(group, group.path, [[prefix + name for name in names]])
    group.known_stored(False).set_metadata(replace_consolidated(group.metadata, None))


async def _delete_node(group: AsyncGroup, path: str, documents: Iterable[list[str]]) -> None:
    """Delete all below a path: documents first, since a node without chunks looks like empty."""
    requests = Requests(group.store)
    for keys in documents:
        await bounded(requests.own(path, keys), requests.delete)
    await StorePath(group.store, path).delete_dir()
    chunks = group.access.below(group.path, path).chunk_path
    if chunks is not None:  # else an array that is made there later would find them
        await chunks.delete_dir()


async def _is_inside_array(group: AsyncGroup, path: str) -> bool:
    """Whether a node between a group and a path below it is an array."""
    start = len(group.path) + 1 if group.path else 0
    ends = [end for end in range(start, len(path)) if path[end] == "/"]
    zarr_format = group.metadata.zarr_format
    return "array" in await bounded(ends, lambda end: kind_at(group.store, path[:end], zarr_format))


async def move(group: AsyncGroup, source: str, dest: str) -> None:
    """Move a member and all below it to another path in the group.

    A node has its documents only where all of it is: they are copied last and deleted first. A
    process that dies in between loses nothing, and no node is seen that is not whole.
    """
    check_writable(group.store_path)
    store, zarr_format = group.store, group.metadata.zarr_format
    old, new = child_path(group.path, source), child_path(group.path, dest)
    for path, name in ((old, source), (new, dest)):
        if path == group.path:
            raise ValueError(f"{name!r} names the group {group.name!r} itself: it cannot be moved.")
    check_new_path(new, zarr_format)
    if new == old or new.startswith(f"{old}/"):
        raise ValueError(f"{source!r} cannot be moved to {dest!r}, which is inside of it.")
    if await kind_at(store, old, zarr_format) is None:
        raise KeyError(source)
    refuse(store, new, await kind_at(store, new, zarr_format))
    places = StorePath(store, old), StorePath(store, new)
    keys = await keys_below(places[0])
    await _check_nothing_else(store, new, {new + key[len(old) :] for key in keys})
    await make_parents_in(group, new)
    known = group.metadata.consolidated_metadata is not None or group.consolidated_by is not None

    async def turn() -> None:
        # Now the new place is whole for those who go by consolidated metadata.
        start = len(group.path)
        await forget(group, old[start:].strip("/"), new[start:].strip("/"))

    access = group.access
    await move_below(
        *places,
        turn=turn if known else None,
        chunk_paths=(
            access.below(group.path, old).chunk_path,
            access.below(group.path, new).chunk_path,
        ),
    )


async def _check_nothing_else(store: Store, path: str, expected: set[str]) -> None:
    """Raise an error if values lie below a path that a node of other values is moved to.

    Those of the same names may be there: of a move that was not finished.
    """
    async for key in Requests(store).list_prefix(f"{path}/"):
        if key not in expected:
            raise FileExistsError(
                f"there is no node at {path!r} in {store.shown_as()}, but there are values below "
                f"it, as {key!r}: delete {path!r} before a node is moved there"
            )
