"""Awaiting many things at once, for programs that call zarr-python's helpers for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from zarr._async.run import bounded

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable, Callable, Iterable

__all__ = ["concurrent_foreach", "concurrent_iter", "concurrent_map"]

V = TypeVar("V")


async def concurrent_map(
    items: Iterable[tuple[Any, ...]],
    func: Callable[..., Awaitable[V]],
    limit: int | None = None,
) -> list[V]:
    """Await ``func(*item)`` for every item; the results in order.

    Parameters
    ----------
    items : iterable of tuple
        The arguments of each call.
    func : callable
        What to call.
    limit : int, optional
        The most calls at a time; without a limit if None.
    """
    work = list(items)
    return await bounded(work, lambda item: func(*item), limit or max(1, len(work)))


async def concurrent_foreach(
    items: Iterable[tuple[Any, ...]], func: Callable[..., Awaitable[object]], limit: int
) -> None:
    """Await ``func(*item)`` for every item.

    Parameters
    ----------
    items : iterable of tuple
        The arguments of each call.
    func : callable
        What to call.
    limit : int
        The most calls at a time.
    """
    await bounded(items, lambda item: func(*item), limit)


def concurrent_iter(
    items: Iterable[tuple[Any, ...]],
    func: Callable[..., Awaitable[V]],
    limit: int | None = None,
) -> list[asyncio.Task[V]]:
    """Start ``func(*item)`` for every item, on the running event loop.

    Parameters
    ----------
    items : iterable of tuple
        The arguments of each call.
    func : callable
        What to call.
    limit : int, optional
        The most calls at a time; without a limit if None.

    Returns
    -------
    list of asyncio.Task
        To be awaited; :func:`asyncio.as_completed` gives what is done first.
    """
    import asyncio
    from contextlib import nullcontext

    gate: Any = nullcontext() if limit is None else asyncio.Semaphore(limit)

    async def call(item: tuple[Any, ...]) -> V:
        async with gate:
            return await func(*item)

    return [asyncio.create_task(call(item)) for item in items]
