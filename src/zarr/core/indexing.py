"""Names of zarr-python, kept for programs that import them from here."""

from zarr.arrays.indexing import *  # noqa: F403
from zarr.errors import *  # noqa: F403
from zarr.selection import *  # noqa: F403
