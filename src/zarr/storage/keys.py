"""Keys and paths in stores: their form, the allowed ones, and the URLs that hold them."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, NamedTuple

from zarr._core import TEMP_PREFIX

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["ParsedStoreUrl", "normalize_path", "parse_store_url", "redacted"]


class ParsedStoreUrl(NamedTuple):
    """The parts of a URL that names a store.

    `name` is what stands between ``//`` and the next slash (a bucket, a host, a store's name) or
    None; `raw` is the whole text.
    """

    scheme: str
    name: str | None
    path: str
    raw: str


def parse_store_url(url: str) -> ParsedStoreUrl:
    """Split a URL that names a store; a plain path has an empty scheme.

    Parameters
    ----------
    url : str
        A URL or path.

    Returns
    -------
    ParsedStoreUrl
    """
    from urllib.parse import urlparse

    parts = urlparse(url)
    path = parts.path.lstrip("/") if parts.netloc else parts.path
    return ParsedStoreUrl(parts.scheme, parts.netloc or None, path, url)


def redacted(text: str) -> str:
    """`text` as it may be shown: URLs in it without passwords and without what follows a '?'.

    Signatures of signed URLs are there.
    """
    if "://" not in text:
        return text
    text = re.sub(r"://[^/\s?#\"']*@", "://***@", text)
    return re.sub(r"(://[^\s?\"']*)\?[^\s\"',)]*", r"\1?***", text)


def normalize_path(path: str | bytes | os.PathLike[str] | None) -> str:
    """Bring the path of a node into the form of keys.

    Slashes at the ends are dropped, several in a row become one, and backslashes become slashes.

    Parameters
    ----------
    path : str, bytes, path-like or None
        A path inside of a store; None is the root.

    Returns
    -------
    str
        The path: '' for the root, else 'a' or 'a/b'.

    Raises
    ------
    ValueError
        If a segment is ``.`` or ``..``.
    """
    if not path and (path is None or isinstance(path, str)):
        return ""
    if isinstance(path, bytes):
        path = path.decode("ascii")
    elif not isinstance(path, str) and isinstance(path, os.PathLike):
        path = os.fspath(path)
    if not isinstance(path, str):
        raise TypeError(f'Object {path} has an invalid type for "path": {type(path).__name__}')
    segments = [segment for segment in path.replace("\\", "/").split("/") if segment]
    if "." in segments or ".." in segments:
        raise ValueError(
            f"The path {path!r} is invalid because its string representation contains '.' or '..' "
            "segments."
        )
    return "/".join(segments)


# Names that other programs, or writes under way, leave among the data: macOS keeps a file's
# extended attributes in "._name" where the file system has no place for them, and how a folder
# is shown in ".DS_Store".
_HIDDEN = ("._", ".DS_Store", TEMP_PREFIX)
# On Windows these would name another folder, another drive, or a second stream of a file.
_FORBIDDEN = frozenset("\0\\:" if os.name == "nt" else "\0")


def check_key(key: str) -> str:
    """Return `key`, or raise `ValueError` if it could name something outside of its store."""
    parts = key.split("/")
    if "" in parts or "." in parts or ".." in parts or not _FORBIDDEN.isdisjoint(key):
        raise ValueError(
            f"invalid key {key!r}: a key is relative, its parts are separated by '/', and no part "
            "is empty, '.' or '..', or holds a character that cannot be in a file's name"
        )
    return key


def is_safe(name: str) -> bool:
    """Whether a name that somebody else gave is that of a key."""
    try:
        check_key(name)
    except ValueError:
        return False
    return True


def check_prefix(prefix: str) -> str:
    """Return the folder that `prefix` names, without slashes at its ends; '' is the root."""
    folder = prefix.strip("/")
    return check_key(folder) if folder else ""


def is_hidden(name: str) -> bool:
    """Whether listings skip a file or folder of this name."""
    return name.startswith(_HIDDEN)


def children(keys: Iterable[str], prefix: str) -> list[str]:
    """The names just below the folder `prefix`: values and folders, each once."""
    folder = folder_of(prefix)
    skip = len(folder)
    names = (key[skip:].partition("/")[0] for key in keys if key.startswith(folder))
    return list(dict.fromkeys(name for name in names if name))


def folder_of(prefix: str) -> str:
    """What all keys in the folder `prefix` begin with: the folder with a slash; '' is the root."""
    folder = check_prefix(prefix)
    return f"{folder}/" if folder else ""


def successor(prefix: str) -> str:
    """The least text that is greater than all keys that begin with `prefix`."""
    for place in range(len(prefix) - 1, -1, -1):
        following = ord(prefix[place]) + 1
        if 0xD800 <= following <= 0xDFFF:  # no characters, and not in a key
            following = 0xE000
        if following <= 0x10FFFF:
            return prefix[:place] + chr(following)
    return chr(0x10FFFF) * 4
