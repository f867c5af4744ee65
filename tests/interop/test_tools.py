"""Other programs read what was imported, moved, replaced and made into pyramids here."""

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

HERE = Path(__file__).parent
PYTHON = os.environ.get("ZARR_PEERS", str(HERE.parent.parent / ".envs/peers/bin/python"))

if not Path(PYTHON).exists():
    pytest.skip("`make test` makes the environment of the peers", allow_module_level=True)

SCRIPT = """
import json, sys, warnings
warnings.simplefilter("ignore")
import zarr
directory, peer = sys.argv[1:]
if peer == "zarrs":
    zarr.config.set({"codec_pipeline.path": "zarrs.ZarrsCodecPipeline"})
found = {}
for path, each in zarr.open_group(directory, mode="r").members(max_depth=None):
    values = None
    if hasattr(each, "shape") and peer == "zarrs" and each.dtype.byteorder == ">":
        continue  # it reads no such arrays of format 2
    if hasattr(each, "shape") and peer == "tensorstore":
        import tensorstore
        driver = "zarr" if each.metadata.zarr_format == 2 else "zarr3"
        store = {"driver": "file", "path": f"{directory}/{path}/"}
        values = tensorstore.open({"driver": driver, "kvstore": store}).result().read().result()
    elif hasattr(each, "shape"):
        values = each[...]
    found[path] = values if values is None else values.tolist()
print(json.dumps(found))
"""
DATA = np.arange(120).reshape(10, 12)


def found_by(peer: str, directory: Path) -> dict[str, Any]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith("ZARR_")}
    command = [PYTHON, "-c", SCRIPT, str(directory), peer]
    done = subprocess.run(command, env=kept, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_zarr_python_finds_the_same(zarr_format: Any, tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for number, filters in enumerate(
            (
                {"compression": "gzip"},
                {"compression": "gzip", "shuffle": True, "fletcher32": True},
                {"compression": "lzf"},
                {},
            )
        ):
            file.create_dataset(f"g/{number}", data=DATA.astype(">i4"), chunks=(4, 5), **filters)
    tools.import_file(tmp_path / "a.h5", tmp_path / "a.zarr", zarr_format=zarr_format)
    group = zarr.open_group(tmp_path / "a.zarr")
    tools.replace(group["g/3"].lazy[::-1], tmp_path / "a.zarr", target_path="g/3")
    tools.mv(tmp_path / "a.zarr", tmp_path / "a.zarr", path="g/2", target_path="moved")
    tools.pyramid(tmp_path / "a.zarr/g/0", tmp_path / "a.zarr/p", levels=1, convention="none")
    found = found_by("zarr-python", tmp_path / "a.zarr")
    level = group["p/1"][...].tolist()
    assert found == {
        "g": None,
        "g/0": DATA.tolist(),
        "g/1": DATA.tolist(),
        "g/3": DATA[::-1].tolist(),
        "moved": DATA.tolist(),
        "p": None,
        "p/0": DATA.tolist(),
        "p/1": level,
    }


IMAGE = np.random.default_rng(0).integers(0, 60000, (2, 40, 60)).astype("u2")


@pytest.fixture(scope="module", params=[2, 3])
def made(request: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A hierarchy of all that the tools make, in the codecs that others have, and its values."""
    directory = tmp_path_factory.mktemp("made")
    there, zarr_format = directory / "a.zarr", request.param
    zarr.create_group(there, zarr_format=zarr_format)

    def take(name: str, file: Path, **options: Any) -> None:
        tools.import_file(file, there, target_path=name, zarr_format=zarr_format, **options)

    np.save(directory / "a.npy", np.asfortranarray(DATA.astype("f4")))
    take("npy", directory / "a.npy", chunks=(4, 5))
    h5py = pytest.importorskip("h5py")
    with h5py.File(directory / "a.h5", "w") as file:
        file.create_dataset("plain", data=DATA.astype("i4"), chunks=(4, 5))
        file.create_dataset("flags", data=DATA > 60)
    take("hdf5", directory / "a.h5")
    netcdf = pytest.importorskip("netCDF4")
    with netcdf.Dataset(directory / "a.nc", "w", format="NETCDF3_CLASSIC") as file:
        file.createDimension("y", None)
        file.createDimension("x", 12)
        file.createVariable("v", "f8", ("y", "x"))[:] = DATA
    take("netcdf", directory / "a.nc")
    tifffile = pytest.importorskip("tifffile")
    tifffile.imwrite(
        directory / "a.ome.tif",
        IMAGE,
        ome=True,
        tile=(16, 16),
        photometric="minisblack",
        metadata={"axes": "CYX"},
    )
    take("image", directory / "a.ome.tif")
    arrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    parquet.write_table(
        arrow.table({"n": [1, None, 3], "x": [0.5, 1.5, 2.5]}), directory / "a.parquet"
    )
    take("table", directory / "a.parquet")
    tools.pyramid(there, path="image", levels=2)
    tools.pyramid(there, there, path="npy", target_path="map", convention="geozarr", levels=1)
    tools.cp(there, there, path="hdf5/plain", target_path="copy")
    tools.mv(there, there, path="netcdf/v", target_path="moved")
    tools.replace(zarr.open_array(there / "npy").lazy[::-1], there, target_path="npy")
    tools.sync(there, directory / "b.zarr")
    group = zarr.open_group(there, mode="r")
    members = group.members(max_depth=None)
    found = {p: each[...].tolist() if isinstance(each, zarr.Array) else None for p, each in members}
    assert found["copy"] == DATA.tolist()
    assert found["moved"] == DATA.tolist()
    assert found["npy"] == DATA[::-1].tolist()
    assert found["image/0"] == IMAGE.tolist()
    assert found["table/n_is_null"] == [False, True, False]
    return directory / "b.zarr", found


@pytest.mark.parametrize("peer", ["zarr-python", "tensorstore", "zarrs"])
def test_others_read_all_that_the_tools_make(peer: str, made: tuple[Path, dict[str, Any]]) -> None:
    directory, expected = made
    found = found_by(peer, directory)
    if peer == "zarrs" and "moved" not in found:  # of netCDF-3: big-endian
        expected = {path: values for path, values in expected.items() if path != "moved"}
    assert found == expected
