"""Whether two parts of a view have an element of a source in common."""

from __future__ import annotations

from itertools import combinations
from math import gcd
from typing import TYPE_CHECKING, Any

import numpy as np

from zarr.views.running import address

if TYPE_CHECKING:
    from zarr.indexing import Axis, Selection
    from zarr.views.plan import Write


def check_apart(writes: list[list[Write]]) -> None:
    """Fail if several parts of a view have one element of an array.

    Parameters
    ----------
    writes
        What is written, for each part.

    Raises
    ------
    ValueError
        Which value would stay depends on the order of the parts.
    """
    places: dict[tuple[str, str], list[list[Write]]] = {}
    for part in writes:
        if part:
            places.setdefault(address(part[0].array), []).append(part)
    for parts in places.values():
        for one, other in combinations(parts, 2):
            if any(_meet(a.selection, b.selection, a.array.shape) for a in one for b in other):
                raise ValueError(
                    "cannot write to a view that has elements of "
                    f"{one[0].array.store_path.shown_as()} in more than one of its parts: nothing "
                    "was written"
                )


def _meet(one: Selection, other: Selection, shape: tuple[int, ...]) -> bool:
    if one.axes is not None and other.axes is not None:
        return all(map(_axes_meet, one.axes, other.axes))
    if one.axes is not None:
        one, other = other, one
    points = one.points or ()
    if other.axes is not None:
        inside = np.ones(points[0].shape if points else (1,), bool)
        for indices, axis in zip(points, other.axes, strict=True):
            inside &= np.isin(indices, _indices(axis))
        return bool(inside.any())
    found = set(zip(*(axis.tolist() for axis in points), strict=True))
    del shape
    return not found.isdisjoint(zip(*(axis.tolist() for axis in other.points or ()), strict=True))


def _axes_meet(one: Axis, other: Axis) -> bool:
    if isinstance(one, np.ndarray) or isinstance(other, np.ndarray):
        return bool(np.isin(_indices(one), _indices(other)).any())
    (a, s, n), (b, t, m) = one, other
    low, high = max(a, b), min(a + s * (n - 1), b + t * (m - 1))
    if low > high:
        return False
    common = gcd(s, t)
    if (b - a) % common:
        return False
    # The first index that both have, counted from `a`: both are steps of their least multiple.
    turn = t // common
    first = a + s * ((b - a) // common * pow(s // common, -1, turn) % turn) if turn > 1 else a
    least = s * turn
    if first < low:
        first += -(-(low - first) // least) * least
    return first <= high


def _indices(axis: Axis) -> Any:
    if isinstance(axis, np.ndarray):
        return axis
    start, step, count = axis
    return start + step * np.arange(count)
