"""Stores are copied key by key, as they are."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import zarr
from zarr.errors import CopyError
from zarr.storage import LocalStore, MemoryStore, ZipStore

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def source() -> dict[str, Any]:
    values: dict[str, Any] = {}
    zarr.create_array(values, name="foo/a", data=np.arange(10), chunks=5)
    zarr.create_array(values, name="foo/bar/b", data=np.arange(4.0), chunks=4)
    return values


def raw(values: dict[str, Any]) -> dict[str, bytes]:
    return {key: value.to_bytes() for key, value in values.items()}


def test_all_values_are_copied(source: dict[str, Any]) -> None:
    dest: dict[str, Any] = {}
    counts = zarr.copy_store(source, dest)
    assert raw(dest) == raw(source)
    assert counts == (len(source), 0, sum(map(len, raw(source).values())))


def test_between_any_two_stores(source: dict[str, Any], tmp_path: Path) -> None:
    zarr.copy_store(source, tmp_path / "directory")
    with ZipStore(tmp_path / "a.zip", mode="w") as archive:
        zarr.copy_store(str(tmp_path / "directory"), archive)
    dest = MemoryStore()
    counts = asyncio.run(zarr.api.asynchronous.copy_store(str(tmp_path / "a.zip"), dest))
    assert counts[0] == len(source)
    assert raw(dest._store_dict) == raw(source)


def test_paths_choose_what_is_copied_and_to_where(source: dict[str, Any]) -> None:
    dest: dict[str, Any] = {}
    lines: list[str] = []
    zarr.copy_store(source, dest, source_path="foo/bar", dest_path="x/y", log=lines.append)
    assert sorted(dest) == ["x/y/b/c/0", "x/y/b/zarr.json", "x/y/zarr.json"]
    assert "copy foo/bar/b/c/0 -> x/y/b/c/0" in lines
    assert re.fullmatch(r"all done: 3 copied, 0 skipped, [\d,]+ bytes copied", lines[-1])


def test_patterns_choose_what_is_copied(source: dict[str, Any]) -> None:
    dest: dict[str, Any] = {}
    zarr.copy_store(source, dest, excludes="FOO/", includes=[r"bar", "A/z"], flags=re.IGNORECASE)
    assert sorted(dest) == [
        "foo/a/zarr.json",
        "foo/bar/b/c/0",
        "foo/bar/b/zarr.json",
        "foo/bar/zarr.json",
        "zarr.json",
    ]


def test_keys_that_are_there(source: dict[str, Any]) -> None:
    dest = {"foo/a/c/1": type(source["foo/a/c/1"]).from_bytes(b"mine")}
    before = raw(dest)
    with pytest.raises(CopyError, match="key 'foo/a/c/1' exists in destination"):
        zarr.copy_store(source, dest)
    assert raw(dest) == before
    assert zarr.copy_store(source, dest, if_exists="skip")[:2] == (len(source) - 1, 1)
    assert raw(dest) == {**raw(source), **before}
    assert zarr.copy_store(source, dest, if_exists="replace")[:2] == (len(source), 0)
    assert raw(dest) == raw(source)
    with pytest.raises(ValueError, match="if_exists must be one of 'raise', 'replace' or 'skip'"):
        zarr.copy_store(source, dest, if_exists="skip_initialized")  # type: ignore[arg-type]


def test_a_dry_run_writes_nothing(source: dict[str, Any], tmp_path: Path) -> None:
    zarr.copy_store(source, tmp_path / "part", source_path="foo/bar", dest_path="foo/bar")
    before = sorted(path for path in tmp_path.rglob("*"))
    counts = zarr.copy_store(source, tmp_path / "part", if_exists="skip", dry_run=True)
    assert counts == (len(source) - 3, 3, 0)
    assert sorted(path for path in tmp_path.rglob("*")) == before


def test_nodes_are_seen_only_when_they_are_whole(source: dict[str, Any]) -> None:
    order: list[str] = []

    class Watched(dict[str, Any]):
        def __setitem__(self, key: str, value: Any) -> None:
            order.append(key)
            super().__setitem__(key, value)

    zarr.copy_store(source, Watched())
    first = next(at for at, key in enumerate(order) if key.endswith("zarr.json"))
    assert all(key.endswith("zarr.json") for key in order[first:])


def test_values_under_way_are_bounded(tmp_path: Path) -> None:
    source = MemoryStore()
    zarr.create_array(source, name="a", data=np.arange(200), chunks=1)
    busy = most = 0

    class Slow(LocalStore):
        async def set(self, key: str, value: Any) -> None:
            nonlocal busy, most
            busy += 1
            most = max(most, busy)
            await asyncio.sleep(0.001)
            busy -= 1
            await super().set(key, value)

    with zarr.config.set({"async.concurrency": 4}):
        zarr.copy_store(source, Slow(tmp_path))
    assert 1 < most <= 4
    np.testing.assert_array_equal(zarr.open_array(tmp_path / "a")[:], np.arange(200))
