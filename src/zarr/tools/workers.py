"""The workers of a tool: those of the caller, or threads for as long as it runs."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING

from zarr import _core

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Executor

__all__ = ["workers"]


@contextmanager
def workers(executor: Executor | None) -> Iterator[Executor]:
    """Give the executor that was given, or one of as many threads as there are CPUs."""
    if executor is not None:
        yield executor
        return
    with ThreadPoolExecutor(_core.threads(), "zarr_tool") as own:
        yield own
