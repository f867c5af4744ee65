"""Turning hierarchies of format 2 into such of format 3: the documents; chunks stay as they are."""

# Programs call it by the name that it has in zarr-python.
from zarr.hierarchy.migrate import migrate_to_v3, migrate_v2_to_v3, remove_metadata
from zarr.metadata.group import (
    ZARR_JSON,
    ZARRAY_JSON,
    ZATTRS_JSON,
    ZGROUP_JSON,
    ZMETADATA_V2_JSON,
)
from zarr.metadata.layout import as_v3 as _convert_array_metadata

__all__ = [
    "ZARRAY_JSON",
    "ZARR_JSON",
    "ZATTRS_JSON",
    "ZGROUP_JSON",
    "ZMETADATA_V2_JSON",
    "_convert_array_metadata",
    "migrate_to_v3",
    "migrate_v2_to_v3",
    "remove_metadata",
]
