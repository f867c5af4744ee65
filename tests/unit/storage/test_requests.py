"""Requests to a store are few, bounded, repeated after faults, and given up in the end."""

from __future__ import annotations

import asyncio
import errno
import ssl
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import zarr
from support.waiting import until, wait_until
from zarr.buffer.cpu import Buffer, buffer_prototype
from zarr.storage import MemoryStore, WrapperStore
from zarr.storage.client import Requests, limit_of
from zarr.storage.client.retry import is_transient
from zarr.testing.faults import FaultyStore, LatencyStore, ServiceError

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def _quick() -> Iterator[None]:
    with zarr.config.set({"requests.backoff": 0.0005, "requests.backoff_max": 0.002}):
        yield


def buffer(data: bytes = b"some bytes") -> Buffer:
    return Buffer.from_bytes(data)


class TestWhatIsAskedAgain:
    def http(self, status: int) -> Exception:
        return ServiceError(status)

    def boto(self, status: int, code: str) -> Exception:
        error = Exception(code)
        error.response = {  # type: ignore[attr-defined]
            "Error": {"Code": code},
            "ResponseMetadata": {"HTTPStatusCode": status},
        }
        return error

    def of_library(self, module: str, name: str, *bases: type, text: str = "") -> Exception:
        kind = type(name, bases or (Exception,), {"__module__": module})
        error: Exception = kind(text)
        return error

    def test_faults_of_the_network(self) -> None:
        for error in (
            ConnectionResetError(),
            BrokenPipeError(),
            TimeoutError(),
            OSError("connection lost"),
            OSError(errno.ENETUNREACH, "no network"),
            ssl.SSLEOFError(8, "end of file"),
            *map(self.http, (408, 429, 500, 502, 503, 504)),
            self.boto(503, "SlowDown"),
            self.boto(200, "InternalError"),
            self.of_library(
                "aiohttp.client_exceptions", "ServerDisconnectedError", ConnectionError
            ),
            self.of_library("aiohttp.client_exceptions", "ClientPayloadError"),
            self.of_library("botocore.exceptions", "IncompleteReadError"),
            self.of_library("obstore.exceptions", "GenericError", text="error sending request"),
            self.of_library("obstore.exceptions", "GenericError", text="status code: 503 …"),
            self.of_library("httpx", "TransportError"),
        ):
            assert is_transient(error), error

    def test_answers_and_mistakes_are_not(self) -> None:
        for error in (
            FileNotFoundError(),
            KeyError("a"),
            PermissionError(),
            IsADirectoryError(),
            FileExistsError(),
            OSError(errno.ENOSPC, "full"),
            ValueError(),
            TypeError(),
            NotImplementedError(),
            ssl.SSLCertVerificationError(1, "who is this?"),
            *map(self.http, (400, 401, 403, 404, 412, 416, 501)),
            self.boto(403, "AccessDenied"),
            self.of_library("obstore.exceptions", "GenericError", text="unknown region"),
            asyncio.CancelledError(),
            KeyboardInterrupt(),
        ):
            assert not is_transient(error), error

    def test_the_cause_counts_where_a_library_says_it_in_its_words(self) -> None:
        error = OSError("could not read")
        error.__cause__ = self.http(403)
        assert not is_transient(error)
        error.__cause__ = self.http(503)
        assert is_transient(error)


@pytest.fixture(params=["waits", "stepped", "asynchronous"])
def ask(request: Any) -> Any:
    """Makes a request in each way; and the store to make it of."""

    class Ask:
        waits = request.param != "stepped"

        def __call__(self, coro: Any) -> Any:
            if request.param == "asynchronous":
                return asyncio.run(coro)
            return zarr._async.run.run(coro, waits=self.waits)

        def store(self, *schedule: Any, **options: Any) -> FaultyStore:
            inner = MemoryStore({"a": buffer()})
            return FaultyStore(inner, schedule, waits=self.waits, **options)

    return Ask()


class TestFaults:
    @pytest.mark.parametrize("fault", ["fail", "reset", "busy", "lost"])
    def test_a_transient_fault_is_tried_again(self, ask: Any, fault: Any) -> None:
        store = ask.store(fault, fault)
        found = ask(Requests(store).get("a", buffer_prototype))
        assert found.to_bytes() == b"some bytes"
        assert store.count() == 3
        store.plan([fault])
        ask(Requests(store).set("b", buffer(b"x")))
        store.plan([fault])
        ask(Requests(store).delete("a"))
        store.plan([fault])
        ask(Requests(store).set_if_not_exists("b", buffer(b"y")))
        store.plan([fault])
        assert ask(Requests(store).exists("b"))
        store.plan([fault])
        assert ask(Requests(store).getsize("b")) == 1
        store.plan([fault])
        assert not ask(Requests(store).is_empty(""))

        async def listed() -> list[str]:
            return [key async for key in Requests(store).list_prefix("")]

        store.plan([fault])
        assert ask(listed()) == ["b"]
        assert ask(Requests(store).get("b", buffer_prototype)).to_bytes() == b"x"

    def test_the_attempts_are_bounded_and_the_error_tells_of_them(self, ask: Any) -> None:
        store = ask.store(*["reset"] * 20)
        settings = zarr.config.set({"requests.attempts": 4})
        with settings, pytest.raises(ConnectionResetError) as caught:
            ask(Requests(store).get("a", buffer_prototype))
        assert store.count() == 4
        (note,) = caught.value.__notes__
        assert "get 'a' of wrapping-memory://" in note
        assert "after 4 attempts" in note

    def test_the_time_for_attempts_is_bounded(self, ask: Any) -> None:
        store = ask.store(*["reset"] * 20)
        settings = {"requests.backoff": 0.05, "requests.backoff_max": 1, "requests.attempts": 99}
        settings["requests.give_up_after"] = 0.3
        with zarr.config.set(settings), pytest.raises(ConnectionResetError):
            ask(Requests(store).get("a", buffer_prototype))
        assert 2 <= store.count() < 10

    def test_pauses_grow_and_differ(self, monkeypatch: Any) -> None:
        pauses: list[float] = []
        monkeypatch.setattr(time, "sleep", pauses.append)
        settings = {"requests.backoff": 1.0, "requests.backoff_max": 5.0, "requests.attempts": 6}
        with zarr.config.set({**settings, "requests.give_up_after": None}):
            for _ in range(2):
                store = FaultyStore(MemoryStore({"a": buffer()}), ["busy"] * 5, waits=False)
                zarr._async.run.step(Requests(store).get("a", buffer_prototype))
        assert len(pauses) == 10
        for most, pause in zip([1, 2, 4, 5, 5] * 2, pauses, strict=True):
            assert most / 2 <= pause <= most
        assert pauses[:5] != pauses[5:]

    def test_an_answer_is_not_asked_for_again(self, ask: Any) -> None:
        store = ask.store("forbidden")
        with pytest.raises(PermissionError):
            ask(Requests(store).get("a", buffer_prototype))
        assert store.count() == 1
        assert ask(Requests(store).get("not there", buffer_prototype)) is None
        with pytest.raises(FileNotFoundError):
            ask(Requests(store).getsize("not there"))
        assert store.count() == 3

    def test_a_value_that_is_gone_after_a_lost_answer_was_deleted(self, ask: Any) -> None:
        class Strict(FaultyStore):
            declare_traits = FaultyStore.declare_traits

            async def delete(self, key: str) -> None:
                if not await self._store.exists(key):
                    raise KeyError(key)
                await super().delete(key)

        store = Strict(MemoryStore({"a": buffer()}), ["lost"], waits=ask.waits)
        ask(Requests(store).delete("a"))
        assert not ask(store._store.exists("a"))
        with pytest.raises(KeyError):
            ask(Requests(store).delete("a"))

    def test_a_request_that_depends_on_its_own_effect_is_not_repeated(self, ask: Any) -> None:
        store = ask.store("lost")

        async def put() -> None:
            await store.set("a", buffer(b"new"))

        with pytest.raises(ConnectionError):
            ask(Requests(store).once("set_if_match", "a", put))
        assert store.count() == 1


class TestTime:
    def test_a_store_that_hangs_is_given_up(self) -> None:
        store = FaultyStore(MemoryStore({"a": buffer()}), ["hang"] * 9)
        settings = zarr.config.set({"requests.timeout": 0.05, "requests.attempts": 2})
        says = r"get 'a' of .* within 0.05 s .*requests.timeout"
        with settings, pytest.raises(TimeoutError, match=says):
            zarr._async.run.run(Requests(store).get("a", buffer_prototype), waits=True)
        assert store.count() == 2
        assert store.in_flight == 0

    def test_a_listing_may_take_long_as_long_as_something_comes(self) -> None:
        class Slow(FaultyStore):
            async def list_dir(self, prefix: str) -> Any:
                for name in "abcdefgh":
                    await asyncio.sleep(0.02)
                    yield name
                if prefix:
                    await asyncio.Event().wait()

        store = Slow(MemoryStore())

        async def listed(prefix: str) -> list[str]:
            return [name async for name in Requests(store).list_dir(prefix)]

        with zarr.config.set({"requests.timeout": 0.1, "requests.attempts": 1}):
            assert zarr._async.run.run(listed(""), waits=True) == list("abcdefgh")
            with pytest.raises(TimeoutError, match="list_dir 'x'"):
                zarr._async.run.run(listed("x"), waits=True)

    def test_large_bodies_have_more_time(self) -> None:
        class Slow(FaultyStore):
            async def set(self, key: str, value: Any) -> None:
                await asyncio.sleep(0.1)

        with zarr.config.set({"requests.timeout": 0.01}):
            large = buffer(bytes(1 << 20))
            zarr._async.run.run(Requests(Slow(MemoryStore())).set("a", large), waits=True)


class TestTheLimit:
    def test_it_comes_from_the_store_or_one_within_or_the_settings(self) -> None:
        inner = MemoryStore()
        store = LatencyStore(WrapperStore(inner))
        assert limit_of(store) == 32
        with zarr.config.set({"requests.limit": 5}):
            assert limit_of(store) == 5
            inner.max_requests = 3
            assert limit_of(store) == 3
            store.max_requests = 2
            assert limit_of(store) == 2

    def test_programs_that_ask_for_more_get_more(self) -> None:
        store = MemoryStore()
        for asked, limit in ((10, 32), (200, 200)):
            with zarr.config.set({"async.concurrency": asked}):
                assert limit_of(store) == limit
                with zarr.config.set({"requests.limit": 8}):
                    assert limit_of(store) == 8

    def test_a_read_only_view_keeps_it(self, waiting_store: Any) -> None:
        store = waiting_store()
        store.max_requests = 3
        zarr.create_array(store, shape=(4,), dtype="i4")
        assert zarr.open_array(store, mode="r").store.max_requests == 3

    def test_it_holds_for_all_threads_tasks_loops_handles_and_arrays(
        self, waiting_store: Any
    ) -> None:
        store = waiting_store()
        arrays: list[Any] = [
            zarr.create_array(store, name=name, shape=(40,), chunks=(1,), dtype="i4")
            for name in "ab"
        ]
        for array in arrays:
            array[:] = 1
        other = zarr.open_array(waiting_store(0.005, store.data), path="a")
        other.store.most_busy = store.most_busy = 0
        counted = [store, other.store]
        busiest = 0

        async def both(array: Any) -> None:
            await asyncio.gather(*(array.async_array.getitem(...) for _ in range(2)))

        def watch() -> None:
            nonlocal busiest
            while not done.is_set():
                busiest = max(busiest, sum(one.busy for one in counted))
                time.sleep(0.0005)

        store.delay = 0.005
        done = threading.Event()
        watcher = threading.Thread(target=watch)
        watcher.start()
        with zarr.config.set({"requests.limit": 7}), ThreadPoolExecutor(8) as pool:
            jobs = [pool.submit(array.__getitem__, ...) for array in (*arrays, other)]
            jobs += [pool.submit(asyncio.run, both(array)) for array in (*arrays, other)]
            for job in jobs:
                job.result()
        done.set()
        watcher.join()
        assert busiest == 7
        assert store.most_busy <= 7

    def test_a_store_that_reads_its_own_data_to_answer_does_not_wait_for_itself(self) -> None:
        class Twofold(LatencyStore):
            async def get(self, key: str, prototype: Any, byte_range: Any = None) -> Any:
                if key.startswith("view/c/"):
                    return await Requests(self).get("a/" + key[5:], prototype, byte_range)
                return await super().get(key, prototype, byte_range)

        store = Twofold(MemoryStore(), get_latency=0.001)
        store.max_requests = 2
        options: dict[str, Any] = {"shape": (30,), "chunks": (1,), "dtype": "i4"}
        zarr.create_array(store, name="a", **options)[:] = range(30)
        view: Any = zarr.create_array(store, name="view", **options)
        assert view[:].tolist() == list(range(30))

    def test_a_caller_who_stops_waiting_gives_the_place_to_the_next(
        self, waiting_store: Any
    ) -> None:
        store = waiting_store(0.03, {"a": b"x"})
        store.max_requests = 1

        async def main() -> None:
            get = Requests(store).get
            tasks = [asyncio.create_task(get("a", buffer_prototype)) for _ in range(6)]
            await until(lambda: store.busy)
            for task in tasks[:4]:
                task.cancel()
            await asyncio.gather(*tasks[:4], return_exceptions=True)
            await asyncio.gather(*tasks[4:])

        asyncio.run(asyncio.wait_for(main(), 5))
        assert store.asked["get"] == 3
        assert (
            zarr._async.run.run(Requests(store).get("a", buffer_prototype), waits=True) is not None
        )

    def test_requests_of_a_loop_that_stands_still_do_not_stop_the_others(
        self, waiting_store: Any, monkeypatch: Any
    ) -> None:
        monkeypatch.setattr("zarr.storage.client.limiter.PATIENCE", 0.2)
        store = waiting_store(0.001)
        store.max_requests = 2
        array: Any = zarr.create_array(store, shape=(20,), chunks=(1,), dtype="i4")
        array[:] = 1

        async def main() -> None:
            store.delay = 0.05
            tasks = [asyncio.create_task(array.async_array.getitem(...)) for _ in range(3)]
            await until(lambda: store.busy == 2)
            store.delay = 0.001
            # This thread waits for another one, whose reads need the places that the tasks have.
            with ThreadPoolExecutor(1) as pool:
                assert pool.submit(array.__getitem__, ...).result(20).sum() == 20
            # And so does a synchronous call here.
            assert array[:].sum() == 20
            await asyncio.gather(*tasks)

        asyncio.run(asyncio.wait_for(main(), 30))


class TestHowLittleIsAsked:
    def shards(self, store: Any, **options: Any) -> Any:
        array = zarr.create_array(
            store, shape=(1000,), chunks=(10,), shards=(500,), dtype="i4", **options
        )
        array[:] = np.arange(1000)
        return array

    def test_concurrent_readers_share_the_index_of_a_shard(self, waiting_store: Any) -> None:
        store = waiting_store()
        array = self.shards(store, config={"sharding_coalesce_max_gap_bytes": 0})
        store.delay = 0.05
        store.asked.clear()

        async def main() -> list[Any]:
            get = array.async_array.getitem
            return await asyncio.gather(*(get(slice(at, at + 10)) for at in range(0, 100, 10)))

        parts = asyncio.run(main())
        assert np.concatenate(parts).tolist() == list(range(100))
        assert store.asked == {"get": 1 + 10}
        store.asked.clear()
        with ThreadPoolExecutor(5) as pool:
            found = list(pool.map(lambda at: array[at], range(0, 50, 10)))
        assert found == [0, 10, 20, 30, 40]
        assert store.asked == {"get": 1 + 5}

    def test_an_index_is_not_shared_after_a_write(self, waiting_store: Any) -> None:
        store = waiting_store()
        array = self.shards(store)
        store.delay = 0.05
        store.asked.clear()

        async def main() -> None:
            early = asyncio.create_task(array.async_array.getitem(slice(0, 10)))
            await until(lambda: store.busy)
            await array.async_array.setitem(slice(0, 500), np.arange(500) % 7)
            late = await array.async_array.getitem(slice(0, 10))
            assert late.tolist() == [0, 1, 2, 3, 4, 5, 6, 0, 1, 2]
            assert (await early).tolist() in (list(range(10)), late.tolist())

        asyncio.run(main())

    def test_one_reader_who_leaves_does_not_disturb_the_others(self, waiting_store: Any) -> None:
        store = waiting_store()
        array = self.shards(store)
        store.delay = 0.03

        async def main() -> None:
            tasks = [asyncio.create_task(array.async_array.getitem(at)) for at in (1, 2, 3)]
            await until(lambda: store.busy)
            tasks[0].cancel()
            assert await tasks[1] == 2
            assert await tasks[2] == 3
            tasks = [asyncio.create_task(array.async_array.getitem(at)) for at in (1, 2)]
            await until(lambda: store.busy)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            assert store.busy == 0

        asyncio.run(main())

    def test_near_ranges_are_fetched_together(self, waiting_store: Any) -> None:
        store = waiting_store()
        array = self.shards(store)
        store.asked.clear()
        assert array.oindex[[3, 103, 203, 480]].tolist() == [3, 103, 203, 480]
        assert store.asked == {"get": 2}
        apart = zarr.open_array(store).with_config({"sharding_coalesce_max_gap_bytes": 16})
        store.asked.clear()
        assert apart.oindex[[3, 13, 203, 480]].tolist() == [3, 13, 203, 480]
        assert store.asked == {"get": 1 + 3}

    def test_reading_lists_nothing_and_probes_nothing(self, waiting_store: Any) -> None:
        store = waiting_store()
        for options in ({}, {"shards": (500,)}, {"zarr_format": 2}):
            array = zarr.create_array(
                store, shape=(1000,), chunks=(100,), dtype="i4", overwrite=True, **options
            )
            array[:500] = 1
            opened = zarr.open_array(store, zarr_format=array.metadata.zarr_format)
            store.asked.clear()
            assert opened[:].sum() == 500
            assert store.asked == {"get": array._nshards}

    def test_a_partial_write_of_a_shard_is_one_get_and_one_set(self, waiting_store: Any) -> None:
        store = waiting_store()
        array = self.shards(store)
        store.asked.clear()
        array[5:25] = 0
        assert store.asked == {"get": 1, "set": 1}

    def test_deleting_a_directory_keeps_to_the_limit(self, waiting_store: Any) -> None:
        store = waiting_store(0.002)
        array = zarr.create_array(store, shape=(60,), chunks=(1,), dtype="i4")
        array[:] = 1
        store.most_busy = 0
        with zarr.config.set({"requests.limit": 5}):
            array.resize((10,))
            zarr.create_array(store, shape=(2,), dtype="i4", overwrite=True)
        assert store.most_busy == 5


class TestMuchTogether:
    @pytest.mark.parametrize("face", ["synchronous", "asynchronous"])
    def test_many_chunks_take_as_few_round_trips_as_the_limit_allows(
        self, face: str, waiting_store: Any
    ) -> None:
        store = waiting_store()
        array: Any = zarr.create_array(store, shape=(512,), chunks=(1,), dtype="i4")
        array[:] = np.arange(512)
        store.together = zarr.config.get("requests.limit")
        with zarr.config.set({"async.timeout": 60}):
            if face == "synchronous":
                found = array[:]
            else:
                found = asyncio.run(asyncio.wait_for(array.async_array.getitem(...), 60))
        np.testing.assert_array_equal(found, np.arange(512))
        assert store.together == 32
        assert store.rounds == 512 / 32

    def test_chunks_are_decoded_while_others_are_fetched(self, waiting_store: Any) -> None:
        numcodecs = pytest.importorskip("numcodecs")
        store = waiting_store()
        decoding = threading.Event()
        threads: set[str] = set()

        class Noted(numcodecs.Zlib):
            """Decodes nothing before more has been asked for, and tells where it does."""

            codec_id = "noted-zlib"

            def decode(self, buf: Any, out: Any = None) -> Any:
                threads.add(threading.current_thread().name)
                decoding.set()
                wait_until(lambda: store.asked["get"] > 5)
                return super().decode(buf, out)

        numcodecs.register_codec(Noted)
        store.max_requests = 4
        array = zarr.create_array(
            store,
            shape=(60, 1 << 17),
            chunks=(1, 1 << 17),
            dtype="f4",
            compressors=Noted(),
            zarr_format=2,
        )
        array[:] = 1
        store.most_busy = 0
        store.asked.clear()
        store.keeps = lambda: store.asked["get"] == 5 and not decoding.is_set()
        with zarr.config.set({"async.timeout": 60}):
            assert array[:].sum() == 60 << 17
        # Decoding takes no places from fetching, and does not keep it waiting.
        assert store.most_busy == 4
        assert all(name.startswith("zarr_codec") for name in threads)
