"""The arrays of a group, read when they are asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from zarr.arrays.sync_array import Array

if TYPE_CHECKING:
    from zarr.groups.sync_group import Group


class LoadedGroup(Mapping[str, Any]):
    """The arrays of a group by name, as NumPy arrays.

    Each is read when it is first asked for, and kept. Arrays of groups below are found by their
    path; iteration goes over the arrays of the group itself.

    Parameters
    ----------
    group : Group
        The group.
    """

    def __init__(self, group: Group) -> None:
        self._group = group
        self._read: dict[str, Any] = {}

    def __getitem__(self, key: str) -> Any:
        if key not in self._read:
            node = self._group[key]
            self._read[key] = node[...] if isinstance(node, Array) else LoadedGroup(node)
        return self._read[key]

    def __iter__(self) -> Iterator[str]:
        return self._group.array_keys()

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and key in self._group

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._group.store_path}: {', '.join(sorted(self))}>"
