"""Names of zarr-python, kept for programs that import them from here."""

from zarr.buffer import cpu as cpu
from zarr.buffer.core import *  # noqa: F403
from zarr.buffer.cpu import numpy_buffer_prototype as numpy_buffer_prototype
