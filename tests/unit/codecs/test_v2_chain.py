"""Filters and a compressor of format 2 become links, and write the bytes of numcodecs."""

from __future__ import annotations

import json
from typing import Any

import numcodecs
import numpy as np
import pytest

import zarr
from zarr.buffer import default_buffer_prototype
from zarr.codecs.base import OneChunk
from zarr.codecs.chain import v2_chain
from zarr.errors import ChunkDecodeError, PickleCodecDisabledError, UnknownCodecError
from zarr.settings import config

SHAPE = (6, 8)
F = ("transpose", (1, 0))


def _links(
    filters: Any, compressor: Any, dtype: Any = "<f8", order: Any = "C", ndim: int = 2
) -> list[Any]:
    chain = v2_chain(filters, compressor, np.dtype(dtype), order, ndim)
    names = {"python": lambda link: link[1].name, "vlen": lambda link: link[1][0]}
    return [(link[0], names[link[0]](link)) if link[0] in names else link for link in chain]


@pytest.mark.parametrize(
    ("filters", "compressor", "dtype", "order", "expected"),
    [
        (None, None, "<f8", "C", [("bytes", 0)]),
        ([], None, "<f8", "F", [F, ("bytes", 0)]),
        (None, {"id": "zstd"}, "<f8", "C", [("bytes", 0), ("zstd", (0, False))]),
        (None, {"id": "zstd", "level": 99}, "<f8", "C", [("bytes", 0), ("zstd", (22, False))]),
        (None, {"id": "gzip", "level": -1}, "<f8", "C", [("bytes", 0), ("gzip", 6)]),
        (None, {"id": "zlib"}, "<f8", "C", [("bytes", 0), ("zlib", 1)]),
        (None, {"id": "lz4"}, "<f8", "C", [("bytes", 0), ("lz4", 1)]),
        (None, {"id": "blosc"}, "<f8", "C", [("bytes", 0), ("blosc", ("lz4", 5, 1, 8, 0))]),
        (
            None,
            {"id": "blosc", "cname": "zstd", "clevel": 1, "shuffle": -1, "blocksize": 64},
            "<f8",
            "C",
            [("bytes", 0), ("blosc", ("zstd", 1, 1, 8, 64))],
        ),
        (
            None,
            {"id": "blosc", "shuffle": -1},
            "|u1",
            "C",
            [("bytes", 0), ("blosc", ("lz4", 5, 2, 1, 0))],
        ),
        (
            None,
            {"id": "blosc", "shuffle": -1},
            "|S300",
            "C",
            [("bytes", 0), ("blosc", ("lz4", 5, 2, 1, 0))],
        ),
        (
            [{"id": "delta", "dtype": "<f8"}],
            {"id": "blosc"},
            "<f8",
            "F",
            [F, ("delta", "<f8"), ("bytes", 0), ("blosc", ("lz4", 5, 1, 8, 0))],
        ),
        ([{"id": "delta", "dtype": ">i4"}], None, ">i4", "C", [("delta", ">i4"), ("bytes", 0)]),
        (
            [{"id": "shuffle", "elementsize": 8}],
            {"id": "blosc", "shuffle": -1},
            "<f8",
            "C",
            [("bytes", 0), ("shuffle", 8), ("blosc", ("lz4", 5, 2, 1, 0))],
        ),
        (
            [{"id": "delta", "dtype": "<i4", "astype": "<i2"}],
            None,
            "<i4",
            "C",
            [("python", "delta")],
        ),
        (None, {"id": "bz2"}, "<f8", "F", [("python", "bz2")]),
        (
            [{"id": "bitround", "keepbits": 3}],
            {"id": "bz2"},
            "<f8",
            "C",
            [("bitround", ("<f8", 3)), ("python", "bz2")],
        ),
        (
            [{"id": "astype", "encode_dtype": "<f4", "decode_dtype": "<f8"}],
            {"id": "blosc"},
            "<f8",
            "C",
            [("python", "astype"), ("blosc", ("lz4", 5, 1, 4, 0))],
        ),
        (
            [{"id": "zlib"}, {"id": "crc32"}],
            {"id": "lz4"},
            "<f8",
            "C",
            [("bytes", 0), ("zlib", 1), ("python", "crc32"), ("lz4", 1)],
        ),
        (
            [{"id": "vlen-utf8"}],
            {"id": "zstd"},
            "O",
            "F",
            [F, ("vlen", "vlen-utf8"), ("zstd", (0, False))],
        ),
        ([{"id": "json2"}], {"id": "zstd"}, "O", "F", [("python", "json2"), ("zstd", (0, False))]),
    ],
)
def test_configurations_become_links(
    filters: Any, compressor: Any, dtype: str, order: str, expected: list[Any]
) -> None:
    assert _links(filters, compressor, dtype, order) == expected


COMPRESSORS = [
    None,
    numcodecs.Zstd(level=3),
    numcodecs.GZip(),
    numcodecs.Zlib(level=9),
    numcodecs.LZ4(),
    *(
        numcodecs.Blosc(cname, 5, shuffle)
        for cname in ("lz4", "zstd", "zlib")
        for shuffle in (-1, 0, 1, 2)
    ),
    numcodecs.BZ2(),
    numcodecs.LZMA(),
]
FILTERS: list[Any] = [
    [],
    [numcodecs.Delta("<i4")],
    [numcodecs.Shuffle(4)],
    [numcodecs.Delta("<i4"), numcodecs.Shuffle(4)],
    [numcodecs.Delta("<i4", "<i2")],
    [numcodecs.FixedScaleOffset(0, 1, "<i4", "<i2"), numcodecs.Delta("<i2")],
    [numcodecs.AsType("<i8", "<i4")],
    [numcodecs.CRC32()],
    [numcodecs.Zlib(), numcodecs.Adler32()],
    [numcodecs.Fletcher32()],
]


def _encoded(array: Any, codecs: list[Any], order: Any) -> Any:
    encoded: Any = np.asarray(array, order=order)
    for codec in codecs:
        encoded = codec.encode(encoded)
    if isinstance(encoded, np.ndarray):
        return encoded.tobytes(order="A")
    return bytes(encoded)


def _decoded(data: bytes, codecs: list[Any], dtype: Any, order: Any) -> Any:
    decoded: Any = data
    for codec in reversed(codecs):
        decoded = codec.decode(decoded)
    raw = decoded if isinstance(decoded, np.ndarray) else np.frombuffer(decoded, np.uint8)
    return raw.reshape(-1, order="A").view(dtype).reshape(SHAPE, order=order)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("compressor", COMPRESSORS, ids=repr)
@pytest.mark.parametrize("filters", FILTERS, ids=repr)
def test_numcodecs_reads_what_is_written_and_the_reverse(
    spec: Any, filters: list[Any], compressor: Any, order: Any
) -> None:
    array = (np.arange(48, dtype="<i4") ** 2 % 1000).reshape(SHAPE)
    codecs = [*filters, *([compressor] if compressor else [])]
    one = OneChunk(v2_chain(filters, compressor, array.dtype, order, 2), spec(SHAPE, "<i4", None))
    stored = one.encode(array)
    assert stored is not None
    np.testing.assert_array_equal(_decoded(stored.to_bytes(), codecs, array.dtype, order), array)
    theirs = stored.from_bytes(_encoded(array, codecs, order))
    np.testing.assert_array_equal(one.decode(theirs), array)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("codec", [numcodecs.VLenUTF8(), numcodecs.JSON()], ids=repr)
def test_objects_are_coded_as_numcodecs_codes_them(spec: Any, codec: Any, order: Any) -> None:
    from dataclasses import replace

    array = np.array([["a", "bb", ""], ["é", "x" * 300, "z"]], dtype=object)
    chunk = replace(spec((2, 3), str, ""), dtype=_ObjectType())
    one = OneChunk(v2_chain([codec], numcodecs.Zlib(), array.dtype, order, 2), chunk)
    stored = one.encode(array)
    assert stored is not None
    assert one.decode(stored).tolist() == array.tolist()
    theirs = _encoded(array, [codec, numcodecs.Zlib()], order)
    assert one.decode(stored.from_bytes(theirs)).tolist() == array.tolist()


class _ObjectType:
    """A data type of objects, as far as coding asks."""

    item_size = None

    def to_native_dtype(self) -> np.dtype[Any]:
        return np.dtype(object)


def test_pickles_are_read_only_where_that_is_allowed_twice(
    spec: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dataclasses import replace

    array = np.array([{"a": 1}, None], dtype=object)
    chunk = replace(spec((2,), str, ""), dtype=_ObjectType(), fill_value=None)
    one = OneChunk(v2_chain([numcodecs.Pickle()], None, array.dtype, "C", 1), chunk)
    stored = one.encode(array)
    assert stored is not None
    with pytest.raises(PickleCodecDisabledError, match="allow_unsafe_pickle_decode"):
        one.decode(stored)
    with config.set({"array.allow_unsafe_pickle_decode": True}):
        # numcodecs has a gate of its own, which ours does not open.
        with pytest.raises(PickleCodecDisabledError, match="numcodecs"):
            one.decode(stored)
        monkeypatch.setattr("numcodecs.pickles.ALLOW_UNSAFE_PICKLE_DECODE", True)
        assert one.decode(stored).tolist() == array.tolist()


def test_objects_without_a_codec_are_refused() -> None:
    with pytest.raises(ValueError, match="need a filter"):
        v2_chain([], {"id": "zstd"}, np.dtype(object), "C", 1)


def test_a_codec_that_nobody_knows_is_named(spec: Any) -> None:
    one = OneChunk(v2_chain([{"id": "nobody"}], None, np.dtype("i4"), "C", 1), spec((2,), "i4"))
    with pytest.raises(UnknownCodecError, match="nobody"):
        one.encode(np.arange(2, dtype="i4") + 1)


def test_a_configuration_without_a_name_is_refused() -> None:
    with pytest.raises(ValueError, match="'id'"):
        v2_chain([{"level": 1}], None, np.dtype("i4"), "C", 1)
    with pytest.raises(TypeError, match="numcodecs"):
        v2_chain(None, 5, np.dtype("i4"), "C", 1)  # type: ignore[arg-type]


def test_a_filter_that_gives_too_little_is_an_error_that_names_it(spec: Any) -> None:
    one = OneChunk(v2_chain([numcodecs.BZ2()], None, np.dtype("i4"), "C", 1), spec((4,), "i4"))
    short = spec((4,), "i4").prototype.buffer.from_bytes(numcodecs.BZ2().encode(b"12345678"))
    with pytest.raises(ChunkDecodeError, match=r"'bz2' was to give 16 bytes .* gave 8"):
        one.decode(short)


@pytest.mark.parametrize("order", ["C", "F"])
def test_a_chain_may_be_used_as_one_codec(coding: Any, order: Any) -> None:
    from dataclasses import replace

    from zarr.codecs._v2 import V2Codec

    from zarr.metadata.spec import ArrayConfig

    array = np.arange(48, dtype="<i4").reshape(SHAPE)
    codecs = (numcodecs.Delta("<i4"), numcodecs.Zlib())
    code = coding(V2Codec(codecs[:1], codecs[1]), SHAPE, "<i4")
    code.chunk = replace(code.chunk, config=ArrayConfig(order, False))
    encoded = code.encode(array)
    np.testing.assert_array_equal(_decoded(encoded, list(codecs), array.dtype, order), array)
    np.testing.assert_array_equal(code.decode(encoded), array)


SHUFFLED = {
    "zarr_format": 2,
    "shape": [8],
    "chunks": [8],
    "dtype": "<i4",
    "fill_value": 0,
    "order": "C",
    "compressor": None,
    "filters": [{"id": "shuffle", "elementsize": 0}],
}
NUMBERS = np.arange(8, dtype="<i4")


def _stored(documents: dict[str, Any], chunk: bytes) -> dict[str, Any]:
    make = default_buffer_prototype().buffer.from_bytes
    values = {name: json.dumps(document).encode() for name, document in documents.items()}
    return {name: make(value) for name, value in {**values, "deep/x/0": chunk}.items()}


def test_a_shuffle_by_no_size_changes_nothing() -> None:
    chunk = bytes(numcodecs.Shuffle(0).encode(NUMBERS))
    store = _stored({".zgroup": {"zarr_format": 2}, "deep/x/.zarray": SHUFFLED}, chunk)
    array = zarr.open_array(store, path="deep/x", mode="r+")
    np.testing.assert_array_equal(array[:], NUMBERS)
    array[0] = 9
    assert store["deep/x/0"].to_bytes() == b"\x09" + NUMBERS.tobytes()[1:]


def test_a_new_array_is_not_shuffled_by_no_size() -> None:
    array: Any = zarr.create_array(
        {}, data=NUMBERS, zarr_format=2, filters=numcodecs.Shuffle(0), compressors=None
    )
    assert array.store._store_dict["0"].to_bytes() == NUMBERS.tobytes()
    # The size that means the same to the netCDF library.
    assert array.filters[0].get_config() == {"id": "shuffle", "elementsize": 1}
    np.testing.assert_array_equal(zarr.open_array(array.store)[:], NUMBERS)


@pytest.mark.parametrize(
    ("key", "mark"),
    [
        ("deep/x/.zattrs", {"_nczarr_array": {"storage": "chunked"}}),
        ("deep/x/.zarray", {**SHUFFLED, "_NCZARR_ARRAY": {}}),
        (".zattrs", {"_NCProperties": "version=2,netcdf=4.10.1,nczarr=2.0.0"}),
        (".zgroup", {"zarr_format": 2, "_nczarr_superblock": {"version": "2.0.0"}}),
        ("deep/.zattrs", {"_nczarr_group": {}}),
    ],
)
def test_the_netcdf_library_shuffles_by_the_size_of_the_elements(key: str, mark: Any) -> None:
    documents = {".zgroup": {"zarr_format": 2}, "deep/.zgroup": {"zarr_format": 2}}
    documents |= {"deep/x/.zarray": SHUFFLED, key: mark}
    store = _stored(documents, bytes(numcodecs.Shuffle(4).encode(NUMBERS)))
    opened = zarr.open_array(store, path="deep/x", mode="r+")
    for array in (opened, zarr.open_group(store)["deep/x"], zarr.open(store)["deep"]["x"]):
        np.testing.assert_array_equal(array[:], NUMBERS)
    members = dict(zarr.open_group(store).members(None))
    np.testing.assert_array_equal(members["deep/x"][:], NUMBERS)
    opened.resize((9,))  # the document is written anew
    opened.attrs["a"] = 1
    np.testing.assert_array_equal(zarr.open_array(store, path="deep/x")[:8], NUMBERS)
    consolidated = {"zarr_consolidated_format": 1, "metadata": documents}
    make = default_buffer_prototype().buffer.from_bytes
    store[".zmetadata"] = make(json.dumps(consolidated).encode())
    np.testing.assert_array_equal(zarr.open_consolidated(store)["deep/x"][:], NUMBERS)


@pytest.mark.parametrize("form", [1, 2, 3])
@pytest.mark.parametrize("zarr_format", [2, 3])
def test_a_stream_of_lzma_that_tells_its_filters_is_read(form: int, zarr_format: Any) -> None:
    lzma = pytest.importorskip("lzma")
    filters: list[dict[str, Any]] = [{"id": lzma.FILTER_LZMA2, "preset": 1}]
    if form == 2:  # the older form knows one filter only
        filters = [{"id": lzma.FILTER_LZMA1, "preset": 1}]
    if form != 2:
        filters.insert(0, {"id": lzma.FILTER_DELTA, "dist": 4})
    codec = numcodecs.LZMA(format=form, filters=filters)
    array = zarr.create_array({}, data=NUMBERS, compressors=[codec], zarr_format=zarr_format)
    np.testing.assert_array_equal(zarr.open_array(array.store)[:], NUMBERS)
