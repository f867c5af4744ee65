"""zarr-python's name of `zarr.storage.zip`."""

from zarr.storage.zip import ZipStore

__all__ = ["ZipStore"]
