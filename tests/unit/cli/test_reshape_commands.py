"""``zarr rechunk``, ``recode``, ``reshard`` and ``cast`` do what the tools do."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import zarr

pytest.importorskip("typer")

from typer.testing import CliRunner

import zarr.cli.reshape
from zarr.cli.app import app

if TYPE_CHECKING:
    from pathlib import Path

DATA = np.arange(12 * 8 * 10, dtype="i4").reshape(12, 8, 10)


@pytest.fixture
def source(tmp_path: Path) -> str:
    path = tmp_path / "source"
    names = ["time", "lat", "lon"]
    zarr.create_array(path, data=DATA, chunks=(1, 8, 10), dimension_names=names, fill_value=-1)
    return str(path)


def zarr_command(*arguments: str, code: int = 0) -> str:
    result = CliRunner().invoke(app, list(arguments))
    assert result.exit_code == code, (result.output, result.exception)
    return result.output


@pytest.mark.parametrize(
    ("given", "chunks", "shards"),
    [
        (["--chunks", "12,4,5"], (12, 4, 5), None),
        (["--chunks", "time=-1,lat=4"], (12, 4, 10), None),
        (["--chunks", "-1,4,5", "--shards", "12,8,10"], (12, 4, 5), (12, 8, 10)),
        (["--shards", "time=6"], (1, 8, 10), (6, 8, 10)),
        (["--chunks", "auto", "--shards", "none"], (12, 8, 10), None),
    ],
    ids=str,
)
def test_rechunk(given: list[str], chunks: Any, shards: Any, source: str, tmp_path: Path) -> None:
    shown = zarr_command("rechunk", source, str(tmp_path / "t"), *given)
    made = zarr.open_array(tmp_path / "t", mode="r")
    assert (made.chunks, made.shards) == (chunks, shards)
    np.testing.assert_array_equal(made[...], DATA)
    way = "encoded chunks as they are" if chunks == (1, 8, 10) else "one pass"
    assert way in shown


def test_a_plan_is_shown_and_nothing_made(source: str, tmp_path: Path) -> None:
    target = tmp_path / "t"
    shown = zarr_command(
        "rechunk", source, str(target), "--chunks", "12,4,5", "--max-memory", "3100", "--plan"
    )
    assert shown.startswith("plan: ")
    assert "two passes" in shown
    assert not target.exists()


def test_json_is_for_programs(source: str, tmp_path: Path) -> None:
    shown = zarr_command("rechunk", source, str(tmp_path / "t"), "--chunks", "12,4,5", "--json")
    found = json.loads(shown)
    assert found["is_done"] is True
    assert found["arrays"][0]["chunks"] == "(12, 4, 5)"


def test_recode(source: str, tmp_path: Path) -> None:
    codec = '{"name": "gzip", "configuration": {"level": 3}}'
    zarr_command("recode", source, str(tmp_path / "t"), "--codec", codec, "--codec", "crc32c")
    made = zarr.open_array(tmp_path / "t", mode="r")
    assert [each.to_dict()["name"] for each in made.compressors] == ["gzip", "crc32c"]
    np.testing.assert_array_equal(made[...], DATA)


def test_reshard_and_cast(source: str, tmp_path: Path) -> None:
    zarr_command("reshard", source, str(tmp_path / "t"), "--shards", "12,8,10")
    assert zarr.open_array(tmp_path / "t", mode="r").shards == (12, 8, 10)
    zarr_command("cast", source, str(tmp_path / "c"), "float64")
    np.testing.assert_array_equal(zarr.open_array(tmp_path / "c")[...], DATA.astype("f8"))


def test_rules_are_for_some_arrays(tmp_path: Path) -> None:
    root = zarr.create_group(tmp_path / "s")
    for name in ("a", "b"):
        root.create_array(name, data=DATA, chunks=(1, 8, 10))
    rule = 'a:{"chunks": [12, 4, 5]}'
    zarr_command("rechunk", str(tmp_path / "s"), str(tmp_path / "t"), "--rule", rule)
    made = zarr.open_group(tmp_path / "t", mode="r")
    assert (made["a"].chunks, made["b"].chunks) == ((12, 4, 5), (1, 8, 10))


def test_processes_do_it(source: str, tmp_path: Path) -> None:
    zarr_command("rechunk", source, str(tmp_path / "t"), "--chunks", "12,4,5", "--workers", "1")
    np.testing.assert_array_equal(zarr.open_array(tmp_path / "t", mode="r")[...], DATA)


def test_a_bad_chunk_ends_with_1(source: str, tmp_path: Path) -> None:
    (tmp_path / "source" / "c" / "3" / "0" / "0").write_bytes(b"rubbish")
    shown = zarr_command(
        "rechunk", source, str(tmp_path / "t"), "--chunks", "12,4,5", "--skip-bad", code=1
    )
    assert "bad: / [3:4, 0:8, 0:10]" in shown
    assert (zarr.open_array(tmp_path / "t", mode="r")[3] == -1).all()


@pytest.mark.parametrize(
    "given",
    [
        ["--chunks", "12,four"],
        ["--chunks", "time=12,4"],
        ["--codec", "{"],
        ["--rule", "a"],
        ["--rule", "a:[1]"],
        ["--fill-value", "x"],
    ],
    ids=str,
)
def test_what_cannot_be_understood_ends_with_2(
    given: list[str], source: str, tmp_path: Path
) -> None:
    zarr_command("rechunk", source, str(tmp_path / "t"), *given, code=2)
    assert not (tmp_path / "t").exists()
