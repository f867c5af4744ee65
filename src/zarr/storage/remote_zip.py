"""A store in a zip file that lies in another store: in a bucket, behind a web address."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass, field
from itertools import count
from typing import IO, TYPE_CHECKING, Any, Self, TypeVar, cast

from zarr._async.run import locked
from zarr.abc._traits import data_id_of
from zarr.abc.store import RangeByteRequest, Store, StoreTraits, SuffixByteRequest, get_versioned
from zarr.buffer.core import default_buffer_prototype
from zarr.storage.keys import check_key, check_prefix, children, is_safe
from zarr.storage.values import absolute, bounds
from zarr.storage.zip_archive import Stream, read_entry

if TYPE_CHECKING:
    import io
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

    from zarr.abc.store import ByteRequest
    from zarr.buffer.core import Buffer, BufferPrototype
    from zarr.storage.zip_archive import Data, Reader

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
    """What a file says of itself, and of which version of it that is."""

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

    Examples
    --------
    >>> import tempfile, zarr
    >>> from zarr.storage import LocalStore, RemoteZipStore, ZipStore
    >>> folder = tempfile.mkdtemp()
    >>> with ZipStore(f"{folder}/a.zip", mode="w") as store:
    ...     a = zarr.create_array(store, data=[1, 2, 3])
    >>> store = RemoteZipStore(LocalStore(folder), "a.zip")
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

    def __getstate__(self) -> dict[str, Any]:
        return {"_store": self._store, "key": self.key, "_read_only": True}

    def __setstate__(self, state: dict[str, Any]) -> None:
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
        self, known: _Directory, pieces: _Pieces, work: Callable[[_Pieces], Any]
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

    async def _ask(self, byte_range: ByteRequest | None) -> tuple[bytes, Any]:
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
    ) -> tuple[Buffer, Any | None] | None:
        # docstring inherited
        return await self._found(key, prototype, byte_range)

    async def _found(
        self, key: str, prototype: BufferPrototype, byte_range: ByteRequest | None
    ) -> tuple[Buffer, Any | None] | None:
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

    # -- folders ----------------------------------------------------------------------------

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
