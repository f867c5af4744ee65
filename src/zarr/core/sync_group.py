"""Names of zarr-python, kept for programs that import them from here."""

from zarr._async.run import synced_iter, synced_node
from zarr.api import groups as hierarchy

create_hierarchy = synced_iter(hierarchy.create_hierarchy)
create_nodes = synced_iter(hierarchy.create_nodes)
create_rooted_hierarchy = synced_node(hierarchy.create_rooted_hierarchy)
get_node = synced_node(hierarchy.get_node)
