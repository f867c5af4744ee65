"""The functions of zarr: ``asynchronous``, and ``synchronous``, which is derived from it."""

from typing import TYPE_CHECKING

from zarr.submodules import lazy_submodules

if not TYPE_CHECKING:
    __getattr__ = lazy_submodules(__name__)
