"""Names of zarr-python, kept for programs that import them from here."""

from zarr.dtype.registry import DataTypeRegistry as DataTypeRegistry
from zarr.dtype.registry import data_type_registry as data_type_registry
