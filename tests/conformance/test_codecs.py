"""Every codec passes the check that is shipped for codecs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import zarr.codecs.numcodecs as wrappers
from zarr.codecs import (
    BloscCodec,
    BytesCodec,
    CastValue,
    Crc32cCodec,
    GzipCodec,
    ScaleOffset,
    ShardingCodec,
    TransposeCodec,
    VLenUTF8Codec,
    ZstdCodec,
)
from zarr.codecs.chain import v3_chain
from zarr.testing.codec import check_codec, chunk_spec

NUMBERS = (np.arange(240, dtype="i4") % 37).reshape(12, 20)
REALS = (NUMBERS / 4).astype("f8")
SPEC = chunk_spec(NUMBERS)
TEXT = np.array([["a", "", "ccc"], ["é", "x" * 200, ""]], dtype=np.dtypes.StringDType())

BYTES_CODECS = [
    Crc32cCodec(),
    GzipCodec(),
    GzipCodec(level=0),
    ZstdCodec(),
    ZstdCodec(level=-3, checksum=True),
    BloscCodec(),
    *(BloscCodec(cname=name) for name in ("lz4", "lz4hc", "blosclz", "snappy", "zlib")),
    BloscCodec(shuffle="noshuffle", clevel=0),
    wrappers.Adler32(),
    wrappers.BZ2(),
    wrappers.Blosc(),
    wrappers.CRC32(),
    wrappers.CRC32C(),
    wrappers.Fletcher32(),
    wrappers.GZip(),
    wrappers.JenkinsLookup3(),
    wrappers.LZ4(),
    wrappers.LZMA(),
    wrappers.Shuffle(),
    wrappers.Zlib(),
    wrappers.Zstd(),
]


@pytest.mark.parametrize("codec", BYTES_CODECS, ids=repr)
def test_codecs_from_bytes_to_bytes(codec: Any) -> None:
    check_codec(codec, NUMBERS)


ARRAY_CODECS: list[tuple[Any, Any]] = [
    (BytesCodec(), NUMBERS),
    (BytesCodec(endian="big"), REALS),
    (BytesCodec(), NUMBERS.astype("u1")),
    (TransposeCodec(order=(1, 0)), NUMBERS),
    (TransposeCodec(order=(2, 0, 1)), NUMBERS.reshape(3, 4, 20)),
    (ShardingCodec(chunk_shape=(4, 5)), NUMBERS),
    (ShardingCodec(chunk_shape=(4, 5), index_location="start"), REALS),
    (
        ShardingCodec(
            chunk_shape=(6, 10),
            codecs=[
                TransposeCodec(order=(1, 0)),
                ShardingCodec(chunk_shape=(5, 3), codecs=[BytesCodec(), ZstdCodec()]),
                Crc32cCodec(),
            ],
        ),
        NUMBERS,
    ),
    (ShardingCodec(chunk_shape=(1, 3), codecs=[VLenUTF8Codec(), ZstdCodec()]), TEXT),
    (VLenUTF8Codec(), TEXT),
    (ScaleOffset(offset=3, scale=2), NUMBERS),
    (ScaleOffset(offset=0.5, scale=4), REALS),
    (CastValue(data_type="uint8"), NUMBERS),
    (CastValue(data_type="float32"), REALS),
    (wrappers.AsType(encode_dtype="<f4"), REALS),
    (wrappers.BitRound(keepbits=40), REALS),
    (wrappers.Delta(), NUMBERS),
    (wrappers.FixedScaleOffset(offset=0, scale=4, astype="<i2"), REALS),
    (wrappers.PackBits(), NUMBERS > 7),
    (wrappers.Quantize(digits=3), REALS),
]


@pytest.mark.parametrize(("codec", "array"), ARRAY_CODECS, ids=lambda value: repr(value)[:60])
def test_codecs_of_arrays(codec: Any, array: Any) -> None:
    check_codec(codec, array)


@pytest.mark.parametrize(
    ("codec", "array"),
    [
        (CastValue(data_type="int8", rounding="towards-zero"), REALS),
        (wrappers.Quantize(digits=1), REALS),
        (wrappers.BitRound(keepbits=3), REALS),
    ],
    ids=lambda value: repr(value)[:60],
)
def test_codecs_that_lose_something(codec: Any, array: Any) -> None:
    check_codec(codec, array, lossless=False)


NATIVE: list[tuple[Any, Any]] = [
    *(
        (codec, NUMBERS)
        for codec in BYTES_CODECS
        if v3_chain([BytesCodec(), codec], SPEC)[1][0] != "python"
    ),
    *(
        (codec, array)
        for codec, array in ARRAY_CODECS
        if type(codec) in (BytesCodec, ShardingCodec)
    ),
    (VLenUTF8Codec(), TEXT),
]


@pytest.mark.parametrize(("codec", "array"), NATIVE, ids=lambda value: repr(value)[:60])
def test_codecs_survive_much_damage(codec: Any, array: Any) -> None:
    check_codec(codec, array, mutations=10_000)


def test_codecs_of_objects() -> None:
    array = TEXT.astype(object)
    check_codec(VLenUTF8Codec(), TEXT, spec=chunk_spec(array, "a"))
