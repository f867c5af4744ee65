"""A store that keeps what it read from a slower one."""

from __future__ import annotations

import os
import threading
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from itertools import count
from typing import TYPE_CHECKING, Any, Literal, Self
from weakref import WeakSet

from zarr._async.run import locked, section, step
from zarr.abc.store import RangeByteRequest, Store, get_versioned
from zarr.buffer.core import default_buffer_prototype
from zarr.storage.cache_directory import KeptInDirectory
from zarr.storage.cache_values import KeptInStore
from zarr.storage.keys import bounds, check_key, check_value, directory_prefix
from zarr.storage.local import LocalStore
from zarr.storage.memory import MemoryStore
from zarr.storage.wrapper import WrapperStore

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from contextlib import AbstractAsyncContextManager

    from zarr.abc.store import ByteRequest, StoreTraits
    from zarr.buffer.core import Buffer, BufferPrototype
    from zarr.storage.cache_directory import Writer
    from zarr.storage.cache_values import Change, Entry, Kept

_numbers = count()
# Values up to this size are read again, and not compared by their version first.
_SMALL = 1 << 14


@dataclass(eq=False)
class Flight:
    """One read of the slower store, which all who want the same thing share."""

    name: str
    landed: bool = False
    value: Buffer | None = None
    version: object = None
    error: Exception | None = None
    # Whether the key was written meanwhile: then the value is not kept.
    stale: bool = False


@dataclass(eq=False)
class Traffic:
    """The reads under way, and how many there were; shared by a store and its read-only views."""

    flights: dict[Entry, Flight] = field(default_factory=dict)
    hits: int = 0
    misses: int = 0
    guard: threading.Lock = field(default_factory=threading.Lock)
    number: int = field(default_factory=lambda: next(_numbers))

    def __post_init__(self) -> None:
        _all_traffic.add(self)

    def count(self, *, hits: int = 0, misses: int = 0) -> None:
        with self.guard:
            self.hits += hits
            self.misses += misses

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

    def spoil(self, key: str) -> None:
        """Keep nothing of a key that is on its way, and let nobody board it any more."""
        with self.guard:
            for entry in [entry for entry in self.flights if entry[0] == key]:
                self.flights.pop(entry).stale = True

    def spoil_below(self, directory: str) -> None:
        with self.guard:
            keys = {key for key, _ in self.flights if key.startswith(directory)}
        for key in keys:
            self.spoil(key)


_all_traffic: WeakSet[Traffic] = WeakSet()


def _after_fork() -> None:
    # The thread that held a guard, or was reading, is not in the child.
    for traffic in list(_all_traffic):
        traffic.guard = threading.Lock()
        traffic.flights.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


class CacheStore(WrapperStore[Store]):
    """A store that keeps what was read from another, and written to it, in a third.

    Encoded bytes are kept. With a `LocalStore` as `cache_store`, whole values and parts of values
    are kept in its directory, which any number of processes share; with another store, whole values
    in it and parts in memory, for this process. Readers who want the same thing at the same time
    cause one read. A value that is written or deleted through this store, or in a directory through
    any that shares it, is never served as it was before. A change that others make in `store` shows
    up when the kept value is older than `max_age_seconds`; where the source tells versions, a large
    value that did not change is not read again then. An error is never kept.

    Parameters
    ----------
    store : Store
        Where the data are.
    cache_store : Store
        Where they are kept, of this one source. It must hold nothing else: what is in it already,
        as from the last run of a program, is used; if it is no directory, only if
        `max_age_seconds` is 'infinity'.
    max_age_seconds : int or 'infinity'
        How long something is served without asking for it in `store`.
    max_size : int, optional
        How many bytes are kept at most; what was not used for the longest time goes first. In a
        directory, the files of all processes count as a whole, with some 100 bytes for each.
    cache_set_data : bool
        Whether what is written is kept too.

    Warns
    -----
    ZarrUserWarning
        Once, if nothing can be kept in a directory, as when the disk is full.

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
        self._traffic = Traffic()
        self._kept = self._keeper()

    def _keeper(self) -> KeptInStore | KeptInDirectory:
        if type(self._cache) is LocalStore:
            return KeptInDirectory(self._cache, self.max_size)
        return KeptInStore(self._cache, self.max_size, self.max_age_seconds == "infinity")

    def _with_store(self, store: Store) -> Self:
        view = type(self)(
            store,
            cache_store=self._cache,
            max_age_seconds=self.max_age_seconds,  # type: ignore[arg-type]
            max_size=self.max_size,
            cache_set_data=self.cache_set_data,
        )
        view._traffic, view._kept = self._traffic, self._kept
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
        size, number = self._kept.held()
        return {
            "cache_store_type": type(self._cache).__name__,
            "max_age_seconds": self.max_age_seconds,
            "max_size": self.max_size,
            "current_size": size,
            "cache_set_data": self.cache_set_data,
            "tracked_keys": number,
            "cached_keys": number,
        }

    def cache_stats(self) -> dict[str, Any]:
        """Return how often something was found in the cache, missed and removed.

        Returns
        -------
        dict
            The counts, by name.
        """
        traffic = self._traffic
        total = traffic.hits + traffic.misses
        return {
            "hits": traffic.hits,
            "misses": traffic.misses,
            "evictions": self._kept.evictions,
            "total_requests": total,
            "hit_rate": traffic.hits / total if total else 0.0,
        }

    def __getstate__(self) -> dict[str, object]:
        state = self.__dict__.copy()
        del state["_traffic"], state["_kept"]  # a copy in another process begins empty
        if type(self._cache) is MemoryStore:
            state["_cache"] = MemoryStore()  # what is kept in memory here is no use elsewhere
        return state

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__dict__.update(state)
        self._traffic = Traffic()
        self._kept = self._keeper()

    # -- reading ----------------------------------------------------------------------------

    def _lock(self, key: str) -> AbstractAsyncContextManager[None]:
        return locked(f"cache\0{self._traffic.number}\0{key}")

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
        found = await self._found((check_key(key), byte_range), prototype)
        if found is not None:
            self._traffic.count(hits=1)
            return found
        return await section(lambda: self._fetched(key, prototype, byte_range), self._hands_over)

    async def _found(
        self, entry: Entry, prototype: BufferPrototype
    ) -> tuple[Buffer, object] | None:
        kept = await self._kept.find(entry, prototype, self.max_age_seconds)
        return (kept.value, kept.version) if kept and kept.fresh else None

    async def _fetched(
        self, key: str, prototype: BufferPrototype, byte_range: ByteRequest | None
    ) -> tuple[Buffer, object] | None:
        """Read from the inner store and keep it; others who want the same wait, and get it too."""
        entry = (key, byte_range)
        traffic = self._traffic
        while True:
            mine = traffic.new_flight()
            async with locked(mine.name):
                flight = traffic.board(entry, mine)
                if flight is mine:
                    try:
                        await self._fly(entry, prototype, flight)
                    finally:
                        traffic.land(entry, flight)
            if flight is not mine:
                async with locked(flight.name):  # until it has landed
                    traffic.land(entry, flight)
            if flight.error is not None:
                raise flight.error
            if flight.landed:
                if flight is not mine:
                    traffic.count(hits=1)
                value = flight.value
                if value is None:
                    return None
                return prototype.buffer.from_buffer(value), flight.version
            # The task that was to read it was cancelled, or is not in this process any more.

    async def _fly(self, entry: Entry, prototype: BufferPrototype, flight: Flight) -> None:
        try:
            # It may have landed just before.
            kept = await self._kept.find(entry, prototype, self.max_age_seconds)
            if kept is None:
                flight.value = await self._adopted(entry, prototype, flight)
            elif kept.fresh or await self._is_unchanged(entry[0], kept, prototype):
                flight.value, flight.version = kept.value, kept.version
            if flight.value is not None:
                self._traffic.count(hits=1)
            else:
                await self._read(entry, prototype, flight)
            flight.landed = True
        except Exception as error:
            flight.error = error

    async def _adopted(
        self, entry: Entry, prototype: BufferPrototype, flight: Flight
    ) -> Buffer | None:
        """The value that an earlier run of a program left in the cache store, not yet counted."""
        async with self._lock(entry[0]):
            return None if flight.stale else await self._kept.adopt(entry, prototype)

    async def _is_unchanged(self, key: str, kept: Kept, prototype: BufferPrototype) -> bool:
        """Whether the source still has the version of a value that is too old to be served."""
        if kept.version is None or len(kept.value) <= _SMALL:
            return False
        now = await get_versioned(self._store, key, prototype, RangeByteRequest(0, 1))
        if now is None or now[1] != kept.version:
            return False
        await self._kept.renew(kept)
        return True

    async def _read(self, entry: Entry, prototype: BufferPrototype, flight: Flight) -> None:
        """Read from the inner store, and keep it unless it was written meanwhile."""
        key, byte_range = entry
        self._traffic.count(misses=1)
        ticket = await self._kept.announce(key)
        found = await get_versioned(self._store, key, prototype, byte_range)
        if found is not None:
            flight.value, flight.version = found
        async with self._lock(key):
            if flight.stale:
                return
            if found is None:
                await self._kept.forget(key, ticket)
            else:
                await self._kept.keep(entry, found[0], found[1], ticket)

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
            found = await self._found((key, byte_range), prototype)
            if found is None:
                missing.append(place)
            else:
                self._traffic.count(hits=1)
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
            async with self._changing(key) as change:
                await self._store.set(key, value)
            if self.cache_set_data:
                await self._kept.keep((key, None), value, None, change.ticket)

    @asynccontextmanager
    async def _changing(self, key: str) -> AsyncIterator[Change | Writer]:
        """Keep nothing of what is read while a value is written, under the lock of its key."""
        async with self._kept.changing(key) as change:
            self._traffic.spoil(key)
            try:
                yield change
            finally:
                self._traffic.spoil(key)

    async def set_if_not_exists(self, key: str, value: Buffer) -> None:
        # docstring inherited
        await self._store.set_if_not_exists(key, value)

    async def set_if_unchanged(self, key: str, value: Buffer, version: object) -> bool:
        # docstring inherited
        check_key(key)
        return await section(lambda: self._replaced(key, value, version), self._hands_over)

    async def _replaced(self, key: str, value: Buffer | None, version: object) -> bool:
        async with self._lock(key), self._changing(key):
            if value is None:
                return await self._store.delete_if_unchanged(key, version)
            return await self._store.set_if_unchanged(key, value, version)

    async def delete_if_unchanged(self, key: str, version: object) -> bool:
        # docstring inherited
        check_key(key)
        return await section(lambda: self._replaced(key, None, version), self._hands_over)

    async def delete(self, key: str) -> None:
        # docstring inherited
        await section(lambda: self._deleted(check_key(key)), self._hands_over)

    async def _deleted(self, key: str) -> None:
        async with self._lock(key), self._changing(key):
            await self._store.delete(key)

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
        """Forget everything, in a directory for all who share it; the data stay."""
        async with self._kept.changing_below(""):
            self._traffic.spoil_below("")

    async def clear(self) -> None:
        # docstring inherited
        self._check_writable()
        async with self._changing_below(""):
            await self._store.clear()

    async def delete_dir(self, prefix: str) -> None:
        # docstring inherited
        self._check_writable()
        async with self._changing_below(directory_prefix(prefix)):
            await self._store.delete_dir(prefix)

    @asynccontextmanager
    async def _changing_below(self, directory: str) -> AsyncIterator[None]:
        async with self._kept.changing_below(directory):
            self._traffic.spoil_below(directory)
            try:
                yield
            finally:
                self._traffic.spoil_below(directory)
