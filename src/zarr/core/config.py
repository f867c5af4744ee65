"""Names of zarr-python, kept for programs that import them from here."""

from zarr.settings import *
from zarr.settings import deprecations as deprecations
