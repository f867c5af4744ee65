"""The commands that check and mend: what they print, and how they end."""

from __future__ import annotations

import errno
import json
import os
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from typer.testing import CliRunner

import zarr
from zarr._cli.cli import app

if TYPE_CHECKING:
    from pathlib import Path


def call(*arguments: Any, code: int = 0) -> str:
    result = CliRunner().invoke(app, [str(each) for each in arguments])
    assert result.exit_code == code, (result.output, result.exception)
    return result.output


@pytest.fixture
def store(tmp_path: Path) -> Path:
    root = zarr.create_group(tmp_path / "store")
    root.create_array("a", data=np.arange(1, 17), chunks=(4,), compressors=None)
    return tmp_path / "store"


def test_verify_ends_with_0_1_or_2(store: Path, tmp_path: Path) -> None:
    assert "nothing" in call("verify", store)
    (store / "a" / "c" / "0").write_bytes(b"torn")
    assert "chunk-size" in call("verify", store, code=1)
    assert "chunk-size" not in call("verify", store, "--level", "presence")
    assert call("verify", store, "--presence") == call("verify", store, "--level", "presence")
    call("verify", store, "--presence", "--full", code=2)
    call("verify", tmp_path / "nowhere", code=2)
    call("verify", store, "--level", "deep", code=2)


def test_the_json_of_verify_is_stable(store: Path) -> None:
    (store / "a" / "c" / "9").write_bytes(b"x")
    report = json.loads(call("verify", store, "--json", code=1))
    source = report.pop("source")
    assert source.endswith("store")
    assert report == {
        "level": "full",
        "ok": False,
        "groups": 1,
        "arrays": 1,
        "keys": 7,
        "chunks": 4,
        "stored": 4,
        "decoded": 4,
        "bytes": 128,
        "counts": {"chunk-outside": 1},
        "findings": [
            {
                "code": "chunk-outside",
                "severity": "warning",
                "node": "a",
                "key": "a/c/9",
                "chunk": [9],
                "inner": None,
                "expected": "a grid of (4,)",
                "found": "(9,)",
                "remedy": "zarr vacuum",
            }
        ],
    }


def test_the_report_is_written_as_a_page(store: Path, tmp_path: Path) -> None:
    call("verify", store, "--html", tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert page.startswith("<!DOCTYPE html>")
    assert "Nothing was found" in page


def test_a_page_that_cannot_be_written_leaves_the_old_one(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = tmp_path / "report.html"
    page.write_text("old")

    def full(*paths: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    for command in (("verify", store, "--html", page), ("report", store, "--output", page)):
        assert "Make room" in call(*command, code=2)
        assert page.read_text() == "old"
        assert not list(tmp_path.glob(".report.html*"))


def test_a_digest_is_compared_later(store: Path, tmp_path: Path) -> None:
    made = call("digest", store)
    assert [line.split("  ")[1] for line in made.splitlines()] == ["/", "a"]
    (tmp_path / "digest.json").write_text(call("digest", store, "--json"))
    call("verify", store, "--against", tmp_path / "digest.json")
    zarr.open_array(store, path="a")[0] = 99
    told = call("verify", store, "--against", tmp_path / "digest.json", code=1)
    assert "digest-differs" in told
    assert call("digest", store, "--exact") != made


def test_repair_is_a_dry_run_until_it_is_applied(store: Path, tmp_path: Path) -> None:
    notes = store / "notes"
    notes.write_bytes(b"x")
    assert "planned" in call("repair", store, code=1)
    assert notes.exists()
    call("repair", store, "--apply", code=2)
    assert notes.exists()
    assert "done" in call("repair", store, "--apply", "--keep", tmp_path / "kept")
    assert not notes.exists()
    assert "planned" in call("repair", store, "--undo", tmp_path / "kept", code=1)
    call("repair", store, "--undo", tmp_path / "kept", "--apply")
    assert notes.read_bytes() == b"x"
    call("repair", store, "--code", "chunk-empty")
    assert notes.exists()


def test_repair_takes_from_a_second_copy_or_gives_up(store: Path, tmp_path: Path) -> None:
    zarr.create_group(tmp_path / "copy").create_array("a", data=np.arange(1, 17), chunks=(16,))
    chunk = store / "a" / "c" / "0"
    chunk.write_bytes(b"torn")
    call("repair", store, code=1)
    call("repair", store, "--second", tmp_path / "copy", "--apply", "--keep", tmp_path / "one")
    assert zarr.open_array(store, path="a")[:4].tolist() == [1, 2, 3, 4]
    chunk.write_bytes(b"torn")
    call("repair", store, "--drop", "--apply", "--keep", tmp_path / "two")
    assert zarr.open_array(store, path="a")[:4].tolist() == [0, 0, 0, 0]


def test_vacuum_deletes_when_it_is_told_to(store: Path) -> None:
    call("vacuum", store)
    rubbish = store / "a" / ".zarr-partial-1-2"
    rubbish.write_bytes(b"x")
    call("vacuum", store, "--older", 0, code=1)
    assert rubbish.exists()
    call("vacuum", store, "--apply", code=1)  # it may belong to a write that is under way
    assert rubbish.exists()
    call("vacuum", store, "--apply", "--older", 0)
    assert not rubbish.exists()


def test_checksums_are_added_and_removed(store: Path) -> None:
    assert "crc32c" in call("checksum", "add", store, "--path", "a")
    assert "already" in call("checksum", "add", store, "--path", "a")
    assert "crc32c" not in call("checksum", "remove", store, "--path", "a", "--keep-old")
    call("verify", store, code=1)  # the old chunks are still there
    call("checksum", "add", store, code=2)
