"""Zip files of other programs are read; damaged ones are errors."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import zarr
from zarr._async.executors import sync
from zarr.buffer.cpu import Buffer
from zarr.storage import LocalStore, RemoteZipStore, ZipStore

if TYPE_CHECKING:
    from pathlib import Path

    from zarr.abc.store import Store

DATA = np.random.default_rng(0).integers(0, 9, (40, 50))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    zarr.create_group(tmp_path / "tree").create_array("a", data=DATA, chunks=(10, 25))
    return tmp_path


def opened(folder: Path, path: str = "a") -> None:
    """The array is right in `a.zip`, opened in both ways."""
    stores: list[Store] = [
        ZipStore(folder / "a.zip"),
        RemoteZipStore(LocalStore(folder), "a.zip"),
    ]
    for store in stores:
        np.testing.assert_array_equal(zarr.open_array(store, path=path, mode="r")[:], DATA)
        store.close()


@pytest.mark.parametrize(
    "command",
    [
        ["zip", "-q", "-r", "../a.zip", "."],
        ["zip", "-q", "-0", "-r", "../a.zip", "."],
        ["7z", "a", "-bd", "-y", "../a.zip", "."],
    ],
    ids=" ".join,
)
def test_archives_of_other_programs(folder: Path, command: list[str]) -> None:
    if shutil.which(command[0]) is None:
        pytest.skip(f"needs {command[0]}")
    subprocess.run(command, cwd=folder / "tree", check=True, stdout=subprocess.DEVNULL)
    opened(folder)


class Pipe(io.RawIOBase):
    """A file that cannot be positioned: sizes come behind the values, in data descriptors."""

    def __init__(self) -> None:
        self.data = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.data += data
        return len(data)


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("streamed", [False, True])
def test_archives_of_python(folder: Path, compression: int, streamed: bool) -> None:
    """With folders in between, a comment, and extra fields of both kinds."""
    pipe = Pipe()
    target: Any = pipe if streamed else folder / "a.zip"
    with zipfile.ZipFile(target, "w", compression) as archive:
        archive.mkdir("top")
        for file in sorted((folder / "tree").rglob("*")):
            if file.is_file():
                name = f"top/{file.relative_to(folder / 'tree')}"
                info = zipfile.ZipInfo(name)
                info.compress_type = compression
                info.extra = b"\xfe\xca\x04\x00test"
                archive.writestr(info, file.read_bytes())
        archive.comment = b"a comment" * 200
    if streamed:
        (folder / "a.zip").write_bytes(pipe.data)
    opened(folder, "top/a")
    # The values that were there stay when one is added.
    with ZipStore(folder / "a.zip", mode="a") as store:
        store.set_sync("new", Buffer.from_bytes(b"v"))
    opened(folder, "top/a")


def test_an_archive_behind_something_else(folder: Path) -> None:
    """As a program that unpacks itself."""
    shutil.make_archive(str(folder / "a"), "zip", folder / "tree")
    (folder / "a.zip").write_bytes(os.urandom(1000) + (folder / "a.zip").read_bytes())
    opened(folder)


def test_an_encrypted_entry_is_said_to_be_one(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("k", b"value")
    data = bytearray((tmp_path / "a.zip").read_bytes())
    data[6] |= 1  # in the header
    data[data.index(b"PK\1\2") + 8] |= 1  # and in the directory
    (tmp_path / "a.zip").write_bytes(data)
    with pytest.raises(zipfile.BadZipFile, match="'k' is encrypted"):
        ZipStore(tmp_path / "a.zip").get_sync("k")


def test_a_cut_directory_is_an_error_and_the_file_stays(folder: Path) -> None:
    shutil.make_archive(str(folder / "a"), "zip", folder / "tree")
    whole = (folder / "a.zip").read_bytes()
    for length in (len(whole) - 1, len(whole) - 30, len(whole) // 2, 10):
        (folder / "a.zip").write_bytes(whole[:length])
        for mode in ("r", "a"):
            with pytest.raises(zipfile.BadZipFile):
                sync(ZipStore.open(folder / "a.zip", mode=mode))
            assert (folder / "a.zip").read_bytes() == whole[:length]
        with pytest.raises(zipfile.BadZipFile):
            sync(RemoteZipStore.open(LocalStore(folder), "a.zip"))
