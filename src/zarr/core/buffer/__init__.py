"""Names of zarr-python, kept for programs that import them from here."""

from typing import TYPE_CHECKING

from zarr.buffer import cpu as cpu
from zarr.buffer.core import *  # noqa: F403
from zarr.buffer.cpu import numpy_buffer_prototype as numpy_buffer_prototype
from zarr.submodules import lazy_submodules

if not TYPE_CHECKING:
    __getattr__ = lazy_submodules(__name__)
