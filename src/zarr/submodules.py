"""Modules of a package as attributes of it, imported when they are first asked for."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


def lazy_submodules(package: str) -> Callable[[str], Any]:
    """Make the ``__getattr__`` of a package.

    Parameters
    ----------
    package : str
        The name of the package.
    """

    def getattribute(name: str) -> Any:
        if not name.startswith("__"):
            full = f"{package}.{name}"
            try:
                return import_module(full)
            except ModuleNotFoundError as error:
                if error.name != full:  # what the module itself imports
                    raise
        raise import_module("zarr.successors").missing(f"module {package!r}", name)

    return getattribute
