"""Values on their way into a store, and ranges of them on their way out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zarr import _core
from zarr.abc.store import OffsetByteRequest, RangeByteRequest, SuffixByteRequest
from zarr.buffer.core import Buffer

if TYPE_CHECKING:
    from zarr.abc.store import ByteRequest, Store


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


def immutable_bytes(value: Buffer) -> Any:
    """The bytes of a buffer, as an object that nobody can change; a copy if need be."""
    return value._data if is_immutable(value) else value.to_bytes()
