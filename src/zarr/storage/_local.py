"""zarr-python's name of `zarr.storage.local`."""

from zarr.storage.local import LocalStore

__all__ = ["LocalStore"]
