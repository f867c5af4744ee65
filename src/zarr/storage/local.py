"""A store in the files of a directory."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple, Self, cast

from zarr import _core
from zarr._async.run import offload
from zarr.abc._traits import VALUE_METHODS, overrides
from zarr.abc.store import StoreTraits, ValueInfo
from zarr.buffer.core import default_buffer_prototype
from zarr.errors import Message, did_you_mean
from zarr.settings import config
from zarr.storage.blocking import BlockingStore
from zarr.storage.keys import bounds, check_key, check_prefix, check_value, is_hidden
from zarr.storage.wrapper import layers
from zarr.types import ANY_ACCESS_MODE
from zarr.urls import is_url

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from zarr.abc.store import ByteRequest, Store
    from zarr.buffer.core import Buffer, BufferPrototype
    from zarr.types import AccessModeLiteral


def forget_pages(directory: Path) -> None:
    """Have the system let go of the pages of files below a directory, where it can.

    The next read of them comes from the disk, as after a start of the machine.
    """
    if not hasattr(os, "posix_fadvise"):
        return
    for above, _, names in os.walk(directory):
        for name in names:
            try:
                file = os.open(os.path.join(above, name), os.O_RDONLY | os.O_NONBLOCK)
            except OSError:
                continue  # it is gone, or no file
            try:
                os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
            except OSError:
                pass
            finally:
                os.close(file)


class LocalStore(BlockingStore):
    """A store in the files of a local directory: each key is the path of a file below `root`.

    Files are written beside their place and then renamed, so a reader, also after a crash, sees
    the old bytes or the new ones. Files whose names begin with ``._`` or ``.DS_Store`` (macOS) are
    not listed. With the setting ``storage.local.follow_links`` off, symbolic links that lead out of
    the directory are refused and not listed; that takes more time, and is meant for directories
    that somebody else made.

    Parameters
    ----------
    root : str or Path
        The directory. It is made when the store is opened for writing.
    read_only : bool
        Whether writing is refused.

    Attributes
    ----------
    supports_writes
    supports_deletes
    supports_listing
    root

    Examples
    --------
    >>> import tempfile, zarr
    >>> directory = tempfile.TemporaryDirectory()
    >>> store = zarr.storage.LocalStore(directory.name)
    >>> array = zarr.create_array(store, shape=(4,), dtype="i4")
    >>> zarr.open_array(directory.name).shape
    (4,)
    >>> directory.cleanup()
    """

    def __init__(self, root: Path | str, *, read_only: bool = False) -> None:
        super().__init__(read_only=read_only)
        if not isinstance(root, str | os.PathLike) or isinstance(os.fspath(root), bytes):
            raise TypeError(
                f"'root' must be a string or Path instance. Got {root!r} of {type(root).__name__}."
            )
        if isinstance(root, str) and ":" in root and is_url(root):
            raise ValueError(
                f"'root' must be the path of a directory, and {root!r} is a URL: give it to the "
                "functions of zarr as it is, or to FsspecStore.from_url."
            )
        self._place(root)

    def _place(self, root: Path | str) -> None:
        self._given = root
        # Fixed now, so that the store stays where it is when the process changes its directory.
        self._directory = os.path.abspath(root)
        self._files = _core.Files(self._directory, config.settings.storage__local__fsync)
        self._follows = config.settings.storage__local__follow_links

    @cached_property
    def root(self) -> Path:
        """The directory."""
        from pathlib import Path  # late: few ask

        return Path(self._given)

    def __getstate__(self) -> dict[str, object]:
        state = self.__dict__.copy()
        del state["_files"]
        return state

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__dict__.update(state)
        # The same directory, wherever the other process is, and as strict as here.
        self._files = _core.Files(self._directory, config.settings.storage__local__fsync)

    @classmethod
    async def open(
        cls, root: Path | str, *, read_only: bool = False, mode: AccessModeLiteral | None = None
    ) -> Self:
        """Open a store in a directory.

        Parameters
        ----------
        root : str or Path
            The directory.
        read_only : bool
            Whether writing is refused.
        mode : {'r', 'r+', 'a', 'w', 'w-'}, optional
            With 'r' and 'r+' the directory must exist; otherwise it is made. No mode removes data,
            and only `read_only` refuses writes.

        Returns
        -------
        LocalStore
            The opened store.
        """
        if mode is not None and mode not in ANY_ACCESS_MODE:
            raise ValueError(f"Invalid mode: {mode}, expected one of {ANY_ACCESS_MODE}")
        store = cls(root, read_only=read_only)
        if mode in ("r", "r+") and not read_only:  # else it must exist anyway
            await offload(store._require_directory)
        await store._open()
        return store

    def _require_directory(self) -> None:
        if not os.path.exists(self._directory):
            message = f"{self.root} does not exist"
            raise FileNotFoundError(Message(message, self._hint_of_missing))

    def _hint_of_missing(self) -> str:
        above, name = os.path.split(self._directory)
        first = self.root.parts[0] if self.root.parts else ""
        if first.endswith(":") and not os.path.exists(first):
            return f": a URL begins with '{first}//'"
        if os.path.isfile(self._directory):
            return ": it is a file, and no directory"
        return did_you_mean(name, os.listdir(above))

    async def _open(self) -> None:
        if self._is_open:
            raise ValueError("store is already open")
        await offload(self._prepare)
        self._is_open = True

    def _prepare(self) -> None:
        if self.read_only:
            self._require_directory()
        elif not os.path.isdir(self._directory):
            os.makedirs(self._directory, exist_ok=True)

    def _ensure_open_sync(self) -> None:
        if not self._is_open:
            self._prepare()
            self._is_open = True

    def with_read_only(self, read_only: bool = False) -> Self:
        """Return a store of the same directory that is read-only, or not."""
        view = type(self)(root=self._given, read_only=read_only)
        if view._directory != self._directory:  # the process is in another directory now
            view._directory = self._directory
            view._files = self._files
        view._follows = self._follows
        return view

    def confined(self) -> Self:
        """Return a read-only view of the store that follows no symbolic link out of its directory.

        Returns
        -------
        LocalStore
            As with the setting ``storage.local.follow_links`` off.
        """
        view = self.with_read_only(True)
        view._follows = False
        return view

    def __str__(self) -> str:
        # A URL: a '%' that is part of the name is written as such.
        path = os.path.normpath(self._given).replace(os.sep, "/")
        return f"file://{path.replace('%', '%25')}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, type(self)) and self.root == other.root

    def declare_traits(self) -> StoreTraits:
        # docstring inherited
        kind = type(self)
        own = kind is LocalStore or not overrides(kind, LocalStore, VALUE_METHODS)
        plain = self._follows and own
        locks = not self._files.unlocked
        return StoreTraits(
            data_id=_DataId(self._directory),
            needs_event_loop=False,
            byte_ranges=True,
            versions=True,
            conditional_writes=locks,
            conditional_deletes=locks,
            # Processes may always share a directory; it needs to be said where files are not
            # locked.
            multi_writer=not locks,
            native_handle=self._files if plain else None,
        )

    def _path(self, key: str) -> str:
        path = f"{self._directory}/{check_key(key)}"
        if not (self._follows or self._is_inside(path)):
            raise PermissionError(
                errno.ELOOP, f"{key!r} leads out of {self} by a symbolic link", path
            )
        return path

    def _is_inside(self, path: str) -> bool:
        root = os.path.realpath(self._directory).rstrip(os.sep)
        return f"{os.path.realpath(path)}{os.sep}".startswith(f"{root}{os.sep}")

    def _checked(self, key: str) -> str:
        if not self._follows:
            self._path(key)
        return key

    # -- values -----------------------------------------------------------------------------

    def _read(
        self, key: str, prototype: BufferPrototype | None, byte_range: ByteRequest | None
    ) -> Buffer | None:
        self._ensure_open_sync()
        start, stop = bounds(byte_range)
        try:
            data = self._files.get(self._checked(key), start, stop)
        except IsADirectoryError:
            return None  # a prefix of other keys is no key
        if data is None:
            return None
        return (prototype or default_buffer_prototype()).buffer.from_bytes(cast("bytes", data))

    def _remove(self, key: str) -> None:
        self._check_writable()
        self._ensure_open_sync()
        with contextlib.suppress(IsADirectoryError):  # a directory has no value to remove
            self._files.delete(self._checked(key))

    def _write(self, key: str, value: Buffer, exclusive: bool) -> None:
        self._check_writable()
        self._ensure_open_sync()
        check_value(self, value)
        self._files.set(self._checked(key), value.as_buffer_like(), exclusive)

    def _read_versioned(
        self, key: str, prototype: BufferPrototype, byte_range: ByteRequest | None
    ) -> tuple[Buffer, object | None] | None:
        self._ensure_open_sync()
        start, stop = bounds(byte_range)
        try:
            found = self._files.get_versioned(self._checked(key), start, stop)
        except IsADirectoryError:
            return None  # a prefix of other keys is no key
        if found is None:
            return None
        return prototype.buffer.from_bytes(cast("bytes", found[0])), found[1]

    def _exchange(self, key: str, value: Buffer | None, version: Any | None) -> bool:
        self._check_writable()
        self._ensure_open_sync()
        data = None if value is None else value.as_buffer_like()
        done = self._files.exchange(self._checked(key), data, version)
        if self._files.unlocked:  # found out just now
            self.redeclare_traits()
        return done

    def _size(self, key: str) -> int | None:
        try:
            about = _about(self._path(key), key)
        except IsADirectoryError:  # a prefix of other keys is no key
            return None
        return None if about is None else about.st_size

    # -- directories ----------------------------------------------------------------------------

    async def delete_dir(self, prefix: str) -> None:
        # docstring inherited
        self._check_writable()
        await offload(self._remove_directory, prefix)

    def _remove_directory(self, prefix: str) -> None:
        directory = check_prefix(prefix)
        if not directory:
            # The root itself is not a value of the store: who made it chose its mode and its
            # place, which may be a mount point, a link, or the directory of a process.
            _empty(self._directory)
            return
        path = self._path(directory)
        if os.path.isfile(path):
            raise ValueError(f"delete_dir was passed a {prefix=} that is a file")
        _remove(path)

    def passes_link(self, path: str, key: str) -> bool:
        return passes_link(self._directory, path, key)

    async def clear(self) -> None:
        # docstring inherited
        self._check_writable()
        await offload(self._remove_directory, "")
        await offload(os.makedirs, self._directory, 0o777, True)

    async def move(self, dest_root: Path | str) -> None:
        """Move the whole store to another directory, which must not exist yet.

        Parameters
        ----------
        dest_root : str or Path
            The new directory.
        """
        self._check_writable()
        await offload(self._move, dest_root)

    def _move(self, given: Path | str) -> None:
        import shutil
        from pathlib import Path  # late: few ask

        dest_root = Path(given)
        if dest_root.exists():
            raise FileExistsError(f"Destination root {dest_root} already exists.")
        os.makedirs(dest_root.parent, exist_ok=True)
        shutil.move(self._directory, dest_root)
        self.__dict__.pop("root", None)
        self._place(dest_root)

    async def is_empty(self, prefix: str) -> bool:
        # docstring inherited
        return await offload(lambda: next(self._keys(prefix), None) is None)

    async def getsize_prefix(self, prefix: str) -> int:
        # docstring inherited
        return await offload(lambda: sum(self._size(key) or 0 for key in self._keys(prefix)))

    def _infos(self, prefix: str) -> Iterator[ValueInfo]:
        for key in self._keys(prefix):
            path = self._path(key)
            try:
                about = _about(path, key)
            except IsADirectoryError:  # the file was replaced meanwhile
                continue
            except OSError:
                # No file, as a pipe: it has no bytes, and who reads it is told.
                with contextlib.suppress(FileNotFoundError):
                    yield ValueInfo(key, 0, os.lstat(path).st_mtime)
                continue
            if about is not None:
                yield ValueInfo(key, about.st_size, about.st_mtime)

    # -- copies and moves, by the system --------------------------------------------------------

    def _is_plain(self) -> bool:
        """Whether values are the files that their keys name, and nothing else."""
        return self._follows and not overrides(type(self), LocalStore, VALUE_METHODS)

    async def copy_value(self, key: str, target: Store, target_key: str) -> int | None:
        # docstring inherited
        if not (isinstance(target, LocalStore) and self._is_plain() and target._is_plain()):
            return None
        target._check_writable()
        target._ensure_open_sync()
        old, new = self._checked(key), target._checked(target_key)
        return await offload(self._files.copy, old, target._files, new)

    async def move_dir(
        self, prefix: str, target: Store, target_prefix: str, *, exchange: bool = False
    ) -> bool:
        # docstring inherited
        if not (isinstance(target, LocalStore) and self._is_plain() and target._is_plain()):
            return False
        self._check_writable()
        target._check_writable()
        return await offload(self._move_directory, prefix, target, target_prefix, exchange)

    def _move_directory(self, prefix: str, target: LocalStore, new: str, swap: bool) -> bool:
        if not (check_prefix(prefix) and check_prefix(new)):
            return False  # the root of a store stays where it is
        old, new = self._checked(prefix.rstrip("/")), target._checked(new.rstrip("/"))
        # A link is not what it points to, and one that is relative points elsewhere afterwards.
        if passes_link(self._directory, old, old):
            return False
        target._ensure_open_sync()
        move = self._files.swap_directories if swap else self._files.move_directory
        return move(old, target._files, new)

    def _names(self, prefix: str) -> Iterable[str]:
        directory = check_prefix(prefix)
        path = self._path(directory) if directory else self._directory
        names = map(_in_keys, self._files.names(directory) or ())
        return [
            name
            for name in names
            if name and not is_hidden(name) and (self._follows or self._is_inside(f"{path}/{name}"))
        ]

    def _leftovers(self, prefix: str) -> list[Leftover]:
        found = []
        directories = [f"{prefix}/" if prefix else ""]
        for directory in directories:  # grows on the way
            try:
                entries = os.scandir(f"{self._directory}/{directory}")
            except (FileNotFoundError, NotADirectoryError):
                continue
            with entries:
                for entry in entries:
                    kind, name = _TEMPORARY, _in_keys(entry.name)
                    if name is None:
                        kind, name = "a name that is not UTF-8", ascii(entry.name)[1:-1]
                    elif entry.is_dir(follow_symlinks=False):
                        directories.append(f"{directory}{name}/")
                        continue
                    elif not name.startswith(_core.TEMP_PREFIX):
                        with contextlib.suppress(OSError):  # a link that leads to itself
                            if entry.is_file() or entry.is_dir():
                                continue
                        kind = _kind_of(entry.path)
                    with contextlib.suppress(FileNotFoundError):  # it was just written
                        modified = os.lstat(entry.path).st_mtime
                        found.append(Leftover(directory + name, modified, kind))
        return found

    def _keys(self, prefix: str) -> Iterator[str]:
        """All keys below a directory, directory by directory."""
        first = check_prefix(prefix)
        if first:
            self._path(first)
        directories = [first + "/" if first else ""]
        for directory in directories:  # grows on the way
            try:
                entries = os.scandir(f"{self._directory}/{directory}")
            except (FileNotFoundError, NotADirectoryError):
                continue
            with entries:
                for entry in entries:
                    name = _in_keys(entry.name)
                    if not name or is_hidden(name):
                        continue
                    if not self._follows and entry.is_symlink() and not self._is_inside(entry.path):
                        continue
                    if _is_directory(entry):
                        directories.append(f"{directory}{name}/")
                    else:
                        yield directory + name


def _in_keys(name: str) -> str | None:
    """The name of a file in a key; None if it can be in none, as one that is not UTF-8."""
    if name.isascii():
        return name
    try:
        name.encode()
    except UnicodeEncodeError:
        try:  # where the locale knows no UTF-8, Python reads it byte by byte
            return os.fsencode(name).decode()
        except UnicodeError:
            return None
    return name


def _is_directory(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads to itself
        return False


class Leftover(NamedTuple):
    """Something in a directory that is no value.

    Parameters
    ----------
    key
        Where it is.
    modified
        When it was written to, in seconds since 1970.
    kind
        ``"a temporary file"``; or else the kind of a thing that is no file, as ``"a pipe"``.
    """

    key: str
    modified: float
    kind: str

    @property
    def is_temporary(self) -> bool:
        """Whether it is the temporary file of a write."""
        return self.kind == _TEMPORARY


def leftovers(store: Store, prefix: str = "") -> list[Leftover]:
    """Return what is in the directory of a store and is no value of it.

    These are the temporary files of writes that are under way, or were killed; and what is no file:
    pipes, sockets, devices, and symbolic links that lead nowhere; and names that no key can have.
    Nothing is opened.

    Parameters
    ----------
    store
        The store; only a directory has any.
    prefix
        The directory in it below which they are looked for.
    """
    directory = next((layer for layer in layers(store) if isinstance(layer, LocalStore)), None)
    return [] if directory is None else directory._leftovers(check_prefix(prefix))


class _DataId:
    """The name of the place of a directory, found out once and late: links are followed for it."""

    __slots__ = ("_directory", "_name")

    def __init__(self, directory: str) -> None:
        self._directory = directory
        self._name: str | None = None

    def __call__(self) -> str:
        if self._name is None:
            self._name = f"file://{os.path.realpath(self._directory)}"
        return self._name


_TEMPORARY = "a temporary file"
_NOWHERE = "a symbolic link that leads nowhere"


def _about(path: str, key: str) -> os.stat_result | None:
    """The status of a file; None if there is none. A path of something else is an error."""
    try:
        about = os.stat(path if path.isascii() or os.name == "nt" else path.encode())
    except (FileNotFoundError, NotADirectoryError):
        if os.path.islink(path):
            raise _no_file(key, _NOWHERE) from None
        return None
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise _no_file(key, _NOWHERE) from None
        raise
    _check_kind(about, key)
    return about


def _check_kind(about: os.stat_result, key: str) -> None:
    mode = about.st_mode
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, f"cannot open: it is a directory [key {key!r}]")
    if not stat.S_ISREG(mode):
        raise _no_file(key, _named_kind(mode))


def _named_kind(mode: int) -> str:
    return "a pipe" if stat.S_ISFIFO(mode) else "a socket or a device"


def _kind_of(path: str) -> str:
    """The kind of what is neither a file nor a directory."""
    try:
        return _named_kind(os.stat(path).st_mode)
    except OSError:
        return _NOWHERE


def _no_file(key: str, found: str) -> OSError:
    # A number, so that nobody takes it for an error that may pass.
    return OSError(
        errno.EINVAL, f"cannot open: {found} stands in the place of the file [key {key!r}]"
    )


def _empty(directory: str) -> None:
    """Remove what is in a directory: files first, as documents of nodes are."""
    with contextlib.suppress(FileNotFoundError):
        with os.scandir(directory) as found:
            entries = sorted(found, key=lambda entry: entry.is_dir(follow_symlinks=False))
        for entry in entries:
            _remove(entry.path)


def _remove(path: str) -> None:
    """Remove a directory and all that is in it; a link, and not what it points to; or a file."""
    import shutil

    # Others may make and remove the same files meanwhile: what was not there when it was looked at
    # is not removed, and what is gone is gone.
    gone = (FileNotFoundError, NotADirectoryError)
    try:
        mode = os.lstat(path).st_mode
    except gone:
        return
    if stat.S_ISDIR(mode):
        shutil.rmtree(path, onerror=_ignore_missing)
    else:
        with contextlib.suppress(*gone, IsADirectoryError):
            os.unlink(path)


def passes_link(root: str, path: str, key: str) -> bool:
    """Whether the directory at a path, or one between it and a key, is a symbolic link."""
    end = len(path)
    while end != -1:
        if os.path.islink(f"{root}/{key[:end]}"):
            return True
        end = key.find("/", end + 1)
    return False


def _ignore_missing(_: object, __: str, exc_info: tuple[object, BaseException, object]) -> None:
    if not isinstance(exc_info[1], FileNotFoundError):
        raise exc_info[1]
