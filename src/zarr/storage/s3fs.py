"""Versions of objects, and writing on condition, with s3fs, which has no methods for them."""

from __future__ import annotations

import errno
from typing import Any


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
    cause: Any = error.__cause__
    answer = getattr(cause, "response", None) or {}
    code = (answer.get("Error") or {}).get("Code")
    if code in ("PreconditionFailed", "ConditionalRequestConflict", "412", "409"):
        return True
    return error.errno == errno.EINVAL and "pre-condition" in str(error).lower()
