"""Stores on a real S3 server keep the promises of `zarr.abc.store.Store`."""

from __future__ import annotations

from typing import Any

import pytest

from zarr.background import sync
from zarr.buffer.cpu import Buffer, buffer_prototype
from zarr.storage import FsspecStore, ObjectStore
from zarr.testing.store import StoreTests


class OnS3(StoreTests[Any, Buffer]):
    buffer_cls = Buffer

    @pytest.fixture(autouse=True)
    def _bucket(self, s3: Any) -> None:
        self.client = s3.client
        self.bucket = s3.bucket

    async def set(self, store: Any, key: str, value: Buffer) -> None:
        self.client.put_object(Bucket=self.bucket, Key=f"some/{key}", Body=value.to_bytes())

    async def get(self, store: Any, key: str) -> Buffer:
        answer = self.client.get_object(Bucket=self.bucket, Key=f"some/{key}")
        return Buffer.from_bytes(answer["Body"].read())

    def test_a_value_is_replaced_only_if_nobody_else_has(self, store: Any) -> None:
        one, two = Buffer.from_bytes(b"1"), Buffer.from_bytes(b"2")
        assert store.supports_conditional_writes
        assert sync(store.get_versioned("k", buffer_prototype)) is None
        assert sync(store.set_if_unchanged("k", one, None))
        assert not sync(store.set_if_unchanged("k", two, None))
        value, version = sync(store.get_versioned("k", buffer_prototype))
        assert value.to_bytes() == b"1"
        assert sync(store.set_if_unchanged("k", two, version))
        assert not sync(store.set_if_unchanged("k", one, version))
        sync(store.delete("k"))
        assert not sync(store.set_if_unchanged("k", one, version))
        assert not sync(store.exists("k"))
        with pytest.raises(ValueError, match="read-only"):
            sync(store.with_read_only(True).set_if_unchanged("k", one, None))


class TestObjectStoreOnS3(OnS3):
    store_cls = ObjectStore

    @pytest.fixture
    def store_kwargs(self, s3: Any) -> dict[str, Any]:
        return {"store": s3.obstore("some")}


class TestFsspecStoreOnS3(OnS3):
    store_cls = FsspecStore

    @pytest.fixture
    def store_kwargs(self, s3: Any) -> dict[str, Any]:
        s3fs = pytest.importorskip("s3fs")
        fs = s3fs.S3FileSystem(**s3.options)
        return {"fs": fs, "path": f"{s3.bucket}/some"}
