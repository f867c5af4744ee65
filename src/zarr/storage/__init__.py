"""Stores: where the bytes of arrays and groups are kept."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zarr.storage.cache import CacheStore
    from zarr.storage.fsspec import FsspecStore
    from zarr.storage.local import LocalStore
    from zarr.storage.memory import GpuMemoryStore, ManagedMemoryStore, MemoryStore
    from zarr.storage.obstore import ObjectStore
    from zarr.storage.path import StoreLike, StorePath
    from zarr.storage.sqlite import SQLiteStore
    from zarr.storage.wrapper import LoggingStore, WrapperStore
    from zarr.storage.zip import RemoteZipStore, ZipStore

__all__ = [
    "CacheStore",
    "FsspecStore",
    "GpuMemoryStore",
    "LocalStore",
    "LoggingStore",
    "ManagedMemoryStore",
    "MemoryStore",
    "ObjectStore",
    "RemoteZipStore",
    "SQLiteStore",
    "StoreLike",
    "StorePath",
    "WrapperStore",
    "ZipStore",
]

# Loaded when first asked for: `import zarr` pays for no store that is not used.
_MODULES = {
    "CacheStore": "cache",
    "FsspecStore": "fsspec",
    "GpuMemoryStore": "memory",
    "LocalStore": "local",
    "LoggingStore": "wrapper",
    "ManagedMemoryStore": "memory",
    "MemoryStore": "memory",
    "ObjectStore": "obstore",
    "RemoteZipStore": "zip",
    "SQLiteStore": "sqlite",
    "StoreLike": "path",
    "StorePath": "path",
    "WrapperStore": "wrapper",
    "ZipStore": "zip",
}


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        value = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
        globals()[name] = value
        return value
    successors = import_module("zarr.successors")
    if name.startswith("_"):  # zarr-python's modules, which it imports with the package
        return successors.lazy_submodules(__name__)(name)
    raise successors.missing(f"module {__name__!r}", name, __dir__())


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
