"""The jobs of a run: arrays, with the blocks by which they are reshaped."""

from __future__ import annotations

import time
from dataclasses import replace
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from zarr import _core
from zarr._async.run import concurrency
from zarr.arrays.async_array import AsyncArray
from zarr.arrays.copy import check_reach, rehearse, workers_of
from zarr.errors import ChunkDecodeError
from zarr.metadata.layout import layout_of
from zarr.storage.memory import MemoryStore
from zarr.storage.wrapper import layers
from zarr.tools.reshape.plan import Ends, MemoryTooSmallError, plan_blocks
from zarr.tools.reshape.work import cast_values, read_into, units_of

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from zarr.tools.reshape.encoded import Common
    from zarr.tools.reshape.plan import Plan
    from zarr.tools.reshape.targets import Data, Job


_SAMPLE = 4 << 20
"""Bytes of elements that tell how long coding takes, and how large objects are."""


def tasks_of(executor: Executor | None, jobs: list[Job]) -> int:
    """How many tasks may be under way at a time."""
    if executor is not None:
        return workers_of(executor) or _core.threads()
    # The engine uses all cores for one block; where one waits, another is read meanwhile.
    waits = any(job.source.needs_event_loop or job.target.needs_event_loop for job in jobs)
    return 2 if waits else 1


async def planned(
    job: Job, memory: int, tasks: int, executor: Executor | None, *, skip_bad: bool
) -> Job:
    if job.common is not None and job.common.are_values and not skip_bad:
        return job
    source, target = job.source, job.target
    objects = source.dtype.kind in "OT"
    itemsize = await _object_size(source) if objects else source.dtype.itemsize
    if job.common is not None and not skip_bad:
        plan = _plan_for_chunks(job, job.common, itemsize, memory, tasks, executor)
        if plan is not None:
            return replace(job, plan=plan)
    job = replace(job, common=None)
    is_cast = source.dtype != target.dtype
    stored, inner = layout_of(target.metadata).grid, units_of(target)
    read = Ends(units_of(source), max(1, itemsize), 4 if objects else 2, _together())
    written = Ends(
        stored,
        max(1, itemsize if target.dtype.kind in "OT" else target.dtype.itemsize),
        4 if objects else 2 if stored == inner else 3,
        _together(),
        is_cast,
    )
    plan = plan_blocks(
        source.shape,
        read,
        written,
        memory,
        tasks=tasks,
        side_by_side=executor is not None,
        pieces_together=_together(),
    )
    return replace(job, plan=plan)


def _plan_for_chunks(
    job: Job, common: Common, itemsize: int, memory: int, tasks: int, executor: Executor | None
) -> Plan | None:
    """The blocks by which chunks are passed on as they are stored; None if memory is too small."""
    itemsize = common.itemsize(max(1, itemsize))
    read = Ends(common.unit, itemsize, 2, _together())
    written = Ends(layout_of(job.target.metadata).grid, itemsize, 2, _together())
    side_by_side = executor is not None
    try:
        plan = plan_blocks(
            job.source.shape, read, written, memory, tasks=tasks, side_by_side=side_by_side
        )
    except MemoryTooSmallError:
        return None
    return plan if plan.pieces is None else None


def _together() -> int:
    """How many chunks one operation may have in memory at a time.

    Where files have to be waited for, more threads than there are CPUs take part.
    """
    return max(_core.threads(), concurrency())


async def _sample(source: Data) -> tuple[Any, Any]:
    """A few whole chunks of a source: where they are, and their elements."""
    region: list[slice] = []
    room = _SAMPLE // max(1, source.dtype.itemsize)
    for edge, length in reversed(list(zip(units_of(source), source.shape, strict=True))):
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


async def seconds_of(job: Job) -> float | None:
    """About how long a job takes, by what a few of its chunks take."""
    if job.plan is None or job.common is not None or not prod(job.source.shape):
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


async def check_workers(executor: Executor, job: Job) -> None:
    await check_reach(executor, job.target.store)
    data = job.source
    arrays = (
        [data] if isinstance(data, AsyncArray) else [leaf.array for leaf in data.expression.leaves]
    )
    for array in arrays:
        *_, inner = layers(array.store)
        if isinstance(inner, MemoryStore):
            await check_reach(executor, array.store)
