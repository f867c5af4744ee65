"""Views of arrays: selections that are read when their elements are asked for."""

from zarr.views.async_view import AsyncView
from zarr.views.base import Selector
from zarr.views.sync_view import View

__all__ = ["AsyncView", "Selector", "View"]
