"""The stored part of a source that holds little, and of a target that was begun."""

from __future__ import annotations

from itertools import product
from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from zarr._async.run import bounded
from zarr.arrays.async_array import AsyncArray
from zarr.arrays.stored_chunks import stored_coords
from zarr.metadata.chunk_grids import chunk_count, chunk_of
from zarr.metadata.layout import layout_of
from zarr.tools.reshape.work import Work, cast_values

if TYPE_CHECKING:
    import numpy.typing as npt

    from zarr.metadata.chunk_grids import Edge, Grid
    from zarr.tools.reshape.targets import Job
    from zarr.types import AnyAsyncArray

    Mask = npt.NDArray[np.bool_]


_LISTED = 1 << 22
"""Chunks of a source of local files that are rather looked for one by one than listed."""
_FEW = 1000
"""Stored values of a block of which the places are sent to a worker, at most."""
_BATCH = 1 << 16
"""Keys whose places in a grid are in memory together."""


def may_skip(job: Job) -> bool:
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


class Holding(NamedTuple):
    """Which blocks hold something, and of those that hold little, where it is.

    Parameters
    ----------
    blocks
        For each block whether anything is stored in it.
    few
        By the number of a block the places in the grid of what is stored in it.
    """

    blocks: Mask
    few: dict[int, list[tuple[int, ...]]]


async def holding(source: Any, blocks: Grid, counts: tuple[int, ...]) -> Holding:
    """Find out in which blocks something is stored of a source."""
    grid = layout_of(source.metadata).grid
    stored = prod(map(chunk_count, grid, source.shape))
    if source.store.traits.native_handle is not None and stored <= _LISTED:
        # To look for what is not there takes less time than a list.
        return Holding(np.ones(counts, bool), {})
    found = np.zeros(counts, np.int64)
    few: dict[int, list[tuple[int, ...]]] = {}
    most = min(_FEW, stored // (2 * max(1, found.size)))  # a block that holds half is read whole
    async for batch in _batches(source):
        spans = _spans(batch, grid, blocks, source.shape)
        for at, coords in enumerate(batch.tolist()):
            ranges = (range(first[at], last[at] + 1) for first, last in spans)
            for block in product(*ranges):
                found[block] += 1
                number = int(np.ravel_multi_index(block, counts)) if block else 0
                if found[block] <= most:
                    few.setdefault(number, []).append(tuple(coords))
                else:
                    few.pop(number, None)
    return Holding(found > 0, few)


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


def _starts(edge: Edge, count: int, length: int) -> npt.NDArray[np.int64]:
    """Where the chunks of a dimension begin."""
    if isinstance(edge, int):
        return np.arange(count, dtype=np.int64) * edge
    return np.concatenate((np.zeros(1, np.int64), _ends(edge, length)))[:count]


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


async def complete(work: Work) -> Mask:
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


async def needed_of(first: Work, last: Work, pieces: Grid, pending: Mask, *, resumed: bool) -> Mask:
    """Which blocks of the first pass have pieces that the second needs, and that are not there."""
    shape = first.target.shape
    counts = tuple(map(chunk_count, pieces, shape))
    missing: Mask = np.ones(counts, bool)
    if resumed:
        missing &= ~await sound_values(first.target)
    homes = []
    needing = []
    for axis, (piece, length) in enumerate(zip(pieces, shape, strict=True)):
        starts = _starts(piece, counts[axis], length)
        homes.append(_block_of(first.blocks[axis], starts, length))
        needing.append(_block_of(last.blocks[axis], starts, length))
    missing &= pending[np.ix_(*needing)]
    found: Mask = np.zeros(first.counts, bool)
    np.logical_or.at(found, np.ix_(*homes), missing)
    return found


async def sound_values(array: AnyAsyncArray) -> Mask:
    """Find out which stored values of an array are there and can be decoded."""
    grid = layout_of(array.metadata).grid
    counts = tuple(map(chunk_count, grid, array.shape))
    found: Mask = np.zeros(counts, bool)
    whole = Work(array, array, "", grid, grid, 0, 0)

    async def look(coords: tuple[int, ...]) -> None:
        index = int(np.ravel_multi_index(coords, counts)) if coords else 0
        found[coords] = await whole.is_sound(index)

    await bounded([each async for each in stored_coords(array)], look)
    return found


def _block_of(edge: Edge, starts: npt.NDArray[np.int64], length: int) -> npt.NDArray[np.int64]:
    """The number of the block that each of some elements of a dimension is in."""
    if isinstance(edge, int):
        return starts // edge
    return np.searchsorted(_ends(edge, length), starts, "right")
