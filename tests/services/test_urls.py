"""A URL with options like those of fsspec opens the same data by every client."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

import zarr
from zarr._async.executors import sync
from zarr.storage import FsspecStore, ObjectStore
from zarr.storage.path import make_store

PASSWORDS = ("the-access-key", "the-secret-key")


def opened(url: str, **options: Any) -> Any:
    return sync(make_store(url, storage_options=options or None))


def test_an_array_by_url(s3: Any) -> None:
    url = f"s3://{s3.bucket}/some/array"
    zarr.create_array(url, data=np.arange(40), chunks=(8,), storage_options=s3.options)
    array = zarr.open_array(url, mode="r", storage_options=s3.options)
    assert isinstance(array.store, ObjectStore)
    np.testing.assert_array_equal(array[:], np.arange(40))
    # s3fs sees the same objects under the same names.
    pytest.importorskip("s3fs")
    other = FsspecStore.from_url(url, s3.options)
    np.testing.assert_array_equal(zarr.open_array(other, mode="r")[3:19], np.arange(3, 19))


def test_options_that_only_fsspec_knows(s3: Any) -> None:
    pytest.importorskip("s3fs")
    url = f"s3://{s3.bucket}/x"
    for more in ({"default_block_size": 1 << 20}, {"use_ssl": False}, {"profile": "p"}):
        assert isinstance(opened(url, **s3.options, **more), FsspecStore)


def test_without_a_place_or_credentials_the_files_of_aws_count() -> None:
    pytest.importorskip("s3fs")
    assert isinstance(opened("s3://bucket/x", anon=True), FsspecStore)
    assert isinstance(opened("s3://bucket/x", client_kwargs={"region_name": "r"}), FsspecStore)
    known = opened("s3://bucket/x", anon=True, client_kwargs={"region_name": "eu-west-1"})
    assert isinstance(known, ObjectStore)


def test_azure_and_google_by_what_is_given() -> None:
    account = opened("abfs://container/x", account_name="a", account_key="a2V5")
    assert isinstance(account, ObjectStore)
    assert isinstance(opened("gs://bucket/x", token="anon"), ObjectStore)


@pytest.mark.parametrize("more", [{}, {"default_block_size": 1 << 20}])
def test_no_credentials_are_shown(s3: Any, more: dict[str, Any]) -> None:
    pytest.importorskip("s3fs")
    url = f"s3://{s3.bucket}/x"
    store = opened(url, **s3.options, **more)
    array = zarr.create_array(store, shape=(4,), dtype="i4")
    texts = [repr(store), str(store), store.data_id, repr(array), str(array.store_path)]
    with pytest.raises(Exception, match="absent") as caught:
        zarr.open_array(store, path="absent", mode="r")
    texts.append(str(caught.value))
    for text in texts:
        assert not any(word in text for word in PASSWORDS), text


@pytest.mark.parametrize("more", [{}, {"default_block_size": 1 << 20}])
def test_stores_and_nodes_pickle_small_and_without_credentials_of_their_surroundings(
    s3: Any, more: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("s3fs")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "from-the-surroundings")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "from-the-surroundings")
    group = zarr.create_group(f"s3://{s3.bucket}/g", storage_options={**s3.options, **more})
    array = group.create_array("a", data=np.arange(10))
    metadata = len(pickle.dumps(array.metadata))
    for value, extra in ((group.store, 0), (group, 1000), (array, metadata)):
        pickled = pickle.dumps(value)
        assert len(pickled) <= 2048 + extra
        assert b"from-the-surroundings" not in pickled
    again = pickle.loads(pickle.dumps(array))
    np.testing.assert_array_equal(again[:], np.arange(10))


def test_stores_on_two_servers_are_two_places() -> None:
    from obstore.store import MemoryStore, S3Store

    one, two = (ObjectStore(S3Store("b", endpoint=f"http://{host}")) for host in ("x", "y"))
    assert one.data_id != two.data_id
    below = ObjectStore(S3Store("b", prefix="p", endpoint="http://x"))
    assert one.data_id != below.data_id
    first, second = ObjectStore(MemoryStore()), ObjectStore(MemoryStore())
    assert first.data_id != second.data_id
