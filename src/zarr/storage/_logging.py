"""zarr-python's name of `zarr.storage.wrapper`."""

from zarr.storage.wrapper import LoggingStore

__all__ = ["LoggingStore"]
