"""Stores whose methods do all their work before they return: files, archives, memory."""

from __future__ import annotations

from abc import abstractmethod
from itertools import islice
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from zarr._async.run import offload
from zarr.abc._traits import overrides
from zarr.abc.store import Store, ValueInfo
from zarr.storage.keys import check_value

if TYPE_CHECKING:
    from collections.abc import (
        AsyncIterator,
        Awaitable,
        Callable,
        Iterable,
        Iterator,
    )

    from zarr.abc.store import ByteRequest
    from zarr.buffer.core import Buffer, BufferPrototype

T = TypeVar("T")

# A class that defines one of these knows alone what it lists.
_LISTED_BY = frozenset({"list_prefix", "getsize"})
# How many names a worker thread lists before it hands them to the event loop.
_BATCH = 1000


class BlockingStore(Store):
    """A store that is written as blocking methods; the asynchronous ones call them in a thread."""

    supports_writes: bool = True
    supports_deletes: bool = True
    supports_listing: bool = True

    # How the asynchronous methods call the blocking ones.
    _call: ClassVar[Callable[..., Awaitable[Any]]] = staticmethod(offload)

    def __repr__(self) -> str:
        return f"{type(self).__name__}('{self}')"

    def shown_as(self) -> str:
        # docstring inherited
        return str(self)

    # -- to be defined ----------------------------------------------------------------------

    @abstractmethod
    def _read(
        self, key: str, prototype: BufferPrototype | None, byte_range: ByteRequest | None
    ) -> Buffer | None:
        """The value of a key, or a part of it; None if there is none."""

    def _read_versioned(
        self, key: str, prototype: BufferPrototype, byte_range: ByteRequest | None
    ) -> tuple[Buffer, object | None] | None:
        """The same, and its version."""
        value = self._read(key, prototype, byte_range)
        return None if value is None else (value, None)

    @abstractmethod
    def _write(self, key: str, value: Buffer, exclusive: bool) -> None:
        """Give a key a value, or leave it as it is if it has one and `exclusive` is true."""

    def _exchange(self, key: str, value: Buffer | None, version: object) -> bool:
        """Give a key a value, or delete it, if its version is this one."""
        raise NotImplementedError(f"{type(self).__name__} does not change a value on condition")

    @abstractmethod
    def _remove(self, key: str) -> None:
        """Take the value of a key away."""

    @abstractmethod
    def _size(self, key: str) -> int | None:
        """How many bytes the value of a key has; None if there is none."""

    def _has(self, key: str) -> bool:
        """Whether a key has a value."""
        return self._size(key) is not None

    @abstractmethod
    def _keys(self, prefix: str) -> Iterator[str]:
        """The keys that begin with a prefix."""

    @abstractmethod
    def _names(self, prefix: str) -> Iterable[str]:
        """The names directly below a prefix."""

    # -- values -----------------------------------------------------------------------------

    def get_sync(
        self,
        key: str,
        *,
        prototype: BufferPrototype | None = None,
        byte_range: ByteRequest | None = None,
    ) -> Buffer | None:
        """Return the value of a key, or part of it; None if there is none.

        Parameters
        ----------
        key : str
            The key.
        prototype : BufferPrototype, optional
            The kind of buffer to return.
        byte_range : ByteRequest, optional
            The part to read.

        Returns
        -------
        Buffer or None
        """
        return self._read(key, prototype, byte_range)

    def set_sync(self, key: str, value: Buffer) -> None:
        """Store a value under a key.

        Parameters
        ----------
        key : str
            The key.
        value : Buffer
            The value.
        """
        self._write(key, value, False)

    def delete_sync(self, key: str) -> None:
        """Remove a key; nothing happens if it is not there.

        Parameters
        ----------
        key : str
            The key.
        """
        self._remove(key)

    async def get(
        self,
        key: str,
        prototype: BufferPrototype | None = None,
        byte_range: ByteRequest | None = None,
    ) -> Buffer | None:
        # docstring inherited
        return await self._call(self._read, key, prototype, byte_range)  # type: ignore[no-any-return]

    async def get_versioned(
        self, key: str, prototype: BufferPrototype, byte_range: ByteRequest | None = None
    ) -> tuple[Buffer, object | None] | None:
        # docstring inherited
        return await self._call(self._read_versioned, key, prototype, byte_range)  # type: ignore[no-any-return]

    async def set(self, key: str, value: Buffer) -> None:
        # docstring inherited
        await self._call(self._write, key, value, False)

    async def set_if_not_exists(self, key: str, value: Buffer) -> None:
        # docstring inherited
        await self._call(self._write, key, value, True)

    async def set_if_unchanged(self, key: str, value: Buffer, version: object) -> bool:
        # docstring inherited
        check_value(self, value)
        return await self._call(self._exchange, key, value, version)  # type: ignore[no-any-return]

    async def delete_if_unchanged(self, key: str, version: object) -> bool:
        # docstring inherited
        return await self._call(self._exchange, key, None, version)  # type: ignore[no-any-return]

    async def delete(self, key: str) -> None:
        # docstring inherited
        await self._call(self._remove, key)

    async def exists(self, key: str) -> bool:
        # docstring inherited
        return await self._call(self._has, key)  # type: ignore[no-any-return]

    async def getsize(self, key: str) -> int:
        # docstring inherited
        size: int | None = await self._call(self._size, key)
        if size is None:
            raise FileNotFoundError(f"{key!r} is not in {self}")
        return size

    # -- directories ----------------------------------------------------------------------------

    def list(self) -> AsyncIterator[str]:
        # docstring inherited
        return self.list_prefix("")

    async def list_prefix(self, prefix: str) -> AsyncIterator[str]:
        # docstring inherited
        keys = self._keys(prefix)
        while batch := await self._call(_next_of, keys):
            for key in batch:
                yield key

    def _infos(self, prefix: str) -> Iterator[ValueInfo]:
        """The facts of the values whose keys begin with a prefix."""
        for key in self._keys(prefix):
            size = self._size(key)
            if size is not None:  # else it was deleted meanwhile
                yield ValueInfo(key, size)

    async def list_values(self, prefix: str) -> AsyncIterator[ValueInfo]:
        # docstring inherited
        if overrides(type(self), BlockingStore, _LISTED_BY):
            async for info in super().list_values(prefix):
                yield info
            return
        infos = self._infos(prefix)
        while batch := await self._call(_next_of, infos):
            for info in batch:
                yield info

    async def list_dir(self, prefix: str) -> AsyncIterator[str]:
        # docstring inherited
        for name in await self._call(self._names, prefix):
            yield name


def _next_of(items: Iterator[T]) -> list[T]:
    return list(islice(items, _BATCH))
