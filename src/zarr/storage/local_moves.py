"""Copies and moves of local files and directories, by the means of the operating system."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import secrets
import shutil
import sys
from functools import cache
from typing import IO, Any

from zarr._core import TEMP_PREFIX

_AT_FDCWD = -100
_NOREPLACE, _EXCHANGE = 1, 2
_FICLONE = 0x40049409
"""The request by which some file systems let two files share their blocks (Linux)."""
_UNABLE = (errno.ENOSYS, errno.EINVAL, errno.ENOTSUP, errno.EXDEV)
"""How the system says that it cannot do this, here or at all."""


def copy_file(source: str, target: str, *, sync: bool = False) -> int:
    """Copy a file beside its place, and then into it; return its size.

    Parameters
    ----------
    source, target
        The paths. Directories above the target are made.
    sync
        Whether the file is on the disk before it takes its place.
    """
    folder = target.rpartition("/")[0]
    beside = f"{folder}/{TEMP_PREFIX}{secrets.token_hex(8)}"
    try:
        with open(source, "rb") as file, _made(beside, folder) as made:
            _copy(file, made)
            size = made.seek(0, os.SEEK_END)
            if sync:
                os.fsync(made.fileno())
        os.replace(beside, target)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(beside)
        raise
    return size


def _made(path: str, folder: str) -> IO[bytes]:
    """A new file, and its directory if there is none."""
    with contextlib.suppress(FileNotFoundError):
        return open(path, "xb")
    os.makedirs(folder, exist_ok=True)
    return open(path, "xb")


def _copy(source: Any, target: Any) -> None:
    if sys.platform == "linux":
        import fcntl

        try:
            fcntl.ioctl(target.fileno(), _FICLONE, source.fileno())
            return
        except OSError:  # most file systems cannot share blocks
            pass
        try:
            while os.copy_file_range(source.fileno(), target.fileno(), 1 << 30):
                pass
            return
        except OSError as error:
            if error.errno not in _UNABLE or os.lseek(target.fileno(), 0, os.SEEK_CUR):
                raise
    shutil.copyfileobj(source, target, 1 << 20)


def rename(old: str, new: str) -> bool:
    """Rename a directory, unless there is something in its place; tell whether it was done.

    Parameters
    ----------
    old, new
        The paths. Directories above the new one are made.
    """
    if not os.path.isdir(old):
        return False
    os.makedirs(new.rpartition("/")[0], exist_ok=True)
    for directory, _, files in os.walk(new, topdown=False):  # empty ones, that a deletion has left
        if files:
            break
        with contextlib.suppress(OSError):
            os.rmdir(directory)
    done = _renameat2(old, new, _NOREPLACE)
    if done is not None:
        return done
    if os.path.lexists(new):
        return False
    try:
        os.rename(old, new)
    except OSError as error:
        if error.errno in (*_UNABLE, errno.ENOTEMPTY, errno.EEXIST):
            return False
        raise
    return True


def exchange(one: str, other: str) -> bool:
    """Let two directories change places, in one step; tell whether it was done.

    Parameters
    ----------
    one, other
        The paths.
    """
    if not (os.path.isdir(one) and os.path.isdir(other)) or os.path.islink(other):
        return False
    return bool(_renameat2(one, other, _EXCHANGE))


def _renameat2(old: str, new: str, flags: int) -> bool | None:
    """Rename by a call that Python has no function for; None if the system lacks it."""
    call = _call()
    if call is None:
        return None
    if call(_AT_FDCWD, os.fsencode(old), _AT_FDCWD, os.fsencode(new), flags) == 0:
        return True
    number = ctypes.get_errno()
    if number in (errno.ENOSYS, errno.EINVAL):
        return None
    if number in (*_UNABLE, errno.EEXIST, errno.ENOTEMPTY, errno.ENOENT):
        return False
    raise OSError(number, os.strerror(number), old, None, new)


@cache
def _call() -> Any:
    if sys.platform != "linux":
        return None
    found = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if found is not None:
        found.argtypes = [
            ctypes.c_int,
            ctypes.c_char_p,
            ctypes.c_int,
            ctypes.c_char_p,
            ctypes.c_uint,
        ]
    return found
