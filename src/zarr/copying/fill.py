"""Filling the copy of an array: stored values as they are where that will do, or coded anew."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zarr._async.run import bounded, run
from zarr.arrays.async_array import AsyncArray
from zarr.arrays.copy_data import copy_data
from zarr.arrays.edges import chunk_bounds
from zarr.arrays.spread import check_reach, spread
from zarr.arrays.stored import stored_coords
from zarr.metadata.convert import same_chunks
from zarr.storage.requests import Requests

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Executor

    Coords = tuple[int, ...]

_BATCH = 64
"""Stored values that one task of an executor copies."""


async def fill(
    source: Any,
    target: AsyncArray[Any],
    done: Callable[[int], None],
    *,
    resume: bool,
    executor: Executor | None,
) -> None:
    """Copy the elements of an array to another of the same shape.

    Parameters
    ----------
    source
        What is copied, as `copy_data` takes it.
    target
        The new array; or one that was begun, and has some of its chunks.
    done
        Called with the number of bytes, not compressed, of each part that is there.
    resume
        Whether the chunks that the target has stay as they are.
    executor
        Whose workers do it.
    """
    have = {coords async for coords in stored_coords(target)} if resume else set()
    itemsize = target.dtype.itemsize
    if isinstance(source, AsyncArray) and same_chunks(source.metadata, target.metadata):
        coords = [each async for each in stored_coords(source) if each not in have]
        await _pass_on(source, target, coords, done, executor)
    else:
        await copy_data(
            source,
            target,
            executor=executor,
            have=have,
            done=lambda count: done(count * itemsize),
        )


async def _pass_on(
    source: AsyncArray[Any],
    target: AsyncArray[Any],
    coords: list[Coords],
    done: Callable[[int], None],
    executor: Executor | None,
) -> None:
    if executor is not None:
        await check_reach(executor, target._chunk_path.store)
        parts = (coords[at : at + _BATCH] for at in range(0, len(coords), _BATCH))
        await spread(executor, _pass_some, ((source, target, part) for part in parts), done)
        return

    pass_value = _Passage(source, target)

    async def one(each: Coords) -> None:
        done(await pass_value(each))

    await bounded(coords, one, pass_value.width)


def _pass_some(source: AsyncArray[Any], target: AsyncArray[Any], coords: list[Coords]) -> int:
    async def work() -> int:
        pass_value = _Passage(source, target)
        return sum(await bounded(coords, pass_value, pass_value.width))

    return run(work(), waits=source._waits or target._waits)


class _Passage:
    """Passes stored values of one array on to another."""

    def __init__(self, source: AsyncArray[Any], target: AsyncArray[Any]) -> None:
        self._source, self._target = source, target
        self._from = Requests(source._chunk_path.store)
        self._to = Requests(target._chunk_path.store)
        self.width = min(self._from.width, self._to.width)

    async def __call__(self, coords: Coords) -> int:
        value = await self._from.get_checked(_key(self._source, coords))
        if value is None:  # deleted meanwhile: the fill value stands for it
            return 0
        await self._to.set(_key(self._target, coords), value)
        return _size(self._target, coords)


def _key(array: AsyncArray[Any], coords: Coords) -> str:
    path = array._chunk_path.path
    key = array.metadata.encode_chunk_key(coords)
    return f"{path}/{key}" if path else key


def _size(array: AsyncArray[Any], coords: Coords) -> int:
    """The bytes of a stored value's elements that lie in the array."""
    size = array.dtype.itemsize
    for length in _lengths(array, coords):
        size *= length
    return size


def _lengths(array: AsyncArray[Any], coords: Coords) -> Iterator[int]:
    for chunk, edge, length in zip(coords, array._stored_edges, array.shape, strict=True):
        start, stop = chunk_bounds(edge, chunk)
        yield min(stop, length) - start
