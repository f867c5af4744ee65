"""Run with another implementation's Python: writes the cases, or reads them back.

``peer.py write|read IMPLEMENTATION DIRECTORY`` prints the cases that failed, as JSON.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

from cases import CASES, data


def store_documents(directory: Path, document: dict[str, Any]) -> None:
    """Write the metadata documents of an array, as they stand in the case."""
    directory.mkdir(parents=True)
    name = "zarr.json" if document["zarr_format"] == 3 else ".zarray"
    (directory / name).write_text(json.dumps(document))


def opened_by_zarr(directory: Path, mode: str) -> Any:
    """The array, opened with zarr-python (or what answers to its name)."""
    import zarr

    return zarr.open_array(str(directory), mode=mode)


def opened_by_tensorstore(directory: Path, document: dict[str, Any]) -> Any:
    """The array, opened with TensorStore."""
    import tensorstore as ts

    driver = "zarr3" if document["zarr_format"] == 3 else "zarr"
    spec = {"driver": driver, "kvstore": {"driver": "file", "path": f"{directory}/"}}
    return ts.open(spec, open=True).result()


def write(name: str, directory: Path, document: dict[str, Any]) -> None:
    """Write an array."""
    store_documents(directory, document)
    if name == "tensorstore":
        opened_by_tensorstore(directory, document).write(data(document)).result()
    else:
        opened_by_zarr(directory, "r+")[...] = data(document)


def read(name: str, directory: Path, document: dict[str, Any]) -> np.ndarray[Any, Any]:
    """Read an array."""
    if name == "tensorstore":
        return opened_by_tensorstore(directory, document).read().result()  # type: ignore[no-any-return]
    return opened_by_zarr(directory, "r")[...]  # type: ignore[no-any-return]


def same(found: np.ndarray[Any, Any], expected: np.ndarray[Any, Any]) -> bool:
    """Whether values are equal bit for bit, whatever their byte order in memory."""
    found = np.asarray(found).astype(expected.dtype, copy=False)
    return found.shape == expected.shape and found.tobytes() == expected.tobytes()


def main() -> None:
    what, name, directory = sys.argv[1], sys.argv[2], Path(sys.argv[3])
    if name == "zarrs":
        import zarr

        zarr.config.set({"codec_pipeline.path": "zarrs.ZarrsCodecPipeline"})
    failed = {}
    for case, document in CASES.items():
        try:
            if what == "write":
                write(name, directory / case, document)
            elif not same(read(name, directory / case, document), data(document)):
                failed[case] = "other values"
        except Exception as error:
            failed[case] = f"{type(error).__name__}: {str(error)[:200]}"
    print(json.dumps(failed))


if __name__ == "__main__":
    main()
