"""The page on configuration lists every setting, with its variable and its default."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

import zarr
from zarr.core.config import Config

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = Path(__file__).parents[2] / "docs" / "configuration.md"


SETTINGS = {setting.name: setting for setting in zarr.Settings.describe()}


class Row(NamedTuple):
    """A row of a table of settings."""

    setting: str
    variable: str
    type: str
    default: str
    meaning: str


def rows() -> Iterator[Row]:
    """The rows of the tables of settings."""
    for line in PAGE.read_text().splitlines():
        if re.match(r"\| `[a-z_.]+`<br>", line):
            names, kind, default, meaning = re.split(r" (?<!\\)\| ", line.strip("| "))
            name, variable = (cell.strip("`") for cell in names.split("<br>"))
            yield Row(name, variable, kind, default.strip("`"), meaning)


ROWS = list(rows())


def test_every_setting_is_on_the_page_and_no_other() -> None:
    assert sorted(row.setting for row in ROWS) == sorted(SETTINGS)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.setting)
def test_the_page_tells_the_type_unit_default_and_meaning_of_a_setting(row: Row) -> None:
    setting = SETTINGS[row.setting]
    kind = setting.type_name.replace("|", r"\|")
    unit = f", {setting.unit}" if setting.unit else ""
    assert row.type == f"`{kind}`{unit}" + "<br>*per array*" * setting.of_array
    if row.setting != "codecs":
        assert ast.literal_eval(row.default) == setting.default
    plain = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", row.meaning)
    assert plain == setting.doc or plain.startswith(f"{setting.doc} See ")
    assert setting.doc.endswith(".")


VALUES: dict[str, Any] = {
    "default_zarr_format": 2,
    "array.order": "F",
    "storage.references.roots": ["a"],
    "codecs": {"zstd": "mine"},
    "buffer": "mine.Buffer",
    "ndbuffer": "mine.NDBuffer",
}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.setting)
def test_the_variable_of_a_setting_sets_it(row: Row) -> None:
    default = SETTINGS[row.setting].default
    other: Any = VALUES.get(row.setting, not default if isinstance(default, bool) else 7)
    config = Config(
        "zarr", defaults=zarr.config.defaults, paths=[], env={row.variable: repr(other)}
    )
    try:
        found = config.get(row.setting)
        assert (found["zstd"] if row.setting == "codecs" else found) in (other, "mine")
        typed = getattr(config.settings, SETTINGS[row.setting].attribute)
        assert typed == found
    finally:
        zarr.config.refresh()  # the number of threads is the process's
