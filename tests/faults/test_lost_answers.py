"""A conditional change whose answer is lost is looked up: it is made once, and not lost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from obstore.store import MemoryStore as InMemory

import zarr
from zarr.storage import ObjectStore, WrapperStore
from zarr.testing.faults import FaultyStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from zarr.abc.store import Store
    from zarr.buffer.core import Buffer

FAULTS = pytest.mark.parametrize("fault", ["lost", "reset", "fail", "busy"])
FORMATS = pytest.mark.parametrize("zarr_format", [2, 3])


@pytest.fixture(autouse=True)
def _quick() -> Iterator[None]:
    with zarr.config.set({"requests.backoff": 0.0001, "requests.attempts": 4}):
        yield


@pytest.fixture
def store() -> FaultyStore:
    return FaultyStore(ObjectStore(InMemory()))


def truth(store: Any, zarr_format: Any = 3) -> Any:
    array: Any = zarr.open_array(store._store, mode="r", zarr_format=zarr_format)
    return array


@FAULTS
@pytest.mark.parametrize("there", [False, True])
def test_part_of_a_chunk(store: FaultyStore, fault: Any, there: bool) -> None:
    array: Any = zarr.create_array(store, shape=(8,), chunks=(8,), dtype="i4")
    if there:
        array[:] = 1
    store.plan(["ok", fault])
    array[2] = 5
    assert truth(store)[:].tolist() == [there, there, 5, *[there] * 5]


@FAULTS
@FORMATS
def test_an_append_is_made_once(store: FaultyStore, fault: Any, zarr_format: Any) -> None:
    array: Any = zarr.create_array(
        store, shape=(2,), chunks=(2,), dtype="i4", zarr_format=zarr_format
    )
    array[:] = 1
    requests = store.count()
    array.append(np.array([2, 3], "i4"))
    names = [request.method for request in store.requests[requests:]]
    store.plan(["ok"] * names.index("set_if_unchanged") + [fault])
    array.append(np.array([4, 5], "i4"))
    found = truth(store, zarr_format)
    assert found[:].tolist() == [1, 1, 2, 3, 4, 5]
    array.attrs["a"] = 1
    assert dict(truth(store, zarr_format).attrs) == {"a": 1}


@FAULTS
def test_attributes(store: FaultyStore, fault: Any) -> None:
    array: Any = zarr.create_array(store, shape=(2,), dtype="i4")
    store.plan(["ok", fault])
    array.attrs["a"] = 1
    assert dict(truth(store).attrs) == {"a": 1}


def test_a_change_that_fails_again_and_again_is_an_error(store: FaultyStore) -> None:
    array: Any = zarr.create_array(store, shape=(8,), chunks=(8,), dtype="i4")
    store.plan(["ok", "reset", "ok"] * 50)
    with pytest.raises(ConnectionResetError):
        array[2] = 5
    assert store.count("set_if_unchanged") <= 5
    assert not truth(store)[:].any()


class Meanwhile(WrapperStore["Store"]):
    """Does something of its own in place of the first conditional write."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.work: Callable[[], Any] | None = None
        self.carried_out = False

    async def set(self, key: str, value: Buffer) -> None:
        await self._store.set(key, value)

    async def set_if_unchanged(self, key: str, value: Buffer, version: Any | None) -> bool:
        work, self.work = self.work, None
        if work is None:
            return await self._store.set_if_unchanged(key, value, version)
        if self.carried_out:
            assert await self._store.set_if_unchanged(key, value, version)
            return False  # what a client says that asked twice by itself
        await work()
        raise ConnectionResetError("it never arrived")


def test_an_equal_append_of_somebody_else_is_not_taken_for_our_own() -> None:
    inner = ObjectStore(InMemory())
    store = Meanwhile(inner)
    ours: Any = zarr.create_array(store, shape=(0,), chunks=(1,), dtype="i4")
    # Another process: it shares no lock with us.
    theirs: Any = zarr.open_array(_Elsewhere(inner))
    store.work = lambda: theirs._async_array.append(np.array([2], "i4"))
    ours.append(np.array([1], "i4"))
    found: Any = zarr.open_array(inner, mode="r")
    assert sorted(found[:].tolist()) == [1, 2]


class _Elsewhere(WrapperStore["Store"]):
    """The same data under another name."""

    @property
    def data_id(self) -> str:
        return f"elsewhere-{id(self)}"


def test_a_client_that_asked_twice_by_itself_is_found_out() -> None:
    store = Meanwhile(ObjectStore(InMemory()))
    array: Any = zarr.create_array(store, shape=(0,), chunks=(1,), dtype="i4")
    store.carried_out = True
    store.work = lambda: None
    array.append(np.array([1], "i4"))
    assert zarr.open_array(store, mode="r").shape == (1,)
