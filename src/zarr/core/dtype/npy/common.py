"""Names of zarr-python, kept for programs that import them from here."""

from zarr.dtype.base import ENDIANNESS_STR as ENDIANNESS_STR
from zarr.dtype.base import EndiannessStr as EndiannessStr
