"""Filling a new array with the elements of another array, or of anything like one."""

from __future__ import annotations

from itertools import product
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from zarr.arrays.async_array import AsyncArray
from zarr.arrays.edges import chunk_bounds, chunk_count
from zarr.arrays.read import read
from zarr.arrays.spread import IN_FLIGHT, check_reach, spread
from zarr.arrays.write import write
from zarr.runner import bounded, offload, run
from zarr.selection import basic

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator
    from concurrent.futures import Executor

    from zarr.arrays.edges import Edge

Region = tuple[slice, ...]

# A block of this many bytes gives all cores work, and a few of them fit into any memory.
_BLOCK_BYTES = 32 << 20
# How many blocks are under way where the store has to be waited for.
_BLOCKS = 4
# How many bytes of elements are on their way to the workers of an executor, about.
_SENT_BYTES = 256 << 20


def array_like(data: Any) -> Any:
    """`data`, if parts of it can be taken by selections; a NumPy array of it otherwise.

    That is so for zarr arrays, and for those of other packages that lie in files or are computed
    when they are asked for.
    """
    async_array = getattr(data, "_async_array", data)
    if isinstance(async_array, AsyncArray):
        return async_array
    sliceable = all(hasattr(data, name) for name in ("shape", "dtype", "__getitem__"))
    # Scalars of NumPy, and tables of pandas, whose brackets mean other things.
    if sliceable and not isinstance(data, np.generic) and not hasattr(data, "iloc"):
        return data
    return np.asarray(data)


async def copy_data(
    source: Any,
    target: AsyncArray[Any],
    *,
    executor: Executor | None = None,
    have: Collection[tuple[int, ...]] = (),
    done: Callable[[int], None] = lambda count: None,
) -> None:
    """Write all elements of an array-like to an array of the same shape, in aligned blocks.

    Parameters
    ----------
    source
        What `array_like` returned.
    target
        Where the elements go.
    executor
        Whose workers do it; by default it is done here.
    have
        The places in the grid of what the target has already.
    done
        Called with the number of elements of each block, when it is there.
    """
    if isinstance(source, np.ndarray) and executor is None and not have:
        await write(target, basic, ..., source)
        done(target.size)
        return
    blocks = _blocks(target, frozenset(have))
    if executor is not None:
        await check_reach(executor, target._chunk_path.store)
        await _copy_elsewhere(executor, source, target, blocks, done)
        return

    async def copy(region: Region) -> None:
        await _copy_region(source, target, region)
        done(_count(region))

    await bounded(blocks, copy, _BLOCKS)


async def _copy_region(source: Any, target: AsyncArray[Any], region: Region) -> None:
    if isinstance(source, AsyncArray):
        block: Any = await read(source, basic, region)
    else:
        block = await offload(_part, source, region)
    await write(target, basic, region, block)


async def _copy_elsewhere(
    executor: Executor,
    source: Any,
    target: AsyncArray[Any],
    blocks: Iterable[Region],
    done: Callable[[int], None],
) -> None:
    """Zarr arrays are read by the workers; of others, which may not be sent, their elements are."""
    if isinstance(source, AsyncArray):
        tasks: Any = ((source, target, region) for region in blocks)
        await spread(executor, _read_and_write, tasks, done)
    else:
        tasks = ((source, target, region) for region in blocks)
        most = max(2, min(IN_FLIGHT, _SENT_BYTES // max(1, min(_BLOCK_BYTES, target.nbytes))))
        await spread(executor, _write, tasks, done, load=_loaded, most=most)


def _read_and_write(source: AsyncArray[Any], target: AsyncArray[Any], region: Region) -> int:
    run(_copy_region(source, target, region), waits=source._waits or target._waits)
    return _count(region)


def _write(block: Any, target: AsyncArray[Any], region: Region) -> int:
    run(write(target, basic, region, block), waits=target._waits)
    return _count(region)


def _count(region: Region) -> int:
    return prod(part.stop - part.start for part in region)


def _loaded(
    source: Any, target: AsyncArray[Any], region: Region
) -> tuple[Any, AsyncArray[Any], Region]:
    return _part(source, region), target, region


def _part(source: Any, region: Region) -> Any:
    return np.asarray(source[region])


def _blocks(
    target: AsyncArray[Any], have: frozenset[tuple[int, ...]] = frozenset()
) -> Iterator[Region]:
    """Regions that cover an array, each made of whole shards or chunks, not all of them there."""
    edges, shape = target._stored_edges, target.shape
    counts = tuple(map(chunk_count, edges, shape))
    strides = _block_shape(edges, counts, target.dtype.itemsize)
    for first in product(*map(range, (0,) * len(counts), counts, strides)):
        if have and have.issuperset(_places(first, strides, counts)):
            continue
        region = []
        for chunk, stride, count, edge, length in zip(
            first, strides, counts, edges, shape, strict=True
        ):
            start, _ = chunk_bounds(edge, chunk)
            _, stop = chunk_bounds(edge, min(chunk + stride, count) - 1)
            region.append(slice(start, min(stop, length)))
        yield tuple(region)


def _places(
    first: tuple[int, ...], strides: tuple[int, ...], counts: tuple[int, ...]
) -> Iterator[tuple[int, ...]]:
    """The places in the grid of what is in a block."""
    ends = map(min, map(int.__add__, first, strides), counts)
    return product(*map(range, first, ends))


def _block_shape(
    edges: tuple[Edge, ...], counts: tuple[int, ...], itemsize: int
) -> tuple[int, ...]:
    """How many chunks of each axis go into a block: as many as fit, the last axes first."""
    size = itemsize * prod(edge if isinstance(edge, int) else max(edge) for edge in edges)
    strides = [1] * len(edges)
    for axis in reversed(range(len(edges))):
        strides[axis] = max(1, min(counts[axis], _BLOCK_BYTES // max(size, 1)))
        size *= strides[axis]
        if strides[axis] < counts[axis]:
            break
    return tuple(strides)
