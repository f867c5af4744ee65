"""The stores whose values the engine fetches by itself, and the addresses of these values."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from zarr._async.executors import sync

obstore = pytest.importorskip("obstore")
from obstore.store import GCSStore, HTTPStore, MemoryStore, S3Store  # noqa: E402

from zarr.storage.presigned import presigned_urls  # noqa: E402

KEYS: dict[str, Any] = {"access_key_id": "k", "secret_access_key": "s", "region": "eu-west-1"}


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.lower().endswith("_proxy") or name.startswith("AWS_"):
            monkeypatch.delenv(name)


def of(store: Any, *keys: str) -> list[str] | None:
    return sync(presigned_urls(obstore, store, keys))


def test_of_web_servers() -> None:
    assert of(HTTPStore("https://h.org/a/"), "c/0", "d/c/1.2") == [
        "https://h.org/a/c/0",
        "https://h.org/a/d/c/1.2",
    ]
    open_one = HTTPStore("http://h.org:81/a", client_options={"allow_http": True})
    assert of(open_one, "c/0") == ["http://h.org:81/a/c/0"]


def test_of_buckets() -> None:
    found = of(S3Store("b", prefix="p/q", **KEYS, session_token="t"), "c/0", "x y/ü")
    assert found is not None
    first, second = map(urlsplit, found)
    assert (first.scheme, first.netloc) == ("https", "s3.eu-west-1.amazonaws.com")
    assert first.path == "/b/p/q/c/0"
    assert second.path == "/b/p/q/x%20y/%C3%BC"
    query = parse_qs(first.query)
    assert query["X-Amz-Expires"] == ["3600"]
    assert query["X-Amz-Security-Token"] == ["t"]
    assert len(query["X-Amz-Signature"][0]) == 64


def test_of_public_buckets_nothing_is_signed() -> None:
    for given in ({"region": "eu-west-1"}, KEYS):
        store = S3Store("b", prefix="p", skip_signature=True, **given)
        assert of(store, "c/0") == ["https://s3.eu-west-1.amazonaws.com/b/p/c/0"]
    store = S3Store("b", skip_signature=True, region="x", virtual_hosted_style_request=True)
    assert of(store, "c/0") == ["https://b.s3.x.amazonaws.com/c/0"]


@pytest.mark.parametrize(
    "store",
    [
        MemoryStore(),
        GCSStore("b", skip_signature=True),
        HTTPStore("https://h/a?q=1"),
        HTTPStore("https://name:word@h/a"),
        HTTPStore("http://h/a"),  # which obstore refuses to ask
        HTTPStore("https://h/a", client_options={"default_headers": {"x": "1"}}),
        HTTPStore("https://h/a", client_options={"timeout": timedelta(seconds=1)}),
        HTTPStore("https://h/a", client_options={"proxy_url": "http://p"}),
        HTTPStore("https://h/a", client_options={"allow_invalid_certificates": True}),
        S3Store("b", **KEYS, request_payer=True),
        S3Store("b", **KEYS, imdsv1_fallback=True),
        S3Store("b", **KEYS, endpoint="http://h"),
    ],
    ids=lambda store: f"{type(store).__name__}",
)
def test_of_others_there_are_none(store: Any) -> None:
    assert of(store, "c/0") is None


def test_of_keys_that_must_be_spelled_otherwise_there_are_none() -> None:
    for key in ("a b", "ü", "a?b", "a#b", "a%20b", "a+b"):
        assert of(HTTPStore("https://h/a"), "c/0", key) is None


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "http_proxy", "ALL_PROXY", "AWS_PROXY_URL"])
def test_behind_a_proxy_there_are_none(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    store = HTTPStore("https://h/a")
    monkeypatch.setenv(name, "http://p:1")
    assert of(store, "c/0") is None


def test_without_credentials_there_are_none() -> None:
    provider: Any = lambda: {"access_key_id": "k", "secret_access_key": "s", "expires_at": None}  # noqa: E731
    assert of(S3Store("b", region="x", credential_provider=provider), "c/0") is None
