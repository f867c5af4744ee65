"""The tools as coroutines; each is imported when it is first asked for."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

__all__: list[str] = []

# The module of each function.
_HOMES: dict[str, str] = {}

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        if name not in _HOMES:
            raise import_module("zarr.successors").missing(f"module {__name__!r}", name, __all__)
        value = globals()[name] = getattr(import_module(f"zarr.tools.{_HOMES[name]}"), name)
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
