"""Work that is done before its results are asked for, in order."""

from __future__ import annotations

import contextvars
import os
from collections import deque
from itertools import islice
from typing import TYPE_CHECKING, TypeVar

from zarr._async.executors import get_executor
from zarr._async.run import run

if TYPE_CHECKING:
    import asyncio
    from collections.abc import AsyncGenerator, Callable, Coroutine, Generator, Iterable
    from concurrent.futures import Future

T = TypeVar("T")
V = TypeVar("V")


async def ahead(
    items: Iterable[T], fn: Callable[[T], Coroutine[object, object, V]], count: int
) -> AsyncGenerator[V, None]:
    """Yield ``await fn(item)`` of every item in order, while those of `count` more are under way.

    When the iteration ends, by an error or early, calls under way are cancelled and waited for.
    """
    import asyncio

    waiting = iter(items)
    running: deque[asyncio.Task[V]] = deque()
    try:
        while True:
            for item in islice(waiting, count + 1 - len(running)):
                running.append(asyncio.ensure_future(fn(item)))
            if not running:
                return
            result = await running[0]
            running.popleft()
            if count:
                running.extend(asyncio.ensure_future(fn(item)) for item in islice(waiting, 1))
            yield result
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


def ahead_in_threads(
    items: Iterable[T], fn: Callable[[T], Coroutine[object, object, V]], count: int, *, waits: bool
) -> Generator[V, None, None]:
    """The same for a synchronous caller: the coroutines run in worker threads.

    Parameters
    ----------
    items
        What to call `fn` with. They are taken in the caller's thread.
    fn
        Makes the coroutine for one of them.
    count
        How many are under way while a result is looked at. With 0 nothing is: the coroutine runs on
        the caller's thread when its result is asked for.
    waits
        Whether the coroutines may suspend.

    Raises
    ------
    RuntimeError
        The iteration goes on in a process that was forked meanwhile, where no thread does the work.
    """
    process = os.getpid()
    waiting = iter(items)
    running: deque[Future[V]] = deque()

    def start(number: int) -> None:
        for item in islice(waiting, number):
            context = contextvars.copy_context()
            work = get_executor("ahead").submit(context.run, _done, fn, item, waits)
            running.append(work)

    try:
        if not count:
            for item in waiting:
                yield run(fn(item), waits=waits)
            return
        start(count + 1)
        while running:
            result = running[0].result()
            running.popleft()
            start(1)
            yield result
            if os.getpid() != process:
                running.clear()
                raise RuntimeError(
                    f"this iteration began in process {process}, and its threads are there: begin "
                    f"another one in this process ({os.getpid()}), which was forked from it"
                )
    finally:
        for work in running:
            work.cancel()
        for work in running:
            if not work.cancelled():
                work.exception()  # it still writes to its memory: nobody goes on before it ends


def _done(fn: Callable[[T], Coroutine[object, object, V]], item: T, waits: bool) -> V:
    return run(fn(item), waits=waits)
