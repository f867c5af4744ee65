"""Which strings are URLs. All others are paths, whatever characters are in them."""

from __future__ import annotations

import os
import re

__all__ = ["is_url", "links_of", "local_path"]

# One letter would be a drive of Windows.
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+._-]+://")
_LINK = re.compile(r"([A-Za-z][A-Za-z0-9+._-]+)(?:://.*?)?::", re.DOTALL)
_FILE = re.compile(r"file:(?://(?:localhost(?=/))?|(?=/))", re.IGNORECASE)

# The protocols that may stand before '::' and a path. Before '::' and a URL anything may.
_CHAINED = frozenset(
    {
        "blockcache",
        "cached",
        "dir",
        "filecache",
        "libarchive",
        "reference",
        "simplecache",
        "tar",
        "zip",
    }
)


def is_url(text: str) -> bool:
    """Whether a string is a URL or a chain of URLs, and not a path.

    A URL begins with a protocol: ``s3://bucket/a``, ``zip::s3://bucket/a.zip``.

    Parameters
    ----------
    text : str
        The string.
    """
    return _URL.match(text) is not None or len(links_of(text)) > 1


def links_of(text: str) -> list[str]:
    """Return the links of a chain of URLs; a string that is no chain is its only link.

    Parameters
    ----------
    text : str
        The string.
    """
    found = []
    # '::' may also stand in a path, or in the name of an object.
    while link := _LINK.match(text):
        rest = text[link.end() :]
        if link[1].lower() not in _CHAINED and not is_url(rest):
            break
        found.append(text[: link.end() - 2])
        text = rest
    return [*found, text]


def local_path(text: str, *, windows: bool = os.name == "nt") -> str | None:
    """The path in the local file system that a string names; None if it is the URL of elsewhere.

    Parameters
    ----------
    text : str
        A path, which is returned as it is, or a URL. ``%20`` in a URL ``file:`` is a space.
    windows : bool
        Whether the path is one of Windows: ``file:///C:/a`` is a directory of a drive, and
        ``file://server/share/a`` one of another machine.
    """
    if ":" not in text:
        return text
    found = _FILE.match(text)
    if found is None:
        return None if is_url(text) else text
    rest = text[found.end() :]
    if windows:
        return _windows_path(rest)
    if "%" not in rest:
        return rest
    from urllib.parse import unquote_to_bytes

    return os.fsdecode(unquote_to_bytes(os.fsencode(rest)))


# A drive, after any slashes; '|' is how very old programs write its colon.
_DRIVE = re.compile(r"/*([A-Za-z])[:|](?=/|$)")


def _windows_path(rest: str) -> str:
    """The path that stands behind the slashes of a URL ``file:``, as Windows has it."""
    from urllib.parse import unquote

    drive = _DRIVE.match(rest)
    if drive is not None:
        path = f"{drive[1]}:{rest[drive.end() :] or '/'}"
    else:
        path = rest if rest.startswith("/") else f"//{rest}"
    return unquote(path).replace("/", "\\")
