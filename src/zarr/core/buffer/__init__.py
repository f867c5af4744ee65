"""Names of zarr-python, kept for programs that import them from here."""

from typing import TYPE_CHECKING

from zarr.buffer import cpu as cpu
from zarr.buffer.core import ArrayLike as ArrayLike
from zarr.buffer.core import Buffer as Buffer
from zarr.buffer.core import BufferPrototype as BufferPrototype
from zarr.buffer.core import NDArrayLike as NDArrayLike
from zarr.buffer.core import NDArrayLikeOrScalar as NDArrayLikeOrScalar
from zarr.buffer.core import NDBuffer as NDBuffer
from zarr.buffer.core import default_buffer_prototype as default_buffer_prototype
from zarr.buffer.cpu import numpy_buffer_prototype as numpy_buffer_prototype
from zarr.successors import lazy_submodules

if not TYPE_CHECKING:
    __getattr__ = lazy_submodules(__name__)
