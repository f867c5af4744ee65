"""Names of zarr-python, kept for programs that import them from here."""

from zarr.background import SyncError as SyncError
from zarr.background import cleanup_resources as cleanup_resources
from zarr.background import iothread as iothread
from zarr.background import loop as loop
from zarr.background import reset_resources_after_fork as reset_resources_after_fork
from zarr.background import sync as sync
from zarr.runner import SyncMixin as SyncMixin
