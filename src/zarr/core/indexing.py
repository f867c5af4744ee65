"""Names of zarr-python, kept for programs that import them from here."""

from zarr.arrays.indexing import *
from zarr.errors import *
from zarr.indexing import check_fields as check_fields
from zarr.projections import *
from zarr.types import *
