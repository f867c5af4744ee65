"""Opening arrays. Modules that make arrays are loaded only where there is none to open."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zarr._async.warnings import warn
from zarr.arrays.async_array import AsyncArray, accessed
from zarr.errors import ContainsArrayError, ZarrUserWarning
from zarr.hierarchy.documents import find_metadata, not_found
from zarr.hierarchy.open_options import make_access, parse_format
from zarr.hierarchy.place import found_or_made
from zarr.storage.path import make_store_path, path_text

if TYPE_CHECKING:
    from typing import Unpack

    from zarr.arrays.parameters import OpenArrayOptions
    from zarr.metadata.spec import ArrayConfigLike
    from zarr.storage.path import StoreLike, StorePath
    from zarr.types import AccessModeLiteral, AnyAsyncArray, StorageOptions, ZarrFormat

__all__ = ["open_array"]

# Parameters of `create` that say how an array is accessed: they hold for one that exists too.
_ACCESS = (
    "cache_attrs",
    "cache_metadata",
    "chunk_store",
    "meta_array",
    "read_only",
    "synchronizer",
)


async def open_array(
    store: StoreLike | None = None,
    *,
    zarr_version: ZarrFormat | None = None,
    zarr_format: ZarrFormat | None = None,
    path: str | bytes = "",
    storage_options: StorageOptions | None = None,
    config: ArrayConfigLike | None = None,
    **kwargs: Unpack[OpenArrayOptions],
) -> AnyAsyncArray:
    """Open an array, or create one.

    Parameters
    ----------
    store : StoreLike, optional
        Where the array is: a store, the path of a directory or zip file, a URL, a dict. A new store
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
        Other parameters are those of :func:`create`. Those that say how the array is accessed
        always hold; those that say how it is made hold only if one is made. Every other name
        is an error when an array is made, and a warning when one is there.

    Returns
    -------
    AsyncArray
        The array.

    Raises
    ------
    ArrayNotFoundError
        If there is no array and none is to be created.

    Examples
    --------
    >>> import zarr
    >>> store = {}
    >>> made = zarr.open_array(store, mode="w", shape=(4, 6), chunks=(2, 3), dtype="i4")
    >>> zarr.open_array(store, mode="r")
    <Array memory://... shape=(4, 6) dtype=int32>
    """
    chosen = parse_format(zarr_format, zarr_version)
    given: dict[str, Any] = dict(kwargs)
    mode: AccessModeLiteral | None = given.pop("mode", None)
    place = await make_store_path(
        store, path=path_text(path), mode=mode, storage_options=storage_options
    )

    async def find() -> AnyAsyncArray | None:
        metadata = await find_metadata(place, chosen)
        return (
            None if metadata is None else await opened_array(place, metadata, mode, config, given)
        )

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
        from zarr.arrays.legacy_create import create  # late: most arrays are there

        return await create(store=place, zarr_format=chosen, mode=mode, config=config, **given)

    if mode in ("w", "w-"):
        return await make()
    return await found_or_made(find, make, ContainsArrayError)


def _note_unknown(kwargs: dict[str, Any]) -> None:
    from zarr.arrays.legacy_create import create  # late: as above

    # Those that say what is made if there is no array.
    known = frozenset(create.__annotations__) - {"store", "path", "mode", "config", "return"}
    unknown = kwargs.keys() - known
    if unknown:
        names = ", ".join(map(repr, sorted(unknown)))
        warn(
            f"there is no parameter {names}: it has no effect on an array that is there",
            ZarrUserWarning,
        )


async def opened_array(
    place: StorePath,
    metadata: Any,
    mode: AccessModeLiteral | None,
    config: ArrayConfigLike | None,
    kwargs: dict[str, Any],
) -> AnyAsyncArray:
    if not kwargs:
        return AsyncArray(metadata, place, config).known_stored()
    from zarr.arrays.parameters import parse_config  # late: as above

    _note_unknown(kwargs)
    settings = parse_config(
        config,
        order=kwargs.get("order") if metadata.zarr_format == 3 else None,
        write_empty_chunks=kwargs.get("write_empty_chunks"),
    )
    array: AnyAsyncArray = AsyncArray(metadata, place, settings).known_stored()
    access = {name: kwargs[name] for name in _ACCESS if name in kwargs}
    return accessed(array, await make_access(place, mode=mode, **access))
