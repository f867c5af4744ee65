"""zarr-python's name of `zarr.storage.wrapper`."""

from zarr.storage.wrapper import WrapperStore

__all__ = ["WrapperStore"]
