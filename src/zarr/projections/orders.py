"""The orders in which the places of a grid are gone through."""

from __future__ import annotations

from functools import lru_cache
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

Coords = tuple[tuple[int, ...], ...]


def lexicographic_order_coords(shape: tuple[int, ...]) -> Coords:
    """Return the places of a grid, those along the last axis next to each other."""
    return tuple(product(*map(range, shape)))


def colexicographic_order_coords(shape: tuple[int, ...]) -> Coords:
    """Return the places of a grid, those along the first axis next to each other."""
    return tuple(place[::-1] for place in product(*map(range, reversed(shape))))


@lru_cache(maxsize=32)
def morton_order_coords(shape: tuple[int, ...]) -> Coords:
    """Return the places of a grid in Morton order (Z order)."""
    if 0 in shape:
        return ()
    codes = np.arange(1 << sum(_bits(shape)), dtype=np.intp)
    places = decode_morton_vectorized(codes, shape)
    inside = places[np.all(places < np.array(shape, dtype=np.intp), axis=1)]
    return tuple(map(tuple, inside.tolist()))


def decode_morton(z: int, chunk_shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the place that a Morton code stands for; its bits are dealt to the axes in turn.

    An axis takes no more bits than its length needs, so a code may mean a place outside of a grid
    whose lengths are no powers of two.
    """
    place = [0] * len(chunk_shape)
    for where, (axis, bit) in enumerate(_deal(chunk_shape)):
        place[axis] |= ((z >> where) & 1) << bit
    return tuple(place)


def decode_morton_vectorized(
    z: npt.NDArray[np.intp], chunk_shape: tuple[int, ...]
) -> npt.NDArray[np.intp]:
    """Return what `decode_morton` does, for many codes: one row for each."""
    places = np.zeros((len(z), len(chunk_shape)), dtype=np.intp)
    for where, (axis, bit) in enumerate(_deal(chunk_shape)):
        places[:, axis] |= ((z >> where) & 1) << bit
    return places


def _bits(shape: tuple[int, ...]) -> list[int]:
    return [max(length - 1, 0).bit_length() for length in shape]


def _deal(shape: tuple[int, ...]) -> list[tuple[int, int]]:
    """The axis that each bit of a code goes to, lowest first, and its place there."""
    bits = _bits(shape)
    return [
        (axis, level)
        for level in range(max(bits, default=0))
        for axis, count in enumerate(bits)
        if level < count
    ]
