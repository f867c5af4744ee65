"""Text for people: sizes, counts, aligned tables, and strings that cannot steer a terminal."""

from __future__ import annotations

import json
import math
import unicodedata
from typing import TYPE_CHECKING

from zarr.errors import printable
from zarr.tools.result import escaped, plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = [
    "align",
    "bytes_of",
    "count",
    "indented",
    "json_lines",
    "pairs",
    "percent",
    "printable",
    "ratio",
    "shorten",
    "table",
    "width",
]

_UNITS = ("KiB", "MiB", "GiB", "TiB", "PiB", "EiB")


def bytes_of(size: int | None) -> str:
    """A number of bytes with a binary unit, as in ``1.5 MiB``; ``–`` if it is not known."""
    if size is None:
        return "–"
    if abs(size) < 1024:
        return f"{size} B"
    value, unit = size / 1024, _UNITS[0]
    for unit in _UNITS:
        if abs(value) < 1023.95 or unit == _UNITS[-1]:
            break
        value /= 1024
    return f"{value:.1f} {unit}"


def count(number: int, noun: str = "", plural: str = "") -> str:
    """A number with its thousands apart, and a noun in the right form: ``1,024 chunks``."""
    if not noun:
        return f"{number:,}"
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def ratio(decoded: int, stored: int | None) -> str:
    """How many times smaller the stored bytes are; ``–`` if none are stored."""
    if not stored:
        return "–"
    times = decoded / stored
    return f"{times:.1f}×" if times >= 0.05 or not decoded else "< 0.1×"


def percent(part: int, whole: int) -> str:
    """A part in percent, which is 0 % or 100 % only where it is exactly that."""
    if part == whole:
        return "100 %"
    share = 100 * part / whole
    if 0 < share < 0.1:
        return "< 0.1 %"
    return f"{min(share, 99.9):.1f} %"


def width(text: str) -> int:
    """How many columns a string takes in a terminal."""
    if text.isascii():
        return len(text)
    wide = sum(unicodedata.east_asian_width(each) in "WF" for each in text)
    return len(text) + wide - sum(map(bool, map(unicodedata.combining, text)))


def shorten(text: str, most: int) -> str:
    """A string of at most so many columns; one that is cut ends in ``…``."""
    start = text[: 2 * most]  # so that a long string takes no longer
    if len(start) == len(text) and width(text) <= most:
        return text
    while width(start) > most - 1:
        start = start[:-1]
    return start + "…"


def align(text: str, columns: int, side: str = "<") -> str:
    """A string, filled with spaces to a number of columns.

    Parameters
    ----------
    text
        The string.
    columns
        How wide it becomes; a longer string stays as it is.
    side
        ``"<"`` puts it to the left, ``">"`` to the right.
    """
    spaces = " " * max(0, columns - width(text))
    return spaces + text if side == ">" else text + spaces


def table(
    rows: Iterable[Sequence[str]], headings: Sequence[str] = (), sides: str = "", gap: str = "  "
) -> str:
    """Rows as aligned lines. Strings are made printable here.

    Parameters
    ----------
    rows
        The cells of each row.
    headings
        The cells of the first line; none by default.
    sides
        A character for each column, as of `align`; the last decides for those beyond.
    gap
        Stands between columns.
    """
    sides = sides or "<"
    cells = [
        [printable(cell) for cell in row] for row in (*([headings] if headings else ()), *rows)
    ]
    widths: list[int] = []
    for row in cells:
        widths += [0] * (len(row) - len(widths))
        for column, cell in enumerate(row):
            widths[column] = max(widths[column], width(cell))
    lines = [
        gap.join(
            align(cell, widths[column], sides[min(column, len(sides) - 1)])
            for column, cell in enumerate(row)
        ).rstrip()
        for row in cells
    ]
    return "\n".join(lines)


def pairs(items: Iterable[tuple[str, str]]) -> str:
    """Names and values, a line for each; a value of several lines is indented.

    Parameters
    ----------
    items
        The names and values; those without a value are left out.
    """
    kept = [(name, value) for name, value in items if value]
    column = max((width(name) for name, _ in kept), default=0) + 2
    lines = []
    for name, value in kept:
        first, *more = value.split("\n")
        lines.append(align(printable(name), column) + printable(first))
        lines += [" " * column + printable(line) for line in more]
    return "\n".join(lines)


def indented(text: str, by: str = "  ") -> str:
    """A text, each line of which is indented."""
    return "\n".join(by + line if line else line for line in text.split("\n"))


def json_lines(value: object, indent: int | None = 2) -> str:
    """A value as JSON for people, printable."""
    return escaped(json.dumps(plain(value), indent=indent, ensure_ascii=False))


def number(value: float) -> str:
    """A number with about six digits, as short as it can be."""
    if isinstance(value, float) and math.isfinite(value):
        return f"{value:.6g}"
    return str(value)
