"""Methods that file systems of fsspec lack: versions, writing on condition, safe references."""

from __future__ import annotations

import errno
import os
import re
from typing import TYPE_CHECKING, Any

from zarr.storage.keys import redacted

if TYPE_CHECKING:
    from collections.abc import Sequence


async def http_get(fs: Any, url: str, header: str | None = None) -> tuple[bytes, object]:
    """Return a value, or a part of it, and its version if the server tells one: by one request.

    Parameters
    ----------
    fs
        A file system of fsspec for HTTP.
    url
        The address.
    header
        The range, as HTTP has it.
    """
    options = dict(fs.kwargs)
    if header is not None:
        options["headers"] = {**options.get("headers", {}), "Range": header}
    session = await fs.set_session()
    async with session.get(fs.encode_url(url), **options) as answer:
        data = await answer.read()
        if header is not None and answer.status == 416:
            return b"", answer.headers.get("ETag")  # a range that begins behind the end
        fs._raise_not_found_for_status(answer, url)
        if header is not None and answer.status == 200:
            data = _part(data, header)  # some servers know no ranges
        return data, answer.headers.get("ETag")


def _part(data: bytes, header: str) -> bytes:
    start, _, last = header.removeprefix("bytes=").partition("-")
    if not start:
        return data[-int(last) :]
    return data[int(start) : int(last) + 1 if last else None]


async def s3_get(fs: Any, path: str, header: str | None = None) -> tuple[bytes, str]:
    """Return an object, or a part of it, and its entity tag: by one request.

    Parameters
    ----------
    fs
        A file system of s3fs.
    path
        Bucket and key.
    header
        The range, as HTTP has it.
    """
    bucket, key, version = fs.split_path(path)
    options = {} if header is None else {"Range": header}
    if version:
        options["VersionId"] = version
    answer = await fs._call_s3("get_object", Bucket=bucket, Key=key, **options)
    try:
        return await answer["Body"].read(), answer["ETag"]
    finally:
        answer["Body"].close()


async def s3_put(fs: Any, path: str, data: bytes, version: str | None) -> bool:
    """Store an object in place of the one with an entity tag, or of none; tell whether it was done.

    Parameters
    ----------
    fs
        A file system of s3fs.
    path
        Bucket and key.
    data
        The new object.
    version
        The entity tag; None if there is to be no object.
    """
    bucket, key, _ = fs.split_path(path)
    condition = {"IfNoneMatch": "*"} if version is None else {"IfMatch": version}
    try:
        await fs._call_s3("put_object", Bucket=bucket, Key=key, Body=data, **condition)
    except FileNotFoundError:  # what was to be replaced is gone
        if version is None:
            raise
        return False
    except OSError as error:
        if isinstance(error, FileExistsError) or _is_conflict(error):
            return False
        raise
    fs.invalidate_cache(path)
    return True


def _is_conflict(error: OSError) -> bool:
    cause: object = error.__cause__
    answer = getattr(cause, "response", None) or {}
    code = (answer.get("Error") or {}).get("Code")
    if code in ("PreconditionFailed", "ConditionalRequestConflict", "412", "409"):
        return True
    return error.errno == errno.EINVAL and "pre-condition" in str(error).lower()


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
        Directories and URLs.

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
    # A path that leads upwards lies nowhere.
    return "" if ".." in parts else f"{scheme.lower()}://{'/'.join(parts)}"
