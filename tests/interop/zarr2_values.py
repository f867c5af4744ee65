"""The arrays of ``data/zarr2.tar.xz``: what zarr 2.18, the last of its line, wrote.

``python zarr2_values.py DIRECTORY``, with zarr 2.18, numcodecs 0.15 and msgpack installed, writes
them anew: the same hierarchy into each kind of store that may lie around.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

DTYPES = (
    *(
        "i1",
        "<u2",
        ">i4",
        "<i8",
        ">u8",
        "<f2",
        "<f4",
        ">f8",
        "<c8",
        ">c16",
        "?",
        "S5",
        "<U7",
        ">U3",
    ),
    *("<M8[ns]", ">M8[D]", "<m8[us]", "V6"),
    [("a", "<i4"), ("b", ">f8", (2,)), ("c", "S3"), ("d", [("x", "?"), ("y", "<u2")])],
)
COMPRESSORS = {
    "blosc": {"id": "blosc"},
    "blosc-bits": {"id": "blosc", "cname": "zstd", "shuffle": 2},
    "blosc-blosclz": {"id": "blosc", "cname": "blosclz", "clevel": 9},
    "blosc-lz4hc": {"id": "blosc", "cname": "lz4hc", "blocksize": 1024},
    "blosc-zlib": {"id": "blosc", "cname": "zlib", "shuffle": 0},
    "zstd": {"id": "zstd", "level": 3},
    "lz4": {"id": "lz4"},
    "gzip": {"id": "gzip"},
    "zlib": {"id": "zlib"},
    "bz2": {"id": "bz2"},
    "lzma": {"id": "lzma"},
}
COUNT = np.arange(100)
FILTERS: dict[str, tuple[Any, dict[str, Any]]] = {
    "delta": (COUNT.astype("i4"), {"id": "delta", "dtype": "<i4"}),
    "delta-narrow": (COUNT.astype("i4"), {"id": "delta", "dtype": "<i4", "astype": "|i1"}),
    "fixedscaleoffset": (
        COUNT / 10,
        {"id": "fixedscaleoffset", "scale": 10, "offset": 0, "dtype": "<f8", "astype": "<u2"},
    ),
    "quantize": (COUNT / 4, {"id": "quantize", "digits": 3, "dtype": "<f8"}),
    "astype": (COUNT.astype("f8"), {"id": "astype", "decode_dtype": "<f8", "encode_dtype": "<f4"}),
    "packbits": (COUNT[:37] % 3 == 0, {"id": "packbits"}),
    "shuffle": (COUNT, {"id": "shuffle", "elementsize": 8}),
    "categorize": (
        np.array(["a", "b", "", "c"] * 3),
        {"id": "categorize", "labels": ["a", "b", "c"], "dtype": "<U1"},
    ),
    "bitround": (COUNT.astype("f4"), {"id": "bitround", "keepbits": 20}),
    **{
        name: (COUNT, {"id": name})
        for name in ("crc32", "adler32", "fletcher32", "jenkins_lookup3", "base64")
    },
}
TEXTS = ["", "a", "äö", "日本語", "long " * 30, "x"]
LISTS: list[Any] = [[1, 2], [], [3]]
OBJECTS: dict[str, tuple[list[Any], dict[str, Any]]] = {
    "vlen-utf8": (TEXTS, {"id": "vlen-utf8"}),
    "json": (TEXTS, {"id": "json2"}),
    "json-anything": ([{"a": 1}, [1, 2], None, "s"], {"id": "json2"}),
    "msgpack": (TEXTS, {"id": "msgpack2"}),
    "pickle": (TEXTS, {"id": "pickle"}),
    "categorize": (TEXTS, {"id": "categorize", "labels": TEXTS[1:], "dtype": "|O"}),
    "vlen-bytes": ([b"", b"a", b"\0\1", b"zz" * 40], {"id": "vlen-bytes"}),
    "vlen-array": ([np.array(item, "i8") for item in LISTS], {"id": "vlen-array", "dtype": "<i8"}),
}


class Case(NamedTuple):
    """An array: where it is, its values, and what zarr 2 made it with."""

    path: str
    values: Any
    options: dict[str, Any]


def _values(dtype: Any, shape: tuple[int, ...]) -> Any:
    dtype = np.dtype(dtype)
    count = int(np.prod(shape))
    if dtype.kind in "SU":
        return np.array([str(n * n) for n in range(count)]).astype(dtype).reshape(shape)
    if dtype.kind in "fc":
        return (np.arange(count) / 3 - 1).astype(dtype).reshape(shape)
    raw = (np.arange(count * dtype.itemsize) * 7 % 5 % 2).astype("u1").tobytes()
    return np.frombuffer(raw, dtype).reshape(shape)


def _objects(values: list[Any]) -> Any:
    array = np.empty(len(values), object)
    array[:] = values
    return array


def cases() -> Iterator[Case]:
    """All arrays of the hierarchy."""
    for number, dtype in enumerate(DTYPES):
        order = "F" if number % 2 else "C"
        yield Case(f"types/{number}", _values(dtype, (7, 5)), {"chunks": (3, 2), "order": order})
    yield Case("types/no-fill", _values("f4", (9,)), {"chunks": 4, "fill_value": None})
    yield Case("types/scalar", np.float32(4.5), {})
    for fill in (np.nan, -np.inf):
        yield Case(f"fills/{fill}", np.full((3, 4), fill), {"fill_value": fill})
    part = np.full((10, 4), -7, "i2")
    part[2:5] = 3
    yield Case("fills/part", part, {"chunks": 3, "fill_value": -7})
    for name, config in COMPRESSORS.items():
        yield Case(f"codecs/deep/{name}", COUNT, {"chunks": 33, "compressor": config})
    yield Case("codecs/deep/none", COUNT, {"chunks": 33, "compressor": None})
    for name, (values, config) in FILTERS.items():
        yield Case(f"filters/{name}", values, {"filters": [config], "compressor": {"id": "zlib"}})
    for name, (objects, config) in OBJECTS.items():
        yield Case(f"objects/{name}", _objects(objects), {"chunks": 4, "filters": [config]})


def write(directory: str) -> None:
    """Write the hierarchy with zarr 2."""
    import numcodecs

    import zarr

    stores: Any = {
        "directory.zarr": zarr.DirectoryStore,
        "nested.zarr": zarr.NestedDirectoryStore,
        "consolidated.zarr": zarr.DirectoryStore,
        "zipped.zip": zarr.ZipStore,
        "table.sqldb": zarr.SQLiteStore,
    }
    assert zarr.__version__.startswith("2.")
    for name, kind in stores.items():
        store = kind(f"{directory}/{name}")
        group = zarr.group(store, overwrite=True)
        group.attrs.update({"by": "zarr 2", "missing": float("nan")})
        for path, values, options in cases():
            given = dict(options)
            if given.get("compressor"):
                given["compressor"] = numcodecs.get_codec(given["compressor"])
            filters = [numcodecs.get_codec(config) for config in given.pop("filters", ())]
            if values.dtype == object:
                given["object_codec"], *filters = filters
            array: Any = group.create_dataset(
                path, shape=values.shape, dtype=values.dtype, filters=filters or None, **given
            )
            if not path.startswith("fills/"):
                array[...] = values
            elif path.endswith("part"):
                array[2:5] = 3
        if name.startswith("consolidated"):
            zarr.consolidate_metadata(store)
        if hasattr(store, "close"):
            store.close()


if __name__ == "__main__":
    write(sys.argv[1])
