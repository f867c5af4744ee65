"""Arrays: chunked, compressed, n-dimensional, in a store."""

from zarr.arrays.async_array import AsyncArray
from zarr.arrays.sync_array import Array

__all__ = ["Array", "AsyncArray"]
