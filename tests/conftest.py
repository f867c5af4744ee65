"""A store that has to be waited for, and counts what it is asked."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from zarr.abc.store import OffsetByteRequest, RangeByteRequest, Store, SuffixByteRequest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from zarr.abc.store import ByteRequest


class WaitingStore(Store):
    """Bytes in a dict, each request taking some time, as behind a network.

    Parameters
    ----------
    delay
        Seconds that a request takes.

    Attributes
    ----------
    together
        If not zero, requests are answered only when so many of them are under way, all at once:
        a round trip, without a clock.
    rounds
        How many round trips there were.
    keeps
        While it returns true, nothing is answered.
    """

    supports_writes = True
    supports_deletes = True
    supports_listing = True

    def __init__(self, delay: float = 0.0, data: dict[str, bytes] | None = None) -> None:
        super().__init__()
        self.delay = delay
        self.data: dict[str, bytes] = {} if data is None else data
        self.asked: Counter[str] = Counter()
        self.log: list[tuple[str, str]] = []
        self.busy = self.most_busy = 0
        self.together = self.rounds = 0
        self.keeps: Callable[[], bool] | None = None
        self._held: list[asyncio.Future[None]] = []

    async def _wait(self, what: str, key: str) -> None:
        self.asked[what] += 1
        self.log.append((what, key))
        self.busy += 1
        self.most_busy = max(self.most_busy, self.busy)
        try:
            await (self._round() if self.together else asyncio.sleep(self.delay))
            while self.keeps and self.keeps():
                await asyncio.sleep(0.001)
        finally:
            self.busy -= 1

    async def _round(self) -> None:
        self._held.append(asyncio.get_running_loop().create_future())
        answer = self._held[-1]
        if len(self._held) == self.together:
            self.rounds += 1
            for held in self._held:
                held.set_result(None)
            self._held.clear()
        await answer

    def __eq__(self, other: object) -> bool:
        return isinstance(other, WaitingStore) and self.data is other.data

    @property
    def data_id(self) -> str:
        return f"waiting://{id(self.data)}"

    def __str__(self) -> str:
        return self.data_id

    def with_read_only(self, read_only: bool = False) -> WaitingStore:
        store = WaitingStore(self.delay, self.data)
        store.asked, store.log = self.asked, self.log
        store._read_only = read_only
        return store

    async def get(self, key: str, prototype: Any, byte_range: ByteRequest | None = None) -> Any:
        await self._wait("get", key)
        value = self.data.get(key)
        if value is None:
            return None
        match byte_range:
            case RangeByteRequest(start, end):
                value = value[start:end]
            case OffsetByteRequest(offset):
                value = value[offset:]
            case SuffixByteRequest(suffix):
                value = value[max(0, len(value) - suffix) :]
        return prototype.buffer.from_bytes(value)

    async def exists(self, key: str) -> bool:
        await self._wait("exists", key)
        return key in self.data

    async def set(self, key: str, value: Any) -> None:
        self._check_writable()
        await self._wait("set", key)
        self.data[key] = value.to_bytes()

    async def delete(self, key: str) -> None:
        self._check_writable()
        await self._wait("delete", key)
        self.data.pop(key, None)

    async def list(self) -> AsyncIterator[str]:
        await self._wait("list", "")
        for key in tuple(self.data):
            yield key

    async def list_prefix(self, prefix: str) -> AsyncIterator[str]:
        await self._wait("list", prefix)
        for key in tuple(self.data):
            if key.startswith(prefix):
                yield key

    async def list_dir(self, prefix: str) -> AsyncIterator[str]:
        await self._wait("list", prefix)
        folder = prefix.rstrip("/") + "/" if prefix else ""
        names = (key[len(folder) :] for key in tuple(self.data) if key.startswith(folder))
        for name in dict.fromkeys(name.partition("/")[0] for name in names):
            yield name


@pytest.fixture
def waiting_store() -> Callable[..., WaitingStore]:
    """Makes stores that have to be waited for: ``waiting_store(delay=0.0)``."""
    return WaitingStore
