"""The number of requests to a store where the format is given."""

from __future__ import annotations

from typing import Any

import pytest

import zarr

MANY = 60


@pytest.fixture(params=[2, 3])
def zarr_format(request: Any) -> Any:
    return request.param


def test_opening_and_making_ask_little(waiting_store: Any, zarr_format: Any) -> None:
    store = waiting_store()
    each = 1 if zarr_format == 3 else 2  # format 2 has its attributes in a document of their own
    root = zarr.create_group(store, zarr_format=zarr_format)
    assert store.asked == {"get": each, "set": each}
    store.asked.clear()
    for number in range(MANY):
        root.create_array(f"a{number}", shape=(4,), dtype="i4", chunks=(2,))
    # Here also nodes of the other format are looked for: nobody gave the format.
    assert store.asked == {"get": 3 * MANY, "set": each * MANY}
    store.asked.clear()
    zarr.open_group(store, mode="r", zarr_format=zarr_format, use_consolidated=False)
    assert store.asked == {"get": each}
    for name in ("a1", "a2"):
        store.asked.clear()
        assert name in root
        assert store.asked == {"get": each}
    store.asked.clear()
    root.attrs.update(x=1, y=2)
    assert store.asked == {"get": each, "set": 1}
    if zarr_format == 3:
        store.asked.clear()
        zarr.open(store, mode="r")
        zarr.open_group(store, mode="a")
        assert store.asked == {"get": 2}


@pytest.mark.parametrize("open_it", [zarr.open, zarr.open_group, zarr.open_consolidated])
@pytest.mark.filterwarnings("ignore:Consolidated metadata is currently not part")
def test_no_document_is_asked_for_twice(waiting_store: Any, zarr_format: Any, open_it: Any) -> None:
    store = waiting_store()
    zarr.create_group(store, zarr_format=zarr_format)
    zarr.consolidate_metadata(store)
    store.log.clear()
    open_it(store, mode="r")
    assert len(set(store.log)) == len(store.log)
    if zarr_format == 3:
        assert store.log == [("get", "zarr.json")]


def test_many_members_are_listed_and_made_concurrently(
    waiting_store: Any, zarr_format: Any
) -> None:
    store = waiting_store(delay=0.001)
    each = 1 if zarr_format == 3 else 2
    root = zarr.create_group(store, zarr_format=zarr_format)
    array = root.create_array("first", shape=(4,), dtype="i4").metadata
    store.asked.clear()
    store.most_busy = 0
    with zarr.config.set({"async.concurrency": 10}):
        list(root.create_hierarchy({f"a{number}": array for number in range(MANY)}))
    # And the group itself is looked at; in format 2 with its attributes.
    assert store.asked == {"get": 3 * (MANY + 1) + each - 1, "set": each * MANY}
    assert store.most_busy == 10
    store.asked.clear()
    store.most_busy = 0
    with zarr.config.set({"async.concurrency": 10}):
        assert len(root.members()) == MANY + 1
    assert store.asked == {"list": 1, "get": each * (MANY + 1)}
    assert store.most_busy == 10


@pytest.mark.filterwarnings("ignore:Consolidated metadata is currently not part")
def test_consolidated_metadata_are_all_that_is_asked_for(
    waiting_store: Any, zarr_format: Any
) -> None:
    store = waiting_store()
    root = zarr.create_group(store, zarr_format=zarr_format)
    for number in range(MANY):
        root.create_array(f"g/a{number}", shape=(4,), dtype="i4")
    zarr.consolidate_metadata(store)
    store.asked.clear()
    opened = zarr.open_consolidated(store, zarr_format=zarr_format)
    assert store.asked["get"] == (3 if zarr_format == 2 else 1)
    store.asked.clear()
    assert opened.nmembers(None) == MANY + 1
    assert opened["g/a5"].shape == (4,)
    assert not store.asked


@pytest.mark.parametrize("consolidated", [True, False])
@pytest.mark.parametrize("given", [True, False])
@pytest.mark.filterwarnings("ignore:Consolidated metadata is currently not part")
def test_opening_a_group_asks_as_often_as_documented(
    waiting_store: Any, zarr_format: Any, given: bool, consolidated: bool
) -> None:
    store = waiting_store()
    zarr.create_group(store, zarr_format=zarr_format, attributes={"a": 1})
    if consolidated:
        zarr.consolidate_metadata(store)
    store.asked.clear()
    chosen = zarr_format if given else None
    assert zarr.open_group(store, mode="r", zarr_format=chosen).attrs["a"] == 1
    assert store.asked == {"get": 1 if zarr_format == 3 else 3 + (not given)}
    store.asked.clear()
    zarr.open_group(store, mode="r", zarr_format=chosen, use_consolidated=False)
    assert store.asked == {"get": 1 if zarr_format == 3 else 2 + (not given)}
