"""Byte ranges of stored values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zarr.abc.store import OffsetByteRequest, RangeByteRequest, SuffixByteRequest

if TYPE_CHECKING:
    from zarr.abc.store import ByteRequest


def bounds(request: ByteRequest | None) -> tuple[int, int | None]:
    """What a request asks for, as ``(start, stop)``.

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
    """What a request asks for of a value with `size` bytes."""
    start, stop = bounds(request)
    if start < 0:
        start = max(0, size + start)
    return slice(min(start, size), size if stop is None else min(stop, size))
