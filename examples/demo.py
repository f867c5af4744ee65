"""The main job on real data: write measurements, read parts of them back, check every value.

The data come with matplotlib: an elevation model, a map of the sea floor, and a scan of a head.
"""

from __future__ import annotations

import gzip
import shutil
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
from matplotlib import cbook

import zarr
from zarr.codecs import BloscCodec, ZstdCodec

if TYPE_CHECKING:
    from numpy.typing import NDArray

OUTPUT = Path(__file__).parent.parent / "demo-output"


def elevation() -> tuple[NDArray[Any], dict[str, Any]]:
    """An elevation model of mountains in Tennessee, in metres, and where it lies."""
    with cbook.get_sample_data("jacksboro_fault_dem.npz") as data:
        place = {name: float(data[name]) for name in ("xmin", "xmax", "ymin", "ymax", "dx", "dy")}
        return data["elevation"], {"units": "m", **place}


def sea_floor() -> tuple[NDArray[Any], dict[str, Any]]:
    """Heights and depths of the Earth, in metres, and the axes of the map."""
    with cbook.get_sample_data("topobathy.npz") as data:
        axes = {name: data[name].tolist() for name in ("longitude", "latitude")}
        return data["topo"], {"units": "m", "axes": axes}


def head() -> tuple[NDArray[Any], dict[str, Any]]:
    """A slice of a head by magnetic resonance: 256 x 256 intensities."""
    path = cbook.get_sample_data("s1045.ima.gz", asfileobj=False)
    with gzip.open(path) as data:
        pixels = np.frombuffer(data.read(), "<u2").reshape(256, 256)
    return pixels, {"modality": "MR"}


def say(text: str = "") -> None:
    """Print a line at once."""
    print(text, flush=True)


def write(sources: dict[str, tuple[NDArray[Any], dict[str, Any]]]) -> None:
    """Write each source as a sharded v3 array, and the scan as a v2 array besides."""
    for name, (data, attributes) in sources.items():
        begin = time.perf_counter()
        array = zarr.create_array(
            OUTPUT / f"{name}.zarr",
            data=data,
            chunks=tuple(min(64, n) for n in data.shape),
            shards=tuple(-(-n // 64) * 64 for n in data.shape),
            compressors=ZstdCodec(level=3),
            attributes=attributes,
        )
        took = (time.perf_counter() - begin) * 1e3
        stored = array.nbytes_stored()
        say(
            f"  {name:10} v3 sharded, zstd  {data.shape!s:12} {data.dtype!s:8}"
            f"{data.nbytes / 1e3:8.0f} kB -> {stored / 1e3:6.0f} kB "
            f"({data.nbytes / stored:.1f} : 1) in {took:.1f} ms"
        )
    data, attributes = sources["head"]
    array = zarr.create_array(
        OUTPUT / "head-v2.zarr",
        data=data,
        chunks=(64, 64),
        zarr_format=2,
        compressors=BloscCodec(cname="lz4", shuffle="bitshuffle"),
        attributes=attributes,
    )
    say(
        f"  {'head':10} v2, blosc          {data.shape!s:12} {data.dtype!s:8}"
        f"{data.nbytes / 1e3:8.0f} kB -> {array.nbytes_stored() / 1e3:6.0f} kB"
    )


def check(sources: dict[str, tuple[NDArray[Any], dict[str, Any]]]) -> None:
    """Reopen everything, read it in several ways, and compare with the source."""
    rng = np.random.default_rng(0)
    for path in sorted(OUTPUT.glob("*.zarr")):
        name = path.stem.removesuffix("-v2")
        data = sources[name][0]
        array = zarr.open_array(path, mode="r")
        rows = np.sort(rng.choice(data.shape[0], 20, replace=False))
        columns = rng.integers(0, data.shape[1], 30)
        points = tuple(rng.integers(0, n, 1000) for n in data.shape)
        assert np.array_equal(array[:], data)
        assert np.array_equal(array[10:90:3, 5:-7], data[10:90:3, 5:-7])
        assert np.array_equal(array.oindex[rows, columns], data[np.ix_(rows, columns)])
        assert np.array_equal(array.vindex[points], data[points])
        assert array[3, 4] == data[3, 4]
        say(f"  {path.name:16} whole, slice, oindex, 1,000 points, one element: all equal")


def append(data: NDArray[Any]) -> None:
    """Make the elevation model longer, and check that old and new are there."""
    array = zarr.open_array(OUTPUT / "elevation.zarr", mode="r+")
    before = array.shape
    after = array.append(data[:100])
    assert np.array_equal(array[:], np.concatenate([data, data[:100]]))
    say(f"  elevation: {before} and 100 rows make {after}; every value is as it should be")


def draw() -> Path:
    """Draw a region that is read back from the map."""
    mpl.use("Agg")
    import matplotlib.pyplot as plt

    array = zarr.open_array(OUTPUT / "sea-floor.zarr", mode="r")
    rows, columns = array.shape
    region = array[rows // 2 : rows * 7 // 8, columns // 3 : columns * 2 // 3]
    figure, axes = plt.subplots(figsize=(7, 5), layout="constrained")
    limit = float(np.abs(region).max())
    image = axes.imshow(region, origin="lower", cmap="terrain", vmin=-limit, vmax=limit)
    axes.set_title(f"{region.shape[0]} x {region.shape[1]} values read back from sea-floor.zarr")
    figure.colorbar(image, label=f"height in {array.attrs['units']}")
    path = OUTPUT / "sea-floor.png"
    figure.savefig(path, dpi=100)
    return path


def main() -> int:
    """Run the demonstration."""
    shutil.rmtree(OUTPUT, ignore_errors=True)
    OUTPUT.mkdir()
    sources = {"elevation": elevation(), "sea-floor": sea_floor(), "head": head()}
    say(f"zarr {zarr.__version__}, data from matplotlib {mpl.__version__}")
    say("\nWrite:")
    write(sources)
    say("\nReopen, read, compare with the source:")
    check(sources)
    say("\nAppend:")
    append(sources["elevation"][0])
    say("\nThe map as it is stored:")
    say(str(zarr.open_array(OUTPUT / "sea-floor.zarr", mode="r").info_complete()))
    say(f"\nA picture of a region that was read back: {draw().relative_to(OUTPUT.parent)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
