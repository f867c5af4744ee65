"""dask: graphs over views, made without a request, cut along chunks."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import zarr
from support.stores import WaitingStore

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.filterwarnings("ignore")  # of its own dependencies
da = pytest.importorskip("dask.array")
dask = pytest.importorskip("dask")

DATA = np.arange(1.0, 40001).reshape(200, 200)


def made(store: Any) -> Any:
    return zarr.create_array(store, data=DATA, chunks=(10, 20))


def test_making_the_graph_asks_for_nothing() -> None:
    store = WaitingStore()
    array = made(store)
    store.log.clear()
    view = zarr.concat([array.lazy[5:, ::-1], array.lazy[:1]]).T
    lazy = da.from_array(view)
    (lazy + lazy[::-1]).sum()
    assert store.log == []
    np.testing.assert_array_equal(lazy.compute(), np.concatenate([DATA[5:, ::-1], DATA[:1]]).T)


@pytest.mark.parametrize("first", [0, 5])
def test_blocks_are_cut_along_chunks(first: int, tmp_path: Path) -> None:
    view = made(tmp_path / "a").lazy[first:, ::-1].T
    with dask.config.set({"array.chunk-size": "8kB"}):
        blocks = da.from_array(view).chunks
    edges = {first + int(edge) for edge in np.cumsum(blocks[1])}
    assert all(edge % 10 == 0 for edge in edges)
    assert all(int(edge) % 20 == 0 for edge in np.cumsum(blocks[0]))
    assert min(map(len, blocks)) > 1


def test_the_chunks_of_a_view_are_chunks_of_dask(tmp_path: Path) -> None:
    view = made(tmp_path / "a").lazy[5:, ::2]
    assert da.from_array(view, chunks=view.chunks).chunks[0] == (5, *(10,) * 19)


@pytest.mark.parametrize(
    "scheduler", ["synchronous", "threads", pytest.param("processes", marks=pytest.mark.slow)]
)
def test_every_scheduler_computes_the_same(scheduler: str, tmp_path: Path) -> None:
    array = made(tmp_path / "a")
    view, model = array.lazy[5:, ::-1].T, DATA[5:, ::-1].T
    lazy = da.from_array(view, chunks=(60, 100))
    with dask.config.set(scheduler=scheduler):
        np.testing.assert_array_equal((lazy * 2).compute(), model * 2)
        np.testing.assert_array_equal(lazy.mean(axis=0).compute(), model.mean(axis=0))
        np.testing.assert_array_equal(
            da.concatenate([lazy, lazy])[::3].compute()[:10], model[:30:3]
        )


def test_equal_views_have_equal_names_in_the_graph(tmp_path: Path) -> None:
    array = made(tmp_path / "a")
    view = array.lazy[5:, ::-1]
    assert da.from_array(view).name == da.from_array(array.lazy[5:][:, ::-1]).name
    assert da.from_array(view).name == da.from_array(pickle.loads(pickle.dumps(view))).name
    assert da.from_array(view).name != da.from_array(array.lazy[4:, ::-1]).name


def test_dask_stores_into_a_view(tmp_path: Path) -> None:
    array = made(tmp_path / "a")
    model = DATA.copy()
    values = da.ones((100, 200), chunks=(30, 70))
    da.store(values, array.lazy[::-2])
    model[::-2] = 1
    np.testing.assert_array_equal(array[...], model)
