"""A shard on a real service that is replaced while it is read is read as one version."""

from __future__ import annotations

import os
import uuid
from itertools import count
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import zarr
from zarr._async.executors import sync
from zarr.buffer.cpu import buffer_prototype
from zarr.storage import FsspecStore, LocalStore, ObjectStore, RemoteZipStore, ZipStore
from zarr.testing.faults import SwappingStore

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LENGTH = 64
FIRST, SECOND = np.arange(LENGTH), 1000 * np.arange(LENGTH) + 7


class Place:
    """A store that only reads, and how others put values there."""

    def __init__(self, store: Any, put: Callable[[str, bytes], Any]) -> None:
        self.store = store
        self.put = put


@pytest.fixture(params=["obstore, S3", "s3fs", "obstore, HTTP", "fsspec, HTTP"])
def place(request: pytest.FixtureRequest) -> Place:
    if request.param in ("obstore, S3", "s3fs"):
        s3 = request.getfixturevalue("s3")

        def put_object(key: str, data: bytes) -> None:
            s3.client.put_object(Bucket=s3.bucket, Key=key, Body=data)

        if request.param == "s3fs":
            pytest.importorskip("s3fs")
            return Place(FsspecStore.from_url(f"s3://{s3.bucket}", s3.options), put_object)
        return Place(ObjectStore(s3.obstore()), put_object)
    address, served = request.getfixturevalue("nginx")
    directory = served / uuid.uuid4().hex
    url = f"{address}/{directory.name}"
    seconds = count()

    def put_file(key: str, data: bytes) -> None:
        path = directory / key
        path.parent.mkdir(parents=True, exist_ok=True)
        (directory / "new").write_bytes(data)
        # The server's tags are made of the size and the second: later writes are of later seconds.
        os.utime(directory / "new", (0, 1_000_000 + next(seconds)))
        os.replace(directory / "new", path)

    if request.param == "fsspec, HTTP":
        return Place(FsspecStore.from_url(url, read_only=True), put_file)
    from obstore.store import HTTPStore

    store = HTTPStore.from_url(url, client_options={"allow_http": True})
    return Place(ObjectStore(store, read_only=True), put_file)


class Swapping(SwappingStore):
    """Others put the value there."""

    def __init__(self, place: Place, key: str, value: bytes, turn: int) -> None:
        super().__init__(place.store, key, value, turn)
        self._put = place.put

    async def _swap(self) -> None:
        assert self.value is not None
        self._put(self.key, self.value)


def stored(directory: Path, compressors: Any) -> tuple[bytes, bytes, bytes]:
    """The metadata of an array with one shard, and the shard before and after."""
    array: Any = zarr.create_array(
        LocalStore(directory),
        shape=(LENGTH,),
        chunks=(4,),
        shards=(LENGTH,),
        dtype="i4",
        compressors=compressors,
    )
    shards = []
    for values in (FIRST, SECOND):
        array[:] = values
        shards.append((directory / "c/0").read_bytes())
    return (directory / "zarr.json").read_bytes(), shards[0], shards[1]


@pytest.mark.parametrize("compressors", [None, "auto"])
@pytest.mark.parametrize("turn", [1, 2])
def test_parts_of_a_shard(place: Place, tmp_path: Path, compressors: Any, turn: int) -> None:
    document, before, after = stored(tmp_path, compressors)
    place.put("zarr.json", document)
    place.put("c/0", before)
    swapping = Swapping(place, "c/0", after, turn)
    with zarr.config.set({"array.sharding_coalesce_max_gap_bytes": 0, "async.concurrency": 1}):
        array: Any = zarr.open_array(swapping, mode="r")
        found = array[::16].tolist()
        assert swapping.swapped
        assert found in (FIRST[::16].tolist(), SECOND[::16].tolist())
        assert array[::16].tolist() == SECOND[::16].tolist()


def test_versions_of_parts(place: Place) -> None:
    from zarr.abc.store import OffsetByteRequest, RangeByteRequest, SuffixByteRequest

    place.put("k", b"0123456789")
    asked = [None, RangeByteRequest(2, 5), OffsetByteRequest(7), SuffixByteRequest(2)]
    found = [sync(place.store.get_versioned("k", buffer_prototype, part)) for part in asked]
    values = [each[0].to_bytes() for each in found]
    assert values == [b"0123456789", b"234", b"789", b"89"]
    versions = [each[1] for each in found]
    assert versions[0] is not None
    assert all(version == versions[0] for version in versions)
    place.put("k", b"9876543210-")
    changed = sync(place.store.get_versioned("k", buffer_prototype, asked[1]))
    assert changed[1] != versions[0]
    assert sync(place.store.get_versioned("absent", buffer_prototype, asked[1])) is None


def test_a_zip_file_that_is_replaced_is_opened_anew(place: Place, tmp_path: Path) -> None:
    files = []
    for number, values in enumerate((FIRST, SECOND)):
        with ZipStore(tmp_path / f"{number}.zip", mode="w") as store:
            if number:
                zarr.create_group(store, path="more")  # so that all lies elsewhere
            zarr.create_array(store, name="a", data=values, chunks=(16,), compressors=None)
        files.append((tmp_path / f"{number}.zip").read_bytes())
    place.put("x.zip", files[0])
    remote = RemoteZipStore(place.store, "x.zip")
    array: Any = zarr.open_array(remote, path="a", mode="r")
    assert array[0] == 0
    place.put("x.zip", files[1])
    assert array[:].tolist() == SECOND.tolist()
