"""`zarr.tools.bench`, and the command of that name."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import zarr
from zarr import tools

if TYPE_CHECKING:
    from pathlib import Path

DATA = np.arange(256 * 256, dtype="f4").reshape(256, 256)


@pytest.fixture
def array(tmp_path: Path) -> zarr.Array[Any]:
    return zarr.create_array(tmp_path / "a.zarr", name="x/y", data=DATA, chunks=(64, 64))


def test_a_selection_is_read_so_often_and_its_counts_are_told(array: zarr.Array[Any]) -> None:
    found = tools.bench(array, "0, :", times=3)
    assert (found.shape, found.bytes) == ((256,), 1024)
    assert len(found.cold.seconds) == len(found.warm.seconds) == 3
    for runs in (found.cold, found.warm):
        assert (runs.summary.reads, runs.summary.values) == (1, 4)
        assert min(runs.seconds) <= runs.median <= max(runs.seconds)
    text = str(found)
    assert "x/y[0, :]" in text
    assert "bound by" in text
    assert json.loads(found.to_json())["cold"]["summary"]["bytes_wanted"] == 1024


def test_a_store_and_a_path_name_the_array(array: zarr.Array[Any], tmp_path: Path) -> None:
    assert tools.bench(tmp_path / "a.zarr", path="x/y", times=1).shape == (256, 256)
    with pytest.raises(TypeError, match="name one of its arrays"):
        tools.bench(zarr.create_group({}), times=1)
    with pytest.raises(ValueError, match="at least 1"):
        tools.bench(array, times=0)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("...", np.s_[...]),
        ("0, :", np.s_[0, :]),
        ("-1, 2:9:3", np.s_[-1, 2:9:3]),
        (" :5 , ...", np.s_[:5, ...]),
    ],
)
def test_a_selection_is_written_as_numpy_has_it(
    array: zarr.Array[Any], written: str, meant: Any
) -> None:
    assert tools.bench(array, written, times=1).shape == DATA[meant].shape
    assert tools.bench(array, meant, times=1).shape == DATA[meant].shape


@pytest.mark.parametrize("written", ["a", "1:b", "1::2:3", "1,,2", "__import__('os')"])
def test_what_is_no_selection_is_refused(array: zarr.Array[Any], written: str) -> None:
    with pytest.raises(ValueError, match="makes no sense"):
        tools.bench(array, written, times=1)


def test_a_column_of_large_chunks_is_advised_to_be_rechunked(tmp_path: Path) -> None:
    array = zarr.create_array(tmp_path, shape=(2048, 1024), chunks=(512, 1024), dtype="f8")
    advice = " ".join(tools.bench(array, ":, 5", times=1).advice)
    assert "decodes about 16.0 MiB; rechunk to (2048, " in advice
    assert tools.bench(array, "...", times=1).advice == ()


def test_progress_ends_at_the_total(array: zarr.Array[Any]) -> None:
    seen: list[tuple[int, int]] = []
    tools.bench(array, times=2, progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (4, 4)


def test_names_of_arrays_cannot_steer_a_terminal(tmp_path: Path) -> None:
    hostile = zarr.create_array(tmp_path, name="a\x1b[2Jb", data=DATA, chunks=(64, 64))
    assert "\x1b" not in str(tools.bench(hostile, "0", times=1))


def test_the_command_prints_it(array: zarr.Array[Any], tmp_path: Path) -> None:
    pytest.importorskip("typer")
    from typer.testing import CliRunner

    import zarr.cli.slow  # noqa: F401
    from zarr.cli.app import app

    arguments = [str(tmp_path / "a.zarr"), "--path", "x/y", "--select", "0, :", "--times", "1"]
    result = CliRunner().invoke(app, ["bench", *arguments])
    assert result.exit_code == 0, result.output
    assert "cold:" in result.output
    result = CliRunner().invoke(app, ["bench", *arguments, "--json"])
    assert json.loads(result.output)["bytes"] == 1024


def test_odd_files_beside_the_chunks_keep_nobody_waiting(array: zarr.Array[Any]) -> None:
    directory = array.store.root / array.path  # type: ignore[attr-defined]
    os.mkfifo(directory / "pipe")
    (directory / "nowhere").symlink_to(directory / "nothing")
    assert tools.bench(array, "0", times=1).shape == (256,)
