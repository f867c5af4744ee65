"""What parts of zarr ask of a store, or of one place in it, where not all of `Store` is needed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from zarr.abc._ranges import ByteRequest
    from zarr.buffer.core import Buffer, BufferPrototype


@runtime_checkable
class ByteGetter(Protocol):
    """A place that one value is read from."""

    async def get(
        self, prototype: BufferPrototype, byte_range: ByteRequest | None = None
    ) -> Buffer | None:
        """Return the value, or a part of it; None if there is none."""
        ...


@runtime_checkable
class ByteSetter(Protocol):
    """A place that one value is read from and written to."""

    async def get(
        self, prototype: BufferPrototype, byte_range: ByteRequest | None = None
    ) -> Buffer | None:
        """Return the value, or a part of it; None if there is none."""
        ...

    async def set(self, value: Buffer) -> None:
        """Write the value."""
        ...

    async def delete(self) -> None:
        """Take the value away."""
        ...

    async def set_if_not_exists(self, default: Buffer) -> None:
        """Write the value, unless there is one."""
        ...


@runtime_checkable
class SyncByteGetter(Protocol):
    """A place that one value is read from, without waiting."""

    def get_sync(
        self, prototype: BufferPrototype | None = None, byte_range: ByteRequest | None = None
    ) -> Buffer | None:
        """Return the value, or a part of it; None if there is none."""
        ...


@runtime_checkable
class SyncByteSetter(SyncByteGetter, Protocol):
    """A place that one value is read from and written to, without waiting."""

    def set_sync(self, value: Buffer) -> None:
        """Write the value."""
        ...

    def delete_sync(self) -> None:
        """Take the value away."""
        ...


@runtime_checkable
class SupportsGetSync(Protocol):
    """A store that can be read without waiting."""

    def get_sync(
        self,
        key: str,
        *,
        prototype: BufferPrototype | None = None,
        byte_range: ByteRequest | None = None,
    ) -> Buffer | None:
        """Return the value of a key, or a part of it; None if there is none."""
        ...


@runtime_checkable
class SupportsSetSync(Protocol):
    """A store that can be written to without waiting."""

    def set_sync(self, key: str, value: Buffer) -> None:
        """Give a key a value."""
        ...


@runtime_checkable
class SupportsDeleteSync(Protocol):
    """A store that can delete without waiting."""

    def delete_sync(self, key: str) -> None:
        """Take the value of a key away."""
        ...


@runtime_checkable
class SupportsSyncStore(SupportsGetSync, SupportsSetSync, SupportsDeleteSync, Protocol):
    """A store that can do all without waiting."""
