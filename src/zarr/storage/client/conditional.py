"""Values that are read, changed and put back, beside other processes that do the same.

A store that can replace a value on condition that nobody else has (object stores by entity tags,
local files by locks) is asked to. A writer that comes too late reads again and makes the change
again: nothing is lost, and one writer always gets ahead.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, TypeVar

from zarr import _core
from zarr._async.warnings import warn
from zarr.abc.store import Store, get_versioned
from zarr.buffer.cpu import Buffer as CpuBuffer
from zarr.buffer.cpu import buffer_prototype
from zarr.errors import ZarrUserWarning
from zarr.settings import config
from zarr.storage.client import OnceStore, Requests
from zarr.storage.client.retry import sleep
from zarr.storage.wrapper import composed, layers

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from zarr.abc.store import ByteRequest, StoreTraits
    from zarr.buffer.core import Buffer, BufferPrototype

T = TypeVar("T")

_ATTEMPTS = 200
# Seconds to wait after the first conflict, at most: about as long as it takes to try again.
_PAUSE = 0.01
_LOCAL_PAUSE = 0.0005
_LONGEST_PAUSE = 1.0

# The kinds of stores about which was warned.
_told: set[str] = set()


class Conflict(Exception):
    """Somebody else changed a value after it was read."""


class OutcomeUnknown(Conflict):
    """It is not known what became of a change, but it is not there."""

    def __init__(self, key: str, error: Exception) -> None:
        super().__init__(key)
        self.error = error


class Exchange(OnceStore):
    """A store that replaces a value only if it is still the one that was read.

    Parameters
    ----------
    store
        The store; it supports conditional writes.
    marked
        Whether documents end with white space that nobody else would write, so that a change that
        was made is told from an equal one of somebody else.
    """

    def __init__(self, store: Store, *, marked: bool = False) -> None:
        super().__init__(store)
        self._marked = marked
        self._own: StoreTraits | None = None
        self._versions: dict[str, object] = {}
        self._tried: dict[str, Buffer | None] = {}

    @property
    def traits(self) -> StoreTraits:
        # docstring inherited
        # Nothing here waits by itself, or changes a value.
        if self._own is None:
            self._own = self.declare_traits()
        return self._own

    def shown_as(self) -> str:
        return self._store.shown_as()  # it is the user's store that fails

    @property
    def deletes(self) -> bool:
        """Whether a value can be deleted on condition."""
        return self._store.traits.conditional_deletes

    def expect_none(self, keys: Iterable[str]) -> None:
        """Write these keys only where nothing is, as if that had been read."""
        self._versions.update(dict.fromkeys(keys))

    async def get(
        self, key: str, prototype: BufferPrototype, byte_range: ByteRequest | None = None
    ) -> Buffer | None:
        # docstring inherited
        if byte_range is not None:
            return await self._store.get(key, prototype, byte_range)
        found = await get_versioned(self._store, key, prototype, None)
        if found is None:
            self._versions[key] = None
            return None
        if found[1] is None:  # the service tells none: it is written as it always was
            self._versions.pop(key, None)
        else:
            self._versions[key] = found[1]
        return found[0]

    async def set(self, key: str, value: Buffer) -> None:
        # docstring inherited
        self._tried.pop(key, None)
        if key not in self._versions:
            await self._store.set(key, value)
            return
        tried = self._tried[key] = _marked(value) if self._marked else value
        try:
            if await self._store.set_if_unchanged(key, tried, self._versions[key]):
                return
        except NotImplementedError:
            del self._versions[key], self._tried[key]
            await self._store.set(key, value)
            return
        # A client that asked again by itself was refused because of what it did the first time.
        if not (self._marked and await self._is_there(key, self._store)):
            raise Conflict(key)

    async def delete(self, key: str) -> None:
        # docstring inherited
        self._tried.pop(key, None)
        if key not in self._versions:
            await self._store.delete(key)
            return
        self._tried[key] = None
        if not await self._store.delete_if_unchanged(key, self._versions[key]):
            raise Conflict(key)

    async def resolve_outcome(self, key: str, error: Exception) -> None:
        # docstring inherited
        if key not in self._tried:
            raise error
        if not await self._is_there(key, self):
            raise OutcomeUnknown(key, error)

    async def _is_there(self, key: str, store: Store) -> bool:
        stored, tried = await Requests(store).get(key, buffer_prototype), self._tried[key]
        if stored is None or tried is None:
            return stored is tried
        return stored.to_bytes() == tried.to_bytes()


def _marked(value: Buffer) -> Buffer:
    mark = f"{int.from_bytes(os.urandom(6)):048b}".translate({48: " ", 49: "\t"})
    return CpuBuffer.from_bytes(value.to_bytes() + mark.encode())


def deletes(store: Store) -> bool:
    """Whether a value may be deleted that was read to be changed; else fill values are stored.

    Services replace on condition, but do not delete.
    """
    return not isinstance(store, Exchange) or store.deletes


async def exchanged(
    store: Store, change: Callable[[Store], Awaitable[T]], *, marked: bool = False
) -> T:
    """Read, change and write values, from the start if others have changed them meanwhile.

    Parameters
    ----------
    store
        Where the values are.
    change
        ``await change(store)`` reads and writes by the store that it is given. It is called again
        after a conflict.
    marked
        Whether a change must not be made again that was made, though no answer came: documents
        get a mark then. Without one, a value that is as it was to become was changed by us.

    Raises
    ------
    RuntimeError
        If there is a conflict every time.
    """
    protected = store.traits.conditional_writes
    marked = marked and store.traits.needs_event_loop  # what a local file answers is not lost
    pause = _PAUSE if store.traits.needs_event_loop else _LOCAL_PAUSE
    lost = 0
    for attempt in range(_ATTEMPTS):
        try:
            return await change(Exchange(store, marked=marked) if protected else store)
        except Conflict as conflict:
            key = conflict.args[0]
            if isinstance(conflict, OutcomeUnknown):
                lost += 1
                if lost >= config.settings.requests__attempts:
                    raise conflict.error from None
        from random import uniform  # late: few writers meet

        await sleep(uniform(0, min(_LONGEST_PAUSE, pause * 2.0 ** min(attempt, 7))))
    raise RuntimeError(
        f"the value of {key!r} in {store.shown_as()} was changed by others each of the "
        f"{_ATTEMPTS} times that it was read to be changed: nothing was written"
    )


async def put_first(store: Store, key: str, value: Buffer) -> None:
    """Give a key a value where none was read.

    Raises
    ------
    Conflict
        If somebody else gave it one meanwhile, as far as the store can tell.
    """
    requests = Requests(store)
    if isinstance(store, Exchange) or composed(store, "set_if_not_exists"):
        await requests.set(key, value)
        return
    await requests.set_if_not_exists(key, value)
    stored = await requests.get(key, buffer_prototype)
    if stored is None or stored.to_bytes() != value.to_bytes():
        raise Conflict(key)


def warn_if_unprotected(store: Store) -> None:
    """Say once that a part of a chunk is written where processes may undo each other's work."""
    traits = store.traits
    handle = traits.native_handle
    if isinstance(handle, _core.Files) and handle.unlocked:  # the engine has found out
        store.redeclare_traits()
        traits = store.traits
    if traits.conditional_writes or not traits.multi_writer:
        return
    *_, inner = layers(store)
    kind = type(inner).__name__
    service = getattr(getattr(inner, "fs", None), "protocol", "")
    name = f"{kind} ({service if isinstance(service, str) else service[0]})" if service else kind
    if name in _told:
        return
    _told.add(name)
    warn(
        f"A part of a chunk is written to a {name}, which cannot tell whether another process "
        "writes the same chunk: one of them may undo what the other wrote. Let each process write "
        "whole chunks (or shards), or give a `synchronizer`.",
        ZarrUserWarning,
    )
