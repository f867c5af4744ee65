"""Stores that tests use: one of each kind, and doubles that wait at a gate or count requests."""

from __future__ import annotations

import asyncio
import tempfile
from collections import Counter, UserDict
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from zarr.abc.store import OffsetByteRequest, RangeByteRequest, Store, SuffixByteRequest
from zarr.storage import (
    FsspecStore,
    LocalStore,
    LoggingStore,
    MemoryStore,
    ObjectStore,
    SQLiteStore,
    WrapperStore,
    ZipStore,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from zarr.abc.store import ByteRequest, StoreTraits
    from zarr.buffer.core import Buffer


class WaitingStore(Store):
    """Bytes in a dict behind an event loop: the store of another package, behind a network.

    It is written against `Store` alone: no synchronous methods, no byte ranges declared.

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
        While it returns true, no request is answered.
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

    async def _wait(self, method: str, key: str) -> None:
        self.asked[method] += 1
        self.log.append((method, key))
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
        directory = prefix.rstrip("/") + "/" if prefix else ""
        names = (key[len(directory) :] for key in tuple(self.data) if key.startswith(directory))
        for name in dict.fromkeys(name.partition("/")[0] for name in names):
            yield name


class GatedStore(WrapperStore[MemoryStore]):
    """A store behind an event loop that holds answers back while its gate is shut.

    Parameters
    ----------
    failures
        How many of the next requests fail after they were answered.

    Attributes
    ----------
    reads
        How many values were asked for.
    """

    def __init__(self, store: MemoryStore, failures: int = 0) -> None:
        super().__init__(store)
        self.failures, self.reads = failures, 0
        self._holds, self._held = False, 0
        self._gate: asyncio.Event | None = None
        self._arrived: asyncio.Condition | None = None

    def declare_traits(self) -> StoreTraits:
        return replace(super().declare_traits(), needs_event_loop=True)

    def shut(self) -> None:
        """Hold back the answers from now on. Values are read before they are held."""
        self._gate, self._arrived, self._holds = asyncio.Event(), asyncio.Condition(), True

    def hold_no_more(self) -> None:
        """Answer later requests at once. Answers that are held stay held."""
        self._holds = False

    def open(self) -> None:
        """Let all answers through that are held, and answer later requests at once."""
        self.hold_no_more()
        if self._gate is not None:
            self._gate.set()

    async def held(self, count: int) -> None:
        """Wait until so many answers are held."""
        assert self._arrived is not None
        async with self._arrived:
            await self._arrived.wait_for(lambda: self._held >= count)

    async def get(self, key: str, prototype: Any = None, byte_range: Any = None) -> Any:
        self.reads += 1
        value = await self._store.get(key, prototype, byte_range)
        gate, arrived = self._gate, self._arrived
        if self._holds and gate is not None and arrived is not None:
            async with arrived:
                self._held += 1
                arrived.notify_all()
            try:
                await gate.wait()
            finally:
                self._held -= 1
        else:
            await asyncio.sleep(0)
        self._fail()
        return value

    async def set(self, key: str, value: Buffer) -> None:
        self._fail()
        await self._store.set(key, value)

    def _fail(self) -> None:
        if self.failures > 0:
            self.failures -= 1
            raise ConnectionError("cut")


def _fsspec_store() -> Store:
    fsspec = pytest.importorskip("fsspec")
    from fsspec.implementations.asyn_wrapper import AsyncFileSystemWrapper

    fs = fsspec.filesystem("memory", skip_instance_cache=True, asynchronous=False)
    fs.store = {}
    fs.pseudo_dirs = [""]
    return FsspecStore(AsyncFileSystemWrapper(fs, asynchronous=True), path="/a")


def _object_store() -> Store:
    return ObjectStore(pytest.importorskip("obstore").store.MemoryStore())


EVERY_STORE: dict[str, Callable[[Path], Store]] = {
    "local": lambda path: LocalStore(path / "s"),
    "memory": lambda _: MemoryStore(),
    "mapping": lambda _: MemoryStore(UserDict()),  # type: ignore[arg-type]
    "zip": lambda path: ZipStore(path / "s.zip", mode="w"),
    "sqlite": lambda path: SQLiteStore(path / "s.sqlite"),
    "fsspec": lambda _: _fsspec_store(),
    "objects": lambda _: _object_store(),
    "wrapped": lambda path: WrapperStore(LocalStore(path / "s")),
    "logged": lambda _: LoggingStore(MemoryStore(), log_level="ERROR"),
    "somebody's": lambda _: WaitingStore(),
}
"""Functions that make an empty store of each kind in a directory."""

STORE_KINDS = ("memory", "local", "waiting")


def make_store_of(kind: str, directory: Path, delay: float = 0.0) -> Store:
    """Make an empty store.

    Parameters
    ----------
    kind
        One of `STORE_KINDS`, or ``mapping``: memory that the engine cannot read by itself.
    directory
        The parent of directories of local stores; each gets one of its own.
    delay
        Seconds that a request to a waiting store takes.
    """
    if kind == "local":
        return LocalStore(tempfile.mkdtemp(dir=directory))
    if kind == "waiting":
        return WaitingStore(delay)
    return MemoryStore(UserDict() if kind == "mapping" else None)  # type: ignore[arg-type]
