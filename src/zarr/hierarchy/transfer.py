"""Copies and moves of all that is stored below a path, as it is stored.

A node has its documents only where all of it is: they are copied last, and deleted first. A process
that dies in between loses nothing, and nobody sees a node that is not whole.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from zarr._async.run import bounded
from zarr.abc.store import ValueInfo
from zarr.errors import CopyError
from zarr.hierarchy.documents import DOCUMENTS
from zarr.storage.client import Requests
from zarr.storage.wrapper import composed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable

    from zarr.storage.path import StorePath

    Done = Callable[[str, int], Awaitable[None] | None]
    """Called with the key of each value that was copied, and how many bytes it has."""

_ROUNDS = 4
"""How often the source is listed, at most, until nothing has changed meanwhile."""


def in_order(keys: Iterable[str], path: str) -> list[list[str]]:
    """Return keys below a path, in the order in which they are copied: what is seen first, last.

    Parameters
    ----------
    keys
        The keys.
    path
        The path of the node that all of them belong to.

    Returns
    -------
    list of list of str
        Chunks and other values; documents that say nothing without others; documents of nodes
        below; documents of the node itself.
    """
    parts: list[list[str]] = [[], [], [], []]
    for key in keys:
        directory, _, name = key.rpartition("/")
        if name not in DOCUMENTS:
            parts[0].append(key)
        elif name in (".zattrs", ".zmetadata"):
            parts[1].append(key)
        else:
            parts[3 if directory == path else 2].append(key)
    return parts


async def keys_below(place: StorePath) -> list[str]:
    """Return the keys of all values below a path."""
    return [key async for key in Requests(place.store).list_prefix(prefix_of(place))]


def prefix_of(place: StorePath) -> str:
    """Return the beginning of the keys below a path."""
    return f"{place.path}/" if place.path else ""


async def copy_keys(
    source: StorePath, target: StorePath, keys: Iterable[str], done: Done | None = None
) -> None:
    """Copy values below a path to below another, several at a time.

    Parameters
    ----------
    source, target
        The paths.
    keys
        The keys of the values, as those of the source's store.
    done
        Told of each.
    """
    read, write = Requests(source.store), Requests(target.store)
    start = len(prefix_of(source))

    async def one(key: str) -> None:
        size = await read.copy_value(key, write, prefix_of(target) + key[start:])
        if size is not None and done is not None:  # None: it was deleted meanwhile
            waits = done(key, size)
            if waits is not None:
                await waits

    await bounded(keys, one, min(read.width, write.width))


async def copy_below(
    source: StorePath,
    target: StorePath,
    done: Done | None = None,
    *,
    turn: Callable[[], Awaitable[None]] | None = None,
    skip: Callable[[ValueInfo], bool] = lambda info: False,
) -> dict[str, ValueInfo]:
    """Copy all below a path to another, documents last; also values that change meanwhile.

    Parameters
    ----------
    source, target, done
        As of `copy_keys`.
    turn
        Called when all but the documents of the node itself are copied.
    skip
        Tells which values are not copied, as those that the target has.

    Returns
    -------
    dict
        The facts of all values that are below the source's path, by key.

    Raises
    ------
    CopyError
        If values change, again and again.
    """
    requests = Requests(target.store)
    start = len(prefix_of(source))
    seen: dict[str, ValueInfo] = {}
    wanted: set[str] = set()
    for number in range(_ROUNDS):
        now = {info.key: info async for info in values_below(source)}
        if now == seen:
            break
        changed = [info for key, info in now.items() if seen.get(key) != info]
        if number == 0:
            changed = [info for info in changed if not skip(info)]
        gone = seen.keys() - now.keys()
        await bounded([prefix_of(target) + key[start:] for key in gone], requests.delete)
        wanted = (wanted - gone) | {info.key for info in changed}
        for part in in_order([info.key for info in changed], source.path)[:-1]:
            await copy_keys(source, target, part, done)
        seen = now
    else:
        raise CopyError(
            f"{source.shown_as()} changes all the time: it was not copied whole to "
            f"{target.shown_as()}. Copy it when nobody writes."
        )
    if turn is not None:
        await turn()
    await copy_keys(source, target, in_order(wanted, source.path)[-1], done)
    return seen


async def values_below(place: StorePath) -> AsyncIterator[ValueInfo]:
    """Yield the facts of the values below a path; sizes of -1 where each had to be asked for."""
    requests = Requests(place.store)
    if composed(place.store, "list_values"):
        async for key in requests.list_prefix(prefix_of(place)):
            yield ValueInfo(key, -1)
    else:
        async for info in requests.list_values(prefix_of(place)):
            yield info


async def delete_below(
    place: StorePath, keys: Iterable[str] | None = None, chunk_path: StorePath | None = None
) -> None:
    """Delete all below a path: documents first, since a node without chunks looks like empty.

    Parameters
    ----------
    place
        The path.
    keys
        The keys below it, if they are known.
    chunk_path
        Where chunks are, if not with the documents.
    """
    requests = Requests(place.store)
    keys = await keys_below(place) if keys is None else keys
    for part in in_order(keys, place.path)[:0:-1]:
        await bounded(requests.own(place.path, part), requests.delete)
    await place.delete_dir()
    if chunk_path is not None:  # else an array that is made there later would find them
        await chunk_path.delete_dir()


async def move_below(
    old: StorePath,
    new: StorePath,
    *,
    turn: Callable[[], Awaitable[None]] | None = None,
    chunk_paths: tuple[StorePath | None, StorePath | None] = (None, None),
    done: Done | None = None,
) -> None:
    """Move all below a path to another at which there is nothing.

    Parameters
    ----------
    old, new
        The paths.
    turn
        Called when all but the documents of the node itself is at the new place. If it is given,
        the node is never renamed in one step: others read what it changes.
    chunk_paths
        Where chunks are, and will be, if not with the documents.
    done
        As of `copy_keys`.
    """
    if turn is None and chunk_paths == (None, None):
        moved = await Requests(old.store).move_dir(old.path, Requests(new.store), new.path)
        if moved:
            return
    if chunk_paths[0] is not None and chunk_paths[1] is not None:
        await copy_below(chunk_paths[0], chunk_paths[1], done)
    seen = await copy_below(old, new, done, turn=turn)
    await delete_below(old, seen, chunk_paths[0])
