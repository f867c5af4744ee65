"""Chunked, compressed, n-dimensional arrays, in the formats Zarr v2 and v3.

Names are imported when they are first asked for, so that ``import zarr`` costs little.

Examples
--------
>>> import numpy as np, zarr
>>> array = zarr.create_array({}, data=np.arange(100).reshape(10, 10), chunks=(5, 5))
>>> array[2:4, :3]
array([[20, 21, 22],
       [30, 31, 32]])
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING

from zarr import _core
from zarr.settings import config

if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec

    from zarr import abc as abc
    from zarr import api as api
    from zarr import buffer as buffer
    from zarr import codecs as codecs
    from zarr import core as core
    from zarr import dtype as dtype
    from zarr import errors as errors
    from zarr import experimental as experimental
    from zarr import loader as loader
    from zarr import metadata as metadata
    from zarr import registry as registry
    from zarr import storage as storage
    from zarr import testing as testing
    from zarr import tools as tools
    from zarr import types as types
    from zarr import views as views
    from zarr._async.progress import progress
    from zarr._async.tracing import trace
    from zarr.api.synchronous import (
        array,
        concat,
        consolidate_metadata,
        copy,
        copy_all,
        copy_store,
        create,
        create_array,
        create_group,
        create_hierarchy,
        empty,
        empty_like,
        from_array,
        full,
        full_like,
        group,
        load,
        ones,
        ones_like,
        open,
        open_array,
        open_consolidated,
        open_group,
        open_like,
        read,
        save,
        save_array,
        save_group,
        stack,
        tree,
        zeros,
        zeros_like,
    )
    from zarr.arrays import Array, AsyncArray
    from zarr.cache import ChunkCache
    from zarr.debug import print_debug_info
    from zarr.groups import AsyncGroup, Group
    from zarr.setting_values import Settings as Settings
    from zarr.synchronizer import ProcessSynchronizer, ThreadSynchronizer
    from zarr.tools import rechunk

__version__ = "3.4.2+native.2"

__all__ = [
    "Array",
    "AsyncArray",
    "AsyncGroup",
    "ChunkCache",
    "Group",
    "ProcessSynchronizer",
    "Settings",
    "ThreadSynchronizer",
    "__version__",
    "array",
    "concat",
    "config",
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
    "print_debug_info",
    "progress",
    "read",
    "rechunk",
    "save",
    "save_array",
    "save_group",
    "stack",
    "trace",
    "tree",
    "zeros",
    "zeros_like",
]

_HOMES = {
    "AsyncGroup": "zarr.groups",
    "Group": "zarr.groups",
    "Array": "zarr.arrays",
    "AsyncArray": "zarr.arrays",
    "ChunkCache": "zarr.cache",
    "ProcessSynchronizer": "zarr.synchronizer",
    "Settings": "zarr.setting_values",
    "ThreadSynchronizer": "zarr.synchronizer",
    "print_debug_info": "zarr.debug",
    "progress": "zarr._async.progress",
    "rechunk": "zarr.tools",
    "set_format": "zarr.debug",
    "set_log_level": "zarr.debug",
    "trace": "zarr._async.tracing",
}
_MODULES = frozenset(
    [
        "abc",
        "api",
        "buffer",
        "codecs",
        "core",
        "dtype",
        "errors",
        "experimental",
        "loader",
        "metadata",
        "registry",
        "storage",
        "testing",
        "tools",
        "types",
        "views",
    ]
)


class _OtherModules:
    """A finder that is asked last, for modules that are not files of this package.

    It finds those that have another name here than in zarr-python 3, and refuses those of
    zarr-python 2 with the name of the successor.
    """

    @staticmethod
    def find_spec(fullname: str, path: object = None, target: object = None) -> ModuleSpec | None:
        if not fullname.startswith("zarr."):
            return None
        from zarr.successors import refuse_module, renamed  # late: few look for such a module

        spec = renamed(fullname)
        if spec is None:
            refuse_module(fullname, sys._getframe(1).f_back)
        return spec


sys.meta_path.append(_OtherModules)

if not TYPE_CHECKING:  # for a type checker, names that are not above are mistakes

    def __getattr__(name: str) -> object:
        if name in _MODULES:
            return import_module(f"zarr.{name}")
        if name not in __all__ and name not in _HOMES:
            # Imported late: most who look for a name that is not there are no users.
            raise import_module("zarr.successors").missing(
                "module 'zarr'", name, [*__all__, *_HOMES]
            )
        value = getattr(import_module(_HOMES.get(name, "zarr.api.synchronous")), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_HOMES, *_MODULES})


if getattr(_core, "DEBUG_BUILD", False):
    import warnings

    warnings.warn(
        "this is a debug build of zarr: it is many times slower than a release build "
        "(see `make build`)",
        RuntimeWarning,
        stacklevel=2,
    )
