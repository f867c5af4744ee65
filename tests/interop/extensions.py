"""Arrays with extensions of Zarr v3: ``extensions.py write|read DIRECTORY`` with any `zarr`.

The codecs that zarr-python does not have are coded by zarrs there.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import numpy as np

import zarr

REVERSE = {"name": "transpose", "configuration": {"order": [1, 0]}}
LITTLE = {"name": "bytes", "configuration": {"endian": "little"}}


def packbits(**configuration: Any) -> dict[str, Any]:
    """A codec in JSON."""
    return {"name": "packbits", "configuration": configuration}


def reshape(*shape: Any) -> dict[str, Any]:
    """A codec in JSON."""
    return {"name": "reshape", "configuration": {"shape": list(shape)}}


GRIDS: dict[str, dict[str, Any]] = {
    "edges": {"shape": (6, 10), "chunks": [[1, 2, 3], [4, 4, 2]], "dtype": "int32"},
    "edges and a size": {"shape": (6, 10), "chunks": [[1, 2, 3], 4], "dtype": "float64"},
    "runs of edges": {"shape": (12,), "chunks": [[2, 2, 2, 2, 4]], "dtype": "uint8"},
    "strings": {"shape": (6,), "chunks": [[1, 5]], "dtype": "string"},
    "shards": {"shape": (12, 10), "chunks": (2, 2), "shards": [[2, 4, 6], [4, 6]], "dtype": "i4"},
}
CODECS: dict[str, dict[str, Any]] = {
    "bits": {"dtype": "bool", "serializer": packbits()},
    "bits, padding first": {"dtype": "bool", "serializer": packbits(padding_encoding="first_byte")},
    "bits, padding last": {
        "dtype": "int16",
        "serializer": packbits(padding_encoding="last_byte", first_bit=0, last_bit=8),
    },
    "bits of complex": {"dtype": "complex64", "serializer": packbits()},
    "reshaped": {"dtype": "int32", "filters": [reshape([0, 1])], "serializer": LITTLE},
    "reshaped, reversed": {
        "dtype": "int32",
        "filters": [reshape(2, -1), REVERSE],
        "serializer": LITTLE,
    },
}


def data(case: dict[str, Any]) -> Any:
    """The values of an array."""
    shape = case.get("shape", (8, 12))
    values = np.arange(int(np.prod(shape))).reshape(shape)
    if case["dtype"] == "bool":
        return values % 3 == 0
    return values.astype("T" if case["dtype"] == "string" else case["dtype"])


def write(path: str, case: dict[str, Any]) -> None:
    """Write an array."""
    options = {"shape": (8, 12), "chunks": (4, 6), **case}
    if "serializer" in case:
        options["compressors"] = None
    array: Any = zarr.create_array(path, **options)
    array[...] = data(case)


def read(path: str, case: dict[str, Any]) -> dict[str, Any]:
    """Read an array, make it longer, and tell what is remarkable."""
    array: Any = zarr.open_array(path)
    expected = data(case)
    if "chunks" in case:  # zarrs reads whole chunks of some codecs only
        part = tuple(slice(1, None, 2) for _ in expected.shape)
        assert (np.asarray(array[part]) == expected[part]).all(), "other values"
    array.resize(tuple(n + 2 for n in expected.shape))
    return {"grid": json.loads(json.dumps(array.metadata.to_dict()["chunk_grid"]))}


def register() -> None:
    """Let zarr-python pass on to zarrs what it does not know itself."""
    from zarr.abc.codec import ArrayArrayCodec, ArrayBytesCodec
    from zarr.registry import register_codec

    def named(base: Any, name: str) -> None:
        def init(self: Any, **configuration: Any) -> None:
            self.__dict__["configuration"] = configuration

        members = {
            "is_fixed_size": False,
            "__init__": init,
            "from_dict": classmethod(lambda cls, data: cls(**data.get("configuration", {}))),
            "to_dict": lambda self: {"name": name, "configuration": self.configuration},
            "compute_encoded_size": lambda self, size, spec: size,
            "resolve_metadata": lambda self, spec: spec,
        }
        register_codec(name, type(name, (base,), members))

    named(ArrayBytesCodec, "packbits")
    named(ArrayArrayCodec, "reshape")
    zarr.config.set({"codec_pipeline.path": "zarrs.ZarrsCodecPipeline"})


def main() -> None:
    what, directory, which = sys.argv[1:]
    zarr.config.set({"array.rectilinear_chunks": True})
    if which == "codecs":
        register()
    told: dict[str, Any] = {}
    for name, case in (GRIDS if which == "grids" else CODECS).items():
        path = f"{directory}/{name}"
        try:
            told[name] = write(path, case) if what == "write" else read(path, case)
        except Exception as error:
            told[name] = f"{type(error).__name__}: {str(error)[:300]}"
    print(json.dumps(told))


if __name__ == "__main__":
    main()
