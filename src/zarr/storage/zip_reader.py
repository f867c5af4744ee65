"""Reading a zip file at any place, from any thread, and after a fork."""

from __future__ import annotations

import io
import os
import shutil
import struct
import threading
import zipfile
import zlib
from pathlib import Path
from typing import IO, Protocol, TypeAlias, cast

from zarr.codecs.limits import SETTING, most_decoded

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
