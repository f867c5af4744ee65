"""Values that are read, changed and put back, beside other processes that do the same.

A store that can replace a value on condition that nobody else has (object stores, by entity tags)
is asked to. Whoever comes too late reads again and makes the change again: nothing is lost, and
somebody always gets ahead.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any, TypeVar

from zarr.abc.store import Store
from zarr.errors import ZarrUserWarning
from zarr.notices import warn
from zarr.storage.wrapper import WrapperStore

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from zarr.abc.store import ByteRequest
    from zarr.buffer.core import Buffer, BufferPrototype

T = TypeVar("T")

_ATTEMPTS = 200
_LONGEST_PAUSE = 1.0

# The kinds of stores about which was warned.
_told: set[str] = set()


class Conflict(Exception):
    """Somebody else changed a value after it was read."""


class Exchange(WrapperStore[Store]):
    """A store in which what was read is replaced only as long as it is what was read.

    Parameters
    ----------
    store
        The store; it supports conditional writes.
    """

    # Whether a value is set may depend on whether it was set before: not to be tried blindly again.
    _conditional = True

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self._versions: dict[str, Any] = {}

    async def get(
        self, key: str, prototype: BufferPrototype, byte_range: ByteRequest | None = None
    ) -> Buffer | None:
        # docstring inherited
        if byte_range is not None:
            return await self._store.get(key, prototype, byte_range)
        found = await self._store.get_versioned(key, prototype)
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
        if key in self._versions:
            try:
                if not await self._store.set_if_unchanged(key, value, self._versions[key]):
                    raise Conflict(key)
            except NotImplementedError:
                del self._versions[key]
            else:
                return
        await self._store.set(key, value)


def is_protected(store: Store) -> bool:
    """Whether a change of a value can be made safe from other processes.

    A subclass that does something of its own when values are read or written is not gone around.
    """
    if not (store._waits and store.supports_conditional_writes):
        return False
    inner: Any = store
    while isinstance(inner, Store):
        order = [vars(kind) for kind in type(inner).__mro__]
        first = {
            name: next(depth for depth, body in enumerate(order) if name in body)
            for name in ("set", "set_if_unchanged")
        }
        if first["set"] < first["set_if_unchanged"]:
            return False
        if type(inner).get_versioned is Store.get_versioned:  # also if it has a `get` of its own
            return False
        inner = getattr(inner, "_store", None)
    return True


async def exchanged(store: Store, change: Callable[[Store], Awaitable[T]]) -> T:
    """Read, change and write values, from the start if others have changed them meanwhile.

    Parameters
    ----------
    store
        Where the values are.
    change
        ``await change(store)`` reads and writes by the store that it is given. It is called again
        after a conflict.

    Raises
    ------
    RuntimeError
        If there is a conflict every time.
    """
    if not is_protected(store):
        return await change(store)
    import asyncio

    for attempt in range(_ATTEMPTS):
        try:
            return await change(Exchange(store))
        except Conflict as conflict:
            key = conflict.args[0]
        await asyncio.sleep(random.uniform(0, min(_LONGEST_PAUSE, 0.01 * 2.0 ** min(attempt, 7))))
    raise RuntimeError(
        f"the value of {key!r} in {store} was changed by others each of the {_ATTEMPTS} times "
        "that it was read to be changed: nothing was written"
    )


def warn_if_unprotected(store: Store) -> None:
    """Say once that a part of a chunk is written where processes may undo each other's work."""
    if not store._shared or is_protected(store):
        return
    inner: Any = store
    while isinstance(getattr(inner, "_store", None), Store):
        inner = inner._store
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
