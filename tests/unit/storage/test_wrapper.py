"""`WrapperStore` and the stores made of it."""

from __future__ import annotations

import asyncio
import io
import logging
import pickle
import time
from typing import Any

import pytest

from support.stores import GatedStore
from zarr._async.executors import sync
from zarr._async.run import step
from zarr.abc.store import RangeByteRequest, Store
from zarr.buffer.cpu import Buffer, buffer_prototype
from zarr.storage import FsspecStore, LoggingStore, MemoryStore, WrapperStore
from zarr.storage.cache import CacheStore
from zarr.testing.store import LatencyStore


def remote() -> FsspecStore:
    return FsspecStore.from_url("memory://wrapped")


class TestWrapperStore:
    def test_it_is_what_its_inner_store_is(self) -> None:
        inner = MemoryStore()
        store = WrapperStore(inner)
        assert str(store) == f"wrapping-{inner}"
        assert repr(store) == f"WrapperStore(MemoryStore, '{inner}')"
        assert store == WrapperStore(inner)
        assert store != inner
        assert store.data_id == inner.data_id
        assert not store.traits.needs_event_loop
        assert WrapperStore(remote()).traits.needs_event_loop
        assert store.traits.native_handle is None
        assert store.with_read_only(True).read_only
        sync(store._ensure_open())
        assert inner._is_open
        store.close()
        assert not inner._is_open

    def test_a_subclass_that_changes_an_asynchronous_method_may_wait(self) -> None:
        class Changed(WrapperStore[Store]):
            async def get(self, *args: Any, **kwargs: Any) -> Any:
                return await super().get(*args, **kwargs)

        class Both(Changed):
            def get_sync(self, *args: Any, **kwargs: Any) -> Any:
                return super().get_sync(*args, **kwargs)

            def set_sync(self, *args: Any, **kwargs: Any) -> Any:
                return super().set_sync(*args, **kwargs)

            def delete_sync(self, *args: Any, **kwargs: Any) -> Any:
                return super().delete_sync(*args, **kwargs)

            async def set(self, *args: Any, **kwargs: Any) -> Any:
                return await super().set(*args, **kwargs)

        assert Changed(MemoryStore()).traits.needs_event_loop
        # That there are synchronous methods, too, says nothing of the others.
        assert Both(MemoryStore()).traits.needs_event_loop
        assert Both(remote()).traits.needs_event_loop

    def test_nothing_goes_around_a_changed_method(self) -> None:
        class Doubling(WrapperStore[Store]):
            async def get(self, key: str, *args: Any) -> Any:  # type: ignore[override]
                value = await self._store.get(key, *args)
                return None if value is None else value + value

        store = Doubling(MemoryStore({"k": Buffer.from_bytes(b"ab")}))
        assert sync(store.getsize("k")) == 4
        assert sync(store.getsize_prefix("")) == 4
        values = sync(store.get_partial_values(buffer_prototype, [("k", None)]))
        assert values == [Buffer.from_bytes(b"abab")]

        async def ranges() -> Any:
            request = [RangeByteRequest(0, 1)]
            parts = store.get_ranges("k", request, prototype=buffer_prototype)
            return [part async for part in parts]

        assert sync(ranges())[0][0][1] == Buffer.from_bytes(b"aa")

    def test_an_inner_store_without_synchronous_methods_says_so(self) -> None:
        store = WrapperStore(remote())
        with pytest.raises(TypeError, match="FsspecStore does not support synchronous get"):
            store.get_sync("k")
        with pytest.raises(TypeError, match="FsspecStore does not support synchronous set"):
            store.set_sync("k", Buffer.from_bytes(b""))


class TestLoggingStore:
    @pytest.fixture
    def stream(self) -> io.StringIO:
        return io.StringIO()

    @pytest.fixture
    def store(self, stream: io.StringIO) -> LoggingStore[MemoryStore]:
        handler = logging.StreamHandler(stream)
        handler.setFormatter(logging.Formatter("%(levelname)s %(message)s"))
        return LoggingStore(MemoryStore(), log_handler=handler)

    def test_calls_are_logged_and_counted(
        self, store: LoggingStore[MemoryStore], stream: io.StringIO
    ) -> None:
        step(store.set("a/b", Buffer.from_bytes(b"v")))
        step(store.get("a/b", buffer_prototype))
        step(store.is_empty())
        assert store.counter == {"set": 1, "get": 1, "is_empty": 1}
        lines = stream.getvalue().splitlines()
        assert lines[0] == "INFO  Calling MemoryStore.set(a/b)"
        assert lines[1].startswith("INFO Finished MemoryStore.set(a/b) [0.")
        assert "is_empty" in lines[-1]

    def test_str_repr_equality_and_pickling(self, store: LoggingStore[MemoryStore]) -> None:
        assert str(store) == f"logging-{store._store}"
        assert repr(store) == f"LoggingStore(MemoryStore, '{store._store}')"
        assert store == LoggingStore(store._store)
        copy = pickle.loads(pickle.dumps(store))
        assert copy._store == store._store
        assert not store.traits.needs_event_loop
        assert LoggingStore(remote()).traits.needs_event_loop
        with pytest.raises(ValueError, match="Unknown level"):
            LoggingStore(store._store, log_level="foo")


class TestLatencyStore:
    def test_it_takes_its_time_and_serves_many_at_once(self) -> None:
        store = LatencyStore(MemoryStore(), get_latency=0.2, set_latency=0.2)
        assert store.traits.needs_event_loop

        async def many() -> None:
            await asyncio.gather(
                *(store.set(f"{n}", Buffer.from_bytes(b"v")) for n in range(20)),
                *(store.get(f"{n}", buffer_prototype) for n in range(20)),
            )

        start = time.monotonic()
        sync(many())
        assert 0.2 <= time.monotonic() - start < 4  # and not 40 times 0.2
        start = time.monotonic()
        store.get_sync("0")
        assert time.monotonic() - start >= 0.2

    def test_the_time_may_vary(self) -> None:
        store = LatencyStore(MemoryStore(), get_latency=(1.0, 0.5))
        drawn = [store.get_latency for _ in range(200)]
        assert min(drawn) >= 0
        assert len(set(drawn)) > 100
        assert 0.8 < sum(drawn) / 200 < 1.2


class TestCacheStore:
    def cached(self, **kwargs: Any) -> CacheStore:
        inner = MemoryStore({k: Buffer.from_bytes(k.encode() * 10) for k in "abcdef"})
        return CacheStore(GatedStore(inner), cache_store=MemoryStore(), **kwargs)

    def get(self, store: CacheStore, key: str, byte_range: Any = None) -> bytes | None:
        value = sync(store.get(key, buffer_prototype, byte_range))
        return None if value is None else value.to_bytes()

    def reads(self, store: CacheStore) -> int:
        inner = store._store
        assert isinstance(inner, GatedStore)
        return inner.reads

    def test_values_that_were_read_are_kept(self) -> None:
        store = self.cached()
        for _ in range(3):
            assert self.get(store, "a") == b"a" * 10
            assert self.get(store, "a", RangeByteRequest(0, 2)) == b"aa"
            assert self.get(store, "b", RangeByteRequest(0, 2)) == b"bb"
        assert self.reads(store) == 2
        assert store.cache_stats()["misses"] == 2
        assert store.cache_stats()["hits"] == 7
        assert store.cache_info()["current_size"] == 12
        sync(store.clear_cache())
        assert store.cache_info()["current_size"] == 0
        assert self.get(store, "a") == b"a" * 10
        assert self.reads(store) == 3

    def test_a_missing_key_is_asked_for_again(self) -> None:
        store = self.cached()
        assert self.get(store, "x") is None
        sync(store._store.set("x", Buffer.from_bytes(b"now")))
        assert self.get(store, "x") == b"now"

    def test_many_readers_of_a_key_cause_one_read(self) -> None:
        store = self.cached()

        async def many() -> None:
            values = await asyncio.gather(*(store.get("a", buffer_prototype) for _ in range(50)))
            assert all(value == Buffer.from_bytes(b"a" * 10) for value in values)

        sync(many())
        assert self.reads(store) == 1

    def test_no_more_is_kept_than_allowed(self) -> None:
        store = self.cached(max_size=25)
        for key in "abcabcdef":
            assert self.get(store, key) == key.encode() * 10
            assert store.cache_info()["current_size"] <= 25
            kept = step(_size_of(store._cache))
            assert kept <= 25
        assert self.get(store, "f") == b"f" * 10
        assert store.cache_stats()["evictions"] > 0
        sync(store.set("a", Buffer.from_bytes(b"x" * 30)))
        assert store.cache_info()["current_size"] <= 25
        assert self.get(store, "a") == b"x" * 30

    def test_the_least_recently_used_value_goes_first(self) -> None:
        store = self.cached(max_size=20)
        for key in "ab":
            self.get(store, key)
        self.get(store, "a")
        self.get(store, "c")
        before = self.reads(store)
        self.get(store, "a")
        assert self.reads(store) == before
        self.get(store, "b")
        assert self.reads(store) == before + 1

    @pytest.mark.parametrize("cache_set_data", [True, False])
    def test_writes_and_deletes_are_seen(self, cache_set_data: bool) -> None:
        store = self.cached(cache_set_data=cache_set_data)
        self.get(store, "a")
        self.get(store, "b", RangeByteRequest(0, 1))
        sync(store.set("a", Buffer.from_bytes(b"new")))
        sync(store.set("b", Buffer.from_bytes(b"new")))
        assert self.get(store, "a") == b"new"
        assert self.get(store, "b", RangeByteRequest(0, 1)) == b"n"
        sync(store.delete("a"))
        assert self.get(store, "a") is None
        sync(store.delete_dir(""))
        assert self.get(store, "b") is None

    def test_a_value_that_is_too_old_is_read_again(self) -> None:
        store = self.cached(max_age_seconds=0)
        self.get(store, "a")
        time.sleep(0.01)
        self.get(store, "a")
        assert self.reads(store) == 2

    def test_readers_and_writers_at_once_end_with_the_last_value(self) -> None:
        store = self.cached()

        async def main() -> None:
            async def write(number: int) -> None:
                await store.set("a", Buffer.from_bytes(b"%d" % number))

            async def read() -> None:
                await store.get("a", buffer_prototype)

            for number in range(20):
                await asyncio.gather(read(), write(number), read(), read())
                value = await store.get("a", buffer_prototype)
                assert value == Buffer.from_bytes(b"%d" % number)

        sync(main())

    def test_a_cache_of_stores_that_never_wait_never_waits(self) -> None:
        store = CacheStore(MemoryStore(), cache_store=MemoryStore())
        assert not store.traits.needs_event_loop
        store.set_sync("k", Buffer.from_bytes(b"v"))
        assert store.get_sync("k") == Buffer.from_bytes(b"v")
        store.delete_sync("k")
        assert store.get_sync("k") is None
        assert CacheStore(MemoryStore(), cache_store=remote()).traits.needs_event_loop

    def test_settings_that_cannot_be(self) -> None:
        with pytest.raises(ValueError, match="must be 'infinity'"):
            self.cached(max_age_seconds="long")
        with pytest.raises(TypeError, match="must be a Store"):
            CacheStore(MemoryStore(), cache_store={})  # type: ignore[arg-type]

        class Keeps(MemoryStore):
            supports_deletes = False

        with pytest.raises(ValueError, match="does not support deletes"):
            CacheStore(MemoryStore(), cache_store=Keeps())

    def test_views_share_the_cache_and_copies_begin_empty(self) -> None:
        store = CacheStore(MemoryStore(), cache_store=MemoryStore())
        store.set_sync("k", Buffer.from_bytes(b"v"))
        view = store.with_read_only(True)
        assert view.cache_info() == store.cache_info()
        assert pickle.loads(pickle.dumps(store)).cache_info()["current_size"] == 0
        assert "current_size=1" in repr(store)


async def _size_of(store: Store) -> int:
    return await store.getsize_prefix("")
