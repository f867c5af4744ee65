"""Names of zarr-python, kept for programs that import them from here."""

from zarr import config as config
