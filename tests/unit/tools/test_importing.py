"""Files of other formats become arrays and groups that hold the same, or nothing at all."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import zarr
from zarr import tools
from zarr.errors import ContainsArrayError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.filterwarnings("ignore::zarr.errors.UnstableSpecificationWarning")

DATA = np.arange(3500).reshape(50, 70)


def imported(file: Any, **options: Any) -> tuple[Any, Any]:
    store: dict[str, Any] = {}
    done = tools.import_file(file, store, **options)
    return zarr.open(store, mode="r"), done


# -- HDF5 and netCDF ------------------------------------------------------------------------------

FILTERS: list[dict[str, Any]] = [
    {"compression": "gzip"},
    {"compression": "gzip", "shuffle": True, "compression_opts": 9},
    {"compression": "gzip", "shuffle": True, "fletcher32": True},
    {"fletcher32": True},
]


@pytest.mark.parametrize("zarr_format", [2, 3])
@pytest.mark.parametrize("dtype", ["<i4", ">f8", "u1", "c16", "?"])
@pytest.mark.parametrize("filters", FILTERS, ids=str)
def test_chunks_of_hdf5_are_passed_on_as_they_are(
    filters: dict[str, Any], dtype: str, zarr_format: Any, tmp_path: Path
) -> None:
    h5py = pytest.importorskip("h5py")
    data = (DATA % 100).astype(dtype)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        made = file.create_dataset("x", data=data, chunks=(8, 16), **filters)
        first = made.id.read_direct_chunk((0, 0))[1]
    store: dict[str, Any] = {}
    done = tools.import_file(tmp_path / "a.h5", store, zarr_format=zarr_format)
    assert done.passed == done.arrays == ("x",)
    assert done.lost == ()
    array = zarr.open_array(store, path="x")
    np.testing.assert_array_equal(array[...], data)
    assert array.chunks == (8, 16)
    assert store["x/c/0/0" if zarr_format == 3 else "x/0.0"].to_bytes() == first


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_other_datasets_of_hdf5_are_decoded(zarr_format: Any, tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("lzf", data=DATA, chunks=(8, 16), compression="lzf")
        file.create_dataset("flat", data=DATA.astype(">i2"))
        file.create_dataset("text", data=["a", "für", ""], dtype=h5py.string_dtype())
        file.create_dataset("records", data=np.array([(1, 2.5)], [("a", "u1"), ("b", "f8")]))
        file.create_dataset("scalar", data=1.5)
        file.create_dataset("none", shape=(0, 3), dtype="f4", maxshape=(None, 3))
        grown = file.create_dataset(
            "grown", (100,), "f4", chunks=(10,), maxshape=(None,), fillvalue=7, compression="gzip"
        )
        grown[15:35] = 1
        group = file.create_group("deep/er")
        group.attrs.update({"text": "ü", "number": np.float32(0.5), "list": [1, 2]})
        expected = {
            name: np.asarray(each.asstr()[...] if name == "text" else each[...])
            for name, each in file.items()
            if isinstance(each, h5py.Dataset)
        }
    root, done = imported(tmp_path / "a.h5", zarr_format=zarr_format)
    assert done.lost == ()
    assert done.passed == ("grown",)
    for name, values in expected.items():
        assert root[name][...].astype(values.dtype).tolist() == values.tolist()
    assert root["grown"].nchunks_initialized == 3  # the others are not stored there, either
    assert root["deep/er"].attrs.asdict() == {"text": "ü", "number": 0.5, "list": [1, 2]}


def test_all_that_is_not_carried_is_listed(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("x", data=[1, 2])
        file.create_dataset("refs", data=np.array([file["x"].ref], dtype=h5py.ref_dtype))
        file["dead"] = h5py.SoftLink("/nowhere")
        file["kind"] = np.dtype("i4")
        file.create_dataset("colours", data=[1, 2], dtype=h5py.enum_dtype({"red": 1, "blue": 2}))
        file["x"].attrs["to"] = file["x"].ref
        file["x"].attrs["nothing"] = h5py.Empty("f4")
    root, done = imported(tmp_path / "a.h5")
    assert sorted(root) == ["colours", "x"]
    lost = sorted(map(str, done.lost))
    assert len(lost) == 6
    for name, line in zip(
        ["/dead", "/kind", "/refs", "'nothing'", "'to'", "red"], lost, strict=True
    ):
        assert name in line
    assert root["x"].attrs.asdict() == {}


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_xarray_finds_the_same_as_in_the_netcdf_file(zarr_format: Any, tmp_path: Path) -> None:
    xarray = pytest.importorskip("xarray")
    pytest.importorskip("h5netcdf")
    values = np.array([[1.0, np.nan, 3], [4, 5, 6]])
    dataset = xarray.Dataset(
        {
            "t": (("time", "x"), values, {"units": "K"}),
            "n": (("x",), np.array([0, 1, 2], "i4")),
            "flag": (("x",), np.array([True, False, True])),
            "name": (("x",), np.array(["a", "bü", ""], object)),
        },
        coords={"time": np.array(["2020-01-01", "2020-01-03"], "M8[ns]"), "x": [1.5, 2.5, 3.5]},
        attrs={"title": "all"},
    )
    dataset.to_netcdf(
        tmp_path / "a.nc",
        engine="h5netcdf",
        unlimited_dims=["time"],
        encoding={"t": {"zlib": True, "_FillValue": -9.0}},
    )
    done = tools.import_file(tmp_path / "a.nc", tmp_path / "a.zarr", zarr_format=zarr_format)
    assert done.lost == ()
    with xarray.open_zarr(tmp_path / "a.zarr", consolidated=False) as found:
        xarray.testing.assert_identical(
            found.load(), xarray.load_dataset(tmp_path / "a.nc", engine="h5netcdf")
        )


def test_a_part_of_a_file_is_imported_with_other_chunks(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("a/b", data=DATA, chunks=(8, 16), compression="gzip")
    array, done = imported(tmp_path / "a.h5", path="a/b", chunks=(25, 35), shards=(50, 70))
    np.testing.assert_array_equal(array[...], DATA)
    assert (array.chunks, array.shards, done.passed) == ((25, 35), (50, 70), ())


# -- TIFF -----------------------------------------------------------------------------------------

IMAGES: dict[str, tuple[tuple[int, ...], dict[str, Any], tuple[int, ...]]] = {
    "plain": ((50, 70), {}, (50, 70)),
    "tiles": ((50, 70), {"tile": (16, 32), "compression": "zlib"}, (16, 32)),
    "stack": ((3, 50, 70), {"tile": (16, 32), "photometric": "minisblack"}, (1, 16, 32)),
    "rgb": ((50, 70, 3), {"photometric": "rgb", "rowsperstrip": 7}, (50, 70, 3)),
    "planes": (
        (3, 50, 70),
        {"photometric": "rgb", "planarconfig": "separate", "tile": (16, 16)},
        (1, 16, 16),
    ),
    "ome": (
        (2, 3, 2, 50, 70),
        {"ome": True, "metadata": {"axes": "TCZYX"}, "photometric": "minisblack"},
        (1, 1, 1, 50, 70),
    ),
    "big": (
        (2, 40, 30),
        {"bigtiff": True, "byteorder": ">", "photometric": "minisblack"},
        (1, 40, 30),
    ),
    "volume": (
        (8, 40, 32),
        {"volumetric": True, "tile": (4, 16, 16), "photometric": "minisblack"},
        (4, 16, 16),
    ),
}


@pytest.mark.parametrize("name", IMAGES)
def test_images_become_arrays_with_their_tiles(name: str, tmp_path: Path) -> None:
    tifffile = pytest.importorskip("tifffile")
    shape, options, chunks = IMAGES[name]
    data = (
        np.random.default_rng(0).integers(0, 60000, shape).astype("u1" if "rgb" in name else "u2")
    )
    tifffile.imwrite(tmp_path / "a.tif", data, **options)
    array, done = imported(tmp_path / "a.tif")
    np.testing.assert_array_equal(array[...], data)
    assert array.chunks == chunks
    assert done.lost == ()
    names = array.metadata.dimension_names
    assert names[-2:] == ("y", "x") or names[-3:] == ("y", "x", "s")
    if name == "ome":
        assert names == ("t", "c", "z", "y", "x")
        assert array.attrs["ome_xml"].startswith("<?xml")


def test_a_tiff_of_several_images_becomes_a_group(tmp_path: Path) -> None:
    tifffile = pytest.importorskip("tifffile")
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        file.write(DATA.astype("u2"), subifds=1, metadata={"axes": "YX"})
        file.write(DATA[::2, ::2].astype("u2"), subfiletype=1)
        file.write(np.zeros((4, 5, 3), "u1"), photometric="rgb")
    root, done = imported(tmp_path / "a.tif")
    np.testing.assert_array_equal(root["0"][...], DATA)
    assert root["1"].shape == (4, 5, 3)
    assert ["(25, 35)" in str(each) for each in done.lost] == [True]


# -- NumPy and raw bytes --------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["<i4", ">f8", "?", "S3", "M8[s]", "c8"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_files_of_numpy_are_imported(dtype: str, order: Any, tmp_path: Path) -> None:
    data = np.asarray(DATA.astype("i8").astype(dtype), order=order)
    np.save(tmp_path / "a.npy", data)
    array, _ = imported(tmp_path / "a.npy", chunks=(7, 70))
    np.testing.assert_array_equal(array[...], data)
    file = io.BytesIO((tmp_path / "a.npy").read_bytes())
    np.testing.assert_array_equal(imported(file)[0][...], data)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_archives_of_numpy_become_groups(save: Callable[..., None], tmp_path: Path) -> None:
    save(tmp_path / "a.npz", x=DATA, y=np.asfortranarray(DATA), scalar=np.array(5))
    root, done = imported(tmp_path / "a.npz")
    assert sorted(done.arrays) == ["scalar", "x", "y"]
    np.testing.assert_array_equal(root["x"][...], DATA)
    np.testing.assert_array_equal(root["y"][...], DATA)
    assert root["scalar"][...] == 5
    np.testing.assert_array_equal(imported(tmp_path / "a.npz", path="x")[0][...], DATA)


@pytest.mark.parametrize("rows", [50, -1])
def test_raw_bytes_are_imported_out_of_a_pipe(rows: int, tmp_path: Path) -> None:
    read, write = os.pipe()
    with os.fdopen(write, "wb") as file:
        file.write(DATA.astype("<i2").tobytes())
    with os.fdopen(read, "rb") as file:
        array, _ = imported(file, format="raw", shape=(rows, 70), dtype="<i2", chunks=(8, 70))
    np.testing.assert_array_equal(array[...], DATA)


@pytest.mark.slow
def test_the_command_imports_a_pipe(tmp_path: Path) -> None:
    pytest.importorskip("typer")
    code = "import sys; sys.argv[0] = 'zarr'; from zarr.cli import entry; entry()"
    command = [sys.executable, "-c", code, "import", "-", str(tmp_path / "a")]
    options = ["--shape", "-1,70", "--dtype", "int16"]
    subprocess.run([*command, *options], input=DATA.astype("i2").tobytes(), check=True)
    np.testing.assert_array_equal(zarr.open_array(tmp_path / "a")[...], DATA)


# -- tables ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_columns_become_arrays_and_nulls_are_told(zarr_format: Any, tmp_path: Path) -> None:
    arrow = pytest.importorskip("pyarrow")
    pytest.importorskip("pyarrow.parquet")
    table = arrow.table(
        {
            "i": arrow.array([1, None, 3], arrow.int16()),
            "f": [0.5, None, 1.5],
            "s": ["a", None, "ü"],
            "t": arrow.array([1, None, 3], arrow.timestamp("ms")),
            "b": [True, False, True],
            "nested": [[1], [], [2]],
        }
    )
    arrow.parquet.write_table(table, tmp_path / "a.parquet")
    root, done = imported(tmp_path / "a.parquet", zarr_format=zarr_format)
    assert sorted(root) == ["b", "f", "i", "i_is_null", "s", "s_is_null", "t"]
    assert [("nested" in str(each)) for each in done.lost] == [True]
    assert root["i_is_null"][:].tolist() == root["s_is_null"][:].tolist() == [False, True, False]
    assert root["i"][:][[0, 2]].tolist() == [1, 3]
    assert root["i"].dtype == "i2"
    np.testing.assert_array_equal(root["f"][:], [0.5, np.nan, 1.5])
    assert root["s"][:][[0, 2]].tolist() == ["a", "ü"]
    assert np.isnat(root["t"][1])
    tools.export_file(root, tmp_path / "b.parquet")
    again = arrow.parquet.read_table(tmp_path / "b.parquet")
    for name in ("i", "s", "t", "b"):
        assert again[name].to_pylist() == table[name].to_pylist()


def test_csv_is_imported(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    (tmp_path / "a.csv").write_text("n,x,name\n1,0.5,a\n2,,b\n")
    root, _ = imported(tmp_path / "a.csv", columns=["x", "n"])
    assert sorted(root) == ["n", "x"]
    assert root["n"][:].tolist() == [1, 2]
    with pytest.raises(ValueError, match="no column 'y'"):
        imported(tmp_path / "a.csv", columns=["y"])


# -- what is broken, or in the way ----------------------------------------------------------------


def make_hdf5(path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    with h5py.File(path, "w") as file:
        file.create_dataset("x", data=np.random.default_rng(0).random(20000), chunks=(500,))


def make_tiff(path: Path) -> None:
    pytest.importorskip("tifffile").imwrite(path, DATA, tile=(16, 16))


def make_parquet(path: Path) -> None:
    arrow = pytest.importorskip("pyarrow")
    pytest.importorskip("pyarrow.parquet").write_table(arrow.table({"a": range(9)}), path)


MAKERS: dict[str, Callable[[Path], None]] = {
    "a.h5": make_hdf5,
    "a.tif": make_tiff,
    "a.npy": lambda path: np.save(path, DATA),
    "a.npz": lambda path: np.savez(path, x=DATA),
    "a.parquet": make_parquet,
}


@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize("keep", [0.0, 0.05, 0.5, 0.98])
def test_of_a_file_that_is_cut_off_nothing_is_left(name: str, keep: float, tmp_path: Path) -> None:
    MAKERS[name](tmp_path / name)
    whole = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(whole[: int(len(whole) * keep)])
    for target in (tmp_path / "new", {}):
        with pytest.raises(ValueError, match=r".+"):
            tools.import_file(tmp_path / name, target)
        assert (
            not target
            if isinstance(target, dict)
            else not target.exists() or not any(target.iterdir())
        )
    assert not (tmp_path / "new~new").exists()


@pytest.mark.parametrize("name", MAKERS)
def test_a_broken_file_leaves_what_it_was_to_replace(name: str, tmp_path: Path) -> None:
    zarr.save_array(tmp_path / "old", DATA)
    (tmp_path / name).write_bytes(b"\x93NUMPY and other words" * 9)
    with pytest.raises(ValueError, match=r".+"):
        tools.import_file(tmp_path / name, tmp_path / "old", overwrite=True)
    np.testing.assert_array_equal(zarr.open_array(tmp_path / "old")[...], DATA)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["old", name])


def test_raw_bytes_that_end_in_a_row_are_refused() -> None:
    raw = DATA.astype("i2").tobytes()
    for shape in ((50, 70), (-1, 70)):
        store: dict[str, Any] = {}
        with pytest.raises(ValueError, match="cut off"):
            tools.import_file(io.BytesIO(raw[:-2]), store, format="raw", shape=shape, dtype="i2")
        assert store == {}
    with pytest.raises(ValueError, match="give both"):
        tools.import_file(io.BytesIO(raw), {}, format="raw")


def test_what_is_there_is_replaced_on_demand_only(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", DATA)
    zarr.save_array(tmp_path / "old", DATA[:3])
    with pytest.raises(ContainsArrayError):
        tools.import_file(tmp_path / "a.npy", tmp_path / "old")
    assert zarr.open_array(tmp_path / "old").shape == (3, 70)
    tools.import_file(tmp_path / "a.npy", tmp_path / "old", overwrite=True)
    np.testing.assert_array_equal(zarr.open_array(tmp_path / "old")[...], DATA)


def test_directories_of_a_killed_deletion_are_not_in_the_way(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", DATA)
    zarr.save_array(tmp_path / "old", DATA[:3])
    (tmp_path / "old~new" / "c" / "0").mkdir(parents=True)
    tools.import_file(tmp_path / "a.npy", tmp_path / "old", overwrite=True)
    np.testing.assert_array_equal(zarr.open_array(tmp_path / "old")[...], DATA)
    assert not (tmp_path / "old~new").exists()


def test_pickles_are_not_loaded(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.array([{}, []], object), allow_pickle=True)
    with pytest.raises(ValueError, match="pickled"):
        tools.import_file(tmp_path / "a.npy", {})


def test_a_format_that_is_not_known_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("words")
    with pytest.raises(ValueError, match="not clear which format"):
        tools.import_file(tmp_path / "a.txt", {})
    with pytest.raises(ValueError, match="format must be one of"):
        tools.import_file(tmp_path / "a.txt", {}, format="words")


def test_names_that_no_node_can_have_are_listed(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["good"] = [1, 2]
        file["zarr.json"] = [1]
        file["__reserved/x"] = [1]
        file["back\\slash"] = [1]
        file["\x1b[31mred"] = [3]
    root, done = imported(tmp_path / "a.h5")
    assert sorted(root) == ["\x1b[31mred", "good"]
    assert len(done.lost) == 3
    assert "\x1b" not in str(done)


def test_workers_encode_what_is_imported(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.asfortranarray(DATA))
    with ThreadPoolExecutor(2) as executor:
        tools.import_file(tmp_path / "a.npy", tmp_path / "a", executor=executor, chunks=(8, 8))
    np.testing.assert_array_equal(zarr.open_array(tmp_path / "a")[...], DATA)
