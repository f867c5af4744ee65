"""Whether a value was changed while somebody read it by several requests.

A shard is read by two requests or more: first its index, then what the index points at. Between
them somebody may write the shard, and then the parts do not belong together. Whoever reads so
watches the key; whoever writes tells. Both are of this process. Writes by others show if the store
tells the versions of a value apart.
"""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_lock = threading.Lock()
# By the name of the data and the key: a store may show a directory of another.
_watches: dict[str, list[Watch]] = {}
# How many writes of a value are under way.
_writes: dict[str, int] = {}


_UNSEEN = object()


class Watch:
    """A value that is being read."""

    __slots__ = ("_place", "_told", "_version", "changed")

    def __init__(self, place: str, told: Callable[[], object] | None) -> None:
        self._place = place
        self._told = told
        self._version: Any = _UNSEEN
        self.changed = False

    def saw(self, version: Any) -> None:
        """Take note of the version of which a part was read."""
        if self._version is _UNSEEN:
            self._version = version
        elif self._version != version:
            self.changed = True

    def close(self) -> None:
        """Stop watching; `changed` is final then."""
        with _lock:
            watches = _watches[self._place]
            watches.remove(self)
            if not watches:
                del _watches[self._place]
            self.changed = self.changed or self._place in _writes

    def tell(self) -> None:
        """Take note of a write."""
        self.changed = True
        if self._told is not None:
            self._told()


def watch(data_id: str, key: str, told: Callable[[], object] | None = None) -> Watch:
    """Begin to watch a value of the data of this name.

    Parameters
    ----------
    data_id, key
        Name the value.
    told
        Called, in whatever thread, when it is written.
    """
    place = f"{data_id}/{key}"
    seen = Watch(place, told)
    with _lock:
        _watches.setdefault(place, []).append(seen)
        seen.changed = place in _writes
    return seen


@contextmanager
def writing(data_id: str, key: str) -> Iterator[None]:
    """Tell those who watch a value that it is written in this context."""
    place = f"{data_id}/{key}"
    with _lock:
        _writes[place] = _writes.get(place, 0) + 1
    _tell(place)
    try:
        yield
    finally:
        with _lock:
            _writes[place] -= 1
            if not _writes[place]:
                del _writes[place]
        _tell(place)


def rewritten_below(data_id: str, prefix: str) -> None:
    """Tell those who watch a value below a prefix that it may be gone."""
    with _lock:
        places = [place for place in _watches if place.startswith(f"{data_id}/{prefix}")]
    for place in places:
        _tell(place)


def _tell(place: str) -> None:
    if place not in _watches:
        return
    with _lock:
        watches = list(_watches.get(place, ()))
    for seen in watches:
        seen.tell()


def _forget() -> None:
    """In a forked child: what the parent's tasks do, they do in the parent."""
    global _lock
    _lock = threading.Lock()
    _watches.clear()
    _writes.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
