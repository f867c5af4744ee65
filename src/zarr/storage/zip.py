"""Stores in a zip file: of this machine, or one that another store holds."""

from __future__ import annotations

import errno
import os
import shutil
import threading
import zipfile
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Literal, Self, TypeAlias, TypeVar, cast, get_args
from uuid import uuid4
from weakref import WeakValueDictionary

from zarr._async.run import locked, offload
from zarr.abc._traits import data_id_of
from zarr.abc.store import RangeByteRequest, Store, StoreTraits, SuffixByteRequest, get_versioned
from zarr.buffer.core import default_buffer_prototype
from zarr.storage.blocking import BlockingStore
from zarr.storage.keys import (
    absolute,
    bounds,
    check_key,
    check_prefix,
    check_value,
    children,
    directory_prefix,
    is_safe,
)
from zarr.storage.zip_archive import Archive, Stream, read_entry

if TYPE_CHECKING:
    import io
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
    from zipfile import ZipFile

    from zarr.abc.store import ByteRequest
    from zarr.buffer.core import Buffer, BufferPrototype
    from zarr.storage.zip_archive import Data, Reader

ZipStoreAccessModeLiteral: TypeAlias = Literal["r", "w", "x", "a"]

# Archives open for writing. Other stores of this process show what is not yet in the file by
# them: read-only views, and copies made by pickle.
_writing: WeakValueDictionary[str, Archive] = WeakValueDictionary()
# Stores with mode 'w' or 'x' whose archive was begun: a second time it is only changed.
_begun: set[str] = set()
_opening = threading.Lock()


def _after_fork() -> None:
    global _opening
    _opening = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


class ZipStore(BlockingStore):
    """A store in a zip file.

    Written values come into the file when the store is closed: then a new file takes the place
    of the old one, with one entry for each key. Until then the old file stays as it was.

    Parameters
    ----------
    path : str, Path or file object
        The zip file; an open binary file that can be read and positioned works too.
    mode : {'r', 'w', 'x', 'a'}
        'r' reads; 'w' begins an empty archive, 'x' too if the file does not exist; 'a' changes
        an archive, or begins one.
    read_only : bool, optional
        Whether writing is refused; by default it is with mode 'r'.
    compression : int
        How values are compressed: a constant of the module `zipfile`. They are not by default,
        since chunks mostly are already.
    allowZip64 : bool
        Whether the archive may grow beyond 4 GiB.

    Attributes
    ----------
    path
    compression
    allowZip64

    Examples
    --------
    >>> import os, tempfile, zarr
    >>> directory = tempfile.TemporaryDirectory()
    >>> path = os.path.join(directory.name, "a.zip")
    >>> with zarr.storage.ZipStore(path, mode="w") as store:
    ...     zarr.create_array(store, shape=(4,), dtype="i4")[:] = 7
    >>> zarr.open_array(path, mode="r")[:2]
    array([7, 7], dtype=int32)
    >>> directory.cleanup()
    """

    path: Path | IO[bytes]
    compression: int
    allowZip64: bool

    def __init__(
        self,
        path: Path | str | IO[bytes],
        *,
        mode: ZipStoreAccessModeLiteral = "r",
        read_only: bool | None = None,
        compression: int = 0,
        allowZip64: bool = True,
    ) -> None:
        if mode not in get_args(ZipStoreAccessModeLiteral):
            modes = get_args(ZipStoreAccessModeLiteral)
            raise ValueError(f"Invalid mode: {mode}, expected one of {modes}")
        super().__init__(read_only=mode == "r" if read_only is None else read_only)
        if isinstance(path, str | os.PathLike):
            path = Path(path)
        elif not all(hasattr(path, name) for name in ("read", "seek", "tell")):
            raise TypeError(
                "expected a path or an open binary file object supporting read/seek/tell, "
                f"got {type(path).__name__}"
            )
        self.path = path
        self.compression = compression
        self.allowZip64 = allowZip64
        self._zmode: str = mode
        self._token = uuid4().hex
        self._owns_archive = False
        self._archive: Archive | None = None

    # -- opening and closing ----------------------------------------------------------------

    async def _open(self) -> None:
        if self._is_open:
            raise ValueError("store is already open")
        await offload(self._ensure_open_sync)

    async def _ensure_open(self) -> None:
        await offload(self._ensure_open_sync)

    def _ensure_open_sync(self) -> Archive:
        archive = self._archive
        if archive is None or archive.closed:
            with _opening:
                archive = self._archive
                if archive is not None and not archive.closed:
                    return archive  # another thread was faster: the archive is this store's
                archive = _writing.get(self._token)
                self._owns_archive = archive is None or archive.closed
                if archive is None or archive.closed:
                    mode = "a" if self._token in _begun else self._zmode
                    if self.read_only:
                        mode = "r"
                    archive = Archive(self.path, mode, self.compression, self.allowZip64)
                    if mode != "r":
                        _writing[self._token] = archive
                        _begun.add(self._token)
                self._archive = archive
                self._is_open = True
        return archive

    @property
    def _zf(self) -> ZipFile:
        """The archive as an object of the standard library; other packages read and change it."""
        return self._ensure_open_sync().as_zipfile()

    def close(self) -> None:
        """Write what is new to the file, and let go of it.

        Used again, the store opens the file as it is then.
        """
        archive, self._archive = self._archive, None
        self._is_open = False
        if archive is not None and self._owns_archive:
            archive.close()

    def abandon(self) -> None:
        """Let go of the file, which stays as it was: nothing that is new is written to it."""
        archive, self._archive = self._archive, None
        self._is_open = False
        if archive is not None:
            archive.abandon()

    def __getstate__(self) -> dict[str, object]:
        if not isinstance(self.path, Path):
            raise TypeError(
                "cannot pickle a ZipStore backed by a file-like object; construct the store from "
                "a path instead"
            )
        state = self.__dict__.copy()
        del state["_archive"]
        state["_is_open"] = False
        # The values of an archive that is being written are in this process only.
        state["_pid"] = os.getpid() if self._token in _writing else None
        state["_was_begun"] = self._token in _begun
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        pid = state.pop("_pid")
        if pid not in (None, os.getpid()):
            raise RuntimeError(
                f"{state['path']} is being written by process {pid}: close the store there, "
                "and open it with mode 'r' before it is sent to other processes"
            )
        if state.pop("_was_begun"):
            _begun.add(state["_token"])  # elsewhere too it is not begun anew
        self.__dict__.update(state)
        self._archive = None

    def with_read_only(self, read_only: bool = False) -> Self:
        """Return a store of the same archive that is read-only, or not."""
        view = type(self)(
            self.path,
            mode=self._zmode,  # type: ignore[arg-type]
            read_only=read_only,
            compression=self.compression,
            allowZip64=self.allowZip64,
        )
        if self._zmode != "r":
            self._ensure_open_sync()
            view._token = self._token
        return view

    def __str__(self) -> str:
        return f"zip://{self.path}"

    def shown_as(self) -> str:
        path = self.path
        return f"zip://{path if isinstance(path, Path) else type(path).__name__}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, type(self)) and self.path == other.path

    def declare_traits(self) -> StoreTraits:
        # docstring inherited
        path = self.path
        held = os.path.realpath(path) if isinstance(path, Path) else self._note_held(path).name
        return StoreTraits(
            data_id=f"zip://{held}", needs_event_loop=False, byte_ranges=True, versions=True
        )

    # -- values -----------------------------------------------------------------------------

    def _read(
        self, key: str, prototype: BufferPrototype | None, byte_range: ByteRequest | None
    ) -> Buffer | None:
        bounds(byte_range)
        archive = self._ensure_open_sync()
        data = archive.read(check_key(key), lambda size: absolute(byte_range, size))
        if data is None:
            return None
        return (prototype or default_buffer_prototype()).buffer.from_bytes(data)

    def _write(self, key: str, value: Buffer, exclusive: bool) -> None:
        self._check_writable()
        check_value(self, value)
        self._ensure_open_sync().write(check_key(key), value.to_bytes(), exclusive)

    def _remove(self, key: str) -> None:
        self._check_writable()
        self._ensure_open_sync().remove([check_key(key)])

    def _size(self, key: str) -> int | None:
        return self._ensure_open_sync().size(check_key(key))

    # -- directories ----------------------------------------------------------------------------

    def _keys(self, prefix: str) -> Iterator[str]:
        check_prefix(prefix)
        names = self._ensure_open_sync().names()
        return (name for name in names if name.startswith(prefix) and is_safe(name))

    def _names(self, prefix: str) -> Iterable[str]:
        return children(self._keys(""), prefix)

    async def delete_dir(self, prefix: str) -> None:
        # docstring inherited
        self._check_writable()
        await offload(self._remove_below, directory_prefix(prefix))

    def _remove_below(self, directory: str) -> None:
        self._ensure_open_sync().remove(list(self._keys(directory)))

    async def clear(self) -> None:
        # docstring inherited
        self._check_writable()
        if self._zmode == "r":
            await offload(self._begin_anew)
        else:
            await self.delete_dir("")

    def _begin_anew(self) -> None:
        """Begin an empty archive, which takes the place of the file when the store is closed."""
        if not isinstance(self.path, Path) and not self.path.writable():
            raise ValueError(f"{self.path!r} cannot be written to: {self} cannot be cleared")
        self.close()
        self._zmode = "w"
        try:
            self._ensure_open_sync()
        except OSError:
            self._zmode = "r"
            raise

    async def move(self, path: Path | str) -> None:
        """Close the store, move its file, and open it there.

        Parameters
        ----------
        path : str or Path
            The new place of the file.

        Raises
        ------
        FileExistsError
            If there is a file at the new place; or, with mode 'x', one of another at the old one.
        """
        await offload(self._move, Path(path))
        await self._open()

    def _move(self, path: Path) -> None:
        if not isinstance(self.path, Path):
            raise TypeError("a ZipStore backed by a file-like object cannot be moved")
        if path.exists():
            raise FileExistsError(errno.EEXIST, "File exists", str(path))
        self._ensure_open_sync()  # so that the file that is moved is that of this store
        self.close()
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(self.path, path)
        self.path = path


# The directory is at the end, and mostly no longer than this.
_TAIL = 64 << 10

T = TypeVar("T")

# How often one read begins anew because somebody replaces the file.
_TRIES = 5

_numbers = count()


class _Missing(Exception):
    """These bytes of the file are not here yet."""

    def __init__(self, start: int, stop: int) -> None:
        self.start, self.stop = start, stop


class _Replaced(Exception):
    """Another file is there now."""


@dataclass(eq=False)
class _Directory:
    """The directory that a file has of its entries, and the version of the file."""

    size: int
    version: Any
    entries: dict[str, zipfile.ZipInfo] = field(default_factory=dict)
    # The headers before values that were read in part: where a value begins is said there.
    headers: dict[str, tuple[int, bytes]] = field(default_factory=dict)


class _Pieces:
    """A reader of those parts of a file that were fetched."""

    def __init__(self, size: int, pieces: Sequence[tuple[int, bytes]] = ()) -> None:
        self.size = size
        self.pieces = list(pieces)

    def read_at(self, start: int, length: int) -> bytes:
        stop = min(start + length, self.size)
        if stop <= start:
            return b""
        for first, data in self.pieces:
            if first <= start and stop <= first + len(data):
                return data[start - first : stop - first]
        raise _Missing(start, stop)

    def copy_to(self, path: str) -> None:
        raise NotImplementedError("a remote zip file is only read")

    def stream(self) -> io.RawIOBase:
        return Stream(self)


class RemoteZipStore(Store):
    """The entries of a zip file that another store holds; they can only be read.

    Opening costs two or three requests: for the size of the file and for the directory at its
    end. A value that is read as a whole then costs one request, and a part of a value that is not
    compressed one more, once.

    Parameters
    ----------
    store : Store
        The store that holds the file.
    key : str
        The key of the file in it.
    read_only : bool, default: True
        Must be True: such a file cannot be written.

    Examples
    --------
    >>> import tempfile, zarr
    >>> from zarr.storage import LocalStore, RemoteZipStore, ZipStore
    >>> directory = tempfile.mkdtemp()
    >>> with ZipStore(f"{directory}/a.zip", mode="w") as store:
    ...     a = zarr.create_array(store, data=[1, 2, 3])
    >>> store = RemoteZipStore(LocalStore(directory), "a.zip")
    >>> zarr.open_array(store, mode="r")[:].tolist()
    [1, 2, 3]
    """

    supports_writes: bool = False
    supports_deletes: bool = False
    supports_listing: bool = True

    def __init__(self, store: Store, key: str, *, read_only: bool = True) -> None:
        if not read_only:
            raise ValueError("a RemoteZipStore can only be read: read_only must be True")
        super().__init__(read_only=True)
        self._store = store
        self.key = check_key(key)
        self._forget()

    def _forget(self) -> None:
        self._known: _Directory | None = None
        self._name = f"remote-zip\0{next(_numbers)}"

    def __getstate__(self) -> dict[str, object]:
        return {"_store": self._store, "key": self.key, "_read_only": True}

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__dict__.update(state)
        self._forget()

    def with_read_only(self, read_only: bool = False) -> Self:
        """Return a store of the same file; it is always read-only."""
        return type(self)(self._store, self.key, read_only=read_only)

    def close(self) -> None:
        """Forget the directory; used again, the store reads it again."""
        self._forget()
        super().close()

    def __str__(self) -> str:
        # What follows a '?' is the signature of a URL.
        return f"zip::{self._store}/{self.key.partition('?')[0]}"

    def shown_as(self) -> str:
        return f"zip::{self._store.shown_as()}/{self.key.partition('?')[0]}"

    def __repr__(self) -> str:
        return f"{type(self).__name__}('{self}')"

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, type(self)) and self.key == other.key and self._store == other._store
        )

    __hash__ = None

    def declare_traits(self) -> StoreTraits:
        # docstring inherited
        traits = self._store.traits
        return StoreTraits(
            data_id=f"zip::{data_id_of(self._store)}/{self.key}",
            byte_ranges=traits.byte_ranges,
            max_requests=traits.max_requests,
        )

    async def _open(self) -> None:
        if not self._is_open:
            await self._directory()
        await super()._open()

    # -- the file ---------------------------------------------------------------------------

    async def _directory(self) -> _Directory:
        known = self._known
        if known is None:
            async with locked(self._name):
                known = self._known
                if known is None:
                    known = self._known = await self._unless_replaced(self._read_directory)
        return known

    async def _entries(self) -> dict[str, zipfile.ZipInfo]:
        return (await self._directory()).entries

    async def _unless_replaced(self, work: Callable[[], Awaitable[T]]) -> T:
        """Begin anew with the directory of the new file if the file is replaced meanwhile."""
        for _ in range(_TRIES):
            try:
                return await work()
            except _Replaced as replaced:
                if self._known is replaced.args[0]:
                    self._forget()
        raise OSError(f"{self} was replaced each of the {_TRIES} times that it was read")

    async def _read_directory(self) -> _Directory:
        try:
            size = await self._store.getsize(self.key)
        except FileNotFoundError:
            raise FileNotFoundError(f"there is no file at {self}") from None
        suffix = SuffixByteRequest(min(_TAIL, size)) if size else None
        tail, version = await self._ask(suffix)
        known = _Directory(size, version)
        pieces = _Pieces(size, [(size - len(tail), tail)])

        def listed(reader: _Pieces) -> list[zipfile.ZipInfo]:
            with zipfile.ZipFile(cast("IO[bytes]", reader.stream())) as archive:
                return archive.infolist()

        # Of several entries with one name, the last; what names no key is not shown.
        for info in await self._replayed(known, pieces, listed):
            if not info.filename.endswith("/") and is_safe(info.filename):
                known.entries[info.filename] = info
        return known

    async def _replayed(
        self, known: _Directory, pieces: _Pieces, work: Callable[[_Pieces], object]
    ) -> Any:
        """The result of `work`, which begins anew whenever bytes had to be fetched for it."""
        for _ in range(8):
            try:
                return work(pieces)
            except _Missing as missing:
                data, version = await self._ask(RangeByteRequest(missing.start, missing.stop))
                if version != known.version:
                    raise _Replaced(known) from None
                if len(data) != missing.stop - missing.start:
                    raise zipfile.BadZipFile(
                        f"{self} ends early: of {missing.stop - missing.start} bytes from "
                        f"{missing.start} on there were {len(data)}"
                    ) from None
                pieces.pieces.append((missing.start, data))
        raise zipfile.BadZipFile(f"{self} has a directory that leads from place to place")

    async def _ask(self, byte_range: ByteRequest | None) -> tuple[bytes, object]:
        found = await get_versioned(self._store, self.key, default_buffer_prototype(), byte_range)
        if found is None:
            raise FileNotFoundError(f"there is no file at {self}")
        return found[0].to_bytes(), found[1]

    # -- values -----------------------------------------------------------------------------

    async def get(
        self, key: str, prototype: BufferPrototype, byte_range: ByteRequest | None = None
    ) -> Buffer | None:
        # docstring inherited
        found = await self._found(key, prototype, byte_range)
        return None if found is None else found[0]

    async def get_versioned(
        self, key: str, prototype: BufferPrototype, byte_range: ByteRequest | None = None
    ) -> tuple[Buffer, object | None] | None:
        # docstring inherited
        return await self._found(key, prototype, byte_range)

    async def _found(
        self, key: str, prototype: BufferPrototype, byte_range: ByteRequest | None
    ) -> tuple[Buffer, object | None] | None:
        bounds(byte_range)
        check_key(key)
        return await self._unless_replaced(lambda: self._entry(key, prototype, byte_range))

    async def _entry(
        self, key: str, prototype: BufferPrototype, byte_range: ByteRequest | None
    ) -> tuple[Buffer, Any | None] | None:
        known = await self._directory()
        info = known.entries.get(key)
        if info is None:
            return None
        part = absolute(byte_range, info.file_size)
        header = known.headers.get(key)
        pieces = _Pieces(known.size, [header] if header else [])

        def read(reader: _Pieces) -> Data:
            return read_entry(cast("Reader", reader), info, part)

        data = await self._replayed(known, pieces, read)
        if header is None and len(pieces.pieces) > 1:
            first, beginning = pieces.pieces[0]
            known.headers[key] = (first, beginning[:512])
        return prototype.buffer.from_bytes(data), known.version

    async def exists(self, key: str) -> bool:
        # docstring inherited
        return check_key(key) in await self._entries()

    async def getsize(self, key: str) -> int:
        # docstring inherited
        info = (await self._entries()).get(check_key(key))
        if info is None:
            raise FileNotFoundError(f"{key!r} is not in {self}")
        return info.file_size

    async def set(self, key: str, value: Buffer) -> None:
        # docstring inherited
        self._check_writable()

    async def delete(self, key: str) -> None:
        # docstring inherited
        self._check_writable()

    # -- directories ----------------------------------------------------------------------------

    async def list(self) -> AsyncIterator[str]:
        # docstring inherited
        for key in await self._entries():
            yield key

    async def list_prefix(self, prefix: str) -> AsyncIterator[str]:
        # docstring inherited
        check_prefix(prefix)
        for key in await self._entries():
            if key.startswith(prefix):
                yield key

    async def list_dir(self, prefix: str) -> AsyncIterator[str]:
        # docstring inherited
        for name in children(await self._entries(), prefix):
            yield name
