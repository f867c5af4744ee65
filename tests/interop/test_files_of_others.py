"""Files that zarr 2, netCDF-C and GDAL wrote are read."""

from __future__ import annotations

import importlib.util
import tarfile
from pathlib import Path
from typing import Any

import numcodecs.pickles
import numpy as np
import pytest

import zarr
from zarr.errors import PickleCodecDisabledError
from zarr.storage import SQLiteStore

HERE = Path(__file__).parent
_spec = importlib.util.spec_from_file_location("zarr2_values", HERE / "zarr2_values.py")
assert _spec is not None
assert _spec.loader is not None
zarr2_values: Any = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(zarr2_values)


@pytest.fixture(scope="module")
def zarr2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("zarr2")
    with tarfile.open(HERE / "data" / "zarr2.tar.xz") as archive:
        archive.extractall(directory, filter="data")
    return directory


@pytest.mark.parametrize("name", ["directory.zarr", "nested.zarr", "consolidated.zarr",
                                  "zipped.zip", "table.sqldb"])  # fmt: skip
def test_all_that_zarr_2_wrote_is_read(
    zarr2: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("msgpack")
    store: Any = zarr2 / name
    if name == "table.sqldb":
        store = SQLiteStore(store, read_only=True)
    group = zarr.open_group(store, mode="r")
    assert group.attrs["by"] == "zarr 2"
    assert np.isnan(group.attrs["missing"])
    consolidated = group.metadata.consolidated_metadata
    assert (consolidated is not None) == (name == "consolidated.zarr")
    for path, values, _ in zarr2_values.cases():
        array = group[path]
        assert isinstance(array, zarr.Array)
        if path == "objects/pickle":
            with pytest.raises(PickleCodecDisabledError):
                array[...]
            with zarr.config.set({"array.allow_unsafe_pickle_decode": True}):
                monkeypatch.setattr(numcodecs.pickles, "ALLOW_UNSAFE_PICKLE_DECODE", True)
                found = array[...]
        else:
            found = array[...]
        if values.dtype == object:
            assert all(map(np.array_equal, found, values)), path
        else:
            assert found.dtype == values.dtype, path
            np.testing.assert_array_equal(found, values, err_msg=path)


class TestNetCDF:
    """Files of the netCDF library, in its own variant and in plain Zarr."""

    @pytest.mark.parametrize("mode", ["nczarr", "zarr", "xarray"])
    def test_its_files_are_read(self, tmp_path: Path, mode: str) -> None:
        netcdf = pytest.importorskip("netCDF4")
        try:
            file = netcdf.Dataset(f"file://{tmp_path}/a.zarr#mode={mode},file", "w")
        except OSError as error:
            pytest.skip(f"this netCDF knows no Zarr: {error}")
        file.title = "of netCDF"
        file.createDimension("t", 10)
        file.createDimension("x", 7)
        data = np.arange(70, dtype="f4").reshape(10, 7)
        with file:
            file.createVariable("plain", "f4", ("t", "x"), chunksizes=(4, 3))[:] = data
            # Shuffled, and without saying of how many bytes the elements are.
            file.createVariable("packed", "f4", ("t", "x"), chunksizes=(4, 3), zlib=True)[:] = data
            group = file.createGroup("deep")
            group.createVariable("short", "i2", ("t",))[:] = range(10)
        root = zarr.open_group(tmp_path / "a.zarr", mode="r")
        assert root.attrs["title"] == "of netCDF"
        np.testing.assert_array_equal(root["plain"][...], data)
        np.testing.assert_array_equal(root["packed"][...], data)
        assert root["deep/short"][...].tolist() == list(range(10))
        assert root["plain"].attrs["_ARRAY_DIMENSIONS"] == ["t", "x"]

    def test_it_reads_what_is_written_here(self, tmp_path: Path) -> None:
        netcdf = pytest.importorskip("netCDF4")
        root = zarr.open_group(tmp_path / "b.zarr", mode="w", zarr_format=2)
        data = np.arange(70, dtype="f4").reshape(10, 7)
        for name, options in {
            "plain": {"compressors": None},
            "packed": {"compressors": {"id": "zlib", "level": 4}},
        }.items():
            root.create_array(
                name,
                data=data,
                chunks=(4, 3),
                attributes={"_ARRAY_DIMENSIONS": ["t", "x"], "units": "K"},
                **options,
            )
        try:
            file = netcdf.Dataset(f"file://{tmp_path}/b.zarr#mode=xarray,file")
        except OSError as error:
            pytest.skip(f"this netCDF knows no Zarr: {error}")
        with file:
            for name in ("plain", "packed"):
                np.testing.assert_array_equal(file[name][:], data)
                assert file[name].units == "K"


class TestGDAL:
    """Files of GDAL, which reads and writes rasters of any kind."""

    DATA = np.arange(3500, dtype="f4").reshape(50, 70)

    @pytest.mark.parametrize("compressor", ["NONE", "BLOSC", "ZSTD", "GZIP", "ZLIB"])
    def test_its_files_are_read(self, tmp_path: Path, compressor: str) -> None:
        rasterio = pytest.importorskip("rasterio")
        options = {"FORMAT": "ZARR_V2", "COMPRESS": compressor, "BLOCKSIZE": "20,30"}
        given = {"height": 50, "width": 70, "count": 1, "dtype": "float32"}
        with (
            pytest.warns(rasterio.errors.NotGeoreferencedWarning),
            rasterio.open(tmp_path / "a.zarr", "w", driver="Zarr", **given, **options) as file,
        ):
            file.write(self.DATA[None])
        root = zarr.open_group(tmp_path / "a.zarr", mode="r")
        np.testing.assert_array_equal(root["a"][...], self.DATA)

    @pytest.mark.parametrize("zarr_format", [2, 3])
    @pytest.mark.parametrize("compressor", ["none", "blosc", "zstd", "gzip"])
    def test_it_reads_what_is_written_here(
        self, tmp_path: Path, zarr_format: Any, compressor: str
    ) -> None:
        rasterio = pytest.importorskip("rasterio")
        named: Any = {
            "none": None,
            "blosc": zarr.codecs.BloscCodec(),
            "zstd": zarr.codecs.ZstdCodec(),
            "gzip": zarr.codecs.GzipCodec(),
        }
        zarr.create_array(
            tmp_path / "b.zarr",
            data=self.DATA,
            chunks=(20, 30),
            zarr_format=zarr_format,
            dimension_names=("y", "x") if zarr_format == 3 else None,
            compressors=named[compressor],
        )
        with (
            pytest.warns(rasterio.errors.NotGeoreferencedWarning),
            rasterio.open(tmp_path / "b.zarr") as file,
        ):
            np.testing.assert_array_equal(file.read(1), self.DATA)
