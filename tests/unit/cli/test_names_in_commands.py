"""Whatever names and attributes hold, commands show them as text, and do their work."""

from __future__ import annotations

import json
import os
import re
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from typer.testing import CliRunner

import zarr
from zarr import tools
from zarr.cli.commands import app
from zarr.storage import MemoryStore

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(os.name == "nt", reason="no such names on Windows")

STEERS = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
TEXT = "\x1b[2J\x1b]0;own\x07\r\u202eevil\u2066\u0085\x9b<script>alert(1)</script>&\"'"
NAMES = (
    *("\x1b[31mred", "a\rb", "\u202egnp", "x" * 255, "<img src=x onerror=alert(1)>", "e\u0301"),
    *("a'b\"c", "new\nline", "\x7f\x9b", "\N{FAMILY}\u200d\N{WOMAN}"),
)


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("h")
    attributes = {TEXT: TEXT, "nul": "a\0b", "big": "x" * 100_000, "deep": [[[TEXT]]]}
    root = zarr.create_group(directory / "s", attributes=attributes)
    data = np.arange(20).reshape(4, 5)
    for name in NAMES:
        root.create_array(name, data=data, chunks=(2, 3), attributes={TEXT: TEXT})
    (directory / "s" / NAMES[0] / "c" / "0" / "\x1b]0;own\x07").write_bytes(b"x")
    return directory


def call(directory: Path, command: str, *more: str) -> str:
    """Run a command, and return all that it prints, on both streams."""
    words = [str(directory / word) if word in ("s", "r.html") else word for word in more]
    result = CliRunner().invoke(app, [command, *words])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    shown = result.output + result.stderr
    assert result.exit_code in (0, 1), ascii(shown)
    assert not STEERS.search(shown), ascii(shown)
    if "--json" in more:
        json.loads(result.stdout)
    return shown


@pytest.mark.parametrize("more", [(), ("--json",)], ids=["text", "json"])
@pytest.mark.parametrize(
    "command",
    [
        *(("info", "s"), ("ls", "s"), ("ls", "s", "-l"), ("tree", "s"), ("du", "s"), ("find", "s")),
        *(("attrs", "get", "s"), ("attrs", "get", "s", TEXT), ("diff", "s", "s")),
        *(("verify", "s"), ("verify", "s", "--metadata"), ("verify", "s", "--presence")),
        *(("digest", "s"), ("digest", "s", "--exact"), ("repair", "s"), ("vacuum", "s")),
        *(("info", "s", "-p", NAMES[0]), ("stats", "s", "-p", NAMES[2])),
        *(("head", "s", "-p", NAMES[1]), ("cat", "s", "-p", NAMES[4])),
        *(("bench", "s", "-p", NAMES[0], "--times", "1"), ("report", "s", "-o", "r.html")),
        ("diff", "s", "s", "--first-path", NAMES[0], "--second-path", NAMES[1]),
    ],
    ids=lambda command: ascii(" ".join(command))[1:40],
)
def test_no_command_is_steered(directory: Path, command: tuple[str, ...], more: tuple[str]) -> None:
    call(directory, *command, *more)


def test_a_page_holds_no_code_of_names_and_attributes(directory: Path) -> None:
    pages = (
        tools.report(directory / "s").page,
        tools.verify(directory / "s").to_html(),
        zarr.open_group(directory / "s")[NAMES[4]]._repr_html_(),  # type: ignore[operator]
    )
    for page in pages:
        assert "<script" not in page
        assert "<img src=x" not in page
        assert not STEERS.search(page)


def test_a_name_of_100_kb_is_shown() -> None:
    store = MemoryStore()
    zarr.create_group(store).create_array("y" * 100_000, data=np.arange(3))
    assert tools.verify(store).counts == {"name-unportable": 1}
    shown: list[Any] = [tools.tree(store), tools.du(store), tools.ls(store, sizes=True)]
    assert all("y" * 100 in str(each) for each in shown)
    assert len(tools.digest(store).nodes) == 2


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
def test_a_name_that_is_not_utf_8_is_told_and_in_nobodys_way(tmp_path: Path) -> None:
    root = zarr.create_group(tmp_path / "s")
    root.create_array("a", data=np.arange(3))
    inside = os.fsencode(tmp_path / "s")
    os.mkdir(inside + b"/bad\xff")
    for name in (b"/bad\xff/zarr.json", b"/odd\xfe", b"/a/c/\xff"):
        with open(inside + name, "wb") as file:
            file.write((tmp_path / "s" / "zarr.json").read_bytes())
    assert list(root) == ["a"]
    for command in ("info", "tree", "du", "find", "digest"):
        call(tmp_path, command, "s")
    for level in ("presence", "full"):
        report = tools.verify(tmp_path / "s", level=level)  # type: ignore[arg-type]
        assert {each.code for each in report.findings} == {"no-file"}
        assert {each.key for each in report.findings} == {"bad\\udcff", "odd\\udcfe", "a/c/\\udcff"}
    tools.cp(tmp_path / "s", tmp_path / "copy")
    assert tools.diff(tmp_path / "s", tmp_path / "copy").same
