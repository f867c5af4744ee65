"""Where the references of a ``reference://`` file system (of kerchunk) may lead."""

from __future__ import annotations

import errno
import os
import re
from typing import TYPE_CHECKING, Any

from zarr.storage.urls import redacted

if TYPE_CHECKING:
    from collections.abc import Sequence


# As fsspec reads them: a '%' is part of the name.
_LOCAL = re.compile(r"(?:file|local):(?://)?", re.IGNORECASE)


def check_reference(fs: Any, path: str, roots: Sequence[str]) -> None:
    """Raise an error if what stands for a key lies outside of all roots.

    Parameters
    ----------
    fs
        A file system of fsspec for references.
    path
        The path of the key in it.
    roots
        Folders and URLs.

    Raises
    ------
    PermissionError
    """
    try:
        found = fs._cat_common(path)[0]
    except FileNotFoundError:
        return
    if isinstance(found, bytes):  # the value itself
        return
    place = _place(_url(fs, found))
    for root in roots:
        allowed = _place(str(root)).rstrip("/")
        if place == allowed or place.startswith(f"{allowed}/"):
            return
    raise PermissionError(
        errno.EACCES,
        f"{path!r} is a reference to {redacted(str(found))!r}, which lies outside of what the "
        "setting storage.references.roots allows",
    )


def _url(fs: Any, found: str) -> str:
    """The address of a reference, with the protocol that it is read by."""
    if "://" in found:
        return found
    inner = fs.fss.get(None)
    protocol = getattr(inner, "protocol", "file")
    name = protocol if isinstance(protocol, str) else protocol[0]
    return found if name in ("file", "local") else f"{name}://{found}"


def _place(url: str) -> str:
    """One name for one place: of local files, where links lead."""
    local = _LOCAL.sub("", url)
    if local != url or "://" not in url:
        return os.path.realpath(local)
    scheme, _, rest = url.partition("://")
    parts = rest.partition("?")[0].replace("%2e", ".").replace("%2E", ".").split("/")
    # What leads upwards lies nowhere.
    return "" if ".." in parts else f"{scheme.lower()}://{'/'.join(parts)}"
