"""Groups: nodes that have other nodes below them."""

from zarr.group.async_group import AsyncGroup
from zarr.group.sync_group import Group

__all__ = ["AsyncGroup", "Group"]
