"""dask: arrays written and read by threads and by other processes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import zarr

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.filterwarnings("ignore")  # of its own dependencies
da = pytest.importorskip("dask.array")

VALUES = np.arange(60 * 40).reshape(60, 40)


def test_an_array_written_by_threads_comes_back(tmp_path: Path) -> None:
    path = str(tmp_path / "a.zarr")
    da.from_array(VALUES, chunks=(7, 40)).to_zarr(path)
    back = da.from_zarr(path)
    assert back.chunks[0][0] == 7
    np.testing.assert_array_equal(back.compute(scheduler="threads"), VALUES)


def test_a_region_is_written_and_the_rest_stays(tmp_path: Path) -> None:
    array = zarr.create_array(str(tmp_path / "a.zarr"), data=VALUES, chunks=(10, 40))
    da.zeros((20, 40), chunks=(10, 40), dtype=VALUES.dtype).to_zarr(
        array, region=(slice(20, 40), slice(None))
    )
    expected = VALUES.copy()
    expected[20:40] = 0
    np.testing.assert_array_equal(array[:], expected)


def test_blocks_that_share_a_chunk_lose_nothing_among_threads(tmp_path: Path) -> None:
    array = zarr.create_array(str(tmp_path / "a.zarr"), shape=(60, 40), chunks=(60, 40), dtype="i8")
    da.store(da.from_array(VALUES, chunks=(1, 40)), array, lock=False, scheduler="threads")
    np.testing.assert_array_equal(array[:], VALUES)


def test_other_processes_write_and_read(tmp_path: Path) -> None:
    distributed = pytest.importorskip("distributed")
    path = str(tmp_path / "a.zarr")
    with (
        distributed.LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            processes=True,
            dashboard_address=None,
            local_directory=str(tmp_path),
        ) as cluster,
        distributed.Client(cluster),
    ):
        array = zarr.create_array(path, shape=(60, 40), chunks=(10, 40), dtype="i8")
        da.from_array(VALUES, chunks=(10, 40)).to_zarr(array)
        assert int(da.from_zarr(array).sum().compute()) == VALUES.sum()
        np.testing.assert_array_equal(da.from_zarr(path).compute(), VALUES)
    np.testing.assert_array_equal(zarr.open_array(path, mode="r")[:], VALUES)


@pytest.mark.parametrize("shards", [None, (20, 30)])
def test_a_plan_that_is_not_aligned_loses_nothing_with_threads(tmp_path: Path, shards: Any) -> None:
    values = np.arange(40 * 60, dtype="i4").reshape(40, 60)
    array = zarr.create_array(
        tmp_path / "a", shape=values.shape, chunks=(5, 6), shards=shards, dtype="i4"
    )
    da.store(da.from_array(values, chunks=(7, 11)), array, lock=False, scheduler="threads")
    np.testing.assert_array_equal(array[:], values)


def test_nor_with_processes_and_a_synchronizer(tmp_path: Path) -> None:
    values = np.arange(20 * 30, dtype="i4").reshape(20, 30)
    zarr.create_array(tmp_path / "a", shape=values.shape, chunks=(10, 10), dtype="i4")
    locks = zarr.ProcessSynchronizer(str(tmp_path / "locks"))
    array = zarr.open_array(tmp_path / "a", synchronizer=locks)
    plan = da.from_array(values, chunks=(7, 8))
    da.store(plan, array, lock=False, scheduler="processes", num_workers=3)
    np.testing.assert_array_equal(array[:], values)
