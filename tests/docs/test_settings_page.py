"""The page on configuration lists every setting, with its variable and its default."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

import zarr
from zarr.core.config import Config

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = Path(__file__).parents[2] / "docs" / "configuration.md"


class Row(NamedTuple):
    """A row of a table of settings."""

    setting: str
    variable: str
    default: str
    meaning: str


ROWS = [
    Row(*(cell.strip().strip("`") for cell in re.split(r"\||<br>", line.strip("|"))))
    for line in PAGE.read_text().splitlines()
    if re.match(r"\| `[a-z_.]+`<br>", line)
]
NAMES = {row.setting for row in ROWS}


def settings(tree: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """The settings that a tree holds. A section that has one row counts as a setting."""
    for key, value in tree.items():
        path = f"{above}{key}"
        if isinstance(value, Mapping) and path not in NAMES:
            yield from settings(value, f"{path}.")
        else:
            yield path, value


DEFAULTS = {name: value for tree in zarr.config.defaults for name, value in settings(tree)}


def test_every_setting_is_on_the_page_and_no_other() -> None:
    assert sorted(row.setting for row in ROWS) == sorted(DEFAULTS)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.setting)
def test_the_page_tells_the_default_of_a_setting(row: Row) -> None:
    if row.setting != "codecs":
        assert ast.literal_eval(row.default) == DEFAULTS[row.setting]
    assert row.meaning.endswith(".")


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.setting)
def test_the_variable_of_a_setting_sets_it(row: Row) -> None:
    default = DEFAULTS[row.setting]
    other: Any = not default if isinstance(default, bool) else 7
    if row.setting in ("codecs", "storage.references.roots"):
        other = ["a"] if row.setting != "codecs" else {"zstd": "mine"}
    config = Config(
        "zarr", defaults=zarr.config.defaults, paths=[], env={row.variable: repr(other)}
    )
    try:
        found = config.get(row.setting)
        assert (found["zstd"] if row.setting == "codecs" else found) in (other, "mine")
    finally:
        zarr.config.refresh()  # the number of threads is the process's
