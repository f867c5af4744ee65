"""The programs that `benchmarks.web` runs: one for each library and service.

A program defines ``opened(mode)``, an array of 256 chunks at the server. Its arguments are the
address of the server, the name of the array and the last of its elements.
"""

from __future__ import annotations

from typing import NamedTuple

BEGIN = """
import resource, sys, time
address, name, last = sys.argv[1:]
"""
_TIMED = """
times, spents = [], []
for _ in range(4):
    start, spent = time.perf_counter(), time.process_time()
    found = work()
    times.append(time.perf_counter() - start)
    spents.append(time.process_time() - spent)
    check(found)
    del found
print(min(times), times[0], min(spents), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""
ENDS = {
    "read": """
def work():
    return read(opened("r"))
def check(found):
    assert found.shape == (256, 1 << 19) and int(found[255, -1]) == int(last)
"""
    + _TIMED,
    "write": """
import numpy as np
values = np.random.default_rng(0).integers(0, 4096, (256, 1 << 19), "uint16")
def work():
    write(opened("r+"), values)
def check(found):
    pass
"""
    + _TIMED,
}

_ZARR = """
import zarr
def read(array):
    return array[:]
def write(array, values):
    array[:] = values
"""
_HTTP = """
import obstore.store
from zarr.storage import ObjectStore
store = ObjectStore(obstore.store.HTTPStore.from_url(
    f"{address}/bucket/{name}", client_options={"allow_http": True}))
def opened(mode):
    return zarr.open_array(store, mode=mode)
"""
_S3 = """
import obstore.store
from zarr.storage import ObjectStore
store = ObjectStore(obstore.store.S3Store(
    "bucket", prefix=name, endpoint=address, access_key_id="name", secret_access_key="secret",
    region="us-east-1", client_options={"allow_http": True}))
def opened(mode):
    return zarr.open_array(store, mode=mode)
"""
_S3FS = """
from zarr.storage import FsspecStore
options = {"key": "name", "secret": "secret",
           "client_kwargs": {"endpoint_url": address, "region_name": "us-east-1"}}
store = FsspecStore.from_url(f"s3://bucket/{name}", storage_options=options)
def opened(mode):
    return zarr.open_array(store, mode=mode)
"""
_TENSORSTORE = """
import os, tensorstore
os.environ.update(AWS_ACCESS_KEY_ID="name", AWS_SECRET_ACCESS_KEY="secret")
kvstore = {kvstore}
def opened(mode):
    spec = {{"driver": "zarr3", "kvstore": kvstore}}
    return tensorstore.open(spec, open=True, read=True, write=mode == "r+").result()
def read(array):
    return array.read().result()
def write(array, values):
    array.write(values).result()
"""
_KVSTORES = {
    "HTTP": '{"driver": "http", "base_url": f"{address}/bucket/{name}"}',
    "S3": '{"driver": "s3", "bucket": "bucket", "path": f"{name}/", "endpoint": address, '
    '"aws_region": "us-east-1"}',
}
# The lower bound for the bytes: sockets read into the place of the bytes, on eight threads.
_BARE = """
import socket, threading
import numpy as np
host, port = address.removeprefix("http://").split(":")
def opened(mode):
    return np.empty((256, 1 << 19), "uint16")
def read(out):
    rows = iter(range(256))
    turn = threading.Lock()
    def fetch():
        with socket.create_connection((host, int(port))) as server:
            while True:
                with turn:
                    row = next(rows, None)
                if row is None:
                    return
                request = f"GET /bucket/{name}/c/{row}/0 HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n"
                server.sendall(request.encode())
                head = b""
                while b"\\r\\n\\r\\n" not in head:
                    head += server.recv(2048)
                body = head.partition(b"\\r\\n\\r\\n")[2]
                place = memoryview(out[row]).cast("B")
                place[: len(body)] = body
                have = len(body)
                while have < len(place):
                    have += server.recv_into(place[have:], 0, socket.MSG_WAITALL)
    threads = [threading.Thread(target=fetch) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return out
"""
_BY_OBSTORE = "\nzarr.config.set({'requests.direct': False})\n"
_MANY = "\nzarr.config.set({'async.concurrency': 64})\n"
_ZARRS = "\nimport zarrs; zarr.config.set({'codec_pipeline.path': 'zarrs.ZarrsCodecPipeline'})\n"


class Case(NamedTuple):
    """A measurement and its programs: whether of a peer, and the program."""

    does: str
    codec: str
    service: str
    clients: dict[str, tuple[bool, str]]

    @property
    def name(self) -> str:
        """Of the case."""
        return f"{self.does} {self.service} {self.codec}"


def _clients(
    service: str, store: str, *, reads: bool = True, bare: bool = False
) -> dict[str, tuple[bool, str]]:
    return {
        "zarr": (False, _ZARR + store),
        **({"zarr, all by obstore": (False, _ZARR + _BY_OBSTORE + store)} if reads else {}),
        **({"bare sockets": (False, _BARE)} if bare else {}),
        "zarr-python + obstore": (True, _ZARR + store),
        "zarr-python + obstore, 64 requests": (True, _ZARR + _MANY + store),
        "zarrs-python + obstore": (True, _ZARR + _ZARRS + store),
        "TensorStore": (True, _TENSORSTORE.format(kvstore=_KVSTORES[service])),
    }


_FSSPEC = {
    "zarr": (False, _ZARR + _S3FS),
    "zarr-python + s3fs": (True, _ZARR + _S3FS),
    "zarr-python + s3fs, 64 requests": (True, _ZARR + _MANY + _S3FS),
}
CASES = [
    Case("read", "raw", "HTTP", _clients("HTTP", _HTTP, bare=True)),
    Case("read", "zstd", "HTTP", _clients("HTTP", _HTTP)),
    Case("read", "raw", "S3", _clients("S3", _S3, bare=True)),
    Case("read", "zstd", "S3", _clients("S3", _S3)),
    *(Case("write", codec, "S3", _clients("S3", _S3, reads=False)) for codec in ("raw", "zstd")),
    *(Case("read", codec, "S3 by s3fs", _FSSPEC) for codec in ("raw", "zstd")),
]
