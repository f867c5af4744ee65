"""Arrays: chunked, compressed, n-dimensional, in a store."""

from zarr.array.async_array import AsyncArray
from zarr.array.sync_array import Array

__all__ = ["Array", "AsyncArray"]
