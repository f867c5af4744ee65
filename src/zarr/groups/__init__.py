"""Groups: nodes that have other nodes below them."""

from zarr.groups.async_group import AsyncGroup
from zarr.groups.sync_group import Group

__all__ = ["AsyncGroup", "Group"]
