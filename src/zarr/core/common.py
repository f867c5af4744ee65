"""Names of zarr-python, kept for programs that import them from here."""

from zarr.metadata.common import *  # noqa: F403
from zarr.runner import bounded as concurrent_map
from zarr.types import *  # noqa: F403
