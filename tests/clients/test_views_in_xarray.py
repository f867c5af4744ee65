"""xarray: views as the data of variables, read when they are asked for."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
import pytest

import zarr
from support.stores import WaitingStore
from zarr.storage import MemoryStore, WrapperStore

pytestmark = pytest.mark.filterwarnings("ignore")  # of its own dependencies
xr = pytest.importorskip("xarray")

DATA = np.arange(1.0, 601).reshape(20, 30)


@pytest.fixture
def store() -> Any:
    return WaitingStore()


@pytest.fixture
def array(store: Any) -> Any:
    made = zarr.create_array(store, data=DATA, chunks=(4, 7), dimension_names=["time", "x"])
    store.log.clear()
    return made


def test_a_variable_reads_only_the_selected_part(store: Any, array: Any) -> None:
    variable = array.lazy[2:, ::-1].to_xarray()
    model = DATA[2:, ::-1]
    data = xr.Dataset({"t": variable, "both": zarr.concat([array, array]).to_xarray(["n", "x"])})
    part = data.t.isel(time=slice(3, 5), x=0)
    assert repr(part)
    assert store.log == []
    np.testing.assert_array_equal(part.values, model[3:5, 0])
    assert store.log == [("get", "c/1/4")]


def test_every_kind_of_selection_of_xarray_is_one_of_the_view(array: Any) -> None:
    variable, model = array.lazy[2:, ::-1].to_xarray(), DATA[2:, ::-1]
    points = xr.Variable("p", [4, 1, 4])
    cases = {
        "basic": (variable.isel(time=3, x=slice(1, None, 2)), model[3, 1::2]),
        "outer": (variable.isel(time=[4, 1], x=[2, 0]), model[np.ix_([4, 1], [2, 0])]),
        "points": (variable.isel(time=points, x=points), model[[4, 1, 4], [4, 1, 4]]),
        "points and a slice": (variable.isel(time=points, x=slice(2)), model[[4, 1, 4], :2]),
        "twice": (variable.isel(time=slice(1, 9))[::-1].isel(x=[5]), model[1:9][::-1][:, [5]]),
        "transposed": (variable.transpose("x", "time"), model.T),
    }
    for name, (found, expected) in cases.items():
        np.testing.assert_array_equal(found.values, expected, err_msg=name)


def test_names_of_dimensions_follow_the_view(array: Any) -> None:
    assert array.lazy.T[None].to_xarray().dims == ("dim_0", "x", "time")
    assert array.lazy[3].to_xarray().dims == ("x",)
    assert array.lazy.to_xarray(["a", "b"]).dims == ("a", "b")
    assert zarr.stack([array, array]).to_xarray().dims == ("dim_0", "dim_1", "dim_2")


def test_values_are_computed_and_loaded(store: Any, array: Any) -> None:
    data = xr.Dataset({"t": array.lazy.to_xarray()})
    assert float(data.t.mean()) == DATA.mean()
    np.testing.assert_array_equal((data.t + 1).values, DATA + 1)
    data.load()
    store.log.clear()
    np.testing.assert_array_equal(data.t.values, DATA)
    assert store.log == []
    chunked = xr.Dataset({"t": array.lazy.to_xarray()}).chunk(time=4)
    np.testing.assert_array_equal(chunked.t.values, DATA)


def test_xarray_reads_views_that_it_is_given_as_they_are(array: Any) -> None:
    variable = xr.Variable(("time", "x"), array.lazy[::-1])
    np.testing.assert_array_equal(variable.values, DATA[::-1])


class AllAtOnce(WrapperStore[Any]):
    """Answers requests for chunks when so many are under way: one after another never ends."""

    def __init__(self, store: Any, wanted: int) -> None:
        super().__init__(store)
        self.wanted = wanted
        self.keys: list[str] = []
        self.complete = asyncio.Event()

    def _with_store(self, store: Any) -> AllAtOnce:
        view = AllAtOnce(store, self.wanted)
        view.keys, view.complete = self.keys, self.complete
        return view

    async def intercept(self, method: str, key: str, call: Any, byte_range: Any = None) -> Any:
        if "/c/" in key:
            self.keys.append(key)
            if len(self.keys) == self.wanted:
                self.complete.set()
            async with asyncio.timeout(30):
                await self.complete.wait()
        return await call()


def bands() -> tuple[Any, Any]:
    model = xr.Dataset(
        {f"band_{n}": (("y", "x"), DATA + n, {"scale_factor": 0.5}) for n in range(4)}
    )
    store = MemoryStore()
    model.to_zarr(
        store,
        zarr_format=3,
        consolidated=False,
        encoding={name: {"chunks": (10, 15)} for name in model},
    )
    return model, store


@pytest.mark.skipif(not hasattr(xr.Dataset, "load_async"), reason="a later xarray has it")
def test_variables_of_a_data_set_are_loaded_together() -> None:
    _, stored = bands()
    store = AllAtOnce(stored, 16)  # four variables of four chunks
    opened = xr.open_dataset(store, engine="zarr", consolidated=False, zarr_format=3)
    assert store.keys == []
    asyncio.run(opened.load_async())
    assert len(set(store.keys)) == len(store.keys) == 16
    xr.testing.assert_equal(opened, xr.open_dataset(stored, engine="zarr", consolidated=False))


def test_variables_of_a_data_set_are_read_together() -> None:
    model, stored = bands()
    store = AllAtOnce(stored, 8)  # two chunks of each
    group = zarr.open_group(store, mode="r", zarr_format=3)
    found = zarr.read([(group[name], slice(10)) for name in model])
    assert len(set(store.keys)) == len(store.keys) == 8
    for name, values in zip(model, found, strict=True):
        np.testing.assert_array_equal(values, model[name].values[:10])
