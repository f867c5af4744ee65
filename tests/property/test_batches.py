"""Reads of many selections, blocks and batches equal NumPy, however arrays are stored."""

from __future__ import annotations

import asyncio
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import zarr
from support.stores import STORE_KINDS, make_store_of
from zarr.api import asynchronous
from zarr.loader import BatchLoader

pytestmark = pytest.mark.filterwarnings("ignore::zarr.errors.UnstableSpecificationWarning")

FAST = settings(
    max_examples=120,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
DTYPES = ("i4", "u1", ">f8", "M8[s]", "S3", "T")


def values(shape: tuple[int, ...], dtype: str, first: int) -> Any:
    """An array whose elements differ from their neighbours."""
    numbers = (np.arange(first, first + int(np.prod(shape, dtype=int))) * 7 + 3) % 120
    if dtype == "T":
        made = np.array([("x" * (int(n) % 20)) + str(n) for n in numbers], "T")
    else:
        made = numbers.astype(dtype)
    return made.reshape(shape)


@st.composite
def stored(draw: st.DrawFn, root: Any, number: int) -> tuple[Any, Any]:
    """An array in a group, and its model."""
    shape = draw(st.lists(st.integers(0, 8), min_size=0, max_size=4).map(tuple))
    dtype = draw(st.sampled_from(DTYPES))
    chunks = tuple(draw(st.integers(1, max(1, n + 1))) for n in shape)
    options: dict[str, Any] = {"compressors": draw(st.sampled_from([None, "auto"]))}
    if draw(st.booleans()):
        options["shards"] = tuple(n * draw(st.integers(1, 3)) for n in chunks)
    options["config"] = {"order": draw(st.sampled_from("CF"))}
    kept = draw(st.sampled_from(["nothing", "a chunk", "everything"]))
    if kept != "nothing" and dtype != "T":
        chunk = int(np.prod(chunks, dtype=int)) * np.dtype(dtype).itemsize
        size = max(256, chunk) if kept == "a chunk" else 1 << 20
        options["config"]["cache"] = zarr.ChunkCache(size)
    model = values(shape, dtype, number)
    array = root.create_array(f"a{number}", shape=shape, chunks=chunks, dtype=dtype, **options)
    array[...] = model
    return array, model


@st.composite
def selected(draw: st.DrawFn, array: Any, model: Any) -> tuple[Any, Any]:
    """A read of an array, and the values that it gives."""
    kind = draw(st.sampled_from(["slices", "indices", "points", "mask", "view", "whole"]))
    shape = model.shape
    if kind == "whole" or not shape:
        return array, model
    if kind == "mask":
        drawn = draw(st.lists(st.booleans(), min_size=model.size, max_size=model.size))
        mask = np.array(drawn, bool)
        return (array, mask.reshape(shape)), model[mask.reshape(shape)]
    if kind in ("indices", "points") and all(shape):
        count = draw(st.integers(1, 6))
        lists = [
            np.array(draw(st.lists(st.integers(0, n - 1), min_size=count, max_size=count)))
            for n in shape
        ]
        if kind == "points":
            return (array, tuple(lists)), model[tuple(lists)]
        axis = draw(st.integers(0, len(shape) - 1))
        items: list[Any] = [slice(None)] * len(shape)
        items[axis] = lists[axis]
        return (array, tuple(items)), model[tuple(items)]
    steps = st.sampled_from([-2, -1, 1, 2]) if kind == "view" else st.integers(1, 3)
    part = tuple(
        draw(st.integers(0, n - 1))
        if n and draw(st.integers(0, 3)) == 0
        else slice(draw(_end(n)), draw(_end(n)), draw(steps))
        for n in shape
    )
    if kind == "view":
        return array.lazy[part].T, model[(*part, ...)].T
    return (array, part), model[(*part, ...)]


@cache
def _end(length: int) -> st.SearchStrategy[int | None]:
    return st.none() | st.integers(-length - 1, length + 1)


@pytest.mark.parametrize("kind", STORE_KINDS)
@given(data=st.data())
@FAST
def test_many_selections_of_many_arrays_are_what_numpy_selects(
    kind: str, data: st.DataObject, tmp_path: Any
) -> None:
    root: Any = zarr.create_group(make_store_of(kind, tmp_path))
    sources = [data.draw(stored(root, n)) for n in range(data.draw(st.integers(1, 3)))]
    pairs = [
        data.draw(selected(*data.draw(st.sampled_from(sources))))
        for _ in range(data.draw(st.integers(1, 6)))
    ]
    reads = [read for read, _ in pairs]
    for found, (_, expected) in zip(zarr.read(reads), pairs, strict=True):
        np.testing.assert_array_equal(found, expected)
    come: dict[int, Any] = dict(zarr.read(reads, ordered=False))  # type: ignore[arg-type]
    outs = [np.empty(np.shape(expected), np.asarray(expected).dtype) for _, expected in pairs]
    asyncio.run(asynchronous.read(reads, outs))
    for number, (_, expected) in enumerate(pairs):
        np.testing.assert_array_equal(come[number], expected)
        np.testing.assert_array_equal(outs[number], expected)


@given(data=st.data())
@FAST
def test_blocks_of_a_view_make_it_up(data: st.DataObject, tmp_path: Any) -> None:
    root: Any = zarr.create_group({})
    array, model = data.draw(stored(root, 0))
    view, expected = array.lazy, model
    if model.ndim:
        part = (
            slice(data.draw(_end(model.shape[0])), None, data.draw(st.sampled_from([-1, 1, 2]))),
        )
        view, expected = view[part], expected[part]
    by = data.draw(st.just("chunks") | st.tuples(*(st.integers(1, 9) for _ in expected.shape)))
    seen = np.zeros(expected.shape, int)
    for selection, found in view.iter_blocks(by, prefetch=data.draw(st.integers(0, 3))):
        np.testing.assert_array_equal(found, expected[selection])
        seen[selection] += 1
    assert (seen == 1).all()


@given(data=st.data())
@FAST
def test_an_epoch_is_a_permutation_of_the_samples(data: st.DataObject) -> None:
    count = data.draw(st.integers(0, 60))
    model = np.arange(count)
    wide = values((count, 3), "i4", 5)
    root: Any = zarr.create_group({})
    chunk = st.integers(1, max(1, count))
    views = {
        "number": root.create_array("number", data=model, chunks=data.draw(chunk)),
        "wide": root.create_array("wide", data=wide, chunks=(data.draw(chunk), 2)),
        "turned": root["number"].lazy[::-1],
    }
    world = data.draw(st.integers(1, 4))
    size = data.draw(st.integers(1, 20))
    shuffle: Any = data.draw(st.sampled_from(["none", "blocks", "full"]))
    drop = data.draw(st.booleans())
    found: list[int] = []
    for rank in range(world):
        loader = BatchLoader(views, 0, size, shuffle, 9, 1, drop, (rank, world))
        batches = list(loader)
        assert len(batches) == len(loader)
        for batch in batches:
            np.testing.assert_array_equal(batch["wide"], wide[batch["number"]])
            np.testing.assert_array_equal(batch["turned"], model[::-1][batch["number"]])
        found += [int(number) for batch in batches for number in batch["number"]]
        done = data.draw(st.integers(0, len(batches)))
        if done < len(batches):
            other = BatchLoader(views, 0, size, shuffle, 1, 0, drop, (rank, world))
            other.load_state_dict({**loader.state_dict(), "epoch": 0, "batch": done})
            for one, two in zip(other, batches[done:], strict=True):
                np.testing.assert_array_equal(one["number"], two["number"])
    assert len(set(found)) == len(found)
    if not drop:
        assert sorted(found) == list(range(count))
