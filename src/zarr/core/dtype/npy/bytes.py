"""Names of zarr-python, kept for programs that import them from here."""

from zarr.dtype.json_types import *
from zarr.dtype.raw import *
