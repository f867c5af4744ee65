"""Texts of tools: sizes, tables, and strings that cannot steer a terminal."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
import pytest

from zarr.tools import Result, text

HOSTILE = "a\x1b[2J\x9b1m\u202eb\x7f\ud800\n"


@pytest.mark.parametrize(
    ("size", "shown"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (1536, "1.5 KiB"),
        ((1 << 20) - 1, "1.0 MiB"),
        (1 << 20, "1.0 MiB"),
        (3 << 60, "3.0 EiB"),
        (5000 << 60, "5000.0 EiB"),
        (None, "–"),
    ],
)
def test_a_size_has_a_unit_that_keeps_it_short(size: int | None, shown: str) -> None:
    assert text.bytes_of(size) == shown


def test_a_part_is_all_or_nothing_only_where_it_is() -> None:
    assert text.percent(10**9, 10**9) == "100 %"
    assert text.percent(10**9 - 1, 10**9) == "99.9 %"
    assert text.percent(0, 10**9) == "0.0 %"
    assert text.percent(1, 10**9) == "< 0.1 %"
    assert text.percent(0, 0) == "100 %"


def test_columns_are_aligned_whatever_the_width_of_characters() -> None:
    lines = text.table([("名前", "1"), ("ab", "22")], ("name", "n"), "<>").split("\n")
    assert lines == ["name   n", "名前   1", "ab    22"]
    assert text.width("e\u0301") == 1


def test_no_character_of_a_table_steers_a_terminal() -> None:
    for shown in (
        text.table([(HOSTILE, HOSTILE)], (HOSTILE,)),
        text.pairs([(HOSTILE, HOSTILE)]),
        text.json_lines({HOSTILE: [HOSTILE]}),
    ):
        assert shown.replace("\n", "").isprintable()


@dataclass(frozen=True)
class Found(Result):
    name: str
    value: object


def test_json_of_a_hostile_name_is_printable_and_says_the_same() -> None:
    document = Found(HOSTILE, {HOSTILE: "ünïcode 名前"}).to_json()
    assert document.replace("\n", "").isprintable()
    assert "ünïcode 名前" in document
    assert json.loads(document) == {"name": HOSTILE, "value": {HOSTILE: "ünïcode 名前"}}


def test_numbers_that_json_lacks_are_named() -> None:
    value = [np.float32("nan"), np.inf, -np.inf, 1 + 2j, np.datetime64("2020-01-01"), b"a\xff"]
    assert Found("", value).to_dict()["value"] == [
        "NaN",
        "Infinity",
        "-Infinity",
        [1.0, 2.0],
        "2020-01-01",
        "a\\xff",
    ]
