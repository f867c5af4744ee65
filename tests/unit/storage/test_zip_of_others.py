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
def directory(tmp_path: Path) -> Path:
    zarr.create_group(tmp_path / "tree").create_array("a", data=DATA, chunks=(10, 25))
    return tmp_path


def opened(directory: Path, path: str = "a") -> None:
    """The array is right in `a.zip`, opened in both ways."""
    stores: list[Store] = [
        ZipStore(directory / "a.zip"),
        RemoteZipStore(LocalStore(directory), "a.zip"),
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
def test_archives_of_other_programs(directory: Path, command: list[str]) -> None:
    if shutil.which(command[0]) is None:
        pytest.skip(f"needs {command[0]}")
    subprocess.run(command, cwd=directory / "tree", check=True, stdout=subprocess.DEVNULL)
    opened(directory)


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
def test_archives_of_python(directory: Path, compression: int, streamed: bool) -> None:
    """With directories in between, a comment, and extra fields of both kinds."""
    pipe = Pipe()
    target: Any = pipe if streamed else directory / "a.zip"
    with zipfile.ZipFile(target, "w", compression) as archive:
        archive.mkdir("top")
        for file in sorted((directory / "tree").rglob("*")):
            if file.is_file():
                name = f"top/{file.relative_to(directory / 'tree')}"
                info = zipfile.ZipInfo(name)
                info.compress_type = compression
                info.extra = b"\xfe\xca\x04\x00test"
                archive.writestr(info, file.read_bytes())
        archive.comment = b"a comment" * 200
    if streamed:
        (directory / "a.zip").write_bytes(pipe.data)
    opened(directory, "top/a")
    # The values that were there stay when one is added.
    with ZipStore(directory / "a.zip", mode="a") as store:
        store.set_sync("new", Buffer.from_bytes(b"v"))
    opened(directory, "top/a")


def test_an_archive_behind_something_else(directory: Path) -> None:
    """As a program that unpacks itself."""
    shutil.make_archive(str(directory / "a"), "zip", directory / "tree")
    (directory / "a.zip").write_bytes(os.urandom(1000) + (directory / "a.zip").read_bytes())
    opened(directory)


def test_an_encrypted_entry_is_said_to_be_one(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("k", b"value")
    data = bytearray((tmp_path / "a.zip").read_bytes())
    data[6] |= 1  # in the header
    data[data.index(b"PK\1\2") + 8] |= 1  # and in the directory
    (tmp_path / "a.zip").write_bytes(data)
    with pytest.raises(zipfile.BadZipFile, match="'k' is encrypted"):
        ZipStore(tmp_path / "a.zip").get_sync("k")


def test_a_cut_directory_is_an_error_and_the_file_stays(directory: Path) -> None:
    shutil.make_archive(str(directory / "a"), "zip", directory / "tree")
    whole = (directory / "a.zip").read_bytes()
    for length in (len(whole) - 1, len(whole) - 30, len(whole) // 2, 10):
        (directory / "a.zip").write_bytes(whole[:length])
        for mode in ("r", "a"):
            with pytest.raises(zipfile.BadZipFile):
                sync(ZipStore.open(directory / "a.zip", mode=mode))
            assert (directory / "a.zip").read_bytes() == whole[:length]
        with pytest.raises(zipfile.BadZipFile):
            sync(RemoteZipStore.open(LocalStore(directory), "a.zip"))
