"""A partial write that nothing protects from other processes warns, once."""

from __future__ import annotations

import warnings
from typing import Any, ClassVar

import pytest
from fsspec.implementations.memory import MemoryFileSystem

import zarr
from zarr.codecs.numcodecs import BZ2
from zarr.errors import ZarrUserWarning
from zarr.storage import FsspecStore, LocalStore
from zarr.storage.client import conditional


class Service(MemoryFileSystem):  # type: ignore[misc]
    """Some service that others write to, too."""

    protocol = "service"
    store: ClassVar[dict[str, Any]] = {}


@pytest.fixture
def array(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(conditional, "_told", set())
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


class _Unlockable:
    """Files of a file system that knows no locks, which the first write finds out."""

    unlocked = False

    def __init__(self, files: Any) -> None:
        self._files = files

    def __getattr__(self, name: str) -> Any:
        return getattr(self._files, name)

    def exchange(self, *arguments: Any) -> bool:
        self.unlocked = True
        return self._files.exchange(*arguments)  # type: ignore[no-any-return]


def test_of_files_that_cannot_be_locked_is_warned(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.setattr(conditional, "_told", set())
    store = LocalStore(tmp_path)
    store._files = _Unlockable(store._files)  # type: ignore[assignment]
    store._follows = False
    array = zarr.create_array(store, shape=(8,), chunks=(4,), dtype="i4", compressors=BZ2())
    store._files.unlocked = False  # type: ignore[misc]
    store.redeclare_traits()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        array[1] = 1
    with pytest.warns(ZarrUserWarning, match="LocalStore, which cannot tell"):
        array[2] = 1
    assert array[:4].tolist() == [0, 1, 1, 0]
