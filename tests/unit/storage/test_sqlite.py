"""A store in an SQLite file: shared by threads, processes and forks; whole after a crash."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import sqlite3
import subprocess
import sys
import sysconfig
import threading
import time
import tracemalloc
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import zarr
from zarr._async.executors import sync
from zarr.abc.store import OffsetByteRequest, RangeByteRequest, SuffixByteRequest
from zarr.buffer.cpu import Buffer, buffer_prototype
from zarr.storage import SQLiteStore

if TYPE_CHECKING:
    from pathlib import Path


def value(data: bytes) -> Buffer:
    return Buffer.from_bytes(data)


def listed(names: Any) -> list[str]:
    async def collected() -> list[str]:
        return [name async for name in names]

    return sync(collected())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data.sqlite"


@pytest.fixture
def store(path: Path) -> Any:
    store = SQLiteStore(path)
    yield store
    store.close()


# -- files ------------------------------------------------------------------------------------


def test_a_closed_store_is_one_file(store: SQLiteStore, path: Path) -> None:
    store.set_sync("k", value(b"v" * 100_000))
    store.close()
    assert os.listdir(path.parent) == [path.name]
    assert store.get_sync("k") == value(b"v" * 100_000)


def test_arrays_and_groups_are_found_by_path_and_url(path: Path) -> None:
    zarr.save(f"sqlite://{path}", np.arange(10))
    for place in (str(path), path, f"sqlite://{path}"):
        np.testing.assert_array_equal(zarr.open_array(place, mode="r")[:], np.arange(10))
    zarr.open_array(path, mode="r+")[0] = 9
    assert zarr.load(f"sqlite://{path}")[0] == 9
    with pytest.raises(ValueError, match="read-only"):
        zarr.open_array(path, mode="r")[0] = 1


def test_a_file_of_zarr_python_2_is_read_and_changed(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE zarr(k TEXT PRIMARY KEY, v BLOB)")
    document = (
        b'{"zarr_format": 2, "shape": [4], "chunks": [2], "dtype": "<i4", "compressor": null, '
        b'"fill_value": 0, "order": "C", "filters": null}'
    )
    connection.execute("INSERT INTO zarr VALUES ('a/.zarray', ?)", (document,))
    chunk = np.array([3, 4], "<i4").tobytes()
    connection.execute("INSERT INTO zarr VALUES ('a/0', ?)", (chunk,))
    connection.commit()
    connection.close()
    a = zarr.open_array(path, path="a", mode="r+")
    assert a[:].tolist() == [3, 4, 0, 0]
    a[3] = 7
    assert zarr.open_array(path, path="a", mode="r")[:].tolist() == [3, 4, 0, 7]


def former(path: Path) -> None:
    """A file with the table that was made before values had versions, as by zarr-python 2."""
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE zarr (k TEXT PRIMARY KEY, v BLOB)")
    connection.commit()
    connection.close()


def versions(store: SQLiteStore, size: int) -> list[Any]:
    """Of values that take each other's place in all ways there are."""
    found: list[Any] = []

    def note() -> None:
        whole = sync(store.get_versioned("k", buffer_prototype))
        part = sync(store.get_versioned("k", buffer_prototype, RangeByteRequest(1, 2)))
        assert whole is not None
        assert part is not None
        assert whole[1] == part[1]
        found.append(whole[1])

    for number in range(3):
        store.set_sync("k", value(bytes([number]) * size))
        note()
    for _ in range(3):
        store.delete_sync("k")
        sync(store.set_if_not_exists("k", value(b"\5" * size)))
        note()
    sync(store.clear())
    store.set_sync("k", value(b"\6" * size))
    note()
    return found


@pytest.mark.parametrize("size", [10, 300_000])
@pytest.mark.parametrize("table", ["new", "former"])
def test_a_value_that_is_set_has_a_version_of_its_own(
    path: Path, store: SQLiteStore, table: str, size: int
) -> None:
    if table == "former":
        former(path)
    found = versions(store, size)
    assert len(set(found)) == len(found)


def test_a_file_with_the_former_table_stays_as_it_is(path: Path, store: SQLiteStore) -> None:
    former(path)
    zarr.create_array(store, name="a", data=np.arange(10), chunks=(3,))
    zarr.open_array(store, path="a")[2:5] = 7
    store.close()
    assert zarr.open_array(path, path="a", mode="r")[:].tolist() == [0, 1, 7, 7, 7, *range(5, 10)]
    with sqlite3.connect(path) as connection:
        connection.execute("REPLACE INTO zarr VALUES ('k', ?)", (b"of zarr-python 2",))
    connection.close()
    assert store.get_sync("k") == value(b"of zarr-python 2")


@pytest.mark.parametrize("is_former", [False, True])
def test_a_value_is_replaced_or_deleted_only_if_it_is_what_it_was(
    path: Path, is_former: bool
) -> None:
    if is_former:
        former(path)
    store = SQLiteStore(path)
    one, two = Buffer.from_bytes(b"1"), Buffer.from_bytes(b"2")

    def version() -> Any:
        found = sync(store.get_versioned("k", buffer_prototype))
        return None if found is None else found[1]

    assert sync(store.delete_if_unchanged("k", None))
    assert sync(store.set_if_unchanged("k", one, None))
    assert not sync(store.set_if_unchanged("k", two, None))
    first = version()
    assert sync(store.set_if_unchanged("k", one, first))
    assert not sync(store.set_if_unchanged("k", two, first))
    assert not sync(store.delete_if_unchanged("k", first))
    store.delete_sync("k")
    store.set_sync("k", one)
    assert not sync(store.set_if_unchanged("k", two, first))
    assert sync(store.delete_if_unchanged("k", version()))
    assert version() is None
    store.close()


def test_a_value_is_overwritten_in_its_row(store: SQLiteStore) -> None:
    for number in range(50):
        store.set_sync(f"c/{number}", value(bytes([number])))

    def rows(connection: Any) -> Any:
        return connection.execute("SELECT rowid, k FROM zarr").fetchall()

    before = store._database.run(rows)
    for number in range(50):
        store.set_sync(f"c/{number}", value(b"new"))
    assert store._database.run(rows) == before


def test_a_database_of_something_else_is_left_alone(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE people (name TEXT)")
    connection.commit()
    connection.close()
    before = path.read_bytes()
    with pytest.raises(ValueError, match=r"something else.*\['people'\]"):
        SQLiteStore(path).set_sync("k", value(b"v"))
    assert path.read_bytes() == before


def test_a_view_is_no_table(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE t (k TEXT, v BLOB)")
    connection.execute("CREATE VIEW zarr AS SELECT k, v FROM t")
    connection.commit()
    connection.close()
    with pytest.raises(ValueError, match="something else"):
        SQLiteStore(path).get_sync("k")


@pytest.mark.parametrize("read_only", [True, False])
def test_a_file_that_is_no_database_is_named(path: Path, read_only: bool) -> None:
    path.write_bytes(b"not a database, but long enough to be taken for one" * 100)
    with pytest.raises(ValueError, match="data.sqlite is no sound SQLite database"):
        SQLiteStore(path, read_only=read_only).get_sync("k")


def test_damaged_pages_are_an_error_and_nothing_worse(path: Path) -> None:
    store = SQLiteStore(path)
    for number in range(200):
        store.set_sync(f"c/{number}", value(os.urandom(3000)))
    store.close()
    whole = path.read_bytes()
    rng = np.random.default_rng(1)
    failures = 0
    for _ in range(40):
        damaged = bytearray(whole)
        for place in rng.integers(100, len(whole), 50):
            damaged[place] = rng.integers(256)
        path.write_bytes(damaged[: int(rng.integers(len(whole) // 2, len(whole)))])
        bad = SQLiteStore(path, read_only=True)
        try:
            for key in listed(bad.list()):
                bad.get_sync(key, byte_range=OffsetByteRequest(1))
        except (ValueError, OSError):
            failures += 1
        bad.close()
    assert failures


def test_a_missing_file_or_table_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no such SQLite file.*x.sqlite"):
        SQLiteStore(tmp_path / "x.sqlite", read_only=True).get_sync("k")
    with pytest.raises(FileNotFoundError, match="no directory.*absent"):
        SQLiteStore(tmp_path / "absent" / "x.sqlite").set_sync("k", value(b""))
    with pytest.raises(IsADirectoryError):
        SQLiteStore(tmp_path).set_sync("k", value(b""))
    with pytest.raises(ValueError, match="MemoryStore"):
        SQLiteStore(":memory:")


def test_a_relative_path_stays_where_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path)
    store = SQLiteStore("data.sqlite")
    store.set_sync("k", value(b"v"))
    monkeypatch.chdir(tmp_path / "other")
    copy = pickle.loads(pickle.dumps(store))
    for one in (store, copy, store.with_read_only(True)):
        assert one.get_sync("k") == value(b"v")
        one.close()


def test_names_with_signs_of_urls_are_names(tmp_path: Path) -> None:
    path = tmp_path / "a?mode=memory&b#c%20 d.sqlite"
    SQLiteStore(path).set_sync("k", value(b"v"))
    assert path.exists()


# -- values and listings ----------------------------------------------------------------------


def test_a_part_of_a_large_value_is_read_alone(store: SQLiteStore) -> None:
    data = np.arange(4 << 20, dtype="<u4").tobytes()
    store.set_sync("big", value(data))
    tracemalloc.start()
    for request, expected in [
        (RangeByteRequest(10_000_000, 10_000_100), data[10_000_000:10_000_100]),
        (OffsetByteRequest(len(data) - 7), data[-7:]),
        (SuffixByteRequest(99), data[-99:]),
        (RangeByteRequest(len(data) + 1, len(data) + 9), b""),
    ]:
        found = store.get_sync("big", byte_range=request)
        assert found is not None
        assert found.to_bytes() == expected
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 200_000


def test_listing_a_directory_does_not_visit_what_lies_deeper(store: SQLiteStore) -> None:
    with store.transaction():
        for number in range(5000):
            store.set_sync(f"a/deep/c/{number}", value(b"x"))
        for name in ("a/zarr.json", "a/deep/zarr.json", "a/deep-er/zarr.json", "ab/zarr.json"):
            store.set_sync(name, value(b"x"))
    steps = 0

    def count() -> None:
        nonlocal steps
        steps += 1

    store._database.run(lambda c: c.set_progress_handler(count, 50))
    assert sorted(listed(store.list_dir("a"))) == ["deep", "deep-er", "zarr.json"]
    assert sorted(listed(store.list_dir(""))) == ["a", "ab"]
    assert steps < 20
    store._database.run(lambda c: c.set_progress_handler(None, 50))


@pytest.mark.parametrize("prefix", ["a", "a/", "b\U0010ffff", "\ud7ff", "", "é"])
def test_any_prefix_lists_the_keys_that_begin_with_it(store: SQLiteStore, prefix: str) -> None:
    keys = ["a", "a/b", "a0", "ab", "a\U0010ffff", "b\U0010ffff", "b\U0010ffff\U0010ffffz", "c"]
    keys += ["\ud7ffx", "\ue000", "é", "éa", "ê"]
    for key in keys:
        store.set_sync(key, value(key.encode()))
    found = listed(store.list_prefix(prefix))
    assert sorted(found) == sorted(key for key in keys if key.startswith(prefix))


def test_many_keys_are_listed_in_batches_each_once(store: SQLiteStore) -> None:
    keys = [f"c/{number}" for number in range(3456)]
    with store.transaction():
        for key in keys:
            store.set_sync(key, value(b""))
    assert sorted(listed(store.list())) == sorted(keys)


def test_clearing_gives_the_room_back(store: SQLiteStore, path: Path) -> None:
    store.set_sync("k", value(os.urandom(5 << 20)))
    sync(store.clear())
    store.close()
    assert path.stat().st_size < 1 << 20


def test_a_value_beyond_what_sqlite_holds_is_refused(store: SQLiteStore) -> None:
    store.set_sync("k", value(b"old"))
    store._database.run(lambda c: c.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, 1000))
    with pytest.raises(ValueError, match="too large for SQLite"):
        store.set_sync("k", value(b"x" * 2000))
    assert store.get_sync("k") == value(b"old")


# -- transactions -----------------------------------------------------------------------------


def test_a_transaction_is_all_or_nothing(store: SQLiteStore, path: Path) -> None:
    other = SQLiteStore(path)
    zarr.create_array(store, name="a", data=np.zeros(10), chunks=(2,))

    def fails_midway() -> None:
        with store.transaction():
            zarr.open_array(store, path="a")[:] = 1
            assert zarr.open_array(store, path="a")[0] == 1
            assert zarr.open_array(other, path="a")[0] == 0  # nobody else sees it
            raise RuntimeError("midway")

    with pytest.raises(RuntimeError, match="midway"):
        fails_midway()
    assert zarr.open_array(store, path="a")[:].tolist() == [0] * 10
    with store.transaction():
        zarr.open_array(store, path="a")[:] = 2
    assert zarr.open_array(other, path="a")[:].tolist() == [2] * 10
    other.close()


def test_threads_share_a_transaction_and_it_is_one_at_a_time(store: SQLiteStore) -> None:
    with store.transaction():
        threads = [
            threading.Thread(target=store.set_sync, args=(f"k{n}", value(b"v"))) for n in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        with pytest.raises((RuntimeError, TimeoutError)), _quick(store).transaction():
            pass
    assert len(listed(store.list())) == 8


def _quick(store: SQLiteStore) -> SQLiteStore:
    return SQLiteStore(store.path, timeout=0.1)


def test_a_writer_that_waits_too_long_is_told_and_readers_never_wait(
    store: SQLiteStore, path: Path
) -> None:
    store.set_sync("k", value(b"old"))
    other = _quick(store)
    with store.transaction():
        store.set_sync("k", value(b"new"))
        with pytest.raises(TimeoutError, match=r"0\.1 s"):
            other.set_sync("k", value(b"third"))
        assert other.get_sync("k") == value(b"old")
    assert other.get_sync("k") == value(b"new")
    other.set_sync("k", value(b"third"))
    other.close()


# -- threads, processes, forks, crashes -------------------------------------------------------


def _add(path: Path, who: int, wins: Any) -> None:
    store = SQLiteStore(path)
    for number in range(50):
        store.set_sync(f"p{who}/{number}", value(bytes([who])))
        sync(store.set_if_not_exists(f"shared/{number}", value(bytes([who]))))
    store.close()


def test_processes_begin_and_write_at_once_and_nothing_is_lost(path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_add, args=(path, who, None)) for who in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * 4
    store = SQLiteStore(path, read_only=True)
    keys = listed(store.list())
    assert len(keys) == 250
    for number in range(50):
        winner = store.get_sync(f"shared/{number}")
        assert winner is not None
        assert len(winner) == 1
    store.close()


def test_a_killed_writer_leaves_whole_values_and_no_lock(path: Path) -> None:
    code = (
        "import sys; from zarr.storage import SQLiteStore; from zarr.buffer.cpu import Buffer\n"
        "store = SQLiteStore(sys.argv[1])\n"
        "n = 0\n"
        "while True:\n"
        "    n += 1\n"
        "    with store.transaction():\n"
        "        for key in 'ab':\n"
        "            store.set_sync(key, Buffer.from_bytes(bytes([n % 256]) * 300_000))\n"
        "    print('.', flush=True)\n"
    )
    for delay in (0.0, 0.01, 0.033):
        with subprocess.Popen(
            [sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE
        ) as process:
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(delay)
            process.send_signal(signal.SIGKILL)
        store = SQLiteStore(path, timeout=5)
        a, b = store.get_sync("a"), store.get_sync("b")
        assert a is not None
        assert a == b
        assert len(a) == 300_000
        assert len(set(a.to_bytes())) == 1
        store.set_sync("c", value(b"goes on"))
        store.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.skipif(
    bool(sysconfig.get_config_var("Py_GIL_DISABLED")),
    reason="without a GIL, another thread may hold the lock of one of Python's own objects",
)
def test_children_forked_while_threads_write_go_on(path: Path) -> None:
    store = SQLiteStore(path)
    store.set_sync("k", value(b"v" * 200_000))
    stop = threading.Event()
    errors: list[BaseException] = []

    def work(who: int) -> None:
        try:
            while not stop.is_set():
                store.set_sync(f"t{who}", value(b"x" * 50_000))
                store.get_sync("k", byte_range=RangeByteRequest(100_000, 100_010))
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(3)]
    for thread in threads:
        thread.start()
    statuses = []
    for number in range(15):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            pid = os.fork()
        if pid == 0:
            signal.alarm(30)
            done = store.get_sync("k") == value(b"v" * 200_000)
            store.set_sync(f"child{number}", value(b"c"))
            os._exit(0 if done else 1)
        statuses.append(os.waitpid(pid, 0)[1])
    stop.set()
    for thread in threads:
        thread.join()
    assert not errors
    assert statuses == [0] * 15
    assert {f"child{n}" for n in range(15)} <= set(listed(store.list()))
    store.close()
    check = sqlite3.connect(path)
    assert check.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    check.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_has_no_part_in_a_transaction(store: SQLiteStore) -> None:
    store.set_sync("k", value(b"old"))
    with store.transaction():
        store.set_sync("k", value(b"new"))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            pid = os.fork()
        if pid == 0:
            os._exit(0 if store.get_sync("k") == value(b"old") else 1)
        assert os.waitpid(pid, 0)[1] == 0
    assert store.get_sync("k") == value(b"new")
