"""Opening, loading and saving."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from zarr._async.warnings import warn
from zarr.abc.store import Store
from zarr.api.groups import hint_of_order, open_group, opened, save_group, target
from zarr.arrays.async_array import AsyncArray
from zarr.arrays.copy import array_like
from zarr.arrays.inherit_options import like
from zarr.arrays.legacy_create import create, path_text
from zarr.arrays.parameters import parse_config
from zarr.arrays.sync_array import Array
from zarr.dtype.base import shown
from zarr.errors import ContainsArrayError, ContainsGroupError, ZarrUserWarning
from zarr.groups import AsyncGroup
from zarr.groups.sync_group import Group
from zarr.hierarchy.documents import (
    add_consolidated_v2,
    as_group_v3,
    find_metadata,
    load_node,
    not_found,
)
from zarr.hierarchy.open_options import make_access, parse_format
from zarr.hierarchy.place import found_or_made
from zarr.metadata.group import is_group
from zarr.storage.path import StorePath, make_store_path

if TYPE_CHECKING:
    from typing import Unpack

    import numpy.typing as npt

    from zarr.arrays.parameters import OpenArrayOptions, OpenNodeOptions
    from zarr.buffer.core import NDArrayLike, NDArrayLikeOrScalar
    from zarr.metadata.spec import ArrayConfigLike
    from zarr.storage.path import StoreLike
    from zarr.types import AccessModeLiteral, AnyAsyncArray, ZarrFormat

__all__ = ["load", "open", "open_array", "open_like", "save", "save_array"]


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


# Parameters of `create` that say how an array is accessed: they hold for one that exists too.
_ACCESS = (
    "cache_attrs",
    "cache_metadata",
    "chunk_store",
    "meta_array",
    "read_only",
    "synchronizer",
)
# Those that say what is made if there is no array.
_CREATION = frozenset(create.__annotations__) - {"store", "path", "mode", "config", "return"}


async def open_array(
    store: StoreLike | None = None,
    *,
    zarr_version: ZarrFormat | None = None,
    zarr_format: ZarrFormat | None = None,
    path: str | bytes = "",
    storage_options: dict[str, Any] | None = None,
    config: ArrayConfigLike | None = None,
    **kwargs: Unpack[OpenArrayOptions],
) -> AnyAsyncArray:
    """Open an array, or create one.

    Parameters
    ----------
    store : StoreLike, optional
        Where the array is: a store, the path of a folder or zip file, a URL, a dict. A new store
        in memory by default.
    zarr_version : {2, 3, None}, optional
        Deprecated: use `zarr_format`.
    zarr_format : {2, 3, None}, optional
        The format to look for, and to create. By default any is opened.
    path : str, optional
        The path of the array in the store.
    storage_options : dict, optional
        Settings for the store that a URL names. An error with any other `store`.
    config : ArrayConfigLike, optional
        Settings of the returned array, which are not stored.
    **kwargs
        `mode` is one of 'r' (read only), 'r+' (read and write, the default), 'a' (create if there
        is none), 'w' (create, and delete what is there) and 'w-' (create where nothing is).
        Other parameters are those of :func:`create`. What says how the array is to be accessed
        holds in any case; what says how it is made, if one is made. A name that is none of these
        is an error when an array is made, and a warning when one is there.

    Returns
    -------
    AsyncArray
        The array.

    Raises
    ------
    ArrayNotFoundError
        If there is no array and none is to be created.
    """
    chosen = parse_format(zarr_format, zarr_version)
    given: dict[str, Any] = dict(kwargs)
    mode: AccessModeLiteral | None = given.pop("mode", None)
    place = await make_store_path(
        store, path=path_text(path), mode=mode, storage_options=storage_options
    )

    async def find() -> AnyAsyncArray | None:
        metadata = await find_metadata(place, chosen)
        return None if metadata is None else await _opened(place, metadata, mode, config, given)

    async def make() -> AnyAsyncArray:
        if mode not in ("a", "w", "w-"):
            error = await not_found(place, chosen, "array")
            if mode is None and "shape" in given:
                raise type(error)(f"{error}. One is made with mode='a' or by create_array")
            raise error
        if "shape" not in given:
            raise TypeError(
                f"mode={mode!r} makes an array at {place}, and so needs its shape: shape=..."
            )
        return await create(store=place, zarr_format=chosen, mode=mode, config=config, **given)

    if mode in ("w", "w-"):
        return await make()
    return await found_or_made(find, make, ContainsArrayError)


def _check_for_group(place: StorePath, kwargs: dict[str, Any]) -> None:
    """Refuse what a group has no use for."""
    unknown = kwargs.keys() - open_group.__annotations__.keys()
    if unknown:
        names = ", ".join(map(repr, sorted(unknown)))
        raise TypeError(
            f"open_group() has no parameter {names}, and {place} is opened as a group: one is "
            "there, or no shape of an array was given"
        )


def _note_unknown(kwargs: dict[str, Any]) -> None:
    unknown = kwargs.keys() - _CREATION
    if unknown:
        names = ", ".join(map(repr, sorted(unknown)))
        warn(
            f"there is no parameter {names}: it has no effect on an array that is there",
            ZarrUserWarning,
        )


async def _opened(
    place: StorePath,
    metadata: Any,
    mode: AccessModeLiteral | None,
    config: ArrayConfigLike | None,
    kwargs: dict[str, Any],
) -> AnyAsyncArray:
    if not kwargs:
        return AsyncArray(metadata, place, config)._known()
    _note_unknown(kwargs)
    settings = parse_config(
        config,
        order=kwargs.get("order") if metadata.zarr_format == 3 else None,
        write_empty_chunks=kwargs.get("write_empty_chunks"),
    )
    array: AnyAsyncArray = AsyncArray(metadata, place, settings)._known()
    access = {name: kwargs[name] for name in _ACCESS if name in kwargs}
    return array._with_access(await make_access(place, mode=mode, **access))


async def open_like(
    a: Any, path: str, *, zarr_format: ZarrFormat | None = None, **kwargs: Any
) -> AnyAsyncArray:
    """Open an array, or create one with the shape, data type, chunks and codecs of another.

    Parameters
    ----------
    a : array_like
        The other array.
    path : str
        The path of the array in the store.
    zarr_format : {2, 3, None}, optional
        The format; by default that of `a`. Codecs are taken over within a format only.
    **kwargs
        Parameters of :func:`open_array`; `mode` is 'a' by default.

    Returns
    -------
    AsyncArray
        The array.
    """
    chosen = parse_format(zarr_format, kwargs.pop("zarr_version", None))
    given = {**like(a, chosen), **kwargs}
    if given.get("mode") is None:
        given["mode"] = "a"
    if chosen is not None:
        given["zarr_format"] = chosen
    return await open_array(path=path, **given)


async def open(
    store: StoreLike | None = None,
    *,
    mode: AccessModeLiteral | None = None,
    zarr_version: ZarrFormat | None = None,
    zarr_format: ZarrFormat | None = None,
    path: str | None = None,
    storage_options: dict[str, Any] | None = None,
    config: ArrayConfigLike | None = None,
    **kwargs: Unpack[OpenNodeOptions],
) -> AnyAsyncArray | AsyncGroup:
    """Open an array or a group, or create one.

    Parameters
    ----------
    store : StoreLike, optional
        Where it is: a store, the path of a folder or zip file, a URL, a dict. A new store in
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
        Settings of the returned array, which are not stored.
    **kwargs
        Parameters of :func:`open_array` or :func:`open_group`. With a `shape`, an array is meant.

    Returns
    -------
    AsyncArray or AsyncGroup
        What is there, or was made.
    """
    chosen = parse_format(zarr_format, zarr_version)
    if mode is None:
        mode = "r" if isinstance(store, Store | StorePath) and store.read_only else "a"
    place = await make_store_path(store, path=path, mode=mode, storage_options=storage_options)
    given: dict[str, Any] = dict(kwargs)
    use_consolidated = given.get("use_consolidated")
    if use_consolidated is None and not place.store.supports_consolidated_metadata:
        use_consolidated = False
    for_group = given if config is None else {**given, "config": config}

    async def find() -> AnyAsyncArray | AsyncGroup | None:
        found = await load_node(
            place.store, place.path, chosen, consolidated=use_consolidated is not False
        )
        if found is None:
            return None
        if is_group(found):
            if "shape" in given:
                raise ContainsGroupError(place.store, place.path)
            _check_for_group(place, for_group)
            if found.zarr_format == 2:
                group = await add_consolidated_v2(place, found, use_consolidated)
            else:
                group = as_group_v3(found, place, use_consolidated)
            return await opened(place, group, mode=mode, **given)
        given.pop("use_consolidated", None)
        return await _opened(place, found, mode, config, given)

    async def make() -> AnyAsyncArray | AsyncGroup:
        if mode in ("r", "r+"):
            raise await not_found(place, chosen, "array" if "shape" in given else None)
        if "shape" in given:
            return await create(store=place, zarr_format=chosen, mode=mode, config=config, **given)
        _check_for_group(place, for_group)
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
        Where it is: a store, the path of a folder or zip file, a URL, a dict.
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

    See Also
    --------
    save : The other way round.
    """
    chosen = parse_format(zarr_format, zarr_version)
    node = await open(store, path=path, zarr_format=chosen, mode="r")
    if isinstance(node, AsyncGroup):
        return LoadedGroup(Group(node))
    return await node.getitem(...)


async def save(
    store: StoreLike,
    *args: NDArrayLike | npt.NDArray[Any],
    zarr_version: ZarrFormat | None = None,
    zarr_format: ZarrFormat | None = None,
    path: str | None = None,
    storage_options: dict[str, Any] | None = None,
    **kwargs: NDArrayLike | npt.NDArray[Any],
) -> None:
    """Save an array, or several in a group.

    Parameters
    ----------
    store : StoreLike
        Where to: a store, the path of a folder, the name of a zip file (``….zip``), a URL, a dict.
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


async def save_array(
    store: StoreLike,
    arr: NDArrayLike | npt.NDArray[Any],
    *,
    zarr_version: ZarrFormat | None = None,
    zarr_format: ZarrFormat | None = None,
    path: str | None = None,
    storage_options: dict[str, Any] | None = None,
    **kwargs: Any,
) -> None:
    """Save an array.

    Parameters
    ----------
    store : StoreLike
        Where to: a store, the path of a folder, the name of a zip file (``….zip``), a URL, a dict.
    arr : ndarray
        The array.
    zarr_version : {2, 3, None}, optional
        Deprecated: use `zarr_format`.
    zarr_format : {2, 3, None}, optional
        The format. By default that of the setting ``default_zarr_format``.
    path : str, optional
        The path in the store.
    storage_options : dict, optional
        Settings for the store that a URL names. An error with any other `store`.
    **kwargs
        Parameters of :func:`create`, such as ``chunks`` or ``overwrite``.
    """
    if not (hasattr(arr, "shape") and hasattr(arr, "dtype") and hasattr(arr, "__array__")):
        raise TypeError(
            "arr argument must be numpy or other NDArrayLike array. "
            f"Got {shown(arr)} of {type(arr).__name__}.{hint_of_order(store)}"
        )
    source = array_like(arr)
    chosen = parse_format(zarr_format, zarr_version)
    given = {"shape": source.shape, "dtype": source.dtype, **kwargs}
    given.pop("read_only", None)  # of a handle that nobody gets
    async with target(store) as place:
        await create(
            store=place,
            path=path,
            zarr_format=chosen,
            storage_options=storage_options,
            data=source,
            **given,
        )
