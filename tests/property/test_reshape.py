"""Any grid, codecs and format become any others: the values stay, and memory and reads suffice."""

from __future__ import annotations

import math
from collections import Counter
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import zarr
from zarr.metadata.chunk_grids import chunk_bounds, chunk_count, chunk_of
from zarr.tools.reshape.plan import Ends, MemoryTooSmallError, Pass, Plan, plan_blocks

Edge = Any


@st.composite
def edges(draw: st.DrawFn, length: int) -> Edge:
    """The chunks of a dimension: of one size, or of several."""
    if length and draw(st.integers(0, 3)) == 0:
        cuts = sorted(draw(st.sets(st.integers(1, max(1, length - 1)), max_size=6)) - {length})
        ends = [*cuts, length]
        return tuple(b - a for a, b in zip([0, *ends], ends, strict=False) if b > a)
    return draw(st.integers(1, max(1, length) + 3))


@st.composite
def problems(draw: st.DrawFn) -> tuple[tuple[int, ...], Ends, Ends, int, int]:
    shape = tuple(draw(st.lists(st.integers(0, 40), max_size=4)))
    source = Ends(
        tuple(draw(edges(n)) for n in shape),
        draw(st.sampled_from([1, 4, 8])),
        2,
        draw(st.integers(1, 8)),
    )
    target = Ends(
        tuple(draw(edges(n)) for n in shape),
        draw(st.sampled_from([1, 4, 8])),
        draw(st.integers(2, 3)),
        draw(st.integers(1, 8)),
        draw(st.booleans()),
    )
    return shape, source, target, draw(st.integers(1, 10**6)), draw(st.integers(1, 5))


def bounds(edge: Edge, chunk: int, length: int) -> tuple[int, int]:
    start, stop = chunk_bounds(edge, chunk)
    return start, min(stop, length)


def blocks_of(each: Pass, shape: tuple[int, ...]) -> Any:
    counts = [range(chunk_count(edge, n)) for edge, n in zip(each.blocks, shape, strict=True)]
    for coords in product(*counts):
        yield [bounds(*item) for item in zip(each.blocks, coords, shape, strict=True)]


def units_in(block: Any, units: Any) -> Any:
    return product(
        *(
            range(chunk_of(edge, a), chunk_of(edge, b - 1) + 1)
            for edge, (a, b) in zip(units, block, strict=True)
        )
    )


def is_whole(block: Any, units: Any, shape: tuple[int, ...]) -> bool:
    """Whether a block begins and ends where units do."""
    return all(
        bounds(edge, chunk_of(edge, a), n)[0] == a
        and bounds(edge, chunk_of(edge, b - 1), n)[1] == b
        for edge, (a, b), n in zip(units, block, shape, strict=True)
    )


def planned(problem: Any) -> tuple[Plan, int]:
    shape, source, target, memory, tasks = problem
    try:
        return plan_blocks(shape, source, target, memory, tasks=tasks, pieces_together=2), memory
    except MemoryTooSmallError as error:
        least = error.least
    assert least > memory
    return plan_blocks(shape, source, target, least, tasks=tasks), least


@given(problem=problems())
@example(problem=((1, 30, 2), Ends((1, 29, 2), 1), Ends((1, 7, 1), 1, is_cast=True), 1, 1))
@settings(max_examples=100, deadline=None)
def test_a_plan_keeps_its_promises(problem: Any) -> None:
    shape, source, target, _, tasks = problem
    plan, memory = planned(problem)
    assert plan.memory <= memory
    assert 1 <= plan.at_a_time <= tasks
    assert len(plan.passes) == (1 if plan.pieces is None else 2)
    middle = source._replace(units=plan.pieces or ())
    ends = [source, target] if plan.pieces is None else [source, middle, target]
    if not math.prod(shape):
        return
    for each, read, written in zip(plan.passes, ends[:-1], ends[1:], strict=True):
        reads: Counter[Any] = Counter()
        writes: Counter[Any] = Counter()
        width = read.itemsize + (written.itemsize if written.is_cast else 0)
        for block in blocks_of(each, shape):
            elements = math.prod(b - a for a, b in block)
            reads.update(units_in(block, read.units))
            writes.update(units_in(block, written.units))
            assert is_whole(block, written.units, shape)
            beside = max(read.scratch * read.unit, written.scratch * written.unit)
            assert elements * width + beside <= each.memory
        assert set(writes.values()) == {1}
        assert len(writes) == math.prod(map(chunk_count, written.units, shape))
        assert len(reads) == math.prod(map(chunk_count, read.units, shape))
        assert max(reads.values()) <= (2 if plan.pieces is None else 1)
        assert each.units_read == reads.total()
        assert each.units_written == writes.total()
        size = {
            unit: math.prod(b - a for a, b in map(bounds, read.units, unit, shape))
            for unit in reads
        }
        exact = sum(size[unit] * count for unit, count in reads.items()) * read.itemsize
        assert each.read == pytest.approx(exact, rel=0.01, abs=1)


@given(problem=problems())
@settings(max_examples=60, deadline=None)
def test_an_array_that_takes_half_of_the_memory_needs_one_pass(problem: Any) -> None:
    shape, source, target, *_ = problem
    width = source.itemsize + target.itemsize
    beside = max(source.scratch * source.unit, target.scratch * target.unit)
    memory = 2 * (math.prod(shape) * width + beside) + 16
    units = math.prod(max(e) if isinstance(e, tuple) else e for e in target.units)
    plan = plan_blocks(shape, source, target, memory + 2 * units * width)
    assert plan.pieces is None


DTYPES = ["u1", ">i2", "f4", "f8", "c8", "M8[s]", "S3", "U2", "bool"]


@st.composite
def layouts(draw: st.DrawFn, shape: tuple[int, ...], zarr_format: int) -> dict[str, Any]:
    chunks = tuple(draw(st.integers(1, max(1, n))) for n in shape)
    found: dict[str, Any] = {"chunks": chunks}
    if zarr_format == 3 and draw(st.booleans()):
        found["shards"] = tuple(size * draw(st.integers(1, 3)) for size in chunks)
    return found


@pytest.mark.filterwarnings("ignore::zarr.errors.UnstableSpecificationWarning")
@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_values_stay(data: st.DataObject) -> None:
    shape = tuple(data.draw(st.lists(st.integers(0, 9), min_size=1, max_size=3)))
    dtype = np.dtype(data.draw(st.sampled_from(DTYPES)))
    raw = np.random.default_rng(0).integers(0, 100, shape)
    values = raw.astype("i8").astype(dtype) if dtype.kind == "M" else raw.astype(dtype)
    before, after = data.draw(st.sampled_from([2, 3])), data.draw(st.sampled_from([2, 3]))
    compressors = st.sampled_from(["auto", None, "gzip"])
    source = zarr.create_array(
        {},
        data=values,
        zarr_format=before,
        compressors=data.draw(compressors),
        **data.draw(layouts(shape, before)),
    )
    if values.size and data.draw(st.booleans()):  # a part is as if never written
        source[(0,) * len(shape)] = source.fill_value
        values[(0,) * len(shape)] = source.fill_value
    target: dict[str, Any] = {}
    wanted = {"zarr_format": after, "shards": None, **data.draw(layouts(shape, after))}
    if data.draw(st.booleans()):
        wanted["codecs"] = data.draw(st.sampled_from(["auto", ["gzip"]]))
    memory = data.draw(st.integers(1, 5000))
    try:
        done = zarr.rechunk(source, target, max_memory=memory, **wanted)
    except MemoryTooSmallError as error:
        assert target == {}
        memory = error.least
        done = zarr.rechunk(source, target, max_memory=memory, **wanted)
    assert done.memory <= memory
    made = zarr.open_array(target)
    assert made.metadata.zarr_format == after
    assert (made.chunks, made.shards) == (wanted["chunks"], wanted["shards"])
    np.testing.assert_array_equal(made[...], values)
    assert not [key for key in target if "unfinished" in key]


# -- every type of elements, in every layout ------------------------------------------------------


def texts(count: int) -> list[str]:
    return [("", "a", "é" * 9, "long " * 5)[n % 4] for n in range(count)]


SMALL_NUMBERS = ("bfloat16", "float8_e4m3fn", "int4")


def numbers(name: str, count: int) -> Any:
    if name in SMALL_NUMBERS:
        ml_dtypes = pytest.importorskip("ml_dtypes")
        return (np.arange(count) % 7).astype(getattr(ml_dtypes, name))
    return (np.arange(count) % 120).astype(name)


def records(count: int) -> Any:
    found = np.zeros(count, [("a", "i4"), ("b", "f8", (2,)), ("c", "S3"), ("d", ">u2")])
    found["a"], found["b"], found["c"] = np.arange(count), np.ones((count, 2)), b"xyz"
    return found


def as_objects(values: Any) -> Any:
    found = np.empty(len(values), object)
    found[:] = values
    return found


KINDS: dict[str, Any] = {
    "strings": lambda n: np.array(texts(n), np.dtypes.StringDType()),
    "bytes of any length": lambda n: as_objects([text.encode() for text in texts(n)]),
    "objects": lambda n: as_objects([({"x": [i]}, "é", None, 1.5)[i % 4] for i in range(n)]),
    "records": records,
    "dates": lambda n: np.arange(n).astype("M8[us]"),
    **{name: (lambda n, name=name: numbers(name, n)) for name in (*SMALL_NUMBERS, ">f4")},
}


def source_of(kind: str, values: Any, zarr_format: Any, layout: dict[str, Any]) -> Any:
    options = {"zarr_format": zarr_format, **layout}
    if kind == "objects":
        numcodecs = pytest.importorskip("numcodecs")
        made = zarr.create(
            store={}, shape=values.shape, dtype=object, object_codec=numcodecs.JSON(), **options
        )
    elif kind == "bytes of any length":
        dtype = zarr.dtype.VariableLengthBytes()
        made = zarr.create_array({}, shape=values.shape, dtype=dtype, fill_value=b"", **options)
    else:
        return zarr.create_array({}, data=values, **options)
    made[...] = values
    return made


@st.composite
def any_layouts(draw: st.DrawFn, shape: tuple[int, ...], zarr_format: int) -> dict[str, Any]:
    """Chunks, shards, shards in shards, and chunks or shards of several sizes."""
    chunks = tuple(draw(st.integers(1, n)) for n in shape)
    form = draw(st.sampled_from(["chunks", "shards", "nested", "uneven", "uneven shards"]))
    if zarr_format == 2 or form == "chunks":
        return {"chunks": chunks}
    if form == "uneven":
        return {"chunks": tuple((n,) if n < 2 else (1, n - 1) for n in shape)}
    if form == "uneven shards":
        units = tuple(2 if n % 2 == 0 else 1 for n in shape)
        ends = tuple((n,) if n <= u else (u, n - u) for n, u in zip(shape, units, strict=True))
        return {"chunks": units, "shards": ends}
    shards = tuple(size * draw(st.integers(1, 3)) for size in chunks)
    return {"chunks": chunks, "shards": shards, "nested": form == "nested"}


def nested(source: Any, layout: dict[str, Any]) -> Any:
    """The array in shards that lie in others."""
    sharding = source.metadata.codecs[0]
    inner = zarr.codecs.ShardingCodec(chunk_shape=sharding.chunk_shape, codecs=sharding.codecs)
    outer = zarr.codecs.ShardingCodec(chunk_shape=layout["shards"], codecs=[inner])
    grid = tuple(2 * size for size in layout["shards"])
    target: dict[str, Any] = {}
    zarr.rechunk(source, target, chunks=grid, shards=None, codecs=[outer])
    return zarr.open_array(target)


@pytest.mark.filterwarnings("ignore::zarr.errors.UnstableSpecificationWarning")
@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
@settings(max_examples=8, deadline=None)
def test_elements_of_every_type_stay_in_every_layout(kind: str, data: st.DataObject) -> None:
    shape = tuple(data.draw(st.lists(st.integers(1, 5), min_size=1, max_size=2)))
    values = KINDS[kind](math.prod(shape)).reshape(shape)
    # Format 3 has no objects of all kinds, and format 2 no small numbers.
    known = {"objects": [2], **{name: [3] for name in SMALL_NUMBERS}}
    formats = st.sampled_from(known.get(kind, [2, 3]))
    before, after = data.draw(formats), data.draw(formats)
    with zarr.config.set({"array.rectilinear_chunks": True}):
        layout = data.draw(any_layouts(shape, before))
        is_nested = layout.pop("nested", False)
        source = source_of(kind, values, before, layout)
        if is_nested:
            source = nested(source, layout)
        wanted = {"zarr_format": after, "shards": None, **data.draw(any_layouts(shape, after))}
        in_shards = wanted.pop("nested", False)
        target: dict[str, Any] = {}
        try:
            zarr.rechunk(source, {}, max_memory=1, plan_only=True, **wanted)
        except MemoryTooSmallError as error:
            memory = data.draw(st.integers(error.least, 3 * error.least))
        else:
            memory = 1
        done = zarr.rechunk(source, target, max_memory=memory, **wanted)
        assert done.memory <= memory
        made = zarr.open_array(target)
        assert made.metadata.zarr_format == after
        assert not [key for key in target if "unfinished" in key]
        if in_shards:
            made = nested(made, wanted)
        found = made[...]
    if values.dtype.kind in "OT":
        assert found.tolist() == values.tolist()
    else:
        assert found.astype(values.dtype).tobytes() == values.tobytes()
