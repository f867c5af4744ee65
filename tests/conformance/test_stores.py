"""Every store keeps the promises of `zarr.abc.store.Store`."""

from __future__ import annotations

import os
import pickle
import sqlite3
import sys
from collections.abc import Iterator, MutableMapping
from pathlib import Path
from typing import Any

import fsspec
import obstore
import pytest
from obstore.store import LocalStore as ObjectLocal
from obstore.store import MemoryStore as ObjectMemory

from zarr._async.executors import sync
from zarr.abc.store import Store
from zarr.buffer import cpu
from zarr.buffer.cpu import Buffer, buffer_prototype
from zarr.storage import (
    FsspecStore,
    LocalStore,
    LoggingStore,
    ManagedMemoryStore,
    MemoryStore,
    ObjectStore,
    SQLiteStore,
    WrapperStore,
    ZipStore,
)
from zarr.storage.cache import CacheStore
from zarr.testing.faults import FaultyStore
from zarr.testing.store import LatencyStore, StoreTests
from zarr.testing.strict import StrictStoreTests, forked

THREADS = 8


class Promises(StrictStoreTests[Store, Buffer]):
    buffer_cls = Buffer

    async def set(self, store: Store, key: str, value: Buffer) -> None:
        raise AssertionError("said by the subclass")

    async def get(self, store: Store, key: str) -> Buffer:
        raise AssertionError("said by the subclass")


class TestLocalStore(Promises):
    store_cls = LocalStore

    async def set(self, store: LocalStore, key: str, value: Buffer) -> None:  # type: ignore[override]
        path = store.root / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(value.to_bytes())

    async def get(self, store: LocalStore, key: str) -> Buffer:  # type: ignore[override]
        return Buffer.from_bytes((store.root / key).read_bytes())

    @pytest.fixture
    def store_kwargs(self, tmp_path: Path) -> dict[str, Any]:
        return {"root": tmp_path}


class TestLocalStoreStepped(TestLocalStore):
    stepped = True


class TestMemoryStore(Promises):
    store_cls = MemoryStore
    crosses_processes = False

    async def set(self, store: MemoryStore, key: str, value: Buffer) -> None:  # type: ignore[override]
        store._store_dict[key] = value

    async def get(self, store: MemoryStore, key: str) -> Buffer:  # type: ignore[override]
        return store._store_dict[key]  # type: ignore[return-value]

    @pytest.fixture
    def store_kwargs(self) -> dict[str, Any]:
        return {}

    async def test_serializable_store(self, store: Store) -> None:
        await store.set("k", Buffer.from_bytes(b"v"))
        copy = pickle.loads(pickle.dumps(store))
        assert copy == store
        await copy.set("k", Buffer.from_bytes(b"w"))
        assert copy != store


class TestMemoryStoreStepped(TestMemoryStore):
    stepped = True


class Shelf(MutableMapping[str, bytes]):
    """A mapping that holds bytes only, as a database does."""

    def __init__(self) -> None:
        self.data: dict[str, bytes] = {}

    def __getitem__(self, key: str) -> bytes:
        return self.data[key]

    def __setitem__(self, key: str, value: bytes) -> None:
        assert type(value) is bytes
        self.data[key] = value

    def __delitem__(self, key: str) -> None:
        del self.data[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.data)

    def __len__(self) -> int:
        return len(self.data)

    def setdefault(self, key: str, default: bytes) -> bytes:  # type: ignore[override]
        return self.data.setdefault(key, default)


class TestMemoryStoreOfAnyMapping(TestMemoryStore):
    @pytest.fixture
    def store_kwargs(self) -> dict[str, Any]:
        return {"store_dict": Shelf()}

    async def set(self, store: MemoryStore, key: str, value: Buffer) -> None:  # type: ignore[override]
        store._store_dict[key] = value.to_bytes()  # type: ignore[assignment]

    async def get(self, store: MemoryStore, key: str) -> Buffer:  # type: ignore[override]
        return Buffer.from_bytes(store._store_dict[key])  # type: ignore[arg-type]


class TestManagedMemoryStore(TestMemoryStore):
    store_cls = ManagedMemoryStore
    path = ""

    async def set(self, store: Any, key: str, value: Buffer) -> None:  # type: ignore[override]
        store._store_dict[f"{self.path}{key}"] = value

    async def get(self, store: Any, key: str) -> Buffer:  # type: ignore[override]
        return store._store_dict[f"{self.path}{key}"]  # type: ignore[no-any-return]

    @pytest.fixture
    def store_kwargs(self, request: pytest.FixtureRequest) -> dict[str, Any]:
        return {"name": request.node.nodeid.replace("/", "-"), "path": self.path}

    async def test_serializable_store(self, store: Store) -> None:
        await StoreTests.test_serializable_store(self, store)


class TestManagedMemoryStoreBelowAPath(TestManagedMemoryStore):
    path = "some/directory/"


class TestZipStore(Promises):
    store_cls = ZipStore

    def settle(self, store: Any) -> None:
        store.close()

    async def set(self, store: Any, key: str, value: Buffer) -> None:
        store.set_sync(key, value)

    async def get(self, store: Any, key: str) -> Buffer:
        store.close()  # what is in the file counts
        import zipfile

        with zipfile.ZipFile(store.path) as archive:
            assert archive.namelist().count(key) == 1
            return Buffer.from_bytes(archive.read(key))

    @pytest.fixture
    def store_kwargs(self, tmp_path: Path) -> dict[str, Any]:
        return {"path": tmp_path / "data.zip", "mode": "w"}

    async def test_store_open_read_only(  # type: ignore[override]
        self, store_kwargs: dict[str, Any]
    ) -> None:
        for mode, read_only in (("w", False), ("r", True)):
            store = await ZipStore.open(store_kwargs["path"], mode=mode)
            assert store.read_only == read_only
            store.close()

    async def test_read_only_store_raises(self, store_kwargs: dict[str, Any]) -> None:  # type: ignore[override]
        (await ZipStore.open(**store_kwargs)).close()
        store = await ZipStore.open(store_kwargs["path"], mode="r")
        await self._refuses_changes(store)


class TestZipStoreStepped(TestZipStore):
    stepped = True


class TestSQLiteStore(Promises):
    store_cls = SQLiteStore

    async def set(self, store: Any, key: str, value: Buffer) -> None:
        if not store.path.exists():
            SQLiteStore(store.path).set_sync("zarr", value)
        with sqlite3.connect(store.path) as connection:
            connection.execute("DELETE FROM zarr WHERE k = 'zarr'")
            connection.execute("REPLACE INTO zarr (k, v) VALUES (?, ?)", (key, value.to_bytes()))
        connection.close()

    async def get(self, store: Any, key: str) -> Buffer:
        with sqlite3.connect(store.path) as connection:
            [(value,)] = connection.execute("SELECT v FROM zarr WHERE k = ?", (key,))
        connection.close()
        return Buffer.from_bytes(value)

    @pytest.fixture
    def store_kwargs(self, tmp_path: Path) -> dict[str, Any]:
        return {"path": tmp_path / "data.sqlite"}

    @pytest.mark.parametrize("read_only", [True, False])
    async def test_store_open_read_only(self, open_kwargs: dict[str, Any], read_only: bool) -> None:
        await SQLiteStore.open(**open_kwargs)
        await super().test_store_open_read_only(open_kwargs, read_only)

    async def test_read_only_store_raises(self, open_kwargs: dict[str, Any]) -> None:
        await SQLiteStore.open(**open_kwargs)
        await super().test_read_only_store_raises(open_kwargs)


class TestSQLiteStoreStepped(TestSQLiteStore):
    stepped = True


class TestWrapperStore(Promises):
    store_cls = WrapperStore

    async def set(self, store: Any, key: str, value: Buffer) -> None:
        await TestLocalStore.set(self, store._store, key, value)  # type: ignore[arg-type]

    async def get(self, store: Any, key: str) -> Buffer:
        return await TestLocalStore.get(self, store._store, key)  # type: ignore[arg-type]

    @pytest.fixture
    def store_kwargs(self, tmp_path: Path) -> dict[str, Any]:
        return {"store": LocalStore(tmp_path)}

    @pytest.fixture
    def open_kwargs(self, tmp_path: Path) -> dict[str, Any]:
        return {"store_cls": LocalStore, "root": tmp_path}


class TestWrapperStoreStepped(TestWrapperStore):
    stepped = True


class TestLoggingStore(TestWrapperStore):
    store_cls = LoggingStore

    @pytest.fixture
    def store_kwargs(self, tmp_path: Path) -> dict[str, Any]:
        return {"store": LocalStore(tmp_path), "log_level": "ERROR"}

    @pytest.fixture
    def open_kwargs(self, tmp_path: Path) -> dict[str, Any]:
        return {"store_cls": LocalStore, "root": tmp_path, "log_level": "ERROR"}


class TestLatencyStore(TestWrapperStore):
    store_cls = LatencyStore

    @pytest.fixture
    def store_kwargs(self, tmp_path: Path) -> dict[str, Any]:
        return {"store": LocalStore(tmp_path), "get_latency": 0.001}


class TestFaultyStore(TestWrapperStore):
    store_cls = FaultyStore


class CachedLocal(CacheStore):
    """A cache that opens as wrappers do."""

    def __init__(self, store: Store, **kwargs: Any) -> None:
        super().__init__(store, **{"cache_store": MemoryStore(), **kwargs})


class TestCacheStore(TestWrapperStore):
    store_cls = CachedLocal

    async def test_clear(self, store: Store) -> None:
        await super().test_clear(store)
        assert store.cache_info()["cached_keys"] == 1  # type: ignore[attr-defined]


class TestCacheStoreStepped(TestCacheStore):
    stepped = True


class CachedInDirectory(CachedLocal):
    """A cache in a directory beside the data."""

    def __init__(self, store: Any, **kwargs: Any) -> None:
        super().__init__(store, **{"cache_store": LocalStore(f"{store.root}-cache"), **kwargs})


class TestCacheStoreInDirectory(TestCacheStore):
    store_cls = CachedInDirectory


class TestFsspecStoreInMemory(Promises):
    store_cls = FsspecStore
    atomic_create = False
    crosses_processes = False

    @pytest.fixture(autouse=True)
    def _empty(self) -> Iterator[None]:
        fs = fsspec.filesystem("memory")
        fs.store.clear()
        fs.pseudo_dirs[:] = [""]
        yield
        fs.store.clear()

    def _file(self, store: Any, key: str) -> str:
        return f"{store.path}/{key}"

    async def set(self, store: Any, key: str, value: Buffer) -> None:
        fsspec.filesystem("memory").pipe_file(self._file(store, key), value.to_bytes())

    async def get(self, store: Any, key: str) -> Buffer:
        return Buffer.from_bytes(fsspec.filesystem("memory").cat_file(self._file(store, key)))

    @pytest.fixture
    def store_kwargs(self) -> dict[str, Any]:
        return {"fs": fsspec.filesystem("memory"), "path": "/some/directory"}


class TestFsspecStoreOnLocalFiles(TestFsspecStoreInMemory):
    crosses_processes = True

    async def set(self, store: Any, key: str, value: Buffer) -> None:
        path = Path(self._file(store, key))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(value.to_bytes())

    async def get(self, store: Any, key: str) -> Buffer:
        return Buffer.from_bytes(Path(self._file(store, key)).read_bytes())

    @pytest.fixture
    def store_kwargs(self, tmp_path: Path) -> dict[str, Any]:
        return {"fs": fsspec.filesystem("file"), "path": str(tmp_path / "root")}


class TestFsspecStoreInADirectoryOfAnother(TestFsspecStoreOnLocalFiles):
    """A file system that shows a directory of another one, as its root."""

    async def set(self, store: Any, key: str, value: Buffer) -> None:
        path = Path(self.directory, key)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(value.to_bytes())

    async def get(self, store: Any, key: str) -> Buffer:
        return Buffer.from_bytes(Path(self.directory, key).read_bytes())

    @pytest.fixture
    def store_kwargs(self, tmp_path: Path) -> dict[str, Any]:
        type(self).directory = str(tmp_path / "root" / "inner")  # type: ignore[attr-defined]
        (tmp_path / "root").mkdir(exist_ok=True)
        fs = fsspec.filesystem("dir", path=str(tmp_path / "root"), fs=fsspec.filesystem("file"))
        return {"fs": fs, "path": "inner"}

    directory: str


class TestObjectStoreOnLocalFiles(Promises):
    store_cls = ObjectStore
    survives_fork = False

    async def set(self, store: Any, key: str, value: Buffer) -> None:
        obstore.put(store.store, key, value.to_bytes())

    async def get(self, store: Any, key: str) -> Buffer:
        return Buffer.from_bytes(bytes(obstore.get(store.store, key).bytes()))

    @pytest.fixture
    def store_kwargs(self, tmp_path: Path) -> dict[str, Any]:
        return {"store": ObjectLocal(tmp_path)}

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
    def test_a_forked_child_is_told_instead_of_hanging(self, store: Store) -> None:
        sync(store.set("k", Buffer.from_bytes(b"v")))

        def child() -> bool:
            with pytest.raises(RuntimeError, match="cannot be used after"):
                sync(store.get("k", buffer_prototype), timeout=20)
            return True

        assert forked(child) == 0


class TestObjectStoreInMemory(TestObjectStoreOnLocalFiles):
    crosses_processes = False

    @pytest.fixture
    def store_kwargs(self) -> dict[str, Any]:
        return {"store": ObjectMemory()}

    async def test_serializable_store(self, store: Store) -> None:
        with pytest.raises(TypeError, match="pickle"):
            pickle.dumps(store)


def test_the_buffer_of_the_prototype_is_what_is_returned() -> None:
    class Other(cpu.Buffer):
        pass

    prototype = buffer_prototype._replace(buffer=Other)
    store = MemoryStore()
    store.set_sync("k", Buffer.from_bytes(b"v"))
    assert isinstance(store.get_sync("k", prototype=prototype), Other)


def test_importing_the_stores_loads_no_library_that_is_not_used() -> None:
    import subprocess

    code = (
        "import numpy, pathlib, sys; before = set(sys.modules);"
        "import zarr.storage; zarr.storage.LocalStore; zarr.storage.MemoryStore;"
        "heavy = {'fsspec', 'obstore', 'zipfile', 'logging', 'asyncio', 'concurrent.futures',"
        "'shutil', 'tempfile', 'upath', 'urllib.parse'};"
        "print(heavy & (set(sys.modules) - before))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
