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
NEEDED = {
    "zarr.codecs.numcodecs.PCodec": "pcodec",
    "zarr.codecs.numcodecs.ZFPY": "zfpy",
    "zarr.storage.memory.GpuMemoryStore": "cupy",
}
"""The packages without which an example does not run."""


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
    if test.name in NEEDED:
        pytest.importorskip(NEEDED[test.name])
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


def is_choice(cls: type) -> bool:
    """Whether a class names the values of a parameter of a codec."""
    return cls.__module__.startswith("zarr.codecs") and not hasattr(cls, "to_dict")


@pytest.mark.parametrize("module", [zarr, zarr.storage, zarr.codecs, zarr.codecs.numcodecs])
def test_every_function_store_and_codec_shows_an_example(module: Any) -> None:
    values = {name: getattr(module, name) for name in module.__all__}
    missing = {
        name
        for name, value in values.items()
        if inspect.isfunction(value) or (inspect.isclass(value) and not is_choice(value))
        if not name.startswith("_") and ">>>" not in (inspect.getdoc(value) or "")
    }
    # Deprecated, or for a report of a bug; of the asynchronous face, which has the docstrings of
    # the synchronous one.
    assert missing <= {"tree", "print_debug_info", "AsyncArray", "AsyncGroup"}


def test_every_data_type_shows_an_example() -> None:
    types = [t for t in zarr.dtype.__all__ if hasattr(getattr(zarr.dtype, t), "to_native_dtype")]
    assert len(types) > 20
    assert [t for t in types if ">>>" not in (getattr(zarr.dtype, t).__doc__ or "")] == []


@pytest.mark.parametrize("name", zarr.__all__)
def test_the_synchronous_face_speaks_of_synchronous_types(name: str) -> None:
    if inspect.isfunction(getattr(zarr, name)):
        assert "AsyncArray" not in (inspect.getdoc(getattr(zarr, name)) or "")
