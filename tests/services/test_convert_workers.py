"""Worker processes of dask import files and make pyramids, on files and on S3."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import zarr
from zarr import tools

distributed = pytest.importorskip("distributed")

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# dask and distributed warn of their own surroundings: ports, durations, event loops.
pytestmark = pytest.mark.filterwarnings("default")

IMAGE = np.random.default_rng(0).integers(0, 60000, (3, 200, 300)).astype("u2")


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    cluster = distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
    )
    with cluster, distributed.Client(cluster) as client:
        yield client


@pytest.fixture(params=["files", "s3"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, dict[str, Any]]:
    """A URL, and what else it takes to open it."""
    if request.param == "files":
        return str(tmp_path / "there"), {}
    s3 = request.getfixturevalue("s3")
    return f"s3://{s3.bucket}/there", {"storage_options": s3.options}


def ran_elsewhere(client: Any) -> int:
    """How many tasks the workers have done."""
    done = client.run(lambda dask_worker: dask_worker.state.executed_count)
    return sum(done.values())


def make_npy(path: Path) -> None:
    np.save(path, np.asfortranarray(IMAGE))


def make_hdf5(path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    with h5py.File(path, "w") as file:
        file["image"] = IMAGE


def make_tiff(path: Path) -> None:
    tifffile = pytest.importorskip("tifffile")
    tifffile.imwrite(path, IMAGE, tile=(64, 64), photometric="minisblack", metadata=None)


@pytest.mark.parametrize(
    ("name", "make"), [("a.npy", make_npy), ("a.h5", make_hdf5), ("a.tif", make_tiff)]
)
def test_a_file_is_imported(client: Any, place: Any, name: str, make: Any, tmp_path: Path) -> None:
    make(tmp_path / name)
    url, more = place
    before = ran_elsewhere(client)
    done = tools.import_file(tmp_path / name, url, chunks=(1, 64, 64), executor=client, **more)
    assert ran_elsewhere(client) > before + 1
    array = zarr.open_array(url, path=done.arrays[0], mode="r", **more)
    np.testing.assert_array_equal(array[...], IMAGE)


@pytest.mark.parametrize("method", ["mean", "mode"])
def test_a_pyramid_is_made(client: Any, place: Any, method: Any) -> None:
    url, more = place
    group = zarr.create_group(url, **more)
    options = {"chunks": (1, 32, 32), "dimension_names": ("c", "y", "x")}
    group.create_array("0", data=IMAGE, **options)
    expected: dict[str, Any] = {}
    here = zarr.create_group(expected)
    here.create_array("0", data=IMAGE, **options)
    tools.pyramid(here, method=method)
    before = ran_elsewhere(client)
    made = tools.pyramid(url, method=method, executor=client, **more)
    assert ran_elsewhere(client) > before + 1
    assert len(made.levels) == 5
    group = zarr.open_group(url, mode="r", **more)
    for level in made.levels:
        np.testing.assert_array_equal(group[level.path][...], here[level.path][...])


def test_memory_of_this_process_is_refused(client: Any, tmp_path: Path) -> None:
    make_npy(tmp_path / "a.npy")
    store: dict[str, Any] = {}
    with pytest.raises(ValueError, match="in another process"):
        tools.import_file(tmp_path / "a.npy", store, executor=client)
    assert store == {}
