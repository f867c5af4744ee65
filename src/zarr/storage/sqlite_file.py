"""One SQLite file: the connections of this process to it, and what can go wrong with them."""

from __future__ import annotations

import errno
import os
import sqlite3
import threading
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, NamedTuple, TypeAlias, TypeVar
from urllib.parse import quote
from weakref import WeakSet

from zarr.settings import config
from zarr.storage.keys import absolute, successor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from zarr.abc.store import ByteRequest

# "Zarr": tells tools such as `file` what a database is for.
_APPLICATION_ID = 0x5A617272

# With larger pages than usual, and a map of them (auto_vacuum), a part of a large value is found
# forty times as fast: without the map, every page before that part has to be read.
_PAGE_SIZE = 16384
_CREATE = f"""
PRAGMA page_size = {_PAGE_SIZE};
PRAGMA auto_vacuum = INCREMENTAL;
"""
# Each value that is set gets a new version, by which parts of two values are told apart.
_TABLE = "CREATE TABLE IF NOT EXISTS zarr (k TEXT PRIMARY KEY, v BLOB, version INTEGER)"

# Up to this size a value is read as a whole, also for a part of it: that is one statement.
_SMALL = 64 << 10
# How many keys are listed at a time.
BATCH = 1000

Version: TypeAlias = tuple[int, int | None, int]


class Columns(NamedTuple):
    """The statements that depend on the columns."""

    names: tuple[str, ...]
    # Set a value; set it unless there is one; set it where it is of a version.
    set: str
    add: str
    replace: str
    # The version of a value, beside the number of its row.
    version: str

    @property
    def unchanged(self) -> str:
        """The condition that the value of a key is of a version."""
        return f"k = ? AND rowid = ? AND {self.version} IS ? AND length(v) = ?"


_VERSIONED = Columns(
    ("k", "v", "version"),
    "INSERT INTO zarr (k, v, version) VALUES (?, ?, random()) "
    "ON CONFLICT (k) DO UPDATE SET v = excluded.v, version = excluded.version",
    "INSERT INTO zarr (k, v, version) VALUES (?, ?, random()) ON CONFLICT (k) DO NOTHING",
    "UPDATE zarr SET v = ?, version = random()",
    "version",
)
# The table that zarr-python 2 had, which goes on using it. A value that is set gets a new row,
# with a number that is not in use and, after a deletion, hardly the one that was in use before.
_NEXT_ROW = "(SELECT coalesce(max(rowid), 0) + 1 + (random() & 1048575) FROM zarr)"
_PLAIN = Columns(
    ("k", "v"),
    f"INSERT OR REPLACE INTO zarr (rowid, k, v) VALUES ({_NEXT_ROW}, ?, ?)",
    f"INSERT INTO zarr (rowid, k, v) VALUES ({_NEXT_ROW}, ?, ?) ON CONFLICT (k) DO NOTHING",
    f"UPDATE zarr SET v = ?, rowid = {_NEXT_ROW}",
    "NULL",
)


class Connection(sqlite3.Connection):
    """A connection to a file with such a table."""

    columns: Columns = _VERSIONED


def prepare(connection: Connection, path: str, *, read_only: bool, timeout: float) -> None:
    """Make the table if there is none, and find out which columns it has."""
    tables = _tables(connection)
    if not tables and not read_only:
        _create(connection, timeout)
        tables = _tables(connection)
    if not tables:
        raise ValueError(f"{path} is an empty SQLite database: there is no table 'zarr'")
    rows = connection.execute("SELECT name FROM pragma_table_info('zarr')")
    names = tuple(name for (name,) in rows)
    found = next((columns for columns in (_VERSIONED, _PLAIN) if columns.names == names), None)
    if not tables.get("zarr", "").upper().startswith("CREATE TABLE") or found is None:
        raise ValueError(
            f"{path} is an SQLite database of something else: expected a table 'zarr' "
            f"with columns k and v, found {sorted(tables)}"
        )
    connection.columns = found


def _tables(connection: Connection) -> dict[str, str]:
    rows = connection.execute("SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL")
    return {name: sql for name, sql in rows if isinstance(sql, str)}


def _create(connection: Connection, timeout: float) -> None:
    connection.executescript(_CREATE)
    # Several processes may begin at once; for this one change SQLite does not wait itself.
    end = time.monotonic() + timeout
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            break
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > end:
                raise
            time.sleep(0.01)
    connection.execute("BEGIN IMMEDIATE")
    connection.execute(_TABLE)
    connection.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
    connection.execute("COMMIT")


# -- values -------------------------------------------------------------------------------------


def whole(connection: Connection, key: str) -> bytes | None:
    """The value of a key; None if there is none."""
    row = connection.execute("SELECT v FROM zarr WHERE k = ?", (key,)).fetchone()
    return None if row is None else _blob(key, row[0])


def part_of(
    connection: Connection, key: str, request: ByteRequest | None
) -> tuple[bytes, Version] | None:
    """A part of a value, and the version of the value; None if there is none."""
    small = f"CASE WHEN length(v) <= {_SMALL} OR typeof(v) <> 'blob' THEN v END"
    row = connection.execute(
        f"SELECT rowid, {connection.columns.version}, length(v), {small} FROM zarr WHERE k = ?",
        (key,),
    ).fetchone()
    if row is None:
        return None
    number, version, size, value = row
    if value is not None or size is None:
        data = _blob(key, value)
        return data[absolute(request, len(data))], (number, version, len(data))
    if connection.in_transaction:
        return _piece(connection, key, request)
    connection.execute("BEGIN")  # the number of the row and the row belong together
    try:
        return _piece(connection, key, request)
    finally:
        connection.execute("COMMIT")


def _piece(
    connection: Connection, key: str, request: ByteRequest | None
) -> tuple[bytes, Version] | None:
    row = connection.execute(
        f"SELECT rowid, {connection.columns.version} FROM zarr WHERE k = ?", (key,)
    ).fetchone()
    if row is None:
        return None
    with connection.blobopen("zarr", "v", row[0], readonly=True) as blob:
        part = absolute(request, len(blob))
        blob.seek(part.start)
        return blob.read(max(0, part.stop - part.start)), (*row, len(blob))


def exchange(connection: Connection, key: str, data: object, version: Version | None) -> bool:
    """Replace a value, or with None delete it, if it is of a version; None: if there is none."""
    columns = connection.columns
    if version is not None and data is not None:
        statement = f"{columns.replace} WHERE {columns.unchanged}"
        return connection.execute(statement, (data, key, *version)).rowcount == 1
    if version is not None:
        statement = f"DELETE FROM zarr WHERE {columns.unchanged}"
        return connection.execute(statement, (key, *version)).rowcount == 1
    if data is not None:
        return connection.execute(columns.add, (key, data)).rowcount == 1
    return connection.execute("SELECT 1 FROM zarr WHERE k = ?", (key,)).fetchone() is None


def _blob(key: str, value: object) -> bytes:
    if not isinstance(value, bytes):
        raise ValueError(f"the value of {key!r} is no blob, but {type(value).__name__}")
    return value


# -- keys ---------------------------------------------------------------------------------------

# From each name it jumps behind all that is below that name: what lies deeper is not looked at.
_CHILDREN = """
WITH RECURSIVE found (k) AS (
    SELECT min(k) FROM zarr WHERE k >= :low AND k < :high
    UNION ALL
    SELECT (
        SELECT min(zarr.k) FROM zarr WHERE zarr.k < :high AND zarr.k >= CASE
            WHEN instr(substr(found.k, :skip), '/') = 0 THEN found.k || char(1)
            ELSE :low || substr(substr(found.k, :skip), 1, instr(substr(found.k, :skip), '/') - 1)
                || '0'
        END
    ) FROM found WHERE found.k IS NOT NULL
)
SELECT substr(k, :skip) FROM found WHERE k IS NOT NULL
"""


def below(directory: str) -> tuple[str, tuple[str, ...]]:
    """The condition for keys that begin with `directory`, and its parameters."""
    return ("WHERE k >= ? AND k < ?", (directory, successor(directory))) if directory else ("", ())


def keys_between(connection: Connection, low: str, high: str) -> list[str]:
    """The first keys from `low` on, before `high`: a batch of them."""
    statement = "SELECT k FROM zarr WHERE k >= ? AND k < ? ORDER BY k LIMIT ?"
    return [key for (key,) in connection.execute(statement, (low, high, BATCH))]


def children_of(connection: Connection, directory: str) -> list[str]:
    """The names directly below a directory, each once."""
    limits = {"low": directory, "high": successor(directory), "skip": len(directory) + 1}
    rows = connection.execute(_CHILDREN, limits)
    return list(dict.fromkeys(rest.partition("/")[0] for (rest,) in rows))


T = TypeVar("T")

# A file may come from anywhere: what its schema says must not call functions that do more than
# compute, and its pages are checked when they are read.
_DISTRUST = ("PRAGMA trusted_schema = OFF", "PRAGMA cell_size_check = ON")
# Readers go on while somebody writes. A write outlives the process at once, and a power cut after
# the next checkpoint; with `storage.local.fsync` every write waits for the disk.
_LOG_LIMIT = 64 << 20

_IDLE = 8

_abandoned: list[Connection] = []


class _Gate:
    """Lets operations through; a fork waits until none is under way.

    SQLite has locks of its own for all of the process: in a child forked while another thread
    holds one of them, nobody would ever release it.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition(threading.Lock())
        self._inside = 0
        self._closed = False

    def __enter__(self) -> None:
        with self._changed:
            while self._closed:
                self._changed.wait()
            self._inside += 1

    def __exit__(self, *_: object) -> None:
        with self._changed:
            self._inside -= 1
            if self._closed:
                self._changed.notify_all()

    def close(self, timeout: float = 60.0) -> None:
        with self._changed:
            self._closed = True
            self._changed.wait_for(lambda: self._inside == 0, timeout)

    def open(self) -> None:
        with self._changed:
            self._closed = False
            self._changed.notify_all()


_gate = _Gate()


class Database:
    """An SQLite file with a table of keys and values.

    Connections are made as threads need them, and kept. A forked child makes its own.
    """

    def __init__(self, path: str, *, read_only: bool, timeout: float) -> None:
        self.path = path
        self.read_only = read_only
        self.timeout = timeout
        self._renew()
        _databases.add(self)

    def _renew(self) -> None:
        self._lock = threading.Lock()
        self._idle: list[Connection] = []
        self._all: set[Connection] = set()
        # While a transaction of the user's is under way, all threads share its connection.
        self._shared: Connection | None = None
        self._turn = threading.Lock()
        self._pid = os.getpid()

    # -- connections ------------------------------------------------------------------------

    def run(self, work: Callable[[Connection], T]) -> T:
        """Call `work` with a connection; errors become those of files."""
        with _gate:
            try:
                shared = self._shared
                if shared is not None:
                    with self._turn:
                        if self._shared is shared:
                            return work(shared)
                connection = self._take()
                try:
                    return work(connection)
                finally:
                    self._give(connection)
            except (sqlite3.Error, OverflowError) as error:
                raise self._explained(error) from error

    def _take(self) -> Connection:
        with self._lock:
            if self._idle:
                return self._idle.pop()
        connection = self._connect()
        with self._lock:
            self._all.add(connection)
        return connection

    def _give(self, connection: Connection) -> None:
        if connection.in_transaction:  # something went wrong in the middle of it
            with suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
        with self._lock:
            if len(self._idle) < _IDLE and connection in self._all:
                self._idle.append(connection)
                return
            self._all.discard(connection)
        connection.close()

    def _connect(self) -> Connection:
        if self.read_only and not os.path.isfile(self.path):
            raise FileNotFoundError(errno.ENOENT, "no such SQLite file", self.path)
        mode = "ro" if self.read_only else "rwc"
        if self.read_only and _is_frozen(self.path):
            mode += "&immutable=1"  # it cannot change, and nobody could make a log beside it
        connection = sqlite3.connect(
            f"file:{quote(self.path)}?mode={mode}",
            uri=True,
            timeout=self.timeout,
            isolation_level=None,
            check_same_thread=False,
            factory=Connection,
        )
        try:
            for pragma in _DISTRUST:
                connection.execute(pragma)
            prepare(connection, self.path, read_only=self.read_only, timeout=self.timeout)
            if not self.read_only:
                level = "FULL" if config.settings.storage__local__fsync else "NORMAL"
                connection.execute(f"PRAGMA synchronous = {level}")
                connection.execute(f"PRAGMA journal_size_limit = {_LOG_LIMIT}")
        except BaseException:
            connection.close()
            raise
        return connection

    # -- transactions -----------------------------------------------------------------------

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Make all that is written through this object, by any thread, one change."""
        connection = self._begun()
        try:
            yield
        except BaseException:
            self._end(connection, "ROLLBACK")
            raise
        self._end(connection, "COMMIT")

    def _begun(self) -> Connection:
        with _gate:
            connection = self._take()
            try:
                connection.execute("BEGIN IMMEDIATE")
                with self._lock:
                    if self._shared is not None:
                        raise RuntimeError(f"a transaction of {self.path} is under way")
                    self._shared = connection
            except sqlite3.Error as error:
                self._give(connection)
                raise self._explained(error) from error
            except BaseException:
                self._give(connection)
                raise
        return connection

    def _end(self, connection: Connection, how: str) -> None:
        with _gate, self._turn:
            if self._shared is not connection:
                return  # the store was closed meanwhile, or this is a forked child
            try:
                if connection.in_transaction:  # SQLite gives up some by itself: a full disk
                    connection.execute(how)
                elif how == "COMMIT":
                    raise OSError(f"the transaction of {self.path} was rolled back by an error")
            except sqlite3.Error as error:
                raise self._explained(error) from error
            finally:
                self._shared = None
                self._give(connection)

    # -- the end ----------------------------------------------------------------------------

    def close(self) -> None:
        """Close the connections. The last one of all processes puts everything into one file."""
        with _gate, self._lock:
            connections = self._idle
            self._idle, self._all, self._shared = [], set(), None
        for connection in connections:
            with suppress(sqlite3.Error):
                connection.close()

    def __del__(self) -> None:
        if getattr(self, "_pid", None) == os.getpid():
            for connection in self._idle:
                with suppress(sqlite3.Error):
                    connection.close()

    def _explained(self, error: Exception) -> Exception:
        code = _code(error) & 0xFF
        path = self.path
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            return TimeoutError(
                errno.ETIMEDOUT,
                f"somebody else has been writing for longer than the timeout of {self.timeout} s",
                path,
            )
        if code == sqlite3.SQLITE_FULL:
            return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path)
        if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM):
            return PermissionError(errno.EACCES, f"cannot be written ({error})", path)
        if code == sqlite3.SQLITE_CANTOPEN:
            return self._not_opened(error)
        if code in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT):
            return ValueError(f"{path} is no sound SQLite database: {error}")
        if code == sqlite3.SQLITE_TOOBIG or isinstance(error, (OverflowError, sqlite3.DataError)):
            return ValueError(
                f"a value is too large for SQLite, which stores up to 1 GB under a key in {path}"
            )
        return OSError(errno.EIO, f"SQLite: {error}", path)

    def _not_opened(self, error: Exception) -> Exception:
        directory = os.path.dirname(self.path)
        if not os.path.isdir(directory):
            return FileNotFoundError(
                errno.ENOENT, "there is no directory for the SQLite file", directory
            )
        if os.path.isdir(self.path):
            return IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), self.path)
        if self.read_only and os.path.exists(self.path):
            return PermissionError(
                errno.EACCES,
                "readers need to make a file beside the database; the directory forbids it",
                self.path,
            )
        if not os.access(directory, os.W_OK):
            return PermissionError(errno.EACCES, "the directory forbids writing", self.path)
        return OSError(errno.EIO, f"SQLite: {error}", self.path)


def _code(error: BaseException) -> int:
    code: object = getattr(error, "sqlite_errorcode", 0)
    return code if isinstance(code, int) else 0


def _is_frozen(path: str) -> bool:
    """Whether a file is where nothing can be written."""
    try:
        return bool(os.statvfs(path).f_flag & os.ST_RDONLY)
    except (AttributeError, OSError):
        return False


_databases: WeakSet[Database] = WeakSet()


def _after_fork() -> None:
    """In a forked child: never touch the parent's connections again, not even to close them."""
    global _gate
    inherited = [database for database in list(_databases) if database._all]
    _gate = _Gate()
    for database in list(_databases):
        connections = list(database._all)
        database._renew()
        _abandoned.extend(connections)
    if inherited:
        # Closing them would look to SQLite like the end of the parent's use of the file: they
        # outlive even the list, which the interpreter empties at its end.
        import ctypes

        for connection in _abandoned:
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(connection))


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=lambda: _gate.close(),
        after_in_parent=lambda: _gate.open(),
        after_in_child=_after_fork,
    )
