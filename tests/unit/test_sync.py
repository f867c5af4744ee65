"""`zarr.core.sync.sync` returns or raises: it never waits for a result that cannot come."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import zarr
from zarr._async import executors
from zarr.core.sync import SyncError, SyncMixin, collect_aiterator, sync
from zarr.storage import MemoryStore, WrapperStore

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from zarr.abc.store import StoreTraits

# A call that takes longer hangs.
PATIENCE = 60.0


async def answer() -> int:
    return 42


class Awaitable:
    def __await__(self) -> Generator[Any, None, int]:
        yield from asyncio.sleep(0).__await__()
        return 42


def in_time(call: Callable[[], Any]) -> Any:
    """The result of a call in a thread that may be left behind."""
    done: Future[Any] = Future()

    def work() -> None:
        try:
            done.set_result(call())
        except BaseException as error:
            done.set_exception(error)

    threading.Thread(target=work, daemon=True).start()
    return done.result(PATIENCE)


@pytest.mark.parametrize(
    "make",
    [
        lambda: "text",
        lambda: None,
        dict,
        lambda: answer,
        lambda: MemoryStore().list(),
        Future,
    ],
)
def test_a_value_that_cannot_be_awaited_is_a_type_error(make: Callable[[], Any]) -> None:
    with pytest.raises(TypeError, match="coroutine"):
        in_time(lambda: sync(make()))
    with pytest.raises(TypeError, match="coroutine"):
        in_time(lambda: SyncMixin()._sync(make()))


def test_a_value_that_cannot_be_iterated_is_a_type_error() -> None:
    with pytest.raises(TypeError, match="async for"):
        in_time(lambda: collect_aiterator([1, 2]))  # type: ignore[arg-type]


def test_all_that_can_be_awaited_is() -> None:
    assert in_time(lambda: sync(answer())) == 42
    assert in_time(lambda: sync(Awaitable())) == 42


def test_a_future_of_another_loop_is_an_error() -> None:
    other = asyncio.new_event_loop()
    try:
        with pytest.raises(RuntimeError, match="different loop"):
            in_time(lambda: sync(other.create_future()))
    finally:
        other.close()


@pytest.fixture
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(executors, "GRACE_SECONDS", 0.1)
    monkeypatch.setattr(executors, "_LOOK_SECONDS", 0.05)


@pytest.mark.usefixtures("_impatient")
def test_a_loop_that_does_not_run_is_an_error() -> None:
    resting = asyncio.new_event_loop()
    coro = answer()
    try:
        with pytest.raises(SyncError, match="does not run"):
            in_time(lambda: sync(coro, loop=resting))
    finally:
        coro.close()
        resting.close()


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    """An event loop on a thread of its own."""
    made = asyncio.new_event_loop()
    thread = threading.Thread(target=made.run_forever)
    thread.start()
    yield made
    made.call_soon_threadsafe(made.stop)
    thread.join()
    made.close()


def test_a_loop_of_ones_own_does_the_work(loop: asyncio.AbstractEventLoop) -> None:
    async def here() -> bool:
        return asyncio.get_running_loop() is loop

    assert in_time(lambda: sync(here(), loop=loop))


@pytest.mark.usefixtures("_impatient")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_an_end_of_the_background_loop_is_an_error_and_the_next_call_starts_another() -> None:
    # asyncio lets these two end the loop that they are raised in.
    async def leave() -> None:
        raise SystemExit(3)

    with pytest.raises(SyncError, match="does not run"):
        in_time(lambda: sync(leave()))
    assert in_time(lambda: sync(answer())) == 42


def test_from_the_thread_of_the_loop_it_is_an_error() -> None:
    async def outer() -> None:
        sync(answer())

    with pytest.raises(SyncError, match="running loop"):
        in_time(lambda: sync(outer()))


class Careless(WrapperStore[MemoryStore]):
    """A store whose methods give what others would await."""

    def get(self, key: Any, prototype: Any, byte_range: Any = None) -> Any:  # type: ignore[override]
        return prototype.buffer.from_bytes(b"{}")

    def list_dir(self, prefix: str) -> Any:
        return ["a"]


class CarelessAndQuick(Careless):
    def declare_traits(self) -> StoreTraits:
        return replace(super().declare_traits(), needs_event_loop=False)


@pytest.mark.parametrize("kind", [Careless, CarelessAndQuick])
def test_methods_of_stores_that_give_nothing_to_await_are_type_errors(kind: Any) -> None:
    inner = MemoryStore()
    zarr.create_group(inner)
    with pytest.raises(TypeError, match="await"):
        in_time(lambda: zarr.open_group(kind(inner), mode="r"))


def test_many_threads_get_their_own_results() -> None:
    async def double(number: int) -> int:
        await asyncio.sleep(0)
        return 2 * number

    with ThreadPoolExecutor(8) as pool:
        got = list(pool.map(lambda number: sync(double(number)), range(200)))
    np.testing.assert_array_equal(got, 2 * np.arange(200))
