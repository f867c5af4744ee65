"""An array, a view or a tree is stored anew in another shape, and keeps its values."""

from __future__ import annotations

import asyncio
import json
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from tests.support.stores import EVERY_STORE, WaitingStore

import zarr
import zarr.tools
from zarr.errors import (
    ArrayNotFoundError,
    ChunkDecodeError,
    ContainsArrayError,
    ContainsGroupError,
    NodeNotFoundError,
    SourceChangedError,
)
from zarr.storage import LocalStore
from zarr.tools.reshape.plan import MemoryTooSmallError

if TYPE_CHECKING:
    from pathlib import Path

DATA = np.arange(24 * 18 * 20, dtype="f4").reshape(24, 18, 20)
SMALL = 12_000
"""Bytes of memory in which slices become series in two passes only."""


def slices(store: Any = None, data: Any = DATA, **options: Any) -> Any:
    options = {"chunks": (1, *data.shape[1:]), **options}
    return zarr.create_array({} if store is None else store, data=data, **options)


def same(target: Any, data: Any = DATA) -> None:
    found = zarr.open_array(target, mode="r")[...]
    assert found.dtype == data.dtype
    np.testing.assert_array_equal(found, data)


# -- what becomes of an array ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "chunks", "shards"),
    [
        ({"chunks": (24, 6, 5)}, (24, 6, 5), None),
        ({"chunks": {}}, (1, 18, 20), None),
        ({"chunks": (-1, 6, 5)}, (24, 6, 5), None),
        ({"chunks": (4, 6, 5), "shards": (8, 18, 10)}, (4, 6, 5), (8, 18, 10)),
        ({"shards": (6, 18, 20)}, (1, 18, 20), (6, 18, 20)),
        ({"chunks": "auto"}, (24, 18, 20), None),
    ],
    ids=str,
)
@pytest.mark.parametrize("memory", [SMALL, 10**9], ids=["little", "much"])
def test_chunks_and_shards_are_those_asked_for(
    given: Any, chunks: Any, shards: Any, memory: int
) -> None:
    target: dict[str, Any] = {}
    try:
        zarr.rechunk(slices(), target, max_memory=memory, **given)
    except MemoryTooSmallError:
        assert memory == SMALL
        assert "auto" in str(given) or "shards" in given
        return
    same(target)
    made = zarr.open_array(target)
    assert (made.chunks, made.shards) == (chunks, shards)
    assert not [key for key in target if "unfinished" in key]


def test_dimensions_are_named(tmp_path: Path) -> None:
    source = slices(dimension_names=["time", "lat", "lon"])
    zarr.rechunk(source, tmp_path / "t", chunks={"time": -1, "lat": 6, "lon": 5})
    made = zarr.open_array(tmp_path / "t")
    assert made.chunks == (24, 6, 5)
    assert made.metadata.dimension_names == ("time", "lat", "lon")


def test_the_names_of_xarray_in_format_2_are_dimensions() -> None:
    source = slices(zarr_format=2, attributes={"_ARRAY_DIMENSIONS": ["time", "lat", "lon"]})
    target: dict[str, Any] = {}
    zarr.rechunk(source, target, chunks={"time": 8})
    assert zarr.open_array(target).chunks == (8, 18, 20)


def test_a_dimension_that_is_not_there_is_refused() -> None:
    with pytest.raises(ValueError, match=r"no array has a dimension 'depth'.*lat"):
        zarr.rechunk(slices(dimension_names=["time", "lat", "lon"]), {}, chunks={"depth": 3})


def test_chunks_for_another_number_of_dimensions_are_refused() -> None:
    with pytest.raises(ValueError, match="the array has 3 dimensions"):
        zarr.rechunk(slices(), {}, chunks=(2, 2))


@pytest.mark.parametrize("memory", [SMALL, 10**9], ids=["little", "much"])
@pytest.mark.parametrize(("before", "after"), [(2, 3), (3, 2), (2, 2), (3, 3)])
def test_formats(before: Any, after: Any, memory: int) -> None:
    target: dict[str, Any] = {}
    source = slices(zarr_format=before, attributes={"a": [1, None]})
    zarr.rechunk(source, target, chunks=(24, 3, 4), zarr_format=after, max_memory=memory)
    same(target)
    made = zarr.open_array(target)
    assert made.metadata.zarr_format == after
    assert made.attrs.asdict() == {"a": [1, None]}
    assert made.chunks == (24, 3, 4)


def test_a_format_alone_passes_values_on() -> None:
    target: dict[str, Any] = {}
    done = zarr.rechunk(slices(zarr_format=2, compressors="gzip"), target, zarr_format=3)
    assert done.arrays[0].way == "values"
    same(target)


def test_attributes_and_the_fill_value_are_replaced() -> None:
    source = slices(attributes={"a": 1}, fill_value=3)
    target: dict[str, Any] = {}
    zarr.rechunk(source, target, attributes={"b": 2}, fill_value=9, chunks=(8, 18, 20))
    made = zarr.open_array(target)
    assert (made.attrs.asdict(), made.fill_value) == ({"b": 2}, 9)


def test_another_fill_value_changes_no_element() -> None:
    source = zarr.create_array({}, shape=(8, 8), chunks=(2, 8), dtype="i4", fill_value=3)
    source[4:6] = 7
    target: dict[str, Any] = {}
    zarr.rechunk(source, target, chunks=(8, 2), fill_value=9)
    same(target, source[...])


DATES = np.array(["2020-01-01", "NaT", "2021-05-06T07"] * 8, "M8[s]").reshape(4, 6)
RECORDS = np.zeros((4, 6), [("a", "i4"), ("b", "f8", (2,)), ("c", "S3")])
RECORDS["a"] = np.arange(24).reshape(4, 6)
RECORDS["c"] = b"xyz"
STRINGS = np.array(["", "a", "é" * 40, "bc"] * 6, np.dtypes.StringDType()).reshape(4, 6)
OTHERS: dict[str, Any] = {
    "dates": DATES,
    "records": RECORDS,
    "strings": STRINGS,
    "fixed strings": np.array(["x", "yy", ""] * 8, "U4").reshape(4, 6),
    "bytes": np.array([b"x", b"yy", b""] * 8, "S4").reshape(4, 6),
    "complex": np.arange(24).reshape(4, 6) * (1 + 2j),
    "bools": np.arange(24).reshape(4, 6) % 3 == 0,
    "big endian": np.arange(24, dtype=">i2").reshape(4, 6),
    "nan": np.where(np.arange(24.0).reshape(4, 6) % 5 == 0, np.nan, -0.0),
}


@pytest.mark.parametrize("kind", OTHERS)
@pytest.mark.parametrize("zarr_format", [2, 3])
@pytest.mark.filterwarnings("ignore::zarr.errors.UnstableSpecificationWarning")
@pytest.mark.parametrize("memory", ["two passes", "one pass"])
def test_every_type_of_elements(kind: str, zarr_format: Any, memory: str) -> None:
    data = OTHERS[kind]
    source = zarr.create_array({}, data=data, chunks=(1, 6), zarr_format=zarr_format)
    wanted = {"chunks": (4, 1)}
    try:
        zarr.rechunk(source, {}, max_memory=1, plan_only=True, **wanted)
    except MemoryTooSmallError as error:
        least = error.least
    target: dict[str, Any] = {}
    most = least if memory == "two passes" else 10**8
    done = zarr.rechunk(source, target, max_memory=most, **wanted)
    assert done.arrays[0].way == memory
    made = zarr.open_array(target)
    assert made.dtype in (
        source.dtype,
        data.astype(data.dtype.newbyteorder("=") if kind == "big endian" else data.dtype).dtype,
    )
    np.testing.assert_array_equal(made[...], source[...])
    if data.dtype.kind == "f":
        assert made[...].tobytes() == data.tobytes()


@pytest.mark.parametrize("name", ["bfloat16", "float8_e4m3fn", "int4"])
def test_numbers_of_machine_learning(name: str) -> None:
    ml_dtypes = pytest.importorskip("ml_dtypes")
    data = np.arange(-8, 8).reshape(4, 4).astype(getattr(ml_dtypes, name))
    source = zarr.create_array({}, data=data, chunks=(1, 4))
    target: dict[str, Any] = {}
    zarr.rechunk(source, target, chunks=(4, 1))
    assert zarr.open_array(target)[...].tobytes() == data.tobytes()


@pytest.mark.parametrize("memory", [SMALL, 10**9], ids=["little", "much"])
def test_chunks_of_several_sizes(memory: int) -> None:
    with zarr.config.set({"array.rectilinear_chunks": True}):
        source = slices(chunks=((5, 1, 18), (18,), (7, 13)))
        target: dict[str, Any] = {}
        wanted = ((24,), (2, 2, 14), (4, 9, 7))
        try:
            zarr.rechunk(source, target, chunks=wanted, max_memory=memory)
        except MemoryTooSmallError as error:
            assert memory == SMALL
            zarr.rechunk(source, target, chunks=wanted, max_memory=error.least)
        same(target)
        assert zarr.open_array(target).write_chunk_sizes == wanted


@pytest.mark.parametrize("memory", [SMALL, 10**9], ids=["little", "much"])
def test_between_two_passes_chunks_of_several_sizes_need_no_setting(memory: int) -> None:
    source = slices(chunks=(5, 18, 7))
    target: dict[str, Any] = {}
    zarr.rechunk(source, target, chunks=(11, 4, 20), max_memory=memory)
    same(target)


def test_shards_in_shards() -> None:
    from zarr.codecs import BytesCodec, ShardingCodec

    codec = ShardingCodec(
        chunk_shape=(12, 6, 10),
        codecs=[ShardingCodec(chunk_shape=(3, 6, 5), codecs=[BytesCodec()])],
    )
    inner: dict[str, Any] = {}
    zarr.rechunk(slices(), inner, chunks=(24, 18, 20), codecs=[codec])
    same(inner)
    target: dict[str, Any] = {}
    zarr.rechunk(zarr.open_array(inner), target, chunks=(5, 5, 5), codecs="auto")
    same(target)


def test_a_view_is_a_source(tmp_path: Path) -> None:
    source = slices(LocalStore(tmp_path / "s"))
    view = source.lazy[::-2, 3:, ::3]
    zarr.rechunk(view, tmp_path / "t", chunks=(12, 4, 4))
    same(tmp_path / "t", DATA[::-2, 3:, ::3])
    joined = zarr.concat([source, source])
    zarr.rechunk(joined, tmp_path / "j", chunks=(48, 3, 4), max_memory=60_000)
    same(tmp_path / "j", np.concatenate([DATA, DATA]))


@pytest.mark.parametrize("shape", [(), (0,), (0, 3), (1,), (7, 1, 1)])
def test_shapes_of_all_kinds(shape: tuple[int, ...]) -> None:
    data = np.arange(np.prod(shape, dtype=int)).reshape(shape)
    source = zarr.create_array({}, data=data, chunks=(2,) * len(shape))
    target: dict[str, Any] = {}
    zarr.rechunk(source, target, chunks=(3,) * len(shape), codecs=["gzip"])
    same(target, data)


@pytest.mark.parametrize("kind", EVERY_STORE)
def test_stores_of_every_kind_are_targets(kind: str, tmp_path: Path) -> None:
    store = EVERY_STORE[kind](tmp_path)
    done = zarr.rechunk(slices(), store, target_path="a/b", chunks=(24, 3, 4), max_memory=SMALL)
    assert done.arrays[0].way == "two passes"
    np.testing.assert_array_equal(zarr.open_array(store, path="a/b", mode="r")[...], DATA)
    assert list(zarr.open_group(store, mode="r")) == ["a"]


@pytest.mark.parametrize("kind", EVERY_STORE)
def test_stores_of_every_kind_are_sources(kind: str, tmp_path: Path) -> None:
    store = EVERY_STORE[kind](tmp_path)
    slices(store)
    target: dict[str, Any] = {}
    zarr.rechunk(zarr.open_array(store, mode="r"), target, chunks=(24, 3, 4), max_memory=SMALL)
    same(target)


def test_the_asynchronous_face_gives_the_same(tmp_path: Path) -> None:
    source = slices(LocalStore(tmp_path / "s"))

    async def work() -> Any:
        return await zarr.tools.asynchronous.rechunk(
            source.async_array, tmp_path / "t", chunks=(24, 3, 4), max_memory=SMALL
        )

    assert asyncio.run(work()).arrays[0].way == "two passes"
    same(tmp_path / "t")


# -- the faces ------------------------------------------------------------------------------------


def test_recode_takes_the_default_codecs_or_others() -> None:
    source = slices(compressors="gzip")
    target: dict[str, Any] = {}
    zarr.tools.recode(source, target)
    assert [codec.to_dict()["name"] for codec in zarr.open_array(target).compressors] == ["zstd"]
    same(target)
    other: dict[str, Any] = {}
    zarr.tools.recode(source, other, codecs=["crc32c"])
    assert [codec.to_dict()["name"] for codec in zarr.open_array(other).compressors] == ["crc32c"]
    same(other)


def test_reshard_keeps_chunks() -> None:
    target: dict[str, Any] = {}
    zarr.tools.reshard(slices(), target, shards=(12, 18, 20))
    made = zarr.open_array(target)
    assert (made.chunks, made.shards) == ((1, 18, 20), (12, 18, 20))
    same(target)
    again: dict[str, Any] = {}
    zarr.tools.reshard(made, again, shards=None)
    assert zarr.open_array(again).shards is None
    same(again)


@pytest.mark.parametrize(
    ("values", "dtype", "on_overflow", "expected"),
    [
        ([1.9, -2.9, 300.0], "i2", "raise", [1, -2, 300]),
        ([1, 300, -5], "u1", "clip", [1, 255, 0]),
        ([1, 300, -5], "u1", "wrap", [1, 44, 251]),
        ([1.0, 1e300], "f4", "clip", [1.0, np.inf]),
        ([1.0, np.nan, np.inf], "f4", "raise", [1.0, np.nan, np.inf]),
        ([0, 1, 1], "bool", "raise", [False, True, True]),
        ([True, False], "f8", "raise", [1.0, 0.0]),
        ([1, 2], "c8", "raise", [1, 2]),
        ([1.5, 2.5], "f2", "raise", [1.5, 2.5]),
    ],
)
def test_cast(values: Any, dtype: str, on_overflow: Any, expected: Any) -> None:
    source = zarr.create_array({}, data=np.array(values), chunks=1, fill_value=0)
    target: dict[str, Any] = {}
    zarr.tools.cast(source, target, dtype=dtype, on_overflow=on_overflow)
    same(target, np.array(expected, dtype))


@pytest.mark.parametrize(
    ("values", "dtype", "on_overflow", "error"),
    [
        ([1, 300], "u1", "raise", ValueError),
        ([1.0, np.nan], "i4", "raise", ValueError),
        ([1.0, np.nan], "i4", "clip", ValueError),
        ([1.0, np.inf], "i4", "wrap", ValueError),
        ([0, 2], "bool", "raise", ValueError),
        ([1.0, 1e300], "f4", "raise", ValueError),
        ([1 + 2j], "f8", "raise", TypeError),
        (["a"], "f8", "raise", ValueError),
    ],
)
def test_a_value_that_the_type_cannot_hold_is_an_error(
    values: Any, dtype: str, on_overflow: Any, error: Any
) -> None:
    source = zarr.create_array({}, data=np.array(values), chunks=1)
    target: dict[str, Any] = {}
    with pytest.raises(error):
        zarr.tools.cast(source, target, dtype=dtype, on_overflow=on_overflow)
    with pytest.raises(NodeNotFoundError):
        zarr.open(target, mode="r")


@pytest.mark.parametrize(
    ("on_overflow", "expected"),
    [("clip", [7, -8, 3]), ("wrap", [4, -5, 3])],
)
def test_casts_to_small_integers(on_overflow: Any, expected: Any) -> None:
    ml_dtypes = pytest.importorskip("ml_dtypes")
    source = zarr.create_array({}, data=np.array([20, -21, 3]), chunks=1)
    target: dict[str, Any] = {}
    with pytest.raises(ValueError, match="beyond the range"):
        zarr.tools.cast(source, {}, dtype=ml_dtypes.int4)
    zarr.tools.cast(source, target, dtype=ml_dtypes.int4, on_overflow=on_overflow)
    assert zarr.open_array(target)[...].astype(int).tolist() == expected


def test_an_unknown_way_of_casting_is_refused() -> None:
    with pytest.raises(ValueError, match="on_overflow is"):
        zarr.rechunk(slices(), {}, on_overflow="ignore")  # type: ignore[arg-type]


# -- trees ----------------------------------------------------------------------------------------


def tree(store: Any, **options: Any) -> Any:
    root = zarr.create_group(store, attributes={"title": "t"}, **options)
    names = ["time", "lat", "lon"] if options.get("zarr_format", 3) == 3 else None
    for path in ("a/temp", "a/wind", "b/temp"):
        root.create_array(path, data=DATA, chunks=(1, 18, 20), dimension_names=names)
    root.create_array("lat", data=np.arange(18), chunks=18)
    root.create_group("empty", attributes={"x": 1})
    return root


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_a_tree_keeps_its_nodes(zarr_format: Any, tmp_path: Path) -> None:
    source = tree(tmp_path / "s", zarr_format=zarr_format)
    zarr.rechunk(
        source,
        tmp_path / "t",
        rules={"*temp": {"chunks": (24, 3, 4)}, "b/*": {"dtype": "f8"}},
        zarr_format=5 - zarr_format,
    )
    made = zarr.open_group(tmp_path / "t", mode="r")
    assert made.metadata.zarr_format == 5 - zarr_format
    assert made.attrs["title"] == "t"
    assert made["empty"].attrs["x"] == 1
    assert made["a/temp"].chunks == made["b/temp"].chunks == (24, 3, 4)
    assert made["a/wind"].chunks == (1, 18, 20)
    assert (made["b/temp"].dtype, made["a/temp"].dtype) == ("f8", "f4")
    for path in ("a/temp", "a/wind", "b/temp"):
        np.testing.assert_array_equal(made[path][...], DATA)
    np.testing.assert_array_equal(made["lat"][...], np.arange(18))


def test_dimensions_are_named_for_all_arrays_that_have_them() -> None:
    target: dict[str, Any] = {}
    zarr.rechunk(tree({}), target, chunks={"time": 24, "lat": 6})
    made = zarr.open_group(target)
    assert made["a/wind"].chunks == (24, 6, 20)
    assert made["lat"].chunks == (18,)


def test_consolidated_metadata_are_consolidated_again() -> None:
    store: dict[str, Any] = {}
    tree(store, zarr_format=2)
    zarr.consolidate_metadata(store, zarr_format=2)
    target: dict[str, Any] = {}
    zarr.rechunk(zarr.open_consolidated(store), target, rules={"a/*": {"chunks": (6, 18, 20)}})
    made = zarr.open_consolidated(target)
    assert made["a/temp"].chunks == (6, 18, 20)


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ({"a/tmep": {"chunks": (1, 1, 1)}}, "no array matches the rule for 'a/tmep'"),
        ({"*": {"chunk": (1, 1, 1)}}, "has 'chunk', which is none of"),
    ],
)
def test_rules_that_mean_nothing_are_refused(rules: Any, message: str) -> None:
    target: dict[str, Any] = {}
    with pytest.raises(ValueError, match=message):
        zarr.rechunk(tree({}), target, rules=rules)
    assert target == {}


# -- how much is read, written and kept in memory -------------------------------------------------


def chunk_keys(log: list[tuple[str, str]], method: str) -> list[str]:
    return [key for name, key in log if name == method and key.startswith("c/")]


@pytest.mark.parametrize("memory", [SMALL, 20_000, 10**9])
@pytest.mark.parametrize("chunks", [(24, 3, 4), (7, 5, 3), (5, 3, 20), (24, 18, 1)])
def test_no_chunk_is_read_more_than_twice_and_each_is_written_once(
    memory: int, chunks: Any
) -> None:
    source, target = WaitingStore(), WaitingStore()
    slices(source, chunks=(2, 9, 20))
    source.log.clear()
    done = zarr.rechunk(zarr.open_array(source, mode="r"), target, chunks=chunks, max_memory=memory)
    reads, writes = chunk_keys(source.log, "get"), chunk_keys(target.log, "set")
    assert len(set(reads)) == 24
    assert max(map(reads.count, reads)) <= 2
    counts = [-(-n // size) for n, size in zip(DATA.shape, chunks, strict=True)]
    assert len(writes) == len(set(writes)) == np.prod(counts)
    promised = done.arrays[0]
    assert len(reads) * 2 * 9 * 20 * 4 <= promised.read <= 2 * DATA.nbytes
    if not promised.between:
        assert len(reads) + len(writes) == promised.requests


def test_the_document_of_the_target_is_written_last() -> None:
    target = WaitingStore()
    zarr.rechunk(slices(), target, chunks=(24, 3, 4), max_memory=SMALL)
    writes = [key for name, key in target.log if name == "set"]
    last_chunk = max(at for at, key in enumerate(writes) if key.startswith("c/"))
    assert writes.index("zarr.json") > last_chunk
    assert writes[0] == "zarr.unfinished"


def test_what_the_source_lacks_the_target_lacks() -> None:
    source = zarr.create_array({}, shape=(100, 100), chunks=(10, 100), dtype="i4", fill_value=5)
    source[20:30] = 1
    target: dict[str, Any] = {}
    zarr.rechunk(source, target, chunks=(5, 50))
    assert sorted(target) == ["c/4/0", "c/4/1", "c/5/0", "c/5/1", "zarr.json"]
    same(target, source[...])


def test_of_a_source_that_holds_little_little_is_asked_for() -> None:
    store = WaitingStore()
    source = zarr.create_array(store, shape=(10**6, 10), chunks=(10, 10), dtype="i4")
    source[5000:5010] = 1
    store.asked.clear()
    target: dict[str, Any] = {}
    zarr.rechunk(source, target, chunks=(1000, 10), max_memory=10**7)
    assert store.asked["get"] < 10
    assert zarr.open_array(target)[5005, 5] == 1
    assert len(target) == 2


def test_memory_that_holds_no_block_is_refused_with_what_suffices() -> None:
    target: dict[str, Any] = {}
    with pytest.raises(
        MemoryTooSmallError, match=r"max_memory is 1,000 bytes.*Give at least"
    ) as info:
        zarr.rechunk(slices(), target, chunks=(24, 3, 4), max_memory=1000)
    assert target == {}
    again = pickle.loads(pickle.dumps(info.value))
    assert again.least == info.value.least
    done = zarr.rechunk(slices(), target, chunks=(24, 3, 4), max_memory=info.value.least)
    assert done.memory <= info.value.least
    same(target)


MEASURED = """
import sys, numpy as np, zarr
def told(key):
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith(key))
small = zarr.create_array({}, data=np.ones((64, 64, 64)), chunks=(1, 64, 64))
zarr.rechunk(small, {}, chunks=(64, 8, 8), max_memory="600KB")  # what is imported is not counted
with open("/proc/self/clear_refs", "w") as file:
    file.write("5")
before = told("VmRSS")
zarr.rechunk(sys.argv[1], sys.argv[2], chunks=(96, 16, 16), max_memory="40MB")
print(told("VmHWM") - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells the peak of a part")
def test_the_process_grows_by_no_more_memory_than_allowed(tmp_path: Path) -> None:
    source = zarr.create_array(
        tmp_path / "s", shape=(96, 512, 512), chunks=(1, 512, 512), dtype="f4"
    )
    for at in range(96):
        source[at] = at
    paths = [str(tmp_path / "s"), str(tmp_path / "t")]
    told = subprocess.run(
        [sys.executable, "-c", MEASURED, *paths], check=True, capture_output=True, text=True
    )
    assert int(told.stdout) < 40e6 + 16e6 < source.nbytes
    assert (zarr.open_array(tmp_path / "t")[:, 3, 500] == np.arange(96)).all()


@pytest.mark.parametrize("size", [0, -1, "much", 1.5, None])
def test_a_size_that_is_none_is_refused(size: Any) -> None:
    with pytest.raises((ValueError, TypeError), match="max_memory is a positive number of bytes"):
        zarr.rechunk(slices(), {}, max_memory=size)


def test_a_plan_changes_nothing_and_tells_what_will_be(tmp_path: Path) -> None:
    target = tmp_path / "t"
    plan = zarr.rechunk(slices(), target, chunks=(24, 3, 4), max_memory=SMALL, plan_only=True)
    assert not target.exists()
    assert not plan.is_done
    assert plan.seconds is not None
    done = zarr.rechunk(slices(), target, chunks=(24, 3, 4), max_memory=SMALL)
    assert done.is_done
    for name in ("way", "tasks", "read", "between", "written", "requests", "memory"):
        assert getattr(plan.arrays[0], name) == getattr(done.arrays[0], name)
    assert json.loads(plan.to_json())["arrays"][0]["way"] == "two passes"
    assert "two passes" in str(plan)


def test_progress_ends_at_its_total() -> None:
    seen: list[tuple[int, int]] = []
    zarr.rechunk(
        slices(),
        {},
        chunks=(24, 3, 4),
        max_memory=SMALL,
        progress=lambda done, total: seen.append((done, total)),
    )
    assert seen[-1] == (2 * DATA.nbytes, 2 * DATA.nbytes)
    assert len(seen) > 3
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)


# -- workers --------------------------------------------------------------------------------------


def test_threads_do_it_and_share_the_memory(tmp_path: Path) -> None:
    with ThreadPoolExecutor(3) as executor:
        done = zarr.rechunk(
            slices(),
            tmp_path / "t",
            chunks=(24, 3, 4),
            max_memory=3 * SMALL,
            executor=executor,
            temp=tmp_path / "between",
        )
    assert done.arrays[0].at_a_time > 1
    assert done.memory <= 3 * SMALL
    same(tmp_path / "t")
    assert list((tmp_path / "between").iterdir()) == []


def test_workers_are_sent_no_elements(tmp_path: Path) -> None:
    sizes: list[int] = []

    class Measuring(ThreadPoolExecutor):
        def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Any:
            sizes.append(len(pickle.dumps((fn, args, kwargs))))
            return super().submit(fn, *args, **kwargs)

    source = slices(LocalStore(tmp_path / "s"))
    with Measuring(2) as executor:
        zarr.rechunk(source, tmp_path / "t", chunks=(24, 3, 4), max_memory=SMALL, executor=executor)
    same(tmp_path / "t")
    assert len(sizes) > 4
    assert max(sizes) < 8000


# -- what is refused ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "target"), [("a", "a"), ("a", "a/b"), ("a/temp", "a"), ("", "x"), ("a", "")]
)
def test_a_target_in_its_source_is_refused(source: str, target: str, tmp_path: Path) -> None:
    tree(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(ValueError, match="one lies within the other"):
        zarr.rechunk(str(tmp_path / source), str(tmp_path / target), resume=False)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_target_that_is_there_is_refused_and_stays(tmp_path: Path) -> None:
    zarr.create_array(tmp_path / "a", data=[1])
    zarr.create_group(tmp_path / "g")
    (tmp_path / "f").mkdir()
    (tmp_path / "f" / "notes.txt").write_text("mine")
    for resume in (True, False):
        with pytest.raises(ContainsArrayError, match="there is an array already"):
            zarr.rechunk(slices(), tmp_path / "a", resume=resume)
        with pytest.raises(ContainsGroupError, match="there is a group already"):
            zarr.rechunk(slices(), tmp_path / "g", resume=resume)
        with pytest.raises(ValueError, match=r"there is something already, 'notes\.txt'"):
            zarr.rechunk(slices(), tmp_path / "f", resume=resume)
    assert (tmp_path / "f" / "notes.txt").read_text() == "mine"
    assert zarr.open_array(tmp_path / "a")[0] == 1


def test_directories_without_values_are_nothing(tmp_path: Path) -> None:
    """A deletion that was killed leaves them."""
    (tmp_path / "f" / "c" / "0").mkdir(parents=True)
    zarr.rechunk(slices(), tmp_path / "f")
    same(tmp_path / "f")


def test_a_target_below_an_array_is_refused(tmp_path: Path) -> None:
    zarr.create_array(tmp_path / "a", data=[1])
    with pytest.raises(ValueError, match="is an array"):
        zarr.rechunk(slices(), tmp_path, target_path="a/b")
    assert not (tmp_path / "a" / "b").exists()


def test_a_read_only_target_is_refused(tmp_path: Path) -> None:
    store = LocalStore(tmp_path, read_only=True)
    with pytest.raises(ValueError, match="read-only"):
        zarr.rechunk(slices(), store, target_path="x")


def test_a_handle_is_no_target() -> None:
    with pytest.raises(TypeError, match="the target is a store"):
        zarr.rechunk(slices(), zarr.zeros(3))  # type: ignore[arg-type]


def test_codecs_that_make_no_chain_are_refused_before_anything_is_made() -> None:
    target: dict[str, Any] = {}
    with pytest.raises((ValueError, TypeError)):
        zarr.rechunk(slices(), target, codecs=["vlen-utf8"])
    assert target == {}


def test_a_source_that_grows_meanwhile_is_an_error_and_no_mixture(tmp_path: Path) -> None:
    source = slices(LocalStore(tmp_path / "s"))
    grown = False

    def grow(done: int, total: int) -> None:
        nonlocal grown
        if done and not grown:
            grown = True
            zarr.open_array(tmp_path / "s").append(DATA)

    with pytest.raises(SourceChangedError, match="target is not completed"):
        zarr.rechunk(source, tmp_path / "t", chunks=(24, 3, 4), progress=grow)
    with pytest.raises(ArrayNotFoundError):
        zarr.open_array(tmp_path / "t", mode="r")
    with pytest.raises(ValueError, match="documents of the source"):
        zarr.rechunk(zarr.open_array(tmp_path / "s"), tmp_path / "t", chunks=(24, 3, 4))
    zarr.rechunk(zarr.open_array(tmp_path / "s"), tmp_path / "t", chunks=(24, 3, 4), resume=False)
    same(tmp_path / "t", np.concatenate([DATA, DATA]))


# -- bad chunks -----------------------------------------------------------------------------------


def corrupt(store: dict[str, Any], *keys: str) -> None:
    for key in keys:
        store[key] = type(store[key]).from_bytes(b"\x00rubbish")


@pytest.mark.parametrize("memory", [SMALL, 10**9], ids=["little", "much"])
def test_bad_chunks_are_an_error_or_listed_and_filled(memory: int) -> None:
    store: dict[str, Any] = {}
    source = slices(store, fill_value=-1)
    corrupt(store, "c/5/0/0", "c/17/0/0")
    wanted: dict[str, Any] = {"chunks": (24, 3, 4), "max_memory": memory}
    target: dict[str, Any] = {}
    with pytest.raises(ChunkDecodeError, match="c/5/0/0"):
        zarr.rechunk(source, target, **wanted)
    with pytest.raises(NodeNotFoundError):
        zarr.open(target, mode="r")
    done = zarr.rechunk(source, target, skip_bad=True, **wanted)
    assert [(bad.path, bad.region) for bad in done.bad] == [
        ("", "[17:18, 0:18, 0:20]"),
        ("", "[5:6, 0:18, 0:20]"),
    ]
    assert "c/5/0/0" in done.bad[1].reason
    expected = DATA.copy()
    expected[[5, 17]] = -1
    same(target, expected)
    assert not [key for key in target if "unfinished" in key]


def test_bad_chunks_are_listed_where_values_would_be_passed_on() -> None:
    store: dict[str, Any] = {}
    source = slices(store)
    corrupt(store, "c/5/0/0")
    target: dict[str, Any] = {}
    done = zarr.rechunk(source, target, skip_bad=True)
    assert len(done.bad) == 1
    assert (zarr.open_array(target)[5] == 0).all()


def test_names_cannot_steer_a_terminal(tmp_path: Path) -> None:
    root = zarr.create_group({})
    root.create_array("\x1b[31m\n", data=[1])
    shown = str(zarr.rechunk(root, {}))
    assert "\x1b" not in shown


def test_the_error_for_an_unfinished_target_says_so(tmp_path: Path) -> None:
    def cut(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        zarr.rechunk(slices(), tmp_path / "t", chunks=(24, 3, 4), progress=cut)
    with pytest.raises(NodeNotFoundError, match="goes on"):
        zarr.open_array(tmp_path / "t", mode="r")
