"""Names of zarr-python, kept for programs that import them from here."""

from zarr.api import hierarchy
from zarr.faces import synced_node
from zarr.runner import synced_iter

create_hierarchy = synced_iter(hierarchy.create_hierarchy)
create_nodes = synced_iter(hierarchy.create_nodes)
create_rooted_hierarchy = synced_node(hierarchy.create_rooted_hierarchy)
get_node = synced_node(hierarchy.get_node)
