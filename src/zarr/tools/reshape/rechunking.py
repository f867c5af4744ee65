"""Arrays and trees in another shape: other chunks, shards, codecs, data types, another format.

First it is decided how each array is stored, and by which blocks; all that can be refused is. Then
the values are written, and the documents of the nodes last: see `zarr.tools.reshape.unfinished`.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any, TypedDict

from zarr._async.progress import metered
from zarr.arrays.copy import check_reach
from zarr.arrays.parameters import DEFAULT_FILL_VALUE
from zarr.hierarchy.place import check_writable, missing_parents
from zarr.metadata.chunk_grids import chunk_count, regular_shape
from zarr.metadata.layout import layout_of
from zarr.setting_values import parse_size
from zarr.storage.path import make_store_path
from zarr.tools.reshape.jobs import check_workers, planned, seconds_of, tasks_of
from zarr.tools.reshape.run import Run, fill_target, place_groups, temporary
from zarr.tools.reshape.targets import (
    Wanted,
    check_apart,
    data_of,
    digest,
    format_of,
    identity,
    jobs_of,
    options_for,
    shown_as,
    target_place,
    tree_of,
)
from zarr.tools.reshape.unfinished import Unfinished
from zarr.tools.reshape.work import Bad, check_on_overflow, units_of
from zarr.tools.result import Result, plain
from zarr.tools.text import bytes_of, printable

if TYPE_CHECKING:
    from collections.abc import Mapping
    from concurrent.futures import Executor
    from typing import Unpack

    from zarr._async.progress import Progress
    from zarr.dtype import ZDTypeLike
    from zarr.metadata.chunk_grids import Grid
    from zarr.storage.path import StoreLike
    from zarr.tools.nodes import Source
    from zarr.tools.reshape.targets import Job
    from zarr.tools.reshape.work import OnOverflow
    from zarr.types import JSON, StorageOptions, ZarrFormat
    from zarr.views import AsyncView, View


__all__ = ["Reshaped", "ReshapedArray", "cast", "rechunk", "recode", "reshard"]


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
    """How one array is stored anew.

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
        ``"values"`` if stored values are passed on as they are; ``"chunks"`` if chunks are, into
        shards or out of them; else ``"one pass"`` or ``"two passes"``.
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
    """A tree that was stored anew, or will be.

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
        How each array is stored anew.
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
            between = f", between passes {bytes_of(each.between)}" if each.between else ""
            lines.append(
                f"    reads {bytes_of(each.read)}{between}, "
                f"writes {bytes_of(each.written)}, in about {each.requests:,} requests and "
                f"at most {bytes_of(each.memory)} of memory"
            )
        if self.seconds is not None:
            lines.append(f"  about {self.seconds:,.1f} s")
        if self.resumed:
            lines.append("  an earlier run was continued")
        lines += [f"  bad: /{bad.path} {bad.region}: {bad.reason}" for bad in self.bad]
        return "\n".join(map(printable, "\n".join(lines).split("\n")))


_WAYS = {
    "values": "stored values as they are",
    "chunks": "encoded chunks as they are",
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
    the source cannot do that, there are two, and the elements are stored in between. Where chunks
    and codecs agree, nothing is decoded: stored values are passed on as they are, and so are chunks
    into shards, out of them, and from shards to others. Where the source has no chunk, and its fill
    value is kept, the target has none.

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
        How numbers are cast that `dtype` cannot hold: as an error, the nearest number (infinity,
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
        Whether to go on where an earlier run with the same parameters was killed. Blocks that
        it wrote are read again, and believed if they can be decoded. With False, it is deleted.
    plan_only : bool, default: False
        Whether to return the plan, with an estimate of the time, and change nothing.
    storage_options : dict, optional
        Settings for the stores that URLs name.

    Returns
    -------
    Reshaped
        A report, or a plan.

    Raises
    ------
    zarr.tools.reshape.plan.MemoryTooSmallError
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
    wanted = Wanted(chunks, shards, codecs, dtype, fill_value, attributes)
    check_on_overflow(on_overflow)
    memory = parse_size(max_memory, "max_memory")
    data = await data_of(source, path, storage_options)
    place = await target_place(target, target_path, storage_options, makes=not plan_only)
    if not plan_only:
        check_writable(place)
    check_apart(data, place)
    chosen = zarr_format or format_of(data)
    tree = await tree_of(data)
    jobs = jobs_of(tree, place, wanted, rules or {}, chosen, on_overflow)
    tasks = tasks_of(executor, jobs)
    jobs = [await planned(job, memory, tasks, executor, skip_bad=skip_bad) for job in jobs]
    shown = (shown_as(data), place.shown_as())
    if plan_only:
        arrays = tuple([_result(job, await seconds_of(job)) for job in jobs])
        return Reshaped(*shown, is_done=False, resumed=False, arrays=arrays)
    parameters: dict[str, JSON] = {
        "source": shown[0],
        **wanted.shown(),
        "rules": plain(rules or {}),
        "zarr_format": chosen,
        "on_overflow": on_overflow,
        "the documents of the source": digest([identity(each.data) for each in tree]),
        "the documents of the target": digest([identity(job.target) for job in jobs]),
    }
    await missing_parents(place, chosen)
    if executor is not None:
        for job in jobs:
            await check_workers(executor, job)
    unfinished = Unfinished(place, parameters)
    resumed = await unfinished.claim(resume=resume)
    run = Run(unfinished, executor, resumed, skip_bad, on_overflow)
    with temporary(jobs, place, run) as directory:
        try:
            between = directory or unfinished.working
            if temp is not None:
                options = options_for(temp, storage_options)
                between = await make_store_path(temp, storage_options=options)
                between = between / f"zarr.unfinished-{digest(parameters)[:16]}"
                if executor is not None:
                    await check_reach(executor, between.store)
            with metered("rechunk", sum(job.work for job in jobs), progress=progress) as meter:
                for index, job in enumerate(jobs):
                    await fill_target(job, run, between / f"values/{index}", meter)
            await place_groups(tree, place, chosen)
            if temp is not None and between.store.supports_deletes:
                await between.delete_dir()
            bad = await run.all_bad()
            await unfinished.finish()
        except BaseException as error:
            await unfinished.leave(begun=run.begun or resumed or not isinstance(error, Exception))
            raise
    arrays = tuple([_result(job) for job in jobs])
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
        A report, or a plan.

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
        A report, or a plan.

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
        How numbers are cast that it cannot hold.
    **options
        As for :func:`recode`.

    Returns
    -------
    Reshaped
        A report, or a plan.

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


def _result(job: Job, seconds: float | None = None) -> ReshapedArray:
    """A job as it is shown."""
    target, plan = job.target, job.plan
    layout = layout_of(target.metadata)
    inner, stored = units_of(target), layout.grid
    tasks = units = prod(map(chunk_count, stored, target.shape))
    read = between = 0
    if plan is None:
        units *= 2
        read = target.nbytes
        tasks = 1
    else:
        tasks = sum(each.count(target.shape) for each in plan.passes)
        units = sum(each.units_read + each.units_written for each in plan.passes)
        read = plan.passes[0].read if job.common is None else target.nbytes
        between = plan.passes[0].written if plan.pieces is not None else 0
    return ReshapedArray(
        path=job.path,
        shape=target.shape,
        dtype=str(layout.zdtype.to_native_dtype()),
        chunks=_shown_grid(inner),
        shards="" if inner == stored else _shown_grid(stored),
        way=_way(job),
        tasks=tasks,
        read=read,
        between=between,
        written=target.nbytes,
        requests=units,
        memory=0 if plan is None else plan.memory,
        at_a_time=1 if plan is None else plan.at_a_time,
        seconds=seconds,
    )


def _way(job: Job) -> str:
    if job.plan is None:
        return "values"
    if job.common is not None:
        return "chunks"
    return "one pass" if len(job.plan.passes) == 1 else "two passes"


def _shown_grid(grid: Grid) -> str:
    found = regular_shape(grid)
    return str(found) if found is not None else "of several sizes"
