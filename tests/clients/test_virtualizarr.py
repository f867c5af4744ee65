"""VirtualiZarr: a netCDF file read in place, through references in icechunk and of kerchunk."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import zarr

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.filterwarnings("ignore")  # of its own dependencies
pytest.importorskip("virtualizarr")
pytest.importorskip("h5py")  # its parser asks for it
netcdf = pytest.importorskip("netCDF4")
data = pytest.importorskip("skimage.data")

from obspec_utils.registry import ObjectStoreRegistry  # noqa: E402
from obstore.store import LocalStore  # noqa: E402
from virtualizarr import open_virtual_dataset  # noqa: E402
from virtualizarr.parsers import HDFParser  # noqa: E402


@pytest.fixture
def pixels() -> Any:
    return np.ascontiguousarray(data.astronaut()[..., 0])


@pytest.fixture
def virtual(tmp_path: Path, pixels: Any) -> Any:
    """A data set whose chunks are those of a netCDF file."""
    path = tmp_path / "photograph.nc"
    with netcdf.Dataset(path, "w") as file:
        file.createDimension("y", 512)
        file.createDimension("x", 512)
        variable = file.createVariable(
            "red", "u1", ("y", "x"), zlib=True, shuffle=True, chunksizes=(100, 200)
        )
        variable[:] = pixels
        variable.units = "counts"
    registry = ObjectStoreRegistry({"file://": LocalStore()})
    return open_virtual_dataset(f"file://{path}", registry=registry, parser=HDFParser())


def test_references_in_icechunk_give_the_values_of_the_file(
    virtual: Any, pixels: Any, tmp_path: Path
) -> None:
    icechunk = pytest.importorskip("icechunk")
    from zarr.errors import ContainsGroupError

    place = f"file://{tmp_path}/"
    config = icechunk.RepositoryConfig.default()
    container = icechunk.VirtualChunkContainer(
        place, icechunk.local_filesystem_store(str(tmp_path))
    )
    config.set_virtual_chunk_container(container)
    allowed = {place: icechunk.credentials.LocalFileSystemAccess}
    storage = icechunk.local_filesystem_storage(str(tmp_path / "repository"))
    repository = icechunk.Repository.create(storage, config, authorize_virtual_chunk_access=allowed)
    session = repository.writable_session("main")
    virtual.vz.to_icechunk(session.store)
    with pytest.raises(ContainsGroupError):  # and is not overwritten
        virtual.vz.to_icechunk(session.store)
    session.commit("references")
    group = zarr.open_group(repository.readonly_session("main").store, mode="r")
    red = group["red"]
    assert isinstance(red, zarr.Array)
    assert (red.chunks, red.attrs["units"]) == ((100, 200), "counts")
    np.testing.assert_array_equal(red[:], pixels)
    np.testing.assert_array_equal(red[90:210, 150:450:3], pixels[90:210, 150:450:3])


def test_references_of_kerchunk_give_the_values_of_the_file(virtual: Any, pixels: Any) -> None:
    pytest.importorskip("kerchunk")
    xr = pytest.importorskip("xarray")
    references = virtual.vz.to_kerchunk(format="dict")
    with xr.open_dataset(references, engine="kerchunk", mask_and_scale=False) as back:
        np.testing.assert_array_equal(back["red"].values, pixels)
