"""Names of zarr-python, kept for programs that import them from here."""

from zarr.api import groups
from zarr.runner import synced, synced_iter

create_hierarchy = synced_iter(groups.create_hierarchy)
create_nodes = synced_iter(groups.create_nodes)
create_rooted_hierarchy = synced(groups.create_rooted_hierarchy)
get_node = synced(groups.get_node)
