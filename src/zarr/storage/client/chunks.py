"""Chunks between the engine and a store.

The engine says what it wants, the store is asked, and the engine is fed. Several chunks are under
way at a time, so that fetching one overlaps with decoding another. From a server the engine
fetches whole chunks by itself, as long as all goes smoothly: a chunk whose answer did not come, or
was not a plain one, is left to the requests of the store, which wait, ask again, and tell the
fault.
"""

from __future__ import annotations

from collections import deque
from copy import copy
from functools import partial
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, TypeVar, cast

from zarr import _core
from zarr._async import trace
from zarr._async.executors import coders, get_executor
from zarr._async.run import bounded, locked, offload, stepping
from zarr.abc._traits import Notes
from zarr.buffer.cpu import Buffer as CpuBuffer
from zarr.buffer.cpu import buffer_prototype
from zarr.codecs.base import byte_request
from zarr.errors import BaseZarrError, ChunkDecodeError
from zarr.settings import config
from zarr.storage.client import PartRefused, Requests
from zarr.storage.client.conditional import Exchange, deletes, exchanged
from zarr.storage.client.limiter import many_in_flight
from zarr.storage.client.retry import may_begin
from zarr.storage.wrapper import WrapperStore, layers

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from concurrent.futures import Future
    from contextlib import AbstractAsyncContextManager

    from zarr.abc.store import Store
    from zarr.buffer.core import Buffer, BufferPrototype
    from zarr.storage.client.own_writes import Watch

    Guard: TypeAlias = Callable[[str], AbstractAsyncContextManager[None]]

T = TypeVar("T")

Answer: TypeAlias = list[Any]

SMALL = 256 << 10
"""Bytes that are coded faster than a worker thread would begin to."""
_COPIED = 2 << 20
"""The same, of what is stored as it is."""

_MOST_ENCODED = 256 << 20
"""Bytes of encoded chunks that one operation keeps in memory, about."""
_FEW = 10
"""So many chunks are under way, however large they are."""


class Plan(Protocol):
    """The chunks of a read, or some of them."""

    @property
    def raw(self) -> bool:
        """Whether the chunks are stored as they are."""
        ...

    @property
    def cached(self) -> bool:
        """Whether chunks are read by way of a cache."""
        ...

    def __len__(self) -> int: ...

    def next(self) -> _core.ReadWant | None:
        """The next chunk that nobody has taken yet."""
        ...


class _Noted:
    """A plan that notes which chunks were taken."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self.raw, self.cached = plan.raw, plan.cached
        self.taken: list[int] = []

    def __len__(self) -> int:
        return len(self._plan)

    def next(self) -> _core.ReadWant | None:
        want = self._plan.next()
        if want is not None:
            self.taken.append(want.number)
        return want


async def read_all(
    store: Store,
    plan: Plan,
    chunk_bytes: int,
    prototype: BufferPrototype,
    settled: Callable[[int], None] | None = None,
) -> None:
    """Fetch what a plan wants, and feed it.

    Parameters
    ----------
    store
        Where the chunks are.
    plan
        The plan of the read; it fills the array that it was made with.
    chunk_bytes
        How large a stored value may be, about.
    prototype
        The kind of buffers that the store is asked for.
    settled
        Is told the number of each chunk in the plan that was read for good, where the store waits.
    """
    ended = trace.timed("read")
    await _read_all(store, plan, chunk_bytes, _decodable(prototype), settled)
    if ended is not None:
        ended()


async def _read_all(
    store: Store,
    plan: Plan,
    chunk_bytes: int,
    prototype: BufferPrototype,
    settled: Callable[[int], None] | None,
) -> None:
    if stepping():
        await _SteppedRead(Requests(store), prototype).run(plan)
        return
    requests = _Some(store, chunk_bytes, prototype, raw=plan.raw)
    left: Left = []
    if not plan.cached:
        noted = _Noted(plan)
        left = await read_directly(requests.all, noted, requests.width)
        if settled is not None:
            unread = {want.number for want, _ in left}
            for number in noted.taken:
                if number not in unread:
                    settled(number)
        if not left:
            return
    wants = chain(left, ((want, False) for want in iter(plan.next, None)))

    async def worker(_: int) -> None:
        for want, tried in wants:
            await _read(requests, want, tried)
            if settled is not None:
                settled(want.number)

    await requests.workers(len(plan), worker)


def _decodable(prototype: BufferPrototype) -> BufferPrototype:
    """The kind of buffers to ask for: the engine decodes what is in the memory of the computer."""
    return prototype if issubclass(prototype.buffer, CpuBuffer) else buffer_prototype


class _Some:
    """The requests of one operation: so many of them at a time."""

    def __init__(
        self, store: Store, chunk_bytes: int, prototype: BufferPrototype, *, raw: bool
    ) -> None:
        import asyncio

        self._prototype = prototype
        self.all = Requests(store)
        self._quick = _COPIED if raw else SMALL
        self.width = min(self.all.width, max(_FEW, _MOST_ENCODED // max(1, chunk_bytes)))
        self._turns = asyncio.Semaphore(self.width)

    async def workers(self, count: int, worker: Callable[[int], Awaitable[None]]) -> None:
        """Run workers side by side, for so many chunks."""
        # While some chunks are coded, as many as may be are still under way.
        width = self.width + (coders() if self.width > 1 else 0)
        await bounded(range(min(width, count)), worker, width)

    async def code(self, size: int, fn: Callable[..., T], *args: object) -> T:
        """Decode or encode, where it does not keep others waiting."""
        if size <= self._quick:
            return fn(*args)
        return await offload(fn, *args, kind="codec")

    def through(self, store: Store) -> _Some:
        """The same, asked through a store around this one."""
        view = copy(self)
        view.all = Requests(store)
        return view

    async def get(self, key: str) -> Any:
        async with self._turns:
            return bytes_of(await self.all.get(key, self._prototype))

    async def get_versioned(self, key: str) -> tuple[Any, object]:
        async with self._turns:
            value, version = await self.all.get_versioned(key, prototype=self._prototype)
        return bytes_of(value), version

    async def get_part(
        self, watch: Watch, key: str, place: tuple[int, int | None], *, shared: bool
    ) -> object:
        ask = self.all.get_shared if shared else self.all.get_versioned
        async with self._turns:
            value, version = await ask(key, byte_request(*place), self._prototype)
        watch.saw(version)
        return bytes_of(value)

    async def put(self, key: str, data: _core.Bytes | None) -> None:
        async with self._turns:
            if data is None:
                await self.all.delete(key)
            else:
                kind, view = self._prototype.buffer, memoryview(cast("Any", data))
                await self.all.set(key, kind.from_bytes(view))


async def _read(requests: _Some, first: _core.ReadWant, tried: bool) -> None:
    """Read one stored value, or parts of it that belong together."""
    if first.ranges == []:
        return  # a cache keeps it
    if first.flight is None:
        await _read_alone(requests, first, tried)
        return
    # Others who want the same wait, and find it in the cache then.
    async with locked(first.flight):
        await _read_alone(requests, first.again(), tried)


async def _read_alone(requests: _Some, first: _core.ReadWant, tried: bool) -> None:
    for attempt in range(1 if tried else 0, 3):
        # A value that cannot be decoded may have been cut on the way: it is read again, once. Parts
        # of a value that was written meanwhile are read again, too, and then all of it at once.
        began = first.again(whole=attempt == 2) if attempt else first
        want: _core.ReadWant | None = _askable(requests.all, began)
        watch = requests.all.watch(first.key) if began.ranges else None
        error: Exception | None = None
        try:
            while want is not None:
                try:
                    answer, version = await _fetch(requests, want, watch)
                except PartRefused as refusal:
                    want = first.again(whole=True)
                    if refusal.whole is None:
                        answer, version = await _fetch(requests, want, watch)
                    else:
                        answer, version = [bytes_of(refusal.whole[0])], refusal.whole[1]
                except Exception:
                    if not want.assumed:
                        raise
                    want = first.again()  # a shorter value has replaced it, perhaps
                    continue
                if watch is not None and watch.changed and attempt < 2:
                    break  # these bytes do not belong together
                try:
                    tag = _tag(want, version)
                    want = await requests.code(want.size_hint, want.feed, answer, tag)
                except Exception as failure:
                    if not _may_be_cut(failure):
                        raise
                    error, want = failure, None
        finally:
            if watch is not None:
                watch.close()
        torn = watch is not None and watch.changed and attempt < 2
        if error is None and not torn:
            return
        if error is not None and attempt and not torn:
            raise error


def _may_be_cut(error: Exception) -> bool:
    """Whether an error of decoding may come from a body that is not what was sent.

    Codecs that are written in Python raise what they like.
    """
    return isinstance(error, ChunkDecodeError) or not isinstance(
        error, (BaseZarrError, MemoryError)
    )


def _askable(requests: Requests, want: _core.ReadWant) -> _core.ReadWant:
    """The same, or all of the value if its parts must not be asked for."""
    if not want.ranges or requests.gives_parts(want.is_index or want.assumed):
        return want
    return want.again(whole=True)


def _tag(want: _core.ReadWant, version: object) -> str | None:
    """Return the version of a value in the form by which kept chunks and indexes are compared."""
    return None if version is None or not want.versioned else repr(version)


def _tells_versions(store: Store) -> bool:
    """Whether a whole value is asked for with its version.

    A store that keeps encoded values would not look for the value among them.
    """
    keeps = any(isinstance(layer, WrapperStore) and layer.keeps_values for layer in layers(store))
    return store.traits.versions and not keeps


async def _fetch(
    requests: _Some, want: _core.ReadWant, watch: Watch | None
) -> tuple[Answer, object]:
    """Return the answer to a want, and the version of the value if that is of use."""
    key, ranges = want.key, want.ranges
    if ranges is None or watch is None:
        if ranges == []:
            return [], None
        if want.flight is not None and _tells_versions(requests.all.store):
            value, version = await requests.get_versioned(key)
            return [value], version
        return [await requests.get(key)], None
    get = partial(requests.get_part, watch, key, shared=want.is_index)
    answer = [await get(ranges[0])] if len(ranges) == 1 else await bounded(ranges, get)
    if want.is_index and trace.active:
        trace.index_read(_length(answer))
    return answer, watch.version


def _length(answer: Answer) -> int:
    return sum(len(part) for part in answer if part is not None)


def _fed(
    feed: Callable[..., _core.ReadWant | None], *answer: object
) -> tuple[_core.ReadWant | None, bool]:
    """Return the next want after an answer, and whether that could not be decoded."""
    try:
        return feed(*answer), False
    except Exception as error:
        if not _may_be_cut(error):
            raise
        return None, True


class _SteppedRead:
    """The same on one thread: the store is asked here, large chunks are decoded elsewhere."""

    def __init__(self, requests: Requests, prototype: BufferPrototype) -> None:
        self._requests = requests
        self._prototype = prototype
        # Each value that is being decoded: its want, the watch for writes to it, and the result.
        self._decoding: deque[
            tuple[_core.ReadWant, Watch | None, Future[_core.ReadWant | None]]
        ] = deque()

    async def run(self, plan: Plan) -> None:
        try:
            while (want := plan.next()) is not None:
                if want.ranges == []:
                    continue  # a cache keeps it
                if want.flight is None:
                    await self._begin(want)
                else:
                    async with locked(want.flight):
                        await self._begin(want.again())
                if len(self._decoding) > coders():
                    await self._end()
            while self._decoding:
                await self._end()
        finally:
            for _, watch, future in self._decoding:
                future.cancel()
                if watch is not None:
                    watch.close()

    async def _begin(self, first: _core.ReadWant) -> None:
        want: _core.ReadWant | None = _askable(self._requests, first)
        failed = False
        watch = self._requests.watch(first.key) if first.ranges else None
        try:
            while want is not None:
                try:
                    answer = await self._fetch(want, watch)
                except PartRefused as refusal:
                    want = first.again(whole=True)
                    if refusal.whole is None:
                        answer = await self._fetch(want, watch)
                    else:
                        answer = [bytes_of(refusal.whole[0])], _tag(want, refusal.whole[1])
                except Exception:
                    if not want.assumed:
                        raise
                    want = first.again()  # a shorter value has replaced it, perhaps
                    continue
                if watch is not None and watch.changed:
                    break
                # Nobody waits for a lock while others wait for what is decoded elsewhere.
                if want.size_hint > SMALL and not want.is_index and want.flight is None:
                    future = get_executor("codec").submit(want.feed, *answer)
                    self._decoding.append((first, watch, future))
                    watch = None
                    return
                want, failed = _fed(want.feed, *answer)
        finally:
            if watch is not None:
                watch.close()
        await self._judge(first, watch, failed)

    async def _end(self) -> None:
        first, watch, future = self._decoding.popleft()
        try:
            want, failed = _fed(future.result)
            while want is not None:
                want, failed = _fed(want.feed, *await self._fetch(want, watch))
        except PartRefused:
            failed = True
        finally:
            if watch is not None:
                watch.close()
        await self._judge(first, watch, failed)

    async def _judge(self, first: _core.ReadWant, watch: Watch | None, failed: bool) -> None:
        """Read a value again if it could not be decoded, or was written meanwhile."""
        torn = watch is not None and watch.changed
        if torn or (failed and not await self._again(first)):
            # All of it at once, if parts of it may not belong together.
            whole = first.again(whole=True)
            whole.feed(*await self._fetch(whole, None))

    async def _again(self, first: _core.ReadWant) -> bool:
        """Read once more what was cut on the way, perhaps; tell whether it belongs together."""
        want: _core.ReadWant | None = _askable(self._requests, first.again())
        watch = self._requests.watch(first.key)
        try:
            while want is not None:
                answer = await self._fetch(want, watch)
                if watch.changed:
                    return False
                want = want.feed(*answer)
        finally:
            watch.close()
        return not watch.changed

    async def _fetch(self, want: _core.ReadWant, watch: Watch | None) -> tuple[Answer, str | None]:
        key, ranges, requests = want.key, want.ranges, self._requests
        if ranges == []:
            return [], None
        if ranges is None or watch is None:
            if want.flight is not None and _tells_versions(requests.store):
                value, version = await requests.get_versioned(key, prototype=self._prototype)
                return [bytes_of(value)], _tag(want, version)
            return [bytes_of(await requests.get(key, self._prototype))], None
        answer = []
        for place in ranges:
            part = byte_request(*place)
            value, version = await requests.get_versioned(key, part, self._prototype)
            watch.saw(version)
            answer.append(bytes_of(value))
        if want.is_index and trace.active:
            trace.index_read(_length(answer))
        return answer, _tag(want, watch.version)


async def write_all(
    store: Store,
    plan: _core.WritePlan,
    guard: Guard,
    chunk_bytes: int,
    prototype: BufferPrototype,
) -> None:
    """Encode what a plan wants to write, and store it.

    Parameters
    ----------
    store
        Where the chunks are.
    plan
        The plan of the write.
    guard
        ``guard(key)`` is a context in which nobody else changes the value of the key: chunks that
        are changed in part are read and written in it.
    chunk_bytes
        How large a stored value may be, about.
    prototype
        The kind of buffers that the store is given.
    """
    requests = _Some(store, chunk_bytes, _decodable(prototype), raw=plan.raw)
    ended = trace.timed("write")

    async def worker(_: int) -> None:
        while (want := plan.next()) is not None:
            if want.full:
                await requests.put(want.key, await requests.code(want.size_hint, want.encode, None))
            else:
                async with guard(want.key):
                    await exchanged(store, partial(_change, requests, want))

    await requests.workers(len(plan), worker)
    if ended is not None:
        ended()


async def _change(requests: _Some, want: _core.WriteWant, store: Store) -> None:
    """Replace a value, and keep a part of it."""
    requests = requests.through(store)
    current = await requests.get(want.key)
    try:
        data = await requests.code(want.size_hint, want.encode, current)
    except Exception as error:
        if current is None or not _may_be_cut(error):
            raise
        # It was cut on the way, perhaps: it is read again, once.
        current = await requests.get(want.key)
        data = await requests.code(want.size_hint, want.encode, current)
    if data is None and current is None and isinstance(store, Exchange):
        return
    if data is None and not deletes(store):
        data = await requests.code(want.size_hint, want.encode, current, True)
    await requests.put(want.key, data)


def bytes_of(buffer: Buffer | None) -> object:
    """Return the bytes of a buffer, which may lie in any memory, as the engine takes them."""
    if buffer is None:
        return None
    return buffer._data if type(buffer) is CpuBuffer else buffer.as_buffer_like()


Left: TypeAlias = list[tuple[_core.ReadWant, bool]]
"""Chunks that were not read, and whether it was tried and they could not be decoded."""

_BATCH = 1024
# Stores of which a value was found at its URL, and those of which the first was not.
_found: Notes[bool] = Notes()
_useless: Notes[bool] = Notes()


async def read_directly(requests: Requests, plan: Plan, width: int) -> Left:
    """Read chunks of a plan, as long as all goes well.

    Parameters
    ----------
    requests
        To the store.
    plan
        The plan of the read.
    width
        How many requests at a time.

    Returns
    -------
    Left
        The wants that were taken from the plan and not read. If there are none, the plan is done.
    """
    left: Left = []
    while wants := list(islice(iter(plan.next, None), _BATCH)):
        whole = [want for want in wants if want.ranges is None]
        left += [(want, False) for want in wants if want.ranges is not None]
        keys = [want.key for want in whole]
        urls = await _urls(requests.store, keys) if whole else None
        if urls is None:
            return left + [(want, False) for want in whole]
        went_well, unread = await _fetch_directly(requests, whole, urls, width)
        left += unread
        if not went_well:
            break
    return left


async def _urls(store: Store, keys: list[str]) -> list[str] | None:
    """URLs of values, or None if the store is to be asked for them."""
    presigned_urls = store.traits.presigned_urls
    if presigned_urls is None or _useless.get(store) or not _core.FEATURES["http"]:
        return None
    # One attempt is one: there must be a second, by the store, to find out what is wrong.
    if config.settings.requests__attempts <= 1 or not config.settings.requests__direct:
        return None
    return await presigned_urls(keys)


async def _fetch_directly(
    requests: Requests, wants: list[_core.ReadWant], urls: list[str], width: int
) -> tuple[bool, Left]:
    """Fetch chunks; tell whether all answers were plain, and what is left."""
    timeout = requests.seconds(max(want.size_hint for want in wants)) if wants else None
    damaged: Left = []
    while wants:
        # Raised when others want to ask, too; they get their turn, and the rest is fetched after.
        room, cancel = _core.Cancel(), _core.Cancel()
        most = min(width, len(wants))
        async with many_in_flight(requests.data_id, requests.limit, most, room) as turns:
            arguments = (wants, urls, turns, timeout, room, cancel)
            unread = await offload(_core.fetch, *arguments, cancel=cancel, kind="fetch")
        if len(unread) < len(wants):
            _found.note(requests.store, True)
        left = [(wants[i].again(), why == "damaged") for i, why in unread]
        reasons = {why for _, why in unread}
        if "late" in reasons and timeout is not None and not may_begin(timeout):
            key = next(wants[i].key for i, why in unread if why == "late")
            raise requests.too_late("get", key, timeout)
        if not reasons.isdisjoint(("unclear", "late")):
            told = ", ".join(sorted(reasons - {"untouched"}))
            trace.fell_back(requests.store.shown_as(), len(left), len(wants), told)
            # A fault at the very first says that it may never work; later ones pass.
            if not _found.get(requests.store):
                _useless.note(requests.store, True)
            return False, damaged + left
        damaged += [item for item in left if item[1]]
        urls = [urls[i] for i, why in unread if why == "untouched"]
        wants = [want for want, tried in left if not tried]
    return True, damaged
