"""The functions of zarr: those of :mod:`zarr.api.asynchronous`, for code that is not asynchronous.

Where a store never waits, as files and memory do not, they run on the calling thread.
"""

from zarr.api import asynchronous
from zarr.runner import synced

__all__ = [
    "array",
    "create",
    "create_array",
    "empty",
    "empty_like",
    "from_array",
    "full",
    "full_like",
    "load",
    "ones",
    "ones_like",
    "open",
    "open_array",
    "open_like",
    "save",
    "save_array",
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
