"""Parts of chunks on a service that takes no conditional writes: there is a warning, once."""

from __future__ import annotations

import warnings
from typing import Any, ClassVar

import pytest
from fsspec.implementations.memory import MemoryFileSystem

import zarr
from zarr.errors import ZarrUserWarning
from zarr.storage import FsspecStore, exchange


class Service(MemoryFileSystem):  # type: ignore[misc]
    """Some service that others write to, too."""

    protocol = "service"
    store: ClassVar[dict[str, Any]] = {}


@pytest.fixture
def array(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(exchange, "_told", set())
    store = FsspecStore(Service(), path="/x")
    return zarr.create_array(store, shape=(8,), chunks=(4,), dtype="i4", overwrite=True)


def test_whole_chunks_need_no_protection(array: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        array[4:] = 1
        array[:] = 2


def test_a_part_is_warned_of_once(array: Any) -> None:
    with pytest.warns(ZarrUserWarning, match="cannot tell whether another process") as caught:
        array[1] = 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        array[2] = 1
        array[5] = 1
    assert len(caught) == 1
    assert "service" in str(caught[0].message)


def test_not_with_a_synchronizer(array: Any) -> None:
    locked: Any = zarr.open_array(array.store, synchronizer=zarr.ThreadSynchronizer())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        locked[1] = 1
