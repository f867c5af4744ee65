"""A server that is not there soon raises an `OSError` that names its address."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import zarr
from zarr.storage import FsspecStore, MemoryStore, ObjectStore, StorePath
from zarr.storage.client.retry import UnreachableError, is_transient, is_unreachable
from zarr.testing.faults import FaultyStore

if TYPE_CHECKING:
    from collections.abc import Iterator

pytest.importorskip("obstore")
pytest.importorskip("fsspec")


@pytest.fixture
def address() -> Iterator[str]:
    """Where nobody listens: the port is taken, so that nobody else gets it."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


@pytest.fixture
def attempts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The requests of whichever client."""
    made: list[str] = []
    for kind, name in ((ObjectStore, "_answer"), (FsspecStore, "_at_home")):
        method = getattr(kind, name)

        async def counted(self: Any, request: Any, method: Any = method) -> Any:
            made.append(type(self).__name__)
            return await method(self, request)

        monkeypatch.setattr(kind, name, counted)
    return made


def options_of(client: str, address: str) -> tuple[str, dict[str, Any] | None]:
    place = {"endpoint_url": address, "region_name": "us-east-1"}
    s3 = {"key": "k", "secret": "s", "client_kwargs": place}
    match client:
        case "http":
            return f"{address}/x.zarr", None
        case "http by fsspec":
            pytest.importorskip("aiohttp")
            return f"{address}/x.zarr", {"block_size": 0}
        case "s3":
            return "s3://bucket/x.zarr", s3
    pytest.importorskip("s3fs")
    return "s3://bucket/x.zarr", {**s3, "default_block_size": 1 << 20}


CLIENTS = ["http", "http by fsspec", "s3", "s3 by fsspec"]


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("host", ["closed", "unknown"])
def test_one_layer_asks_again_and_the_error_names_the_address(
    client: str, host: str, address: str, attempts: list[str]
) -> None:
    if host == "unknown":
        address = "http://no-such-host.invalid"
    url, options = options_of(client, address)
    with (
        zarr.config.set({"requests.backoff": 0.001, "requests.attempts": 3}),
        pytest.raises(OSError, match=address.removeprefix("http://").partition(":")[0]) as caught,
    ):
        zarr.open_group(url, mode="r", storage_options=options)
    assert not isinstance(caught.value, FileNotFoundError)
    assert is_unreachable(caught.value)
    assert "\n" not in str(caught.value)
    assert len(attempts) <= 3
    assert "retries: 1" not in str(caught.value.__cause__)


def test_writing_is_refused_in_the_same_way(address: str) -> None:
    url, options = options_of("s3", address)
    with (
        zarr.config.set({"requests.backoff": 0.001, "requests.attempts": 2}),
        pytest.raises(OSError, match=address),
    ):
        zarr.create_array(url, data=np.arange(3), storage_options=options)


@pytest.mark.parametrize(("patience", "asked"), [(0.0, 1), (60.0, 5)])
def test_it_is_looked_for_as_long_as_configured(patience: float, asked: int) -> None:
    class Gone(MemoryStore):
        asked = 0

        async def get(self, *_: Any, **__: Any) -> Any:
            type(self).asked += 1
            raise UnreachableError("http://h: nobody there")

    changes = {"requests.unreachable_after": patience, "requests.attempts": 5}
    with (
        zarr.config.set({**changes, "requests.backoff": 0.001}),
        pytest.raises(UnreachableError, match="http://h"),
    ):
        zarr.open_group(Gone(), mode="r")
    assert Gone.asked == asked


def test_a_fault_of_a_server_that_is_there_is_waited_out() -> None:
    store = FaultyStore(MemoryStore())
    zarr.create_group(store, attributes={"a": 1})
    store.plan(["reset", "busy", "fail", "reset"])
    with zarr.config.set({"requests.unreachable_after": 0.0, "requests.backoff": 0.001}):
        assert zarr.open_group(store, mode="r").attrs["a"] == 1


def test_a_client_that_asks_again_by_itself_is_not_asked_again(
    address: str, attempts: list[str]
) -> None:
    from datetime import timedelta

    from obstore.store import HTTPStore

    short = {
        "base": 2,
        "init_backoff": timedelta(milliseconds=1),
        "max_backoff": timedelta(milliseconds=2),
    }
    retry: Any = {"max_retries": 2, "retry_timeout": timedelta(seconds=5), "backoff": short}
    client: Any = {"allow_http": True}
    store = ObjectStore(HTTPStore(address, client_options=client, retry_config=retry))
    with pytest.raises(OSError, match=address) as caught:
        zarr.core.sync.sync(StorePath(store, "a").get())
    assert len(attempts) == 1
    assert not is_transient(caught.value)
