"""Names of zarr-python, kept for programs that import them from here."""

from zarr._async.executors import SyncError as SyncError
from zarr._async.executors import cleanup_resources as cleanup_resources
from zarr._async.executors import get_executor as _get_executor  # noqa: F401
from zarr._async.executors import get_loop as _get_loop  # noqa: F401
from zarr._async.executors import iothread as iothread
from zarr._async.executors import loop as loop
from zarr._async.executors import reset_resources_after_fork as reset_resources_after_fork
from zarr._async.executors import sync as sync
from zarr._async.run import SyncMixin as SyncMixin
from zarr._async.run import _collect as _collect_aiterator  # noqa: F401
from zarr._async.run import collect_aiterator as collect_aiterator
