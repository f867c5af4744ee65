"""A store that keeps what it read from a slower one."""

from zarr.storage.cache import CacheStore

__all__ = ["CacheStore"]
