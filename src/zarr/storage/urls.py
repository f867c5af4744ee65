"""Paths inside of stores, and URLs that name stores."""

from __future__ import annotations

import os
import re
from typing import NamedTuple

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
    if path is None:
        return ""
    if isinstance(path, bytes):
        path = path.decode("ascii")
    elif isinstance(path, os.PathLike):
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
