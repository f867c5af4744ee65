"""Making, opening and saving groups."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from zarr._async.progress import metered
from zarr._async.run import bounded
from zarr._async.warnings import warn
from zarr.api.arrays import hint_of_order, target
from zarr.arrays.async_array import AsyncArray
from zarr.arrays.copy import Begun, array_like, begin, copy_data
from zarr.arrays.create import new_array
from zarr.dtype.base import shown
from zarr.errors import (
    ContainsGroupError,
    NodeNotFoundError,
    ZarrDeprecationWarning,
)
from zarr.groups.async_group import AsyncGroup, opened_group
from zarr.groups.consolidated import consolidate
from zarr.hierarchy.documents import child_path, find_group, load_group, load_node, not_found
from zarr.hierarchy.open_options import default_format, make_access, parse_format
from zarr.hierarchy.place import (
    check_writable,
    found_or_made,
    make_hierarchy,
    normalized,
    place_node,
    root_of,
    save_nodes,
)
from zarr.metadata.group import GroupMetadata, is_group
from zarr.storage.keys import normalize_path
from zarr.storage.path import StorePath, make_store_path

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from zarr.abc.store import Store
    from zarr.buffer.core import NDArrayLike
    from zarr.groups.sync_group import Group
    from zarr.groups.tree import Tree
    from zarr.metadata.group import NodeMetadata
    from zarr.metadata.spec import ArrayConfigLike
    from zarr.storage.path import StoreLike
    from zarr.synchronizer import Synchronizer
    from zarr.types import (
        JSON,
        AccessModeLiteral,
        AnyAsyncArray,
        AnyNDArray,
        NodeAttributes,
        StorageOptions,
        ZarrFormat,
    )

__all__ = [
    "consolidate_metadata",
    "create_group",
    "create_hierarchy",
    "create_nodes",
    "create_rooted_hierarchy",
    "get_node",
    "group",
    "open_consolidated",
    "open_group",
    "save_group",
    "tree",
]


_AHEAD = 4
"""Of how many arrays that lie elsewhere a block is read before those that are there are deleted."""


async def create_group(
    store: StoreLike,
    *,
    path: str | None = None,
    zarr_format: ZarrFormat | None = None,
    overwrite: bool = False,
    attributes: NodeAttributes | None = None,
    storage_options: StorageOptions | None = None,
    config: ArrayConfigLike | None = None,
) -> AsyncGroup:
    """Create a group.

    Parameters
    ----------
    store : StoreLike
        Where the group is to be: a store, the path of a directory, a URL, a dict.
    path : str, optional
        The path of the group in the store; its root by default. Groups are made above it where
        there are none.
    zarr_format : {2, 3, None}, optional
        The format. By default that of the setting ``default_zarr_format``.
    overwrite : bool, optional
        Whether everything at that path is deleted first. Otherwise a node there is an error.
    attributes : dict, optional
        Its attributes.
    storage_options : dict, optional
        Settings for the store that a URL names. An error with any other `store`.
    config : ArrayConfigLike, optional
        Settings of the arrays that are opened or made through the group; they are not stored.

    Returns
    -------
    AsyncGroup
        The new group.

    Raises
    ------
    ContainsArrayError, ContainsGroupError
        If there is a node and it is not to be overwritten.

    Examples
    --------
    >>> import zarr
    >>> group = zarr.create_group({}, path="a/b", attributes={"unit": "m"})
    >>> group.path, group.attrs["unit"]
    ('a/b', 'm')
    """
    asked = parse_format(zarr_format)
    chosen = asked or default_format()
    place = await make_store_path(store, path=path, mode="a", storage_options=storage_options)
    metadata = GroupMetadata(attributes, chosen)
    access = await make_access(place, config=config)
    await place_node(place, metadata, overwrite=overwrite, beside=asked is not None)
    return AsyncGroup(metadata, place, access=access).known_stored()


async def group(
    store: StoreLike | None = None,
    *,
    overwrite: bool = False,
    chunk_store: StoreLike | None = None,
    cache_attrs: bool | None = None,
    synchronizer: Synchronizer | None = None,
    path: str | None = None,
    zarr_version: ZarrFormat | None = None,
    zarr_format: ZarrFormat | None = None,
    meta_array: object = None,
    attributes: dict[str, JSON] | None = None,
    storage_options: StorageOptions | None = None,
    config: ArrayConfigLike | None = None,
) -> AsyncGroup:
    """Open a group, or create one.

    Parameters
    ----------
    store : StoreLike, optional
        Where the group is: a store, the path of a directory, a URL, a dict. A new store in memory
        by default.
    overwrite : bool, optional
        Whether a new group is made, and everything at that path deleted first.
    chunk_store : StoreLike, optional
        Where the chunks of its arrays are, if not with the metadata.
    cache_attrs : bool, optional
        Whether attributes are read once; otherwise whenever they are looked at.
    synchronizer : object, optional
        Gives a lock for each key, as :class:`zarr.ProcessSynchronizer`: taken around each change
        of the group's attributes and of its arrays.
    path : str, optional
        The path of the group in the store.
    zarr_version : {2, 3, None}, optional
        Deprecated: use `zarr_format`.
    zarr_format : {2, 3, None}, optional
        The format to look for, and to create. By default any is opened.
    meta_array : array_like, optional
        An example of the arrays that reading returns.
    attributes : dict, optional
        The attributes of a group that is created.
    storage_options : dict, optional
        Settings for the store that a URL names. An error with any other `store`.
    config : ArrayConfigLike, optional
        Settings of the arrays that are opened or made through the group; they are not stored.

    Returns
    -------
    AsyncGroup
        The group.

    Raises
    ------
    ContainsArrayError
        If there is an array in its place and it is not to be overwritten.

    Examples
    --------
    >>> import zarr
    >>> store = {}
    >>> zarr.group(store, attributes={"unit": "m"}).attrs["unit"]
    'm'
    >>> zarr.group(store).attrs["unit"]
    'm'
    """
    return await open_group(
        store,
        mode="w" if overwrite else "a",
        cache_attrs=cache_attrs,
        synchronizer=synchronizer,
        path=path,
        chunk_store=chunk_store,
        storage_options=storage_options,
        zarr_version=zarr_version,
        zarr_format=zarr_format,
        meta_array=meta_array,
        attributes=attributes,
        config=config,
    )


async def open_group(
    store: StoreLike | None = None,
    *,
    mode: AccessModeLiteral = "a",
    cache_attrs: bool | None = None,
    synchronizer: Synchronizer | None = None,
    path: str | None = None,
    chunk_store: StoreLike | None = None,
    storage_options: StorageOptions | None = None,
    zarr_version: ZarrFormat | None = None,
    zarr_format: ZarrFormat | None = None,
    meta_array: object = None,
    attributes: dict[str, JSON] | None = None,
    use_consolidated: bool | str | None = None,
    config: ArrayConfigLike | None = None,
) -> AsyncGroup:
    """Open a group, or create one.

    Parameters
    ----------
    store : StoreLike, optional
        Where the group is: a store, the path of a directory or zip file, a URL, a dict. A new store
        in memory by default.
    mode : {'r', 'r+', 'a', 'w', 'w-'}, optional
        'r' reads only; 'r+' reads and writes; 'a' creates what does not exist; 'w' creates, and
        deletes what is there; 'w-' creates where nothing is.
    cache_attrs : bool, optional
        Whether attributes are read once; otherwise whenever they are looked at.
    synchronizer : object, optional
        Gives a lock for each key, as :class:`zarr.ProcessSynchronizer`: taken around each change
        of the group's attributes and of its arrays.
    path : str, optional
        The path of the group in the store.
    chunk_store : StoreLike, optional
        Where the chunks of its arrays are, if not with the metadata.
    storage_options : dict, optional
        Settings for the store that a URL names. An error with any other `store`.
    zarr_version : {2, 3, None}, optional
        Deprecated: use `zarr_format`.
    zarr_format : {2, 3, None}, optional
        The format to look for, and to create. By default any is opened.
    meta_array : array_like, optional
        An example of the arrays that reading returns.
    attributes : dict, optional
        The attributes of a group that is created.
    use_consolidated : bool or str, optional
        Whether consolidated metadata are used: True, they must be there; None, where they are;
        False, not. A string is the key of such a document of format 2.
    config : ArrayConfigLike, optional
        Settings of the arrays that are opened or made through the group; they are not stored.

    Returns
    -------
    AsyncGroup
        The group. If consolidated metadata are used, its members are found in them: nodes that were
        made later are missing, and nodes that were deleted seem to be there.

    Raises
    ------
    GroupNotFoundError
        If there is no group and none is to be created.
    ContainsArrayError
        If there is an array in its place.

    Examples
    --------
    >>> import zarr
    >>> store = {}
    >>> group = zarr.open_group(store, mode="w", path="a")
    >>> array = group.create_array("b", shape=(4,), dtype="i4")
    >>> list(zarr.open_group(store, mode="r"))
    ['a']
    """
    chosen = parse_format(zarr_format, zarr_version)
    place = await make_store_path(store, path=path, mode=mode, storage_options=storage_options)
    access = await make_access(
        place,
        mode=mode,
        chunk_store=chunk_store,
        synchronizer=synchronizer,
        cache_attrs=cache_attrs,
        meta_array=meta_array,
        config=config,
    )

    async def make() -> GroupMetadata:
        looked_for = mode in ("r", "r+") or (mode == "a" and use_consolidated)
        if looked_for or (mode == "a" and place.read_only):
            raise await not_found(place, chosen, "group")
        metadata = GroupMetadata(attributes, chosen or default_format())
        await place_node(
            place,
            metadata,
            overwrite=mode == "w",
            beside=chosen is not None,
            chunk_path=access.chunk_path,
        )
        return metadata

    if mode in ("w", "w-"):
        metadata = await make()
    else:
        metadata = await found_or_made(
            lambda: find_group(place, chosen, use_consolidated), make, ContainsGroupError
        )
    return opened_group(metadata, place, use_consolidated, access)


async def opened(
    place: StorePath,
    metadata: GroupMetadata,
    *,
    mode: AccessModeLiteral,
    use_consolidated: bool | str | None = None,
    attributes: dict[str, JSON] | None = None,
    **access: Any,
) -> AsyncGroup:
    """Return the handle of a group that was found; the parameters are those of `open_group`."""
    how = await make_access(place, mode=mode, **access)
    return opened_group(metadata, place, use_consolidated, how)


async def open_consolidated(
    *args: Any, use_consolidated: Literal[True] = True, **kwargs: Any
) -> AsyncGroup:
    """Open a group that has consolidated metadata.

    Parameters
    ----------
    *args : StoreLike
        Where the group is, as the first parameter of :func:`open_group`.
    use_consolidated : True
        A string is the key of consolidated metadata of format 2, if it is not ``.zmetadata``.
    **kwargs
        Other parameters of :func:`open_group`.

    Returns
    -------
    AsyncGroup
        The group.

    Raises
    ------
    ValueError
        If it has none.

    Examples
    --------
    >>> import zarr
    >>> store = {}
    >>> array = zarr.create_group(store, zarr_format=2).create_array("a", shape=(4,), dtype="i4")
    >>> group = zarr.consolidate_metadata(store)
    >>> list(zarr.open_consolidated(store))
    ['a']
    """
    if use_consolidated is not True and not isinstance(use_consolidated, str):
        raise TypeError(
            "'use_consolidated' must be 'True' in 'open_consolidated'. Use 'open' with "
            "'use_consolidated=False' to bypass consolidated metadata."
        )
    return await open_group(*args, use_consolidated=use_consolidated, **kwargs)


async def consolidate_metadata(
    store: StoreLike, path: str | None = None, zarr_format: ZarrFormat | None = None
) -> AsyncGroup:
    """Store the metadata of all nodes below a group with those of the group.

    A program that opens the group then knows all nodes below without asking the store again. The
    document is a snapshot: consolidate again after nodes were made, deleted or changed.

    Parameters
    ----------
    store : StoreLike
        Where the group is: a store, the path of a directory, a URL, a dict.
    path : str, optional
        The path of the group in the store; its root by default.
    zarr_format : {2, 3, None}, optional
        The format of the group. By default any is opened.

    Returns
    -------
    AsyncGroup
        The group, with consolidated metadata.

    Raises
    ------
    GroupNotFoundError
        If there is no group.
    TypeError
        If the store does not support it.

    Examples
    --------
    >>> import zarr
    >>> store = {}
    >>> array = zarr.create_group(store, zarr_format=2).create_array("a", shape=(4,), dtype="i4")
    >>> group = zarr.consolidate_metadata(store)
    >>> list(group.metadata.consolidated_metadata.metadata)
    ['a']
    """
    place = await make_store_path(store, path=path)
    if not place.store.supports_consolidated_metadata:
        raise TypeError(
            f"The Zarr Store in use ({type(place.store).__name__}) doesn't support consolidated "
            "metadata."
        )
    check_writable(place)
    group = await load_group(place, parse_format(zarr_format), use_consolidated=False)
    metadata = await consolidate(AsyncGroup(group, place))
    return AsyncGroup(metadata, place).known_stored()


async def tree(
    grp: Group | AsyncGroup, expand: bool | None = None, level: int | None = None
) -> Tree:
    """Return a tree of a group, to be printed.

    .. deprecated:: 3.0.0
        Use :meth:`zarr.Group.tree`.

    Parameters
    ----------
    grp : Group or AsyncGroup
        The group.
    expand : bool, optional
        Whether groups are open at first where the tree can be folded, in notebooks.
    level : int, optional
        How many levels of groups are entered; all by default.

    Returns
    -------
    Tree
        The tree, which prints as such.
    """
    warn("zarr.tree() is deprecated. Use group.tree() instead.", ZarrDeprecationWarning)
    found = grp if isinstance(grp, AsyncGroup) else grp._async_group
    return await found.tree(expand=expand, level=level)


async def save_group(
    store: StoreLike,
    *args: NDArrayLike | AnyNDArray,
    zarr_version: ZarrFormat | None = None,
    zarr_format: ZarrFormat | None = None,
    path: str | None = None,
    storage_options: StorageOptions | None = None,
    **kwargs: NDArrayLike | AnyNDArray,
) -> None:
    """Save several arrays in a group.

    Parameters
    ----------
    store : StoreLike
        Where to: a store, the path of a directory, the name of a zip file (``….zip``), a URL, a
        dict.
    *args : ndarray
        Arrays, which are named ``arr_0``, ``arr_1`` and so on.
    zarr_version : {2, 3, None}, optional
        Deprecated: use `zarr_format`.
    zarr_format : {2, 3, None}, optional
        The format. By default that of the setting ``default_zarr_format``.
    path : str, optional
        The path of the group in the store. Whatever is there is replaced.
    storage_options : dict, optional
        Settings for the store that a URL names. An error with any other `store`.
    **kwargs : ndarray
        More arrays, by their names in the group.

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
    >>> zarr.save_group(store, x=np.arange(4), y=np.ones(3))
    >>> zarr.load(store)["y"]
    array([1., 1., 1.])
    """
    chosen = parse_format(zarr_format, zarr_version)
    if not args and not kwargs:
        raise ValueError("at least one array must be provided")
    arrays = {f"arr_{i}": array for i, array in enumerate(args)}
    for name in kwargs.keys() & arrays.keys():
        raise ValueError(f"an array without a name is to be {name!r}, and so is one with a name")
    arrays |= kwargs
    for name, array in arrays.items():
        if not (hasattr(array, "shape") and hasattr(array, "dtype")):
            raise TypeError(
                "All arguments must be numpy or other NDArrayLike arrays (except store, path, "
                f"storage_options, and zarr_format). Got {shown(array)} of {type(array).__name__} "
                f"as {name!r}.{hint_of_order(store)}"
            )
    async with target(store) as opened_store:
        place = await make_store_path(
            opened_store, path=path, mode="w", storage_options=storage_options
        )
        await _save_arrays(place, arrays, chosen)


async def _save_arrays(place: StorePath, data: dict[str, Any], asked: ZarrFormat | None) -> None:
    """Replace what is at a place by a group of arrays; nothing is changed if one is refused."""
    zarr_format = asked or default_format()
    nodes: dict[str, NodeMetadata] = {place.path: GroupMetadata(zarr_format=zarr_format)}
    copies: list[tuple[AnyAsyncArray, object]] = []
    ahead = 0  # blocks that are in memory before the first array is made
    for name, each in data.items():
        source = array_like(each)
        array = new_array(
            store_path=StorePath(place.store, child_path(place.path, name)),
            shape=source.shape,
            dtype=getattr(source, "_zdtype", source.dtype),
            zarr_format=zarr_format,
        )
        if array.path in nodes:
            raise ValueError(f"{name!r} names a node that another array, or the group, is to be")
        nodes[array.path] = array.metadata
        begun = await begin(source, array, (place,), read=ahead < _AHEAD)
        ahead += isinstance(begun, Begun)
        copies.append((array, begun))
    await make_hierarchy(place.store, nodes, overwrite=True, beside=asked is not None)
    with metered("save", sum(array.nbytes for array, _ in copies)) as meter:

        async def copy(item: tuple[AnyAsyncArray, object]) -> None:
            array, begun = item
            size = array.dtype.itemsize
            await copy_data(begun, array, done=lambda count: meter.advance(count * size))

        await bounded(copies, copy)


async def create_hierarchy(
    *, store: Store, nodes: dict[str, NodeMetadata], overwrite: bool = False
) -> AsyncIterator[tuple[str, AsyncGroup | AnyAsyncArray]]:
    """Make many nodes at once.

    All is checked before the first node is written; then they are written concurrently.

    Parameters
    ----------
    store : Store
        Where the nodes are to be.
    nodes : dict
        Metadata by path. Groups above them are made where there are none.
    overwrite : bool, optional
        Whether nodes that are there, and all below them, are deleted first.

    Yields
    ------
    tuple of str and AsyncArray or AsyncGroup
        The path, and the node: also groups above that were made.

    Raises
    ------
    ContainsArrayError, ContainsGroupError
        If there is a node already, and it is not to be overwritten.

    Examples
    --------
    >>> import zarr
    >>> from zarr.metadata.group import GroupMetadata
    >>> made = zarr.create_hierarchy(
    ...     store=zarr.storage.MemoryStore(), nodes={"a/b": GroupMetadata({"unit": "m"})}
    ... )
    >>> sorted(path for path, node in made)
    ['', 'a', 'a/b']
    """
    made = await make_hierarchy(store, nodes, overwrite=overwrite)
    for path, node in made.items():
        yield path, _handle(store, path, node)


def _handle(store: Store, path: str, node: NodeMetadata) -> AsyncGroup | AnyAsyncArray:
    place = StorePath(store, path)
    handle: AsyncGroup | AnyAsyncArray
    handle = AsyncGroup(node, place) if is_group(node) else AsyncArray(node, place)
    return handle.known_stored()


async def create_nodes(
    *, store: Store, nodes: dict[str, NodeMetadata]
) -> AsyncIterator[tuple[str, AsyncGroup | AnyAsyncArray]]:
    """Store the documents of nodes, whatever is there; see :func:`create_hierarchy`.

    Parameters
    ----------
    store : Store
        Where the nodes are to be.
    nodes : dict
        Metadata by path.
    """
    found = normalized(nodes)
    await save_nodes(store, found)
    for path, node in found.items():
        yield path, _handle(store, path, node)


async def create_rooted_hierarchy(
    *, store: Store, nodes: dict[str, NodeMetadata], overwrite: bool = False
) -> AsyncGroup | AnyAsyncArray:
    """Make many nodes at once, one of them above all others; return that one.

    Parameters
    ----------
    store, nodes, overwrite
        As for :func:`create_hierarchy`.

    Raises
    ------
    ValueError
        If no node is above all others.
    """
    root = root_of(nodes)
    made = await make_hierarchy(store, nodes, overwrite=overwrite)
    return _handle(store, root, made[root])


async def get_node(store: Store, path: str, zarr_format: ZarrFormat) -> AsyncGroup | AnyAsyncArray:
    """Open whatever node there is.

    Parameters
    ----------
    store, path
        Where.
    zarr_format : {2, 3}
        Its format.

    Raises
    ------
    NodeNotFoundError
        If there is none.
    """
    node = await load_node(store, normalize_path(path), zarr_format)
    if node is None:
        raise NodeNotFoundError(f"No node of format {zarr_format} in {store} at path {path!r}")
    return _handle(store, path, node)
