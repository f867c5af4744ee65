"""What a cache holds, how full it is, and what is on its way into it."""

from __future__ import annotations

import os
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any, TypeAlias
from weakref import WeakSet

from zarr.abc.store import ByteRequest, RangeByteRequest

if TYPE_CHECKING:
    from zarr.buffer.core import Buffer

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

    def __getstate__(self) -> dict[str, Any]:
        return {}  # a copy in another process begins empty

    def __setstate__(self, _: dict[str, Any]) -> None:
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

    def room(self, entry: Entry, size: int, limit: int | None, version: Any) -> list[Entry]:
        """Count an entry, and no longer those for which there is no room with it; return them.

        Those that were not used for the longest time go. What is counted never exceeds `limit`.
        What is kept of another version of the value goes too.
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
