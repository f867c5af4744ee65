"""Every codec passes the check that is shipped for codecs."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
import pytest

import zarr.codecs.numcodecs as wrappers
from zarr.codecs import (
    ArrowIPCCodec,
    BitRoundCodec,
    BloscCodec,
    BytesCodec,
    CastValue,
    Crc32cCodec,
    GzipCodec,
    JpegCodec,
    JpegXLCodec,
    LzwCodec,
    N5DefaultCodec,
    OffsetCodec,
    OptionalCodec,
    PackBitsCodec,
    PadCodec,
    ReshapeCodec,
    ScaleOffset,
    ShardingCodec,
    SingletonDimCodec,
    TransposeCodec,
    VLenUTF8Codec,
    ZfpCodec,
    ZstdCodec,
)
from zarr.codecs.chain import v3_chain
from zarr.testing.codec import check_codec, chunk_spec

# The damage is the same in each run: more of it takes long, and finds something once only.
MUCH = 2_500
SMALL_TYPES = ["int2", "uint2", "int4", "uint4", "float4_e2m1fn", "float6_e3m2fn", "bfloat16"]
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
    PadCodec(location="start", nbytes=3, padding="AQID"),
    PadCodec(location="end", nbytes=7),
    OffsetCodec(offset=12),
    OptionalCodec(codecs=[ZstdCodec()]),
    OptionalCodec(codecs=[wrappers.Shuffle(elementsize=4), GzipCodec()], header_bits=24),
    OptionalCodec(codecs=[wrappers.BZ2(), ZstdCodec()], apply="always"),
    OptionalCodec(codecs=[ZstdCodec()], apply="never"),
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
    (PackBitsCodec(), NUMBERS > 7),
    (PackBitsCodec(padding_encoding="first_byte"), NUMBERS[:, :7] > 7),
    (PackBitsCodec(padding_encoding="last_byte", first_bit=0, last_bit=6), NUMBERS - 20),
    (PackBitsCodec(first_bit=0, last_bit=5), NUMBERS.astype("u2")),
    (PackBitsCodec(), REALS + 1j * REALS),
    *((PackBitsCodec(), NUMBERS.astype(getattr(ml_dtypes, name)) % 4) for name in SMALL_TYPES),
    *((BytesCodec(), NUMBERS.astype(getattr(ml_dtypes, name)) % 4) for name in SMALL_TYPES),
    (ShardingCodec(chunk_shape=(4, 5), codecs=[PackBitsCodec(), ZstdCodec()]), NUMBERS > 7),
    (N5DefaultCodec(codecs=[TransposeCodec(order=(1, 0)), BytesCodec(endian="big")]), NUMBERS),
    (
        N5DefaultCodec(
            codecs=[TransposeCodec(order=(2, 1, 0)), BytesCodec(endian="big"), ZstdCodec()]
        ),
        REALS.reshape(3, 4, 20),
    ),
    (BitRoundCodec(keepbits=30), NUMBERS),
    (ReshapeCodec(shape=[-1]), NUMBERS),
    (ReshapeCodec(shape=[[0], 4, 5]), NUMBERS),
    (ReshapeCodec(shape=[[0, 1], [2]]), REALS.reshape(3, 4, 20)),
    (SingletonDimCodec(operations=[{"insert": 0}, {"insert": 2}]), NUMBERS),
    (SingletonDimCodec(operations=[{"remove": 1}]), NUMBERS.reshape(12, 1, 20)),
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
        (BitRoundCodec(keepbits=3), REALS),
        (BitRoundCodec(keepbits=3), REALS.astype("f2")),
        (BitRoundCodec(keepbits=3), REALS.astype("c8")),
        (BitRoundCodec(keepbits=3), NUMBERS - 20),
        (PackBitsCodec(first_bit=2, last_bit=4), NUMBERS),
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
        if type(codec) in (BytesCodec, ShardingCodec, PackBitsCodec, N5DefaultCodec)
    ),
    (VLenUTF8Codec(), TEXT),
]


@pytest.mark.parametrize(("codec", "array"), NATIVE, ids=lambda value: repr(value)[:60])
def test_codecs_survive_much_damage(codec: Any, array: Any) -> None:
    check_codec(codec, array, mutations=MUCH)


def test_codecs_of_objects() -> None:
    array = TEXT.astype(object)
    check_codec(VLenUTF8Codec(), TEXT, spec=chunk_spec(array, "a"))


GRAY = (NUMBERS * 6).astype("u1")
RGB = np.stack([GRAY, GRAY // 2, 255 - GRAY], axis=-1)
FROM_EXTRAS: list[tuple[str, Any, Any, bool]] = [
    ("zfpy", ZfpCodec(mode="reversible"), NUMBERS, True),
    ("zfpy", ZfpCodec(mode="reversible"), REALS.reshape(2, 3, 4, 10), True),
    ("zfpy", ZfpCodec(mode="fixed_accuracy", tolerance=0.1), REALS, False),
    ("zfpy", ZfpCodec(mode="fixed_precision", precision=12), REALS.astype("f4"), False),
    ("zfpy", ZfpCodec(mode="fixed_rate", rate=64), REALS[0], False),
    ("zfpy", wrappers.ZFPY(mode=4, tolerance=0.01), REALS, False),
    ("zfpy", wrappers.ZFPY(mode=3, precision=20), REALS.reshape(2, 3, 40), False),
    ("zfpy", wrappers.ZFPY(mode=2, rate=8.0), REALS.astype("f4").reshape(2, 3, 4, 10), False),
    ("zfpy", wrappers.ZFPY(mode=2, rate=50.0), REALS.reshape(2, 3, 4, 10), False),
    ("imagecodecs", JpegCodec(quality=90), GRAY, False),
    ("imagecodecs", JpegCodec(quality=90, encoded_color_space="ycbcr"), RGB, False),
    ("imagecodecs", JpegCodec(quality=90, encoded_color_space="rgb"), RGB, False),
    ("imagecodecs", JpegXLCodec(bitspersample=8), GRAY, True),
    ("imagecodecs", JpegXLCodec(bitspersample=8, photometric="rgb"), RGB, True),
    ("imagecodecs", JpegXLCodec(bitspersample=12), GRAY.astype("u2"), True),
    ("imagecodecs", JpegXLCodec(bitspersample=8), GRAY.reshape(2, 6, 20), True),
    ("imagecodecs", LzwCodec(), NUMBERS, True),
    ("pyarrow", ArrowIPCCodec(column_name="x"), NUMBERS, True),
    ("pyarrow", ArrowIPCCodec(column_name="x"), NUMBERS > 3, True),
    ("pyarrow", ArrowIPCCodec(column_name="x"), NUMBERS.astype("M8[s]"), True),
    ("pyarrow", ArrowIPCCodec(column_name="x"), TEXT, True),
]


@pytest.mark.parametrize(
    ("package", "codec", "array", "lossless"), FROM_EXTRAS, ids=lambda value: repr(value)[:60]
)
def test_codecs_of_other_packages(package: str, codec: Any, array: Any, lossless: bool) -> None:
    pytest.importorskip(package)
    check_codec(codec, array, lossless=lossless, mutations=MUCH)
