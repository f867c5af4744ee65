"""No name that metadata or callers give leads out of a store: files outside are as they were."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import zarr
from zarr.storage import LocalStore, SQLiteStore, StorePath, ZipStore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from zarr.abc.store import Store

PATHS = ["..", "../outside", "a/../../outside", "./a", "a/./b", "..\\outside", "a\\..\\..\\outside"]


@pytest.fixture(params=["local", "zip", "sqlite", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    """A store beside an array that nobody may touch."""
    zarr.create_array(tmp_path / "outside", data=np.arange(4))
    before = _files(tmp_path / "outside")
    made: dict[str, Any] = {
        "local": lambda: LocalStore(tmp_path / "root"),
        "zip": lambda: ZipStore(tmp_path / "root.zip", mode="w"),
        "sqlite": lambda: SQLiteStore(tmp_path / "root.sqlite"),
        "memory": dict,
    }
    store = made[request.param]()
    zarr.create_group(store)
    yield store
    assert _files(tmp_path / "outside") == before


def _files(directory: Path) -> dict[str, bytes]:
    return {str(p): p.read_bytes() for p in sorted(directory.rglob("*")) if p.is_file()}


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("zarr_format", [2, 3])
def test_paths_of_arrays_and_groups(store: Store, path: str, zarr_format: Any) -> None:
    group = zarr.open_group(store, mode="a")
    calls: list[Any] = [
        lambda: zarr.create_array(store, name=path, data=np.zeros(2), zarr_format=zarr_format),
        lambda: zarr.create_group(store, path=path, zarr_format=zarr_format, overwrite=True),
        lambda: zarr.open_array(store, path=path, mode="r"),
        lambda: zarr.open_group(store, path=path, mode="w"),
        lambda: zarr.open(store, path=path, mode="w", shape=(3,)),
        lambda: zarr.save_array(store, np.zeros(2), path=path),
        lambda: group.create_array(path, shape=(2,), dtype="i4", overwrite=True),
        lambda: group.create_group(path, overwrite=True),
        lambda: group[path],
        lambda: group.__delitem__(path),
    ]
    for number, call in enumerate(calls):
        with pytest.raises((ValueError, KeyError)):
            pytest.fail(f"call {number} returned {call()!r}")


@pytest.mark.parametrize("path", PATHS)
def test_paths_in_a_store(path: str) -> None:
    with pytest.raises(ValueError, match="invalid"):
        StorePath(LocalStore("x"), path)
    with pytest.raises(ValueError, match="invalid"):
        StorePath(LocalStore("x"), "a") / path


@pytest.mark.parametrize("separator", ["/../", "..", "", "\\", "/./", "\0", 1, None])
@pytest.mark.parametrize("name", ["default", "v2"])
def test_key_encodings_that_a_document_names(tmp_path: Path, name: str, separator: Any) -> None:
    zarr.create_array(tmp_path / "a", data=np.arange(4), chunks=(2,))
    file = tmp_path / "a" / "zarr.json"
    document = json.loads(file.read_text())
    document["chunk_key_encoding"] = {"name": name, "configuration": {"separator": separator}}
    file.write_text(json.dumps(document))
    with pytest.raises(ValueError, match="separator"):
        zarr.open_array(tmp_path / "a")


def test_a_separator_of_format_2(tmp_path: Path) -> None:
    zarr.create_array(tmp_path / "a", data=np.arange(4), chunks=(2,), zarr_format=2)
    file = tmp_path / "a" / ".zarray"
    document = json.loads(file.read_text())
    document["dimension_separator"] = "/../"
    file.write_text(json.dumps(document))
    with pytest.raises(ValueError, match="separator"):
        zarr.open_array(tmp_path / "a")
