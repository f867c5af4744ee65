"""Opening, loading and saving nodes of either kind."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from zarr.abc.store import Store
from zarr.api.arrays import save_array
from zarr.api.groups import open_group, opened, save_group
from zarr.api.open_array import opened_array
from zarr.arrays.legacy_create import create
from zarr.arrays.sync_array import Array
from zarr.errors import ContainsArrayError, ContainsGroupError
from zarr.groups import AsyncGroup
from zarr.groups.sync_group import Group
from zarr.hierarchy.documents import (
    add_consolidated_v2,
    as_group_v3,
    load_node,
    not_found,
)
from zarr.hierarchy.open_options import parse_format
from zarr.hierarchy.place import found_or_made
from zarr.metadata.group import is_group
from zarr.storage.path import StorePath, make_store_path

if TYPE_CHECKING:
    from typing import Unpack

    from zarr.arrays.parameters import OpenNodeOptions
    from zarr.buffer.core import NDArrayLike, NDArrayLikeOrScalar
    from zarr.metadata.spec import ArrayConfigLike
    from zarr.storage.path import StoreLike
    from zarr.types import AccessModeLiteral, AnyAsyncArray, AnyNDArray, StorageOptions, ZarrFormat

__all__ = ["load", "open", "save"]


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


def _check_for_group(
    place: StorePath, kwargs: dict[str, Any], config: ArrayConfigLike | None
) -> None:
    """Refuse parameters that a group has no use for."""
    if config is not None:
        raise TypeError(
            f"config holds the settings of an array, but {place} is opened as a group: "
            "zarr.open_group takes them for the arrays of the group"
        )
    unknown = kwargs.keys() - open_group.__annotations__.keys()
    if unknown:
        names = ", ".join(map(repr, sorted(unknown)))
        raise TypeError(
            f"open_group() has no parameter {names}, and {place} is opened as a group: one is "
            "there, or no shape of an array was given"
        )


async def open(
    store: StoreLike | None = None,
    *,
    mode: AccessModeLiteral | None = None,
    zarr_version: ZarrFormat | None = None,
    zarr_format: ZarrFormat | None = None,
    path: str | None = None,
    storage_options: StorageOptions | None = None,
    config: ArrayConfigLike | None = None,
    **kwargs: Unpack[OpenNodeOptions],
) -> AnyAsyncArray | AsyncGroup:
    """Open an array or a group, or create one.

    Parameters
    ----------
    store : StoreLike, optional
        Where it is: a store, the path of a directory or zip file, a URL, a dict. A new store in
        memory by default.
    mode : {'r', 'r+', 'a', 'w', 'w-'}, optional
        'r' reads only; 'r+' reads and writes; 'a' creates what does not exist; 'w' creates, and
        deletes what is there; 'w-' creates where nothing is. By default 'r' for a store that is
        read-only, and 'a' for others.
    zarr_version : {2, 3, None}, optional
        Deprecated: use `zarr_format`.
    zarr_format : {2, 3, None}, optional
        The format to look for, and to create. By default any is opened.
    path : str, optional
        The path in the store.
    storage_options : dict, optional
        Settings for the store that a URL names. An error with any other `store`.
    config : ArrayConfigLike, optional
        Settings of the returned array, which are not stored. An error if it is a group.
    **kwargs
        Parameters of :func:`open_array` or :func:`open_group`. With a `shape`, an array is meant.

    Returns
    -------
    AsyncArray or AsyncGroup
        The node that is there, or was made.

    Raises
    ------
    NodeNotFoundError, FileNotFoundError
        If there is no node and none is to be created.
    ContainsArrayError, ContainsGroupError
        If there is a node of the other kind, or one at all with the mode 'w-'.
    TypeError
        If a parameter does not belong to the kind of node that is opened.

    Examples
    --------
    >>> import zarr
    >>> store = {}
    >>> array = zarr.open(store, mode="w", path="a", shape=(4,), dtype="i4")
    >>> type(zarr.open(store)).__name__, type(zarr.open(store, path="a")).__name__
    ('Group', 'Array')
    """
    chosen = parse_format(zarr_format, zarr_version)
    if mode is None:
        mode = "r" if isinstance(store, Store | StorePath) and store.read_only else "a"
    place = await make_store_path(store, path=path, mode=mode, storage_options=storage_options)
    given: dict[str, Any] = dict(kwargs)
    use_consolidated = given.get("use_consolidated")
    if use_consolidated is None and not place.store.supports_consolidated_metadata:
        use_consolidated = False

    async def find() -> AnyAsyncArray | AsyncGroup | None:
        found = await load_node(
            place.store, place.path, chosen, consolidated=use_consolidated is not False
        )
        if found is None:
            return None
        if is_group(found):
            if "shape" in given:
                raise ContainsGroupError(place.store, place.path)
            _check_for_group(place, given, config)
            if found.zarr_format == 2:
                group = await add_consolidated_v2(place, found, use_consolidated)
            else:
                group = as_group_v3(found, place, use_consolidated)
            return await opened(place, group, mode=mode, **given)
        given.pop("use_consolidated", None)
        return await opened_array(place, found, mode, config, given)

    async def make() -> AnyAsyncArray | AsyncGroup:
        if mode in ("r", "r+"):
            raise await not_found(place, chosen, "array" if "shape" in given else None)
        if "shape" in given:
            return await create(store=place, zarr_format=chosen, mode=mode, config=config, **given)
        _check_for_group(place, given, config)
        return await open_group(place, mode=mode, zarr_format=chosen, **given)

    if mode in ("w", "w-"):
        return await make()
    return await found_or_made(find, make, ContainsArrayError, ContainsGroupError)


async def load(
    store: StoreLike,
    path: str | None = None,
    zarr_format: ZarrFormat | None = None,
    zarr_version: ZarrFormat | None = None,
) -> NDArrayLikeOrScalar | Mapping[str, NDArrayLikeOrScalar]:
    """Read an array, or the arrays of a group, into memory.

    Parameters
    ----------
    store : StoreLike
        Where it is: a store, the path of a directory or zip file, a URL, a dict.
    path : str, optional
        The path in the store.
    zarr_format : {2, 3, None}, optional
        The format to look for. By default any is opened.
    zarr_version : {2, 3, None}, optional
        Deprecated: use `zarr_format`.

    Returns
    -------
    NDArrayLikeOrScalar or Mapping
        The elements of the array; of a group, its arrays by name: each is read when it is first
        asked for.

    Raises
    ------
    NodeNotFoundError, FileNotFoundError
        If there is no array or group.

    See Also
    --------
    save : The other way round.

    Examples
    --------
    >>> import numpy as np, zarr
    >>> store = {}
    >>> zarr.save(store, x=np.arange(4), y=np.ones(3))
    >>> zarr.load(store)["x"]
    array([0, 1, 2, 3])
    >>> zarr.load(store, path="x")
    array([0, 1, 2, 3])
    """
    chosen = parse_format(zarr_format, zarr_version)
    node = await open(store, path=path, zarr_format=chosen, mode="r")
    if isinstance(node, AsyncGroup):
        return LoadedGroup(Group(node))
    return await node.getitem(...)


async def save(
    store: StoreLike,
    *args: NDArrayLike | AnyNDArray,
    zarr_version: ZarrFormat | None = None,
    zarr_format: ZarrFormat | None = None,
    path: str | None = None,
    storage_options: StorageOptions | None = None,
    **kwargs: NDArrayLike | AnyNDArray,
) -> None:
    """Save an array, or several in a group.

    Parameters
    ----------
    store : StoreLike
        Where to: a store, the path of a directory, the name of a zip file (``….zip``), a URL, a
        dict.
    *args : ndarray
        The arrays. One alone is saved as an array.
    zarr_version : {2, 3, None}, optional
        Deprecated: use `zarr_format`.
    zarr_format : {2, 3, None}, optional
        The format. By default that of the setting ``default_zarr_format``.
    path : str, optional
        The path in the store.
    storage_options : dict, optional
        Settings for the store that a URL names. An error with any other `store`.
    **kwargs : ndarray
        More arrays, and their names in the group.

    Raises
    ------
    ValueError
        If no array is given.
    TypeError
        If a value is not an array.

    Examples
    --------
    >>> import numpy as np, zarr
    >>> store = {}
    >>> zarr.save(store, np.arange(4))
    >>> zarr.load(store)
    array([0, 1, 2, 3])
    """
    chosen = parse_format(zarr_format, zarr_version)
    if len(args) == 1 and not kwargs:
        await save_array(
            store, args[0], zarr_format=chosen, path=path, storage_options=storage_options
        )
        return
    await save_group(
        store,
        *args,
        zarr_version=None,
        zarr_format=chosen,
        path=path,
        storage_options=storage_options,
        **kwargs,
    )
