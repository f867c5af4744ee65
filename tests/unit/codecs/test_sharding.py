"""A shard is encoded and decoded, in whole and in part, outside of an array as in one."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import zarr
from zarr.abc.store import OffsetByteRequest, RangeByteRequest, SuffixByteRequest
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
from zarr.codecs.configuration import InnerGrid
from zarr.errors import ZarrUserWarning

ARRAY = np.arange(24, dtype="i4").reshape(4, 6)

CHAINS: list[dict[str, Any]] = [
    {},
    {"index_location": "start"},
    {"codecs": [BytesCodec(endian="big"), ZstdCodec()]},
    {"codecs": [TransposeCodec(order=(1, 0)), BytesCodec(), BloscCodec(), Crc32cCodec()]},
    {"index_codecs": [BytesCodec(endian="big")]},
    {"index_codecs": [TransposeCodec(order=(2, 0, 1)), BytesCodec(), Crc32cCodec()]},
    {"codecs": [ShardingCodec(chunk_shape=(1, 3), codecs=[BytesCodec(), GzipCodec()])]},
    *({"subchunk_write_order": o} for o in ("unordered", "lexicographic", "colexicographic")),
]


@dataclass
class Place:
    """Holds one value and tells which ranges of it were asked for."""

    value: Any = None
    asked: list[Any] = field(default_factory=list)

    async def get(self, prototype: Any, byte_range: Any = None) -> Any:
        self.asked.append(byte_range)
        if self.value is None or byte_range is None:
            return self.value
        size = len(self.value)
        if isinstance(byte_range, SuffixByteRequest):
            return self.value[max(0, size - byte_range.suffix) :]
        if isinstance(byte_range, OffsetByteRequest):
            return self.value[byte_range.offset :]
        assert isinstance(byte_range, RangeByteRequest)
        return self.value[byte_range.start : byte_range.end]

    async def set(self, value: Any) -> None:
        self.value = value

    async def delete(self) -> None:
        self.value = None


@pytest.mark.parametrize("parameters", CHAINS, ids=repr)
def test_a_shard_round_trips(coding: Any, parameters: dict[str, Any]) -> None:
    code = coding(ShardingCodec(chunk_shape=(2, 3), **parameters), (4, 6), "i4")
    np.testing.assert_array_equal(code.decode(code.encode(ARRAY)), ARRAY)


def test_a_shard_of_the_fill_value_is_not_stored(coding: Any) -> None:
    codec = ShardingCodec(chunk_shape=(2, 3))
    assert coding(codec, (4, 6), "i4", 7).encode(np.full((4, 6), 7, "i4")) is None
    kept = coding(codec, (4, 6), "i4", 7, write_empty_chunks=True)
    stored = kept.encode(np.full((4, 6), 7, "i4"))
    assert len(stored) == 4 * 6 * 4 + 4 * 16 + 4


def test_chunks_of_the_fill_value_are_left_out_of_a_shard(coding: Any) -> None:
    array = np.zeros((4, 6), "i4")
    array[3, 5] = 1
    code = coding(ShardingCodec(chunk_shape=(2, 3)), (4, 6), "i4")
    stored = code.encode(array)
    assert len(stored) == 2 * 3 * 4 + 4 * 16 + 4
    np.testing.assert_array_equal(code.decode(stored), array)


@pytest.mark.parametrize("size", [0, 1, 20, 67])
def test_a_shard_without_room_for_its_index_is_refused(coding: Any, size: int) -> None:
    with pytest.raises(ValueError, match=r"expected (at least )?68 bytes"):
        coding(ShardingCodec(chunk_shape=(2, 3)), (4, 6), "i4").decode(bytes(size))


def test_a_flipped_bit_of_the_index_is_found(coding: Any) -> None:
    code = coding(ShardingCodec(chunk_shape=(2, 3)), (4, 6), "i4")
    stored = bytearray(code.encode(ARRAY))
    stored[-10] ^= 1
    with pytest.raises(ValueError, match=r"checksum|crc32c"):
        code.decode(bytes(stored))


SELECTIONS: list[Any] = [
    (slice(None), slice(None)),
    (slice(1, 2), slice(2, 5)),
    (slice(0, 4, 3), slice(5, None, -2)),
    (slice(2, 2), slice(None)),
    (3, slice(None)),
    (-1, 2),
    (Ellipsis, 4),
    slice(1, 3),
    (np.array([0, 3, 3]), np.array([5, 0, -1])),
    (np.array([[0], [3]]), np.array([[1, 4, 4]])),
    (np.array([False, True, True, False]), slice(0, 2)),
    (np.array([], dtype=np.int64), slice(None)),
]


@pytest.mark.parametrize("selection", SELECTIONS, ids=repr)
@pytest.mark.parametrize("location", ["start", "end"])
def test_a_part_of_a_shard_is_read(spec: Any, coding: Any, selection: Any, location: Any) -> None:
    chunk = spec((4, 6), "i4")
    codec = ShardingCodec(chunk_shape=(2, 3), index_location=location)
    place = Place(chunk.prototype.buffer.from_bytes(coding(codec, (4, 6), "i4").encode(ARRAY)))
    (part,) = asyncio.run(_list(codec.decode_partial([(place, selection, chunk)])))
    np.testing.assert_array_equal(part.as_numpy_array(), ARRAY[selection])


def test_only_the_index_and_the_chunks_in_question_are_fetched(spec: Any, coding: Any) -> None:
    chunk = spec((40, 60), "i4")
    codec = ShardingCodec(chunk_shape=(20, 30))
    array = np.arange(2400, dtype="i4").reshape(40, 60)
    place = Place(chunk.prototype.buffer.from_bytes(coding(codec, (40, 60), "i4").encode(array)))
    asyncio.run(_list(codec.decode_partial([(place, (slice(0, 1), slice(0, 1)), chunk)])))
    assert place.asked[0] == SuffixByteRequest(4 * 16 + 4)
    fetched = sum(request.end - request.start for request in place.asked[1:])
    assert fetched <= 20 * 30 * 4


def test_a_part_of_what_is_not_stored_is_none(spec: Any) -> None:
    codec = ShardingCodec(chunk_shape=(2, 3))
    parts = codec.decode_partial([(Place(), (slice(None), slice(None)), spec((4, 6), "i4"))])
    assert asyncio.run(_list(parts)) == [None]


def test_a_part_of_a_shard_is_written(spec: Any) -> None:
    chunk = spec((4, 6), "i4", 5)
    codec = ShardingCodec(chunk_shape=(2, 3), codecs=[BytesCodec(), ZstdCodec()])
    place, model = Place(), np.full((4, 6), 5, "i4")
    for number, selection in enumerate(SELECTIONS[:-1]):
        model[selection] = number
        value = chunk.prototype.nd_buffer.from_numpy_array(np.array(number, "i4"))
        asyncio.run(codec.encode_partial([(place, value, selection, chunk)]))
        (whole,) = asyncio.run(_list(codec.decode([(place.value, chunk)])))
        np.testing.assert_array_equal(whole.as_numpy_array(), model)
    value = chunk.prototype.nd_buffer.from_numpy_array(np.array(5, "i4"))
    asyncio.run(codec.encode_partial([(place, value, SELECTIONS[0], chunk)]))
    assert place.value is None


async def _list(results: Any) -> list[Any]:
    return list(await results)


@pytest.mark.parametrize("location", ["start", "end"])
@pytest.mark.parametrize("dtype", [np.dtypes.StringDType(), np.dtype(object)], ids=repr)
def test_strings_are_sharded(coding: Any, dtype: Any, location: Any) -> None:
    array = np.array([["a", "", "ccc", "é"], ["", "", "x" * 300, ""]], dtype=dtype)
    codec = ShardingCodec(
        chunk_shape=(1, 2),
        codecs=[TransposeCodec(order=(1, 0)), VLenUTF8Codec(), ZstdCodec()],
        index_location=location,
    )
    code = coding(codec, (2, 4), str, "")
    decoded = code.decode(code.encode(array))
    assert decoded.dtype == code.chunk.dtype.to_native_dtype()
    assert decoded.tolist() == array.tolist()
    assert code.encode(np.full((2, 4), "", dtype)) is None


def test_byte_strings_are_sharded(coding: Any) -> None:
    from zarr.dtype import VariableLengthBytes

    array = np.array([b"a", b"", b"\0\xff" * 40, b"d"], dtype=object)
    codec = ShardingCodec(chunk_shape=(2,), codecs=[VLenBytesCodec()])
    code = coding(codec, (4,), VariableLengthBytes(), b"")
    assert code.decode(code.encode(array)).tolist() == array.tolist()


def test_the_encoded_size_includes_the_index(spec: Any) -> None:
    codec = ShardingCodec(chunk_shape=(2, 2))
    assert codec.compute_encoded_size(10, spec((4, 4), "u2")) == 10 + 4 * 16 + 4


def test_the_codecs_of_the_chunks_are_fitted_to_the_elements(spec: Any) -> None:
    codec = ShardingCodec(chunk_shape=(2, 2), codecs=[BytesCodec(), BloscCodec()])
    fitted = codec.evolve_from_array_spec(spec((4, 4), "u2"))
    assert fitted.codecs == (BytesCodec(), BloscCodec(typesize=2, shuffle="shuffle"))
    single = ShardingCodec(chunk_shape=(2, 2)).evolve_from_array_spec(spec((4, 4), "u1"))
    assert single.codecs == (BytesCodec(endian=None),)
    assert single.index_codecs == (BytesCodec(), Crc32cCodec())


VALID_GRIDS = [InnerGrid((4, 4)), SimpleNamespace(chunk_shapes=((2, 4), 4))]
INVALID: list[tuple[dict[str, Any], Any, type[Exception], str]] = [
    ({"chunk_shape": (3, 2)}, InnerGrid((4, 4)), ValueError, "length 4 in dimension 0"),
    ({"chunk_shape": (8, 8)}, InnerGrid((4, 4)), ValueError, "length 4 in dimension 0"),
    ({"chunk_shape": (2,)}, InnerGrid((4, 4)), ValueError, "same number of dimensions"),
    (
        {"chunk_shape": (2, 2)},
        SimpleNamespace(chunk_shapes=((2, 4), 3)),
        ValueError,
        "length 3 in dimension 1",
    ),
    ({"chunk_shape": (2, 2)}, 5, TypeError, "regular and rectilinear"),
    ({"chunk_shape": (2, 2), "codecs": []}, InnerGrid((4, 4)), ValueError, "At least one"),
    (
        {"chunk_shape": (2, 2), "codecs": [BytesCodec(), BytesCodec()]},
        InnerGrid((4, 4)),
        ValueError,
        "Only one",
    ),
    (
        {"chunk_shape": (2, 2), "index_codecs": [Crc32cCodec()]},
        InnerGrid((4, 4)),
        ValueError,
        "At least one",
    ),
    (
        {"chunk_shape": (2, 2), "codecs": [TransposeCodec(order=(1,)), BytesCodec()]},
        InnerGrid((4, 4)),
        ValueError,
        "as many entries",
    ),
    (
        {"chunk_shape": (2, 2), "codecs": [ShardingCodec(chunk_shape=(4, 2))]},
        InnerGrid((4, 4)),
        ValueError,
        "length 2 in dimension 0",
    ),
]


@pytest.mark.parametrize("grid", VALID_GRIDS, ids=repr)
def test_grids_of_multiples_are_valid(spec: Any, grid: Any) -> None:
    codec = ShardingCodec(chunk_shape=(2, 2), codecs=[ShardingCodec(chunk_shape=(1, 2))])
    codec.validate(shape=(6, 4), dtype=spec((1, 1), "u1").dtype, chunk_grid=grid)


@pytest.mark.parametrize(("parameters", "grid", "error", "message"), INVALID)
def test_shapes_that_do_not_fit_together_are_refused(
    spec: Any, parameters: dict[str, Any], grid: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        ShardingCodec(**parameters).validate(
            shape=(6, 4), dtype=spec((1, 1), "u1").dtype, chunk_grid=grid
        )


def test_codecs_around_shards_are_warned_of(tmp_path: Any) -> None:
    sharding = ShardingCodec(chunk_shape=(2, 2))
    around: list[dict[str, Any]] = [
        {"compressors": [GzipCodec()]},
        {"compressors": [Crc32cCodec()]},
        {"filters": [TransposeCodec(order=(1, 0))], "compressors": None},
    ]
    for number, codecs in enumerate(around):
        given = {"data": ARRAY, "chunks": (4, 6), "serializer": sharding, **codecs}
        with pytest.warns(ZarrUserWarning, match="disables partial reads"):
            zarr.create_array(tmp_path / str(number), **given)
        with pytest.warns(ZarrUserWarning, match="disables partial reads"):
            array = zarr.open_array(tmp_path / str(number), mode="r")
        np.testing.assert_array_equal(array[:], ARRAY)
    inside = zarr.create_array(
        {}, data=ARRAY, chunks=(2, 3), shards=(4, 6), compressors=GzipCodec()
    )
    alone = zarr.create_array({}, data=ARRAY, chunks=(4, 6), serializer=sharding, compressors=None)
    for array in (inside, alone):
        np.testing.assert_array_equal(array[1:3, 2], ARRAY[1:3, 2])
