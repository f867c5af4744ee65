"""Whatever happens to requests, reads and writes are right or raise an error."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import zarr
from zarr.errors import BaseZarrError, ChunkDecodeError
from zarr.storage import MemoryStore
from zarr.testing.faults import FaultyStore, ServiceError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:Consolidated metadata is currently not part"),
]

# Errors that may come of a request that failed, or of a body that is not the one that was sent.
ERRORS = (OSError, ServiceError, BaseZarrError)
QUICK = {"requests.backoff": 0.0001, "requests.backoff_max": 0.0002, "requests.timeout": 0.02}

KINDS: dict[str, dict[str, Any]] = {
    "plain": {},
    "uncompressed": {"compressors": None},
    "shards": {"shards": (12,)},
    "uncompressed in shards": {"shards": (12,), "compressors": None},
    "index first": {
        "chunks": (12,),
        "serializer": zarr.codecs.ShardingCodec(chunk_shape=(3,), index_location="start"),
        "compressors": None,
    },
    "v2": {"zarr_format": 2},
    "v2 uncompressed": {"zarr_format": 2, "compressors": None},
}

faults = st.lists(
    st.sampled_from(
        ["ok"] * 6
        + ["fail", "reset", "busy", "lost", "cut", "double", "twice", "delay", "hang", "forbidden"]
    ),
    max_size=60,
)


@pytest.fixture(autouse=True)
def _quick() -> Iterator[None]:
    with zarr.config.set({**QUICK, "requests.attempts": 3}):
        yield


class Model:
    """The possible contents of an array of one dimension: for each element, its possible values."""

    def __init__(self, store: FaultyStore, length: int, **options: Any) -> None:
        self.store = store
        self.array: Any = zarr.create_array(
            store, shape=(length,), dtype="i4", **{"chunks": (3,), **options}
        )
        self.length = length
        self.values: list[set[int]] = [{0} for _ in range(1000)]
        self.attributes: dict[str, set[Any]] = {}
        self.failures = 0

    def attempt(self, work: Callable[[], Any]) -> bool:
        try:
            work()
        except ERRORS:
            self.failures += 1
            return False
        return True

    def read(self, start: int, stop: int, step: int) -> None:
        found: list[int] = []
        chosen = slice(start, stop, step)
        if self.attempt(lambda: found.extend(self.array[chosen].tolist())):
            self.check(chosen, found)

    def check(self, chosen: slice, found: list[int]) -> None:
        places = range(*chosen.indices(self.length))
        assert len(found) == len(places)
        for place, value in zip(places, found, strict=True):
            assert value in self.values[place]
            self.values[place] = {value}

    def write(self, start: int, stop: int, value: int) -> None:
        done = self.attempt(lambda: self.array.__setitem__(slice(start, stop), value))
        for place in range(*slice(start, stop).indices(self.length)):
            self.values[place] = {value} if done else self.values[place] | {value}

    def append(self, count: int, value: int) -> None:
        done = self.attempt(lambda: self.array.append(np.full(count, value, "i4")))
        before = self.length
        self.look(done, before + count)
        for place in range(before, self.length):
            self.values[place] = {value} if done else self.values[place] | {value}

    def resize(self, length: int) -> None:
        done = self.attempt(lambda: self.array.resize((length,)))
        before = self.length
        self.look(done, length)
        for place in range(length, before):
            self.values[place] = {0} if done else self.values[place] | {0}

    def look(self, done: bool, length: int) -> None:
        """After a change of the shape: which shape the array has in truth."""
        truth = zarr.open_array(self.store._store)
        assert truth.shape == (length,) or (not done and truth.shape == (self.length,))
        self.length = truth.shape[0]
        if not done:
            self.array = zarr.Array(
                zarr.AsyncArray(truth.metadata, zarr.storage.StorePath(self.store))
            )

    def set_attribute(self, name: str, value: int) -> None:
        done = self.attempt(lambda: self.array.attrs.__setitem__(name, value))
        known = self.attributes.setdefault(name, {None})
        self.attributes[name] = {value} if done else known | {value}

    def open(self) -> None:
        found: list[Any] = []
        zarr_format = self.array.metadata.zarr_format
        if self.attempt(lambda: found.append(zarr.open_array(self.store, zarr_format=zarr_format))):
            assert found[0].shape == (self.length,)
            for name, values in self.attributes.items():
                assert found[0].attrs.get(name) in values
            self.array = found[0]

    def finish(self) -> None:
        """Without faults, all is as it may be."""
        self.store.plan([])
        self.read(0, self.length, 1)
        self.open()
        truth: Any = zarr.open_array(self.store._store)
        self.check(slice(None), truth[:].tolist())


at = st.integers(0, 40)
value = st.integers(1, 9)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("read"), at, at, st.integers(1, 4)),
        st.tuples(st.just("write"), at, at, value),
        st.tuples(st.just("append"), st.integers(1, 5), value),
        st.tuples(st.just("resize"), st.integers(1, 40)),
        st.tuples(st.just("set_attribute"), st.sampled_from("ab"), value),
        st.tuples(st.just("open")),
    ),
    max_size=8,
)


@pytest.mark.parametrize("waits", [True, False])
@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=40)
@given(plans=st.lists(faults, max_size=3), steps=steps)
def test_any_schedule_of_faults_gives_what_is_right_or_an_error(
    kind: str, waits: bool, plans: list[Any], steps: list[Any]
) -> None:
    model = Model(FaultyStore(MemoryStore(), waits=waits), 30, **KINDS[kind])
    model.write(0, 30, 1)
    assert not model.failures
    for number, (name, *arguments) in enumerate(steps):
        if number < len(plans):
            model.store.plan(plans[number])
        getattr(model, name)(*arguments)
    model.finish()
    assert model.store.in_flight == 0


@pytest.mark.parametrize("waits", [True, False])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(3))
def test_one_fault_in_twenty_changes_nothing(kind: str, waits: bool, seed: int) -> None:
    with zarr.config.set({"requests.attempts": 6}):
        store = FaultyStore(MemoryStore(), rate=0.05, seed=seed, waits=waits)
        model = Model(store, 200, **KINDS[kind])
        rng = np.random.default_rng(seed)
        for turn in range(12):
            start = int(rng.integers(0, 180))
            model.write(start, start + int(rng.integers(1, 100)), turn)
            model.read(0, 200, int(rng.integers(1, 4)))
            model.append(4, turn)
            model.resize(200)
            model.set_attribute("a", turn)
            model.open()
        model.finish()
    assert model.failures == 0
    assert any(request.fault != "ok" for request in store.requests)


@pytest.mark.parametrize("waits", [True, False])
@pytest.mark.parametrize("kind", ["plain", "shards", "v2"])
def test_threads_that_write_together_lose_nothing_in_spite_of_faults(
    kind: str, waits: bool
) -> None:
    store = FaultyStore(MemoryStore(), rate=0.05, seed=1, waits=waits)
    options: dict[str, Any] = {"chunks": (3,), **KINDS[kind]}
    settings = {"requests.attempts": 6, "requests.timeout": 30.0}
    with zarr.config.set(settings), ThreadPoolExecutor(8) as pool:
        array: Any = zarr.create_array(store, shape=(96,), dtype="i4", **options)

        def work(number: int) -> None:
            for place in range(number, 96, 8):
                array[place] = place
            array.append(np.full(5, 1000 + number, "i4"))
            array.attrs[str(number)] = number

        list(pool.map(work, range(8)))
    found: Any = zarr.open_array(store._store)
    assert found[:96].tolist() == list(range(96))
    appended = found[96:].reshape(8, 5)
    assert sorted(appended[:, 0].tolist()) == list(range(1000, 1008))
    assert (appended == appended[:, :1]).all()
    assert dict(found.attrs) == {str(number): number for number in range(8)}


def build(store: Any, zarr_format: Any) -> None:
    root = zarr.create_group(store, zarr_format=zarr_format)
    for number in range(4):
        group = root.create_group(f"g{number}", attributes={"number": number})
        group.create_array("x", shape=(4,), dtype="i4", chunks=(2,))[:] = number
    root.require_group("deep/er").attrs["a"] = 1
    root.move("g3", "moved")
    del root["g2"]
    zarr.consolidate_metadata(store)


def described(store: Any, use_consolidated: bool, zarr_format: Any) -> dict[str, Any]:
    root = zarr.open_group(
        store, mode="r", use_consolidated=use_consolidated, zarr_format=zarr_format
    )
    return {name: dict(node.attrs) for name, node in root.members(None)}


@pytest.mark.parametrize("zarr_format", [2, 3])
@pytest.mark.parametrize("waits", [True, False])
def test_one_fault_in_twenty_changes_no_hierarchy(zarr_format: Any, waits: bool) -> None:
    sound = MemoryStore()
    build(sound, zarr_format)
    expected = described(sound, False, zarr_format)
    assert set(expected) == {"g0", "g0/x", "g1", "g1/x", "moved", "moved/x", "deep", "deep/er"}
    with zarr.config.set({"requests.attempts": 6}):
        for seed in range(5):
            store = FaultyStore(MemoryStore(), rate=0.05, seed=seed, waits=waits)
            build(store, zarr_format)
            for use_consolidated in (False, True):
                assert described(store, use_consolidated, zarr_format) == expected
            assert described(store._store, True, zarr_format) == expected


@pytest.mark.parametrize("zarr_format", [2, 3])
@pytest.mark.parametrize("waits", [True, False])
@settings(max_examples=60)
@given(schedule=faults, use_consolidated=st.booleans())
def test_a_hierarchy_is_shown_as_it_is_or_there_is_an_error(
    zarr_format: Any, waits: bool, schedule: Any, use_consolidated: bool
) -> None:
    inner = MemoryStore()
    build(inner, zarr_format)
    expected = described(inner, False, zarr_format)
    store = FaultyStore(inner, schedule, waits=waits)
    try:
        found = described(store, use_consolidated, zarr_format)
    except ERRORS:
        return
    assert found == expected


@pytest.mark.parametrize("zarr_format", [2, 3])
@settings(max_examples=60)
@given(plans=st.lists(faults, min_size=1, max_size=6))
def test_attributes_of_a_group_are_set_or_there_is_an_error(
    zarr_format: Any, plans: list[Any]
) -> None:
    store = FaultyStore(MemoryStore())
    group = zarr.create_group(store, zarr_format=zarr_format)
    known: dict[str, set[Any]] = {}
    for number, schedule in enumerate(plans):
        store.plan(schedule)
        name = "ab"[number % 2]
        try:
            group.attrs[name] = number
            known[name] = {number}
        except ERRORS:
            known[name] = known.get(name, {None}) | {number}
    store.plan([])
    found = zarr.open_group(store, mode="r").attrs
    for name, values in known.items():
        assert found.get(name) in values


class TestBodies:
    """Of a body that is not what was sent."""

    def array(self, **options: Any) -> tuple[Any, FaultyStore]:
        store = FaultyStore(MemoryStore())
        array = zarr.create_array(store, data=np.arange(100), chunks=(10,), **options)
        store.requests.clear()
        return array, store

    @pytest.mark.parametrize("fault", ["cut", "double"])
    @pytest.mark.parametrize("options", [{}, {"compressors": None}, {"shards": (100,)}])
    def test_it_is_read_again_once(self, fault: Any, options: Any) -> None:
        array, store = self.array(**options)
        store.plan([fault])
        assert array[:10].tolist() == list(range(10))
        first = len(store.requests)
        assert first <= 3
        store.plan([fault] * 9)
        with pytest.raises(ChunkDecodeError, match=r"chunk \(0\), key \"c/0\"\] in array .*memory"):
            array[:10]
        assert len(store.requests) == first + 2

    @pytest.mark.parametrize("name", ["BZ2", "LZMA", "Zlib"])
    @pytest.mark.parametrize("waits", [True, False])
    def test_codecs_written_in_python_too(self, name: str, waits: bool) -> None:
        codec = getattr(pytest.importorskip("numcodecs"), name)()
        store = FaultyStore(MemoryStore(), waits=waits)
        array: Any = zarr.create_array(
            store, data=np.arange(100), chunks=(10,), compressors=codec, zarr_format=2
        )
        store.plan(["cut"])
        assert array[:10].tolist() == list(range(10))
        store.plan(["cut"])
        array[3:5] = 0
        assert array[:6].tolist() == [0, 1, 2, 0, 0, 5]
        store.requests.clear()
        store.plan(["cut"] * 9)
        with pytest.raises(Exception, match=r".") as caught:
            array[:10]
        assert not isinstance(caught.value, OSError)
        assert store.asked == {"get": 2}

    @pytest.mark.parametrize("options", [{}, {"shards": (100,)}])
    def test_a_partial_write_reads_it_again_once(self, options: Any) -> None:
        array, store = self.array(**options)
        store.plan(["cut"])
        array[3:5] = 0
        assert array[:6].tolist() == [0, 1, 2, 0, 0, 5]
        store.plan(["cut"] * 9)
        store.requests.clear()
        with pytest.raises(ChunkDecodeError):
            array[3:5] = 7
        assert store.asked == {"get": 2}
        store.plan([])
        assert array[:6].tolist() == [0, 1, 2, 0, 0, 5]

    def test_documents_are_read_again_once(self) -> None:
        store = self.array()[1]
        store.plan(["cut"])
        assert zarr.open_array(store).shape == (100,)
        assert store.asked == {"get": 2}
        store.plan(["cut"] * 9)
        with pytest.raises(BaseZarrError, match=r"zarr\.json"):
            zarr.open_array(store)
        assert store.asked == {"get": 4}


@pytest.mark.parametrize("fault", ["fail", "forbidden", "busy", "hang"])
@pytest.mark.parametrize("zarr_format", [2, 3])
def test_a_request_that_does_not_get_through_is_no_missing_value(
    fault: Any, zarr_format: Any
) -> None:
    store = FaultyStore(MemoryStore())
    root = zarr.create_group(store, zarr_format=zarr_format)
    array: Any = root.create_array("a", shape=(8,), chunks=(2,), dtype="i4", shards=None)
    array[:] = 3
    for work in (
        lambda: array[:],
        lambda: array.__setitem__(0, 1),
        lambda: root["a"],
        lambda: "a" in root,
        lambda: list(root),
        lambda: zarr.open(store, mode="r"),
        lambda: zarr.open_group(store, mode="a"),
        lambda: zarr.open_array(store, path="a", mode="a", shape=(8,), dtype="i4"),
        lambda: root.require_group("b"),
        lambda: array.nchunks_initialized,
    ):
        store.plan([fault] * 99)
        with pytest.raises((OSError, ServiceError)) as caught:
            work()
        assert not isinstance(caught.value, FileNotFoundError)
    store.plan([])
    assert array[:].tolist() == [3] * 8
    assert list(root) == ["a"]


@pytest.mark.parametrize("waits", [True, False])
@pytest.mark.parametrize("kind", ["shards", "uncompressed in shards", "index first"])
@pytest.mark.parametrize("writes", [1, 2, 3, 9])
def test_a_shard_that_is_written_while_it_is_read_is_read_in_one_state(
    kind: str, waits: bool, writes: int
) -> None:
    class Disturbed(FaultyStore):
        """Between the index of a shard and its chunks, somebody writes the shard."""

        declare_traits = FaultyStore.declare_traits
        left = 0

        async def get(self, key: str, prototype: Any, byte_range: Any = None) -> Any:
            found = await super().get(key, prototype, byte_range)
            if byte_range is not None and self.left:
                self.left -= 1
                # Then there are more or fewer chunks in it, and the others have moved.
                value = 8 * ((writes - self.left) % 2)
                await array.async_array.setitem(slice(0, 6), value)
            return found

    store = Disturbed(MemoryStore(), waits=waits)
    array = Model(store, 24, **KINDS[kind]).array
    array[9:12] = [5, 6, 7]
    array[6:9] = [2, 3, 4]
    store.left = writes
    with zarr.config.set({"requests.timeout": 10.0}):
        assert array[9:11].tolist() == [5, 6]
