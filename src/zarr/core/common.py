"""Names of zarr-python, kept for programs that import them from here."""

from zarr.metadata.common import *  # noqa: F403
from zarr.types import *  # noqa: F403
