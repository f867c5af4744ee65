"""A store in an object store of obstore: S3, Google, Azure, HTTP, local files, memory."""

from __future__ import annotations

import atexit
import contextlib
import os
import time
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

from zarr.abc._traits import READING_METHODS, VALUE_METHODS, overrides
from zarr.abc.store import Store, StoreTraits, ValueInfo
from zarr.storage.client.retry import AnswerError, of_obstore
from zarr.storage.keys import (
    absolute,
    bounds,
    check_key,
    check_prefix,
    check_value,
    content_tag,
    immutable_bytes,
    redacted,
)
from zarr.storage.presigned import presigned_urls

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Sequence

    from obstore.store import ObjectStore as _Upstream

    from zarr.abc.store import ByteRequest
    from zarr.buffer.core import Buffer, BufferPrototype

    T_Store = TypeVar("T_Store", bound=_Upstream)
else:
    T_Store = TypeVar("T_Store")

T = TypeVar("T")

# How obstore says that a key is not there.
ALLOWED_EXCEPTIONS: tuple[type[Exception], ...] = (
    FileNotFoundError,
    IsADirectoryError,
    NotADirectoryError,
)

# The process that obstore's threads run in, once there are some.
_home: int | None = None


def _obstore() -> ModuleType:
    try:
        import obstore
    except ImportError as error:
        raise ImportError(
            "this store needs obstore: install it with `pip install zarr[remote]`"
        ) from error
    return obstore


def _running() -> ModuleType:
    """obstore, for a call that its threads do."""
    global _home
    if _home is None:
        _home = os.getpid()
        atexit.register(_let_go)
    elif _home != os.getpid():
        # Its threads did not come along, and it would wait for them forever.
        raise RuntimeError(
            "obstore was used before this process was forked, and cannot be used after: start "
            "processes by 'spawn' or 'forkserver', or use FsspecStore"
        )
    return _obstore()


async def _presigned_urls(store: Any, keys: Sequence[str]) -> list[str] | None:
    return await presigned_urls(_running(), store, keys)


def _let_go() -> None:
    """When Python ends: let threads of obstore do the rest of what was answered already.

    A thread of theirs that is about to drop an object aborts the process if Python has ended.
    """
    if _home == os.getpid():
        time.sleep(0.02)


def is_obstore(value: object) -> bool:
    """Whether `value` is a store of obstore."""
    import obstore.store as kinds

    return isinstance(
        value,
        (
            kinds.AzureStore,
            kinds.GCSStore,
            kinds.HTTPStore,
            kinds.LocalStore,
            kinds.MemoryStore,
            kinds.S3Store,
        ),
    )


def _is_below_a_file(error: Exception) -> bool:
    """Whether a local file stands where the key has a directory: obstore has no error for that."""
    return "NotADirectory" in str(error)


def _version(info: Any) -> dict[str, str] | None:
    """The version of a value, as `put_async` takes it; None if the service tells none."""
    known = {name: info.get(name) for name in ("e_tag", "version")}
    return {name: value for name, value in known.items() if value is not None} or None


def _config(store: object, name: str) -> object:
    """A setting that an object store was made with."""
    return (getattr(store, "config", None) or {}).get(name)


def _with_one_attempt(store: Any) -> object:
    """The same store, but one that makes a request once: who asks makes it again.

    A store that was told how often to try is taken as it is.
    """
    if type(store).__name__ in ("LocalStore", "MemoryStore") or store.retry_config is not None:
        return store
    _, (kind, args, kwargs), *_ = store.__reduce_ex__(4)
    return kind.__new__(kind, *args, **kwargs, retry_config={"max_retries": 0})


def _prefix(store: object) -> str:
    return str(getattr(store, "prefix", None) or "")


class ObjectStore(Store, Generic[T_Store]):
    """A store in an object store of obstore.

    Parameters
    ----------
    store : obstore.store.ObjectStore
        The object store.
    read_only : bool
        Whether writing is refused.
    allowed_exceptions : tuple of type
        The errors by which the service says that a key is not there. Some buckets answer that
        access is denied, a `PermissionError`, where nobody may list them.

    Attributes
    ----------
    store
    allowed_exceptions

    Examples
    --------
    >>> import zarr
    >>> from obstore.store import MemoryStore
    >>> store = zarr.storage.ObjectStore(MemoryStore())
    >>> zarr.create_array(store, shape=(4,), dtype="i4").shape
    (4,)
    """

    store: T_Store
    allowed_exceptions: tuple[type[Exception], ...]
    _asked: tuple[object, object] | None = None

    def __init__(
        self,
        store: T_Store,
        *,
        read_only: bool = False,
        allowed_exceptions: tuple[type[Exception], ...] = ALLOWED_EXCEPTIONS,
    ) -> None:
        _obstore()
        if not is_obstore(store):
            raise TypeError(f"expected ObjectStore class, got {store!r}")
        super().__init__(read_only=read_only)
        self.store = store
        self.allowed_exceptions = tuple(allowed_exceptions)

    def with_read_only(self, read_only: bool = False) -> Self:
        """Return a store of the same objects that is read-only, or not."""
        view = type(self)(self.store, read_only=read_only)
        view.allowed_exceptions = self.allowed_exceptions
        return view

    def __getstate__(self) -> dict[str, object]:
        return {name: value for name, value in self.__dict__.items() if name != "_asked"}

    @property
    def _client(self) -> Any:
        """The store of obstore that requests go to."""
        if self._asked is None or self._asked[0] is not self.store:
            self._asked = (self.store, _with_one_attempt(self.store))
        return self._asked[1]

    async def _answer(self, request: Awaitable[T]) -> T:
        """Await a request, and raise its errors as those of the operating system."""
        try:
            return await request
        except _obstore().exceptions.BaseError as error:
            known = of_obstore(error)
            if known is error:
                raise
            raise known from error

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self})"

    def __str__(self) -> str:
        return redacted(f"object_store://{self.store}")

    def declare_traits(self) -> StoreTraits:
        # docstring inherited
        kind = type(self.store).__name__
        conditional = kind in ("AzureStore", "GCSStore", "MemoryStore")
        if kind == "S3Store":
            conditional = bool(_config(self.store, "conditional_put") != "disabled")
        # A subclass may mean something else by a key.
        urls = partial(_presigned_urls, self.store) if type(self) is ObjectStore else None
        return StoreTraits(
            data_id=self._data_id(),
            byte_ranges=True,
            versions=True,
            # Its client counts the bytes against what the service announces.
            detects_truncation=not overrides(type(self), ObjectStore, READING_METHODS),
            conditional_writes=conditional,
            multi_writer=kind not in ("LocalStore", "MemoryStore"),
            presigned_urls=urls,
        )

    shown_as = __str__

    def _data_id(self) -> str:
        # The name that obstore gives a store leaves out the server, and which of those in memory
        # it is.
        if type(self.store).__name__ == "MemoryStore":
            return f"object_store://{self._note_held(self.store).name}"
        names = ("endpoint", "account_name")
        # Without a name and password.
        known = [str(_config(self.store, name) or "").rpartition("@")[2] for name in names]
        return "/".join([f"object_store://{self.store}", *known, _prefix(self.store)])

    def __eq__(self, value: object) -> bool:
        return (
            isinstance(value, ObjectStore)
            and self.read_only == value.read_only
            and bool(self.store == value.store)
        )

    __hash__ = None

    @property
    def supports_writes(self) -> bool:
        # docstring inherited
        return True

    @property
    def supports_deletes(self) -> bool:
        # docstring inherited
        return True

    @property
    def supports_listing(self) -> bool:
        # docstring inherited
        return True

    # -- values -----------------------------------------------------------------------------

    async def get(
        self, key: str, prototype: BufferPrototype, byte_range: ByteRequest | None = None
    ) -> Buffer | None:
        # docstring inherited
        found = await self._read(key, byte_range, versioned=False)
        return None if found is None else prototype.buffer.from_bytes(found[0])

    async def get_versioned(
        self, key: str, prototype: BufferPrototype, byte_range: ByteRequest | None = None
    ) -> tuple[Buffer, Any | None] | None:
        # docstring inherited
        found = await self._read(key, byte_range, versioned=True)
        return None if found is None else (prototype.buffer.from_bytes(found[0]), found[1])

    async def _read(
        self, key: str, byte_range: ByteRequest | None, *, versioned: bool
    ) -> tuple[Any, Any] | None:
        """A value or a part of it, and its version if that is wanted and known."""
        try:
            return await self._answer(self._fetch(key, byte_range, versioned=versioned))
        except self.allowed_exceptions:
            return None

    async def _fetch(
        self, key: str, byte_range: ByteRequest | None, *, versioned: bool
    ) -> tuple[Any, Any] | None:
        obstore = _running()
        check_key(key)
        start, stop = bounds(byte_range)
        try:
            if start == stop:
                return b"", _version(await obstore.head_async(self._client, key))
            if stop is not None and not versioned:  # the quickest of these
                return await obstore.get_range_async(self._client, key, start=start, end=stop), None
            options: object = None
            if stop is not None:
                options = {"range": (start, stop)}
            elif byte_range is not None:
                options = {"range": {"suffix": -start} if start < 0 else {"offset": start}}
            answer = await obstore.get_async(self._client, key, options=options)
            return await answer.bytes_async(), _version(answer.meta)
        except obstore.exceptions.BaseError as error:
            if _is_below_a_file(error):
                return None
            # Object stores refuse a range that begins behind the end; ours is empty there.
            info = None if byte_range is None else await self._info(key)
            if info is None or absolute(byte_range, info["size"]) != slice(
                info["size"], info["size"]
            ):
                raise
            return b"", _version(info)

    async def set(self, key: str, value: Buffer) -> None:
        # docstring inherited
        await self._write(key, value, "overwrite")

    async def set_if_not_exists(self, key: str, value: Buffer) -> None:
        # docstring inherited
        try:
            await self._write(key, value, "create")
        except _obstore().exceptions.AlreadyExistsError:
            pass

    async def _write(self, key: str, value: Buffer, mode: object) -> None:
        self._check_writable()
        check_value(self, value)
        check_key(key)
        data = immutable_bytes(value)
        await self._answer(_running().put_async(self._client, key, data, mode=mode))

    async def set_if_unchanged(self, key: str, value: Buffer, version: object) -> bool:
        # docstring inherited
        errors = _obstore().exceptions
        try:
            await self._write(key, value, "create" if version is None else version)
        except (errors.AlreadyExistsError, errors.PreconditionError):
            return False
        except FileNotFoundError:  # what was to be replaced is gone
            if version is None:
                raise
            return False
        except errors.NotSupportedError as error:
            raise NotImplementedError(f"{self} does not write on condition") from error
        except AnswerError as error:
            if error.status == 409:  # another such write was under way
                return False
            if error.status == 501:
                raise NotImplementedError(f"{self} does not write on condition") from error
            raise
        return True

    async def delete(self, key: str) -> None:
        # docstring inherited
        self._check_writable()
        check_key(key)
        with contextlib.suppress(*ALLOWED_EXCEPTIONS):
            await self._answer(_running().delete_async(self._client, key))

    async def copy_value(self, key: str, target: Store, target_key: str) -> int | None:
        # docstring inherited
        if not (isinstance(target, ObjectStore) and self._is_plain() and target._is_plain()):
            return None
        # The service copies within a bucket, and obstore below the prefix of a store.
        if self.store != target.store:
            return None
        target._check_writable()
        info = await self._info(key)
        if info is None:
            return None
        check_key(target_key)
        copy = _running().copy_async(target._client, key, target_key)
        try:
            await self._answer(copy)
        except self.allowed_exceptions:  # deleted meanwhile
            return None
        except (AnswerError, NotImplementedError, _obstore().exceptions.NotSupportedError):
            return None  # a service that cannot, or that takes no value of this size
        return int(info["size"])

    def _is_plain(self) -> bool:
        """Whether values are the objects that their keys name, and nothing else."""
        return not overrides(type(self), ObjectStore, VALUE_METHODS)

    async def _info(self, key: str) -> Any:
        """The facts that the service tells of a value without sending it; None if there is none."""
        check_key(key)
        obstore = _running()
        try:
            return await self._answer(obstore.head_async(self._client, key))
        except self.allowed_exceptions:
            return None
        except obstore.exceptions.GenericError as error:
            if _is_below_a_file(error):
                return None
            raise

    async def exists(self, key: str) -> bool:
        # docstring inherited
        return await self._info(key) is not None

    async def getsize(self, key: str) -> int:
        # docstring inherited
        info = await self._info(key)
        if info is None:
            raise FileNotFoundError(f"{key!r} is not in {self}")
        return int(info["size"])

    # -- directories ----------------------------------------------------------------------------

    # Some programs mark a directory by an empty object 'directory/', which is no value of ours.
    # obstore lists it as 'directory', and does not find it under that name.

    async def getsize_prefix(self, prefix: str) -> int:
        # docstring inherited
        sizes = 0
        async for batch in self._batches(prefix):
            sizes += sum(item["size"] for item in batch)
        return sizes

    async def _batches(self, prefix: str) -> AsyncGenerator[Any, None]:
        listing = _running().list(self._client, prefix=check_prefix(prefix) or None)
        while (batch := await self._answer(anext(listing, None))) is not None:
            yield batch

    async def list(self) -> AsyncGenerator[str, None]:
        # docstring inherited
        async for key in self.list_prefix(""):
            yield key

    async def list_prefix(self, prefix: str) -> AsyncGenerator[str, None]:
        # docstring inherited
        directories: set[str] = set()
        empty: list[str] = []
        async for batch in self._batches(prefix):
            for item in batch:
                path = item["path"]
                directory = path.rpartition("/")[0]
                while directory and directory not in directories:
                    directories.add(directory)
                    directory = directory.rpartition("/")[0]
                if item["size"]:
                    yield path
                elif path:
                    empty.append(path)
        for path in empty:
            if path not in directories and await self.exists(path):
                yield path

    async def list_values(self, prefix: str) -> AsyncIterator[ValueInfo]:
        # docstring inherited
        empty: list[str] = []
        async for batch in self._batches(prefix):
            for item in batch:
                if item["size"]:
                    modified = item["last_modified"].timestamp()
                    tag = content_tag(item.get("e_tag"))
                    yield ValueInfo(item["path"], item["size"], modified, tag)
                else:
                    empty.append(item["path"])
        for path in filter(None, empty):  # or an object that marks a directory
            if await self.exists(path):
                yield ValueInfo(path, 0)

    async def list_dir(self, prefix: str) -> AsyncGenerator[str, None]:
        # docstring inherited
        directory = check_prefix(prefix)
        listing = _running().list_with_delimiter_async(self._client, prefix=directory or None)
        found = await self._answer(listing)
        skip = len(directory) + 1 if directory else 0
        directories = {path[skip:].strip("/") for path in found["common_prefixes"]}
        for name in sorted(directories):
            yield name
        for item in found["objects"]:
            name = item["path"][skip:]
            if (
                name
                and name not in directories
                and (item["size"] or await self.exists(item["path"]))
            ):
                yield name
