"""A process that is killed while it moves a node has lost nothing of it."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import zarr

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow

MOVE = """
import sys, zarr
root = zarr.open_group(sys.argv[1], mode="r+")
print("moving", flush=True)
root.move("old", "deep/new")
"""


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_a_killed_move_leaves_the_node_whole_in_one_place(tmp_path: Path, zarr_format: Any) -> None:
    chaos = random.Random(zarr_format)
    data = np.random.default_rng(0).integers(0, 9, (400, 40))
    cut = 0
    for number in range(6):
        path = tmp_path / str(number)
        root = zarr.create_group(path, zarr_format=zarr_format)
        root.create_array("old/a", data=data, chunks=(4, 10))
        process = subprocess.Popen([sys.executable, "-c", MOVE, str(path)], stdout=subprocess.PIPE)
        assert process.stdout is not None
        assert process.stdout.readline() == b"moving\n"
        time.sleep(number * chaos.uniform(0, 0.06))  # the first one at once
        process.kill()
        cut += process.wait() != 0
        process.stdout.close()
        found = zarr.open_group(path, mode="r", zarr_format=zarr_format)
        # If the new group is there, all of it is; else the old one is as it was.
        there = "deep/new" if "deep/new" in found else "old"
        np.testing.assert_array_equal(found[f"{there}/a"][...], data)
    assert cut > 0
