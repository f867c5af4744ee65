"""Names of zarr-python, kept for programs that import them from here."""

from zarr.buffer.cpu import *  # noqa: F403
