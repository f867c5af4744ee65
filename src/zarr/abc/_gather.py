"""Several awaitables at once, with a bound; for the default methods of the base classes.

To be called inside of an event loop only. (What must also run without one goes through
`zarr.runner`, which stands above this package.)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Sequence

T = TypeVar("T")
V = TypeVar("V")


async def completed(
    items: Sequence[T], fn: Callable[[T], Awaitable[V]], limit: int
) -> AsyncGenerator[tuple[int, V], None]:
    """Yield the place of an item and ``await fn(item)``, as they complete.

    At most `limit` are under way. The first error ends the iteration; what is still under way
    then, or when the iteration is left early, is cancelled and waited for.
    """
    import asyncio

    waiting = iter(enumerate(items))
    running: dict[asyncio.Future[V], int] = {}

    def start_next() -> None:
        for place, item in waiting:
            running[asyncio.ensure_future(fn(item))] = place
            return

    for _ in range(max(1, limit)):
        start_next()
    try:
        while running:
            done, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                place = running.pop(task)
                result = task.result()
                start_next()
                yield place, result
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


async def gathered(items: Iterable[T], fn: Callable[[T], Awaitable[V]], limit: int) -> list[V]:
    """Return ``await fn(item)`` of each item, in order."""
    work = list(items)
    if len(work) < 2 or limit == 1:
        return [await fn(item) for item in work]
    results = {place: result async for place, result in completed(work, fn, limit)}
    return [results[place] for place in range(len(work))]
