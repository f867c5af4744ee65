"""The arrays that are exchanged with other implementations.

Imports NumPy only: peers read it, too.
"""

from __future__ import annotations

from typing import Any

import numpy as np

BYTES: dict[str, Any] = {"name": "bytes", "configuration": {"endian": "little"}}
BIG: dict[str, Any] = {"name": "bytes", "configuration": {"endian": "big"}}
ZSTD: dict[str, Any] = {"name": "zstd", "configuration": {"level": 3, "checksum": True}}
GZIP: dict[str, Any] = {"name": "gzip", "configuration": {"level": 5}}
CRC: dict[str, Any] = {"name": "crc32c"}
TRANSPOSED: dict[str, Any] = {"name": "transpose", "configuration": {"order": [1, 0]}}


def blosc(cname: str, shuffle: str) -> dict[str, Any]:
    """A Blosc codec for elements of four bytes."""
    return {
        "name": "blosc",
        "configuration": {
            "cname": cname,
            "clevel": 5,
            "shuffle": shuffle,
            "typesize": 4,
            "blocksize": 0,
        },
    }


def shard(
    chunks: list[int],
    codecs: list[Any],
    location: str = "end",
    index_codecs: list[Any] | None = None,
) -> dict[str, Any]:
    """A sharding codec."""
    return {
        "name": "sharding_indexed",
        "configuration": {
            "chunk_shape": chunks,
            "codecs": codecs,
            "index_codecs": index_codecs or [BYTES, CRC],
            "index_location": location,
        },
    }


def v3(dtype: str, codecs: list[Any], **other: Any) -> dict[str, Any]:
    """A document of Zarr v3 for the array of `data`."""
    encoding = {"name": "default", "configuration": {"separator": "/"}}
    return {
        "zarr_format": 3,
        "node_type": "array",
        "shape": [20, 30],
        "data_type": dtype,
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [8, 12]}},
        "chunk_key_encoding": encoding,
        "fill_value": 0,
        "codecs": codecs,
        "attributes": {"a": [1, "b"]},
        **other,
    }


def v2(dtype: str, compressor: Any, **other: Any) -> dict[str, Any]:
    """A document of Zarr v2 for the array of `data`."""
    return {
        "zarr_format": 2,
        "shape": [20, 30],
        "chunks": [8, 12],
        "dtype": dtype,
        "compressor": compressor,
        "fill_value": 0,
        "order": "C",
        "filters": None,
        **other,
    }


def data(document: dict[str, Any]) -> np.ndarray[Any, Any]:
    """The values of an array: all kinds of them, and a chunk of fill values."""
    dtype = np.dtype(document.get("data_type") or document["dtype"])
    shape = document["shape"]
    values = np.arange(int(np.prod(shape))).reshape(shape)
    if dtype.kind == "b":
        result = (values % 3 == 0).astype(dtype)
    elif dtype.kind in "iu":
        result = (values % 50).astype(dtype)
    else:
        result = (values / 7).astype(dtype)
    if len(shape) == 2 and result.size:
        _put_extremes(result)
        result[8:16, 12:24] = _number(document["fill_value"], dtype)
    return result


def _put_extremes(values: np.ndarray[Any, Any]) -> None:
    if values.dtype.kind in "iu":
        info = np.iinfo(values.dtype)
        values[3, 3], values[4, 4] = info.min, info.max
    elif values.dtype.kind in "fc":
        values[3, 3:7] = [np.nan, np.inf, -np.inf, -0.0]
        if values.dtype.kind == "c":
            values[5, 5] = complex(np.nan, -0.0)


def _number(fill: Any, dtype: np.dtype[Any]) -> Any:
    """The number that a fill value in JSON means; if it is none, any."""
    if fill is None:
        return 0
    if isinstance(fill, list):
        part = np.dtype(f"f{dtype.itemsize // 2}")
        both = np.array([_number(each, part) for each in fill], part)
        return both.view(f"c{dtype.itemsize}")[0]
    if isinstance(fill, str) and fill.startswith("0x"):
        return np.frombuffer(bytes.fromhex(fill[2:])[::-1], f"<f{dtype.itemsize}")[0]
    return {"NaN": np.nan, "Infinity": np.inf, "-Infinity": -np.inf}.get(fill, fill)


NUMBERS = [
    "bool",
    *(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)),
    *(f"float{bits}" for bits in (16, 32, 64)),
    *(f"complex{bits}" for bits in (64, 128)),
]


def _zero(name: str) -> Any:
    if name == "bool":
        return False
    return [0.0, 0.0] if name.startswith("complex") else 0


def _shaped(shape: list[int], chunks: list[int]) -> dict[str, Any]:
    return {
        "shape": shape,
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": chunks}},
    }


CODES = [
    "|i1",
    "|u1",
    *(f"{order}{code}" for code in ("i2", "u2", "i4", "u4", "i8", "u8") for order in "<>"),
    *(f"{order}{code}" for code in ("f2", "f4", "f8") for order in "<>"),
]
COMPLEX_CODES = [f"{order}{code}" for code in ("c8", "c16") for order in "<>"]

CASES: dict[str, dict[str, Any]] = {
    **{f"v3 {n}": v3(n, [BYTES, ZSTD], fill_value=_zero(n)) for n in NUMBERS},
    "v3 raw": v3("float32", [BYTES]),
    "v3 big-endian": v3("int32", [BIG, GZIP]),
    "v3 gzip": v3("float32", [BYTES, GZIP]),
    "v3 crc32c": v3("float32", [BYTES, ZSTD, CRC]),
    "v3 transposed": v3("float32", [TRANSPOSED, BYTES, ZSTD]),
    **{
        f"v3 big-endian {n}": v3(n, [BIG], fill_value=_zero(n))
        for n in NUMBERS
        if not n.endswith(("bool", "int8"))
    },
    **{
        f"v3 blosc {cname} {shuffle}": v3("float32", [BYTES, blosc(cname, shuffle)])
        for cname in ("lz4", "lz4hc", "blosclz", "zlib", "zstd")
        for shuffle in ("noshuffle", "shuffle", "bitshuffle")
    },
    "v3 sharded": v3("float32", [shard([4, 3], [BYTES, ZSTD])]),
    "v3 sharded, index first": v3("float32", [shard([4, 3], [BYTES, ZSTD], "start")]),
    "v3 sharded, raw": v3("int16", [shard([2, 12], [BYTES])]),
    "v3 sharded, transposed inside": v3(
        "float32",
        [shard([4, 6], [TRANSPOSED, BYTES, GZIP])],
    ),
    "v3 sharded, transposed outside": v3("float32", [TRANSPOSED, shard([4, 4], [BYTES, ZSTD])]),
    "v3 sharded, compressed outside": v3("float32", [shard([4, 6], [BYTES]), GZIP, CRC]),
    "v3 sharded, plain index": v3("float32", [shard([4, 3], [BYTES, ZSTD], "end", [BYTES])]),
    "v3 sharded, big-endian index": v3(
        "float32", [shard([4, 3], [BYTES, ZSTD], "start", [BIG, CRC])]
    ),
    "v3 sharded, blosc": v3("float32", [shard([4, 3], [BYTES, blosc("lz4", "shuffle")])]),
    "v3 shards in shards": v3("float32", [shard([4, 6], [shard([2, 3], [BYTES, ZSTD])])]),
    "v3 dots": v3(
        "int8",
        [BYTES],
        chunk_key_encoding={"name": "default", "configuration": {"separator": "."}},
    ),
    "v3 keys of v2": v3(
        "int8", [BYTES], chunk_key_encoding={"name": "v2", "configuration": {"separator": "."}}
    ),
    "v3 keys of v2, slashes": v3(
        "int8", [BYTES], chunk_key_encoding={"name": "v2", "configuration": {"separator": "/"}}
    ),
    "v3 no axes": v3("float32", [BYTES, ZSTD], **_shaped([], [])),
    "v3 one axis": v3("int16", [BYTES, ZSTD], **_shaped([100], [7])),
    "v3 three axes": v3("float64", [BYTES, ZSTD], **_shaped([5, 6, 7], [2, 3, 4])),
    "v3 empty": v3("float64", [BYTES, ZSTD], **_shaped([0, 6], [2, 3])),
    "v3 one chunk, larger than the array": v3(
        "int32", [BYTES, ZSTD], **_shaped([20, 30], [64, 64])
    ),
    "v3 names": v3("int8", [BYTES], dimension_names=["y", None]),
    **{
        f"v3 fill {fill}": v3("float64", [BYTES, ZSTD], fill_value=fill)
        for fill in ("NaN", "Infinity", "-Infinity", -0.0, 1.5)
    },
    "v3 fill of bits": v3("float32", [BYTES, ZSTD], fill_value="0x7fc00001"),
    "v3 fill -Infinity, float16": v3("float16", [BYTES, ZSTD], fill_value="-Infinity"),
    "v3 fill, smallest int64": v3("int64", [BYTES, ZSTD], fill_value=-(2**63)),
    "v3 fill, largest uint64": v3("uint64", [BYTES, ZSTD], fill_value=2**64 - 1),
    "v3 fill true": v3("bool", [BYTES, ZSTD], fill_value=True),
    "v3 complex fill, zeros": v3("complex128", [BYTES, ZSTD], fill_value=[-0.0, "NaN"]),
    "v3 complex fill": v3("complex64", [BYTES, ZSTD], fill_value=["NaN", "Infinity"]),
    **{f"v2 {code}": v2(code, {"id": "zstd", "level": 1}) for code in CODES},
    # Version 2 does not say how a complex number is written in JSON.
    **{f"v2 {c}": v2(c, {"id": "zstd", "level": 1}, fill_value=None) for c in COMPLEX_CODES},
    "v2 |b1": v2("|b1", {"id": "zstd", "level": 1}, fill_value=False),
    "v2 raw": v2("<f4", None),
    "v2 gzip": v2("<f4", {"id": "gzip", "level": 5}),
    "v2 zlib": v2("<f4", {"id": "zlib", "level": 5}),
    "v2 lz4": v2("<f4", {"id": "lz4", "acceleration": 1}),
    **{
        f"v2 blosc {cname} {shuffle}": v2(
            "<f4", {"id": "blosc", "cname": cname, "clevel": 5, "shuffle": shuffle, "blocksize": 0}
        )
        for cname in ("lz4", "lz4hc", "blosclz", "zlib", "zstd")
        for shuffle in (0, 1, 2)
    },
    "v2 order F": v2("<f4", {"id": "zstd", "level": 1}, order="F"),
    "v2 slashes": v2("<f4", None, dimension_separator="/"),
    "v2 delta, shuffle": v2(
        "<i4",
        {"id": "zlib", "level": 1},
        filters=[{"id": "delta", "dtype": "<i4"}, {"id": "shuffle", "elementsize": 4}],
    ),
    "v2 bz2": v2("<f4", {"id": "bz2", "level": 1}),
    "v2 delta": v2("<i8", None, filters=[{"id": "delta", "dtype": "<i8"}]),
    "v2 shuffle": v2("<f4", None, filters=[{"id": "shuffle", "elementsize": 4}]),
    "v2 three axes, order F": v2(
        "<f4", {"id": "zlib", "level": 1}, shape=[5, 6, 7], chunks=[2, 3, 4], order="F"
    ),
    **{
        f"v2 fill {fill}": v2("<f8", {"id": "zstd", "level": 1}, fill_value=fill)
        for fill in ("NaN", "Infinity", "-Infinity", -0.0)
    },
}

_NOT_TENSORSTORE = {
    # No LZ4 and no filters in its v2 driver; nothing around a shard.
    "v2 lz4",
    "v2 delta",
    "v2 shuffle",
    "v2 delta, shuffle",
    "v3 sharded, compressed outside",
}

LACKING: dict[tuple[str, str], set[str]] = {
    ("tensorstore", "write"): _NOT_TENSORSTORE,
    ("tensorstore", "read"): _NOT_TENSORSTORE,
    # Where its pipeline cannot encode, zarr-python's does; there is no such help for decoding.
    # Of big-endian complex numbers it exchanges the parts, and NaN has one form only.
    ("zarrs", "read"): {
        *(case for case in CASES if case.startswith("v2 >") or case.endswith("order F")),
        "v3 big-endian complex64",
        "v3 big-endian complex128",
        "v3 fill of bits",
    },
}
"""The cases that an implementation cannot write or read."""
