"""Warnings about what a caller does, shown where the caller does it."""

from __future__ import annotations

import sys
import warnings
from contextvars import ContextVar
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from types import FrameType

_PACKAGE = __name__.partition(".")[0]
_LOOP = frozenset(("asyncio", "concurrent", "threading", "uvloop"))


class Place(NamedTuple):
    """A line of a program, and which warnings were shown there."""

    filename: str
    lineno: int
    module: str
    registry: dict[str | tuple[str, type[Warning], int], int]


# The line from which synchronous code called, for what then runs on the thread of the event loop.
calling: ContextVar[Place | None] = ContextVar("calling", default=None)


def warn(message: str, category: type[Warning]) -> None:
    """Warn, and point to the line outside of this package that is the cause.

    How many calls lie between depends on the face: a synchronous function steps a coroutine or
    hands it to another thread, an asynchronous one is awaited.

    Parameters
    ----------
    message
        What to tell.
    category
        The class of the warning.
    """
    place = caller()
    warnings.warn_explicit(
        message, category, place.filename, place.lineno, place.module, place.registry
    )


def caller() -> Place:
    """The nearest line outside of this package that led here."""
    frame = inside = sys._getframe(1)
    while frame is not None and _root(frame) == _PACKAGE:
        inside, frame = frame, frame.f_back  # type: ignore[assignment]
    if frame is None or _root(frame) in _LOOP:
        return calling.get() or _place(frame or inside)
    return _place(frame)


def _root(frame: FrameType) -> str:
    name: str = frame.f_globals.get("__name__", "")
    return name.partition(".")[0]


def _place(frame: FrameType) -> Place:
    names = frame.f_globals
    return Place(
        frame.f_code.co_filename,
        frame.f_lineno,
        names.get("__name__", "<string>"),
        names.setdefault("__warningregistry__", {}),
    )
