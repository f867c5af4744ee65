"""Runs the programs of ``behaviour_snippets.txt`` with whatever `zarr` is installed.

Prints a JSON object: what each program printed, line by line. It runs with zarr-python as well.
"""

from __future__ import annotations

import asyncio
import contextlib
import copy
import datetime
import inspect
import json
import os
import pathlib
import pickle
import re
import shutil
import sys
import tempfile
import warnings
from typing import Any

import numpy as np

import zarr
import zarr.abc.buffer
import zarr.abc.codec
import zarr.abc.store
import zarr.api.asynchronous
import zarr.codecs
import zarr.codecs.numcodecs
import zarr.core.array_spec
import zarr.core.buffer
import zarr.core.chunk_grids
import zarr.core.common
import zarr.core.dtype
import zarr.core.group
import zarr.core.indexing
import zarr.core.metadata
import zarr.core.sync
import zarr.dtype
import zarr.errors
import zarr.registry
import zarr.storage
import zarr.storage._common

PROGRAMS = pathlib.Path(__file__).with_name("behaviour_snippets.txt")
# Addresses, directories of this run, and where a class stands inside of its package.
_NOISE = [
    (re.compile(r"0x[0-9a-f]{6,}"), "0x"),
    (re.compile(r"memory://\d+"), "memory://"),
    (re.compile(r"(file://)?/\S*behaviour-\w+"), "DIRECTORY"),
    (re.compile(r"\b\d{12,}\b"), "N"),
    (re.compile(r"<(class|function|module) '?[\w.<>]*?\.?(\w+)'?[^>]*>"), r"<\1 \2>"),
    (re.compile(r"\bzarr(?:\.\w+)+\.(\w+)"), r"\1"),
    (re.compile(r" at 0x\b"), ""),
    (re.compile(r"\{'typesize', 'shuffle'\}"), "{'shuffle', 'typesize'}"),
]


def clean(text: str) -> str:
    """Return the text without parts that differ between runs."""
    for pattern, instead in _NOISE:
        text = pattern.sub(instead, text)
    return text


def shown(value: Any) -> str:
    """A value, as it is compared."""
    if isinstance(value, type):
        return f"class {value.__name__}"
    if isinstance(value, np.ndarray):
        return f"{value.dtype}{value.shape}{value.tolist()}"
    if isinstance(value, np.dtype):
        return f"dtype {value.str} {value.names}"
    if inspect.isgenerator(value):
        return "generator"
    return clean(repr(value))


class Outcome:
    """The outcome of a call: a value or an error, and its warnings."""

    def __init__(self, call: Any, words: int) -> None:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                self.text = shown(call())
            except Exception as error:
                first = " ".join(clean(str(error)).split()[:words])
                self.text = f"{type(error).__name__}: {first}"
        told = sorted({w.category.__name__ for w in caught if w.category is not ResourceWarning})
        if told:
            self.text += f" (warned: {', '.join(told)})"

    def __repr__(self) -> str:
        return self.text


def tried(call: Any, words: int = 0) -> Outcome:
    """Return the outcome of a call; of an error's message its first words."""
    return Outcome(call, words)


def run(coroutine: Any) -> Any:
    """Return the result of a coroutine."""

    async def body() -> Any:
        return await coroutine

    return asyncio.run(body())


def collect(iterator: Any) -> list[Any]:
    """Return the items of an asynchronous iterator."""

    async def body() -> list[Any]:
        return [item async for item in iterator]

    return asyncio.run(body())


async def double(number: int) -> int:
    return 2 * number


def programs() -> dict[str, str]:
    """The programs by name."""
    parts = re.split(r"^# -- (.*)$", PROGRAMS.read_text(), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def outcome(program: str) -> list[str]:
    """Return the output of a program."""
    lines: list[str] = []

    def show(*values: Any) -> None:
        lines.extend(shown(value) for value in values)
        lines.append("")

    names = {
        "np": np,
        "zarr": zarr,
        "json": json,
        "pathlib": pathlib,
        "shutil": shutil,
        "pickle": pickle,
        "copy": copy,
        "datetime": datetime,
        "warnings": warnings,
        "show": show,
        "tried": tried,
        "run": run,
        "collect": collect,
        "double": double,
    }
    with tempfile.TemporaryDirectory(prefix="behaviour-") as directory, contextlib.chdir(directory):
        try:
            exec(program, names)
        except Exception as error:
            lines.append(f"the program stopped: {type(error).__name__}: {error}")
    return lines


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    for key in [key for key in os.environ if key.startswith("ZARR_")]:
        del os.environ[key]
    wanted = sys.argv[1:]
    results = {n: outcome(p) for n, p in programs().items() if not wanted or n in wanted}
    json.dump(results, sys.stdout, indent=1)
