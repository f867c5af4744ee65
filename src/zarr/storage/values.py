"""Values on their way into a store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zarr import _core
from zarr.buffer.core import Buffer

if TYPE_CHECKING:
    from zarr.abc.store import Store

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
