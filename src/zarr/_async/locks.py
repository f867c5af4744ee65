"""Locks that are named, and serve threads and event loops from one table."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from zarr import _core
from zarr._async import trace
from zarr._async.executors import SyncError, blocked_loop, thread

if TYPE_CHECKING:
    import asyncio

# The event loops whose tasks hold locks: who waits for a task must not keep its loop from running.
_owners: dict[str, asyncio.AbstractEventLoop] = {}


class _Locked:
    """One of the process-wide named locks, for ``async with``."""

    __slots__ = ("_name",)

    def __init__(self, name: str) -> None:
        self._name = name

    async def __aenter__(self) -> None:
        if not thread.stepping:
            await self._queued()
        elif not _core.try_lock(self._name):
            from asyncio import _get_running_loop

            self._check(_get_running_loop())
            began = time.perf_counter_ns()
            _core.lock(self._name)
            trace.lock_waited(self._name, began, counted=True)

    async def __aexit__(self, *exc_info: object) -> None:
        _owners.pop(self._name, None)
        _core.unlock(self._name)

    def _check(self, standing: asyncio.AbstractEventLoop | None) -> None:
        """Raise an error if a task has the lock whose event loop stands still until we are done."""
        if standing is not None and _owners.get(self._name) is standing:
            raise SyncError(
                f"A task of the event loop that this thread runs holds the lock of {self._name}: a "
                "synchronous call here would wait for it for ever. Await the asynchronous method "
                "(of array.async_array, or zarr.api.asynchronous), or call from another thread."
            )

    async def _queued(self) -> None:
        import asyncio

        name = self._name
        running = asyncio.get_running_loop()
        turn = running.create_future()

        def release() -> None:
            _owners.pop(name, None)
            _core.unlock(name)

        def grant() -> None:
            if turn.cancelled():
                release()
            else:
                turn.set_result(None)

        def granted() -> None:  # from any thread
            _owners[name] = running
            try:
                running.call_soon_threadsafe(grant)
            except RuntimeError:  # the waiter's loop was closed
                release()

        if _core.enqueue_lock(name, granted):
            _owners[name] = running
            return
        began = time.perf_counter_ns()
        try:
            standing = blocked_loop.get()
            while standing is not None and not turn.done():
                self._check(standing)
                await asyncio.wait([turn], timeout=0.05)
            await turn
            trace.lock_waited(name, began)
        except SyncError:
            turn.cancel()
            raise
        except asyncio.CancelledError:
            if not turn.done():
                turn.cancel()
            elif not turn.cancelled():  # ours, but nobody is left to use it
                release()
            raise


def locked(name: str) -> _Locked:
    """Hold the process-wide lock of this name: ``async with locked(name): ...``.

    One table serves all threads and all event loops. When stepping it blocks; on a loop it queues.
    """
    return _Locked(name)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_owners.clear)
