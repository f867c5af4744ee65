"""The doorway to stores: what arrays, groups, copies and listings ask of one goes through here.

A request to a store that may wait takes its place under the limit of requests that the process has
under way at the same data, is given up when no answer comes, and is made again, after a pause that
grows, when it failed in a way that may pass. Stores that never wait are asked at once; what fails
there in such a way is asked again, too, unless it is a disk that fails.
"""

from __future__ import annotations

import errno
import time
from contextlib import asynccontextmanager
from functools import partial
from math import inf
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from zarr import _core
from zarr._async import trace
from zarr._async.executors import blocked_loop, thread
from zarr._async.run import bounded, concurrency, offload
from zarr.abc._traits import data_id_of, gives_parts, note_refusal
from zarr.abc.store import (
    ByteRequest,
    RangeByteRequest,
    Store,
    SuffixByteRequest,
    ValueInfo,
    get_versioned,
)
from zarr.buffer.cpu import buffer_prototype
from zarr.settings import Unset, config
from zarr.storage.client.limiter import in_flight
from zarr.storage.client.own_writes import Watch, note_deletion, rewritten_below, watch, writing
from zarr.storage.client.retry import Attempts, is_transient, sleep, was_refused
from zarr.storage.wrapper import WrapperStore, composed, layers

if TYPE_CHECKING:
    import asyncio
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence

    from zarr.buffer.core import Buffer, BufferPrototype

__all__ = ["PartRefused", "Requests", "get_documents", "limit_of"]

T = TypeVar("T")

_MIB = 1 << 20
_NO_VALUE = object()
_CHECKS = 3
_MANY = 1 << 20  # requests at a time: as good as no limit


def limit_of(store: Store) -> int:
    """How many requests may be under way at the data of a store.

    Parameters
    ----------
    store
        The store. Its own `max_requests`, or that of one that it wraps, or the trait of that name,
        comes before the setting ``requests.limit``. Where nobody set that, and
        ``async.concurrency`` is set to more, it is as much as that.
    """
    own = (layer.max_requests for layer in layers(store) if layer.max_requests is not None)
    most = next(own, store.traits.max_requests)
    if most is not None:
        return max(1, most)
    limit = config.settings.requests__limit
    if type(limit) is Unset:
        asked = config.settings.async__concurrency
        limit = limit if asked is None or type(asked) is Unset else max(limit, asked)
    return _MANY if limit is None else max(1, int(limit))


class PartRefused(Exception):
    """A store does not return parts of values.

    Parameters
    ----------
    whole : tuple of Buffer and object, optional
        The value and its version, if it returned all of it.
    """

    def __init__(self, whole: tuple[Buffer, object] | None = None) -> None:
        super().__init__("the store does not return parts of values")
        self.whole = whole


class OnceStore(WrapperStore[Store]):
    """A store whose changes must not be made again blindly: they depend on what was there."""

    async def resolve_outcome(self, key: str, error: Exception) -> None:
        """After a change of which no answer came: return if it was made, else raise an error.

        Parameters
        ----------
        key
            The key of the value.
        error
            The error that came instead of the answer.
        """
        raise error


class Requests:
    """The requests of one store: the methods of `Store`, made to get through.

    Parameters
    ----------
    store
        The store.
    """

    __slots__ = ("_data_id", "_limit", "_waits", "store")

    def __init__(self, store: Store) -> None:
        self.store = store
        self._waits = store.traits.needs_event_loop
        self._data_id: str | None = None
        self._limit = 0

    @property
    def data_id(self) -> str:
        """The name of the data."""
        if self._data_id is None:
            self._data_id = data_id_of(self.store)
        return self._data_id

    @property
    def limit(self) -> int:
        """How many requests may be under way at the data."""
        if not self._limit:
            self._limit = limit_of(self.store)
        return self._limit

    @property
    def width(self) -> int:
        """How many requests one operation should have under way."""
        return min(self.limit, concurrency())

    async def ensure_open(self) -> None:
        """Open the store, unless it is open."""
        await self.store._ensure_open()

    # -- reading ----------------------------------------------------------------------------

    async def get(
        self, key: str, prototype: BufferPrototype, byte_range: ByteRequest | None = None
    ) -> Buffer | None:
        """Return the value of a key, or a part of it; None if there is none."""
        size = byte_range.end - byte_range.start if isinstance(byte_range, RangeByteRequest) else 0
        call = partial(self.store.get, key, prototype, byte_range)
        return await self._ask("get", key, call, size)

    async def get_checked(self, key: str) -> Buffer | None:
        """Return the value of a key that is stored elsewhere as it is; None if there is none.

        Nobody decodes the value, which would show that a part is missing: its length is compared
        with the size that the store reports.

        Raises
        ------
        OSError
            If they differ, again and again.
        """
        value = await self.get(key, buffer_prototype)
        if value is None or self.store.traits.detects_truncation:
            return value
        if composed(self.store, "getsize"):
            return value  # the store would only read the value to tell its size
        size = -1
        for _ in range(_CHECKS):
            try:
                size = await self.getsize(key)
            except FileNotFoundError:  # deleted meanwhile
                return None
            if len(value) == size:
                return value
            value = await self.get(key, buffer_prototype)
            if value is None:
                return None
        raise OSError(
            f"the value of {key!r} in {self.store.shown_as()} has {size} bytes, as the store "
            f"says, but {len(value)} were read: it was cut on the way, or is written all the time"
        )

    async def get_document(self, key: str) -> bytes | None:
        """Return a JSON document; what looks as if it were cut off is read again, once."""
        value = await self.get(key, buffer_prototype)
        if value is None:
            return None
        document = value.to_bytes()
        if not _are_whole((document,)):
            value = await self.get(key, buffer_prototype)
            document = b"" if value is None else value.to_bytes()
        return document

    async def get_versioned(
        self,
        key: str,
        byte_range: ByteRequest | None = None,
        prototype: BufferPrototype = buffer_prototype,
    ) -> tuple[Buffer | None, object]:
        """Return the value of a key, or a part of it, and its version; see `Store`.

        The version of no value is like no other.

        Raises
        ------
        PartRefused
            If the store, which does not say whether it returns parts, does not.
        """
        size = byte_range.end - byte_range.start if isinstance(byte_range, RangeByteRequest) else 0
        call = partial(get_versioned, self.store, key, prototype, byte_range)
        try:
            found = await self._ask("get", key, call, size)
        except (NotImplementedError, TypeError, ValueError, AssertionError) as error:
            if byte_range is None or self.store.traits.byte_ranges is not None:
                raise
            note_refusal(self.store)
            raise PartRefused from error
        if found is None:
            return None, _NO_VALUE
        if (
            byte_range is not None
            and len(found[0]) > _longest(byte_range)
            and self.store.traits.byte_ranges is None
        ):
            note_refusal(self.store)
            raise PartRefused(found)
        return found

    def gives_parts(self, in_shard: bool) -> bool:
        """Whether to ask for a part of a value, which may be one of a shard."""
        return gives_parts(self.store, in_shard)

    async def get_shared(
        self,
        key: str,
        byte_range: ByteRequest | None,
        prototype: BufferPrototype = buffer_prototype,
    ) -> tuple[Buffer | None, object]:
        """Return a part of a value and its version, by one request for all who want it just now.

        Only those share it who ask the same store: what another shows, though of the same data,
        may be something else. Nobody joins a request after the value was written by this process.
        The buffer is of the kind that the first reader asked for.
        """
        import asyncio

        here = asyncio.get_running_loop()
        blocked = blocked_loop.get()
        name = (id(self.store), id(here), id(blocked), key, byte_range)
        flight = _flights.get(name)
        if flight is None:
            task = here.create_task(self.get_versioned(key, byte_range, prototype))
            flight = _flights[name] = _Flight(task, (self.store, blocked))
            seen = watch(self.data_id, key, partial(_flights.pop, name, None))
            flight.task.add_done_callback(partial(_landed, name, flight, seen))
        return await flight.wait()

    def watch(self, key: str) -> Watch:
        """Begin to watch whether this process writes a value."""
        return watch(self.data_id, key)

    async def exists(self, key: str) -> bool:
        """Tell whether a key has a value."""
        return await self._ask("exists", key, partial(self.store.exists, key))

    async def getsize(self, key: str) -> int:
        """Return how many bytes the value of a key has; FileNotFoundError if it has none."""
        return await self._ask("getsize", key, partial(self.store.getsize, key))

    async def getsize_prefix(self, prefix: str) -> int:
        """Return how many bytes all values below a prefix have together."""
        if self._waits and composed(self.store, "getsize_prefix"):
            keys = [key async for key in self.list_prefix(_as_directory(prefix))]
            return sum(await bounded(keys, self.getsize, self.width))
        call = partial(self.store.getsize_prefix, prefix)
        return await self._ask("getsize_prefix", prefix, call, None)

    async def is_empty(self, prefix: str) -> bool:
        """Tell whether no key has a value below a prefix."""
        return await self._ask("is_empty", prefix, partial(self.store.is_empty, prefix))

    async def list(self) -> AsyncIterator[str]:
        """Yield all keys."""
        for key in await self._listed("list", "", self.store.list):
            yield key

    async def list_prefix(self, prefix: str) -> AsyncIterator[str]:
        """Yield the keys that start with a prefix, as whole keys."""
        call = partial(self.store.list_prefix, prefix)
        for key in await self._listed("list_prefix", prefix, call):
            yield key

    async def list_dir(self, prefix: str) -> AsyncIterator[str]:
        """Yield the names of what lies directly below a prefix."""
        call = partial(self.store.list_dir, prefix)
        for name in await self._listed("list_dir", prefix, call):
            yield name

    async def list_values(self, prefix: str) -> AsyncIterator[ValueInfo]:
        """Yield the facts of the values whose keys start with a prefix; see `Store`."""
        if self._waits and composed(self.store, "list_values"):
            keys = [key async for key in self.list_prefix(prefix)]
            sizes = await bounded(keys, self._size_if_there, self.width)
            for key, size in zip(keys, sizes, strict=True):
                if size is not None:
                    yield ValueInfo(key, size)
            return
        if self.store.traits.native_handle is not None:
            # Nothing breaks off there, and there may be more than memory should hold.
            async for info in self.store.list_values(prefix):
                yield info
            return
        call = partial(self.store.list_values, prefix)
        for info in await self._listed("list_values", prefix, call):
            yield info

    async def _size_if_there(self, key: str) -> int | None:
        try:
            return await self.getsize(key)
        except FileNotFoundError:  # deleted meanwhile
            return None

    async def _listed(
        self, name: str, prefix: str, call: Callable[[], AsyncIterator[T]]
    ) -> Sequence[T]:
        # To the end, before anybody sees a part of it: a listing that breaks off begins anew.
        async def listed() -> Sequence[T]:
            seconds = self.seconds(0) if self._waits else None
            if seconds is None:
                return [item async for item in call()]
            import asyncio

            items = []
            time_of = asyncio.get_running_loop().time
            async with self._clock(name, prefix, seconds) as clock:
                async for item in call():
                    items.append(item)
                    clock.reschedule(time_of() + seconds)
            return items

        return await self._ask(name, prefix, listed, None)

    # -- writing ----------------------------------------------------------------------------

    async def set(self, key: str, value: Buffer) -> None:
        """Give a key a value."""
        call = partial(self.store.set, key, value)
        if isinstance(self.store, OnceStore):
            await self._once(self.store, "set", key, call, len(value))
            return
        with writing(self.data_id, key):
            await self._ask("set", key, call, len(value))

    async def set_if_not_exists(self, key: str, value: Buffer) -> None:
        """Give a key a value, unless it has one."""
        call = partial(self.store.set_if_not_exists, key, value)
        with writing(self.data_id, key):
            await self._ask("set_if_not_exists", key, call, len(value))

    async def copy_value(self, key: str, target: Requests, target_key: str) -> int | None:
        """Copy a value as it is, at the service where that can be; return how many bytes it has.

        Parameters
        ----------
        key
            The key of the value.
        target
            The requests of the store that the copy is for.
        target_key
            The key of the copy.

        Returns
        -------
        int or None
            None if there is no such value.
        """
        if type(self.store) is type(target.store):  # else one does not know the other
            call = partial(self.store.copy_value, key, target.store, target_key)
            with writing(target.data_id, target_key):
                size = await self._ask("copy_value", key, call, None)
            if size is not None:
                return size
        value = await self.get_checked(key)
        if value is None:
            return None
        await target.set(target_key, value)
        return len(value)

    async def move_dir(
        self, prefix: str, target: Requests, target_prefix: str, *, exchange: bool = False
    ) -> bool:
        """Move all values below a prefix in one step, if the store can; tell whether it did.

        Parameters
        ----------
        prefix, target, target_prefix, exchange
            As of `Store.move_dir`.
        """
        if type(self.store) is not type(target.store):
            return False
        call = partial(self.store.move_dir, prefix, target.store, target_prefix, exchange=exchange)
        try:
            return await self.once("move_dir", prefix, call)
        finally:
            for requests, directory in (
                (self, _as_directory(prefix)),
                (target, _as_directory(target_prefix)),
            ):
                rewritten_below(requests.data_id, directory)
                note_deletion(requests.data_id, directory)

    async def delete(self, key: str) -> None:
        """Take the value of a key away; nothing happens if it has none."""
        if isinstance(self.store, OnceStore):
            await self._once(self.store, "delete", key, partial(self.store.delete, key))
            return
        tried = False

        async def delete() -> None:
            nonlocal tried
            try:
                await self.store.delete(key)
            except (FileNotFoundError, KeyError):
                if not tried:
                    raise
                # An attempt of which no answer came did it.
            finally:
                tried = True

        with writing(self.data_id, key):
            await self._ask("delete", key, delete)

    async def _once(
        self,
        store: OnceStore,
        name: str,
        key: str,
        call: Callable[[], Awaitable[None]],
        size: int = 0,
    ) -> None:
        # Made again, it would fail for what it did itself the first time.
        try:
            await self.once(name, key, call, size)
        except Exception as error:
            if not self._may_pass(error):
                raise
            await store.resolve_outcome(key, error)

    async def delete_dir(self, prefix: str) -> None:
        """Delete all keys below a prefix."""
        store = self.store
        directory = _as_directory(prefix)
        try:
            able = store.supports_deletes and store.supports_listing
            if self._waits and able and composed(store, "delete_dir"):
                store._check_writable()
                keys = [key async for key in self.list_prefix(directory)]
                await bounded(keys, self.delete, self.width)
            else:
                await self._ask("delete_dir", prefix, partial(store.delete_dir, prefix), None)
        finally:
            rewritten_below(self.data_id, directory)
            note_deletion(self.data_id, directory)

    def own(self, path: str, keys: Iterable[str]) -> Sequence[str]:
        """Those of the keys below a path to which no symbolic link at the path or below it leads.

        The others are values of what the links point to, which stays when the links are deleted.
        """
        return [key for key in keys if not self.store.passes_link(path, key)]

    async def once(self, name: str, key: str, call: Callable[[], Awaitable[T]], size: int = 0) -> T:
        """Make a request that must not be made again: one whose answer depends on what it did.

        If it fails, it is not known whether it was carried out: whoever asks finds out.

        Parameters
        ----------
        name, key
            The request and its key, for messages.
        call
            Makes the request.
        size
            About how many bytes are sent or received.
        """
        attempts = Attempts(time.monotonic())
        asked = trace.Asked(name, key) if trace.active else None
        with writing(self.data_id, key):
            while True:
                try:
                    request = self._in_turn(name, key, call, size, asked) if self._waits else call()
                    answer = await request
                    if asked is not None:
                        asked.answered(answer, size)
                    return answer
                except Exception as error:
                    # Unless it is certain that nothing was done.
                    pause = attempts.pause(error) if was_refused(error) else None
                    if pause is None:
                        raise
                    trace.retried(name, key, self.store.shown_as(), error, attempts.made, pause)
                await sleep(pause)

    # -- getting through --------------------------------------------------------------------

    async def _ask(
        self, name: str, key: str, call: Callable[[], Awaitable[T]], size: int | None = 0
    ) -> T:
        """Make a request, and make it again after faults that may pass.

        `size` is about how many bytes are sent or received; None lifts the limit of time.
        """
        attempts: Attempts | None = None
        began = time.monotonic()
        asked = trace.Asked(name, key) if trace.active else None
        while True:
            try:
                request = self._in_turn(name, key, call, size, asked) if self._waits else call()
                answer = await request
            except Exception as error:
                if not self._may_pass(error):
                    raise
                if attempts is None:
                    attempts = Attempts(began)
                pause = attempts.pause(error)
                if pause is None:
                    error.add_note(
                        f"zarr gave up {name} {key!r} of {self.store.shown_as()} after "
                        f"{attempts.made} attempts in {attempts.seconds:.1f} s"
                    )
                    raise
                trace.retried(name, key, self.store.shown_as(), error, attempts.made, pause)
            else:
                if asked is not None:
                    asked.answered(answer, size)
                if self._waits and time.monotonic() - began >= trace.LONG:
                    took = time.monotonic() - began
                    trace.answer_waited(name, key, self.store.shown_as(), took)
                return answer
            await sleep(pause)

    def _may_pass(self, error: Exception) -> bool:
        # Services are given this number for what may pass; a disk means it.
        of_a_disk = not self._waits and isinstance(error, OSError) and error.errno == errno.EIO
        return is_transient(error) and not of_a_disk

    async def _in_turn(
        self,
        name: str,
        key: str,
        call: Callable[[], Awaitable[T]],
        size: int | None,
        asked: trace.Asked | None,
    ) -> T:
        async with in_flight(self.data_id, self.limit):
            if asked is not None:
                asked.enter()
            seconds = None if size is None else self.seconds(size)
            if seconds is None:
                return await call()
            async with self._clock(name, key, seconds):
                return await call()

    @asynccontextmanager
    async def _clock(self, name: str, key: str, seconds: float) -> AsyncIterator[asyncio.Timeout]:
        """Cancel what is done in this context when the time is up, and say so."""
        import asyncio

        clock = asyncio.timeout(seconds)
        try:
            async with clock:
                yield clock
        except TimeoutError as error:
            if not clock.expired():
                raise
            raise self.too_late(name, key, seconds) from error

    def too_late(self, name: str, key: str, seconds: float) -> TimeoutError:
        """The error for a request to which no answer came in time."""
        return TimeoutError(
            f"no answer to {name} {key!r} of {self.store.shown_as()} within {seconds:g} s (the "
            "setting requests.timeout)"
        )

    def seconds(self, size: int) -> float | None:
        """How long an answer may take for so many bytes; None: for ever."""
        timeout = config.settings.requests__timeout
        return None if timeout is None else timeout + size / _MIB


_AT_ONCE = 8
"""How many documents one call of the engine reads: so few that threads can help with the others
where files are slow."""


async def get_documents(store: Store, keys: Sequence[str]) -> list[bytes | None]:
    """Return JSON documents, fetched together; None for those that are not there.

    The engine reads them where it can; the store is asked where that leaves a doubt.
    """
    handle = store.traits.native_handle
    if handle is not None and len(keys) > _AT_ONCE:
        parts = [keys[first : first + _AT_ONCE] for first in range(0, len(keys), _AT_ONCE)]
        read = await bounded(parts, partial(get_documents, store))
        return [document for part in read for document in part]
    if handle is not None:
        try:
            if thread.stepping or isinstance(handle, _core.Mapping):
                found = handle.documents(keys)
            else:
                found = await offload(handle.documents, keys)
        except OSError:
            found = [b""]
        if _are_whole(found):
            return found
    return await bounded(keys, Requests(store).get_document)


def _are_whole(documents: Iterable[bytes | None]) -> bool:
    """Whether the bytes of JSON documents look as if none were cut off."""
    for document in documents:
        if document is not None and not document.rstrip().endswith(b"}"):
            return False
    return True


class _Flight:
    """A request that several wait for; it ends with the last of them.

    It keeps alive what it is named by, so that nothing else can be taken for it.
    """

    __slots__ = ("_named_by", "task", "users")

    def __init__(self, task: asyncio.Task[tuple[Buffer | None, object]], named_by: object) -> None:
        self.task = task
        self._named_by = named_by
        self.users = 0

    async def wait(self) -> tuple[Buffer | None, object]:
        import asyncio

        self.users += 1
        try:
            return await asyncio.shield(self.task)
        finally:
            self.users -= 1
            if not self.users and not self.task.done():
                self.task.cancel()
                await asyncio.wait([self.task])


_Name: TypeAlias = tuple[int, int, int, str, ByteRequest | None]
_flights: dict[_Name, _Flight] = {}


def _landed(name: _Name, flight: _Flight, seen: Watch, task: asyncio.Task[object]) -> None:
    seen.close()
    if _flights.get(name) is flight:
        del _flights[name]
    if not task.cancelled():
        task.exception()  # marks it as seen, if nobody waits any more


def _longest(byte_range: ByteRequest) -> float:
    """How many bytes there are in a part of a value, at most."""
    match byte_range:
        case RangeByteRequest(start, end):
            return end - start
        case SuffixByteRequest(suffix):
            return suffix
        case _:
            return inf


def _as_directory(prefix: str) -> str:
    return prefix if prefix == "" or prefix.endswith("/") else prefix + "/"
