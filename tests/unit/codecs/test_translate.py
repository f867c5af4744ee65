"""Codecs of numcodecs become those of format 3 with their meaning, and the reverse."""

from __future__ import annotations

from typing import Any

import numcodecs
import pytest

import zarr.codecs.numcodecs as wrappers
from zarr.codecs import (
    BloscCodec,
    BytesCodec,
    Crc32cCodec,
    GzipCodec,
    ShardingCodec,
    TransposeCodec,
    VLenBytesCodec,
    VLenUTF8Codec,
    ZstdCodec,
)
from zarr.codecs.chain import parse_codec, parse_codecs, v2_config, v3_codec


@pytest.mark.parametrize(
    ("codec", "expected"),
    [
        (numcodecs.Blosc(), BloscCodec(cname="lz4", shuffle="shuffle")),
        (
            numcodecs.Blosc("zstd", 3, numcodecs.Blosc.BITSHUFFLE, 256),
            BloscCodec(cname="zstd", clevel=3, shuffle="bitshuffle", blocksize=256),
        ),
        (numcodecs.Blosc(shuffle=-1), BloscCodec(cname="lz4")),
        (numcodecs.Zstd(level=3), ZstdCodec(level=3)),
        (numcodecs.Zstd(level=99, checksum=True), ZstdCodec(level=22, checksum=True)),
        (numcodecs.GZip(level=2), GzipCodec(level=2)),
        ({"id": "gzip", "level": -1}, GzipCodec(level=6)),
        ({"id": "crc32c"}, Crc32cCodec()),
        ({"id": "crc32c", "location": "start"}, wrappers.CRC32C(location="start")),
        (numcodecs.VLenUTF8(), VLenUTF8Codec()),
        (numcodecs.VLenBytes(), VLenBytesCodec()),
        (numcodecs.Zlib(level=3), wrappers.Zlib(level=3)),
        (numcodecs.LZ4(), wrappers.LZ4(acceleration=1)),
        (numcodecs.Shuffle(8), wrappers.Shuffle(elementsize=8)),
        (numcodecs.Delta("<i4"), wrappers.Delta(dtype="<i4", astype="<i4")),
        (numcodecs.BZ2(9), wrappers.BZ2(level=9)),
    ],
    ids=repr,
)
def test_codecs_of_numcodecs_have_a_meaning_in_format_3(codec: Any, expected: Any) -> None:
    assert v3_codec(codec) == expected
    if not isinstance(codec, dict):
        assert parse_codec(codec) == expected


@pytest.mark.parametrize("codec", [numcodecs.Pickle(), numcodecs.JSON()], ids=repr)
def test_codecs_without_a_meaning_in_format_3_are_refused(codec: Any) -> None:
    with pytest.raises(TypeError, match="Format 3 of Zarr has no codec"):
        parse_codecs([BytesCodec(), codec])


@pytest.mark.parametrize(
    ("codec", "expected"),
    [
        (
            BloscCodec(cname="lz4", clevel=1),
            {"id": "blosc", "cname": "lz4", "clevel": 1, "shuffle": -1, "blocksize": 0},
        ),
        (
            BloscCodec(typesize=4, shuffle="bitshuffle"),
            {"id": "blosc", "cname": "zstd", "clevel": 5, "shuffle": 2, "blocksize": 0},
        ),
        (ZstdCodec(level=3), {"id": "zstd", "level": 3, "checksum": False}),
        (GzipCodec(), {"id": "gzip", "level": 5}),
        (Crc32cCodec(), {"id": "crc32c"}),
        (VLenUTF8Codec(), {"id": "vlen-utf8"}),
        (wrappers.Delta(dtype="<i4"), {"id": "delta", "dtype": "<i4"}),
        (numcodecs.Zlib(), {"id": "zlib", "level": 1}),
        ({"id": "zlib"}, {"id": "zlib"}),
    ],
    ids=repr,
)
def test_codecs_of_format_3_have_a_meaning_in_format_2(codec: Any, expected: Any) -> None:
    assert v2_config(codec) == expected


@pytest.mark.parametrize(
    "codec", [TransposeCodec(order=(0,)), ShardingCodec(chunk_shape=2), BytesCodec(), 5], ids=repr
)
def test_codecs_without_a_meaning_in_format_2_are_refused(codec: Any) -> None:
    with pytest.raises(TypeError, match="Format 2 of Zarr has no codec"):
        v2_config(codec)
