"""Traces of what operations do and how long it takes: `zarr.trace`.

The engine counts its own work while there is a watch; requests of stores and waits for locks are
noted by the functions of `zarr._async.trace`.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from zarr import _core
from zarr._async.summary import Summary, summarised
from zarr._async.trace import Stretch, switch

if TYPE_CHECKING:
    from os import PathLike

__all__ = ["Noted", "Trace", "trace"]

_MOST = 200_000
"""Requests that one trace keeps; later ones are only counted."""


@dataclass(slots=True)
class Noted:
    """The notes of one trace, of stores and locks.

    Attributes
    ----------
    requests, operations, locks : list of Stretch
        Requests of stores; operations that ask a store; waits for locks.
    count, request_bytes, waited
        How many requests; the bytes of answers and of what was sent; the nanoseconds that
        requests waited for their turn.
    retries, pauses, fallbacks
        Requests made again; the seconds between; reads that left the direct path.
    index_reads, index_bytes
        Indexes of shards that were fetched from a store.
    """

    requests: list[Stretch]
    operations: list[Stretch]
    locks: list[Stretch]
    count: int = 0
    got_bytes: int = 0
    sent_bytes: int = 0
    waited: int = 0
    retries: int = 0
    pauses: float = 0.0
    fallbacks: int = 0
    index_reads: int = 0
    index_bytes: int = 0


class Trace:
    """A record of all threads of the process while it is on; made by :func:`zarr.trace`.

    It is a context manager: entering switches it on, leaving switches it off. It may be entered
    once.
    """

    def __init__(self) -> None:
        self._noted = Noted([], [], [])
        self._notes = threading.Lock()
        self._watch: _core.Watch | None = None
        self._before: dict[str, tuple[int, int, int]] = {}
        self._after: dict[str, tuple[int, int, int]] | None = None
        self._began = self._ended = 0
        self._first = self._shift = 0
        self._spans: list[Stretch] = []

    def __enter__(self) -> Self:
        if self._watch is not None:
            raise RuntimeError("a trace is used once: make another one by zarr.trace()")
        self._watch = _core.Watch()
        self._shift = time.perf_counter_ns() - _core.Watch.now()
        self._first = _core.Watch.kept()
        self._before = _core.Watch.counts()
        switch(self, on=True)
        self._began = time.perf_counter_ns()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._ended = time.perf_counter_ns()
        switch(self, on=False)
        self._after = _core.Watch.counts()
        self._spans = self._engine_spans()
        if self._watch is not None:
            self._watch.end()

    def _engine_spans(self) -> list[Stretch]:
        shift = self._shift
        return [
            Stretch(phase, "", -1 - thread, start + shift, took, size)
            for phase, thread, start, took, size in _core.Watch.spans(self._first)
        ]

    # Called by those who ask stores, from any thread.

    def note_request(self, stretch: Stretch, waited: int) -> None:
        """Note a request that was answered, and the nanoseconds that it waited for its turn."""
        noted = self._noted
        with self._notes:
            noted.count += 1
            noted.waited += waited
            if stretch.name.startswith("set"):
                noted.sent_bytes += stretch.bytes
            else:
                noted.got_bytes += stretch.bytes
            if len(noted.requests) < _MOST:
                noted.requests.append(stretch)

    def note_operation(self, stretch: Stretch) -> None:
        """Note an operation that asked a store."""
        with self._notes:
            if len(self._noted.operations) < _MOST:
                self._noted.operations.append(stretch)

    def note_lock(self, stretch: Stretch) -> None:
        """Note that somebody waited for a lock."""
        with self._notes:
            if len(self._noted.locks) < _MOST:
                self._noted.locks.append(stretch)

    def note_retry(self, pause: float) -> None:
        """Note that a request is made again after so many seconds."""
        with self._notes:
            self._noted.retries += 1
            self._noted.pauses += pause

    def note_fallback(self) -> None:
        """Note that a read left the direct path."""
        with self._notes:
            self._noted.fallbacks += 1

    def note_index(self, size: int) -> None:
        """Note that the index of a shard was fetched from a store."""
        with self._notes:
            self._noted.index_reads += 1
            self._noted.index_bytes += size

    # For those who look.

    def summary(self) -> Summary:
        """Return what was counted, what bound it, and advice.

        Returns
        -------
        Summary
            Until now, if the trace is still on.

        Raises
        ------
        RuntimeError
            If the trace was never on.

        Examples
        --------
        >>> import zarr
        >>> array = zarr.create_array({}, shape=(100, 100), chunks=(10, 10), dtype="f4")
        >>> with zarr.trace() as t:
        ...     _ = array[:20, :20]
        >>> t.summary().values
        4
        """
        if self._watch is None:
            raise RuntimeError("the trace was never on: use it as `with zarr.trace() as t:`")
        after = _core.Watch.counts() if self._after is None else self._after
        ended = self._ended or time.perf_counter_ns()
        before = self._before
        engine = {
            name: tuple(now - then for now, then in zip(counts, before[name], strict=True))
            for name, counts in after.items()
        }
        return summarised((ended - self._began) / 1e9, engine, self._noted)

    def __str__(self) -> str:
        return "a trace that was never on" if self._watch is None else str(self.summary())

    def timeline(self) -> list[Stretch]:
        """Return the stretches of time that were noted, in the order in which they began.

        Of the engine's work, those of 20 µs or longer are noted, at most 65,536 in a process.

        Returns
        -------
        list of Stretch
            Times are those of :func:`time.perf_counter_ns`.
        """
        noted = self._noted
        spans = self._spans if self._ended else self._engine_spans()
        with self._notes:
            found = [*noted.operations, *noted.requests, *noted.locks, *spans]
        return sorted(found, key=lambda stretch: stretch.start)

    def save(self, path: str | PathLike[str]) -> None:
        """Write the timeline to a file that Chrome's ``about:tracing`` and Perfetto open.

        Parameters
        ----------
        path : str or path-like
            The file: JSON in Chrome's trace format.
        """
        from zarr._async.timeline import save  # late: few save one

        save(self, path)

    def export(self, tracer: object = None) -> int:
        """Hand the timeline to OpenTelemetry, as spans below one span for the trace.

        Parameters
        ----------
        tracer : opentelemetry.trace.Tracer, optional
            By default that of the name ``"zarr"`` of the configured provider.

        Returns
        -------
        int
            How many spans were made.

        Raises
        ------
        ImportError
            If OpenTelemetry is not installed: ``pip install zarr[otel]`` brings it.
        """
        from zarr._async.timeline import export  # late: few have OpenTelemetry

        return export(self, tracer)

    @property
    def span(self) -> tuple[int, int]:
        """When the trace was switched on and off, as :func:`time.perf_counter_ns` tells it."""
        return self._began, self._ended or time.perf_counter_ns()


def trace() -> Trace:
    """Note what operations do while a context lasts, and how long it takes.

    All threads of this process are traced, so that programs are seen that read from threads of
    their own, as dask does. So two traces that last at the same time both count the operations of
    either. Other processes are not traced. Tracing costs little: a read of one chunk takes some
    tenths of a microsecond more. Of many short reads, some are timed and stand for the others; all
    are counted.

    Returns
    -------
    Trace
        A context manager. Printed, it says what bound the operations, with advice;
        :meth:`Trace.summary` has the numbers, :meth:`Trace.save` writes a timeline.

    Examples
    --------
    >>> import numpy as np, zarr
    >>> array = zarr.create_array({}, data=np.arange(10_000).reshape(100, 100), chunks=(50, 50))
    >>> with zarr.trace() as t:
    ...     column = array[:, 3]
    >>> summary = t.summary()
    >>> summary.reads, summary.values, summary.bytes_wanted
    (1, 2, 800)
    """
    return Trace()
