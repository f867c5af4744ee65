"""A URL begins with a protocol; every other string is a path, and two paths are two places."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import zarr
from zarr._async.run import run
from zarr.storage import FsspecStore, LocalStore, ManagedMemoryStore, RemoteZipStore, ZipStore
from zarr.storage.path import make_store

posix = pytest.mark.skipif(os.name == "nt", reason="such names are not allowed there")

NAMES = [
    "run::1.zarr",
    "run:1.zarr",
    "12:30:00.zarr",
    "a#1.zarr",
    "a?x=1.zarr",
    "100%.zarr",
    "a%20b.zarr",
    "a b.zarr",
    "é.zarr",
    "a*b[c]{d}.zarr",
    "--help",
    "-r",
    "~",
    "C:x.zarr",
    "file:x.zarr",
    "s3:x.zarr",
    "[::1].zarr",
    "::",
    "a\\b.zarr",
    "x y://z.zarr",
    "http:/host",
]


@posix
@pytest.mark.parametrize("absolute", [True, False])
@pytest.mark.parametrize("name", NAMES)
def test_a_path_names_a_directory_of_that_name(
    name: str, absolute: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    place = f"{tmp_path}/{name}" if absolute else name
    zarr.create_array(place, data=np.arange(3))
    assert (tmp_path / name / "zarr.json").is_file()
    for same in (place, Path(place), Path(tmp_path, name).as_uri()):
        np.testing.assert_array_equal(zarr.open_array(same, mode="r")[:], np.arange(3))
    store = zarr.open_array(place, mode="r").store
    np.testing.assert_array_equal(zarr.open_array(str(store), mode="r")[:], np.arange(3))
    assert os.listdir(tmp_path) == [name.partition("/")[0]]


@posix
@pytest.mark.parametrize("cut", ["::", "#", "?", "%20", "%", ":"])
def test_paths_that_differ_behind_a_special_character_are_two_places(
    cut: str, tmp_path: Path
) -> None:
    for value in (1, 2):
        zarr.create_array(f"{tmp_path}/run{cut}{value}.zarr", data=[value])
        zarr.save(f"{tmp_path}/saved{cut}{value}.zip", np.array([value]))
    for value in (1, 2):
        assert zarr.open_array(f"{tmp_path}/run{cut}{value}.zarr", mode="r")[:] == [value]
        saved = f"{tmp_path}/saved{cut}{value}.zip"
        assert zarr.open_array(saved, mode="r")[:] == [value]
        assert zarr.open_array(f"zip::{saved}", mode="r")[:] == [value]


@posix
def test_urls_of_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    place = tmp_path / "a b%20c#d?e.zarr"
    zarr.create_array(place, data=[1])
    uri = place.as_uri()
    rest = uri.removeprefix("file://")
    relative = rest.rpartition("/")[2]
    for url in (
        uri,
        f"file:{rest}",
        f"file://localhost{rest}",
        f"FILE://{rest}",
        f"{uri}/",
        f"file://{relative}",
    ):
        store: Any = run(make_store(url), waits=False)
        assert isinstance(store, LocalStore)
        assert store.root.resolve() == place.resolve()
    # A character that cannot stand in a URL stands for itself.
    plain = f"file://{tmp_path}/a b%2520c#d?e.zarr"
    assert zarr.open_array(plain, mode="r")[:] == [1]


@posix
def test_a_zip_file_by_its_url(tmp_path: Path) -> None:
    place = tmp_path / "a b::%.zip"
    zarr.save(place.as_uri(), np.arange(3))
    assert zipfile.is_zipfile(place)
    for url in (place.as_uri(), f"zip::{place.as_uri()}", f"zip::{place}"):
        array = zarr.open_array(url, mode="r")
        assert isinstance(array.store, ZipStore | RemoteZipStore)
        np.testing.assert_array_equal(array[:], np.arange(3))


@pytest.mark.parametrize("cut", ["::", "#", "?"])
def test_names_in_other_places_are_whole(cut: str) -> None:
    pytest.importorskip("fsspec")
    for value in (1, 2):
        zarr.create_array(f"memory://urls/run{cut}{value}.zarr", data=[value], overwrite=True)
    for value in (1, 2):
        url = f"memory://urls/run{cut}{value}.zarr"
        assert zarr.open_array(url, mode="r")[:] == [value]
        assert zarr.open_array(FsspecStore.from_url(url), mode="r")[:] == [value]


@pytest.mark.parametrize("cut", ["::", "#", "?"])
def test_paths_in_stores_of_a_name_are_whole(cut: str) -> None:
    store = ManagedMemoryStore(f"named-{ord(cut[0])}")
    for value in (1, 2):
        zarr.create_array(f"{store}/run{cut}{value}", data=[value])
    assert sorted(zarr.open_group(store, mode="a").array_keys()) == [f"run{cut}1", f"run{cut}2"]


def test_a_chain_begins_with_a_protocol_that_takes_one(tmp_path: Path) -> None:
    pytest.importorskip("fsspec")
    for url in ("zip::memory://a.zip", "simplecache::memory://a", "reference::x.json"):
        with pytest.raises(Exception, match=r".") as caught:
            zarr.open_array(url, mode="r")
        assert not isinstance(caught.value, NotImplementedError)
    with pytest.raises(ValueError, match="not known: run"):
        zarr.open_array("run::memory://a", mode="r")
    # fsspec would take the name of the object for a link.
    with pytest.raises(ValueError, match="not clear where a link"):
        FsspecStore.from_url("simplecache::memory://run::1")
