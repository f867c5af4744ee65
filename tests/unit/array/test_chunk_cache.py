"""A cache of decoded chunks: each chunk is read and decoded once, as long as it is the same."""

from __future__ import annotations

import asyncio
import os
import pickle
import threading
from collections import Counter
from copy import copy, deepcopy
from typing import TYPE_CHECKING, Any, ClassVar

import numcodecs
import numpy as np
import pytest
from numcodecs.abc import Codec
from tests.faults.test_fork import in_child
from tests.support.stores import GatedStore, WaitingStore, make_store_of

import zarr
from zarr._async.executors import sync
from zarr.buffer.cpu import Buffer, buffer_prototype
from zarr.dtype import PythonObject, VariableLengthBytes
from zarr.errors import ChunkNotFoundError, ZarrUserWarning
from zarr.storage import CacheStore, FsspecStore, LocalStore, MemoryStore, ObjectStore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KINDS = ("memory", "local", "waiting", "mapping")
DATA = np.arange(64 * 64, dtype="i4").reshape(64, 64)


@pytest.fixture(params=KINDS)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    return make_store_of(request.param, tmp_path)


@pytest.fixture(params=[None, (32, 32)], ids=["chunks", "shards"])
def shards(request: pytest.FixtureRequest) -> Any:
    return request.param


def made(store: Any, cache: Any, **kwargs: Any) -> Any:
    kwargs = {"chunks": (16, 16), "config": {"cache": cache}, **kwargs}
    return zarr.create_array(store, data=DATA, **kwargs)


class Counting(Codec):  # type: ignore[misc]
    """A codec of somebody else, which counts the chunks that it decodes, and may be held up."""

    codec_id = "counting-for-tests"
    decoded: ClassVar[Counter[str]] = Counter()
    held: ClassVar[threading.Event | None] = None
    begun: ClassVar[threading.Event] = threading.Event()

    def encode(self, buf: Any) -> bytes:
        return bytes(buf)

    def decode(self, buf: Any, out: Any = None) -> Any:
        self.decoded["chunks"] += 1
        self.begun.set()
        if self.held is not None:
            assert self.held.wait(60)
        return bytes(buf)


numcodecs.register_codec(Counting)


@pytest.fixture
def counting() -> Iterator[type[Counting]]:
    Counting.decoded.clear()
    Counting.begun.clear()
    yield Counting
    Counting.held = None


def test_overlapping_slabs_decode_each_chunk_once(store: Any, shards: Any) -> None:
    cache = zarr.ChunkCache("1 MB")
    array = made(store, cache, shards=shards)
    for start in range(0, 60, 3):
        np.testing.assert_array_equal(array[start : start + 7], DATA[start : start + 7])
    stats = cache.stats()
    assert (stats.misses, stats.entries, stats.bytes) == (16, 16, DATA.nbytes)
    assert stats.hits > 16
    assert 0.5 < stats.hit_rate < 1


def test_a_codec_of_somebody_else_decodes_each_chunk_once(
    store: Any, counting: type[Counting]
) -> None:
    array = made(store, zarr.ChunkCache("1 MB"), zarr_format=2, compressors=Counting())
    for start in range(0, 60, 3):
        np.testing.assert_array_equal(array[start : start + 7], DATA[start : start + 7])
    assert counting.decoded["chunks"] == 16


def test_requests_are_made_once() -> None:
    store = WaitingStore()
    array = made(store, zarr.ChunkCache("1 MB"))
    store.asked.clear()
    for start in range(0, 60, 3):
        np.testing.assert_array_equal(array[start : start + 7], DATA[start : start + 7])
    assert store.asked["get"] == 16


def test_a_chunk_in_a_kept_shard_is_asked_for_once() -> None:
    store = WaitingStore()
    array = made(store, zarr.ChunkCache("1 MB"), shards=(32, 32))
    store.asked.clear()
    for _ in range(3):
        np.testing.assert_array_equal(array[:20, :20], DATA[:20, :20])
    # The index and the chunks, which are near one another.
    assert (array.config.cache.stats().misses, store.asked["get"]) == (4, 2)


def test_a_chunk_that_is_not_stored_is_asked_for_once(shards: Any) -> None:
    store = WaitingStore()
    array: Any = zarr.create_array(
        store,
        shape=(64, 64),
        chunks=(16, 16),
        shards=shards,
        dtype="i4",
        fill_value=3,
        config={"cache": zarr.ChunkCache("1 MB")},
    )
    store.asked.clear()
    for _ in range(3):
        assert (array[:20, :20] == 3).all()
    assert store.asked["get"] == (4 if shards is None else 1)


def test_a_chunk_that_must_be_there_is_missed_each_time() -> None:
    config = {"cache": zarr.ChunkCache("1 MB"), "read_missing_chunks": False}
    array: Any = zarr.create_array({}, shape=(8,), chunks=(4,), dtype="i4", config=config)  # type: ignore[arg-type]
    lenient = array.with_config({"read_missing_chunks": True})
    for _ in range(2):
        assert not lenient[:].any()
        with pytest.raises(ChunkNotFoundError):
            array[:]


# -- sizes ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "size"),
    [(1, 1), ("2 GB", 2 * 10**9), ("512MiB", 512 << 20), ("1.5 kb", 1500), ("7", 7), ("8 B", 8)],
)
def test_a_size_is_a_number_or_has_a_unit(given: Any, size: int) -> None:
    assert zarr.ChunkCache(given).size == size


@pytest.mark.parametrize("size", [0, -1, "0 GB", "two", "3 miles", "", "-1 GB", 1 << 70])
def test_what_is_no_size_is_refused(size: Any) -> None:
    with pytest.raises(ValueError, match="size of a cache is a positive number"):
        zarr.ChunkCache(size)


@pytest.mark.parametrize("size", [None, 1.5, True, [1]])
def test_what_is_no_number_is_refused(size: Any) -> None:
    with pytest.raises(TypeError, match="size of a cache is a positive number"):
        zarr.ChunkCache(size)


@pytest.mark.parametrize("recheck", ["sometimes", -1, float("nan"), float("inf"), None, True])
def test_another_recheck_is_refused(recheck: Any) -> None:
    with pytest.raises(ValueError, match="recheck is 'never', 'open', 'always' or a number"):
        zarr.ChunkCache(100, recheck=recheck)


def test_what_is_kept_never_exceeds_the_size(store: Any, shards: Any) -> None:
    cache = zarr.ChunkCache(3 * 16 * 16 * 4)  # three chunks
    array = made(store, cache, shards=shards)
    for row in range(64):
        np.testing.assert_array_equal(array[row], DATA[row])
        assert cache.stats().bytes <= cache.size
    assert cache.stats().entries == 3
    assert cache.stats().evictions > 0


def test_those_stay_that_were_used_last() -> None:
    cache = zarr.ChunkCache(2 * 16 * 64 * 4)
    array = made({}, cache, chunks=(16, 64))
    for row in (0, 16, 0, 32, 0):  # the second chunk has to go
        array[row]
    assert cache.stats().misses == 3
    array[16]
    assert cache.stats().misses == 4


def test_a_cache_that_is_smaller_than_a_chunk_warns_and_keeps_nothing() -> None:
    cache = zarr.ChunkCache(100)
    array = made({}, None)
    with pytest.warns(ZarrUserWarning, match="chunks of 1024 bytes, and its cache holds 100"):
        small = array.with_config({"cache": cache})[:]
    np.testing.assert_array_equal(small, DATA)
    assert cache.stats().entries == 0


def test_a_cache_that_is_cleared_is_empty(store: Any) -> None:
    cache = zarr.ChunkCache("1 MB")
    array = made(store, cache)
    array[:]
    cache.clear()
    assert (cache.stats().bytes, cache.stats().entries, cache.stats().misses) == (0, 0, 16)
    np.testing.assert_array_equal(array[:], DATA)
    assert cache.stats().misses == 32


# -- who uses it -------------------------------------------------------------------------------


def test_it_is_off_by_default() -> None:
    assert zarr.create_array({}, shape=(4,), dtype="i4").config.cache is None


def test_arrays_that_are_opened_while_it_is_set_use_it(tmp_path: Path) -> None:
    made(tmp_path, None)
    cache = zarr.ChunkCache("1 MB", recheck="never")
    with zarr.config.set({"cache": cache}):
        array: Any = zarr.open_array(tmp_path)
        group_free: Any = zarr.open(tmp_path)
    assert zarr.open_array(tmp_path).config.cache is None
    array[:]
    group_free[:]
    assert (cache.stats().misses, cache.stats().hits) == (16, 16)


def test_a_size_in_the_settings_is_one_cache_for_all() -> None:
    with zarr.config.set({"cache": "3 MB"}):
        first: Any = made({}, None, config=None)
        second: Any = made({}, None, config=None)
    assert first.config.cache is second.config.cache
    assert first.config.cache.size == 3_000_000
    with (
        zarr.config.set({"cache": 1.5}),
        pytest.raises(TypeError, match=r"'cache' is a zarr\.ChunkCache, a size"),
    ):
        made({}, None, config=None)


def test_handles_of_one_array_share_what_is_kept(store: Any) -> None:
    cache = zarr.ChunkCache("1 MB", recheck="never")
    made(store, cache)[:]
    again: Any = zarr.open_array(store, config={"cache": cache})
    np.testing.assert_array_equal(again[:], DATA)
    assert cache.stats().misses == 16


def test_arrays_at_one_place_with_other_layouts_share_nothing() -> None:
    cache = zarr.ChunkCache("1 MB", recheck="never")
    store = MemoryStore(dict(made({}, None, compressors=None).store._store_dict))
    array: Any = zarr.open_array(store, config={"cache": cache})
    array[:]
    other = zarr.create_array(
        {}, shape=(64, 64), chunks=(16, 16), dtype="f4", compressors=None
    ).metadata
    strange: Any = zarr.AsyncArray(other, array.store_path, {"cache": cache})  # type: ignore[arg-type]
    found = asyncio.run(strange.getitem(...))
    np.testing.assert_array_equal(found, DATA.view("f4"))


def test_a_pickled_array_shares_a_cache_with_those_that_were_pickled_with_it(
    tmp_path: Path,
) -> None:
    cache = zarr.ChunkCache("1 MB", recheck=2.5)
    array = made(LocalStore(tmp_path), cache)
    array[:]
    same = pickle.loads(pickle.dumps(array))
    assert same.config.cache is cache
    assert copy(cache) is deepcopy(cache) is cache
    data = pickle.dumps([array, same])
    assert len(data) < 20_000
    del array, same, cache
    first, second = pickle.loads(data)
    assert first.config.cache is second.config.cache
    assert (first.config.cache.size, first.config.cache.recheck) == (1_000_000, 2.5)
    np.testing.assert_array_equal(first[:], DATA)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_process_begins_with_an_empty_cache(store: Any) -> None:
    cache = zarr.ChunkCache("1 MB")
    array = made(store, cache)
    array[:]

    def work() -> None:
        assert cache.stats() == (0, 0, 0, 0, 0)
        np.testing.assert_array_equal(array[:], DATA)
        array[3, 3] = 5
        assert array[3, 3] == 5
        assert cache.stats().misses == 17

    in_child(work)
    assert cache.stats().misses == 16


WORDS = [f"{'é' * (number % 7)}{number}" for number in range(100)]


@pytest.mark.parametrize("kind", ["strings", "byte strings", "strings of format 2"])
def test_strings_are_read_once_and_count_as_many_bytes_as_they_have(store: Any, kind: str) -> None:
    cache = zarr.ChunkCache("1 MB")
    options: dict[str, Any] = {}
    words: list[Any] = WORDS
    data: Any = np.array(words, dtype=np.dtypes.StringDType())
    if kind == "byte strings":
        words = [word.encode() for word in WORDS]
        data = np.array(words, dtype="O")
        options = {"dtype": VariableLengthBytes(), "zarr_format": 2}
    elif kind == "strings of format 2":
        options = {"zarr_format": 2}
    array: Any = zarr.create_array(
        store, **{"shape": 100, "dtype": data.dtype, **options}, chunks=50, config={"cache": cache}
    )
    array[:] = data
    for start in range(0, 90, 7):
        assert array[start : start + 10].tolist() == words[start : start + 10]
        assert array[start] == words[start]
    lengths = [len(word if isinstance(word, bytes) else word.encode()) for word in words]
    stats = cache.stats()
    assert (stats.misses, stats.entries) == (2, 2)
    assert stats.bytes == 2 * 4 + 100 * 4 + sum(lengths)
    array[3] = words[4]
    assert array[:5].tolist() == [*words[:3], words[4], words[4]]


def test_strings_with_recheck_open_are_looked_at_once_by_each_handle() -> None:
    store = WaitingStore()
    cache = zarr.ChunkCache("1 MB")
    data = np.array(WORDS, dtype=np.dtypes.StringDType())
    zarr.create_array(store, data=data, chunks=50)
    array: Any = zarr.open_array(store, mode="r", config={"cache": cache})
    array[:]
    before = store.asked["get"]
    for _ in range(3):
        assert array[:].tolist() == WORDS
    assert store.asked["get"] == before


def test_strings_that_are_too_many_for_a_cache_are_read_without_it() -> None:
    cache = zarr.ChunkCache(600)
    words = [word * 20 for word in WORDS]
    data = np.array(words, dtype=np.dtypes.StringDType())
    array: Any = zarr.create_array({}, data=data, chunks=50, config={"cache": cache})
    for _ in range(2):
        assert array[:].tolist() == words
    assert (cache.stats().entries, cache.stats().misses) == (0, 4)


def test_objects_of_unknown_size_are_read_without_it() -> None:
    cache = zarr.ChunkCache("1 MB")
    data = np.array([{"a": 1}, [2], None], dtype="O")
    array: Any = zarr.create_array(
        {},
        shape=3,
        dtype=PythonObject(object_codec_id="json2"),
        zarr_format=2,
        filters=[numcodecs.JSON()],
        config={"cache": cache},
    )
    array[:] = data
    for _ in range(2):
        assert array[:].tolist() == [{"a": 1}, [2], None]
    assert cache.stats().entries == 0


# -- many at once --------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_threads_that_want_one_chunk_decode_it_once(
    kind: str, tmp_path: Path, counting: type[Counting]
) -> None:
    cache = zarr.ChunkCache("1 MB")
    array = made(make_store_of(kind, tmp_path), cache, zarr_format=2, compressors=Counting())
    counting.held = threading.Event()
    start = threading.Barrier(8, action=counting.held.set)
    found: list[Any] = []

    def work() -> None:
        start.wait(60)
        found.append(array[5:9, 5:9])

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(found) == 8
    for each in found:
        np.testing.assert_array_equal(each, DATA[5:9, 5:9])
    assert counting.decoded["chunks"] == 1


@pytest.mark.parametrize("shards", [None, (32, 32)])
def test_tasks_that_want_one_chunk_ask_for_it_once(shards: Any) -> None:
    store = GatedStore(MemoryStore())
    array = made(store, zarr.ChunkCache("1 MB"), shards=shards).async_array

    async def work() -> None:
        store.reads = 0
        store.shut()
        tasks = [asyncio.ensure_future(array.getitem((3, slice(0, 5)))) for _ in range(8)]
        await store.held(1)
        store.open()
        for found in await asyncio.gather(*tasks):
            np.testing.assert_array_equal(found, DATA[3, :5])
        assert store.reads == (1 if shards is None else 2)

    asyncio.run(work())


@pytest.mark.parametrize("shards", [None, (32, 32)])
def test_what_was_asked_for_before_a_write_is_not_kept_after_it(shards: Any) -> None:
    store = GatedStore(MemoryStore())
    array = made(store, zarr.ChunkCache("1 MB", recheck="never"), shards=shards).async_array

    async def work() -> None:
        store.shut()
        reader = asyncio.ensure_future(array.getitem((0, 0)))
        await store.held(1)  # the old bytes are on their way
        store.hold_no_more()
        await array.setitem((slice(0, 32), slice(0, 32)), -1)
        store.open()
        await reader
        assert await array.getitem((0, 0)) == -1

    asyncio.run(work())


@pytest.mark.parametrize("kind", ["memory", "local", "mapping"])
def test_what_was_read_before_a_write_is_not_kept_after_it(
    kind: str, tmp_path: Path, counting: type[Counting]
) -> None:
    cache = zarr.ChunkCache("1 MB", recheck="never")
    array = made(make_store_of(kind, tmp_path), cache, zarr_format=2, compressors=Counting())
    other: Any = zarr.open_array(array.store)
    counting.held = threading.Event()
    reader = threading.Thread(target=lambda: array[0, 0])
    reader.start()
    assert counting.begun.wait(60)  # the old bytes are there
    other[:16, :16] = -1  # a whole chunk: nothing is decoded
    counting.held.set()
    reader.join(60)
    assert array[0, 0] == -1


# -- what others write ----------------------------------------------------------------------------


def replace_chunk(store: Any, key: str, value: int) -> None:
    """Replace a chunk as another process would: nobody here is told."""
    data = np.full((16, 16), value, "i4").tobytes()
    match store:
        case LocalStore():
            path = store.root / key
            temporary = path.with_name("new")
            temporary.write_bytes(data)
            temporary.replace(path)
        case _:
            sync(store.set(key, Buffer.from_bytes(data)))


@pytest.fixture(params=["local", "obstore", "fsspec", "waiting"])
def shared(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    match request.param:
        case "local":
            return LocalStore(tmp_path)
        case "obstore":
            return ObjectStore(pytest.importorskip("obstore").store.MemoryStore())
        case "fsspec":
            fs = pytest.importorskip("fsspec").filesystem("memory", asynchronous=False)
            return FsspecStore.from_url(f"memory://{tmp_path.name}") if fs else None
    return WaitingStore()


def test_with_recheck_always_each_read_sees_what_is_stored(shared: Any) -> None:
    array = made(shared, zarr.ChunkCache("1 MB", recheck="always"), compressors=None)
    for value in range(5):
        replace_chunk(shared, "c/0/0", value)
        assert array[0, 0] == value
        assert (array[:16, :20] == [value] * 16 + [16, 17, 18, 19]).any()


def test_with_recheck_open_a_handle_that_is_opened_later_sees_what_is_stored(shared: Any) -> None:
    cache = zarr.ChunkCache("1 MB", recheck="open")
    array = made(shared, cache, compressors=None)
    assert array[0, 0] == 0
    replace_chunk(shared, "c/0/0", 5)
    later: Any = zarr.open_array(shared, config={"cache": cache})
    assert later[0, 0] == 5
    assert array[0, 0] == 5


def test_with_recheck_never_only_the_first_read_asks(shared: Any) -> None:
    array = made(shared, zarr.ChunkCache("1 MB", recheck="never"), compressors=None)
    assert array[0, 0] == 0
    replace_chunk(shared, "c/0/0", 5)
    assert array[0, 0] == 0
    assert array.with_config({"cache": None})[0, 0] == 5


def test_with_recheck_after_no_time_each_read_sees_what_is_stored(shared: Any) -> None:
    array = made(shared, zarr.ChunkCache("1 MB", recheck=0), compressors=None)
    for value in range(3):
        replace_chunk(shared, "c/0/0", value)
        assert array[0, 0] == value


def test_a_chunk_that_is_still_the_same_is_asked_for_one_byte(
    counting: type[Counting],
) -> None:
    store = ObjectStore(pytest.importorskip("obstore").store.MemoryStore())
    cache = zarr.ChunkCache("1 MB", recheck="always")
    array = made(store, cache, zarr_format=2, compressors=Counting())
    for _ in range(4):
        np.testing.assert_array_equal(array[:16, :16], DATA[:16, :16])
    assert counting.decoded["chunks"] == 1
    assert cache.stats().hits == 3


def test_what_is_put_into_a_dict_shows_at_once() -> None:
    values: dict[str, Any] = {}
    array = made(values, zarr.ChunkCache("1 MB", recheck="never"), compressors=None)
    assert array[0, 0] == 0
    values["c/0/0"] = Buffer.from_bytes(np.full((16, 16), 9, "i4").tobytes())
    assert array[0, 0] == 9
    del values["c/0/0"]
    assert array[0, 0] == 0


def test_nodes_that_are_deleted_leave_nothing(store: Any) -> None:
    cache = zarr.ChunkCache("1 MB", recheck="never")
    group = zarr.create_group(store)
    for value in range(3):
        array: Any = group.create_array(
            "a/b", data=DATA + value, chunks=(16, 16), overwrite=True, config={"cache": cache}
        )
        np.testing.assert_array_equal(array[:], DATA + value)
    del group["a"]
    empty: Any = group.create_array(
        "a/b", shape=DATA.shape, dtype="i4", chunks=(16, 16), config={"cache": cache}
    )
    assert not empty[:].any()


def test_a_write_by_the_store_itself_shows_after_a_recheck(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    array = made(store, zarr.ChunkCache("1 MB", recheck="always"), compressors=None)
    assert array[0, 0] == 0
    sync(store.delete("c/0/0"))
    assert array[0, 0] == 0
    assert array[0, 15] == 0
    assert sync(store.get("c/0/0", buffer_prototype)) is None


def test_a_store_that_keeps_encoded_values_is_asked_for_them_first() -> None:
    slow = WaitingStore()
    made(slow, None)
    store = CacheStore(slow, cache_store=MemoryStore())
    cache = zarr.ChunkCache("1 MB")
    array: Any = zarr.open_array(store, config={"cache": cache})
    slow.asked.clear()
    for _ in range(2):
        np.testing.assert_array_equal(array[:], DATA)
        cache.clear()
    assert slow.asked["get"] == 16
