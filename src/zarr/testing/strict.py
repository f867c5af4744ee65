"""A stricter suite: what programs rely on that share a store, and data they do not trust.

Subclass `StrictStoreTests` instead of `zarr.testing.store.StoreTests`, of which it has all tests.
The stores of this package pass it.
"""

from __future__ import annotations

import asyncio
import os
import pickle
import signal
import sys
import threading
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from zarr._async.executors import sync
from zarr.abc.store import (
    OffsetByteRequest,
    RangeByteRequest,
    Store,
    SuffixByteRequest,
    SupportsDeleteSync,
    SupportsGetSync,
    SupportsSetSync,
)
from zarr.buffer.cpu import buffer_prototype
from zarr.testing.store import B, S, StoreTests

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

__all__ = ["BAD_KEYS", "StrictStoreTests", "forked"]

THREADS = 8

BAD_KEYS = (
    "", ".", "..", "../x", "a/../../x", "a/..", "/x", "//x", "/etc/passwd", "a//b", "a/", "./a",
    "a/./b", "a\0b", "\0", "..//x", "a/b/../../../x",
)  # fmt: skip
"""Keys that name nothing below the root of a store, or name it in a second way."""

BAD_PREFIXES = ("..", "../x", "a/../..", "a/../../x/", "./a", "a//b", "a\0b", "../")


class StrictStoreTests(StoreTests[S, B]):
    """Tests of keys, read-only views, threads, event loops, forks and other processes.

    Set `survives_fork`, `atomic_create` or `crosses_processes` to False where a store cannot.
    """

    survives_fork = True
    atomic_create = True
    crosses_processes = True

    # -- keys -------------------------------------------------------------------------------

    @pytest.mark.parametrize("key", BAD_KEYS)
    async def test_a_key_that_could_leave_the_store_is_refused(self, store: S, key: str) -> None:
        """Every method that takes a key refuses one that does not name a place in the store."""
        await self.set(store, "k", self._buffer(b"v"))
        value = self._buffer(b"x")
        calls: list[Callable[[], Awaitable[object]]] = [
            lambda: store.get(key, buffer_prototype),
            lambda: store.get(key, buffer_prototype, RangeByteRequest(0, 1)),
            lambda: store.get_partial_values(buffer_prototype, [("k", None), (key, None)]),
            lambda: _all(store.get_ranges(key, [None], prototype=buffer_prototype)),
            lambda: _all(store._get_many([(key, buffer_prototype, None)])),
            lambda: store.exists(key),
            lambda: store.getsize(key),
        ]
        if not store.read_only:
            calls += [
                lambda: store.set(key, value),
                lambda: store.set_if_not_exists(key, value),
                lambda: store._set_many([(key, value)]),
                lambda: store.delete(key),
            ]
        for number, call in enumerate(calls):
            with pytest.raises(ValueError, match="key"):
                pytest.fail(f"call {number} returned {await call()!r}")
        if store.supports_listing:
            assert [name async for name in store.list()] == ["k"]

    @pytest.mark.parametrize("key", BAD_KEYS)
    def test_a_key_that_could_leave_the_store_is_refused_synchronously(
        self, store: S, key: str
    ) -> None:
        """So do the synchronous methods, where there are some."""
        calls: list[Callable[[], object]] = []
        if isinstance(store, SupportsGetSync):
            calls.append(lambda: store.get_sync(key))
            calls.append(lambda: store.get_ranges_sync(key, [None], prototype=buffer_prototype))
        if isinstance(store, SupportsSetSync):
            calls.append(lambda: store.set_sync(key, self._buffer(b"x")))
        if isinstance(store, SupportsDeleteSync):
            calls.append(lambda: store.delete_sync(key))
        for number, call in enumerate(calls):
            with pytest.raises((ValueError, TypeError), match=r"key|synchronous"):
                pytest.fail(f"call {number} returned {call()!r}")

    @pytest.mark.parametrize("prefix", BAD_PREFIXES)
    async def test_a_prefix_that_could_leave_the_store_is_refused(
        self, store: S, prefix: str
    ) -> None:
        """Every method that takes a prefix refuses one that could name something else."""
        await self.set(store, "a/b", self._buffer(b"v"))
        calls: list[Callable[[], Awaitable[object]]] = [
            lambda: _all(store.list_prefix(prefix)),
            lambda: _all(store.list_dir(prefix)),
            lambda: store.is_empty(prefix),
            lambda: store.getsize_prefix(prefix),
        ]
        if store.supports_deletes and not store.read_only:
            calls.append(lambda: store.delete_dir(prefix))
        for number, call in enumerate(calls):
            with pytest.raises(ValueError, match="key"):
                pytest.fail(f"call {number} returned {await call()!r}")
        assert await _all(store.list()) == ["a/b"]

    # -- values and views -------------------------------------------------------------------

    async def test_a_read_only_view_refuses_every_change(self, store: S) -> None:
        await store.set("k/a", self._buffer(b"v"))
        view = store.with_read_only(True)
        changes: list[Callable[[], Awaitable[None]]] = [
            lambda: view.set_if_not_exists("k/a", self._buffer(b"w")),
            lambda: view.set_if_not_exists("k/b", self._buffer(b"w")),
            lambda: view.delete_dir("k"),
            view.clear,
        ]
        for change in changes:
            with pytest.raises(ValueError, match="read-only"):
                await change()
        assert [key async for key in view.list()] == ["k/a"]

    async def test_what_is_not_a_buffer_is_refused(self, store: S) -> None:
        with pytest.raises(TypeError, match="must be a Buffer instance"):
            await store.set("k", b"bytes")  # type: ignore[arg-type]

    async def test_a_stored_value_is_not_changed_through_the_callers_memory(self, store: S) -> None:
        memory = bytearray(b"before")
        await store.set("k", self.buffer_cls.from_bytes(memory))
        memory[:] = b"behind"
        value = await store.get("k", buffer_prototype)
        assert value is not None
        assert value.to_bytes() == b"before"

    async def test_a_range_that_begins_behind_the_end_is_empty(self, store: S) -> None:
        await self.set(store, "k", self._buffer(b"1234"))
        for request in (RangeByteRequest(9, 12), OffsetByteRequest(9), SuffixByteRequest(0)):
            value = await store.get("k", buffer_prototype, request)
            assert value is not None, request
            assert value.to_bytes() == b""
        value = await store.get("k", buffer_prototype, SuffixByteRequest(9))
        assert value is not None
        assert value.to_bytes() == b"1234"
        assert await store.get("absent", buffer_prototype, RangeByteRequest(0, 1)) is None

    async def test_a_missing_key_is_none_and_not_an_error(self, store: S) -> None:
        await self.set(store, "a/b", self._buffer(b"1"))
        for key in ("absent", "a", "a/b/c"):
            assert await store.get(key, buffer_prototype) is None
            assert not await store.exists(key)

    async def test_ranges_of_a_value_come_with_their_places(self, store: S) -> None:
        data = bytes(range(200))
        await self.set(store, "k", self._buffer(data))
        wanted = [RangeByteRequest(i, i + 3) for i in (150, 0, 10, 90)]
        parts: dict[int, bytes] = {}
        async for group in store.get_ranges("k", wanted, prototype=buffer_prototype):
            parts.update({place: part.to_bytes() for place, part in group if part is not None})
        assert parts == {n: data[r.start : r.end] for n, r in enumerate(wanted)}

    def test_threads_write_at_once_and_nothing_is_lost(self, store: S) -> None:
        def write(thread: int) -> None:
            for number in range(10):
                value = self._buffer(bytes([thread, number]) * 50)
                sync(store.set(f"t{thread}/{number}", value))

        _in_threads(write)
        for thread in range(THREADS):
            for number in range(10):
                value = sync(store.get(f"t{thread}/{number}", buffer_prototype))
                assert value is not None
                assert value.to_bytes() == bytes([thread, number]) * 50

    def test_of_many_who_create_a_key_one_wins(self, store: S) -> None:
        if not self.atomic_create:
            pytest.skip("this store looks first, and then writes")
        for round_ in range(10):
            key = f"k{round_}"
            _in_threads(
                lambda t, key=key: sync(
                    store.set_if_not_exists(key, self._buffer(bytes([t]) * 100))
                )
            )
            first = sync(store.get(key, buffer_prototype))
            sync(store.set_if_not_exists(key, self._buffer(b"late")))
            assert first is not None
            assert len(set(first.to_bytes())) == 1
            assert len(first) == 100
            assert sync(store.get(key, buffer_prototype)) == first

    def test_one_store_serves_threads_and_any_event_loop(self, store: S) -> None:
        sync(self.set(store, "k", self._buffer(b"v")))

        async def get() -> bytes | None:
            value = await store.get("k", buffer_prototype)
            return None if value is None else value.to_bytes()

        assert [asyncio.run(get()), asyncio.run(get()), sync(get())] == [b"v"] * 3

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
    def test_a_forked_child_reads(self, store: S) -> None:
        if not self.survives_fork:
            pytest.skip("its library says that it does not survive a fork")
        sync(self.set(store, "k", self._buffer(b"v" * 100_000)))
        sync(store.get("k", buffer_prototype))

        def child() -> bool:
            value = sync(store.get("k", buffer_prototype), timeout=20)
            return value is not None and value.to_bytes() == b"v" * 100_000

        assert forked(child) == 0
        if store.read_only:
            return
        sync(store.set("k", self._buffer(b"after")))
        value = sync(store.get("k", buffer_prototype))
        assert value is not None
        assert value.to_bytes() == b"after"

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
    def test_children_forked_while_threads_work_go_on(self, store: S) -> None:
        if not self.survives_fork:
            pytest.skip("its library says that it does not survive a fork")
        sync(store.set("k", self._buffer(b"v" * 10_000)))
        stop = threading.Event()

        def work(number: int) -> None:
            while not stop.is_set():
                sync(store.get("k", buffer_prototype))
                sync(store.set(f"t{number}", self._buffer(b"w" * 10_000)))

        def child() -> bool:
            value = sync(store.get("k", buffer_prototype), timeout=20)
            return value is not None and value.to_bytes() == b"v" * 10_000

        threads = [threading.Thread(target=work, args=(n,)) for n in range(3)]
        for thread in threads:
            thread.start()
        try:
            assert [forked(child) for _ in range(5)] == [0] * 5
        finally:
            stop.set()
            for thread in threads:
                thread.join()

    def test_a_copy_in_another_process_shows_the_same_data(self, store: S) -> None:
        if not self.crosses_processes:
            pytest.skip("its data are in the memory of one process")
        sync(self.set(store, "a/k", self._buffer(b"v" * 1000)))
        self.settle(store)
        found = _elsewhere(store)
        keys = ["a/k"] if store.supports_listing else None
        assert found == [keys, 1000, b"v" * 1000, b"v" * 3, bool(store.read_only)]

    def settle(self, store: S) -> None:
        """Make written values visible to other processes; most stores need nothing."""

    async def test_a_store_that_never_waits_says_so_truly(self, store: S) -> None:
        if store.traits.needs_event_loop:
            pytest.skip("it may wait")
        assert isinstance(store, SupportsSetSync) or store.read_only


def _in_threads(work: Callable[..., object], count: int = THREADS) -> None:
    errors: list[BaseException] = []

    def guarded(number: int) -> None:
        try:
            work(number)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=guarded, args=(n,)) for n in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors, errors


def forked(child: Callable[[], object]) -> int:
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


async def _all(items: AsyncIterator[object]) -> list[object]:
    return [item async for item in items]


_CHILD = """
import pickle, sys
from zarr.abc.store import RangeByteRequest
from zarr._async.executors import sync
from zarr.buffer.cpu import buffer_prototype

store = pickle.load(sys.stdin.buffer)

async def main():
    value = await store.get("a/k", buffer_prototype)
    part = await store.get("a/k", buffer_prototype, RangeByteRequest(5, 8))
    keys = [key async for key in store.list()] if store.supports_listing else None
    return [
        keys, await store.getsize("a/k"), value.to_bytes(), part.to_bytes(), bool(store.read_only)
    ]

sys.stdout.buffer.write(pickle.dumps(sync(main())))
"""


def _elsewhere(store: Store) -> object:
    """The values that a process which was not forked from this one finds in a pickled store."""
    import subprocess

    env = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run(
        [sys.executable, "-c", _CHILD],
        input=pickle.dumps(store),
        capture_output=True,
        timeout=60,
        env=env,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    return pickle.loads(done.stdout)
