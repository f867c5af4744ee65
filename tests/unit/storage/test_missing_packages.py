"""A feature whose package is not installed names the package to install."""

from __future__ import annotations

import subprocess
import sys

import pytest

BLOCKED = """
import sys
for name in {blocked!r}:
    sys.modules[name] = None
import importlib.util
find = importlib.util.find_spec
importlib.util.find_spec = lambda name, *more: None if name in {blocked!r} else find(name, *more)
import zarr
try:
    {work}
except ImportError as error:
    print(error)
else:
    raise SystemExit("there was no error")
"""


@pytest.mark.parametrize(
    ("blocked", "work", "install"),
    [
        (["obstore"], "zarr.storage.ObjectStore(None)", "zarr[remote]"),
        (["fsspec"], "zarr.storage.FsspecStore(None)", "zarr[remote]"),
        (["fsspec"], "zarr.storage.FsspecStore.from_url('memory://x')", "zarr[remote]"),
        (["obstore", "fsspec"], "zarr.open('https://127.0.0.1:9/x', mode='r')", "zarr[remote]"),
        (["obstore", "fsspec"], "zarr.open('zip::s3://b/x.zip', mode='r')", "zarr[remote]"),
        (["obstore", "s3fs"], "zarr.open('s3://bucket/x', mode='r')", "s3fs"),
    ],
)
def test_the_error_names_what_to_install(blocked: list[str], work: str, install: str) -> None:
    program = BLOCKED.format(blocked=blocked, work=work)
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    assert install in ran.stdout
