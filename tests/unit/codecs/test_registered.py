"""The codecs of the extension registry store the bytes that their specifications define."""

from __future__ import annotations

import json
from typing import Any

import numcodecs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import zarr
from zarr.codecs import (
    BitRoundCodec,
    BytesCodec,
    Crc32cCodec,
    GzipCodec,
    JpegCodec,
    JpegXLCodec,
    N5DefaultCodec,
    OffsetCodec,
    OptionalCodec,
    PackBitsCodec,
    PadCodec,
    ReshapeCodec,
    ShardingCodec,
    SingletonDimCodec,
    TransposeCodec,
    ZfpCodec,
    ZstdCodec,
)
from zarr.errors import ChunkDecodeError

BIG = BytesCodec(endian="big")


def written(array: Any, **codecs: Any) -> tuple[Any, bytes]:
    """An array of one chunk, and the bytes of that."""
    store: dict[str, Any] = {}
    made: Any = zarr.create_array(
        store,
        shape=array.shape,
        chunks=array.shape,
        dtype=array.dtype,
        **{"compressors": None, **codecs},
        config={"write_empty_chunks": True},
    )
    made[...] = array
    (key,) = (key for key in store if key != "zarr.json")
    return zarr.open_array(store), store[key].to_bytes()


def replaced(array: Any, data: bytes) -> Any:
    """The same array with another first chunk."""
    (key,) = (key for key in array.store._store_dict if not key.endswith("zarr.json"))
    array.store._store_dict[key] = zarr.buffer.cpu.Buffer.from_bytes(data)
    return array[...]


# -- packbits -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("codec", "values", "dtype", "stored"),
    [
        ({}, [1, 0, 0, 1, 0, 0, 1, 0, 0, 1, 0, 0], "?", "4902"),
        ({"padding_encoding": "first_byte"}, [1, 0, 0, 1, 0, 0, 1, 0, 0, 1], "?", "064902"),
        ({"padding_encoding": "last_byte"}, [1, 0, 0, 1, 0, 0, 1, 0], "?", "4900"),
        ({"first_bit": 3, "last_bit": 9}, np.arange(10) * 37, "u2", "0042a221b96c40a514"),
        (
            {"first_bit": 0, "last_bit": 9},
            np.arange(-5, 5) * 37,
            "i2",
            "47b31db9eddb035082126f5002",
        ),
        ({"first_bit": 28}, [1.0, 2.0, -2.0], "f4", "430c"),
    ],
)
def test_bits_are_packed_from_the_least_significant_one(
    codec: Any, values: Any, dtype: str, stored: str
) -> None:
    array = np.array(values).astype(dtype)
    _, found = written(array, serializer=PackBitsCodec(**codec))
    assert found.hex() == stored


@given(data=st.data(), dtype=st.sampled_from(["u1", "i1", "<u2", ">i2", "<i4", ">u8", "<i8"]))
def test_the_bits_that_are_stored_come_back(data: Any, dtype: str) -> None:
    bits = np.dtype(dtype).itemsize * 8
    first = data.draw(st.integers(0, bits - 1))
    last = data.draw(st.integers(first, bits - 1))
    raw = data.draw(st.binary(min_size=bits, max_size=bits))
    values = np.frombuffer(raw, dtype)
    array, stored = written(values, serializer=PackBitsCodec(first_bit=first, last_bit=last))
    assert len(stored) == -(-values.size * (last - first + 1) // 8)
    width = last - first + 1
    expected = []
    for value in values.tolist():
        kept = value >> first & (1 << width) - 1
        negative = np.dtype(dtype).kind == "i" and kept >> (width - 1)
        expected.append((kept - (1 << width) if negative else kept) << first)
    assert array[...].tolist() == expected


def test_bits_that_a_type_does_not_have_are_refused() -> None:
    for dtype, codec in [
        ("u1", PackBitsCodec(last_bit=8)),
        ("i2", PackBitsCodec(first_bit=5, last_bit=4)),
        ("?", PackBitsCodec(last_bit=1)),
        ("f2", PackBitsCodec()),
        ("U4", PackBitsCodec()),
    ]:
        with pytest.raises(ValueError, match="packbits"):
            zarr.create_array({}, shape=3, dtype=dtype, serializer=codec)


# -- bitround -------------------------------------------------------------------------------------


@given(
    values=st.lists(st.floats(width=32, allow_nan=False), min_size=1),
    keepbits=st.integers(1, 23),
    dtype=st.sampled_from(["<f2", "<f4", ">f4", "<f8"]),
)
def test_floats_are_rounded_as_numcodecs_rounds_them(
    values: list[float], keepbits: int, dtype: str
) -> None:
    with np.errstate(over="ignore"):
        array = np.array(values).astype(dtype)
    keepbits = min(keepbits, 10) if dtype == "<f2" else keepbits
    expected = numcodecs.BitRound(keepbits).encode(array.astype(array.dtype.newbyteorder("=")))
    found, _ = written(array, filters=BitRoundCodec(keepbits=keepbits))
    again, _ = written(
        array, filters={"name": "numcodecs.bitround", "configuration": {"keepbits": keepbits}}
    )
    ours = np.asarray(found[...]).astype(array.dtype.newbyteorder("="))
    bits = f"u{array.dtype.itemsize}"
    finite = np.isfinite(ours)
    assert ours[finite].tobytes() == expected.view(bits).view(ours.dtype)[finite].tobytes()
    np.testing.assert_array_equal(again[...], found[...])


def test_nan_and_infinity_stay_as_they_are() -> None:
    values = np.array([0x7FFFFFFF, 0xFFFFFFFF, 0x7F800001, 0x7F800000], "u4").view("f4")
    array, _ = written(values, filters=BitRoundCodec(keepbits=1))
    assert array[...].tobytes() == values.tobytes()


@given(values=st.lists(st.integers(-(2**31), 2**31 - 1), min_size=1), keepbits=st.integers(1, 32))
def test_integers_keep_their_highest_bits(values: list[int], keepbits: int) -> None:
    array, _ = written(np.array(values, "i4"), filters=BitRoundCodec(keepbits=keepbits))
    for value, found in zip(values, array[...].tolist(), strict=True):
        drop = max(abs(value).bit_length() - keepbits, 0)
        assert abs(found) % (1 << drop) == 0
        assert abs(found - value) < 1 << drop or found == value


# -- reshape, singleton_dim -----------------------------------------------------------------------


def test_elements_stay_in_their_order() -> None:
    values = np.arange(24, dtype="u1").reshape(2, 3, 4)
    for shape in ([-1], [[0, 1], [2]], [4, 6], [[0], -1], [1, [0], [1], [2], 1], [[0, 1, 2]]):
        array, stored = written(values, filters=ReshapeCodec(shape=shape))
        assert stored == values.tobytes()
        np.testing.assert_array_equal(array[...], values)
        np.testing.assert_array_equal(array[1, 1:, ::2], values[1, 1:, ::2])


@pytest.mark.filterwarnings("ignore:Combining a `sharding_indexed` codec")
def test_later_codecs_see_the_new_dimensions() -> None:
    values = np.arange(24, dtype="u1").reshape(2, 3, 4)
    filters = [ReshapeCodec(shape=[[0, 1], [2]]), TransposeCodec(order=[1, 0])]
    array, stored = written(values, filters=filters)
    assert stored == values.reshape(6, 4).T.tobytes()
    np.testing.assert_array_equal(array[...], values)
    shards = ShardingCodec(chunk_shape=(2, 4), codecs=[BytesCodec(), ZstdCodec()])
    array, _ = written(values, filters=filters[:1], serializer=shards)
    np.testing.assert_array_equal(array[...], values)
    with pytest.raises(ValueError, match="chunk_shape"):
        written(values, filters=filters[:1], serializer=ShardingCodec(chunk_shape=(1, 1, 1)))


@pytest.mark.parametrize(
    "shape", [[5], [-1, 5], [[0], [2]], [3, [0], -1], [[3]], [[1], 2, 4], [2, [0], [1], [2]]]
)
def test_shapes_that_do_not_fit_are_refused(shape: Any) -> None:
    with pytest.raises(ValueError, match="cannot be reshaped"):
        written(np.zeros((2, 3, 4)), filters=ReshapeCodec(shape=shape))


@pytest.mark.parametrize("shape", [[-1, -1], [0], [-2], [[1], [0]], [[1, 1]], [[-1]], [[1, 0]]])
def test_shapes_that_nothing_fits_are_refused(shape: Any) -> None:
    with pytest.raises(ValueError, match="Got"):
        ReshapeCodec(shape=shape)


def test_axes_of_length_one_come_and_go() -> None:
    values = np.arange(12, dtype="i2").reshape(3, 1, 4)
    codec = SingletonDimCodec(operations=[{"insert": 0}, {"remove": 2}, {"insert": 3}])
    array, stored = written(values, filters=[codec, TransposeCodec(order=[3, 2, 1, 0])])
    assert stored == values.reshape(3, 4).T.tobytes()
    np.testing.assert_array_equal(array[...], values)
    for operations in ([{"remove": 0}], [{"remove": 3}], [{"insert": 4}]):
        with pytest.raises(ValueError):
            written(values, filters=SingletonDimCodec(operations=operations))
    for operations in ([{"drop": 0}], [{"insert": -1}], [{}], [{"insert": 0, "remove": 0}]):
        with pytest.raises(ValueError, match="Expected"):
            SingletonDimCodec(operations=operations)


# -- n5_default -----------------------------------------------------------------------------------

N5 = N5DefaultCodec(codecs=[TransposeCodec(order=[1, 0]), BIG])
HEADER = bytes.fromhex("0000 0002 00000002 00000003")


def test_blocks_of_n5_are_those_of_its_specification() -> None:
    values = np.arange(6, dtype="u2").reshape(2, 3)
    array, stored = written(values, serializer=N5)
    assert stored == HEADER + values.T.astype(">u2").tobytes()
    np.testing.assert_array_equal(array[...], values)
    packed = N5DefaultCodec(codecs=[TransposeCodec(order=[1, 0]), BIG, GzipCodec()])
    array, stored = written(values, serializer=packed)
    assert stored[: len(HEADER)] == HEADER
    assert numcodecs.GZip().decode(stored[len(HEADER) :]) == values.T.astype(">u2").tobytes()


@pytest.mark.parametrize("shape", [(1, 3), (2, 1), (4, 5), (1, 9), (2, 3)])
def test_blocks_of_other_shapes_are_cut_off_or_filled_up(shape: tuple[int, int]) -> None:
    array, _ = written(np.full((2, 3), 7, "u2"), serializer=N5)
    block = np.arange(1, 1 + shape[0] * shape[1], dtype=">u2").reshape(shape)
    header = b"\0\0\0\2" + np.array(shape, ">u4").tobytes()
    found = replaced(array, header + block.T.tobytes())
    expected = np.zeros((2, 3), "u2")
    expected[: shape[0], : shape[1]] = block[:2, :3]
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("0001 0002 00000002 00000003", "another mode"),
        ("0000 0003 00000002 00000003", "number of axes"),
        ("0000 0002 0000", "ends in its header"),
        ("0000 0002 ffffffff ffffffff", "much larger"),
        ("0000 0002 00000002 00000004", "length"),
    ],
)
def test_blocks_that_are_none_are_refused(header: str, message: str) -> None:
    values = np.arange(6, dtype="u2").reshape(2, 3)
    array, _ = written(values, serializer=N5)
    content = bytes(12) if len(header) > 20 else b""
    with pytest.raises(ChunkDecodeError, match=f"{message}.*codec (n5_default|bytes)"):
        replaced(array, bytes.fromhex(header) + content)


@pytest.mark.parametrize(
    ("dtype", "codecs"),
    [
        ("u2", [BIG]),
        ("u2", [TransposeCodec(order=[0, 1]), BIG]),
        ("u2", [TransposeCodec(order=[1, 0]), BytesCodec()]),
        ("u2", [TransposeCodec(order=[1, 0]), BIG, GzipCodec(), Crc32cCodec()]),
        ("c8", [TransposeCodec(order=[1, 0]), BIG]),
        ("f2", [TransposeCodec(order=[1, 0]), BIG]),
    ],
)
def test_codecs_that_make_no_block_of_n5_are_refused(dtype: str, codecs: Any) -> None:
    with pytest.raises(ValueError, match="N5"):
        written(np.zeros((2, 3), dtype), serializer=N5DefaultCodec(codecs=codecs))


# -- pad, offset, optional ------------------------------------------------------------------------


def test_bytes_are_added_where_the_codec_says() -> None:
    values = np.arange(4, dtype="u1")
    for codec, stored in [
        (PadCodec(location="start", nbytes=2, padding="SUk="), b"II\0\1\2\3"),
        (PadCodec(location="end", nbytes=3), b"\0\1\2\3\0\0\0"),
        (OffsetCodec(offset=1, prefix="/w=="), b"\xff\0\1\2\3"),
        (OffsetCodec(offset=0), b"\0\1\2\3"),
    ]:
        array, found = written(values, compressors=codec)
        assert found == stored
        assert array[...].tolist() == [0, 1, 2, 3]
    assert replaced(array, b"\4\3\2\1").tolist() == [4, 3, 2, 1]


def test_padding_that_is_not_what_it_says_is_refused() -> None:
    for parameters in ({"nbytes": 3, "padding": "SUk="}, {"nbytes": 2, "padding": "!"}):
        with pytest.raises(ValueError, match="padding"):
            PadCodec(location="start", **parameters)
    with pytest.raises(ValueError, match="offset"):
        OffsetCodec(offset=-1)
    with pytest.raises(ValueError, match="location"):
        PadCodec(location="middle", nbytes=1)  # type: ignore[arg-type]


def test_codecs_are_applied_where_they_help() -> None:
    noise = np.frombuffer(np.random.default_rng(0).bytes(1000), "u1")
    shuffle = {"name": "numcodecs.shuffle", "configuration": {"elementsize": 4}}
    codec = OptionalCodec(codecs=[shuffle, ZstdCodec()], header_bits=16)
    array, stored = written(noise, compressors=codec)
    assert stored == b"\0\0" + noise.tobytes()
    np.testing.assert_array_equal(array[...], noise)
    array, stored = written(np.zeros(1000, "u1"), compressors=codec)
    assert stored[:2] == b"\3\0"
    assert len(stored) < 100
    assert not array[...].any()
    shuffled = np.arange(1000).astype("u1")
    found = replaced(array, b"\1\0" + numcodecs.Shuffle(4).encode(shuffled).tobytes())
    np.testing.assert_array_equal(found, shuffled)
    with pytest.raises(ChunkDecodeError, match="codec 2 was applied"):
        replaced(array, b"\4\0" + noise.tobytes())


def test_the_choice_of_chunks_is_not_stored() -> None:
    codec = OptionalCodec(codecs=[ZstdCodec()], apply="never")
    array, stored = written(np.zeros(100, "u1"), compressors=codec)
    assert stored == bytes(101)
    document = json.loads(json.dumps(array.metadata.to_dict()["codecs"][-1]))
    assert set(document["configuration"]) == {"codecs", "header_bits"}
    document["configuration"]["apply"] = "never"
    with pytest.raises(TypeError, match="apply"):
        OptionalCodec.from_dict(document)
    for bits in (4, 0, 12):
        with pytest.raises(ValueError, match="header_bits"):
            OptionalCodec(codecs=[ZstdCodec()], header_bits=bits)
    with pytest.raises(TypeError, match="bytes to bytes"):
        OptionalCodec(codecs=[BytesCodec()])


# -- those of other packages ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("module", "codec", "extra"),
    [
        ("zfpy", {"serializer": ZfpCodec(mode="reversible")}, "zfp"),
        ("imagecodecs", {"serializer": JpegCodec(quality=9)}, "images"),
        ("imagecodecs", {"compressors": {"name": "lzw"}}, "images"),
        (
            "pyarrow",
            {"serializer": {"name": "arrow-ipc", "configuration": {"column_name": "x"}}},
            "arrow",
        ),
    ],
)
def test_a_missing_package_is_named(monkeypatch: Any, module: str, codec: Any, extra: str) -> None:
    monkeypatch.setitem(__import__("sys").modules, module, None)
    dtype = "f4" if extra == "zfp" else "u1"
    with pytest.raises(ModuleNotFoundError, match=rf"zarr\[{extra}\]"):
        written(np.ones((4, 4), dtype), **codec)


@pytest.mark.parametrize(
    "parameters",
    [
        {"mode": "lossless"},
        {"mode": "fixed_rate"},
        {"mode": "fixed_rate", "rate": 1000},
        {"mode": "fixed_accuracy", "tolerance": -1},
        {"mode": "reversible", "rate": 1},
        {"mode": "expert", "minbits": 7, "maxbits": 9, "maxprec": 3, "minexp": -9},
    ],
)
def test_modes_that_zfp_does_not_have_are_refused(parameters: Any) -> None:
    with pytest.raises(ValueError):
        ZfpCodec(**parameters)


def test_chunks_that_are_no_images_are_refused() -> None:
    for shape, dtype, codec in [
        ((4,), "u1", JpegCodec(quality=9)),
        ((4, 4), "u2", JpegCodec(quality=9)),
        ((4, 4, 3), "u1", JpegCodec(quality=9)),
        ((4, 4), "u1", JpegCodec(quality=9, encoded_color_space="rgb")),
        ((4, 4, 2), "u1", JpegCodec(quality=9)),
        (
            (4, 4, 3),
            "u1",
            JpegCodec(quality=9, encoded_color_space="rgb", subsampling=[[2, 2], [1, 1], [1, 1]]),
        ),
        ((4, 4), "u1", JpegXLCodec(bitspersample=9)),
        ((4, 4), "f4", JpegXLCodec(bitspersample=16)),
        ((4, 4), "i4", JpegXLCodec(bitspersample=16)),
        ((4,), "u1", JpegXLCodec(bitspersample=8)),
        ((1, 1, 1, 1, 1), "f4", ZfpCodec(mode="reversible")),
        ((4,), "u4", ZfpCodec(mode="reversible")),
        ((4,), "u1", ZfpCodec(mode="fixed_accuracy", tolerance=1)),
    ]:
        with pytest.raises(ValueError):
            zarr.create_array({}, shape=shape, dtype=dtype, serializer=codec)
    for parameters in ({"quality": 101}, {"quality": 9, "encoded_color_space": "cmyk"}):
        with pytest.raises(ValueError):
            JpegCodec(**parameters)
    for parameters in ({"bitspersample": 8, "distance": 1.0}, {"bitspersample": 8, "effort": 11}):
        with pytest.raises(ValueError):
            JpegXLCodec(**parameters)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("dtype", ["i1", "u1", "i2", "u2", "f2"])
def test_narrow_numbers_are_promoted_for_zfp_as_the_registry_says(dtype: str, order: str) -> None:
    pytest.importorskip("zfpy")
    codec = ZfpCodec(mode="reversible")
    bits = 8 * np.dtype(dtype).itemsize
    if dtype == "f2":
        values = np.array([0, 1.5, -2, 65504], order + dtype)
        promoted = values.astype("f4")
    else:
        limits = np.iinfo(dtype)
        numbers = [limits.min, -1 if limits.min else 1, 7, limits.max]
        values = np.array(numbers, order + dtype)
        middle = 1 << bits - 1 if dtype[0] == "u" else 0
        promoted = np.array([(number - middle) << (31 - bits) for number in numbers], "i4")
    array, stored = written(values, serializer=codec, compressors=None)
    assert stored == written(promoted, serializer=codec, compressors=None)[1]
    assert array[...].astype(dtype).tobytes() == values.astype(dtype).tobytes()
    lossy, _ = written(values, serializer=ZfpCodec(mode="fixed_precision", precision=3))
    assert lossy[...].shape == values.shape
