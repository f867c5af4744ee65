"""Names of zarr-python, kept for programs that import them from here."""

from zarr.api.groups import create_hierarchy as create_hierarchy
from zarr.api.groups import create_nodes as create_nodes
from zarr.api.groups import create_rooted_hierarchy as create_rooted_hierarchy
from zarr.api.groups import get_node as get_node
from zarr.groups.async_group import AsyncGroup as AsyncGroup
from zarr.groups.sync_group import Group as Group
from zarr.metadata.group import GROUP_METADATA_KEYS as GROUP_METADATA_KEYS
from zarr.metadata.group import ZARR_JSON as ZARR_JSON
from zarr.metadata.group import ZARRAY_JSON as ZARRAY_JSON
from zarr.metadata.group import ZATTRS_JSON as ZATTRS_JSON
from zarr.metadata.group import ZGROUP_JSON as ZGROUP_JSON
from zarr.metadata.group import ZMETADATA_V2_JSON as ZMETADATA_V2_JSON
from zarr.metadata.group import ConsolidatedMetadata as ConsolidatedMetadata
from zarr.metadata.group import GroupMetadata as GroupMetadata
from zarr.metadata.group import ImplicitGroupMarker as ImplicitGroupMarker
from zarr.metadata.group import parse_attributes as parse_attributes
from zarr.metadata.group import parse_node_type as parse_node_type
from zarr.metadata.group import parse_zarr_format as parse_zarr_format
