"""Arrays and groups become files in which the libraries of other formats find the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import zarr
from zarr import tools

if TYPE_CHECKING:
    from pathlib import Path

DATA = np.arange(3500).reshape(50, 70)


@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_numpy_loads_the_elements(tmp_path_factory: pytest.TempPathFactory, data: Any) -> None:
    shape = tuple(data.draw(st.lists(st.integers(0, 9), max_size=3)))
    dtype = data.draw(st.sampled_from(["<i4", ">f8", "?", "M8[s]", "c16", "u1"]))
    chunks = tuple(data.draw(st.integers(1, 5)) for _ in shape)
    values = np.arange(np.prod(shape, dtype=int)).reshape(shape).astype("i8").astype(dtype)
    array = zarr.create_array({}, shape=shape, dtype=dtype, chunks=chunks)
    array[...] = values
    file = tmp_path_factory.mktemp("npy") / "a.npy"
    done = tools.export_file(array, file)
    found = np.load(file)
    np.testing.assert_array_equal(found, values)
    assert found.dtype == values.dtype
    assert done.bytes == values.nbytes


@pytest.mark.parametrize("engine", ["netcdf4", "h5netcdf"])
@pytest.mark.parametrize("zarr_format", [2, 3])
def test_xarray_finds_the_same_in_the_netcdf_file(
    zarr_format: Any, engine: Any, tmp_path: Path
) -> None:
    xarray = pytest.importorskip("xarray")
    pytest.importorskip("netCDF4")
    pytest.importorskip("h5netcdf")
    dataset = xarray.Dataset(
        {
            "t": (("time", "x"), np.array([[1.0, np.nan, 3], [4, 5, 6]]), {"units": "K"}),
            "n": (("x",), np.array([1, 2, 3], "i4"), {"list": [1, 2]}),
            "flag": (("x",), np.array([True, False, True])),
            "name": (("x",), np.array(["a", "bü", "c"], object)),
        },
        coords={"time": np.array(["2020-01-01", "2020-01-03"], "M8[ns]"), "x": [1.5, 2.5, 3.5]},
        attrs={"title": "all", "number": 1.5},
    )
    dataset.to_zarr(tmp_path / "a.zarr", zarr_format=zarr_format, consolidated=False)
    done = tools.export_file(tmp_path / "a.zarr", tmp_path / "a.nc")
    assert done.lost == ()
    with xarray.open_zarr(tmp_path / "a.zarr", consolidated=False) as before:
        found = xarray.load_dataset(tmp_path / "a.nc", engine=engine)
        xarray.testing.assert_identical(found, before.load())


def test_all_that_netcdf_cannot_hold_is_listed(tmp_path: Path) -> None:
    netcdf = pytest.importorskip("netCDF4")
    root = zarr.create_group({}, attributes={"nested": {"a": 1}, "nothing": None, "good": "yes"})
    root.create_array("deep/x", data=DATA, chunks=(8, 16), attributes={"true": True})
    root.create_array("complex", data=np.zeros(3, "c16"))
    root.create_array("a", data=np.zeros(3), dimension_names=["n"])
    root.create_array("b", data=np.zeros(4), dimension_names=["n"])
    done = tools.export_file(root, tmp_path / "a.nc")
    lost = sorted(map(str, done.lost))
    assert len(lost) == 5
    for word, line in zip(["/b'", "/complex'", "nested", "nothing", "true"], lost, strict=True):
        assert word in line.replace("'/a'", "'/b'")
    with netcdf.Dataset(tmp_path / "a.nc") as file:
        np.testing.assert_array_equal(file["deep/x"][...], DATA)
        assert file.ncattrs() == ["good"]


def test_h5py_reads_what_netcdf_has(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    pytest.importorskip("netCDF4")
    array = zarr.create_array(
        {}, data=DATA.astype(">f4"), chunks=(8, 16), dimension_names=["y", "x"]
    )
    tools.export_file(array, tmp_path / "a.nc")
    with h5py.File(tmp_path / "a.nc") as file:
        np.testing.assert_array_equal(file["data"][...], DATA)
        assert file["data"].chunks == (8, 16)
    store: dict[str, Any] = {}
    tools.import_file(tmp_path / "a.nc", store)
    again = zarr.open_array(store, path="data")
    np.testing.assert_array_equal(again[...], DATA)
    assert again.metadata.dimension_names == ("y", "x")


def test_columns_of_parquet_are_arrays_of_one_length(tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    root = zarr.create_group({}, attributes={"title": "all"})
    root.create_array("i", data=np.arange(5, dtype="u2"), attributes={"unit": "m"})
    root.create_array("s", data=np.array(["a", "b", "", "ü", "e"], np.dtypes.StringDType()))
    root.create_array("short", data=np.arange(3))
    root.create_array("square", data=np.zeros((5, 5)))
    done = tools.export_file(root, tmp_path / "a.parquet")
    assert sorted(done.arrays) == ["i", "s"]
    assert len(done.lost) == 2
    table = parquet.read_table(tmp_path / "a.parquet")
    assert table["i"].to_pylist() == [0, 1, 2, 3, 4]
    assert table["s"].to_pylist() == ["a", "b", "", "ü", "e"]
    store: dict[str, Any] = {}
    tools.import_file(tmp_path / "a.parquet", store)
    again = zarr.open_group(store)
    assert again["i"].attrs.asdict() == {"unit": "m"}
    assert again.attrs.asdict() == {"title": "all"}


@pytest.mark.parametrize("name", ["a.npy", "a.nc", "a.parquet"])
def test_a_file_is_whole_or_not_there(name: str, tmp_path: Path) -> None:
    pytest.importorskip("netCDF4")
    pytest.importorskip("pyarrow")
    zarr.save_array(tmp_path / "z", np.arange(100), chunks=(10,))
    (tmp_path / "z/c/7").write_bytes(b"torn")
    with pytest.raises(ValueError, match="c/7"):
        tools.export_file(tmp_path / "z", tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == ["z"]
    (tmp_path / name).write_bytes(b"mine")
    with pytest.raises(FileExistsError, match=name):
        tools.export_file(tmp_path / "z", tmp_path / name)
    with pytest.raises(ValueError, match="c/7"):
        tools.export_file(tmp_path / "z", tmp_path / name, overwrite=True)
    assert (tmp_path / name).read_bytes() == b"mine"


def test_what_a_format_cannot_hold_at_all_is_an_error(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    group = zarr.create_group({})
    square = group.create_array("x", data=DATA)
    text = group.create_array("s", data=np.array(["a"], np.dtypes.StringDType()))
    with pytest.raises(ValueError, match="is a group"):
        tools.export_file(group, tmp_path / "a.npy")
    with pytest.raises(ValueError, match="cannot hold"):
        tools.export_file(text, tmp_path / "a.npy")
    with pytest.raises(ValueError, match="can hold none"):
        tools.export_file(square, tmp_path / "a.parquet")
    with pytest.raises(ValueError, match="format must be one of"):
        tools.export_file(square, tmp_path / "a.txt")
    assert list(tmp_path.iterdir()) == []
