"""Names of zarr-python, kept for programs that import them from here."""

from zarr.dtype.base import TBaseDType as TBaseDType
from zarr.dtype.base import TBaseScalar as TBaseScalar
from zarr.dtype.base import ZDType as ZDType
