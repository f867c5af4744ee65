"""The places where requests of stores and waits are noted, for traces and for the log.

While nobody traces, each place that would note something looks at `active`, and that is all.
"""

from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from zarr._async.tracing import Trace

__all__ = ["LONG", "Asked", "Stretch", "active", "lock_waited", "switch", "timed"]

LONG = 1.0
"""Seconds of waiting that are worth a line in the log."""

_lock = threading.Lock()
active: tuple[Trace, ...] = ()
"""The traces that are on: those who would note something look here first."""


class Stretch(NamedTuple):
    """A stretch of time in which something was done.

    Attributes
    ----------
    name : str
        A method of a store, a phase of the engine, an operation, or ``"lock"``.
    key : str
        The key or the name of the lock; empty for others.
    thread : int
        The identifier of the thread; those below 0 are of the engine's own numbering.
    start : int
        When it began, in nanoseconds, as :func:`time.perf_counter_ns` tells it.
    nanos : int
        How long it took, in nanoseconds.
    bytes : int
        How many bytes it was about.
    """

    name: str
    key: str
    thread: int
    start: int
    nanos: int
    bytes: int


class Asked:
    """A request of a store that is under way.

    Parameters
    ----------
    name : str
        The method of the store.
    key : str
        Its key, or a prefix.
    """

    __slots__ = ("_asked", "_key", "_name", "began")

    def __init__(self, name: str, key: str) -> None:
        self._name = name
        self._key = key
        self._asked = self.began = time.perf_counter_ns()

    def enter(self) -> None:
        """Say that the request has its turn."""
        self.began = time.perf_counter_ns()

    def answered(self, answer: object, size: int | None) -> None:
        """Note the request, with its answer; `size` is how many bytes were sent."""
        now = time.perf_counter_ns()
        if type(answer) is tuple and answer:  # a value and its version
            answer = answer[0]
        bytes_ = size or 0
        if self._name == "get":
            bytes_ = 0 if answer is None else len(answer)  # type: ignore[arg-type]
        waited = self.began - self._asked
        where = threading.get_native_id()
        stretch = Stretch(self._name, self._key, where, self.began, now - self.began, bytes_)
        for each in active:
            each.note_request(stretch, waited)


def switch(traced: Trace, *, on: bool) -> None:
    """Switch a trace on or off."""
    global active
    with _lock:
        others = tuple(each for each in active if each is not traced)
        active = (*others, traced) if on else others


def plan_ended(kind: str, began: int) -> None:
    """Note that an operation that asks a store ended, which began at this time."""
    stretch = Stretch(kind, "", threading.get_native_id(), began, time.perf_counter_ns() - began, 0)
    for each in active:
        each.note_operation(stretch)


def _tell(message: str, *args: object) -> None:
    """Write a line to the log of the package."""
    import logging  # late: it takes 5 ms, and most processes have nothing to tell

    logging.getLogger("zarr.trace").info(message, *args, stacklevel=2)


def retried(name: str, key: str, where: str, error: Exception, made: int, pause: float) -> None:
    """Tell that a request failed, and is made again after a pause.

    Parameters
    ----------
    name, key, where
        The method, the key and the store.
    error
        The fault that may pass.
    made
        How many attempts there were.
    pause
        Seconds until the next one.
    """
    from zarr.storage.keys import redacted  # late: few requests fail

    _tell(
        "%s %r of %s failed at attempt %d (%s: %s) and is made again in %.2f s",
        name,
        key,
        where,
        made,
        type(error).__name__,
        redacted(str(error)),
        pause,
    )
    for each in active:
        each.note_retry(pause)


def answer_waited(name: str, key: str, where: str, seconds: float) -> None:
    """Tell that the answer to a request took long, its turn and its retries included."""
    _tell("%s %r of %s took %.1f s", name, key, where, seconds)


def fell_back(where: str, left: int, of: int, reasons: str) -> None:
    """Tell that chunks are left to the requests of a store that the engine had fetched itself."""
    _tell(
        "the engine fetched %d of %d chunks of %s by itself and leaves the others to the store: %s",
        of - left,
        of,
        where,
        reasons,
    )
    for each in active:
        each.note_fallback()


def lock_waited(name: str, began: int, *, counted: bool = False) -> None:
    """Note that somebody waited for a lock since a time, as `time.perf_counter_ns` tells it.

    `counted`: the engine has counted it.
    """
    took = time.perf_counter_ns() - began
    if took >= LONG * 1e9:
        _tell("waited %.1f s for the lock of %s", took / 1e9, name)
    stretch = Stretch("lock", name, threading.get_native_id(), began, took, 0)
    for each in () if counted else active:
        each.note_lock(stretch)


def index_read(size: int) -> None:
    """Note that the index of a shard was fetched, which has so many bytes."""
    for each in active:
        each.note_index(size)


def _forget() -> None:
    """In a forked child: the traces of the parent are of its process."""
    global active, _lock
    active = ()
    _lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)


def timed(kind: str) -> Callable[[], None] | None:
    """Begin to time an operation that asks a store; call the result when it ends. None: nobody
    traces.
    """
    if not active:
        return None
    began = time.perf_counter_ns()
    return lambda: plan_ended(kind, began)
