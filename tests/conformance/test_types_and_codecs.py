"""Every data type comes back bit for bit from every codec that takes it, in both formats.

A codec that does not take a type says so when the array is made, and nothing is stored.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import zarr
from zarr import codecs
from zarr.codecs import numcodecs as wrappers
from zarr.dtype import SMALL, VariableLengthBytes, VariableLengthUTF8
from zarr.dtype.ml_dtypes import SmallComplex
from zarr.dtype.storage import without_unused_bits

pytestmark = pytest.mark.filterwarnings("ignore")

SHAPE, CHUNKS = (5, 6), (2, 6)
TEXT = ["", "a", "ä", "\U0001f40d", "日本語", "x" * 40]
NESTED = np.dtype(
    [("a", ">i4"), ("b", [("c", "<f8"), ("d", "U2"), ("e", "i1", (2, 2))]), ("f", ">M8[ns]")]
)
ORDERED = (
    "i2",
    "i4",
    "i8",
    "u2",
    "u4",
    "u8",
    "f2",
    "f4",
    "f8",
    "c8",
    "c16",
    "U3",
    "M8[s]",
    "m8[D]",
)
NATIVE = [
    *("bool", "i1", "u1", "S1", "S5", "V3", "M8[ns]", "M8[10us]", "M8[Y]", "m8[ms]"),
    *(order + code for code in ORDERED for order in "<>"),
]


def _bits(dtype: np.dtype[Any]) -> Any:
    """All kinds of bits: NaNs with payloads, both zeros, NaT, infinities, the ends of ranges."""
    rng = np.random.default_rng(dtype.itemsize)
    count = SHAPE[0] * SHAPE[1]
    data = rng.integers(0, 256, count * dtype.itemsize, dtype="u1")
    if dtype.kind == "b":
        return (data & 1).view(dtype)
    array = without_unused_bits(data.view(dtype)).copy()
    if dtype.kind in "fc" and dtype.isbuiltin != 2:
        special = np.array([0.0, -0.0, np.inf, -np.inf, np.nan], dtype)
        array[: len(special)] = special
    elif dtype.kind in "mM":
        array[:3] = np.array(["NaT", 0, -1], dtype)
    return array


def _fields(dtype: np.dtype[Any]) -> Any:
    array = np.zeros(SHAPE[0] * SHAPE[1], dtype)
    for name in dtype.names or ():
        base = dtype[name].subdtype[0] if dtype[name].subdtype else dtype[name]
        if base.names:
            array[name] = _fields(base)
        elif base.kind == "U":
            array[name] = _strings(base.str)
        else:
            part = array[name]
            part[...] = np.resize(_bits(base), part.shape)
    return array


def _strings(dtype: str) -> Any:
    return np.array([TEXT[index % len(TEXT)] for index in range(SHAPE[0] * SHAPE[1])], dtype)


def _objects(items: list[Any]) -> Any:
    array = np.empty(SHAPE[0] * SHAPE[1], object)
    array[:] = [items[index % len(items)] for index in range(len(array))]
    return array


def _types() -> dict[str, tuple[Any, Any]]:
    """For each name, the data type as it is given, and the data."""
    types: dict[str, tuple[Any, Any]] = {}
    for code in NATIVE:
        dtype = np.dtype(code)
        types[code] = (dtype, _strings(code) if dtype.kind == "U" else _bits(dtype))
    types["records"] = (NESTED, _fields(NESTED))
    types["T"] = (np.dtypes.StringDType(), _strings("T"))
    types["str objects"] = (VariableLengthUTF8(), _strings("T"))
    types["bytes objects"] = (VariableLengthBytes(), _objects([b"", b"\0", b"\xff" * 20]))
    for cls in SMALL.values():
        native = cls().to_native_dtype()
        data = _bits(native)
        name = cls._zarr_v3_name
        types[name] = (cls() if issubclass(cls, SmallComplex) else native, data)
    return types


TYPES = _types()

_BIG = codecs.BytesCodec(endian="big")
_N5 = [codecs.TransposeCodec(order=(1, 0)), _BIG, codecs.GzipCodec()]
V3: dict[str, dict[str, Any]] = {
    "bytes": {"compressors": None},
    "big-endian": {"serializer": _BIG},
    "zstd": {"compressors": codecs.ZstdCodec()},
    "gzip": {"compressors": codecs.GzipCodec()},
    "blosc": {"compressors": codecs.BloscCodec(cname="lz4", shuffle="bitshuffle")},
    "crc32c": {"compressors": codecs.Crc32cCodec()},
    "affixes": {
        "compressors": [codecs.PadCodec(location="end", nbytes=3), codecs.OffsetCodec(offset=5)]
    },
    "optional": {"compressors": codecs.OptionalCodec(codecs=[codecs.ZstdCodec()])},
    "numcodecs": {
        "compressors": [wrappers.Shuffle(), wrappers.LZ4(), wrappers.BZ2(), wrappers.Adler32()]
    },
    "transpose": {"filters": codecs.TransposeCodec(order=(1, 0))},
    "reshape": {"filters": codecs.ReshapeCodec(shape=[-1])},
    "packbits": {"serializer": codecs.PackBitsCodec()},
    "scale_offset": {"filters": codecs.ScaleOffset(offset=0, scale=1)},
    "n5_default": {"serializer": codecs.N5DefaultCodec(codecs=_N5)},
    "zfp": {"serializer": codecs.ZfpCodec(mode="reversible")},
}
V2: dict[str, dict[str, Any]] = {
    "bytes": {"compressors": None},
    "columns": {"compressors": None, "order": "F"},
    "zstd": {"compressors": {"id": "zstd", "level": 1}},
    "gzip": {"compressors": {"id": "gzip", "level": 1}},
    "zlib": {"compressors": {"id": "zlib", "level": 1}},
    "blosc": {"compressors": {"id": "blosc", "cname": "zstd", "clevel": 1, "shuffle": 1}},
    "lz4": {"compressors": {"id": "lz4", "acceleration": 1}},
    "bz2": {"compressors": {"id": "bz2", "level": 1}},
    "shuffle": {"filters": [{"id": "shuffle", "elementsize": 4}], "compressors": None},
    "crc32": {"filters": [{"id": "crc32"}], "compressors": None},
}
CODERS = [
    *((3, name, sharded, kwargs) for name, kwargs in V3.items() for sharded in (False, True)),
    *((2, name, False, kwargs) for name, kwargs in V2.items()),
]


INTEGERS = {o + k + n for o in "<>" for k in "iu" for n in "248"} | {"i1", "u1"}
FLOATS = {order + kind for order in "<>" for kind in ("f4", "f8")}
HALVES, COMPLEX = {"<f2", ">f2"}, {"<c8", ">c8", "<c16", ">c16"}
UNSIZED = {"T", "str objects", "bytes objects"}
V3_ONLY = {cls._zarr_v3_name for cls in SMALL.values()}
PACKED = {"int2", "int4", "uint2", "uint4", "bfloat16"} | {
    "float4_e2m1fn",
    "float6_e2m3fn",
    "float6_e3m2fn",
}
TAKEN = {
    "packbits": {"bool"} | INTEGERS | FLOATS | COMPLEX | PACKED,
    "scale_offset": INTEGERS | FLOATS | HALVES,
    "n5_default": INTEGERS | FLOATS,
    "zfp": INTEGERS - {"<u4", ">u4", "<u8", ">u8"} | FLOATS | HALVES,
}
"""The types that codecs take which do not take all of them."""


def _same(found: Any, data: Any) -> bool:
    if found.dtype.hasobject:
        return found.shape == data.shape and found.tolist() == data.tolist()
    if found.dtype.newbyteorder("=") != data.dtype.newbyteorder("="):
        return False
    # Where only the byte order differs, this swaps bytes: the bits of a NaN stay.
    return found.astype(data.dtype, copy=False).tobytes() == data.tobytes()


@pytest.mark.parametrize(
    ("zarr_format", "name", "sharded", "kwargs"),
    CODERS,
    ids=[f"v{v}-{name}{'-sharded' * sharded}" for v, name, sharded, _ in CODERS],
)
def test_types_come_back_or_are_refused(
    zarr_format: Any, name: str, sharded: bool, kwargs: Any
) -> None:
    refused = set()
    for label, (dtype, flat) in TYPES.items():
        data = flat.reshape(SHAPE)
        store: dict[str, Any] = {}
        if sharded:
            kwargs = {**kwargs, "shards": (4, 6)}
        try:
            array = zarr.create_array(
                store, shape=SHAPE, chunks=CHUNKS, dtype=dtype, zarr_format=zarr_format, **kwargs
            )
        except ValueError:
            assert not store, label
            refused.add(label)
            continue
        array[...] = data
        if name == "scale_offset" and data.dtype.kind == "f":
            continue  # computed, not kept: 0 - 0.0 and NaN are what the processor says
        assert _same(np.asarray(array[...]), data), label
        again = zarr.open_array(store, mode="r")
        assert _same(np.asarray(again[1:, ::2]), data[1:, ::2].copy()), label
    taken = TAKEN.get(name, set(TYPES)) - (V3_ONLY if zarr_format == 2 else set())
    if name in ("big-endian", "shuffle", "crc32"):  # nothing there makes bytes of strings
        taken -= UNSIZED
    assert set(TYPES) - refused == taken


@pytest.mark.parametrize("zarr_format", [2, 3])
@pytest.mark.parametrize("label", TYPES)
def test_fill_values_come_back_bit_for_bit(label: str, zarr_format: Any) -> None:
    dtype, flat = TYPES[label]
    if zarr_format == 2 and label in V3_ONLY:
        pytest.skip("format 2 has no such type")
    for index in range(12):
        fill = flat[index]
        store: dict[str, Any] = {}
        array = zarr.create_array(
            store, shape=(3,), dtype=dtype, fill_value=fill, zarr_format=zarr_format
        )
        expected = flat[[index] * 3]
        assert _same(np.asarray(array[...]), expected), fill
        again = zarr.open_array(store, mode="r")
        assert _same(np.asarray(again[...]), expected), fill
