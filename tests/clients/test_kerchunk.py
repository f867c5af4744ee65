"""kerchunk: a netCDF file read in place, through references to its chunks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

import zarr

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.filterwarnings("ignore")  # of its own dependencies
pytest.importorskip("h5py")  # kerchunk.hdf asks for it
hdf = pytest.importorskip("kerchunk.hdf")
netcdf = pytest.importorskip("netCDF4")
fsspec = pytest.importorskip("fsspec")
xr = pytest.importorskip("xarray")
data = pytest.importorskip("skimage.data")


def test_references_to_a_netcdf_file_give_its_values(tmp_path: Path) -> None:
    path = str(tmp_path / "photograph.nc")
    pixels = np.ascontiguousarray(data.astronaut()[..., 0])
    with netcdf.Dataset(path, "w") as file:
        file.createDimension("y", 512)
        file.createDimension("x", 512)
        variable = file.createVariable(
            "red", "u1", ("y", "x"), zlib=True, shuffle=True, chunksizes=(100, 200)
        )
        variable[:] = pixels
        variable.units = "counts"
    references = hdf.SingleHdf5ToZarr(path, inline_threshold=0).translate()
    mapper = fsspec.filesystem("reference", fo=references, remote_protocol="file").get_mapper("")
    red = zarr.open_group(mapper, mode="r", zarr_format=2)["red"]
    assert isinstance(red, zarr.Array)
    assert (red.chunks, red.attrs["units"]) == ((100, 200), "counts")
    np.testing.assert_array_equal(red[:], pixels)
    np.testing.assert_array_equal(red[90:210, 150:450:3], pixels[90:210, 150:450:3])
    storage = {"fo": references, "remote_protocol": "file"}
    with xr.open_dataset(
        "reference://", engine="zarr", consolidated=False, storage_options=storage
    ) as back:
        np.testing.assert_array_equal(back["red"].values, pixels)
