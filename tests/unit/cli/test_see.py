"""The commands that look at a store: what they print, as text and as JSON, and how they end."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from typer.testing import CliRunner

import zarr
from zarr.cli.commands import app

if TYPE_CHECKING:
    from pathlib import Path

RUN = "import sys; sys.argv[0] = 'zarr'; from zarr.cli import entry; entry()"


@pytest.fixture
def store(tmp_path: Path) -> Path:
    root = zarr.create_group(tmp_path / "a.zarr", attributes={"title": "Rain"})
    root.create_array(
        "climate/t",
        data=np.arange(24, dtype="i2").reshape(4, 6),
        chunks=(2, 3),
        compressors=None,
        dimension_names=("y", "x"),
        attributes={"units": "K"},
    )
    return tmp_path / "a.zarr"


def call(*arguments: Any, code: int = 0, **more: Any) -> str:
    result = CliRunner().invoke(app, [str(each) for each in arguments], **more)
    assert result.exit_code == code, (result.output, result.exception)
    return result.stdout


def golden(*arguments: Any, code: int = 0) -> Any:
    """The result of a command as JSON, without what differs from run to run."""
    found = json.loads(call(*arguments, "--json", code=code))
    for name in ("store", "oldest", "newest", "first", "second"):
        if isinstance(found, dict):
            found.pop(name, None)
    return found


def test_info_as_json(store: Path) -> None:
    assert golden("info", store, "-p", "climate/t") == {
        "path": "climate/t",
        "zarr_format": 3,
        "attributes": {"units": "K"},
        "stored": 48 + (store / "climate/t/zarr.json").stat().st_size,
        "shape": [4, 6],
        "dimension_names": ["y", "x"],
        "dtype": "int16",
        "fill_value": 0,
        "order": None,
        "chunks": [2, 3],
        "shards": None,
        "grid": [2, 2],
        "codecs": ["bytes (little endian)"],
        "nbytes": 48,
        "expected": 4,
        "present": 4,
        "stored_chunks": 48,
        "ratio": 1.0,
    }


def test_lists_as_json(store: Path) -> None:
    node = {
        "path": "climate/t",
        "kind": "array",
        "zarr_format": 3,
        "shape": [4, 6],
        "dtype": "int16",
        "dimension_names": ["y", "x"],
        "chunks": [2, 3],
        "shards": None,
        "nbytes": 48,
        "expected": 4,
        "values": None,
        "stored": None,
    }
    assert golden("ls", store, "--path", "climate") == {"path": "climate", "nodes": [node]}
    assert golden("find", store, "--name", "t") == {"path": "", "nodes": [node]}
    tree = golden("tree", store, "--no-sizes")
    assert tree["nodes"][-1] == node
    assert tree["whole"] is True
    assert [each["path"] for each in golden("du", store, "--level", 1)["nodes"]] == ["", "climate"]


def test_stats_as_json(store: Path) -> None:
    found = golden("stats", store, "--path", "climate/t", "--bins", 4)
    assert found == {
        "path": "climate/t",
        "shape": [4, 6],
        "dtype": "int16",
        "elements": 24,
        "unstored": 0,
        "fill": 1,
        "missing": 0,
        "infinite": 0,
        "minimum": 0,
        "maximum": 23,
        "mean": 11.5,
        "std": pytest.approx(np.arange(24).std()),
        "shortest": None,
        "longest": None,
        "edges": [0, 8, 16, 24],
        "counts": [8, 8, 8],
        "fields": {},
    }


def test_diff_as_json_ends_with_1_where_something_differs(store: Path, tmp_path: Path) -> None:
    zarr.copy_store(str(store), tmp_path / "b.zarr")
    assert golden("diff", store, tmp_path / "b.zarr") == {
        "same": True,
        "compared": 3,
        "elements": 24,
        "nodes": [],
    }
    zarr.open_array(tmp_path / "b.zarr/climate/t")[1, 2] = 80
    found = golden("diff", store, tmp_path / "b.zarr", code=1)
    assert found["nodes"] == [
        {
            "path": "climate/t",
            "only": None,
            "kinds": None,
            "fields": [],
            "elements": 24,
            "different": 1,
            "largest": 72.0,
            "values": [{"index": [1, 2], "first": 8, "second": 80}],
        }
    ]
    assert "[1, 2]: 8 ≠ 80" in call("diff", store, tmp_path / "b.zarr", code=1)
    call("diff", store, tmp_path / "b.zarr", "--atol", 72)
    call("diff", store, tmp_path / "c.zarr", code=2)


def test_a_level_is_a_level(store: Path) -> None:
    assert len(call("tree", store, "--level", 0).splitlines()) == 1
    assert len(call("tree", store, "--level", 1).splitlines()) == 2
    assert len(call("tree", store, "-L", 2).splitlines()) == 3
    call("tree", store, "--level", -1, code=2)


def test_values_are_printed_in_each_format(store: Path) -> None:
    place = [store, "--path", "climate/t"]
    assert call("cat", *place, "--select", "0, ::2") == "0\n2\n4\n"
    assert call("cat", *place, "-s", ":2, :2", "--format", "csv") == "0,1\n6,7\n"
    assert json.loads(call("cat", *place, "--json")) == np.arange(24).reshape(4, 6).tolist()
    assert call("head", *place, "-n", 2) == "0 1\n6 7\n"
    for wrong in (["--select", "a"], ["--select", "9"], ["--format", "xml"]):
        call("cat", *place, *wrong, code=2)


def test_npy_is_written_to_a_file_and_not_to_a_terminal(store: Path) -> None:
    command = [sys.executable, "-c", RUN, "cat", str(store), "-p", "climate/t", "-f", "npy"]
    done = subprocess.run(command, capture_output=True, check=True)
    np.testing.assert_array_equal(np.load(io.BytesIO(done.stdout)), np.arange(24).reshape(4, 6))


def test_sizes_are_written_with_units(store: Path) -> None:
    names = [each["path"] for each in golden("find", store, "--larger", "100B")["nodes"]]
    assert names == ["", "climate", "climate/t"]
    assert golden("find", store, "--larger", "1 MiB")["nodes"] == []
    call("find", store, "--larger", "much", code=2)


def test_attributes_are_printed_set_and_deleted(store: Path) -> None:
    assert json.loads(call("attrs", "get", store)) == {"title": "Rain"}
    assert call("attrs", "get", store, "title") == '"Rain"\n'
    call("attrs", "get", store, "ttle", code=2)
    call("attrs", "set", store, "year=2026", "who=me", 'list=[1, "a"]', "--path", "climate")
    found = dict(zarr.open_group(store / "climate").attrs)
    assert found == {"year": 2026, "who": "me", "list": [1, "a"]}
    call("attrs", "set", store, "year", code=2)
    call("attrs", "delete", store, "who", "nobody", "-p", "climate", code=2)
    assert dict(zarr.open_group(store / "climate").attrs) == found
    call("attrs", "delete", store, "who", "list", "-p", "climate")
    assert dict(zarr.open_group(store / "climate").attrs) == {"year": 2026}


@pytest.mark.skipif(os.name == "nt", reason="an editor of POSIX")
def test_attributes_are_changed_in_an_editor(store: Path, tmp_path: Path) -> None:
    def edit(script: str, code: int = 0, answer: str = "n\n") -> str:
        editor = tmp_path / "editor"
        editor.write_text(f"#!/bin/sh\n{script}\n")
        editor.chmod(0o755)
        environment = {"VISUAL": "", "EDITOR": str(editor)}
        return call("attrs", "edit", store, code=code, env=environment, input=answer)

    edit("sed -i s/Rain/Snow/ $1")
    assert dict(zarr.open_group(store).attrs) == {"title": "Snow"}
    edit("echo nonsense > $1", code=2)
    edit("echo '[1]' > $1", code=2)
    edit("exit 1", code=2)
    assert dict(zarr.open_group(store).attrs) == {"title": "Snow"}
    edit("echo '{\"a\": 1}' > $1")
    assert dict(zarr.open_group(store).attrs) == {"a": 1}


def complete(line: str, directory: Path) -> list[str]:
    """The words that a shell is given for the last word of a line."""
    environment = {
        **os.environ,
        "_ZARR_COMPLETE": "complete_bash",
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(line.split(" ")) - 1),
    }
    done = subprocess.run(
        [sys.executable, "-c", RUN], env=environment, capture_output=True, text=True, cwd=directory
    )
    assert done.stderr == ""
    return done.stdout.split()


def test_a_shell_completes_stores_paths_and_values(store: Path) -> None:
    directory = store.parent
    assert complete("zarr inf", directory) == ["info"]
    assert complete("zarr info a", directory) == ["a.zarr/"]
    assert complete("zarr info a.zarr/cl", directory) == ["a.zarr/climate/"]
    assert complete("zarr info a.zarr --path ", directory) == ["climate/"]
    assert complete("zarr info a.zarr --path climate/", directory) == ["climate/t"]
    assert complete("zarr cat a.zarr --format n", directory) == ["npy"]
    assert complete("zarr info nowhere --path ", directory) == []
    assert complete("zarr diff a.zarr a.zarr --second-path cl", directory) == ["climate/"]


def test_data_steer_no_terminal_and_files_get_them_unchanged(tmp_path: Path) -> None:
    zarr.create_array(tmp_path / "a", data=np.array(["\x1b[2Jb"]))
    assert call("cat", tmp_path / "a") == "\\x1b[2Jb\n"
    assert call("cat", tmp_path / "a", "--format", "csv") == "\x1b[2Jb\n"


def test_a_store_that_vanishes_midway_is_an_error_of_a_line(tmp_path: Path) -> None:
    zarr.create_array(tmp_path / "a", data=np.arange(10), chunks=2)
    (tmp_path / "a/c/3").unlink()
    (tmp_path / "a/c/3").mkdir()
    (tmp_path / "a/c/2").write_bytes(b"torn")
    result = CliRunner().invoke(app, ["stats", str(tmp_path / "a")])
    assert result.exit_code == 2
    assert len(result.stderr.splitlines()) <= 2
    assert "c/2" in result.stderr


def test_local_paths_take_no_options_of_services(store: Path) -> None:
    result = CliRunner().invoke(app, ["info", str(store), "--anon"])
    assert result.exit_code == 2
    assert "--anon" in result.stderr
