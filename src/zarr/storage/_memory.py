"""zarr-python's name of `zarr.storage.memory` and `zarr.storage.managed`."""

from zarr.storage.managed import ManagedMemoryStore
from zarr.storage.memory import GpuMemoryStore, MemoryStore

__all__ = ["GpuMemoryStore", "ManagedMemoryStore", "MemoryStore"]
