"""Other programs read what was rechunked: packed, unpacked, cast, and in two passes."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import zarr
from zarr import tools
from zarr.codecs import BloscCodec, GzipCodec

HERE = Path(__file__).parent
PYTHON = os.environ.get("ZARR_PEERS", str(HERE.parent.parent / ".envs/peers/bin/python"))

DATA = np.arange(30 * 22, dtype="i4").reshape(30, 22)
STRINGS = np.array(["", "a", "é" * 20, "bc"] * 6, np.dtypes.StringDType()).reshape(4, 6)
WANTED: dict[str, dict[str, Any]] = {
    "series": {"chunks": (30, 2)},
    "two passes": {"chunks": (30, 2), "max_memory": 3000},
    "packed": {"shards": (12, 22)},
    "format 2": {"zarr_format": 2, "chunks": (7, 5), "codecs": "auto"},
    "cast": {"dtype": "f8", "shards": (6, 22)},
    "blosc": {"codecs": [BloscCodec(cname="lz4", typesize=4)], "chunks": (7, 5)},
}

READERS = {
    "zarr-python": """
import zarr
def read(path, zarr_format):
    return zarr.open_array(path, mode="r")[...]
""",
    "tensorstore": """
import tensorstore as ts
def read(path, zarr_format):
    driver = "zarr3" if zarr_format == 3 else "zarr"
    spec = {"driver": driver, "kvstore": {"driver": "file", "path": path}}
    return ts.open(spec, open=True).result().read().result()
""",
    "zarrs": """
import zarr, zarrs
zarr.config.set({"codec_pipeline.path": "zarrs.ZarrsCodecPipeline"})
def read(path, zarr_format):
    return zarr.open_array(path, mode="r")[...]
""",
}
MAIN = """
import json, os, sys, warnings
warnings.simplefilter("ignore")
found = {}
for name in sorted(os.listdir(sys.argv[1])):
    path = f"{sys.argv[1]}/{name}"
    found[name] = read(path, 2 if os.path.exists(path + "/.zarray") else 3).tolist()
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def targets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("rechunked")
    old = zarr.create_array(
        directory / "old", data=DATA, chunks=(3, 22), zarr_format=2, compressors={"id": "zstd"}
    )
    new = zarr.create_array(directory / "new", data=DATA, chunks=(3, 22), compressors=GzipCodec())
    for name, wanted in WANTED.items():
        for start, source in (("old", old), ("new", new)):
            options = {"zarr_format": 3, **wanted}
            zarr.rechunk(source, directory / "targets" / f"{name}, {start}", **options)
    packed = zarr.open_array(directory / "targets" / "packed, old")
    zarr.rechunk(packed, directory / "targets" / "unpacked", shards=None)
    zarr.rechunk(packed, directory / "targets" / "packed again", shards=(24, 22))
    return directory / "targets"


@pytest.mark.skipif(not Path(PYTHON).exists(), reason="`make test` makes the peers' environment")
@pytest.mark.parametrize("reader", READERS)
def test_others_read_the_same(targets: Path, reader: str) -> None:
    kept = {key: value for key, value in os.environ.items() if not key.startswith("ZARR_")}
    command = [PYTHON, "-c", READERS[reader] + MAIN, str(targets)]
    done = subprocess.run(command, env=kept, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert len(found) == 2 * len(WANTED) + 2
    for name, values in found.items():
        np.testing.assert_array_equal(values, DATA, err_msg=name)


@pytest.mark.skipif(not Path(PYTHON).exists(), reason="`make test` makes the peers' environment")
def test_zarr_python_reads_packed_strings(tmp_path: Path) -> None:
    source = zarr.create_array({}, data=STRINGS, chunks=(1, 3))
    done = zarr.rechunk(source, tmp_path / "strings", shards=(4, 6))
    assert done.arrays[0].way == "chunks"
    kept = {key: value for key, value in os.environ.items() if not key.startswith("ZARR_")}
    code = READERS["zarr-python"] + MAIN
    command = [PYTHON, "-c", code, str(tmp_path)]
    answer = subprocess.run(command, env=kept, capture_output=True, text=True, check=True)
    assert json.loads(answer.stdout) == {"strings": STRINGS.tolist()}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_xarray_and_h5py_find_the_same(tmp_path: Path) -> None:
    xarray = pytest.importorskip("xarray")
    h5py = pytest.importorskip("h5py")
    names = ["y", "x"]
    root = zarr.create_group(tmp_path / "s.zarr")
    root.create_array("a", data=DATA, chunks=(3, 22), dimension_names=names)
    root.create_array("y", data=np.arange(30.0), dimension_names=["y"])
    zarr.rechunk(root, tmp_path / "t.zarr", rules={"a": {"chunks": (6, 11), "shards": (12, 22)}})
    with xarray.open_zarr(tmp_path / "t.zarr", consolidated=False) as found:
        assert found["a"].dims == ("y", "x")
        np.testing.assert_array_equal(found["a"].values, DATA)
        np.testing.assert_array_equal(found["y"].values, np.arange(30.0))
    tools.export_file(tmp_path / "t.zarr", tmp_path / "t.nc")
    with h5py.File(tmp_path / "t.nc") as file:
        np.testing.assert_array_equal(file["a"][...], DATA)
