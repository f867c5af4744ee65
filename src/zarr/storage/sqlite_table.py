"""The table of an SQLite file: what columns it has, and how values are found and set in it."""

from __future__ import annotations

import sqlite3
import time
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from zarr.storage.keys import successor
from zarr.storage.ranges import absolute

if TYPE_CHECKING:
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
    # What a value has for a version, beside the number of its row.
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
    """Make the table if there is none, and look what columns it has."""
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


def below(folder: str) -> tuple[str, tuple[str, ...]]:
    """The condition for keys that begin with `folder`, and its parameters."""
    return ("WHERE k >= ? AND k < ?", (folder, successor(folder))) if folder else ("", ())


def keys_between(connection: Connection, low: str, high: str) -> list[str]:
    """The first keys from `low` on, before `high`: a batch of them."""
    statement = "SELECT k FROM zarr WHERE k >= ? AND k < ? ORDER BY k LIMIT ?"
    return [key for (key,) in connection.execute(statement, (low, high, BATCH))]


def children_of(connection: Connection, folder: str) -> list[str]:
    """The names directly below a folder, each once."""
    limits = {"low": folder, "high": successor(folder), "skip": len(folder) + 1}
    rows = connection.execute(_CHILDREN, limits)
    return list(dict.fromkeys(rest.partition("/")[0] for (rest,) in rows))
