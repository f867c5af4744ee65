"""A store that is slow on purpose."""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from zarr.abc.store import Store
from zarr.storage.wrapper import WrapperStore

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from typing import Self

    from zarr.abc.store import ByteRequest, StoreTraits
    from zarr.buffer.core import Buffer, BufferPrototype

__all__ = ["LatencyStore"]


class LatencyStore(WrapperStore[Store]):
    """A store that takes its time, as one on the other side of a network does.

    Parameters
    ----------
    store : Store
        The inner store.
    get_latency, set_latency : float or tuple of float
        Seconds that reading and writing take longer; with two numbers they vary, normally
        distributed with that mean and standard deviation.
    """

    def __init__(
        self,
        store: Store,
        *,
        get_latency: float | tuple[float, float] = 0,
        set_latency: float | tuple[float, float] = 0,
    ) -> None:
        super().__init__(store)
        self._get_latency = get_latency
        self._set_latency = set_latency

    def declare_traits(self) -> StoreTraits:
        # docstring inherited
        return replace(super().declare_traits(), needs_event_loop=True)

    @property
    def get_latency(self) -> float:
        """Seconds that one read takes longer."""
        return _drawn(self._get_latency)

    @property
    def set_latency(self) -> float:
        """Seconds that one write takes longer."""
        return _drawn(self._set_latency)

    def _with_store(self, store: Store) -> Self:
        return type(self)(store, get_latency=self._get_latency, set_latency=self._set_latency)

    async def get(
        self, key: str, prototype: BufferPrototype, byte_range: ByteRequest | None = None
    ) -> Buffer | None:
        # docstring inherited
        await asyncio.sleep(self.get_latency)
        return await self._store.get(key, prototype, byte_range)

    async def get_versioned(
        self, key: str, prototype: BufferPrototype, byte_range: ByteRequest | None = None
    ) -> tuple[Buffer, Any | None] | None:
        # docstring inherited
        await asyncio.sleep(self.get_latency)
        return await self._store.get_versioned(key, prototype, byte_range)

    def get_sync(
        self,
        key: str,
        *,
        prototype: BufferPrototype | None = None,
        byte_range: ByteRequest | None = None,
    ) -> Buffer | None:
        # docstring inherited
        time.sleep(self.get_latency)
        return super().get_sync(key, prototype=prototype, byte_range=byte_range)

    async def get_ranges(
        self,
        key: str,
        byte_ranges: Sequence[ByteRequest | None],
        *,
        prototype: BufferPrototype,
        max_concurrency: int | None = None,
        max_gap_bytes: int | None = None,
        max_coalesced_bytes: int | None = None,
    ) -> AsyncIterator[Sequence[tuple[int, Buffer | None]]]:
        # docstring inherited
        limits = {
            "max_concurrency": max_concurrency,
            "max_gap_bytes": max_gap_bytes,
            "max_coalesced_bytes": max_coalesced_bytes,
        }
        given: dict[str, Any] = {k: v for k, v in limits.items() if v is not None}
        async for part in Store.get_ranges(self, key, byte_ranges, prototype=prototype, **given):
            yield part

    async def set(self, key: str, value: Buffer) -> None:
        # docstring inherited
        await asyncio.sleep(self.set_latency)
        await self._store.set(key, value)

    def set_sync(self, key: str, value: Buffer) -> None:
        # docstring inherited
        time.sleep(self.set_latency)
        super().set_sync(key, value)

    async def set_if_not_exists(self, key: str, value: Buffer) -> None:
        # docstring inherited
        await asyncio.sleep(self.set_latency)
        await self._store.set_if_not_exists(key, value)

    async def set_if_unchanged(self, key: str, value: Buffer, version: Any | None) -> bool:
        # docstring inherited
        await asyncio.sleep(self.set_latency)
        return await self._store.set_if_unchanged(key, value, version)

    async def delete_if_unchanged(self, key: str, version: Any | None) -> bool:
        # docstring inherited
        await asyncio.sleep(self.set_latency)
        return await self._store.delete_if_unchanged(key, version)


def _drawn(latency: float | tuple[float, float]) -> float:
    if isinstance(latency, tuple):
        return max(0.0, random.gauss(*latency))
    return float(latency)
