"""The commands that copy, move, delete, convert and make pyramids."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import zarr

pytest.importorskip("typer")
from typer.testing import CliRunner

from zarr.cli.commands import app

if TYPE_CHECKING:
    from pathlib import Path

DATA = np.arange(60).reshape(6, 10)


def call(*arguments: Any, code: int = 0) -> str:
    result = CliRunner().invoke(app, [str(each) for each in arguments])
    assert result.exit_code == code, (result.output, result.exception)
    return result.output


@pytest.fixture
def data(tmp_path: Path) -> Path:
    root = zarr.create_group(tmp_path / "data")
    root.create_array("deep/x", data=DATA, chunks=(4, 5), dimension_names=("y", "x"))
    return tmp_path / "data"


def test_a_hierarchy_goes_from_place_to_place(data: Path, tmp_path: Path) -> None:
    shown = call("cp", data, tmp_path / "new", "--dry-run")
    assert "+ deep/x/c/0/0" in shown
    assert not (tmp_path / "new").exists()
    call("cp", data, tmp_path / "new")
    call("cp", data, tmp_path / "new", code=2)
    call("mv", data, data, "-p", "deep/x", "--target-path", "y")
    np.testing.assert_array_equal(zarr.open_array(data / "y")[...], DATA)
    call("sync", data, tmp_path / "new", "--delete")
    assert sorted(zarr.open_group(tmp_path / "new")) == ["deep", "y"]
    assert list(zarr.open_group(tmp_path / "new", path="deep")) == []
    call("rm", data, code=2)
    call("rm", data, "--recursive")
    assert not data.exists()


def test_results_are_json_on_demand(data: Path, tmp_path: Path) -> None:
    found = json.loads(call("cp", data, tmp_path / "new", "--json"))
    assert found["task"] == "cp"
    assert found["copied"] == 7
    assert found["dry_run"] is False


def test_a_node_is_replaced(data: Path, tmp_path: Path) -> None:
    zarr.save_array(tmp_path / "other", DATA * 2)
    call("replace", tmp_path / "other", data, "--target-path", "deep/x")
    np.testing.assert_array_equal(zarr.open_array(data / "deep/x")[...], DATA * 2)


def test_files_are_imported_and_exported(data: Path, tmp_path: Path) -> None:
    call("export", data, tmp_path / "a.npy", "--path", "deep/x")
    np.testing.assert_array_equal(np.load(tmp_path / "a.npy"), DATA)
    call("import", tmp_path / "a.npy", tmp_path / "b", "--chunks", "3,5", "--zarr-format", "2")
    array = zarr.open_array(tmp_path / "b")
    np.testing.assert_array_equal(array[...], DATA)
    assert array.chunks == (3, 5)
    call("import", tmp_path / "a.npy", tmp_path / "b", code=2)
    call("import", tmp_path / "a.npy", tmp_path / "b", "--overwrite")


def test_a_command_that_leaves_something_out_ends_with_1(data: Path, tmp_path: Path) -> None:
    zarr.open_array(data / "deep/x").attrs["unit"] = "m"
    shown = call("export", data, tmp_path / "a.npy", "--path", "deep/x", code=1)
    assert "not carried: attribute 'unit'" in shown
    np.testing.assert_array_equal(np.load(tmp_path / "a.npy"), DATA)


def test_a_pyramid_is_made(data: Path, tmp_path: Path) -> None:
    call("pyramid", data, "--path", "deep/x", "--levels", "1", "--scale", "2,3", "--method", "max")
    group = zarr.open_group(data / "deep")
    assert group["1"][...].tolist() == DATA[1::2, 1::2].tolist()
    assert "OME-Zarr 0.5" in call("pyramid", data / "deep/x", tmp_path / "new", "--factor", "2,5")
    assert zarr.open_group(tmp_path / "new")["1"].shape == (3, 2)
    call("pyramid", data, "--path", "deep/x", "--method", "words", code=2)


def test_processes_do_it(data: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.asfortranarray(DATA))
    call("import", tmp_path / "a.npy", tmp_path / "b", "--workers", "2", "--chunks", "3,5")
    np.testing.assert_array_equal(zarr.open_array(tmp_path / "b")[...], DATA)
    options = ["--levels", "1", "--workers", "2", "--units", "y=meter,x=meter", "--chunks", "2,2"]
    call("pyramid", data / "deep/x", tmp_path / "p", "--scale", "2,0.5", *options)
    group = zarr.open_group(tmp_path / "p")
    assert group["1"].shape == (3, 5)
    assert group["1"].chunks == (2, 2)
    axes = group.attrs["ome"]["multiscales"][0]["axes"]
    assert [axis["unit"] for axis in axes] == ["meter", "meter"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--scale", "wide"], "write numbers"),
        (["--units", "meter"], "name=value"),
        (["--convention", "geozarr", "--units", "x=meter"], "are of OME-Zarr"),
        (["--chunks", "1,2,3"], "chunks"),
    ],
)
def test_what_a_pyramid_cannot_have_is_refused(
    options: list[str], message: str, data: Path, tmp_path: Path
) -> None:
    assert message in call("pyramid", data / "deep/x", tmp_path / "p", *options, code=2)
    assert not (tmp_path / "p").exists()
