"""The functions of zarr, for asynchronous code.

:mod:`zarr.api.synchronous`, and so ``zarr`` itself, has the same functions for other code.
"""

from zarr.api.copying import copy, copy_all, copy_store
from zarr.api.create import array, create_array, from_array
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
from zarr.api.open import load, open, open_array, open_like, save, save_array
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

__all__ = [
    "array",
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
    "save",
    "save_array",
    "save_group",
    "tree",
    "zeros",
    "zeros_like",
]
