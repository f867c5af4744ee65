"""A store in which others write between two requests."""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING, Any, Self

from zarr.abc.store import get_versioned
from zarr.buffer.cpu import Buffer as CpuBuffer
from zarr.storage.wrapper import WrapperStore

if TYPE_CHECKING:
    from zarr.abc.store import ByteRequest, Store, StoreTraits
    from zarr.buffer.core import Buffer, BufferPrototype

__all__ = ["SwappingStore"]


class SwappingStore(WrapperStore["Store"]):
    """A store in which a value is replaced after so many requests, as by another process.

    Parameters
    ----------
    store : Store
        The inner store.
    key : str
        The key of the value.
    value : bytes or None
        What it becomes; None if it is deleted.
    turn : int
        How many requests for the key are answered before.

    Attributes
    ----------
    swapped : bool
        Whether it has happened.
    every : bool
        Whether it happens again after each further request.
    requests : int
        How many requests for the key there were.
    """

    def __init__(self, store: Store, key: str, value: bytes | None, turn: int) -> None:
        super().__init__(store)
        self.key = key
        self.value = value
        self.turn = turn
        self.swapped = self.every = False
        self.requests = 0
        self._first = self

    def declare_traits(self) -> StoreTraits:
        # docstring inherited
        return super().declare_traits()

    def with_read_only(self, read_only: bool = False) -> Self:
        """Return a store of the same data; its requests are counted by this one."""
        view = copy(self)
        view._store = self._store.with_read_only(read_only)
        return view

    async def get(
        self, key: str, prototype: BufferPrototype, byte_range: ByteRequest | None = None
    ) -> Buffer | None:
        # docstring inherited
        found = await self.get_versioned(key, prototype, byte_range)
        return None if found is None else found[0]

    async def get_versioned(
        self, key: str, prototype: BufferPrototype, byte_range: ByteRequest | None = None
    ) -> tuple[Buffer, Any | None] | None:
        # docstring inherited
        found = await get_versioned(self._store, key, prototype, byte_range)
        first = self._first
        if key == first.key:
            first.requests += 1
            if first.requests >= first.turn and (first.every or not first.swapped):
                first.swapped = True
                await first._swap()
        return found

    async def _swap(self) -> None:
        if self.value is None:
            await self._store.delete(self.key)
        else:
            await self._store.set(self.key, CpuBuffer.from_bytes(self.value))
