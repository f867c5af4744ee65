"""Names of zarr-python, kept for programs that import them from here."""

from zarr.metadata.chunk_grids import *
from zarr.metadata.common import *
from zarr.metadata.extra import *
from zarr.metadata.v3 import *
