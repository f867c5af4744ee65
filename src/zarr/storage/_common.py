"""zarr-python's name of `zarr.storage.path`."""

from typing import Any

from zarr.metadata.group import ZARR_JSON as ZARR_JSON
from zarr.metadata.group import ZARRAY_JSON as ZARRAY_JSON
from zarr.metadata.group import ZGROUP_JSON as ZGROUP_JSON
from zarr.storage.path import *  # noqa: F403
from zarr.types import ANY_ACCESS_MODE as ANY_ACCESS_MODE


def __getattr__(name: str) -> Any:
    if name != "FSMap":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from fsspec.mapping import FSMap  # late: not everybody has fsspec

    return FSMap
