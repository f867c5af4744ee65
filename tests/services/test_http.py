"""Arrays and groups behind a web server are read, by URL, without listing."""

from __future__ import annotations

import asyncio
import pickle
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import zarr
from zarr.storage import FsspecStore, ObjectStore, ZipStore

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def served(nginx: tuple[str, Path], request: pytest.FixtureRequest) -> tuple[str, Path]:
    """The address of a directory of this test, and the directory."""
    name = f"t{abs(hash(request.node.nodeid))}"
    return f"{nginx[0]}/{name}", nginx[1] / name


def test_an_array_is_read_by_its_address(served: tuple[str, Path]) -> None:
    url, directory = served
    values = np.arange(600, dtype="i4").reshape(20, 30)
    zarr.create_array(directory, data=values, chunks=(5, 5), shards=(10, 10))
    array = zarr.open_array(url, mode="r")
    assert isinstance(array.store, ObjectStore)
    np.testing.assert_array_equal(array[:], values)
    np.testing.assert_array_equal(array[3:7, 8], values[3:7, 8])
    again = pickle.loads(pickle.dumps(array))
    np.testing.assert_array_equal(again[::7], values[::7])
    node = zarr.open(url)
    assert isinstance(node, zarr.Array)

    async def read() -> Any:
        opened = await zarr.api.asynchronous.open_array(store=url, mode="r")
        return await opened.getitem((slice(None), 4))

    np.testing.assert_array_equal(asyncio.run(read()), values[:, 4])


def test_a_group_lists_what_was_consolidated(served: tuple[str, Path]) -> None:
    url, directory = served
    group = zarr.open_group(directory, mode="w", zarr_format=2)
    group.create_array("a", data=np.arange(5))
    group.create_group("b").create_array("c", data=np.arange(3))
    zarr.consolidate_metadata(directory, zarr_format=2)
    found = zarr.open_group(url, mode="r")
    assert sorted(found) == ["a", "b"]
    np.testing.assert_array_equal(found["b/c"][:], np.arange(3))
    assert "nothing" not in found


def test_a_chunk_that_is_missing_is_filled(served: tuple[str, Path]) -> None:
    url, directory = served
    array = zarr.create_array(directory, shape=(6,), chunks=(2,), dtype="i4", fill_value=9)
    array[2:4] = 1
    np.testing.assert_array_equal(zarr.open_array(url, mode="r")[:], [9, 9, 1, 1, 9, 9])


def test_nothing_there_is_an_error(served: tuple[str, Path]) -> None:
    with pytest.raises(FileNotFoundError):
        zarr.open(served[0], mode="r")


def test_options_of_fsspec_choose_fsspec(served: tuple[str, Path]) -> None:
    pytest.importorskip("aiohttp")
    url, directory = served
    zarr.create_array(directory, data=np.arange(9))
    options = {"client_kwargs": {"headers": {"X-Test": "1"}}}
    array = zarr.open_array(url, mode="r", storage_options=options)
    assert isinstance(array.store, FsspecStore)
    np.testing.assert_array_equal(array[2:5], np.arange(2, 5))


def test_a_zip_file_behind_the_server(served: tuple[str, Path]) -> None:
    pytest.importorskip("aiohttp")
    url, directory = served
    directory.mkdir()
    with zarr.storage.ZipStore(directory / "a.zip", mode="w") as store:
        zarr.create_array(store, data=np.arange(100), chunks=(10,))
    array = zarr.open_array(f"zip::{url}/a.zip", mode="r")
    np.testing.assert_array_equal(array[15:35], np.arange(15, 35))


def test_a_zip_file_is_its_directory_and_one_ranged_request_for_each_chunk(
    served: tuple[str, Path], asked: Callable[[], list[str]]
) -> None:
    url, directory = served
    directory.mkdir()
    values = np.arange(3000, dtype="i4").reshape(60, 50)
    with ZipStore(directory / "x.zip", mode="w") as store:
        zarr.create_array(store, data=values, chunks=(10, 50))
    asked()
    array = zarr.open_array(f"zip::{url}/x.zip", mode="r")
    opening = asked()
    assert len(opening) <= 3, opening  # how long it is, its directory, the metadata
    np.testing.assert_array_equal(array[:], values)
    chunks = asked()
    assert len(chunks) == 6, chunks
    for line in chunks:
        method, path, span = line.split()
        assert (method, path.endswith("/x.zip")) == ("GET", True)
        first, last = span.removeprefix("bytes=").split("-")
        assert int(last) - int(first) < values.nbytes / 3


def test_reading_an_array_is_one_request_for_each_chunk_and_no_more(
    served: tuple[str, Path], asked: Callable[[], list[str]]
) -> None:
    url, directory = served
    values = np.arange(3000, dtype="i4").reshape(60, 50)
    zarr.create_array(directory, data=values, chunks=(10, 50))
    asked()
    array = zarr.open_array(url, mode="r", zarr_format=3)
    assert [line.split()[1].rpartition("/")[2] for line in asked()] == ["zarr.json"]
    np.testing.assert_array_equal(array[15:], values[15:])
    assert sorted(line.rstrip("- ").partition("/c/")[2] for line in asked()) == [
        f"{chunk}/0" for chunk in range(1, 6)
    ]
