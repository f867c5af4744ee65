"""Asynchronous code runs for synchronous callers: stepped, on a loop, in workers."""

from __future__ import annotations

import asyncio
import inspect
import os
import pickle
import signal
import sys
import threading
import time
import warnings
from typing import TYPE_CHECKING, Any

import pytest

from support.waiting import until
from zarr._async import executors
from zarr._async import run as runner
from zarr._async.executors import cleanup_resources, get_executor, get_loop, sync
from zarr._async.run import (
    SyncError,
    SyncMixin,
    bounded,
    collect_aiterator,
    concurrency,
    faces,
    iterate,
    locked,
    offload,
    run,
    section,
    step,
    stepping,
    synced,
    synced_iter,
    synced_iter_method,
    synced_method,
    waits_of,
)
from zarr.settings import config
from zarr.storage import FsspecStore, LocalStore, MemoryStore, StorePath

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


async def answer() -> int:
    return 42


async def late_answer() -> int:
    await asyncio.sleep(0.001)
    return 42


async def fails() -> None:
    raise ZeroDivisionError("as asked")


async def where() -> str:
    return threading.current_thread().name


class TestStep:
    def test_runs_on_the_callers_thread(self) -> None:
        assert step(where()) == threading.current_thread().name
        assert step(answer()) == 42

    def test_raises_what_the_coroutine_raises(self) -> None:
        with pytest.raises(ZeroDivisionError, match="as asked"):
            step(fails())
        assert not stepping()

    def test_a_coroutine_that_waits_is_an_error_that_says_so(self) -> None:
        with pytest.raises(SyncError, match=r"late_answer waited .*needs_event_loop=False"):
            step(late_answer())

        async def inside() -> None:
            with pytest.raises(SyncError, match="waited"):
                step(late_answer())

        asyncio.run(inside())

    def test_works_inside_a_running_loop(self) -> None:
        async def notebook() -> tuple[int, int]:
            return run(answer(), waits=False), run(late_answer(), waits=True)

        assert asyncio.run(notebook()) == (42, 42)

    def test_nests(self) -> None:
        async def outer() -> tuple[int, bool]:
            return step(answer()), stepping()

        assert step(outer()) == (42, True)
        assert not stepping()


class TestSync:
    def test_runs_on_the_background_loop(self) -> None:
        assert sync(where()) == "zarr_io"
        assert sync(late_answer()) == 42

    def test_raises_what_the_coroutine_raises(self) -> None:
        with pytest.raises(ZeroDivisionError, match="as asked"):
            sync(fails())

    def test_on_the_loops_own_thread_it_is_an_error_that_explains(self) -> None:
        async def inside() -> None:
            sync(answer())

        with pytest.raises(SyncError, match="within a running loop"):
            sync(inside())

    def test_a_timeout_cancels_the_coroutine(self) -> None:
        ended = threading.Event()

        async def long() -> None:
            try:
                await asyncio.sleep(60)
            finally:
                ended.set()

        start = time.monotonic()
        with pytest.raises(TimeoutError, match=r"within 0\.05 s"):
            sync(long(), timeout=0.05)
        assert ended.is_set()
        assert time.monotonic() - start < 30

    def test_the_configured_timeout_holds(self) -> None:
        with config.set({"async.timeout": 0.05}), pytest.raises(TimeoutError):
            run(asyncio.sleep(60), waits=True)

    def test_a_timeout_that_the_coroutine_raises_is_its_own(self) -> None:
        async def raises() -> None:
            raise TimeoutError("mine")

        with pytest.raises(TimeoutError, match="mine"):
            sync(raises(), timeout=60)

    @pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs signals")
    def test_ctrl_c_cancels_and_waits_for_the_coroutine(self) -> None:
        steps: list[str] = []

        async def long() -> None:
            try:
                await asyncio.sleep(60)
            finally:
                await asyncio.sleep(0.05)
                steps.append("cleaned up")

        def interrupt(*_: object) -> None:
            raise KeyboardInterrupt

        before = signal.signal(signal.SIGALRM, interrupt)
        try:
            signal.setitimer(signal.ITIMER_REAL, 0.1)
            with pytest.raises(KeyboardInterrupt):
                sync(long())
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
        assert steps == ["cleaned up"]

    def test_the_callers_context_is_seen(self) -> None:
        import contextvars

        name = contextvars.ContextVar("name", default="")
        name.set("caller")

        async def read() -> tuple[str, str]:
            return name.get(), await offload(name.get)

        assert sync(read()) == ("caller", "caller")

    def test_resources_start_again_after_they_were_cleaned_up(self) -> None:
        first = get_loop()
        sync(offload_one())
        cleanup_resources()
        assert executors.loop == [None]
        assert first.is_closed()
        assert sync(late_answer()) == 42
        assert get_loop() is not first

    def test_clean_up_cancels_what_runs(self) -> None:
        started = threading.Event()
        errors: list[BaseException] = []

        async def long() -> None:
            started.set()
            await asyncio.sleep(60)

        def call() -> None:
            try:
                sync(long())
            except Exception as error:
                errors.append(error)

        thread = threading.Thread(target=call)
        thread.start()
        started.wait(10)
        cleanup_resources()
        thread.join(10)
        assert "CancelledError" in type(errors[0]).__name__

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
    def test_a_forked_child_has_resources_of_its_own(self) -> None:
        async def both() -> int:
            return await offload(lambda: 1) + await late_answer()

        assert sync(both()) == 43
        read, write = os.pipe()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            pid = os.fork()
        if pid == 0:
            try:
                os.write(write, str(sync(both(), timeout=20)).encode())
            finally:
                os._exit(0)
        assert os.read(read, 10) == b"43"
        os.waitpid(pid, 0)
        assert sync(both()) == 43
        os.close(read)
        os.close(write)


async def offload_one() -> str:
    return await offload(lambda: threading.current_thread().name)


class TestOffload:
    def test_in_place_when_stepping_else_in_a_worker(self) -> None:
        assert step(offload_one()) == threading.current_thread().name
        assert sync(offload_one()).startswith("zarr_work")

    def test_a_cancelled_task_stops_the_function_and_waits_for_it(self) -> None:
        class Cancel:
            def __init__(self) -> None:
                self.event = threading.Event()

            def cancel(self) -> None:
                self.event.set()

        cancel, ended = Cancel(), threading.Event()
        started = threading.Event()

        def work() -> None:
            started.set()
            assert cancel.event.wait(10)
            time.sleep(0.05)
            ended.set()

        async def main() -> None:
            task = asyncio.create_task(offload(work, cancel=cancel))  # type: ignore[arg-type]
            await until(started.is_set)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert ended.is_set()

        asyncio.run(main())

    def test_workers_are_as_many_as_configured(self) -> None:
        cleanup_resources()
        with config.set({"threading.max_workers": 3}):
            assert get_executor()._max_workers == 3
        cleanup_resources()


class TestBounded:
    @pytest.mark.parametrize("waits", [False, True])
    def test_results_come_in_order(self, waits: bool) -> None:
        async def square(number: int) -> int:
            if waits:
                await asyncio.sleep(0.001 * (5 - number % 5))
            return number**2

        assert run(bounded(range(20), square, 4), waits=waits) == [n**2 for n in range(20)]

    def test_no_more_are_under_way_than_the_limit(self) -> None:
        now, most = 0, 0

        async def work(_: int) -> None:
            nonlocal now, most
            now += 1
            most = max(most, now)
            await asyncio.sleep(0.001)
            now -= 1

        sync(bounded(range(50), work, 7))
        assert most == 7
        most = 0
        with config.set({"async.concurrency": 3}):
            sync(bounded(range(50), work))
        assert most == 3

    def test_the_first_error_ends_all_before_it_is_raised(self) -> None:
        running: set[int] = set()

        async def work(number: int) -> None:
            running.add(number)
            try:
                await asyncio.sleep(0.001 if number == 2 else 60)
                raise ZeroDivisionError
            finally:
                running.discard(number)

        with pytest.raises(ZeroDivisionError):
            sync(bounded(range(100), work, 5))
        assert not running

    def test_the_default_leaves_it_to_the_store_and_what_is_set_holds(self) -> None:
        assert config.get("async.concurrency") == 10
        assert concurrency() == config.get("requests.limit") == 32
        with config.set({"requests.limit": 7}):
            assert concurrency() == 7
        for limit in (10, 3, 200):
            with config.set({"async.concurrency": limit}):
                assert concurrency() == limit
        with config.set({"async.concurrency": None}):
            assert concurrency() == 32


class TestLocked:
    def test_threads_and_tasks_exclude_each_other(self) -> None:
        count = 0

        async def add() -> None:
            nonlocal count
            async with locked("test"):
                before = count
                if stepping():
                    time.sleep(0)
                else:
                    await asyncio.sleep(0)
                count = before + 1

        async def tasks() -> None:
            await asyncio.gather(*(section(add, waits=n % 2 == 0) for n in range(100)))

        threads = [
            threading.Thread(target=lambda: [step(add()) for _ in range(100)]) for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        sync(tasks())
        for thread in threads:
            thread.join()
        assert count == 500

    def test_a_cancelled_waiter_leaves_the_lock_to_others(self) -> None:
        async def hold(entered: asyncio.Event, leave: asyncio.Event) -> None:
            async with locked("cancelled"):
                entered.set()
                await leave.wait()

        async def main() -> None:
            entered, leave = asyncio.Event(), asyncio.Event()
            holder = asyncio.create_task(hold(entered, leave))
            await entered.wait()
            waiters = [asyncio.create_task(hold(entered, leave)) for _ in range(3)]
            await asyncio.sleep(0)  # they are in the queue
            for waiter in waiters[:2]:
                waiter.cancel()
            leave.set()
            await asyncio.gather(holder, *waiters, return_exceptions=True)
            async with asyncio.timeout(5), locked("cancelled"):
                pass

        for _ in range(20):
            asyncio.run(main())

    def test_a_waiter_whose_loop_is_gone_leaves_the_lock_to_others(self) -> None:
        from zarr import _core

        _core.lock("gone")
        loop = asyncio.new_event_loop()

        async def wait() -> None:
            async with locked("gone"):
                raise AssertionError("not reached")

        task = loop.create_task(wait())
        loop.run_until_complete(asyncio.sleep(0))  # it is in the queue
        loop.close()
        _core.unlock("gone")
        assert _core.try_lock("gone")
        _core.unlock("gone")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            del task

    def test_a_section_of_a_store_that_never_waits_is_stepped_in_a_worker(self) -> None:
        async def work() -> tuple[bool, str]:
            return stepping(), threading.current_thread().name

        stepped, thread = sync(section(work, waits=False))
        assert stepped
        assert thread.startswith("zarr_section")
        assert sync(section(work, waits=True)) == (False, "zarr_io")
        assert step(section(work, waits=False)) == (True, threading.current_thread().name)

    def test_sections_that_wait_for_a_lock_do_not_keep_others_from_working(self) -> None:
        """The holder of a lock may need a worker, and must get one."""

        async def contended() -> None:
            async with locked("busy"):
                pass

        async def main() -> None:
            async with locked("busy"):
                waiting = [asyncio.create_task(section(contended, waits=False)) for _ in range(50)]
                await asyncio.sleep(0.02)
                assert await offload(lambda: 1) == 1
            await asyncio.gather(*waiting)

        sync(main(), timeout=30)


async def count(stop: int) -> AsyncIterator[int]:
    for number in range(stop):
        yield number


class TestIterate:
    @pytest.mark.parametrize("waits", [False, True])
    def test_all_items_come_in_order(self, waits: bool) -> None:
        assert list(iterate(count(5000), waits=waits)) == list(range(5000))
        assert list(iterate(count(0), waits=waits)) == []

    @pytest.mark.parametrize("waits", [False, True])
    def test_one_left_early_is_closed(self, waits: bool) -> None:
        closed: list[bool] = []

        async def endless() -> AsyncIterator[int]:
            try:
                number = 0
                while True:
                    yield number
                    number += 1
            finally:
                closed.append(True)

        items = iterate(endless(), waits=waits)
        assert [next(items), next(items)] == [0, 1]
        items.close()  # type: ignore[attr-defined]
        assert closed == [True]

    def test_collect(self) -> None:
        assert collect_aiterator(count(3)) == (0, 1, 2)

        class Mixed(SyncMixin):
            pass

        assert Mixed()._sync(answer()) == 42
        assert Mixed()._sync_iter(count(3)) == [0, 1, 2]


class Handle:
    """An asynchronous handle and, by `faces`, its synchronous one."""

    def __init__(self, store: Any) -> None:
        self.store = store

    async def name(self, end: str = "!") -> str:
        """The name."""
        return f"handle{end}"

    async def other(self) -> tuple[Handle, int]:
        return self, 1

    async def each(self) -> AsyncIterator[Handle]:
        yield self


class Face:
    def __init__(self, handle: Handle) -> None:
        self._async = handle

    needs_event_loop = False
    name = synced_method(Handle.name)
    other = synced_method(Handle.other)
    each = synced_iter_method(Handle.each)


async def make(store: Any, *, number: int = 1) -> Handle:
    """Make a handle."""
    return Handle(store)


class TestSynced:
    @pytest.fixture(autouse=True)
    def _faces(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(faces, Handle, Face)

    def test_handles_become_synchronous_ones(self) -> None:
        face = synced(make)({})
        assert isinstance(face, Face)
        assert face.name(end="?") == "handle?"
        assert isinstance(face.other()[0], Face)  # type: ignore[index]
        assert [type(item) for item in face.each()] == [Face]

    def test_name_docstring_and_signature_are_kept(self) -> None:
        async def create(store: Any, *, number: int = 1) -> AsyncArray | None:  # type: ignore[name-defined]  # noqa: F821
            """Create it."""

        derived = synced(create)
        assert derived.__name__ == "create"
        assert derived.__doc__ == "Create it."
        signature = inspect.signature(derived)
        assert list(signature.parameters) == ["store", "number"]
        assert signature.return_annotation == "Array | None"
        assert not inspect.iscoroutinefunction(derived)

    def test_an_override_of_the_twin_is_called(self) -> None:
        class Louder(Handle):
            async def name(self, end: str = "!") -> str:
                return "LOUD"

        assert Face(Louder({})).name() == "LOUD"

    def test_a_generator_function(self) -> None:
        async def each(store: Any) -> AsyncIterator[Handle]:
            yield Handle(store)

        assert [type(item) for item in synced_iter(each)({})] == [Face]

    def test_waiting_is_decided_by_the_arguments(self, tmp_path: Any) -> None:
        memory = MemoryStore()
        remote = FsspecStore.from_url("memory://x")
        never = [None, {}, "a/b", tmp_path, memory, LocalStore(tmp_path), StorePath(memory), 5]
        never += ["file:///tmp/x", [1, 2], b"abc", slice(3), "C:\\x"]
        for value in never:
            assert not waits_of((value,), {})
            assert not waits_of((), {"store": value})
        for value in (remote, StorePath(remote), "s3://b/k", "zip::/a/b.zip", "memory://x"):
            assert waits_of((value,), {})
            assert waits_of((memory,), {"chunk_store": value})


def test_running_work_is_not_pickled_with_the_store(tmp_path: Any) -> None:
    store = LocalStore(tmp_path)
    assert len(pickle.dumps(store)) < 400 + len(str(tmp_path))


def test_a_step_costs_little() -> None:
    calls = 0

    def count(_frame: Any, event: str, _argument: Any) -> None:
        nonlocal calls
        calls += event == "call"

    run(answer(), waits=False)
    sys.setprofile(count)
    try:
        run(answer(), waits=False)
    finally:
        sys.setprofile(None)
    assert calls <= 6


def test_stepping_is_a_matter_of_one_thread() -> None:
    seen: list[bool] = []

    async def ask() -> None:
        thread = threading.Thread(target=lambda: seen.append(runner.stepping()))
        thread.start()
        thread.join()

    step(ask())
    assert seen == [False]
