"""Check the docstrings of all public names with numpydoc's validation.

    python tools/docstrings.py             prints the errors; fails if there is one
    python tools/docstrings.py zarr.Array  checks only the names that begin so

The table ``tool.docstrings`` of ``pyproject.toml`` lists the checks, and the names that are exempt
from some of them, with the reasons. The public names are those of the API reference.
"""

from __future__ import annotations

import importlib
import inspect
import re
import sys
import tomllib
import warnings
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from numpydoc.validate import validate
from reference import ARRAYS, GROUPS, PAGES

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent


OF_BASE = frozenset({"PR01", "RT01"})
"""Checks for sections that a method may leave to the docstring of the method that it overrides."""


class Rules:
    """The checks, and the names that are exempt from some of them.

    Parameters
    ----------
    table
        The table ``tool.docstrings``.
    """

    def __init__(self, table: dict[str, Any]) -> None:
        self.checks = frozenset(table["checks"])
        self.exempt = [Exemption(**entry) for entry in table["exempt"]]
        self.used: set[Exemption] = set()

    def holds(self, name: str, check: str) -> bool:
        """Whether a name must pass a check."""
        if check not in self.checks:
            return False
        found = [e for e in self.exempt if check in e.checks and re.fullmatch(e.names, name)]
        self.used.update(found)
        return not found

    @cached_property
    def unknown(self) -> list[str]:
        """The patterns of names that exempted nothing."""
        return [entry.names for entry in self.exempt if entry not in self.used]


class Exemption(NamedTuple):
    """Names that are exempt from some checks.

    Parameters
    ----------
    names
        A regular expression for them.
    checks
        The codes of the checks, joined by spaces.
    reason
        Why.
    """

    names: str
    checks: str
    reason: str


def public(begin: str) -> Iterator[str]:
    """Yield the public functions, classes and members of classes whose names begin so."""
    for page in PAGES:
        for name in page.entries():
            module, _, attribute = name.rpartition(".")
            value = getattr(importlib.import_module(module), attribute)
            if not (inspect.isclass(value) or inspect.isroutine(value)):
                continue
            if name.startswith(begin):
                yield name
            if inspect.isclass(value):
                members = dir(value) if name in ARRAYS + GROUPS else vars(value)
                yield from (
                    path
                    for member in members
                    if not member.startswith("_") and is_documented(value, member)
                    if (path := f"{name}.{member}").startswith(begin)
                )


def is_documented(cls: type, member: str) -> bool:
    """Whether a member is a method or property with a docstring to check, not an inherited one."""
    value = inspect.getattr_static(cls, member)
    if isinstance(value, classmethod | staticmethod):
        value = value.__func__
    if not (inspect.isfunction(value) or isinstance(value, property)):
        return False
    return bool(value.__doc__) or not inspect.getdoc(getattr(cls, member))


def overrides(name: str) -> bool:
    """Whether a name is that of a method which a base class has, too, with a docstring."""
    owner, _, member = name.rpartition(".")
    module, _, attribute = owner.rpartition(".")
    cls = getattr(importlib.import_module(module), attribute, None) if module else None
    if not inspect.isclass(cls):
        return False
    return any(getattr(vars(base).get(member), "__doc__", None) for base in cls.__mro__[1:])


def main(begin: str = "zarr") -> int:
    """Print the errors. Return 1 if there are some, else 0."""
    rules = Rules(tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["docstrings"])
    count = wrong = 0
    for name in sorted(set(public(begin))):
        count += 1
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                errors = validate(name)["errors"]
            except OSError:  # it has no source: a decorator made it
                continue
        for check, message in errors:
            if rules.holds(name, check) and not (check in OF_BASE and overrides(name)):
                wrong += 1
                print(f"{name}: {check} {message}")
    if begin == "zarr" and rules.unknown:
        wrong += 1
        print(f"these exemptions of pyproject.toml exempt nothing: {rules.unknown}")
    print(f"{count:,} public names, {wrong} errors")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
