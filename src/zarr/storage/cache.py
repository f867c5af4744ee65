"""A store that keeps what it read from a slower one."""

from __future__ import annotations

import os
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, field, replace
from itertools import count
from typing import TYPE_CHECKING, Any, Literal, Self, TypeAlias
from weakref import WeakSet

from zarr._async.run import locked, section, step
from zarr.abc.store import ByteRequest, RangeByteRequest, Store, get_versioned
from zarr.buffer.core import default_buffer_prototype
from zarr.storage.keys import absolute, bounds, check_key, check_value, folder_of, is_immutable
from zarr.storage.memory import MemoryStore
from zarr.storage.wrapper import WrapperStore

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from zarr.abc.store import StoreTraits
    from zarr.buffer.core import Buffer, BufferPrototype

# A whole value, or a part of one.
Entry: TypeAlias = tuple[str, ByteRequest | None]

_numbers = count()


@dataclass(eq=False)
class Flight:
    """One read of the slower store, which all who want the same thing share."""

    name: str
    landed: bool = False
    value: Buffer | None = None
    version: Any = None
    error: Exception | None = None
    # Whether the key was written meanwhile: then the value is not kept.
    stale: bool = False


@dataclass(eq=False)
class CacheState:
    """The account of a cache; shared by a store and its read-only views."""

    # By last use, oldest first: size, when it was fetched, and of which version of the value.
    entries: OrderedDict[Entry, tuple[int, float, Any]] = field(default_factory=OrderedDict)
    # Parts of values, by key; whole values are in the cache store.
    parts: dict[str, dict[ByteRequest, Buffer]] = field(default_factory=dict)
    flights: dict[Entry, Flight] = field(default_factory=dict)
    size: int = 0
    hits: int = 0
    misses: int = 0
    evictions: int = 0
    # Whether what the cache store held at first is counted.
    counted: bool = False
    guard: threading.Lock = field(default_factory=threading.Lock)
    number: int = field(default_factory=lambda: next(_numbers))

    def __post_init__(self) -> None:
        _states.add(self)

    def __getstate__(self) -> dict[str, object]:
        return {}  # a copy in another process begins empty

    def __setstate__(self, _: dict[str, object]) -> None:
        self.__init__()  # type: ignore[misc]

    # -- what is kept -----------------------------------------------------------------------

    def is_fresh(self, entry: Entry, max_age: float | str) -> bool | None:
        """Whether an entry is young enough, and is now the last used; None if it is not known."""
        with self.guard:
            known = self.entries.get(entry)
            if known is None:
                return None
            if not isinstance(max_age, str) and time.monotonic() - known[1] > max_age:
                return False
            self.entries.move_to_end(entry)
            return True

    def version(self, entry: Entry) -> Any:
        """The version of the value that an entry is of; None if it is not known."""
        with self.guard:
            known = self.entries.get(entry)
            return None if known is None else known[2]

    def part(
        self, key: str, request: ByteRequest, max_age: float | str
    ) -> tuple[Buffer, Any] | None:
        """Part of a value and the version of it, from the same part or a larger one."""
        with self.guard:
            parts = self.parts.get(key)
            if parts is None:
                return None
            if request in parts:
                found, start = request, 0
            elif isinstance(request, RangeByteRequest):
                around = _around(parts, request)
                if around is None:
                    return None
                found, start = around, request.start - around.start
            else:
                return None
            known = self.entries[key, found]
            if not isinstance(max_age, str) and time.monotonic() - known[1] > max_age:
                return None
            self.entries.move_to_end((key, found))
            value = parts[found]
            if found == request:
                return value, known[2]
            assert isinstance(request, RangeByteRequest)
            return value[start : start + request.end - request.start], known[2]

    def room(self, entry: Entry, size: int, limit: int | None, version: object) -> list[Entry]:
        """Count an entry, and no longer those for which there is no room with it; return them.

        Those that were not used for the longest time go. The counted bytes never exceed `limit`.
        Parts of another version of the value go too.
        """
        with self.guard:
            self._forget(entry)
            victims = [
                other
                for other in [
                    (entry[0], None),
                    *((entry[0], p) for p in self.parts.get(entry[0], ())),
                ]
                if version is not None and other in self.entries
                if self.entries[other][2] not in (None, version)
            ]
            for other in victims:
                self._forget(other)
            while limit is not None and self.entries and self.size + size > limit:
                oldest = next(iter(self.entries))
                self._forget(oldest)
                victims.append(oldest)
            self.entries[entry] = (size, time.monotonic(), version)
            self.size += size
            self.evictions += len(victims)
            return victims

    def add_left(self, entry: Entry, size: int) -> None:
        """Count what was there already: as old as can be, and the first to go."""
        with self.guard:
            if entry not in self.entries:
                self.entries[entry] = (size, float("-inf"), None)
                self.entries.move_to_end(entry, last=False)
                self.size += size

    def put_part(self, key: str, request: ByteRequest, value: Buffer) -> None:
        with self.guard:
            if (key, request) in self.entries:  # else it had to go already
                self.parts.setdefault(key, {})[request] = value

    def forget(self, key: str) -> bool:
        """Forget all of a key, also what is on its way; return whether the whole value was kept."""
        with self.guard:
            whole = (key, None) in self.entries
            for entry in [(key, None), *((key, part) for part in self.parts.get(key, ()))]:
                self._forget(entry)
            for entry in [entry for entry in self.flights if entry[0] == key]:
                self.flights.pop(entry).stale = True
            return whole

    def _forget(self, entry: Entry) -> None:
        self.size -= self.entries.pop(entry, (0, 0.0, None))[0]
        key, request = entry
        if request is not None and key in self.parts:
            self.parts[key].pop(request, None)
            if not self.parts[key]:
                del self.parts[key]

    def keys_below(self, folder: str) -> set[str]:
        with self.guard:
            known = {key for key, _ in self.entries} | {key for key, _ in self.flights}
        return {key for key in known if key.startswith(folder)}

    def count(self, *, hits: int = 0, misses: int = 0) -> None:
        with self.guard:
            self.hits += hits
            self.misses += misses

    # -- what is on its way -----------------------------------------------------------------

    def board(self, entry: Entry, mine: Flight) -> Flight:
        """The flight that others began for an entry; else `mine`, which it is from now on."""
        with self.guard:
            return self.flights.setdefault(entry, mine)

    def land(self, entry: Entry, flight: Flight) -> None:
        """Let nobody board a flight any more."""
        with self.guard:
            if self.flights.get(entry) is flight:
                del self.flights[entry]

    def new_flight(self) -> Flight:
        return Flight(f"cache\0{self.number}\0{next(_numbers)}")


def _around(parts: dict[ByteRequest, Buffer], wanted: RangeByteRequest) -> RangeByteRequest | None:
    """A part that `wanted` lies in."""
    for part, value in parts.items():
        if (
            isinstance(part, RangeByteRequest)
            and part.start <= wanted.start
            and wanted.end <= part.start + len(value)
        ):
            return part
    return None


_states: WeakSet[CacheState] = WeakSet()


def _after_fork() -> None:
    # The thread that held a guard, or was reading, is not in the child.
    for state in list(_states):
        state.guard = threading.Lock()
        state.flights.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


class CacheStore(WrapperStore[Store]):
    """A store that keeps what was read from another, and written to it, in a third.

    Encoded bytes are kept: whole values in `cache_store`, parts of values in memory. Readers who
    want the same thing at the same time cause one read. A value that is written or deleted through
    this store is never served as it was before. A change that others make in `store` shows up when
    the kept value is older than `max_age_seconds`. An error is never kept.

    Parameters
    ----------
    store : Store
        Where the data are.
    cache_store : Store
        Where they are kept. It must hold nothing else: what is in it already, as from the last
        run of a program, is used if `max_age_seconds` is 'infinity'.
    max_age_seconds : int or 'infinity'
        How long something is kept.
    max_size : int, optional
        How many bytes are kept at most; what was not used for the longest time goes first.
    cache_set_data : bool
        Whether what is written is kept too.

    Examples
    --------
    >>> import zarr
    >>> from zarr.storage import CacheStore, MemoryStore
    >>> source = MemoryStore()  # a slow one, in earnest
    >>> zarr.create_array(source, shape=(4,), dtype="i4")[:] = 7
    >>> array = zarr.open_array(CacheStore(source, cache_store=MemoryStore()))
    >>> array[:2], array[2:]
    (array([7, 7], dtype=int32), array([7, 7], dtype=int32))
    >>> array.store.cache_stats()["hits"] > 0
    True
    """

    keeps_values = True

    _cache: Store
    max_age_seconds: int | float | Literal["infinity"]
    max_size: int | None
    cache_set_data: bool

    def __init__(
        self,
        store: Store,
        *,
        cache_store: Store,
        max_age_seconds: int | str = "infinity",
        max_size: int | None = None,
        cache_set_data: bool = True,
    ) -> None:
        super().__init__(store)
        if not isinstance(cache_store, Store):
            raise TypeError(f"cache_store must be a Store, got {type(cache_store).__name__!r}")
        if not cache_store.supports_deletes:
            raise ValueError(
                f"The provided cache store {cache_store} does not support deletes. "
                "The cache_store must support deletes for CacheStore to function properly."
            )
        if isinstance(max_age_seconds, str):
            if max_age_seconds != "infinity":
                raise ValueError("max_age_seconds string value must be 'infinity'")
            self.max_age_seconds = "infinity"
        else:
            self.max_age_seconds = max_age_seconds
        self._cache = cache_store
        self.max_size = max_size
        self.cache_set_data = cache_set_data
        self._state = CacheState()

    def _with_store(self, store: Store) -> Self:
        view = type(self)(
            store,
            cache_store=self._cache,
            max_age_seconds=self.max_age_seconds,  # type: ignore[arg-type]
            max_size=self.max_size,
            cache_set_data=self.cache_set_data,
        )
        view._state = self._state
        return view

    def declare_traits(self) -> StoreTraits:
        # docstring inherited
        # Nobody checks the values that it kept.
        inner = super().declare_traits()
        return replace(inner, needs_event_loop=self._hands_over, detects_truncation=False)

    @property
    def _hands_over(self) -> bool:
        """Whether one of the stores below needs an event loop."""
        return self._store.traits.needs_event_loop or self._cache.traits.needs_event_loop

    def __repr__(self) -> str:
        info = self.cache_info()
        return (
            f"{type(self).__name__}(store={self._store!r}, cache_store={self._cache!r}, "
            f"max_age_seconds={self.max_age_seconds}, max_size={self.max_size}, "
            f"current_size={info['current_size']}, cached_keys={info['cached_keys']})"
        )

    def cache_info(self) -> dict[str, Any]:
        """Return the settings of the cache and how full it is.

        Returns
        -------
        dict
            The settings and the sizes, by name.
        """
        state = self._state
        return {
            "cache_store_type": type(self._cache).__name__,
            "max_age_seconds": self.max_age_seconds,
            "max_size": self.max_size,
            "current_size": state.size,
            "cache_set_data": self.cache_set_data,
            "tracked_keys": len(state.entries),
            "cached_keys": len(state.entries),
        }

    def cache_stats(self) -> dict[str, Any]:
        """Return how often something was found in the cache, missed and removed.

        Returns
        -------
        dict
            The counts, by name.
        """
        state = self._state
        total = state.hits + state.misses
        return {
            "hits": state.hits,
            "misses": state.misses,
            "evictions": state.evictions,
            "total_requests": total,
            "hit_rate": state.hits / total if total else 0.0,
        }

    def __getstate__(self) -> dict[str, object]:
        state = self.__dict__.copy()
        if type(self._cache) is MemoryStore:
            state["_cache"] = MemoryStore()  # what is kept in memory here is no use elsewhere
        return state

    # -- reading ----------------------------------------------------------------------------

    def _lock(self, key: str) -> Any:
        return locked(f"cache\0{self._state.number}\0{key}")

    def _room(self) -> Any:
        return locked(f"room\0{self._state.number}")

    async def get(
        self, key: str, prototype: BufferPrototype, byte_range: ByteRequest | None = None
    ) -> Buffer | None:
        # docstring inherited
        return await self._value(key, prototype, byte_range)

    async def _value(
        self, key: str, prototype: BufferPrototype, byte_range: ByteRequest | None
    ) -> Buffer | None:
        found = await self._get(key, prototype, byte_range)
        return None if found is None else found[0]

    async def get_versioned(
        self, key: str, prototype: BufferPrototype, byte_range: ByteRequest | None = None
    ) -> tuple[Buffer, object | None] | None:
        # docstring inherited
        if byte_range is None:  # to be replaced: what counts is what is there now
            return await get_versioned(self._store, key, prototype, None)
        return await self._get(key, prototype, byte_range)

    async def _get(
        self, key: str, prototype: BufferPrototype, byte_range: ByteRequest | None
    ) -> tuple[Buffer, object] | None:
        bounds(byte_range)
        found = await self._kept(check_key(key), prototype, byte_range)
        if found is not None:
            self._state.count(hits=1)
            return found
        return await section(lambda: self._fetched(key, prototype, byte_range), self._hands_over)

    async def _kept(
        self, key: str, prototype: BufferPrototype, byte_range: ByteRequest | None
    ) -> tuple[Buffer, object] | None:
        state, max_age = self._state, self.max_age_seconds
        fresh = state.is_fresh((key, None), max_age)
        if fresh:
            version = state.version((key, None))
            value = await self._cache.get(key, prototype)
            # Unless it was replaced meanwhile.
            if value is not None and version == state.version((key, None)):
                return _part(value, byte_range), version
        if byte_range is None:
            return None
        part = state.part(key, byte_range, max_age)
        return None if part is None else (prototype.buffer.from_buffer(part[0]), part[1])

    async def _fetched(
        self, key: str, prototype: BufferPrototype, byte_range: ByteRequest | None
    ) -> tuple[Buffer, object] | None:
        """Read from the inner store and keep it; others who want the same wait, and get it too."""
        entry = (key, byte_range)
        state = self._state
        while True:
            mine = state.new_flight()
            async with locked(mine.name):
                flight = state.board(entry, mine)
                if flight is mine:
                    try:
                        await self._fly(entry, prototype, flight)
                    finally:
                        state.land(entry, flight)
            if flight is not mine:
                async with locked(flight.name):  # until it has landed
                    state.land(entry, flight)
            if flight.error is not None:
                raise flight.error
            if flight.landed:
                if flight is not mine:
                    state.count(hits=1)
                value = flight.value
                if value is None:
                    return None
                return prototype.buffer.from_buffer(value), flight.version
            # The task that was to read it was cancelled, or is not in this process any more.

    async def _fly(self, entry: Entry, prototype: BufferPrototype, flight: Flight) -> None:
        key, byte_range = entry
        state = self._state
        try:
            # It may have landed just before.
            found = await self._kept(key, prototype, byte_range)
            if found is not None:
                flight.value, flight.version = found
            else:
                flight.value = await self._left_from_before(entry, prototype, flight)
            if flight.value is not None:
                state.count(hits=1)
            else:
                state.count(misses=1)
                found = await get_versioned(self._store, key, prototype, byte_range)
                if found is not None:
                    flight.value, flight.version = found
                await self._settle(entry, flight)
            flight.landed = True
        except Exception as error:
            flight.error = error

    async def _left_from_before(
        self, entry: Entry, prototype: BufferPrototype, flight: Flight
    ) -> Buffer | None:
        """The value that an earlier run of a program left in the cache store, not yet counted."""
        key, byte_range = entry
        if self.max_age_seconds != "infinity":
            return None
        value = await self._cache.get(key, prototype)
        if value is None:
            return None
        async with self._lock(key):
            if not flight.stale:
                await self._keep((key, None), value, stored=True)
        return _part(value, byte_range)

    async def _settle(self, entry: Entry, flight: Flight) -> None:
        """Keep what was read, unless it was written meanwhile."""
        key, value = entry[0], flight.value
        async with self._lock(key):
            if flight.stale:
                return
            if value is None:
                await self._forget(key)
            else:
                await self._keep(entry, value, flight.version)

    async def _keep(
        self, entry: Entry, value: Buffer, version: object = None, *, stored: bool = False
    ) -> None:
        """Keep a value; whoever calls this holds the lock of the key."""
        key, byte_range = entry
        state, size = self._state, len(value)
        if self.max_size is not None and size > self.max_size:
            if byte_range is None:
                await self._forget(key)
            return
        # One at a time, so that there is never more in the cache than is allowed.
        async with self._room():
            await self._count_what_was_left()
            if byte_range is None and state.version(entry) != version:
                await self._cache.delete(key)  # it would be taken for this one meanwhile
            for victim, part in state.room(entry, size, self.max_size, version):
                if part is None:
                    await self._cache.delete(victim)
            if byte_range is not None:
                state.put_part(key, byte_range, _own(value))
            elif not (stored and await self._cache.exists(key)):
                await self._cache.set(key, value)

    async def _count_what_was_left(self) -> None:
        """Count what an earlier run left in the cache store, since it takes room as well."""
        state = self._state
        if state.counted or self.max_size is None or not self._cache.supports_listing:
            return
        for key in [key async for key in self._cache.list()]:
            try:
                state.add_left((key, None), await self._cache.getsize(key))
            except FileNotFoundError:
                continue
        state.counted = True

    async def _forget(self, key: str) -> None:
        async with self._room():  # counted until it is deleted
            whole = self._state.forget(key)
            if whole or self.max_age_seconds == "infinity":
                await self._cache.delete(key)

    async def get_ranges(
        self,
        key: str,
        byte_ranges: Sequence[ByteRequest | None],
        *,
        prototype: BufferPrototype,
        **limits: Any,
    ) -> AsyncIterator[Sequence[tuple[int, Buffer | None]]]:
        # docstring inherited
        missing: list[int] = []
        for place, byte_range in enumerate(byte_ranges):
            found = await self._kept(key, prototype, byte_range)
            if found is None:
                missing.append(place)
            else:
                self._state.count(hits=1)
                yield [(place, found[0])]
        if not missing:
            return
        wanted = [byte_ranges[place] for place in missing]
        async for parts in Store.get_ranges(self, key, wanted, prototype=prototype, **limits):
            yield [(missing[place], part) for place, part in parts]

    # -- writing ----------------------------------------------------------------------------

    async def set(self, key: str, value: Buffer) -> None:
        # docstring inherited
        check_value(self, value)
        await section(lambda: self._written(check_key(key), value), self._hands_over)

    async def _written(self, key: str, value: Buffer) -> None:
        async with self._lock(key):
            # Forgotten first: if the write fails midway, nobody knows what is there.
            await self._forget(key)
            try:
                await self._store.set(key, value)
            finally:
                await self._forget(key)  # what was read while it was written
            if self.cache_set_data:
                await self._keep((key, None), value)

    async def set_if_not_exists(self, key: str, value: Buffer) -> None:
        # docstring inherited
        await self._store.set_if_not_exists(key, value)

    async def set_if_unchanged(self, key: str, value: Buffer, version: object) -> bool:
        # docstring inherited
        check_key(key)
        return await section(lambda: self._replaced(key, value, version), self._hands_over)

    async def _replaced(self, key: str, value: Buffer | None, version: object) -> bool:
        async with self._lock(key):
            await self._forget(key)
            try:
                if value is None:
                    return await self._store.delete_if_unchanged(key, version)
                return await self._store.set_if_unchanged(key, value, version)
            finally:
                await self._forget(key)

    async def delete_if_unchanged(self, key: str, version: object) -> bool:
        # docstring inherited
        check_key(key)
        return await section(lambda: self._replaced(key, None, version), self._hands_over)

    async def delete(self, key: str) -> None:
        # docstring inherited
        await section(lambda: self._deleted(check_key(key)), self._hands_over)

    async def _deleted(self, key: str) -> None:
        async with self._lock(key):
            await self._forget(key)
            try:
                await self._store.delete(key)
            finally:
                await self._forget(key)

    def get_sync(
        self,
        key: str,
        *,
        prototype: BufferPrototype | None = None,
        byte_range: ByteRequest | None = None,
    ) -> Buffer | None:
        # docstring inherited
        self._require_sync("get")
        return step(self._value(key, prototype or default_buffer_prototype(), byte_range))

    def set_sync(self, key: str, value: Buffer) -> None:
        # docstring inherited
        self._require_sync("set")
        check_value(self, value)
        step(self._written(check_key(key), value))

    def delete_sync(self, key: str) -> None:
        # docstring inherited
        self._require_sync("delete")
        step(self._deleted(check_key(key)))

    def _require_sync(self, what: str) -> None:
        if self._hands_over:
            raise self._not_sync(what)

    # -- all keys ---------------------------------------------------------------------------

    async def clear_cache(self) -> None:
        """Forget everything; the data stay."""
        for key in self._state.keys_below(""):
            await self._forget(key)
        if self.max_age_seconds == "infinity":
            await self._cache.clear()

    async def clear(self) -> None:
        # docstring inherited
        self._check_writable()
        await self.clear_cache()
        try:
            await self._store.clear()
        finally:
            await self.clear_cache()

    async def delete_dir(self, prefix: str) -> None:
        # docstring inherited
        self._check_writable()
        folder = folder_of(prefix)
        await self._forget_below(folder)
        try:
            await self._store.delete_dir(prefix)
        finally:
            await self._forget_below(folder)

    async def _forget_below(self, folder: str) -> None:
        for key in self._state.keys_below(folder):
            await self._forget(key)
        if self.max_age_seconds == "infinity":
            await self._cache.delete_dir(folder)


def _part(value: Buffer, byte_range: ByteRequest | None) -> Buffer:
    return value if byte_range is None else value[absolute(byte_range, len(value))]


def _own(value: Buffer) -> Buffer:
    """A buffer of the same bytes that nobody else can change."""
    return value if is_immutable(value) else type(value).from_bytes(value.to_bytes())
