"""Workers in other processes rechunk: they are sent descriptions, and a lost one loses nothing."""

from __future__ import annotations

import os
import pickle
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import zarr
from zarr.storage import LocalStore, WrapperStore

if TYPE_CHECKING:
    from collections.abc import Iterator

# dask and distributed warn of their own surroundings: ports, durations, event loops.
pytestmark = pytest.mark.filterwarnings("default")

DATA = np.arange(24 * 16 * 20, dtype="f4").reshape(24, 16, 20)
WANTED: dict[str, Any] = {"chunks": (24, 4, 5), "max_memory": 2 * 12_000}


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    distributed = pytest.importorskip("distributed")
    cluster = distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
    )
    with cluster, distributed.Client(cluster) as client:
        yield client


class LethalStore(WrapperStore[Any]):
    """Kills the first process that reads a chunk, which is not the one that it was made in."""

    def __init__(self, store: Any, home: int, deaths: str) -> None:
        super().__init__(store)
        self.home, self.deaths = home, deaths

    def with_read_only(self, read_only: bool = False) -> LethalStore:
        return LethalStore(self._store.with_read_only(read_only), self.home, self.deaths)

    async def get(self, key: str, *args: Any, **kwargs: Any) -> Any:
        if key.startswith("c/7/") and os.getpid() != self.home:
            try:
                os.close(os.open(self.deaths, os.O_CREAT | os.O_EXCL))
            except FileExistsError:
                pass
            else:
                os._exit(1)
        return await super().get(key, *args, **kwargs)


def same(target: Any, **options: Any) -> None:
    np.testing.assert_array_equal(zarr.open_array(target, mode="r", **options)[...], DATA)


def source(path: Path) -> Any:
    return zarr.create_array(path, data=DATA, chunks=(1, 16, 20))


@pytest.mark.parametrize("start", ["spawn", "fork", "forkserver"])
def test_processes_of_a_pool(start: str, tmp_path: Path) -> None:
    with ProcessPoolExecutor(2, get_context(start)) as executor:
        done = zarr.rechunk(source(tmp_path / "s"), tmp_path / "t", executor=executor, **WANTED)
        assert done.arrays[0].at_a_time == 2
        assert done.memory <= WANTED["max_memory"]
        same(tmp_path / "t")
        with pytest.raises(ValueError, match="in another process it is a copy"):
            zarr.rechunk(source(tmp_path / "s2"), {}, executor=executor, **WANTED)
        in_memory = zarr.create_array({}, data=DATA, chunks=(1, 16, 20))
        with pytest.raises(ValueError, match="in another process it is a copy"):
            zarr.rechunk(in_memory, tmp_path / "t2", executor=executor, **WANTED)
    assert not (tmp_path / "t2").exists()


def test_executors_of_joblib(tmp_path: Path) -> None:
    loky = pytest.importorskip("joblib.externals.loky")
    executor = loky.get_reusable_executor(max_workers=2)
    try:
        zarr.rechunk(source(tmp_path / "s"), tmp_path / "t", executor=executor, **WANTED)
    finally:
        executor.shutdown(wait=True)
    same(tmp_path / "t")


PACKED: dict[str, Any] = {"shards": (6, 16, 20), "max_memory": 50_000}


def test_processes_pass_chunks_on(tmp_path: Path) -> None:
    with ProcessPoolExecutor(2, get_context("spawn")) as executor:
        done = zarr.rechunk(source(tmp_path / "s"), tmp_path / "t", executor=executor, **PACKED)
    assert done.arrays[0].way == "chunks"
    same(tmp_path / "t")


def test_workers_of_dask(client: Any, tmp_path: Path) -> None:
    done = zarr.rechunk(source(tmp_path / "s"), tmp_path / "t", executor=client, **WANTED)
    assert done.arrays[0].way == "two passes"
    assert done.arrays[0].at_a_time == 2
    same(tmp_path / "t")


def test_workers_of_dask_with_s3(client: Any, s3: Any, tmp_path: Path) -> None:
    url, options = f"s3://{s3.bucket}/rechunked", {"storage_options": s3.options}
    zarr.rechunk(source(tmp_path / "s"), url, executor=client, **WANTED, **options)
    same(url, **options)
    again = f"s3://{s3.bucket}/again"
    back = {"chunks": (1, 16, 20), "max_memory": 10**6}
    zarr.rechunk(url, again, executor=client, **back, **options)
    same(again, **options)


def test_dask_is_sent_descriptions(client: Any, tmp_path: Path) -> None:
    sizes: list[int] = []
    executor = client.get_executor()
    submit = executor.submit

    def measured(fn: Any, *args: Any, **kwargs: Any) -> Any:
        sizes.append(len(pickle.dumps((args, kwargs))))
        return submit(fn, *args, **kwargs)

    executor.submit = measured
    zarr.rechunk(source(tmp_path / "s"), tmp_path / "t", executor=executor, **WANTED)
    same(tmp_path / "t")
    assert max(sizes) < 8000


def test_tasks_of_a_worker_that_is_lost_are_done_again(client: Any, tmp_path: Path) -> None:
    source(tmp_path / "s")
    deaths = str(tmp_path / "deaths")
    store = LethalStore(LocalStore(tmp_path / "s"), os.getpid(), deaths)
    array = zarr.open_array(store, mode="r")
    client.run(_know_of_tests, str(Path(__file__).parents[2]))
    zarr.rechunk(array, tmp_path / "t", executor=client, **WANTED)
    assert Path(deaths).exists()
    same(tmp_path / "t")
    Path(deaths).unlink()
    done = zarr.rechunk(array, tmp_path / "packed", executor=client, **PACKED)
    assert done.arrays[0].way == "chunks"
    assert Path(deaths).exists()
    same(tmp_path / "packed")


def _know_of_tests(root: str) -> None:
    import sys

    sys.path.insert(0, root)
