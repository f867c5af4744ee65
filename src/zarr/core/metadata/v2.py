"""Names of zarr-python, kept for programs that import them from here."""

from zarr.metadata.common import *
from zarr.metadata.v2 import *
