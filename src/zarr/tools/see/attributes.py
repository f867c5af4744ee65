"""Attributes of a node, read and changed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from zarr.errors import MemberNotFoundError, did_you_mean
from zarr.metadata.json import as_attributes
from zarr.tools.nodes import node_of
from zarr.tools.result import Result
from zarr.tools.text import json_lines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from zarr.tools.nodes import Source
    from zarr.types import JSON, NodeAttributes, StorageOptions

__all__ = ["Attributes", "delete_attributes", "get_attributes", "set_attributes"]


@dataclass(frozen=True)
class Attributes(Result):
    """The attributes of a node.

    Parameters
    ----------
    store
        The store, as it is shown.
    path
        The path of the node in it.
    attributes
        The attributes.
    """

    store: str
    path: str
    attributes: Mapping[str, JSON]

    def __str__(self) -> str:
        return json_lines(self.attributes)


async def get_attributes(
    source: Source, path: str = "", *, storage_options: StorageOptions | None = None
) -> Attributes:
    """Return the attributes of a node.

    Parameters
    ----------
    source : StoreLike, Array or Group
        Where it is.
    path : str, default: ''
        A path below it.
    storage_options : dict, optional
        Settings for the store that a URL names.

    Returns
    -------
    Attributes
        It prints as JSON.

    Raises
    ------
    FileNotFoundError
        If there is neither an array nor a group.

    Examples
    --------
    >>> import zarr
    >>> group = zarr.create_group({}, attributes={"title": "Rain"})
    >>> dict(zarr.tools.get_attributes(group).attributes)
    {'title': 'Rain'}
    """
    node = await node_of(source, path, storage_options=storage_options)
    place = node.store_path
    return Attributes(place.store.shown_as(), place.path, dict(node.metadata.attributes))


async def set_attributes(
    source: Source,
    path: str = "",
    *,
    attributes: Mapping[str, JSON],
    replace: bool = False,
    storage_options: StorageOptions | None = None,
) -> Attributes:
    """Set attributes of a node; others stay as they are.

    Parameters
    ----------
    source : StoreLike, Array or Group
        Where it is.
    path : str, default: ''
        A path below it.
    attributes : mapping
        The attributes, of values that JSON has.
    replace : bool, default: False
        Whether all other attributes are deleted.
    storage_options : dict, optional
        Settings for the store that a URL names.

    Returns
    -------
    Attributes
        All attributes that the node has now.

    Raises
    ------
    FileNotFoundError
        If there is neither an array nor a group.

    Examples
    --------
    >>> import zarr
    >>> group = zarr.create_group({}, attributes={"title": "Rain"})
    >>> dict(zarr.tools.set_attributes(group, attributes={"year": 2026}).attributes)
    {'title': 'Rain', 'year': 2026}
    """
    new = dict(attributes)
    return await _change(
        source, path, storage_options, lambda old: new if replace else {**old, **new}
    )


async def delete_attributes(
    source: Source,
    path: str = "",
    *,
    names: Iterable[str],
    storage_options: StorageOptions | None = None,
) -> Attributes:
    """Delete attributes of a node.

    Parameters
    ----------
    source : StoreLike, Array or Group
        Where it is.
    path : str, default: ''
        A path below it.
    names : iterable of str
        The names of the attributes. All of them must be there.
    storage_options : dict, optional
        Settings for the store that a URL names.

    Returns
    -------
    Attributes
        All attributes that the node has now.

    Raises
    ------
    FileNotFoundError
        If there is neither an array nor a group.
    KeyError
        If an attribute is not there; then none is deleted.

    Examples
    --------
    >>> import zarr
    >>> group = zarr.create_group({}, attributes={"title": "Rain", "year": 2026})
    >>> dict(zarr.tools.delete_attributes(group, names=["year"]).attributes)
    {'title': 'Rain'}
    """
    gone = tuple(names)

    def change(old: Mapping[str, JSON]) -> dict[str, JSON]:
        missing = next((name for name in gone if name not in old), None)
        if missing is not None:
            raise MemberNotFoundError(missing, partial(did_you_mean, missing, old))
        return {name: value for name, value in old.items() if name not in gone}

    return await _change(source, path, storage_options, change)


async def _change(
    source: Source,
    path: str,
    storage_options: StorageOptions | None,
    change: Callable[[Mapping[str, JSON]], Mapping[str, JSON]],
) -> Attributes:
    """Change the stored attributes while nobody else does; refused before anything is stored."""
    node = await node_of(source, path, mode="r+", storage_options=storage_options)

    def changed(old: NodeAttributes) -> NodeAttributes:
        return as_attributes(dict(change(old)))

    await node.change_attributes(changed)
    place = node.store_path
    return Attributes(place.store.shown_as(), place.path, dict(node.metadata.attributes))
