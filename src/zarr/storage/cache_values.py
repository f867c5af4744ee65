"""Encoded values that are kept in a store, for one process."""

from __future__ import annotations

import os
import threading
import time
from collections import OrderedDict
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, NamedTuple, TypeAlias
from weakref import WeakSet

from zarr._async.run import locked
from zarr.abc.store import ByteRequest, RangeByteRequest
from zarr.storage.keys import absolute, is_immutable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from zarr.abc.store import Store
    from zarr.buffer.core import Buffer, BufferPrototype

# A whole value, or a part of one.
Entry: TypeAlias = tuple[str, ByteRequest | None]

_numbers = count()


class Kept(NamedTuple):
    """A value that is kept, or a part of one."""

    value: Buffer
    # The version of the source's value; None if it is not known.
    version: object
    # Whether it is young enough to be served.
    fresh: bool
    # The place of what it was found in.
    where: str | Entry


class Change:
    """A change of the source that is under way: the new value may be kept after it."""

    ticket: bytes | None = b""


class Held(NamedTuple):
    """The account of an entry."""

    size: int
    since: float
    version: object


@dataclass(eq=False)
class Account:
    """The kept values and parts of values, and the room that they take."""

    # By last use, oldest first.
    entries: OrderedDict[Entry, Held] = field(default_factory=OrderedDict)
    # Parts of values, by key; whole values are in the store.
    parts: dict[str, dict[ByteRequest, Buffer]] = field(default_factory=dict)
    size: int = 0
    evictions: int = 0
    guard: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        _accounts.add(self)

    def is_young(self, entry: Entry, max_age: float | str) -> bool | None:
        """Whether an entry is young enough, and is now the last used; None if it is not known."""
        with self.guard:
            known = self.entries.get(entry)
            if known is None:
                return None
            if not _is_young(known, max_age):
                return False
            self.entries.move_to_end(entry)
            return True

    def version(self, entry: Entry) -> object:
        """The version of the value that an entry is of; None if it is not known."""
        with self.guard:
            known = self.entries.get(entry)
            return None if known is None else known.version

    def part(self, key: str, request: ByteRequest, max_age: float | str) -> Kept | None:
        """Part of a value, from the same part or a larger one."""
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
            fresh = _is_young(known, max_age)
            if fresh:
                self.entries.move_to_end((key, found))
            value = parts[found]
            if found != request:
                assert isinstance(request, RangeByteRequest)
                value = value[start : start + request.end - request.start]
            return Kept(value, known.version, fresh, (key, found))

    def renew(self, entry: Entry, version: object) -> None:
        """Take note that an entry was looked at in the source, and is the same."""
        with self.guard:
            known = self.entries.get(entry)
            if known is not None and known.version == version:
                self.entries[entry] = known._replace(since=time.monotonic())
                self.entries.move_to_end(entry)

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
                if self.entries[other].version not in (None, version)
            ]
            for other in victims:
                self._forget(other)
            while limit is not None and self.entries and self.size + size > limit:
                oldest = next(iter(self.entries))
                self._forget(oldest)
                victims.append(oldest)
            self.entries[entry] = Held(size, time.monotonic(), version)
            self.size += size
            self.evictions += len(victims)
            return victims

    def add_left(self, entry: Entry, size: int) -> None:
        """Count what was there already: as old as can be, and the first to go."""
        with self.guard:
            if entry not in self.entries:
                self.entries[entry] = Held(size, float("-inf"), None)
                self.entries.move_to_end(entry, last=False)
                self.size += size

    def put_part(self, key: str, request: ByteRequest, value: Buffer) -> None:
        with self.guard:
            if (key, request) in self.entries:  # else it had to go already
                self.parts.setdefault(key, {})[request] = value

    def forget(self, key: str) -> bool:
        """Forget all of a key; return whether the whole value was kept."""
        with self.guard:
            whole = (key, None) in self.entries
            for entry in [(key, None), *((key, part) for part in self.parts.get(key, ()))]:
                self._forget(entry)
            return whole

    def _forget(self, entry: Entry) -> None:
        known = self.entries.pop(entry, None)
        self.size -= known.size if known else 0
        key, request = entry
        if request is not None and key in self.parts:
            self.parts[key].pop(request, None)
            if not self.parts[key]:
                del self.parts[key]

    def keys_below(self, directory: str) -> set[str]:
        with self.guard:
            return {key for key, _ in self.entries if key.startswith(directory)}


def _is_young(known: Held, max_age: float | str) -> bool:
    return isinstance(max_age, str) or time.monotonic() - known.since <= max_age


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


_accounts: WeakSet[Account] = WeakSet()


def _after_fork() -> None:
    # The thread that held a guard is not in the child.
    for account in list(_accounts):
        account.guard = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


class KeptInStore:
    """The values of a source that this process keeps: whole ones in a store, parts in memory.

    The caller of `keep`, `forget` or `changing` holds the lock of the key.

    Parameters
    ----------
    store
        The store, which no other process uses meanwhile.
    most
        How many bytes are kept at most.
    lasting
        Whether what an earlier run left in the store is used.
    """

    def __init__(self, store: Store, most: int | None, lasting: bool) -> None:
        self._store = store
        self._most = most
        self._lasting = lasting
        self._account = Account()
        # Whether what the store held at first is counted.
        self._counted = False
        self._room = f"room\0{next(_numbers)}"

    @property
    def evictions(self) -> int:
        """How much was removed to make room."""
        return self._account.evictions

    def held(self) -> tuple[int, int]:
        """Return how many bytes are kept, and of how many values and parts."""
        return self._account.size, len(self._account.entries)

    async def find(
        self, entry: Entry, prototype: BufferPrototype, max_age: float | str
    ) -> Kept | None:
        """Return a value, or a part of one, that is kept; None if it is not."""
        key, byte_range = entry
        account, whole = self._account, (key, None)
        young = account.is_young(whole, max_age)
        part = None
        if not young and byte_range is not None:
            part = account.part(key, byte_range, max_age)
        if young is None or (part is not None and part.fresh):
            return part and part._replace(value=prototype.buffer.from_buffer(part.value))
        version = account.version(whole)
        if not young and version is None:
            return None
        value = await self._store.get(key, prototype)
        # Unless it was replaced meanwhile.
        if value is None or version != account.version(whole):
            return None
        return Kept(part_of(value, byte_range), version, young, whole)

    async def renew(self, kept: Kept) -> None:
        """Take note that a value was looked at in the source, and is the same."""
        if isinstance(kept.where, tuple):
            self._account.renew(kept.where, kept.version)

    async def adopt(self, entry: Entry, prototype: BufferPrototype) -> Buffer | None:
        """Keep, and return, the value that an earlier run of a program left in the store."""
        key, byte_range = entry
        value = await self._store.get(key, prototype) if self._lasting else None
        if value is None:
            return None
        await self._keep((key, None), value, None, stored=True)
        return part_of(value, byte_range)

    async def announce(self, key: str) -> bytes | None:
        """Return the permission to keep what the source answers from now on."""
        return b""

    async def keep(
        self, entry: Entry, value: Buffer, version: object, ticket: bytes | None
    ) -> None:
        """Keep a value, or a part of it."""
        await self._keep(entry, value, version, stored=False)

    async def _keep(self, entry: Entry, value: Buffer, version: object, *, stored: bool) -> None:
        key, byte_range = entry
        account, size = self._account, len(value)
        if self._most is not None and size > self._most:
            if byte_range is None:
                await self.forget(key, b"")
            return
        # One at a time, so that there is never more in the store than is allowed.
        async with locked(self._room):
            await self._count_what_was_left()
            if byte_range is None and account.version(entry) != version:
                await self._store.delete(key)  # it would be taken for this one meanwhile
            for victim, part in account.room(entry, size, self._most, version):
                if part is None:
                    await self._store.delete(victim)
            if byte_range is not None:
                account.put_part(key, byte_range, _own(value))
            elif not (stored and await self._store.exists(key)):
                await self._store.set(key, value)

    async def _count_what_was_left(self) -> None:
        """Count what an earlier run left in the store, since it takes room as well."""
        if self._counted or self._most is None or not self._store.supports_listing:
            return
        for key in [key async for key in self._store.list()]:
            try:
                self._account.add_left((key, None), await self._store.getsize(key))
            except FileNotFoundError:
                continue
        self._counted = True

    async def forget(self, key: str, ticket: bytes | None) -> None:
        """Forget a value."""
        async with locked(self._room):  # counted until it is deleted
            whole = self._account.forget(key)
            if whole or self._lasting:
                await self._store.delete(key)

    @asynccontextmanager
    async def changing(self, key: str) -> AsyncIterator[Change]:
        """Forget a value before it is written, and after, since nobody knows how that ends."""
        await self.forget(key, b"")
        try:
            yield Change()
        finally:
            await self.forget(key, b"")

    @asynccontextmanager
    async def changing_below(self, directory: str) -> AsyncIterator[None]:
        """The same for all keys that begin so."""
        await self._forget_below(directory)
        try:
            yield
        finally:
            await self._forget_below(directory)

    async def _forget_below(self, directory: str) -> None:
        for key in self._account.keys_below(directory):
            await self.forget(key, b"")
        if self._lasting:
            await (self._store.delete_dir(directory) if directory else self._store.clear())


def part_of(value: Buffer, byte_range: ByteRequest | None) -> Buffer:
    """The bytes of a value that are asked for."""
    return value if byte_range is None else value[absolute(byte_range, len(value))]


def _own(value: Buffer) -> Buffer:
    """A buffer of the same bytes that nobody else can change."""
    return value if is_immutable(value) else type(value).from_bytes(value.to_bytes())
