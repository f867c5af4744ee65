"""The places that were deleted in this process: a handle from before must not write there blindly.

Deletions are numbered. A handle notes the number of the last one when it sees that its node is
stored. Where a later one may have deleted the node, it looks again before it writes.
"""

from __future__ import annotations

import os
import threading
from collections import OrderedDict

_MOST = 4096
"""So many places are known; of older ones, only the number of the last is."""

_lock = threading.Lock()
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
        _last += 1
        _deleted.pop(place, None)
        _deleted[place] = _last
        if len(_deleted) > _MOST:
            _forgotten = _deleted.popitem(last=False)[1]


def may_be_deleted(data_id: str, path: str, since: int) -> bool:
    """Tell whether what is at a path may have been deleted after the deletion of a number."""
    if since < _forgotten:
        return True
    place = f"{data_id}/{path}/" if path else f"{data_id}/"
    end = place.find("/")
    while end != -1:
        if _deleted.get(place[: end + 1], 0) > since:
            return True
        end = place.find("/", end + 1)
    return False


def _renew() -> None:
    """In a forked child: the thread that held the lock is not there."""
    global _lock
    _lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew)
