"""Threads that are still at work when Python ends do not crash it."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow

PROGRAM = """
import sys, threading
import numcodecs, numpy as np, zarr

class Codec(numcodecs.abc.Codec):
    codec_id = "by_python"
    def encode(self, data):
        return bytes(data)
    def decode(self, data, out=None):
        return np.frombuffer(bytes(data), "u1")

numcodecs.register_codec(Codec)
where, how = sys.argv[1:]
store = {} if where == "memory" else where
compressors = Codec() if how == "python" else None
array = zarr.create_array(
    store, shape=(1 << 18,), chunks=(1 << 12,), dtype="u1", zarr_format=2, compressors=compressors
)
array[:] = 1
reading = threading.Barrier(4)

def read():
    array[:]
    reading.wait()
    while True:
        array[:]

for _ in range(3):
    threading.Thread(target=read, daemon=True).start()
reading.wait()
print("main ends", flush=True)
"""


@pytest.mark.parametrize("where", ["local", "memory"])
@pytest.mark.parametrize("how", ["python", "plain"])
def test_daemon_threads_that_read_are_left_behind(tmp_path: Path, where: str, how: str) -> None:
    place = "memory" if where == "memory" else str(tmp_path / "a")
    for _ in range(3):
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, place, how], capture_output=True, text=True, timeout=120
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, "main ends\n", "")
        if where == "local":
            place += "_"
