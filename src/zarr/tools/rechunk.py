"""Arrays and trees in another shape: other chunks, shards, codecs, data types, another format.

First it is decided what each array becomes, and by which blocks; all that can be refused is. Then
the values are written, and the documents of the nodes last: see `zarr.tools.unfinished`.
"""

from __future__ import annotations

import hashlib
import json
import pickle
import shutil
import tempfile
import time
import warnings
from contextlib import contextmanager
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple, TypedDict

import numpy as np

from zarr import _core
from zarr._async.progress import metered
from zarr._async.run import bounded, concurrency
from zarr.abc._traits import data_id_of
from zarr.abc.codec import ArrayArrayCodec, ArrayBytesCodec
from zarr.arrays.async_array import AsyncArray
from zarr.arrays.base import readable_size
from zarr.arrays.copy import IN_FLIGHT, check_reach, rehearse, spread, workers_of
from zarr.arrays.create import keep, new_array
from zarr.arrays.parameters import DEFAULT_FILL_VALUE
from zarr.arrays.stored_chunks import stored_coords
from zarr.buffer.cpu import buffer_prototype
from zarr.cache import parse_size
from zarr.codecs.chain import parse_codecs
from zarr.copying.nodes import pass_on
from zarr.copying.sources import nodes_of
from zarr.errors import ChunkDecodeError, SourceChangedError, ZarrUserWarning
from zarr.groups.async_group import AsyncGroup
from zarr.groups.consolidate import consolidate
from zarr.hierarchy.documents import check_new_path, documents_of, find_metadata, kind_at
from zarr.hierarchy.place import check_writable, missing_parents, place_node
from zarr.metadata.chunk_grids import (
    RectilinearChunkGridMetadata,
    chunk_bounds,
    chunk_count,
    chunk_of,
    regular_shape,
)
from zarr.metadata.group import GroupMetadata
from zarr.metadata.layout import as_v2, as_v3, layout_of, same_chunks
from zarr.storage.client import Requests
from zarr.storage.memory import MemoryStore
from zarr.storage.path import StorePath, address, addresses, is_within, make_store_path
from zarr.storage.wrapper import layers
from zarr.tools.nodes import node_of
from zarr.tools.reshape_plan import Ends, Plan, plan_blocks
from zarr.tools.reshape_work import (
    Bad,
    Work,
    cast_values,
    check_on_overflow,
    move,
    parts,
    read_into,
)
from zarr.tools.result import Result, plain
from zarr.tools.unfinished import Unfinished

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from concurrent.futures import Executor
    from typing import Unpack

    import numpy.typing as npt

    from zarr._async.progress import Meter, Progress
    from zarr.dtype import ZDTypeLike
    from zarr.metadata.chunk_grids import Edge, Grid
    from zarr.storage.path import StoreLike
    from zarr.tools.nodes import Source
    from zarr.tools.reshape_work import Done, OnOverflow
    from zarr.types import JSON, AnyAsyncArray, ArrayMetadata, StorageOptions, ZarrFormat
    from zarr.views import AsyncView, View

    Mask = npt.NDArray[np.bool_]
    Data = AnyAsyncArray | AsyncView

__all__ = ["ReshapedArray", "Reshaped", "cast", "rechunk", "recode", "reshard"]

_LISTED = 1 << 22
"""Chunks of a source of local files that are rather looked for one by one than listed."""
_SAMPLE = 4 << 20
"""Bytes of elements that tell how long coding takes, and how large objects are."""
_BATCH = 1 << 16
"""Keys whose places in a grid are in memory together."""
_RULES = frozenset(("attributes", "chunks", "codecs", "dtype", "fill_value", "shards"))


class ReshapeOptions(TypedDict, total=False):
    """Parameters of :func:`rechunk` that do not say what becomes of the arrays."""

    path: str
    target_path: str
    zarr_format: ZarrFormat | None
    skip_bad: bool
    max_memory: int | str
    executor: Executor | None
    temp: StoreLike | None
    progress: Progress
    resume: bool
    plan_only: bool
    storage_options: StorageOptions | None


@dataclass(frozen=True)
class ReshapedArray:
    """What becomes of one array.

    Parameters
    ----------
    path : str
        Its path below what is reshaped.
    shape : tuple of int
        Its shape.
    dtype : str
        The data type of the target.
    chunks : str
        The chunks of the target.
    shards : str
        Its shards; empty if it has none.
    way : str
        ``"values"`` if stored values are passed on as they are; else ``"one pass"`` or ``"two
        passes"``.
    tasks : int
        How many blocks are read and written.
    read : int
        Bytes of elements that are read from the source, not compressed.
    between : int
        Bytes of elements that are written between two passes, and read again.
    written : int
        Bytes of elements that are written to the target, not compressed.
    requests : int
        About how many values are read and written, those of a shard counted as its chunks.
    memory : int
        The bytes of memory that all tasks that are under way take at most.
    at_a_time : int
        How many tasks are under way at a time.
    seconds : float, optional
        About how long it takes; only if nothing but the plan is asked for.
    """

    path: str
    shape: tuple[int, ...]
    dtype: str
    chunks: str
    shards: str
    way: str
    tasks: int
    read: int
    between: int
    written: int
    requests: int
    memory: int
    at_a_time: int
    seconds: float | None = None


@dataclass(frozen=True)
class Reshaped(Result):
    """What was reshaped, or will be.

    Parameters
    ----------
    source : str
        The source.
    target : str
        The target.
    is_done : bool
        Whether the target is complete; False if only the plan was asked for.
    resumed : bool
        Whether an earlier run had begun it.
    arrays : tuple of ReshapedArray
        What becomes of each array.
    bad : tuple of Bad
        Chunks of the source that could not be decoded: their elements have the fill value.
    """

    source: str
    target: str
    is_done: bool
    resumed: bool
    arrays: tuple[ReshapedArray, ...]
    bad: tuple[Bad, ...] = ()

    @property
    def memory(self) -> int:
        """The bytes of memory that are used at most."""
        return max((each.memory for each in self.arrays), default=0)

    @property
    def seconds(self) -> float | None:
        """About how long it takes, if only the plan was asked for."""
        known = [each.seconds for each in self.arrays if each.seconds is not None]
        return sum(known) if known else None

    def __str__(self) -> str:
        lines = [f"{'' if self.is_done else 'plan: '}{self.source} -> {self.target}"]
        for each in self.arrays:
            shards = f", shards {each.shards}" if each.shards else ""
            lines.append(
                f"  /{each.path} {each.shape} {each.dtype}: chunks {each.chunks}{shards}\n"
                f"    {_WAYS[each.way]}, tasks: {each.tasks:,}, at a time: {each.at_a_time}"
            )
            between = f", between passes {readable_size(each.between)}" if each.between else ""
            lines.append(
                f"    reads {readable_size(each.read)}{between}, writes {readable_size(each.written)}, "
                f"in about {each.requests:,} requests and at most {readable_size(each.memory)} of memory"
            )
        if self.seconds is not None:
            lines.append(f"  about {self.seconds:,.1f} s")
        if self.resumed:
            lines.append("  an earlier run was continued")
        for bad in self.bad:
            lines.append(f"  bad: /{bad.path} {bad.region}: {bad.reason}")
        return "\n".join(map(_printable, "\n".join(lines).split("\n")))


def _printable(line: str) -> str:
    """A line without characters that control a terminal."""
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in line)


_WAYS = {
    "values": "stored values as they are",
    "one pass": "one pass",
    "two passes": "two passes",
}


async def rechunk(
    source: Source | View | AsyncView,
    target: StoreLike,
    *,
    path: str = "",
    target_path: str = "",
    chunks: Any = "keep",
    shards: Any = "keep",
    codecs: Any = "keep",
    dtype: ZDTypeLike | None = None,
    zarr_format: ZarrFormat | None = None,
    fill_value: Any = DEFAULT_FILL_VALUE,
    attributes: Mapping[str, JSON] | None = None,
    rules: Mapping[str, Mapping[str, Any]] | None = None,
    on_overflow: OnOverflow = "raise",
    skip_bad: bool = False,
    max_memory: int | str = "256MB",
    executor: Executor | None = None,
    temp: StoreLike | None = None,
    progress: Progress = None,
    resume: bool = True,
    plan_only: bool = False,
    storage_options: StorageOptions | None = None,
) -> Reshaped:
    """Store an array, a view or a tree anew: in other chunks, shards, codecs or types.

    Blocks are chosen so that no chunk of the source is read more than twice, that each shard of
    the target is written once and whole, and that `max_memory` suffices. Where one pass through
    the source cannot do that, there are two, and the elements are stored in between. Stored values
    are passed on as they are where the grid and the codecs agree. Where the source has no chunk,
    and its fill value is kept, the target has none.

    The target is not found by readers before it is complete. A run that is killed leaves what it
    has written, and the same call goes on from there: see `resume`.

    Parameters
    ----------
    source : Array, Group, View, StoreLike
        The array, view or tree. It stays as it is.
    target : StoreLike
        Where the copy goes: a store, a path, a URL. There must be nothing.
    path : str, default: ''
        A path below `source`.
    target_path : str, default: ''
        A path below `target`.
    chunks : optional
        The chunks of the target: as for :func:`zarr.create_array`; or a mapping of names of
        dimensions to lengths, where -1 is a whole dimension, and others stay as they are. By
        default those of the source.
    shards : optional
        The shards, told in the same ways; None for none. By default those of the source; if
        `chunks` is given, and they are no multiple of it, none.
    codecs : optional
        The codecs, one or several: objects, names, or JSON. ``"auto"`` takes the default of the
        format. By default those of the source, as far as the format has them.
    dtype : optional
        The data type. By default that of the source.
    zarr_format : {2, 3}, optional
        The format. By default that of the source.
    fill_value : optional
        The fill value. By default that of the source; elements keep their values in any case.
    attributes : mapping, optional
        The attributes of all arrays. By default those of the source.
    rules : mapping, optional
        For arrays of a tree: patterns of paths, as of a shell, and for each a mapping of some of
        the parameters `chunks`, `shards`, `codecs`, `dtype`, `fill_value` and `attributes`. Where
        several match, the last wins.
    on_overflow : {'raise', 'clip', 'wrap'}, default: 'raise'
        What becomes of numbers that `dtype` cannot hold: an error, the nearest number (infinity,
        of floating point numbers), or the remainder. Fractions are cut off for integers.
    skip_bad : bool, default: False
        Whether chunks that cannot be decoded are listed in the result, and have the fill value in
        the target. By default they are an error.
    max_memory : int or str, default: '256MB'
        The most bytes that all blocks that are under way take, with what it takes to decode and
        encode them; those of all workers together.
    executor : concurrent.futures.Executor, optional
        Whose workers do it: threads, processes, other machines; or a client of dask.distributed.
        They are sent descriptions of blocks, no elements. By default this process does it.
    temp : StoreLike, optional
        Where elements are stored between two passes. By default beside those of the target; in a
        temporary directory if the target is in memory, or in a zip file.
    progress : bool, callable or type, optional
        How the bytes that are done are shown, as for :func:`zarr.copy`.
    resume : bool, default: True
        Whether to go on where an earlier run with the same parameters was killed. What it wrote is
        read again, and believed if it can be decoded. With False, it is deleted.
    plan_only : bool, default: False
        Whether to return the plan, with an estimate of the time, and change nothing.
    storage_options : dict, optional
        Settings for the stores that URLs name.

    Returns
    -------
    Reshaped
        What was done, or will be.

    Raises
    ------
    zarr.tools.reshape_plan.MemoryTooSmallError
        If `max_memory` holds no block; its attribute ``least`` is what does.
    zarr.errors.ContainsArrayError, zarr.errors.ContainsGroupError
        If there is something at the target.
    zarr.errors.SourceChangedError
        If the source was resized meanwhile. The target is not completed.
    zarr.errors.ChunkDecodeError
        If a chunk of the source cannot be decoded.
    RuntimeError
        If another run makes the target just now.
    ValueError
        If the target lies in the source; if an earlier run had other parameters; if an element
        cannot be cast.

    Examples
    --------
    >>> import numpy as np, zarr
    >>> slices = zarr.create_array({}, data=np.arange(240).reshape(10, 4, 6), chunks=(1, 4, 6))
    >>> store = {}
    >>> done = zarr.rechunk(slices, store, chunks=(10, 2, 2))
    >>> done.arrays[0].way
    'one pass'
    >>> series = zarr.open_array(store)
    >>> series.chunks, bool((series[:] == slices[:]).all())
    ((10, 2, 2), True)
    """
    wanted = _Wanted(chunks, shards, codecs, dtype, fill_value, attributes)
    check_on_overflow(on_overflow)
    memory = parse_size(max_memory, "max_memory")
    data = await _data_of(source, path, storage_options)
    place = await _place_of(target, target_path, storage_options, makes=not plan_only)
    if not plan_only:
        check_writable(place)
    _check_apart(data, place)
    chosen = zarr_format or _format_of(data)
    tree = await _tree_of(data)
    jobs = _jobs(tree, place, wanted, rules or {}, chosen, on_overflow)
    tasks = _tasks(executor, jobs)
    jobs = [await _planned(job, memory, tasks, executor, skip_bad=skip_bad) for job in jobs]
    shown = (_shown(data), place.shown_as())
    if plan_only:
        arrays = tuple([job.result(await _seconds(job)) for job in jobs])
        return Reshaped(*shown, is_done=False, resumed=False, arrays=arrays)
    parameters: dict[str, JSON] = {
        "source": shown[0],
        **wanted.shown(),
        "rules": plain(rules or {}),
        "zarr_format": chosen,
        "on_overflow": on_overflow,
        "the documents of the source": _digest([_identity(each.data) for each in tree]),
        "the documents of the target": _digest([_identity(job.target) for job in jobs]),
    }
    await missing_parents(place, chosen)
    if executor is not None:
        for job in jobs:
            await _check_reach(executor, job)
    for job in jobs:
        await _rehearse(job, skip_bad=skip_bad)
    unfinished = Unfinished(place, parameters)
    resumed = await unfinished.claim(resume=resume)
    run = _Run(unfinished, executor, resumed, skip_bad, on_overflow)
    with _temporary(jobs, place, run) as directory:
        try:
            between = directory or unfinished.working
            if temp is not None:
                between = await make_store_path(temp, mode="a", storage_options=storage_options)
                between = between / f"zarr.unfinished-{_digest(parameters)[:16]}"
                if executor is not None:
                    await check_reach(executor, between.store)
            with metered("rechunk", sum(job.work for job in jobs), progress=progress) as meter:
                for index, job in enumerate(jobs):
                    await _fill(job, run, between / f"values/{index}", meter)
            await _place_groups(tree, place, chosen)
            if temp is not None and between.store.supports_deletes:
                await between.delete_dir()
            bad = await run.all_bad()
            await unfinished.finish()
        except BaseException:
            await unfinished.leave()
            raise
    arrays = tuple(job.result() for job in jobs)
    return Reshaped(*shown, is_done=True, resumed=resumed, arrays=arrays, bad=bad)


async def recode(
    source: Source | View | AsyncView,
    target: StoreLike,
    *,
    codecs: Any = "auto",
    **options: Unpack[ReshapeOptions],
) -> Reshaped:
    """Store an array, a view or a tree with other codecs; see :func:`rechunk`.

    Parameters
    ----------
    source, target
        As for :func:`rechunk`.
    codecs : optional
        The codecs; the default of the format by default.
    **options
        ``path``, ``target_path``, ``zarr_format``, ``skip_bad``, ``max_memory``, ``executor``,
        ``temp``, ``progress``, ``resume``, ``plan_only`` and ``storage_options``, as for
        :func:`rechunk`.

    Returns
    -------
    Reshaped
        What was done, or will be.

    Examples
    --------
    >>> import zarr, zarr.tools
    >>> array = zarr.create_array({}, data=[1, 2, 3], compressors="gzip")
    >>> store = {}
    >>> done = zarr.tools.recode(array, store, codecs=["zstd"])
    >>> zarr.open_array(store).compressors
    (ZstdCodec(level=0, checksum=False),)
    """
    return await rechunk(source, target, codecs=codecs, **options)


async def reshard(
    source: Source | View | AsyncView,
    target: StoreLike,
    *,
    shards: Any = "auto",
    **options: Unpack[ReshapeOptions],
) -> Reshaped:
    """Store an array, a view or a tree in other shards, or in none; see :func:`rechunk`.

    Parameters
    ----------
    source, target
        As for :func:`rechunk`.
    shards : optional
        The shards, as for :func:`rechunk`; None for none. Of a good size by default.
    **options
        As for :func:`recode`.

    Returns
    -------
    Reshaped
        What was done, or will be.

    Examples
    --------
    >>> import zarr, zarr.tools
    >>> array = zarr.create_array({}, data=range(100), chunks=(5,))
    >>> store = {}
    >>> done = zarr.tools.reshard(array, store, shards=(50,))
    >>> zarr.open_array(store).shards, len(store)
    ((50,), 3)
    """
    return await rechunk(source, target, shards=shards, **options)


async def cast(
    source: Source | View | AsyncView,
    target: StoreLike,
    *,
    dtype: ZDTypeLike,
    on_overflow: OnOverflow = "raise",
    **options: Unpack[ReshapeOptions],
) -> Reshaped:
    """Store an array, a view or a tree with another data type; see :func:`rechunk`.

    Parameters
    ----------
    source, target
        As for :func:`rechunk`.
    dtype
        The data type.
    on_overflow : {'raise', 'clip', 'wrap'}, default: 'raise'
        What becomes of numbers that it cannot hold.
    **options
        As for :func:`recode`.

    Returns
    -------
    Reshaped
        What was done, or will be.

    Examples
    --------
    >>> import zarr, zarr.tools
    >>> array = zarr.create_array({}, data=[1.5, 2.5, 300.0])
    >>> store = {}
    >>> done = zarr.tools.cast(array, store, dtype="uint8", on_overflow="clip")
    >>> zarr.open_array(store)[:]
    array([  1,   2, 255], dtype=uint8)
    """
    return await rechunk(source, target, dtype=dtype, on_overflow=on_overflow, **options)


# -- what becomes of each array -------------------------------------------------------------------


class _Wanted(NamedTuple):
    """What becomes of an array, as the user says it."""

    chunks: Any = "keep"
    shards: Any = "keep"
    codecs: Any = "keep"
    dtype: Any = None
    fill_value: Any = DEFAULT_FILL_VALUE
    attributes: Any = None

    def shown(self) -> dict[str, JSON]:
        """Return the values as JSON, for people who compare them."""
        return {name: plain(value) for name, value in self._asdict().items()}


class _Node(NamedTuple):
    """An array, view or group, and its path below what is reshaped."""

    path: str
    data: Data | AsyncGroup


@dataclass(frozen=True)
class _Job:
    """One array that is to be reshaped.

    Parameters
    ----------
    path
        The path below what is reshaped.
    source, target
        Where its elements come from, and go to.
    on_overflow
        What becomes of numbers that the target cannot hold.
    passes_values
        Whether stored values are passed on as they are.
    plan
        The blocks; None if values are passed on.
    """

    path: str
    source: Data
    target: AnyAsyncArray
    on_overflow: OnOverflow
    passes_values: bool = False
    plan: Plan | None = None

    @property
    def work(self) -> int:
        """The bytes that are written, not compressed."""
        if self.plan is None:
            return self.target.nbytes
        return sum(prod(self.source.shape) * dtype.itemsize for dtype in self._written())

    def _written(self) -> Iterator[np.dtype[Any]]:
        if self.plan is not None and self.plan.pieces is not None:
            yield self.source.dtype
        yield self.target.dtype

    def result(self, seconds: float | None = None) -> ReshapedArray:
        """Return the job as it is shown."""
        target, plan = self.target, self.plan
        layout = layout_of(target.metadata)
        inner, stored = _units(target), layout.grid
        tasks = units = prod(map(chunk_count, stored, target.shape))
        read = between = 0
        if plan is None:
            units *= 2
            read = target.nbytes
            tasks = 1
        else:
            tasks = sum(each.count(target.shape) for each in plan.passes)
            units = sum(each.units_read + each.units_written for each in plan.passes)
            read = plan.passes[0].read
            between = plan.passes[0].written if plan.pieces is not None else 0
        return ReshapedArray(
            path=self.path,
            shape=target.shape,
            dtype=str(layout.zdtype.to_native_dtype()),
            chunks=_shown_grid(inner),
            shards="" if inner == stored else _shown_grid(stored),
            way="values" if plan is None else "one pass" if len(plan.passes) == 1 else "two passes",
            tasks=tasks,
            read=read,
            between=between,
            written=target.nbytes,
            requests=units,
            memory=0 if plan is None else plan.memory,
            at_a_time=1 if plan is None else plan.at_a_time,
            seconds=seconds,
        )


def _shown_grid(grid: Grid) -> str:
    found = regular_shape(grid)
    return str(found) if found is not None else "of several sizes"


async def _data_of(
    source: Any, path: str, storage_options: StorageOptions | None
) -> Data | AsyncGroup:
    view = getattr(source, "async_view", None)
    if view is None:
        return await node_of(source, path, storage_options=storage_options)
    if path:
        raise ValueError(f"a view has no path below it: {path!r}")
    found: AsyncView = view
    return found


async def _place_of(
    target: StoreLike, path: str, storage_options: StorageOptions | None, *, makes: bool
) -> StorePath:
    handle = getattr(target, "store_path", None)
    if handle is not None:
        raise TypeError(
            f"the target is a store, a path or a URL, where there is nothing yet. Got {target!r}."
        )
    if makes:
        return await make_store_path(target, path=path, mode="a", storage_options=storage_options)
    try:
        return await make_store_path(target, path=path, mode="r", storage_options=storage_options)
    except FileNotFoundError:
        return await make_store_path({}, path=path)  # nothing is there, and nothing is made


def _sources(data: Data | AsyncGroup) -> tuple[str, ...]:
    """The addresses of what is read."""
    if isinstance(data, (AsyncArray, AsyncGroup)):
        return addresses(data)
    return tuple(each for leaf in data.expression.leaves for each in addresses(leaf.array))


def _check_apart(data: Data | AsyncGroup, place: StorePath) -> None:
    target = address(place)
    for source in _sources(data):
        if is_within(target, source) or is_within(source, target):
            raise ValueError(
                f"{place.shown_as()} cannot be made of {_shown(data)}: one lies within the other. "
                "Choose another target; `zarr.tools.replace` puts it in the place of the source."
            )


def _shown(data: Data | AsyncGroup) -> str:
    if isinstance(data, (AsyncArray, AsyncGroup)):
        return data.store_path.shown_as()
    places = sorted({leaf.array.store_path.shown_as() for leaf in data.expression.leaves})
    return f"a view of {', '.join(places)}"


def _format_of(data: Data | AsyncGroup) -> ZarrFormat:
    if isinstance(data, (AsyncArray, AsyncGroup)):
        return data.metadata.zarr_format
    return data.expression.leaves[0].array.metadata.zarr_format


async def _tree_of(data: Data | AsyncGroup) -> list[_Node]:
    if not isinstance(data, AsyncGroup):
        return [_Node("", data)]
    members = data.all_members(None)
    return [_Node("", data), *[_Node(path, node) async for path, node in members]]


def _jobs(
    tree: list[_Node],
    place: StorePath,
    wanted: _Wanted,
    rules: Mapping[str, Mapping[str, Any]],
    zarr_format: ZarrFormat,
    on_overflow: OnOverflow,
) -> list[_Job]:
    """What becomes of each array. Fails if that cannot be."""
    _check_rules(tree, rules)
    jobs = []
    named: set[str] = set()
    for node in tree:
        where = place / node.path if node.path else place
        check_new_path(where.path, zarr_format) if where.path else None
        if isinstance(node.data, AsyncGroup):
            continue
        chosen = wanted
        for pattern, values in rules.items():
            if fnmatchcase(node.path, pattern):
                chosen = chosen._replace(**values)
        names = _dimension_names(node.data)
        named.update(name for name in names if name is not None)
        target = _target(node, where, chosen, names, zarr_format)
        target.engine()  # fails if the codecs make no chain
        documents_of(where.path, target.metadata)
        same = isinstance(node.data, AsyncArray) and same_chunks(
            node.data.metadata, target.metadata
        )
        jobs.append(_Job(node.path, node.data, target, on_overflow, passes_values=same))
    for given in (wanted.chunks, wanted.shards):
        unknown = sorted(_names_in(given) - named)
        if unknown:
            raise ValueError(
                f"no array has a dimension {unknown[0]!r}: there are {sorted(named)}. Give chunks "
                "as a tuple, or by other names."
            )
    return jobs


def _check_rules(tree: list[_Node], rules: Mapping[str, Mapping[str, Any]]) -> None:
    for pattern, values in rules.items():
        unknown = values.keys() - _RULES
        if unknown:
            raise ValueError(
                f"the rule for {pattern!r} has {sorted(unknown)[0]!r}, which is none of "
                f"{sorted(_RULES)}"
            )
        arrays = [node.path for node in tree if not isinstance(node.data, AsyncGroup)]
        if not any(fnmatchcase(path, pattern) for path in arrays):
            raise ValueError(f"no array matches the rule for {pattern!r}: there are {arrays[:20]}")


def _dimension_names(data: Data) -> tuple[str | None, ...]:
    """The names of the dimensions, also those that xarray gives in format 2."""
    names: Any = None
    if isinstance(data, AsyncArray):
        names = getattr(data.metadata, "dimension_names", None)
        names = names or data.metadata.attributes.get("_ARRAY_DIMENSIONS")
    if isinstance(names, (list, tuple)) and len(names) == data.ndim:
        return tuple(name if isinstance(name, str) else None for name in names)
    return (None,) * data.ndim


def _names_in(given: Any) -> set[str]:
    if not hasattr(given, "keys") or "shape" in given:
        return set()
    return set(given)


def _target(
    node: _Node,
    where: StorePath,
    wanted: _Wanted,
    names: tuple[str | None, ...],
    zarr_format: ZarrFormat,
) -> AnyAsyncArray:
    """The handle of the target, which is not stored yet."""
    source: Any = node.data
    dtype = source.dtype if wanted.dtype is None else wanted.dtype
    fill_value = wanted.fill_value
    if isinstance(source, AsyncArray):
        base: Any = _in_format(source, zarr_format)
        attributes = dict(source.metadata.attributes)
        dtype = layout_of(base.metadata).zdtype if wanted.dtype is None else wanted.dtype
    else:
        base, attributes = source, {}
        if fill_value is DEFAULT_FILL_VALUE and source.fill_value is not None:
            fill_value = source.fill_value
    filters, serializer, compressors = _codecs(wanted.codecs, zarr_format)
    if wanted.dtype is not None and wanted.codecs == "keep":
        filters = serializer = "auto"  # those of the source may be for its type only
        compressors = _of_any_size(base) if isinstance(base, AsyncArray) else "auto"
    where_from = f"array {node.path!r}" if node.path else "the array"
    chunks = _lengths(wanted.chunks, source, names, where_from, _units(source))
    shards = _lengths(wanted.shards, source, names, where_from, _grid(source))
    if wanted.shards == "keep" and wanted.chunks != "keep":
        shards = _kept_shards(source, chunks)
    kept = keep(
        base,
        chunks=_view_chunks(source) if base is source and chunks == "keep" else chunks,
        shards=shards,
        filters=filters,
        serializer=serializer,
        compressors=compressors,
        fill_value=fill_value,
        zarr_format=zarr_format,
    )
    if wanted.dtype is not None and fill_value is DEFAULT_FILL_VALUE:
        kept = kept._replace(fill_value=_cast_fill(kept.fill_value, source.dtype, wanted.dtype))
    made = new_array(
        store_path=where,
        shape=source.shape,
        dtype=dtype,
        attributes=attributes if wanted.attributes is None else dict(wanted.attributes),
        **kept._asdict(),
    )
    return made


def _in_format(source: AnyAsyncArray, zarr_format: ZarrFormat) -> AnyAsyncArray:
    """The array as if it were of a format, if that has all that it needs; else as it is."""
    metadata: ArrayMetadata = source.metadata
    if metadata.zarr_format == zarr_format:
        return source
    try:
        if metadata.zarr_format == 3:
            metadata = as_v2(metadata)
        else:
            metadata = as_v3(metadata).rebuilt(chunk_key_encoding={"name": "default"})
    except (TypeError, ValueError):
        return source  # the defaults of the format stand for its codecs
    return AsyncArray(metadata, source.store_path, source.config)


def _codecs(given: Any, zarr_format: ZarrFormat) -> tuple[Any, Any, Any]:
    """Filters, serializer and compressors, as ``create_array`` names them."""
    if isinstance(given, str) and given in ("keep", "auto"):
        return given, given, given
    single = isinstance(given, str) or not isinstance(given, (list, tuple))
    listed = () if given is None else (given,) if single else tuple(given)
    if zarr_format == 2:
        return listed[:-1] or "auto", "auto", listed[-1] if listed else None
    codecs = parse_codecs(
        [{"name": each, "configuration": {}} if isinstance(each, str) else each for each in listed]
    )
    serializers = [each for each in codecs if isinstance(each, ArrayBytesCodec)]
    if len(serializers) > 1:
        raise ValueError(f"one codec makes bytes of elements, not {len(serializers)}")
    filters = [each for each in codecs if isinstance(each, ArrayArrayCodec)]
    others = [each for each in codecs if not isinstance(each, (ArrayArrayCodec, ArrayBytesCodec))]
    return filters, serializers[0] if serializers else "auto", others


def _of_any_size(source: AnyAsyncArray) -> Any:
    """The compressors of an array, without the size of its elements, which one shuffles by."""
    found = []
    for codec in source.compressors:
        document = codec.get_config() if hasattr(codec, "get_config") else codec.to_dict()
        configuration = dict(document.get("configuration", {}))
        if "typesize" in configuration:
            del configuration["typesize"]
            document = {**document, "configuration": configuration}
        found.append(document)
    return found or None


def _lengths(
    given: Any,
    source: Data,
    names: tuple[str | None, ...],
    where: str,
    now: Grid,
) -> Any:
    """Chunks or shards as ``create_array`` takes them."""
    if isinstance(given, (tuple, list)) and len(given) != source.ndim:
        raise ValueError(
            f"{where} has {source.ndim} dimensions, and {tuple(given)} has {len(given)}. Give "
            "lengths by names of dimensions, or rules for some arrays."
        )
    if not _names_in(given):
        return given
    found: list[Any] = []
    for name, edge, length in zip(names, now, source.shape, strict=True):
        size = given.get(name, edge)
        found.append(max(1, length) if size == -1 else size)
    return tuple(found)


def _grid(source: Data) -> Grid:
    """The edges of what is stored under one key."""
    if isinstance(source, AsyncArray):
        return layout_of(source.metadata).grid
    return _positive(source.shards or source.chunks)


def _units(source: Data) -> Grid:
    """The edges of what is decoded alone."""
    if isinstance(source, AsyncArray):
        codec = getattr(source.metadata, "sharding_codec", None)
        found: Grid = layout_of(source.metadata).grid if codec is None else codec.chunk_shape
        return found
    return _positive(source.chunks)


def _positive(grid: Any) -> Grid:
    return tuple(max(1, edge) if isinstance(edge, int) else edge or 1 for edge in grid)


def _view_chunks(view: AsyncView) -> Any:
    return regular_shape(_units(view)) or "auto"


def _kept_shards(source: Data, chunks: Any) -> Any:
    """The shards of the source, if chunks of another shape divide them."""
    shards = regular_shape(_grid(source))
    if _units(source) == _grid(source) or shards is None or not isinstance(chunks, (tuple, list)):
        return None
    fits = all(
        isinstance(size, int) and size > 0 and shard % size == 0
        for shard, size in zip(shards, chunks, strict=True)
    )
    return shards if fits else None


def _cast_fill(fill_value: Any, dtype: np.dtype[Any], wanted: Any) -> Any:
    """The fill value of the source, in another data type."""
    if fill_value is None or fill_value is DEFAULT_FILL_VALUE:
        return fill_value
    try:
        target = np.dtype(wanted)
        return cast_values(np.asarray(fill_value, dtype).reshape(1), target, "raise")[0]
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(
            f"the fill value {fill_value!r} cannot be cast to {wanted} ({error}): give fill_value"
        ) from error


# -- the plan ---------------------------------------------------------------------------------------


def _tasks(executor: Executor | None, jobs: list[_Job]) -> int:
    """How many tasks may be under way at a time."""
    if executor is not None:
        return min(IN_FLIGHT, workers_of(executor) or _core.threads())
    # The engine uses all cores for one block; where one waits, another is read meanwhile.
    waits = any(job.source.needs_event_loop or job.target.needs_event_loop for job in jobs)
    return 2 if waits else 1


async def _planned(
    job: _Job, memory: int, tasks: int, executor: Executor | None, *, skip_bad: bool
) -> _Job:
    if job.passes_values and not skip_bad:
        return job
    job = replace(job, passes_values=False)
    source, target = job.source, job.target
    objects = source.dtype.kind in "OT"
    itemsize = await _object_size(source) if objects else source.dtype.itemsize
    is_cast = source.dtype != target.dtype
    stored, inner = layout_of(target.metadata).grid, _units(target)
    read = Ends(_units(source), max(1, itemsize), 4 if objects else 2, _together(source))
    written = Ends(
        stored,
        max(1, itemsize if target.dtype.kind in "OT" else target.dtype.itemsize),
        4 if objects else 2 if stored == inner else 3,
        _together(target),
        is_cast,
    )
    together = _core.threads()
    plan = plan_blocks(source.shape, read, written, memory, tasks=tasks, pieces_together=together)
    return replace(job, plan=plan)


def _together(data: Data) -> int:
    """How many chunks one operation has in memory at a time."""
    threads = _core.threads()
    return max(threads, concurrency()) if data.needs_event_loop else threads


async def _sample(source: Data) -> tuple[Any, Any]:
    """A few whole chunks of a source: where they are, and their elements."""
    region = []
    room = _SAMPLE // max(1, source.dtype.itemsize)
    for edge, length in reversed(list(zip(_units(source), source.shape, strict=True))):
        size = edge if isinstance(edge, int) else edge[0]
        stop = min(length, max(size, min(size * 4, room // size * size)))
        region.insert(0, slice(0, stop))
        room //= max(1, stop)
    values: Any = np.ndarray([part.stop for part in region], source.dtype)
    if values.size:
        await read_into(source, tuple(region), values)
    return tuple(region), values


async def _object_size(source: Data) -> int:
    """About how many bytes an element takes that has no fixed size."""
    try:
        _, values = await _sample(source)
    except ChunkDecodeError:
        values = np.ndarray(0, source.dtype)
    some = values.reshape(-1)[:10_000]
    sizes = [len(each) if hasattr(each, "__len__") else 8 for each in some.tolist()]
    mean = sum(sizes) / max(1, len(sizes))
    return source.dtype.itemsize + int(1.5 * mean) + (64 if source.dtype.kind == "O" else 16)


async def _seconds(job: _Job) -> float | None:
    """About how long a job takes, by what a few of its chunks take."""
    if job.plan is None or not prod(job.source.shape):
        return None
    began = time.perf_counter()
    region, values = await _sample(job.source)
    read = time.perf_counter() - began
    try:
        values = cast_values(values, job.target.dtype, job.on_overflow)
        began = time.perf_counter()
        await rehearse(job.target, region, values, always=True)
    except (ValueError, TypeError, OverflowError):
        return None  # the run will say so
    written = time.perf_counter() - began
    size = max(1, values.size)
    passes = job.plan.passes
    reading = passes[0].read / job.source.dtype.itemsize * read / size
    moving = 2 * passes[0].written * _SECONDS_A_BYTE if len(passes) == 2 else 0.0
    return reading + moving + prod(job.source.shape) * written / size


_SECONDS_A_BYTE = 1e-9
"""About how long it takes to store and to read a byte between two passes."""


async def _rehearse(job: _Job, *, skip_bad: bool) -> None:
    """Cast and encode a few elements, so that what is refused is refused before anything is made.

    Codecs and casts that take all elements need no rehearsal.
    """
    if job.plan is None or not prod(job.source.shape):
        return
    try:
        region, values = await _sample(job.source)
    except ChunkDecodeError:
        if skip_bad:
            return
        raise
    if values.dtype != job.target.dtype:
        values = cast_values(values, job.target.dtype, job.on_overflow)
    await rehearse(job.target, region, values)


async def _check_reach(executor: Executor, job: _Job) -> None:
    await check_reach(executor, job.target.store)
    data = job.source
    arrays = (
        [data] if isinstance(data, AsyncArray) else [leaf.array for leaf in data.expression.leaves]
    )
    for array in arrays:
        *_, inner = layers(array.store)
        if isinstance(inner, MemoryStore):
            await check_reach(executor, array.store)


# -- the run ----------------------------------------------------------------------------------------


class _Run:
    """One run: what it found, and what it works with."""

    def __init__(
        self,
        unfinished: Unfinished,
        executor: Executor | None,
        resumed: bool,
        skip_bad: bool,
        on_overflow: OnOverflow,
    ) -> None:
        self.unfinished = unfinished
        self.executor = executor
        self.resumed = resumed
        self.on_overflow = on_overflow
        self.notes: StorePath | None = None
        if skip_bad:
            kept = unfinished.is_kept
            self.notes = (unfinished.working if kept else StorePath(MemoryStore())) / "bad"

    async def all_bad(self) -> tuple[Bad, ...]:
        """The bad chunks that this run noted, and those before it."""
        if self.notes is None:
            return ()
        requests = Requests(self.notes.store)
        found: set[Bad] = set()
        for key in sorted([key async for key in requests.list_prefix(f"{self.notes.path}/")]):
            value = await requests.get(key, buffer_prototype)
            if value is not None:
                found.update(Bad(*each) for each in json.loads(value.to_bytes()))
        return tuple(sorted(found))


@contextmanager
def _temporary(jobs: list[_Job], place: StorePath, run: _Run) -> Iterator[StorePath | None]:
    """A directory for what is between two passes, if the target is no place for it."""
    *_, inner = layers(place.store)
    needed = any(job.plan is not None and job.plan.pieces is not None for job in jobs)
    if not needed or (run.unfinished.is_kept and not isinstance(inner, MemoryStore)):
        yield None
        return
    directory = tempfile.mkdtemp(prefix="zarr-rechunk-")
    try:
        from zarr.storage.local import LocalStore

        yield StorePath(LocalStore(directory))
    finally:
        shutil.rmtree(directory, ignore_errors=True)


async def _fill(job: _Job, run: _Run, between: StorePath, meter: Meter) -> None:
    """Write the elements of one array, and its document at last."""
    target = job.target
    if run.resumed and await find_metadata(target.store_path, target.metadata.zarr_format):
        meter.advance(job.work)
        return
    if job.plan is None:
        await _pass_on(job, run, meter)
    else:
        await _move(job, job.plan, run, between, meter)
    await _check_unchanged(job.source)
    await place_node(target.store_path, target.metadata, parents=not job.path)


async def _pass_on(job: _Job, run: _Run, meter: Meter) -> None:
    source: Any = job.source
    target = job.target
    before = meter.done
    have: set[tuple[int, ...]] = set()
    if run.resumed:
        have = {coords async for coords in stored_coords(target)}
    coords = [each async for each in stored_coords(source) if each not in have]
    for at in range(0, len(coords), _BATCH):
        await pass_on(source, target, coords[at : at + _BATCH], meter.advance, run.executor)
        await run.unfinished.sign()
    meter.advance(before + job.work - meter.done)


async def _move(job: _Job, plan: Plan, run: _Run, between: StorePath, meter: Meter) -> None:
    source, target = job.source, job.target
    last = _work(job, plan, len(plan.passes) - 1, source, target, run)
    pending = np.ones(last.counts, bool)
    if _may_skip(job):
        pending &= await _holding(source, last.blocks, last.counts)
    if run.resumed:
        pending &= ~await _complete(last, run)
    if plan.pieces is None:
        await _run_pass(last, pending, plan, run, meter)
        return
    middle = _middle(source, plan.pieces, between)
    first = _work(job, plan, 0, source, middle, run)
    needed = await _needed(first, last, plan.pieces, pending, run)
    await _run_pass(first, needed, plan, run, meter)
    await _check_unchanged(source)
    last = replace(last, source=middle, units=plan.pieces, notes=None)
    await _run_pass(last, pending, plan, run, meter)
    if middle.store.supports_deletes:
        await between.delete_dir()


def _work(
    job: _Job, plan: Plan, number: int, source: Data, target: AnyAsyncArray, run: _Run
) -> Work:
    each = plan.passes[number]
    name = _digest([job.path, number, [str(edge) for edge in each.blocks]])[:16]
    return Work(
        source,
        target,
        job.path,
        each.blocks,
        _units(source),
        each.read_at_once,
        each.write_at_once,
        run.on_overflow,
        None if run.notes is None else run.notes / name,
    )


async def _run_pass(work: Work, pending: Mask, plan: Plan, run: _Run, meter: Meter) -> None:
    before = meter.done
    indexes = np.flatnonzero(pending)

    async def done(moved: Done) -> None:
        meter.advance(moved.size)
        await run.unfinished.sign()

    if run.executor is not None:
        tasks = ((work, int(index)) for index in indexes)
        await spread(run.executor, move, tasks, done, most=plan.at_a_time)
    else:

        async def one(index: int) -> None:
            await done(await work.move(index))

        await bounded(indexes.tolist(), one, plan.at_a_time)
    whole = prod(work.target.shape) * work.target.dtype.itemsize
    meter.advance(max(0, before + whole - meter.done))


def _middle(source: Data, pieces: Grid, place: StorePath) -> AnyAsyncArray:
    """The handle of the array between two passes. A piece that is missing is an error."""
    layout = layout_of(source.metadata) if isinstance(source, AsyncArray) else None
    regular = regular_shape(pieces)
    made = new_array(
        store_path=place,
        shape=source.shape,
        dtype=source.dtype if layout is None else layout.zdtype,
        zarr_format=3,
        chunks=regular or tuple(max(1, length) for length in source.shape),
        compressors=[{"name": "blosc", "configuration": {"cname": "lz4"}}]
        if place.needs_event_loop
        else None,
        config={"write_empty_chunks": True, "read_missing_chunks": False},
    )
    if regular is not None:
        return made
    metadata = replace(made.metadata, chunk_grid=RectilinearChunkGridMetadata.stored(pieces))
    return AsyncArray(metadata, made.store_path, made.config)


# -- what there is already ------------------------------------------------------------------------


def _may_skip(job: _Job) -> bool:
    """Whether the target needs no chunk where the source has none."""
    source = job.source
    if not isinstance(source, AsyncArray) or not source.store.supports_listing:
        return False
    here = np.ndarray(1, source.dtype)
    there = np.ndarray(1, job.target.dtype)
    here[0], there[0] = (
        layout_of(source.metadata).fill_value,
        layout_of(job.target.metadata).fill_value,
    )
    try:
        here = cast_values(here, there.dtype, job.on_overflow)
    except (TypeError, ValueError, OverflowError):
        return False
    if there.dtype.kind in "OT":
        return bool(here[0] == there[0])
    return here.tobytes() == there.tobytes()


async def _holding(source: Any, blocks: Grid, counts: tuple[int, ...]) -> Mask:
    """Which blocks a stored value of the source lies in."""
    grid = layout_of(source.metadata).grid
    stored = prod(map(chunk_count, grid, source.shape))
    if source.store.traits.native_handle is not None and stored <= _LISTED:
        return np.ones(counts, bool)  # to look for what is not there takes less time than a list
    found = np.zeros(counts, bool)
    async for batch in _batches(source):
        spans = _spans(batch, grid, blocks, source.shape)
        whole = np.ones(len(batch), bool)
        for first, last in spans:
            whole &= first == last
        if not spans:
            found[()] = True
            continue
        found[tuple(first[whole] for first, _ in spans)] = True
        for at in np.flatnonzero(~whole):
            found[tuple(slice(first[at], last[at] + 1) for first, last in spans)] = True
    return found


async def _batches(array: AnyAsyncArray) -> Any:
    """Yield the places in the grid of what is stored, many at a time."""
    batch: list[tuple[int, ...]] = []
    async for coords in stored_coords(array):
        batch.append(coords)
        if len(batch) == _BATCH:
            yield np.array(batch, np.int64)
            batch = []
    if batch:
        yield np.array(batch, np.int64).reshape(len(batch), array.ndim)


def _ends(edge: Edge, length: int) -> npt.NDArray[np.int64]:
    """Where the chunks of a dimension end, of which there are several sizes."""
    sizes = edge if isinstance(edge, tuple) else (edge,)
    return np.minimum(np.cumsum(sizes), length)


def _spans(
    coords: npt.NDArray[np.int64], grid: Grid, blocks: Grid, shape: tuple[int, ...]
) -> list[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]]:
    """For each dimension the first and the last block that each chunk lies in."""
    found = []
    for axis, (edge, block, length) in enumerate(zip(grid, blocks, shape, strict=True)):
        here = coords[:, axis]
        if isinstance(edge, int):
            start, stop = here * edge, np.minimum((here + 1) * edge, length)
        else:
            ends = _ends(edge, length)
            stop = ends[here]
            start = np.where(here > 0, ends[here - 1], 0)
        if isinstance(block, int):
            found.append((start // block, (stop - 1) // block))
        else:
            ends = _ends(block, length)
            found.append(
                (np.searchsorted(ends, start, "right"), np.searchsorted(ends, stop, "left"))
            )
    return found


async def _complete(work: Work, run: _Run) -> Mask:
    """Which blocks of the target an earlier run has written, in whole and soundly."""
    grid = layout_of(work.target.metadata).grid
    stored = np.zeros(work.counts, np.int64)
    async for batch in _batches(work.target):
        spans = _spans(batch, grid, work.blocks, work.target.shape)
        np.add.at(stored, tuple(first for first, _ in spans), 1)
    found: Mask = np.zeros(work.counts, bool)

    async def look(index: int) -> None:
        region = work.region(index)
        units = prod(
            len(list(_within_grid(part, edge))) for part, edge in zip(region, grid, strict=True)
        )
        if stored.flat[index] == units:
            found.flat[index] = await work.is_sound(index)

    await bounded(np.flatnonzero(stored).tolist(), look, 1)
    return found


def _within_grid(part: slice, edge: Edge) -> range:
    """The chunks of a dimension that a part of it touches."""
    return range(chunk_of(edge, part.start), chunk_of(edge, max(part.start, part.stop - 1)) + 1)


async def _needed(first: Work, last: Work, pieces: Grid, pending: Mask, run: _Run) -> Mask:
    """Which blocks of the first pass have pieces that the second needs, and that are not there."""
    shape = first.target.shape
    counts = tuple(map(chunk_count, pieces, shape))
    missing: Mask = np.ones(counts, bool)
    if run.resumed:
        missing &= ~await _sound_pieces(first.target, counts)
    homes = []
    needing = []
    for axis, (piece, length) in enumerate(zip(pieces, shape, strict=True)):
        starts = np.array([chunk_bounds(piece, each)[0] for each in range(counts[axis])], np.int64)
        homes.append(_block_of(first.blocks[axis], starts, length))
        needing.append(_block_of(last.blocks[axis], starts, length))
    missing &= pending[np.ix_(*needing)]
    found: Mask = np.zeros(first.counts, bool)
    np.logical_or.at(found, np.ix_(*homes), missing)
    return found


async def _sound_pieces(middle: AnyAsyncArray, counts: tuple[int, ...]) -> Mask:
    """Which pieces are there and can be decoded."""
    found: Mask = np.zeros(counts, bool)
    grid = layout_of(middle.metadata).grid
    whole = Work(middle, middle, "", grid, grid, 0, 0)

    async def look(coords: tuple[int, ...]) -> None:
        index = int(np.ravel_multi_index(coords, counts))
        found[coords] = await whole.is_sound(index)

    await bounded([each async for each in stored_coords(middle)], look)
    return found


def _block_of(edge: Edge, starts: npt.NDArray[np.int64], length: int) -> npt.NDArray[np.int64]:
    """The number of the block that each of some elements of a dimension is in."""
    if isinstance(edge, int):
        return starts // edge
    return np.searchsorted(_ends(edge, length), starts, "right")


# -- documents --------------------------------------------------------------------------------------


async def _check_unchanged(source: Data) -> None:
    """Fail if the metadata of a source are not what they were when it was opened."""
    if not isinstance(source, AsyncArray):
        await source.ready()
        return
    now = await find_metadata(source.store_path, source.metadata.zarr_format)
    if now is None:
        if source.is_known_stored:
            raise SourceChangedError(
                f"{source.store_path.shown_as()} was deleted while it was read: the target is not "
                "completed"
            )
        return
    if now.shape != source.shape or not same_chunks(now, source.metadata):
        raise SourceChangedError(
            f"{source.store_path.shown_as()} was changed while it was read: its shape was "
            f"{source.shape}, and is {now.shape}. The target is not completed; begin anew with "
            "resume=False."
        )


async def _place_groups(tree: list[_Node], place: StorePath, zarr_format: ZarrFormat) -> None:
    """Store the documents of the groups, and that of the root last."""
    for path, group in reversed([each for each in tree if isinstance(each.data, AsyncGroup)]):
        where = place / path if path else place
        metadata = GroupMetadata(
            attributes=dict(group.metadata.attributes), zarr_format=zarr_format
        )
        if await kind_at(where.store, where.path, zarr_format) is None:
            await place_node(where, metadata, parents=not path)
    root = tree[0].data
    if isinstance(root, AsyncGroup) and root.metadata.consolidated_metadata is not None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ZarrUserWarning)
            await consolidate(place, zarr_format)


def _identity(data: Data | AsyncGroup) -> JSON:
    """All that decides which elements an array or view has, and how they are stored."""
    if isinstance(data, AsyncArray):
        return [data.path, plain(data.metadata.to_dict())]
    if isinstance(data, AsyncGroup):
        return [data.path, plain(dict(data.metadata.attributes))]
    return hashlib.sha256(pickle.dumps(data.expression)).hexdigest()


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(plain(value), sort_keys=True).encode()).hexdigest()
