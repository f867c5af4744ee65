"""zarr-python's name of `zarr.storage.path`."""

from zarr.storage.path import *  # noqa: F403
from zarr.types import ANY_ACCESS_MODE as ANY_ACCESS_MODE
