"""Copying: ``copy``, ``copy_all`` and ``copy_store``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from zarr.copying.nodes import Options, check_if_exists, copy_nodes, name_of, nodes_of
from zarr.copying.values import copy_values, key_filter, reporting
from zarr.errors import CopyError
from zarr.groups.async_group import AsyncGroup
from zarr.hierarchy.documents import child_path
from zarr.storage.path import StorePath, address, addresses, is_within, make_store_path

if TYPE_CHECKING:
    from collections.abc import Iterable
    from concurrent.futures import Executor

    from zarr._async.progress import Progress
    from zarr.copying.nodes import IfExists
    from zarr.copying.values import Log
    from zarr.groups import Group
    from zarr.storage.path import StoreLike
    from zarr.types import AnyArray, AnyAsyncArray

__all__ = ["copy", "copy_all", "copy_store"]


async def copy(
    source: AnyArray | AnyAsyncArray | Group | AsyncGroup | Any,
    dest: Group | AsyncGroup,
    name: str | None = None,
    shallow: bool = False,
    without_attrs: bool = False,
    log: Log = None,
    if_exists: IfExists = "raise",
    dry_run: bool = False,
    *,
    progress: Progress = None,
    executor: Executor | None = None,
    **create_kws: object,
) -> tuple[int, int, int]:
    """Copy an array, or a group with all below it, into a group.

    Chunks are copied as they are stored where the copy has the same grid, codecs, data type and
    fill value; otherwise they are decoded and encoded. Several are under way at a time, whatever
    the size of the array; each is written whole.

    Parameters
    ----------
    source : Array, AsyncArray, Group, AsyncGroup, h5py.Dataset or h5py.Group
        The array, group or data set that is copied.
    dest : Group or AsyncGroup
        Where it goes; its format is that of the copies.
    name : str, optional
        The name of the copy in `dest`; by default that of the source.
    shallow : bool, default: False
        Whether only the children of a group are copied, not what is below them.
    without_attrs : bool, default: False
        Whether attributes stay behind.
    log : callable, str, PathLike or file, optional
        Receives a line about each node: a function, the path of a file, an open file.
    if_exists : {'raise', 'replace', 'skip', 'skip_initialized'}, default: 'raise'
        What to do where there is an array, or something where an array would be: raise an error
        before anything is copied, delete it first, leave it, or copy those of its chunks that are
        not there, as after a copy that was interrupted. Groups that are there get what they lack.
    dry_run : bool, default: False
        Whether to say what would be done, and do nothing.
    progress : bool, callable or type, optional
        True shows a bar; a class like ``tqdm.tqdm`` is used as
        that one. A function is called with the bytes that are done and with all, both not
        compressed.
    executor : concurrent.futures.Executor, optional
        Whose workers copy the chunks, each its own: threads, processes, or other machines. By
        default this process does.
    **create_kws
        Parameters of :func:`zarr.create_array` for the new arrays, as ``compressors`` or
        ``chunks``. The others are those of the source, as far as the format allows.

    Returns
    -------
    n_copied : int
        Nodes that were copied.
    n_skipped : int
        Nodes that were not.
    n_bytes_copied : int
        Bytes of the elements that were copied, not compressed.

    Raises
    ------
    zarr.errors.CopyError
        If there is something already, and `if_exists` is ``'raise'``.
    ValueError
        If the copy would lie in the source or replace it, or `dest` cannot be written to.
    TypeError
        If `source` or `dest` are something else.

    Examples
    --------
    >>> import zarr
    >>> source = zarr.group()
    >>> a = source.create_array("foo/bar/baz", shape=100, dtype="i8", chunks=50)
    >>> a[:] = range(100)
    >>> dest = zarr.group()
    >>> zarr.copy(source["foo"], dest, log=print)
    copy /foo
    copy /foo/bar
    copy /foo/bar/baz (100,) int64
    all done: 3 copied, 0 skipped, 800 bytes copied
    (3, 0, 800)
    """
    check_if_exists(if_exists)
    into = _group(dest)
    chosen = name_of(source) if name is None else name
    if not chosen:
        raise TypeError("source has no name, please provide the `name` parameter")
    top = child_path(into.path, chosen)
    _check_apart(source, into, top)
    options = Options(if_exists, without_attrs, dry_run, executor, create_kws, addresses(source))
    nodes = await nodes_of(source, shallow=shallow)
    with reporting(log, progress, dry_run=dry_run) as report:
        await copy_nodes(nodes, into, top, options, report)
        return report.ended()


async def copy_all(
    source: Group | AsyncGroup | Any,
    dest: Group | AsyncGroup,
    shallow: bool = False,
    without_attrs: bool = False,
    log: Log = None,
    if_exists: IfExists = "raise",
    dry_run: bool = False,
    *,
    progress: Progress = None,
    executor: Executor | None = None,
    **create_kws: object,
) -> tuple[int, int, int]:
    """Copy all children of a group, with all below them, into another group.

    Parameters
    ----------
    source : Group, AsyncGroup or h5py.Group
        The group. Its own attributes are not copied.
    dest : Group or AsyncGroup
        Where its children go.
    shallow, without_attrs, log, if_exists, dry_run, progress, executor : optional
        As for :func:`copy`.
    **create_kws
        Parameters of :func:`zarr.create_array` for the new arrays.

    Returns
    -------
    tuple of int
        The numbers ``n_copied, n_skipped, n_bytes_copied``, as of :func:`copy`.

    Raises
    ------
    zarr.errors.CopyError, ValueError, TypeError
        As by :func:`copy`.

    Examples
    --------
    >>> import zarr
    >>> source, dest = zarr.group(), zarr.group()
    >>> a = source.create_array("foo/baz", shape=100, dtype="i8", fill_value=1)
    >>> zarr.copy_all(source, dest, dry_run=True)
    (2, 0, 0)
    >>> zarr.copy_all(source, dest)
    (2, 0, 0)
    >>> int(dest["foo/baz"][3])
    1
    """
    check_if_exists(if_exists)
    into = _group(dest)
    _check_apart(source, into, into.path)
    options = Options(if_exists, without_attrs, dry_run, executor, create_kws, addresses(source))
    nodes = await nodes_of(source, shallow=shallow)
    if nodes[0].data is not None:
        raise TypeError(f"copy_all copies what is in a group. Got an instance of {type(source)}.")
    with reporting(log, progress, dry_run=dry_run) as report:
        await copy_nodes(nodes[1:], into, into.path, options, report)
        return report.ended()


async def copy_store(
    source: StoreLike,
    dest: StoreLike,
    source_path: str = "",
    dest_path: str = "",
    excludes: str | Iterable[str] | None = None,
    includes: str | Iterable[str] | None = None,
    flags: int = 0,
    if_exists: Literal["raise", "replace", "skip"] = "raise",
    dry_run: bool = False,
    log: Log = None,
    *,
    progress: Progress = None,
) -> tuple[int, int, int]:
    """Copy all values of a store to another as they are, key by key.

    It is the fastest way to copy whole hierarchies: nothing is decoded. Several values are under
    way at a time; each is written whole, and the documents of nodes after their chunks.

    Parameters
    ----------
    source : StoreLike
        The store to copy from: a store, a path, a URL, a dict.
    dest : StoreLike
        The store to copy to.
    source_path : str, default: ''
        Only keys below this path are copied.
    dest_path : str, default: ''
        The path that they are copied to.
    excludes : str or iterable of str, optional
        Regular expressions: keys of the source in which one is found are not copied.
    includes : str or iterable of str, optional
        Regular expressions: keys in which one is found are copied even so.
    flags : int, default: 0
        Flags of :mod:`re` for all of them.
    if_exists : {'raise', 'replace', 'skip'}, default: 'raise'
        What to do with a key that `dest` has: raise an error before anything is copied, replace
        its value, or leave it.
    dry_run : bool, default: False
        Whether to say what would be done, and do nothing.
    log : callable, str, PathLike or file, optional
        Receives a line about each key.
    progress : bool or callable, optional
        True shows a bar. A function is called with the bytes that are done and with all.

    Returns
    -------
    n_copied : int
        Values that were copied.
    n_skipped : int
        Values that were not.
    n_bytes_copied : int
        Bytes that were copied.

    Raises
    ------
    zarr.errors.CopyError
        If a key is there already, and `if_exists` is ``'raise'``.
    ValueError
        If one path lies within the other, in one store.

    Examples
    --------
    >>> import zarr
    >>> source, dest = {}, {}
    >>> a = zarr.create_array(source, name="foo/a", data=[1, 2, 3])
    >>> n_copied, n_skipped, n_bytes = zarr.copy_store(source, dest, source_path="foo")
    >>> n_copied, sorted(dest)
    (3, ['a/c/0', 'a/zarr.json', 'zarr.json'])
    """
    check_if_exists(if_exists, without=("skip_initialized",))
    old = await make_store_path(source, path=source_path, mode="r")
    try:
        new = await make_store_path(dest, path=dest_path, mode="r" if dry_run else "a")
    except FileNotFoundError:
        if not dry_run:
            raise
        new = await make_store_path({}, path=dest_path)  # nothing is there, and nothing made
    wanted = key_filter(excludes, includes, flags)
    with reporting(log, progress, dry_run=dry_run) as report:
        await copy_values(old, new, wanted, if_exists, report, dry_run=dry_run)
        return report.ended()


def _group(dest: object) -> AsyncGroup:
    group = getattr(dest, "_async", dest)
    if not isinstance(group, AsyncGroup):
        raise TypeError(f"dest must be a group. Got an instance of {type(dest)}.")
    return group


def _check_apart(source: Any, dest: AsyncGroup, top: str) -> None:
    """Fail if the copy would lie in the source."""
    new = address(StorePath(dest.store, top))
    if any(is_within(new, old) for old in addresses(source)):
        raise CopyError(
            f"{source.store_path} cannot be copied to {top!r} in {dest.store}, which is the node "
            "itself or lies in it."
        )
