"""A size from an untrusted document costs an error at most: no crash, no hang, little memory."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import struct
import subprocess
import sys
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numcodecs
import numpy as np
import pytest

import zarr
from zarr.codecs import LzwCodec, ShardingCodec
from zarr.errors import ChunkDecodeError
from zarr.storage import LocalStore, MemoryStore, RemoteZipStore, ZipStore

pytestmark = pytest.mark.slow

BOMB = bytes(48 << 20)
LIMIT = "array.decoded_max_bytes"
ONE_IN = 211  # of the cases; each run takes the same ones


def test_extreme_sizes_in_documents_are_errors_in_little_memory() -> None:
    program = Path(__file__).with_name("hostile_configurations.py")
    done = subprocess.run(
        [sys.executable, str(program), str(ONE_IN), "0"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]
    result = json.loads(done.stdout)
    assert result["cases"] > 100_000
    assert result["unclear"] == {}
    assert result["grown_kib"] < 512 << 10


def strings(filters: Any, compressor: Any) -> tuple[Any, MemoryStore]:
    store = MemoryStore()
    array = zarr.create_array(
        store, shape=4, chunks=4, dtype=str, zarr_format=2, filters=filters, compressors=compressor
    )
    array[:] = np.array(["a", "b", "c", "d" * 20], object)
    return array, store


def put(store: MemoryStore, key: str, data: bytes) -> None:
    store._store_dict[key] = zarr.buffer.cpu.Buffer.from_bytes(data)


@pytest.mark.parametrize(
    ("codec", "bomb"),
    [
        (numcodecs.Zstd(), bytes(numcodecs.Zstd().encode(BOMB))),
        (numcodecs.GZip(), gzip.compress(BOMB)),
        (numcodecs.Zlib(), zlib.compress(BOMB)),
        (numcodecs.LZ4(), bytes(numcodecs.LZ4().encode(BOMB))),
        (numcodecs.Blosc(), bytes(numcodecs.Blosc().encode(BOMB))),
        (numcodecs.BZ2(), bz2.compress(BOMB)),
        (numcodecs.LZMA(), lzma.compress(BOMB)),
    ],
    ids=lambda value: getattr(value, "codec_id", ""),
)
def test_strings_that_become_too_long_are_refused_by_a_setting_that_can_be_raised(
    codec: Any, bomb: bytes
) -> None:
    with zarr.config.set({LIMIT: 1 << 20}):
        array, store = strings([numcodecs.VLenUTF8()], codec)
        assert array[3] == "d" * 20
        put(store, "0", bomb)
        with pytest.raises(ChunkDecodeError, match="too (long|many)") as error:
            array[:]
    assert LIMIT in str(error.value)
    with (
        zarr.config.set({LIMIT: 1 << 30}),
        pytest.raises(ChunkDecodeError, match="number of elements"),
    ):
        zarr.open_array(store)[:]


def test_strings_that_compress_as_data_do_are_read_whatever_the_limit() -> None:
    with zarr.config.set({LIMIT: 0}):
        array = zarr.create_array({}, shape=1000, chunks=1000, dtype=str)
        values = np.array([f"{i} " + "x" * (i % 50) for i in range(1000)], object)
        array[:] = values
        assert (array[:] == values).all()


def test_the_limit_must_be_a_number_of_bytes() -> None:
    for value in (-1, "much", 1.5):
        with pytest.raises(ValueError, match=LIMIT):
            zarr.config.set({LIMIT: value})


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize(
    ("name", "bomb"),
    [("bz2", bz2.compress(BOMB)), ("lzma", lzma.compress(BOMB))],
    ids=["bz2", "lzma"],
)
def test_a_chunk_of_known_size_may_not_become_more(name: str, bomb: bytes, version: Any) -> None:
    store = MemoryStore()
    codec: Any = {"name": f"numcodecs.{name}", "configuration": {}}
    if version == 2:
        codec = numcodecs.get_codec({"id": name})
    array = zarr.create_array(
        store, shape=4, chunks=4, dtype="i4", zarr_format=version, compressors=codec
    )
    array[:] = [1, 2, 3, 4]
    assert array[:].tolist() == [1, 2, 3, 4]
    put(store, "0" if version == 2 else "c/0", bomb)
    with pytest.raises(ChunkDecodeError, match="at most 16 bytes"):
        array[:]


def test_sixteen_bytes_of_blosc_are_no_two_gibibytes() -> None:
    with zarr.config.set({LIMIT: 1 << 40}):
        array, store = strings([numcodecs.VLenUTF8()], numcodecs.Blosc())
        for blocksize in (65536, (2**31 - 1 - 255 * 4) // 3):
            header = struct.pack("<BBBBIII", 2, 1, 0x24, 8, 2**31 - 1 - 16, blocksize, 16)
            put(store, "0", header)
            with pytest.raises(ChunkDecodeError, match="too few data for the size"):
                array[:]


def test_a_shard_of_too_many_chunks_is_refused_when_it_is_made_or_opened() -> None:
    count = 1 << 30
    store = MemoryStore()
    with pytest.raises(ValueError, match=rf"{count} chunks .* at most {1 << 27}"):
        zarr.create_array(store, shape=count, shards=count, chunks=1, dtype="u1")
    assert store._store_dict == {}
    array = zarr.create_array(store, shape=64, shards=64, chunks=1, dtype="u1")
    document = json.loads(store._store_dict["zarr.json"].to_bytes())
    document["shape"] = document["chunk_grid"]["configuration"]["chunk_shape"] = [count]
    put(store, "zarr.json", json.dumps(document).encode())
    with pytest.raises(ValueError, match=rf"{count} chunks .* at most {1 << 27}"):
        zarr.open_array(store)
    assert array[5] == 0


def test_a_chunk_in_a_large_shard_is_written_and_read() -> None:
    for location in ("start", "end"):
        array = zarr.create_array(
            {},
            shape=(1 << 11, 1 << 10),
            chunks=(1 << 11, 1 << 10),
            dtype="u1",
            compressors=None,
            serializer=ShardingCodec(chunk_shape=(1, 1), index_location=location),
        )
        array[7, 9], array[2047, 1023] = 3, 4
        array[0, 0] = 5
        assert [array[7, 9], array[2047, 1023], array[0, 0], array[1, 1]] == [3, 4, 5, 0]
        assert array[6:9, 8:11].tolist() == [[0, 0, 0], [0, 3, 0], [0, 0, 0]]


def archive(path: Path, value: bytes, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    document = zarr.create_array({}, shape=16, chunks=16, dtype="u1", compressors=None)
    with zipfile.ZipFile(path, "w", method) as file:
        file.writestr("zarr.json", json.dumps(document.metadata.to_dict()))
        file.writestr("c/0", value)
    return path.read_bytes()


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_an_entry_of_a_zip_file_may_not_become_much_more(tmp_path: Path, method: int) -> None:
    archive(tmp_path / "a.zip", BOMB, method)
    stores = [ZipStore(tmp_path / "a.zip"), RemoteZipStore(LocalStore(tmp_path), "a.zip")]
    for store in stores:
        with zarr.config.set({LIMIT: 1 << 20}), pytest.raises(zipfile.BadZipFile, match=LIMIT):
            zarr.open_array(store, mode="r")[:]
        with pytest.raises(ChunkDecodeError, match="wrong length"):
            zarr.open_array(store, mode="r")[:]


def test_places_outside_of_a_zip_file_are_refused(tmp_path: Path) -> None:
    raw = archive(tmp_path / "a.zip", bytes(16), zipfile.ZIP_STORED)
    end = raw.rfind(b"PK\5\6")
    entry = raw.find(b"PK\1\2", raw.find(b"PK\1\2") + 4)
    huge = struct.pack("<I", 0xFFFF_FFF0)
    for place in (end + 12, end + 16, entry + 20, entry + 24, entry + 42):
        (tmp_path / "b.zip").write_bytes(raw[:place] + huge + raw[place + 4 :])
        for store in (ZipStore(tmp_path / "b.zip"), RemoteZipStore(LocalStore(tmp_path), "b.zip")):
            with pytest.raises(zipfile.BadZipFile):
                zarr.open_array(store, mode="r")[:]


def test_lzw_is_decoded_up_to_the_size_of_the_chunk() -> None:
    imagecodecs = pytest.importorskip("imagecodecs")
    store = MemoryStore()
    array = zarr.create_array(
        store, shape=10_000, chunks=10_000, dtype="u1", compressors=LzwCodec(), fill_value=9
    )
    array[:] = 1  # as long as a chunk may become, of few bytes
    assert (array[:] == 1).all()
    put(store, "c/0", imagecodecs.lzw_encode(BOMB))
    with pytest.raises(ChunkDecodeError, match="'lzw' are too long"):
        array[:]


def test_lzw_of_strings_is_decoded_up_to_a_setting() -> None:
    imagecodecs = pytest.importorskip("imagecodecs")
    store = MemoryStore()
    with zarr.config.set({LIMIT: 1 << 20}):
        array = zarr.create_array(store, shape=4, chunks=4, dtype=str, compressors=LzwCodec())
        array[:] = ["a", "b", "c", "d" * 20]
        assert array[3] == "d" * 20
        put(store, "c/0", imagecodecs.lzw_encode(BOMB))
        with pytest.raises(ChunkDecodeError, match=LIMIT):
            array[:]
