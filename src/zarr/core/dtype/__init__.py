"""Names of zarr-python, kept for programs that import them from here."""

from typing import TYPE_CHECKING

from zarr.dtype import *
from zarr.dtype.parsing import get_data_type_from_json as get_data_type_from_json
from zarr.dtype.parsing import get_data_type_from_native_dtype as get_data_type_from_native_dtype
from zarr.submodules import lazy_submodules

if not TYPE_CHECKING:
    __getattr__ = lazy_submodules(__name__)
