"""Running a codec's coroutine where no event loop runs: on the engine's threads.

Most asynchronous codecs only move their work to a thread (``asyncio.to_thread``), which is
pointless on a thread of the engine. They are run in place: the coroutine finds an event loop that
does such work at once, and so never waits. One that needs more of an event loop is run again, on a
real one.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, TypeVar

from zarr._async.executors import SyncError, sync
from zarr.settings import config

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Generator
    from types import CodeType

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

    def __init__(self) -> None:
        self.error: BaseException | None = None

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> _Done:
        try:
            return _Done(func(*args))
        except BaseException as error:
            self.error = error
            raise

    def create_task(self, coro: Coroutine[Any, Any, Any], **options: Any) -> Any:
        coro.close()  # or Python warns that it was never awaited
        raise _NeedsLoopError("create_task")

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)  # asked of any object by those who look into modules
        raise _NeedsLoopError(name)


_SUSPENDED = object()

# A bare yield (asyncio.sleep(0)) only lets others run, and there are none. Who yields this often
# waits for one of them.
_MOST_YIELDS = 100

# The code of coroutines that did: they are not tried again.
_need_loop: set[CodeType] = set()


def run_coroutine(make: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """The result of a coroutine; it may be started twice, so it must not have effects."""
    coro = make()
    code = getattr(coro, "cr_code", None)
    if code not in _need_loop:
        result = _in_place(coro)
        if result is not _SUSPENDED:
            return result  # type: ignore[no-any-return]
        if code is not None:
            _need_loop.add(code)
        coro = make()
    try:
        return sync(coro, timeout=config.get("async.timeout", None))
    except SyncError:
        # This is the thread of that event loop, which cannot wait for itself.
        return _on_new_thread(make)


def _in_place(coro: Coroutine[Any, Any, Any]) -> Any:
    import asyncio

    around = asyncio._get_running_loop()
    place = _InPlace()
    asyncio._set_running_loop(place)  # type: ignore[arg-type]
    try:
        for _ in range(_MOST_YIELDS):
            if coro.send(None) is not None:
                break
    except StopIteration as stop:
        return stop.value
    except (_NeedsLoopError, RuntimeError) as error:
        # asyncio reports what is missing as RuntimeError. One of the codec's own comes again.
        if error is place.error:
            raise
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
