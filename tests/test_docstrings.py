"""The examples in docstrings run, each by itself."""

from __future__ import annotations

import doctest
import importlib
import inspect
import pkgutil
from typing import Any

import pytest

import zarr

SKIPPED = ("zarr.core", "zarr._cli", "zarr.testing.stateful")


def found() -> list[Any]:
    """The docstrings with examples, once each."""
    finder = doctest.DocTestFinder(exclude_empty=True)
    tests: dict[tuple[str | None, int | None], doctest.DocTest] = {}
    for module in pkgutil.walk_packages(zarr.__path__, "zarr."):
        if module.name.startswith(SKIPPED):
            continue
        for test in finder.find(importlib.import_module(module.name)):
            if test.examples:
                tests.setdefault((test.filename, test.lineno), test)
    return [pytest.param(test, id=test.name) for test in tests.values()]


@pytest.mark.parametrize("test", found())
def test_the_example_gives_what_it_says(test: Any) -> None:
    options = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    told: list[str] = []
    doctest.DocTestRunner(optionflags=options).run(test, out=told.append)
    assert not told, "".join(told)


def members(cls: type) -> list[str]:
    return [name for name in dir(cls) if not name.startswith("_")]


@pytest.mark.parametrize("cls", [zarr.Array, zarr.Group])
def test_every_member_of_a_node_shows_an_example(cls: type) -> None:
    documented = {name: inspect.getdoc(inspect.getattr_static(cls, name)) for name in members(cls)}
    missing = [name for name, text in documented.items() if ">>>" not in (text or "")]
    assert missing == (["compressor"] if cls is zarr.Array else [])  # deprecated: it warns


@pytest.mark.parametrize("name", zarr.__all__)
def test_the_synchronous_face_speaks_of_synchronous_types(name: str) -> None:
    if inspect.isfunction(getattr(zarr, name)):
        assert "AsyncArray" not in (inspect.getdoc(getattr(zarr, name)) or "")
