"""Opens, reads and writes arrays whose documents have extreme sizes in them, in little memory.

Run as a program, in a process of its own: what goes wrong here ends the process. Prints as JSON
what was raised that says nothing to a user, and by how much the memory grew.
"""

from __future__ import annotations

import contextlib
import copy
import faulthandler
import gzip
import json
import resource
import signal
import sys
import warnings
from typing import TYPE_CHECKING, Any

import numcodecs
import numpy as np

import zarr
from zarr.storage import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Iterator

MEMORY = 1 << 30
PATIENCE = 20  # seconds for one case, of which most take a thousandth

SIZES = [
    0,
    1,
    2,
    -1,
    3,
    8,
    255,
    256,
    2**31 - 1,
    2**31,
    2**32,
    2**60,
    2**63 - 1,
    2**63,
    2**64,
    -(2**63),
]
OTHERS: list[Any] = [[], [0], [2**60], [[]], [[2**60, 2**60]], {}, None, "", 1.5, 1e300, True]

BYTES = {"name": "bytes", "configuration": {"endian": "little"}}


def codec(name: str, **configuration: Any) -> dict[str, Any]:
    return {"name": name, "configuration": configuration}


GZIP = codec("gzip", level=1)
ZSTD = codec("zstd", level=1, checksum=False)

# Data type, codecs.
V3: list[tuple[Any, list[Any]]] = [
    ("int32", [BYTES]),
    ("int32", [BYTES, GZIP]),
    ("int32", [BYTES, ZSTD]),
    ("int32", [BYTES, {"name": "crc32c"}]),
    *(
        ("int32", [BYTES, codec("blosc", cname=c, clevel=5, shuffle=s, typesize=4, blocksize=0)])
        for c, s in [("lz4", "shuffle"), ("zstd", "bitshuffle"), ("blosclz", "noshuffle")]
    ),
    ("int32", [codec("transpose", order=[0]), BYTES]),
    ("int32", [codec("reshape", shape=[2, 2]), BYTES]),
    ("int32", [codec("reshape", shape=[[0]]), BYTES]),
    ("int32", [codec("bitround", keepbits=3), BYTES]),
    ("int32", [codec("packbits", padding_encoding="last_byte", first_bit=0, last_bit=7)]),
    ("int32", [BYTES, codec("pad", location="start", nbytes=3)]),
    ("int32", [BYTES, codec("offset", offset=3)]),
    ("int32", [BYTES, codec("optional", codecs=[GZIP], header_bits=8)]),
    ("int32", [codec("scale_offset", offset=1, scale=2), BYTES]),
    ("int32", [codec("cast_value", data_type="int16"), BYTES]),
    ("int32", [codec("n5_default", codecs=[codec("bytes", endian="big"), GZIP])]),
    *(
        (
            "int32",
            [
                codec(
                    "sharding_indexed", chunk_shape=[2], codecs=c, index_codecs=i, index_location=p
                )
            ],
        )
        for c, i, p in [
            ([BYTES], [BYTES, {"name": "crc32c"}], "end"),
            ([BYTES, GZIP], [BYTES], "start"),
            ([BYTES], [codec("transpose", order=[1, 0]), BYTES], "end"),
        ]
    ),
    ("string", [{"name": "vlen-utf8"}, ZSTD]),
    ("string", [{"name": "vlen-utf8"}, codec("numcodecs.shuffle", elementsize=4)]),
    ("variable_length_bytes", [{"name": "vlen-bytes"}, GZIP]),
    ("label_multiset", [{"name": "label_multiset"}, GZIP]),
    ("label_multiset", [codec("n5_varlen", codecs=[{"name": "n5_label_multiset"}])]),
    (codec("numpy.datetime64", unit="s", scale_factor=1), [BYTES]),
    (codec("fixed_length_utf32", length_bytes=4), [BYTES]),
    (codec("null_terminated_bytes", length_bytes=4), [BYTES]),
    (codec("raw_bytes", length_bytes=4), [BYTES]),
    ("float32", [codec("zfp", mode="fixed_rate", rate=8)]),
    ("float32", [codec("zfp", mode="fixed_precision", precision=8)]),
    *(
        ("int32", [BYTES, codec(f"numcodecs.{name}", **configuration)])
        for name, configuration in {
            "shuffle": {"elementsize": 4},
            "blosc": {"cname": "lz4", "clevel": 5, "shuffle": 1, "blocksize": 0, "typesize": 4},
            "lz4": {"acceleration": 1},
            "zstd": {"level": 1},
            "zlib": {"level": 1},
            "gzip": {"level": 1},
            "bz2": {"level": 1},
            "lzma": {"format": 1, "check": -1, "preset": 1, "filters": None},
            "crc32": {},
            "crc32c": {"location": "end"},
            "fletcher32": {},
            "adler32": {"location": "start"},
        }.items()
    ),
    *(
        (dtype, [codec(f"numcodecs.{name}", **configuration), BYTES])
        for name, dtype, configuration in [
            ("delta", "int32", {"dtype": "<i4", "astype": "<i4"}),
            (
                "fixedscaleoffset",
                "float32",
                {"offset": 1, "scale": 2, "dtype": "<f4", "astype": "<i4"},
            ),
            ("quantize", "float32", {"digits": 2, "dtype": "<f4"}),
            ("bitround", "float32", {"keepbits": 3}),
            ("astype", "int32", {"encode_dtype": "<i2", "decode_dtype": "<i4"}),
            ("packbits", "bool", {}),
        ]
    ),
]

# Data type, filters, compressor.
V2: list[tuple[str, list[Any], Any]] = [
    ("<i4", [], {"id": "shuffle", "elementsize": 4}),
    ("<i4", [{"id": "delta", "dtype": "<i4"}], {"id": "zlib", "level": 1}),
    (
        "<f4",
        [{"id": "fixedscaleoffset", "offset": 1, "scale": 2, "dtype": "<f4", "astype": "<i4"}],
        None,
    ),
    (
        "<i4",
        [{"id": "shuffle", "elementsize": 4}, {"id": "lz4", "acceleration": 1}],
        {"id": "bz2", "level": 1},
    ),
    (
        "|b1",
        [{"id": "packbits"}],
        {"id": "lzma", "format": 1, "check": -1, "preset": 1, "filters": None},
    ),
    (
        "|O",
        [{"id": "vlen-utf8"}],
        {"id": "blosc", "cname": "lz4", "clevel": 5, "shuffle": 1, "blocksize": 0},
    ),
    ("|O", [{"id": "vlen-bytes"}], {"id": "shuffle", "elementsize": 4}),
    ("|O", [{"id": "vlen-array", "dtype": "<i4"}], {"id": "zstd", "level": 1}),
    ("|O", [{"id": "json2"}], {"id": "gzip", "level": 1}),
    ("|S4", [{"id": "categorize", "labels": ["a"], "dtype": "|S4", "astype": "|u1"}], None),
]


def fill_value(dtype: Any) -> Any:
    name = dtype["name"] if isinstance(dtype, dict) else dtype
    return {
        "string": "",
        "variable_length_bytes": "",
        "label_multiset": "0x0000000000000001",
        "bool": False,
        "fixed_length_utf32": "",
        "null_terminated_bytes": "",
        "raw_bytes": "AAAAAA==",
    }.get(name, 0)


def documents() -> Iterator[tuple[str, dict[str, Any]]]:
    for dtype, codecs in V3:
        yield (
            "zarr.json",
            {
                "zarr_format": 3,
                "node_type": "array",
                "shape": [4],
                "data_type": dtype,
                "chunk_grid": codec("regular", chunk_shape=[4]),
                "chunk_key_encoding": {"name": "default"},
                "fill_value": fill_value(dtype),
                "codecs": codecs,
                "attributes": {},
            },
        )
    yield (
        "zarr.json",
        {
            "zarr_format": 3,
            "node_type": "array",
            "shape": [4],
            "data_type": "int32",
            "chunk_grid": codec("rectilinear", kind="inline", chunk_shapes=[[[4, 1]]]),
            "chunk_key_encoding": {"name": "default"},
            "fill_value": 0,
            "codecs": [BYTES],
        },
    )
    for name, filters, compressor in V2:
        yield (
            ".zarray",
            {
                "zarr_format": 2,
                "shape": [4],
                "chunks": [4],
                "dtype": name,
                "fill_value": False if name == "|b1" else "" if name[1] in "OS" else 0,
                "order": "C",
                "filters": filters or None,
                "compressor": compressor,
            },
        )


KEPT = {"zarr_format", "node_type", "name", "id", "attributes", "chunk_key_encoding"}


def places(tree: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The paths to all that is in a document."""
    items = (
        tree.items()
        if isinstance(tree, dict)
        else enumerate(tree)
        if isinstance(tree, list)
        else ()
    )
    for key, value in items:
        if key not in KEPT:
            yield (*path, key)
            yield from places(value, (*path, key))


def variants(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield document
    for path in places(document):
        for value in [*SIZES, *OTHERS]:
            variant = copy.deepcopy(document)
            parent: Any = variant
            for key in path[:-1]:
                parent = parent[key]
            parent[path[-1]] = value
            yield variant
            if path in (("shape",), ("shape", 0)) and isinstance(value, int):
                # As long a chunk, and an axis without an element beside it.
                whole = copy.deepcopy(variant)
                if "chunks" in whole:
                    whole["chunks"] = [value]
                else:
                    whole["chunk_grid"] = codec("regular", chunk_shape=[value])
                yield whole
                empty = copy.deepcopy(document)
                empty["shape"] = [value, 0]
                if "chunks" in empty:
                    empty["chunks"] = [1, 1]
                else:
                    empty["chunk_grid"] = codec("regular", chunk_shape=[1, 1])
                yield empty


CHUNKS = [b"", b"\0", gzip.compress(bytes(16)), np.arange(16, dtype="<i4").tobytes()]
EXPECTED = (
    ValueError,
    TypeError,
    OverflowError,
    MemoryError,
    KeyError,
    OSError,
    NotImplementedError,
)


def attempts(name: str, document: dict[str, Any], chunk: bytes) -> Iterator[Any]:
    make = zarr.buffer.cpu.Buffer.from_bytes
    keys = ["c/0", "c/0/0"] if name == "zarr.json" else ["0", "0.0"]

    def array() -> Any:
        values = {name: make(json.dumps(document).encode()), **{key: make(chunk) for key in keys}}
        return zarr.open_array(MemoryStore(values), mode="r+")

    yield lambda: array()[...]
    yield lambda: array()[:1]
    yield lambda: array().__setitem__(slice(0, 1), array().fill_value)


def late(*_: Any) -> None:
    faulthandler.dump_traceback()
    raise SystemExit("a case took too long")


def main(step: int, start: int) -> None:
    warnings.simplefilter("ignore")
    zarr.config.set({"array.rectilinear_chunks": True, "array.decoded_max_bytes": 64 << 20})
    faulthandler.enable()
    for name, document in documents():  # imports what is imported late
        for attempt in attempts(name, document, CHUNKS[0]):
            with contextlib.suppress(Exception):
                attempt()
    with open("/proc/self/statm") as file:
        used = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, used + MEMORY))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    signal.signal(signal.SIGALRM, late)
    found: dict[str, str] = {}
    number = 0
    for name, document in documents():
        for variant in variants(document):
            for chunk in CHUNKS:
                number += 1
                if number % step != start:
                    continue
                print(json.dumps([variant, chunk.hex()]), file=sys.stderr)
                for attempt in attempts(name, variant, chunk):
                    signal.alarm(PATIENCE)
                    try:
                        attempt()
                    except EXPECTED:
                        pass
                    except RuntimeError as error:
                        if "checksum" not in str(error):  # what numcodecs says
                            found.setdefault(str(error)[:200], json.dumps([variant, chunk.hex()]))
                    except Exception as error:
                        kind = type(error).__name__
                        found.setdefault(
                            f"{kind}: {error}"[:200], json.dumps([variant, chunk.hex()])
                        )
                    signal.alarm(0)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    print(json.dumps({"cases": number, "grown_kib": grown, "unclear": found}))


if __name__ == "__main__":
    assert numcodecs
    main(int(sys.argv[1]), int(sys.argv[2]))
