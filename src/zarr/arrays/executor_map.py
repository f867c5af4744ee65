"""Work given to the workers of an executor, a bounded number of tasks at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zarr._async.run import offload, stepping
from zarr.abc._traits import data_id_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from concurrent.futures import Executor, Future

    from zarr.abc.store import Store

IN_FLIGHT = 64
"""Tasks that wait for a worker or have one: enough for many machines, few to keep in memory."""


async def spread(
    executor: Executor,
    fn: Callable[..., Any],
    tasks: Iterable[tuple[Any, ...]],
    done: Callable[[Any], None] = lambda result: None,
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
        Any executor: of threads, of processes, of many machines.
    fn
        A function that can be pickled.
    tasks
        The arguments of each call.
    done
        Called here with each result.
    load
        Makes of a task what is sent to the worker, in a thread, when it is its turn; a task is sent
        as it is by default.
    most
        How many tasks are with the workers, or wait for them, at a time.
    """
    pending: set[Future[Any]] = set()
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


async def _collect_some(pending: set[Future[Any]], done: Callable[[Any], None]) -> set[Future[Any]]:
    """Take the results that are there, once one is; the futures that are left."""
    await _wait(pending, "FIRST_COMPLETED")
    ended = {future for future in pending if future.done()}
    for future in ended:
        done(future.result())
    return pending - ended


async def _wait(pending: set[Future[Any]], until: str) -> None:
    # Both modules are imported late: few use executors.
    if stepping():
        import concurrent.futures

        concurrent.futures.wait(pending, return_when=until)
    elif pending:
        import asyncio

        await asyncio.wait(map(asyncio.wrap_future, pending), return_when=until)


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
