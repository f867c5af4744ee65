"""A store that keeps what it read from a slower one."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Self, TypeAlias

from zarr.abc.store import Store
from zarr.buffer.core import default_buffer_prototype
from zarr.runner import locked, section, step
from zarr.storage.ranges import absolute
from zarr.storage.wrapper import WrapperStore

if TYPE_CHECKING:
    from zarr.abc.store import ByteRequest
    from zarr.buffer.core import Buffer, BufferPrototype

# A whole value, or a part of one.
_Entry: TypeAlias = "tuple[str, ByteRequest | None]"


@dataclass
class _State:
    """What is in the cache; shared by a store and its read-only views."""

    # By last use, oldest first: size, and when it was fetched.
    entries: OrderedDict[_Entry, tuple[int, float]] = field(default_factory=OrderedDict)
    parts: dict[_Entry, Buffer] = field(default_factory=dict)
    size: int = 0
    hits: int = 0
    misses: int = 0
    evictions: int = 0
    guard: threading.Lock = field(default_factory=threading.Lock)

    def __getstate__(self) -> dict[str, Any]:
        return {}  # a copy in another process begins empty

    def __setstate__(self, _: dict[str, Any]) -> None:
        self.__init__()  # type: ignore[misc]

    def add(self, entry: _Entry, size: int) -> None:
        with self.guard:
            self.size += size - self.entries.pop(entry, (0, 0.0))[0]
            self.entries[entry] = (size, time.monotonic())

    def remove(self, entry: _Entry) -> None:
        with self.guard:
            self.size -= self.entries.pop(entry, (0, 0.0))[0]
            self.parts.pop(entry, None)

    def of_key(self, key: str) -> list[_Entry]:
        with self.guard:
            return [entry for entry in self.entries if entry[0] == key]

    def surplus(self, limit: int | None) -> list[_Entry]:
        """The oldest entries that must go to keep within `limit`."""
        with self.guard:
            excess = 0 if limit is None else self.size - limit
            oldest: list[_Entry] = []
            for entry, (size, _) in self.entries.items():
                if excess <= 0:
                    break
                oldest.append(entry)
                excess -= size
            return oldest


class CacheStore(WrapperStore[Store]):
    """A store that keeps what was read from another, and written to it, in a third.

    Encoded bytes are kept: whole values in `cache_store`, parts of values in memory. Several
    readers of one missing key cause one read.

    Parameters
    ----------
    store : Store
        Where the data are.
    cache_store : Store
        Where they are kept. It should hold nothing else.
    max_age_seconds : int or 'infinity'
        How long something is kept.
    max_size : int, optional
        How many bytes are kept at most; what was not used for the longest time goes first.
    cache_set_data : bool
        Whether what is written is kept too.
    """

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
        self._state = _State()

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

    @property
    def _waits(self) -> bool:
        return self._store._waits or self._cache._waits

    def __repr__(self) -> str:
        info = self.cache_info()
        return (
            f"{type(self).__name__}(store={self._store!r}, cache_store={self._cache!r}, "
            f"max_age_seconds={self.max_age_seconds}, max_size={self.max_size}, "
            f"current_size={info['current_size']}, cached_keys={info['cached_keys']})"
        )

    def cache_info(self) -> dict[str, Any]:
        """Return the settings of the cache and how full it is."""
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
        """Return how often something was found in the cache, missed and removed."""
        state = self._state
        total = state.hits + state.misses
        return {
            "hits": state.hits,
            "misses": state.misses,
            "evictions": state.evictions,
            "total_requests": total,
            "hit_rate": state.hits / total if total else 0.0,
        }

    # -- values -----------------------------------------------------------------------------

    def _lock(self, key: str) -> Any:
        return locked(f"{self._identity}\0cache\0{id(self._state)}\0{key}")

    async def get(
        self, key: str, prototype: BufferPrototype, byte_range: ByteRequest | None = None
    ) -> Buffer | None:
        # docstring inherited
        found = await self._kept(key, prototype, byte_range)
        if found is not None:
            self._state.hits += 1
            return found
        return await section(lambda: self._fetched(key, prototype, byte_range), self._waits)

    async def _kept(
        self, key: str, prototype: BufferPrototype, byte_range: ByteRequest | None
    ) -> Buffer | None:
        state = self._state
        if self._is_fresh((key, None)):
            value = await self._cache.get(key, prototype)
            if value is not None:
                return value if byte_range is None else value[absolute(byte_range, len(value))]
        if byte_range is not None and self._is_fresh((key, byte_range)):
            part = state.parts.get((key, byte_range))
            return None if part is None else prototype.buffer.from_buffer(part)
        return None

    def _is_fresh(self, entry: _Entry) -> bool:
        state = self._state
        with state.guard:
            known = state.entries.get(entry)
            if known is None:
                return False
            limit = self.max_age_seconds
            if limit != "infinity" and time.monotonic() - known[1] > limit:
                return False
            state.entries.move_to_end(entry)
        return True

    async def _fetched(
        self, key: str, prototype: BufferPrototype, byte_range: ByteRequest | None
    ) -> Buffer | None:
        """Read from the inner store and keep it; the others who want it wait, and find it."""
        async with self._lock(key):
            found = await self._kept(key, prototype, byte_range)
            if found is not None:
                self._state.hits += 1
                return found
            self._state.misses += 1
            value = await self._store.get(key, prototype, byte_range)
            if value is None:
                await self._forget(key)
            else:
                await self._keep(key, byte_range, value)
            return value

    async def _keep(self, key: str, byte_range: ByteRequest | None, value: Buffer) -> None:
        entry = (key, byte_range)
        if self.max_size is not None and len(value) > self.max_size:
            await self._drop(entry)
            return
        if byte_range is None:
            await self._cache.set(key, value)
        else:
            self._state.parts[entry] = value
        self._state.add(entry, len(value))
        for old in self._state.surplus(self.max_size):
            self._state.evictions += 1
            await self._drop(old)

    async def _drop(self, entry: _Entry) -> None:
        self._state.remove(entry)
        if entry[1] is None:
            await self._cache.delete(entry[0])

    async def _forget(self, key: str) -> None:
        for entry in self._state.of_key(key):
            await self._drop(entry)

    async def set(self, key: str, value: Buffer) -> None:
        # docstring inherited
        await section(lambda: self._written(key, value), self._waits)

    async def _written(self, key: str, value: Buffer) -> None:
        async with self._lock(key):
            # Forgotten first: if the write fails midway, nobody knows what is there.
            await self._forget(key)
            await self._store.set(key, value)
            if self.cache_set_data:
                await self._keep(key, None, value)

    async def set_if_not_exists(self, key: str, value: Buffer) -> None:
        # docstring inherited
        await self._store.set_if_not_exists(key, value)

    async def delete(self, key: str) -> None:
        # docstring inherited
        await section(lambda: self._deleted(key), self._waits)

    async def _deleted(self, key: str) -> None:
        async with self._lock(key):
            await self._forget(key)
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
        return step(self.get(key, prototype or default_buffer_prototype(), byte_range))

    def set_sync(self, key: str, value: Buffer) -> None:
        # docstring inherited
        self._require_sync("set")
        step(self.set(key, value))

    def delete_sync(self, key: str) -> None:
        # docstring inherited
        self._require_sync("delete")
        step(self.delete(key))

    def _require_sync(self, what: str) -> None:
        if self._waits:
            raise self._not_sync(what)

    # -- all keys ---------------------------------------------------------------------------

    async def clear_cache(self) -> None:
        """Forget everything; the data stay."""
        for entry in list(self._state.entries):
            await self._drop(entry)

    async def clear(self) -> None:
        # docstring inherited
        await self.clear_cache()
        await self._store.clear()
        await self.clear_cache()

    async def delete_dir(self, prefix: str) -> None:
        # docstring inherited
        await self._store.delete_dir(prefix)
        folder = prefix.rstrip("/") + "/" if prefix.rstrip("/") else ""
        for key in {key for key, _ in list(self._state.entries) if key.startswith(folder)}:
            await self._forget(key)
