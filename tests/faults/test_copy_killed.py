"""A copy that was killed goes on where it was."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import TYPE_CHECKING

import numpy as np
import pytest

import zarr

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow

COPY = """
import sys, zarr
source, dest = (zarr.open_group(path, mode="a") for path in sys.argv[1:3])
zarr.copy_all(source, dest, if_exists="skip_initialized", **eval(sys.argv[3]))
"""


@pytest.mark.parametrize("given", [{}, {"chunks": (30, 40), "shards": (60, 80)}], ids=str)
def test_a_killed_copy_goes_on(given: dict[str, object], tmp_path: Path) -> None:
    data = np.random.default_rng(0).integers(0, 9, (2400, 160))
    source = zarr.open_group(tmp_path / "source", mode="w")
    for name in "abc":
        source.create_array(name, data=data, chunks=(12, 16))
    paths = [str(tmp_path / "source"), str(tmp_path / "dest")]
    process = subprocess.Popen([sys.executable, "-c", COPY, *paths, repr(given)])
    target = tmp_path / "dest" / "b" / "c"
    while process.poll() is None and not target.exists():
        time.sleep(0.001)
    process.kill()
    process.wait()
    dest = zarr.open_group(tmp_path / "dest", mode="a")
    before = {path: path.stat().st_mtime_ns for path in target.rglob("*") if path.is_file()}
    copied, skipped, _ = zarr.copy_all(source, dest, if_exists="skip_initialized", **given)
    assert copied + skipped == 3
    for name in "abc":
        np.testing.assert_array_equal(dest[name][...], data)
    if not given:  # chunks that were there stayed
        after = {path: path.stat().st_mtime_ns for path in before if path.exists()}
        kept = [path for path in before if not path.name.startswith(".")]
        assert all(after[path] == before[path] for path in kept)
