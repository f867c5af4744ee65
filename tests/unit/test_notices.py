"""Warnings show the line of the caller's own program, however it calls."""

from __future__ import annotations

import asyncio
import re
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import zarr
from zarr.api import asynchronous

if TYPE_CHECKING:
    from collections.abc import Callable

# These speak of what is stored, not of the line that calls: programs whose tests make warnings at
# their own lines errors (xarray's do) write such data on purpose.
ABOUT_DATA = {"dtype/base.py", "groups/consolidated.py"}
# Where the caller is one step away, whatever the face.
DIRECT = {"codecs/base.py", "__init__.py"}


def lines_of(call: Callable[[], Any]) -> list[str]:
    """The files that the warnings of a call point to."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call()
    return [warning.filename for warning in caught]


CALLS: dict[str, tuple[str, dict[str, Any]]] = {
    "an old parameter": ("create", {"shape": 2, "zarr_version": 3}),
    "a setting of the handle": ("create", {"shape": 2, "write_empty_chunks": True}),
    "an order": ("create_array", {"shape": 2, "dtype": "i4", "order": "F"}),
    "gaps between fields": (
        "create_array",
        {"shape": 2, "dtype": np.dtype("i1,i4", align=True), "zarr_format": 2},
    ),
}


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("kind", ["memory", "waiting"])
def test_a_warning_points_to_the_synchronous_call(name: str, kind: str, waiting_store: Any) -> None:
    function, arguments = CALLS[name]
    store = {} if kind == "memory" else waiting_store()
    assert lines_of(lambda: getattr(zarr, function)(store=store, **arguments)) == [__file__]


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("kind", ["memory", "waiting"])
def test_a_warning_points_to_the_asynchronous_call(
    name: str, kind: str, waiting_store: Any
) -> None:
    function, arguments = CALLS[name]
    store = {} if kind == "memory" else waiting_store()

    async def work() -> None:
        await getattr(asynchronous, function)(store=store, **arguments)

    assert lines_of(lambda: asyncio.run(work())) == [__file__]


@pytest.mark.parametrize("kind", ["memory", "waiting"])
def test_a_warning_about_the_store_points_to_the_caller_that_opens_it(
    kind: str, waiting_store: Any
) -> None:
    store: Any = zarr.storage.MemoryStore() if kind == "memory" else waiting_store()
    root = zarr.create_group(store)
    value = zarr.buffer.cpu.Buffer.from_bytes(b"1")
    zarr.core.sync.sync(store.set("stray/x", value))
    assert lines_of(lambda: list(root.members())) == [__file__]


def test_a_warning_is_shown_once_for_a_line() -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        for _ in range(3):
            zarr.create(2, zarr_version=3)
    assert len(caught) == 1


def test_no_module_counts_frames_by_itself() -> None:
    root = Path(zarr.__file__).parent
    found = {
        str(path.relative_to(root))
        for path in root.rglob("*.py")
        if re.search(r"\bwarnings\.warn\b", path.read_text())
    }
    assert found == ABOUT_DATA | DIRECT
