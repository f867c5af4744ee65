"""Names of zarr-python, kept for programs that import them from here."""

from zarr.dtype.base import HasEndianness as HasEndianness
from zarr.dtype.base import HasItemSize as HasItemSize
from zarr.dtype.base import ZDType as ZDType
from zarr.dtype.numeric import BaseInt as BaseInt
from zarr.dtype.numeric import Int8 as Int8
from zarr.dtype.numeric import Int16 as Int16
from zarr.dtype.numeric import Int32 as Int32
from zarr.dtype.numeric import Int64 as Int64
from zarr.dtype.numeric import UInt8 as UInt8
from zarr.dtype.numeric import UInt16 as UInt16
from zarr.dtype.numeric import UInt32 as UInt32
from zarr.dtype.numeric import UInt64 as UInt64
