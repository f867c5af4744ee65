"""Locks around what is read, changed and written back."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from zarr._async.run import locked, offload, stepping
from zarr.abc._traits import data_id_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from contextlib import AbstractAsyncContextManager, AbstractContextManager

    from zarr.storage.path import StorePath
    from zarr.synchronizer import Synchronizer


def guarded(
    data_id: str, key: str, synchronizer: Synchronizer | None = None
) -> AbstractAsyncContextManager[None]:
    """A context in which nobody else changes the value of a key.

    Parameters
    ----------
    data_id
        Names the data of a store.
    key
        The key.
    synchronizer
        Gives a lock for the key, ``synchronizer[key]``, that is taken beside that of the process.
    """
    name = f"{data_id}/{key}"
    return locked(name) if synchronizer is None else _synchronized(name, synchronizer[key])


@asynccontextmanager
async def _synchronized(name: str, lock: AbstractContextManager[object]) -> AsyncIterator[None]:
    # The lock of the process first: then one task of it at a time waits for the other lock.
    async with locked(name):
        if stepping():
            with lock:
                yield
            return
        holder = _Holder(lock)
        try:
            await offload(holder.acquired.wait, kind="lock")
            holder.check()
            yield
        finally:
            holder.release()


# The shapes of arrays that were made longer in this process, by where they are. Handles that were
# opened before do not know of it, and must keep what their last chunks hold beyond the end.
_grown: OrderedDict[str, tuple[int, ...]] = OrderedDict()
# So many are known by name; once there were more, any other array may have grown.
_MOST_GROWN = 4096
_some_forgotten = False
_noting = threading.Lock()


def _after_fork() -> None:
    global _noting
    _noting = threading.Lock()  # the thread that held it is not in the child


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def _address(place: StorePath) -> str:
    return f"{data_id_of(place.store)}/{place.path}"


def note_growth(place: StorePath, shape: tuple[int, ...]) -> None:
    """Remember that the array at a place has been made longer."""
    global _some_forgotten
    address = _address(place)
    with _noting:
        # Others look without the lock: an array is never missing in between.
        _grown[address] = shape
        _grown.move_to_end(address)  # the last to be forgotten
        if len(_grown) > _MOST_GROWN:
            _some_forgotten = True
            _grown.popitem(last=False)


def may_have_grown(place: StorePath, shape: tuple[int, ...]) -> bool:
    """Whether somebody in this process made an array longer than a handle thinks it is."""
    if not _grown:
        return False
    known = _grown.get(_address(place))
    return _some_forgotten if known is None else known != shape


class _Holder:
    """A thread that holds a blocking lock for a task, which may move between threads."""

    def __init__(self, lock: AbstractContextManager[object]) -> None:
        self._lock = lock
        self._done = threading.Event()
        self._error: BaseException | None = None
        self.acquired = threading.Event()
        threading.Thread(target=self._hold, name="zarr_lock", daemon=True).start()

    def _hold(self) -> None:
        try:
            with self._lock:
                self.acquired.set()
                self._done.wait()
        except BaseException as error:
            self._error = error
        finally:
            self.acquired.set()

    def check(self) -> None:
        """Raise what kept the lock from being taken."""
        if self._error is not None:
            raise self._error

    def release(self) -> None:
        """Let go of the lock, now or as soon as it is had."""
        self._done.set()
