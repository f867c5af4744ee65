"""Locks for writers that share chunks, to be passed as ``synchronizer=``.

Within a process, zarr needs none: partial writes of one chunk, updates of attributes, resizing and
appending are serialised by themselves; so they are between processes that write to a `LocalStore`.
`ProcessSynchronizer` does the same for other stores, and for file systems without locks.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Protocol, Self
from uuid import uuid4

from zarr import _core
from zarr.storage.keys import check_key

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from types import ModuleType, TracebackType

__all__ = ["ProcessSynchronizer", "Synchronizer", "ThreadSynchronizer"]

# How long a waiting process sleeps before it looks again whether a file is unlocked.
_POLL_SECONDS = 0.002


class _Lock:
    """A lock of this process, by name; any thread may release it."""

    def __init__(self, name: str) -> None:
        self._name = name

    def acquire(self) -> None:
        """Wait until the lock is ours."""
        _core.lock(self._name)

    def release(self) -> None:
        """Give the lock back."""
        _core.unlock(self._name)

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.release()


class _FileLock(_Lock):
    """A lock of all processes that see a file."""

    def __init__(self, name: str, path: str) -> None:
        super().__init__(name)
        self._path = path
        self._held: Any = None

    def acquire(self) -> None:
        """Wait until the lock is ours."""
        # First among the threads of this process: the file's lock does not tell them apart.
        super().acquire()
        try:
            os.makedirs(os.path.dirname(self._path), exist_ok=True)
            held = _filelock().FileLock(self._path, thread_local=False)
            held.acquire(poll_interval=_POLL_SECONDS)
        except BaseException:
            super().release()
            raise
        self._held = held

    def release(self) -> None:
        """Give the lock back."""
        held, self._held = self._held, None
        try:
            held.release()
        finally:
            super().release()


def _filelock() -> ModuleType:
    try:
        import filelock
    except ImportError as error:
        raise ImportError(
            "ProcessSynchronizer needs filelock: install it with `pip install filelock`"
        ) from error
    return filelock


class Synchronizer(Protocol):
    """A value for ``synchronizer=``: ``with synchronizer[key]: ...`` holds the lock of a key."""

    def __getitem__(self, item: str) -> AbstractContextManager[object]:
        """The lock of a key, a context manager."""
        ...


class ThreadSynchronizer:
    """Locks for the threads of a process.

    A pickled copy locks together with the original within the process, and by itself elsewhere.

    Examples
    --------
    >>> import zarr
    >>> array = zarr.open_array(
    ...     {}, mode="w", shape=(4,), dtype="i4", synchronizer=zarr.ThreadSynchronizer()
    ... )
    >>> array[:2] = 7
    """

    def __init__(self) -> None:
        self._token = uuid4().hex

    def __getitem__(self, item: str) -> _Lock:
        return _Lock(f"synchronizer\0{self._token}\0{item}")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ThreadSynchronizer) and self._token == other._token

    def __hash__(self) -> int:
        return hash(self._token)


class ProcessSynchronizer:
    """Locks for all processes that share a file system.

    Parameters
    ----------
    path : str
        A directory for the files that are locked. All processes must name the same one; it should
        not be inside of the store.

    Examples
    --------
    >>> import tempfile, zarr
    >>> directory = tempfile.TemporaryDirectory()
    >>> array = zarr.open_array(
    ...     f"{directory.name}/a", mode="w", shape=(4,), dtype="i4",
    ...     synchronizer=zarr.ProcessSynchronizer(f"{directory.name}/a.locks"),
    ... )
    >>> array[:2] = 7
    >>> directory.cleanup()
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = os.fspath(path)

    def __getitem__(self, item: str) -> _FileLock:
        directory = os.path.realpath(self.path)
        path = os.path.join(directory, *check_key(item or ".root").split("/")) + ".lock"
        return _FileLock(f"synchronizer\0{path}", path)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ProcessSynchronizer) and self.path == other.path

    def __hash__(self) -> int:
        return hash(self.path)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.path!r})"
