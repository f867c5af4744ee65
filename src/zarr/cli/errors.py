"""Errors as the command shows them: a line or two, with the remedy."""

from __future__ import annotations

import errno

from zarr.errors import (
    BaseZarrError,
    ContainsArrayError,
    ContainsGroupError,
    NodeNotFoundError,
    PickleCodecDisabledError,
)
from zarr.tools.text import printable, shorten

__all__ = ["explain"]

_MOST = 1000
# Errors whose messages are written for users.
_MEANT = (BaseZarrError, OSError, ValueError, TypeError, LookupError, ImportError, RuntimeError)
_HINTS = {
    errno.EACCES: "Ask its owner for the right, or use a copy.",
    errno.EPERM: "Ask its owner for the right, or use a copy.",
    errno.EROFS: "It is on a file system that is read-only: use a copy.",
    errno.ENOSPC: "Make room, then run the command again: all that was there is still whole.",
    errno.EDQUOT: "Make room, then run the command again: all that was there is still whole.",
}


def explain(error: BaseException) -> str:
    """Return an error as a message of one or two lines, with what to do about it."""
    text = _message(error)
    if not isinstance(error, _MEANT):
        text = f"{type(error).__name__}: {text}" if text else type(error).__name__
    text = shorten(printable(" ".join(text.split())), _MOST)
    notes = [printable(" ".join(str(note).split())) for note in getattr(error, "__notes__", ())]
    hint = _hint(error)
    more = " ".join(filter(None, [*notes, hint]))
    return f"{text}\n      {more}" if more else text


def _message(error: BaseException) -> str:
    if isinstance(error, OSError) and error.strerror and not isinstance(error, BaseZarrError):
        names = [str(name) for name in (error.filename, error.filename2) if name is not None]
        return ": ".join([*names, error.strerror])
    if isinstance(error, TypeError) and "'storage_options' was provided" in str(error):
        return "--anon, --endpoint and --option are for stores that a URL names"
    if type(error) is KeyError and len(error.args) == 1:
        return f"there is no {error.args[0]!r}"
    return str(error) or type(error).__name__


def _hint(error: BaseException) -> str:
    match error:
        case ContainsArrayError() | ContainsGroupError():
            return "Choose another place, or replace it: --overwrite, where the command has it."
        case NodeNotFoundError():
            return "`zarr ls` shows what is in a store. `zarr COMMAND --help` shows the options."
        case PickleCodecDisabledError():
            return "If you trust the data: ZARR_ARRAY__ALLOW_UNSAFE_PICKLE_DECODE=true zarr …"
        case OSError(errno=int(number)) if number in _HINTS:
            return _HINTS[number]
        case TimeoutError() | ConnectionError():
            return "Run the command again; ZARR_REQUESTS__TIMEOUT=120 waits longer for an answer."
    if isinstance(error, _MEANT):
        return ""
    return "--traceback shows where this comes from."
