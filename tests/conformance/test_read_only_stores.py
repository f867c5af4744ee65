"""Stores that only read keep what `zarr.abc.store.Store` promises of reading."""

from __future__ import annotations

import inspect
import json
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import fsspec
import pytest

from zarr.buffer.cpu import Buffer
from zarr.storage import FsspecStore, LocalStore, RemoteZipStore
from zarr.testing.strict import StrictStoreTests

if TYPE_CHECKING:
    from zarr.abc.store import Store


class ReadingPromises(StrictStoreTests[Any, Buffer]):
    """The tests in which nothing is written by the store itself."""

    buffer_cls = Buffer

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for name in _WRITING:
            setattr(cls, name, None)

    @pytest.fixture
    def store(self, store_kwargs: dict[str, Any]) -> Store:
        # Not opened: there is nothing yet.
        return self.store_cls(**store_kwargs)

    async def get(self, store: Any, key: str) -> Buffer:
        raise AssertionError("what was read is compared with what was put there")

    async def test_serializable_store(self, store: Store) -> None:
        import pickle

        await self.set(store, "key", self._buffer(b"1234"))
        copy = pickle.loads(pickle.dumps(store))
        assert copy == store
        assert copy.read_only
        assert (await copy.get("key", _prototype())).to_bytes() == b"1234"

    async def test_it_refuses_every_change(self, store: Store) -> None:
        await self.set(store, "k", self._buffer(b"v"))
        assert store.read_only
        await self._refuses_changes(store)
        changes = [
            lambda: store.set_if_not_exists("k2", self._buffer(b"w")),
            lambda: store.delete_dir("k"),
            store.clear,
        ]
        for change in changes:
            with pytest.raises(ValueError, match="read-only"):
                await change()


def _prototype() -> Any:
    from zarr.buffer.core import default_buffer_prototype

    return default_buffer_prototype()


def _writes(test: Any) -> bool:
    source = inspect.getsource(test)
    return any(
        call in source
        for call in ("store.set", "_require_set_sync", "store.delete", "view.set", "_needs_deletes")
    )


# Found by what they do, so that new ones are not forgotten.
_READ_ANYWAY = {
    "test_a_key_that_could_leave_the_store_is_refused",
    "test_a_key_that_could_leave_the_store_is_refused_synchronously",
    "test_a_prefix_that_could_leave_the_store_is_refused",
    "test_a_forked_child_reads",
}
_WRITING = {
    name
    for name, test in inspect.getmembers(StrictStoreTests, inspect.isfunction)
    if name.startswith("test_") and _writes(test) and name not in _READ_ANYWAY
} | {
    # They ask for a store that can be written.
    "test_store_supports_writes",
    "test_store_read_only",
    "test_store_open_read_only",
    "test_store_context_manager",
    "test_read_only_store_raises",
    "test_get_not_open",
    "test_set_not_open",
    "test_set_many",
}


class TestRemoteZipStore(ReadingPromises):
    store_cls = RemoteZipStore

    async def set(self, store: Any, key: str, value: Buffer) -> None:
        path = Path(store._store.root) / store.key
        with zipfile.ZipFile(path, "a") as archive:
            archive.writestr(key, value.to_bytes())
        store.close()  # or it shows the file as it was

    @pytest.fixture
    def store_kwargs(self, tmp_path: Path) -> dict[str, Any]:
        zipfile.ZipFile(tmp_path / "a.zip", "w").close()
        return {"store": LocalStore(tmp_path), "key": "a.zip"}


class TestFsspecReferences(ReadingPromises):
    """``reference://``: a table says where in which file a value is."""

    store_cls = FsspecStore

    async def set(self, store: Any, key: str, value: Buffer) -> None:
        data = self.directory / "data"
        with data.open("ab") as file:
            start = file.tell()
            file.write(value.to_bytes())
        table = json.loads((self.directory / "table.json").read_text())
        table[key] = [f"file://{data}", start, len(value)] if len(value) else ""
        (self.directory / "table.json").write_text(json.dumps(table))
        fs = getattr(store.fs, "sync_fs", store.fs)
        fs.__init__(*fs.storage_args, **fs.storage_options)  # reads the table again
        fs.dircache.clear()

    @pytest.fixture
    def store_kwargs(self, tmp_path: Path) -> dict[str, Any]:
        type(self).directory = tmp_path
        (tmp_path / "table.json").write_text("{}")
        fsspec.filesystem("file").clear_instance_cache()
        fs = fsspec.filesystem(
            "reference", fo=str(tmp_path / "table.json"), skip_instance_cache=True
        )
        return {"fs": fs, "path": "", "read_only": True}

    directory: Path


class TestFsspecZip(ReadingPromises):
    """``zip::…``, by the file system of fsspec."""

    store_cls = FsspecStore

    async def set(self, store: Any, key: str, value: Buffer) -> None:
        with zipfile.ZipFile(self.file, "a") as archive:
            archive.writestr(key, value.to_bytes())
        fs = getattr(store.fs, "sync_fs", store.fs)
        fs.__init__(*fs.storage_args, **fs.storage_options)
        fs.dir_cache = None

    @pytest.fixture
    def store_kwargs(self, tmp_path: Path) -> dict[str, Any]:
        type(self).file = tmp_path / "a.zip"
        zipfile.ZipFile(self.file, "w").close()
        fs = fsspec.filesystem("zip", fo=str(self.file), skip_instance_cache=True)
        return {"fs": fs, "path": "", "read_only": True}

    file: Path


@pytest.mark.parametrize("kind", [TestRemoteZipStore, TestFsspecReferences, TestFsspecZip])
def test_most_of_the_suite_is_about_reading(kind: Any) -> None:
    kept = [name for name in dir(kind) if name.startswith("test_") and getattr(kind, name)]
    assert len(kept) > 25, kept
