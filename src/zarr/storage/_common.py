"""zarr-python's name of `zarr.storage.path`."""

from zarr.storage.path import *
from zarr.types import ANY_ACCESS_MODE as ANY_ACCESS_MODE
