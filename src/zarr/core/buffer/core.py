"""Names of zarr-python, kept for programs that import them from here."""

from zarr.buffer.core import ArrayLike as ArrayLike
from zarr.buffer.core import Buffer as Buffer
from zarr.buffer.core import BufferPrototype as BufferPrototype
from zarr.buffer.core import NDArrayLike as NDArrayLike
from zarr.buffer.core import NDArrayLikeOrScalar as NDArrayLikeOrScalar
from zarr.buffer.core import NDBuffer as NDBuffer
from zarr.buffer.core import ScalarType as ScalarType
from zarr.buffer.core import default_buffer_prototype as default_buffer_prototype
