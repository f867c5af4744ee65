"""Verify finds nothing in whole hierarchies that other implementations wrote."""

from __future__ import annotations

import os
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest

from zarr import tools
from zarr.storage import SQLiteStore

HERE = Path(__file__).parent
PYTHON = os.environ.get("ZARR_PEERS", str(HERE.parent.parent / ".envs/peers/bin/python"))

WRITE = """
import sys, warnings
import numpy as np, zarr
warnings.simplefilter("ignore")
for zarr_format in (2, 3):
    root = zarr.create_group(f"{sys.argv[1]}/v{zarr_format}", zarr_format=zarr_format,
                             attributes={"title": "theirs", "number": 1.5})
    data = np.arange(120).reshape(10, 12)
    root.create_array("plain", data=data, chunks=(4, 5))
    root.create_array("none", data=data.astype("f4"), chunks=(4, 5), compressors=None)
    root.create_array("deep/er/flags", data=data % 2 == 0, chunks=(10, 12))
    root.create_array("empty", shape=(0, 4), chunks=(1, 4), dtype="i2")
    root.create_array("sparse", shape=(100,), chunks=(3,), dtype="i2", attributes={"u": "m"})
    words = root.create_array("words", shape=(5,), chunks=(2,), dtype=str)
    words[:] = np.array(["a", "b", "", "d", "e"], dtype=object)
    if zarr_format == 3:
        root.create_array("shards", data=data, chunks=(2, 3), shards=(4, 6),
                          dimension_names=("y", "x"))
    zarr.consolidate_metadata(root.store, zarr_format=zarr_format)
"""

TENSORSTORE = """
import sys
import numpy as np, tensorstore as ts
data = np.arange(120, dtype="i4").reshape(10, 12)
for driver in ("zarr", "zarr3"):
    spec = {"driver": driver, "kvstore": {"driver": "file", "path": f"{sys.argv[1]}/{driver}"}}
    array = ts.open(spec, create=True, dtype=ts.int32, shape=[10, 12]).result()
    array[...] = data
spec = {"driver": "zarr3", "kvstore": {"driver": "file", "path": f"{sys.argv[1]}/shards"}}
layout = ts.ChunkLayout(read_chunk_shape=[2, 3], write_chunk_shape=[4, 6])
array = ts.open(spec, create=True, dtype=ts.int32, shape=[10, 12], chunk_layout=layout).result()
array[...] = data
array[3:5, 2:4] = 7
"""


# Its codecs, with the rest of zarr-python.
ZARRS = f"""
import zarr
zarr.config.set({{"codec_pipeline.path": "zarrs.ZarrsCodecPipeline"}})
import zarrs
{WRITE}
for name in ("gzip", "blosc"):
    codec = {{"gzip": zarr.codecs.GzipCodec(), "blosc": zarr.codecs.BloscCodec()}}[name]
    root.create_array(name, data=data, chunks=(2, 3), shards=(4, 6), compressors=codec)
zarr.consolidate_metadata(root.store)
"""
PROGRAMS = {"zarr-python": (WRITE, 2), "tensorstore": (TENSORSTORE, 3), "zarrs": (ZARRS, 2)}


@pytest.fixture(scope="module")
def zarr2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("zarr2")
    with tarfile.open(HERE / "data" / "zarr2.tar.xz") as archive:
        archive.extractall(directory, filter="data")
    return directory


@pytest.mark.parametrize(
    "name", ["directory.zarr", "nested.zarr", "consolidated.zarr", "zipped.zip", "table.sqldb"]
)
def test_what_zarr_2_wrote_is_whole(zarr2: Path, name: str) -> None:
    pytest.importorskip("msgpack")
    store: Any = zarr2 / name
    if name == "table.sqldb":
        store = SQLiteStore(store, read_only=True)
    report = tools.verify(store)
    assert report.arrays > 50
    # Its root has an attribute that is no number, as JSON has none; pickles are not opened.
    assert set(report.counts) == {"document-nonstandard-number", "chunk-not-tried"}
    pickles = [each.node for each in report.findings if each.code == "chunk-not-tried"]
    assert set(pickles) == {"objects/pickle"}


@pytest.mark.skipif(not Path(PYTHON).exists(), reason="`make test` makes the peers' environment")
@pytest.mark.parametrize("program", PROGRAMS)
def test_what_others_write_is_whole(tmp_path: Path, program: str) -> None:
    code, count = PROGRAMS[program]
    subprocess.run([PYTHON, "-c", code, str(tmp_path)], check=True, timeout=120)
    stores = sorted(tmp_path.iterdir())
    assert len(stores) == count
    for store in stores:
        report = tools.verify(store)
        assert report.findings == ()
        assert report.decoded > 0


@pytest.mark.skipif(not Path(PYTHON).exists(), reason="`make test` makes the peers' environment")
def test_others_read_an_array_to_which_checksums_were_added(tmp_path: Path) -> None:
    import numpy as np

    import zarr

    data = np.arange(120).reshape(10, 12)
    zarr.create_array(tmp_path / "a", data=data, chunks=(4, 5))
    zarr.create_array(tmp_path / "s", data=data, chunks=(2, 3), shards=(4, 6))
    for name in ("a", "s"):
        tools.add_checksums(tmp_path / name)
        code = f"import zarr; print(zarr.open_array({str(tmp_path / name)!r})[...].sum())"
        answer = subprocess.run(
            [PYTHON, "-W", "ignore", "-c", code], check=True, timeout=120, capture_output=True
        )
        assert int(answer.stdout) == data.sum()
