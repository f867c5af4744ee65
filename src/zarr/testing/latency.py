"""A store that is slow on purpose."""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from zarr.abc.store import Store
from zarr.storage.wrapper import WrapperStore

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import Self

    from zarr.abc.store import ByteRequest, StoreTraits

T = TypeVar("T")

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

    def _latency(self, method: str) -> float:
        if method == "get":
            return self.get_latency
        writes = ("set", "set_if_not_exists", "set_if_unchanged", "delete_if_unchanged")
        return self.set_latency if method in writes else 0

    async def intercept(
        self,
        method: str,
        key: str,
        call: Callable[[], Awaitable[T]],
        byte_range: ByteRequest | None = None,
    ) -> T:
        # docstring inherited
        if latency := self._latency(method):
            await asyncio.sleep(latency)
        return await call()

    def intercept_sync(
        self, method: str, key: str, call: Callable[[], T], byte_range: ByteRequest | None = None
    ) -> T:
        # docstring inherited
        time.sleep(self._latency(method))
        return call()


def _drawn(latency: float | tuple[float, float]) -> float:
    if isinstance(latency, tuple):
        return max(0.0, random.gauss(*latency))
    return float(latency)
