"""A store in a zip file."""

from __future__ import annotations

import errno
import os
import shutil
import threading
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Literal, Self, TypeAlias, get_args
from uuid import uuid4
from weakref import WeakValueDictionary

from zarr._async.run import offload
from zarr.abc.store import StoreTraits
from zarr.buffer.core import default_buffer_prototype
from zarr.storage.blocking import BlockingStore
from zarr.storage.keys import check_key, check_prefix, children, folder_of, is_safe
from zarr.storage.values import absolute, bounds, check_value
from zarr.storage.zip_archive import Archive

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from zipfile import ZipFile

    from zarr.abc.store import ByteRequest
    from zarr.buffer.core import Buffer, BufferPrototype

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

    What is written comes into the file when the store is closed: then a new file takes the place
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

    def _abandon(self) -> None:
        """Let go of the file, which stays as it was: nothing that is new is written to it."""
        archive, self._archive = self._archive, None
        self._is_open = False
        if archive is not None:
            archive.abandon()

    def __getstate__(self) -> dict[str, Any]:
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
        held = os.path.realpath(path) if isinstance(path, Path) else self._name_of_held(path)
        return StoreTraits(data_id=f"zip://{held}", needs_event_loop=False, byte_ranges=True)

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

    # -- folders ----------------------------------------------------------------------------

    def _keys(self, prefix: str) -> Iterator[str]:
        check_prefix(prefix)
        names = self._ensure_open_sync().names()
        return (name for name in names if name.startswith(prefix) and is_safe(name))

    def _names(self, prefix: str) -> Iterable[str]:
        return children(self._keys(""), prefix)

    async def delete_dir(self, prefix: str) -> None:
        # docstring inherited
        self._check_writable()
        await offload(self._remove_below, folder_of(prefix))

    def _remove_below(self, folder: str) -> None:
        self._ensure_open_sync().remove(list(self._keys(folder)))

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
