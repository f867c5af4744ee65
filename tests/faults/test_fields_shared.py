"""Writers of different fields or elements of one chunk lose nothing of each other."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from obstore.store import MemoryStore as InMemory

import zarr
from zarr.storage import LocalStore, MemoryStore, ObjectStore, WrapperStore

if TYPE_CHECKING:
    from pathlib import Path

NAMES = ("a", "b", "c", "d")
DTYPE = np.dtype([(name, "i4") for name in NAMES])
# Of the data type, not of what is tested.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:The data type"),
]

PROGRAM = """
import sys, warnings
warnings.simplefilter("ignore")
import zarr
directory, locks, name = sys.argv[1:]
array = zarr.open_array(directory, mode="r+", synchronizer=zarr.ProcessSynchronizer(locks))
for place in range(24):
    array[name, place] = place + 1
"""


def made(store: Any, **options: Any) -> Any:
    return zarr.create_array(store, shape=(24,), chunks=(12,), dtype=DTYPE, **options)


def check(array: Any) -> None:
    for name in NAMES:
        assert array[name, :].tolist() == list(range(1, 25))


def test_processes_with_a_synchronizer(tmp_path: Path) -> None:
    array = made(tmp_path / "data")
    command = [sys.executable, "-c", PROGRAM, str(tmp_path / "data"), str(tmp_path / "locks")]
    running = [subprocess.Popen([*command, name], stderr=subprocess.PIPE) for name in NAMES]
    for process in running:
        errors = process.communicate(timeout=120)[1]
        assert process.returncode == 0, errors.decode()
    check(array)


class Elsewhere(WrapperStore[Any]):
    """The same data, seen by another process: no lock is shared."""

    @property
    def data_id(self) -> str:
        return f"elsewhere-{id(self)}"


def test_writers_without_a_common_lock_where_puts_are_conditional() -> None:
    inner = ObjectStore(InMemory())
    array = made(inner)

    def write(name: str) -> None:
        mine: Any = zarr.open_array(Elsewhere(inner), mode="r+")
        for place in range(24):
            mine[name, place] = place + 1

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, NAMES))
    check(array)


@pytest.mark.parametrize("kind", ["memory", "local", "obstore"])
def test_fields_and_whole_elements_written_by_threads(kind: str, tmp_path: Path) -> None:
    stores = {"memory": MemoryStore, "local": lambda: LocalStore(tmp_path)}
    array = made(stores.get(kind, lambda: ObjectStore(InMemory()))())

    def fields(name: str) -> None:
        for place in range(0, 24, 2):
            array[name, place] = place + 1

    def elements(_: str) -> None:
        for place in range(1, 24, 2):
            array[place] = (place + 1,) * 4

    with ThreadPoolExecutor(5) as pool:
        jobs = [pool.submit(fields, name) for name in NAMES] + [pool.submit(elements, "")]
        for job in jobs:
            job.result()
    check(array)


@pytest.mark.parametrize("shards", [None, (6, 4)])
@pytest.mark.parametrize("write_empty_chunks", [False, True])
def test_any_selection_changes_what_numpy_would(shards: Any, write_empty_chunks: bool) -> None:
    dtype = np.dtype([("a", "i4"), ("b", "f8"), ("c", "i2", (2,))])
    array: Any = zarr.create_array(
        MemoryStore(),
        shape=(11, 9),
        chunks=(3, 2),
        shards=shards,
        dtype=dtype,
        config={"write_empty_chunks": write_empty_chunks},
    )
    expected = np.zeros((11, 9), dtype)
    for number, at in enumerate(
        [(slice(1, 10, 3), slice(None)), (4, slice(2, 8)), (slice(None), 3), (2, 2), (...,)]
    ):
        array.set_basic_selection(at, number + 1, fields="a")
        expected["a"][at] = number + 1
        np.testing.assert_array_equal(array[...], expected)
    array.set_coordinate_selection(([0, 10, 5, 0], [1, 8, 4, 2]), [1.5, 2.5, 3.5, 4.5], fields="b")
    expected["b"][[0, 10, 5, 0], [1, 8, 4, 2]] = [1.5, 2.5, 3.5, 4.5]
    array.set_orthogonal_selection(([0, 9, 4], [8, 1]), [[1, 2], [3, 4], [5, 6]], fields="b")
    expected["b"][np.ix_([0, 9, 4], [8, 1])] = [[1, 2], [3, 4], [5, 6]]
    np.testing.assert_array_equal(array[...], expected)
    both = np.array([(7, 8.5)], dtype=[("a", "i4"), ("b", "f8")])
    array.set_basic_selection((slice(0, 1), slice(0, 1)), both[:, None], fields=["a", "b"])
    expected["a"][0, 0], expected["b"][0, 0] = 7, 8.5
    np.testing.assert_array_equal(array[...], expected)
    array.set_basic_selection(..., 0, fields="a")
    expected["a"] = 0
    np.testing.assert_array_equal(array[...], expected)
