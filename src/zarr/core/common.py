"""Names of zarr-python, kept for programs that import them from here."""

from zarr.concurrency import *
from zarr.metadata.common import *
from zarr.metadata.group import *
from zarr.types import *
