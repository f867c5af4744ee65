"""Concurrent changes of one group lose nothing of each other."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

import zarr

WRITERS = 16
pytestmark = pytest.mark.filterwarnings("ignore:Consolidated metadata is currently not part")


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_threads_set_attributes_through_handles_of_their_own(store: Any, zarr_format: Any) -> None:
    zarr.create_group(store, zarr_format=zarr_format)

    def write(number: int) -> None:
        group = zarr.open_group(store, mode="r+")
        for step in range(5):
            group.attrs[f"{number}-{step}"] = step

    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(write, range(WRITERS)))
    assert len(zarr.open_group(store, mode="r").attrs) == WRITERS * 5


def test_tasks_set_attributes_of_one_group(store: Any) -> None:
    async def main() -> None:
        group = await zarr.api.asynchronous.create_group(store)
        changes = (group.update_attributes({str(number): number}) for number in range(WRITERS))
        await asyncio.gather(*changes)
        assert len(group.attrs) == WRITERS

    asyncio.run(main())
    assert len(zarr.open_group(store, mode="r").attrs) == WRITERS


def test_attributes_that_are_set_while_consolidating_stay(store: Any) -> None:
    group = zarr.create_group(store)
    for number in range(10):
        group.create_group(f"g{number}")

    def write(number: int) -> None:
        if number % 2:
            zarr.consolidate_metadata(store)
        else:
            zarr.open_group(store, mode="r+").attrs[str(number)] = number

    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(write, range(2 * WRITERS)))
    found = zarr.open_consolidated(store)
    assert len(found.attrs) == WRITERS
    assert len(found) == 10


def test_threads_require_one_group(store: Any) -> None:
    root = zarr.create_group(store)
    with ThreadPoolExecutor(WRITERS) as pool:
        found = list(pool.map(lambda _: root.require_group("a/b/c"), range(WRITERS)))
    assert {group.path for group in found} == {"a/b/c"}
    assert [name for name, _ in root.members(None)] == ["a", "a/b", "a/b/c"]


def test_a_synchronizer_is_asked_for_the_lock_of_the_group() -> None:
    taken: list[str] = []

    class Recording(zarr.ThreadSynchronizer):
        def __getitem__(self, item: str) -> Any:
            taken.append(item)
            return super().__getitem__(item)

    group = zarr.open_group({}, path="g", synchronizer=Recording())
    group.attrs["a"] = 1
    assert taken == ["g/zarr.json"]
    array = group.create_array("x", shape=(4,), dtype="i4", chunks=(4,))
    array[1] = 1
    array.attrs["b"] = 2
    assert set(taken) == {"g/zarr.json", "g/x/c/0", "g/x/zarr.json"}
    assert group["x"]._async_array.access.synchronizer is group.synchronizer


def test_groups_work_inside_of_a_running_loop(store: Any) -> None:
    async def main() -> list[str]:
        root = zarr.create_group(store)
        root.create_array("g/a", shape=(1,), dtype="i1")
        return [name for name, _ in root.members(None)]

    assert asyncio.run(main()) == ["g", "g/a"]
