"""A store of your own: bytes by key, here in SQLite. Anything may be behind it."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from contextlib import closing
from typing import TYPE_CHECKING, Any

import numpy as np

import zarr
from zarr.abc.store import (
    OffsetByteRequest,
    RangeByteRequest,
    Store,
    StoreTraits,
    SuffixByteRequest,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from zarr.abc.buffer import Buffer, BufferPrototype
    from zarr.abc.store import ByteRequest


class SQLiteStore(Store):
    """Keys and values in one table of a database.

    Parameters
    ----------
    database
        A connection that any thread may use.
    read_only
        Whether writing is refused.
    """

    supports_writes = True
    supports_deletes = True
    supports_listing = True

    def __init__(self, database: sqlite3.Connection, *, read_only: bool = False) -> None:
        super().__init__(read_only=read_only)
        self.database = database
        self._turn = threading.Lock()  # a connection answers one thread at a time
        self.database.execute("create table if not exists value (key primary key, data)")

    def with_read_only(self, read_only: bool = False) -> SQLiteStore:
        return SQLiteStore(self.database, read_only=read_only)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SQLiteStore) and self.database is other.database

    def __str__(self) -> str:
        return f"sqlite://{id(self.database)}"

    def declare_traits(self) -> StoreTraits:
        return StoreTraits(byte_ranges=True)  # `get` returns the part that it is asked for

    async def _ask(self, query: str, *values: Any) -> list[Any]:
        """Ask the database in another thread: the event loop has other things to do."""

        def ask() -> list[Any]:
            with self._turn:
                return self.database.execute(query, values).fetchall()

        return await asyncio.to_thread(ask)

    async def get(
        self, key: str, prototype: BufferPrototype, byte_range: ByteRequest | None = None
    ) -> Buffer | None:
        match byte_range:
            case RangeByteRequest(start, end):
                first, length = start + 1, end - start
            case OffsetByteRequest(offset):
                first, length = offset + 1, -1
            case SuffixByteRequest(suffix):
                first, length = -suffix, suffix
            case _:
                first, length = 1, -1
        part = "substr(data, ?)" if length < 0 else "substr(data, ?, ?)"
        values = (first, key) if length < 0 else (first, length, key)
        rows = await self._ask(f"select {part} from value where key = ?", *values)
        return prototype.buffer.from_bytes(rows[0][0]) if rows else None

    async def exists(self, key: str) -> bool:
        return bool(await self._ask("select 1 from value where key = ?", key))

    async def set(self, key: str, value: Buffer) -> None:
        self._check_writable()
        await self._ask("replace into value values (?, ?)", key, value.to_bytes())

    async def delete(self, key: str) -> None:
        self._check_writable()
        await self._ask("delete from value where key = ?", key)

    async def list(self) -> AsyncIterator[str]:
        for (key,) in await self._ask("select key from value"):
            yield key

    async def list_prefix(self, prefix: str) -> AsyncIterator[str]:
        async for key in self.list():
            if key.startswith(prefix):
                yield key

    async def list_dir(self, prefix: str) -> AsyncIterator[str]:
        directory = f"{prefix.rstrip('/')}/" if prefix else ""
        names = {key[len(directory) :].split("/")[0] async for key in self.list_prefix(directory)}
        for name in sorted(names):
            yield name


def main() -> None:
    """Write an array to the store, and read it back."""
    data = np.arange(10_000, dtype="f4").reshape(100, 100)
    database = sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None)
    with closing(database):
        store = SQLiteStore(database)
        array = zarr.create_array(store, data=data, chunks=(10, 10), shards=(50, 50))
        assert np.array_equal(array[:], data)
        again = zarr.open_array(store, mode="r")
        assert np.array_equal(again[5:95:7, 30:], data[5:95:7, 30:])
        (count,) = database.execute("select count(*) from value").fetchone()
        print(f"{array.shape} in {count} values, {array.nbytes_stored():,} bytes stored")


if __name__ == "__main__":
    main()
