"""Names of zarr-python, kept for programs that import them from here."""

from zarr.arrays.async_array import AsyncArray as AsyncArray
from zarr.arrays.parameters import DEFAULT_FILL_VALUE as DEFAULT_FILL_VALUE
from zarr.arrays.sync_array import Array as Array
from zarr.metadata.spec import ArrayConfig as ArrayConfig
from zarr.types import ChunksLike as ChunksLike
from zarr.types import ShardsLike as ShardsLike
