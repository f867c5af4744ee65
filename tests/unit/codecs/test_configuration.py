"""A codec is made from its configuration and written as it; a wrong one is refused."""

from __future__ import annotations

import json
import pickle
from enum import Enum
from typing import Any

import numpy as np
import pytest

import zarr.codecs.numcodecs as wrappers
from zarr.codecs import (
    BloscCname,
    BloscCodec,
    BloscShuffle,
    BytesCodec,
    CastValue,
    Crc32cCodec,
    Endian,
    GzipCodec,
    ScaleOffset,
    ShardingCodec,
    ShardingCodecIndexLocation,
    TransposeCodec,
    VLenBytesCodec,
    VLenUTF8Codec,
    ZstdCodec,
)
from zarr.codecs.chain import parse_codec, parse_codecs
from zarr.errors import UnknownCodecError

BLOSC = {"typesize": 4, "cname": "lz4", "clevel": 5, "shuffle": "shuffle", "blocksize": 0}
BYTES = {"name": "bytes", "configuration": {"endian": "little"}}

DOCUMENTS: list[tuple[Any, dict[str, Any]]] = [
    (BytesCodec(), BYTES),
    (BytesCodec(endian="big"), {"name": "bytes", "configuration": {"endian": "big"}}),
    (BytesCodec(endian=None), {"name": "bytes"}),
    (Crc32cCodec(), {"name": "crc32c"}),
    (GzipCodec(), {"name": "gzip", "configuration": {"level": 5}}),
    (GzipCodec(level=0), {"name": "gzip", "configuration": {"level": 0}}),
    (ZstdCodec(), {"name": "zstd", "configuration": {"level": 0, "checksum": False}}),
    (
        ZstdCodec(level=-7, checksum=True),
        {"name": "zstd", "configuration": {"level": -7, "checksum": True}},
    ),
    (
        BloscCodec(typesize=4, cname="lz4", shuffle="shuffle"),
        {"name": "blosc", "configuration": BLOSC},
    ),
    (TransposeCodec(order=[2, 0, 1]), {"name": "transpose", "configuration": {"order": [2, 0, 1]}}),
    (VLenUTF8Codec(), {"name": "vlen-utf8", "configuration": {}}),
    (VLenBytesCodec(), {"name": "vlen-bytes", "configuration": {}}),
    (
        ShardingCodec(chunk_shape=(2, 3), index_location="start"),
        {
            "name": "sharding_indexed",
            "configuration": {
                "chunk_shape": [2, 3],
                "codecs": [BYTES],
                "index_codecs": [BYTES, {"name": "crc32c"}],
                "index_location": "start",
            },
        },
    ),
    (ScaleOffset(), {"name": "scale_offset"}),
    (ScaleOffset(offset=5), {"name": "scale_offset", "configuration": {"offset": 5}}),
    (
        ScaleOffset(offset="NaN", scale=0.1),
        {"name": "scale_offset", "configuration": {"offset": "NaN", "scale": 0.1}},
    ),
    (CastValue(data_type="uint8"), {"name": "cast_value", "configuration": {"data_type": "uint8"}}),
    (
        CastValue(
            data_type="int16",
            rounding="towards-zero",
            out_of_range="clamp",
            scalar_map={"encode": [["NaN", -1]], "decode": [[-1, "NaN"]]},
        ),
        {
            "name": "cast_value",
            "configuration": {
                "data_type": "int16",
                "rounding": "towards-zero",
                "out_of_range": "clamp",
                "scalar_map": {"encode": [["NaN", -1]], "decode": [[-1, "NaN"]]},
            },
        },
    ),
    (wrappers.Zlib(level=3), {"name": "numcodecs.zlib", "configuration": {"level": 3}}),
    (wrappers.Delta(dtype="<i4"), {"name": "numcodecs.delta", "configuration": {"dtype": "<i4"}}),
    (wrappers.BZ2(), {"name": "numcodecs.bz2", "configuration": {}}),
]


@pytest.mark.parametrize(("codec", "document"), DOCUMENTS, ids=lambda value: repr(value)[:40])
def test_a_codec_is_written_as_its_document_and_made_of_it(
    codec: Any, document: dict[str, Any]
) -> None:
    assert json.loads(json.dumps(codec.to_dict())) == document
    assert type(codec).from_dict(document) == codec
    assert parse_codec(document) == codec
    assert pickle.loads(pickle.dumps(codec)) == codec


REPRS = [
    (BytesCodec(), "BytesCodec(endian='little')"),
    (Crc32cCodec(), "Crc32cCodec()"),
    (GzipCodec(), "GzipCodec(level=5)"),
    (ZstdCodec(level=1), "ZstdCodec(level=1, checksum=False)"),
    (
        BloscCodec(typesize=4),
        "BloscCodec(_tunable_attrs={'shuffle'}, typesize=4, cname='zstd', clevel=5, "
        "shuffle='bitshuffle', blocksize=0)",
    ),
    (TransposeCodec(order=(1, 0)), "TransposeCodec(order=(1, 0))"),
    (VLenUTF8Codec(), "VLenUTF8Codec()"),
    (
        ShardingCodec(chunk_shape=2),
        "ShardingCodec(chunk_shape=(2,), codecs=(BytesCodec(endian='little'),), "
        "index_codecs=(BytesCodec(endian='little'), Crc32cCodec()), index_location='end', "
        "subchunk_write_order='morton')",
    ),
    (ScaleOffset(offset=1), "ScaleOffset(offset=1, scale=1)"),
    (
        CastValue(data_type="uint8"),
        "CastValue(dtype=UInt8(), rounding='nearest-even', out_of_range=None, scalar_map=None)",
    ),
    (wrappers.Zlib(level=3), "Zlib(codec_name='numcodecs.zlib', codec_config={'level': 3})"),
]


@pytest.mark.parametrize(("codec", "expected"), REPRS, ids=lambda value: repr(value)[:40])
def test_a_codec_shows_what_it_was_made_of(codec: Any, expected: str) -> None:
    assert repr(codec) == expected


REFUSED: list[tuple[type, dict[str, Any], type[Exception], str]] = [
    (BytesCodec, {"endian": "native"}, ValueError, "endian must be one of"),
    (BytesCodec, {"endian": 1}, ValueError, "endian must be one of"),
    (GzipCodec, {"level": 10}, ValueError, "inclusive range"),
    (GzipCodec, {"level": -1}, ValueError, "inclusive range"),
    (GzipCodec, {"level": "a"}, TypeError, "'level'"),
    (GzipCodec, {"level": True}, TypeError, "'level'"),
    (GzipCodec, {"level": 1.0}, TypeError, "'level'"),
    (ZstdCodec, {"level": 23}, ValueError, "less than or equal to 22"),
    (ZstdCodec, {"level": "a"}, TypeError, "'level'"),
    (ZstdCodec, {"checksum": 1}, TypeError, "'checksum'"),
    (BloscCodec, {"cname": "foo"}, ValueError, "cname must be one of"),
    (BloscCodec, {"shuffle": "foo"}, ValueError, "shuffle must be one of"),
    (BloscCodec, {"shuffle": 1}, ValueError, "shuffle must be one of"),
    (BloscCodec, {"typesize": 0}, ValueError, "greater than 0"),
    (BloscCodec, {"typesize": 1.5}, TypeError, "'typesize'"),
    (BloscCodec, {"clevel": "a"}, TypeError, "'clevel'"),
    (BloscCodec, {"blocksize": "a"}, TypeError, "'blocksize'"),
    (TransposeCodec, {"order": 5}, TypeError, "iterable"),
    (TransposeCodec, {"order": ("a",)}, TypeError, "iterable of integers"),
    (TransposeCodec, {"order": (1.0, 0)}, TypeError, "iterable of integers"),
    (TransposeCodec, {"order": np.array([1, 0])}, TypeError, "iterable of integers"),
    (ShardingCodec, {"chunk_shape": (0,)}, ValueError, "must be >= 1"),
    (ShardingCodec, {"chunk_shape": (-1,)}, ValueError, "non-negative"),
    (ShardingCodec, {"chunk_shape": "a"}, TypeError, "iterable of integers"),
    (ShardingCodec, {"chunk_shape": (2.0,)}, TypeError, "iterable of integers"),
    (ShardingCodec, {"chunk_shape": None}, TypeError, "iterable of integers"),
    (ShardingCodec, {"chunk_shape": 2, "index_location": "x"}, ValueError, "index_location"),
    (ShardingCodec, {"chunk_shape": 2, "subchunk_write_order": "x"}, ValueError, "write order"),
    (ShardingCodec, {"chunk_shape": 2, "codecs": [5]}, TypeError, "Expected dict"),
    (ShardingCodec, {"chunk_shape": 2, "codecs": BytesCodec()}, TypeError, "Expected iterable"),
    (ShardingCodec, {"chunk_shape": 2, "codecs": [{"name": "?"}]}, UnknownCodecError, "'?'"),
    (
        ShardingCodec,
        {"chunk_shape": 2, "index_codecs": [BytesCodec(), GzipCodec()]},
        ValueError,
        "fixed-size",
    ),
    (ScaleOffset, {"offset": None}, TypeError, "offset must be a number or string"),
    (ScaleOffset, {"scale": [1]}, TypeError, "scale must be a number or string"),
    (CastValue, {"data_type": "uint8", "rounding": "x"}, ValueError, "rounding"),
    (CastValue, {"data_type": "uint8", "out_of_range": "x"}, ValueError, "out_of_range"),
    (CastValue, {"data_type": "uint8", "scalar_map": 5}, TypeError, "scalar_map"),
    (wrappers.Zlib, {"id": "gzip"}, ValueError, "does not match zlib"),
]


@pytest.mark.parametrize(("cls", "parameters", "error", "message"), REFUSED)
def test_wrong_parameters_are_refused(
    cls: type, parameters: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error) as caught:
        cls(**parameters)
    assert message in str(caught.value)


WRONG_DOCUMENTS: list[tuple[Any, Any, type[Exception], str]] = [
    (GzipCodec, {"name": "gzip"}, ValueError, "'configuration' key"),
    (GzipCodec, {"configuration": {}}, ValueError, "'name' key"),
    (GzipCodec, {"name": "zstd", "configuration": {}}, ValueError, "Expected 'gzip'"),
    (GzipCodec, {"name": "gzip", "configuration": []}, TypeError, "Expected dict"),
    (GzipCodec, {"name": "gzip", "configuration": {"x": 1}}, TypeError, "unexpected keyword"),
    (GzipCodec, "gzip", TypeError, "Expected dict"),
    (TransposeCodec, {"name": "transpose", "configuration": {}}, TypeError, "'order'"),
    (BytesCodec, {"name": "bytes", "configuration": {"endian": "x"}}, ValueError, "endian"),
    (wrappers.Zlib, {"name": "numcodecs.gzip", "configuration": {}}, ValueError, "zlib"),
    (ShardingCodec, {"name": "sharding_indexed", "configuration": {}}, TypeError, "chunk_shape"),
]


@pytest.mark.parametrize(("cls", "document", "error", "message"), WRONG_DOCUMENTS)
def test_wrong_documents_are_refused(
    cls: Any, document: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error) as caught:
        cls.from_dict(document)
    assert message in str(caught.value)


def test_a_name_alone_stands_for_a_codec_without_configuration() -> None:
    assert parse_codecs(["bytes", "crc32c"]) == (BytesCodec(endian=None), Crc32cCodec())


def test_the_former_name_of_the_bytes_codec_is_read() -> None:
    document = {"name": "endian", "configuration": {"endian": "big"}}
    assert parse_codec(document) == BytesCodec(endian="big")


@pytest.mark.parametrize("data", ["bytes", {"name": "bytes"}, 5, BytesCodec()])
def test_a_chain_must_be_an_iterable_of_codecs(data: Any) -> None:
    with pytest.raises(TypeError, match="Expected iterable"):
        parse_codecs(data)


@pytest.mark.parametrize(
    ("holder", "member"),
    [
        (BloscShuffle, "shuffle"),
        (BloscShuffle, "noshuffle"),
        (BloscCname, "zstd"),
        (Endian, "big"),
        (ShardingCodecIndexLocation, "start"),
    ],
)
def test_members_of_the_former_enumerations_are_strings_with_a_warning(
    holder: type, member: str
) -> None:
    with pytest.warns(DeprecationWarning, match=f"{holder.__name__}.{member} is deprecated"):
        value = getattr(holder, member)
    assert value == member
    with pytest.raises(AttributeError):
        _ = holder.absent  # type: ignore[attr-defined]


def test_numbers_of_numcodecs_shuffles_have_names() -> None:
    assert [BloscShuffle.from_int(number) for number in range(3)] == [
        "noshuffle",
        "shuffle",
        "bitshuffle",
    ]
    with pytest.raises(ValueError, match="between 0 and 2"):
        BloscShuffle.from_int(3)


class Choice(Enum):
    """An enumeration of a program of its own."""

    end = "end"
    shuffle = "shuffle"
    lz4 = "lz4"
    big = "big"
    nowhere = "nowhere"


def test_members_of_any_enumeration_stand_for_their_values() -> None:
    made: list[tuple[Any, Any]] = [
        (
            ShardingCodec(chunk_shape=(1,), index_location=Choice.end),  # type: ignore[arg-type]
            ShardingCodec(chunk_shape=(1,), index_location="end"),
        ),
        (
            BloscCodec(typesize=4, shuffle=Choice.shuffle, cname=Choice.lz4),  # type: ignore[arg-type]
            BloscCodec(typesize=4, shuffle="shuffle", cname="lz4"),
        ),
        (BytesCodec(endian=Choice.big), BytesCodec(endian="big")),  # type: ignore[arg-type]
    ]
    for found, expected in made:
        assert found == expected
        assert repr(found) == repr(expected)
        assert json.dumps(found.to_dict()) == json.dumps(expected.to_dict())
    with pytest.raises(ValueError, match="index_location"):
        ShardingCodec(chunk_shape=(1,), index_location=Choice.nowhere)  # type: ignore[arg-type]


def test_codecs_name_their_twins_of_numcodecs() -> None:
    numcodecs = pytest.importorskip("numcodecs")
    found: list[tuple[Any, Any]] = [
        (ZstdCodec(level=3)._zstd_codec, numcodecs.Zstd(level=3)),
        (GzipCodec(level=2)._gzip_codec, numcodecs.GZip(level=2)),
        (
            BloscCodec(typesize=4, shuffle="bitshuffle", cname="lz4", clevel=1)._blosc_codec,
            numcodecs.Blosc(cname="lz4", clevel=1, shuffle=numcodecs.Blosc.BITSHUFFLE),
        ),
    ]
    for one, other in found:
        assert one == other
        assert bytes(one.decode(one.encode(b"abc" * 9))) == b"abc" * 9
