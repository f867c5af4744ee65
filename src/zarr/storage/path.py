"""A store and a path in it; and how anything that means a store becomes one."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import MutableMapping
from typing import TYPE_CHECKING, Any, Literal, Self, TypeAlias, cast

from zarr.abc._traits import data_id_of, note_data_id
from zarr.abc.store import (
    Store,
    SupportsDeleteSync,
    SupportsGetSync,
    SupportsSetSync,
)
from zarr.buffer.core import Buffer, default_buffer_prototype
from zarr.errors import ContainsArrayError, ContainsGroupError
from zarr.storage.client import Requests
from zarr.storage.keys import normalize_path
from zarr.storage.local import LocalStore
from zarr.storage.memory import MemoryStore
from zarr.types import ANY_ACCESS_MODE, StorageOptions
from zarr.urls import local_path

if TYPE_CHECKING:
    from pathlib import Path

    from zarr.abc.store import ByteRequest
    from zarr.buffer.core import BufferPrototype
    from zarr.types import JSON, AccessModeLiteral, ZarrFormat

__all__ = [
    "StoreLike",
    "StorePath",
    "contains_array",
    "contains_group",
    "ensure_no_existing_node",
    "make_store",
    "make_store_path",
]


class StorePath:
    """A path in a store: where a node is, or a value.

    Parameters
    ----------
    store : Store
        The store.
    path : str
        The path of a node, or the key of a value. The root of a store, ``""``, is no key: there
        is no value at it.

    Attributes
    ----------
    store
    path

    Examples
    --------
    >>> import zarr
    >>> store = zarr.storage.MemoryStore()
    >>> group = zarr.create_group(store)
    >>> array = group.create_array("a/b", shape=(4,), dtype="i4")
    >>> array.store_path == zarr.storage.StorePath(store, "a/b")
    True
    >>> (group.store_path / "a").path
    'a'
    """

    store: Store
    path: str

    def __init__(self, store: Store, path: str = "") -> None:
        self.store = store
        self.path = normalize_path(path)

    @property
    def read_only(self) -> bool:
        """Whether the store refuses writing."""
        return self.store.read_only

    @property
    def needs_event_loop(self) -> bool:
        """Whether a call may wait for the store."""
        return self.store.traits.needs_event_loop

    @classmethod
    async def open(cls, store: Store, path: str, mode: AccessModeLiteral | None = None) -> Self:
        """Open a store at a path.

        Parameters
        ----------
        store : Store
            The store.
        path : str
            The path in it.
        mode : {'r', 'r+', 'a', 'w', 'w-'}, optional
            'r' gives a read-only store; the others need one that can be written, and 'w-' needs
            the path to be empty. Nothing is created or removed.

        Returns
        -------
        StorePath
        """
        _check_mode(mode)
        if mode == "r" and not store.read_only:
            store = _read_only(store)
        elif mode not in (None, "r") and store.read_only:
            raise ValueError(
                f"Store is read-only but mode is {mode!r}. Create a writable store or use 'r' mode."
                f" It is {store.shown_as()}."
            )
        await store._ensure_open()
        self = cls(store, path)
        if mode == "w-" and not await self.is_empty():
            raise FileExistsError(
                f"Cannot create {self.path!r} with mode 'w-' because it already contains data in "
                f"{store.shown_as()}. "
                "Use mode 'w' to overwrite or 'a' to append."
            )
        return self

    async def get(
        self, prototype: BufferPrototype | None = None, byte_range: ByteRequest | None = None
    ) -> Buffer | None:
        """Return the value at this path, or part of it; None if there is none.

        Parameters
        ----------
        prototype : BufferPrototype, optional
            The kind of buffer to return.
        byte_range : ByteRequest, optional
            The part to read.

        Returns
        -------
        Buffer or None
        """
        if not self.path:
            return None
        if prototype is None:
            prototype = default_buffer_prototype()
        return await Requests(self.store).get(self.path, prototype, byte_range)

    async def get_json(self, *, byte_range: ByteRequest | None = None) -> JSON | None:
        """Return the JSON document at this path; None if there is none.

        Parameters
        ----------
        byte_range : ByteRequest, optional
            The part to read.

        Returns
        -------
        JSON or None
        """
        value = await self.get(byte_range=byte_range)
        return None if value is None else json.loads(value.to_bytes())

    async def set(self, value: Buffer) -> None:
        """Store a value at this path.

        Parameters
        ----------
        value : Buffer
            The value.
        """
        await Requests(self.store).set(self.path, value)

    async def set_if_not_exists(self, default: Buffer) -> None:
        """Store a value at this path, unless there is one.

        Parameters
        ----------
        default : Buffer
            The value.
        """
        await Requests(self.store).set_if_not_exists(self.path, default)

    async def delete(self) -> None:
        """Remove the value at this path; `delete_dir` removes those below it."""
        if self.path:
            await Requests(self.store).delete(self.path)

    async def delete_dir(self) -> None:
        """Remove all values below this path."""
        await Requests(self.store).delete_dir(self.path)

    async def exists(self) -> bool:
        """Whether there is a value at this path.

        Returns
        -------
        bool
            Whether there is a value.
        """
        return bool(self.path) and await Requests(self.store).exists(self.path)

    async def is_empty(self) -> bool:
        """Whether there is no value below this path.

        Returns
        -------
        bool
            Whether there is nothing.
        """
        return await Requests(self.store).is_empty(self.path)

    def get_sync(
        self,
        *,
        prototype: BufferPrototype | None = None,
        byte_range: ByteRequest | None = None,
    ) -> Buffer | None:
        """Return the value at this path from a store that has synchronous methods.

        Parameters
        ----------
        prototype : BufferPrototype, optional
            The kind of buffer to return.
        byte_range : ByteRequest, optional
            The part to read.

        Returns
        -------
        Buffer or None
        """
        if not isinstance(self.store, SupportsGetSync):
            raise self._not_sync("get")
        if not self.path:
            return None
        if prototype is None:
            prototype = default_buffer_prototype()
        return self.store.get_sync(self.path, prototype=prototype, byte_range=byte_range)

    def set_sync(self, value: Buffer) -> None:
        """Store a value at this path in a store that has synchronous methods.

        Parameters
        ----------
        value : Buffer
            The value.
        """
        if not isinstance(self.store, SupportsSetSync):
            raise self._not_sync("set")
        self.store.set_sync(self.path, value)

    def delete_sync(self) -> None:
        """Remove the value at this path from a store that has synchronous methods."""
        if not isinstance(self.store, SupportsDeleteSync):
            raise self._not_sync("delete")
        if self.path:
            self.store.delete_sync(self.path)

    def _not_sync(self, what: str) -> TypeError:
        return TypeError(f"Store {type(self.store).__name__} does not support synchronous {what}.")

    def __truediv__(self, other: str) -> Self:
        if not isinstance(other, str):
            other = normalize_path(other)
        return type(self)(self.store, f"{self.path}/{other}")

    def __str__(self) -> str:
        return f"{self.store}/{self.path}" if self.path else str(self.store)

    def shown_as(self) -> str:
        """How messages name the place; see the store's.

        Returns
        -------
        str
            The store and the path, joined by a slash.
        """
        label = self.store.shown_as()
        return f"{label}/{self.path}" if self.path else label

    def __repr__(self) -> str:
        return f"StorePath({type(self.store).__name__}, '{self}')"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, StorePath):
            return NotImplemented
        return self.path == other.path and self.store == other.store

    __hash__ = None  # type: ignore[assignment]


StoreLike: TypeAlias = Store | StorePath | str | os.PathLike[str] | MutableMapping[str, Any]
"""The values that can be given for a store.

A store; a store and path; the path of a directory, or of a zip or SQLite file that exists; a URL; a
dict or other mutable mapping (also an fsspec mapper); a ``UPath``; a store of obstore.
"""


def _check_mode(mode: str | None) -> None:
    if mode is not None and mode not in ANY_ACCESS_MODE:
        raise ValueError(f"Invalid mode: {mode}, expected one of {ANY_ACCESS_MODE}")


def _read_only(store: Store) -> Store:
    try:
        view = store.with_read_only(read_only=True)
    except NotImplementedError as error:
        raise ValueError(
            "Store is not read-only but mode is 'r'. Unable to create a read-only copy of the "
            "store. Please use a read-only store or a storage class that implements "
            ".with_read_only()."
        ) from error
    note_data_id(view, data_id_of(store))  # by contract, it shows the same data
    if view.max_requests is None and store.max_requests is not None:
        view.max_requests = store.max_requests
    return view


async def make_store_path(
    store_like: StoreLike | None,
    *,
    path: str | None = "",
    mode: AccessModeLiteral | None = None,
    storage_options: StorageOptions | None = None,
) -> StorePath:
    """Make a path in a store out of anything that means a store.

    Parameters
    ----------
    store_like : StoreLike or None
        The store, or a value that means one; None is a new store in memory.
    path : str, optional
        A path in the store, below that of `store_like` if it has one.
    mode : {'r', 'r+', 'a', 'w', 'w-'}, optional
        How the store is opened. With 'r' it is read-only.
    storage_options : dict, optional
        Settings for the store that a URL names.

    Returns
    -------
    StorePath
    """
    inner = normalize_path(path)
    if isinstance(store_like, StorePath):
        store = await make_store(store_like, mode=mode, storage_options=storage_options)
        if mode == "r" and not store.read_only:
            store = _read_only(store)
        return StorePath(store, f"{store_like.path}/{inner}")
    store = await make_store(store_like, mode=mode, storage_options=storage_options)
    return await StorePath.open(store, inner, mode)


async def make_store(
    store_like: StoreLike | None,
    *,
    mode: AccessModeLiteral | None = None,
    storage_options: StorageOptions | None = None,
) -> Store:
    """Make a store out of anything that means one.

    Parameters
    ----------
    store_like : StoreLike or None
        The store, or a value that means one; None is a new store in memory. A `Store` is
        returned as it is.
    mode : {'r', 'r+', 'a', 'w', 'w-'}, optional
        How a new store is opened. With 'r' it is read-only and must exist.
    storage_options : dict, optional
        Settings for the store that a URL names.

    Returns
    -------
    Store
    """
    _check_mode(mode)
    read_only = mode == "r"
    if isinstance(store_like, str):
        local = local_path(store_like)
        if local is None:
            return await _store_of_url(store_like, read_only, storage_options)
        store_like = local
    if storage_options is not None:
        raise TypeError(
            "'storage_options' was provided but unused. 'storage_options' is only used when the "
            "store is passed as an FSSpec URI string."
        )
    if isinstance(store_like, str) or _is_a(store_like, "pathlib", "Path"):
        return await _store_of_path(store_like, mode)  # type: ignore[arg-type]
    if store_like is None or isinstance(store_like, dict):
        return await MemoryStore.open(store_like, read_only=read_only)
    if isinstance(store_like, Store):
        return store_like
    if isinstance(store_like, StorePath):
        return store_like.store
    return await _store_of_object(store_like, read_only)


def path_text(path: str | bytes | None) -> str | None:
    """Return the path of a node as a string."""
    return path.decode("ascii") if isinstance(path, bytes) else path


async def _store_of_path(root: str | Path, mode: AccessModeLiteral | None) -> Store:
    if str(root).endswith(".zip") and os.path.isfile(root):
        from zarr.storage.zip import ZipStore

        return await ZipStore.open(root, mode="r" if mode == "r" else "a")
    if str(root).endswith((".sqlite", ".sqlite3")) and os.path.isfile(root):
        from zarr.storage.sqlite import SQLiteStore

        return await SQLiteStore.open(root, read_only=mode == "r")
    return await LocalStore.open(root, mode=mode, read_only=mode == "r")


async def _store_of_url(url: str, read_only: bool, storage_options: StorageOptions | None) -> Store:
    if url.startswith("sqlite://"):
        from zarr.storage.sqlite import SQLiteStore

        path = url.removeprefix("sqlite://")
        return await SQLiteStore.open(path, read_only=read_only, **(storage_options or {}))
    if url.startswith("memory://"):
        from zarr.storage.memory import find

        if storage_options is not None:
            raise TypeError("'storage_options' was provided but a store in memory has none.")
        managed = find(url, read_only=read_only)
        if managed is not None:
            await managed._ensure_open()
            return managed
    from zarr.storage.url_clients import store_of_url

    return store_of_url(url, storage_options, read_only)


async def _store_of_object(store_like: object, read_only: bool) -> Store:
    """A store out of an object of fsspec, upath or obstore, or out of a mutable mapping.

    An object of a library that nobody imported cannot have come here.
    """
    if _is_a(store_like, "upath", "UPath"):
        from zarr.storage.fsspec import FsspecStore

        return FsspecStore.from_upath(store_like, read_only=read_only)
    if _is_a(store_like, "fsspec", "FSMap"):
        from zarr.storage.fsspec import FsspecStore

        return FsspecStore.from_mapper(store_like, read_only=read_only)
    if "obstore" in sys.modules:
        from zarr.storage.obstore import ObjectStore, is_obstore

        if is_obstore(store_like):
            return ObjectStore(cast("Any", store_like), read_only=read_only)
    if isinstance(store_like, MutableMapping):
        return await MemoryStore.open(store_like, read_only=read_only)
    if isinstance(store_like, os.PathLike):
        return await LocalStore.open(os.fspath(store_like), read_only=read_only)
    found = f"'{type(store_like).__name__}'"
    if hasattr(store_like, "store_path"):
        found += ", which is open already, in its `store` at its `path`"
    raise TypeError(f"Unsupported type for store_like: {found}")


def _is_a(value: object, module: str, name: str) -> bool:
    kind = getattr(sys.modules.get(module), name, None)
    return isinstance(kind, type) and isinstance(value, kind)


async def contains_array(store_path: StorePath, zarr_format: ZarrFormat) -> bool:
    """Whether there is an array at a path.

    Parameters
    ----------
    store_path : StorePath
        The path.
    zarr_format : {2, 3}
        The format to look for.

    Returns
    -------
    bool
    """
    if zarr_format == 3:
        return await _node_type(store_path) == "array"
    _check_format(zarr_format)
    return await (store_path / ".zarray").exists()


async def contains_group(store_path: StorePath, zarr_format: ZarrFormat) -> bool:
    """Whether there is a group at a path.

    Parameters
    ----------
    store_path : StorePath
        The path.
    zarr_format : {2, 3}
        The format to look for.

    Returns
    -------
    bool
    """
    if zarr_format == 3:
        return await _node_type(store_path) == "group"
    _check_format(zarr_format)
    return await (store_path / ".zgroup").exists()


async def ensure_no_existing_node(
    store_path: StorePath,
    zarr_format: ZarrFormat,
    node_type: Literal["array", "group"] | None = None,
) -> None:
    """Raise an error if there is a node at a path.

    Parameters
    ----------
    store_path : StorePath
        The path.
    zarr_format : {2, 3}
        The format to look for.
    node_type : {'array', 'group'}, optional
        The kind of node to look for; any by default.

    Raises
    ------
    ContainsArrayError, ContainsGroupError
    """
    if zarr_format == 3:
        found = await _node_type(store_path)
    elif node_type != "group" and await contains_array(store_path, zarr_format):
        found = "array"
    elif node_type != "array" and await contains_group(store_path, zarr_format):
        found = "group"
    else:
        return
    if found == "array" and node_type != "group":
        raise ContainsArrayError(store_path.store, store_path.path)
    if found == "group" and node_type != "array":
        raise ContainsGroupError(store_path.store, store_path.path)


def _check_format(zarr_format: int) -> None:
    if zarr_format not in (2, 3):
        raise ValueError(f"Invalid zarr_format provided. Got {zarr_format}, expected 2 or 3")


async def _node_type(store_path: StorePath) -> object:
    """The node type that a document of format 3 names; None if there is no sound one."""
    try:
        document = await (store_path / "zarr.json").get_json()
    except ValueError:  # not JSON, or not text
        return None
    return document.get("node_type") if isinstance(document, dict) else None


def address(place: StorePath) -> str:
    """A name of a place, equal for all stores that show the same data.

    Examples
    --------
    >>> from zarr.storage import LocalStore, StorePath
    >>> address(StorePath(LocalStore("a"), "b")) == address(StorePath(LocalStore("a/b")))
    True
    """
    return f"{data_id_of(place.store)}/{place.path}".rstrip("/")


def is_within(inner: str, outer: str) -> bool:
    """Whether an address is another, or below it."""
    return inner == outer or inner.startswith(f"{outer}/")


def addresses(source: object) -> tuple[str, ...]:
    """The addresses of a node's places."""
    return tuple(map(address, places_of(source)))


def places_of(source: object) -> tuple[StorePath, ...]:
    """Where the documents and the chunks of a node are; none for what is not of zarr."""
    node = getattr(source, "_async", source)
    place, access = getattr(node, "store_path", None), getattr(node, "access", None)
    if place is None or access is None:
        return ()
    return (place,) if access.chunk_path is None else (place, access.chunk_path)
