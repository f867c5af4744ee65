"""A store in any file system that fsspec knows."""

from __future__ import annotations

import os
import sys
from datetime import datetime
from typing import TYPE_CHECKING, Any

from zarr._async.locks import locked
from zarr.abc._traits import READING_METHODS, VALUE_METHODS, overrides
from zarr.abc.store import (
    RangeByteRequest,
    Store,
    StoreTraits,
    SuffixByteRequest,
    ValueInfo,
)
from zarr.errors import did_you_mean
from zarr.settings import config
from zarr.storage.client.retry import UnreachableError, hidden_in, is_unreachable
from zarr.storage.fsspec_protocols import check_reference, http_get, s3_get, s3_put
from zarr.storage.keys import (
    bounds,
    check_key,
    check_prefix,
    check_value,
    content_tag,
    range_header,
    redacted,
)
from zarr.storage.local import passes_link
from zarr.urls import links_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from fsspec import FSMap  # type: ignore[import-not-found, import-untyped, unused-ignore]
    from fsspec.asyn import AsyncFileSystem  # type: ignore[import-not-found, import-untyped, unused-ignore]

    from zarr.abc.store import ByteRequest
    from zarr.buffer.core import Buffer, BufferPrototype
    from zarr.types import StorageOptions

ALLOWED_EXCEPTIONS: tuple[type[Exception], ...] = (
    FileNotFoundError,
    IsADirectoryError,
    NotADirectoryError,
)


# Protocols of file systems that other machines do not write to.
_OF_THIS_MACHINE = frozenset({"file", "local", "memory", "reference", "zip", "tar", "data"})


def _fsspec() -> Any:
    try:
        import fsspec  # type: ignore[import-not-found, import-untyped, unused-ignore]
    except ImportError as error:
        raise ImportError(
            "this store needs fsspec: install it with `pip install zarr[remote]`"
        ) from error
    return fsspec


def _at(url: str, options: dict[str, object]) -> tuple[Any, str]:
    """The file system of a URL, and the path in it."""
    core = _fsspec().core
    parts = url.count("::") + 1
    links = len(links_of(url))
    if links == parts:
        try:
            fs, path = core.url_to_fs(url, **options)
        except ValueError as error:
            protocol = core.split_protocol(url)[0] or ""
            if protocol in _fsspec().available_protocols():
                raise
            near = did_you_mean(protocol, _fsspec().available_protocols())
            raise ValueError(f"{error}, in {redacted(url)!r}{near}") from error
        return fs, path
    # fsspec would cut it at every '::'.
    if links > 1:
        raise ValueError(
            f"in {redacted(url)!r} it is not clear where a link of the chain ends: fsspec takes "
            "every '::' for an end, but one of these stands in a path"
        )
    kind = _fsspec().get_filesystem_class(core.split_protocol(url)[0] or "file")
    return kind(**{**kind._get_kwargs_from_urls(url), **options}), kind._strip_protocol(url)


def _with_async_methods(fs: object) -> object:
    """The file system itself if it is asynchronous, or one that runs its methods in threads."""
    # A directory of a synchronous file system calls itself asynchronous, and is not.
    inner = getattr(fs, "fs", fs) if type(fs).__name__ == "DirFileSystem" else fs
    if getattr(fs, "async_impl", False) and getattr(inner, "async_impl", False):
        return fs
    from importlib import import_module

    return import_module("fsspec.implementations.asyn_wrapper").AsyncFileSystemWrapper(fs)


def _is_archive(fs: object) -> bool:
    """Whether a file system is that of a zip or tar file, or of another archive."""
    kinds = sys.modules.get("fsspec.archive")
    return kinds is not None and isinstance(fs, kinds.AbstractArchiveFileSystem)


class FsspecStore(Store):
    """A store in a file system of fsspec: cloud storage, HTTP, SFTP, archives and many more.

    Parameters
    ----------
    fs : AsyncFileSystem
        The file system. A synchronous one works too: its methods run in threads. One that was
        made with ``asynchronous=True`` belongs to the event loop that uses it first, and so does
        the store; any other can be used from everywhere.
    read_only : bool
        Whether writing is refused.
    path : str
        The directory in the file system.
    allowed_exceptions : tuple of type
        The errors by which the file system says that a key is not there.

    Attributes
    ----------
    fs
    path
    allowed_exceptions

    Examples
    --------
    >>> import zarr
    >>> store = zarr.storage.FsspecStore.from_url("memory://of-fsspec")
    >>> zarr.create_array(store, shape=(4,), dtype="i4", overwrite=True).shape
    (4,)
    """

    supports_writes: bool = True
    supports_deletes: bool = True
    supports_listing: bool = True

    fs: AsyncFileSystem
    path: str
    allowed_exceptions: tuple[type[Exception], ...]

    def __init__(
        self,
        fs: AsyncFileSystem,
        read_only: bool = False,
        path: str = "/",
        allowed_exceptions: tuple[type[Exception], ...] = ALLOWED_EXCEPTIONS,
    ) -> None:
        super().__init__(read_only=read_only)
        _fsspec()
        if isinstance(fs, str | os.PathLike):
            raise TypeError(
                f"'fs' must be a file system of fsspec, got {fs!r}: a URL goes to "
                "FsspecStore.from_url, a path to LocalStore"
            )
        self.fs = _with_async_methods(fs)
        self.path = path
        self.allowed_exceptions = allowed_exceptions
        roots = config.settings.storage__references__roots
        # As strict wherever the store is sent to.
        self._roots = None if roots is None else [str(root) for root in roots]

    @classmethod
    def from_url(
        cls,
        url: str,
        storage_options: StorageOptions | None = None,
        read_only: bool = False,
        allowed_exceptions: tuple[type[Exception], ...] = ALLOWED_EXCEPTIONS,
    ) -> FsspecStore:
        """Make a store out of a URL, or a chain of URLs such as ``zip::s3://bucket/a.zip``.

        Parameters
        ----------
        url : str
            The URL.
        storage_options : dict, optional
            Settings of the file system.
        read_only : bool
            Whether writing is refused.
        allowed_exceptions : tuple of type
            The errors by which the file system says that a key is not there.

        Returns
        -------
        FsspecStore
        """
        if not isinstance(url, str):
            raise TypeError(f"'url' must be a string, got {url!r} of {type(url).__name__}")
        fs, path = _at(url, storage_options or {})
        return cls(fs, read_only=read_only, path=path, allowed_exceptions=allowed_exceptions)

    @classmethod
    def from_mapper(
        cls,
        fs_map: FSMap,
        read_only: bool = False,
        allowed_exceptions: tuple[type[Exception], ...] = ALLOWED_EXCEPTIONS,
    ) -> FsspecStore:
        """Make a store out of a mapper, as ``fsspec.get_mapper`` returns it.

        Parameters
        ----------
        fs_map : FSMap
            The mapper.
        read_only : bool
            Whether writing is refused.
        allowed_exceptions : tuple of type
            The errors by which the file system says that a key is not there.

        Returns
        -------
        FsspecStore
        """
        return cls(
            fs_map.fs,
            read_only=read_only,
            path=fs_map.root,
            allowed_exceptions=allowed_exceptions,
        )

    @classmethod
    def from_upath(
        cls,
        upath: Any,
        read_only: bool = False,
        allowed_exceptions: tuple[type[Exception], ...] = ALLOWED_EXCEPTIONS,
    ) -> FsspecStore:
        """Make a store out of a ``UPath`` of the package universal_pathlib.

        Parameters
        ----------
        upath : UPath
            The path.
        read_only : bool
            Whether writing is refused.
        allowed_exceptions : tuple of type
            The errors by which the file system says that a key is not there.

        Returns
        -------
        FsspecStore
        """
        return cls(
            upath.fs,
            read_only=read_only,
            path=upath.path.rstrip("/"),
            allowed_exceptions=allowed_exceptions,
        )

    def with_read_only(self, read_only: bool = False) -> FsspecStore:
        """Return a store of the same directory that is read-only, or not."""
        view = type(self)(
            self.fs,
            read_only=read_only,
            path=self.path,
            allowed_exceptions=self.allowed_exceptions,
        )
        view._roots = self._roots
        return view

    def __repr__(self) -> str:
        shown = f"{self._root()}?***" if self._query() else self.path
        return f"<FsspecStore({type(self.fs).__name__}, {redacted(shown)})>"

    shown_as = __repr__

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, type(self))
            and self.path == other.path
            and self.read_only == other.read_only
            and self.fs == other.fs
        )

    __hash__ = None

    def declare_traits(self) -> StoreTraits:
        # docstring inherited
        fs = getattr(self.fs, "sync_fs", self.fs)  # what a wrapper wraps
        own = not overrides(type(self), FsspecStore, READING_METHODS)
        return StoreTraits(
            data_id=self._data_id(fs),
            byte_ranges=True,
            versions=True,
            # A file system that speaks HTTP itself compares the bytes with the announced length.
            detects_truncation=own and bool(self.fs.async_impl) and fs is self.fs,
            conditional_writes=self._is_s3,
            multi_writer=_protocols(fs).isdisjoint(_OF_THIS_MACHINE),
        )

    @property
    def _is_s3(self) -> bool:
        return "s3" in _protocols(self.fs) and hasattr(self.fs, "_call_s3")

    def _data_id(self, fs: Any) -> str:
        root, protocols = self._root(), _protocols(fs)
        if not protocols.isdisjoint(("file", "local")):
            return f"file://{os.path.realpath(root)}"
        if self._is_s3:
            settings = getattr(fs, "client_kwargs", None) or {}
            server = settings.get("endpoint_url") or getattr(fs, "endpoint_url", None) or ""
            return f"s3://{server.rpartition('@')[2]}/{root}"
        # The values of all of memory are in one dict.
        held = fs.store if "memory" in protocols else fs
        return f"fsspec://{self._note_held(held).name}/{root.lstrip('/')}"

    # -- the file system --------------------------------------------------------------------

    async def _call(self, method: str, *args: object, **kwargs: object) -> Any:
        """Await a method of the file system, on the event loop where it lives."""
        fs = self._fs_here()
        archive = getattr(fs, "sync_fs", fs)
        if not _is_archive(archive):
            return await self._at_home(getattr(fs, method)(*args, **kwargs))
        return await self._alone(archive, getattr(fs, method)(*args, **kwargs))

    async def _alone(self, archive: object, coro: object) -> object:
        """Await it while nothing else is asked of an archive: it has one place where it reads."""
        import asyncio

        async with locked(f"fsspec\0{id(archive)}"):
            call = asyncio.ensure_future(self._at_home(coro))
            try:
                return await asyncio.shield(call)
            except asyncio.CancelledError:
                # The thread that reads goes on all the same: the next one waits for it.
                await asyncio.wait([call])
                raise

    async def _at_home(self, coro: Any) -> Any:
        import asyncio

        home = None if self.fs.asynchronous else self.fs.loop
        try:
            if home is None or home is asyncio.get_running_loop():
                return await coro
            return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(coro, home))
        except Exception as error:
            known = _of_system(error)
            if known is error or isinstance(error, self.allowed_exceptions):
                raise
            raise known from error

    def _check_absent(self, error: BaseException) -> None:
        """Raise what became of the request, if it is not known whether there is a value.

        fsspec's file system for HTTP calls whatever it cannot ask for not found.
        """
        hidden = hidden_in(error)
        if isinstance(hidden, Exception):
            known = _of_system(hidden)
            if not isinstance(known, self.allowed_exceptions):
                raise known from hidden
        elif hidden is not None:
            raise hidden

    def _fs_here(self) -> Any:
        """The file system; after a fork a new one, without the parent's connections."""
        fs: Any = self.fs
        if fs._pid != os.getpid():
            self.fs = fs = type(fs)(*fs.storage_args, **fs.storage_options)
        return fs

    def _root(self) -> str:
        root: str = self.fs._strip_protocol(self.path)
        return (root.partition("?")[0] if self._query() else root).rstrip("/")

    def _query(self) -> str:
        """What follows the path of each key, with its '?': the signature of a signed URL.

        Some servers take the path as the last value of a query: there keys follow it.
        """
        if "?" not in self.path or "http" not in _protocols(getattr(self.fs, "sync_fs", self.fs)):
            return ""
        query = self.path.partition("?")[2]
        last = query.rpartition("&")[2]
        _, equals, value = last.partition("=")
        return "" if "/" in last or (equals and not value) else f"?{query}"

    def _path(self, key: str) -> str:
        check_key(key)
        root = self._root()
        if root:
            return f"{root}/{key}{self._query()}"
        # Of all there is in the file system: some want a slash before it, some do not take it.
        fs = getattr(self.fs, "sync_fs", self.fs)
        return f"{fs.root_marker}{key}" if self.path.startswith("/") else key

    # -- values -----------------------------------------------------------------------------

    async def get(
        self, key: str, prototype: BufferPrototype, byte_range: ByteRequest | None = None
    ) -> Buffer | None:
        # docstring inherited
        start, stop = bounds(byte_range)
        path = self._path(key)
        if self._roots is not None:
            fs = getattr(self.fs, "sync_fs", self.fs)
            if "reference" in _protocols(fs):
                check_reference(fs, path, self._roots)
        if start > 0 and stop is None and "http" in self.fs.protocol:
            # A server that knows no ranges sends all, which only a known end gives away.
            byte_range = RangeByteRequest(start, max(start, await self._size_or_zero(key)))
            stop = byte_range.end
        elif start < 0 and self._counts_no_ends():
            size = await self._size_or_zero(key)
            start, stop = max(0, size + start), size
            byte_range = RangeByteRequest(start, stop)
        try:
            if byte_range is None and self._is_s3:
                # s3fs would ask for the size first, and read large objects piece by piece.
                data, _ = await self._at_home(s3_get(self._fs_here(), path))
            elif byte_range is None:
                data = await self._call("_cat_file", path)
            elif start == stop:
                await self._call("_info", path)
                data = b""
            else:
                data = await self._call("_cat_file", path, start=start, end=stop)
        except self.allowed_exceptions as error:
            self._check_absent(error)
            return None
        return prototype.buffer.from_bytes(_only(data, byte_range))

    def _counts_no_ends(self) -> bool:
        """Whether the file system fails at ranges that are counted from the end."""
        fs = getattr(self.fs, "sync_fs", None)
        return fs is not None and any(c.__name__ == "CachingFileSystem" for c in type(fs).__mro__)

    async def set(self, key: str, value: Buffer, byte_range: tuple[int, int] | None = None) -> None:
        """Store a value under a key.

        Parameters
        ----------
        key : str
            The key.
        value : Buffer
            The value.
        byte_range : tuple of int, optional
            Not supported: values can only be written as a whole.
        """
        if byte_range is not None:
            raise NotImplementedError(f"{type(self).__name__} writes values as a whole")
        await self._write(key, value)

    async def _write(self, key: str, value: Buffer, **kwargs: object) -> None:
        self._check_writable()
        check_value(self, value)
        path, data = self._path(key), value.to_bytes()
        try:
            await self._call("_pipe_file", path, data, **kwargs)
        except FileNotFoundError:  # some file systems have directories that must be made
            await self._call("_makedirs", path.rpartition("/")[0], exist_ok=True)
            await self._call("_pipe_file", path, data, **kwargs)

    async def set_if_not_exists(self, key: str, value: Buffer) -> None:
        # docstring inherited
        self._check_writable()
        # Asked first, since some file systems take `mode` and pay no heed to it.
        if await self.exists(key):
            return
        try:
            await self._write(key, value, mode="create")
        except FileExistsError:
            return
        except (TypeError, NotImplementedError):
            await self._write(key, value)

    async def get_versioned(
        self, key: str, prototype: BufferPrototype, byte_range: ByteRequest | None = None
    ) -> tuple[Buffer, Any | None] | None:
        # docstring inherited
        start, stop = bounds(byte_range)
        get = self._getter()
        if get is None or start == stop:
            return await super().get_versioned(key, prototype, byte_range)
        header = None if byte_range is None else range_header(start, stop)
        try:
            data, version = await self._at_home(get(self._fs_here(), self._path(key), header))
        except self.allowed_exceptions as error:
            self._check_absent(error)
            return None
        return prototype.buffer.from_bytes(data), version

    def _getter(self) -> Callable[..., Awaitable[tuple[bytes, object]]] | None:
        """How the file system is asked for versions, too; None if it tells none."""
        if self._is_s3:
            return s3_get
        return http_get if type(self.fs).__name__ == "HTTPFileSystem" else None

    async def set_if_unchanged(self, key: str, value: Buffer, version: Any | None) -> bool:
        # docstring inherited
        if not self._is_s3:
            return await super().set_if_unchanged(key, value, version)
        self._check_writable()
        check_value(self, value)
        path, data = self._path(key), value.to_bytes()
        done: bool = await self._at_home(s3_put(self._fs_here(), path, data, version))
        return done

    async def delete(self, key: str) -> None:
        # docstring inherited
        self._check_writable()
        path = self._path(key)
        try:
            await self._call("_rm_file", path)
        except self.allowed_exceptions as error:
            _check_not_refused(error)
        except NotImplementedError:
            if any(sign in path for sign in "*?["):  # would be taken for a pattern
                raise
            await self._call("_rm", path)

    async def copy_value(self, key: str, target: Store, target_key: str) -> int | None:
        # docstring inherited
        if not (isinstance(target, FsspecStore) and self._is_plain() and target._is_plain()):
            return None
        if not self._is_s3 or self.fs is not target.fs:
            return None  # of the others, many would read the value, and write it while it is seen
        target._check_writable()
        info = await self._file_info(key)
        if info is None or info.get("size") is None:
            return None
        size = int(str(info["size"]))
        try:
            await self._call("_cp_file", self._path(key), target._path(target_key))
        except self.allowed_exceptions as error:
            self._check_absent(error)
            return None
        return size

    def _is_plain(self) -> bool:
        """Whether values are the files that their keys name, and nothing else."""
        return not overrides(type(self), FsspecStore, VALUE_METHODS)

    async def _file_info(self, key: str) -> dict[str, Any] | None:
        try:
            info: dict[str, object] = await self._call("_info", self._path(key))
        except self.allowed_exceptions as error:
            self._check_absent(error)
            return None
        return None if info.get("type") == "directory" else info

    async def _size_or_zero(self, key: str) -> int:
        try:
            return await self.getsize(key)
        except FileNotFoundError:
            return 0

    async def exists(self, key: str) -> bool:
        # docstring inherited
        return await self._file_info(key) is not None

    async def getsize(self, key: str) -> int:
        # docstring inherited
        info = await self._file_info(key)
        if info is None:
            raise FileNotFoundError(f"{key!r} is not in {self}")
        size = info.get("size")
        return await super().getsize(key) if size is None else int(size)

    # -- directories ----------------------------------------------------------------------------

    def _directory(self, prefix: str) -> str:
        directory = check_prefix(prefix)
        return self._path(directory) if directory else (self._root() + self._query()) or self.path

    async def _children(self, directory: str) -> list[str]:
        """The paths of what lies directly below a directory."""
        try:
            found = await self._call("_ls", directory, detail=False)
        except self.allowed_exceptions as error:
            self._check_absent(error)
            return []
        return [path for path in found if path.strip("/") != directory.strip("/")]

    def _names(self, paths: list[str], directory: str) -> list[str]:
        """The names of `paths` below `directory`."""
        base = directory.removesuffix(self._query()).rstrip("/").lstrip("/")
        names = [path.rstrip("/").lstrip("/") for path in paths]
        if not base:
            return [name for name in names if name]
        return [name[len(base) + 1 :] for name in names if name.startswith(f"{base}/")]

    async def list(self) -> AsyncIterator[str]:
        # docstring inherited
        async for key in self.list_prefix(""):
            yield key

    async def list_prefix(self, prefix: str) -> AsyncIterator[str]:
        # docstring inherited
        directory = self._directory(prefix)
        try:
            paths = await self._call("_find", directory)
        except self.allowed_exceptions as error:
            self._check_absent(error)
            return
        start = check_prefix(prefix)
        # An object 'directory/' marks a directory, and is no value.
        for name in self._names([path for path in paths if not path.endswith("/")], directory):
            yield f"{start}/{name}" if start else name

    async def list_values(self, prefix: str) -> AsyncIterator[ValueInfo]:
        # docstring inherited
        directory = self._directory(prefix)
        try:
            found = await self._call("_find", directory, detail=True)
        except self.allowed_exceptions as error:
            self._check_absent(error)
            return
        except TypeError:  # a file system whose listings tell no details
            async for info in super().list_values(prefix):
                yield info
            return
        start = check_prefix(prefix)
        paths = [path for path in found if not path.endswith("/")]
        for path, name in zip(paths, self._names(paths, directory), strict=True):
            key = f"{start}/{name}" if start else name
            size = found[path].get("size")
            if size is None:
                size = await self.getsize(key)
            tag = content_tag(found[path].get("ETag"))
            yield ValueInfo(key, int(size), _modified(found[path]), tag)

    async def list_dir(self, prefix: str) -> AsyncIterator[str]:
        # docstring inherited
        directory = self._directory(prefix)
        try:
            paths = await self._call("_ls", directory, detail=False)
        except self.allowed_exceptions as error:
            self._check_absent(error)
            return
        for name in dict.fromkeys(self._names(list(paths), directory)):
            yield name

    async def delete_dir(self, prefix: str) -> None:
        # docstring inherited
        self._check_writable()
        directory = self._directory(prefix)
        # The root itself is not a value of the store: it may be a bucket, or a mount point.
        doomed = [directory] if check_prefix(prefix) else await self._children(directory)
        if any(sign in path for path in doomed for sign in "*?["):  # would be taken for a pattern
            await super().delete_dir(prefix)
        elif doomed:
            # Services take many at once, and some of the others only one.
            alone = len(doomed) == 1 or hasattr(self.fs, "sync_fs")
            for paths in doomed if alone else [doomed]:
                try:
                    await self._call("_rm", paths, recursive=True)
                except self.allowed_exceptions as error:
                    _check_not_refused(error)

    def passes_link(self, path: str, key: str) -> bool:
        fs = getattr(self.fs, "sync_fs", self.fs)
        local = not _protocols(fs).isdisjoint(("file", "local"))
        return local and passes_link(self._root(), path, key)

    async def clear(self) -> None:
        # docstring inherited
        await self.delete_dir("")


def _modified(info: dict[str, Any]) -> float | None:
    """When a file was written, by the names that file systems have for it."""
    for name in ("LastModified", "mtime", "last_modified", "updated"):
        found: object = info.get(name)
        if isinstance(found, (int, float)):
            return float(found)
        if isinstance(found, datetime):
            return found.timestamp()
    return None


def _check_not_refused(error: BaseException) -> None:
    """Raise a refusal to delete: it may only mean that there is nothing to read."""
    if isinstance(error, PermissionError):
        raise error


def _of_system(error: Exception) -> Exception:
    """The error of the system for one of a library; that one itself where there is none."""
    if isinstance(error, OSError):
        return error
    if is_unreachable(error):
        return UnreachableError(redacted(str(error)))
    status: object = getattr(error, "status", None)
    if type(error).__name__ == "ClientResponseError" and status in (401, 403):
        request: object = getattr(error, "request_info", None)
        return PermissionError(
            f"{redacted(str(getattr(request, 'real_url', '')))}: the server refuses it ({status}, "
            f"{getattr(error, 'message', '')}). Check the credentials, and whether a signature has "
            "expired. Some servers answer so for what is not there: then give the store "
            "allowed_exceptions=(FileNotFoundError, PermissionError)."
        )
    return error


def _protocols(fs: Any) -> set[str]:
    return {fs.protocol} if isinstance(fs.protocol, str) else set(fs.protocol)


def _only(data: Any, request: ByteRequest | None) -> Any:
    """The part that was asked for, in case that all was sent: some servers know no ranges."""
    match request:
        case RangeByteRequest(start, end) if len(data) > end - start:
            return data[start:end]
        case SuffixByteRequest(suffix) if len(data) > suffix:
            return data[len(data) - suffix :]
    return data
