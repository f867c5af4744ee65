"""Names of zarr-python, kept for programs that import them from here or from `_utils`."""

from typing import Any

from zarr.metadata.group import ZARR_JSON as ZARR_JSON
from zarr.metadata.group import ZARRAY_JSON as ZARRAY_JSON
from zarr.metadata.group import ZGROUP_JSON as ZGROUP_JSON
from zarr.storage.keys import ParsedStoreUrl as ParsedStoreUrl
from zarr.storage.keys import normalize_path as normalize_path
from zarr.storage.keys import parse_store_url as parse_store_url
from zarr.storage.path import StoreLike as StoreLike
from zarr.storage.path import StorePath as StorePath
from zarr.storage.path import contains_array as contains_array
from zarr.storage.path import contains_group as contains_group
from zarr.storage.path import ensure_no_existing_node as ensure_no_existing_node
from zarr.storage.path import make_store as make_store
from zarr.storage.path import make_store_path as make_store_path
from zarr.types import ANY_ACCESS_MODE as ANY_ACCESS_MODE


def __getattr__(name: str) -> Any:
    if name == "FSMap":
        from fsspec.mapping import FSMap  # late: not everybody has fsspec

        return FSMap
    if name == "UPath":
        from upath import UPath  # late: not everybody has universal_pathlib

        return UPath
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
