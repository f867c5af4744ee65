"""Denied keys are errors, signed URLs work, and markers of directories are no values."""

from __future__ import annotations

import pickle
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlsplit

import numpy as np
import pytest

import zarr
from zarr.buffer.cpu import Buffer
from zarr.core.sync import collect_aiterator, sync
from zarr.storage import FsspecStore, LocalStore, MemoryStore, ObjectStore
from zarr.storage.path import make_store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SIGNATURE = "X-Amz-Credential=K%2F2024%2Fs3&X-Amz-Signature=ab%2Bc%2Fd%3D"
ALLOWED = (FileNotFoundError, PermissionError)


class Handler(BaseHTTPRequestHandler):
    """Serves values; refuses what is not there, if told to, and what is not signed."""

    server: Server

    def log_message(self, *_: Any) -> None:
        pass

    def do_GET(self) -> None:
        address = urlsplit(self.path)
        data = self.server.data.get(unquote(address.path))
        if parse_qs(address.query) != self.server.signed:
            self.answer(403, b"not signed")
        elif data is None:
            self.answer(self.server.missing, b"")
        else:
            wanted = self.headers.get("Range", "")
            first, _, last = wanted.removeprefix("bytes=").partition("-")
            start = int(first) if first else max(0, len(data) - int(last or len(data)))
            stop = int(last) + 1 if first and last else len(data)
            self.answer(206 if wanted else 200, data[start:stop], f"bytes {start}-{stop - 1}/*")

    do_HEAD = do_GET

    def do_PUT(self) -> None:
        self.answer(403, b"")
        self.close_connection = True

    do_DELETE = do_PUT

    def answer(self, status: int, body: bytes, span: str = "") -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Last-Modified", "Wed, 21 Oct 2015 07:28:00 GMT")
        if status == 206:
            self.send_header("Content-Range", span)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        store = MemoryStore()
        root = zarr.create_group(store)
        array = root.create_array("a", shape=(10,), chunks=(5,), dtype="i4", fill_value=7)
        array[:5] = np.arange(5)
        root.create_array("s", data=np.arange(10), chunks=(2,), shards=(10,))
        self.data = {f"/x y/{key}": value.to_bytes() for key, value in store._store_dict.items()}
        self.missing = 404
        self.signed: dict[str, list[str]] = {}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/x y"


@pytest.fixture
def server() -> Iterator[Server]:
    served = Server()
    thread = threading.Thread(target=served.serve_forever, args=(0.01,))
    thread.start()
    yield served
    served.shutdown()
    thread.join()
    served.server_close()


@pytest.mark.parametrize("signature", [SIGNATURE, "sv=2024&sig=ab%2Bc%3D", "token=secret"])
def test_the_query_of_a_signed_url_goes_with_every_key(server: Server, signature: str) -> None:
    pytest.importorskip("aiohttp")
    server.signed = parse_qs(signature)
    root: Any = zarr.open_group(f"{server.url}?{signature}", mode="r", use_consolidated=False)
    np.testing.assert_array_equal(root["a"][:], [0, 1, 2, 3, 4, 7, 7, 7, 7, 7])
    np.testing.assert_array_equal(root["s"][3:5], [3, 4])
    again = pickle.loads(pickle.dumps(root))
    np.testing.assert_array_equal(again["s"][:], np.arange(10))
    # It is a secret.
    texts = [str(root.store), repr(root), str(root["a"].store_path)]
    server.signed = {"other": ["one"]}
    with pytest.raises(PermissionError, match="403") as caught:
        root["a"][:]
    secret = signature.rpartition("=")[2] if "token" in signature else "ab"
    for text in (*texts, str(caught.value)):
        assert signature not in text
        assert f"={secret}" not in text


def test_a_path_at_the_end_of_a_query_goes_on_in_the_keys(server: Server) -> None:
    pytest.importorskip("fsspec")
    for url in ("http://h/get?path=/a/b.zarr", "http://h/get?file="):
        assert FsspecStore.from_url(url)._path("zarr.json") == f"{url}/zarr.json"
    store = FsspecStore.from_url("http://h/b.zarr?token=x")
    assert store._path("c/0") == "http://h/b.zarr/c/0?token=x"


@pytest.mark.parametrize("options", [{}, {"block_size": 0}], ids=["obstore", "fsspec"])
def test_a_server_that_refuses_what_is_missing(server: Server, options: dict[str, Any]) -> None:
    pytest.importorskip("obstore")
    pytest.importorskip("aiohttp")
    server.missing = 403
    server.data = {key.replace(" ", ""): value for key, value in server.data.items()}
    url = server.url.replace(" ", "")
    array = zarr.open_array(url, path="a", mode="r", storage_options=options or None)
    with pytest.raises(PermissionError, match="allowed_exceptions") as caught:
        array[:]
    assert "403" in str(caught.value)
    assert "\n" not in str(caught.value)
    told = {**options, "allowed_exceptions": ALLOWED}
    array = zarr.open_array(url, path="a", mode="r", storage_options=told)
    assert isinstance(array.store, FsspecStore if options else ObjectStore)
    np.testing.assert_array_equal(array[:], [0, 1, 2, 3, 4, 7, 7, 7, 7, 7])
    for store in (
        array.store,
        array.store.with_read_only(True),
        pickle.loads(pickle.dumps(array)).store,
    ):
        assert sync(store.exists("a/zarr.json"))
        assert not sync(store.exists("a/c/1"))


def test_a_refusal_to_delete_or_write_is_an_error(server: Server) -> None:
    kinds = pytest.importorskip("obstore.store")
    inner = kinds.HTTPStore(server.url.removesuffix("/x y"), client_options={"allow_http": True})
    store = ObjectStore(inner, allowed_exceptions=ALLOWED)
    with pytest.raises(PermissionError, match="DELETE http"):
        sync(store.delete("a"))
    with pytest.raises(PermissionError, match="PUT http"):
        sync(store.set("a", Buffer.from_bytes(b"x")))


@pytest.mark.parametrize("more", [{}, {"default_block_size": 1 << 20}], ids=["obstore", "s3fs"])
def test_marks_of_directories_are_no_nodes(s3: Any, more: dict[str, Any], tmp_path: Path) -> None:
    pytest.importorskip("s3fs")
    prefix = f"marks{len(more)}"

    def opened() -> Any:
        options = {**s3.options, **more}
        return sync(make_store(f"s3://{s3.bucket}/{prefix}", storage_options=options))

    root = zarr.open_group(opened(), mode="w")
    root.create_group("uns/x")
    root.create_array("a", data=np.arange(3))
    before = sorted(collect_aiterator(opened().list()))
    for key in ("", "uns/", "uns/x/", "uns/x/deep/", "a/"):
        s3.client.put_object(Bucket=s3.bucket, Key=f"{prefix}/{key}", Body=b"")
    store = opened()
    assert sorted(collect_aiterator(store.list())) == before
    assert sorted(collect_aiterator(store.list_dir(""))) == ["a", "uns", "zarr.json"]
    assert sorted(collect_aiterator(store.list_dir("uns"))) == ["x", "zarr.json"]
    root = zarr.open_group(store, mode="r")
    assert sorted(root) == ["a", "uns"]
    assert list(root.group_keys()) == ["uns"]
    assert root.nmembers() == 2
    zarr.copy_store(store, LocalStore(tmp_path / "copy"))
    copied = zarr.open_group(tmp_path / "copy", mode="r")
    np.testing.assert_array_equal(copied["a"][:], np.arange(3))


def test_an_empty_value_is_listed() -> None:
    obstore = pytest.importorskip("obstore")
    inner = obstore.store.MemoryStore()
    for key in ("a/b", "a", "c"):
        obstore.put(inner, key, b"")
    store = ObjectStore(inner)
    assert sorted(collect_aiterator(store.list())) == ["a/b", "c"]
    assert sorted(collect_aiterator(store.list_dir(""))) == ["a", "c"]
