"""Names of zarr-python, kept for programs that import them from here."""

from zarr.config import *
from zarr.config import deprecations as deprecations
