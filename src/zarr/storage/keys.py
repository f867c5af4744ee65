"""Keys, byte ranges and values: their form, the allowed ones, and the URLs that hold them."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, NamedTuple

from zarr import _core
from zarr._core import TEMP_PREFIX
from zarr.abc.store import OffsetByteRequest, RangeByteRequest, SuffixByteRequest
from zarr.buffer.core import Buffer

if TYPE_CHECKING:
    from collections.abc import Iterable

    from zarr.abc.store import ByteRequest, Store

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
# extended attributes in "._name" where the file system has no place for them, and how a directory
# is shown in ".DS_Store".
_HIDDEN = ("._", ".DS_Store", TEMP_PREFIX)
# On Windows these would name another directory, another drive, or a second stream of a file.
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
    """Return the directory that `prefix` names, without slashes at its ends; '' is the root."""
    directory = prefix.strip("/")
    return check_key(directory) if directory else ""


def content_tag(tag: object) -> str | None:
    """The ETag of a service, if it is made of the bytes of the value: MD5, as S3 has it.

    A value that was sent in parts has the digest of their digests, and a dash.
    """
    found = tag.strip('"') if isinstance(tag, str) else ""
    digest, _, parts = found.partition("-")
    is_digest = len(digest) == 32 and not set(digest) - set("0123456789abcdef")
    return found if is_digest and (parts.isdigit() or found == digest) else None


def is_hidden(name: str) -> bool:
    """Whether listings skip a file or directory of this name."""
    return name.startswith(_HIDDEN)


def children(keys: Iterable[str], prefix: str) -> list[str]:
    """The names just below the directory `prefix`: values and directories, each once."""
    directory = directory_prefix(prefix)
    skip = len(directory)
    names = (key[skip:].partition("/")[0] for key in keys if key.startswith(directory))
    return list(dict.fromkeys(name for name in names if name))


def directory_prefix(prefix: str) -> str:
    """The beginning of all keys in the directory `prefix`: its name and a slash; '' at the root."""
    directory = check_prefix(prefix)
    return f"{directory}/" if directory else ""


def successor(prefix: str) -> str:
    """Return the least string that is greater than all keys that begin with `prefix`."""
    for place in range(len(prefix) - 1, -1, -1):
        following = ord(prefix[place]) + 1
        if 0xD800 <= following <= 0xDFFF:  # no characters, and not in a key
            following = 0xE000
        if following <= 0x10FFFF:
            return prefix[:place] + chr(following)
    return chr(0x10FFFF) * 4


def bounds(request: ByteRequest | None) -> tuple[int, int | None]:
    """The range that a request asks for, as ``(start, stop)``.

    `stop` is None for "to the end"; a negative `start` counts from the end. A suffix of no bytes
    is ``(0, 0)``.
    """
    match request:
        case None:
            return 0, None
        case RangeByteRequest(start, end):
            if not 0 <= start <= end:
                raise ValueError(f"invalid byte range {request}: needs 0 <= start <= end")
            return start, end
        case OffsetByteRequest(offset):
            if offset < 0:
                raise ValueError(f"invalid byte range {request}: the offset is negative")
            return offset, None
        case SuffixByteRequest(suffix):
            if suffix < 0:
                raise ValueError(f"invalid byte range {request}: the length is negative")
            return (-suffix, None) if suffix else (0, 0)
    raise TypeError(f"Unexpected byte_range, got {request}.")


def range_header(start: int, stop: int | None) -> str:
    """The same as HTTP has it, in its header `Range`."""
    if start < 0:
        return f"bytes={start}"
    return f"bytes={start}-" if stop is None else f"bytes={start}-{stop - 1}"


def absolute(request: ByteRequest | None, size: int) -> slice:
    """The range that a request asks for, of a value with `size` bytes."""
    start, stop = bounds(request)
    if start < 0:
        start = max(0, size + start)
    return slice(min(start, size), size if stop is None else min(stop, size))


_IMMUTABLE = (bytes, _core.Bytes)


def check_value(store: Store, value: object) -> None:
    """Raise `TypeError` unless `value` is a buffer."""
    if not isinstance(value, Buffer):
        raise TypeError(
            f"{type(store).__name__}.set(): `value` must be a Buffer instance. "
            f"Got an instance of {type(value)} instead."
        )


def is_immutable(value: Buffer) -> bool:
    """Whether nobody can change the bytes of a buffer."""
    return isinstance(value._data, _IMMUTABLE)


def immutable_bytes(value: Buffer) -> object:
    """The bytes of a buffer, as an object that nobody can change; a copy if need be."""
    return value._data if is_immutable(value) else value.to_bytes()
