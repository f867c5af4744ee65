"""The writes and deletions of this process, which others in it must know of.

A shard is read by two requests or more: first its index, then the chunks that the index points at.
Between them somebody may write the shard, and then the parts do not belong together. A reader
watches the key, and a writer tells. Writes by other processes show if the store tells the versions
of a value apart.

Deletions are numbered. A handle notes the number of the last one when it sees that its node is
stored. Where a later one may have deleted the node, it looks again before it writes.
"""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from contextlib import contextmanager
from typing import TYPE_CHECKING

from zarr._core import forget_chunks, forget_chunks_below

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
        self._version: object = _UNSEEN
        self.changed = False

    @property
    def version(self) -> object:
        """The version that was seen; None if none was."""
        return None if self._version is _UNSEEN else self._version

    def saw(self, version: object) -> None:
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
    """Tell those who watch a value, or keep chunks of it, that it is written in this context."""
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
        forget_chunks(place)


def rewritten_below(data_id: str, prefix: str) -> None:
    """Tell those who watch a value below a prefix, or keep chunks of it, that it may be gone."""
    with _lock:
        places = [place for place in _watches if place.startswith(f"{data_id}/{prefix}")]
    for place in places:
        _tell(place)
    forget_chunks_below(f"{data_id}/{prefix}")


def _tell(place: str) -> None:
    if place not in _watches:
        return
    with _lock:
        watches = list(_watches.get(place, ()))
    for seen in watches:
        seen.tell()


_MOST = 4096
"""So many places are known; of older ones, only the number of the last is."""

_deleted: OrderedDict[str, int] = OrderedDict()
_last = 0
_forgotten = 0


def deletions() -> int:
    """Return the number of the last deletion."""
    return _last


def note_deletion(data_id: str, prefix: str) -> None:
    """Note that all below a prefix was deleted: one that ends with a slash, or that of all keys."""
    global _last, _forgotten
    place = f"{data_id}/{prefix}"
    with _lock:
        # Others look without the lock. A deletion is known before its number is, a place that was
        # deleted before is never missing in between, and what is forgotten is said to be first.
        _deleted[place] = number = _last + 1
        _deleted.move_to_end(place)
        if len(_deleted) > _MOST:
            oldest = next(iter(_deleted))
            _forgotten = _deleted[oldest]
            del _deleted[oldest]
        _last = number


def may_be_deleted(data_id: str, path: str, since: int) -> bool:
    """Tell whether what is at a path may have been deleted after the deletion of a number."""
    place = f"{data_id}/{path}/" if path else f"{data_id}/"
    end = place.find("/")
    while end != -1:
        if _deleted.get(place[: end + 1], 0) > since:
            return True
        end = place.find("/", end + 1)
    return since < _forgotten


def _renew() -> None:
    """In a forked child: what the parent's tasks do, they do in the parent."""
    global _lock
    _lock = threading.Lock()
    _watches.clear()
    _writes.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew)
