"""The background event loop and the worker threads, for code that has to wait.

They are made when first needed, survive a fork (the child makes its own) and end with the
interpreter.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import threading
import time
from collections import deque
from collections.abc import Coroutine
from contextvars import ContextVar
from inspect import isawaitable
from typing import TYPE_CHECKING, Generic, TypeVar, cast

from zarr import _core
from zarr._async.warnings import caller, calling
from zarr.settings import config

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable, Callable
    from concurrent.futures import ThreadPoolExecutor

T = TypeVar("T")

# How long a cancelled coroutine gets to finish before its caller goes on without it, and an event
# loop that does not run to start.
GRACE_SECONDS = 5.0
# How often a caller that waits looks whether the event loop runs.
_LOOK_SECONDS = 1.0
# How many operations may have the engine wait for servers.
_FETCHES = 64


# The event loop whose thread waits for what runs in this context, and so does nothing else.
blocked_loop: ContextVar[asyncio.AbstractEventLoop | None] = ContextVar(
    "zarr_blocked_loop", default=None
)


class SyncError(Exception):
    """Synchronous code was called where it cannot wait, or a coroutine waited where it must not."""


class _ThreadState(threading.local):
    stepping = False  # whether this thread runs a coroutine by stepping it
    helped = False  # whether others step parts of the same work
    arrivals: _Arrivals | None = None  # of the event loop that this thread runs


thread = _ThreadState()
_lock = threading.Lock()
loop: list[asyncio.AbstractEventLoop | None] = [None]
iothread: list[threading.Thread | None] = [None]
# Sections wait for locks; plain work must get through while they do, so each has its own threads.
_executors: dict[str, tuple[int, ThreadPoolExecutor]] = {}
# Another process's loops, kept so that they are never closed: they share its file descriptors.
_inherited: list[object] = []


class _Call(Generic[T]):
    """Something to await, handed to a loop that runs on another thread."""

    def __init__(self, coro: Awaitable[T], loop: asyncio.AbstractEventLoop) -> None:
        self._coro = coro
        self._loop = loop
        self._task: asyncio.Task[T] | None = None
        self._done = threading.Event()
        self._cancelled = False

    def start(self) -> None:
        self._loop.call_soon_threadsafe(self._start)

    def _start(self) -> None:
        self._task = self._loop.create_task(awaited(self._coro))
        self._task.add_done_callback(self._finish)
        if self._cancelled:
            self._task.cancel()

    def _finish(self, task: asyncio.Task[T]) -> None:
        if not task.cancelled():
            task.exception()  # the caller may be gone: marks the exception as seen
        self._done.set()

    def wait(self, timeout: float | None) -> bool:
        """Whether it ended within so many seconds; `SyncError` if its loop does not run."""
        end = None if timeout is None else time.monotonic() + timeout
        stands_still_until: float | None = None
        while True:
            now = time.monotonic()
            if end is not None and end - now <= _LOOK_SECONDS:
                return self._done.wait(max(0.0, end - now))
            if self._done.wait(_LOOK_SECONDS):
                return True
            # A loop that was stopped, or whose thread has ended, would be waited for for ever.
            if self._loop.is_running():
                stands_still_until = None
            elif stands_still_until is None:
                stands_still_until = now + GRACE_SECONDS
            elif now > stands_still_until:
                raise SyncError("the event loop that would have to do the work does not run")

    def cancel(self) -> None:
        self._cancelled = True
        with contextlib.suppress(RuntimeError):  # the loop is closed: nothing runs any more
            self._loop.call_soon_threadsafe(self._cancel)

    def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()

    def abandon(self) -> None:
        """Cancel, and give the coroutine a moment to let go of what it holds."""
        self.cancel()
        if self._loop.is_running():
            self._done.wait(GRACE_SECONDS)

    def result(self) -> T:
        assert self._task is not None
        if self._task.cancelled():
            from concurrent.futures import CancelledError

            raise CancelledError("the operation was cancelled")
        return self._task.result()


async def awaited(value: Awaitable[T]) -> T:
    """Await a value that is no coroutine, maybe: a future, or an object of one's own."""
    return await value


def sync(
    coro: Awaitable[T],
    loop: asyncio.AbstractEventLoop | None = None,
    timeout: float | None = None,
) -> T:
    """Run a coroutine on the background event loop and wait for its result.

    Parameters
    ----------
    coro
        The coroutine, or something else that can be awaited.
    loop
        A running event loop of another thread, in place of the background one.
    timeout
        Seconds after which the coroutine is cancelled and `TimeoutError` raised.

    Raises
    ------
    SyncError
        If called on the loop's own thread, which would wait for itself, or if the loop does not
        run.
    TypeError
        If there is nothing to await.
    """
    if not isawaitable(coro):
        raise TypeError(
            f"sync() expects a coroutine, or something else that can be awaited, not a "
            f"{type(coro).__name__}"
        )
    call: _Call[T] | None = None
    try:
        with _lock:  # so that no call reaches a loop that is being closed
            target = _started_loop() if loop is None else loop
            _refuse_inside(target, coro)
            call = _Call(coro, target)
            _start(call)
        finished = call.wait(timeout)
    except BaseException:  # Ctrl-C, mostly
        if call is not None:
            call.abandon()
        raise
    if not finished:
        call.abandon()
        raise TimeoutError(f"Coroutine {coro} failed to finish within {timeout} s")
    return call.result()


def _start(call: _Call[T]) -> None:
    """Start a call. If this thread runs an event loop, what is called sees that it stands still."""
    from asyncio import _get_running_loop

    here = _get_running_loop()
    place = calling.set(caller())
    token = blocked_loop.set(here) if here is not None else None
    try:
        call.start()
    finally:
        calling.reset(place)
        if token is not None:
            blocked_loop.reset(token)


def _refuse_inside(target: asyncio.AbstractEventLoop, coro: Awaitable[object]) -> None:
    from asyncio import _get_running_loop

    if _get_running_loop() is target:
        if isinstance(coro, Coroutine):
            coro.close()
        raise SyncError(
            "Calling sync() from within a running loop: this thread runs the event loop that would "
            "have to do the work. Await the asynchronous function instead (zarr.api.asynchronous)."
        )


def get_loop() -> asyncio.AbstractEventLoop:
    """The background event loop, started if need be."""
    with _lock:
        return _started_loop()


def _started_loop() -> asyncio.AbstractEventLoop:
    current, running = loop[0], iothread[0]
    if current is None or running is None or not running.is_alive():
        import asyncio

        if current is not None:  # something that it ran took its thread down
            current.close()
        current = asyncio.new_event_loop()
        thread = threading.Thread(target=current.run_forever, name="zarr_io", daemon=True)
        thread.start()
        loop[0], iothread[0] = current, thread
        atexit.unregister(cleanup_resources)
        atexit.register(cleanup_resources)
    return current


# How many threads may code chunks, as of which change of the settings: asking takes its time.
_coders = (-1, 1)


def coders() -> int:
    """How many threads may code chunks at a time."""
    global _coders
    if _coders[0] != config.changes:
        _coders = (config.changes, _core.threads())
    return _coders[1]


# The threads of plain work where no setting says how many: they wait more than they compute.
_WORKERS = (os.cpu_count() or 1) + 4


def _size(kind: str) -> int:
    if kind == "codec":
        return coders()
    if kind == "fetch":
        return _FETCHES
    return config.settings.threading__max_workers or _WORKERS


def get_executor(kind: str = "work") -> ThreadPoolExecutor:
    """The worker threads for blocking calls, made if need be.

    Those of the kind ``codec`` are as many as may code chunks; those of the kind ``fetch`` wait for
    servers and slow disks, and keep nobody else waiting.
    """
    count = _size(kind)
    with _lock:
        known = _executors.get(kind)
        if known is not None and known[0] == count:
            return known[1]
        from concurrent.futures import ThreadPoolExecutor

        # One of another size that is in use ends by itself, when nobody holds it any more.
        executor = ThreadPoolExecutor(count, thread_name_prefix=f"zarr_{kind}")
        _executors[kind] = (count, executor)
    return executor


class Job(Generic[T]):
    """A blocking call that a task awaits, and a worker thread makes.

    Parameters
    ----------
    todo
        The call.
    arrivals
        Of the task's event loop, which is that of the thread that makes this.
    """

    __slots__ = ("_arrivals", "_ended", "_error", "_result", "_todo", "future")

    def __init__(self, todo: Callable[[], T], arrivals: _Arrivals) -> None:
        self._todo = [todo]  # taken by the thread that makes the call, or by who cancels it
        self._arrivals = arrivals
        self._ended: asyncio.Future[None] | None = None
        self._result: T | None = None
        self._error: BaseException | None = None
        self.future: asyncio.Future[T] = arrivals.loop.create_future()

    def run(self) -> None:
        """Make the call, unless it was cancelled."""
        try:
            todo = self._todo.pop()
        except IndexError:
            return
        try:
            self._result = todo()
        except BaseException as error:
            # Without this frame, which would keep the job, and with it the error, alive.
            behind = error.__traceback__ and error.__traceback__.tb_next
            self._error = error.with_traceback(behind)
        self._arrivals.add(self._arrive)

    def _arrive(self) -> None:
        """Tell the task, on its event loop."""
        if self._ended is not None:
            self._ended.set_result(None)
        if self.future.done():
            return
        if self._error is None:
            self.future.set_result(cast("T", self._result))
        else:
            self.future.set_exception(self._error)

    async def cancel(self, *, ends: bool) -> None:
        """See that a call is not made of which nobody wants the result.

        Parameters
        ----------
        ends
            Whether to wait until it has ended, where it was begun.
        """
        import asyncio

        try:
            self._todo.pop()
        except IndexError:
            if ends:
                self._ended = self._arrivals.loop.create_future()
                await asyncio.wait([self._ended])


class _Arrivals:
    """Tells the tasks of one event loop of the calls that were made for them.

    The loop is woken once for all that arrive until it looks.
    """

    __slots__ = ("_told", "_waiting", "loop")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._waiting: deque[Callable[[], None]] = deque()
        self._told = False

    def add(self, arrive: Callable[[], None]) -> None:
        self._waiting.append(arrive)
        if not self._told:
            self._told = True
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody awaits it
                self.loop.call_soon_threadsafe(self._tell)

    def _tell(self) -> None:
        self._told = False  # before any is told: one that arrives later wakes the loop again
        while True:
            # Taken, and not looked at first: so this thread sees all that came before.
            try:
                arrive = self._waiting.popleft()
            except IndexError:
                return
            arrive()


class _Line:
    """Calls that wait for one of the worker threads of a kind."""

    __slots__ = ("_busy", "_lock", "_waiting")

    def __init__(self) -> None:
        self._waiting: deque[Callable[[], None]] = deque()
        self._lock = threading.Lock()
        self._busy = 0

    def add(self, run: Callable[[], None], kind: str) -> None:
        with self._lock:
            self._waiting.append(run)
            if self._busy >= _size(kind):
                return
            self._busy += 1
        get_executor(kind).submit(self._work)

    def _work(self) -> None:
        while True:
            with self._lock:
                if not self._waiting:
                    self._busy -= 1
                    return
                run = self._waiting.popleft()
            run()


_lines: dict[str, _Line] = {}


def in_thread(todo: Callable[[], T], kind: str) -> Job[T]:
    """Have a worker thread of a kind make a blocking call for the running task.

    Returns
    -------
    Job
        Its `future` is to be awaited.
    """
    from asyncio import get_running_loop

    loop = get_running_loop()
    arrivals = thread.arrivals
    if arrivals is None or arrivals.loop is not loop:
        arrivals = thread.arrivals = _Arrivals(loop)
    job = Job(todo, arrivals)
    line = _lines.get(kind)
    if line is None:
        line = _lines.setdefault(kind, _Line())
    line.add(job.run, kind)
    return job


def cleanup_resources() -> None:
    """Stop the background event loop and the worker threads. They start again when needed."""
    with _lock:
        current, thread = loop[0], iothread[0]
        loop[0] = iothread[0] = None
        executors = [executor for _, executor in _executors.values()]
        _executors.clear()
        _lines.clear()
    atexit.unregister(cleanup_resources)
    if current is not None and thread is not None:
        current.call_soon_threadsafe(_stop, current)
        if thread is not threading.current_thread():
            thread.join(GRACE_SECONDS)
            if not thread.is_alive():
                current.close()
    for executor in executors:
        executor.shutdown(wait=False, cancel_futures=True)


def _stop(current: asyncio.AbstractEventLoop) -> None:
    """On the loop: cancel what runs, then stop."""
    import asyncio

    tasks = asyncio.all_tasks(current)
    for task in tasks:
        task.cancel()

    async def end() -> None:
        await asyncio.gather(*tasks, return_exceptions=True)
        await current.shutdown_asyncgens()

    current.create_task(end()).add_done_callback(lambda _: current.stop())


def reset_resources_after_fork() -> None:
    """In a forked child: forget the parent's loop and threads, which do not run here."""
    global _coders, _lock
    _inherited.append((loop[0], iothread[0], list(_executors.values())))
    _lock = threading.Lock()
    loop[0] = iothread[0] = None
    _executors.clear()
    _lines.clear()
    atexit.unregister(cleanup_resources)
    _coders = (-1, 1)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=reset_resources_after_fork)
