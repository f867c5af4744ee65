"""Chunks that are not what the metadata say: an error that tells which, and never a crash."""

from __future__ import annotations

import subprocess
import sys
import zlib
from typing import Any

import numpy as np
import pytest

import zarr
from zarr.codecs import (
    BloscCodec,
    BytesCodec,
    Crc32cCodec,
    GzipCodec,
    N5DefaultCodec,
    OptionalCodec,
    PackBitsCodec,
    PadCodec,
    ReshapeCodec,
    ShardingCodec,
    TransposeCodec,
    ZstdCodec,
)
from zarr.errors import BaseZarrError, ChunkDecodeError
from zarr.storage import MemoryStore

DATA = (np.arange(64, dtype="i4") * 37) % 101
# The mutations are the same in each run: more of them take long, and find something once only.
MUTATIONS = 2_500

LAYOUTS: dict[str, dict[str, Any]] = {
    "bytes": {"compressors": None},
    "big endian": {"serializer": BytesCodec(endian="big"), "compressors": None},
    "zstd": {"compressors": ZstdCodec()},
    "zstd checksum": {"compressors": ZstdCodec(checksum=True)},
    "gzip": {"compressors": GzipCodec()},
    "crc32c": {"compressors": Crc32cCodec()},
    **{
        f"blosc {name}": {"compressors": BloscCodec(cname=name, shuffle="shuffle", typesize=4)}
        for name in ("lz4", "lz4hc", "blosclz", "zstd", "zlib")
    },
    "shard": {"chunks": (16,), "shards": (64,), "compressors": ZstdCodec()},
    "shard without checksum": {
        "serializer": ShardingCodec(
            chunk_shape=(16,), codecs=[BytesCodec()], index_codecs=[BytesCodec()]
        ),
        "compressors": None,
    },
    "shard with its index first": {
        "serializer": ShardingCodec(
            chunk_shape=(16,), index_codecs=[BytesCodec()], index_location="start"
        ),
        "compressors": None,
    },
    "version 2 zlib": {"compressors": {"id": "zlib", "level": 1}, "zarr_format": 2},
    "version 2 lz4": {"compressors": {"id": "lz4"}, "zarr_format": 2},
    "version 2 blosc": {"compressors": {"id": "blosc"}, "zarr_format": 2},
    "version 2 filters": {
        "filters": [{"id": "delta", "dtype": "<i4"}, {"id": "shuffle", "elementsize": 4}],
        "compressors": {"id": "zstd"},
        "zarr_format": 2,
    },
    "packed bits": {"serializer": PackBitsCodec(last_bit=7), "compressors": None},
    "block of n5": {
        "serializer": N5DefaultCodec(
            codecs=[TransposeCodec(order=[0]), BytesCodec(endian="big"), ZstdCodec(checksum=True)]
        ),
        "compressors": None,
    },
    "optional": {"compressors": OptionalCodec(codecs=[ZstdCodec()])},
    "padded": {"compressors": PadCodec(location="end", nbytes=5)},
    "reshaped": {"filters": ReshapeCodec(shape=[8, -1]), "compressors": Crc32cCodec()},
    "strings": {"dtype": str, "compressors": ZstdCodec()},
    "version 2 strings": {"dtype": str, "zarr_format": 2},
}


def make(store: Any, layout: str, name: str = "x/a") -> Any:
    """An array with one stored value, written in a layout."""
    options = {"chunks": (64,), "dtype": "i4"} | LAYOUTS[layout]
    array: Any = zarr.create_array(store, name=name, shape=(64,), **options)
    array[:] = DATA if options["dtype"] == "i4" else [str(number) for number in DATA]
    return array


def key_of(array: Any) -> str:
    return "x/a/" + array.metadata.encode_chunk_key((0,))


def stored(array: Any) -> bytes:
    """The bytes of the only chunk."""
    buffer = zarr._async.run.run(
        array.store.get(key_of(array), zarr.buffer.default_buffer_prototype()),
        waits=array.store.traits.needs_event_loop,
    )
    return bytes(buffer.to_bytes())


def replace(array: Any, data: bytes) -> None:
    """Store other bytes for the only chunk."""
    buffer = zarr.buffer.cpu.Buffer.from_bytes(data)
    zarr._async.run.run(
        array.store.set(key_of(array), buffer), waits=array.store.traits.needs_event_loop
    )


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("damage", ["cut", "empty", "short"])
def test_a_damaged_chunk_is_named(store: Any, layout: str, damage: str) -> None:
    array = make(store, layout)
    data = stored(array)
    replace(array, {"cut": data[:-1], "empty": b"", "short": data[: len(data) // 2]}[damage])
    with pytest.raises(ChunkDecodeError) as error:
        array[:]
    message = str(error.value)
    assert key_of(array) in message
    assert str(array.store) in message


@pytest.mark.parametrize("layout", ["bytes", "crc32c", "gzip", "zstd", "blosc lz4"])
def test_bytes_behind_a_chunk_are_not_accepted(store: Any, layout: str) -> None:
    array = make(store, layout)
    replace(array, stored(array) + b"garbage")
    with pytest.raises(ChunkDecodeError, match="x/a/c/0"):
        array[:]


@pytest.mark.parametrize("layout", ["crc32c", "zstd checksum", "gzip", "shard"])
def test_flipped_bits_are_noticed_where_there_is_a_checksum(store: Any, layout: str) -> None:
    array = make(store, layout)
    data = bytearray(stored(array))
    place = -5 if layout == "shard" else len(data) // 2  # the index, which has the checksum
    data[place] ^= 4
    replace(array, bytes(data))
    with pytest.raises(ChunkDecodeError, match="x/a/c/0"):
        array[:]


def test_a_damaged_chunk_does_not_hide_the_others(store: Any) -> None:
    array: Any = zarr.create_array(store, name="x/a", data=DATA, chunks=(16,))
    replace(array, b"not zstd")
    assert array[16:].tolist() == DATA[16:].tolist()
    with pytest.raises(ChunkDecodeError):
        array[3] = 1  # nothing is written over what cannot be read
    assert stored(array) == b"not zstd"
    array[:16] = DATA[:16]
    assert array[:].tolist() == DATA.tolist()


INDEX_ENTRIES = {
    "beyond the end": (1 << 40, 64),
    "across the end": (64, 1 << 20),
    "overflowing": ((1 << 64) - 2, 64),
    "length overflowing": (8, (1 << 64) - 2),
    "into the index": (256 - 8, 64),
    "half absent": ((1 << 64) - 1, 64),
    "too long": (0, 128),
    "too short": (0, 8),
}


@pytest.mark.parametrize("entry", INDEX_ENTRIES)
def test_an_index_that_points_elsewhere_is_refused(store: Any, entry: str) -> None:
    array = make(store, "shard without checksum")
    data = bytearray(stored(array))
    data[-4 * 16 : -3 * 16] = np.array(INDEX_ENTRIES[entry], "<u8").tobytes()
    replace(array, bytes(data))
    selections: list[Any] = [slice(None), 5]
    if store.traits.native_handle is None and entry == "into the index":
        # Nobody told how long the value is: it shows only beside the chunk that is overlapped.
        selections.pop()
    for selection in selections:
        with pytest.raises(ChunkDecodeError, match="x/a/c/0"):
            array[selection]


def test_chunks_of_a_shard_do_not_share_bytes(store: Any) -> None:
    array = make(store, "shard without checksum")
    data = bytearray(stored(array))
    data[-4 * 16 : -3 * 16] = data[-16:]
    replace(array, bytes(data))
    with pytest.raises(ChunkDecodeError, match="overlap"):
        array[:]


BOMB = """
import sys, zarr
codec = {"gzip": zarr.codecs.GzipCodec(), "zstd": zarr.codecs.ZstdCodec()}[sys.argv[1]]
large = zarr.create_array(
    sys.argv[2], name="large", shape=(1 << 28,), chunks=(1 << 28,), dtype="u1", compressors=codec
)
large[5] = 1
zarr.create_array(
    sys.argv[2], name="small", shape=(64,), chunks=(64,), dtype="i4", compressors=codec
)
"""
READ = """
import resource, sys, zarr
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
array = zarr.open_array(sys.argv[1], path="small", mode="r")
before = peak()
try:
    array[:]
except zarr.errors.ChunkDecodeError:
    print(peak() - before)
"""


@pytest.mark.slow
@pytest.mark.parametrize("codec", ["gzip", "zstd"])
def test_a_chunk_that_inflates_takes_no_memory_for_it(tmp_path: Any, codec: str) -> None:
    for code, arguments in ((BOMB, [codec, tmp_path]), (READ, [tmp_path])):
        if code is READ:
            (tmp_path / "small" / "c").mkdir()
            (tmp_path / "large" / "c" / "0").rename(tmp_path / "small" / "c" / "0")
        found = subprocess.run(
            [sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=120
        )
        assert found.returncode == 0, found.stderr
    assert int(found.stdout) < 64 << 10  # kB, of the 256 MiB that the chunk inflates to


def test_a_small_bomb_is_refused_without_inflating_it() -> None:
    array = make(MemoryStore(), "version 2 zlib")
    replace(array, zlib.compress(bytes(1 << 26)))
    with pytest.raises(ChunkDecodeError, match="x/a/0"):
        array[:]


# -- fuzzing ------------------------------------------------------------------------------------


def message_of(error: BaseException) -> str:
    """All that an error says: what codecs written in Python say is followed by notes."""
    return "\n".join([str(error), *getattr(error, "__notes__", ())])


def mutations(data: bytes, count: int, seed: int) -> Any:
    """Variants of some bytes: bits flipped, parts cut, repeated, or replaced."""
    chaos = np.random.default_rng(seed)
    for _ in range(count):
        changed = bytearray(data)
        kind = int(chaos.integers(6))
        if kind <= 2 and changed:
            for place in chaos.integers(0, len(changed), 1 + kind * 3):
                changed[place] = int(chaos.integers(256))
        elif kind == 3:
            del changed[int(chaos.integers(0, len(changed) + 1)) :]
        elif kind == 4 and changed:
            first, last = sorted(int(n) for n in chaos.integers(0, len(changed), 2))
            changed[first:last] = changed[first:last] * int(chaos.integers(0, 4))
        else:
            changed += chaos.bytes(int(chaos.integers(1, 32)))
        yield bytes(changed)


@pytest.mark.slow
@pytest.mark.parametrize("layout", LAYOUTS)
def test_no_mutation_of_a_chunk_crashes_or_hangs(layout: str) -> None:
    array = make(MemoryStore(), layout)
    key, place = key_of(array), array.store._store_dict
    make_buffer = zarr.buffer.cpu.Buffer.from_bytes
    whole = np.empty(64, array.dtype)
    refused = []
    for data in mutations(stored(array), MUTATIONS, seed=sum(map(ord, layout))):
        place[key] = make_buffer(data)
        try:
            found = array.get_basic_selection(..., out=whole)
        except BaseZarrError as error:
            refused.append(message_of(error))
        else:
            assert found.shape == (64,)
    assert refused
    assert all(key in message for message in refused)


@pytest.mark.parametrize("layout", ["shard without checksum", "shard with its index first"])
def test_no_mutation_of_an_index_crashes_or_hangs(layout: str) -> None:
    array = make(MemoryStore(), layout)
    key, place = key_of(array), array.store._store_dict
    make_buffer = zarr.buffer.cpu.Buffer.from_bytes
    data = stored(array)
    size = 4 * 16
    refused = []
    chaos = np.random.default_rng(7)
    near = np.array([0, 1, 8, 63, 64, 65, 255, 256, 257, 320, 2**32, 2**63, 2**64 - 3], "u8")
    for number in range(MUTATIONS):
        index = np.frombuffer(data[-size:] if layout.endswith("checksum") else data[:size], "<u8")
        changed = index.copy()
        for slot in chaos.integers(0, 8, 1 + number % 3):
            changed[slot] = chaos.choice(near) + np.uint64(chaos.integers(0, 3))
        if layout.endswith("checksum"):
            place[key] = make_buffer(data[:-size] + changed.tobytes())
        else:
            place[key] = make_buffer(changed.tobytes() + data[size:])
        for selection in (slice(None), 5, slice(20, 60, 7)):
            try:
                array[selection]
            except ChunkDecodeError as error:
                refused.append(message_of(error))
    assert all(key in message for message in refused)
