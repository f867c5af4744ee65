"""Codecs of format 3 become links of the engine, in an order that makes a chain."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

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
    ZstdCodec,
)
from zarr.codecs.chain import codecs_from_list, evolve, split, v3_chain
from zarr.errors import ZarrUserWarning

if TYPE_CHECKING:
    from zarr.abc.codec import BytesBytesCodec

T1 = TransposeCodec(order=(0,))


def test_a_chain_has_three_parts() -> None:
    codecs = (T1, BytesCodec(), GzipCodec(), Crc32cCodec())
    assert split(codecs) == ((T1,), BytesCodec(), (GzipCodec(), Crc32cCodec()))


@pytest.mark.parametrize(
    ("codecs", "error", "message"),
    [
        ([], ValueError, "At least one ArrayBytesCodec"),
        ([GzipCodec()], ValueError, "At least one ArrayBytesCodec"),
        ([T1], ValueError, "At least one ArrayBytesCodec"),
        ([BytesCodec(), BytesCodec()], ValueError, "Only one ArrayBytesCodec"),
        ([BytesCodec(), T1], TypeError, "Invalid codec order. ArrayArrayCodec"),
        ([BytesCodec(), GzipCodec(), T1], TypeError, "Invalid codec order. ArrayArrayCodec"),
        ([GzipCodec(), BytesCodec()], TypeError, "Invalid codec order. ArrayBytesCodec"),
        ([T1, GzipCodec(), BytesCodec()], TypeError, "Invalid codec order. BytesBytesCodec"),
        ([5], TypeError, "Expected a codec"),
    ],
)
def test_codecs_that_make_no_chain_are_refused(
    spec: Any, codecs: list[Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        split(codecs)
    with pytest.raises(error, match=message):
        v3_chain(codecs, spec((4,), "u1"))


def test_codecs_around_shards_are_warned_of_when_a_chain_is_made() -> None:
    shard = ShardingCodec(chunk_shape=(2,))
    with pytest.warns(ZarrUserWarning, match="disables partial reads"):
        codecs_from_list([shard, GzipCodec()])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        codecs_from_list([shard])
        codecs_from_list([BytesCodec(), GzipCodec()])


def test_native_codecs_become_links_with_their_parameters(spec: Any) -> None:
    codecs = [
        TransposeCodec(order=(1, 0)),
        BytesCodec(endian="big"),
        ZstdCodec(level=3, checksum=True),
        GzipCodec(level=1),
        BloscCodec(cname="lz4"),
        Crc32cCodec(),
    ]
    assert v3_chain(codecs, spec((2, 3), "f8")) == (
        ("transpose", (1, 0)),
        ("bytes", 8),
        ("zstd", (3, True)),
        ("gzip", 1),
        ("blosc", ("lz4", 5, 1, 8, 0)),
        ("crc32c", "end"),
    )


def test_shards_become_links_within_links(spec: Any) -> None:
    codec = ShardingCodec(
        chunk_shape=(1, 3),
        codecs=[BytesCodec(), ZstdCodec()],
        index_codecs=[BytesCodec(endian="big"), Crc32cCodec()],
        index_location="start",
        subchunk_write_order="colexicographic",
    )
    assert v3_chain([codec], spec((2, 3), "f4")) == (
        (
            "sharding_indexed",
            (
                (1, 3),
                (("bytes", 0), ("zstd", (0, False))),
                (("bytes", 8), ("crc32c", "end")),
                "start",
                "colexicographic",
            ),
        ),
    )


@pytest.mark.parametrize(
    ("codec", "dtype", "link"),
    [
        (wrappers.Zlib(), "i4", ("zlib", 1)),
        (wrappers.GZip(level=7), "i4", ("gzip", 7)),
        (wrappers.Zstd(level=40), "i4", ("zstd", (22, False))),
        (wrappers.LZ4(acceleration=3), "i4", ("lz4", 3)),
        (wrappers.Shuffle(), "i4", ("shuffle", 4)),
        (wrappers.Shuffle(elementsize=2), "i4", ("shuffle", 2)),
        (wrappers.Blosc(), "i4", ("blosc", ("lz4", 5, 1, 4, 0))),
        (wrappers.Blosc(shuffle=-1, cname="zstd"), "u1", ("blosc", ("zstd", 5, 2, 1, 0))),
        (wrappers.CRC32C(), "i4", ("crc32c", "end")),
    ],
)
def test_codecs_of_numcodecs_that_the_engine_has_become_links(
    spec: Any, codec: Any, dtype: str, link: Any
) -> None:
    assert v3_chain([BytesCodec(), codec], spec((2, 3), dtype))[1] == link


def test_delta_becomes_a_link_where_it_keeps_the_type(spec: Any) -> None:
    assert v3_chain([wrappers.Delta(), BytesCodec()], spec((4,), "i4"))[0] == ("delta", "<i4")
    widened = wrappers.Delta(dtype="<i4", astype="<i8")
    chain = v3_chain([widened, BytesCodec(endian="big")], spec((4,), "i4"))
    assert chain[0][0] == "python"
    assert chain[1] == ("bytes", 8)


def test_each_codec_is_fitted_to_what_the_one_before_it_makes(spec: Any) -> None:
    codecs = [CastValue(data_type="uint8"), BytesCodec(), BloscCodec()]
    assert evolve(codecs, spec((4,), "f8")) == (
        codecs[0],
        BytesCodec(endian=None),
        BloscCodec(typesize=1, shuffle="bitshuffle"),
    )
    chain = v3_chain(codecs, spec((4,), "f8"))
    assert [name for name, _ in chain] == ["python", "bytes", "blosc"]
    assert chain[2][1][3] == 1


def test_other_codecs_become_adapters(spec: Any) -> None:
    codecs = [ScaleOffset(offset=1), BytesCodec(), wrappers.BZ2()]
    chain = v3_chain(codecs, spec((4,), "f8"))
    assert [name for name, _ in chain] == ["python", "bytes", "python"]
    kinds = [chain[0][1].kind, chain[2][1].kind]
    assert kinds == ["array_array", "bytes_bytes"]
    assert [chain[0][1].name, chain[2][1].name] == ["scale_offset", "numcodecs.bz2"]


@dataclass(frozen=True)
class Renamed(GzipCodec):
    """Changes nothing that matters for coding."""

    def to_dict(self) -> Any:
        return {"name": "renamed", "configuration": {"level": self.level}}


@dataclass(frozen=True)
class Reversed(GzipCodec):
    """Codes in its own way."""

    def _encode_sync(self, chunk_data: Any, chunk_spec: Any) -> Any:
        return chunk_spec.prototype.buffer.from_bytes(chunk_data.to_bytes()[::-1])

    def _decode_sync(self, chunk_data: Any, chunk_spec: Any) -> Any:
        return chunk_spec.prototype.buffer.from_bytes(chunk_data.to_bytes()[::-1])


@dataclass(frozen=True)
class Awaited(ZstdCodec):
    """Codes in its own way, asynchronously."""

    async def _encode_single(self, chunk_data: Any, chunk_spec: Any) -> Any:
        return chunk_data

    async def _decode_single(self, chunk_data: Any, chunk_spec: Any) -> Any:
        return chunk_data


def test_a_subclass_that_codes_itself_is_not_the_engines(spec: Any) -> None:
    def first(codec: BytesBytesCodec) -> str:
        return v3_chain([BytesCodec(), codec], spec((4,), "u1"))[1][0]

    assert first(Renamed()) == "gzip"
    assert first(Reversed()) == "python"
    assert first(Awaited()) == "python"


def test_a_codec_that_does_not_fit_the_elements_is_refused(spec: Any) -> None:
    with pytest.raises(ValueError, match="endian"):
        v3_chain([BytesCodec(endian=None)], spec((4,), "i4"))
    with pytest.raises(ValueError, match="order"):
        v3_chain([TransposeCodec(order=(1, 0)), BytesCodec()], spec((4,), "i4"))
    with pytest.raises(ValueError, match="divided"):
        v3_chain([ShardingCodec(chunk_shape=(3,))], spec((4,), "i4"))


def test_native_chains_hold_no_python_objects(spec: Any) -> None:
    codecs = [ShardingCodec(chunk_shape=(2,), codecs=[BytesCodec(), BloscCodec()]), GzipCodec()]
    plain = (tuple, str, int, bool, type(None))

    def check(value: Any) -> None:
        assert isinstance(value, plain)
        if isinstance(value, tuple):
            for item in value:
                check(item)

    check(v3_chain(codecs, spec((4,), np.dtype("i4"))))
