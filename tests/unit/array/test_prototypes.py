"""Reads and stores use the kinds of buffers that the user names."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
import pytest

import zarr
from zarr.buffer import cpu
from zarr.buffer.core import BufferPrototype
from zarr.storage import MemoryStore

DATA = np.arange(90, dtype="u2").reshape(9, 10)


class Units(np.ndarray):
    """An array of a class of its own."""


class Marked(cpu.Buffer):
    """Bytes of a class of its own."""


class MarkedArrays(cpu.NDBuffer):
    """Gives memory that is an instance of `Units`."""

    @classmethod
    def empty(cls, shape: Any, dtype: Any, order: Any = "C") -> Any:
        return cls(np.empty(shape, dtype, order).view(Units))


PROTOTYPE = BufferPrototype(Marked, MarkedArrays)


class Asked(MemoryStore):
    """Notes for which buffers it is asked, and which it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.kinds: set[tuple[str, type]] = set()

    async def get(self, key: str, prototype: Any = None, byte_range: Any = None) -> Any:
        if not key.endswith("zarr.json"):
            self.kinds.add(("get", prototype.buffer))
        return await super().get(key, prototype, byte_range)

    async def set(self, key: str, value: Any) -> None:
        if not key.endswith("zarr.json"):
            self.kinds.add(("set", type(value)))
        await super().set(key, value)


OPTIONS: list[dict[str, Any]] = [{}, {"compressors": None}, {"shards": (8, 10)}]


@pytest.fixture(params=OPTIONS)
def array(request: Any) -> Any:
    array = zarr.create_array(Asked(), data=DATA, chunks=(4, 5), **request.param)
    asked: Any = array.store
    asked.kinds.clear()
    return array


READS: dict[str, Any] = {
    "get_basic_selection": (np.s_[2:9, 1], DATA[2:9, 1]),
    "get_orthogonal_selection": (([0, 8], np.s_[2:4]), DATA[[0, 8], 2:4]),
    "get_coordinate_selection": (([[0], [8]], [[2], [3]]), DATA[[[0], [8]], [[2], [3]]]),
    "get_mask_selection": (DATA > 50, DATA[DATA > 50]),
    "get_block_selection": (0, None),
}


@pytest.mark.parametrize("method", READS)
def test_a_read_returns_the_kind_of_buffer_that_is_asked_for(array: Any, method: str) -> None:
    selection, expected = READS[method]
    found = getattr(array, method)(selection, prototype=PROTOTYPE)
    assert type(found) is Units
    plain = getattr(array, method)(selection)
    assert type(plain) is np.ndarray
    np.testing.assert_array_equal(found, plain if expected is None else expected)
    assert ("get", Marked) in array.store.kinds


def test_stores_are_asked_for_and_given_buffers_of_that_kind(array: Any) -> None:
    array.set_basic_selection((slice(1, 3), 2), 7, prototype=PROTOTYPE)
    array.set_basic_selection(..., DATA + 1, prototype=PROTOTYPE)
    assert {kind for _, kind in array.store.kinds} == {Marked}
    assert {way for way, _ in array.store.kinds} == {"get", "set"}
    np.testing.assert_array_equal(array[:], DATA + 1)


def test_the_configured_kinds_hold_where_none_is_given(array: Any) -> None:
    names = {
        "buffer": f"{Marked.__module__}.Marked",
        "ndbuffer": f"{Marked.__module__}.MarkedArrays",
    }
    with zarr.config.set(names):
        for found in (array[:], array.oindex[:, :], asyncio.run(array.async_array.getitem(...))):
            assert type(found) is Units
            np.testing.assert_array_equal(found, DATA)
        array[3:5] = 9
        assert type(np.asarray(array)) is np.ndarray
    assert {kind for _, kind in array.store.kinds} == {Marked}
    assert (array[3:5] == 9).all()


def test_memory_that_the_user_lays_out_is_filled_where_it_is(array: Any) -> None:
    class Spaced(cpu.NDBuffer):
        @classmethod
        def empty(cls, shape: Any, dtype: Any, order: Any = "C") -> Any:
            wide = np.zeros((*shape, 2), dtype)
            return cls(wide[..., 0])

    spaced = BufferPrototype(cpu.Buffer, Spaced)
    for method, (selection, _) in READS.items():
        found = getattr(array, method)(selection, prototype=spaced)
        assert not found.flags.contiguous or found.ndim == 0
        np.testing.assert_array_equal(found, getattr(array, method)(selection))


def test_fields_are_read_into_such_memory() -> None:
    records = np.array([(1, 2.5), (3, 4.5), (5, 6.5)], dtype=[("a", "i4"), ("b", "f8")])
    array = zarr.create_array({}, data=records, chunks=(2,))
    for fields in ("a", ["b"], ["b", "a"]):
        found: Any = array.get_basic_selection(slice(1, 3), fields=fields, prototype=PROTOTYPE)
        assert type(found) is Units
        np.testing.assert_array_equal(
            np.asarray(found), array.get_basic_selection(slice(1, 3), fields=fields)
        )
