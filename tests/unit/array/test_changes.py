"""Changing shape and attributes."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
import pytest

import zarr

DATA = np.arange(1, 21, dtype="i4").reshape(4, 5)


@pytest.fixture(
    params=[
        {"chunks": (2, 3)},
        {"chunks": (2, 3), "zarr_format": 2},
        {"chunks": (1, 2), "shards": (2, 4)},
    ],
    ids=["chunks", "version 2", "shards"],
)
def array(request: Any, store: Any) -> Any:
    """An array whose chunks do not fit its shape."""
    return zarr.create_array(store, data=DATA, fill_value=-1, name="a", **request.param)


def chunk_keys(array: Any) -> int:
    return array._nshards_initialized


@pytest.mark.parametrize("shape", [(4, 5), (6, 9), (3, 4), (1, 1), (0, 3), (0, 0), (7, 2)])
def test_a_new_shape_keeps_what_is_inside_and_fills_the_rest(array: Any, shape: Any) -> None:
    array.resize(shape)
    rows, columns = min(shape[0], 4), min(shape[1], 5)
    expected = np.full(shape, -1, "i4")
    expected[:rows, :columns] = DATA[:rows, :columns]
    assert array.shape == shape
    np.testing.assert_array_equal(array[:], expected)
    reopened = zarr.open_array(array.store, path="a")
    np.testing.assert_array_equal(reopened[:], expected)
    if rows and columns:
        edges = array._stored_edges
        assert chunk_keys(array) == -(-rows // edges[0]) * -(-columns // edges[1])


@pytest.mark.parametrize("shape", [(3, 4), (1, 1), (0, 3), (0, 0), (4, 1)])
def test_elements_outside_are_gone_when_the_array_grows_again(array: Any, shape: Any) -> None:
    array.resize(shape)
    array.resize((4, 5))
    expected = np.full((4, 5), -1, "i4")
    expected[: shape[0], : shape[1]] = DATA[: shape[0], : shape[1]]
    np.testing.assert_array_equal(array[:], expected)


def test_elements_outside_are_gone_before_the_shape_changes() -> None:
    class Recorded(zarr.storage.MemoryStore):
        asked: list[tuple[str, str]] = []  # noqa: RUF012
        fails = False

        async def set(self, key: str, value: Any, byte_range: Any = None) -> None:
            self.set_sync(key, value)

        def set_sync(self, key: str, value: Any) -> None:
            if self.fails and key == "zarr.json":
                raise OSError("no shape today")
            self.asked.append(("set", key))
            super().set_sync(key, value)

        async def delete(self, key: str) -> None:
            self.delete_sync(key)

        def delete_sync(self, key: str) -> None:
            self.asked.append(("delete", key))
            super().delete_sync(key)

    store = Recorded()
    array: Any = zarr.create_array(store, shape=(12,), chunks=(4,), dtype="i4", fill_value=-1)
    array[:] = np.arange(12)
    other: Any = zarr.open_array(store)
    array.resize((9,))
    store.asked.clear()
    other.resize((3,))  # by a handle that knows another shape
    assert sorted(store.asked[:-1]) == [("delete", "c/1"), ("delete", "c/2"), ("set", "c/0")]
    assert store.asked[-1] == ("set", "zarr.json")
    other.resize((12,))
    other[:] = np.arange(12)
    store.fails = True
    with pytest.raises(OSError, match="no shape today"):
        other.resize((5,))
    store.fails = False
    reopened: Any = zarr.open_array(store)
    assert reopened[:].tolist() == [0, 1, 2, 3, 4, *[-1] * 7]


def test_a_shape_that_is_refused_deletes_nothing(array: Any) -> None:
    kept = zarr.open_array(array.store, path="a", mode="r")
    with pytest.raises(ValueError, match="read-only"):
        kept.resize((1, 1))
    with pytest.raises(ValueError, match="negative|dimension"):
        array.resize((-1, 1))
    np.testing.assert_array_equal(array[:], DATA)


def test_elements_outside_can_be_kept(array: Any) -> None:
    asyncio.run(array.async_array.resize((1, 1), delete_outside_chunks=False))
    assert array[:].tolist() == [[1]]
    array.resize((4, 5))
    np.testing.assert_array_equal(array[:], DATA)


def test_assigning_a_shape_resizes(array: Any) -> None:
    array.shape = (2, 2)
    np.testing.assert_array_equal(array[:], DATA[:2, :2])


def test_a_shape_that_cannot_be_is_refused(array: Any) -> None:
    for shape, error in (((4,), ValueError), ((-4, 5), ValueError), ((1.5, 2), TypeError)):
        with pytest.raises(error):
            array.resize(shape)
    np.testing.assert_array_equal(array[:], DATA)


def test_shrinking_a_sparse_array_deletes_what_is_stored() -> None:
    array: Any = zarr.create_array({}, shape=(1 << 40,), chunks=(10,), dtype="i4")
    array[5] = 1
    array[1 << 39] = 2
    array.resize((1 << 30,))
    assert array.nchunks_initialized == 1
    array.resize((1 << 40,))
    assert array[1 << 39] == 0
    assert array[5] == 1


def test_appending_makes_room_and_fills_it(array: Any) -> None:
    assert array.append(np.full((3, 5), 7)) == (7, 5)
    assert array.append(np.full((7, 2), 8), axis=1) == (7, 7)
    assert array.append(np.full((7, 1), 9), axis=-1) == (7, 8)
    expected = np.full((7, 8), 7)
    expected[:4, :5], expected[:, 5:7], expected[:, 7] = DATA, 8, 9
    np.testing.assert_array_equal(array[:], expected)
    np.testing.assert_array_equal(zarr.open_array(array.store, path="a")[:], expected)


@pytest.mark.parametrize("data", [np.ones((2, 3)), np.ones(2), np.ones((4, 2, 2))])
def test_data_that_do_not_fit_are_not_appended(array: Any, data: Any) -> None:
    with pytest.raises(ValueError, match="not compatible"):
        array.append(data)
    with pytest.raises(ValueError, match="axis"):
        array.append(DATA, axis=2)
    np.testing.assert_array_equal(array[:], DATA)


def test_a_handle_that_is_out_of_date_appends_at_the_end(array: Any) -> None:
    other = zarr.open_array(array.store, path="a")
    other.append(DATA)
    assert array.append(DATA) == (12, 5)
    np.testing.assert_array_equal(array[:], np.concatenate([DATA] * 3))


def test_appending_inside_of_a_chunk_stores_twice(waiting_store: Any) -> None:
    for zarr_format in (2, 3):
        store = waiting_store()
        array = zarr.create_array(
            store, shape=(0,), chunks=(100,), dtype="i4", zarr_format=zarr_format
        )
        store.asked.clear()
        for _ in range(10):
            array.append([1, 2])
        assert store.asked["set"] <= 20
        assert array[:].tolist() == [1, 2] * 10


# -- attributes ---------------------------------------------------------------------------------


def test_attributes_are_a_mapping_that_is_stored(array: Any) -> None:
    attrs = array.attrs
    attrs["unit"] = "m"
    attrs.update({"a": [1, None]}, b={"c": 1.5})
    assert dict(attrs) == {"unit": "m", "a": [1, None], "b": {"c": 1.5}}
    assert attrs.asdict() == dict(attrs)
    del attrs["a"]
    assert attrs.pop("unit") == "m"
    assert attrs.setdefault("d", 3) == 3
    assert ("b" in attrs, len(attrs), attrs.get("x", 5)) == (True, 2, 5)
    assert dict(zarr.open_array(array.store, path="a").attrs) == {"b": {"c": 1.5}, "d": 3}
    with pytest.raises(KeyError):
        del attrs["x"]
    attrs.put({"only": 1})
    assert dict(zarr.open_array(array.store, path="a").attrs) == {"only": 1}
    assert array.async_array.attrs == {"only": 1}
    attrs.clear()
    assert dict(attrs) == {}
    assert attrs == array.attrs


def test_updating_attributes_keeps_the_others(array: Any) -> None:
    assert array.update_attributes({"a": 1}) == array
    asyncio.run(array.async_array.update_attributes({"b": 2}))
    assert dict(array.attrs) == {"a": 1, "b": 2}
    np.testing.assert_array_equal(array[:], DATA)


def test_attributes_that_json_cannot_hold_are_refused_and_change_nothing(array: Any) -> None:
    array.attrs["a"] = 1
    with pytest.raises(TypeError):
        array.attrs["s"] = {1, 2}
    assert dict(array.attrs) == {"a": 1}
    assert dict(zarr.open_array(array.store, path="a").attrs) == {"a": 1}


def test_a_batch_of_attributes_is_stored_at_once(waiting_store: Any) -> None:
    for zarr_format in (2, 3):
        store = waiting_store()
        array = zarr.create_array(store, shape=(3,), dtype="i4", zarr_format=zarr_format)
        store.asked.clear()
        array.attrs.update({f"a{n}": n for n in range(100)})
        assert store.asked["set"] == 1


def test_attributes_that_change_do_not_undo_a_resize(array: Any) -> None:
    other = zarr.open_array(array.store, path="a")
    array.resize((2, 2))
    other.attrs["a"] = 1
    assert zarr.open_array(array.store, path="a").shape == (2, 2)
    array.resize((3, 3))
    assert dict(zarr.open_array(array.store, path="a").attrs) == {"a": 1}
