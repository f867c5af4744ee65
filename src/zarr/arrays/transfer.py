"""Chunks between the engine and a store that only Python can ask.

The engine says what it wants, the store is asked, and the engine is fed. Several chunks are under
way at a time, so that fetching one overlaps with decoding another.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from zarr.background import get_executor
from zarr.buffer.cpu import Buffer as CpuBuffer
from zarr.buffer.cpu import buffer_prototype
from zarr.codecs.one_chunk import byte_request
from zarr.config import config
from zarr.runner import bounded, offload, stepping

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future
    from contextlib import AbstractAsyncContextManager

    from zarr import _core
    from zarr.abc.store import ByteRequest, Store
    from zarr.buffer.core import Buffer

    Guard: TypeAlias = Callable[[str], AbstractAsyncContextManager[None]]

Answer: TypeAlias = "list[Any]"

SMALL = 256 << 10
"""Bytes that are coded faster than a worker thread would begin to."""


async def read_all(store: Store, plan: _core.ReadPlan) -> None:
    """Fetch what a plan wants, and feed it.

    Parameters
    ----------
    store
        Where the chunks are.
    plan
        What is wanted; it fills the array that it was made with.
    """
    if stepping():
        await _read_stepping(store, plan)
        return
    limit = config.get("async.concurrency", 10)
    fetch = _Fetch(store, limit)

    async def worker(_: int) -> None:
        while (want := plan.next()) is not None:
            while want is not None:
                want = await _feed(want, await fetch(want))

    await bounded(range(limit), worker, limit)


async def _feed(want: _core.ReadWant, answer: Answer) -> _core.ReadWant | None:
    if want.size_hint <= SMALL:
        return want.feed(answer)
    return await offload(want.feed, answer)


class _Fetch:
    """Asks a store for what is wanted, with a limit of requests at a time."""

    def __init__(self, store: Store, limit: int) -> None:
        self._store = store
        self._limit = limit
        self._turns: Any = None

    async def __call__(self, want: _core.ReadWant) -> Answer:
        ranges = want.ranges
        if ranges is None:
            return [await self._get(want.key, None)]
        if len(ranges) == 1:
            return [await self._get(want.key, byte_request(*ranges[0]))]
        requests = [byte_request(*item) for item in ranges]
        return await bounded(requests, lambda item: self._get(want.key, item), self._limit)

    async def _get(self, key: str, request: ByteRequest | None) -> Any:
        if self._turns is None:
            import asyncio

            self._turns = asyncio.Semaphore(self._limit)
        async with self._turns:
            return bytes_of(await self._store.get(key, buffer_prototype, request))


async def _read_stepping(store: Store, plan: _core.ReadPlan) -> None:
    """The same on one thread: the store is asked here, large chunks are decoded elsewhere."""
    decoding: deque[Future[_core.ReadWant | None]] = deque()
    width = (config.get("threading.max_workers", None) or 4) + 1
    try:
        while (want := plan.next()) is not None:
            while want is not None:
                answer = await _fetch_stepping(store, want)
                if want.size_hint <= SMALL:
                    want = want.feed(answer)
                    continue
                decoding.append(get_executor().submit(want.feed, answer))
                want = decoding.popleft().result() if len(decoding) > width else None
        while decoding:
            want = decoding.popleft().result()
            while want is not None:
                want = want.feed(await _fetch_stepping(store, want))
    finally:
        for future in decoding:
            future.cancel()


async def _fetch_stepping(store: Store, want: _core.ReadWant) -> Answer:
    requests = [None] if want.ranges is None else [byte_request(*item) for item in want.ranges]
    return [bytes_of(await store.get(want.key, buffer_prototype, item)) for item in requests]


async def write_all(store: Store, plan: _core.WritePlan, guard: Guard) -> None:
    """Encode what a plan wants to write, and store it.

    Parameters
    ----------
    store
        Where the chunks are.
    plan
        What is to be written.
    guard
        ``guard(key)`` is a context in which nobody else changes the value of the key: chunks that
        are changed in part are read and written in it.
    """

    async def put(want: _core.WriteWant, current: Any) -> None:
        if want.size_hint <= SMALL:
            data = want.encode(current)
        else:
            data = await offload(want.encode, current)
        if data is None:
            await store.delete(want.key)
        else:
            await store.set(want.key, CpuBuffer.from_bytes(cast("Any", data)))

    async def worker(_: int) -> None:
        while (want := plan.next()) is not None:
            if want.full:
                await put(want, None)
            else:
                async with guard(want.key):
                    await put(want, bytes_of(await store.get(want.key, buffer_prototype)))

    limit = 1 if stepping() else config.get("async.concurrency", 10)
    await bounded(range(limit), worker, limit)


def bytes_of(buffer: Buffer | None) -> Any:
    """What the engine takes for the bytes of a buffer, which may lie in any memory."""
    if buffer is None:
        return None
    return buffer._data if type(buffer) is CpuBuffer else buffer.as_buffer_like()
