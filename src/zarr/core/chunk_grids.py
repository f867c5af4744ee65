"""Names of zarr-python, kept for programs that import them from here."""

from zarr.metadata.chunk_grids import *  # noqa: F403
from zarr.metadata.chunking import *  # noqa: F403
