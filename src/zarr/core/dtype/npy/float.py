"""Names of zarr-python, kept for programs that import them from here."""

from zarr.dtype.base import HasEndianness as HasEndianness
from zarr.dtype.base import HasItemSize as HasItemSize
from zarr.dtype.base import ZDType as ZDType
from zarr.dtype.numeric import BaseFloat as BaseFloat
from zarr.dtype.numeric import Float16 as Float16
from zarr.dtype.numeric import Float32 as Float32
from zarr.dtype.numeric import Float64 as Float64
