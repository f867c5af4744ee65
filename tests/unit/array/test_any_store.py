"""Arrays in a store behind an event loop: few requests, many at a time."""

from __future__ import annotations

import asyncio
from collections import UserDict
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import zarr
from zarr.abc.store import RangeByteRequest, Store, StoreTraits, SuffixByteRequest
from zarr.errors import ChunkDecodeError
from zarr.storage import CacheStore, LocalStore, LoggingStore, MemoryStore, WrapperStore

CHUNKS = 1000


def test_many_chunks_take_as_many_round_trips_as_the_bound_dictates(waiting_store: Any) -> None:
    store = waiting_store()
    array = zarr.create_array(store, shape=(CHUNKS, 4096), chunks=(1, 4096), dtype="f4")
    data = np.random.default_rng(0).random((CHUNKS, 4096), "f4")
    array[:] = data
    for limit in (10, 50):
        store.most_busy = store.rounds = 0
        store.together = limit
        with zarr.config.set({"async.concurrency": limit, "async.timeout": 60}):
            found = array[:]
        np.testing.assert_array_equal(found, data)
        assert store.most_busy == limit
        assert store.rounds == CHUNKS / limit


def test_a_full_write_reads_nothing(waiting_store: Any) -> None:
    store = waiting_store()
    for options in ({}, {"shards": (20,)}):
        array = zarr.create_array(
            store, shape=(100,), chunks=(10,), dtype="i4", overwrite=True, **options
        )
        store.asked.clear()
        array[:] = range(1, 101)
        assert store.asked == {"set": array._nshards}
        store.asked.clear()
        array[:40] = 5
        assert store.asked == {"set": array._nshards * 40 // 100}


def test_reading_a_part_of_a_shard_asks_for_its_index_and_that_part(waiting_store: Any) -> None:
    store = waiting_store()
    array = zarr.create_array(
        store,
        shape=(1000,),
        chunks=(10,),
        shards=(1000,),
        dtype="i4",
        config={"sharding_coalesce_max_gap_bytes": 0},
    )
    array[:] = range(1000)
    store.asked.clear()
    assert array[500:520].tolist() == list(range(500, 520))
    assert store.asked == {"get": 2}
    store.asked.clear()
    assert array.oindex[[5, 995]].tolist() == [5, 995]
    assert store.asked == {"get": 3}


def test_a_partial_write_reads_and_writes_each_chunk_once(waiting_store: Any) -> None:
    store = waiting_store()
    array = zarr.create_array(store, shape=(100,), chunks=(10,), dtype="i4")
    array[:] = 1
    store.asked.clear()
    array[5:35] = 2
    assert store.asked == {"get": 2, "set": 4}
    store.asked.clear()
    array[:] = 0
    assert store.asked == {"delete": 10}


def test_one_array_serves_any_loop_and_synchronous_callers(waiting_store: Any) -> None:
    array: Any = zarr.create_array(waiting_store(0.001), shape=(100,), chunks=(7,), dtype="i4")

    async def use() -> int:
        await array.async_array.setitem(slice(3, 50), 2)
        return int((await array.async_array.getitem(...)).sum())

    for _ in range(3):
        assert asyncio.run(use()) == 94
        assert array[:].sum() == 94


def test_large_chunks_of_a_store_that_never_waits_are_decoded_beside_each_other() -> None:
    values: UserDict[str, bytes] = UserDict()
    array = zarr.create_array(
        values,  # type: ignore[arg-type]
        shape=(24, 1 << 18),
        chunks=(1, 1 << 18),
        shards=(2, 1 << 18),
        dtype="f4",
    )
    data = np.random.default_rng(0).random(array.shape, "f4").round(3)
    array[:] = data
    np.testing.assert_array_equal(array[:], data)
    np.testing.assert_array_equal(array[1:20:3, 5:], data[1:20:3, 5:])
    key = "c/3/0"
    values[key] = values[key][:-7]
    with pytest.raises(ChunkDecodeError, match=key):
        array[:]


class Pausing:
    """Mixed in before a store, it waits for every answer, as one that asks again after a pause."""

    async def get(self, *args: Any, **kwargs: Any) -> Any:
        await asyncio.sleep(0)
        return await super().get(*args, **kwargs)  # type: ignore[misc]

    async def set(self, *args: Any, **kwargs: Any) -> Any:
        await asyncio.sleep(0)
        return await super().set(*args, **kwargs)  # type: ignore[misc]


class PausingMemory(Pausing, MemoryStore):
    pass


class PausingLocal(Pausing, LocalStore):
    pass


class PausingWrapper(Pausing, WrapperStore[Any]):
    pass


class Below(PausingWrapper):
    """Nothing of its own."""


class Later(WrapperStore[Any]):
    """It waits only once: after a fault."""

    asked = 0

    async def exists(self, key: str) -> bool:
        return await super().exists(key)

    async def get(self, *args: Any, **kwargs: Any) -> Any:
        self.asked += 1
        if self.asked == 2:
            await asyncio.sleep(0)
        return await super().get(*args, **kwargs)


class Both(PausingWrapper):
    """Its asynchronous methods wait, and it has synchronous ones."""

    def get_sync(self, *args: Any, **kwargs: Any) -> Any:
        return self._store.get_sync(*args, **kwargs)

    def set_sync(self, *args: Any, **kwargs: Any) -> Any:
        return self._store.set_sync(*args, **kwargs)

    def delete_sync(self, *args: Any, **kwargs: Any) -> Any:
        return self._store.delete_sync(*args, **kwargs)


@pytest.mark.parametrize(
    "make",
    [
        lambda path: PausingMemory(),
        lambda path: PausingLocal(path),
        lambda path: PausingWrapper(MemoryStore()),
        lambda path: PausingWrapper(LocalStore(path)),
        lambda path: Below(MemoryStore()),
        lambda path: Later(MemoryStore()),
        lambda path: Both(MemoryStore()),
        lambda path: LoggingStore(Both(MemoryStore()), log_level="ERROR"),
        lambda path: WrapperStore(PausingMemory()),
        lambda path: CacheStore(Both(MemoryStore()), cache_store=MemoryStore()),
        lambda path: CacheStore(MemoryStore(), cache_store=PausingMemory()),
    ],
)
def test_synchronous_callers_use_any_store_whose_methods_wait(make: Any, tmp_path: Any) -> None:
    store = make(tmp_path)
    data = np.arange(100, dtype="i4")
    for name, options in {"a": {}, "b": {"compressors": None}, "c": {"shards": (50,)}}.items():
        root = zarr.open_group(store, mode="a")
        array: Any = root.create_array(name, data=data, chunks=(10,), **options)
        array[5:95] = -data[5:95]
        array.attrs["one"] = 1
        again: Any = zarr.open_group(store, mode="r")[name]
        expected = np.concatenate([data[:5], -data[5:95], data[95:]])
        np.testing.assert_array_equal(again[:], expected)
        assert again[7] == -7
        assert again.attrs.asdict() == {"one": 1}
    assert sorted(zarr.open_group(store)) == ["a", "b", "c"]


@pytest.mark.parametrize("kind", [MemoryStore, LocalStore])
def test_one_read_of_a_chunk_is_one_call_of_the_store(kind: Any, tmp_path: Any) -> None:
    calls: list[str] = []

    class Counts(kind):  # type: ignore[misc]
        async def get(self, key: str, prototype: Any = None, byte_range: Any = None) -> Any:
            calls.append(key)
            return await super().get(key, prototype, byte_range)

        def get_sync(self, key: str, **kwargs: Any) -> Any:
            calls.append(key)
            return super().get_sync(key, **kwargs)

        async def set(self, key: str, value: Any, *args: Any) -> None:
            calls.append(key)
            await super().set(key, value, *args)

        def set_sync(self, key: str, value: Any) -> None:
            calls.append(key)
            super().set_sync(key, value)

        async def delete(self, key: str) -> None:
            calls.append(key)
            await super().delete(key)

        def delete_sync(self, key: str) -> None:
            calls.append(key)
            super().delete_sync(key)

    array: Any = zarr.create_array(
        Counts() if kind is MemoryStore else Counts(tmp_path), data=np.arange(4), chunks=(4,)
    )
    calls.clear()
    array[:]
    assert calls == ["c/0"]
    calls.clear()
    array[:] = 5
    assert calls == ["c/0"]
    calls.clear()
    array[:] = 0  # fill values are not stored
    assert calls == ["c/0"]


class Whole(WrapperStore[MemoryStore]):
    """A store of somebody else that returns whole values, one way or another."""

    waits = True

    def __init__(self, how: str) -> None:
        super().__init__(MemoryStore())
        self.how = how
        self.asked: list[Any] = []

    async def get(self, key: str, prototype: Any, byte_range: Any = None) -> Any:
        if not key.endswith(".json"):
            self.asked.append(byte_range)
        if byte_range is not None and self.how != "ignores":
            raise {"refuses": NotImplementedError, "has no such argument": TypeError}[self.how]
        if self.waits:
            await asyncio.sleep(0)
        return await self._store.get(key, prototype)


class AtOnce(Whole):
    """The same, without an event loop."""

    waits = False

    def declare_traits(self) -> StoreTraits:
        return StoreTraits(needs_event_loop=False)


REFUSALS = ["refuses", "has no such argument", "ignores"]


@pytest.mark.parametrize("kind", [Whole, AtOnce])
@pytest.mark.parametrize("how", REFUSALS)
def test_parts_of_chunks_are_read_from_a_store_that_returns_whole_values(
    kind: Any, how: str
) -> None:
    store = kind(how)
    data = np.arange(64 * 64, dtype="i4").reshape(64, 64)
    array: Any = zarr.create_array(store, data=data, chunks=(32, 32), compressors=None)
    for part in (np.s_[:5, :5], (5, 5), np.s_[:, 3], np.s_[::7, 40:]):
        np.testing.assert_array_equal(array[part], data[part])
    array[3, 10:50] = data[3, 10:50] = -1
    np.testing.assert_array_equal(array[:], data)
    assert set(store.asked) == {None}  # nobody has to ask for a part of them


@pytest.mark.parametrize("kind", [Whole, AtOnce])
@pytest.mark.parametrize("how", REFUSALS)
@pytest.mark.parametrize("options", [{}, {"compressors": None}])
@pytest.mark.parametrize("place", ["start", "end"])
def test_a_store_that_refuses_a_part_of_a_shard_is_not_asked_for_another(
    kind: Any, how: str, options: Any, place: str
) -> None:
    store = kind(how)
    data = np.arange(64 * 64, dtype="i4").reshape(64, 64)
    array: Any = zarr.create_array(
        store,
        shape=data.shape,
        dtype=data.dtype,
        chunks=(8, 8),
        shards={"shape": (32, 32), "index_location": place},
        **options,
    )
    array[:] = data
    store.asked.clear()
    np.testing.assert_array_equal(array[3:9, 3:9], data[3:9, 3:9])
    # Where it has sent all of the shard, it is not asked again.
    assert len(store.asked) == (1 if how == "ignores" else 2)
    store.asked.clear()
    for part in (np.s_[:5, :5], (5, 5), np.s_[:, 3], np.s_[::7, 40:]):
        np.testing.assert_array_equal(array[part], data[part])
    assert set(store.asked) == {None}
    found = asyncio.run(array.async_array.getitem(np.s_[10:20, 10:60]))
    np.testing.assert_array_equal(found, data[10:20, 10:60])


def test_readers_that_ask_at_once_all_take_the_whole_value() -> None:
    for how in REFUSALS:
        store = Whole(how)
        data = np.arange(400, dtype="i4")
        array: Any = zarr.create_array(store, data=data, chunks=(10,), shards=(200,))

        async def read(array: Any = array) -> Any:
            parts = [array.async_array.getitem(slice(i, i + 5)) for i in range(0, 395, 5)]
            return await asyncio.gather(*parts)

        np.testing.assert_array_equal(np.concatenate(asyncio.run(read())), data[:395])


def test_a_part_is_asked_of_a_store_that_declares_that_it_returns_them() -> None:
    class Parts(Whole):
        async def get(self, key: str, prototype: Any, byte_range: Any = None) -> Any:
            self.asked.append(byte_range)
            return await self._store.get(key, prototype, byte_range)

    class Declared(Parts):
        def declare_traits(self) -> StoreTraits:
            return replace(super().declare_traits(), byte_ranges=True)

    class None_(Parts):
        def declare_traits(self) -> StoreTraits:
            return replace(super().declare_traits(), byte_ranges=False)

    expected: Any
    for kind, expected in (
        (Declared, {"a": [RangeByteRequest(4, 8)], "s": [SuffixByteRequest, RangeByteRequest]}),
        (Parts, {"a": [None], "s": [SuffixByteRequest, RangeByteRequest]}),
        (None_, {"a": [None], "s": [type(None)]}),
    ):
        store: Store = kind("")
        root = zarr.create_group(store)
        data = np.arange(100, dtype="i4")
        plain: Any = root.create_array("a", data=data, chunks=(10,), compressors=None)
        shards: Any = root.create_array("s", data=data, chunks=(10,), shards=(50,))
        store.asked.clear()  # type: ignore[attr-defined]
        assert plain[1] == 1
        assert store.asked == expected["a"]  # type: ignore[attr-defined]
        store.asked.clear()  # type: ignore[attr-defined]
        assert shards[1] == 1
        assert list(map(type, store.asked)) == expected["s"]  # type: ignore[attr-defined]
