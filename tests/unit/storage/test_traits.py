"""Traits that a store declares, and those that a class or a wrapper of it keeps."""

from __future__ import annotations

import asyncio
import gc
import weakref
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import zarr
from zarr.abc.store import RangeByteRequest, Store, StoreTraits, get_versioned
from zarr.buffer.cpu import Buffer, buffer_prototype
from zarr.storage import (
    LocalStore,
    LoggingStore,
    ManagedMemoryStore,
    MemoryStore,
    SQLiteStore,
    WrapperStore,
)
from zarr.storage.client import limit_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

VALUE = Buffer.from_bytes(b"0123456789")


async def urls(keys: Any) -> list[str]:
    return [f"https://example.org/{key}" for key in keys]


class Service(MemoryStore):
    """A store that declares all that there is."""

    def declare_traits(self) -> StoreTraits:
        return StoreTraits(
            data_id="service://data",
            conditional_writes=True,
            conditional_deletes=True,
            multi_writer=True,
            max_requests=7,
            presigned_urls=urls,
        )

    async def get_versioned(self, key: str, prototype: Any, byte_range: Any = None) -> Any:
        value = await self.get(key, prototype, byte_range)
        return None if value is None else (value, 1)

    async def set_if_unchanged(self, key: str, value: Any, version: Any) -> bool:
        await self.set(key, value)
        return True


def test_a_store_has_what_it_declares() -> None:
    store = Service()
    assert store.traits.conditional_writes
    assert store.traits.conditional_deletes
    assert store.traits.versions
    assert store.traits.multi_writer
    assert store.supports_conditional_writes
    assert store.supports_conditional_deletes
    assert store.data_id == "service://data"
    assert limit_of(store) == 7
    store.max_requests = 3
    assert limit_of(store) == 3


def test_a_name_may_be_found_out_when_it_is_needed() -> None:
    asked: list[int] = []

    class Late(MemoryStore):
        def declare_traits(self) -> StoreTraits:
            return replace(super().declare_traits(), data_id=lambda: asked.append(1) or "late://x")

    store = Late()
    array: Any = zarr.create_array(WrapperStore(store), shape=(4,), dtype="i4")
    asked.clear()
    array[1:3] = 1
    array[1:3] = 2
    assert asked == []  # it is known since the array was made
    assert store.data_id == "late://x"
    assert WrapperStore(store).data_id == "late://x"
    assert LocalStore("a").data_id == WrapperStore(LocalStore("a")).data_id


def test_a_wrapper_has_the_traits_of_its_inner_store_but_is_not_gone_around(tmp_path: Path) -> None:
    traits = WrapperStore(Service()).traits
    assert traits == Service().traits
    assert traits.presigned_urls is None
    assert limit_of(LoggingStore(WrapperStore(Service()), log_level="ERROR")) == 7
    assert WrapperStore(LocalStore(tmp_path)).traits.native_handle is None
    assert WrapperStore(LocalStore(tmp_path)).traits == LocalStore(tmp_path).traits


def test_who_writes_otherwise_does_not_write_on_condition(tmp_path: Path) -> None:
    class Writes(WrapperStore[Store]):
        async def set(self, key: str, value: Any) -> None:
            await super().set(key, value)

    class Reads(LocalStore):
        async def get(self, *args: Any) -> Any:
            return await super().get(*args)

    class Both(Writes):
        async def set_if_unchanged(self, key: str, value: Any, version: Any) -> bool:
            return await super().set_if_unchanged(key, value, version)

    assert not Writes(LocalStore(tmp_path)).traits.conditional_writes
    assert not WrapperStore(Writes(LocalStore(tmp_path))).traits.conditional_writes
    assert not Reads(tmp_path).traits.conditional_writes
    assert not Reads(tmp_path).traits.versions
    assert Both(LocalStore(tmp_path)).traits.conditional_writes
    assert LoggingStore(LocalStore(tmp_path), log_level="ERROR").traits.conditional_writes


@pytest.mark.parametrize("kind", [LocalStore, SQLiteStore])
def test_a_changed_get_is_what_reads_values_and_parts_of_them(kind: Any, tmp_path: Path) -> None:
    class Loud(kind):  # type: ignore[misc]
        async def get(self, key: str, prototype: Any = None, byte_range: Any = None) -> Any:
            value = await super().get(key, prototype)
            if value is None or key.endswith("zarr.json"):
                return value
            changed = Buffer.from_bytes(value.to_bytes().upper())
            return changed[byte_range.start : byte_range.end] if byte_range else changed

    inner = Loud(tmp_path / "data")
    asyncio.run(inner.set("a", Buffer.from_bytes(b"text")))
    for store in (inner, WrapperStore(inner)):
        found = asyncio.run(get_versioned(store, "a", buffer_prototype, RangeByteRequest(0, 4)))
        assert found is not None
        assert (found[0].to_bytes(), found[1]) == (b"TEXT", None)


def test_a_member_that_a_class_defines_declares_the_trait() -> None:
    class Older(Service):
        supports_conditional_writes = False  # type: ignore[assignment]

        @property
        def data_id(self) -> str:
            return "older://data"

    assert not Older().traits.conditional_writes
    assert WrapperStore(Older()).data_id == "older://data"


def test_a_trait_that_does_not_hold_any_more_is_declared_again() -> None:
    class Changing(MemoryStore):
        safe = True

        def declare_traits(self) -> StoreTraits:
            return replace(super().declare_traits(), detects_truncation=self.safe)

    store = Changing()
    wrapper = WrapperStore(store)
    assert wrapper.traits.detects_truncation
    store.safe = False
    assert wrapper.traits.detects_truncation
    store.redeclare_traits()
    assert not store.traits.detects_truncation
    assert not wrapper.traits.detects_truncation


@pytest.mark.parametrize(
    "make",
    [
        MemoryStore,
        Service,
        ManagedMemoryStore,
        lambda: WrapperStore(MemoryStore()),
        lambda: LocalStore("nowhere"),
    ],
)
def test_traits_keep_no_store_alive(make: Any) -> None:
    store = make()
    assert store.traits is store.traits
    assert store.data_id
    seen = weakref.ref(store)
    del store
    gc.collect()
    assert seen() is None


# --- watching requests


class Watched(WrapperStore[MemoryStore]):
    """It notes its requests."""

    def __init__(self, store: MemoryStore) -> None:
        super().__init__(store)
        self.log: list[tuple[str, str, Any]] = []

    async def intercept(
        self, method: str, key: str, call: Callable[[], Awaitable[Any]], byte_range: Any = None
    ) -> Any:
        self.log.append((method, key, byte_range))
        return await call()

    def intercept_sync(
        self, method: str, key: str, call: Callable[[], Any], byte_range: Any = None
    ) -> Any:
        self.log.append((f"{method} at once", key, byte_range))
        return call()


async def all_of(items: Any) -> list[Any]:
    return [item async for item in items]


PART = RangeByteRequest(2, 4)
CALLS: dict[str, tuple[Callable[[Any], Any], tuple[str, str, Any]]] = {
    "get": (lambda s: s.get("a/k", buffer_prototype, PART), ("get", "a/k", PART)),
    "get_versioned": (lambda s: s.get_versioned("a/k", buffer_prototype), ("get", "a/k", None)),
    "get_ranges": (
        lambda s: all_of(s.get_ranges("a/k", [PART], prototype=buffer_prototype)),
        ("get", "a/k", PART),
    ),
    "get_partial_values": (
        lambda s: s.get_partial_values(buffer_prototype, [("a/k", PART), ("b", None)]),
        ("get_partial_values", "a/k,b", None),
    ),
    "set": (lambda s: s.set("b", VALUE), ("set", "b", None)),
    "set_if_not_exists": (
        lambda s: s.set_if_not_exists("b", VALUE),
        ("set_if_not_exists", "b", None),
    ),
    "delete": (lambda s: s.delete("a/k"), ("delete", "a/k", None)),
    "exists": (lambda s: s.exists("a/k"), ("exists", "a/k", None)),
    "getsize": (lambda s: s.getsize("a/k"), ("getsize", "a/k", None)),
    "getsize_prefix": (lambda s: s.getsize_prefix("a"), ("getsize_prefix", "a", None)),
    "is_empty": (lambda s: s.is_empty("a"), ("is_empty", "a", None)),
    "delete_dir": (lambda s: s.delete_dir("a"), ("delete_dir", "a", None)),
    "clear": (lambda s: s.clear(), ("clear", "", None)),
    "list": (lambda s: all_of(s.list()), ("list", "", None)),
    "list_prefix": (lambda s: all_of(s.list_prefix("a/")), ("list_prefix", "a/", None)),
    "list_dir": (lambda s: all_of(s.list_dir("a")), ("list_dir", "a", None)),
}


@pytest.mark.parametrize("name", CALLS)
def test_every_request_is_seen_once_and_answered_as_without(name: str) -> None:
    work, expected = CALLS[name]
    plain, watched = MemoryStore({"a/k": VALUE}), Watched(MemoryStore({"a/k": VALUE}))
    assert asyncio.run(work(watched)) == asyncio.run(work(plain))
    assert watched.log == [expected]
    assert watched._store == plain


def test_synchronous_requests_are_seen_too() -> None:
    store = Watched(MemoryStore())
    store.set_sync("k", VALUE)
    assert store.get_sync("k", byte_range=PART) == VALUE[2:4]
    store.delete_sync("k")
    assert store.log == [
        ("set at once", "k", None),
        ("get at once", "k", PART),
        ("delete at once", "k", None),
    ]


def test_a_store_that_watches_may_wait_unless_it_says_otherwise() -> None:
    class Quick(Watched):
        def declare_traits(self) -> StoreTraits:
            return super().declare_traits()

    assert Watched(MemoryStore()).traits.needs_event_loop
    store = Quick(MemoryStore())
    assert not store.traits.needs_event_loop
    array: Any = zarr.create_array(store, data=np.arange(20), chunks=(5,))
    store.log.clear()
    assert array[:].tolist() == list(range(20))
    assert sorted(key for _, key, _ in store.log) == ["c/0", "c/1", "c/2", "c/3"]


# --- how wide


class Slow(WrapperStore[MemoryStore]):
    """It counts how many requests are under way."""

    busy = most = 0

    async def intercept(
        self, method: str, key: str, call: Callable[[], Awaitable[Any]], byte_range: Any = None
    ) -> Any:
        self.busy += 1
        self.most = max(self.most, self.busy)
        for _ in range(100):
            await asyncio.sleep(0)
        self.busy -= 1
        return await call()

    async def get(self, key: str, prototype: Any, byte_range: Any = None) -> Any:
        return await super().get(key, prototype, byte_range)


@pytest.mark.parametrize("limit", [None, 6, 50])
def test_a_store_asks_as_wide_as_arrays_do(limit: int | None) -> None:
    keys = [f"c/{number}" for number in range(80)]
    settings = {} if limit is None else {"async.concurrency": limit}
    expected = 32 if limit is None else limit
    with zarr.config.set(settings):
        for work in (
            lambda s: s.get_partial_values(buffer_prototype, [(key, None) for key in keys]),
            lambda s: all_of(
                s.get_ranges(
                    "c/0",
                    [RangeByteRequest(n, n + 1) for n in range(0, 160, 2)],
                    prototype=buffer_prototype,
                    max_gap_bytes=0,
                )
            ),
        ):
            store = Slow(MemoryStore(dict.fromkeys(keys, Buffer.from_bytes(bytes(200)))))
            asyncio.run(work(store))
            # The request for all of them is one as well.
            assert store.most in (expected, expected + 1)
