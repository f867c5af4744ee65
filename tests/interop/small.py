"""Small numbers in the files of TensorStore: ``small.py write|read DIRECTORY``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np

BITS = {
    "int2": 2,
    "int4": 4,
    "bfloat16": 16,
    "float8_e3m4": 8,
    "float8_e4m3fn": 8,
    "float8_e4m3fnuz": 8,
    "float8_e4m3b11fnuz": 8,
    "float8_e5m2": 8,
    "float8_e5m2fnuz": 8,
    "float4_e2m1fn": 4,
}


def values(name: str) -> Any:
    """All numbers of a type; of the large one, some."""
    dtype = np.dtype(getattr(ml_dtypes, name))
    if name.startswith("int"):
        least = -(1 << BITS[name] - 1)
        return np.arange(least, -least).astype(dtype)
    patterns = np.arange(0, 1 << BITS[name], 1 if BITS[name] < 16 else 97)
    return patterns.astype(f"u{dtype.itemsize}").view(dtype)


def shown(array: Any) -> str:
    """The bits of numbers; of a NaN, only that it is one."""
    array = np.asarray(array)
    if array.dtype.name.startswith("int"):
        return str(array.astype(int).tolist())
    numbers = array.astype("f4")
    bits = array.view(f"u{array.dtype.itemsize}").tolist()
    pairs = zip(bits, numbers, strict=True)
    return str(["nan" if np.isnan(number) else each for each, number in pairs])


def _open(directory: Path, **more: Any) -> Any:
    import tensorstore as ts

    kvstore = {"driver": "file", "path": f"{directory}/"}
    return ts.open({"driver": "zarr3", "kvstore": kvstore, **more}, **_modes(more)).result()


def _modes(more: dict[str, Any]) -> dict[str, bool]:
    return {"create": True} if more else {"open": True}


def write(directory: Path, name: str) -> None:
    """Write the numbers of a type."""
    data = values(name)
    grid = {"name": "regular", "configuration": {"chunk_shape": [5]}}
    codecs = [{"name": "bytes"}]
    if np.dtype(data.dtype).itemsize > 1:
        codecs = [{"name": "bytes", "configuration": {"endian": "big"}}]  # type: ignore[dict-item]
    metadata = {"shape": [len(data)], "data_type": name, "chunk_grid": grid, "codecs": codecs}
    _open(directory, metadata=metadata).write(data).result()


def main(what: str, directory: Path) -> dict[str, str]:
    """Write or read all types."""
    if what == "write":
        for name in BITS:
            write(directory / name, name)
        return {}
    return {name: shown(_open(directory / name).read().result()) for name in BITS}


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], Path(sys.argv[2]))))
