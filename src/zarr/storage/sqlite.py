"""A store in one SQLite file."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar

from zarr._async.run import offload
from zarr.abc.store import StoreTraits
from zarr.buffer.core import default_buffer_prototype
from zarr.storage.blocking import BlockingStore
from zarr.storage.keys import (
    bounds,
    check_key,
    check_prefix,
    check_value,
    directory_prefix,
    successor,
)
from zarr.storage.sqlite_file import (
    BATCH,
    Database,
    below,
    children_of,
    exchange,
    keys_between,
    part_of,
    whole,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from contextlib import AbstractContextManager

    from zarr.abc.store import ByteRequest
    from zarr.buffer.core import Buffer, BufferPrototype
    from zarr.storage.sqlite_file import Connection

T = TypeVar("T")


class SQLiteStore(BlockingStore):
    """A store in one SQLite file.

    Every write is a transaction: after a crash there is the old value or the new one. Threads and
    processes may read and write at the same time, also parts of the same chunks; who reads waits
    for nobody. A file that
    zarr-python 2 wrote with its store of that name can be read and changed.

    Parameters
    ----------
    path : str or Path
        The file. It is made if it does not exist; its directory must exist.
    read_only : bool
        Whether writing is refused.
    timeout : float
        For how many seconds a write waits while others write, before it is a `TimeoutError`.

    Attributes
    ----------
    path
    timeout

    Examples
    --------
    >>> import tempfile, zarr
    >>> from zarr.storage import SQLiteStore
    >>> store = SQLiteStore(f"{tempfile.mkdtemp()}/data.sqlite")
    >>> with store.transaction():  # all or nothing
    ...     a = zarr.create_array(store, name="a", data=[1, 2, 3])
    >>> zarr.open_array(store, path="a", mode="r")[:].tolist()
    [1, 2, 3]
    >>> store.close()
    """

    path: Path
    timeout: float

    def __init__(self, path: str | Path, *, read_only: bool = False, timeout: float = 30.0) -> None:
        super().__init__(read_only=read_only)
        if not isinstance(path, str | os.PathLike):
            raise TypeError(f"'path' must be a string or Path, got {type(path).__name__!r}")
        if str(path) in ("", ":memory:"):
            raise ValueError("an SQLiteStore needs a file: use a MemoryStore to keep nothing")
        self.path = Path(path)
        self.timeout = timeout
        # Fixed now, so that the store stays where it is when the process changes its directory.
        self._place(os.path.abspath(path))

    def _place(self, file: str) -> None:
        self._file = file
        self._database = Database(file, read_only=self.read_only, timeout=self.timeout)

    def __getstate__(self) -> dict[str, object]:
        state = self.__dict__.copy()
        del state["_database"]
        state["_is_open"] = False
        return state

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__dict__.update(state)
        self._place(self._file)

    async def _open(self) -> None:
        if not self._is_open:
            await offload(self._database.run, lambda _: None)
        await super()._open()

    def close(self) -> None:
        """Let go of the file; used again, the store opens it again."""
        self._database.close()
        super().close()

    def with_read_only(self, read_only: bool = False) -> Self:
        """Return a store of the same file that is read-only, or not."""
        view = type(self)(self.path, read_only=read_only, timeout=self.timeout)
        view._place(self._file)
        return view

    def __str__(self) -> str:
        return f"sqlite://{self.path.as_posix()}"

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, type(self))
            and self._file == other._file
            and self.read_only == other.read_only
        )

    def declare_traits(self) -> StoreTraits:
        # docstring inherited
        # Everything is done on the caller's thread by one call of SQLite. Only a write can be held
        # up, by another write, as it can be on any file system: no event loop would make it
        # shorter.
        return StoreTraits(
            data_id=f"sqlite://{os.path.realpath(self._file)}",
            needs_event_loop=False,
            byte_ranges=True,
            versions=True,
            conditional_writes=True,
            conditional_deletes=True,
        )

    def transaction(self) -> AbstractContextManager[None]:
        """Make all writes through this store, in any thread, one change: all of them or none.

        Others see nothing of it before the ``with`` block ends, and cannot write meanwhile. If
        the block ends with an exception, nothing was changed; arrays and groups that were opened
        or changed in the block must be opened anew then.

        Returns
        -------
        context manager

        Raises
        ------
        TimeoutError
            If others are writing for longer than `timeout`.
        RuntimeError
            If a transaction of this store is under way.
        """
        self._check_writable()
        return self._database.transaction()

    # -- values -----------------------------------------------------------------------------

    def _read(
        self, key: str, prototype: BufferPrototype | None, byte_range: ByteRequest | None
    ) -> Buffer | None:
        check_key(key)
        bounds(byte_range)
        self._is_open = True
        if byte_range is None:
            data = self._database.run(lambda connection: whole(connection, key))
        else:
            found = self._database.run(lambda connection: part_of(connection, key, byte_range))
            data = None if found is None else found[0]
        if data is None:
            return None
        return (prototype or default_buffer_prototype()).buffer.from_bytes(data)

    def _read_versioned(
        self, key: str, prototype: BufferPrototype, byte_range: ByteRequest | None
    ) -> tuple[Buffer, object | None] | None:
        check_key(key)
        bounds(byte_range)
        self._is_open = True
        found = self._database.run(lambda connection: part_of(connection, key, byte_range))
        return None if found is None else (prototype.buffer.from_bytes(found[0]), found[1])

    def _write(self, key: str, value: Buffer, exclusive: bool) -> None:
        check_key(key)
        check_value(self, value)
        # `memoryview`: stored as a blob without a copy.
        data = memoryview(value.as_buffer_like())

        def write(connection: Connection) -> None:
            columns = connection.columns
            connection.execute(columns.add if exclusive else columns.set, (key, data))

        self._change(write)

    def _change(self, work: Callable[[Connection], T]) -> T:
        self._check_writable()
        self._is_open = True
        return self._database.run(work)

    def _remove(self, key: str) -> None:
        self._remove_where("WHERE k = ?", (check_key(key),))

    def _remove_where(self, condition: str, parameters: tuple[str, ...]) -> None:
        self._change(lambda c: c.execute(f"DELETE FROM zarr {condition}", parameters))

    def _exchange(self, key: str, value: Buffer | None, version: Any | None) -> bool:
        check_key(key)
        data = None if value is None else memoryview(value.as_buffer_like())
        return self._change(lambda connection: exchange(connection, key, data, version))

    def _one(self, statement: str, parameters: tuple[object, ...]) -> Any:
        self._is_open = True
        row = self._database.run(
            lambda connection: connection.execute(statement, parameters).fetchone()
        )
        return None if row is None else row[0]

    def _size(self, key: str) -> int | None:
        found: int | None = self._one("SELECT length(v) FROM zarr WHERE k = ?", (check_key(key),))
        return found

    # -- directories ----------------------------------------------------------------------------

    async def getsize_prefix(self, prefix: str) -> int:
        # docstring inherited
        condition, limits = below(directory_prefix(prefix))
        select = f"SELECT coalesce(sum(length(v)), 0) FROM zarr {condition}"
        return int(await offload(self._one, select, limits))

    async def is_empty(self, prefix: str) -> bool:
        # docstring inherited
        condition, limits = below(directory_prefix(prefix))
        found = await offload(self._one, f"SELECT 1 FROM zarr {condition} LIMIT 1", limits)
        return found is None

    async def delete_dir(self, prefix: str) -> None:
        # docstring inherited
        await offload(self._remove_where, *below(directory_prefix(prefix)))

    async def clear(self) -> None:
        # docstring inherited
        await self.delete_dir("")
        await offload(self._shrink)

    def _shrink(self) -> None:
        """Give the pages that hold nothing any more back to the file system."""
        # As a script: before Python 3.12, `execute` stops after the first page.
        self._database.run(lambda c: c.executescript("PRAGMA incremental_vacuum"))

    def _keys(self, prefix: str) -> Iterator[str]:
        check_prefix(prefix)
        low, high = prefix, successor(prefix)
        self._is_open = True
        while True:
            batch = self._database.run(partial(keys_between, low=low, high=high))
            yield from batch
            if len(batch) < BATCH:
                return
            low = batch[-1] + "\1"  # no key has a NUL: nothing lies between

    def _names(self, prefix: str) -> Iterable[str]:
        directory = directory_prefix(prefix)
        self._is_open = True
        return self._database.run(lambda c: children_of(c, directory))
