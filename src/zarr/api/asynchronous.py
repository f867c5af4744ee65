"""The functions of zarr, for asynchronous code.

:mod:`zarr.api.synchronous`, and so ``zarr`` itself, has the same functions for other code.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zarr.api.arrays import array, create_array, from_array, open_like, save_array
    from zarr.api.copying import copy, copy_all, copy_store
    from zarr.api.groups import (
        consolidate_metadata,
        create_group,
        create_hierarchy,
        group,
        open_consolidated,
        open_group,
        save_group,
        tree,
    )
    from zarr.api.open import load, open, save
    from zarr.api.open_array import open_array
    from zarr.arrays.legacy_create import (
        create,
        empty,
        empty_like,
        full,
        full_like,
        ones,
        ones_like,
        zeros,
        zeros_like,
    )
    from zarr.views.batch import read
    from zarr.views.joining import concat, stack

__all__ = [
    "array",
    "concat",
    "consolidate_metadata",
    "copy",
    "copy_all",
    "copy_store",
    "create",
    "create_array",
    "create_group",
    "create_hierarchy",
    "empty",
    "empty_like",
    "from_array",
    "full",
    "full_like",
    "group",
    "load",
    "ones",
    "ones_like",
    "open",
    "open_array",
    "open_consolidated",
    "open_group",
    "open_like",
    "read",
    "save",
    "save_array",
    "save_group",
    "stack",
    "tree",
    "zeros",
    "zeros_like",
]

_HOMES = {
    "open_array": "zarr.api.open_array",
    "read": "zarr.views.batch",
    **dict.fromkeys(("copy", "copy_all", "copy_store"), "zarr.api.copying"),
    **dict.fromkeys(("load", "open", "save"), "zarr.api.open"),
    **dict.fromkeys(("concat", "stack"), "zarr.views.joining"),
    **dict.fromkeys(
        ("array", "create_array", "from_array", "open_like", "save_array"),
        "zarr.api.arrays",
    ),
    **dict.fromkeys(
        (
            "consolidate_metadata",
            "create_group",
            "create_hierarchy",
            "group",
            "open_consolidated",
            "open_group",
            "save_group",
            "tree",
        ),
        "zarr.api.groups",
    ),
}
"""The modules of functions; those that are not here are with `create`."""


if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        """Import a function when it is first asked for: few programs use them all."""
        if name not in __all__:
            raise import_module("zarr.successors").missing(f"module {__name__!r}", name, __all__)
        home = import_module(_HOMES.get(name, "zarr.arrays.legacy_create"))
        value = globals()[name] = getattr(home, name)
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
