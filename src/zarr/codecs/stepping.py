"""Running a codec's coroutine where no event loop runs: on the engine's threads.

Most asynchronous codecs only move their work to a thread (``asyncio.to_thread``), which is
pointless on a thread of the engine. They are run in place: the coroutine finds an event loop that
does such work at once, and so never waits. One that needs more of an event loop is run again, on a
real one.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, TypeVar

from zarr.runner import SyncError, run

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Generator

T = TypeVar("T")


class _NeedsLoopError(Exception):
    """The coroutine asked for more than can be done in place."""


class _Done:
    """An awaitable whose result is there."""

    def __init__(self, result: Any) -> None:
        self._result = result

    def __await__(self) -> Generator[None, None, Any]:
        return self._result
        yield  # makes this a generator function, as awaiting requires


class _InPlace:
    """Stands for the running event loop: does at once what would be moved to a thread."""

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> _Done:
        return _Done(func(*args))

    def __getattr__(self, name: str) -> Any:
        raise _NeedsLoopError(name)


_IN_PLACE = _InPlace()
_SUSPENDED = object()


def run_coroutine(make: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """The result of a coroutine; it may be started twice, so it must not have effects."""
    result = _in_place(make())
    if result is not _SUSPENDED:
        return result  # type: ignore[no-any-return]
    try:
        return run(make(), waits=True)
    except SyncError:
        # This is the thread of that event loop, which cannot wait for itself.
        return _on_new_thread(make)


def _in_place(coro: Coroutine[Any, Any, Any]) -> Any:
    import asyncio

    around = asyncio._get_running_loop()
    asyncio._set_running_loop(_IN_PLACE)  # type: ignore[arg-type]
    try:
        # A bare yield only lets others run (asyncio.sleep(0)), and there are none.
        while coro.send(None) is None:
            pass
    except StopIteration as stop:
        return stop.value
    except (_NeedsLoopError, RuntimeError):
        # asyncio reports what is missing as RuntimeError. One of the codec's own comes again.
        pass
    finally:
        asyncio._set_running_loop(around)
    coro.close()
    return _SUSPENDED


def _on_new_thread(make: Callable[[], Coroutine[Any, Any, T]]) -> T:
    import asyncio

    results: list[T] = []
    errors: list[BaseException] = []

    def work() -> None:
        try:
            results.append(asyncio.run(make()))
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=work, name="zarr_codec", daemon=True)
    thread.start()
    thread.join()
    if errors:
        raise errors[0]
    return results[0]
