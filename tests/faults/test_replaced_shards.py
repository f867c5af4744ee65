"""A shard that another process replaces is read by its own index, never by the one before."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import zarr
from zarr.codecs import BytesCodec, Crc32cCodec, ShardingCodec, ZstdCodec

if TYPE_CHECKING:
    from pathlib import Path

EDGE = 64
STATES = 150
SOURCE = f"""
import sys, time, numpy as np, zarr
array = zarr.open_array(sys.argv[1])
places = np.arange({EDGE} * {EDGE}).reshape({EDGE}, {EDGE})
for state in range(1, {STATES}):
    # How well it compresses differs, and so do the places of the inner chunks.
    array[:] = state * 10_000 + places % (3 + 7 * state % 4093)
    if state % 10 == 0:
        time.sleep(0.05)  # only what is older than the ticks of a clock is kept
"""


def state_of(found: Any, at: Any) -> int:
    """The state of the shard that elements are of; fails if they are of none, or of several."""
    places = np.arange(EDGE * EDGE).reshape(EDGE, EDGE)[at]
    states = np.unique(found // 10_000)
    assert states.size == 1
    state = int(states[0])
    np.testing.assert_array_equal(found - state * 10_000, places % (3 + 7 * state % 4093))
    return state


@pytest.mark.parametrize("checked", [True, False], ids=["crc32c", "no checksum"])
@pytest.mark.parametrize("cached", [False, True], ids=["no cache", "cache"])
def test_shards_that_another_process_replaces_are_read_whole(
    tmp_path: Path, checked: bool, cached: bool
) -> None:
    index = [BytesCodec(), Crc32cCodec()] if checked else [BytesCodec()]
    codec = ShardingCodec(
        chunk_shape=(4, 4), codecs=[BytesCodec(), ZstdCodec()], index_codecs=index
    )
    array: Any = zarr.create_array(
        tmp_path / "a",
        shape=(EDGE, EDGE),
        chunks=(EDGE, EDGE),
        dtype="i4",
        compressors=None,
        serializer=codec,
        config={"cache": zarr.ChunkCache("1 MB", recheck="always") if cached else None},
    )
    array[:] = np.arange(EDGE * EDGE).reshape(EDGE, EDGE) % 3
    writer = subprocess.Popen([sys.executable, "-c", SOURCE, str(tmp_path / "a")])
    rng = np.random.default_rng(0)
    last = 0
    try:
        while writer.poll() is None or last < STATES - 1:
            row, column, rows, columns = rng.integers(0, EDGE, 4)
            at: tuple[Any, Any] = (int(row), int(column))
            if rows % 2:
                at = (slice(row, row + rows), slice(column, column + 1 + columns))
            state = state_of(array[at], at)
            assert state >= last
            last = state
            assert writer.poll() in (None, 0)
    finally:
        writer.kill()
        writer.wait()
    assert last == STATES - 1
