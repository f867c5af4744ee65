"""A zip archive that many threads read, and one process writes."""

from __future__ import annotations

import atexit
import contextlib
import io
import os
import shutil
import struct
import threading
import time
import zipfile
import zlib
from pathlib import Path
from typing import IO, TYPE_CHECKING, Protocol, TypeAlias, cast
from uuid import uuid4
from weakref import WeakSet

from zarr._core import TEMP_PREFIX
from zarr.codecs.limits import SETTING, most_decoded
from zarr.settings import config

if TYPE_CHECKING:
    from collections.abc import Callable

Data: TypeAlias = bytes | memoryview

_LOCAL_HEADER = 30
# Most entries have the same extra fields in both headers, or a few bytes more in the local one.
_SLACK = 64


class Reader(Protocol):
    """A file that is read at any place."""

    @property
    def size(self) -> int:
        """Its length in bytes."""
        ...

    def read_at(self, start: int, length: int) -> bytes:
        """Up to `length` bytes from `start`; fewer at the end of the file."""
        ...

    def copy_to(self, path: str) -> None:
        """Copy the whole file to a new one."""
        ...

    def stream(self) -> io.RawIOBase:
        """A view of the file with a position of its own."""
        ...


def open_reader(path: Path | IO[bytes]) -> Reader:
    """A reader of the file at a path, or of an open file."""
    if isinstance(path, Path):
        if path.is_dir():
            raise IsADirectoryError(21, "Is a directory", str(path))
        if hasattr(os, "pread"):
            return _PathReader(path)
        return _OpenedReader(open(path, "rb"))
    return _StreamReader(path)


class _PathReader:
    """Reads without a shared position: needs no lock, and a forked child can go on."""

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))

    @property
    def size(self) -> int:
        return os.fstat(self._fd).st_size

    def read_at(self, start: int, length: int) -> bytes:
        pieces = []
        while length > 0:
            piece = os.pread(self._fd, min(length, 1 << 30), start)
            if not piece:
                break
            pieces.append(piece)
            start += len(piece)
            length -= len(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def copy_to(self, path: str) -> None:
        _copy(self, path)

    def stream(self) -> io.RawIOBase:
        return Stream(self)

    def __del__(self) -> None:
        # Closed with the last reference, and so never under a thread that reads.
        if hasattr(self, "_fd"):
            os.close(self._fd)


class _StreamReader:
    """Reads from an open file, which has one position."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._lock = threading.Lock()

    @property
    def size(self) -> int:
        with self._lock:
            return self._file.seek(0, os.SEEK_END)

    def read_at(self, start: int, length: int) -> bytes:
        with self._lock:
            self._file.seek(start)
            return self._file.read(length)

    def copy_to(self, path: str) -> None:
        _copy(self, path)

    def stream(self) -> io.RawIOBase:
        return Stream(self)


class _OpenedReader(_StreamReader):
    """A reader of a file that nobody else has open."""

    def __del__(self) -> None:
        self._file.close()


class Stream(io.RawIOBase):
    """A reader with a position, as `zipfile` wants it."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._place = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._place

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._place, os.SEEK_END: self._reader.size}
        place = base[whence] + offset
        if place < 0:
            raise OSError(22, "Invalid argument")
        self._place = place
        return place

    def read(self, size: int | None = -1) -> bytes:
        rest = max(0, self._reader.size - self._place)
        length = rest if size is None or size < 0 else min(size, rest)
        data = self._reader.read_at(self._place, length)
        self._place += len(data)
        return data


def _copy(reader: Reader, path: str) -> None:
    with open(path, "wb") as target:
        shutil.copyfileobj(cast("IO[bytes]", reader.stream()), target, 1 << 22)


def read_entry(reader: Reader, info: zipfile.ZipInfo, part: slice) -> Data:
    """Part of the value of an entry.

    The sizes that an archive announces are limits here: nothing is allocated because of them. And
    what is compressed may not become much more than the archive.
    """
    if info.flag_bits & 0x1:
        raise zipfile.BadZipFile(f"entry {info.filename!r} is encrypted")
    if info.header_offset < 0:
        raise _corrupt(info, "it lies before the file begins")
    if info.compress_type == zipfile.ZIP_STORED:
        if info.compress_size != info.file_size:
            raise _corrupt(info, "its stored size is not its size")
        data = _payload(reader, info, part)
        whole = part == slice(0, info.file_size)
    elif info.file_size > (limit := most_decoded(min(info.compress_size, reader.size))):
        raise _corrupt(
            info,
            f"it becomes {info.file_size} bytes, and may become {limit}; if it is sound, raise the "
            f"setting {SETTING!r}",
        )
    elif info.compress_type == zipfile.ZIP_DEFLATED:
        packed = _payload(reader, info, slice(0, info.compress_size))
        data, whole = _inflated(packed, info), True
    else:
        # Rare: a directory of its own, so that nothing is shared.
        stream = cast("IO[bytes]", reader.stream())
        with zipfile.ZipFile(stream) as archive, archive.open(info) as file:
            return file.read(info.file_size + 1)[part]
    if whole and zlib.crc32(data) != info.CRC:
        raise _corrupt(info, "its checksum is wrong")
    return data if info.compress_type == zipfile.ZIP_STORED else data[part]


def _inflated(packed: Data, info: zipfile.ZipInfo) -> bytes:
    inflate = zlib.decompressobj(-15)
    try:
        data = inflate.decompress(packed, info.file_size + 1)
    except zlib.error as error:
        raise _corrupt(info, str(error)) from error
    if len(data) != info.file_size:
        raise _corrupt(info, f"{info.file_size} bytes were announced, and there are others")
    return data


def _payload(reader: Reader, info: zipfile.ZipInfo, part: slice) -> Data:
    """Bytes `part` of what is stored for an entry: mostly by one read, with the header."""
    start: int = part.start
    length: int = max(0, part.stop - start)
    name = len(info.orig_filename.encode("utf-8" if info.flag_bits & 0x800 else "cp437"))
    if start <= 1 << 12:  # near enough to read from the header on
        guess = _LOCAL_HEADER + name + len(info.extra) + _SLACK + start + length
    else:
        guess = _LOCAL_HEADER
    available = reader.size - info.header_offset
    head = reader.read_at(info.header_offset, min(guess, max(0, available)))
    if len(head) < _LOCAL_HEADER or head[:4] != b"PK\x03\x04":
        raise _corrupt(info, "there is no entry where the directory says")
    names, extras = struct.unpack_from("<HH", head, 26)
    first = _LOCAL_HEADER + names + extras + start
    if first + length > available:
        raise _corrupt(info, "the file ends before it does")
    if first + length <= len(head):
        return memoryview(head)[first : first + length]
    data = reader.read_at(info.header_offset + first, length)
    if len(data) != length:
        raise _corrupt(info, "the file ends before it does")
    return data


def _corrupt(info: zipfile.ZipInfo, why: str) -> zipfile.BadZipFile:
    return zipfile.BadZipFile(f"entry {info.filename!r} cannot be read: {why}")


# Values up to this size wait in memory, up to this much in all: metadata are often rewritten.
_SMALL = 64 << 10
_PENDING = 8 << 20

_MODES = ("r", "w", "x", "a")


class Archive:
    """The entries of a zip file; and what is written to it until it is closed.

    Writes go to a new file beside the old one, which takes its place when the archive is closed:
    until then, and after a crash, the old file is as it was. An entry that was written twice is
    in the new file once.
    """

    def __init__(
        self, path: Path | IO[bytes], mode: str, compression: int, allow_zip64: bool
    ) -> None:
        if mode not in _MODES:
            raise ValueError("ZipFile requires mode 'r', 'w', 'x', or 'a'")
        self.path = path
        self.mode = mode
        self._compression = compression
        self._zip64 = allow_zip64
        self._lock = threading.RLock()
        self._pid = os.getpid()
        self._reader: Reader | None = None
        # Where each value is: in the file, or, until it is written there, in memory.
        self._entries: dict[str, zipfile.ZipInfo] = {}
        self._pending: dict[str, bytes] = {}
        self._comment = b""
        self._writer: zipfile.ZipFile | None = None
        self._view: zipfile.ZipFile | None = None
        self._temporary: str | None = None
        self._dead = False  # whether the new file has entries that are no longer wanted
        self._changed = False
        self.closed = False
        _archives.add(self)
        self._open()

    def _open(self) -> None:
        exists = not isinstance(self.path, Path) or self.path.exists()
        if self.mode == "x" and isinstance(self.path, Path) and exists:
            raise FileExistsError(17, "File exists", str(self.path))
        if self.mode in ("r", "a") and (self.mode == "r" or exists):
            self._reader = open_reader(self.path)
            self._read_directory()
        if self.mode != "r":
            if isinstance(self.path, Path) and not self.path.parent.is_dir():
                raise FileNotFoundError(2, "No such file or directory", str(self.path))
            self._changed = self._reader is None  # an archive without entries is written too

    def _read_directory(self) -> None:
        assert self._reader is not None
        if self.mode == "a" and self._reader.size == 0:
            self._reader = None  # an empty file is where an archive begins
            return
        try:
            directory = zipfile.ZipFile(cast("IO[bytes]", self._reader.stream()))
        except zipfile.BadZipFile as error:
            raise zipfile.BadZipFile(f"{error}: {self.path}") from error
        with directory:
            self._comment = directory.comment
            for info in directory.infolist():
                self._entries[info.filename] = info  # of several with one name, the last

    # -- reading ----------------------------------------------------------------------------

    def names(self) -> list[str]:
        """The names of all entries that are files."""
        with self._lock:
            names = list(self._entries)
            names += [name for name in self._pending if name not in self._entries]
        return [name for name in names if not name.endswith("/")]

    def __contains__(self, name: str) -> bool:
        with self._lock:
            return name in self._pending or name in self._entries

    def size(self, name: str) -> int | None:
        """How long a value is; None if there is none."""
        with self._lock:
            value = self._pending.get(name)
            info = self._entries.get(name)
        if value is not None:
            return len(value)
        return None if info is None else info.file_size

    def read(self, name: str, part: Callable[[int], slice]) -> Data | None:
        """Part of a value, chosen by its size; None if there is none."""
        with self._lock:  # where an entry is and the file that it is in belong together
            if self.closed:
                raise ValueError(f"{self.path} was closed while {name!r} was to be read")
            value = self._pending.get(name)
            info, reader = self._entries.get(name), self._reader
        if value is not None:
            return value[part(len(value))]
        if info is None or reader is None:
            return None
        return read_entry(reader, info, part(info.file_size))

    def as_zipfile(self) -> zipfile.ZipFile:
        """The archive as an object of the standard library.

        Of one that is written, it is the new file: what is changed by it counts.
        """
        with self._lock:
            if self.closed:
                raise ValueError(f"{self.path} is closed")
            if self.mode != "r":
                self._check_process()
                self._append_pending()
                return self._listed_writer()
            if self._view is None:
                assert self._reader is not None
                self._view = zipfile.ZipFile(cast("IO[bytes]", self._reader.stream()))
                self._view.filename = str(self.path) if isinstance(self.path, Path) else None
            return self._view

    # -- writing ----------------------------------------------------------------------------

    def write(self, name: str, value: bytes, exclusive: bool = False) -> None:
        """Set a value; unless there is one, if `exclusive`."""
        with self._lock:
            if exclusive and name in self:
                return
            self._begin_change()
            if len(value) > _SMALL:
                self._pending.pop(name, None)
                self._append(name, value)
                return
            self._pending[name] = value
            if sum(map(len, self._pending.values())) > _PENDING:
                self._append_pending()

    def remove(self, names: list[str]) -> None:
        """Remove values."""
        with self._lock:
            for name in names:
                if name not in self:
                    continue
                self._begin_change()
                self._pending.pop(name, None)
                self._dead |= self._entries.pop(name, None) is not None

    def _begin_change(self) -> None:
        if self.closed:
            raise ValueError(f"{self.path} is closed")
        if self.mode == "r":
            raise ValueError("write() requires mode 'w', 'x', or 'a'")
        self._check_process()
        self._changed = True

    def _check_process(self) -> None:
        if self._pid != os.getpid():
            raise RuntimeError(
                f"{self.path} was opened for writing by process {self._pid}: a process that was "
                "forked from it can only read"
            )

    def _append_pending(self) -> None:
        for name in list(self._pending):
            self._append(name, self._pending.pop(name))

    def _append(self, name: str, value: bytes) -> None:
        writer = self._started_writer()
        info = zipfile.ZipInfo(name, time.localtime()[:6])
        info.compress_type = self._compression
        info.external_attr = 0o644 << 16
        self._dead |= self._entries.pop(name, None) is not None  # else zipfile warns
        writer.writestr(info, value)
        assert writer.fp is not None
        writer.fp.flush()

    def _started_writer(self) -> zipfile.ZipFile:
        """The new file, which begins as a copy of the old one."""
        if self._writer is not None:
            return self._writer
        self._temporary = self._temporary_path()
        kept = self._reader is not None and bool(self._entries)
        if kept:
            assert self._reader is not None
            self._reader.copy_to(self._temporary)
        self._writer = zipfile.ZipFile(
            self._temporary, "a" if kept else "w", self._compression, self._zip64
        )
        self._writer.filename = str(self.path) if isinstance(self.path, Path) else None
        if not kept and self._comment:
            self._writer.comment = self._comment
        # From now on the entries are those of the new file, whoever writes them.
        known = self._writer.NameToInfo
        for name in known.keys() - self._entries.keys():  # deleted before
            del known[name]
        self._entries = known
        self._dead |= len(self._writer.filelist) != len(known)
        self._reader = open_reader(Path(self._temporary))
        return self._writer

    def _listed_writer(self) -> zipfile.ZipFile:
        """The new file, which lists what is wanted, and nothing twice."""
        writer = self._started_writer()
        writer.filelist[:] = [
            info for info in writer.filelist if self._entries.get(info.filename) is info
        ]
        return writer

    def _temporary_path(self) -> str:
        name = f"{TEMP_PREFIX}{uuid4().hex}"
        if isinstance(self.path, Path):
            return str(self.path.parent / f"{name}-{self.path.name}")
        import tempfile

        return os.path.join(tempfile.gettempdir(), name)

    # -- the end ----------------------------------------------------------------------------

    def close(self) -> None:
        """Put the new file in the place of the old one, if anything was written."""
        with self._lock:
            if self.closed:
                return
            self.closed = True
            if self._pid == os.getpid():
                try:
                    if self._is_changed():
                        self._finish()
                finally:
                    self._changed = False
                    self._discard()
            self._reader = None

    def _is_changed(self) -> bool:
        # Also by what others did to the writer.
        return self._changed or bool(getattr(self._writer, "_didModify", False))

    def abandon(self) -> None:
        """Let go of the file without what was written to it."""
        with self._lock:
            self._changed = False
            self._discard()
            self.close()

    def _finish(self) -> None:
        # Before the new file is begun: it is copied from the old one with what is deleted.
        self._append_pending()
        self._listed_writer().close()
        self._writer = None
        self._reader = None  # some systems refuse to replace or remove a file that is open
        assert self._temporary is not None
        if self._dead:
            self._compact()
        if isinstance(self.path, Path):
            if config.settings.storage__local__fsync:
                with open(self._temporary, "r+b") as file:  # Windows syncs no other
                    os.fsync(file.fileno())
            with contextlib.suppress(OSError):
                shutil.copymode(self.path, self._temporary)
            if self.mode == "x" and self.path.exists():
                raise FileExistsError(17, "File exists", str(self.path))
            self._replace()
        else:
            self.path.seek(0)
            self.path.truncate()
            with open(self._temporary, "rb") as file:
                shutil.copyfileobj(file, self.path)
            self.path.flush()

    def _replace(self) -> None:
        """Put the new file into its place, or keep it where it is."""
        assert self._temporary is not None
        assert isinstance(self.path, Path)
        try:
            os.replace(self._temporary, self.path)
        except PermissionError as error:
            # On Windows, somebody has the old one open.
            kept = f"{self.path}.new-{uuid4().hex[:8]}"
            os.rename(self._temporary, kept)
            message = f"the file cannot be replaced ({error.strerror}): the new one is {kept}"
            raise PermissionError(error.errno, message, str(self.path)) from error

    def _compact(self) -> None:
        """Copy the entries that are wanted to another new file."""
        assert self._temporary is not None
        old = self._temporary
        new = self._temporary_path()
        self._temporary = new
        try:
            with (
                zipfile.ZipFile(old) as source,
                zipfile.ZipFile(new, "w", self._compression, self._zip64) as target,
            ):
                target.comment = source.comment
                for info in self._entries.values():
                    fresh = zipfile.ZipInfo(info.filename, info.date_time)
                    fresh.compress_type = info.compress_type
                    fresh.external_attr = info.external_attr
                    fresh.file_size = info.file_size
                    if info.is_dir():
                        target.writestr(fresh, b"")
                        continue
                    with source.open(info) as reading, target.open(fresh, "w") as writing:
                        shutil.copyfileobj(reading, writing, 1 << 20)
        finally:
            os.unlink(old)

    def _discard(self) -> None:
        if self._view is not None:
            self._view.close()
        self._writer = self._view = None
        if self._temporary is not None:
            self._reader = None  # some systems refuse to remove a file that is open
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self._temporary)
            self._temporary = None

    def __del__(self) -> None:
        # As with zipfile, what was written is not lost if nobody closes.
        with contextlib.suppress(Exception):
            self.close()


_archives: WeakSet[Archive] = WeakSet()


@atexit.register
def _close_all() -> None:
    for archive in list(_archives):
        archive.close()


def _after_fork() -> None:
    """In a forked child: take the parent's new files out of reach, and renew the locks."""
    for archive in list(_archives):
        archive._lock = threading.RLock()
        writer = archive._writer
        if writer is not None and writer.fp is not None:
            # The bytes that the child's copy still has in its buffer must not come into the file.
            null = os.open(os.devnull, os.O_RDWR)
            os.dup2(null, writer.fp.fileno())
            os.close(null)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
