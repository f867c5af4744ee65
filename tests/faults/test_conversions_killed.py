"""A process that is killed while it imports or replaces leaves the old node or the new one."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import numpy as np
import pytest

import zarr
from zarr import tools

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow

ACT = """
import sys, zarr
from zarr import tools
directory, what = sys.argv[1:]
zarr.open_array(f"{directory}/old")[:1]
print("ready", flush=True)
if what == "import":
    tools.import_file(f"{directory}/a.npy", f"{directory}/old", overwrite=True, chunks=(4, 10))
else:
    tools.replace(zarr.open_array(f"{directory}/old", mode="r").lazy[::-1], f"{directory}/old")
"""


@pytest.mark.parametrize("what", ["import", "replace"])
def test_a_killed_process_leaves_the_old_or_the_new(what: str, tmp_path: Path) -> None:
    chaos = random.Random(what)
    old = np.random.default_rng(0).integers(0, 9, (2000, 40))
    new = old[::-1] if what == "replace" else old + 1
    cut = 0
    for number in range(3):
        directory = tmp_path / str(number)
        zarr.save_array(directory / "old", old, chunks=(4, 10))
        np.save(directory / "a.npy", new)
        command = [sys.executable, "-c", ACT, str(directory), what]
        process = subprocess.Popen(command, stdout=subprocess.PIPE)
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        time.sleep(number * chaos.uniform(0, 0.1))  # the first one at once
        process.kill()
        cut += process.wait() != 0
        process.stdout.close()
        found = zarr.open_array(directory / "old", mode="r")[...]
        assert np.array_equal(found, old) or np.array_equal(found, new)
        beside = directory / "old~new"
        is_whole = (beside / "zarr.json").exists()
        is_left = any(path.is_file() for path in beside.rglob("*"))
        if is_left and (is_whole or not (beside / "zarr.unfinished").exists()):
            tools.rm(beside, recursive=True)  # the old node, or the new one
        tools.import_file(directory / "a.npy", directory / "old", overwrite=True)  # it goes on
        np.testing.assert_array_equal(zarr.open_array(directory / "old")[...], new)
        assert not beside.exists()
    assert cut > 0
