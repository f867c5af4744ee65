"""Tools take as much memory as a few blocks, however large the data are."""

from __future__ import annotations

import tracemalloc
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import zarr
from zarr import tools

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SIDE = 4096
SIZE = SIDE * SIDE * 4
"""The bytes of the elements: 64 MiB."""


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("large")
    array = zarr.create_array(made / "a", shape=(SIDE, SIDE), chunks=(256, 256), dtype="f4")
    for start in range(0, SIDE, 256):
        array[start : start + 256] = np.arange(start, start + 256, dtype="f4")[:, None]
    return made


def peak(call: Callable[[], Any]) -> int:
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("method", ["mean", "mode", "max"])
def test_of_a_pyramid_a_few_blocks_are_in_memory(method: Any, directory: Path) -> None:
    assert zarr.open_array(directory / "a").nbytes == SIZE
    used = peak(
        lambda: tools.pyramid(directory / "a", directory / method, method=method, convention="none")
    )
    assert used < SIZE


def test_of_a_file_a_few_blocks_are_in_memory(directory: Path) -> None:
    used = peak(lambda: tools.export_file(directory / "a", directory / "a.npy"))
    assert used < SIZE * 0.75
    used = peak(lambda: tools.import_file(directory / "a.npy", directory / "b", chunks=(256, SIDE)))
    assert used < SIZE / 4
    assert zarr.open_array(directory / "b")[SIDE - 1, 0] == SIDE - 1


def test_of_a_hierarchy_a_few_values_are_in_memory(directory: Path) -> None:
    used = peak(lambda: tools.cp(directory / "a", directory / "copy"))
    assert used < SIZE / 16
