"""Caches of decoded chunks."""

from __future__ import annotations

import math
import os
import threading
from typing import Literal, NamedTuple, TypeAlias, cast
from uuid import uuid4
from weakref import WeakValueDictionary

from zarr import _core
from zarr.setting_values import parse_size

__all__ = ["CacheStats", "ChunkCache"]

Recheck: TypeAlias = Literal["never", "open", "always"] | float
"""When it is looked at whether a stored chunk is still the one that was decoded."""

_WORDS = ("never", "open", "always")


class CacheStats(NamedTuple):
    """The counts of a cache since it was made.

    Attributes
    ----------
    hits : int
        Chunks that were found in the cache.
    misses : int
        Chunks that were read from a store and decoded.
    evictions : int
        Chunks that had to leave the cache to make room for others.
    bytes : int
        The number of bytes that the cache holds now.
    entries : int
        The number of chunks that the cache holds now.
    """

    hits: int
    misses: int
    evictions: int
    bytes: int
    entries: int

    @property
    def hit_rate(self) -> float:
        """The part of all chunks that was found, from 0 to 1; 0 if none was asked for."""
        asked = self.hits + self.misses
        return self.hits / asked if asked else 0.0


class ChunkCache:
    """A cache of decoded chunks, which arrays, threads and tasks share.

    An array that is opened or created with ``config={"cache": cache}``, or while the setting
    ``cache`` names one, keeps the chunks that it decodes in the cache, and takes them from it. In a
    sharded array, a chunk is an inner chunk. Two readers that need the same chunk at the same time
    decode it once. Those chunks leave the cache that were not used for the longest time.

    A write, resize or deletion by any array or group of this process shows at once. Values that
    somebody else writes show after a recheck. A forked process begins with an empty cache. A
    pickled cache does not carry its chunks along: in the same process it is the same cache, and in
    another one all arrays that were pickled with it share an empty one of the same size.

    Strings and byte strings of variable length are kept as their codec encodes them, before the
    chunk is compressed. Arrays of other objects are read without the cache.

    Parameters
    ----------
    size : int or str
        The most bytes of decoded chunks that are kept: a number, or a string with a unit, such as
        ``"2 GB"`` or ``"512 MiB"``. A chunk counts as 256 bytes at least; one of strings as the
        bytes of all strings and four for the length of each. A chunk that is larger than the cache
        is read, and not kept.
    recheck : {"never", "open", "always"} or float
        When it is looked at whether the stored value is still the one that was decoded: never; once
        for each array that is opened, by default; at each read; or when that was last looked at so
        many seconds ago. A file is compared by its number, size and dates, an object by its entity
        tag. A value of which the store tells no version is read again.

    Raises
    ------
    ValueError
        If the size is not positive, or cannot be understood, or if `recheck` is something else.

    Examples
    --------
    >>> import numpy as np, zarr
    >>> cache = zarr.ChunkCache("64 MB")
    >>> array = zarr.create_array(
    ...     {}, data=np.arange(100).reshape(10, 10), chunks=(5, 5), config={"cache": cache}
    ... )
    >>> for row in range(5):
    ...     _ = array[row]
    >>> cache.stats().misses, cache.stats().hits
    (2, 8)
    """

    def __init__(self, size: int | str, *, recheck: Recheck = "open") -> None:
        self._size = parse_size(size, "the size of a cache")
        self._recheck = _parsed_recheck(recheck)
        self._chunks = _core.Chunks(self._size, self._recheck)
        self._name = uuid4().hex
        _named[self._name] = self

    @property
    def size(self) -> int:
        """The most bytes of decoded chunks that are kept.

        Returns
        -------
        int

        Examples
        --------
        >>> import zarr
        >>> zarr.ChunkCache("2 GB").size
        2000000000
        """
        return self._size

    @property
    def recheck(self) -> Recheck:
        """When it is looked at whether a stored value is still the one that was decoded.

        Returns
        -------
        {"never", "open", "always"} or float
            A number is in seconds.

        Examples
        --------
        >>> import zarr
        >>> zarr.ChunkCache("2 GB").recheck
        'open'
        """
        return self._recheck

    def stats(self) -> CacheStats:
        """Return how often chunks were found, and what is kept.

        Returns
        -------
        CacheStats

        Examples
        --------
        >>> import zarr
        >>> zarr.ChunkCache("2 GB").stats()
        CacheStats(hits=0, misses=0, evictions=0, bytes=0, entries=0)
        """
        return CacheStats(*self._chunks.counts())

    def clear(self) -> None:
        """Let go of all chunks. The counts stay.

        Examples
        --------
        >>> import numpy as np, zarr
        >>> cache = zarr.ChunkCache("2 GB")
        >>> array = zarr.create_array({}, data=np.arange(10), config={"cache": cache})
        >>> _ = array[:]
        >>> cache.clear()
        >>> cache.stats().bytes
        0
        """
        self._chunks.clear()

    def used_by(self, place: str, layout: str) -> tuple[_core.Chunks, str, int, float]:
        """Return the arguments by which the engine reads an array by way of the cache.

        Parameters
        ----------
        place : str
            Names the place of the data: the names of its values begin so.
        layout : str
            Describes how the stored values of the array are decoded.

        Returns
        -------
        tuple
            The engine's cache, the place, the number of the layout, and the time.
        """
        return self._chunks, place, self._chunks.layout(layout), self._chunks.now()

    def __repr__(self) -> str:
        return f"ChunkCache({self._size}, recheck={self._recheck!r})"

    def __reduce__(self) -> tuple[object, ...]:
        return _of_name, (self._name, self._size, self._recheck)

    def __copy__(self) -> ChunkCache:
        return self

    def __deepcopy__(self, memo: object) -> ChunkCache:
        return self


_named: WeakValueDictionary[str, ChunkCache] = WeakValueDictionary()
_by_setting: dict[int | str, ChunkCache] = {}
# Two threads that unpickle one cache get one cache.
_naming = threading.Lock()


def _after_fork() -> None:
    global _naming
    _naming = threading.Lock()  # the thread that held it is not in the child


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def _of_name(name: str, size: int, recheck: Recheck) -> ChunkCache:
    """The cache of a pickle: the one that it was, or one for all that were pickled with it."""
    with _naming:
        found = _named.get(name)
        if found is None:
            found = _named[name] = ChunkCache(size, recheck=recheck)
            found._name = name
        return found


def parse_cache(value: object, source: str = "cache") -> ChunkCache | None:
    """Return the cache that a setting names.

    Parameters
    ----------
    value
        A cache; None for none; or a size, which is one cache for all who name the same.
    source
        The name of the setting, for messages.

    Raises
    ------
    TypeError
        If it is something else.
    ValueError
        If the size cannot be understood.
    """
    if value is None or isinstance(value, ChunkCache):
        return value
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise TypeError(
            f"the setting {source!r} is a zarr.ChunkCache, a size such as '2 GB', or None, not "
            f"{value!r}"
        )
    if isinstance(value, str) and value.strip().lower() in ("none", "null", ""):
        return None
    # In one step, and without a lock that a forked process could find locked.
    return _by_setting.get(value) or _by_setting.setdefault(value, ChunkCache(value))


def _parsed_recheck(recheck: object) -> Recheck:
    if isinstance(recheck, str) and recheck in _WORDS:
        return cast("Recheck", recheck)
    if isinstance(recheck, int | float) and not isinstance(recheck, bool):
        seconds = float(recheck)
        if math.isfinite(seconds) and 0 <= seconds < 1e9:
            return seconds
    raise ValueError(
        f"recheck is 'never', 'open', 'always' or a number of seconds, not {recheck!r}"
    )
