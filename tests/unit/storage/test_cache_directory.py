"""A directory of cached values serves many stores and processes, and never what is not so."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import random
import shutil
import signal
import warnings
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

import zarr
from support.stores import GatedStore
from support.waiting import wait_until
from zarr._async.executors import sync
from zarr.abc.store import OffsetByteRequest, RangeByteRequest, SuffixByteRequest
from zarr.buffer.cpu import Buffer, buffer_prototype
from zarr.errors import ZarrUserWarning
from zarr.storage import CacheStore, LocalStore, MemoryStore, WrapperStore

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from zarr.abc.store import ByteRequest, Store

LONG = random.Random(0).randbytes(300_000)


def value(data: bytes) -> Buffer:
    return Buffer.from_bytes(data)


def get(store: Store, key: str, byte_range: ByteRequest | None = None) -> bytes | None:
    found = sync(store.get(key, buffer_prototype, byte_range))
    return None if found is None else found.to_bytes()


class Counted(WrapperStore[Any]):
    """Counts the bytes that are read, by key."""

    def __init__(self, store: Any) -> None:
        super().__init__(store)
        self.reads: Counter[str] = Counter()
        self.bytes: Counter[str] = Counter()

    async def intercept(
        self, method: str, key: str, call: Any, byte_range: ByteRequest | None = None
    ) -> Any:
        answer = await call()
        if method == "get" and answer is not None:
            self.reads[key] += 1
            self.bytes[key] += len(answer[0] if isinstance(answer, tuple) else answer)
        return answer


def files(directory: Path) -> list[Path]:
    """The files of values, and those that are being written."""
    found = [*directory.rglob("values/**/*"), *directory.rglob("new/*")]
    return [path for path in found if path.is_file()]


def size(directory: Path) -> int:
    total = 0
    for path in files(directory):
        try:
            total += path.stat().st_size
        except FileNotFoundError:
            continue
    return total


# -- what is kept ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "byte_range",
    [
        None,
        RangeByteRequest(0, 10),
        RangeByteRequest(65_530, 65_540),
        RangeByteRequest(131_072, 262_144),
        RangeByteRequest(299_990, 400_000),
        RangeByteRequest(400_000, 500_000),
        OffsetByteRequest(299_000),
        SuffixByteRequest(70_000),
        SuffixByteRequest(400_000),
    ],
    ids=str,
)
def test_whole_values_and_parts_serve_stores_that_share_a_directory(
    tmp_path: Path, byte_range: ByteRequest | None
) -> None:
    source = Counted(MemoryStore({"a/k": value(LONG)}))
    expected = get(source._store, "a/k", byte_range)
    first = CacheStore(source, cache_store=LocalStore(tmp_path))
    assert get(first, "a/k", byte_range) == expected
    second = CacheStore(source, cache_store=LocalStore(tmp_path), max_age_seconds=1000)
    assert get(second, "a/k", byte_range) == expected
    assert source.reads["a/k"] == 1
    assert second.cache_stats()["hits"] == 1
    whole = CacheStore(source, cache_store=LocalStore(tmp_path))
    assert get(whole, "a/k") == LONG
    assert get(whole, "a/k", byte_range) == expected  # now a part of the whole value
    assert source.reads["a/k"] == (1 if byte_range is None else 2)


def test_a_part_of_a_kept_value_is_read_without_the_rest(tmp_path: Path) -> None:
    store = CacheStore(MemoryStore({"k": value(LONG)}), cache_store=LocalStore(tmp_path))
    get(store, "k")
    (path,) = files(tmp_path)
    data = bytearray(path.read_bytes())
    data[-1] ^= 1  # the last block is damaged: nobody looks at it
    path.write_bytes(data)
    assert get(store, "k", RangeByteRequest(10, 70_000)) == LONG[10:70_000]
    assert store.cache_stats()["hits"] == 1
    assert get(store, "k", SuffixByteRequest(3)) == LONG[-3:]
    assert store.cache_stats()["misses"] == 2


def test_an_array_reads_its_chunks_from_a_directory_that_another_run_filled(
    tmp_path: Path, waiting_store: Callable[..., Any]
) -> None:
    source = waiting_store()
    zarr.create_array(source, data=np.arange(1000), chunks=(10,), shards=(100,))
    for run in range(2):
        store = CacheStore(source, cache_store=LocalStore(tmp_path))
        array = zarr.open_array(store, mode="r", zarr_format=3)
        asked = source.asked["get"]
        np.testing.assert_array_equal(array[123:456], np.arange(123, 456))
        assert (source.asked["get"] == asked) is (run == 1)


def test_names_that_files_cannot_have_or_share_are_told_apart(tmp_path: Path) -> None:
    keys = ["a", "a/b", "A", "a@", "a@@/0-4", "x" * 300, "%40", "a%2Fb", "new", "tmp/é", "-.-/..."]
    source = Counted(MemoryStore({key: value(key.encode() + b"!") for key in keys}))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ZarrUserWarning)  # one is too long to be kept
        for _ in range(2):
            store = CacheStore(source, cache_store=LocalStore(tmp_path))
            for key in keys:
                assert get(store, key, RangeByteRequest(0, 1)) == key.encode()[:1]
                assert get(store, key) == key.encode() + b"!"
    assert all(source.reads[key] == 2 for key in keys if len(key) < 300)


# -- what is not so any more -------------------------------------------------------------------


def test_a_value_that_another_store_writes_is_never_served_as_it_was(tmp_path: Path) -> None:
    source = MemoryStore({"k": value(b"old"), "a/k": value(b"old")})
    one, two = (CacheStore(source, cache_store=LocalStore(tmp_path)) for _ in range(2))
    for key in ("k", "a/k"):
        assert get(one, key) == b"old"
        assert get(one, key, RangeByteRequest(0, 1)) == b"o"
        sync(two.set(key, value(b"new")))
        assert get(one, key) == b"new"
        assert get(one, key, RangeByteRequest(0, 1)) == b"n"
    sync(two.delete("k"))
    assert get(one, "k") is None
    sync(two.delete_dir("a"))
    assert get(one, "a/k") is None
    assert not files(tmp_path)


def test_what_was_read_before_another_store_wrote_is_not_kept(tmp_path: Path) -> None:
    inner = MemoryStore({"k": value(LONG)})
    source = GatedStore(inner)
    slow = CacheStore(source, cache_store=LocalStore(tmp_path))
    quick = CacheStore(inner, cache_store=LocalStore(tmp_path))

    async def main() -> None:
        source.shut()
        early = asyncio.ensure_future(slow.get("k", buffer_prototype))
        part = asyncio.ensure_future(slow.get("k", buffer_prototype, RangeByteRequest(0, 9)))
        await source.held(2)  # both have the old value, and have not returned it
        source.hold_no_more()
        await quick.set("k", value(b"new"))
        source.open()
        await asyncio.gather(early, part)

    sync(main())
    for store in (slow, quick):
        assert get(store, "k") == b"new"
        assert get(store, "k", RangeByteRequest(0, 9)) == b"new"


def test_nothing_is_kept_while_somebody_writes(tmp_path: Path) -> None:
    inner = MemoryStore({"k": value(b"old")})
    gate = GatedStore(inner)
    reader = CacheStore(inner, cache_store=LocalStore(tmp_path))

    class Midway(WrapperStore[Any]):
        """Another reads just before, and just after, the value is replaced."""

        async def set(self, key: str, new: Any) -> None:
            assert (await reader.get("k", buffer_prototype)) == value(b"old")
            await self._store.set(key, new)
            assert (await reader.get("k", buffer_prototype)) == new
            assert not files(tmp_path)
            raise ConnectionError

    writer = CacheStore(Midway(gate), cache_store=LocalStore(tmp_path))
    with pytest.raises(ConnectionError):
        sync(writer.set("k", value(b"new")))
    assert get(reader, "k") == b"new"
    assert len(files(tmp_path)) == 1


def test_of_two_who_write_at_once_none_keeps_its_value(tmp_path: Path) -> None:
    inner = MemoryStore()
    other = CacheStore(inner, cache_store=LocalStore(tmp_path))

    class Overtaken(WrapperStore[Any]):
        async def set(self, key: str, new: Any) -> None:
            await self._store.set(key, new)
            await other.set(key, value(b"last"))

    sync(CacheStore(Overtaken(inner), cache_store=LocalStore(tmp_path)).set("k", value(b"first")))
    assert get(other, "k") == b"last"


class Versioned(Counted):
    """A source that tells versions: tuples, strings, dicts."""

    def __init__(self, make: Callable[[int], object]) -> None:
        super().__init__(MemoryStore())
        self.make = make
        self.number = 0

    async def get_versioned(
        self, key: str, prototype: Any, byte_range: ByteRequest | None = None
    ) -> Any:
        found = await self.get(key, prototype, byte_range)
        return None if found is None else (found, self.make(self.number))


@pytest.mark.parametrize(
    "make",
    [
        lambda number: f'"{number}"',
        lambda number: (number, 1 << 70, ("x", None)),
        lambda number: {"e_tag": str(number), "version": "1"},
    ],
    ids=["entity tag", "tuple", "dict"],
)
@pytest.mark.parametrize("on_disk", [True, False])
def test_a_large_value_that_did_not_change_is_not_read_again(
    tmp_path: Path, make: Callable[[int], object], on_disk: bool
) -> None:
    source = Versioned(make)
    sync(source.set("k", value(LONG)))
    place = LocalStore(tmp_path) if on_disk else MemoryStore()
    store = CacheStore(source, cache_store=place, max_age_seconds=-1)  # too old at once
    part = RangeByteRequest(1000, 100_000)
    for _ in range(3):
        assert get(store, "k") == LONG
    assert source.bytes["k"] == len(LONG) + 2
    found = sync(store.get_versioned("k", buffer_prototype, part))
    assert found == (value(LONG[1000:100_000]), make(0))
    source.number = 1
    sync(source.set("k", value(LONG[::-1])))
    assert get(store, "k", part) == LONG[::-1][1000:100_000]
    assert get(store, "k") == LONG[::-1]
    assert sync(store.get_versioned("k", buffer_prototype, part)) == (
        value(LONG[::-1][1000:100_000]),
        make(1),
    )


def test_parts_of_two_versions_are_not_kept_together(tmp_path: Path) -> None:
    source = Versioned(str)
    sync(source.set("k", value(bytes(1000))))
    store = CacheStore(source, cache_store=LocalStore(tmp_path))
    get(store, "k", RangeByteRequest(0, 10))
    source.number = 1
    sync(source.set("k", value(b"1" * 1000)))
    get(store, "k", RangeByteRequest(500, 510))
    assert get(store, "k", RangeByteRequest(0, 10)) == b"1" * 10
    assert store.cache_stats()["evictions"] == 1


# -- damage ------------------------------------------------------------------------------------


@pytest.mark.parametrize("of_part", [False, True])
@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: data[:10],
        lambda data: data[: len(data) // 2],
        lambda data: data + b"x",
        lambda data: bytes(len(data)),
        lambda data: data[:16] + bytes(len(data) - 16),
        lambda data: data[:-1] + bytes([data[-1] ^ 1]),
        lambda data: data.replace(b'"k"', b'"j"'),
        lambda data: data[:8] + b"\xff" * 12 + data[20:],
    ],
    ids=["empty", "head cut", "cut", "longer", "zeros", "zeros behind", "bit", "key", "lengths"],
)
def test_a_damaged_file_is_no_value(
    tmp_path: Path, damage: Callable[[bytes], bytes], of_part: bool
) -> None:
    source = Counted(MemoryStore({"k": value(LONG)}))
    store = CacheStore(source, cache_store=LocalStore(tmp_path))
    part = RangeByteRequest(5, 200_000) if of_part else None
    expected = LONG[5:200_000] if of_part else LONG
    get(store, "k", part)
    (path,) = files(tmp_path)
    path.write_bytes(damage(path.read_bytes()))
    assert get(store, "k", part) == expected
    assert source.reads["k"] == 2
    assert get(store, "k", part) == expected
    assert source.reads["k"] == 2


def test_a_directory_in_which_nothing_can_be_kept_is_told_once_and_harms_nobody(
    tmp_path: Path,
) -> None:
    (tmp_path / "zarr-cache-1").write_bytes(b"a file stands here")
    store = CacheStore(MemoryStore({"k": value(LONG)}), cache_store=LocalStore(tmp_path))
    with pytest.warns(ZarrUserWarning, match="not kept in"):
        assert get(store, "k") == LONG
    assert get(store, "k") == LONG
    with pytest.raises(OSError, match="zarr-cache-1"):
        sync(store.set("k", value(b"new")))  # others could not be told
    assert get(store, "k") == LONG


def test_a_directory_that_is_removed_meanwhile_is_made_again(tmp_path: Path) -> None:
    inner = MemoryStore({"k": value(b"old")})
    reader = CacheStore(inner, cache_store=LocalStore(tmp_path), max_size=10_000)

    class Removes(WrapperStore[Any]):
        async def set(self, key: str, new: Any) -> None:
            shutil.rmtree(tmp_path)
            assert (await reader.get("k", buffer_prototype)) == value(b"old")
            await self._store.set(key, new)

    for _ in range(2):
        assert get(reader, "k") == b"old"
        shutil.rmtree(tmp_path)
    sync(CacheStore(Removes(inner), cache_store=LocalStore(tmp_path)).set("k", value(b"new")))
    assert get(reader, "k") == b"new"
    hits = reader.cache_stats()["hits"]
    assert get(reader, "k") == b"new"
    assert reader.cache_stats()["hits"] == hits + 1


def test_a_directory_that_is_read_only_serves_and_keeps_nothing(tmp_path: Path) -> None:
    source = Counted(MemoryStore({"k": value(b"v"), "other": value(b"o")}))
    get(CacheStore(source, cache_store=LocalStore(tmp_path)), "k")
    store = CacheStore(source, cache_store=LocalStore(tmp_path, read_only=True))
    for _ in range(2):
        assert get(store, "k") == b"v"
        assert get(store, "other") == b"o"
    assert source.reads == {"k": 1, "other": 2}
    with pytest.raises(ValueError, match="read-only"):
        sync(store.set("k", value(b"new")))
    assert get(source, "k") == b"v"


# -- room --------------------------------------------------------------------------------------


def test_stores_that_share_a_directory_share_its_room(tmp_path: Path) -> None:
    source = MemoryStore({f"k{n}": value(bytes(1000)) for n in range(50)})
    stores = [
        CacheStore(source, cache_store=LocalStore(tmp_path), max_size=10_000) for _ in range(3)
    ]
    for n in range(50):
        get(stores[n % 3], f"k{n}")
        assert size(tmp_path) <= 10_000
    assert stores[0].cache_info()["current_size"] == size(tmp_path)
    assert stores[0].cache_info()["cached_keys"] == len(files(tmp_path)) >= 7
    assert sum(store.cache_stats()["evictions"] for store in stores) == 50 - len(files(tmp_path))


def test_the_value_that_any_store_used_last_stays(tmp_path: Path) -> None:
    source = Counted(MemoryStore({f"k{n}": value(bytes(1000)) for n in range(30)}))
    one, two = (
        CacheStore(source, cache_store=LocalStore(tmp_path), max_size=10_000) for _ in range(2)
    )
    for n in range(30):
        get(one, f"k{n}")
        get(two, "k0")
    assert source.reads["k0"] == 1


def test_a_lost_account_is_made_again(tmp_path: Path) -> None:
    source = MemoryStore({f"k{n}": value(bytes(1000)) for n in range(30)})
    store = CacheStore(source, cache_store=LocalStore(tmp_path), max_size=10_000)
    for n in range(30):
        get(store, f"k{n}")
        if n % 7 == 5:
            (tmp_path / "zarr-cache-1" / "size").write_bytes(b"" if n % 2 else b"x y")
    assert 7000 <= size(tmp_path) <= 10_000
    assert store.cache_info()["current_size"] == size(tmp_path)


def test_a_cache_that_is_cleared_is_empty_for_all(tmp_path: Path) -> None:
    source = Counted(MemoryStore({"a/k": value(LONG), "k": value(LONG)}))
    one, two = (CacheStore(source, cache_store=LocalStore(tmp_path)) for _ in range(2))
    for key in ("a/k", "k"):
        get(one, key)
        get(one, key, SuffixByteRequest(4))
    sync(two.clear_cache())
    assert not files(tmp_path)
    assert one.cache_info()["current_size"] == one.cache_info()["cached_keys"] == 0
    assert get(one, "k") == LONG
    assert source.reads["k"] == 2


class SharedDirectory(RuleBasedStateMachine):
    """Whatever several stores do with one source and one directory, each sees the source."""

    stores: list[CacheStore]

    @initialize(most=st.sampled_from([None, 700, 2000]), ages=st.lists(st.booleans(), min_size=3))
    def make(self, most: int | None, ages: list[bool]) -> None:
        import tempfile
        from pathlib import Path

        self.most = most
        self.directory = tempfile.TemporaryDirectory()
        self.path = Path(self.directory.name)
        self.source = Versioned(str)
        self.stores = [
            CacheStore(
                self.source,
                cache_store=LocalStore(self.path),
                max_size=most,
                max_age_seconds=1000 if old else "infinity",
                cache_set_data=old,
            )
            for old in ages[:3]
        ]

    def teardown(self) -> None:
        if hasattr(self, "directory"):
            self.directory.cleanup()

    keys = st.sampled_from(["k", "a/k", "a/l"])
    which = st.integers(0, 2)
    starts = st.integers(0, 300)

    @rule(which=which, key=keys)
    def read(self, which: int, key: str) -> None:
        assert get(self.stores[which], key) == get(self.source, key)

    @rule(which=which, key=keys, start=starts, length=starts)
    def read_range(self, which: int, key: str, start: int, length: int) -> None:
        part = RangeByteRequest(start, start + length)
        assert get(self.stores[which], key, part) == get(self.source, key, part)

    @rule(which=which, key=keys, start=starts, suffix=st.booleans())
    def read_end(self, which: int, key: str, start: int, suffix: bool) -> None:
        part = SuffixByteRequest(start) if suffix else OffsetByteRequest(start)
        assert get(self.stores[which], key, part) == get(self.source, key, part)

    @rule(which=which, key=keys, seed=st.integers(0, 9), length=starts)
    def write(self, which: int, key: str, seed: int, length: int) -> None:
        self.source.number += 1
        sync(self.stores[which].set(key, value(random.Random(seed).randbytes(length))))

    @rule(which=which, key=keys)
    def delete(self, which: int, key: str) -> None:
        sync(self.stores[which].delete(key))

    @rule(which=which)
    def delete_below(self, which: int) -> None:
        sync(self.stores[which].delete_dir("a"))

    @rule(which=which)
    def clear_cache(self, which: int) -> None:
        sync(self.stores[which].clear_cache())

    @rule(seed=st.integers(0, 99), cut=st.booleans())
    def damage(self, seed: int, cut: bool) -> None:
        found = sorted(path for path in files(self.path) if path.stat().st_size)
        if found:
            path = found[seed % len(found)]
            data = bytearray(path.read_bytes())
            if cut:
                del data[seed % len(data) :]
            else:
                data[seed * 7 % len(data)] ^= 1 << seed % 8
            path.write_bytes(data)

    @rule()
    def lose_the_account(self) -> None:
        (self.path / "zarr-cache-1" / "size").unlink(missing_ok=True)

    @invariant()
    def holds_no_more_than_allowed(self) -> None:
        if hasattr(self, "directory") and self.most is not None:
            assert size(self.path) <= self.most


TestSharedDirectory = SharedDirectory.TestCase
TestSharedDirectory.settings = settings(max_examples=30, stateful_step_count=40, deadline=None)


# -- processes ---------------------------------------------------------------------------------

KEYS = [f"k{n}" for n in range(12)]
ROOM = 120_000


def content(key: str, number: int) -> bytes:
    """A value that tells itself whether it is torn."""
    return random.Random(f"{key} {number}").randbytes(9_990) + b"%010d" % number


def number_of(key: str, data: bytes | None) -> int:
    assert data is not None
    number = int(data[-10:])
    assert data == content(key, number)
    return number


def work(path: str, seed: int, rounds: int | None, ready: Any) -> None:
    """Read and write values; each key is written by one process, so its numbers only grow."""
    source = LocalStore(f"{path}/source")
    store = CacheStore(source, cache_store=LocalStore(f"{path}/cache"), max_size=ROOM)
    chance = random.Random(seed)
    seen: Counter[str] = Counter()
    done = 0
    while rounds is None or done < rounds:
        key = chance.choice(KEYS)
        if chance.random() < 0.2 and KEYS.index(key) % 3 == seed % 3:
            number = number_of(key, get(store, key)) + 1
            sync(store.set(key, value(content(key, number))))
            assert number_of(key, get(store, key)) == number
        else:
            number = number_of(key, get(store, key))
            part = get(store, key, RangeByteRequest(9_000, 10_000))
            assert part is not None
            assert int(part[-10:]) >= number
        assert number >= seen[key]
        seen[key] = number
        done += 1
        if done == 3:
            ready.release()


@pytest.fixture
def shared(tmp_path: Path) -> str:
    source = LocalStore(tmp_path / "source")
    for key in KEYS:
        sync(source.set(key, value(content(key, 0))))
    return str(tmp_path)


def test_processes_that_read_and_write_see_no_old_value_and_no_torn_one(
    shared: str, tmp_path: Path
) -> None:
    context = multiprocessing.get_context("spawn")
    ready = context.Semaphore(0)
    workers = [
        context.Process(target=work, args=(shared, seed, 150, ready), daemon=True)
        for seed in range(3)
    ]
    for worker in workers:
        worker.start()
    most = 0
    while any(worker.is_alive() for worker in workers):
        most = max(most, size(tmp_path / "cache"))
        workers[0].join(0.001)
    assert [worker.exitcode for worker in workers] == [0, 0, 0]
    assert 0 < most <= ROOM
    store = CacheStore(
        LocalStore(f"{shared}/source"), cache_store=LocalStore(f"{shared}/cache"), max_size=ROOM
    )
    for key in KEYS:
        assert get(store, key) == get(store._store, key)
    assert store.cache_info()["current_size"] == size(tmp_path / "cache")


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_a_process_that_is_killed_leaves_nothing_that_others_misread(
    shared: str, tmp_path: Path
) -> None:
    context = multiprocessing.get_context("spawn")
    chance = random.Random(5)
    store = CacheStore(
        LocalStore(f"{shared}/source"), cache_store=LocalStore(f"{shared}/cache"), max_size=ROOM
    )
    for seed in range(4):
        ready = context.Semaphore(0)
        worker = context.Process(target=work, args=(shared, seed, None, ready), daemon=True)
        worker.start()
        assert ready.acquire(timeout=60)
        for _ in range(chance.randrange(30)):
            key = chance.choice(KEYS)
            number_of(key, get(store, key))
        assert worker.pid is not None
        os.kill(worker.pid, signal.SIGKILL)
        worker.join()
        for key in KEYS:  # whatever it was doing
            assert get(store, key) == get(store._store, key)
            assert size(tmp_path / "cache") <= ROOM
    for key in KEYS:  # and all can be kept again
        get(store, key)
        hits = store.cache_stats()["hits"]
        get(store, key)
        assert store.cache_stats()["hits"] == hits + 1
    sync(store.clear_cache())
    assert store.cache_info()["current_size"] == size(tmp_path / "cache") == 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_child_that_was_forked_in_the_middle_of_a_write_holds_no_lock(tmp_path: Path) -> None:
    inner = MemoryStore({"k": value(b"old")})
    release, wait = os.pipe()
    children: list[int] = []

    class Forks(WrapperStore[Any]):
        async def set(self, key: str, new: Any) -> None:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)
                pid = os.fork()
            if pid == 0:
                os.close(wait)
                os.read(release, 1)  # until the parent closes its end
                os._exit(0)
            children.append(pid)
            await self._store.set(key, new)

    store = CacheStore(Forks(inner), cache_store=LocalStore(tmp_path), cache_set_data=False)
    try:
        sync(store.set("k", value(b"new")))
        get(store, "k")
        wait_until(lambda: len(files(tmp_path)) == 1)
    finally:
        os.close(wait)
        for pid in children:
            os.waitpid(pid, 0)
        os.close(release)
