"""What can be copied: arrays and groups of zarr and of h5py, as one kind of node."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from zarr.arrays.async_array import AsyncArray
from zarr.copying import hdf5
from zarr.groups.async_group import AsyncGroup

if TYPE_CHECKING:
    from collections.abc import Mapping


class Node(NamedTuple):
    """One array or group to copy.

    Parameters
    ----------
    path
        Relative to what is copied, which itself has the path ``""``.
    data
        The elements of an array, as `copy_data` takes them; None for a group.
    attributes
        Of the user.
    defaults
        Parameters of ``create_array`` that follow from the source.
    """

    path: str
    data: Any
    attributes: Mapping[str, Any]
    defaults: Mapping[str, Any] = MappingProxyType({})

    @property
    def size(self) -> int:
        """The bytes of the elements, not compressed."""
        return 0 if self.data is None else int(self.data.size * self.data.dtype.itemsize)


async def nodes_of(source: Any, *, shallow: bool) -> list[Node]:
    """Return an array or group and what is below it, parents first.

    Parameters
    ----------
    source
        An array or group of zarr or h5py.
    shallow
        Whether only the children of a group are wanted.

    Raises
    ------
    TypeError
        If it is something else, or has what no zarr array can hold.
    MetadataValidationError
        If the metadata of a node below cannot be read.
    """
    handle = getattr(source, "_async", source)
    if isinstance(handle, AsyncArray):
        return [_node("", handle)]
    if isinstance(handle, AsyncGroup):
        members = handle._all_members(0 if shallow else None)
        return [_node("", handle), *[_node(path, node) async for path, node in members]]
    if hdf5.is_node(source):
        found = hdf5.walk(source, shallow=shallow)
        return [Node(path, *hdf5.parts_of(path, node)) for path, node in found]
    raise TypeError(
        "Only arrays and groups of zarr, and datasets and groups of h5py, can be copied. "
        f"Got an instance of {type(source)}."
    )


def _node(path: str, handle: AsyncArray[Any] | AsyncGroup) -> Node:
    data = handle if isinstance(handle, AsyncArray) else None
    return Node(path, data, dict(handle.metadata.attributes))


def name_of(source: Any) -> str:
    """The last part of a node's path; empty for the root of a store or file."""
    name = getattr(source, "name", None) or ""
    return name.rstrip("/").rpartition("/")[2]
