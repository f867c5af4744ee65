"""The functions of zarr: those of :mod:`zarr.api.asynchronous`, for code that is not asynchronous.

Where a store never waits, as files and memory do not, they run on the calling thread.
"""

from zarr.api import asynchronous
from zarr.runner import synced, synced_iter

__all__ = [
    "array",
    "consolidate_metadata",
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
    "save",
    "save_array",
    "save_group",
    "tree",
    "zeros",
    "zeros_like",
]

array = synced(asynchronous.array)
create = synced(asynchronous.create)
create_array = synced(asynchronous.create_array)
empty = synced(asynchronous.empty)
empty_like = synced(asynchronous.empty_like)
from_array = synced(asynchronous.from_array)
full = synced(asynchronous.full)
full_like = synced(asynchronous.full_like)
load = synced(asynchronous.load)
ones = synced(asynchronous.ones)
ones_like = synced(asynchronous.ones_like)
open = synced(asynchronous.open)
open_array = synced(asynchronous.open_array)
open_like = synced(asynchronous.open_like)
save = synced(asynchronous.save)
save_array = synced(asynchronous.save_array)
zeros = synced(asynchronous.zeros)
zeros_like = synced(asynchronous.zeros_like)
consolidate_metadata = synced(asynchronous.consolidate_metadata)
create_group = synced(asynchronous.create_group)
group = synced(asynchronous.group)
open_consolidated = synced(asynchronous.open_consolidated)
open_group = synced(asynchronous.open_group)
save_group = synced(asynchronous.save_group)
tree = synced(asynchronous.tree)
create_hierarchy = synced_iter(asynchronous.create_hierarchy)
