"""Sixteen threads use one thing at once: the result is that of some order, GIL or no GIL."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import sysconfig
import threading
import zipfile
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import pytest

import zarr
from support.stores import EVERY_STORE
from zarr.codecs import GzipCodec
from zarr.storage import CacheStore, LocalStore, ManagedMemoryStore, MemoryStore, ZipStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from zarr.abc.store import Store

T = TypeVar("T")

pytestmark = pytest.mark.slow

THREADS = 16
FREE_THREADED = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))

STORES: dict[str, Callable[[Path], Store]] = {
    **EVERY_STORE,
    "cached in memory": lambda path: CacheStore(
        LocalStore(path / "s"), cache_store=MemoryStore(), max_size=4096
    ),
    "cached in files": lambda path: CacheStore(
        MemoryStore(), cache_store=LocalStore(path / "c"), max_size=65536
    ),
}


@pytest.fixture(params=STORES)
def store(request: Any, tmp_path: Path) -> Iterator[Store]:
    """An empty store of each kind."""
    made = STORES[request.param](tmp_path)
    yield made
    made.close()


@pytest.fixture(autouse=True)
def often_switched() -> Iterator[None]:
    """Where there is a GIL, threads take turns all the time."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def together(work: Callable[[int], T]) -> list[T]:
    """Return the results of threads that begin together; raise the first error of one of them."""
    barrier = threading.Barrier(THREADS)
    results: list[Any] = [None] * THREADS
    errors: list[BaseException] = []

    def one(number: int) -> None:
        barrier.wait()
        try:
            results[number] = work(number)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=one, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return results


# -- one array, one group --------------------------------------------------------------------------


def test_writers_of_one_chunk_lose_nothing_in_any_store(store: Store) -> None:
    array = zarr.create_array(store, shape=(THREADS * 4,), chunks=(THREADS * 4,), dtype="i4")

    def write(number: int) -> None:
        for place in range(number * 4, number * 4 + 4):
            array[place] = place + 1
            assert array[place] == place + 1

    together(write)
    assert array[:].tolist() == list(range(1, THREADS * 4 + 1))
    assert zarr.open_array(store, mode="r")[:].tolist() == array[:].tolist()


@pytest.mark.parametrize("shards", [None, (64,)])
def test_readers_see_one_of_the_values_that_a_chunk_was_given(store: Store, shards: Any) -> None:
    array = zarr.create_array(store, shape=(64,), chunks=(16,), shards=shards, dtype="u2")
    array[:] = 1
    whole = slice(None) if shards else slice(16, 32)

    def use(number: int) -> set[int]:
        seen: set[int] = set()
        for turn in range(6):
            if number % 2:
                array[whole] = number * 100 + turn
            found = np.unique(array[16:32])
            assert len(found) == 1, f"a mixture of {found}"
            seen.add(int(found[0]))
        return seen

    written = {1} | {number * 100 + turn for number in range(1, THREADS, 2) for turn in range(6)}
    for seen in together(use):
        assert seen <= written
    last = {number * 100 + 5 for number in range(1, THREADS, 2)}
    assert set(array[16:32].tolist()) <= last


def test_threads_delete_a_chunk_at_once(store: Store) -> None:
    config: Any = {"write_empty_chunks": False}
    array = zarr.create_array(store, shape=(8,), chunks=(8,), dtype="i4", config=config)
    for _ in range(8):
        array[:] = 1
        together(lambda _: array.__setitem__(slice(None), 0))
        assert array[:].tolist() == [0] * 8
        assert array.nchunks_initialized == 0


def test_handles_that_append_and_change_attributes_lose_nothing(store: Store) -> None:
    zarr.create_array(store, shape=(0,), chunks=(8,), dtype="i4")

    def append(number: int) -> None:
        handle = zarr.open_array(store, mode="r+")
        handle.append(np.full(3, number, "i4"))
        handle.attrs[f"k{number}"] = number

    together(append)
    array = zarr.open_array(store, mode="r")
    assert sorted(array[:].tolist()) == sorted([*range(THREADS)] * 3)
    assert dict(array.attrs) == {f"k{number}": number for number in range(THREADS)}


def test_members_and_attributes_that_threads_give_a_group_are_all_there(store: Store) -> None:
    root = zarr.create_group(store)

    def fill(number: int) -> None:
        root.create_array(f"a{number}", shape=(2,), dtype="i4")[:] = number
        root.require_group(f"shared/g{number}").attrs["number"] = number
        root.attrs[f"k{number}"] = number
        assert f"a{number}" in dict(root.members())
        assert root[f"a{number}"][:].tolist() == [number, number]

    def remove(number: int) -> None:
        if number % 4 == 0:
            del root[f"a{number}"]

    together(fill)
    together(remove)
    left = {f"a{number}" for number in range(THREADS) if number % 4}
    assert set(root.array_keys()) == left
    assert set(root["shared"].group_keys()) == {f"g{number}" for number in range(THREADS)}
    assert dict(root.attrs) == {f"k{number}": number for number in range(THREADS)}


def test_threads_read_strings_into_one_array_of_objects() -> None:
    words = np.array([f"the word {n}" for n in range(500)], dtype=object)
    array = zarr.create_array({}, shape=(500,), chunks=(50,), dtype=str)
    array[:] = words
    out = np.empty(500, dtype=object)

    def read(_: int) -> None:
        for _ in range(10):
            array.get_basic_selection(..., out=out)

    together(read)
    assert out.tolist() == words.tolist()


# -- what the process has one of -------------------------------------------------------------------


def test_settings_are_those_of_the_last_change() -> None:
    before = zarr.config.get("requests.timeout")
    with zarr.config.set({"requests.timeout": before}):
        for _ in range(20):

            def change(number: int) -> None:
                zarr.config.set({"requests.timeout": 100.0 + number})
                assert 100.0 <= zarr.config.settings.requests__timeout < 100.0 + THREADS

            together(change)
            assert zarr.config.settings.requests__timeout == zarr.config.get("requests.timeout")
    assert zarr.config.settings.requests__timeout == before


def test_every_change_of_a_setting_is_undone_at_the_end_of_its_block() -> None:
    names = [f"mine.s{number}" for number in range(THREADS)]

    def use(number: int) -> None:
        for value in range(20):
            with zarr.config.set({names[number]: value}):
                assert zarr.config.get(names[number]) == value

    together(use)
    assert [name for name in names if name in zarr.config] == []


def test_codecs_that_threads_register_by_one_name_are_all_known() -> None:
    for turn in range(30):
        name = f"test_races{turn}"

        def register(number: int, name: str = name) -> type:
            made = type(f"Codec{number}", (GzipCodec,), {})
            zarr.registry.register_codec(name, made, qualname=f"number {number}")
            return made

        for number, made in enumerate(together(register)):
            with zarr.config.set({f"codecs.{name}": f"number {number}"}):
                assert zarr.registry.get_codec_class(name) is made


def test_a_cache_of_chunks_gives_what_the_store_holds() -> None:
    cache = zarr.ChunkCache("1 MB")
    array = zarr.create_array({}, shape=(256,), chunks=(16,), dtype="i4", config={"cache": cache})
    array[:] = 0

    def use(number: int) -> None:
        mine = slice(number * 16, number * 16 + 16)
        for turn in range(1, 20):
            array[mine] = turn
            assert set(array[mine].tolist()) == {turn}, "an old value"
            others = array[:].reshape(THREADS, 16)
            assert (others == others[:, :1]).all(), "a mixture"

    together(use)
    assert array[:].tolist() == [19] * 256
    plain = array.with_config({"cache": None})
    assert plain[:].tolist() == array[:].tolist()
    assert cache.stats().bytes <= 10**6


def test_a_cache_that_threads_unpickle_is_one_cache() -> None:
    for _ in range(30):
        pickled = pickle.dumps(zarr.ChunkCache("1 MB"))
        caches = together(lambda _, pickled=pickled: pickle.loads(pickled))  # type: ignore[misc]
        assert len({id(cache) for cache in caches}) == 1


def test_stores_in_memory_that_threads_make_of_one_name_share_their_values() -> None:
    for turn in range(30):

        def make(number: int, turn: int = turn) -> ManagedMemoryStore:
            store = ManagedMemoryStore(f"race{turn}")
            zarr.create_array(store, name=f"a{number}", shape=(1,), dtype="i4")
            return store

        stores = together(make)
        names = set(zarr.open_group(stores[0], mode="r").array_keys())
        assert names == {f"a{number}" for number in range(THREADS)}


def test_a_zip_file_that_threads_open_is_whole_after_it_was_closed(tmp_path: Path) -> None:
    for turn in range(10):
        path = tmp_path / f"{turn}.zip"
        store = ZipStore(path, mode="w")

        def write(number: int, store: ZipStore = store) -> None:
            zarr.create_array(store, name=f"a{number}", shape=(4,), dtype="i4")[:] = number + 1

        together(write)
        store.close()
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
        for number in range(THREADS):
            assert {f"a{number}/zarr.json", f"a{number}/c/0"} <= set(names)


# A data type that is imported when its name is first used: each thread finds it.
FIRST_USE = """
import threading, zarr
barrier, failed = threading.Barrier(16), []

def use(number):
    barrier.wait()
    try:
        zarr.create_array({}, shape=(2,), dtype="label_multiset")
    except BaseException as error:
        failed.append(repr(error))

threads = [threading.Thread(target=use, args=(number,)) for number in range(16)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
assert not failed, failed
"""


def test_threads_find_a_data_type_that_is_imported_late() -> None:
    for _ in range(3):
        subprocess.run([sys.executable, "-c", FIRST_USE], check=True)


# -- Python without a GIL --------------------------------------------------------------------------

USED = """
import sys, numpy as np, zarr, zarr.codecs, zarr.storage, zarr.testing
assert not sys._is_gil_enabled(), "numpy or zarr took the GIL back"
array = zarr.create_array({}, shape=(100,), chunks=(10,), dtype="f4", shards=(50,))
array[:] = np.arange(100)
assert array[50:].sum() == np.arange(50, 100).sum()
assert not sys._is_gil_enabled(), "zarr took the GIL back"
"""


@pytest.mark.skipif(not FREE_THREADED, reason="this Python always has a GIL")
def test_zarr_leaves_the_gil_off() -> None:
    # Python takes it back, with a warning, for a module that does not say that it needs none.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHON_GIL"}
    subprocess.run([sys.executable, "-W", "error", "-c", USED], check=True, env=environment)


def test_a_subinterpreter_is_told_that_it_cannot_import_zarr() -> None:
    interpreters = pytest.importorskip("concurrent.interpreters")
    other = interpreters.create()
    try:
        with pytest.raises(interpreters.ExecutionFailed, match="ImportError.*interpreter"):
            other.exec("from zarr import _core")
    finally:
        other.close()
    assert zarr.create_array({}, shape=(2,), dtype="i4")[:].tolist() == [0, 0]
