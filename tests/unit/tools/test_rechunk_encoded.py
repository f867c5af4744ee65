"""Chunks are passed on as they are stored, into shards and out of them, and nothing is decoded."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import zarr
import zarr.tools
from support.stores import EVERY_STORE, WaitingStore
from zarr.codecs import (
    BytesCodec,
    Crc32cCodec,
    GzipCodec,
    ShardingCodec,
    TransposeCodec,
    ZstdCodec,
)
from zarr.errors import ChunkDecodeError, NodeNotFoundError
from zarr.tools.reshape.plan import MemoryTooSmallError

if TYPE_CHECKING:
    from pathlib import Path

DATA = np.arange(23 * 17, dtype="f4").reshape(23, 17)
CHUNKS = (3, 4)


def made(data: Any = DATA, store: Any = None, **options: Any) -> Any:
    return zarr.create_array(
        {} if store is None else store, data=data, **{"chunks": CHUNKS, **options}
    )


def stored(store: dict[str, Any]) -> dict[str, bytes]:
    """The values of chunks and shards, by their keys."""
    return {
        key: value.to_bytes()
        for key, value in store.items()
        if not key.endswith((".json", ".zarray", ".zattrs"))
    }


def chunks_of(data: Any, **options: Any) -> dict[str, bytes]:
    store: dict[str, Any] = {}
    made(data, store, **options)
    return stored(store)


def reshaped(source: Any, **wanted: Any) -> dict[str, Any]:
    target: dict[str, Any] = {}
    done = zarr.rechunk(source, target, **wanted)
    assert done.arrays[0].way == "chunks", done
    array = zarr.open_array(target)
    np.testing.assert_array_equal(array[...], source[...])
    return target


# -- the bytes are those that writing the elements makes ------------------------------------------

SHARDS = [None, (6, 8), (9, 20), (24, 20)]


@pytest.mark.parametrize("before", SHARDS, ids=str)
@pytest.mark.parametrize("after", SHARDS, ids=str)
def test_what_is_stored_is_what_writing_stores(before: Any, after: Any) -> None:
    target: dict[str, Any] = {}
    done = zarr.rechunk(made(shards=before), target, shards=after)
    assert done.arrays[0].way == ("values" if before == after else "chunks")
    assert stored(target) == chunks_of(DATA, shards=after)


CODECS: dict[str, Any] = {
    "none": {"compressors": None},
    "gzip": {"compressors": GzipCodec(level=2)},
    "checksum": {"compressors": [ZstdCodec(level=1), Crc32cCodec()]},
    "transposed": {
        "filters": [TransposeCodec(order=(1, 0))],
        "serializer": BytesCodec(endian="big"),
    },
}


@pytest.mark.parametrize("codecs", CODECS)
def test_codecs_of_every_kind_stay(codecs: str) -> None:
    options = CODECS[codecs]
    packed = reshaped(made(**options), shards=(6, 8))
    assert stored(packed) == chunks_of(DATA, shards=(6, 8), **options)
    alone = reshaped(zarr.open_array(packed), shards=None)
    assert stored(alone) == chunks_of(DATA, **options)


@pytest.mark.parametrize("location", ["start", "end"])
@pytest.mark.parametrize(
    "index", [[BytesCodec()], [BytesCodec(endian="big"), Crc32cCodec()]], ids=str
)
def test_the_index_is_as_the_target_wants_it(location: Any, index: Any) -> None:
    codec = ShardingCodec(
        chunk_shape=CHUNKS,
        codecs=[BytesCodec(), ZstdCodec()],
        index_codecs=index,
        index_location=location,
    )
    source = made(compressors=ZstdCodec())
    target: dict[str, Any] = {}
    done = zarr.rechunk(source, target, chunks=(6, 8), codecs=[codec])
    assert done.arrays[0].way == "chunks"
    assert stored(target) == chunks_of(DATA, chunks=(6, 8), serializer=codec, compressors=None)
    assert stored(
        reshaped(zarr.open_array(target), chunks=CHUNKS, codecs=[BytesCodec(), ZstdCodec()])
    )


V2_COMPRESSORS: dict[str, Any] = {
    "none": None,
    "blosc": {"id": "blosc", "cname": "lz4", "clevel": 5, "shuffle": 1, "blocksize": 0},
    "zstd": {"id": "zstd", "level": 3},
    "gzip": {"id": "gzip", "level": 1},
}


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", ["<f4", ">f4", "u1"])
@pytest.mark.parametrize("compressor", V2_COMPRESSORS)
def test_chunks_of_format_2_are_packed(compressor: str, dtype: str, order: Any) -> None:
    data = DATA.astype(dtype)
    old: dict[str, Any] = {}
    options = {"compressors": V2_COMPRESSORS[compressor], "order": order, "zarr_format": 2}
    source = made(data, old, dimension_names=None, **options)
    target = reshaped(source, shards=(6, 8), zarr_format=3)
    shards = stored(target)
    assert all(any(value in shard for shard in shards.values()) for value in stored(old).values())
    back = reshaped(zarr.open_array(target), shards=None, zarr_format=2, codecs="keep")
    assert stored(back) == stored(old)


INNER = [BytesCodec(), ZstdCodec()]
MIDDLE = ShardingCodec(chunk_shape=(3, 4), codecs=INNER)
OUTER = ShardingCodec(chunk_shape=(6, 8), codecs=[MIDDLE])
FORMS: dict[str, Any] = {
    "chunks": {"chunks": (3, 4), "codecs": INNER},
    "shards": {"chunks": (6, 8), "codecs": [MIDDLE]},
    "shards in shards": {"chunks": (12, 16), "codecs": [OUTER]},
    "shards of several sizes": {
        "chunks": (3, 4),
        "shards": ((6, 18), (8, 4, 8)),
        "codecs": INNER,
    },
}


@pytest.mark.parametrize("before", FORMS)
@pytest.mark.parametrize("after", FORMS)
def test_shards_of_several_sizes_and_shards_in_shards(before: str, after: str) -> None:
    data = np.arange(24 * 20, dtype="f4").reshape(24, 20)
    plain = zarr.create_array({}, data=data, chunks=(24, 1))
    one: dict[str, Any] = {}
    expected: dict[str, Any] = {}
    found: dict[str, Any] = {}
    with zarr.config.set({"array.rectilinear_chunks": True}):
        zarr.rechunk(plain, one, **FORMS[before])
        zarr.rechunk(plain, expected, **FORMS[after])
        done = zarr.rechunk(zarr.open_array(one), found, **{"shards": None, **FORMS[after]})
        np.testing.assert_array_equal(zarr.open_array(found)[...], data)
    assert done.arrays[0].way == ("values" if before == after else "chunks")
    assert stored(found) == stored(expected)


ELEMENTS: dict[str, Any] = {
    "strings": np.array(["", "a", "é" * 40, "bc"] * 6, np.dtypes.StringDType()).reshape(4, 6),
    "records": np.zeros((4, 6), [("a", "i4"), ("b", "f8", (2,)), ("c", "S3")]),
    "dates": np.arange(24).astype("M8[s]").reshape(4, 6),
    "one element": np.arange(24, dtype="u1").reshape(4, 6),
}


@pytest.mark.filterwarnings("ignore::zarr.errors.UnstableSpecificationWarning")
@pytest.mark.parametrize("kind", ELEMENTS)
def test_elements_of_every_type(kind: str) -> None:
    data = ELEMENTS[kind].copy()
    if data.dtype.names:
        data["a"] = 7
    source = made(data, chunks=(1, 1) if kind == "one element" else (2, 3), fill_value=None)
    target = reshaped(source, shards=(4, 6))
    again = reshaped(zarr.open_array(target), shards=None)
    assert len(stored(target)) == 1
    assert len(stored(again)) == len(stored(dict(source.store._store_dict)))


# -- absent, empty and bad chunks -----------------------------------------------------------------


@pytest.mark.parametrize("waits", [False, True])
def test_absent_chunks_stay_absent(waits: bool) -> None:
    store: Any = WaitingStore() if waits else {}
    source = zarr.create_array(store, shape=(100, 100), chunks=(5, 5), dtype="i4", fill_value=5)
    source[20:31, 40] = 1
    target = reshaped(source, shards=(20, 20))
    assert sorted(stored(target)) == ["c/1/2"]
    index = np.frombuffer(stored(target)["c/1/2"][-16 * 16 - 4 : -4], "<u8").reshape(4, 4, 2)
    present = index[..., 0] != 2**64 - 1
    assert present.tolist() == [[True, False, False, False]] * 3 + [[False] * 4]
    alone = reshaped(zarr.open_array(target), shards=None)
    assert sorted(stored(alone)) == ["c/4/8", "c/5/8", "c/6/8"]


def test_a_chunk_without_bytes_is_not_taken_for_an_absent_one() -> None:
    store: dict[str, Any] = {}
    source = made(store=store, compressors=None)
    store["c/0/0"] = type(store["c/0/0"]).from_bytes(b"")
    target: dict[str, Any] = {}
    done = zarr.rechunk(source, target, shards=(24, 20))
    assert done.arrays[0].way == "chunks"
    with pytest.raises(ChunkDecodeError):
        zarr.open_array(target)[0, 0]
    np.testing.assert_array_equal(zarr.open_array(target)[3:], DATA[3:])


def test_bad_chunks_are_listed_if_that_is_asked_for() -> None:
    store: dict[str, Any] = {}
    source = made(store=store)
    store["c/1/0"] = type(store["c/0/0"]).from_bytes(b"rubbish")
    target: dict[str, Any] = {}
    done = zarr.rechunk(source, target, shards=(24, 20), skip_bad=True)
    assert done.arrays[0].way == "one pass"
    assert [bad.region for bad in done.bad] == ["[3:6, 0:4]"]


def test_a_shard_with_a_bad_index_is_an_error_and_no_target_is_made() -> None:
    store: dict[str, Any] = {}
    source = made(store=store, shards=(6, 8))
    value = bytearray(store["c/1/1"].to_bytes())
    value[-9] ^= 1
    store["c/1/1"] = type(store["c/1/1"]).from_bytes(bytes(value))
    target: dict[str, Any] = {}
    with pytest.raises(ChunkDecodeError, match="c/1/1"):
        zarr.rechunk(source, target, shards=(24, 20))
    with pytest.raises(NodeNotFoundError):
        zarr.open(target, mode="r")


def test_a_missing_chunk_is_an_error_if_the_source_says_so() -> None:
    store: dict[str, Any] = {}
    made(store=store)
    del store["c/2/2"]
    source = zarr.open_array(store, config={"read_missing_chunks": False})
    with pytest.raises(zarr.errors.ChunkNotFoundError):
        zarr.rechunk(source, {}, shards=(24, 20))


@pytest.mark.parametrize(
    "wanted",
    [
        {"chunks": (6, 4)},
        {"codecs": ["gzip"]},
        {"dtype": "f8"},
        {"fill_value": 3},
    ],
    ids=str,
)
def test_other_chunks_codecs_types_and_fill_values_are_made_of_elements(wanted: Any) -> None:
    target: dict[str, Any] = {}
    done = zarr.rechunk(made(), target, shards=(24, 20), **wanted)
    assert done.arrays[0].way == "one pass"
    np.testing.assert_array_equal(zarr.open_array(target)[...], DATA)


# -- how it is done -------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", EVERY_STORE)
def test_stores_of_every_kind(kind: str, tmp_path: Path) -> None:
    store = EVERY_STORE[kind](tmp_path)
    done = zarr.rechunk(made(), store, target_path="a", shards=(6, 8))
    assert done.arrays[0].way == "chunks"
    source = zarr.open_array(store, path="a", mode="r")
    assert stored(reshaped(source, shards=None)) == chunks_of(DATA)


def test_each_value_is_read_once_and_written_once() -> None:
    source, target = WaitingStore(), WaitingStore()
    made(store=source)
    source.log.clear()
    done = zarr.rechunk(zarr.open_array(source, mode="r"), target, shards=(6, 8))
    reads = [key for name, key in source.log if name == "get" and key.startswith("c/")]
    writes = [key for name, key in target.log if name == "set" and key.startswith("c/")]
    assert len(reads) == len(set(reads)) == 40
    assert len(writes) == len(set(writes)) == 12
    assert done.arrays[0].requests == 52


@pytest.mark.parametrize("memory", [10_000, 30_000, 10**6])
def test_memory_is_as_promised(memory: int) -> None:
    source = made(np.random.default_rng(0).random((64, 64)), chunks=(4, 4))
    target: dict[str, Any] = {}
    done = zarr.rechunk(source, target, shards=(16, 16), max_memory=memory)
    assert done.memory <= memory
    np.testing.assert_array_equal(zarr.open_array(target)[...], source[...])


def test_memory_that_holds_no_shard_is_refused() -> None:
    with pytest.raises(MemoryTooSmallError, match="Give at least"):
        zarr.rechunk(made(), {}, shards=(24, 20), max_memory=500)


def test_workers_pass_chunks_on(tmp_path: Path) -> None:
    source = made(store=tmp_path / "s")
    with ThreadPoolExecutor(3) as executor:
        done = zarr.rechunk(source, tmp_path / "t", shards=(6, 8), executor=executor)
    assert (done.arrays[0].way, done.arrays[0].tasks) == ("chunks", 12)
    np.testing.assert_array_equal(zarr.open_array(tmp_path / "t")[...], DATA)


def test_progress_ends_at_its_total() -> None:
    seen: list[tuple[int, int]] = []
    zarr.rechunk(made(), {}, shards=(6, 8), progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (DATA.nbytes, DATA.nbytes)


def test_a_run_goes_on_and_believes_nothing(tmp_path: Path) -> None:
    def cut(done: int, total: int) -> None:
        if done > DATA.nbytes // 2:
            raise KeyboardInterrupt

    source, target = made(store=tmp_path / "s"), tmp_path / "t"
    wanted: Any = {"shards": (6, 8), "max_memory": 3000}
    with pytest.raises(KeyboardInterrupt):
        zarr.rechunk(source, target, progress=cut, **wanted)
    there = sorted(path for path in target.glob("c/*/*"))
    assert 2 < len(there) < 12
    for path in there[:2]:
        damaged = bytearray(path.read_bytes())
        damaged[5] ^= 0xFF
        path.write_bytes(damaged)
    times = [path.stat().st_mtime_ns for path in there]
    done = zarr.rechunk(source, target, **wanted)
    assert done.resumed
    now = [path.stat().st_mtime_ns for path in there]
    assert [a != b for a, b in zip(times, now, strict=True)][:3] == [True, True, False]
    np.testing.assert_array_equal(zarr.open_array(target)[...], DATA)
