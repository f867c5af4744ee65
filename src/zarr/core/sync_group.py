"""Names of zarr-python, kept for programs that import them from here."""

from zarr.api import hierarchy
from zarr.runner import synced, synced_iter

create_hierarchy = synced_iter(hierarchy.create_hierarchy)
create_nodes = synced_iter(hierarchy.create_nodes)
create_rooted_hierarchy = synced(hierarchy.create_rooted_hierarchy)
get_node = synced(hierarchy.get_node)
