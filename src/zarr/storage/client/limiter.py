"""How many requests are under way: one limit for the data of a store, whoever asks.

Threads, tasks, event loops, handles and arrays all pass through the same gate if they ask for the
same data, and in the order in which they came.
"""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from zarr._async.executors import blocked_loop

if TYPE_CHECKING:
    import asyncio
    from collections.abc import AsyncIterator

    from zarr import _core

PATIENCE = 5.0
"""Seconds after which requests of an event loop that shows no life do not count any more."""

_table_lock = threading.Lock()
_gates: WeakValueDictionary[str, Gate] = WeakValueDictionary()
# The data that this task has a request for under way: a store that asks itself needs no more room.
_inside: ContextVar[frozenset[str]] = ContextVar("zarr_inside", default=frozenset())


class _Share:
    """The requests of one event loop.

    It keeps the loop alive, so that no other is taken for it.
    """

    __slots__ = ("_loop", "alive", "count", "forgiven")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self.count = 0
        self.forgiven = 0  # of these, that do not count
        self.alive = 0.0  # when one of them began or ended


class _Waiter:
    """A request that waits for its turn."""

    __slots__ = ("limit", "loop", "turn")

    def __init__(self, loop: asyncio.AbstractEventLoop, limit: int) -> None:
        self.loop = loop
        self.limit = limit
        self.turn: asyncio.Future[None] = loop.create_future()


class Gate:
    """Lets so many requests through at a time, first come, first served.

    A loop whose thread does something else for long, and so ends none of its requests, does not
    stop the others: after a while its requests are left out of the count.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: deque[_Waiter] = deque()
        self._shares: dict[int, _Share] = {}
        self._busy = 0
        # Of those who make many requests: raised to ask them to leave some to others.
        self._rooms: list[_core.Cancel] = []

    async def enter(self, limit: int) -> None:
        """Wait until fewer than `limit` requests are under way, and count one more."""
        import asyncio

        loop = asyncio.get_running_loop()
        with self._lock:
            if not self._waiting and self._busy < limit:
                self._take(loop)
                return
            waiter = _Waiter(loop, limit)
            self._waiting.append(waiter)
            for room in self._rooms:
                room.cancel()
        timer = loop.call_later(PATIENCE, self._nudge, waiter)
        try:
            await waiter.turn
        except asyncio.CancelledError:
            self._give_up(waiter)
            raise
        finally:
            timer.cancel()

    def widen(self, limit: int, count: int, room: _core.Cancel) -> int:
        """Once inside, count up to so many more, if nobody waits; return how many.

        From then on `room` is raised when somebody waits.
        """
        import asyncio

        loop = asyncio.get_running_loop()
        with self._lock:
            more = 0 if self._waiting else max(0, min(count, limit - self._busy))
            self._take(loop, more)
            self._rooms.append(room)
            return more

    def narrow(self, loop: asyncio.AbstractEventLoop, count: int, room: _core.Cancel) -> None:
        """Leave, with all that was counted."""
        with self._lock:
            self._rooms = [other for other in self._rooms if other is not room]
        self.leave(loop, count)

    def leave(self, loop: asyncio.AbstractEventLoop, count: int = 1) -> None:
        """Count one less, or so many."""
        with self._lock:
            share = self._shares[id(loop)]
            share.count -= count
            share.alive = time.monotonic()
            forgiven = min(share.forgiven, count)
            share.forgiven -= forgiven
            self._busy -= count - forgiven
            if not share.count:
                del self._shares[id(loop)]
            granted = self._grant()
        self._tell(granted, loop)

    def _take(self, loop: asyncio.AbstractEventLoop, count: int = 1) -> None:
        share = self._shares.get(id(loop))
        if share is None:
            share = self._shares[id(loop)] = _Share(loop)
        share.count += count
        share.alive = time.monotonic()
        self._busy += count

    def _grant(self) -> list[_Waiter]:
        """Under the lock: count those whose turn it is."""
        granted = []
        while self._waiting and self._busy < self._waiting[0].limit:
            waiter = self._waiting.popleft()
            self._take(waiter.loop)
            granted.append(waiter)
        return granted

    def _tell(self, granted: list[_Waiter], here: asyncio.AbstractEventLoop | None) -> None:
        for waiter in granted:
            if waiter.loop is here:
                self._arrive(waiter)
                continue
            try:
                waiter.loop.call_soon_threadsafe(self._arrive, waiter)
            except RuntimeError:  # the waiter's loop was closed
                self.leave(waiter.loop)

    def _arrive(self, waiter: _Waiter) -> None:
        if waiter.turn.done():  # cancelled meanwhile
            self.leave(waiter.loop)
        else:
            waiter.turn.set_result(None)

    def _give_up(self, waiter: _Waiter) -> None:
        with self._lock:
            if waiter in self._waiting:
                self._waiting.remove(waiter)
                granted = self._grant()
            else:
                granted = []
        self._tell(granted, waiter.loop)
        if waiter.turn.done() and not waiter.turn.cancelled():
            self.leave(waiter.loop)

    def _nudge(self, waiter: _Waiter) -> None:
        """On a waiter's loop, when it has waited long: see whether there is life elsewhere."""
        if not waiter.turn.done():
            long_ago = time.monotonic() - PATIENCE
            with self._lock:
                silent = [
                    name
                    for name, share in self._shares.items()
                    if share.alive < long_ago and name != id(waiter.loop)
                ]
            for name in silent:
                self._forgive(name)
            waiter.loop.call_later(PATIENCE, self._nudge, waiter)

    def _forgive(self, name: int) -> None:
        with self._lock:
            share = self._shares.get(name)
            if share is None:
                return
            self._busy -= share.count - share.forgiven
            share.forgiven = share.count
            granted = self._grant()
        self._tell(granted, None)


@asynccontextmanager
async def in_flight(data_id: str, limit: int) -> AsyncIterator[None]:
    """Make a request in this context: one of at most `limit` for the data of this name.

    Parameters
    ----------
    data_id
        Names the data.
    limit
        How many may be under way, this one included.
    """
    import asyncio

    inside = _inside.get()
    if data_id in inside:
        yield
        return
    gate = _gate(data_id)
    await gate.enter(limit)
    token = _inside.set(inside | {data_id})
    try:
        yield
    finally:
        _inside.reset(token)
        gate.leave(asyncio.get_running_loop())


@asynccontextmanager
async def many_in_flight(
    data_id: str, limit: int, most: int, room: _core.Cancel
) -> AsyncIterator[int]:
    """Make several requests at a time in this context: as many as it yields.

    Parameters
    ----------
    data_id, limit
        As for `in_flight`.
    most
        How many are of use.
    room
        Raised when others wait for their turn: then no further request should begin, so that they
        get theirs.
    """
    import asyncio

    gate = _gate(data_id)
    await gate.enter(limit)
    count = 1 + gate.widen(limit, most - 1, room)
    try:
        yield count
    finally:
        gate.narrow(asyncio.get_running_loop(), count, room)


def _gate(data_id: str) -> Gate:
    # A caller that holds up an event loop until this is done must not wait for requests of it.
    blocked = blocked_loop.get()
    if blocked is not None:
        data_id = f"{data_id}\0{id(blocked)}"
    with _table_lock:
        gate = _gates.get(data_id)
        if gate is None:
            gate = _gates[data_id] = Gate()
        return gate


def _forget() -> None:
    """In a forked child: what was under way in the parent is not under way here."""
    global _table_lock
    _table_lock = threading.Lock()
    _gates.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
