"""Encoded values that are kept in a directory, which any number of processes share.

Each value, or part of one, is a file of its own, which tells its key, its version and checksums; it
is written beside its place and renamed. No process waits for another while it reads. Those who keep
and those who write hold one lock for as long as a file is renamed or removed, and no longer.

A value that was read from the source before somebody wrote it must not be kept after that. So each
key has a mark, which a writer changes before and after; a reader looks at it before it asks the
source, and keeps the answer only if the mark is the same, and nobody was writing. The operating
system tells whether a writer lives: it holds the lock of a file.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import struct
import time
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

from zarr import _core
from zarr._async.run import offload
from zarr._async.warnings import warn
from zarr.abc._traits import data_id_of
from zarr.abc.store import OffsetByteRequest, RangeByteRequest, SuffixByteRequest
from zarr.errors import ZarrUserWarning
from zarr.storage.cache_values import Kept
from zarr.storage.keys import absolute

if TYPE_CHECKING:
    import io
    from collections.abc import AsyncIterator, Iterator

    from zarr.abc.store import ByteRequest
    from zarr.buffer.core import Buffer, BufferPrototype
    from zarr.storage.cache_values import Entry
    from zarr.storage.local import LocalStore

# A file: this head, the description as JSON, the CRC-32 of each block of the value, the value. The
# head holds the length of the value, that of the description, and the CRC-32 of all before the
# value but itself.
_HEAD = struct.Struct("<8sQII")
_MAGIC = b"zarrkept"
_BLOCK = 1 << 16
# How much of a file is read at first: all of a small one.
_FIRST = 4096

# The ends of the names of a whole value, and of the directory of parts: no quoted key has an '@'.
_WHOLE = "@"
_PARTS = "@@"

_MARK = 16
_MARKS = 256
# Seconds after which somebody who holds the lock is taken to have stopped.
_PATIENCE = 30.0

_TAG = (
    b"Signature: 8a477f597d28d172789f06886806bc55\n"
    b"# This file tells backup programs that the directory is a cache of zarr.\n"
)


class Damaged(ValueError):
    """A file that does not hold what it says, as after a power failure."""


class About(NamedTuple):
    """The description of a file."""

    key: str
    part: ByteRequest | None
    version: object
    # Where the value begins, and its length.
    start: int
    length: int
    sums: memoryview


@dataclass(eq=False)
class Writer:
    """A change of the source that is under way."""

    key: str | None
    path: str
    lock: _core.LockFile
    mark: bytes
    # After the change: the permission to keep the new value, unless others changed it as well.
    ticket: bytes | None = None


class KeptInDirectory:
    """The kept values of one source, and parts of them, in the files of a directory.

    Parameters
    ----------
    store
        The directory. Nothing is kept in one that is read-only.
    most
        How many bytes the files have at most, of all processes together.
    """

    def __init__(self, store: LocalStore, most: int | None) -> None:
        self._store = store
        self._directory = f"{data_id_of(store).removeprefix('file://')}/zarr-cache-1"
        self._most = most
        self._complained = False
        self.evictions = 0

    # -- finding ----------------------------------------------------------------------------

    async def find(
        self, entry: Entry, prototype: BufferPrototype, max_age: float | str
    ) -> Kept | None:
        """Return a value, or a part of one, that is kept; None if it is not."""
        return await offload(self._find, entry, prototype, max_age)

    def _find(self, entry: Entry, prototype: BufferPrototype, max_age: float | str) -> Kept | None:
        key, byte_range = entry
        path = self._path(key)
        found = self._read(path + _WHOLE, key, None, byte_range)
        if found is None and byte_range is not None:
            found = self._find_part(path + _PARTS, key, byte_range)
        if found is None:
            return None
        data, version, since, where = found
        age = time.time() - since
        fresh = isinstance(max_age, str) or 0 <= age <= max_age
        return Kept(prototype.buffer.from_bytes(data), version, fresh, where)

    def _find_part(
        self, directory: str, key: str, byte_range: ByteRequest
    ) -> tuple[bytes, object, float, str] | None:
        for version in _names(directory):
            place = f"{directory}/{version}"
            found = self._read(f"{place}/{_name(byte_range)}", key, byte_range, None)
            if found is not None:
                return found
            if not isinstance(byte_range, RangeByteRequest):
                continue
            for name in _names(place):
                around = _range(name)
                if around and around.start <= byte_range.start and byte_range.end <= around.end:
                    inner = RangeByteRequest(
                        byte_range.start - around.start, byte_range.end - around.start
                    )
                    found = self._read(f"{place}/{name}", key, around, inner)
                    # Unless the value ends before the part does: it may be longer now.
                    if found is not None and len(found[0]) == byte_range.end - byte_range.start:
                        return found
        return None

    def _read(
        self, path: str, key: str, part: ByteRequest | None, wanted: ByteRequest | None
    ) -> tuple[bytes, object, float, str] | None:
        """The wanted bytes of a file that holds a part of a value; None if there is none such."""
        with contextlib.ExitStack() as opened:
            try:
                file = opened.enter_context(open(path, "rb", buffering=0))
            except OSError:
                return None
            try:
                first = file.read(_FIRST) or b""
                stat = os.fstat(file.fileno())
                about = _about(first, file, stat.st_size)
                if (about.key, about.part) != (key, part):
                    return None  # the file system does not tell the names of two keys apart
                data = _value(first, file, about, absolute(wanted, about.length))
            except (Damaged, OSError):
                self._discard(path)
                return None
            with contextlib.suppress(OSError):  # it may be read-only
                used = file.fileno() if os.utime in os.supports_fd else path
                os.utime(used, ns=(time.time_ns(), stat.st_mtime_ns))
        return data, about.version, stat.st_mtime, path

    def _discard(self, path: str) -> None:
        with contextlib.suppress(OSError), self._alone():
            self._count(*_unlink(path))

    async def renew(self, kept: Kept) -> None:
        """Take note that a value was looked at in the source, and is the same."""
        with contextlib.suppress(OSError):
            await offload(os.utime, kept.where)

    async def adopt(self, entry: Entry, prototype: BufferPrototype) -> None:
        """Nothing: what others have kept is found as what this process has."""

    # -- keeping ----------------------------------------------------------------------------

    async def announce(self, key: str) -> bytes | None:
        """Return the permission to keep what the source answers from now on; None for none."""
        return await offload(self._announce, key)

    def _announce(self, key: str) -> bytes | None:
        if self._store.read_only:
            return None
        try:
            mark = self._mark(key)
            # After the mark was read, so that a writer who came between is seen by the mark.
            return None if self._is_written(key) else mark
        except OSError as error:
            self._complain(error)
            return None

    async def keep(
        self, entry: Entry, value: Buffer, version: object, ticket: bytes | None
    ) -> None:
        """Keep a value, or a part of it, if the permission still holds."""
        if ticket is not None:
            await offload(self._keep, entry, value, version, ticket)

    def _keep(self, entry: Entry, value: Buffer, version: object, ticket: bytes) -> None:
        key, part = entry
        try:
            told = _told(version)
        except TypeError:
            if part is not None:
                return  # parts of two values could not be told apart
            version = told = None
        data = memoryview(value.as_buffer_like()).cast("B")
        head = _head(key, part, told, data)
        size = len(head) + len(data)
        if self._most is not None and size > self._most:
            return
        target = self._path(key) + _WHOLE
        if part is not None:
            target = f"{self._path(key)}{_PARTS}/{_version_name(told)}/{_name(part)}"
        try:
            new = self._reserve(size)
            if new is None:
                return
            path, held = new
            try:
                with open(path, "wb", buffering=0) as file:
                    file.write(head)
                    _write_all(file, data)
            finally:
                with self._alone():
                    _unlock(held)
                    self._place(path, target, key, version, ticket, size)
        except OSError as error:
            self._complain(error)

    def _reserve(self, size: int) -> tuple[str, _core.LockFile] | None:
        """Make a file for so many bytes, which count from now on; None if there is no room."""
        directory = f"{self._directory}/new"
        self._make(directory)
        # The name tells the others how much it may grow; its lock, that its writer lives.
        path = f"{directory}/{size}.{os.urandom(8).hex()}"
        with self._alone():
            if not self._has_room(size):
                return None
            self._count(size, 1)
            return path, _locked(path)

    def _place(
        self, path: str, target: str, key: str, version: object, ticket: bytes, size: int
    ) -> None:
        """Put a file into its place, if it is whole and of use; else remove it."""
        whole = os.stat(path).st_size == size
        if not whole or self._mark(key) != ticket:
            self._count(*_unlink(path, size))
            return
        try:
            if version is not None:
                self._drop_others(key, version)
            os.makedirs(os.path.dirname(target), exist_ok=True)
            before = _unlink(target)
            os.replace(path, target)
        except OSError:
            self._count(*_unlink(path))
            raise
        self._count(*before)

    def _drop_others(self, key: str, version: object) -> None:
        """Remove what is kept of another version of a value."""
        path = self._path(key)
        whole = path + _WHOLE
        with contextlib.suppress(OSError, Damaged), open(whole, "rb", buffering=0) as file:
            about = _about(file.read(_FIRST) or b"", file, os.fstat(file.fileno()).st_size)
            if about.version not in (None, version):
                self._count(*_unlink(whole), evicted=True)
        for name in _names(path + _PARTS):
            if name not in (_version_name(None), _version_name(_told(version))):
                self._count(*_unlink_below(f"{path}{_PARTS}/{name}"), evicted=True)

    # -- changes of the source --------------------------------------------------------------

    @contextlib.asynccontextmanager
    async def changing(self, key: str) -> AsyncIterator[Writer]:
        """Let nobody keep a value of before, while its key is written."""
        writer = await offload(self._begin, key, "")
        try:
            yield writer
        finally:
            await offload(self._end, writer, "")

    @contextlib.asynccontextmanager
    async def changing_below(self, directory: str) -> AsyncIterator[None]:
        """The same for all keys that begin so."""
        writer = await offload(self._begin, None, directory)
        try:
            yield
        finally:
            await offload(self._end, writer, directory)

    async def forget(self, key: str, ticket: bytes | None) -> None:
        """Forget a value that the source does not have."""
        if ticket is not None:
            await offload(self._forget, key, ticket)

    def _forget(self, key: str, ticket: bytes) -> None:
        with self._alone():
            if self._mark(key) == ticket:
                self._remove(key, "")

    def _begin(self, key: str | None, directory: str) -> Writer:
        self._store._check_writable()
        self._make(f"{self._directory}/writers")
        path = f"{self._directory}/writers/{_digest(key)}.{os.urandom(8).hex()}"
        with self._alone():
            held = _locked(path)
            try:
                mark = self._renew_mark(key)
                self._remove(key, directory)
            except BaseException:
                _unlock(held)
                os.unlink(path)
                raise
        return Writer(key, path, held, mark)

    def _end(self, writer: Writer, directory: str) -> None:
        key = writer.key
        try:
            with self._alone():
                alone = key is not None and self._mark(key) == writer.mark
                mark = self._renew_mark(key)
                self._remove(key, directory)
        finally:
            _unlock(writer.lock)
            with contextlib.suppress(FileNotFoundError):  # somebody removed the directory
                os.unlink(writer.path)
        if key is not None and alone and not self._is_written(key):
            writer.ticket = mark

    def _remove(self, key: str | None, directory: str) -> None:
        if key is None:
            path = self._path(directory.rstrip("/")) if directory else f"{self._directory}/values"
            self._count(*_unlink_below(path))
            return
        path = self._path(key)
        self._count(*_unlink(path + _WHOLE))
        self._count(*_unlink_below(path + _PARTS))

    def _is_written(self, key: str) -> bool:
        """Whether somebody is writing a key."""
        if not self._writers(key):
            return False
        with self._alone():  # a writer makes its file and locks it under this lock
            return self._living(key)

    def _writers(self, key: str) -> list[str]:
        wanted = (f"{_digest(key)}.", f"{_digest(None)}.")
        directory = f"{self._directory}/writers"
        return [f"{directory}/{name}" for name in _names(directory) if name.startswith(wanted)]

    def _living(self, key: str) -> bool:
        # All of them: those that ended without a word are taken away.
        return not all(list(map(_unlink_dead, self._writers(key))))

    def _mark(self, key: str) -> bytes:
        try:
            with open(f"{self._directory}/marks", "rb", buffering=0) as file:
                file.seek(_stripe(key))
                return file.read(_MARK)
        except FileNotFoundError:
            return b""

    def _renew_mark(self, key: str | None) -> bytes:
        """Change the mark of a key, or all marks."""
        path = f"{self._directory}/marks"
        if key is None or not os.path.exists(path):
            with open(path, "wb", buffering=0) as file:
                file.write(os.urandom(_MARK * _MARKS))
            return b"" if key is None else self._mark(key)
        mark = os.urandom(_MARK)
        with open(path, "r+b", buffering=0) as file:
            file.seek(_stripe(key))
            file.write(mark)
        return mark

    # -- room -------------------------------------------------------------------------------

    def held(self) -> tuple[int, int]:
        """Return how many bytes the files have, and how many there are; at most, after a crash."""
        return self._account() or (0, 0)

    def _account(self) -> tuple[int, int] | None:
        try:
            with open(f"{self._directory}/size", "rb") as file:
                size, number = file.read(41).split()
            return int(size), int(number)
        except (OSError, ValueError):
            return None

    def _count(self, size: int, number: int, *, evicted: bool = False) -> None:
        """Add to the account of the directory."""
        if evicted:
            self.evictions -= number
        if not (size or number):
            return
        known = self._account()
        if known is None:
            # As it is now, so this change is in it already, but for a file that is yet to come.
            known = self._scan(None)
            size, number = max(size, 0), max(number, 0)
        self._write_account(max(known[0] + size, 0), max(known[1] + number, 0))

    def _write_account(self, size: int, number: int) -> None:
        # In place, always as long: to cut a file off takes milliseconds.
        file = os.open(f"{self._directory}/size", os.O_WRONLY | os.O_CREAT, 0o666)
        try:
            os.write(file, b"%020d %020d" % (size, number))
        finally:
            os.close(file)

    def _has_room(self, size: int) -> bool:
        """Make room for so many bytes; tell whether there is."""
        if self._most is None:
            return True
        known = self._account()
        if known is None or known[0] + size > self._most:
            # Some more than necessary, so that the next ones need not look at all files again.
            known = self._scan(min(self._most - size, self._most * 9 // 10))
            self._write_account(*known)
        return known[0] + size <= self._most

    def _scan(self, most: int | None) -> tuple[int, int]:
        """Count the bytes and the files, and remove those that were used least recently."""
        total = number = 0
        for name in _names(f"{self._directory}/new"):
            size = name.partition(".")[0]
            if size.isdecimal() and not _unlink_dead(f"{self._directory}/new/{name}"):
                total += int(size)
                number += 1
        files: list[tuple[int, int, str]] = []
        for directory, _, names in os.walk(f"{self._directory}/values", topdown=False):
            for name in names:
                path = f"{directory}/{name}"
                with contextlib.suppress(OSError):
                    stat = os.stat(path)
                    files.append((stat.st_atime_ns, stat.st_size, path))
                    total += stat.st_size
                    number += 1
            if not names:
                with contextlib.suppress(OSError):
                    os.rmdir(directory)  # if it is empty
        if most is not None and total > most:
            files.sort(reverse=True)
            while files and total > most:
                freed, gone = _unlink(files.pop()[2])
                total += freed
                number += gone
                self.evictions -= gone
        return total, number

    # -- the directory ----------------------------------------------------------------------

    def _path(self, key: str) -> str:
        return "/".join(
            [f"{self._directory}/values", *(quote(part, "") for part in key.split("/"))]
        )

    def _make(self, directory: str) -> None:
        if not os.path.isdir(directory):
            os.makedirs(directory, exist_ok=True)
            with open(f"{self._directory}/CACHEDIR.TAG", "wb") as file:
                file.write(_TAG)

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Hold the lock of the directory: among all threads and processes."""
        path = f"{self._directory}/lock"
        held = _open(path)
        try:
            pause, end = 0.00005, time.monotonic() + _PATIENCE
            while not held.try_lock():
                if time.monotonic() > end:
                    raise TimeoutError(
                        f"another process holds {path} for more than {_PATIENCE:g} s: it must have "
                        "been stopped while it used the cache"
                    )
                time.sleep(pause)
                pause = min(pause * 2, 0.005)
            yield
        finally:
            _unlock(held)

    def _complain(self, error: OSError) -> None:
        if not self._complained:
            self._complained = True
            warn(f"values are read, but not kept in {self._directory}: {error}", ZarrUserWarning)


# -- files -------------------------------------------------------------------------------------


def _head(key: str, part: ByteRequest | None, told: object, data: memoryview) -> bytes:
    """All that stands before the value in a file."""
    text = json.dumps({"key": key, "part": None if part is None else _name(part), "version": told})
    description = text.encode()
    sums = b"".join(
        struct.pack("<I", zlib.crc32(data[start : start + _BLOCK]))
        for start in range(0, len(data), _BLOCK)
    )
    lengths = _HEAD.pack(_MAGIC, len(data), len(description), 0)[:-4]
    total = zlib.crc32(sums, zlib.crc32(description, zlib.crc32(lengths)))
    return b"".join([lengths, struct.pack("<I", total), description, sums])


def _about(first: bytes, file: io.FileIO, size: int) -> About:
    """Read the description of a file, whose first bytes were read."""
    if len(first) < _HEAD.size:
        raise Damaged
    magic, length, described, total = _HEAD.unpack_from(first)
    blocks = -(-length // _BLOCK)
    start = _HEAD.size + described + 4 * blocks
    if magic != _MAGIC or start + length != size:
        raise Damaged
    head = memoryview(_bytes(first, file, 0, start))
    rest = head[_HEAD.size :]
    if zlib.crc32(rest, zlib.crc32(head[: _HEAD.size - 4])) != total:
        raise Damaged
    found = json.loads(bytes(rest[:described]))
    part = found["part"]
    return About(
        found["key"],
        None if part is None else _request(part),
        _version_of(found["version"]),
        start,
        length,
        rest[described:],
    )


def _value(first: bytes, file: io.FileIO, about: About, wanted: slice) -> bytes:
    """Some bytes of a value; those of the blocks that they lie in are verified."""
    begin, end = wanted.start, max(wanted.start, wanted.stop)
    if begin >= end:
        return b""
    block = begin // _BLOCK
    near, far = block * _BLOCK, min(-(-end // _BLOCK) * _BLOCK, about.length)
    data = _bytes(first, file, about.start + near, far - near)
    view = memoryview(data)
    for start in range(0, len(data), _BLOCK):
        (expected,) = struct.unpack_from("<I", about.sums, 4 * block)
        if zlib.crc32(view[start : start + _BLOCK]) != expected:
            raise Damaged
        block += 1
    return data if (near, far) == (begin, end) else data[begin - near : end - near]


def _bytes(first: bytes, file: io.FileIO, start: int, count: int) -> bytes:
    """Some bytes of a file; none is read again of those that were read at first."""
    if start + count <= len(first):
        return first[start : start + count]
    file.seek(start)
    data = file.read(count) or b""
    while len(data) < count:
        more = file.read(count - len(data))
        if not more:
            raise Damaged
        data += more
    return data


def _write_all(file: io.FileIO, data: memoryview) -> None:
    while len(data):
        data = data[file.write(data) or 0 :]


def _name(part: ByteRequest) -> str:
    """The name of a part."""
    if isinstance(part, RangeByteRequest):
        return f"{part.start}-{part.end}"
    if isinstance(part, OffsetByteRequest):
        return f"{part.offset}-"
    return f"-{part.suffix}"


def _request(name: str) -> ByteRequest:
    start, _, end = name.partition("-")
    if not start:
        return SuffixByteRequest(int(end))
    return RangeByteRequest(int(start), int(end)) if end else OffsetByteRequest(int(start))


def _range(name: str) -> RangeByteRequest | None:
    try:
        part = _request(name)
    except ValueError:
        return None
    return part if isinstance(part, RangeByteRequest) else None


def _told(version: object) -> object:
    """A version, as JSON has it; a TypeError for what it cannot have."""
    if version is None or type(version) in (bool, int, str):
        return version
    if type(version) is tuple:
        return {"tuple": [_told(item) for item in version]}
    if type(version) is dict:
        return {"dict": [[_told(name), _told(item)] for name, item in version.items()]}
    raise TypeError


def _version_of(told: object) -> object:
    """The version that was told."""
    if isinstance(told, dict):
        if "tuple" in told:
            return tuple(_version_of(item) for item in told["tuple"])
        return {_version_of(name): _version_of(item) for name, item in told["dict"]}
    return told


def _version_name(told: object) -> str:
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:32]


def _digest(key: str | None) -> str:
    """The beginning of the names of writers of a key, or of all."""
    return "all" if key is None else hashlib.sha256(key.encode()).hexdigest()[:32]


def _stripe(key: str) -> int:
    return _MARK * (zlib.crc32(key.encode()) % _MARKS)


def _names(directory: str) -> list[str]:
    try:
        return os.listdir(directory)
    except OSError:
        return []


def _unlink(path: str, size: int | None = None) -> tuple[int, int]:
    """Remove a file; return the change of bytes and files. It may count as of another size."""
    try:
        size = os.stat(path).st_size if size is None else size
        os.unlink(path)
    except FileNotFoundError:
        return 0, 0
    return -size, -1


def _unlink_below(directory: str) -> tuple[int, int]:
    """Remove a directory; return the change of bytes and files."""
    bytes_, files = 0, 0
    for path, directories, names in os.walk(directory, topdown=False):
        for name in names:
            size, number = _unlink(f"{path}/{name}")
            bytes_ += size
            files += number
        for name in directories:
            os.rmdir(f"{path}/{name}")
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        os.rmdir(directory)
    return bytes_, files


# -- locks of files ----------------------------------------------------------------------------

# Those that are open here: a forked child must not hold them.
_held: set[_core.LockFile] = set()


def _open(path: str) -> _core.LockFile:
    try:
        held = _core.LockFile(path)
    except FileNotFoundError:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        held = _core.LockFile(path)
    _held.add(held)
    return held


def _locked(path: str) -> _core.LockFile:
    """Make a file, and lock it."""
    held = _open(path)
    held.try_lock()
    return held


def _unlock(held: _core.LockFile) -> None:
    _held.discard(held)
    held.unlock()


def _unlink_dead(path: str) -> bool:
    """Remove a file that nobody has locked; tell whether it is gone."""
    try:
        held = _core.LockFile(path, make=False)
    except FileNotFoundError:
        return True
    _held.add(held)
    try:
        dead = held.try_lock()
        if dead:
            os.unlink(path)
    finally:
        _unlock(held)
    return dead


def _after_fork() -> None:
    for held in list(_held):
        held.close()
    _held.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
