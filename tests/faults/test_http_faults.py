"""A real server on loopback that answers badly: its clients' errors are understood."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import socket
import struct
import threading
from collections import deque
from dataclasses import dataclass
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import pytest

import zarr
from zarr.abc.codec import BytesBytesCodec
from zarr.buffer.cpu import buffer_prototype
from zarr.registry import register_codec
from zarr.storage import FsspecStore, MemoryStore, ObjectStore
from zarr.storage.client import Requests
from zarr.storage.client.retry import is_transient

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from zarr.abc.buffer import Buffer


class Handler(BaseHTTPRequestHandler):
    """Serves values of a dict, with ranges; each request meets what is planned for it."""

    protocol_version = "HTTP/1.1"
    server: Server

    def log_message(self, *_: Any) -> None:
        pass

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        with self.server.lock:
            self.server.busy += 1
            self.server.most = max(self.server.most, self.server.busy)
        try:
            self.respond()
        finally:
            with self.server.lock:
                self.server.busy -= 1

    def respond(self) -> None:
        fault = self.server.met()
        data = self.server.data.get(self.path)
        if fault == "reset":
            linger = struct.pack("ii", 1, 0)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self.connection.close()
            self.close_connection = True
        elif fault == "hang":
            self.server.hanging.release()
            self.connection.recv(1)  # until the client goes away
            self.server.gone.release()
            self.close_connection = True
        elif fault.isdecimal() or data is None:
            self.answer(int(fault) if fault.isdecimal() else 404, b"")
        else:
            self.send(data, fault == "cut")

    def send(self, data: bytes, cut: bool) -> None:
        wanted = self.headers.get("Range")
        if not wanted:
            self.answer(200, data, cut)
            return
        first, last = wanted.removeprefix("bytes=").split("-")
        start = int(first) if first else max(0, len(data) - int(last))
        stop = min(len(data), int(last) + 1) if first and last else len(data)
        self.answer(206, data[start:stop], cut, f"bytes {start}-{stop - 1}/{len(data)}")

    def answer(self, status: int, body: bytes, cut: bool = False, span: str = "") -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Last-Modified", "Wed, 21 Oct 2015 07:28:00 GMT")
        if span:
            self.send_header("Content-Range", span)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body[: len(body) // 2] if cut else body)
        if cut:
            self.close_connection = True

    def finish(self) -> None:
        if self.connection.fileno() != -1:
            super().finish()


class Server(ThreadingHTTPServer):
    """The server.

    Parameters
    ----------
    data
        The answers that it serves.
    """

    daemon_threads = True

    def __init__(self, data: dict[str, bytes]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.data = data
        self.plan: deque[str] = deque()
        self.rate = 0.0
        self.asked = 0
        self.busy = self.most = 0  # requests at a time, now and at most
        self.lock = threading.Lock()
        self.met_one = threading.Condition()
        # Told when a request is met by a fault that does not answer, and when it has ended.
        self.hanging, self.gone = threading.Semaphore(0), threading.Semaphore(0)
        self.random = random.Random(0)

    def met(self) -> str:
        with self.met_one:
            self.asked += 1
            self.met_one.notify_all()
        if self.plan:
            return self.plan.popleft()
        if self.random.random() < self.rate:
            return self.random.choice(["503", "500", "429", "reset", "cut"])
        return "ok"

    def handle_error(self, *_: Any) -> None:
        pass  # a client that went away


@dataclass(frozen=True)
class WaitingCodec(BytesBytesCodec):
    """Changes nothing, and waits for something before it decodes."""

    until: ClassVar[Callable[[], bool] | None] = None
    answers: ClassVar[set[bool]] = set()

    def to_dict(self) -> dict[str, Any]:
        return {"name": "test.waiting"}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        return cls()

    def compute_encoded_size(self, input_byte_length: int, chunk_spec: Any) -> int:
        return input_byte_length

    def _encode_sync(self, chunk_data: Buffer, chunk_spec: Any) -> Buffer:
        return chunk_data

    def _decode_sync(self, chunk_data: Buffer, chunk_spec: Any) -> Buffer:
        until = WaitingCodec.until
        if until is not None:
            WaitingCodec.answers.add(until())
        return chunk_data


register_codec("test.waiting", WaitingCodec)


@pytest.fixture
def server() -> Iterator[Server]:
    store = MemoryStore()
    root = zarr.create_group(store)
    root.create_array("a", data=np.arange(1000), chunks=(50,))
    root.create_array("s", data=np.arange(1000), chunks=(10,), shards=(100,))
    served = Server({f"/{key}": value.to_bytes() for key, value in store._store_dict.items()})
    thread = threading.Thread(target=served.serve_forever, args=(0.01,))
    thread.start()
    with zarr.config.set({"requests.backoff": 0.001, "requests.backoff_max": 0.005}):
        yield served
    served.shutdown()
    thread.join()
    served.server_close()


@pytest.fixture(params=["fsspec", "obstore"])
def store(request: Any, server: Server) -> Any:
    url = f"http://127.0.0.1:{server.server_port}"
    if request.param == "fsspec":
        pytest.importorskip("aiohttp")
        pytest.importorskip("fsspec")
        return FsspecStore.from_url(url, read_only=True)
    pytest.importorskip("obstore")
    from obstore.store import HTTPStore

    # Its own attempts are switched off, so that ours are seen.
    retry: Any = {
        "max_retries": 0,
        "retry_timeout": timedelta(seconds=1),
        "backoff": {
            "base": 2,
            "init_backoff": timedelta(milliseconds=1),
            "max_backoff": timedelta(milliseconds=2),
        },
    }
    client: Any = {"allow_http": True}
    return ObjectStore(HTTPStore(url, client_options=client, retry_config=retry), read_only=True)


@pytest.mark.parametrize("fault", ["408", "429", "500", "502", "503", "504", "reset", "cut"])
def test_faults_that_may_pass_are_known(store: Any, server: Server, fault: str) -> None:
    server.plan.extend([fault] * 3)
    with pytest.raises(Exception) as caught:
        zarr._async.run.sync(store.get("a/c/0", buffer_prototype))
    assert is_transient(caught.value)
    server.plan.clear()
    server.plan.extend([fault] * 2)
    found = zarr._async.run.sync(Requests(store).get("a/c/0", buffer_prototype))
    assert found is not None
    assert found.to_bytes() == server.data["/a/c/0"]


@pytest.mark.parametrize("fault", ["401", "403", "400"])
def test_answers_are_reported_at_once(store: Any, server: Server, fault: str) -> None:
    server.plan.extend([fault] * 9)
    with pytest.raises(Exception) as caught:
        zarr._async.run.sync(Requests(store).get("a/c/0", buffer_prototype))
    assert not isinstance(caught.value, FileNotFoundError)
    assert server.asked == 1


@pytest.mark.parametrize("fault", ["403", "503", "reset"])
@pytest.mark.parametrize("method", ["exists", "getsize"])
def test_a_value_that_could_not_be_requested_is_not_absent(
    store: Any, server: Server, fault: str, method: str
) -> None:
    server.plan.extend([fault] * 99)
    with pytest.raises(Exception) as caught:
        zarr._async.run.sync(getattr(store, method)("a/c/0"))
    assert not isinstance(caught.value, FileNotFoundError)
    server.plan.clear()
    server.plan.append("404")
    assert zarr._async.run.sync(Requests(store).get("a/c/0", buffer_prototype)) is None


def test_one_fault_in_twenty_changes_nothing(store: Any, server: Server) -> None:
    server.rate = 0.05
    for _ in range(3):
        root: Any = zarr.open_group(store, mode="r", zarr_format=3)
        np.testing.assert_array_equal(root["a"][:], np.arange(1000))
        np.testing.assert_array_equal(root["s"][5:995:7], np.arange(5, 995, 7))
        np.testing.assert_array_equal(root["s"].oindex[[3, 503]], [3, 503])


# -- what the engine asks for by itself -----------------------------------------------------------


@pytest.fixture
def direct(server: Server, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A store of which the engine fetches chunks by itself, and the keys it was asked for."""
    obstore = pytest.importorskip("obstore")
    store = ObjectStore(
        obstore.store.HTTPStore(
            f"http://127.0.0.1:{server.server_port}", client_options={"allow_http": True}
        ),
        read_only=True,
    )
    asked: list[str] = []
    get = ObjectStore.get

    async def counted(self: Any, key: str, *rest: Any) -> Any:
        asked.append(key)
        return await get(self, key, *rest)

    monkeypatch.setattr(ObjectStore, "get", counted)
    return store, asked


def chunks_of(asked: list[str]) -> list[str]:
    return [key for key in asked if "/c/" in key]


ARRAYS: list[dict[str, Any]] = [
    {"compressors": None},
    {"compressors": None, "dtype": ">u2"},
    {},
    {"filters": [zarr.codecs.TransposeCodec(order=(1, 0))]},
    {"shards": (10, 21)},
    {"compressors": [zarr.codecs.GzipCodec(), zarr.codecs.Crc32cCodec()]},
]


@pytest.mark.parametrize("width", [32, 2])  # more requests at a time than chunks, or fewer
@pytest.mark.parametrize("how", ARRAYS, ids=str)
def test_the_engine_fetches_the_bytes_that_are_stored(
    direct: Any, server: Server, how: dict[str, Any], width: int
) -> None:
    store, asked = direct
    store.max_requests = width
    values = np.arange(23 * 31).reshape(23, 31).astype(how.get("dtype", "i4"))
    source = MemoryStore()
    array = zarr.create_array(
        source, shape=(23, 31), chunks=(5, 7), fill_value=9, **{"dtype": "i4", **how}
    )
    array[:] = values
    array[10:20, 7:28] = 9  # chunks that are not there
    expected = np.where(array[:] == 9, 9, values)
    server.data |= {f"/x/{key}": value.to_bytes() for key, value in source._store_dict.items()}
    found = zarr.open_array(store, path="x", mode="r")
    for selection in (..., (slice(3, 22), slice(None)), (slice(None), slice(1, 30, 3)), (4, 5)):
        if how.get("shards") and selection is not ...:
            continue  # parts of shards are read by ranges
        asked.clear()
        np.testing.assert_array_equal(found[selection], expected[selection])
        assert asked == []
    out = np.zeros((23, 31), expected.dtype, order="F")
    found.get_basic_selection(..., out=out)
    np.testing.assert_array_equal(out, expected)


@pytest.mark.parametrize("fault", ["503", "reset", "cut"])
def test_after_an_answer_that_is_not_plain_the_store_is_asked(
    direct: Any, server: Server, fault: str
) -> None:
    store, asked = direct
    array = zarr.open_array(store, path="a", mode="r")
    asked.clear()
    server.plan.extend(["ok"] * 3 + [fault])
    np.testing.assert_array_equal(array[:], np.arange(1000))
    assert 0 < len(chunks_of(asked)) < 20


def test_a_read_that_leaves_the_direct_path_is_told_in_log_and_trace(
    direct: Any, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    store, _ = direct
    array = zarr.open_array(store, path="a", mode="r")
    with zarr.trace() as t:
        array[:]
    found = t.summary()
    assert (found.fallbacks, found.requests, found.values) == (0, 20, 20)
    assert found.bytes_fetched == sum(
        len(v) for k, v in server.data.items() if k.startswith("/a/c/")
    )
    server.plan.extend(["ok"] * 3 + ["503"])
    with caplog.at_level("INFO", "zarr"), zarr.trace() as t:
        array[:]
    assert t.summary().fallbacks == 1
    told = [each.getMessage() for each in caplog.records if "by itself" in each.getMessage()]
    assert len(told) == 1
    assert "of 20 chunks of object_store:" in told[0]
    assert told[0].endswith("leaves the others to the store: unclear")


def test_after_a_fault_the_engine_fetches_again(direct: Any, server: Server) -> None:
    store, asked = direct
    array = zarr.open_array(store, path="a", mode="r")
    np.testing.assert_array_equal(array[:50], np.arange(50))
    server.plan.append("reset")
    np.testing.assert_array_equal(array[50:100], np.arange(50, 100))
    asked.clear()
    np.testing.assert_array_equal(array[:], np.arange(1000))
    assert chunks_of(asked) == []


def test_one_attempt_is_one(direct: Any, server: Server) -> None:
    store, asked = direct
    array = zarr.open_array(store, path="a", mode="r")
    with zarr.config.set({"requests.attempts": 1}):
        np.testing.assert_array_equal(array[:50], np.arange(50))
    assert chunks_of(asked) == ["a/c/0"]


def test_a_refusal_is_reported_and_never_a_fill_value(direct: Any, server: Server) -> None:
    store, _ = direct
    array = zarr.open_array(store, path="a", mode="r")
    server.plan.extend(["403"] * 99)
    with pytest.raises(Exception, match="403"):
        array[:]


@pytest.mark.parametrize("width", [32, 3])
def test_a_damaged_chunk_is_named(direct: Any, server: Server, width: int) -> None:
    store, _ = direct
    store.max_requests = width
    array = zarr.open_array(store, path="a", mode="r")
    server.data["/a/c/7"] = b"nothing of Zstandard"
    with pytest.raises(zarr.errors.ChunkDecodeError, match="c/7"):
        array[:]
    server.data["/a/c/7"] = b"\0" * 10_000_000  # longer than any chunk can be
    with pytest.raises(zarr.errors.ChunkDecodeError, match="c/7"):
        array[:]
    np.testing.assert_array_equal(array[:350], np.arange(350))


def test_no_more_requests_at_a_time_than_the_limit(direct: Any, server: Server) -> None:
    store, asked = direct
    store.max_requests = 3
    array = zarr.open_array(store, path="a", mode="r")
    asked.clear()

    async def together() -> Any:
        return await asyncio.gather(*(array.async_array.getitem(...) for _ in range(5)))

    for found in asyncio.run(together()):
        np.testing.assert_array_equal(found, np.arange(1000))
    assert asked == []
    assert server.most <= 3


def test_decoding_holds_up_no_request(direct: Any, server: Server) -> None:
    store, asked = direct
    store.max_requests = 2
    source = MemoryStore()
    zarr.create_array(source, data=np.arange(12), chunks=1, compressors=[WaitingCodec()])
    server.data |= {f"/x/{key}": value.to_bytes() for key, value in source._store_dict.items()}
    array = zarr.open_array(store, path="x", mode="r")
    asked.clear()
    before = server.asked

    def further_requests() -> bool:
        with server.met_one:
            return server.met_one.wait_for(lambda: server.asked >= before + 4, timeout=30)

    WaitingCodec.until = further_requests
    try:
        np.testing.assert_array_equal(array[:], np.arange(12))
    finally:
        WaitingCodec.until = None
    assert asked == []
    assert WaitingCodec.answers == {True}, "two chunks are decoded, and nothing is asked for"


@pytest.mark.parametrize("stop", ["cancel", "timeout", "interrupt"])
def test_a_caller_who_stops_waiting_leaves_no_request(
    direct: Any, server: Server, stop: str
) -> None:
    store, _ = direct
    store.max_requests = 4
    array: Any = zarr.open_array(store, path="a", mode="r")
    server.plan.extend(["hang"] * 20)

    def hanging() -> None:
        for _ in range(4):
            assert server.hanging.acquire(timeout=30)

    async def cancelled() -> None:
        task = asyncio.create_task(array.async_array.getitem(...))
        await asyncio.to_thread(hanging)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    if stop == "cancel":
        asyncio.run(cancelled())
    elif stop == "timeout":
        with zarr.config.set({"async.timeout": 0.5}), pytest.raises(TimeoutError):
            array[:]
        hanging()
    else:
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        waiting = threading.Thread(
            target=lambda: (hanging(), os.kill(os.getpid(), signal.SIGINT))  # type: ignore[func-returns-value]
        )
        waiting.start()
        try:
            with pytest.raises(KeyboardInterrupt):
                array[:]
        finally:
            signal.signal(signal.SIGINT, before)
            waiting.join()
    for _ in range(4):
        assert server.gone.acquire(timeout=30), "a connection stays open"
    assert len(server.plan) == 16, "something was asked for afterwards"
    server.plan.clear()
    np.testing.assert_array_equal(array[:], np.arange(1000))


def test_a_server_that_never_answers_is_given_up(direct: Any, server: Server) -> None:
    store, _ = direct
    array = zarr.open_array(store, path="a", mode="r")
    server.plan.extend(["hang"] * 999)
    settings = {"requests.timeout": 0.2, "requests.attempts": 2, "requests.give_up_after": 0.5}
    with zarr.config.set(settings), pytest.raises(TimeoutError, match="a/c/"):
        array[:]
    server.plan.clear()
    np.testing.assert_array_equal(array[:], np.arange(1000))


def test_it_can_be_switched_off(direct: Any) -> None:
    store, asked = direct
    array = zarr.open_array(store, path="a", mode="r")
    with zarr.config.set({"requests.direct": False}):
        np.testing.assert_array_equal(array[:], np.arange(1000))
    assert len(chunks_of(asked)) == 20
