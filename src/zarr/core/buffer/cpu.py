"""Names of zarr-python, kept for programs that import them from here."""

from zarr.buffer.cpu import Buffer as Buffer
from zarr.buffer.cpu import NDBuffer as NDBuffer
from zarr.buffer.cpu import as_numpy_array_wrapper as as_numpy_array_wrapper
from zarr.buffer.cpu import buffer_prototype as buffer_prototype
from zarr.buffer.cpu import numpy_buffer_prototype as numpy_buffer_prototype
