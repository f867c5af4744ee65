"""Where data lie: buffers in the memory of the computer (`cpu`) or of a GPU (`gpu`)."""

from typing import TYPE_CHECKING

from zarr.buffer import cpu
from zarr.buffer.core import default_buffer_prototype
from zarr.successors import lazy_submodules

if TYPE_CHECKING:
    from zarr.buffer import gpu
else:
    __getattr__ = lazy_submodules(__name__)

__all__ = ["cpu", "default_buffer_prototype", "gpu"]
