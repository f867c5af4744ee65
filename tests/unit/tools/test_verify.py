"""Verify finds what is wrong with a hierarchy, names it, and reports nothing of a whole one."""

from __future__ import annotations

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from tests.support.broken import DATA, KINDS, data_of, store_of, whole

import zarr
from zarr import tools
from zarr.storage import LocalStore, ZipStore
from zarr.tools.check.findings import RULES

if TYPE_CHECKING:
    from pathlib import Path

    from zarr.tools.check.findings import Verification


def codes(report: Verification) -> set[str]:
    return {finding.code for finding in report.findings}


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_broken_is_found_and_named(kind: str) -> None:
    broken = KINDS[kind]
    data = whole(broken.zarr_format)
    broken.spoil(data)
    store = store_of(data)
    report = tools.verify(store)
    assert codes(report) == broken.found
    severities = {RULES[code].severity for code in broken.found}
    assert report.ok == (severities == {"info"})
    for finding in report.findings:
        assert finding.remedy
        assert finding.key.startswith(finding.node)
    assert data_of(store) == data
    # A page and JSON of it are made, too.
    assert json.loads(report.to_json())["counts"] == report.counts
    assert "<script" not in report.to_html()


@pytest.mark.parametrize("zarr_format", [2, 3])
@pytest.mark.parametrize("level", ["metadata", "presence", "full"])
def test_nothing_is_found_in_a_whole_hierarchy(zarr_format: int, level: Any) -> None:
    report = tools.verify(store_of(whole(zarr_format)), level=level)
    assert report.findings == ()
    assert report.ok
    assert report.arrays == (6 if zarr_format == 3 else 3)
    assert report.groups == 2
    assert report.decoded == (report.stored if level == "full" else 0)


def test_a_level_finds_what_it_looks_at() -> None:
    data = whole()
    data["raw/c/0/0"] = b"torn"
    data["raw/c/9/9"] = b"x"
    data["zstd/zarr.json"] = b"{}"
    store = store_of(data)
    found = {level: codes(tools.verify(store, level=level)) for level in ("metadata", "presence")}
    assert found["metadata"] == {"document-invalid"}
    assert found["presence"] == {"document-invalid", "chunk-outside"}
    assert codes(tools.verify(store)) == {"document-invalid", "chunk-outside", "chunk-size"}


def test_presence_reads_no_chunk_and_asks_for_no_size(tmp_path: Path) -> None:
    from tests.support.stores import WaitingStore

    store = WaitingStore(data=dict(whole()))
    report = tools.verify(store, level="presence")
    assert report.ok
    assert store.asked["list"] == 1
    read = {key for method, key in store.log if method == "get"}
    assert all(key.endswith("zarr.json") for key in read)
    assert store.asked["getsize"] == 0


def test_metadata_are_verified_without_a_listing_of_arrays() -> None:
    from tests.support.stores import WaitingStore

    store = WaitingStore(data=dict(whole()))
    report = tools.verify(store, level="metadata")
    assert report.ok
    assert report.arrays > 5
    listed = [key for method, key in store.log if method.startswith("list")]
    assert len(listed) == report.groups


@pytest.mark.parametrize("kind", ["local", "zip"])
def test_other_stores_are_verified(tmp_path: Path, kind: str) -> None:
    data = whole()
    data["zstd/c/0/0"] = b"torn"
    path = tmp_path / ("s.zip" if kind == "zip" else "s")
    store: Any = ZipStore(path, mode="w") if kind == "zip" else LocalStore(path)
    for key, value in data.items():
        asyncio.run(store.set(key, zarr.buffer.cpu.Buffer.from_bytes(value)))
    store.close()
    report = tools.verify(path)
    assert codes(report) == {"chunk-damaged"}
    assert report.findings[0].key == "zstd/c/0/0"
    assert report.findings[0].chunk == (0, 0)


def test_a_store_that_waits_is_verified_by_its_loop() -> None:
    from tests.support.stores import WaitingStore

    data = whole()
    data["zstd/c/0/0"] = b"torn"
    store = WaitingStore(data=data)
    report = asyncio.run(tools.asynchronous.verify(store))
    assert codes(report) == {"chunk-damaged"}
    assert report.decoded == report.stored


def test_an_executor_finds_the_same() -> None:
    data = whole()
    data["zstd/c/0/0"] = b"torn"
    store = store_of(data)
    with ThreadPoolExecutor(2) as executor:
        assert tools.verify(store, executor=executor) == tools.verify(store)


def test_a_chunk_that_is_not_stored_is_an_error_only_if_all_must_be() -> None:
    data = whole()
    del data["raw/c/0/1"]
    store = store_of(data)
    assert tools.verify(store).ok
    report = tools.verify(store, complete=True)
    assert [(each.code, each.key) for each in report.findings] == [("chunk-missing", "raw/c/0/1")]


def test_all_missing_chunks_of_a_huge_array_are_counted() -> None:
    array = zarr.create_array({}, shape=(10**9,), chunks=(1,), dtype="i1")
    report = tools.verify(array, complete=True, level="presence", limit=3)
    assert report.counts == {"chunk-missing": 10**9}
    assert len(report.findings) == 3


def test_more_findings_than_the_limit_are_counted() -> None:
    data = whole()
    data.update({f"raw/x{number}": b"" for number in range(20)})
    report = tools.verify(store_of(data), limit=5)
    assert report.counts == {"key-orphaned": 20}
    assert len(report.findings) == 5
    assert "15 more" in str(report)


def test_only_a_path_is_verified() -> None:
    data = whole()
    data["raw/c/0/0"] = b"torn"
    assert tools.verify(store_of(data), path="zstd").ok
    assert not tools.verify(store_of(data), path="raw").ok
    assert not tools.verify(zarr.open_array(store_of(data), path="raw")).ok


def test_a_temporary_file_is_found(tmp_path: Path) -> None:
    zarr.create_array(tmp_path / "a", data=DATA, chunks=(4, 4))
    (tmp_path / "a" / "c" / ".zarr-partial-1-2-3").write_bytes(b"half")
    report = tools.verify(tmp_path / "a")
    assert [each.key for each in report.findings] == ["c/.zarr-partial-1-2-3"]
    assert codes(report) == {"temporary-file"}


def test_a_value_that_cannot_be_read_is_found(tmp_path: Path) -> None:
    zarr.create_array(tmp_path / "a", data=DATA, chunks=(4, 4))
    chunk = tmp_path / "a" / "c" / "0" / "0"
    chunk.unlink()
    chunk.symlink_to("nowhere")
    assert codes(tools.verify(tmp_path / "a")) == {"chunk-unreadable"}


@pytest.mark.parametrize("level", ["metadata", "presence", "full"])
def test_nothing_at_all_is_an_error(tmp_path: Path, level: Any) -> None:
    with pytest.raises(FileNotFoundError):
        tools.verify(tmp_path, level=level)
    with pytest.raises(FileNotFoundError):
        tools.verify(store_of(whole()), path="nobody", level=level)


def test_a_level_that_there_is_not_is_refused() -> None:
    with pytest.raises(ValueError, match="level must be one of"):
        tools.verify(store_of(whole()), level="deep")  # type: ignore[arg-type]


def test_progress_ends_at_the_total() -> None:
    seen: list[tuple[int, int]] = []
    report = tools.verify(store_of(whole()), progress=lambda *told: seen.append(told))
    assert seen[0] == (0, report.stored)
    assert seen[-1] == (report.stored, report.stored)


def test_hostile_names_cannot_steer_a_terminal_or_a_page() -> None:
    data = whole()
    data["raw/\x1b]0;owned\x07<script>alert(1)</script>"] = b""
    report = tools.verify(store_of(data))
    assert "\x1b" not in str(report)
    assert "\x07" not in str(report)
    assert "<script>" not in report.to_html()
    assert "\x1b" not in report.to_html()


def test_files_that_other_programs_put_beside_documents_are_no_findings() -> None:
    data = whole(2)
    data["raw/.nczarray"] = data[".nczgroup"] = b"{}"
    assert tools.verify(store_of(data), level="presence").ok


def test_a_store_without_a_node_at_its_root_is_verified_below_it() -> None:
    data = {f"one/{key}": value for key, value in whole().items()}
    data["README"] = b"two hierarchies"
    data |= {f"two/{key}": value for key, value in whole(2).items()}
    report = tools.verify(store_of(data))
    assert report.ok
    assert report.arrays == 9


def test_the_chunks_of_all_kinds_of_arrays_are_decoded() -> None:
    store: dict[str, Any] = {}
    root = zarr.create_group(store)
    root.create_array("scalar", data=np.array(7))
    root.create_array("empty", shape=(0, 3), dtype="i4")
    root.create_array("edge", data=np.arange(7), chunks=(3,))
    record = np.zeros(5, [("a", "i4"), ("b", "f8")])
    record["a"] = 1
    root.create_array("record", data=record, chunks=(2,))
    with zarr.config.set({"array.rectilinear_chunks": True}):
        root.create_array("uneven", data=np.arange(1, 10), chunks=[[2, 3, 4]])
        report = tools.verify(store)
    assert report.findings == ()
    assert report.decoded == 1 + 0 + 3 + 3 + 3


def test_the_asynchronous_face_finds_the_same_in_a_running_loop() -> None:
    data = whole()
    data["zstd/c/0/0"] = b"torn"
    store = store_of(data)
    found = asyncio.run(tools.asynchronous.verify(store))
    assert found == tools.verify(store)


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_a_store_that_lists_nothing_is_verified_by_its_consolidated_metadata(
    zarr_format: int,
) -> None:
    from tests.support.stores import WaitingStore

    class Unlisted(WaitingStore):
        supports_listing = False
        read_only = True

    data = whole(zarr_format)
    report = tools.verify(Unlisted(data=dict(data)))
    assert report.ok
    assert report.decoded == tools.verify(store_of(data)).decoded
    key = "zstd/c/0/0" if zarr_format == 3 else "zstd/0.0"
    data[key] = b"torn"
    assert [each.key for each in tools.verify(Unlisted(data=data)).findings] == [key]
    assert tools.verify(Unlisted(data=data), level="metadata").ok
    with pytest.raises(NotImplementedError, match="does not list"):
        tools.verify(Unlisted(data=data), level="presence")


def test_a_store_that_vanishes_while_it_is_verified_is_not_whole() -> None:
    from tests.support.stores import WaitingStore

    class Vanishing(WaitingStore):
        read_only = True

        async def get(self, key: str, *args: Any, **more: Any) -> Any:
            if "/c/" in key:
                self.data.clear()
            return await super().get(key, *args, **more)

    report = tools.verify(Vanishing(data=whole()))
    assert not report.ok
    assert codes(report) == {"chunk-vanished"}


def test_only_as_many_large_chunks_are_in_memory_as_fit() -> None:
    from tests.support.stores import WaitingStore

    store = WaitingStore()
    array = zarr.create_array(store, shape=(4, 2**23), chunks=(1, 2**23), dtype="f8")
    for row in range(4):
        array[row] = 1.0
    store.most_busy = 0
    assert tools.verify(store).decoded == 4
    assert store.most_busy <= 5  # the documents; the chunks of 64 MiB come one by one
    chunks = [key for method, key in store.log if method == "get" and "/" in key]
    assert len(chunks) == 4


def test_a_plain_web_server_is_verified_by_consolidated_metadata(tmp_path: Path) -> None:
    pytest.importorskip("obstore")
    import threading
    from functools import partial
    from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, *told: object) -> None:
            pass

    for key, value in whole().items():
        (tmp_path / key).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / key).write_bytes(value)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(tmp_path)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        url = f"http://127.0.0.1:{server.server_port}/"
        report = tools.verify(url)
        assert report.findings == ()
        assert report.decoded == tools.verify(tmp_path).decoded
        assert tools.digest(url) == tools.digest(tmp_path)
        with pytest.raises(NotImplementedError, match="does not list"):
            tools.verify(url, level="presence")
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_rechunk_that_was_killed_is_no_array_and_its_chunks_stay() -> None:
    from zarr.testing.faults import FaultyStore

    class Killed(BaseException):
        """The process ends here."""

    class Ending(FaultyStore):
        left = 3

        async def intercept(self, method: str, *args: Any) -> Any:
            Ending.left -= method.startswith("set")
            if Ending.left < 0:
                raise Killed
            return await super().intercept(method, *args)

    target = store_of({})
    with pytest.raises(Killed):
        zarr.rechunk(store_of(whole()), Ending(target), path="raw", chunks=(3, 3))
    before = data_of(target)
    assert codes(tools.verify(target)) == {"unfinished"}
    assert tools.repair(target).steps == ()
    assert tools.vacuum(target).steps == ()
    assert data_of(target) == before
