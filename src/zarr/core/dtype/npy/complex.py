"""Names of zarr-python, kept for programs that import them from here."""

from zarr.dtype.base import HasEndianness as HasEndianness
from zarr.dtype.base import HasItemSize as HasItemSize
from zarr.dtype.base import ZDType as ZDType
from zarr.dtype.numeric import BaseComplex as BaseComplex
from zarr.dtype.numeric import Complex64 as Complex64
from zarr.dtype.numeric import Complex128 as Complex128
