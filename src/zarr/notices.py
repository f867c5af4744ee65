"""Warnings about what a caller does, shown where the caller does it."""

from __future__ import annotations

import sys
import warnings

_PACKAGE = __name__.partition(".")[0]


def warn(message: str, category: type[Warning]) -> None:
    """Warn, and point to the line outside of this package that is the cause.

    How many calls lie between depends on the face: a synchronous function steps a coroutine, an
    asynchronous one is awaited.

    Parameters
    ----------
    message
        What to tell.
    category
        The class of the warning.
    """
    frame, level = sys._getframe(1), 2
    while frame.f_globals.get("__name__", "").partition(".")[0] == _PACKAGE:
        if frame.f_back is None:
            break
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)
