"""Copies, moves and deletions of hierarchies and nodes, as they are stored."""

from __future__ import annotations

import hashlib
import re
import time
from dataclasses import dataclass
from dataclasses import replace as replaced
from typing import TYPE_CHECKING, Any

from zarr._async.progress import metered
from zarr._async.run import bounded, face
from zarr.arrays.async_array import AsyncArray
from zarr.arrays.copy import array_like, copy_data
from zarr.arrays.create import keep, kept_attributes, new_array, place
from zarr.copying.values import check_apart
from zarr.groups.consolidated import forget
from zarr.hierarchy.documents import not_found
from zarr.hierarchy.place import check_writable, make_parents, missing_parents, parents_of
from zarr.hierarchy.transfer import (
    copy_below,
    delete_below,
    in_order,
    keys_below,
    move_below,
    prefix_of,
    values_below,
)
from zarr.metadata.group import is_group
from zarr.setting_values import parse_size
from zarr.storage.client import Requests
from zarr.storage.client.retry import sleep
from zarr.storage.local import LocalStore
from zarr.storage.path import StorePath, address, make_store_path
from zarr.tools.nodes import opened, place_of
from zarr.tools.replacing import (
    beside,
    check_free,
    consolidate_again,
    consolidated_above,
    forget_above,
    in_directory,
    lies_in,
    node_at,
    path_below,
    take_place,
    written_at,
)
from zarr.tools.reshape.unfinished import MARKER
from zarr.tools.result import Result
from zarr.tools.text import bytes_of, count, printable
from zarr.urls import is_url, local_path

if TYPE_CHECKING:
    from collections.abc import Awaitable, Iterable

    from zarr._async.progress import Meter, Progress
    from zarr.abc.store import ValueInfo
    from zarr.metadata.group import NodeMetadata
    from zarr.storage.path import StoreLike
    from zarr.tools.nodes import Source
    from zarr.types import AccessModeLiteral, StorageOptions

__all__ = ["Transfer", "cp", "mv", "replace", "rm", "sync"]

_TICK = 2.0
"""Seconds in which a clock may not have moved: FAT tells times so coarsely, the others finer."""
_SKEW = 900.0
"""Seconds that the clocks of two stores may differ: S3 refuses requests of clocks further off."""
_MD5 = re.compile("[0-9a-f]{32}")


@dataclass(frozen=True)
class Transfer(Result):
    """The result of `cp`, `mv`, `rm`, `sync` and `replace`.

    Parameters
    ----------
    task : str
        Which of them.
    source, target : str
        From where to where; `target` is empty for `rm`.
    copied : int
        Values that were copied, or would be.
    skipped : int
        Values that the target had.
    deleted : int
        Values that were deleted from the target, or by `rm`.
    bytes : int
        Bytes of the values that were copied, or deleted by `rm`.
    renamed : bool
        Whether all was moved in one step, and nothing had to be copied.
    dry_run : bool
        Whether nothing was done.
    keys : tuple of str
        Of a dry run: ``+ key`` for what would be copied, ``- key`` for what would be deleted.
    """

    task: str
    source: str
    target: str = ""
    copied: int = 0
    skipped: int = 0
    deleted: int = 0
    bytes: int = 0
    renamed: bool = False
    dry_run: bool = False
    keys: tuple[str, ...] = ()

    def __str__(self) -> str:
        lines = [printable(key) for key in self.keys]
        where = printable(f"{self.source} -> {self.target}" if self.target else self.source)
        if self.renamed:
            return "\n".join([*lines, f"{self.task} {where}: renamed"])
        counts = []
        if self.task != "rm":
            counts.append(f"{count(self.copied, 'value')} copied")
        if self.skipped:
            counts.append(f"{count(self.skipped)} the same")
        if self.deleted or self.task == "rm":
            counts.append(f"{count(self.deleted)} deleted")
        counts.append(bytes_of(self.bytes))
        dry = " (dry run: nothing was done)" if self.dry_run else ""
        return "\n".join([*lines, f"{self.task} {where}: {', '.join(counts)}{dry}"])


class _Count:
    """Counts what is copied, and waits where that is faster than it may be."""

    def __init__(self, meter: Meter, limit: int | str | None) -> None:
        self._meter = meter
        self._limit = _bytes_per_second(limit)
        self._free = time.monotonic()
        self.copied = self.bytes = 0

    def __call__(self, key: str, size: int) -> Awaitable[None] | None:
        self.copied += 1
        self.bytes += size
        self._meter.advance(size)
        if self._limit is None:
            return None
        now = time.monotonic()
        self._free = max(now, self._free) + size / self._limit
        return sleep(self._free - now)


def _bytes_per_second(limit: int | str | None) -> int | None:
    if limit is None:
        return None
    if isinstance(limit, str):
        limit = limit.strip().removesuffix("/s")
    return parse_size(limit, "bwlimit, for a second,")


async def place_for(
    source: Source, path: str, mode: AccessModeLiteral, storage_options: StorageOptions | None
) -> StorePath:
    """The place; options are for URLs only, and one of two places may be none."""
    if not (isinstance(source, str) and is_url(source) and local_path(source) is None):
        storage_options = None
    return await place_of(source, path, mode=mode, storage_options=storage_options)


async def target_for(
    target: StoreLike, path: str, dry_run: bool, storage_options: StorageOptions | None
) -> StorePath:
    try:
        return await place_for(target, path, "r" if dry_run else "a", storage_options)
    except FileNotFoundError:
        if not dry_run:
            raise
        return await make_store_path({}, path=path)  # nothing is there, and nothing made


async def _node(place: StorePath) -> NodeMetadata:
    found = await node_at(place)
    if found is None:
        raise await not_found(place, None, None)
    return found


async def cp(
    source: Source,
    target: StoreLike,
    *,
    path: str = "",
    target_path: str = "",
    dry_run: bool = False,
    bwlimit: int | str | None = None,
    storage_options: StorageOptions | None = None,
    progress: Progress = None,
) -> Transfer:
    """Copy an array, or a group with all below it, to where nothing is.

    All that is stored is copied as it is: by the system between local directories, and by the
    service within a bucket. Documents are copied last, so nobody sees a node that is not whole.
    Values that change meanwhile are copied again.

    Parameters
    ----------
    source : StoreLike, Array or Group
        The node, or the store that it is in.
    target : StoreLike
        The store that it is copied to.
    path : str, default: ''
        The path of the node in `source`.
    target_path : str, default: ''
        The path of the copy in `target`. Groups are made above it where there are none.
    dry_run : bool, default: False
        Whether to say what would be copied, and do nothing.
    bwlimit : int or str, optional
        The most bytes per second, as ``10_000_000`` or ``"10MB"``.
    storage_options : dict, optional
        Settings for the stores that URLs name.
    progress : bool, callable or type, optional
        How the bytes that are done are shown.

    Returns
    -------
    Transfer
        How much was copied.

    Raises
    ------
    FileNotFoundError
        If there is no node in the source.
    ContainsArrayError, ContainsGroupError, FileExistsError
        If there is something in the target: `sync` goes on with a copy that was cut off, and
        `replace` replaces a node.
    ValueError
        If one lies within the other.
    zarr.errors.CopyError
        If the source changes all the time.

    Examples
    --------
    >>> import zarr
    >>> from zarr import tools
    >>> a, b = {}, {}
    >>> array = zarr.create_array(a, name="x", data=[1, 2, 3])
    >>> print(tools.cp(a, b, path="x", target_path="y/z").copied)
    2
    >>> zarr.open_array(b, path="y/z")[:]
    array([1, 2, 3])
    """
    limit = _bytes_per_second(bwlimit)
    old = await place_for(source, path, "r", storage_options)
    node = await _node(old)
    new = await target_for(target, target_path, dry_run, storage_options)
    check_apart(old, new)
    if not dry_run:
        check_writable(new)
    await missing_parents(new, node.zarr_format)
    await check_free(new)
    infos = [info async for info in values_below(old)]
    result = Transfer("cp", old.shown_as(), new.shown_as())
    if dry_run:
        return _planned(result, infos)
    with metered("cp", _total(infos), progress=progress) as meter:
        copied = _Count(meter, limit)
        await make_parents(new, node.zarr_format)
        await copy_below(old, new, copied)
    return _counted(result, copied)


def _total(infos: list[ValueInfo]) -> int:
    return sum(max(0, info.size) for info in infos)


def _counted(result: Transfer, found: _Count, **more: Any) -> Transfer:
    return replaced(result, copied=found.copied, bytes=found.bytes, **more)


def _planned(
    result: Transfer, infos: list[ValueInfo], doomed: list[str] | None = None, skipped: int = 0
) -> Transfer:
    """The result of a dry run."""
    doomed = [] if doomed is None else doomed
    keys = [f"+ {info.key}" for info in infos] + [f"- {key}" for key in doomed]
    return replaced(
        result,
        copied=len(infos),
        skipped=skipped,
        deleted=len(doomed),
        bytes=_total(infos),
        dry_run=True,
        keys=tuple(sorted(keys)),
    )


async def mv(
    source: Source,
    target: StoreLike,
    *,
    path: str = "",
    target_path: str = "",
    dry_run: bool = False,
    bwlimit: int | str | None = None,
    storage_options: StorageOptions | None = None,
    progress: Progress = None,
) -> Transfer:
    """Move an array, or a group with all below it, to where nothing is.

    A node of local files is renamed, in one step. Elsewhere it is copied, documents last, and then
    deleted, documents first: a process that is killed leaves it whole at one place or both.
    Consolidated metadata of groups above follow.

    Parameters
    ----------
    source : StoreLike, Array or Group
        The node, or the store that it is in.
    target : StoreLike
        The store that it is moved to.
    path, target_path, dry_run, bwlimit, storage_options, progress : optional
        As of `cp`.

    Returns
    -------
    Transfer
        How much was moved.

    Raises
    ------
    FileNotFoundError, ContainsArrayError, ContainsGroupError, FileExistsError, ValueError
        As by `cp`.

    Examples
    --------
    >>> import zarr
    >>> from zarr import tools
    >>> store = {}
    >>> group = zarr.create_group(store)
    >>> array = group.create_array("x", data=[1, 2, 3])
    >>> moved = tools.mv(store, store, path="x", target_path="y")
    >>> sorted(group)
    ['y']
    """
    limit = _bytes_per_second(bwlimit)
    old = await place_for(source, path, "r" if dry_run else "r+", storage_options)
    node = await _node(old)
    new = await target_for(target, target_path, dry_run, storage_options)
    check_apart(old, new)
    if not dry_run:
        check_writable(old)
        check_writable(new)
    await missing_parents(new, node.zarr_format)
    await check_free(new)
    result = Transfer("mv", old.shown_as(), new.shown_as())
    infos = [info async for info in values_below(old)]
    if dry_run:
        return _planned(result, infos)
    above = await consolidated_above(old)
    with metered("mv", _total(infos), progress=progress) as meter:
        copied = _Count(meter, limit)
        await make_parents(new, node.zarr_format)

        async def turn() -> None:
            for group in above:
                within = lies_in(new, group.store_path)
                to = path_below(new, group) if within else None
                await forget(group, path_below(old, group), to)

        await move_below(
            in_directory(old), in_directory(new), turn=turn if above else None, done=copied
        )
        told = {address(group.store_path) for group in above}
        others = await consolidated_above(new)
        await consolidate_again([each for each in others if address(each.store_path) not in told])
    return _counted(result, copied, renamed=copied.copied == 0 and bool(infos))


async def rm(
    source: Source,
    *,
    path: str = "",
    recursive: bool = False,
    dry_run: bool = False,
    storage_options: StorageOptions | None = None,
) -> Transfer:
    """Delete an array, or a group with all below it.

    Documents are deleted first: nobody sees a node without its chunks, which would look as if it
    held fill values only.

    Parameters
    ----------
    source : StoreLike, Array or Group
        The node, or the store that it is in.
    path : str, default: ''
        The path of the node in `source`.
    recursive : bool, default: False
        Whether a group is deleted, with all below it, or what is left below a path without a node.
    dry_run : bool, default: False
        Whether to say what would be deleted, and do nothing.
    storage_options : dict, optional
        Settings for the store that a URL names.

    Returns
    -------
    Transfer
        How many values were deleted, and how many bytes they had.

    Raises
    ------
    FileNotFoundError
        If there is nothing.
    IsADirectoryError
        If it is a group, and `recursive` is false.

    Examples
    --------
    >>> import zarr
    >>> from zarr import tools
    >>> store = {}
    >>> array = zarr.create_array(store, name="a/x", data=[1, 2, 3])
    >>> tools.rm(store, path="a/x").deleted
    2
    >>> tools.rm(store, path="a", recursive=True).deleted
    1
    """
    there = await place_for(source, path, "r" if dry_run else "r+", storage_options)
    if not dry_run:
        check_writable(there)
    node = await node_at(there)
    infos = [info async for info in Requests(there.store).list_values(prefix_of(there))]
    if not infos:
        raise FileNotFoundError(f"there is nothing at {there.shown_as()}")
    if not recursive and (node is None or is_group(node)):
        found = "no node" if node is None else "a group"
        raise IsADirectoryError(
            f"there is {found} at {there.shown_as()}, with {len(infos)} values below: "
            "recursive=True (-r) deletes all of them"
        )
    keys = [info.key for info in infos]
    size = _total(infos)
    if dry_run:
        doomed = tuple(sorted(f"- {key}" for key in keys))
        return Transfer(
            "rm", there.shown_as(), deleted=len(keys), bytes=size, dry_run=True, keys=doomed
        )
    await forget_above(there, await consolidated_above(there))
    moved = in_directory(there)
    start = prefix_of(moved) if moved is not there else ""
    await delete_below(moved, [start + key for key in keys])
    return Transfer("rm", there.shown_as(), deleted=len(keys), bytes=size)


async def sync(
    source: Source,
    target: StoreLike,
    *,
    path: str = "",
    target_path: str = "",
    checksum: bool = False,
    delete: bool = False,
    dry_run: bool = False,
    bwlimit: int | str | None = None,
    storage_options: StorageOptions | None = None,
    progress: Progress = None,
) -> Transfer:
    """Make a place hold what another holds; only values that differ are copied.

    Values are taken for the same if they have the same size, and a version that tells (the ETag of
    an S3 service) or a time: that of the target is later, by more than clocks may differ (2 seconds
    between directories, 15 minutes between other stores). Else their bytes are compared, as they
    are with `checksum`.

    Parameters
    ----------
    source : StoreLike, Array or Group
        The node, or the store that it is in.
    target : StoreLike
        The store that is to hold the same.
    path, target_path : str, default: ''
        The paths in them.
    checksum : bool, default: False
        Whether all bytes are compared, whatever versions and times say: also those that somebody
        else wrote to the target.
    delete : bool, default: False
        Whether values of the target that the source lacks are deleted.
    dry_run : bool, default: False
        Whether to say what would be done, and do nothing.
    bwlimit, storage_options, progress : optional
        As of `cp`.

    Returns
    -------
    Transfer
        How much was copied, skipped and deleted.

    Raises
    ------
    FileNotFoundError
        If there is no node in the source: an empty one would empty the target.
    ValueError
        If one lies within the other.
    zarr.errors.CopyError
        If the source changes all the time.

    Examples
    --------
    >>> import zarr
    >>> from zarr import tools
    >>> a, b = {}, {}
    >>> array = zarr.create_array(a, shape=6, chunks=3, dtype="i4")
    >>> array[:] = range(6)
    >>> tools.sync(a, b).copied
    3
    >>> array[0] = 9
    >>> done = tools.sync(a, b)
    >>> done.copied, done.skipped
    (1, 2)
    """
    limit = _bytes_per_second(bwlimit)
    old = await place_for(source, path, "r", storage_options)
    node = await _node(old)
    new = await target_for(target, target_path, dry_run, storage_options)
    check_apart(old, new)
    if not dry_run:
        check_writable(new)
    await missing_parents(new, node.zarr_format)
    read, write = Requests(old.store), Requests(new.store)
    before, after = prefix_of(old), prefix_of(new)
    here = {info.key[len(before) :]: info async for info in read.list_values(before)}
    there = {info.key[len(after) :]: info async for info in write.list_values(after)}
    same: set[str] = set()

    async def compare(name: str) -> None:
        if await _is_same(read, here[name], write, there[name], checksum=checksum):
            same.add(name)

    await bounded([name for name in here if name in there], compare, min(read.width, write.width))
    doomed = [after + name for name in there if name not in here] if delete else []
    todo = [info for name, info in here.items() if name not in same]
    result = Transfer("sync", old.shown_as(), new.shown_as())
    if dry_run:
        return _planned(result, todo, doomed, len(same))
    with metered("sync", _total(todo), progress=progress) as meter:
        copied = _Count(meter, limit)
        await make_parents(new, node.zarr_format)
        known = {info.key: info for info in here.values()}

        def skip(info: ValueInfo) -> bool:
            seen = known.get(info.key)
            unchanged = seen is not None and (info.size == -1 or seen == info)
            return unchanged and info.key[len(before) :] in same

        await copy_below(old, new, copied, skip=skip)
        for part in reversed(in_order(doomed, new.path)):
            await bounded(write.own(new.path, part), write.delete, write.width)
        await _remove_empty(new, doomed, here)
    return _counted(result, copied, skipped=len(same), deleted=len(doomed))


async def _remove_empty(place: StorePath, doomed: list[str], left: Iterable[str]) -> None:
    """Remove directories in which nothing is left: listings would show them as members."""
    start = prefix_of(place)
    kept = {above for name in left for above in parents_of(start + name)}
    empty = {above for key in doomed for above in parents_of(key)} - kept
    for path in sorted(empty):
        if path.rpartition("/")[0] not in empty and len(path) >= len(start):
            there = StorePath(place.store, path)
            if await there.is_empty():
                await there.delete_dir()


async def _is_same(
    read: Requests, here: ValueInfo, write: Requests, there: ValueInfo, *, checksum: bool
) -> bool:
    """Whether two values are the same, as far as `sync` can tell."""
    if here.size != there.size:
        return False
    if not checksum:
        if here.version is not None and there.version is not None:
            if here.version == there.version:
                return True
            if "-" not in here.version + there.version:
                return False
        if here.modified is not None and there.modified is not None:
            one_clock = isinstance(read.store, LocalStore) and isinstance(write.store, LocalStore)
            if there.modified - here.modified > (_TICK if one_clock else _SKEW):
                return True
        if await _has_tag(read, here, there.version) or await _has_tag(write, there, here.version):
            return True
    one = await read.get_checked(here.key)
    other = await write.get_checked(there.key)
    return one is not None and other is not None and one.to_bytes() == other.to_bytes()


async def _has_tag(requests: Requests, info: ValueInfo, tag: str | None) -> bool:
    """Whether a value without a tag has the bytes of another, whose tag is an MD5 of them."""
    if info.version is not None or tag is None or _MD5.fullmatch(tag) is None:
        return False
    found = await requests.get_checked(info.key)
    if found is None:
        return False
    return hashlib.md5(found.as_numpy_array(), usedforsecurity=False).hexdigest() == tag


async def replace(
    source: Source | Any,
    target: StoreLike,
    *,
    path: str = "",
    target_path: str = "",
    bwlimit: int | str | None = None,
    storage_options: StorageOptions | None = None,
    progress: Progress = None,
) -> Transfer:
    """Put a node in the place of another: it is written beside it, and then takes its place.

    The source may be the target, or be computed from it: "overwrite what I am reading" works.
    Directories of local files change places in one step. Elsewhere the new node stays whole beside
    its place (``name~new``) until it is whole there, and a process that is killed loses nothing:
    call this with that place as the source to finish.

    Parameters
    ----------
    source : StoreLike, Array, Group, View or array_like
        The node, or the store that it is in; or the elements of an array, which is made as that
        of the target is: with its chunks and codecs, as far as they fit, and its attributes.
    target : StoreLike
        The store of the node that is replaced. If there is none, one is made.
    path : str, default: ''
        The path of the node in `source`.
    target_path : str, default: ''
        The path of the node that is replaced.
    bwlimit, storage_options, progress : optional
        As of `cp`.

    Returns
    -------
    Transfer
        How much was copied.

    Raises
    ------
    FileNotFoundError
        If there is no node in the source.
    FileExistsError
        If there is a node beside the target, which an earlier call left that was killed.
    ValueError
        If the target is a part of the source, or has parts that would be lost.

    Examples
    --------
    >>> import zarr
    >>> from zarr import tools
    >>> store = {}
    >>> group = zarr.create_group(store)
    >>> array = group.create_array("x", data=[1, 2, 3, 4])
    >>> done = tools.replace(array.lazy[::-2], store, target_path="x")
    >>> group["x"][:]
    array([4, 2])
    """
    limit = _bytes_per_second(bwlimit)
    new = await target_for(target, target_path, False, storage_options)
    check_writable(new)
    aside = beside(in_directory(new))
    values = None if path else _elements(source)
    if values is not None:
        return await _replace_elements(values, new, aside, progress)
    old = await place_for(source, path, "r", storage_options)
    node = await _node(old)
    await missing_parents(new, node.zarr_format)
    result = Transfer("replace", old.shown_as(), new.shown_as())
    finishes = lies_in(old, aside) and lies_in(aside, old)
    if not finishes and lies_in(aside, old):
        raise ValueError(
            f"{new.shown_as()} cannot be replaced by {old.shown_as()}, which it lies in"
        )
    if finishes:  # it is whole: only the mark of the run that made it may be left
        await (aside / MARKER).delete()
    infos = [info async for info in values_below(old)]
    with metered("replace", _total(infos), progress=progress) as meter:
        copied = _Count(meter, limit)
        if not finishes:
            async with written_at(aside):
                await copy_below(old, aside, copied)
        await take_place(aside, new)
    return _counted(result, copied)


def _elements(source: Any) -> Any:
    """The elements that are given, if it is not a node or a place."""
    if opened(source) is not None or isinstance(source, StorePath):
        return None
    sliceable = all(hasattr(source, name) for name in ("shape", "dtype", "__getitem__"))
    # Parts of an asynchronous view are read by its other face, in threads.
    return face(source) if sliceable or isinstance(source, (list, tuple)) else None


async def _replace_elements(
    values: Any, new: StorePath, aside: StorePath, progress: Progress
) -> Transfer:
    there = await node_at(new)
    if there is not None and is_group(there):
        raise ValueError(f"there is a group at {new.shown_as()}, which no array replaces")
    data = array_like(values)
    like = None if there is None else AsyncArray(there, new)
    kept = keep(values if like is None else like)._asdict()
    if like is None or len(like.shape) != len(data.shape):
        kept |= {"chunks": "auto", "shards": None, "dimension_names": None}
    if like is not None and like.dtype != data.dtype:
        kept = {"zarr_format": like.metadata.zarr_format, "chunks": kept["chunks"]}
    made = new_array(
        store_path=aside,
        shape=data.shape,
        dtype=getattr(data, "_zdtype", data.dtype),
        attributes=kept_attributes(values if like is None else like, None),
        **kept,
    )
    await missing_parents(new, made.metadata.zarr_format)
    made.engine()
    size = made.nbytes
    with metered("replace", size, progress=progress) as meter:
        copied = _Count(meter, None)
        itemsize = made.dtype.itemsize

        async with written_at(aside):
            await copy_data(data, made, done=lambda elements: meter.advance(elements * itemsize))
            await place(made, overwrite=False, parents=False)
        copied.copied, copied.bytes = len(await keys_below(aside)), size
        await take_place(aside, new)
    return _counted(Transfer("replace", type(values).__name__, new.shown_as()), copied)
