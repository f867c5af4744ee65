"""A loader gives each sample once in an epoch, in an order that can be made again."""

from __future__ import annotations

import asyncio
import gc
import json
import pickle
import threading
import tracemalloc
from itertools import chain, pairwise
from typing import Any

import numpy as np
import pytest

import zarr
from support.counting import CountingCodec, DecodedChunks
from support.stores import WaitingStore
from zarr.loader import BatchLoader

COUNT = 103
IMAGES = np.random.default_rng(0).integers(0, 255, (COUNT, 4, 3), dtype="u1")
LABELS = np.arange(COUNT)
NAMES = np.array([f"sample {n}" for n in range(COUNT)], dtype="T")
SHUFFLES = ("none", "blocks", "full")


@pytest.fixture
def views(store: Any) -> dict[str, Any]:
    """Images, labels and names of samples, in chunks of different lengths."""
    group: Any = zarr.create_group(store)
    return {
        "image": group.create_array("image", data=IMAGES, chunks=(7, 4, 3)),
        "label": group.create_array("label", data=LABELS, chunks=14, shards=28),
        "name": group.create_array("name", data=NAMES, chunks=9).lazy,
    }


def labels(batches: Any) -> list[list[int]]:
    """The labels of batches."""
    return [batch["label"].tolist() for batch in batches]


@pytest.mark.parametrize("shuffle", SHUFFLES)
@pytest.mark.parametrize("prefetch", [0, 2])
@pytest.mark.parametrize("batch_size", [1, 8, 50, 200])
def test_an_epoch_has_each_sample_once(
    views: Any, shuffle: Any, prefetch: int, batch_size: int
) -> None:
    loader = BatchLoader(views, 0, batch_size, shuffle, 3, prefetch)
    batches = list(loader)
    assert len(batches) == len(loader)
    assert sorted(chain.from_iterable(labels(batches))) == list(range(COUNT))
    for number, batch in enumerate(batches):
        rest = COUNT - number * batch_size
        assert batch["image"].shape == (min(batch_size, rest), 4, 3)
        np.testing.assert_array_equal(batch["image"], IMAGES[batch["label"]])
        np.testing.assert_array_equal(batch["name"], NAMES[batch["label"]])


@pytest.mark.parametrize("shuffle", SHUFFLES)
@pytest.mark.parametrize("drop_last", [False, True])
def test_shards_of_an_epoch_have_no_sample_in_common(
    views: Any, shuffle: Any, drop_last: bool
) -> None:
    loaders = [
        BatchLoader(views, batch_size=8, shuffle=shuffle, seed=1, drop_last=drop_last, shard=(r, 3))
        for r in range(3)
    ]
    parts = [labels(loader) for loader in loaders]
    assert [len(part) for part in parts] == [len(loader) for loader in loaders]
    found = list(chain.from_iterable(chain.from_iterable(parts)))
    assert len(found) == len(set(found))
    if drop_last:
        assert {len(part) for part in parts} == {COUNT // 3 // 8}
        assert all(len(batch) == 8 for part in parts for batch in part)
    else:
        assert sorted(found) == list(range(COUNT))
        assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_samples_come_in_order_unless_they_are_shuffled(views: Any) -> None:
    batches = labels(BatchLoader(views, batch_size=10))
    assert list(chain.from_iterable(batches)) == list(range(COUNT))


@pytest.mark.parametrize("shuffle", ["blocks", "full"])
def test_an_order_follows_from_the_seed_and_the_epoch(views: Any, shuffle: Any) -> None:
    def epochs(seed: int | None) -> list[list[list[int]]]:
        loader = BatchLoader(views, batch_size=10, shuffle=shuffle, seed=seed)
        return [labels(loader), labels(loader)]

    first, second = epochs(7)
    assert first != second
    assert epochs(7) == [first, second]
    assert epochs(8)[0] != first
    assert epochs(None)[0] != epochs(None)[0]
    loader = BatchLoader(views, batch_size=10, shuffle=shuffle, seed=7)
    loader.set_epoch(1)
    assert labels(loader) == second
    assert loader.epoch == 2


def test_an_order_stays_the_same_in_all_versions() -> None:
    array: Any = zarr.create_array({}, data=np.arange(12), chunks=3)
    found = {
        shuffle: np.concatenate(list(BatchLoader(array, shuffle=shuffle, seed=5))).tolist()
        for shuffle in ("blocks", "full")
    }
    assert found == {
        "blocks": [1, 2, 7, 5, 6, 8, 0, 11, 4, 9, 10, 3],
        "full": [7, 8, 4, 11, 3, 5, 6, 2, 10, 0, 1, 9],
    }


@pytest.mark.parametrize("shuffle", SHUFFLES)
@pytest.mark.parametrize("done", [0, 1, 4, 11])
def test_another_loader_goes_on_where_one_was(views: Any, shuffle: Any, done: int) -> None:
    whole = labels(BatchLoader(views, batch_size=9, shuffle=shuffle, seed=2))
    loader = BatchLoader(views, batch_size=9, shuffle=shuffle, seed=2)
    batches = iter(loader)
    for _ in range(done):
        next(batches)
    state = json.loads(json.dumps(loader.state_dict()))
    other = BatchLoader(views, batch_size=9, shuffle=shuffle)
    other.load_state_dict(state)
    assert labels(other) == whole[done:]
    # The epochs after that are those of the first loader, too.
    assert labels(other) == [list(batch) for batch in _epoch(views, shuffle, 1)]


def _epoch(views: Any, shuffle: Any, epoch: int) -> list[list[int]]:
    loader = BatchLoader(views, batch_size=9, shuffle=shuffle, seed=2)
    loader.set_epoch(epoch)
    return labels(loader)


def test_a_loader_whose_epoch_is_over_goes_on_with_the_next(views: Any) -> None:
    loader = BatchLoader(views, batch_size=60, shuffle="full", seed=2)
    batches = iter(loader)
    next(batches)
    next(batches)  # all of them, but the iteration has not ended
    other = BatchLoader(views, batch_size=60, shuffle="full")
    other.load_state_dict(loader.state_dict())
    list(batches)
    assert labels(other) == labels(loader)


def test_batches_that_are_not_wanted_any_more_are_not_read() -> None:
    array: Any = zarr.create_array({}, data=LABELS, chunks=1, compressors=CountingCodec())
    loader = BatchLoader(array, batch_size=1)
    batches = iter(loader)
    for _ in range(100):
        next(batches)
    other = BatchLoader(array, batch_size=1)
    other.load_state_dict(loader.state_dict())
    decoded = DecodedChunks()
    assert len(list(other)) == 3
    assert decoded() == 3


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"batch_size": 4}, "batch_size 4 in place of 8"),
        ({"shuffle": "full"}, "shuffle"),
        ({"length": 7}, "length 7 in place of 103"),
        ({"shard": [1, 2]}, "shard"),
        ({"version": 99}, "version"),
    ],
)
def test_the_state_of_another_loader_is_refused(views: Any, change: Any, message: str) -> None:
    loader = BatchLoader(views, batch_size=8)
    state = {**loader.state_dict(), **change}
    with pytest.raises(ValueError, match=message):
        loader.load_state_dict(state)
    assert labels(loader)[0] == list(range(8))


@pytest.mark.parametrize("shuffle", ["none", "blocks"])
def test_each_chunk_is_decoded_once_in_an_epoch(store: Any, shuffle: Any) -> None:
    group: Any = zarr.create_group(store)
    codec = CountingCodec()
    images = group.create_array("image", data=IMAGES, chunks=(6, 2, 3), compressors=codec)
    numbers = group.create_array("label", data=LABELS, chunks=12, compressors=codec)
    loader = BatchLoader((images, numbers), batch_size=10, shuffle=shuffle, seed=0)
    decoded = DecodedChunks()
    for image, label in loader:
        np.testing.assert_array_equal(image, IMAGES[label])
    assert decoded() == images.nchunks + numbers.nchunks


def test_shuffled_blocks_mix_samples_of_several_chunks() -> None:
    array: Any = zarr.create_array({}, data=np.arange(1000), chunks=10)
    order = np.concatenate(list(BatchLoader(array, shuffle="blocks", seed=4)))
    first = order[:20] // 10
    assert len(set(first.tolist())) > 5
    assert sum(b - a == 1 for a, b in pairwise(order.tolist())) < 100


def test_batches_have_the_form_in_which_views_were_given(views: Any) -> None:
    (single,) = BatchLoader(views["label"], batch_size=COUNT)
    np.testing.assert_array_equal(single, LABELS)
    (pair,) = BatchLoader([views["image"], views["label"]], batch_size=COUNT)
    assert isinstance(pair, tuple)
    np.testing.assert_array_equal(pair[0], IMAGES)


def test_samples_may_lie_along_another_axis_and_in_any_view() -> None:
    array: Any = zarr.create_array({}, data=IMAGES.transpose(1, 0, 2), chunks=(4, 7, 3))
    views = {
        "plain": array,
        "turned": array.lazy[::-1],
        "part": array.lazy[:, :, 1:2].astype("f4"),
        "joined": array.lazy[[3, 0, 3]],
    }
    for batch in BatchLoader(views, axis=-2, batch_size=20, shuffle="full", seed=0):
        assert batch["plain"].shape[1] == batch["part"].shape[1]
        np.testing.assert_array_equal(batch["turned"], batch["plain"][::-1])
        np.testing.assert_array_equal(batch["part"], batch["plain"][:, :, 1:2])
        assert batch["part"].dtype == np.dtype("f4")
        np.testing.assert_array_equal(batch["joined"], batch["plain"][[3, 0, 3]])


def test_a_part_of_the_samples_begins_within_a_chunk() -> None:
    array: Any = zarr.create_array({}, data=LABELS, chunks=10)
    loader = BatchLoader(array.lazy[3:97:2], batch_size=7, shuffle="blocks", seed=0)
    assert sorted(np.concatenate(list(loader)).tolist()) == list(range(3, 97, 2))


def test_asynchronous_code_gets_the_same_batches(views: Any) -> None:
    loader = BatchLoader(views, batch_size=10, shuffle="blocks", seed=5)

    async def collect() -> list[list[int]]:
        return [batch["label"].tolist() async for batch in loader]

    again = BatchLoader(views, batch_size=10, shuffle="blocks", seed=5)
    assert asyncio.run(collect()) == labels(again)
    assert loader.epoch == 1


def test_threads_share_an_iteration(views: Any) -> None:
    batches = iter(BatchLoader(views, batch_size=1, shuffle="full", seed=1))
    found: list[int] = []

    def take() -> None:
        found.extend(int(batch["label"][0]) for batch in batches)

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(found) == list(range(COUNT))


def test_a_pickled_loader_goes_on_where_it_was(tmp_path: Any) -> None:
    array: Any = zarr.create_array(tmp_path, data=LABELS, chunks=10)
    loader = BatchLoader({"label": array}, batch_size=20, shuffle="full", seed=1)
    expected = labels(loader)
    again = pickle.loads(pickle.dumps(BatchLoader({"label": array}, 0, 20, "full", 1)))
    assert labels(again) == expected


def test_batches_are_memory_of_their_own_and_leave_nothing_behind() -> None:
    array: Any = zarr.create_array({}, data=np.arange(4096), chunks=64)
    loader = BatchLoader(
        {"a": array, "b": array.lazy[::-1]}, batch_size=4, shuffle="blocks", seed=0
    )
    kept = [batch["a"] for batch in loader]
    assert all(batch.flags.c_contiguous and batch.flags.writeable for batch in kept)
    assert not any(np.shares_memory(one, two) for one, two in pairwise(kept))
    del kept
    gc.collect()
    before = len(gc.get_objects())
    for _ in range(5):
        for _batch in loader:
            pass
    del _batch
    gc.collect()
    assert len(gc.get_objects()) - before < 500  # in 5,120 batches


@pytest.mark.parametrize("axis", [0, 1])
def test_batches_that_are_held_keep_their_values_in_later_epochs(axis: int) -> None:
    """Whatever holds a part of the memory of a batch, it is not used for others meanwhile."""
    values = np.arange(3000 * 1024, dtype="i4").reshape(3000, 1024)
    values = values if axis == 0 else values.T
    array: Any = zarr.create_array({}, data=values, chunks=500)
    loader = BatchLoader(array, axis, 500, "full", 0)
    ways: list[Any] = [
        lambda batch: batch,
        lambda batch: batch[3:5, 1:].T,
        lambda batch: np.asarray(memoryview(batch)),
        np.from_dlpack,
        lambda batch: batch.view("u4").reshape(-1)[:10],
    ]
    held: list[tuple[Any, Any]] = []
    for epoch in range(5):
        for number, batch in enumerate(loader):
            if number == epoch:
                part = ways[epoch](batch)
                held.append((part, np.array(part)))
        del batch
    for part, expected in held:
        np.testing.assert_array_equal(part, expected)
    del loader, part
    gc.collect()
    for part, expected in held:
        np.testing.assert_array_equal(part, expected)


def test_a_loader_keeps_little_memory_when_an_epoch_is_over() -> None:
    values = np.zeros((160, 1 << 20), "u1")
    array: Any = zarr.create_array({}, data=values, chunks=(16, 1 << 20))
    loader = BatchLoader(array, batch_size=8)
    tracemalloc.start()
    try:
        batches = list(loader)
        assert tracemalloc.get_traced_memory()[0] > values.nbytes
        del batches
        assert tracemalloc.get_traced_memory()[0] < 80 << 20
        del loader
        gc.collect()
        assert tracemalloc.get_traced_memory()[0] < 8 << 20
    finally:
        tracemalloc.stop()


def test_batches_are_exported_by_dlpack(views: Any) -> None:
    batch = next(iter(BatchLoader(views["image"], batch_size=5)))
    shared = np.from_dlpack(batch)
    assert np.shares_memory(shared, batch)


def test_an_iteration_that_is_left_early_leaves_no_request() -> None:
    store = WaitingStore()
    array: Any = zarr.create_array(store, data=LABELS, chunks=10)
    batches = iter(BatchLoader(array, batch_size=5))
    next(batches)
    batches.close()
    assert store.busy == 0
    with pytest.raises(StopIteration):
        next(batches)


def test_an_array_without_samples_has_no_batches() -> None:
    array: Any = zarr.create_array({}, shape=(0, 3), chunks=(1, 3), dtype="i4")
    for shuffle in SHUFFLES:
        loader = BatchLoader(array, shuffle=shuffle)  # type: ignore[arg-type]
        assert len(loader) == 0
        assert list(loader) == []


# -- errors ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"batch_size": 0}, "batch_size"),
        ({"prefetch": -1}, "prefetch"),
        ({"shuffle": "some"}, "shuffle is 'none', 'blocks' or 'full'"),
        ({"shard": (2, 2)}, "rank"),
        ({"seed": -1}, "seed"),
        ({"axis": 2}, r"views\['label'\] has 1 dimensions"),
    ],
)
def test_parameters_out_of_range_are_refused(views: Any, parameters: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        BatchLoader({"label": views["label"]}, **parameters)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"batch_size": 1.5}, "batch_size is a number of samples of at least 1, not 1.5"),
        ({"batch_size": "2"}, "batch_size is a number of samples of at least 1, not '2'"),
        ({"prefetch": None}, "prefetch is a number of batches, not None"),
        ({"seed": "a"}, "seed is an integer of at least 0, not 'a'"),
        ({"shard": 3}, "shard is .rank, world., two integers, not 3"),
        ({"shard": (0, 1, 2)}, "shard is .rank, world., two integers"),
        ({"shard": (0, 1.5)}, "shard is .rank, world., two integers"),
    ],
)
def test_parameters_that_are_no_integers_are_refused(
    views: Any, parameters: Any, message: str
) -> None:
    with pytest.raises(TypeError, match=message):
        BatchLoader(views["label"], **parameters)
    loader = BatchLoader(views["label"])
    with pytest.raises(TypeError, match="epoch is an integer of at least 0, not 0.5"):
        loader.set_epoch(0.5)  # type: ignore[arg-type]


def test_views_of_different_lengths_are_refused(views: Any) -> None:
    with pytest.raises(ValueError, match=r"views\['a'\]: 103, views\['b'\]: 100"):
        BatchLoader({"a": views["label"], "b": views["image"].lazy[:100]})
    with pytest.raises(TypeError, match=r"views\['b'\] is neither an array nor a view"):
        BatchLoader({"a": views["label"], "b": IMAGES})
    with pytest.raises(ValueError, match="an array or a view"):
        BatchLoader({})
    with pytest.raises(ValueError, match="epoch"):
        BatchLoader(views).set_epoch(-1)


def test_a_source_that_was_resized_ends_the_iteration() -> None:
    array: Any = zarr.create_array({}, data=LABELS, chunks=10)
    loader = BatchLoader(array, batch_size=5, prefetch=0)
    array.resize((50,))
    with pytest.raises(zarr.errors.SourceChangedError, match=r"\(103,\).*\(50,\)"):
        list(loader)


def test_an_error_of_a_batch_that_is_read_ahead_is_raised(store: Any) -> None:
    array: Any = zarr.create_array(store, data=LABELS, chunks=10)
    asyncio.run(store.set("c/8", zarr.buffer.cpu.Buffer.from_bytes(b"damaged")))
    with pytest.raises(zarr.errors.ChunkDecodeError, match=r"chunk \(8\)"):
        list(BatchLoader(array, batch_size=5, prefetch=3))
