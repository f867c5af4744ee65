"""zarr-python's name of `zarr.storage.obstore`."""

from zarr.storage.obstore import ObjectStore

__all__ = ["ObjectStore"]
