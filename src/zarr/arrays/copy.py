"""Filling a new array with the elements of another array, or of anything like one."""

from __future__ import annotations

from collections.abc import MutableMapping
from itertools import product
from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from zarr._async.run import bounded, offload, run, stepping
from zarr.abc._traits import data_id_of
from zarr.arrays.async_array import AsyncArray
from zarr.arrays.read import read
from zarr.arrays.write import checked, write
from zarr.indexing import basic
from zarr.metadata.chunk_grids import chunk_bounds, chunk_count
from zarr.metadata.layout import layout_of
from zarr.storage.memory import MemoryStore
from zarr.storage.path import StorePath, address, addresses, is_within

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator
    from concurrent.futures import Executor, Future

    from zarr.abc.store import Store
    from zarr.metadata.chunk_grids import Edge
    from zarr.types import AnyAsyncArray

IN_FLIGHT = 64
"""Tasks that wait for a worker or have one: enough for many machines, few to keep in memory."""


async def spread(
    executor: Executor,
    fn: Callable[..., Any],
    tasks: Iterable[tuple[object, ...]],
    done: Callable[[Any], Awaitable[None] | None] = lambda result: None,
    *,
    load: Callable[..., tuple[Any, ...]] | None = None,
    most: int = IN_FLIGHT,
) -> None:
    """Call a function for every task, in the workers of an executor.

    The first error ends it: tasks that have not begun are cancelled, the others are waited for,
    so that nobody writes any more once this has returned.

    Parameters
    ----------
    executor
        Any executor: of threads, of processes, of many machines; or a client of dask.distributed.
    fn
        A function that can be pickled.
    tasks
        The arguments of each call.
    done
        Called here with each result; it is awaited if there is something to await.
    load
        Makes of a task what is sent to the worker, in a thread, when it is its turn; a task is sent
        as it is by default.
    most
        How many tasks are with the workers, or wait for them, at a time.
    """
    executor = as_executor(executor)
    pending: set[Future[object]] = set()
    try:
        for task in tasks:
            if load is not None:
                task = await offload(load, *task)
            pending.add(executor.submit(fn, *task))
            if len(pending) >= most:
                pending = await _collect_some(pending, done)
        while pending:
            pending = await _collect_some(pending, done)
    except BaseException:
        for future in pending:
            future.cancel()
        await _wait(pending, "ALL_COMPLETED")
        raise


async def _collect_some(
    pending: set[Future[object]], done: Callable[[Any], Awaitable[None] | None]
) -> set[Future[object]]:
    """Take the results that are there, once one is; the futures that are left."""
    await _wait(pending, "FIRST_COMPLETED")
    ended = {future for future in pending if future.done()}
    for future in ended:
        waiting = done(future.result())
        if waiting is not None:
            await waiting
    return pending - ended


async def _wait(pending: set[Future[object]], until: str) -> None:
    # Both modules are imported late: few use executors.
    if stepping():
        import concurrent.futures

        concurrent.futures.wait(pending, return_when=until)
    elif pending:
        import asyncio

        await asyncio.wait(map(asyncio.wrap_future, pending), return_when=until)


def as_executor(executor: Any) -> Executor:
    """Return an executor, which a client of dask.distributed gives."""
    get_executor = getattr(executor, "get_executor", None)
    found: Executor = executor if get_executor is None else get_executor()
    return found


def workers_of(executor: Any) -> int | None:
    """How many tasks an executor works on at a time, as far as it tells."""
    count = getattr(executor, "_max_workers", None)
    if count is None and hasattr(executor, "nthreads"):  # a client of dask.distributed
        count = sum(executor.nthreads().values())
    return count if isinstance(count, int) and count > 0 else None


async def check_reach(executor: Executor, store: Store) -> None:
    """Fail if the workers of an executor would write to another place than a store's.

    Raises
    ------
    ValueError
        If what they get when the store is sent to them is a copy, as of a dict in this process.
    """
    places: list[str] = []
    await spread(executor, data_id_of, [(store,)], places.append)
    if places != [data_id_of(store)]:
        raise ValueError(
            f"The workers of {executor!r} cannot write to {store.shown_as()}: in another process "
            "it is a copy. Use a store of files or a service, or an executor of threads; a store "
            "of your own tells by its `data_id` that its copies show the same data."
        )


Region = tuple[slice, ...]


class Begun(NamedTuple):
    """An array-like of which the first block was read."""

    source: object
    region: Region
    block: object


class _Nowhere(MutableMapping[str, Any]):
    """Where nothing is, whatever is written."""

    def __getitem__(self, key: str) -> Any:
        raise KeyError(key)

    def __setitem__(self, key: str, value: object) -> None:
        pass

    def __delitem__(self, key: str) -> None:
        pass

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


# A block of this many bytes gives all cores work, and a few of them fit into any memory.
BLOCK_BYTES = 32 << 20
# Codecs of the engine that take all elements of the types that they are for.
_TAKE_ALL = frozenset(("blosc", "bytes", "crc32c", "delta", "gzip", "transpose", "zlib", "zstd"))
# How many blocks are under way where the store has to be waited for.
_BLOCKS = 4
# How many bytes of elements are on their way to the workers of an executor, about.
_SENT_BYTES = 256 << 20


def array_like(data: object) -> Any:
    """`data`, if parts of it can be taken by selections; a NumPy array of it otherwise.

    That is so for zarr arrays, and for those of other packages that lie in files or are computed
    when they are asked for.
    """
    async_array = getattr(data, "async_array", data)
    if isinstance(async_array, AsyncArray):
        return async_array
    sliceable = all(hasattr(data, name) for name in ("shape", "dtype", "__getitem__"))
    # Scalars of NumPy, and tables of pandas, whose brackets mean other things.
    if sliceable and not isinstance(data, np.generic) and not hasattr(data, "iloc"):
        return data
    return np.asarray(data)


async def begin(
    data: Any,
    target: AnyAsyncArray,
    doomed: Iterable[StorePath] = (),
    *,
    executor: Executor | None = None,
    read: bool = True,
) -> object:
    """Find out whether data can be copied to an array, before anything is changed for it.

    Parameters
    ----------
    data
        An array or array-like, or what `write` takes.
    target
        The array, which need not be there yet.
    doomed
        The places at which all is deleted before the data are copied.
    executor
        Whose workers copy them.
    read
        Whether the first block of what lies elsewhere is read, and kept in memory.

    Returns
    -------
    object
        The data to give to `copy_data`.

    Raises
    ------
    ValueError, TypeError, …
        If the data lie in what is to be deleted; if they cannot be read, as far as that is known
        from their first block; or if they cannot be cast, or the codecs refuse them.
    """
    source = getattr(data, "async_array", data)
    doomed = tuple(doomed)
    for place in doomed:
        if any(is_within(each, address(place)) for each in addresses(source)):
            raise ValueError(
                f"{place} cannot be overwritten by a copy of itself, or of what lies in it: "
                f"{source.store_path} would be deleted before it is copied"
            )
    if executor is not None:
        await check_reach(executor, target.chunk_store_path.store)
        return source
    if not isinstance(source, np.ndarray) and getattr(source, "shape", None) == target.shape:
        source = array_like(source)
    elif isinstance(source, AsyncArray):  # to be broadcast
        source = await _block(source, ...)
    if _is_read_in_blocks(source) and source.shape == target.shape:
        region = next(_blocks(target), None) if read else None
        if region is None:
            return source
        block = checked(target, region, await _block(source, region))
        await rehearse(target, region, block)
        return Begun(source, region, block)
    value = checked(target, ..., source)
    # A new array that is refused leaves a trace that is easily deleted. Nodes that are deleted for
    # it cannot be got back.
    first = None if doomed else next(_blocks(target, most=1), None)
    if first is None or value.shape != target.shape:
        await rehearse(target, ..., value)
    else:
        await rehearse(target, first, value[first])
    return value


def _is_read_in_blocks(source: object) -> bool:
    if isinstance(source, AsyncArray):
        return True
    return not isinstance(source, np.ndarray) and array_like(source) is source


async def rehearse(
    target: AnyAsyncArray, region: object, value: object, *, always: bool = False
) -> None:
    """Encode elements, and store them nowhere, if there may be any that the codecs refuse.

    `always` encodes them in any case: to see how long that takes.
    """
    if not always and _take_all(layout_of(target.metadata).chain):
        return
    place = StorePath(MemoryStore(_Nowhere()))
    await write(AsyncArray(target.metadata, place, target.config), basic, region, value)


def _take_all(chain: Iterable[Any]) -> bool:
    for name, parameters in chain:
        if name == "sharding_indexed":
            if not _take_all(parameters[1]):
                return False
        elif name not in _TAKE_ALL:
            return False
    return True


async def copy_data(
    source: object,
    target: AnyAsyncArray,
    *,
    executor: Executor | None = None,
    have: Collection[tuple[int, ...]] = (),
    done: Callable[[int], None] = lambda count: None,
) -> None:
    """Write all elements of an array-like to an array of the same shape, in aligned blocks.

    Parameters
    ----------
    source
        The data that `array_like` or `begin` returned.
    target
        Where the elements go.
    executor
        Whose workers do it; by default it is done here.
    have
        The places in the grid of what the target has already.
    done
        Called with the number of elements of each block, when it is there.
    """
    first, ahead = None, None
    if isinstance(source, Begun):
        source, first, ahead = source
    if isinstance(source, np.ndarray) and executor is None and not have:
        await write(target, basic, ..., source)
        done(target.size)
        return
    blocks = _blocks(target, have=frozenset(have))
    if executor is not None:
        await check_reach(executor, target.chunk_store_path.store)
        await _copy_elsewhere(executor, source, target, blocks, done)
        return

    async def copy(region: Region) -> None:
        nonlocal ahead
        if region == first:
            block, ahead = ahead, None  # so that it does not stay in memory
        else:
            block = await _block(source, region)
        await write(target, basic, region, block)
        done(count_of(region))

    await bounded(blocks, copy, _BLOCKS)


async def _block(source: object, region: object) -> object:
    if isinstance(source, AsyncArray):
        return await read(source, basic, region)
    return await offload(_part, source, region)


async def _copy_elsewhere(
    executor: Executor,
    source: object,
    target: AnyAsyncArray,
    blocks: Iterable[Region],
    done: Callable[[int], None],
) -> None:
    """Zarr arrays are read by the workers; of others, which may not be sent, their elements are."""
    if isinstance(source, AsyncArray):
        tasks: Any = ((source, target, region) for region in blocks)
        await spread(executor, _read_and_write, tasks, done)
    else:
        tasks = ((source, target, region) for region in blocks)
        most = max(2, min(IN_FLIGHT, _SENT_BYTES // max(1, min(BLOCK_BYTES, target.nbytes))))
        await spread(executor, _write, tasks, done, load=_loaded, most=most)


def _read_and_write(source: AnyAsyncArray, target: AnyAsyncArray, region: Region) -> int:
    async def copy() -> None:
        await write(target, basic, region, await _block(source, region))

    run(copy(), waits=source.needs_event_loop or target.needs_event_loop)
    return count_of(region)


def _write(block: object, target: AnyAsyncArray, region: Region) -> int:
    run(write(target, basic, region, block), waits=target.needs_event_loop)
    return count_of(region)


def count_of(region: Region) -> int:
    """Return how many elements a region has."""
    return prod(part.stop - part.start for part in region)


def _loaded(
    source: object, target: AnyAsyncArray, region: Region
) -> tuple[object, AnyAsyncArray, Region]:
    return _part(source, region), target, region


def _part(source: Any, region: Region) -> object:
    return np.asarray(source[region])


def _blocks(
    target: AnyAsyncArray,
    most: int | None = None,
    have: frozenset[tuple[int, ...]] = frozenset(),
) -> Iterator[Region]:
    """Regions that cover an array, each made of whole shards or chunks, not all of them there."""
    edges, shape = layout_of(target.metadata).grid, target.shape
    counts = tuple(map(chunk_count, edges, shape))
    most = BLOCK_BYTES if most is None else most
    strides = block_shape(edges, counts, target.dtype.itemsize, most)
    for first in product(*map(range, (0,) * len(counts), counts, strides)):
        if have and have.issuperset(_places(first, strides, counts)):
            continue
        yield region_of(edges, shape, first, strides)


def _places(
    first: tuple[int, ...], strides: tuple[int, ...], counts: tuple[int, ...]
) -> Iterator[tuple[int, ...]]:
    """The places in the grid of what is in a block."""
    ends = map(min, map(int.__add__, first, strides), counts)
    return product(*map(range, first, ends))


def block_shape(
    edges: tuple[Edge, ...], counts: tuple[int, ...], itemsize: int, most: int
) -> tuple[int, ...]:
    """Return how many chunks of each dimension fit into a block, the last dimensions first."""
    size = itemsize * prod(edge if isinstance(edge, int) else max(edge) for edge in edges)
    strides = [1] * len(edges)
    for axis in reversed(range(len(edges))):
        strides[axis] = max(1, min(counts[axis], most // max(size, 1)))
        size *= strides[axis]
        if strides[axis] < counts[axis]:
            break
    return tuple(strides)


def region_of(
    edges: tuple[Edge, ...],
    shape: tuple[int, ...],
    first: tuple[int, ...],
    strides: tuple[int, ...],
) -> Region:
    """Return the part of an array in a block of chunks: `strides` of them from `first` on."""
    region = []
    for chunk, stride, edge, length in zip(first, strides, edges, shape, strict=True):
        start, _ = chunk_bounds(edge, chunk)
        last = min(chunk + stride, chunk_count(edge, length)) - 1
        region.append(slice(start, min(chunk_bounds(edge, last)[1], length)))
    return tuple(region)
