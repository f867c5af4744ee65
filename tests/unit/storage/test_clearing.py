"""Deleting leaves the root of a store, and everything behind links."""

from __future__ import annotations

import asyncio
import os
import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from fsspec.implementations.local import LocalFileSystem
from fsspec.implementations.memory import MemoryFileSystem

import zarr
from zarr.buffer import cpu
from zarr.storage import FsspecStore, LocalStore, WrapperStore, ZipStore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KINDS = {
    "local": lambda root: LocalStore(root),
    "wrapped": lambda root: WrapperStore(LocalStore(root)),
    "fsspec": lambda root: FsspecStore(LocalFileSystem(), path=str(root)),
}
CLEARINGS = {
    "clear": lambda store, _: asyncio.run(store.clear()),
    "delete_dir": lambda store, _: asyncio.run(store.delete_dir("")),
    "group": lambda store, version: zarr.open_group(store, mode="w", zarr_format=version),
    "array": lambda store, version: zarr.create_array(
        store, shape=1, dtype="i1", overwrite=True, zarr_format=version
    ),
    "save": lambda store, version: zarr.save_group(store, np.arange(3), zarr_format=version),
}


def contents(directory: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(directory)): path.read_bytes()
        for path in sorted(directory.rglob("*"))
        if path.is_file()
    }


@pytest.fixture
def elsewhere() -> Iterator[None]:
    """The process may change its directory, and is back in its own at the end."""
    before = os.getcwd()
    yield
    os.chdir(before)


@pytest.mark.parametrize("zarr_format", [2, 3])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("how", CLEARINGS)
def test_the_root_stays_and_only_its_content_goes(
    how: str, kind: str, zarr_format: Any, tmp_path: Path, elsewhere: None
) -> None:
    root = tmp_path / "real"
    root.mkdir()
    root.chmod(0o2775)
    (tmp_path / "link").symlink_to(root)
    store: Any = KINDS[kind](tmp_path / "link")
    zarr.create_group(store).create_array("old/a", data=np.arange(4))
    (root / "of others").mkdir()
    before = root.stat()
    os.chdir(root)
    CLEARINGS[how](store, zarr_format)
    assert os.path.samefile(os.getcwd(), root)
    assert (tmp_path / "link").is_symlink()
    after = root.stat()
    assert (after.st_ino, after.st_mode) == (before.st_ino, before.st_mode)
    assert not (root / "old").exists()
    assert not (root / "of others").exists()


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_store_below_a_directory_that_may_not_be_written_to_can_be_cleared(
    tmp_path: Path,
) -> None:
    zarr.create_group(tmp_path / "above" / "store")
    (tmp_path / "above").chmod(0o555)
    try:
        assert list(zarr.open_group(tmp_path / "above" / "store", mode="w")) == []
    finally:
        (tmp_path / "above").chmod(0o755)


def test_a_bucket_stays_when_a_store_that_is_all_of_it_is_cleared() -> None:
    fs = MemoryFileSystem()
    fs.mkdir("/bucket")
    try:
        store = FsspecStore(fs, path="/bucket")
        zarr.open_group(store, mode="w").create_array("a[1]", data=np.arange(3))
        zarr.open_group(store, mode="w").create_array("b", data=np.arange(3))
        assert sorted(fs.ls("/bucket", detail=False)) == ["/bucket/b", "/bucket/zarr.json"]
        asyncio.run(store.clear())
        assert fs.isdir("/bucket")
        assert fs.ls("/bucket") == []
    finally:
        fs.rm("/bucket", recursive=True)


def test_a_store_that_is_gone_can_be_cleared(tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "root")
    asyncio.run(store._ensure_open())
    (tmp_path / "root").rmdir()
    asyncio.run(store.delete_dir(""))
    asyncio.run(store.clear())
    assert (tmp_path / "root").is_dir()


DELETIONS = {
    "del": lambda group: group.__delitem__("linked"),
    "del above": lambda group: group.__delitem__("sub"),
    "array": lambda group: group.create_array("linked", shape=1, dtype="i1", overwrite=True),
    "group": lambda group: group.create_group("sub", overwrite=True),
    "require": lambda group: group.require_group("linked", overwrite=True),
    "setitem": lambda group: group.__setitem__("linked", np.arange(3)),
    "move": lambda group: group.move("sub", "moved"),
    "root": lambda group: zarr.open_group(group.store, mode="w"),
}


@pytest.mark.parametrize("zarr_format", [2, 3])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("how", DELETIONS)
def test_a_link_is_deleted_and_not_what_it_points_to(
    how: str, kind: str, zarr_format: Any, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    zarr.create_array(other, data=np.arange(4), zarr_format=zarr_format)
    before = contents(other)
    store: Any = KINDS[kind](tmp_path / "store")
    group = zarr.create_group(store, zarr_format=zarr_format)
    group.create_group("sub")
    for place in ("linked", "sub/linked"):
        (tmp_path / "store" / place).symlink_to(other)
        assert group[place][:].tolist() == [0, 1, 2, 3]
    DELETIONS[how](group)
    assert contents(other) == before
    assert (tmp_path / "store" / "linked").is_symlink() == (how in ("del above", "group", "move"))
    assert not (tmp_path / "store" / "sub" / "linked").exists() or how not in (
        ("del above", "group", "move", "root")
    )


def test_a_move_copies_what_is_linked(tmp_path: Path) -> None:
    zarr.create_array(tmp_path / "other", data=np.arange(4))
    group = zarr.create_group(tmp_path / "store")
    (tmp_path / "store" / "linked").symlink_to(tmp_path / "other")
    group.move("linked", "moved")
    assert group["moved"][:].tolist() == [0, 1, 2, 3]
    assert list(group) == ["moved"]
    assert zarr.open_array(tmp_path / "other", mode="r")[:].tolist() == [0, 1, 2, 3]


# -- zip files ------------------------------------------------------------------------------------


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    with zipfile.ZipFile(tmp_path / "data.zip", "w") as file:
        file.writestr("foo", b"1")
    return tmp_path / "data.zip"


def test_a_file_of_another_is_not_moved_away(archive: Path) -> None:
    before = archive.read_bytes()
    store = ZipStore(archive, mode="x")
    with pytest.raises(FileExistsError):
        asyncio.run(store.move(archive.parent / "moved" / "data.zip"))
    store.close()
    assert archive.read_bytes() == before
    assert not (archive.parent / "moved").exists()


@pytest.mark.parametrize("mode", ["r", "a", "w"])
def test_a_file_is_not_moved_onto_another(archive: Path, mode: Any) -> None:
    other = archive.parent / "other.zip"
    other.write_bytes(b"of another")
    before = archive.read_bytes()
    with pytest.raises(FileExistsError):
        asyncio.run(ZipStore(archive, mode=mode).move(other))
    assert other.read_bytes() == b"of another"
    assert archive.read_bytes() == before


def test_a_missing_file_is_not_moved(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        asyncio.run(ZipStore(tmp_path / "data.zip").move(tmp_path / "new" / "data.zip"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("there", [True, False])
def test_a_zip_store_that_reads_and_may_write_begins_anew_when_it_is_cleared(
    there: bool, archive: Path
) -> None:
    if not there:
        archive.unlink()

    async def clear() -> None:
        store = ZipStore(archive, mode="r", read_only=False)
        if there:
            assert await store.exists("foo")
        await store.clear()
        await store.set("bar", cpu.Buffer.from_bytes(b"2"))
        store.close()

    asyncio.run(clear())
    with zipfile.ZipFile(archive) as file:
        assert file.namelist() == ["bar"]


def test_a_zip_store_that_only_reads_is_not_cleared(archive: Path, tmp_path: Path) -> None:
    before = archive.read_bytes()
    with pytest.raises(ValueError, match="read-only"):
        asyncio.run(ZipStore(archive, mode="r").clear())
    with archive.open("rb") as file, pytest.raises(ValueError, match="cannot be written"):
        asyncio.run(ZipStore(file, mode="r", read_only=False).clear())
    missing = ZipStore(tmp_path / "no" / "data.zip", mode="r", read_only=False)
    with pytest.raises(FileNotFoundError):
        asyncio.run(missing.clear())
    assert archive.read_bytes() == before


@pytest.mark.parametrize("there", [True, False])
def test_a_zip_file_is_as_it_was_if_saving_to_it_fails(there: bool, archive: Path) -> None:
    if not there:
        archive.unlink()
    before = archive.read_bytes() if there else None
    bad = np.array([object()], dtype=object)
    for save in (
        lambda: zarr.save(archive, bad),
        lambda: zarr.save(archive, np.arange(3), bad),
        lambda: zarr.save_array(archive, np.arange(3), chunks=object()),
        lambda: zarr.save_group(archive, a=np.arange(3), b=bad),
    ):
        with pytest.raises((TypeError, ValueError)):
            save()
        assert [path.name for path in archive.parent.iterdir()] == (["data.zip"] if there else [])
        assert not there or archive.read_bytes() == before
