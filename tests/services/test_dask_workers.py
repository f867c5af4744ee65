"""Worker processes of dask read and write arrays on files and on S3, and lose nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import zarr

da = pytest.importorskip("dask.array")
distributed = pytest.importorskip("distributed")

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# dask and distributed warn of their own surroundings: ports, durations, event loops.
pytestmark = pytest.mark.filterwarnings("default")

VALUES = np.arange(40 * 60, dtype="i4").reshape(40, 60)


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    cluster = distributed.LocalCluster(
        n_workers=2, threads_per_worker=2, processes=True, dashboard_address=None
    )
    with cluster, distributed.Client(cluster) as client:
        yield client


@pytest.fixture(params=["files", "s3"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, dict[str, Any]]:
    """A URL, and what else it takes to open it."""
    if request.param == "files":
        return str(tmp_path / "array"), {}
    s3 = request.getfixturevalue("s3")
    return f"s3://{s3.bucket}/array", {"storage_options": s3.options}


def made(place: tuple[str, dict[str, Any]], **options: Any) -> Any:
    url, more = place
    return zarr.create_array(url, shape=VALUES.shape, dtype="i4", **options, **more)


def test_from_zarr(client: Any, place: Any) -> None:
    made(place, chunks=(5, 6), shards=(10, 12))[:] = VALUES
    url, more = place
    read = da.from_zarr(url, **more)
    assert read.sum().compute() == VALUES.sum()
    opened = da.from_zarr(zarr.open_array(url, mode="r", **more))
    np.testing.assert_array_equal(opened.compute(), VALUES)


def test_to_zarr_by_url(client: Any, place: Any) -> None:
    url, more = place
    da.from_array(VALUES, chunks=(10, 20)).to_zarr(url, **more)
    np.testing.assert_array_equal(zarr.open_array(url, mode="r", **more)[:], VALUES)


def test_to_zarr_is_aligned_to_shards(client: Any, place: Any) -> None:
    array = made(place, chunks=(5, 6), shards=(20, 12))
    da.from_array(VALUES, chunks=(7, 11)).to_zarr(array)
    np.testing.assert_array_equal(array[:], VALUES)


def test_a_plan_that_is_not_aligned_loses_nothing_on_s3(client: Any, s3: Any) -> None:
    place = f"s3://{s3.bucket}/array", {"storage_options": s3.options}
    array = made(place, chunks=(5, 6), shards=(20, 30))
    da.store(da.from_array(VALUES, chunks=(7, 11)), array, lock=False)
    np.testing.assert_array_equal(array[:], VALUES)


def test_regions_by_xarray(client: Any, place: Any) -> None:
    xarray = pytest.importorskip("xarray")
    url, more = place
    whole = xarray.Dataset({"v": (("y", "x"), da.zeros((40, 60), "i4", chunks=(10, 20)))})
    whole.to_zarr(url, compute=False, consolidated=False, zarr_format=3, **more)
    for start in (0, 20):
        part = da.from_array(VALUES[start : start + 20], chunks=(10, 20))
        rows = xarray.Dataset({"v": (("y", "x"), part)})
        region = {"y": slice(start, start + 20), "x": slice(0, 60)}
        rows.to_zarr(url, region=region, consolidated=False, zarr_format=3, **more)
    array = zarr.open_array(url, path="v", mode="r", **more)
    np.testing.assert_array_equal(array[:], VALUES)


def test_regions_that_share_a_chunk_are_refused_by_xarray(client: Any, place: Any) -> None:
    xarray = pytest.importorskip("xarray")
    url, more = place
    whole = xarray.Dataset({"v": (("y", "x"), da.zeros((40, 60), "i4", chunks=(10, 20)))})
    whole.to_zarr(url, compute=False, consolidated=False, zarr_format=3, **more)
    part = da.from_array(VALUES[:20], chunks=(7, 20))
    rows = xarray.Dataset({"v": (("y", "x"), part)})
    region = {"y": slice(0, 20), "x": slice(0, 60)}
    with pytest.raises(ValueError, match="chunk"):
        rows.to_zarr(url, region=region, consolidated=False, zarr_format=3, **more)
