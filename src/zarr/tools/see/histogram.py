"""Histograms that are made in one pass, of parts that are merged exactly.

The bins of a part are as wide as the least power of two with which its range takes no more than so
many bins, and they begin at multiples of that. Two bins of one width make exactly one of twice the
width. So the histogram of all is the same, in whatever order parts are merged, and however the
elements were divided.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Histogram", "histogram_of", "merged"]


class Histogram(NamedTuple):
    """How many elements there are in bins of equal width.

    Parameters
    ----------
    power
        The width of a bin is two to the power of it.
    first
        The first bin begins at so many times the width.
    counts
        How many elements each bin holds.
    """

    power: int
    first: int
    counts: tuple[int, ...]

    def edges(self) -> list[int] | list[float]:
        """Return where bins begin and end: one more than there are bins."""
        places = range(self.first, self.first + len(self.counts) + 1)
        if self.power >= 0:
            return [place << self.power for place in places]
        return [math.ldexp(place, self.power) for place in places]

    def coarser(self, power: int) -> Histogram:
        """Return the histogram of the same elements with wider bins."""
        if power == self.power:
            return self
        step = power - self.power
        first = self.first >> step
        counts = [0] * (((self.first + len(self.counts) - 1) >> step) - first + 1)
        for place, number in enumerate(self.counts, start=self.first):
            counts[(place >> step) - first] += number
        return Histogram(power, first, tuple(counts))


def histogram_of(values: np.ndarray[Any, Any], bins: int, weight: int = 1) -> Histogram | None:
    """Return the histogram of finite numbers; None of none.

    Parameters
    ----------
    values
        Integers of up to 64 bits, or floating-point numbers.
    bins
        How many bins there are at most.
    weight
        How often each counts.
    """
    if not values.size:
        return None
    low, high = values.min(), values.max()
    whole = values.dtype.kind in "iu"
    power = _power(low, high, bins, whole)
    first = int(_places(low, power, whole))
    places = _places(values, power, whole)
    found = np.bincount((places - _places(low, power, whole)).astype(np.int64).reshape(-1))
    return Histogram(power, first, tuple(int(number) * weight for number in found))


def _places(values: Any, power: int, whole: bool) -> Any:
    """The bins of elements, as multiples of the width."""
    if whole:
        return values >> values.dtype.type(power)
    values = values.astype(np.float64)
    places = np.floor(np.ldexp(values, -power))
    # A number so small that it became 0 on the way is still below 0.
    return places - ((places == 0) & (values < 0))


def _power(low: Any, high: Any, bins: int, whole: bool) -> int:
    if whole:
        first, last, power = int(low), int(high), 0
        while (last >> power) - (first >> power) >= bins:
            power += 1
        return power
    ends = float(low), float(high)
    # A bin is no narrower than the steps between numbers.
    least = max(math.frexp(max(map(abs, ends)))[1] - 53, -1074)
    reach = ends[1] / 2 - ends[0] / 2  # the whole may be too large a number
    power = least
    if reach > 0:
        power = max(least, math.frexp(reach)[1] - bins.bit_length() - 1)
    while _floor(ends[1], power) - _floor(ends[0], power) >= bins:
        power += 1
    return power


def _floor(value: float, power: int) -> int:
    place = math.floor(math.ldexp(value, -power))
    return -1 if place == 0 and value < 0 else place


def merged(parts: Iterable[Histogram | None], bins: int) -> Histogram | None:
    """Return the histogram of all elements of several.

    Parameters
    ----------
    parts
        The histograms; None for those of no elements.
    bins
        How many bins there are at most.
    """
    whole: Histogram | None = None
    for part in parts:
        if part is not None:
            whole = part if whole is None else _add(whole, part, bins)
    return whole


def _add(one: Histogram, other: Histogram, bins: int) -> Histogram:
    power = max(one.power, other.power)
    while True:
        a, b = one.coarser(power), other.coarser(power)
        first = min(a.first, b.first)
        last = max(a.first + len(a.counts), b.first + len(b.counts))
        if last - first <= bins:
            break
        power += 1
    counts = [0] * (last - first)
    for each in (a, b):
        for at, number in enumerate(each.counts, start=each.first - first):
            counts[at] += number
    return Histogram(power, first, tuple(counts))
