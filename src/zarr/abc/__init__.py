"""The classes to subclass: stores, codecs, buffers, metadata."""

from typing import TYPE_CHECKING

from zarr.successors import lazy_submodules

if TYPE_CHECKING:
    from zarr.abc import buffer as buffer
    from zarr.abc import codec as codec
    from zarr.abc import metadata as metadata
    from zarr.abc import numcodec as numcodec
    from zarr.abc import store as store
else:
    __getattr__ = lazy_submodules(__name__)
