"""xarray: data sets written, opened, extended and read back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import zarr

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.filterwarnings("ignore")  # of its own dependencies
xr = pytest.importorskip("xarray")
pytest.importorskip("dask.array")


@pytest.fixture
def weather() -> Any:
    """Temperatures with dates, names of stations, attributes and a gap."""
    values = np.arange(48.0).reshape(12, 4)
    values[3, 2] = np.nan
    return xr.Dataset(
        {"t": (("time", "station"), values, {"units": "K"})},
        coords={
            "time": np.datetime64("2020-01-01", "ns") + np.arange(12) * np.timedelta64(1, "D"),
            "station": np.array(["a", "bb", "ccc", "ä"]),
        },
        attrs={"title": "weather"},
    )


@pytest.mark.parametrize("zarr_format", [2, 3])
@pytest.mark.parametrize("consolidated", [True, False])
def test_a_data_set_comes_back(
    weather: Any, zarr_format: int, consolidated: bool, tmp_path: Path
) -> None:
    path = str(tmp_path / "w.zarr")
    weather.to_zarr(path, zarr_format=zarr_format, consolidated=consolidated)
    for back in (
        xr.open_zarr(path, consolidated=consolidated),
        xr.open_dataset(path, engine="zarr", consolidated=consolidated),
    ):
        xr.testing.assert_identical(back.load(), weather)


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_regions_and_appends_fill_their_part(
    weather: Any, zarr_format: int, tmp_path: Path
) -> None:
    path = str(tmp_path / "w.zarr")
    head, tail = weather.isel(time=slice(0, 8)), weather.isel(time=slice(8, 12))
    head.chunk(time=4).to_zarr(path, zarr_format=zarr_format, compute=False)
    for start in (4, 0):
        part = head.isel(time=slice(start, start + 4)).drop_vars("station")
        part.to_zarr(path, region={"time": slice(start, start + 4)})
    tail.to_zarr(path, append_dim="time")
    xr.testing.assert_identical(xr.open_zarr(path).load(), weather)


def test_chunks_that_two_writers_share_are_refused(weather: Any, tmp_path: Path) -> None:
    path = str(tmp_path / "w.zarr")
    weather.to_zarr(path, encoding={"t": {"chunks": (6, 4)}})
    with pytest.raises(ValueError, match="overlap"):
        weather.chunk(time=4).to_zarr(path, mode="r+")
    xr.testing.assert_identical(xr.open_zarr(path).load(), weather)


def test_the_encoding_is_obeyed_and_read_back(weather: Any, tmp_path: Path) -> None:
    path = str(tmp_path / "w.zarr")
    codec = zarr.codecs.ZstdCodec(level=5)
    encoding = {"chunks": (2, 2), "shards": (6, 4), "compressors": (codec,), "_FillValue": -1.0}
    weather.to_zarr(path, zarr_format=3, encoding={"t": encoding})
    array = zarr.open_array(path, path="t", mode="r")
    assert (array.chunks, array.shards) == ((2, 2), (6, 4))
    assert array.compressors == (codec,)
    assert array[3, 2] == -1.0
    back = xr.open_zarr(path)
    assert back["t"].encoding["shards"] == (6, 4)
    xr.testing.assert_identical(back.load(), weather)


def test_a_tree_comes_back(weather: Any, tmp_path: Path) -> None:
    path = str(tmp_path / "tree.zarr")
    tree = xr.DataTree.from_dict({"/": weather, "/a/b": weather[["t"]] * 2})
    tree.to_zarr(path)
    xr.testing.assert_identical(xr.open_datatree(path, engine="zarr").load(), tree)


def test_the_warning_about_consolidation_is_not_the_caller_s(tmp_path: Path) -> None:
    """Tests that make warnings of their own modules errors go on."""
    group = zarr.create_group(str(tmp_path / "g.zarr"))
    with pytest.warns(zarr.errors.ZarrUserWarning, match="Consolidated") as caught:
        zarr.consolidate_metadata(group.store)
    assert all("zarr" in w.filename.split("/")[-3:] for w in caught)
    assert all(w.filename != __file__ for w in caught)


@pytest.mark.parametrize("zarr_format", [2, 3])
@pytest.mark.parametrize("change", ["none", "load", "subset", "append"])
def test_strings_of_format_2_are_carried_on(tmp_path: Path, zarr_format: int, change: str) -> None:
    names = np.array(["DE21", "DE2100012", "FR"], dtype=object)
    source, copy = str(tmp_path / "source.zarr"), str(tmp_path / "copy.zarr")
    xr.Dataset(
        {"value": (("station", "t"), np.arange(6.0).reshape(3, 2)), "label": ("station", names)},
        coords={"station": names},
    ).to_zarr(source, zarr_format=2)
    opened = xr.open_zarr(source)
    expected = names.tolist()
    if change == "load":
        opened = opened.load()
    if change == "subset":
        opened, expected = opened.isel(station=[0, 2]), [names[0], names[2]]
    opened.to_zarr(copy, zarr_format=zarr_format)
    if change == "append":
        xr.open_zarr(source).to_zarr(copy, append_dim="t")
    again = xr.open_zarr(copy).load()
    assert again.station.values.tolist() == again.label.values.tolist() == expected
    assert again.sizes["t"] == (4 if change == "append" else 2)
