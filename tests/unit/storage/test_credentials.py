"""Credentials are in no repr, log or error."""

from __future__ import annotations

import io
import logging
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import zarr
from zarr._async.executors import sync
from zarr.buffer.cpu import Buffer
from zarr.storage import (
    CacheStore,
    FsspecStore,
    LoggingStore,
    MemoryStore,
    ObjectStore,
    RemoteZipStore,
    StorePath,
)
from zarr.storage.keys import redacted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from zarr.abc.store import Store

SECRET = "s3cr3t"


def shown(store: Store) -> Iterator[str]:
    """All that a store, and what is in it, shows of itself."""
    for one in (store, StorePath(store, "a"), RemoteZipStore(store, "a.zip")):
        yield from (repr(one), str(one), f"{one}")
    yield repr(CacheStore(store, cache_store=MemoryStore()))
    log = io.StringIO()
    logged = LoggingStore(store, log_handler=logging.StreamHandler(log))
    assert logged != MemoryStore()
    yield from (repr(logged), str(logged), logged.logger.name, log.getvalue())


def fsspec_store(**options: Any) -> FsspecStore:
    fsspec = pytest.importorskip("fsspec")
    return FsspecStore(fsspec.filesystem("memory", **options), path="/directory")


def test_options_of_a_file_system_are_not_shown() -> None:
    store = fsspec_store(key="id", secret=SECRET, token=SECRET, password=SECRET)
    a = zarr.create_array(store, name="g/a", data=np.arange(3), overwrite=True)
    group = zarr.open_group(store, path="g")
    for text in (*shown(store), repr(a), str(a), repr(group), str(a.info), repr(a.store_path)):
        assert SECRET not in text
    with pytest.raises(FileNotFoundError) as error:
        sync(store.getsize("absent"))
    assert SECRET not in str(error.value)
    with pytest.raises(FileNotFoundError) as error:
        zarr.open_array(store, path="absent", mode="r")
    assert SECRET not in str(error.value)
    sync(store.clear())


@pytest.mark.parametrize(
    "url",
    [
        f"https://user:{SECRET}@host.example/directory",
        f"https://{SECRET}@host.example/directory",
        f"https://host.example/directory?X-Amz-Signature={SECRET}&X-Amz-Credential={SECRET}",
        f"https://user:{SECRET}@host.example/directory?sig={SECRET}",
    ],
)
def test_urls_are_shown_without_passwords_and_signatures(url: str) -> None:
    kinds = pytest.importorskip("obstore.store")
    for store in (ObjectStore(kinds.HTTPStore.from_url(url)),):
        for text in shown(store):
            assert SECRET not in text
        assert "host.example/directory" in str(store)
    fake = fsspec_store()
    fake.path = url
    assert SECRET not in repr(fake)
    assert "host.example/directory" in repr(fake)


def test_a_zip_file_behind_a_signed_url_is_shown_without_the_signature() -> None:
    store = RemoteZipStore(fsspec_store(), f"a.zip?sig={SECRET}")
    for text in shown(store):
        assert SECRET not in text
    with pytest.raises(FileNotFoundError) as error:
        sync(store.getsize("k"))
    assert SECRET not in str(error.value)


def test_keys_of_object_stores_are_not_shown() -> None:
    kinds = pytest.importorskip("obstore.store")
    s3 = kinds.S3Store(
        "bucket", access_key_id=SECRET, secret_access_key=SECRET, session_token=SECRET
    )
    azure = kinds.AzureStore.from_url(f"https://a.blob.core.windows.net/c?sig={SECRET}")
    for store in (ObjectStore(s3), ObjectStore(azure)):
        for text in shown(store):
            assert SECRET not in text


def test_a_string_that_is_no_url_is_shown_as_it_is() -> None:
    for text in ("/data/a?b@c", "s3://bucket/key", "C:\\x", "reference://", ""):
        assert redacted(text) == text


def test_a_logged_call_shows_keys_and_no_values() -> None:
    log = io.StringIO()
    store = LoggingStore(MemoryStore(), log_handler=logging.StreamHandler(log))
    store.set_sync("k", Buffer.from_bytes(SECRET.encode()))
    assert "set_sync(k)" in log.getvalue()
    assert SECRET not in log.getvalue()
