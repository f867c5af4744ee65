"""Every store keeps the promises of `zarr.abc.store.Store`."""

from __future__ import annotations

import asyncio
import os
import pickle
import signal
import sqlite3
import sys
import threading
import warnings
from collections.abc import Iterator, MutableMapping
from pathlib import Path
from typing import Any

import fsspec
import obstore
import pytest
from obstore.store import LocalStore as ObjectLocal
from obstore.store import MemoryStore as ObjectMemory

from zarr.abc.store import Store, SupportsSetSync
from zarr.background import sync
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

THREADS = 8


class Promises(StoreTests[Store, Buffer]):
    """What is promised here beyond what the suite for all the world asks."""

    buffer_cls = Buffer
    survives_fork = True
    atomic_create = True

    async def set(self, store: Store, key: str, value: Buffer) -> None:
        raise AssertionError("said by the subclass")

    async def get(self, store: Store, key: str) -> Buffer:
        raise AssertionError("said by the subclass")

    @pytest.mark.parametrize("key", ["..", "../x", "a/../../x", "/x", "a//b", "a/", "./a", "a\0b"])
    async def test_a_key_that_could_leave_the_store_is_refused(
        self, store: Store, key: str
    ) -> None:
        with pytest.raises(ValueError, match="key"):
            await store.set(key, Buffer.from_bytes(b"x"))
        with pytest.raises(ValueError, match="key"):
            await store.get(key, buffer_prototype)

    async def test_a_read_only_view_refuses_every_change(self, store: Store) -> None:
        await store.set("k/a", Buffer.from_bytes(b"v"))
        view = store.with_read_only(True)
        for change in (
            lambda: view.set_if_not_exists("k/a", Buffer.from_bytes(b"w")),
            lambda: view.set_if_not_exists("k/b", Buffer.from_bytes(b"w")),
            lambda: view.delete_dir("k"),
            view.clear,
        ):
            with pytest.raises(ValueError, match="read-only"):
                await change()
        assert [key async for key in view.list()] == ["k/a"]

    async def test_what_is_not_a_buffer_is_refused(self, store: Store) -> None:
        with pytest.raises(TypeError, match="must be a Buffer instance"):
            await store.set("k", b"bytes")  # type: ignore[arg-type]

    async def test_a_stored_value_is_not_changed_through_the_callers_memory(
        self, store: Store
    ) -> None:
        memory = bytearray(b"before")
        await store.set("k", Buffer.from_bytes(memory))
        memory[:] = b"behind"
        value = await store.get("k", buffer_prototype)
        assert value is not None
        assert value.to_bytes() == b"before"

    async def test_a_range_that_begins_behind_the_end_is_empty(self, store: Store) -> None:
        from zarr.abc.store import OffsetByteRequest, RangeByteRequest, SuffixByteRequest

        await store.set("k", Buffer.from_bytes(b"1234"))
        for request in (RangeByteRequest(9, 12), OffsetByteRequest(9), SuffixByteRequest(0)):
            value = await store.get("k", buffer_prototype, request)
            assert value is not None, request
            assert value.to_bytes() == b""
        value = await store.get("k", buffer_prototype, SuffixByteRequest(9))
        assert value is not None
        assert value.to_bytes() == b"1234"
        assert await store.get("absent", buffer_prototype, RangeByteRequest(0, 1)) is None

    async def test_a_missing_key_is_none_and_not_an_error(self, store: Store) -> None:
        await store.set("a/b", Buffer.from_bytes(b"1"))
        for key in ("absent", "a", "a/b/c"):
            assert await store.get(key, buffer_prototype) is None
            assert not await store.exists(key)

    async def test_ranges_of_a_value_come_with_their_places(self, store: Store) -> None:
        from zarr.abc.store import RangeByteRequest

        data = bytes(range(200))
        await store.set("k", Buffer.from_bytes(data))
        wanted = [RangeByteRequest(i, i + 3) for i in (150, 0, 10, 90)]
        parts: dict[int, bytes] = {}
        async for group in store.get_ranges("k", wanted, prototype=buffer_prototype):
            parts.update({place: part.to_bytes() for place, part in group if part is not None})
        assert parts == {n: data[r.start : r.end] for n, r in enumerate(wanted)}

    def test_threads_write_at_once_and_nothing_is_lost(self, store: Store) -> None:
        def write(thread: int) -> None:
            for number in range(10):
                value = Buffer.from_bytes(bytes([thread, number]) * 50)
                sync(store.set(f"t{thread}/{number}", value))

        _in_threads(write)
        for thread in range(THREADS):
            for number in range(10):
                value = sync(store.get(f"t{thread}/{number}", buffer_prototype))
                assert value is not None
                assert value.to_bytes() == bytes([thread, number]) * 50

    def test_of_many_who_create_a_key_one_wins(self, store: Store) -> None:
        if not self.atomic_create:
            pytest.skip("this store looks first, and then writes")
        for round_ in range(10):
            key = f"k{round_}"
            _in_threads(
                lambda t, key=key: sync(  # type: ignore[misc]
                    store.set_if_not_exists(key, Buffer.from_bytes(bytes([t]) * 100))
                )
            )
            first = sync(store.get(key, buffer_prototype))
            sync(store.set_if_not_exists(key, Buffer.from_bytes(b"late")))
            assert first is not None
            assert len(set(first.to_bytes())) == 1
            assert len(first) == 100
            assert sync(store.get(key, buffer_prototype)) == first

    def test_one_store_serves_threads_and_any_event_loop(self, store: Store) -> None:
        sync(store.set("k", Buffer.from_bytes(b"v")))

        async def get() -> bytes | None:
            value = await store.get("k", buffer_prototype)
            return None if value is None else value.to_bytes()

        assert [asyncio.run(get()), asyncio.run(get()), sync(get())] == [b"v"] * 3

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
    def test_a_forked_child_reads(self, store: Store) -> None:
        if not self.survives_fork:
            pytest.skip("its library says that it does not survive a fork")
        sync(store.set("k", Buffer.from_bytes(b"v" * 100_000)))
        sync(store.get("k", buffer_prototype))

        def child() -> bool:
            value = sync(store.get("k", buffer_prototype), timeout=20)
            return value is not None and value.to_bytes() == b"v" * 100_000

        assert _forked(child) == 0
        sync(store.set("k", Buffer.from_bytes(b"after")))
        value = sync(store.get("k", buffer_prototype))
        assert value is not None
        assert value.to_bytes() == b"after"

    async def test_a_store_that_never_waits_says_so_truly(self, store: Store) -> None:
        if store._waits:
            pytest.skip("it may wait")
        assert isinstance(store, SupportsSetSync)


def _in_threads(work: Any) -> None:
    errors: list[BaseException] = []

    def guarded(number: int) -> None:
        try:
            work(number)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=guarded, args=(n,)) for n in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors, errors


def _forked(child: Any) -> int:
    """Run `child` in a forked process: 0 if it returned True."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # threads run here, as they would
        pid = os.fork()
    if pid == 0:
        status = 1
        try:
            status = 0 if child() else 2
        finally:
            os._exit(status)
    signal.signal(signal.SIGALRM, lambda *_: os.kill(pid, signal.SIGKILL))
    signal.alarm(60)
    try:
        return os.waitpid(pid, 0)[1]
    finally:
        signal.alarm(0)


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

    @pytest.mark.parametrize("key", [])
    async def test_a_key_that_could_leave_the_store_is_refused(
        self, store: Store, key: str
    ) -> None:
        """The keys of a dict lead nowhere."""


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
    path = "some/folder/"


class TestZipStore(Promises):
    store_cls = ZipStore

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
            connection.execute("REPLACE INTO zarr VALUES (?, ?)", (key, value.to_bytes()))
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


class TestFsspecStoreInMemory(Promises):
    store_cls = FsspecStore
    atomic_create = False

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
        return {"fs": fsspec.filesystem("memory"), "path": "/some/folder"}


class TestFsspecStoreOnLocalFiles(TestFsspecStoreInMemory):
    async def set(self, store: Any, key: str, value: Buffer) -> None:
        path = Path(self._file(store, key))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(value.to_bytes())

    async def get(self, store: Any, key: str) -> Buffer:
        return Buffer.from_bytes(Path(self._file(store, key)).read_bytes())

    @pytest.fixture
    def store_kwargs(self, tmp_path: Path) -> dict[str, Any]:
        return {"fs": fsspec.filesystem("file"), "path": str(tmp_path / "root")}


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

        assert _forked(child) == 0


class TestObjectStoreInMemory(TestObjectStoreOnLocalFiles):
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
        "import zarr.storage, sys; zarr.storage.LocalStore; zarr.storage.MemoryStore;"
        "heavy = {'fsspec', 'obstore', 'zipfile', 'logging', 'asyncio', 'concurrent.futures',"
        "'shutil', 'tempfile', 'upath', 'urllib.parse'};"
        "print(heavy & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
