"""Where data lie: buffers in the memory of the computer (`cpu`) or of a GPU (`gpu`)."""

from zarr.buffer import cpu, gpu
from zarr.buffer.core import default_buffer_prototype

__all__ = ["cpu", "default_buffer_prototype", "gpu"]
