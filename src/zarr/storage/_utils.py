"""zarr-python's name of `zarr.storage.urls`."""

from zarr.storage.urls import *  # noqa: F403
