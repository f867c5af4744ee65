"""Differences of arrays and trees: each is found, at its place, and nothing else is."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import zarr
from support.stores import WaitingStore
from zarr import tools

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

STORAGE = ("chunks", "shards", "codecs", "zarr_format", "fill_value")


@pytest.fixture(autouse=True)
def small_blocks() -> Iterator[None]:
    with zarr.config.set({"tools.block_bytes": 128}):
        yield


def array_of(data: Any, **options: Any) -> Any:
    return zarr.create_array(options.pop("store", {}), data=np.asarray(data), **options)


def values_of(one: Any, other: Any, **options: Any) -> Any:
    """The differences of the elements of two arrays."""
    found = tools.diff(one, other, metadata=False, **options)
    assert found.same == (not found.nodes)
    return found.nodes[0].values if found.nodes else ()


def test_equal_elements_are_equal_however_they_are_stored(tmp_path: Path) -> None:
    data = np.arange(600.0).reshape(20, 30)
    arrays = [
        array_of(data, chunks=(5, 7)),
        array_of(data, chunks=(4, 6), shards=(8, 12)),
        array_of(data, chunks=(20, 1), compressors=None, store=tmp_path / "a"),
        array_of(data, zarr_format=2, chunks=(3, 30), store=WaitingStore()),
        array_of(data.astype(">f8"), chunks=(6, 6), fill_value=7),
    ]
    for one in arrays:
        for other in arrays:
            assert tools.diff(one, other, ignore=[*STORAGE, "dtype"]).same


@given(
    st.lists(st.integers(0, 59), max_size=20),
    st.tuples(st.integers(1, 6), st.integers(1, 10)),
    st.tuples(st.integers(1, 6), st.integers(1, 10)),
    st.integers(0, 12),
)
def test_the_first_differences_are_those_by_place(
    places: list[int], first: tuple[int, int], second: tuple[int, int], most: int
) -> None:
    data = np.arange(60).reshape(6, 10)
    changed = data.copy()
    changed.reshape(-1)[places] += 100
    one, other = array_of(data, chunks=first), array_of(changed, chunks=second)
    found = tools.diff(one, other, metadata=False, most=most)
    different = sorted(set(places))
    assert found.same == (not different)
    if different:
        [node] = found.nodes
        assert node.different == len(different)
        assert node.largest == 100.0
        expected = [divmod(place, 10) for place in different[:most]]
        assert [each.index for each in node.values] == expected
        for each in node.values:
            assert (each.first, each.second) == (data[each.index], changed[each.index])


def test_tolerances_are_those_of_numpy() -> None:
    rng = np.random.default_rng(1)
    data = np.concatenate([rng.normal(size=50), [np.nan, np.inf, -np.inf, 0.0, 1e300]])
    other = data * (1 + rng.normal(size=data.size) * 1e-6)
    other[3] = np.nan
    other[4] = np.inf
    other[-4] = np.inf if other[-4] < 0 else other[-4]
    one, two = array_of(data, chunks=9), array_of(other, chunks=8)
    for rtol, atol in ((0, 0), (1e-6, 0), (0, 1e-6), (1e-5, 1e-5)):
        for equal_nan in (True, False):
            close = np.isclose(data, other, rtol=rtol, atol=atol, equal_nan=equal_nan)
            found = values_of(one, two, rtol=rtol, atol=atol, equal_nan=equal_nan, most=100)
            assert [each.index[0] for each in found] == list(np.flatnonzero(~close))


def test_each_kind_of_elements_is_compared() -> None:
    def index(one: Any, other: Any, **options: Any) -> list[Any]:
        made = {"zarr_format": options.pop("zarr_format", 3)}
        found = values_of(
            array_of(one, chunks=2, **made), array_of(other, chunks=3, **made), **options
        )
        return [each.index[0] for each in found]

    assert index([True, False], [True, True]) == [1]
    assert index(["a", "b"], ["a", "bb"]) == [1]
    assert index([b"a", b"b"], [b"a", b"c"], zarr_format=2) == [1]
    assert index([1 + 1j, 2], [1 + 1j, 2j]) == [1]
    times = np.array(["2020-01-01", "NaT", "NaT"], "M8[D]")
    assert index(times, np.array(["2020-01-02", "NaT", "2020-01-01"], "M8[D]")) == [0, 2]
    assert index(times, times, equal_nan=False) == [1, 2]
    big = np.array([2**62, 2**62 + 1, 2**63 - 1])
    assert index(big, big - [0, 1, 0]) == [1]
    assert index(np.array([1, 2], "i1"), np.array([1.0, 2.5], "f4")) == [1]
    records = np.array([(1, np.nan), (2, 0.5)], [("x", "i4"), ("y", "f8")])
    changed = records.copy()
    changed["y"][1] = 0.6
    assert index(records, changed) == [1]
    assert index(records, records, equal_nan=False) == [0]
    assert index(records, changed, atol=0.2) == []


def test_metadata_that_differ_are_named_and_can_be_ignored() -> None:
    one = array_of(np.zeros((4, 4)), chunks=(2, 2), attributes={"a": 1, "b": 2})
    other = array_of(np.zeros((4, 4)), chunks=(4, 4), attributes={"a": 1, "b": 3, "c": None})
    found = tools.diff(one, other)
    fields = {each.field: (each.first, each.second) for each in found.nodes[0].fields}
    assert fields == {
        "chunks": ((2, 2), (4, 4)),
        "attributes.b": (2, 3),
        "attributes.c": (None, None),
    }
    assert tools.diff(one, other, ignore=["chunks", "attributes"]).same
    assert not tools.diff(one, other, ignore=["chunks", "attributes.b"]).same
    assert tools.diff(one, other, ignore=["chunks", "attributes.b", "attributes.c"]).same
    assert tools.diff(one, other, metadata=False).same
    assert str(found)
    with pytest.raises(ValueError, match="no field 'chunk'"):
        tools.diff(one, other, ignore=["chunk"])


def test_a_fill_value_that_is_nan_is_no_difference() -> None:
    array = array_of(np.zeros(3), fill_value=np.nan)
    assert tools.diff(array, array_of(np.zeros(3), fill_value=np.nan)).same


def tree(change: str = "") -> Any:
    root = zarr.create_group({}, attributes={"title": "Rain"})
    root.create_array("a/x", data=np.arange(10), chunks=3)
    root.create_array("a/y", data=np.arange(10), chunks=3)
    if change == "value":
        root["a/y"][7] = 70
    elif change == "shape":
        root["a/y"].resize(11)
    elif change == "missing":
        del root["a/y"]
    elif change == "kind":
        del root["a/y"]
        root.create_group("a/y")
    elif change == "attribute":
        root["a"].attrs["new"] = 1
    return root


def test_trees_are_compared_node_by_node() -> None:
    assert tools.diff(tree(), tree()).same
    changed = {
        change: tools.diff(tree(), tree(change))
        for change in ("value", "shape", "missing", "kind", "attribute")
    }
    assert all(not found.same and len(found.nodes) == 1 for found in changed.values())
    paths = [found.nodes[0].path for found in changed.values()]
    assert paths == ["a/y", "a/y", "a/y", "a/y", "a"]
    assert changed["value"].nodes[0].values[0].index == (7,)
    assert changed["shape"].nodes[0].elements is None
    assert changed["missing"].nodes[0].only == "first"
    assert tools.diff(tree("missing"), tree()).nodes[0].only == "second"
    assert changed["kind"].nodes[0].kinds == ("array", "group")
    for found in changed.values():
        assert found.nodes[0].path in str(found)
        assert json.loads(found.to_json())["same"] is False


def test_chunks_that_neither_has_are_not_read() -> None:
    stores = [WaitingStore() for _ in range(2)]
    arrays = [
        zarr.create_array(store, shape=(1000, 1000), chunks=(4, 4), dtype="i1") for store in stores
    ]
    arrays[0][:4, :4] = 1
    arrays[1][500, 500] = 2
    before = [store.asked["get"] for store in stores]
    found = tools.diff(*arrays)
    assert found.nodes[0].different == 17
    for store, number in zip(stores, before, strict=True):
        assert store.asked["get"] - number < 100


def test_any_executor_finds_the_same() -> None:
    data = np.arange(100)
    one, other = array_of(data, chunks=7), array_of(data % 50, chunks=7)
    with ThreadPoolExecutor(2) as executor:
        assert tools.diff(one, other, executor=executor) == tools.diff(one, other)


def test_hostile_values_are_printable() -> None:
    one = array_of(["\x1b[2J"], attributes={"\x9b": "\u202e"})
    other = array_of(["\x07"])
    found = tools.diff(one, other)
    assert str(found).replace("\n", "").isprintable()
    assert found.to_json().replace("\n", "").isprintable()


def test_wrong_parameters_are_refused() -> None:
    array = array_of([1])
    for wrong in ({"rtol": -1}, {"atol": float("nan")}, {"most": -1}):
        with pytest.raises(ValueError, match="0 or more"):
            tools.diff(array, array, **wrong)
    with pytest.raises(FileNotFoundError):
        tools.diff(array, {})
