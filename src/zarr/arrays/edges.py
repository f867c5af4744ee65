"""Where the chunks of one axis lie.

An axis is divided into chunks of one size, given as an int, or of several, given as a tuple of
edge lengths. Both start at 0; the last chunk may reach beyond the end of the axis.
"""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate
from typing import TypeAlias

Edge: TypeAlias = int | tuple[int, ...]


def chunk_count(edge: Edge, length: int) -> int:
    """How many chunks an axis of this length has."""
    if isinstance(edge, int):
        return -(-length // edge)
    if length == 0:
        return 0
    return chunk_of(edge, length - 1) + 1


def chunk_of(edge: Edge, index: int) -> int:
    """The number of the chunk that an element is in."""
    if isinstance(edge, int):
        return index // edge
    return min(bisect_right(tuple(accumulate(edge)), index), len(edge) - 1)


def chunk_bounds(edge: Edge, chunk: int) -> tuple[int, int]:
    """The first element of a chunk, and the one behind its last."""
    if isinstance(edge, int):
        return chunk * edge, (chunk + 1) * edge
    start = sum(edge[:chunk])
    return start, start + edge[chunk]


def chunk_sizes(edge: Edge, length: int) -> tuple[int, ...]:
    """How many elements of an axis each of its chunks holds."""
    if isinstance(edge, int):
        whole, rest = divmod(length, edge)
        return (edge,) * whole + ((rest,) if rest else ())
    sizes = []
    for size in edge:
        if length <= 0:
            break
        sizes.append(min(size, length))
        length -= size
    return tuple(sizes)
