"""The command `zarr`."""

from __future__ import annotations

import json
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

import zarr
from zarr._cli.cli import app


def files(directory: Path) -> set[str]:
    return {str(path.relative_to(directory)) for path in directory.rglob("*") if path.is_file()}


@pytest.fixture
def old(tmp_path: Path) -> Path:
    root = zarr.open_group(tmp_path / "old", mode="w", zarr_format=2)
    root.create_array("a/b", data=np.arange(6), chunks=(4,))
    return tmp_path / "old"


def call(*arguments: Any, code: int = 0) -> str:
    result = CliRunner().invoke(app, [str(each) for each in arguments])
    assert result.exit_code == code, (result.output, result.exception)
    return result.output


def test_a_hierarchy_is_migrated_in_place(old: Path) -> None:
    before = files(old)
    call("migrate", "v3", old, "--dry-run")
    assert files(old) == before
    call("migrate", "v3", old)
    assert files(old) == before | {"zarr.json", "a/zarr.json", "a/b/zarr.json"}
    call("migrate", "v3", old, code=2)
    call("migrate", "v3", old, "--overwrite", "--remove-v2-metadata")
    assert not any("/.z" in f"/{name}" for name in files(old))
    assert zarr.open_array(old / "a/b", zarr_format=3)[:].tolist() == list(range(6))


def test_metadata_go_elsewhere_and_those_of_the_data_stay(old: Path, tmp_path: Path) -> None:
    before = files(old)
    call("migrate", "v3", old, tmp_path / "new")
    assert files(tmp_path / "new") == {"zarr.json", "a/zarr.json", "a/b/zarr.json"}
    # Documents of format 2 are removed where the new ones go: never from the source.
    call("migrate", "v3", old, tmp_path / "newer", "--remove-v2-metadata")
    assert files(tmp_path / "newer") == files(tmp_path / "new")
    assert files(old) == before
    zarr.open_group(tmp_path / "mixed", mode="w", zarr_format=2).create_group("a/b")
    call("migrate", "v3", old, tmp_path / "mixed", "--remove-v2-metadata")
    assert files(tmp_path / "mixed") == files(tmp_path / "new")


def test_documents_that_cannot_be_removed_are_refused_before_anything_is_stored(
    old: Path, tmp_path: Path
) -> None:
    # A node of format 2 that migrating does not reach.
    other = tmp_path / "other"
    zarr.open_group(other / "far/away", mode="w", zarr_format=2)
    for place, arguments in ((other, [old, other]), (old, [old])):
        zarr.open_group(place / "no_group_above/x", mode="w", zarr_format=2)
        before = files(place)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            call("migrate", "v3", *arguments, "--remove-v2-metadata", code=2)
            assert files(place) == before
            call("migrate", "v3", *arguments, "--remove-v2-metadata", "--force")
        assert not any(Path(name).name.startswith(".z") for name in files(place))
    assert files(old) > {"zarr.json", "a/zarr.json", "a/b/zarr.json"}


def test_a_dry_run_shows_all_and_changes_nothing(old: Path) -> None:
    before = files(old)
    code = "import sys; sys.argv[0] = 'zarr'; from zarr.cli import entry; entry()"
    options = ["--dry-run", "--remove-v2-metadata"]
    command = [sys.executable, "-c", code, "migrate", "v3", str(old), *options]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stderr.count("Saving metadata to") == 3
    assert done.stderr.count("Deleting metadata at") == 6
    assert files(old) == before


def test_metadata_are_removed_where_that_loses_nothing(old: Path) -> None:
    before = files(old)
    call("remove-metadata", "v2", old, code=2)
    assert files(old) == before
    call("migrate", "v3", old)
    call("remove-metadata", "v2", old, "--dry-run")
    assert files(old) > before
    call("remove-metadata", "v3", old)
    assert files(old) == before
    call("remove-metadata", "v2", old, "--force")
    assert files(old) == {name for name in before if "/.z" not in f"/{name}"}


def test_hierarchies_are_shown_copied_and_consolidated(old: Path, tmp_path: Path) -> None:
    assert "Shape" in call("info", old, "--path", "a/b")
    assert "b  (6,)  int64  chunks (4,)" in call("tree", old)
    call("copy", old, tmp_path / "new", "--dry-run")
    assert not (tmp_path / "new").exists()
    assert "copied" in call("copy", old, tmp_path / "new")
    assert files(tmp_path / "new") == files(old)
    call("copy", old, tmp_path / "new", code=2)
    call("consolidate", tmp_path / "new")
    assert ".zmetadata" in files(tmp_path / "new")


def test_it_is_a_program_that_says_what_it_does(old: Path) -> None:
    code = "import sys; sys.argv[0] = 'zarr'; from zarr.cli import entry; entry()"
    command = [sys.executable, "-c", code, "--verbose", "migrate", "v3", str(old)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stderr.count("Saving metadata to") == 3


def test_each_command_prints_json(old: Path, tmp_path: Path) -> None:
    found = json.loads(call("migrate", "v3", old, "--dry-run", "--json"))
    assert found["dry_run"] is True
    assert sum("Saving metadata to" in step for step in found["steps"]) == 3
    assert len(json.loads(call("migrate", "v3", old, "--json"))["steps"]) == 3
    found = json.loads(call("remove-metadata", "v3", old, "--json"))
    assert found["dry_run"] is False
    assert len(found["steps"]) == 3
    found = json.loads(call("copy", old, tmp_path / "new", "--json"))
    assert (found["copied"], found["skipped"], found["dry_run"]) == (len(files(old)), 0, False)
    assert json.loads(call("consolidate", tmp_path / "new", "--json"))["consolidated"] is True
