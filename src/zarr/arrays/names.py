"""Names of nodes in a group."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zarr.storage.urls import normalize_path

if TYPE_CHECKING:
    from collections.abc import Iterable

    from zarr.types import ZarrFormat

DOCUMENTS = frozenset((".zarray", ".zattrs", ".zgroup", ".zmetadata", "zarr.json"))
"""Names of what a node is described by: they cannot be names of nodes."""
_IN_USE = frozenset(("__xarray_dataarray_variable__", "__values__"))
"""Reserved names that programs have always given to nodes: xarray, to arrays without a name."""


def child_path(parent: str, name: str) -> str:
    """Return the path of a node, given its name in a group: one part or several.

    Raises
    ------
    ValueError
        If the name leads out of the group.
    TypeError
        If it is no text.
    """
    if not isinstance(name, str):
        raise TypeError(f"The name of a node is a str. Got {name!r} of {type(name).__name__}.")
    below = normalize_path(name)
    return f"{parent}/{below}" if parent and below else parent or below


def check_new_path(path: str, zarr_format: ZarrFormat) -> None:
    """Fail unless nodes may be made at a path, and at all those above it.

    The core specification of Zarr v3 reserves names that begin with ``__``; in no format a node
    can have the name of a document.
    """
    for part in path.split("/"):
        _check_name(part, path, zarr_format)


def check_new_nodes(paths: Iterable[str], zarr_format: ZarrFormat) -> None:
    """Fail unless nodes may be made at paths whose parents are there, or among them."""
    for path in paths:
        _check_name(path.rpartition("/")[2], path, zarr_format)


def _check_name(name: str, path: str, zarr_format: ZarrFormat) -> None:
    if "\0" in name:
        raise ValueError(f"No node can be made at {path!r}: {name!r} has a NUL in it.")
    if name in DOCUMENTS:
        raise ValueError(
            f"No node can be made at {path!r}: {name!r} is the name of a metadata document."
        )
    if zarr_format == 3 and name.startswith("__") and name not in _IN_USE:
        raise ValueError(
            f"No node can be made at {path!r}: names that begin with '__' are reserved."
        )
