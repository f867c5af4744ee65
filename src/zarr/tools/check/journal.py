"""A directory that keeps the values that a tool replaces or deletes, so that they can come back.

Each change is written down, on the disk, before it is made. So whenever the tool is killed, the
directory has the old value of everything that may have been changed.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from zarr._async.run import offload, section
from zarr.abc._traits import data_id_of
from zarr.buffer.cpu import Buffer, buffer_prototype
from zarr.hierarchy.locking import guarded
from zarr.storage.client import Requests
from zarr.storage.client.conditional import deletes, exchanged
from zarr.storage.path import is_within
from zarr.tools.check.stored_values import version_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from zarr.abc.store import Store

__all__ = ["Change", "Entry", "Journal", "change", "current"]

_JOURNAL = "journal.jsonl"


class Change(NamedTuple):
    """A change of one value.

    Parameters
    ----------
    key
        Whose value.
    value
        The new value; None to delete it.
    version
        The SHA-256 of the value as it must be before, ``"absent"`` if there must be none, ``""``
        if it does not matter.
    """

    key: str
    value: bytes | None
    version: str = ""


ABSENT = "absent"


class Entry(NamedTuple):
    """A change that was written down: the old value's file, and the versions before and after."""

    key: str
    file: str
    before: str
    after: str


def _version(value: bytes | None) -> str:
    return ABSENT if value is None else version_of(value)


class Journal:
    """A directory of old values.

    Parameters
    ----------
    directory
        Where it is.
    """

    def __init__(self, directory: str | os.PathLike[str]) -> None:
        self.directory = Path(directory)
        self._path = self.directory / _JOURNAL
        self._count = 0

    @classmethod
    def new(cls, directory: str | os.PathLike[str], store: Store) -> Journal:
        """Make an empty one.

        Raises
        ------
        FileExistsError
            If there is something in the directory.
        ValueError
            If it is in the store.
        """
        if is_within(f"file://{os.path.realpath(directory)}", data_id_of(store)):
            raise ValueError(f"{directory} is in the store: keep old values somewhere else")
        made = cls(directory)
        made.directory.mkdir(parents=True, exist_ok=True)
        if any(made.directory.iterdir()):
            raise FileExistsError(
                f"{directory} is not empty: what is replaced is kept in a new directory"
            )
        made._append({"zarr_undo": 1, "store": data_id_of(store)})
        return made

    def record(self, key: str, before: bytes | None, after: bytes | None) -> None:
        """Write down a change that is about to be made."""
        name = ""
        if before is not None:
            name = f"{self._count:08d}.value"
            with open(self.directory / name, "xb") as file:
                file.write(before)
                _sync(file.fileno())
        self._count += 1
        line = {"key": key, "file": name, "before": _version(before), "after": _version(after)}
        self._append(line)

    def _append(self, line: Mapping[str, object]) -> None:
        with open(self._path, "ab") as file:
            file.write(json.dumps(line).encode() + b"\n")
            _sync(file.fileno())
        if os.name == "posix":
            directory = os.open(self.directory, os.O_RDONLY)
            try:
                _sync(directory)
            finally:
                os.close(directory)

    def entries(self, store: Store) -> list[Entry]:
        """Return what was written down, the last change first.

        Raises
        ------
        FileNotFoundError
            If there is no journal.
        ValueError
            If it is of another store, or a value in it is not what it was.
        """
        lines = list(self._lines())
        if not lines or lines[0].get("zarr_undo") != 1:
            raise ValueError(f"{self.directory} holds no journal of a repair")
        if lines[0]["store"] != data_id_of(store):
            raise ValueError(
                f"{self.directory} has values of {lines[0]['store']}, not of {data_id_of(store)}"
            )
        found = [
            Entry(str(line["key"]), str(line["file"]), str(line["before"]), str(line["after"]))
            for line in lines[1:]
        ]
        for entry in found:  # all of them, before anything is put back
            self.value(entry)
        return found[::-1]

    def _lines(self) -> Iterator[dict[str, object]]:
        for line in self._path.read_bytes().splitlines(keepends=True):
            if not line.endswith(b"\n"):
                return  # cut while it was written: the change was not made
            yield json.loads(line)

    def value(self, entry: Entry) -> bytes | None:
        """Return the old value; None if there was none."""
        if entry.before == ABSENT:
            return None
        if os.path.basename(entry.file) != entry.file:
            raise ValueError(f"{self.directory}: {entry.file!r} is no file of it")
        value = (self.directory / entry.file).read_bytes()
        if _version(value) != entry.before:
            raise ValueError(
                f"{self.directory / entry.file}: the value of {entry.key!r} is not what it was"
            )
        return value


def _sync(descriptor: int) -> None:
    os.fsync(descriptor)


async def current(store: Store, key: str) -> bytes | None:
    """Return the value of a key; None if there is none."""
    value = await Requests(store).get_checked(key)
    return None if value is None else value.to_bytes()


async def change(store: Store, todo: Change, journal: Journal | None) -> bool:
    """Make a change, unless somebody else changed the value since it was looked at.

    Returns
    -------
    bool
        Whether it was made.
    """
    recorded = ""

    async def attempt(there: Store) -> bool:
        nonlocal recorded
        requests = Requests(there)
        value = await requests.get(todo.key, buffer_prototype)
        before = None if value is None else value.to_bytes()
        if todo.version and _version(before) != todo.version:
            return False
        if before == todo.value:
            return True
        version = _version(before)
        if recorded and recorded != version:
            return False
        if journal is not None and not recorded:
            await offload(journal.record, todo.key, before, todo.value)
        recorded = version
        if todo.value is None:
            # Services delete without a condition only.
            await (requests if deletes(there) else Requests(store)).delete(todo.key)
        else:
            await requests.set(todo.key, Buffer.from_bytes(todo.value))
        return True

    async def make() -> bool:
        async with guarded(data_id_of(store), todo.key):
            return await exchanged(store, attempt)

    return await section(make, store.traits.needs_event_loop)
