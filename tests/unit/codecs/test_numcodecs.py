"""The codecs of numcodecs in format 3 write the bytes of numcodecs."""

from __future__ import annotations

from typing import Any

import numcodecs
import numpy as np
import pytest

import zarr.codecs.numcodecs as wrappers
from zarr.codecs import BytesCodec
from zarr.codecs.base import OneChunk
from zarr.codecs.chain import v3_chain
from zarr.codecs.configuration import InnerGrid
from zarr.registry import get_codec_class

ARRAY = (np.arange(24, dtype="f8") / 4).reshape(4, 6)
DATA = ARRAY.tobytes()

PUBLIC = [name for name in wrappers.__all__ if not name.startswith("_")]


@pytest.mark.parametrize("name", PUBLIC)
def test_each_is_found_by_its_name_and_written_with_it(name: str) -> None:
    cls = getattr(wrappers, name)
    assert get_codec_class(cls.codec_name) is cls
    codec = cls(some="thing")
    document = {"name": cls.codec_name, "configuration": {"some": "thing"}}
    assert codec.to_dict() == document
    assert cls.from_dict(document) == codec
    assert codec.codec_config == {"id": cls.codec_name.removeprefix("numcodecs."), "some": "thing"}


@pytest.mark.parametrize(
    ("codec", "theirs"),
    [
        (wrappers.Zlib(level=3), numcodecs.Zlib(3)),
        (wrappers.GZip(level=3), numcodecs.GZip(3)),
        (wrappers.Zstd(level=3), numcodecs.Zstd(3)),
        (wrappers.LZ4(), numcodecs.LZ4()),
        (wrappers.Blosc(cname="zstd"), numcodecs.Blosc("zstd")),
        (wrappers.Shuffle(), numcodecs.Shuffle(8)),
        (wrappers.BZ2(), numcodecs.BZ2()),
        (wrappers.LZMA(), numcodecs.LZMA()),
        (wrappers.CRC32(), numcodecs.CRC32()),
        (wrappers.Adler32(), numcodecs.Adler32()),
        (wrappers.Fletcher32(), numcodecs.Fletcher32()),
        (wrappers.JenkinsLookup3(), numcodecs.JenkinsLookup3()),
    ],
    ids=repr,
)
def test_bytes_are_coded_as_numcodecs_codes_them(coding: Any, codec: Any, theirs: Any) -> None:
    code = coding(codec, ARRAY.shape, ARRAY.dtype)
    encoded = code.encode(DATA)
    assert bytes(memoryview(np.ascontiguousarray(theirs.decode(encoded))).cast("B")) == DATA
    other = bytes(memoryview(np.ascontiguousarray(theirs.encode(DATA))).cast("B"))
    assert code.decode(other) == DATA
    if codec.is_fixed_size:
        assert len(encoded) == codec.compute_encoded_size(len(DATA), code.chunk)


ARRAYS = [
    (wrappers.Delta(), ARRAY, numcodecs.Delta("<f8")),
    (wrappers.Delta(dtype="<i4", astype="<i8"), ARRAY.astype("i4"), numcodecs.Delta("<i4", "<i8")),
    (wrappers.AsType(encode_dtype="<f4"), ARRAY, numcodecs.AsType("<f4", "<f8")),
    (wrappers.BitRound(keepbits=20), ARRAY, numcodecs.BitRound(20)),
    (wrappers.Quantize(digits=2), ARRAY, numcodecs.Quantize(2, "<f8")),
    (wrappers.Quantize(digits=2, astype="<f4"), ARRAY, numcodecs.Quantize(2, "<f8", "<f4")),
    (
        wrappers.FixedScaleOffset(offset=0, scale=4, astype="u1"),
        ARRAY,
        numcodecs.FixedScaleOffset(0, 4, "<f8", "u1"),
    ),
    (wrappers.PackBits(), ARRAY > 3, numcodecs.PackBits()),
]


@pytest.mark.parametrize(("codec", "array", "theirs"), ARRAYS, ids=lambda value: repr(value)[:30])
def test_arrays_are_coded_as_numcodecs_codes_them(
    spec: Any, coding: Any, codec: Any, array: Any, theirs: Any
) -> None:
    code = coding(codec, array.shape, array.dtype)
    encoded = code.encode(array)
    expected = theirs.encode(array)
    assert encoded.tobytes() == expected.tobytes()
    resolved = code.codec.resolve_metadata(code.chunk)
    assert encoded.nbytes == np.prod(resolved.shape) * resolved.dtype.to_native_dtype().itemsize
    np.testing.assert_array_equal(code.decode(encoded), array)

    chunk = spec(array.shape, array.dtype)
    one = OneChunk(v3_chain([codec, BytesCodec()], chunk), chunk)
    stored = one.encode(array)
    assert stored is not None
    assert stored.to_bytes() == expected.tobytes()
    np.testing.assert_array_equal(one.decode(stored), array)


@pytest.mark.parametrize("codec", [wrappers.Delta(), wrappers.BitRound(keepbits=40)])
def test_the_order_in_memory_does_not_matter(coding: Any, codec: Any) -> None:
    code = coding(codec, ARRAY.shape, ARRAY.dtype)
    assert code.encode(np.asfortranarray(ARRAY)).tobytes() == code.encode(ARRAY).tobytes()


def test_settings_left_out_are_taken_from_the_elements(spec: Any) -> None:
    chunk = spec((4,), "f8")
    assert wrappers.Shuffle().evolve_from_array_spec(chunk) == wrappers.Shuffle(elementsize=8)
    for cls in (wrappers.FixedScaleOffset, wrappers.Quantize, wrappers.Delta):
        assert cls().evolve_from_array_spec(chunk) == cls(dtype="float64")
    assert wrappers.AsType().evolve_from_array_spec(chunk) == wrappers.AsType(
        decode_dtype="float64"
    )
    assert (
        wrappers.Shuffle(elementsize=2).evolve_from_array_spec(chunk).codec_config["elementsize"]
        == 2
    )


def test_bits_are_packed_of_booleans_only(spec: Any) -> None:
    grid: Any = InnerGrid((4,))
    wrappers.PackBits().validate(shape=(4,), dtype=spec((4,), "bool").dtype, chunk_grid=grid)
    with pytest.raises(ValueError, match="requires bool dtype"):
        wrappers.PackBits().validate(shape=(4,), dtype=spec((4,), "i4").dtype, chunk_grid=grid)


def test_a_name_must_have_the_prefix() -> None:
    class Own(wrappers._NumcodecsBytesBytesCodec, codec_name="own"):
        pass

    assert repr(Own(a=1)) == "Own(codec_name='numcodecs.own', codec_config={'a': 1})"

    class Bare(wrappers._NumcodecsBytesBytesCodec):
        codec_name = "bare"

    with pytest.raises(ValueError, match=r"start with 'numcodecs\.'"):
        Bare()
