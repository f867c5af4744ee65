"""Versions of what a web server sends, with fsspec's file system, which has no method for them."""

from __future__ import annotations

from typing import Any


async def http_get(fs: Any, url: str, header: str | None = None) -> tuple[bytes, Any]:
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
