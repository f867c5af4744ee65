"""Files of TIFF become arrays with all that they say about themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import zarr
from zarr import tools

if TYPE_CHECKING:
    from pathlib import Path

tifffile = pytest.importorskip("tifffile")

DATA = np.arange(3500).reshape(50, 70)


def imported(file: Any, **options: Any) -> tuple[Any, Any]:
    store: dict[str, Any] = {}
    done = tools.import_file(file, store, **options)
    return zarr.open(store, mode="r"), done


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


def test_a_tiff_of_several_images_becomes_a_group(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        file.write(DATA.astype("u2"), subifds=1, metadata={"axes": "YX"})
        file.write(DATA[::2, ::2].astype("u2"), subfiletype=1)
        file.write(np.zeros((4, 5, 3), "u1"), photometric="rgb")
    root, done = imported(tmp_path / "a.tif")
    np.testing.assert_array_equal(root["0/0"][...], DATA)
    np.testing.assert_array_equal(root["0/1"][...], DATA[::2, ::2])
    assert root["1"].shape == (4, 5, 3)
    assert done.lost == ()
    layout = root["0"].attrs["multiscales"]["layout"]
    assert [each["asset"] for each in layout] == ["0", "1"]
    assert layout[1]["transform"]["scale"] == [2.0, 2.0]


# -- OME-TIFF -------------------------------------------------------------------------------------

SIZES = {
    "PhysicalSizeX": 0.5,
    "PhysicalSizeXUnit": "µm",
    "PhysicalSizeY": 0.25,
    "PhysicalSizeYUnit": "µm",
    "PhysicalSizeZ": 2000.0,
    "PhysicalSizeZUnit": "nm",
    "TimeIncrement": 3.0,
    "TimeIncrementUnit": "s",
}
IMAGE = np.random.default_rng(0).integers(0, 60000, (2, 3, 4, 64, 48)).astype("u2")


def valid(group: Any, zarr_format: int) -> Any:
    """The metadata of an image, as ome-zarr-models takes them."""
    if zarr_format == 2:
        models = pytest.importorskip("ome_zarr_models.v04")
    else:
        models = pytest.importorskip("ome_zarr_models.v05")
    attributes = models.Image.from_zarr(group).attributes
    return attributes if zarr_format == 2 else attributes.ome


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_ome_tiff_becomes_ome_zarr(zarr_format: Any, tmp_path: Path) -> None:
    channels = {"Name": ["dapi", "gfp", "far"], "Color": [-1, 16711935, 65535]}
    tifffile.imwrite(
        tmp_path / "a.ome.tif",
        IMAGE,
        ome=True,
        photometric="minisblack",
        metadata={"axes": "TCZYX", "Name": "cells", "Channel": channels, **SIZES},
    )
    done = tools.import_file(tmp_path / "a.ome.tif", tmp_path / "z", zarr_format=zarr_format)
    assert done.lost == ()
    group = zarr.open_group(tmp_path / "z", mode="r")
    np.testing.assert_array_equal(group["0"][...], IMAGE)
    assert group.attrs["ome_xml"].startswith("<?xml")
    found = valid(group, zarr_format)
    image = found.multiscales[0]
    assert image.name == "cells"
    assert [axis.name for axis in image.axes] == ["t", "c", "z", "y", "x"]
    assert [axis.unit for axis in image.axes] == [
        "second",
        None,
        "nanometer",
        "micrometer",
        "micrometer",
    ]
    scale = image.datasets[0].coordinateTransformations[0].scale
    assert list(scale) == [3.0, 1.0, 2000.0, 0.25, 0.5]
    attributes: Any = group.attrs if zarr_format == 2 else group.attrs["ome"]
    shown = attributes["omero"]["channels"]
    assert [each["label"] for each in shown] == ["dapi", "gfp", "far"]
    assert [each["color"] for each in shown] == ["FFFFFF", "00FF00", "0000FF"]
    assert shown[0]["window"]["max"] == 65535
    if zarr_format == 2:
        assert (tmp_path / "z/0/0/0/0/0/0").exists()  # nested, as OME-Zarr has it


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_levels_of_ome_tiff_are_carried(zarr_format: Any, tmp_path: Path) -> None:
    options: dict[str, Any] = {"tile": (16, 16), "photometric": "minisblack"}
    stack = IMAGE[0, 0]
    with tifffile.TiffWriter(tmp_path / "a.ome.tif", ome=True) as file:
        file.write(stack, subifds=2, metadata={"axes": "ZYX", **SIZES}, **options)
        file.write(stack[:, ::2, ::2], subfiletype=1, **options)
        file.write(stack[:, ::4, ::4], subfiletype=1, **options)
    group, done = imported(tmp_path / "a.ome.tif", zarr_format=zarr_format)
    assert done.lost == ()
    for number in range(3):
        step = 2**number
        np.testing.assert_array_equal(group[str(number)][...], stack[:, ::step, ::step])
    steps = valid(group, zarr_format).multiscales[0].datasets[2].coordinateTransformations
    assert list(steps[0].scale) == [2000.0, 1.0, 2.0]
    assert list(steps[1].translation) == [0.0, 0.375, 0.75]


@pytest.mark.parametrize("zarr_format", [2, 3])
@pytest.mark.parametrize("planes", ["contig", "separate"])
def test_samples_of_ome_tiff_are_channels(planes: Any, zarr_format: Any, tmp_path: Path) -> None:
    image = np.random.default_rng(0).integers(0, 255, (40, 50, 3)).astype("u1")
    written = image if planes == "contig" else np.moveaxis(image, -1, 0)
    with tifffile.TiffWriter(tmp_path / "a.ome.tif", ome=True) as file:
        file.write(written, photometric="rgb", planarconfig=planes, tile=(16, 32))
        file.write(IMAGE[0, 0, 0], photometric="minisblack")
    root, done = imported(tmp_path / "a.ome.tif", zarr_format=zarr_format)
    assert done.lost == ()
    np.testing.assert_array_equal(root["0/0"][...], np.moveaxis(image, -1, 0))
    np.testing.assert_array_equal(root["1/0"][...], IMAGE[0, 0, 0])
    axes = valid(root["0"], zarr_format).multiscales[0].axes
    assert [axis.name for axis in axes] == ["c", "y", "x"]
    attributes = root.attrs if zarr_format == 2 else root.attrs["ome"]
    assert attributes["bioformats2raw.layout"] == 3


# -- GeoTIFF --------------------------------------------------------------------------------------

BANDS = (np.arange(3 * 300 * 400).reshape(3, 300, 400) % 60000).astype("u2")
UUIDS = {
    "multiscales": "d35379db-88df-4056-af3a-620245f8e347",
    "spatial": "689b58e2-cf7b-45e0-9fff-9cfc0883d6b4",
    "proj": "f17cb550-5864-4468-aeb7-f3180cfb622f",
}


def write_geotiff(path: Path, data: Any = BANDS, **options: Any) -> None:
    rasterio = pytest.importorskip("rasterio")
    bands, height, width = data.shape
    given = {
        "driver": "GTiff",
        "count": bands,
        "height": height,
        "width": width,
        "dtype": data.dtype,
        "crs": "EPSG:32633",
        "transform": rasterio.transform.from_origin(500000, 5000000, 10, 20),
        **options,
    }
    with rasterio.open(path, "w", **given) as file:
        file.write(data)
        file.update_tags(season="summer")
        file.set_band_description(1, "red")


def registered(node: Any) -> set[str]:
    return {each["uuid"] for each in node.attrs["zarr_conventions"]}


@pytest.mark.parametrize(
    "options",
    [
        {"tiled": True, "blockxsize": 128, "blockysize": 128, "compress": "deflate"},
        {"tiled": True, "blockxsize": 64, "blockysize": 64, "compress": "lzw", "predictor": 2},
        {"interleave": "pixel", "compress": "zstd"},
        {"BIGTIFF": "YES"},
    ],
    ids=str,
)
def test_geotiff_is_imported_with_its_place(options: dict[str, Any], tmp_path: Path) -> None:
    write_geotiff(tmp_path / "a.tif", nodata=65535, **options)
    rasterio = pytest.importorskip("rasterio")
    array, done = imported(tmp_path / "a.tif")
    assert done.lost == ()
    values = array[...]
    found = np.moveaxis(values, -1, 0) if array.metadata.dimension_names[-1] == "s" else values
    np.testing.assert_array_equal(found, BANDS)
    attributes = array.attrs
    assert attributes["spatial:transform"] == [10.0, 0.0, 500000.0, 0.0, -20.0, 5000000.0]
    with rasterio.open(tmp_path / "a.tif") as file:
        assert attributes["spatial:transform"] == list(file.transform)[:6]
    assert attributes["spatial:dimensions"] == ["y", "x"]
    assert attributes["spatial:shape"] == [300, 400]
    assert attributes["spatial:registration"] == "pixel"
    assert attributes["proj:code"] == "EPSG:32633"
    assert registered(array) == {UUIDS["spatial"], UUIDS["proj"]}
    assert attributes["geotiff"]["ProjectedCSTypeGeoKey"] == 32633
    assert "summer" in attributes["gdal"]
    assert array.fill_value == attributes["_FillValue"] == 65535


def test_rotated_images_and_those_of_points_have_their_place(tmp_path: Path) -> None:
    rasterio = pytest.importorskip("rasterio")
    rotated = rasterio.Affine(10, 1, 5, 2, -10, 7)
    write_geotiff(tmp_path / "a.tif", BANDS[:1], transform=rotated)
    array, _ = imported(tmp_path / "a.tif")
    assert array.attrs["spatial:transform"] == [10, 1, 5, 2, -10, 7]
    write_geotiff(tmp_path / "b.tif", BANDS[:1].astype("f4"), nodata=float("nan"))
    with rasterio.open(tmp_path / "b.tif", "r+") as file:
        file.update_tags(AREA_OR_POINT="Point")
    array, _ = imported(tmp_path / "b.tif")
    assert array.attrs["spatial:registration"] == "node"
    # The centre of the first element, half an element from the corner.
    assert array.attrs["spatial:transform"] == [10, 0, 500005, 0, -20, 4999990]
    assert np.isnan(array.fill_value)


def test_overviews_of_geotiff_are_levels_in_geozarr(tmp_path: Path) -> None:
    rasterio = pytest.importorskip("rasterio")
    write_geotiff(tmp_path / "a.tif", tiled=True, blockxsize=128, blockysize=128)
    with rasterio.open(tmp_path / "a.tif", "r+") as file:
        file.build_overviews([2, 4], rasterio.enums.Resampling.average)
    group, done = imported(tmp_path / "a.tif")
    assert done.lost == ()
    assert [group[name].shape for name in "012"] == [(300, 400, 3), (150, 200, 3), (75, 100, 3)]
    for number, level in enumerate(group.attrs["multiscales"]["layout"]):
        with rasterio.open(tmp_path / "a.tif", overview_level=number - 1 if number else None) as f:
            expected = f.read() if number else BANDS
            assert level["spatial:transform"] == list(f.transform)[:6]
        np.testing.assert_array_equal(np.moveaxis(group[level["asset"]][...], -1, 0), expected)
    assert registered(group) == set(UUIDS.values())
    assert group.attrs["proj:code"] == "EPSG:32633"


def test_xarray_masks_elements_without_data(tmp_path: Path) -> None:
    xarray = pytest.importorskip("xarray")
    write_geotiff(tmp_path / "a.tif", BANDS[:1], nodata=5)
    for zarr_format in (2, 3):
        there = tmp_path / str(zarr_format)
        made: Any = zarr_format
        tools.import_file(tmp_path / "a.tif", there, target_path="x", zarr_format=made)
        with xarray.open_zarr(there, consolidated=False) as found:
            assert np.isnan(found["x"][0, 5])
            assert found["x"][0, 6] == 6


def test_tags_are_carried_or_listed(tmp_path: Path) -> None:
    tifffile.imwrite(
        tmp_path / "a.tif",
        DATA.astype("u1"),
        photometric="palette",
        colormap=np.arange(768, dtype="u2").reshape(3, 256),
        resolution=(300, 300),
        resolutionunit="inch",
        description="a picture",
        datetime="2020:01:02 03:04:05",
        extratags=[
            (65000, "I", 1, 42, True),
            (65001, "B", 4, b"\xff\xfe\xfd\xfc", True),
            (65002, "s", 0, "z" * 70000, True),
        ],
        metadata=None,
    )
    array, done = imported(tmp_path / "a.tif")
    tags = array.attrs["tiff"]
    assert array.attrs["description"] == "a picture"
    assert np.array(tags["ColorMap"]).shape == (3, 256)
    assert tags["XResolution"] == [300, 1]
    assert tags["DateTime"] == "2020:01:02 03:04:05"
    assert tags["65000"] == 42
    assert ["65001" in str(each) or "65002" in str(each) for each in done.lost] == [True, True]


def test_tags_of_other_pages_are_listed(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        for number in range(3):
            extra = [(65000, "I", 1, number, False)]
            file.write(DATA.astype("u2"), contiguous=False, extratags=extra, metadata=None)
    array, done = imported(tmp_path / "a.tif")
    assert array.shape == (3, 50, 70)
    assert array.attrs["tiff"]["65000"] == 0
    assert "65000" in str(done.lost[0])


def test_masks_and_images_keep_their_own_tags(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        file.write(DATA.astype("u2"), description="one", metadata=None)
        file.write(DATA[:10].astype("f4"), description="two", metadata=None)
    root, _ = imported(tmp_path / "a.tif")
    assert root["0"].attrs["description"] == "one"
    assert root["1"].attrs["description"] == "two"
