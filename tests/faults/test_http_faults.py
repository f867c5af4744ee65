"""A real server on loopback that answers badly: its clients' errors are understood."""

from __future__ import annotations

import random
import socket
import struct
import threading
from collections import deque
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import zarr
from zarr.buffer.cpu import buffer_prototype
from zarr.storage import FsspecStore, MemoryStore, ObjectStore
from zarr.storage.requests import Requests
from zarr.storage.transient import is_transient

if TYPE_CHECKING:
    from collections.abc import Iterator


class Handler(BaseHTTPRequestHandler):
    """Serves values of a dict, with ranges; each request meets what is planned for it."""

    protocol_version = "HTTP/1.1"
    server: Server

    def log_message(self, *_: Any) -> None:
        pass

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        fault = self.server.met()
        data = self.server.data.get(self.path)
        if fault == "reset":
            linger = struct.pack("ii", 1, 0)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self.connection.close()
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
        What it serves.
    """

    daemon_threads = True

    def __init__(self, data: dict[str, bytes]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.data = data
        self.plan: deque[str] = deque()
        self.rate = 0.0
        self.asked = 0
        self.random = random.Random(0)

    def met(self) -> str:
        self.asked += 1
        if self.plan:
            return self.plan.popleft()
        if self.random.random() < self.rate:
            return self.random.choice(["503", "500", "429", "reset", "cut"])
        return "ok"

    def handle_error(self, *_: Any) -> None:
        pass  # a client that went away


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
        zarr.runner.sync(store.get("a/c/0", buffer_prototype))
    assert is_transient(caught.value)
    server.plan.clear()
    server.plan.extend([fault] * 2)
    found = zarr.runner.sync(Requests(store).get("a/c/0", buffer_prototype))
    assert found is not None
    assert found.to_bytes() == server.data["/a/c/0"]


@pytest.mark.parametrize("fault", ["401", "403", "400"])
def test_answers_are_reported_at_once(store: Any, server: Server, fault: str) -> None:
    server.plan.extend([fault] * 9)
    with pytest.raises(Exception) as caught:
        zarr.runner.sync(Requests(store).get("a/c/0", buffer_prototype))
    assert not isinstance(caught.value, FileNotFoundError)
    assert server.asked == 1


@pytest.mark.parametrize("fault", ["403", "503", "reset"])
@pytest.mark.parametrize("method", ["exists", "getsize"])
def test_what_could_not_be_asked_is_not_absent(
    store: Any, server: Server, fault: str, method: str
) -> None:
    server.plan.extend([fault] * 99)
    with pytest.raises(Exception) as caught:
        zarr.runner.sync(getattr(store, method)("a/c/0"))
    assert not isinstance(caught.value, FileNotFoundError)
    server.plan.clear()
    server.plan.append("404")
    assert zarr.runner.sync(Requests(store).get("a/c/0", buffer_prototype)) is None


def test_one_fault_in_twenty_changes_nothing(store: Any, server: Server) -> None:
    server.rate = 0.05
    for _ in range(3):
        root: Any = zarr.open_group(store, mode="r", zarr_format=3)
        np.testing.assert_array_equal(root["a"][:], np.arange(1000))
        np.testing.assert_array_equal(root["s"][5:995:7], np.arange(5, 995, 7))
        np.testing.assert_array_equal(root["s"].oindex[[3, 503]], [3, 503])
