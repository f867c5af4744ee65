"""A run: the values of all arrays are written, and then the documents."""

from __future__ import annotations

import json
import shutil
import tempfile
import warnings
from contextlib import contextmanager
from dataclasses import replace
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from zarr._async.run import bounded
from zarr.arrays.async_array import AsyncArray
from zarr.arrays.copy import spread
from zarr.arrays.create import new_array
from zarr.arrays.stored_chunks import stored_coords
from zarr.buffer.cpu import buffer_prototype
from zarr.copying.nodes import pass_on
from zarr.errors import ZarrUserWarning
from zarr.groups.async_group import AsyncGroup
from zarr.groups.consolidated import consolidate
from zarr.hierarchy.documents import find_metadata, kind_at
from zarr.hierarchy.place import place_node
from zarr.metadata.chunk_grids import RectilinearChunkGridMetadata, regular_shape
from zarr.metadata.group import GroupMetadata
from zarr.metadata.layout import layout_of
from zarr.storage.client import Requests
from zarr.storage.local import LocalStore
from zarr.storage.memory import MemoryStore
from zarr.storage.path import StorePath
from zarr.storage.wrapper import layers
from zarr.tools.reshape.stored import complete, holding, may_skip, needed_of, sound_values
from zarr.tools.reshape.targets import digest
from zarr.tools.reshape.work import Bad, Work, check_unchanged, move, units_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Executor

    from zarr._async.progress import Meter
    from zarr.metadata.chunk_grids import Grid
    from zarr.tools.reshape.plan import Plan
    from zarr.tools.reshape.stored import Mask
    from zarr.tools.reshape.targets import Data, Job, Node
    from zarr.tools.reshape.unfinished import Unfinished
    from zarr.tools.reshape.work import Done, OnOverflow
    from zarr.types import AnyAsyncArray, ZarrFormat


_BATCH = 1 << 16
"""Keys whose places in a grid are in memory together."""


class Run:
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
        self.skip_bad = skip_bad
        self.on_overflow = on_overflow
        # Where the notes are that a later run reads, if this one is killed.
        self.notes = unfinished.working / "bad" if skip_bad and unfinished.is_kept else None
        self.bad: set[Bad] = set()
        # Whether anything was completed: if not, an error leaves nothing.
        self.begun = False

    async def all_bad(self) -> tuple[Bad, ...]:
        """The bad chunks that this run found, and those before it."""
        found = set(self.bad)
        if self.notes is None:
            return tuple(sorted(found))
        requests = Requests(self.notes.store)
        for key in sorted([key async for key in requests.list_prefix(f"{self.notes.path}/")]):
            value = await requests.get(key, buffer_prototype)
            if value is not None:
                found.update(Bad(*each) for each in json.loads(value.to_bytes()))
        return tuple(sorted(found))


@contextmanager
def temporary(jobs: list[Job], place: StorePath, run: Run) -> Iterator[StorePath | None]:
    """A directory for what is between two passes, if the target is no place for it."""
    *_, inner = layers(place.store)
    needed = any(job.plan is not None and job.plan.pieces is not None for job in jobs)
    if not needed or (run.unfinished.is_kept and not isinstance(inner, MemoryStore)):
        yield None
        return
    directory = tempfile.mkdtemp(prefix="zarr-rechunk-")
    try:
        yield StorePath(LocalStore(directory))
    finally:
        shutil.rmtree(directory, ignore_errors=True)


async def fill_target(job: Job, run: Run, between: StorePath, meter: Meter) -> None:
    """Write the elements of one array, and its document at last."""
    target = job.target
    if run.resumed and await find_metadata(target.store_path, target.metadata.zarr_format):
        meter.advance(job.work)
        return
    if job.plan is None:
        await _pass_on(job, run, meter)
    else:
        await _move(job, job.plan, run, between, meter)
    await check_unchanged(job.source)
    await run.unfinished.check_own()
    await place_node(target.store_path, target.metadata, parents=not job.path)


async def _pass_on(job: Job, run: Run, meter: Meter) -> None:
    source: Any = job.source
    target = job.target
    before = meter.done
    have = await sound_values(target) if run.resumed else None
    coords = [each async for each in stored_coords(source) if have is None or not have[each]]
    for at in range(0, len(coords), _BATCH):
        run.begun = True
        await pass_on(source, target, coords[at : at + _BATCH], meter.advance, run.executor)
        await run.unfinished.sign()
    meter.advance(before + job.work - meter.done)


async def _move(job: Job, plan: Plan, run: Run, between: StorePath, meter: Meter) -> None:
    source, target = job.source, job.target
    last = _work(job, plan, len(plan.passes) - 1, source, target, run)
    pending = np.ones(last.counts, bool)
    few: dict[int, list[tuple[int, ...]]] = {}
    if may_skip(job):
        held = await holding(source, last.blocks, last.counts)
        pending &= held.blocks
        few = held.few
    if run.resumed:
        pending &= ~await complete(last)
    if plan.pieces is None:
        await _run_pass(last, pending, few, plan, run, meter)
        return
    # Pieces of another plan, which an earlier run with other memory left, are others.
    name = digest([str(edge) for edge in plan.pieces])[:16]
    middle = _middle(source, plan.pieces, between / name)
    first = _work(job, plan, 0, source, middle, run)
    needed = await needed_of(first, last, plan.pieces, pending, resumed=run.resumed)
    few = (await holding(source, first.blocks, first.counts)).few if few else few
    await _run_pass(first, needed, few, plan, run, meter)
    await check_unchanged(source)
    last = replace(last, source=middle, units=plan.pieces, skip_bad=False, notes=None)
    await _run_pass(last, pending, {}, plan, run, meter)
    if middle.store.supports_deletes:
        await between.delete_dir()


def _work(job: Job, plan: Plan, number: int, source: Data, target: AnyAsyncArray, run: Run) -> Work:
    each = plan.passes[number]
    name = digest([job.path, number, [str(edge) for edge in each.blocks]])[:16]
    return Work(
        source,
        target,
        job.path,
        each.blocks,
        units_of(source),
        each.read_at_once,
        each.write_at_once,
        run.on_overflow,
        run.skip_bad,
        None if run.notes is None else run.notes / name,
        job.common,
    )


async def _run_pass(
    work: Work,
    pending: Mask,
    few: dict[int, list[tuple[int, ...]]],
    plan: Plan,
    run: Run,
    meter: Meter,
) -> None:
    before = meter.done
    indexes: list[int] = np.flatnonzero(pending).tolist()

    async def done(moved: Done) -> None:
        run.begun = True
        run.bad.update(moved.bad)
        meter.advance(moved.size)
        await run.unfinished.sign()

    if run.executor is not None:
        tasks = ((work, index, few.get(index)) for index in indexes)
        await spread(run.executor, move, tasks, done, most=plan.at_a_time)
    else:

        async def one(index: int) -> None:
            await done(await work.move(index, few.get(index)))

        await bounded(indexes, one, plan.at_a_time)
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


# -- documents ------------------------------------------------------------------------------------


async def place_groups(tree: list[Node], place: StorePath, zarr_format: ZarrFormat) -> None:
    """Store the documents of the groups, and that of the root last."""
    for path, group in reversed(tree):
        if not isinstance(group, AsyncGroup):
            continue
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
            await consolidate(await AsyncGroup.open(place, zarr_format))
