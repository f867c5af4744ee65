"""A service copies values itself, and tells which of them differ."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import zarr
from zarr import tools
from zarr.storage import FsspecStore, LocalStore, ObjectStore

if TYPE_CHECKING:
    from pathlib import Path

DATA = np.arange(600).reshape(20, 30)

pytestmark = pytest.mark.network


@pytest.fixture(params=["obstore", "s3fs"])
def store(request: Any, s3: Any) -> Any:
    if request.param == "obstore":
        return ObjectStore(s3.obstore("some"))
    s3fs = pytest.importorskip("s3fs")
    return FsspecStore(s3fs.S3FileSystem(**s3.options), path=f"{s3.bucket}/some")


def written(s3: Any) -> dict[str, str]:
    listed = s3.client.list_objects_v2(Bucket=s3.bucket).get("Contents", [])
    return {each["Key"]: each["ETag"] for each in listed}


def test_nodes_are_copied_and_moved_within_a_bucket(store: Any, s3: Any) -> None:
    zarr.create_array(store, name="a", data=DATA, chunks=(10, 10))
    before = {key[len("some/a/") :]: tag for key, tag in written(s3).items() if "/a/" in key}
    chunk = s3.client.get_object(Bucket=s3.bucket, Key="some/a/c/0/0")["Body"].read()
    done = tools.cp(store, store, path="a", target_path="b/c")
    assert done.copied == len(before) == 7
    after = {key[len("some/b/c/") :]: tag for key, tag in written(s3).items() if "/b/c/" in key}
    assert after == before
    tools.mv(store, store, path="b/c", target_path="d")
    assert not any("/b/c/" in key for key in written(s3))
    assert s3.client.get_object(Bucket=s3.bucket, Key="some/d/c/0/0")["Body"].read() == chunk


@pytest.mark.parametrize("task", [tools.cp, tools.mv, tools.sync])
def test_no_chunk_comes_here_within_a_bucket(task: Any, store: Any) -> None:
    data = np.arange(40_000).reshape(200, 200)
    zarr.create_array(store, name="a", data=data, chunks=(100, 100), compressors=None)
    with zarr.trace() as trace:
        done = task(store, store, path="a", target_path="b")
    assert done.copied == 5
    assert done.bytes > data.nbytes
    found = trace.summary()
    assert found.requests > 5
    assert found.bytes_fetched + found.bytes_written < 10_000  # documents


async def copied(store: Any) -> list[int | None]:
    return [
        await store.copy_value("a/zarr.json", store, "new"),
        await store.copy_value("nothing", store, "newer"),
    ]


def test_the_service_makes_the_copy(store: Any, s3: Any) -> None:
    from zarr._async.executors import sync

    zarr.create_array(store, name="a", data=DATA, chunks=(10, 10))
    size = s3.client.head_object(Bucket=s3.bucket, Key="some/a/zarr.json")["ContentLength"]
    assert sync(copied(store)) == [size, None]
    assert written(s3)["some/new"] == written(s3)["some/a/zarr.json"]


def test_values_are_compared_by_the_tags_of_the_service(
    store: Any, s3: Any, tmp_path: Path
) -> None:
    local = LocalStore(tmp_path / "a")
    array = zarr.create_array(local, data=DATA, chunks=(10, 10), compressors=None)
    assert tools.sync(local, store).copied == 7
    array[0, 0] = -1
    tools.sync(local, store, checksum=True)
    assert zarr.open_array(store)[0, 0] == -1
    # A value of the same size that somebody wrote later differs by its tag.
    other = ObjectStore(s3.obstore("other"))
    tools.sync(store, other)
    s3.client.put_object(Bucket=s3.bucket, Key="other/c/0/0", Body=bytes(800))
    assert tools.sync(store, other).copied == 1
    assert written(s3)["other/c/0/0"] == written(s3)["some/c/0/0"]


def test_a_node_of_a_bucket_is_replaced(store: Any, s3: Any) -> None:
    group = zarr.create_group(store)
    group.create_array("a", data=DATA, chunks=(10, 10))
    array = group["a"]
    tools.replace(array.lazy[::-1], store, target_path="a")
    np.testing.assert_array_equal(zarr.open_array(store, path="a")[...], DATA[::-1])
    assert not any("~new" in key for key in written(s3))
