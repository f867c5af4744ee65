"""The page on looking at a store shows what the commands print."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from typer.testing import CliRunner

from zarr.cli.commands import app

if TYPE_CHECKING:
    import pytest

PAGE = (Path(__file__).parents[2] / "docs" / "looking-at-a-store.md").read_text()


def without_figures(text: str) -> str:
    """A text in which sizes and dates, which may differ, are all the same."""
    return re.sub(r"\s+", " ", re.sub(r"\d[\d.,:-]*( (B|[KMG]iB)\b)?", "0", text)).strip()


def test_the_commands_print_what_the_page_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    commands = 0
    for language, block in re.findall(r"```(\w+)[^\n]*\n(.*?)```", PAGE, re.DOTALL):
        if language == "python":
            exec(block, names)
            continue
        command, _, expected = block.partition("\n")
        arguments = shlex.split(command.removeprefix("$ zarr "))
        printed = CliRunner().invoke(app, arguments).output
        assert without_figures(printed) == without_figures(expected)
        commands += 1
    assert commands > 8
