"""A cache is right under writes, faults and many readers, and never larger than allowed."""

from __future__ import annotations

import asyncio
import os
import pickle
import threading
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import zarr
from support.stores import GatedStore
from zarr._async.executors import sync
from zarr.abc.store import OffsetByteRequest, RangeByteRequest, SuffixByteRequest
from zarr.buffer.cpu import Buffer, buffer_prototype
from zarr.experimental.cache_store import CacheStore
from zarr.storage import LocalStore, MemoryStore, SQLiteStore

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable
    from pathlib import Path

    from zarr.abc.store import Store

DATA = bytes(range(256)) * 40


async def get(store: Store, key: str, byte_range: Any = None) -> bytes | None:
    value = await store.get(key, buffer_prototype, byte_range)
    return None if value is None else value.to_bytes()


def value(data: bytes) -> Buffer:
    return Buffer.from_bytes(data)


def cached(failures: int = 0, **kwargs: Any) -> tuple[CacheStore, GatedStore]:
    source = GatedStore(MemoryStore({"k": value(DATA)}), failures)
    return CacheStore(source, cache_store=MemoryStore(), **kwargs), source


def test_different_parts_of_a_value_are_read_together() -> None:
    store, source = cached()

    async def main() -> None:
        source.shut()
        parts = [RangeByteRequest(n * 100, n * 100 + 50) for n in range(8)]
        found = asyncio.gather(*(get(store, "k", part) for part in parts))
        await source.held(8)
        source.open()
        assert await found == [DATA[part.start : part.end] for part in parts]

    sync(main())


def test_the_readers_of_one_thing_share_its_error_and_the_next_one_tries_again() -> None:
    store, source = cached(failures=1)

    async def main() -> None:
        found = await asyncio.gather(*(get(store, "k") for _ in range(20)), return_exceptions=True)
        assert all(isinstance(error, ConnectionError) for error in found)
        assert source.reads == 1
        assert store.cache_info()["cached_keys"] == 0
        assert await get(store, "k") == DATA
        assert source.reads == 2

    sync(main())


def test_a_cancelled_reader_does_not_take_the_others_along() -> None:
    store, source = cached()

    async def main() -> None:
        source.shut()
        first = asyncio.ensure_future(get(store, "k"))
        await source.held(1)
        others = [asyncio.ensure_future(get(store, "k")) for _ in range(5)]
        await asyncio.sleep(0)  # they have joined
        first.cancel()
        source.open()
        assert await asyncio.gather(*others) == [DATA] * 5
        assert source.reads == 2

    sync(main())


def test_one_read_serves_threads_and_loops() -> None:
    store, source = cached()
    found: list[bytes | None] = []
    threads = [
        threading.Thread(target=lambda: found.append(asyncio.run(get(store, "k"))))
        for _ in range(6)
    ]
    barrier = [sync(get(store, "absent"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert barrier == [None]
    assert found == [DATA] * 6
    assert source.reads <= 3  # a late one finds it in the cache


def test_a_value_read_before_a_write_is_not_kept_after_it() -> None:
    store, source = cached()

    async def main() -> None:
        source.shut()
        early = asyncio.ensure_future(get(store, "k"))
        part = asyncio.ensure_future(get(store, "k", RangeByteRequest(0, 4)))
        await source.held(2)  # both have the old value, and have not returned it
        source.hold_no_more()
        await store.set("k", value(b"new!"))
        assert await get(store, "k") == b"new!"
        assert await get(store, "k", RangeByteRequest(0, 3)) == b"new"
        source.open()
        assert await early in (DATA, b"new!")
        await part
        assert await get(store, "k") == b"new!"
        assert await get(store, "k", RangeByteRequest(0, 4)) == b"new!"
        await store.delete("k")
        assert await get(store, "k") is None

    sync(main())


def test_a_write_that_fails_leaves_nothing_in_the_cache() -> None:
    store, source = cached()

    async def main() -> None:
        assert await get(store, "k") == DATA
        source.failures = 1
        with pytest.raises(ConnectionError):
            await store.set("k", value(b"new"))
        assert await get(store, "k") == DATA
        assert source.reads == 2

    sync(main())


def test_a_part_comes_from_a_larger_part_or_the_whole() -> None:
    store, source = cached()

    async def main() -> None:
        await get(store, "k", RangeByteRequest(100, 200))
        assert await get(store, "k", RangeByteRequest(120, 140)) == DATA[120:140]
        assert await get(store, "k", RangeByteRequest(100, 200)) == DATA[100:200]
        assert source.reads == 1
        await get(store, "k", RangeByteRequest(150, 250))
        assert source.reads == 2
        await get(store, "k")
        for part, expected in [
            (RangeByteRequest(0, 9), DATA[:9]),
            (OffsetByteRequest(10_000), DATA[10_000:]),
            (SuffixByteRequest(7), DATA[-7:]),
            (RangeByteRequest(20_000, 30_000), b""),
        ]:
            assert await get(store, "k", part) == expected
        assert source.reads == 3

    sync(main())


def test_a_part_that_reaches_behind_the_end_is_not_taken_for_more() -> None:
    store, source = cached()

    async def main() -> None:
        end = len(DATA)
        assert await get(store, "k", RangeByteRequest(end - 4, end + 96)) == DATA[-4:]
        await source._store.set("k", value(DATA + b"more"))
        assert await get(store, "k", RangeByteRequest(end, end + 4)) == b"more"

    sync(main())


def test_the_size_holds_whatever_many_readers_do(tmp_path: Path) -> None:
    """Counted is what the cache store really holds, at every moment."""
    kept: dict[str, int] = {}
    most = 0

    class Watched(MemoryStore):
        async def set(self, key: str, value: Buffer, byte_range: Any = None) -> None:
            nonlocal most
            kept[key] = len(value)
            most = max(most, sum(kept.values()))
            await asyncio.sleep(0)
            await super().set(key, value)

        async def delete(self, key: str) -> None:
            await asyncio.sleep(0)
            await super().delete(key)
            kept.pop(key, None)

    source = MemoryStore({f"k{n}": value(bytes(n + 1)) for n in range(60)})
    store = CacheStore(source, cache_store=Watched(), max_size=300)

    async def reader(seed: int) -> None:
        rng = np.random.default_rng(seed)
        for n in rng.integers(0, 60, 60):
            assert await get(store, f"k{n}") == bytes(n + 1)
            if n % 10 == 0:
                await store.set(f"k{n}", value(bytes(n + 1)))

    async def main() -> None:
        await asyncio.gather(*(reader(seed) for seed in range(8)))

    threads = [threading.Thread(target=lambda: asyncio.run(main())) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 0 < most <= 300
    assert store.cache_info()["current_size"] == sum(kept.values()) <= 300


def test_a_cache_on_disk_is_used_by_the_next_run(tmp_path: Path) -> None:
    source = GatedStore(MemoryStore({"a/k": value(DATA), "b": value(b"b")}))
    first = CacheStore(source, cache_store=LocalStore(tmp_path))
    assert sync(get(first, "a/k")) == DATA
    second = CacheStore(source, cache_store=LocalStore(tmp_path))
    assert sync(get(second, "a/k")) == DATA
    assert sync(get(second, "a/k", RangeByteRequest(3, 9))) == DATA[3:9]
    assert source.reads == 1
    # A write through it replaces the value that was left.
    third = CacheStore(source, cache_store=LocalStore(tmp_path), cache_set_data=False)
    sync(third.set("a/k", value(b"new")))
    assert sync(get(third, "a/k")) == b"new"
    sync(third.delete_dir("a"))
    assert sync(get(third, "a/k")) is None
    # One with an age knows how old a value in a directory is, and not one in another store.
    sync(first.set("b", value(b"b")))
    before = source.reads
    for place, reads in [(LocalStore(tmp_path), 0), (MemoryStore({"b": value(b"b")}), 1)]:
        fourth = CacheStore(source, cache_store=place, max_age_seconds=100)
        assert sync(get(fourth, "b")) == b"b"
        assert source.reads == before + reads


def test_values_that_an_earlier_run_left_count(tmp_path: Path) -> None:
    source = MemoryStore({f"k{n}": value(bytes(100)) for n in range(10)})
    kept = SQLiteStore(tmp_path / "kept.sqlite")
    large = CacheStore(source, cache_store=kept)
    for n in range(10):
        large.get_sync(f"k{n}")
    small = CacheStore(source, cache_store=kept, max_size=250)
    small.get_sync("k3")
    assert sync(kept.getsize_prefix("")) <= 250
    assert small.cache_info()["current_size"] <= 250


def test_arrays_are_right_through_a_cache(waiting_store: Callable[..., Any]) -> None:
    source = waiting_store()
    store = CacheStore(source, cache_store=MemoryStore(), max_size=100_000)
    a = zarr.create_array(store, shape=(64, 64), chunks=(4, 4), shards=(32, 32), dtype="f8")
    data = np.random.default_rng(0).random((64, 64))
    a[:] = data
    np.testing.assert_array_equal(a[5:9, 3:50], data[5:9, 3:50])
    before: Counter[str] = source.asked.copy()
    np.testing.assert_array_equal(a[5:9, 3:50], data[5:9, 3:50])
    assert source.asked == before  # all of it was kept
    a[6, 6] = data[6, 6] = 7
    np.testing.assert_array_equal(a[:], data)
    a.resize((32, 80))
    assert zarr.open_array(store, mode="r").shape == (32, 80)
    np.testing.assert_array_equal(a[:, :64], data[:32])
    a.resize((64, 64))
    assert (a[32:] == 0).all()
    zarr.create_array(store, shape=(3,), dtype="i4", overwrite=True)
    assert zarr.open_array(store)[:].tolist() == [0, 0, 0]


def test_values_kept_in_memory_do_not_travel() -> None:
    store, _ = cached()
    sync(store.set("k", value(bytes(1_000_000))))
    assert len(pickle.dumps(CacheStore(LocalStore("x"), cache_store=store._cache))) < 2000


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_child_forked_during_a_read_reads_by_itself() -> None:
    started, go = threading.Event(), threading.Event()

    class Slow(MemoryStore):
        def get_sync(self, key: str, **kwargs: Any) -> Any:
            started.set()
            go.wait()
            return super().get_sync(key, **kwargs)

        async def get(self, key: str, prototype: Any = None, byte_range: Any = None) -> Any:
            return self.get_sync(key, prototype=prototype, byte_range=byte_range)

        declare_traits = MemoryStore.declare_traits

    store = CacheStore(Slow({"k": value(b"v")}), cache_store=MemoryStore())
    assert not store.traits.needs_event_loop
    thread = threading.Thread(target=store.get_sync, args=("k",))
    thread.start()
    started.wait()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork()
    if pid == 0:
        import signal

        signal.alarm(20)
        go.set()
        os._exit(0 if store.get_sync("k") == value(b"v") else 1)
    go.set()
    thread.join()
    assert os.waitpid(pid, 0)[1] == 0


def test_a_conditional_write_is_seen_through_a_cache() -> None:
    class Versioned(GatedStore):
        """Puts on condition, as an object store does."""

        async def set_if_unchanged(self, key: str, value: Buffer, version: Any) -> bool:
            await self._store.set(key, value)
            return True

    source = Versioned(MemoryStore({"k": value(DATA)}))
    store = CacheStore(source, cache_store=MemoryStore())
    assert sync(get(store, "k")) == DATA
    assert sync(get(store, "k", RangeByteRequest(0, 3))) == DATA[:3]
    assert sync(store.set_if_unchanged("k", value(b"new"), None))
    assert sync(get(store, "k")) == b"new"
    assert sync(get(store, "k", RangeByteRequest(0, 3))) == b"new"
