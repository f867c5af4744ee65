"""Names of zarr-python, kept for programs that import them from here."""

from zarr.dtype.base import *
from zarr.types import *
