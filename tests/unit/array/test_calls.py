"""A small read or write takes few calls of Python functions."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest

import zarr


def calls(work: Any) -> int:
    """How many Python functions are called."""
    count = 0

    def notice(_: Any, event: str, __: Any) -> None:
        nonlocal count
        count += event == "call"

    work()
    sys.setprofile(notice)
    try:
        work()
    finally:
        sys.setprofile(None)
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


def test_calls_do_not_grow_with_the_number_of_chunks(tmp_path: Any) -> None:
    for store in ({}, tmp_path):
        array: Any = zarr.create_array(store, data=np.ones((100, 100)), chunks=(5, 5))
        few = calls(lambda array=array: array[:5, :5])
        assert calls(lambda array=array: array[:]) == few
    few = calls(lambda array=array: array.__setitem__(np.s_[:5, :5], 2))
    assert calls(lambda array=array: array.__setitem__(np.s_[:], 2)) == few
