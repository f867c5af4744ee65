"""Many selections are read as one operation: each chunk once, wherever it goes."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
import pytest

import zarr
from support.counting import CountingCodec, DecodedChunks
from support.stores import GatedStore, WaitingStore
from zarr.api import asynchronous
from zarr.storage import MemoryStore

DATA = np.arange(20 * 18, dtype="i4").reshape(20, 18)
LAYOUTS: list[dict[str, Any]] = [
    {"chunks": (5, 6)},
    {"chunks": (5, 6), "compressors": None},
    {"chunks": (5, 6), "shards": (10, 12)},
    {"chunks": (5, 6), "shards": (10, 12), "compressors": None},
    {"chunks": (5, 6), "zarr_format": 2},
    {"chunks": (5, 6), "compressors": CountingCodec()},
    {"chunks": (5, 6), "shards": (10, 12), "compressors": CountingCodec()},
]
SELECTIONS: list[Any] = [
    (slice(2, 11), slice(3, 9)),
    (slice(0, 20, 3), 4),
    ...,
    (7, 8),
    slice(0, 0),
    [1, 19, 1],
    ([0, 5, 19], [17, 3, 0]),
    DATA % 7 == 0,
    (slice(2, 11), slice(3, 9)),
]


@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
def test_each_result_is_that_of_reading_alone(store: Any, layout: dict[str, Any]) -> None:
    array: Any = zarr.create_array(store, data=DATA, **layout)
    found = array.read_many(SELECTIONS)
    again = zarr.read([(array, selection) for selection in SELECTIONS])
    later = asyncio.run(array.async_array.read_many(SELECTIONS))
    for results in (found, again, later):
        for selection, result in zip(SELECTIONS, results, strict=True):
            expected = array[selection]
            np.testing.assert_array_equal(result, expected)
            assert type(result) is type(expected)
            assert result.dtype == expected.dtype


@pytest.mark.parametrize("shards", [None, (10, 12)])
def test_a_chunk_that_many_selections_share_is_decoded_once(store: Any, shards: Any) -> None:
    array: Any = zarr.create_array(
        store, data=DATA, chunks=(5, 6), shards=shards, compressors=CountingCodec()
    )
    decoded = DecodedChunks()
    windows = [(slice(i, i + 6), slice(i, i + 7)) for i in range(11)]
    for window in windows:
        array[window]
    alone = decoded()
    array.read_many(windows)
    # The chunks of the grid of 4 x 3 in which the windows have an element.
    touched = {(i, j) for w in windows for i in _of(w[0], 5) for j in _of(w[1], 6)}
    assert decoded() == len(touched) < alone


def _of(part: slice, size: int) -> range:
    return range(part.start // size, (part.stop - 1) // size + 1)


def test_a_chunk_is_decoded_once_for_all_handles_of_its_array() -> None:
    store = MemoryStore()
    array: Any = zarr.create_array(
        store, name="a", data=DATA, chunks=(20, 18), compressors=CountingCodec()
    )
    other: Any = zarr.open_array(store, path="a")
    decoded = DecodedChunks()
    for found in zarr.read([(array, 3), other.lazy[3], (other, 3)]):
        np.testing.assert_array_equal(found, DATA[3])
    assert decoded() == 1


def test_a_value_that_many_selections_share_is_asked_for_once() -> None:
    store = WaitingStore()
    array: Any = zarr.create_array(store, data=DATA, chunks=(5, 6))
    store.asked.clear()
    array.read_many([(slice(i, i + 3), slice(0, 18)) for i in range(17)])
    assert store.asked == {"get": 12}


def test_requests_of_many_selections_of_many_arrays_are_under_way_together() -> None:
    store = WaitingStore()
    arrays: list[Any] = [
        zarr.create_array(store, name=f"a{n}", data=DATA + n, chunks=(20, 18)) for n in range(6)
    ]
    store.together = 6
    for number, found in enumerate(zarr.read([(array, 2) for array in arrays])):
        np.testing.assert_array_equal(found, DATA[2] + number)
    assert store.rounds == 1


def test_near_parts_of_a_shard_are_one_request_for_all_selections() -> None:
    store = WaitingStore()
    array: Any = zarr.create_array(store, data=DATA, chunks=(5, 6), shards=(20, 18))
    store.asked.clear()
    windows = [(slice(i, i + 2), slice(0, 6)) for i in range(18)]
    for window, found in zip(windows, array.read_many(windows), strict=True):
        np.testing.assert_array_equal(found, DATA[window])
    # The index of the shard, and one stretch of it.
    assert store.asked["get"] <= 2


def test_elements_of_any_type_are_read_together(store: Any) -> None:
    words = np.array([f"{'x' * (n % 19)}{n}" for n in range(50)], dtype="T")
    records = np.zeros(50, [("a", "i4"), ("b", "f8")])
    records["a"], records["b"] = np.arange(50), np.arange(50) / 4
    times = np.arange(50).astype("M8[s]")
    group: Any = zarr.create_group(store)
    of_words = group.create_array("words", data=words, chunks=7)
    of_records = group.create_array("records", data=records, chunks=7)
    of_times = group.create_array("times", data=times, chunks=7)
    reads = [
        (of_words, slice(3, 40)),
        (of_words, slice(3, 40, 5)),
        (of_records, (slice(3, 40), "a")),
        (of_records, (["a", "b"], slice(0, 2))),
        of_times,
        of_words.lazy[::-1],
    ]
    expected = [words[3:40], words[3:40:5], records["a"][3:40], records[:2], times, words[::-1]]
    for found, value in zip(zarr.read(reads), expected, strict=True):
        np.testing.assert_array_equal(found, value)


# -- as they come ------------------------------------------------------------------------------


def test_results_that_come_are_all_of_them_with_their_numbers(store: Any) -> None:
    array: Any = zarr.create_array(store, data=DATA, chunks=(5, 6))
    reads = [(array, selection) for selection in SELECTIONS] + [array.lazy[::-1].T]
    expected = zarr.read(reads)
    found: dict[int, Any] = dict(zarr.read(reads, ordered=False))  # type: ignore[arg-type]

    async def collect() -> dict[int, Any]:
        results: Any = await asynchronous.read(reads, ordered=False)
        return {number: result async for number, result in results}

    for results in (found, asyncio.run(collect())):
        assert sorted(results) == list(range(len(reads)))
        for number, value in enumerate(expected):
            np.testing.assert_array_equal(results[number], value)


def test_a_result_comes_before_others_are_there() -> None:
    store = GatedStore(MemoryStore())
    array: Any = zarr.create_array(store, data=DATA, chunks=(5, 18))

    async def run() -> None:
        results: Any = await asynchronous.read(
            [(array.async_array, 0), (array.async_array, 19)], ordered=False
        )
        store.shut()
        with zarr.config.set({"async.concurrency": 1}):
            first = asyncio.ensure_future(anext(results))
            await store.held(1)
            gate, store._gate = store._gate, asyncio.Event()
            assert gate is not None
            gate.set()  # the first answer goes through, the second is held
            number, values = await first
        assert number == 0
        np.testing.assert_array_equal(values, DATA[0])
        store.open()
        assert [number async for number, _ in results] == [1]

    asyncio.run(run())


def test_an_iteration_that_is_left_early_leaves_no_request() -> None:
    store = WaitingStore()
    array: Any = zarr.create_array(store, data=DATA, chunks=(5, 6))

    async def run() -> None:
        results: Any = await asynchronous.read([(array, n) for n in range(20)], ordered=False)
        await anext(results)
        await results.aclose()
        assert store.busy == 0
        assert len(asyncio.all_tasks()) == 1

    asyncio.run(run())
    for _ in zarr.read([(array, n) for n in range(20)], ordered=False):
        break
    assert store.busy == 0


def test_chunks_are_not_read_for_results_that_nobody_waits_for(tmp_path: Any) -> None:
    data = np.zeros((100, 1 << 20), "u1")
    array: Any = zarr.create_array(
        tmp_path, data=data, chunks=(1, 1 << 20), compressors=CountingCodec(), fill_value=1
    )
    decoded = DecodedChunks()
    for _ in zarr.read([(array, n) for n in range(100)], ordered=False):
        break
    assert 0 < decoded() < 50


# -- out ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
def test_results_go_into_given_memory(store: Any, layout: dict[str, Any]) -> None:
    array: Any = zarr.create_array(store, data=DATA, **layout)
    both = np.zeros((2, 5, 18), "i4")
    found = array.read_many([slice(0, 5), slice(3, 8)], out=both)
    np.testing.assert_array_equal(both, [DATA[:5], DATA[3:8]])
    assert all(np.shares_memory(part, both) for part in found)
    # Elements of one lie between those of the other; one is cast, one is reversed.
    woven = np.zeros((20, 36), "i4")
    outs = [woven[:, ::2], woven[::-1, 1::2], np.zeros(18, "f8")]
    found = array.read_many([..., ..., 4], out=outs)
    np.testing.assert_array_equal(woven[:, ::2], DATA)
    np.testing.assert_array_equal(woven[::-1, 1::2], DATA)
    np.testing.assert_array_equal(outs[2], DATA[4])
    assert all(one is out for one, out in zip(found, outs, strict=True))
    turned = np.zeros((18, 20), "i4")
    zarr.read([array.lazy.T], out=[turned])
    np.testing.assert_array_equal(turned, DATA.T)


def test_memory_that_does_not_fit_is_refused_before_anything_is_read(store: Any) -> None:
    array: Any = zarr.create_array(store, data=DATA, chunks=(5, 6))
    locked = np.zeros((2, 18), "i4")
    locked.flags.writeable = False
    one, two = np.zeros((4, 18), "i4"), np.zeros((2, 18), "i4")
    both = [slice(0, 4), slice(0, 2)]
    for selections, out, message in (
        (both, [one], "1 arrays for 2 selections"),
        (both, np.zeros((3, 4, 18), "i4"), "length 2"),
        (both, [one, one[1:3]], "0 and 1 share memory"),
        (both, [one, np.zeros((3, 18), "i4")], r"Expected \(2, 18\), got \(3, 18\)"),
        (both, [one, locked], "read-only"),
    ):
        with pytest.raises(ValueError, match=message):
            array.read_many(selections, out=out)
    assert not one.any()
    assert not two.any()


# -- errors ------------------------------------------------------------------------------------


def test_what_cannot_be_read_is_named(store: Any) -> None:
    array: Any = zarr.create_array(store, data=DATA, chunks=(5, 6))
    with pytest.raises(TypeError, match="number 1 .*neither a view, nor an array.*int"):
        zarr.read([array, 3])
    with pytest.raises(IndexError) as raised:
        array.read_many([3, 20])
    assert raised.value.__notes__ == ["It is number 1 of 2 that were to be read."]
    with pytest.raises(IndexError) as raised:
        zarr.read([array, (array, (0, 0, 0))], ordered=False)
    assert raised.value.__notes__ == ["It is number 1 of 2 that were to be read."]
    assert zarr.read([]) == []


@pytest.mark.parametrize("one", [3, "ab", None, "array", "view"])
def test_one_thing_is_no_list_of_things(store: Any, one: Any) -> None:
    array: Any = zarr.create_array(store, data=DATA, chunks=(5, 6))
    one = {"array": array, "view": array.lazy[1:]}.get(one, one)
    kind = type(one).__name__
    with pytest.raises(TypeError, match=f"selections is a list of selections, not {kind}"):
        array.read_many(one)
    with pytest.raises(TypeError, match=f"reads is a list of what to read, not {kind}"):
        zarr.read(one)
    with pytest.raises(TypeError, match=f"arrays is a list of arrays and views, not {kind}"):
        zarr.concat(one)


def test_anything_that_can_be_iterated_over_is_read(store: Any) -> None:
    array: Any = zarr.create_array(store, data=DATA, chunks=(5, 6))
    rows = zarr.read((array, n) for n in range(3))
    np.testing.assert_array_equal(rows, DATA[:3])
    np.testing.assert_array_equal(array.read_many(np.arange(3)), DATA[:3])
    assert array.read_many([]) == []
    assert list(zarr.read([], ordered=False)) == []


def test_an_error_names_the_array_whose_chunk_is_damaged(store: Any) -> None:
    group: Any = zarr.create_group(store)
    good = group.create_array("good", data=DATA, chunks=(5, 6))
    bad = group.create_array("bad", data=DATA, chunks=(5, 6))
    asyncio.run(_spoil(store, "bad/c/1/2"))
    with pytest.raises(zarr.errors.ChunkDecodeError, match=r"chunk \(1, 2\).*array .*bad"):
        zarr.read([good, (good, 3), (bad, 3), (bad, (slice(4, 8), 17))])
    with pytest.raises(zarr.errors.ChunkDecodeError, match="bad"):
        list(zarr.read([good, bad], ordered=False))


async def _spoil(store: Any, key: str) -> None:
    await store.set(key, zarr.buffer.cpu.Buffer.from_bytes(b"damaged"))


def test_an_absent_chunk_is_fill_values_or_an_error(store: Any) -> None:
    array: Any = zarr.create_array(store, shape=(20, 18), chunks=(5, 6), dtype="i4", fill_value=7)
    array[:5] = 1
    first, second = array.read_many([slice(3, 7), slice(4, 6)])
    np.testing.assert_array_equal(first[:, 0], [1, 1, 7, 7])
    np.testing.assert_array_equal(second[:, 0], [1, 7])
    strict = array.with_config({"read_missing_chunks": False})
    with pytest.raises(zarr.errors.ChunkNotFoundError):
        strict.read_many([slice(3, 7), slice(4, 6)])


@pytest.mark.parametrize("chunks", [(20, 18), (5, 6)])
def test_given_memory_may_hold_the_indices_of_other_selections(store: Any, chunks: Any) -> None:
    array: Any = zarr.create_array(store, name="a", data=DATA.astype("i8"), chunks=chunks)
    line: Any = zarr.create_array(store, name="l", data=np.arange(400)[::-1], chunks=chunks[0] ** 2)
    rng = np.random.default_rng(0)
    for _ in range(5):
        rows, columns = rng.integers(0, 18, (2, 300)), rng.integers(0, 18, (2, 300))
        points = [(rows[0], columns[0]), (rows[1], columns[1])]
        expected = [DATA[point] for point in points]
        array.read_many(points, out=[rows[1], rows[0]])
        np.testing.assert_array_equal([rows[1], rows[0]], expected)
        for reads in (
            lambda places: [(line, places[0]), (line, places[1])],
            lambda places: [line.lazy[places[0]], line.lazy[places[1]]],
        ):
            places = rng.integers(0, 400, (2, 1000))
            expected = list(399 - places)
            zarr.read(reads(places), out=[places[1], places[0]])
            np.testing.assert_array_equal([places[1], places[0]], expected)


def test_stores_are_not_compared_by_their_values() -> None:
    class Values(dict[str, Any]):
        def __eq__(self, other: object) -> bool:
            raise AssertionError("the values of a store are compared")

        __hash__ = None  # type: ignore[assignment]

    stores = [MemoryStore(Values()), MemoryStore(Values())]
    arrays: list[Any] = [
        zarr.create_array(store, name=f"a{number}", data=DATA, chunks=(5, 6))
        for store in stores
        for number in range(2)
    ]
    for found in zarr.read([(array, 3) for array in arrays]):
        np.testing.assert_array_equal(found, DATA[3])
