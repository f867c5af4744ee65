"""The functions of zarr: those of :mod:`zarr.api.asynchronous`, for code that is not asynchronous.

Where a store never waits, as files and memory do not, they run on the calling thread.
"""

from __future__ import annotations

from importlib import import_module
from inspect import isasyncgenfunction
from typing import TYPE_CHECKING

from zarr._async.run import synced, synced_iter
from zarr.api import asynchronous

if TYPE_CHECKING:
    from zarr._async.run import synced_array, synced_group, synced_node

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

if TYPE_CHECKING:  # for type checkers, which result each has
    array = synced_array(asynchronous.array)
    create = synced_array(asynchronous.create)
    create_array = synced_array(asynchronous.create_array)
    empty = synced_array(asynchronous.empty)
    empty_like = synced_array(asynchronous.empty_like)
    from_array = synced_array(asynchronous.from_array)
    full = synced_array(asynchronous.full)
    full_like = synced_array(asynchronous.full_like)
    load = synced(asynchronous.load)
    ones = synced_array(asynchronous.ones)
    ones_like = synced_array(asynchronous.ones_like)
    open = synced_node(asynchronous.open)
    open_array = synced_array(asynchronous.open_array)
    open_like = synced_array(asynchronous.open_like)
    read = synced(asynchronous.read)
    save = synced(asynchronous.save)
    save_array = synced(asynchronous.save_array)
    zeros = synced_array(asynchronous.zeros)
    zeros_like = synced_array(asynchronous.zeros_like)
    concat = synced(asynchronous.concat)
    consolidate_metadata = synced_group(asynchronous.consolidate_metadata)
    copy = synced(asynchronous.copy)
    copy_all = synced(asynchronous.copy_all)
    copy_store = synced(asynchronous.copy_store)
    create_group = synced_group(asynchronous.create_group)
    group = synced_group(asynchronous.group)
    open_consolidated = synced_group(asynchronous.open_consolidated)
    open_group = synced_group(asynchronous.open_group)
    save_group = synced(asynchronous.save_group)
    stack = synced(asynchronous.stack)
    tree = synced(asynchronous.tree)
    create_hierarchy = synced_iter(asynchronous.create_hierarchy)
else:

    def __getattr__(name: str) -> object:
        """Derive a function when it is first asked for."""
        if name not in __all__:
            raise import_module("zarr.successors").missing(f"module {__name__!r}", name, __all__)
        fn = getattr(asynchronous, name)
        value = globals()[name] = (synced_iter if isasyncgenfunction(fn) else synced)(fn)
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
