"""A small read or write takes few calls of Python functions, as does opening or making a node."""

from __future__ import annotations

import gc
import sys
from typing import Any

import numpy as np
import pytest

import zarr

OPTIONS: Any = {"shape": (100, 100), "chunks": (10, 10), "dtype": "f4"}


def calls(work: Any) -> int:
    """How many Python functions are called."""
    count = 0

    def notice(_: Any, event: str, __: Any) -> None:
        nonlocal count
        count += event == "call"

    work()
    gc.disable()  # what others left would be counted
    sys.setprofile(notice)
    try:
        work()
    finally:
        sys.setprofile(None)
        gc.enable()
    return count - 1  # `work` itself


@pytest.mark.parametrize("options", [{}, {"shards": (20, 20)}, {"zarr_format": 2}])
def test_reading_one_chunk_costs_few_calls(tmp_path: Any, options: Any) -> None:
    for store in ({}, tmp_path):
        array: Any = zarr.create_array(
            store, data=np.ones((40, 40)), chunks=(10, 10), overwrite=True, **options
        )
        # `__getitem__` itself, and the look at the settings for buffers.
        assert calls(lambda array=array: array[3, 4]) <= 2
        assert calls(lambda array=array: array[:10, :10]) <= 2
        assert calls(lambda array=array: array.get_basic_selection((3, 4))) <= 25
        assert calls(lambda array=array: array.oindex[[1, 2], 3]) <= 60
        assert calls(lambda array=array: array.vindex[[1, 2], [3, 4]]) <= 60


def test_reading_a_box_by_a_view_costs_few_calls(tmp_path: Any) -> None:
    data = np.arange(1600.0).reshape(40, 40)
    for store in ({}, tmp_path):
        array: Any = zarr.create_array(store, data=data, chunks=(10, 10), overwrite=True)
        array = zarr.open_array(array.store, mode="r")
        for view, expected in (
            (array.lazy[3, 4], data[3, 4]),
            (array.lazy[30:][:8:3, 5], data[30:38:3, 5]),
            (array.lazy, data),
        ):
            np.testing.assert_array_equal(view.result(), expected)
            assert isinstance(view.result(), np.ndarray)
            # Some more if this process has resized arrays, or the first element is the fill value.
            assert calls(view.result) <= 14
            assert calls(lambda view=view: np.asarray(view)) <= 18


def test_opening_a_node_costs_few_calls(tmp_path: Any) -> None:
    memory, path = zarr.storage.MemoryStore(), str(tmp_path)
    for store in (memory, path):
        group = zarr.create_group(store)
        group.create_array("a", **OPTIONS)
        assert calls(lambda group=group: group["a"]) <= 45
        group.require_group("g")
        group.require_group("g")  # reads the document
        assert calls(lambda group=group: group.require_group("g")) <= 50
    assert calls(lambda: zarr.open_array(f"{path}/a")) <= 60
    assert calls(lambda: zarr.open_array(f"{path}/a", mode="r")) <= 65
    assert calls(lambda: zarr.open_array(memory, path="a")) <= 45
    for mode in ("r", "a"):
        assert calls(lambda mode=mode: zarr.open_group(path, mode=mode)) <= 60
    assert calls(lambda: zarr.open(path)) <= 70


def test_making_a_node_costs_few_calls(tmp_path: Any) -> None:
    path, names = str(tmp_path), (f"n{number}" for number in range(100))

    def place(kind: str) -> Any:
        return {} if kind == "memory" else f"{path}/{next(names)}"

    for kind in ("memory", "local"):
        assert calls(lambda kind=kind: zarr.create_array(place(kind), **OPTIONS)) <= 120
        assert calls(lambda kind=kind: zarr.create_group(place(kind))) <= 90
        assert calls(lambda kind=kind: zarr.open_group(place(kind), mode="a")) <= 130
        group = zarr.create_group(place(kind))
        assert calls(lambda group=group: group.create_array(next(names), **OPTIONS)) <= 105
        assert calls(lambda group=group: group.require_array(next(names), **OPTIONS)) <= 130


def test_changing_an_attribute_costs_few_calls(tmp_path: Any) -> None:
    values = iter(range(100))
    for store in ({}, tmp_path):
        for node in (zarr.create_group(store), zarr.create_array(store, name="a", **OPTIONS)):
            change = calls(lambda node=node: node.attrs.update(unit=next(values)))
            assert change <= 200


def test_calls_do_not_grow_with_the_number_of_chunks(tmp_path: Any) -> None:
    for store in ({}, tmp_path):
        array: Any = zarr.create_array(store, data=np.ones((100, 100)), chunks=(5, 5))
        few = calls(lambda array=array: array[:5, :5])
        assert calls(lambda array=array: array[:]) == few
    few = calls(lambda array=array: array.__setitem__(np.s_[:5, :5], 2))
    assert calls(lambda array=array: array.__setitem__(np.s_[:], 2)) == few
