"""Stores, and the arrays and groups in them, travel small: no handles, no keys of their place."""

from __future__ import annotations

import json
import os
import pickle
import pickletools
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import fsspec
import numpy as np
import obstore.store as kinds
import pytest

import zarr
from zarr.storage import (
    CacheStore,
    FsspecStore,
    LocalStore,
    LoggingStore,
    ManagedMemoryStore,
    MemoryStore,
    ObjectStore,
    RemoteZipStore,
    SQLiteStore,
    WrapperStore,
    ZipStore,
)
from zarr.storage.path import make_store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

LIMIT = 2048
SURROUNDINGS = "of-the-surroundings"
# Variables that clients read when they start: none of their values may travel.
VARIABLES = (
    "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AZURE_STORAGE_ACCOUNT_KEY",
    "AZURE_STORAGE_SAS_KEY", "AZURE_STORAGE_TOKEN", "AZURE_STORAGE_CLIENT_SECRET",
    "HTTP_AUTHORIZATION", "FSSPEC_MEMORY_TOKEN",
)  # fmt: skip
GIVEN = "of-the-options"


@pytest.fixture(autouse=True)
def _surroundings(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in VARIABLES:
        monkeypatch.setenv(name, SURROUNDINGS)
    yield
    fsspec.filesystem("memory").store.clear()


def zip_file(path: Path, mode: Any) -> ZipStore:
    with ZipStore(path / "a.zip", mode="w") as store:
        fill(store)
    return ZipStore(path / "a.zip", mode=mode)


def fill(store: Any) -> None:
    group = zarr.create_group(store, path="g", attributes={"kind": "all"}, overwrite=True)
    group.create_array("a", data=np.arange(100), chunks=(10,))


def filled(store: Any) -> Any:
    fill(store)
    return store


def upath(path: Path) -> Any:
    from upath import UPath

    return zarr._async.executors.sync(make_store(UPath(f"file://{path}/u")))


def references(path: Path) -> FsspecStore:
    fill(LocalStore(path / "local"))
    files = [p for p in (path / "local").rglob("*") if p.is_file()]
    table = {str(p.relative_to(path / "local")): [f"file://{p}"] for p in files}
    (path / "references.json").write_text(json.dumps(table))
    return FsspecStore.from_url("reference://", {"fo": str(path / "references.json")})


def chained(path: Path) -> FsspecStore:
    zip_file(path, "r")
    return FsspecStore.from_url(f"zip::file://{path}/a.zip", read_only=True)


# Each is made anew, with a group and an array in it.
WHOLE: dict[str, Callable[[Path], Any]] = {
    "local": lambda path: filled(LocalStore(path / "x")),
    "local, read-only": lambda path: filled(LocalStore(path / "x")).with_read_only(True),
    "memory": lambda _: filled(MemoryStore()),
    "managed": lambda path: filled(ManagedMemoryStore(path.name)),
    "zip": lambda path: zip_file(path, "r"),
    "zip, to be changed": lambda path: zip_file(path, "a"),
    "zip in another store": lambda path: RemoteZipStore(LocalStore(zip_file(path, "r").path.parent), "a.zip"),  # type: ignore[union-attr]  # noqa: E501
    "sqlite": lambda path: filled(SQLiteStore(path / "x.sqlite")),
    "fsspec, memory": lambda path: filled(FsspecStore(fsspec.filesystem("memory"), path="/x")),
    "fsspec, local": lambda path: filled(FsspecStore.from_url(f"file://{path}/x")),
    "fsspec, mapper": lambda path: filled(FsspecStore.from_mapper(fsspec.get_mapper(f"file://{path}/x"))),
    "fsspec, references": references,
    "fsspec, zip": chained,
    "upath": lambda path: filled(upath(path)),
    "obstore, local": lambda path: filled(ObjectStore(kinds.LocalStore(path))),
    "logging": lambda path: filled(LoggingStore(LocalStore(path / "x"), log_level="ERROR")),
    "wrapper": lambda path: filled(WrapperStore(LocalStore(path / "x"))),
    "cache": lambda path: filled(CacheStore(LocalStore(path / "x"), cache_store=MemoryStore())),
    "cache on disk": lambda path: filled(CacheStore(LocalStore(path / "x"), cache_store=LocalStore(path / "y"))),  # noqa: E501
}  # fmt: skip

# They are only made: nobody answers.
S3 = {"key": GIVEN, "secret": GIVEN, "client_kwargs": {"region_name": "eu-west-1"}}
FAR: dict[str, Callable[[], Any]] = {
    "obstore, S3": lambda: ObjectStore(kinds.S3Store("bucket", prefix="p", region="eu-west-1")),
    "obstore, S3, keys": lambda: opened("s3://bucket/p", S3),
    "obstore, Google": lambda: opened("gs://bucket/p", {"token": "anon"}),
    "obstore, Azure": lambda: opened("abfs://c/p", {"account_name": "a", "account_key": "a2V5"}),
    "obstore, HTTP": lambda: opened("https://host.example/p", None),
    "fsspec, HTTP": lambda: FsspecStore.from_url("https://host.example/p"),
    "fsspec, S3": lambda: FsspecStore.from_url("s3://bucket/p"),
    "fsspec, S3, keys": lambda: FsspecStore.from_url("s3://bucket/p", S3),
    "zip on S3": lambda: RemoteZipStore(opened("s3://bucket", S3), "a.zip"),
}


def opened(url: str, options: Any) -> Any:
    return zarr._async.executors.sync(make_store(url, storage_options=options, mode="r"))


def texts_in(pickled: bytes) -> str:
    return "\n".join(str(value) for _, value, _ in pickletools.genops(pickled))


def check(value: Any, limit: int) -> bytes:
    pickled = pickle.dumps(value)
    assert len(pickled) <= limit, texts_in(pickled)
    assert SURROUNDINGS not in texts_in(pickled)
    return pickled


@pytest.mark.parametrize("name", WHOLE)
def test_a_store_and_what_is_in_it(tmp_path: Path, name: str) -> None:
    store = WHOLE[name](tmp_path)
    group: Any = zarr.open_group(store, path="g", mode="r")
    array = group["a"]
    np.testing.assert_array_equal(array[:], np.arange(100))  # what was read is not taken along
    # Values in memory are a part of the store.
    values = sum(map(len, store._store_dict.values())) if type(store) is MemoryStore else 0
    check(store, LIMIT + 2 * values)
    copy = pickle.loads(check(group, LIMIT + 2 * values + len(pickle.dumps(group.metadata))))
    assert dict(copy.attrs) == {"kind": "all"}
    pickled = check(array, LIMIT + 2 * values + len(pickle.dumps(array.metadata)))
    np.testing.assert_array_equal(pickle.loads(pickled)[:], np.arange(100))
    for face in (group._async_group, array._async_array):
        check(face, LIMIT + 2 * values + len(pickle.dumps(face.metadata)))


@pytest.mark.parametrize("name", FAR)
def test_a_store_that_is_far(name: str) -> None:
    if "S3" in name and "fsspec" in name:
        pytest.importorskip("s3fs")
    if name == "fsspec, HTTP":
        pytest.importorskip("aiohttp")
    store = FAR[name]()
    pickled = check(store, LIMIT)
    assert pickle.loads(pickled) == store
    for around in (
        LoggingStore(store, log_level="ERROR"),
        CacheStore(store, cache_store=MemoryStore()),
    ):
        check(around, LIMIT)


def test_credentials_given_by_name_travel(tmp_path: Path) -> None:
    pickled = pickle.dumps(FAR["obstore, S3, keys"]())
    assert GIVEN in texts_in(pickled)
    assert SURROUNDINGS not in texts_in(pickled)


@pytest.mark.parametrize("name", ["local", "zip", "sqlite", "fsspec, local", "cache", "logging"])
def test_an_open_file_does_not_travel(tmp_path: Path, name: str) -> None:
    """Another process, in another directory, opens what it needs by itself."""
    store = WHOLE[name](tmp_path)
    array: Any = zarr.open_array(store, path="g/a", mode="r")
    assert array[5] == 5
    code = "import pickle, sys; assert pickle.load(sys.stdin.buffer)[5] == 5"
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    subprocess.run(
        [sys.executable, "-c", code], input=pickle.dumps(array), check=True, cwd="/", env=env
    )
