"""`zarr.tools.serve`: a hierarchy over HTTP, and nothing else."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import numpy as np
import pytest

import zarr
from zarr import tools
from zarr.storage import MemoryStore, ZipStore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DATA = np.arange(64 * 64, dtype="i4").reshape(64, 64)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    root = zarr.create_group(tmp_path / "served")
    root.create_array("a/b", data=DATA, chunks=(16, 16), shards=(32, 32))
    root.create_array("a/ü %2f", data=np.arange(4))
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "served" / "out").symlink_to(tmp_path)
    (tmp_path / "served" / "file").symlink_to(tmp_path / "secret")
    return tmp_path / "served"


@pytest.fixture
def server(directory: Path) -> Iterator[Any]:
    with tools.serve(directory) as opened:
        yield opened


def ask(
    server: Any, target: str, method: str = "GET", **headers: str
) -> tuple[int, dict[str, str], bytes]:
    """Ask for a target exactly as it is written."""
    where = urlsplit(server.url)
    connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=60)
    connection.putrequest(method, "/", skip_host=True, skip_accept_encoding=True)
    connection._buffer[0] = f"{method} {target} HTTP/1.1".encode()  # type: ignore[attr-defined]
    for name, value in ({"Host": where.netloc} | headers).items():
        if value:
            connection.putheader(name.replace("_", "-"), value)
    connection.endheaders()
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, {name.lower(): value for name, value in answer.getheaders()}, body


def test_values_are_served_as_they_are_stored(server: Any, directory: Path) -> None:
    for key in ("zarr.json", "a/b/zarr.json", "a/b/c/0/1"):
        stored = (directory / key).read_bytes()
        status, headers, body = ask(server, f"/{key}")
        assert (status, body) == (200, stored)
        assert headers["content-length"] == str(len(stored))
        kind = "application/json" if key.endswith("json") else "application/octet-stream"
        assert headers["content-type"] == kind
        assert headers["x-content-type-options"] == "nosniff"
        status, headers, body = ask(server, f"/{key}", "HEAD")
        assert (status, body, headers["content-length"]) == (200, b"", str(len(stored)))
    assert ask(server, "/a/%C3%BC%20%252f/zarr.json")[0] == 200
    assert ask(server, "/zarr.json?query")[0] == 200


@pytest.mark.parametrize(
    ("wanted", "part"),
    [
        ("bytes=0-3", slice(0, 4)),
        ("bytes=10-", slice(10, None)),
        ("bytes=-7", slice(-7, None)),
        ("bytes=5-99999999", slice(5, None)),
        ("bytes=-99999999", slice(None)),
    ],
)
def test_parts_of_values_are_served(server: Any, directory: Path, wanted: str, part: slice) -> None:
    stored = (directory / "a/b/c/0/0").read_bytes()
    status, headers, body = ask(server, "/a/b/c/0/0", Range=wanted)
    assert (status, body) == (206, stored[part])
    start, stop, _ = part.indices(len(stored))
    assert headers["content-range"] == f"bytes {start}-{stop - 1}/{len(stored)}"
    status, headers, body = ask(server, "/a/b/c/0/0", "HEAD", Range=wanted)
    assert (status, body, headers["content-length"]) == (206, b"", str(stop - start))


def test_ranges_that_cannot_be_had_are_refused_or_ignored(server: Any, directory: Path) -> None:
    size = (directory / "zarr.json").stat().st_size
    status, headers, _ = ask(server, "/zarr.json", Range=f"bytes={size}-")
    assert (status, headers["content-range"]) == (416, f"bytes */{size}")
    assert ask(server, "/zarr.json", Range="bytes=-0")[0] == 416
    for odd in ("bytes=5-2", "bytes=0-1,3-4", "lines=0-1", "bytes=-", "bytes=a-b"):
        assert ask(server, "/zarr.json", Range=odd)[0] == 200


@pytest.mark.parametrize(
    "target",
    [
        "/../secret",
        "/a/../../secret",
        "/%2e%2e/secret",
        "/..%2fsecret",
        "/a/%2E%2E%2f%2E%2E/secret",
        "//etc/passwd",
        "/%2fetc/passwd",
        "/a//b/zarr.json",
        "/./zarr.json",
        "/a/b/./zarr.json",
        "/zarr.json%00.txt",
        "/%00",
        "/file",
        "/out/secret",
        "/out/served/zarr.json/../../secret",
        "/out/",
        "/a",
        "/a/b",
        "/nothing",
        "/nothing/",
        "/c:%5csecret",
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_nothing_outside_of_the_hierarchy_is_reached(server: Any, target: str, method: str) -> None:
    status, _, body = ask(server, target, method)
    assert (status, body) == (404, b"")


@pytest.mark.parametrize("target", ["secret", "http://evil.example/zarr.json", "*", "/%ff"])
def test_what_is_no_path_is_a_bad_request(server: Any, target: str) -> None:
    status, _, body = ask(server, target)
    assert status == 400
    assert b"secret" not in body


def test_links_that_stay_within_are_followed(directory: Path) -> None:
    (directory / "copy").symlink_to(directory / "a")
    with tools.serve(directory) as server:
        assert ask(server, "/copy/b/zarr.json")[0] == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_nothing_can_be_changed(server: Any, directory: Path, method: str) -> None:
    before = sorted(directory.rglob("*"))
    status, headers, _ = ask(server, "/zarr.json", method)
    assert (status, headers["allow"]) == (405, "GET, HEAD, OPTIONS")
    assert sorted(directory.rglob("*")) == before
    assert ask(server, "/zarr.json", "BREW")[0] == 501


def test_requests_for_other_names_are_refused(server: Any) -> None:
    port = server.port
    for host in (f"127.0.0.1:{port}", f"localhost:{port}", f"LOCALHOST:{port}"):
        assert ask(server, "/zarr.json", Host=host)[0] == 200
    for host in ("evil.example", f"evil.example:{port}", "127.0.0.1", "127.0.0.1:1", ""):
        for method in ("GET", "HEAD", "OPTIONS"):
            assert ask(server, "/zarr.json", method, Host=host)[0] == 421


VIEWER = "https://viewer.example"


def reads(server: Any, origin: str) -> bool:
    """Whether a page of an origin may read what is served."""
    allowed = {ask(server, "/zarr.json", Origin=origin)[1].get("access-control-allow-origin")}
    status, headers, _ = ask(server, "/zarr.json", "OPTIONS", Origin=origin)
    assert status == 204
    allowed.add(headers.get("access-control-allow-origin"))
    (found,) = allowed
    assert found in (None, "*", origin)
    assert (found is None) == ("access-control-allow-private-network" not in headers)
    return found is not None


def test_pages_of_web_sites_read_only_where_they_may(
    directory: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with tools.serve(directory) as server:
        assert reads(server, VIEWER)
    with tools.serve(directory, origin="") as server:
        for here in ("http://localhost:3000", "http://127.0.0.1", "http://[::1]:8080"):
            assert reads(server, here)
        for elsewhere in (
            *(VIEWER, "null", "", "http://localhost.evil.example", "http://127.0.0.1.evil.example"),
            *("file://", "http://evil.example:80", "http://localhost:3000/x", "http://1localhost"),
        ):
            assert not reads(server, elsewhere)
        headers = ask(server, "/zarr.json", Origin=VIEWER)[1]
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert headers["vary"] == "Origin"
        assert f"--origin {VIEWER} would let it" in caplog.text
    with tools.serve(directory, origin=f"{VIEWER}/") as server:
        assert reads(server, VIEWER)
        for other in ("https://other.example", "http://localhost:3000"):
            assert not reads(server, other)
        headers = ask(server, "/zarr.json", Origin=VIEWER)[1]
        assert "Content-Range" in headers["access-control-expose-headers"]
        headers = ask(server, "/zarr.json", "OPTIONS", Origin=VIEWER)[1]
        assert "Range" in headers["access-control-allow-headers"]
    with tools.serve(directory, origin="*") as server:
        assert reads(server, VIEWER)


@pytest.mark.parametrize("origin", ["viewer.example", "https://a.example/page", "http://a\r\nX: y"])
def test_an_origin_that_is_none_is_refused(directory: Path, origin: str) -> None:
    with pytest.raises(ValueError, match="expected an origin"):
        tools.serve(directory, origin=origin)


def test_the_report_is_shown_in_no_frame_of_another_page(server: Any) -> None:
    assert "frame-ancestors 'none'" in ask(server, "/")[1]["content-security-policy"]


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::", "example.org", ""])
def test_addresses_that_others_reach_are_refused(directory: Path, host: str) -> None:
    with pytest.raises(ValueError, match="only this machine reaches"):
        tools.serve(directory, host=host)


def test_versions_of_a_value_have_different_tags(server: Any, directory: Path) -> None:
    first = ask(server, "/a/b/c/0/0")[1]["etag"]
    assert ask(server, "/a/b/c/0/0", Range="bytes=0-1")[1]["etag"] == first
    zarr.open_array(directory, path="a/b", mode="r+")[:32, :32] = 7
    assert ask(server, "/a/b/c/0/0")[1]["etag"] != first


def test_zarr_reads_what_is_served(server: Any) -> None:
    pytest.importorskip("aiohttp")
    array = zarr.open_array(server.url, path="a/b", mode="r")
    np.testing.assert_array_equal(array[...], DATA)
    np.testing.assert_array_equal(array[3:9, 5], DATA[3:9, 5])
    below = zarr.open_group(server.url, path="a", mode="r")
    assert sorted(below.array_keys()) == ["b", "ü %2f"]


def test_listings_of_webdav_are_within_the_hierarchy(server: Any) -> None:
    status, _, body = ask(server, "/a/", "PROPFIND", Depth="1")
    assert status == 207
    found = set(re.findall(rb"<D:href>([^<]*)</D:href>", body))
    assert found == {b"/a/", b"/a/b/", b"/a/%C3%BC%20%252f/", b"/a/zarr.json"}
    status, _, body = ask(server, "/", "PROPFIND", Depth="infinity")
    assert b"/a/b/c/0/0<" in body
    assert b"secret" not in body
    for target in ("/..", "/out", "/nothing"):
        assert ask(server, target, "PROPFIND", Depth="1")[0] == 404
    assert ask(server, "/", "PROPFIND", Host="evil.example")[0] == 421


@pytest.mark.parametrize("kind", ["memory", "zip"])
def test_other_stores_are_served_too(tmp_path: Path, kind: str) -> None:
    store: Any = MemoryStore() if kind == "memory" else ZipStore(tmp_path / "a.zip", mode="w")
    zarr.create_array(store, name="x", data=DATA, chunks=(32, 32))
    if kind == "zip":
        store.close()
    source = store if kind == "memory" else tmp_path / "a.zip"
    with tools.serve(source, path="x") as server:
        assert json.loads(ask(server, "/zarr.json")[2])["shape"] == [64, 64]
        assert ask(server, "/c/0/0", Range="bytes=0-1")[0] == 206
        assert ask(server, "/../x/zarr.json")[0] == 404


def test_the_front_page_is_the_report_and_prefixes_are_lists_of_links(server: Any) -> None:
    status, headers, body = ask(server, "/")
    assert status == 200
    assert headers["content-type"] == "text/html; charset=utf-8"
    assert b"<h1>Report on " in body
    assert b'href="a/"' in body
    status, _, body = ask(server, "/a/")
    assert set(re.findall(rb'href="([^"]*)"', body)) == {
        b"b/",
        b"%C3%BC%20%252f/",
        b"zarr.json",
        b"data:,",
    }


def test_many_ask_at_once(server: Any) -> None:
    found: list[int] = []
    threads = [
        threading.Thread(target=lambda: found.append(len(ask(server, "/a/b/c/1/1")[2])))
        for _ in range(32)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 32
    assert len(set(found)) == 1


def test_a_closed_server_listens_no_more(directory: Path) -> None:
    with tools.serve(directory) as server:
        assert ask(server, "/zarr.json")[0] == 200
    with pytest.raises(OSError), socket.create_connection(("127.0.0.1", server.port), 5):
        pass


def test_a_connection_may_send_nonsense(server: Any) -> None:
    for nonsense in (b"\r\n\r\n", b"\x00" * 100 + b"\r\n\r\n", b"GET\r\n\r\n", b"A" * 70_000):
        with socket.create_connection(("127.0.0.1", server.port), 60) as connection:
            connection.sendall(nonsense)
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(1 << 16):
                pass
    assert ask(server, "/zarr.json")[0] == 200


def test_the_command_serves_until_it_is_interrupted(directory: Path) -> None:
    pytest.importorskip("typer")
    code = "from zarr.cli import entry; entry()"
    command = [sys.executable, "-c", code, "serve", str(directory), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        said = process.stdout.readline().decode()
        found = re.match(r"(http://127\.0\.0\.1:\d+) ", said)
        assert found is not None, said
        where = urlsplit(found[1])
        connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=60)
        connection.request("GET", "/zarr.json")
        assert connection.getresponse().status == 200
        connection.close()
        os.kill(process.pid, signal.SIGINT)
        process.wait(60)
    assert process.returncode == 130
