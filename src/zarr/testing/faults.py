"""Stores that fail, are slow or change between two requests, on purpose."""

from __future__ import annotations

import asyncio
import errno
import random
import threading
import time
from collections import Counter, deque
from copy import copy
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Self, TypeAlias, TypeVar, get_args

from zarr._async.run import stepping
from zarr.abc.store import Store, get_versioned
from zarr.buffer.cpu import Buffer as CpuBuffer
from zarr.storage.wrapper import WrapperStore

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from zarr.abc.store import ByteRequest, StoreTraits
    from zarr.buffer.core import Buffer, BufferPrototype

__all__ = ["Fault", "FaultyStore", "LatencyStore", "Request", "SwappingStore"]

T = TypeVar("T")


Fault: TypeAlias = Literal[
    "ok", "fail", "reset", "busy", "lost", "cut", "double", "twice", "delay", "hang", "forbidden"
]
"""The fate of a request.

``ok``
    It is answered.
``fail``, ``reset``, ``busy``
    It does not get through: an `OSError`, a `ConnectionResetError`, an error with the status 503.
``lost``
    It is carried out, and the answer is lost: a `ConnectionError`.
``cut``, ``double``
    The body of the answer ends before its end, or comes twice, and nothing says so.
``twice``
    The request arrives twice.
``delay``
    The answer takes its time.
``hang``
    There never is an answer.
``forbidden``
    It is refused: a `PermissionError`.
"""


_CHANCES: tuple[Fault, ...] = ("fail", "reset", "busy", "lost")


class Request(NamedTuple):
    """A request that a store was asked."""

    method: str
    """The method of the store."""
    key: str
    """The key, or prefix."""
    byte_range: ByteRequest | None
    """Which bytes were asked for; None is all."""
    fault: Fault
    """Its fate."""


class ServiceError(Exception):
    """An answer with a status of HTTP, as the libraries for services raise it."""

    def __init__(self, status: int) -> None:
        super().__init__(f"the service answered {status}")
        self.status = status


class _Log:
    """The requests so far, and the fates of the next ones; shared by a store and its views."""

    def __init__(self, seed: int) -> None:
        self.guard = threading.Lock()
        self.random = random.Random(seed)
        self.schedule: deque[Fault] = deque()
        self.requests: list[Request] = []
        self.in_flight = self.most = 0

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "guard": None, "in_flight": 0}

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__dict__.update(state, guard=threading.Lock())

    def met(self, rate: float, method: str, key: str, byte_range: ByteRequest | None) -> Fault:
        """Note a request: what becomes of it."""
        with self.guard:
            fault: Fault = "ok"
            if self.schedule:
                fault = self.schedule.popleft()
            elif rate and self.random.random() < rate:
                fault = self.random.choice(_CHANCES)
            self.requests.append(Request(method, key, byte_range, fault))
            self.in_flight += 1
            self.most = max(self.most, self.in_flight)
            return fault

    def done(self) -> None:
        """Note that a request ended."""
        with self.guard:
            self.in_flight -= 1


class FaultyStore(WrapperStore[Store]):
    """A store whose requests meet with faults, by a schedule or by chance.

    Parameters
    ----------
    store : Store
        The inner store.
    schedule : iterable of Fault
        The fate of each request, in the order in which they are made. That of later ones follows
        from `rate`.
    rate : float
        How likely it is that a request does not get through: one in twenty is 0.05.
    seed : int
        Chance begins with it.
    waits : bool
        Whether the store has to be waited for, as one behind a network. If not, it needs an inner
        store that never waits, and ``hang`` is an error.
    delay : float
        Seconds that ``delay`` takes.

    Examples
    --------
    >>> import zarr
    >>> from zarr.testing.faults import FaultyStore
    >>> store = FaultyStore(zarr.storage.MemoryStore())
    >>> array = zarr.create_array(store, shape=(4,), chunks=(2,), dtype="i4")
    >>> store.plan(["reset", "busy"])
    >>> array[:] = 1
    >>> [request.fault for request in store.requests[-4:]]
    ['reset', 'busy', 'ok', 'ok']
    """

    def __init__(
        self,
        store: Store,
        schedule: Iterable[Fault] = (),
        *,
        rate: float = 0.0,
        seed: int = 0,
        waits: bool = True,
        delay: float = 0.001,
    ) -> None:
        super().__init__(store)
        self._may_wait = waits or store.traits.needs_event_loop
        self._rate = rate
        self._delay = delay
        self._log = _Log(seed)
        self.plan(schedule)

    def plan(self, schedule: Iterable[Fault]) -> None:
        """Set what becomes of the next requests.

        Parameters
        ----------
        schedule : iterable of Fault
            One for each.
        """
        planned = list(schedule)
        for fault in planned:
            if fault not in get_args(Fault):
                raise ValueError(f"unknown fault {fault!r}: expected one of {get_args(Fault)}")
        self._log.schedule = deque(planned)

    @property
    def requests(self) -> list[Request]:
        """All requests so far."""
        return self._log.requests

    def count(self, method: str | None = None) -> int:
        """Return how many requests were made.

        Parameters
        ----------
        method : str, optional
            Of this method only.
        """
        return sum(method in (None, request.method) for request in self.requests)

    @property
    def asked(self) -> Counter[str]:
        """How many requests of each method were made."""
        return Counter(request.method for request in self.requests)

    @property
    def in_flight(self) -> int:
        """How many requests are under way."""
        return self._log.in_flight

    @property
    def most_in_flight(self) -> int:
        """How many requests were under way at a time, at most."""
        return self._log.most

    def declare_traits(self) -> StoreTraits:
        # docstring inherited
        return replace(
            super().declare_traits(), needs_event_loop=self._may_wait, detects_truncation=False
        )

    def _with_store(self, store: Store) -> Self:
        view = type(self)(store, rate=self._rate, waits=self._may_wait, delay=self._delay)
        view._log = self._log
        return view

    # -- faults -----------------------------------------------------------------------------

    async def intercept(
        self,
        method: str,
        key: str,
        call: Callable[[], Awaitable[T]],
        byte_range: ByteRequest | None = None,
    ) -> T:
        # docstring inherited
        fault = self._log.met(self._rate, method, key, byte_range)
        try:
            _refuse(fault, key)
            if fault == "hang":
                if not self._may_wait:
                    raise TimeoutError("a store that never waits cannot hang")
                await asyncio.Event().wait()
            if fault == "delay" and not self._may_wait:
                time.sleep(self._delay)
            elif self._may_wait and not stepping():
                await asyncio.sleep(self._delay if fault == "delay" else 0)
            if fault == "twice":
                await call()
            answer = await call()
            _lose(fault, key)
            return _spoilt(fault, answer)
        finally:
            self._log.done()

    def intercept_sync(
        self, method: str, key: str, call: Callable[[], T], byte_range: ByteRequest | None = None
    ) -> T:
        # docstring inherited
        fault = self._log.met(self._rate, method, key, byte_range)
        try:
            _refuse(fault, key)
            if fault == "hang":
                raise TimeoutError("a synchronous request cannot hang")
            if fault == "delay":
                time.sleep(self._delay)
            if fault == "twice":
                call()
            answer = call()
            _lose(fault, key)
            return _spoilt(fault, answer)
        finally:
            self._log.done()


def _refuse(fault: Fault, key: str) -> None:
    """Raise the error of a request that does not get through."""
    match fault:
        case "fail":
            raise OSError(f"the connection failed, as planned, at {key!r}")
        case "reset":
            raise ConnectionResetError(errno.ECONNRESET, f"reset, as planned, at {key!r}")
        case "busy":
            raise ServiceError(503)
        case "forbidden":
            raise PermissionError(errno.EACCES, f"forbidden, as planned, at {key!r}")


def _lose(fault: Fault, key: str) -> None:
    """Raise the error of an answer that does not get through."""
    if fault == "lost":
        raise ConnectionError(f"the answer was lost, as planned, at {key!r}")


def _spoilt(fault: Fault, answer: T) -> T:
    """The part of an answer that arrives."""
    value: Any = answer
    if fault in ("cut", "double") and isinstance(answer, tuple) and len(answer) == 2:
        both: Any = (_spoilt(fault, answer[0]), answer[1])
        spoilt_both: T = both
        return spoilt_both
    if fault not in ("cut", "double") or not hasattr(answer, "to_bytes"):
        return answer
    data = value.to_bytes()
    data = data[: len(data) // 2] if fault == "cut" else data + data
    spoilt: T = type(value).from_bytes(data)
    return spoilt


class LatencyStore(WrapperStore[Store]):
    """A store that takes its time, as one on the other side of a network does.

    Parameters
    ----------
    store : Store
        The inner store.
    get_latency, set_latency : float or tuple of float
        Seconds that reading and writing take longer; with two numbers they vary, normally
        distributed with that mean and standard deviation.
    """

    def __init__(
        self,
        store: Store,
        *,
        get_latency: float | tuple[float, float] = 0,
        set_latency: float | tuple[float, float] = 0,
    ) -> None:
        super().__init__(store)
        self._get_latency = get_latency
        self._set_latency = set_latency

    def declare_traits(self) -> StoreTraits:
        # docstring inherited
        return replace(super().declare_traits(), needs_event_loop=True)

    @property
    def get_latency(self) -> float:
        """Seconds that one read takes longer."""
        return _drawn(self._get_latency)

    @property
    def set_latency(self) -> float:
        """Seconds that one write takes longer."""
        return _drawn(self._set_latency)

    def _with_store(self, store: Store) -> Self:
        return type(self)(store, get_latency=self._get_latency, set_latency=self._set_latency)

    def _latency(self, method: str) -> float:
        if method == "get":
            return self.get_latency
        writes = ("set", "set_if_not_exists", "set_if_unchanged", "delete_if_unchanged")
        return self.set_latency if method in writes else 0

    async def intercept(
        self,
        method: str,
        key: str,
        call: Callable[[], Awaitable[T]],
        byte_range: ByteRequest | None = None,
    ) -> T:
        # docstring inherited
        if latency := self._latency(method):
            await asyncio.sleep(latency)
        return await call()

    def intercept_sync(
        self, method: str, key: str, call: Callable[[], T], byte_range: ByteRequest | None = None
    ) -> T:
        # docstring inherited
        time.sleep(self._latency(method))
        return call()


def _drawn(latency: float | tuple[float, float]) -> float:
    if isinstance(latency, tuple):
        return max(0.0, random.gauss(*latency))
    return float(latency)


class SwappingStore(WrapperStore["Store"]):
    """A store in which a value is replaced after so many requests, as by another process.

    Parameters
    ----------
    store : Store
        The inner store.
    key : str
        The key of the value.
    value : bytes or None
        Its new value; None if it is deleted.
    turn : int
        How many requests for the key are answered before.

    Attributes
    ----------
    swapped : bool
        Whether it has happened.
    every : bool
        Whether it happens again after each further request.
    requests : int
        How many requests for the key there were.
    """

    def __init__(self, store: Store, key: str, value: bytes | None, turn: int) -> None:
        super().__init__(store)
        self.key = key
        self.value = value
        self.turn = turn
        self.swapped = self.every = False
        self.requests = 0
        self._first = self

    def declare_traits(self) -> StoreTraits:
        # docstring inherited
        return super().declare_traits()

    def with_read_only(self, read_only: bool = False) -> Self:
        """Return a store of the same data; its requests are counted by this one."""
        view = copy(self)
        view._store = self._store.with_read_only(read_only)
        return view

    async def get(
        self, key: str, prototype: BufferPrototype, byte_range: ByteRequest | None = None
    ) -> Buffer | None:
        # docstring inherited
        found = await self.get_versioned(key, prototype, byte_range)
        return None if found is None else found[0]

    async def get_versioned(
        self, key: str, prototype: BufferPrototype, byte_range: ByteRequest | None = None
    ) -> tuple[Buffer, object | None] | None:
        # docstring inherited
        found = await get_versioned(self._store, key, prototype, byte_range)
        first = self._first
        if key == first.key:
            first.requests += 1
            if first.requests >= first.turn and (first.every or not first.swapped):
                first.swapped = True
                await first._swap()
        return found

    async def _swap(self) -> None:
        if self.value is None:
            await self._store.delete(self.key)
        else:
            await self._store.set(self.key, CpuBuffer.from_bytes(self.value))
