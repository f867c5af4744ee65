"""How asynchronous code runs here: stepped on the caller's thread, or on one event loop.

All orchestration is written once, as coroutines. A synchronous caller runs them in one of two
ways, chosen before they start by asking whether the store may wait:

* **step**: the store never waits (local files, memory, zip). The coroutine is driven on the
  caller's thread, from start to end, without an event loop. While it runs, a thread-local flag
  tells `offload`, `bounded` and `locked` to work in place.
* **loop**: the store may wait. The coroutine runs on the background event loop, on a thread of
  its own, and the caller waits for it.
"""

from __future__ import annotations

import contextvars
import os
from collections import deque
from functools import partial, update_wrapper
from itertools import islice
from types import FunctionType, coroutine
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar, overload

from zarr import _core
from zarr._async.executors import SyncError, awaited, get_executor, in_thread, sync
from zarr._async.executors import thread as _thread
from zarr._async.locks import locked
from zarr.settings import Unset, config
from zarr.urls import local_path

if TYPE_CHECKING:
    from collections.abc import (
        AsyncGenerator,
        AsyncIterator,
        Awaitable,
        Callable,
        Coroutine,
        Generator,
        Iterable,
        Iterator,
        Mapping,
        Sequence,
    )

    from zarr.arrays import Array, AsyncArray
    from zarr.arrays.base import M
    from zarr.groups import AsyncGroup, Group
    from zarr.types import AnyArray, AnyAsyncArray
    from zarr.views import AsyncView, View

__all__ = [
    "SyncError",
    "SyncMixin",
    "asks",
    "bounded",
    "collect_aiterator",
    "completed",
    "concurrency",
    "described_by",
    "face",
    "faces",
    "iterate",
    "locked",
    "offload",
    "pause",
    "run",
    "section",
    "step",
    "stepping",
    "sync",
    "synced",
    "synced_iter",
    "synced_iter_method",
    "synced_method",
    "waits_of",
    "with_sections",
]

P = ParamSpec("P")
T = TypeVar("T")
V = TypeVar("V")
F = TypeVar("F", bound="Callable[..., object]")


def stepping() -> bool:
    """Whether this thread is running a coroutine by stepping it."""
    return _thread.stepping


def step(coro: Coroutine[object, object, T]) -> T:
    """Run a coroutine that never waits, on this thread, from start to end.

    Works with or without a running event loop. A coroutine that suspends is closed, and
    `SyncError` is raised.
    """
    before = _thread.stepping
    _thread.stepping = True
    cause: BaseException | None = None
    try:
        coro.send(None)
        coro.close()
    except StopIteration as stop:
        result: T = stop.value
        return result
    except RuntimeError as error:
        if str(error) != "no running event loop":
            raise
        cause = error
    finally:
        _thread.stepping = before
    raise SyncError(
        f"{getattr(coro, '__qualname__', coro)} waited for something, though its store and codecs "
        "say that they never wait. A store that waits must not declare needs_event_loop=False."
    ) from cause


def run(coro: Coroutine[object, object, T], *, waits: bool) -> T:
    """Run a coroutine to its end for a synchronous caller.

    Parameters
    ----------
    coro
        The coroutine.
    waits
        Whether it may suspend. If not, it runs on this thread; otherwise on the background event
        loop, within the configured ``async.timeout``.
    """
    if waits:
        return sync(coro, timeout=config.settings.async__timeout)
    return step(coro)


# -- what coroutines use --------------------------------------------------------------------------


async def offload(
    fn: Callable[..., T], *args: object, cancel: _core.Cancel | None = None, kind: str = "work"
) -> T:
    """Call a blocking function without blocking the event loop.

    Parameters
    ----------
    fn, *args
        The function and its arguments. When stepping, it is called in place; else in a worker
        thread. It must not wait for a named lock: use `section` for that.
    cancel
        Tells the function to stop if the awaiting task is cancelled; the cancellation then waits
        until the function has let go of its arguments.
    kind
        Which worker threads.
    """
    if _thread.stepping:
        return fn(*args)
    job = in_thread(partial(contextvars.copy_context().run, fn, *args), kind)
    try:
        return await job.future
    except BaseException:
        if job.future.cancelled():
            if cancel is not None:
                cancel.cancel()
            await job.cancel(ends=cancel is not None)
        raise
    finally:
        del job  # an error that it brought has this frame in its traceback


@coroutine
def pause() -> Generator[None, None, None]:
    """Let other tasks of the event loop have a turn; nothing when stepping.

    Work that is done at once would otherwise never let them, however often it is awaited.
    """
    if not _thread.stepping:
        yield


async def section(make: Callable[[], Coroutine[object, object, T]], waits: bool) -> T:
    """Run a critical section: a coroutine that takes named locks.

    If the store never waits, the whole section is stepped in one thread (the caller's, or a worker
    when an event loop is running), so that no lock is ever held while a task is suspended.
    """
    if waits or _thread.stepping:
        return await make()
    return await offload(_stepped, make, kind="section")


def _stepped(make: Callable[[], Coroutine[object, object, T]]) -> T:
    return step(make())


def concurrency() -> int:
    """How much one operation has under way at most.

    The setting ``async.concurrency``; where nobody set it, what a store takes: ``requests.limit``.
    """
    limit = config.settings.async__concurrency
    if limit is None or type(limit) is Unset:
        limit = config.settings.requests__limit
    return max(1, int(limit or 32))


async def bounded(
    items: Iterable[T], fn: Callable[[T], Awaitable[V]], limit: int | None = None
) -> list[V]:
    """Await ``fn(item)`` for every item, at most `limit` at a time; the results in order.

    The first error cancels the rest and is raised once all have ended. When stepping, one after
    another, unless it shows that each waits for a file. `limit` is that of `concurrency` if None.
    """
    if _thread.stepping:
        return await _in_turn(items, fn, limit)
    work = list(items)
    if limit is None:
        limit = concurrency()
    if len(work) <= 1 or limit == 1:
        return [await fn(item) for item in work]
    import asyncio

    results: dict[int, V] = {}
    queue = iter(enumerate(work))

    async def worker() -> None:
        for index, item in queue:
            results[index] = await fn(item)

    tasks = [asyncio.ensure_future(worker()) for _ in range(min(limit, len(work)))]
    try:
        await asyncio.gather(*tasks)
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise
    return [results[index] for index in range(len(work))]


# Seconds that were spent waiting for files after which it is worth waiting for several at a time.
_LONG = 0.003


async def _in_turn(
    items: Iterable[T], fn: Callable[[T], Awaitable[V]], limit: int | None
) -> list[V]:
    results: list[V] = []
    queue = iter(items)
    enough = _core.waited() + _LONG
    for item in queue:
        results.append(await fn(item))
        if _core.waited() > enough and limit != 1 and not _thread.helped:
            return results + _together(list(queue), fn, limit or concurrency())
    return results


def _together(items: list[T], fn: Callable[[T], Awaitable[V]], limit: int) -> list[V]:
    """Step ``fn(item)`` for every item, here and in threads that help as soon as they can.

    This thread works through the items itself, so that it depends on no other: those may wait for
    locks that it holds.
    """
    results: dict[int, V] = {}
    errors: list[BaseException] = []
    queue = deque(enumerate(items))  # each item is given to one thread

    def work() -> None:
        _thread.helped = True  # what an item does is not divided any further
        try:
            while queue and not errors:
                try:
                    index, item = queue.popleft()
                except IndexError:  # another thread took the last one
                    return
                results[index] = step(awaited(fn(item)))
        except BaseException as error:
            errors.append(error)
        finally:
            _thread.helped = False

    threads = min(limit, config.settings.threading__max_workers or limit, len(items))
    helpers = [
        get_executor("fetch").submit(contextvars.copy_context().run, work)
        for _ in range(threads - 1)
    ]
    work()
    for helper in helpers:
        helper.cancel() or helper.result()
    if errors:
        raise errors[0]
    return [results[index] for index in range(len(items))]


async def completed(
    items: Iterable[T], fn: Callable[[T], Awaitable[V]], limit: int | None = None
) -> AsyncGenerator[V, None]:
    """Yield ``await fn(item)`` of every item as they complete, at most `limit` at a time.

    The first error ends the iteration; what is still under way then, or when the iteration is left
    early, is cancelled and waited for. `limit` is that of `concurrency` if None.
    """
    import asyncio

    waiting = iter(items)
    running: set[asyncio.Future[V]] = set()

    def start(count: int) -> None:
        for item in islice(waiting, count):
            running.add(asyncio.ensure_future(fn(item)))

    start(concurrency() if limit is None else max(1, limit))
    try:
        while running:
            done, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            running -= done
            for task in done:
                result = task.result()
                start(1)
                yield result
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


# -- asynchronous iterators, for synchronous callers ----------------------------------------------


async def _take(source: AsyncIterator[T], count: int) -> tuple[list[T], bool]:
    """Up to `count` items, and whether there may be more."""
    items: list[T] = []
    try:
        while len(items) < count:
            items.append(await anext(source))
    except StopAsyncIteration:
        return items, False
    return items, True


async def collected(source: AsyncIterator[T]) -> list[T]:
    """All items of an asynchronous iterator."""
    return [item async for item in source]


def iterate(source: AsyncIterator[T], *, waits: bool, ahead: bool = True) -> Iterator[T]:
    """The items of an asynchronous iterator, as they come.

    If each step is a hop to the event loop, items are fetched in batches that grow: the first item
    is there at once, and many items cost few hops. Without `ahead`, they are fetched one by one.
    """
    count, more = 1, True
    try:
        while more:
            items, more = run(_take(source, count), waits=waits)
            yield from items
            count = min(count * 2, 1024) if waits and ahead else 1
    finally:
        close = getattr(source, "aclose", None)
        if more and close is not None:
            run(close(), waits=waits)


async def _collect(source: AsyncIterator[T]) -> tuple[T, ...]:
    return tuple([item async for item in source])


def collect_aiterator(data: AsyncIterator[T]) -> tuple[T, ...]:
    """All items of an asynchronous iterator."""
    return sync(_collect(data))


class SyncMixin:
    """Gives a class with an asynchronous part the means to call it synchronously."""

    def _sync(self, coroutine: Coroutine[object, object, T]) -> T:
        return sync(coroutine, timeout=config.settings.async__timeout)

    def _sync_iter(self, async_iterator: AsyncIterator[T]) -> list[T]:
        return list(self._sync(_collect(async_iterator)))


# -- synchronous functions, derived from the asynchronous ones -------------------------------------

# How to make the synchronous face of an asynchronous handle: {AsyncArray: Array, ...}.
faces: dict[type, Callable[[Any], object]] = {}
# Functions that tell by themselves whether they may have to wait for a store.
asks: dict[Callable[..., Any], Callable[[Sequence[object], Mapping[str, object]], bool]] = {}

# Libraries whose objects are taken as stores, and may wait.
_REMOTE_LIBRARIES = frozenset(["fsspec", "obstore", "upath"])
_PLAIN = frozenset([type(None), bool, int, float, tuple, list, dict, bytes, slice])


def face(value: Any) -> Any:
    """Return `value` for a synchronous caller: handles become their synchronous faces."""
    kind = type(value)
    if kind is tuple or kind is list:
        return kind([face(item) for item in value])
    for base in kind.__mro__[:-1]:
        make = faces.get(base)
        if make is not None:
            return make(value)
    return value


def waits_of(args: Sequence[object], kwargs: Mapping[str, object]) -> bool:
    """Whether a function called with these arguments may have to wait for a store.

    Stores, and all that is bound to one, say so themselves; a URL waits unless its scheme is
    local; paths, mappings and plain values do not.
    """
    return any(map(_value_waits, args)) or any(map(_value_waits, kwargs.values()))


def _value_waits(value: object) -> bool:
    kind = type(value)
    if kind in _PLAIN:
        return False
    if isinstance(value, str):
        return ":" in value and local_path(value) is None
    # A store has traits; what is bound to one tells it in the same words.
    waits = getattr(getattr(value, "traits", value), "needs_event_loop", None)
    if isinstance(waits, bool):
        return waits
    if kind.__module__.startswith("pathlib") and isinstance(value, os.PathLike):
        return False
    return any(base.__module__.partition(".")[0] in _REMOTE_LIBRARIES for base in kind.__mro__)


# The first type that matches decides, so each overload is a special case of the last.
@overload
def synced(fn: Callable[P, Coroutine[object, object, AsyncArray[M]]]) -> Callable[P, Array[M]]: ...
@overload
def synced(fn: Callable[P, Coroutine[object, object, AsyncGroup]]) -> Callable[P, Group]: ...
@overload
def synced(fn: Callable[P, Coroutine[object, object, AsyncView]]) -> Callable[P, View]: ...
@overload
def synced(
    fn: Callable[P, Coroutine[object, object, AsyncArray[M] | AsyncGroup]],
) -> Callable[P, Array[M] | Group]: ...
@overload
def synced(
    fn: Callable[P, Coroutine[object, object, tuple[AsyncGroup, ...]]],
) -> Callable[P, tuple[Group, ...]]: ...
@overload
def synced(fn: Callable[P, Coroutine[object, object, T]]) -> Callable[P, T]: ...


def synced(fn: Callable[..., Coroutine[object, object, object]]) -> Callable[..., object]:
    """Derive the synchronous function from an asynchronous one.

    Name, docstring and signature are kept; asynchronous handles in the result become synchronous
    ones.
    """

    ask = asks.get(fn, waits_of)

    def call(*args: object, **kwargs: object) -> object:
        return face(run(fn(*args, **kwargs), waits=ask(args, kwargs)))

    return _dressed(call, fn)


def synced_iter(
    fn: Callable[P, AsyncIterator[tuple[str, AnyAsyncArray | AsyncGroup]]],
) -> Callable[P, Iterator[tuple[str, AnyArray | Group]]]:
    """Derive a synchronous generator function from an asynchronous one."""

    def call(*args: P.args, **kwargs: P.kwargs) -> Iterator[Any]:
        items = iterate(fn(*args, **kwargs), waits=waits_of(args, kwargs))
        return (face(item) for item in items)

    return _dressed(call, fn)


@overload
def synced_method(
    method: Callable[Concatenate[Any, P], Coroutine[object, object, AsyncArray[M]]],
) -> Callable[Concatenate[object, P], Array[M]]: ...
@overload
def synced_method(
    method: Callable[Concatenate[Any, P], Coroutine[object, object, AsyncGroup]],
) -> Callable[Concatenate[object, P], Group]: ...
@overload
def synced_method(
    method: Callable[Concatenate[Any, P], Coroutine[object, object, AsyncArray[M] | AsyncGroup]],
) -> Callable[Concatenate[object, P], Array[M] | Group]: ...
@overload
def synced_method(
    method: Callable[Concatenate[Any, P], Coroutine[object, object, tuple[AsyncGroup, ...]]],
) -> Callable[Concatenate[object, P], tuple[Group, ...]]: ...
@overload
def synced_method(
    method: Callable[Concatenate[Any, P], Coroutine[object, object, T]],
) -> Callable[Concatenate[object, P], T]: ...


def synced_method(
    method: Callable[..., Coroutine[object, object, object]],
) -> Callable[..., object]:
    """Derive a method of a synchronous handle from its asynchronous twin's.

    The synchronous handle has the twin as ``_async``, and tells by ``needs_event_loop`` whether
    its store may wait. The method is looked up on the twin, so a subclass's override is the one
    called.
    """
    name = method.__name__

    def call(self: Any, *args: object, **kwargs: object) -> object:
        waits = self.needs_event_loop or waits_of(args, kwargs)
        return face(run(getattr(self._async, name)(*args, **kwargs), waits=waits))

    return _dressed(call, method)


@overload
def synced_iter_method(
    method: Callable[Concatenate[Any, P], AsyncIterator[str]],
) -> Callable[Concatenate[object, P], Iterator[str]]: ...
@overload
def synced_iter_method(
    method: Callable[Concatenate[Any, P], AsyncIterator[AsyncGroup]],
) -> Callable[Concatenate[object, P], Iterator[Group]]: ...
@overload
def synced_iter_method(
    method: Callable[Concatenate[Any, P], AsyncIterator[AnyAsyncArray]],
) -> Callable[Concatenate[object, P], Iterator[AnyArray]]: ...
@overload
def synced_iter_method(
    method: Callable[Concatenate[Any, P], AsyncIterator[tuple[str, AsyncGroup]]],
) -> Callable[Concatenate[object, P], Iterator[tuple[str, Group]]]: ...
@overload
def synced_iter_method(
    method: Callable[Concatenate[Any, P], AsyncIterator[tuple[str, AnyAsyncArray]]],
) -> Callable[Concatenate[object, P], Iterator[tuple[str, AnyArray]]]: ...
@overload
def synced_iter_method(
    method: Callable[Concatenate[Any, P], AsyncIterator[tuple[str, AnyAsyncArray | AsyncGroup]]],
) -> Callable[Concatenate[object, P], Iterator[tuple[str, AnyArray | Group]]]: ...


def synced_iter_method(
    method: Callable[..., AsyncIterator[object]],
) -> Callable[..., Iterator[object]]:
    """Derive a generator method of a synchronous handle from its asynchronous twin's."""
    name = method.__name__

    def call(self: Any, *args: object, **kwargs: object) -> Iterator[Any]:
        items = iterate(getattr(self._async, name)(*args, **kwargs), waits=self.needs_event_loop)
        return (face(item) for item in items)

    return _dressed(call, method)


def described_by(twin: Callable[..., object]) -> Callable[[F], F]:
    """Return a decorator that gives a function the docstring of its asynchronous twin."""

    def decorate(fn: F) -> F:
        fn.__doc__ = twin.__doc__ and _of_sync(twin.__doc__)
        return fn

    return decorate


def with_sections(text: str) -> Callable[[F], F]:
    """Return a decorator that puts sections, which several functions share, before the examples.

    Parameters
    ----------
    text
        The sections, without indentation.
    """

    def decorate(fn: F) -> F:
        if fn.__doc__:  # there is none under `python -OO`
            before, title, examples = fn.__doc__.partition("Examples\n")
            indent = before[len(before.rstrip(" ")) :]
            indented = text.strip().replace("\n", f"\n{indent}")
            fn.__doc__ = f"{before}{indented}\n\n{indent}{title}{examples}"
        return fn

    return decorate


def _dressed(call: Callable[..., T], fn: Callable[..., object]) -> Callable[..., T]:
    """`call`, with the name, docstring and signature of `fn`, of the synchronous face."""
    update_wrapper(call, fn)
    call.__doc__ = fn.__doc__ and _of_sync(fn.__doc__)
    if isinstance(fn, FunctionType):
        # The signature is read from `__wrapped__`, when somebody asks: a twin of the asynchronous
        # function whose annotation tells what the synchronous one returns.
        shown = FunctionType(
            fn.__code__, fn.__globals__, fn.__name__, fn.__defaults__, fn.__closure__
        )
        shown.__kwdefaults__ = fn.__kwdefaults__
        shown.__annotations__ = call.__annotations__ = _sync_annotations(fn.__annotations__)
        call.__wrapped__ = shown  # type: ignore[attr-defined]
    return call


def _sync_annotations(annotations: dict[str, object]) -> dict[str, object]:
    result = annotations.get("return")
    if not isinstance(result, str):
        return annotations
    return {**annotations, "return": _of_sync(result)}


def _of_sync(text: str) -> str:
    """A type or a docstring, with the types that a synchronous caller gets."""
    for asynchronous, synchronous in _RESULTS:
        text = text.replace(asynchronous, synchronous)
    return text


_RESULTS = (
    ("AsyncArray", "Array"),
    ("AsyncGroup", "Group"),
    ("AsyncView", "View"),
    ("AsyncIterator", "Iterator"),
    ("AsyncGenerator", "Iterator"),
)


def synced_array(
    fn: Callable[P, Coroutine[object, object, AsyncArray[M]]],
) -> Callable[P, Array[M]]:
    """Derive the synchronous function of one that gives an array."""
    return synced(fn)


def synced_group(fn: Callable[P, Coroutine[object, object, AsyncGroup]]) -> Callable[P, Group]:
    """Derive the synchronous function of one that gives a group."""
    return synced(fn)


def synced_node(
    fn: Callable[P, Coroutine[object, object, AnyAsyncArray | AsyncGroup]],
) -> Callable[P, AnyArray | Group]:
    """Derive the synchronous function of one that gives an array or a group."""
    return synced(fn)


def synced_array_method(
    method: Callable[Concatenate[Any, P], Coroutine[object, object, AsyncArray[M]]],
) -> Callable[Concatenate[object, P], Array[M]]:
    """Derive the method of a synchronous handle from its twin's, which gives an array."""
    return synced_method(method)


def synced_group_method(
    method: Callable[Concatenate[Any, P], Coroutine[object, object, AsyncGroup]],
) -> Callable[Concatenate[object, P], Group]:
    """Derive the method of a synchronous handle from its twin's, which gives a group."""
    return synced_method(method)
