"""The results of tools: frozen values that people and programs can read."""

from __future__ import annotations

import contextlib
import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING, cast

import numpy as np

if TYPE_CHECKING:
    from zarr.types import JSON

__all__ = ["Copied", "Result", "Steps", "escaped", "plain", "save_page"]


@dataclass(frozen=True)
class Result:
    """The base of all results of tools, which become strings for people and JSON for programs.

    A tool's result is a frozen dataclass that inherits this one. Its fields are the result for
    programs; ``__str__`` is written for people.
    """

    def to_dict(self) -> dict[str, JSON]:
        """Return the fields as values that JSON has; see `plain`."""
        return cast("dict[str, JSON]", plain(self))

    def to_json(self, indent: int | None = 2) -> str:
        """Return the fields as JSON.

        Parameters
        ----------
        indent : int, optional
            The spaces of a level; None for one line.
        """
        return escaped(json.dumps(self.to_dict(), indent=indent, ensure_ascii=False))


@dataclass(frozen=True)
class Steps(Result):
    """The steps of a change of documents.

    Parameters
    ----------
    dry_run
        Whether they would be done, and are not.
    steps
        The steps, in words.
    """

    dry_run: bool
    steps: tuple[str, ...]


@dataclass(frozen=True)
class Copied(Result):
    """The counts of a copy of values.

    Parameters
    ----------
    dry_run
        Whether nothing was really copied.
    copied, skipped
        How many values were copied, and how many were not.
    bytes
        How many bytes were copied.
    """

    dry_run: bool
    copied: int
    skipped: int
    bytes: int


def escaped(document: str) -> str:
    """JSON of the same value, in which no character steers a terminal or is half of one."""
    if document.replace("\n", "").isprintable():
        return document
    return "".join(
        each if each.isprintable() or each == "\n" else _escape(each) for each in document
    )


def _escape(character: str) -> str:
    units = character.encode("utf-16-be", "surrogatepass")
    pairs = (units[at : at + 2].hex() for at in range(0, len(units), 2))
    return "".join(f"\\u{unit}" for unit in pairs)


def save_page(page: str, path: str | os.PathLike[str]) -> None:
    """Write a page to a file; one that is there is replaced at once, or stays.

    Parameters
    ----------
    page
        The text.
    path
        The file.
    """
    directory, name = os.path.split(os.fspath(path))
    beside = os.path.join(directory, f".{name}.{os.urandom(8).hex()}")
    try:
        with open(beside, "w", encoding="utf-8") as file:
            file.write(page)
        os.replace(beside, path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(beside)


def plain(value: object) -> JSON:
    """Return a value of values that JSON has.

    Dataclasses become objects, tuples and arrays become lists, scalars of NumPy become numbers.
    Numbers that JSON lacks become ``"NaN"``, ``"Infinity"`` and ``"-Infinity"``, as in Zarr's
    documents; complex numbers become pairs. Times are in ISO 8601. Data types, bytes and all else
    become strings.
    """
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, np.generic):
        if isinstance(value, (np.datetime64, np.timedelta64)):
            return str(value)
        return plain(value.item() if not isinstance(value, np.longdouble) else float(value))
    if isinstance(value, Enum):
        return plain(value.value)
    if isinstance(value, int):
        return value
    if isinstance(value, float):
        if math.isfinite(value):
            return value
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, complex):
        return [plain(value.real), plain(value.imag)]
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(each) for each in value]
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    return str(value)
