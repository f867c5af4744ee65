"""zarr-python's name of `zarr.storage.fsspec`."""

from zarr.storage.fsspec import FsspecStore

__all__ = ["FsspecStore"]
