"""zarr-python's name of `zarr.storage.memory` and `zarr.storage.memory`."""

from zarr.storage.memory import GpuMemoryStore, ManagedMemoryStore, MemoryStore

__all__ = ["GpuMemoryStore", "ManagedMemoryStore", "MemoryStore"]
