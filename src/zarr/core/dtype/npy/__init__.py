"""Names of zarr-python, kept for programs that import them from here."""

from typing import TYPE_CHECKING

from zarr.successors import lazy_submodules

if not TYPE_CHECKING:
    __getattr__ = lazy_submodules(__name__)
