"""Names of zarr-python, kept for programs that import them from here."""

from zarr.metadata.v3 import *  # noqa: F403
