"""What `benchmarks.web` runs: short programs, one for each library and service.

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
times = []
for _ in range(4):
    start = time.perf_counter()
    found = work()
    times.append(time.perf_counter() - start)
    check(found)
    del found
print(min(times), times[0], resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
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
_MANY = "\nzarr.config.set({'async.concurrency': 64})\n"
_ZARRS = "\nimport zarrs; zarr.config.set({'codec_pipeline.path': 'zarrs.ZarrsCodecPipeline'})\n"


class Case(NamedTuple):
    """What is measured, and by which programs: whether of a peer, and the program."""

    does: str
    codec: str
    service: str
    clients: dict[str, tuple[bool, str]]

    @property
    def name(self) -> str:
        """Of the case."""
        return f"{self.does} {self.service} {self.codec}"


def _clients(service: str, store: str) -> dict[str, tuple[bool, str]]:
    return {
        "zarr": (False, _ZARR + store),
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
    *(Case("read", codec, "HTTP", _clients("HTTP", _HTTP)) for codec in ("raw", "zstd")),
    *(Case("read", codec, "S3", _clients("S3", _S3)) for codec in ("raw", "zstd")),
    *(Case("write", codec, "S3", _clients("S3", _S3)) for codec in ("raw", "zstd")),
    *(Case("read", codec, "S3 by s3fs", _FSSPEC) for codec in ("raw", "zstd")),
]
