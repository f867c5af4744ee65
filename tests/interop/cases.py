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


def shard(chunks: list[int], codecs: list[Any], location: str = "end") -> dict[str, Any]:
    """A sharding codec."""
    return {
        "name": "sharding_indexed",
        "configuration": {
            "chunk_shape": chunks,
            "codecs": codecs,
            "index_codecs": [BYTES, CRC],
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
    name = document.get("data_type") or document["dtype"]
    dtype = np.dtype(name)
    values = np.arange(600).reshape(20, 30)
    if dtype.kind == "b":
        result = (values % 3 == 0).astype(dtype)
    elif dtype.kind in "iu":
        info = np.iinfo(dtype)
        result = (values % 50).astype(dtype)
        result[3, 3], result[4, 4] = info.min, info.max
    else:
        result = (values / 7).astype(dtype)
        result[3, 3:7] = [np.nan, np.inf, -np.inf, -0.0]
        if dtype.kind == "c":
            result[5, 5] = complex(np.nan, -0.0)
    fill: Any = document["fill_value"]
    fills = {"NaN": np.nan, "Infinity": np.inf, "-Infinity": -np.inf}
    if isinstance(fill, list):
        fill = complex(*(fills.get(part, part) for part in fill))
    result[8:16, 12:24] = fills.get(fill, fill) if not isinstance(fill, complex) else fill
    return result


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


CASES: dict[str, dict[str, Any]] = {
    **{f"v3 {n}": v3(n, [BYTES, ZSTD], fill_value=_zero(n)) for n in NUMBERS},
    "v3 raw": v3("float32", [BYTES]),
    "v3 big-endian": v3("int32", [BIG, GZIP]),
    "v3 gzip": v3("float32", [BYTES, GZIP]),
    "v3 crc32c": v3("float32", [BYTES, ZSTD, CRC]),
    "v3 transposed": v3(
        "float32", [{"name": "transpose", "configuration": {"order": [1, 0]}}, BYTES, ZSTD]
    ),
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
        [shard([4, 6], [{"name": "transpose", "configuration": {"order": [1, 0]}}, BYTES, GZIP])],
    ),
    "v3 shards in shards": v3("float32", [shard([4, 6], [shard([2, 3], [BYTES, ZSTD])])]),
    "v3 dots": v3(
        "int8",
        [BYTES],
        chunk_key_encoding={"name": "default", "configuration": {"separator": "."}},
    ),
    "v3 keys of v2": v3(
        "int8", [BYTES], chunk_key_encoding={"name": "v2", "configuration": {"separator": "."}}
    ),
    "v3 names": v3("int8", [BYTES], dimension_names=["y", None]),
    **{
        f"v3 fill {fill}": v3("float64", [BYTES, ZSTD], fill_value=fill)
        for fill in ("NaN", "Infinity", "-Infinity", -0.0, 1.5)
    },
    "v3 complex fill": v3("complex64", [BYTES, ZSTD], fill_value=["NaN", "Infinity"]),
    **{f"v2 {code}": v2(code, {"id": "zstd", "level": 1}) for code in ("<i4", ">i2", "<f8", ">f4")},
    "v2 |b1": v2("|b1", {"id": "zstd", "level": 1}, fill_value=False),
    "v2 raw": v2("<f4", None),
    "v2 gzip": v2("<f4", {"id": "gzip", "level": 5}),
    "v2 zlib": v2("<f4", {"id": "zlib", "level": 5}),
    "v2 lz4": v2("<f4", {"id": "lz4", "acceleration": 1}),
    **{
        f"v2 blosc {cname} {shuffle}": v2(
            "<f4", {"id": "blosc", "cname": cname, "clevel": 5, "shuffle": shuffle, "blocksize": 0}
        )
        for cname in ("lz4", "zstd")
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
    "v2 fixed scale": v2(
        "<f8",
        {"id": "zstd", "level": 1},
        filters=[
            {"id": "fixedscaleoffset", "scale": 10, "offset": 0, "dtype": "<f8", "astype": "<f8"}
        ],
    ),
    "v2 fill NaN": v2("<f8", {"id": "zstd", "level": 1}, fill_value="NaN"),
    "v2 fill null": v2("<f8", {"id": "zstd", "level": 1}, fill_value=None),
}
# Values that do not survive a lossy filter, or a fill value that is none.
CASES.pop("v2 fixed scale")
CASES.pop("v2 fill null")

LACKING: dict[tuple[str, str], set[str]] = {
    # No LZ4 and no filters in its v2 driver.
    ("tensorstore", "write"): {"v2 lz4", "v2 delta, shuffle"},
    ("tensorstore", "read"): {"v2 lz4", "v2 delta, shuffle"},
    # What its pipeline does not code, zarr-python's does in its place, but only for writing.
    ("zarrs", "read"): {"v2 >i2", "v2 >f4", "v2 order F"},
}
"""What an implementation cannot write or read."""
