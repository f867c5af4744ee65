"""The functions of zarr: ``asynchronous``, and ``synchronous``, which is derived from it."""

from typing import TYPE_CHECKING

from zarr.successors import lazy_submodules

if TYPE_CHECKING:
    from zarr.api import asynchronous as asynchronous
    from zarr.api import synchronous as synchronous
else:
    __getattr__ = lazy_submodules(__name__)
