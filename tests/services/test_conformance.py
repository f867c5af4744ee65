"""Stores on a real S3 server keep the promises of `zarr.abc.store.Store`."""

from __future__ import annotations

from typing import Any

import pytest

from zarr.buffer.cpu import Buffer
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

    def test_the_service_takes_conditions(self, store: Any) -> None:
        assert store.supports_conditional_writes


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
