"""A zip file in another store: the directory once, then one request for each value."""

from __future__ import annotations

import io
import os
import pickle
import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import zarr
from zarr._async.executors import sync
from zarr.abc.store import RangeByteRequest, SuffixByteRequest
from zarr.buffer.cpu import Buffer, buffer_prototype
from zarr.storage import MemoryStore, RemoteZipStore, ZipStore

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def archive(entries: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as target:
        for name, data in entries.items():
            target.writestr(name, data)
    return file.getvalue()


async def get(store: Any, key: str, byte_range: Any = None) -> bytes | None:
    value = await store.get(key, buffer_prototype, byte_range)
    return None if value is None else value.to_bytes()


def remote(data: bytes) -> RemoteZipStore:
    return RemoteZipStore(MemoryStore({"a.zip": Buffer.from_bytes(data)}), "a.zip")


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("entries", [20, 3000])
def test_the_directory_and_one_request_for_each_chunk(
    waiting_store: Callable[..., Any], tmp_path: Path, compression: int, entries: int
) -> None:
    data = np.random.default_rng(0).integers(0, 99, (entries, 100))
    with ZipStore(tmp_path / "a.zip", mode="w", compression=compression) as target:
        zarr.create_array(target, data=data, chunks=(1, 100), compressors=None)
    source = waiting_store(data={"a.zip": (tmp_path / "a.zip").read_bytes()})
    a = zarr.open_array(RemoteZipStore(source, "a.zip"), mode="r")
    # The size, the end, the rest of a long directory; and the metadata.
    assert source.asked.total() <= (3 if entries == 20 else 4)
    before = source.asked.total()
    np.testing.assert_array_equal(a[:20], data[:20])
    assert source.asked.total() == before + 20


def test_parts_and_listings() -> None:
    big = os.urandom(100_000)
    store = remote(archive({"a/zarr.json": b"{}", "a/c/0": big, "b": b"", "directory/": b""}))
    assert sync(get(store, "a/c/0")) == big
    for part, expected in [
        (RangeByteRequest(50_000, 50_010), big[50_000:50_010]),
        (SuffixByteRequest(7), big[-7:]),
        (RangeByteRequest(3, 5), big[3:5]),
        (RangeByteRequest(200_000, 200_001), b""),
    ]:
        assert sync(get(store, "a/c/0", part)) == expected
    assert sync(get(store, "absent")) is None

    async def names(items: Any) -> list[str]:
        return sorted([name async for name in items])

    assert sync(names(store.list())) == ["a/c/0", "a/zarr.json", "b"]
    assert sync(names(store.list_dir("a"))) == ["c", "zarr.json"]
    assert sync(names(store.list_prefix("a/c/"))) == ["a/c/0"]
    assert sync(store.getsize("a/c/0")) == 100_000
    assert sync(store.exists("b"))
    copy = pickle.loads(pickle.dumps(store))
    assert copy == store
    assert sync(get(copy, "a/zarr.json")) == b"{}"


def test_a_later_part_of_a_value_is_one_request(waiting_store: Callable[..., Any]) -> None:
    big = os.urandom(100_000)
    source = waiting_store(data={"a.zip": archive({"k": big})})
    store = RemoteZipStore(source, "a.zip")
    sync(get(store, "k", RangeByteRequest(50_000, 50_010)))
    before = source.asked["get"]
    assert sync(get(store, "k", RangeByteRequest(70_000, 70_010))) == big[70_000:70_010]
    assert source.asked["get"] == before + 1


def test_it_is_only_read() -> None:
    store = remote(archive({"k": b"v"}))
    with pytest.raises(ValueError, match="read-only"):
        sync(store.set("k", Buffer.from_bytes(b"w")))
    with pytest.raises(ValueError, match="read-only"):
        sync(store.delete("k"))
    with pytest.raises(ValueError, match="read_only must be True"):
        store.with_read_only(False)


def test_names_that_escape_are_not_shown_and_refused() -> None:
    store = remote(archive({"../x": b"1", "/y": b"2", "a//b": b"3", "ok": b"4"}))

    async def names() -> list[str]:
        return [key async for key in store.list()]

    assert sync(names()) == ["ok"]
    with pytest.raises(ValueError, match="key"):
        sync(get(store, "../x"))


def test_any_damage_is_an_error_and_nothing_else() -> None:
    whole = archive({f"c/{n}": os.urandom(200) for n in range(50)}, zipfile.ZIP_DEFLATED)
    rng = np.random.default_rng(5)
    failed = 0
    for _ in range(150):
        damaged = bytearray(whole[: int(rng.integers(len(whole) // 2, len(whole) + 1))])
        for place in rng.integers(0, len(damaged), 8):
            damaged[place] = rng.integers(256)
        store = remote(bytes(damaged))
        try:
            for key in sync(_keys(store)):
                sync(get(store, key))
        except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError, RuntimeError):
            failed += 1
    assert failed > 100


async def _keys(store: RemoteZipStore) -> list[str]:
    return [key async for key in store.list()]


def test_a_chained_url_is_read_with_one_request_for_each_value(tmp_path: Path) -> None:
    fsspec = pytest.importorskip("fsspec")
    with ZipStore(tmp_path / "a.zip", mode="w") as target:
        zarr.create_array(target, data=np.arange(10), chunks=(5,))
    fsspec.filesystem("memory").pipe("/remote/a.zip", (tmp_path / "a.zip").read_bytes())
    for url in (f"zip::file://{tmp_path}/a.zip", "zip::memory://remote/a.zip"):
        a = zarr.open_array(url, mode="r")
        assert isinstance(a.store, RemoteZipStore)
        np.testing.assert_array_equal(a[:], np.arange(10))
    fsspec.filesystem("memory").store.clear()
