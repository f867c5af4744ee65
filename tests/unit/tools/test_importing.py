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


def test_parameters_of_other_formats_are_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", DATA)
    store: dict[str, Any] = {}
    options: dict[str, Any]
    for options in ({"path": "x"}, {"shape": (3,)}, {"dtype": "i4"}, {"columns": ["a"]}):
        with pytest.raises(ValueError, match="is for files of"):
            tools.import_file(tmp_path / "a.npy", store, **options)
    with pytest.raises(ValueError, match="2 dimensions"):
        tools.import_file(tmp_path / "a.npy", store, chunks=(3, 4, 5))
    assert store == {}


def test_a_part_of_a_file_is_imported_with_other_chunks(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("a/b", data=DATA, chunks=(8, 16), compression="gzip")
    array, done = imported(tmp_path / "a.h5", path="a/b", chunks=(25, 35), shards=(50, 70))
    np.testing.assert_array_equal(array[...], DATA)
    assert (array.chunks, array.shards, done.passed) == ((25, 35), (50, 70), ())


CLASSIC = ["NETCDF3_CLASSIC", "NETCDF3_64BIT_OFFSET", "NETCDF3_64BIT_DATA"]


@pytest.mark.parametrize("zarr_format", [2, 3])
@pytest.mark.parametrize("kind", [*CLASSIC, "NETCDF4", "NETCDF4_CLASSIC"])
def test_files_of_netcdf_of_any_version_are_imported(
    kind: Any, zarr_format: Any, tmp_path: Path
) -> None:
    xarray = pytest.importorskip("xarray")
    netcdf = pytest.importorskip("netCDF4")
    with netcdf.Dataset(tmp_path / "a.nc", "w", format=kind) as file:
        file.title = "ü"
        file.createDimension("time", None)
        file.createDimension("x", 3)
        time = file.createVariable("time", "i4", ("time",))
        time.units = "days since 2000-01-01"
        time[:] = range(5)
        packed = file.createVariable("packed", "i2", ("time", "x"), fill_value=-99)
        packed.setncatts({"scale_factor": 0.1, "add_offset": 5.0, "range": np.array([1, 2], "i2")})
        packed[:] = np.ma.masked_equal(np.arange(15).reshape(5, 3), 7)
        file.createVariable("small", "i1", ("time",))[:] = range(5)
        file.createVariable("fixed", "f8", ("x",))[:] = [0.5, np.nan, 2]
        file.createVariable("letters", "S1", ("x",))[:] = np.array([b"a", b"b", b"c"])
        file.createVariable("scalar", "f4", ())[:] = 1.5
    done = tools.import_file(tmp_path / "a.nc", tmp_path / "a.zarr", zarr_format=zarr_format)
    assert done.lost == ()
    assert done.format == ("netcdf3" if kind in CLASSIC else "hdf5")
    with xarray.open_zarr(tmp_path / "a.zarr", consolidated=False) as found:
        expected = xarray.load_dataset(tmp_path / "a.nc", engine="netcdf4")
        xarray.testing.assert_identical(found.load(), expected)
    raw = zarr.open_group(tmp_path / "a.zarr")["packed"]
    assert raw[2].tolist() == [10, -99, 30] or raw[2, 1] == -99  # packed as it was


@pytest.mark.parametrize("kind", CLASSIC)
@pytest.mark.parametrize("keep", [0.02, 0.3, 0.6, 0.97])
def test_of_a_truncated_file_of_netcdf_nothing_is_left(
    kind: Any, keep: float, tmp_path: Path
) -> None:
    netcdf = pytest.importorskip("netCDF4")
    with netcdf.Dataset(tmp_path / "a.nc", "w", format=kind) as file:
        file.createDimension("t", None)
        file.createDimension("x", 100)
        file.createVariable("v", "f8", ("t", "x"))[:] = np.ones((5, 100))
        file.createVariable("w", "i4", ("x",))[:] = 1
    whole = (tmp_path / "a.nc").read_bytes()
    (tmp_path / "b.nc").write_bytes(whole[: int(len(whole) * keep)])
    store: dict[str, Any] = {}
    with pytest.raises(ValueError, match="cut off"):
        tools.import_file(tmp_path / "b.nc", store)
    assert store == {}


def test_records_of_one_variable_are_not_padded(tmp_path: Path) -> None:
    netcdf = pytest.importorskip("netCDF4")
    with netcdf.Dataset(tmp_path / "a.nc", "w", format="NETCDF3_CLASSIC") as file:
        file.createDimension("t", None)
        file.createDimension("x", 3)
        file.createVariable("v", "i1", ("t", "x"))[:] = np.arange(15).reshape(5, 3)
    with (tmp_path / "a.nc").open("rb") as opened:
        root, _ = imported(io.BytesIO(opened.read()))
    assert root["v"][...].tolist() == np.arange(15).reshape(5, 3).tolist()
    assert root["v"].metadata.dimension_names == ("t", "x")


def test_datasets_that_no_array_can_hold_do_not_keep_others_out(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["good"] = DATA
        file.create_dataset("texts", (2,), np.dtype([("a", "i4"), ("s", h5py.string_dtype())]))
        file.create_dataset("lists", (2,), h5py.vlen_dtype("i4"))
        # Strings that the file says to be ASCII, and that are not.
        file.create_dataset("text", data=["ü".encode()], dtype=h5py.string_dtype("ascii"))
    root, done = imported(tmp_path / "a.h5")
    assert sorted(root) == ["good", "text"]
    assert root["text"][0] == "ü"
    assert sorted(each.what.strip("'") for each in done.lost) == ["/lists", "/texts"]


def test_filters_that_nobody_has_are_named(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    code = 32123
    assert not h5py.h5z.filter_avail(code)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["good"] = DATA
        chain = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        chain.set_chunk((4,))
        chain.set_filter(code, h5py.h5z.FLAG_OPTIONAL)
        space, kind = h5py.h5s.create_simple((8,)), h5py.h5t.NATIVE_INT32
        h5py.h5d.create(file.id, b"strange", kind, space, chain)
    root, done = imported(tmp_path / "a.h5")
    assert list(root) == ["good"]
    assert "32123" in str(done.lost[0])
    assert "hdf5plugin" in str(done.lost[0])


PLUGINS: dict[int, tuple[str, str]] = {
    32001: ("(0, 0, 0, 0, 5, 1, 0)", "blosc"),
    32015: ("(3,)", "zstd"),
    307: ("(9,)", "bz2"),
}
# In a process of its own, into which nobody has loaded a plugin, which would encode the chunks.
WRITE = """
import sys
import h5py, numcodecs, numpy as np
file, code, values, name = sys.argv[1:]
data = np.arange(24, dtype="<i4")
with h5py.File(file, "w") as file:
    chain = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    chain.set_chunk((16,))
    chain.set_filter(int(code), h5py.h5z.FLAG_OPTIONAL, eval(values))
    space = h5py.h5s.create_simple((24,))
    made = h5py.h5d.create(file.id, b"x", h5py.h5t.NATIVE_INT32, space, chain)
    codec = numcodecs.get_codec({"id": name})
    made.write_direct_chunk((0,), codec.encode(data[:16].tobytes()))
    # A chunk that reaches beyond the edge, as HDF5 encodes it.
    made.write_direct_chunk((16,), codec.encode(data[16:].tobytes() + bytes(32)))
"""


@pytest.mark.parametrize("code", PLUGINS)
def test_chunks_of_filters_of_plugins_are_passed_on(code: int, tmp_path: Path) -> None:
    pytest.importorskip("numcodecs")
    pytest.importorskip("h5py")
    file = str(tmp_path / "a.h5")
    # netCDF4 says where its plugins are, which fail with the HDF5 of h5py.
    alone = {name: value for name, value in os.environ.items() if name != "HDF5_PLUGIN_PATH"}
    command = [sys.executable, "-c", WRITE, file, str(code), *PLUGINS[code]]
    subprocess.run(command, check=True, env=alone)
    for zarr_format in (2, 3):
        root, done = imported(file, zarr_format=zarr_format)
        assert done.passed == ("x",)
        assert done.lost == ()
        assert root["x"][...].tolist() == list(range(24))


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


def test_members_of_an_archive_that_are_pickled_are_listed(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=DATA, objects=np.array([{}, None]))
    root, done = imported(tmp_path / "a.npz")
    assert list(root) == ["x"]
    assert "pickled" in str(done.lost[0])
    with pytest.raises(ValueError, match="pickled"):
        imported(tmp_path / "a.npz", path="objects")


def test_records_and_other_byte_orders_of_numpy_are_imported(tmp_path: Path) -> None:
    records = np.zeros((4, 3), [("a", ">i4"), ("b", "<f8"), ("c", "S3")])
    records["a"] = np.arange(12).reshape(4, 3)
    records["c"] = b"xyz"
    for order in ("C", "F"):
        np.save(tmp_path / "a.npy", np.asarray(records, order=order))
        for zarr_format in (2, 3):
            array, done = imported(tmp_path / "a.npy", zarr_format=zarr_format)
            assert done.lost == ()
            assert array[...].tolist() == records.tolist()
            tools.export_file(array, tmp_path / "b.npy", overwrite=True)
            np.testing.assert_array_equal(np.load(tmp_path / "b.npy"), records)


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
