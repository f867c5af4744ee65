"""`Store` gives a subclass that defines the abstract methods everything else."""

from __future__ import annotations

import asyncio
from copy import copy
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import pytest

import zarr
from zarr.abc._traits import data_id_of
from zarr.abc.store import (
    ByteGetter,
    ByteRequest,
    ByteSetter,
    OffsetByteRequest,
    RangeByteRequest,
    Store,
    StoreTraits,
    SuffixByteRequest,
    SupportsGetSync,
    SupportsSyncStore,
    set_or_delete,
)
from zarr.buffer import cpu, default_buffer_prototype
from zarr.errors import ChunkDecodeError
from zarr.settings import config
from zarr.storage import LocalStore, ManagedMemoryStore, MemoryStore, StorePath, WrapperStore

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine, Sequence

Buffer = cpu.Buffer
T = TypeVar("T")
DATA = bytes(range(256)) * 4


class Recorder(Store):
    """A store in a dict that notes what it is asked, and how much of it at once."""

    supports_writes = True
    supports_deletes = True
    supports_listing = True
    delay = 0.0

    def __init__(self, data: dict[str, bytes] | None = None, *, read_only: bool = False) -> None:
        super().__init__(read_only=read_only)
        self.data = dict(data or {})
        self.log: list[Any] = []
        self.busy = self.most_busy = 0

    def __eq__(self, value: object) -> bool:
        return self is value

    async def get(self, key: str, prototype: Any, byte_range: ByteRequest | None = None) -> Any:
        self.log.append((key, byte_range))
        self.busy += 1
        self.most_busy = max(self.busy, self.most_busy)
        try:
            await asyncio.sleep(self.delay)
        finally:
            self.busy -= 1
        value = self.data.get(key)
        return None if value is None else prototype.buffer.from_bytes(cut(value, byte_range))

    async def exists(self, key: str) -> bool:
        return key in self.data

    async def set(self, key: str, value: Any) -> None:
        self._check_writable()
        self.data[key] = value.to_bytes()

    async def delete(self, key: str) -> None:
        self.log.append(("delete", key))
        self.data.pop(key, None)

    async def list(self) -> AsyncIterator[str]:
        for key in self.data:
            yield key

    async def list_prefix(self, prefix: str) -> AsyncIterator[str]:
        for key in self.data:
            if key.startswith(prefix):
                yield key

    async def list_dir(self, prefix: str) -> AsyncIterator[str]:
        for name in {key[len(prefix) :].split("/")[0] for key in self.data}:
            yield name


class Immediate(Recorder):
    """The same, for synchronous callers too."""

    def get_sync(
        self, key: str, *, prototype: Any = None, byte_range: ByteRequest | None = None
    ) -> Any:
        self.log.append((key, byte_range))
        value = self.data.get(key)
        return None if value is None else Buffer.from_bytes(cut(value, byte_range))

    def set_sync(self, key: str, value: Any) -> None:
        self.data[key] = value.to_bytes()

    def delete_sync(self, key: str) -> None:
        self.data.pop(key, None)


def cut(value: bytes, byte_range: ByteRequest | None) -> bytes:
    match byte_range:
        case None:
            return value
        case RangeByteRequest(start, end):
            return value[start:end]
        case OffsetByteRequest(offset):
            return value[offset:]
        case SuffixByteRequest(suffix):
            return value[-suffix:]


def run(coro: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(coro)


def step(coro: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that must not wait, without an event loop."""
    try:
        coro.send(None)
    except StopIteration as stop:
        result: T = stop.value
        return result
    raise AssertionError("waited")


def text(data: bytes) -> cpu.Buffer:
    return Buffer.from_bytes(data)


def filled() -> Recorder:
    return Recorder({"a": DATA, "b/x": b"1", "b/y": b"22", "bb/z": b"333"})


async def ranges(
    store: Store, key: str, requests: Sequence[ByteRequest | None], **kwargs: Any
) -> list[list[tuple[int, bytes]]]:
    return [
        [(place, part.to_bytes()) for place, part in group if part is not None]
        async for group in store.get_ranges(
            key, requests, prototype=default_buffer_prototype(), **kwargs
        )
    ]


def flat(groups: list[list[tuple[int, bytes]]]) -> dict[int, bytes]:
    return dict(pair for group in groups for pair in group)


# --- several ranges of one value

R, S = RangeByteRequest, SuffixByteRequest

REQUESTS: list[tuple[list[ByteRequest | None], int]] = [
    ([], 0),
    ([R(0, 4)], 1),
    ([R(0, 4), R(10, 14)], 1),
    ([R(0, 4), R(20, 24)], 1),
    ([R(0, 4), R(21, 25)], 2),
    ([R(100, 104), R(0, 4)], 2),
    ([R(0, 10), R(5, 15)], 1),
    ([R(0, 30), R(5, 10), R(32, 40)], 1),
    ([R(0, 4), R(0, 4)], 1),
    ([R(0, 20), R(22, 41)], 2),
    ([R(4, 4)], 1),
    ([R(1020, 5000)], 1),
    ([R(5000, 5004)], 1),
    ([S(4), R(0, 4), OffsetByteRequest(1000), None], 4),
    ([R(i * 10, i * 10 + 5) for i in range(8)], 2),
]


@pytest.mark.parametrize(("requests", "expected"), REQUESTS)
def test_ranges_arrive_whole_with_few_requests(
    requests: list[ByteRequest | None], expected: int
) -> None:
    wanted = {place: cut(DATA, request) for place, request in enumerate(requests)}
    bounds = {"max_gap_bytes": 16, "max_coalesced_bytes": 40}
    store = filled()
    assert flat(run(ranges(store, "a", requests, **bounds))) == wanted
    assert len(store.log) == expected
    immediate = Immediate(store.data)
    parts = immediate.get_ranges_sync("a", requests, prototype=default_buffer_prototype(), **bounds)
    assert {place: part.to_bytes() for place, part in parts if part is not None} == wanted
    assert len(immediate.log) == expected


def test_ranges_are_fetched_together_but_not_all_at_once() -> None:
    store = filled()
    store.delay = 0.002
    far = [R(i * 10, i * 10 + 5) for i in range(50)]
    found = run(ranges(store, "a", far, max_gap_bytes=0, max_concurrency=7))
    assert flat(found) == {i: DATA[i * 10 : i * 10 + 5] for i in range(50)}
    assert store.most_busy == 7


def test_ranges_of_a_missing_key_are_a_file_not_found_error() -> None:
    wanted: list[list[ByteRequest | None]] = [[R(0, 4)], [R(0, 4), S(3)]]
    for requests in wanted:
        with pytest.raises(FileNotFoundError, match="nothing"):
            run(ranges(filled(), "nothing", requests))
    with pytest.raises(FileNotFoundError, match="nothing"):
        Immediate().get_ranges_sync("nothing", [R(0, 4)], prototype=default_buffer_prototype())


def test_leaving_the_ranges_early_ends_the_requests() -> None:
    store = filled()

    async def first_only() -> int:
        far = [R(i * 10, i * 10 + 5) for i in range(50)]
        parts = store.get_ranges(
            "a", far, prototype=default_buffer_prototype(), max_gap_bytes=0, max_concurrency=4
        )
        async for _ in parts:
            break
        await parts.aclose()  # type: ignore[attr-defined]
        asked = len(store.log)
        await asyncio.sleep(0.01)
        assert len(store.log) == asked
        return store.busy

    assert run(first_only()) == 0
    assert len(store.log) < 20


def test_synchronous_ranges_need_a_synchronous_store() -> None:
    with pytest.raises(TypeError, match="Recorder"):
        filled().get_ranges_sync("a", [R(0, 4)], prototype=default_buffer_prototype())


def test_partial_values_come_in_order_and_missing_ones_are_none() -> None:
    store = filled()
    prototype = default_buffer_prototype()
    found = run(store.get_partial_values(prototype, [("a", R(0, 2)), ("no", None), ("b/x", None)]))
    assert [None if part is None else part.to_bytes() for part in found] == [
        b"\x00\x01",
        None,
        b"1",
    ]


# --- keys below a prefix


@pytest.mark.parametrize(
    ("prefix", "below"),
    [("", 4), ("b", 2), ("b/", 2), ("bb", 1), ("b/x", 0), ("nothing", 0)],
)
def test_prefixes_are_directories(prefix: str, below: int) -> None:
    store = filled()
    assert run(store.is_empty(prefix)) is (below == 0)
    directory = prefix if prefix in ("", "b/") else prefix + "/"
    sizes = [len(value) for key, value in store.data.items() if key.startswith(directory)]
    assert run(store.getsize_prefix(prefix)) == sum(sizes)
    run(store.delete_dir(prefix))
    assert len(store.data) == 4 - below


def test_getsize() -> None:
    assert run(filled().getsize("b/y")) == 2
    with pytest.raises(FileNotFoundError, match="nothing"):
        run(filled().getsize("nothing"))


def test_clear_deletes_all_keys() -> None:
    store = filled()
    run(store.clear())
    assert store.data == {}


def test_a_store_that_cannot_list_or_delete_says_so() -> None:
    class Plain(Recorder):
        supports_deletes = False

    with pytest.raises(NotImplementedError, match="Plain"):
        run(Plain().clear())
    with pytest.raises(NotImplementedError, match="Plain"):
        run(Plain().delete_dir("a"))


def test_many_small_steps_go_together_but_not_all_at_once() -> None:
    store = Recorder({f"c/{i}": b"12" for i in range(40)})
    store.delay = 0.002
    with config.set({"async.concurrency": 6}):
        assert run(store.getsize_prefix("c")) == 80
    assert store.most_busy == 6


# --- writing


def test_set_if_not_exists_keeps_what_is_there() -> None:
    store = filled()
    run(store.set_if_not_exists("b/x", text(b"new")))
    run(store.set_if_not_exists("new", text(b"new")))
    assert store.data["b/x"] == b"1"
    assert store.data["new"] == b"new"


def test_a_read_only_store_refuses_to_write() -> None:
    store = Recorder({"a": b"1"}, read_only=True)
    assert store.read_only
    for write in (store.clear, lambda: store.delete_dir("a"), lambda: store.set("a", text(b"2"))):
        with pytest.raises(ValueError, match="read-only"):
            run(write())
    assert store.data == {"a": b"1"}


def test_set_or_delete() -> None:
    class Place:
        value: Any = "old"

        async def get(self, prototype: Any, byte_range: Any = None) -> Any: ...

        async def set(self, value: Any) -> None:
            self.value = value

        async def delete(self) -> None:
            self.value = None

        async def set_if_not_exists(self, default: Any) -> None: ...

    place = Place()
    run(set_or_delete(place, text(b"new")))
    assert place.value.to_bytes() == b"new"
    run(set_or_delete(place, None))
    assert place.value is None
    assert isinstance(place, ByteSetter)
    assert isinstance(place, ByteGetter)


def test_several_values_at_once() -> None:
    store = Recorder()
    run(store._set_many([("x", text(b"1")), ("y", text(b"2"))]))
    assert store.data == {"x": b"1", "y": b"2"}

    async def many() -> list[tuple[str, bool]]:
        prototype = default_buffer_prototype()
        requests = [("x", prototype, None), ("no", prototype, None)]
        return [(key, value is not None) async for key, value in store._get_many(requests)]

    assert run(many()) == [("x", True), ("no", False)]


# --- opening


def test_open_close_and_context_manager() -> None:
    store = run(Recorder.open({"a": b"1"}, read_only=True))
    assert store._is_open
    assert store.read_only
    with pytest.raises(ValueError, match="already open"):
        run(store._open())
    with store as same:
        assert same is store
    assert not store._is_open
    run(store._ensure_open())
    assert store._is_open


def test_with_read_only_is_for_stores_that_define_it() -> None:
    with pytest.raises(NotImplementedError, match="Recorder"):
        filled().with_read_only(True)


def test_capabilities() -> None:
    store = filled()
    assert store.supports_consolidated_metadata
    assert not store.supports_partial_writes
    with pytest.raises(TypeError):
        hash(store)
    with pytest.raises(TypeError, match="abstract"):
        Store()  # type: ignore[abstract]


def test_protocols_tell_synchronous_stores() -> None:
    assert isinstance(Immediate(), SupportsSyncStore)
    assert isinstance(Immediate(), SupportsGetSync)
    assert not isinstance(Recorder(), SupportsGetSync)


# --- what a subclass says about waiting


class Ready(Recorder):
    """A store that never waits."""

    def declare_traits(self) -> StoreTraits:
        handle: Any = "the engine's own"
        return StoreTraits(
            needs_event_loop=False, byte_ranges=True, detects_truncation=True, native_handle=handle
        )

    async def get(self, key: str, prototype: Any, byte_range: ByteRequest | None = None) -> Any:
        value = self.data.get(key)
        return None if value is None else prototype.buffer.from_bytes(cut(value, byte_range))


ALL = Ready().traits


def test_nothing_is_known_of_a_store_that_says_nothing() -> None:
    assert Recorder().traits == StoreTraits()
    assert Immediate().traits == StoreTraits()  # its asynchronous methods may wait all the same
    assert StoreTraits().needs_event_loop
    assert StoreTraits().byte_ranges is None
    assert Recorder().traits.native_handle is None
    assert not ALL.needs_event_loop
    assert ALL.native_handle == "the engine's own"


def test_a_subclass_that_overrides_nothing_is_what_its_base_is() -> None:
    class Named(Ready):
        name = "mine"

        def describe(self) -> str:
            return self.name

    assert Named().traits == ALL
    assert Named().traits.native_handle == "the engine's own"


class Pausing:
    """Mixed in before a store, it waits."""

    async def get(self, *args: Any, **kwargs: Any) -> Any:
        await asyncio.sleep(0)
        return await super().get(*args, **kwargs)  # type: ignore[misc]


def test_a_class_that_overrides_a_method_promises_nothing_more_about_it() -> None:
    class Slow(Ready):
        async def get(self, key: str, prototype: Any, byte_range: Any = None) -> Any:
            await asyncio.sleep(0)
            return await super().get(key, prototype, byte_range)

    class Mixed(Pausing, Ready):
        pass

    class Below(Mixed):
        pass

    for kind in (Slow, Mixed, Below):
        assert kind().traits == StoreTraits()
        assert kind().traits.native_handle is None


def test_a_class_that_reads_as_before_keeps_the_traits_of_reading() -> None:
    class Lists(Ready):
        async def exists(self, key: str) -> bool:
            return False

    class Counts(Ready):
        def get_sync(self, key: str, **kwargs: Any) -> None: ...

    assert Lists().traits == replace(ALL, needs_event_loop=True)
    assert Lists().traits.native_handle == "the engine's own"
    assert Counts().traits == ALL
    assert Counts().traits.native_handle is None


def test_a_subclass_can_speak_for_itself() -> None:
    class Quick(Pausing, Ready):
        def declare_traits(self) -> StoreTraits:
            return replace(super().declare_traits(), byte_ranges=False)

    assert Quick().traits == replace(ALL, byte_ranges=False)


def test_the_engine_does_not_go_around_who_speaks_for_the_stores_here(tmp_path: Any) -> None:
    class Memory(MemoryStore):
        async def get(self, key: str, prototype: Any = None, byte_range: Any = None) -> Any:
            return await super().get(key, prototype, byte_range)

        def declare_traits(self) -> StoreTraits:
            return replace(super().declare_traits(), needs_event_loop=False)

    class Local(Pausing, LocalStore):
        def declare_traits(self) -> StoreTraits:
            return replace(super().declare_traits(), needs_event_loop=True)

    for store in (Memory(), Local(tmp_path)):
        assert store.traits.native_handle is None


def test_a_store_is_asked_for_its_traits_once() -> None:
    class Asked(Ready):
        asked = 0

        def declare_traits(self) -> StoreTraits:
            self.asked += 1
            return super().declare_traits()

    store = Asked()
    assert store.traits is store.traits
    assert store.asked == 1
    assert Asked().traits == ALL


def test_a_wrapper_is_as_what_it_wraps_now() -> None:
    store: WrapperStore[Any] = WrapperStore(Ready())
    assert store.traits == ALL
    assert store.traits.native_handle is None
    store._store = Recorder()
    assert store.traits == StoreTraits()


def test_a_store_that_never_waits_needs_no_event_loop() -> None:
    store = Ready({"a": DATA, "b/x": b"1", "b/y": b"22"})
    assert step(store.getsize("a")) == len(DATA)
    assert step(store.getsize_prefix("b")) == 3
    assert flat(step(ranges(store, "a", [R(0, 2), S(2)]))) == {0: DATA[:2], 1: DATA[-2:]}
    found = step(store.get_partial_values(default_buffer_prototype(), [("a", R(0, 2))] * 3))
    assert [part.to_bytes() for part in found if part is not None] == [DATA[:2]] * 3
    step(store.delete_dir("b"))
    assert list(store.data) == ["a"]


def test_a_store_is_its_own_place_unless_it_says_otherwise() -> None:
    class Alike(Recorder):
        """Nothing tells its objects apart."""

        def __str__(self) -> str:
            return "alike"

        def __eq__(self, value: object) -> bool:
            return True

    one, other = Alike(), Alike()
    names = {data_id_of(store) for store in (one, other, copy(one))}
    assert len(names) == 3
    assert data_id_of(one) == data_id_of(WrapperStore(one)) == data_id_of(StorePath(one).store)
    assert one.data_id == ""


def test_a_read_only_view_shows_the_same_place() -> None:
    class Viewed(Recorder):
        def with_read_only(self, read_only: bool = False) -> Any:
            view = Viewed(read_only=read_only)
            view.data = self.data
            return view

    store = Viewed()
    array = zarr.create_array(store, data=[1, 2])
    view = zarr.open_array(store, mode="r").store
    assert view is not store
    assert data_id_of(view) == data_id_of(array.store)


def test_a_store_tells_its_place_once() -> None:
    class Told(Recorder):
        asked = 0

        @property
        def data_id(self) -> str:
            self.asked += 1
            return "told://data"

    store = Told()
    assert [data_id_of(store) for _ in range(3)] == ["told://data"] * 3
    assert data_id_of(Told()) == "told://data"
    assert store.asked == 1


def test_a_name_is_not_given_again_when_its_store_is_gone() -> None:
    names = {data_id_of(kind()) for kind in (Recorder, MemoryStore) for _ in range(200)}
    assert len(names) == 400


class Silent(Recorder):
    """A store of somebody else that may be asked for values, and for nothing else."""

    def _refuse(self, *_: object) -> Any:
        raise AssertionError("this may take a lock that somebody holds")

    __str__ = __repr__ = __eq__ = __hash__ = _refuse  # type: ignore[assignment]


def test_other_methods_of_a_store_are_not_called_during_a_request() -> None:
    store = Silent()
    root = zarr.create_group(store)
    array: Any = root.create_array("a", shape=(64,), chunks=(4,), shards=(16,), dtype="i4")
    array[:] = np.arange(64)
    array[5:50] = -np.arange(5, 50)
    array.resize((70,))
    root.attrs["one"] = 1
    again: Any = zarr.open_group(store)["a"]
    expected = np.arange(64)
    expected[5:50] *= -1
    assert np.array_equal(again[:64], expected)

    async def together() -> list[Any]:
        parts = [again.async_array.getitem(slice(start, start + 3)) for start in range(60)]
        return await asyncio.gather(*parts)

    for start, part in enumerate(asyncio.run(together())):
        assert np.array_equal(part, expected[start : start + 3])
    store.data["a/c/0"] = b"cut"
    with pytest.raises(ChunkDecodeError, match="Silent/a"):
        again[0]


async def together(arrays: Sequence[Any], part: slice) -> list[Any]:
    return await asyncio.gather(*(array.async_array.getitem(part) for array in arrays))


def test_stores_that_look_alike_do_not_share_what_is_read() -> None:
    class Alike(Recorder):
        def __str__(self) -> str:
            return "alike"

        async def get(self, key: str, prototype: Any, byte_range: Any = None) -> Any:
            await asyncio.sleep(0)
            return await super().get(key, prototype, byte_range)

    class Same(Alike):
        """It says, wrongly, that all its objects are one place."""

        @property
        def data_id(self) -> str:
            return "same"

    for kind in (Alike, Same):
        values = [np.full(400, 1), np.random.default_rng(0).integers(0, 2**60, 400)]
        arrays = [
            zarr.create_array(kind(), data=data, chunks=(10,), shards=(200,)) for data in values
        ]
        for start in range(0, 390, 7):
            part = slice(start, start + 10)
            found = asyncio.run(together(arrays, part))
            for data, each in zip(values, found, strict=True):
                assert np.array_equal(each, data[part])


def test_directories_of_one_store_in_memory_do_not_share_what_is_read() -> None:
    store = ManagedMemoryStore("store-abc-directories")
    values = [np.full(400, 1), np.arange(400)]
    directories = [ManagedMemoryStore(store.name, path=name) for name in "ab"]
    arrays = [
        zarr.create_array(directory, data=data, chunks=(10,), shards=(200,))
        for directory, data in zip(directories, values, strict=True)
    ]
    for start in range(0, 390, 7):
        part = slice(start, start + 10)
        found = asyncio.run(together(arrays, part))
        for data, each in zip(values, found, strict=True):
            assert np.array_equal(each, data[part])
    assert directories[0].data_id != directories[1].data_id
    assert directories[0].data_id == f"{store.data_id}/a"
