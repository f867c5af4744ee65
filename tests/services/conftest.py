"""Real servers on this machine, started and stopped by the tests."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run the asynchronous tests of `zarr.testing`."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    names = pyfuncitem._fixtureinfo.argnames
    asyncio.run(pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in names}))
    return True


HERE = Path(__file__).parent
KEY, SECRET, REGION = "the-access-key", "the-secret-key", "us-east-1"


class S3(NamedTuple):
    """A bucket, and how it is reached."""

    endpoint: str
    bucket: str
    client: Any  # of boto3

    def obstore(self, prefix: str = "") -> Any:
        from obstore.store import S3Store

        return S3Store(
            self.bucket,
            prefix=prefix or None,
            endpoint=self.endpoint,
            access_key_id=KEY,
            secret_access_key=SECRET,
            region=REGION,
            client_options={"allow_http": True},
        )

    @property
    def options(self) -> dict[str, Any]:
        """As s3fs takes them."""
        return {
            "key": KEY,
            "secret": SECRET,
            "client_kwargs": {"endpoint_url": self.endpoint, "region_name": REGION},
        }


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"the server ended: {process.args}")
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError(f"the server does not answer: {process.args}")


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    """The address of an S3 server."""
    pytest.importorskip("moto.server")
    port = free_port()
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    command = [sys.executable, str(HERE / "s3_server.py"), str(port)]
    process = subprocess.Popen(command, **quiet)  # type: ignore[call-overload]
    try:
        wait_for(port, process)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="session")
def s3_client(s3_endpoint: str) -> Iterator[Any]:
    """A client that is not under test."""
    import boto3

    client = boto3.client(
        "s3",
        endpoint_url=s3_endpoint,
        aws_access_key_id=KEY,
        aws_secret_access_key=SECRET,
        region_name=REGION,
    )
    yield client
    client.close()


@pytest.fixture
def s3(s3_endpoint: str, s3_client: Any) -> S3:
    """An empty bucket."""
    bucket = f"data-{uuid.uuid4().hex}"
    s3_client.create_bucket(Bucket=bucket)
    return S3(s3_endpoint, bucket, s3_client)


NGINX = """
daemon off; master_process off; pid {root}/pid; error_log stderr crit; {user}
events {{ worker_connections 512; }}
http {{
    log_format short '$request_method $uri $http_range';
    access_log {root}/access.log short;
    client_body_temp_path {root}/body; proxy_temp_path {root}/proxy;
    fastcgi_temp_path {root}/fastcgi; uwsgi_temp_path {root}/uwsgi; scgi_temp_path {root}/scgi;
    server {{ listen 127.0.0.1:{port}; root {served}; }}
}}
"""


@pytest.fixture(scope="session")
def nginx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """The address of a web server, and the directory that it serves."""
    program = shutil.which("nginx") or shutil.which("/usr/sbin/nginx")
    if program is None:
        pytest.skip("nginx is not installed")
    root = tmp_path_factory.mktemp("nginx")
    served = root / "served"
    served.mkdir()
    port = free_port()
    user = "user root;" if os.getuid() == 0 else ""
    text = NGINX.format(root=root, served=served, port=port, user=user)
    (root / "nginx.conf").write_text(text)
    command = [program, "-c", str(root / "nginx.conf"), "-p", str(root)]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        wait_for(port, process)
        yield f"http://127.0.0.1:{port}", served
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def asked(nginx: tuple[str, Path]) -> Callable[[], list[str]]:
    """The requests to the web server since the last call: method, path and range."""
    address, served = nginx
    log = served.parent / "access.log"
    seen = 0

    def since() -> list[str]:
        nonlocal seen
        mark = f"/mark-{uuid.uuid4().hex}"
        with contextlib.suppress(urllib.error.HTTPError):
            urllib.request.urlopen(f"{address}{mark}")
        for _ in range(500):  # the server notes a request after it has answered it
            lines = log.read_text().splitlines()
            if lines and mark in lines[-1]:
                break
            time.sleep(0.01)
        else:
            raise AssertionError("the server notes nothing")
        new, seen = lines[seen:-1], len(lines)
        return new

    since()
    return since
