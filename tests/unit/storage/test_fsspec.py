"""`FsspecStore`: file systems of all kinds."""

from __future__ import annotations

import asyncio
import io
import json
import subprocess
import sys
import tarfile
import zipfile
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import fsspec
import pytest
from fsspec.implementations.asyn_wrapper import AsyncFileSystemWrapper

from zarr._async.executors import sync
from zarr.abc.store import RangeByteRequest, SuffixByteRequest
from zarr.buffer.cpu import Buffer, buffer_prototype
from zarr.storage import FsspecStore, LocalStore, ZipStore

if TYPE_CHECKING:
    from pathlib import Path


def got(store: FsspecStore, key: str) -> bytes | None:
    value = sync(store.get(key, buffer_prototype))
    return None if value is None else value.to_bytes()


def listed(store: FsspecStore) -> list[str]:
    async def collect() -> list[str]:
        return sorted([key async for key in store.list()])

    return sync(collect())


def test_repr_and_equality() -> None:
    store = FsspecStore.from_url("memory://foo/bar/")
    assert repr(store) == "<FsspecStore(AsyncFileSystemWrapper, /foo/bar)>"
    assert store == FsspecStore.from_url("memory://foo/bar")
    assert store != FsspecStore.from_url("memory://foo")
    assert store != FsspecStore.from_url("memory://foo/bar", read_only=True)
    assert store.traits.needs_event_loop


def test_a_synchronous_file_system_is_taken() -> None:
    store = FsspecStore(fsspec.filesystem("memory"), path="/sync")
    sync(store.set("k", Buffer.from_bytes(b"v")))
    assert fsspec.filesystem("memory").cat_file("/sync/k") == b"v"
    assert got(store, "k") == b"v"
    assert store.data_id == FsspecStore.from_url("memory://sync").data_id


def test_one_that_belongs_to_an_event_loop_is_taken() -> None:
    fs = AsyncFileSystemWrapper(fsspec.filesystem("memory"), asynchronous=True)
    store = FsspecStore(fs, path="/async")

    async def main() -> bytes | None:
        await store.set("k", Buffer.from_bytes(b"v"))
        value = await store.get("k", buffer_prototype)
        return None if value is None else value.to_bytes()

    assert asyncio.run(main()) == b"v"
    assert sync(main()) == b"v"


def test_directories_are_made_where_the_file_system_has_some(tmp_path: Path) -> None:
    store = FsspecStore.from_url(f"local://{tmp_path}/new")
    sync(store.set("a/b/c", Buffer.from_bytes(b"v")))
    assert (tmp_path / "new" / "a" / "b" / "c").read_bytes() == b"v"
    assert listed(store) == ["a/b/c"]


@pytest.mark.parametrize("path", ["/root", "/root/", "memory://root"])
def test_the_path_may_be_written_in_several_ways(path: str) -> None:
    store = FsspecStore(fsspec.filesystem("memory"), path=path)
    sync(store.clear())
    sync(store.set("a/k", Buffer.from_bytes(b"v")))
    assert fsspec.filesystem("memory").cat_file("/root/a/k") == b"v"
    assert listed(store) == ["a/k"]


def test_names_with_signs_of_patterns_are_plain_names() -> None:
    store = FsspecStore.from_url("memory://signs")
    for key in ("a*/k", "ab/k", "a[b]/k"):
        sync(store.set(key, Buffer.from_bytes(b"v")))
    sync(store.delete_dir("a*"))
    assert listed(store) == ["a[b]/k", "ab/k"]
    sync(store.delete("a[b]/k"))
    assert listed(store) == ["ab/k"]


def test_a_mapper_and_chained_urls(tmp_path: Path) -> None:
    mapper = fsspec.get_mapper("memory://mapper")
    mapper["a/k"] = b"v"
    assert got(FsspecStore.from_mapper(mapper), "a/k") == b"v"
    with ZipStore(tmp_path / "data.zip", mode="w") as archive:
        archive.set_sync("a/k", Buffer.from_bytes(b"zipped"))
    store = FsspecStore.from_url(f"zip::file://{tmp_path}/data.zip", read_only=True)
    assert got(store, "a/k") == b"zipped"
    assert got(store, "a/missing") is None
    assert listed(store) == ["a/k"]
    cached = FsspecStore.from_url("simplecache::memory://mapper")
    assert got(cached, "a/k") == b"v"


def test_references_to_parts_of_files(tmp_path: Path) -> None:
    (tmp_path / "data.bin").write_bytes(b"0123456789")
    references = {"zarr.json": "{}", "c/0": [str(tmp_path / "data.bin"), 2, 3]}
    (tmp_path / "references.json").write_text(json.dumps(references))
    options = {"fo": str(tmp_path / "references.json"), "remote_protocol": "file"}
    store = FsspecStore.from_url("reference://", storage_options=options, read_only=True)
    assert got(store, "zarr.json") == b"{}"
    assert got(store, "c/0") == b"234"
    assert got(store, "c/1") is None
    assert listed(store) == ["c/0", "zarr.json"]


def test_a_file_system_is_a_store_as_it_is(tmp_path: Path) -> None:
    references = {"zarr.json": "{}", "c/0": "v"}
    store = FsspecStore(fsspec.filesystem("reference", fo=references, asynchronous=True))
    assert got(store, "c/0") == b"v"
    assert listed(store) == ["c/0", "zarr.json"]
    (tmp_path / "k").write_bytes(b"w")
    everything = FsspecStore(AsyncFileSystemWrapper(fsspec.filesystem("file")))
    assert got(everything, f"{tmp_path}/k".lstrip("/")) == b"w"


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_many_readers_of_an_archive_get_what_they_asked_for(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "archive"
    values = {f"c/{i}": f"c/{i}".encode() * 1000 for i in range(40)}
    if kind == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            for key, value in values.items():
                archive.writestr(key, value)
    else:
        with tarfile.open(path, "w") as archive_:
            for key, value in values.items():
                about = tarfile.TarInfo(key)
                about.size = len(value)
                archive_.addfile(about, io.BytesIO(value))
    fs = fsspec.filesystem(kind, fo=str(path), skip_instance_cache=True)
    stores = [FsspecStore(fs, path="", read_only=True) for _ in range(2)]
    part = RangeByteRequest(3, 200)

    async def read(store: FsspecStore) -> list[Any]:
        return await asyncio.gather(*(store.get(key, buffer_prototype, part) for key in values))

    for _ in range(3):
        with ThreadPoolExecutor(2) as threads:
            for found in threads.map(lambda store: asyncio.run(read(store)), stores):
                assert [value.to_bytes() for value in found] == [
                    value[3:200] for value in values.values()
                ]


def test_the_listing_is_that_of_local_files(tmp_path: Path) -> None:
    local, other = LocalStore(tmp_path), FsspecStore.from_url(f"local://{tmp_path}")
    for key in ("a/b/c", "a/d", "e"):
        local.set_sync(key, Buffer.from_bytes(b"v"))

    async def names(store: Any, prefix: str) -> list[str]:
        return sorted([name async for name in store.list_dir(prefix)])

    for prefix in ("", "a", "a/", "a/b", "e", "missing"):
        assert sync(names(local, prefix)) == sync(names(other, prefix))


class Broken(fsspec.AbstractFileSystem):  # type: ignore[misc]
    """A file system that cannot be reached."""

    protocol = "broken"

    def cat_file(self, path: str, start: Any = None, end: Any = None, **kwargs: Any) -> bytes:
        raise ConnectionError("no route")

    def info(self, path: str, **kwargs: Any) -> Any:
        raise ConnectionError("no route")


def test_a_fault_on_the_way_is_no_missing_key() -> None:
    store = FsspecStore(Broken())
    with pytest.raises(ConnectionError):
        got(store, "k")
    with pytest.raises(ConnectionError):
        sync(store.exists("k"))
    lenient = FsspecStore(Broken(), allowed_exceptions=(ConnectionError,))
    assert got(lenient, "k") is None


class WithoutRanges(fsspec.AbstractFileSystem):  # type: ignore[misc]
    """A server that always sends all."""

    def cat_file(self, path: str, start: Any = None, end: Any = None, **kwargs: Any) -> bytes:
        return b"0123456789"


def test_a_server_that_knows_no_ranges_gives_no_wrong_data() -> None:
    from zarr.abc.store import RangeByteRequest, SuffixByteRequest

    store = FsspecStore(WithoutRanges())
    for request, expected in ((RangeByteRequest(2, 5), b"234"), (SuffixByteRequest(2), b"89")):
        value = sync(store.get("k", buffer_prototype, request))
        assert value is not None
        assert value.to_bytes() == expected


def test_without_fsspec_the_error_names_what_to_install() -> None:
    code = (
        "import sys; sys.modules['fsspec'] = None\n"
        "from zarr.storage import FsspecStore\n"
        "try: FsspecStore.from_url('s3://b/k')\n"
        "except ImportError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "pip install zarr[remote]" in done.stdout


def test_a_cache_of_fsspec_is_read(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "k").write_bytes(b"0123456789")
    store = FsspecStore.from_url(
        f"simplecache::file://{tmp_path}/root",
        storage_options={"simplecache": {"cache_storage": str(tmp_path / "cache")}},
    )
    for request, expected in [
        (None, b"0123456789"),
        (SuffixByteRequest(3), b"789"),
        (SuffixByteRequest(30), b"0123456789"),
        (RangeByteRequest(2, 4), b"23"),
        (RangeByteRequest(12, 14), b""),
    ]:
        value = sync(store.get("k", buffer_prototype, request))
        assert value is not None
        assert value.to_bytes() == expected
    assert sync(store.get("absent", buffer_prototype, SuffixByteRequest(3))) is None
