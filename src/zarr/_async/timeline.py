"""The timeline of a trace in the formats of other programs."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zarr._async.tracing import Trace

__all__ = ["chrome", "export", "save"]

_ENGINE = 1_000_000
"""Threads of the engine are shown by numbers from here on."""


def chrome(traced: Trace) -> dict[str, Any]:
    """Return a timeline in Chrome's trace format, with the counts beside it.

    Parameters
    ----------
    traced : Trace
        The trace.

    Returns
    -------
    dict
        Values that JSON has.
    """
    began, ended = traced.span
    pid = os.getpid()

    def event(name: str, thread: int, start: int, nanos: int, more: dict[str, Any]) -> Any:
        tid = thread if thread >= 0 else _ENGINE - thread
        return {
            "name": name,
            "ph": "X",
            "pid": pid,
            "tid": tid,
            "ts": (start - began) / 1e3,
            "dur": nanos / 1e3,
            "args": more,
        }

    events = [event("trace", 0, began, ended - began, {})]
    threads = {0: "zarr.trace"}
    for each in traced.timeline():
        more: dict[str, Any] = {"bytes": each.bytes}
        if each.key:
            more["key"] = each.key
        made = event(each.name, each.thread, each.start, each.nanos, more)
        threads.setdefault(
            made["tid"],
            f"engine {-each.thread}" if each.thread < 0 else f"thread {each.thread}",
        )
        events.append(made)
    named = [
        {"name": "thread_name", "ph": "M", "pid": pid, "tid": tid, "args": {"name": name}}
        for tid, name in threads.items()
    ]
    return {
        "traceEvents": [*named, *events],
        "displayTimeUnit": "ms",
        "otherData": traced.summary().to_dict(),
    }


def save(traced: Trace, path: str | os.PathLike[str]) -> None:
    """Write a timeline to a file in Chrome's trace format."""
    Path(path).write_text(json.dumps(chrome(traced)), encoding="utf-8")


def export(traced: Trace, tracer: Any) -> int:
    """Hand a timeline to OpenTelemetry; return how many spans were made."""
    try:
        from opentelemetry import trace  # late: an extra
    except ImportError as error:
        raise ImportError(
            "to export a trace, OpenTelemetry is needed: install it with `pip install zarr[otel]`"
        ) from error
    tracer = trace.get_tracer("zarr") if tracer is None else tracer
    shift = time.time_ns() - time.perf_counter_ns()  # to the time of the day
    began, ended = traced.span
    counts = {
        f"zarr.{name}": value
        for name, value in traced.summary().to_dict().items()
        if isinstance(value, (int, float, str))
    }
    above = tracer.start_span("zarr.trace", start_time=began + shift, attributes=counts)
    context = trace.set_span_in_context(above)
    made = 1
    for each in traced.timeline():
        more: dict[str, str | int] = {"zarr.bytes": each.bytes, "thread.id": each.thread}
        if each.key:
            more["zarr.key"] = each.key
        start = each.start + shift
        span = tracer.start_span(
            f"zarr.{each.name}", context=context, start_time=start, attributes=more
        )
        span.end(end_time=start + each.nanos)
        made += 1
    above.end(end_time=ended + shift)
    return made
