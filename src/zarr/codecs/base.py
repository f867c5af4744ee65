"""What the built-in codecs share: how a codec becomes a link of the engine, and runs alone.

An array's chunks are coded by the engine, which takes a chain of links: a codec names its own with
``_link(spec)``. The coding methods of a codec serve those who call a codec object themselves, and
go through the same engine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias, cast

from zarr import _core
from zarr.abc.codec import BytesBytesCodec
from zarr.codecs.limits import chunk_bytes, most_decoded

if TYPE_CHECKING:
    from zarr.abc.buffer import Buffer
    from zarr.metadata.spec import ArraySpec
    from zarr.types import BytesLike

Link: TypeAlias = tuple[str, Any]
"""One codec as the engine knows it: its name there, and its parameters."""

_CODING = (
    "_decode_sync",
    "_encode_sync",
    "_decode_single",
    "_encode_single",
    "decode",
    "encode",
)

_native_classes: dict[type, bool] = {}


def is_native(cls: type) -> bool:
    """Whether the engine codes for codecs of this class.

    It does for a class that names a link, and for its subclasses, unless they define a coding
    method of their own.
    """
    native = _native_classes.get(cls)
    if native is None:
        native = _has_own_link(cls)
        _native_classes[cls] = native
    return native


def _has_own_link(cls: type) -> bool:
    for ancestor in cls.__mro__:
        defined = vars(ancestor)
        if "_link" in defined:
            return True
        if any(name in defined for name in _CODING):
            return False
    return False


def native_link(codec: object, spec: ArraySpec) -> Link | None:
    """The engine's link for a codec that is given chunks of `spec`; None if it must run itself."""
    if not is_native(type(codec)):
        return None
    link: Link | None = codec._link(spec)  # type: ignore[attr-defined]
    return link


class NativeBytesCodec(BytesBytesCodec):
    """A codec from bytes to bytes that the engine has."""

    def _link(self, spec: ArraySpec) -> Link | None:
        raise TypeError(f"{type(self).__name__} names no link of the engine.")

    def _bytes_link(self, spec: ArraySpec) -> Link:
        link = self._link(spec)
        if link is None:
            raise TypeError(f"{self!r} is not a codec of the engine.")
        return link

    def _decode_sync(self, chunk_data: Buffer, chunk_spec: ArraySpec) -> Buffer:
        data = chunk_data.as_buffer_like()
        limit = most_decoded(len(chunk_data), chunk_bytes(chunk_spec))
        decoded = _core.decode_bytes([self._bytes_link(chunk_spec)], data, limit=limit)
        return chunk_spec.prototype.buffer.from_bytes(cast("BytesLike", decoded))

    def _encode_sync(self, chunk_data: Buffer, chunk_spec: ArraySpec) -> Buffer | None:
        encoded = _core.encode_bytes([self._bytes_link(chunk_spec)], chunk_data.as_buffer_like())
        return chunk_spec.prototype.buffer.from_bytes(cast("BytesLike", encoded))
