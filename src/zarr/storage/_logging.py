"""zarr-python's name of `zarr.storage.logging`."""

from zarr.storage.logging import LoggingStore

__all__ = ["LoggingStore"]
