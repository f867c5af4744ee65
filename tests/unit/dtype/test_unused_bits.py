"""Bits that a small number does not use are ignored, wherever they come from."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
import pytest

import zarr
from zarr.codecs import BytesCodec, Crc32cCodec, PackBitsCodec, ShardingCodec, ZstdCodec
from zarr.dtype import parse_dtype

BITS = {
    "int2": 2,
    "uint2": 2,
    "int4": 4,
    "uint4": 4,
    "float4_e2m1fn": 4,
    "float6_e2m3fn": 6,
    "float6_e3m2fn": 6,
}
EVERY_BYTE = np.arange(256, dtype="u1")

pytestmark = pytest.mark.filterwarnings("ignore:The data type")


def _array(store: dict[str, Any], dtype: Any, count: int = 256, **kwargs: Any) -> zarr.Array:
    parameters: dict[str, Any] = {"chunks": (count,), "compressors": None, "zarr_format": 3}
    return zarr.create_array(
        store, name="a", shape=(count,), dtype=dtype, **{**parameters, **kwargs}
    )


def _put(array: zarr.Array, data: bytes) -> None:
    """Store bytes as somebody else might have written them."""
    path = "a/c/0"
    store = array.store
    buffer = zarr.buffer.default_buffer_prototype().buffer
    zarr.core.sync.sync(store.set(path, buffer.from_bytes(data)))


@pytest.mark.parametrize("name", BITS)
def test_they_are_ignored_when_a_chunk_is_read(name: str) -> None:
    native = np.dtype(getattr(ml_dtypes, name))
    used = EVERY_BYTE & ((1 << BITS[name]) - 1)
    array = _array({}, name)
    _put(array, EVERY_BYTE.tobytes())
    found = np.asarray(array[:])
    assert found.dtype == native
    assert found.tobytes() == used.tobytes()
    assert np.asarray(array[3:200:7]).tobytes() == used[3:200:7].tobytes()
    limits = (ml_dtypes.finfo if name.startswith("float") else ml_dtypes.iinfo)(native)
    numbers = found.astype("f8")
    assert numbers.min() >= float(limits.min)
    assert numbers.max() <= float(limits.max)


@pytest.mark.parametrize("name", BITS)
@pytest.mark.parametrize(
    "kwargs",
    [
        {},
        {"compressors": [ZstdCodec()]},
        {"compressors": [Crc32cCodec()]},
        {"chunks": (16,), "shards": (256,)},
        {"serializer": ShardingCodec(chunk_shape=(16,), codecs=[PackBitsCodec()])},
        {"serializer": PackBitsCodec()},
    ],
)
def test_they_are_not_written(name: str, kwargs: Any) -> None:
    native = np.dtype(getattr(ml_dtypes, name))
    used = EVERY_BYTE & ((1 << BITS[name]) - 1)
    clean, hostile = {}, {}
    _array(clean, name, **kwargs)[:] = used.view(native)
    array = _array(hostile, name, **kwargs)
    array[:] = EVERY_BYTE.view(native)
    assert np.asarray(array[:]).tobytes() == used.tobytes()
    assert {key: value.to_bytes() for key, value in hostile.items()} == {
        key: value.to_bytes() for key, value in clean.items()
    }


@pytest.mark.parametrize("name", BITS)
def test_they_are_no_part_of_a_fill_value(name: str) -> None:
    native = np.dtype(getattr(ml_dtypes, name))
    zdtype = parse_dtype(name, zarr_format=3)
    for byte in (0xFF, 0xF1, 0x81):
        used = byte & ((1 << BITS[name]) - 1)
        scalar = np.array([byte], "u1").view(native)[0]
        cast = zdtype.cast_scalar(scalar)
        assert cast.tobytes() == bytes([used])
        assert zdtype.from_json_scalar(
            zdtype.to_json_scalar(scalar, zarr_format=3), zarr_format=3
        ).tobytes() == bytes([used])
        array = _array({}, name, fill_value=scalar)
        assert np.asarray(array[:2]).tobytes() == bytes([used, used])


def test_records_and_complex_numbers_ignore_them_too() -> None:
    complex_array = _array({}, "complex_float4_e2m1fn", count=128)
    _put(complex_array, EVERY_BYTE.tobytes())
    assert np.asarray(complex_array[:]).tobytes() == (EVERY_BYTE & 15).tobytes()

    record = np.dtype([("a", ">u2"), ("b", ml_dtypes.float6_e2m3fn, (2,)), ("c", ml_dtypes.int2)])
    array = _array({}, record, count=2, serializer=BytesCodec(endian="little"))
    _put(array, bytes([1, 2, 0xFF, 0xC1, 0xFE, 3, 4, 0x40, 0x80, 0xFD]))
    found = np.asarray(array[:])
    assert found["a"].tolist() == [0x0201, 0x0403]
    assert found["b"].tobytes() == bytes([0x3F, 1, 0, 0])
    assert found["c"].tobytes() == bytes([2, 1])


@pytest.mark.parametrize("name", ["int2", "int4"])
def test_packed_integers_keep_the_sign_within_their_bits(name: str) -> None:
    native = np.dtype(getattr(ml_dtypes, name))
    last = BITS[name] - 2
    values = np.arange(-(1 << last), 1 << last, dtype="i1").astype(native)
    array = _array({}, name, count=len(values), serializer=PackBitsCodec(last_bit=last))
    array[:] = values
    assert np.asarray(array[:]).tolist() == values.tolist()
    assert np.asarray(array[:]).tobytes() == values.tobytes()
