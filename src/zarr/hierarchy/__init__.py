"""The nodes of hierarchies in stores: documents, places, walks; what arrays and groups share."""

from typing import TYPE_CHECKING

from zarr.successors import lazy_submodules

if not TYPE_CHECKING:  # zarr-python 2 had a module of this name
    __getattr__ = lazy_submodules(__name__)
