"""The place where something new is made, and how it takes the place of what was there.

The new is written beside its place, and takes it when it is whole. So readers see the old or the
new, a process that is killed leaves a whole node, and the new may be made of the old.
"""

from __future__ import annotations

import contextlib
import os
import threading
import warnings
from contextlib import asynccontextmanager, contextmanager
from pathlib import PurePath
from typing import TYPE_CHECKING

from zarr._async.run import bounded, run, stepping
from zarr.abc._traits import data_id_of
from zarr.errors import ContainsArrayError
from zarr.groups.async_group import AsyncGroup
from zarr.groups.consolidated import consolidate, forget
from zarr.hierarchy.documents import find_group, load_group, load_node
from zarr.hierarchy.place import (
    check_writable,
    make_parents,
    missing_parents,
    parents_of,
    refuse,
)
from zarr.hierarchy.transfer import (
    copy_below,
    delete_below,
    in_order,
    keys_below,
    move_below,
    prefix_of,
)
from zarr.metadata.group import is_group
from zarr.storage.client import Requests
from zarr.storage.local import LocalStore
from zarr.storage.path import StorePath, address, is_within
from zarr.tools.reshape.unfinished import Unfinished

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from zarr.hierarchy.transfer import Done
    from zarr.metadata.group import NodeMetadata
    from zarr.types import NodeType, ZarrFormat

_SIGN = 20
"""Seconds after which a run says again that it is there."""
_BESIDE = "~new"
"""The end of the name of a place that is beside another."""


def in_directory(place: StorePath) -> StorePath:
    """Return the same place, below a path if it is the root of a store of a local directory.

    So the directory can be renamed, and there is a place beside it. A symbolic link stays where it
    is, and so does the directory that it points to.
    """
    if place.path or type(place.store) is not LocalStore or os.path.islink(place.store.root):
        return place
    directory = PurePath(data_id_of(place.store).removeprefix("file://"))
    if not directory.name:
        return place
    store = LocalStore(str(directory.parent), read_only=place.store.read_only)
    return StorePath(store, directory.name)


def beside(place: StorePath) -> StorePath:
    """Return the place where something is written that is to take this one."""
    return StorePath(place.store, f"{place.path}{_BESIDE}")


async def node_at(place: StorePath) -> NodeMetadata | None:
    """Return the metadata of the node at a place; None if there is none."""
    return await load_node(place.store, place.path, None, consolidated=False)


def kind_of(node: NodeMetadata) -> NodeType:
    """Return whether a node is an array or a group."""
    return "group" if is_group(node) else "array"


async def check_free(place: StorePath) -> None:
    """Fail if there is something at a place.

    Raises
    ------
    ContainsArrayError, ContainsGroupError
        If there is a node.
    FileExistsError
        If there are other values.
    """
    node = await node_at(place)
    if node is not None:
        refuse(place.store, place.path, kind_of(node))
    if not await place.is_empty():
        raise FileExistsError(
            f"there is no node at {place.shown_as()}, but there are values below it: of a copy "
            "that was cut off, which `sync` completes; else delete them first, by `rm`"
        )


async def consolidated_above(place: StorePath) -> list[AsyncGroup]:
    """Return the groups above a place that hold consolidated metadata.

    Those above the root of a store of a local directory, too: a user may name a node by its path
    in the file system.
    """
    found = []
    for above in [*_directories_above(place), *_paths_above(place)]:
        try:
            group = await find_group(above, None)
        except ContainsArrayError:
            continue
        if group is not None and group.consolidated_metadata is not None:
            found.append(AsyncGroup(group, above))
    return found


def _paths_above(place: StorePath) -> list[StorePath]:
    return [StorePath(place.store, path) for path in parents_of(place.path)]


def _directories_above(place: StorePath) -> Iterator[StorePath]:
    """The directories of groups that the directory of a store lies in, from the next one up."""
    if type(place.store) is not LocalStore:
        return
    directory = PurePath(data_id_of(place.store).removeprefix("file://")).parent
    while any(os.path.isfile(directory / name) for name in ("zarr.json", ".zgroup")):
        yield StorePath(LocalStore(str(directory), read_only=place.store.read_only))
        directory = directory.parent


def path_below(place: StorePath, group: AsyncGroup) -> str:
    """Return the path of a place, relative to a group above it."""
    return address(place)[len(address(group.store_path)) :].strip("/")


async def forget_above(place: StorePath, groups: list[AsyncGroup]) -> None:
    """Take what is at a place out of the consolidated metadata of groups above."""
    for group in groups:
        await forget(group, path_below(place, group))


async def consolidate_again(groups: list[AsyncGroup]) -> None:
    """Make the consolidated metadata of groups anew."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the groups had them before
        for each in groups:
            there = each.store_path
            group = await load_group(there, each.metadata.zarr_format, use_consolidated=False)
            await consolidate(AsyncGroup(group, there))


@asynccontextmanager
async def replacing(
    target: StorePath, zarr_format: ZarrFormat, *, overwrite: bool
) -> AsyncIterator[StorePath]:
    """Give a place to write to; what is written there takes another when the context ends.

    If it ends by an error, what was written is deleted.

    Parameters
    ----------
    target
        The place that it is to have.
    zarr_format
        The format of the node.
    overwrite
        Whether what is there makes way for it. Otherwise it is an error, before anything is done.
    """
    check_writable(target)
    await missing_parents(target, zarr_format)
    if not overwrite:
        await check_free(target)
    place = beside(in_directory(target))
    # Elsewhere it would have to be copied once more.
    if not isinstance(target.store, LocalStore) and await target.is_empty():
        place = target
    async with written_at(place):
        yield place
    await take_place(place, target)


@asynccontextmanager
async def written_at(place: StorePath) -> AsyncIterator[None]:
    """Mark a place as one that is being written to, in this context; see `Unfinished`.

    If the context ends by an error, all at the place is deleted.

    Raises
    ------
    FileExistsError
        If there is a node already, or part of one.
    RuntimeError
        If somebody else writes there just now.
    """
    if await node_at(place) is not None:
        raise FileExistsError(
            f"{place.shown_as()} is a whole node, which was to take the place of another when a "
            "process was killed: look at it, then delete it, or let `replace` finish with it as "
            "the source"
        )
    claim = Unfinished(place, {})
    try:
        await claim.claim(resume=False)
    except ValueError as error:
        raise FileExistsError(
            f"there is something at {place.shown_as()}, of a node that a process was deleting when "
            "it was killed: delete it by `rm` with recursive=True (-r)"
        ) from error
    try:
        async with _signed(claim):
            yield
    except BaseException:
        with contextlib.suppress(Exception):  # the first error tells more
            await claim.leave(begun=False)
            await delete_below(place)
        raise
    await claim.finish()


@asynccontextmanager
async def _signed(claim: Unfinished) -> AsyncIterator[None]:
    """Say now and then that the run is still there, however long it takes."""
    if stepping():
        with _signed_by_thread(claim):
            yield
        return
    import asyncio

    async def sign() -> None:
        while True:
            await asyncio.sleep(_SIGN)
            with contextlib.suppress(Exception):  # it is said again
                await claim.sign()

    task = asyncio.ensure_future(sign())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@contextmanager
def _signed_by_thread(claim: Unfinished) -> Iterator[None]:
    """The same, where no event loop runs: the store never waits."""
    ended = threading.Event()

    def work() -> None:
        while not ended.wait(_SIGN):
            with contextlib.suppress(Exception):  # it is said again
                run(claim.sign(), waits=False)

    thread = threading.Thread(target=work, name="zarr-sign", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


async def take_place(place: StorePath, target: StorePath, done: Done | None = None) -> None:
    """Let a node take the place of what is at another.

    In one step where the store can do that. Otherwise the new node stays whole where it is until
    it is whole at its new place.

    Parameters
    ----------
    place, target
        Where it is, and where it is to be.
    done
        Told of each value that has to be copied.
    """
    node = await node_at(place)
    if node is not None:
        await make_parents(target, node.zarr_format)
    above = await consolidated_above(target)
    if place != target:
        await forget_above(target, above)
        await _exchange(place, in_directory(target), done)
    await consolidate_again(above)


async def _exchange(place: StorePath, target: StorePath, done: Done | None) -> None:
    requests = Requests(place.store)
    if await target.is_empty():
        await move_below(place, target, done=done)
    elif await requests.move_dir(place.path, Requests(target.store), target.path, exchange=True):
        await delete_below(place)
    else:
        inside = prefix_of(place)
        doomed = [key for key in await keys_below(target) if not key.startswith(inside)]
        for part in reversed(in_order(doomed, target.path)):
            await bounded(requests.own(target.path, part), requests.delete, requests.width)
        await copy_below(place, target, done)
        await delete_below(place)


def lies_in(inner: StorePath, outer: StorePath) -> bool:
    """Tell whether a place is another, or below it."""
    return is_within(address(inner), address(outer))
