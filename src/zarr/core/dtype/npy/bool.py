"""Names of zarr-python, kept for programs that import them from here."""

from zarr.dtype.base import HasItemSize as HasItemSize
from zarr.dtype.base import ZDType as ZDType
from zarr.dtype.numeric import Bool as Bool
