"""Names of zarr-python, kept for programs that import them from here."""

from zarr.background import SyncError as SyncError
from zarr.background import cleanup_resources as cleanup_resources
from zarr.background import get_executor as _get_executor  # noqa: F401
from zarr.background import get_loop as _get_loop  # noqa: F401
from zarr.background import iothread as iothread
from zarr.background import loop as loop
from zarr.background import reset_resources_after_fork as reset_resources_after_fork
from zarr.background import sync as sync
from zarr.runner import SyncMixin as SyncMixin
from zarr.runner import _collect as _collect_aiterator  # noqa: F401
from zarr.runner import collect_aiterator as collect_aiterator
