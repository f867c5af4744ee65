"""Statistics of an array, in one pass over what is stored of it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from zarr._async.progress import metered
from zarr._async.run import bounded, offload, run
from zarr.arrays.async_array import AsyncArray
from zarr.arrays.copy import spread
from zarr.tools.blocks import Blocks, count_of
from zarr.tools.nodes import node_of
from zarr.tools.result import Result
from zarr.tools.see.histogram import Histogram, histogram_of, merged
from zarr.tools.text import number, pairs, percent, printable, shorten

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from concurrent.futures import Executor

    from zarr._async.progress import Progress
    from zarr.tools.blocks import Region
    from zarr.tools.nodes import Source
    from zarr.types import AnyAsyncArray, StorageOptions

__all__ = ["Stats", "stats"]

_BLOCKS = 4
_MOST_BINS = 4096


@dataclass(frozen=True)
class Stats(Result):
    """Statistics of an array, or of a field of its records.

    Parameters
    ----------
    store
        The store, as it is shown.
    path
        The path of the array.
    shape
        The shape of the array.
    dtype
        The data type.
    elements
        How many elements there are.
    unstored
        How many of them lie in values that are not stored: these are the fill value.
    fill
        How many elements are equal to the fill value, stored or not.
    missing
        How many are NaN or NaT. No other figure counts them.
    infinite
        How many are infinite. The histogram does not count them.
    minimum, maximum
        The least and the greatest element: numbers, times, or strings by code points. None of
        complex numbers, of objects, and where there is none.
    mean
        Of numbers and times; of bools, the share of those that are true.
    std
        The standard deviation of numbers and bools.
    shortest, longest
        The least and the greatest length of strings.
    edges, counts
        The histogram of real numbers and times: where its bins begin and end, and how many elements
        each holds. Bins are as wide as a power of two, or, of times, as many units.
    fields
        The statistics of each field, of records; those above are of whole records.
    """

    store: str
    path: str
    shape: tuple[int, ...]
    dtype: str
    elements: int
    unstored: int
    fill: int
    missing: int
    infinite: int
    minimum: object
    maximum: object
    mean: object
    std: float | None
    shortest: int | None
    longest: int | None
    edges: tuple[object, ...]
    counts: tuple[int, ...]
    fields: Mapping[str, Stats]

    def __str__(self) -> str:
        text = pairs(self._rows())
        if self.counts:
            text += "\n\n" + self._bars()
        for name, field in self.fields.items():
            text += f"\n\n{printable(name)}\n{field}"
        return text

    def _rows(self) -> Iterator[tuple[str, str]]:
        yield "Data type", self.dtype
        yield "Elements", f"{self.elements:,}"
        if self.unstored:
            yield "Not stored", f"{self.unstored:,} ({percent(self.unstored, self.elements)})"
        if self.elements:
            yield "Fill value", f"{self.fill:,} ({percent(self.fill, self.elements)})"
        if self.missing:
            yield "NaN or NaT", f"{self.missing:,} ({percent(self.missing, self.elements)})"
        if self.infinite:
            yield "Infinite", f"{self.infinite:,}"
        for name, value in (
            ("Minimum", self.minimum),
            ("Maximum", self.maximum),
            ("Mean", self.mean),
            ("Std", self.std),
        ):
            if value is not None:
                yield name, shorten(printable(_shown(value)), 80)
        if self.shortest is not None:
            yield "Lengths", f"{self.shortest:,} to {self.longest:,}"

    def _bars(self) -> str:
        # So many lines fit on a screen; the result has all bins.
        step = -(-len(self.counts) // 16)
        starts = range(0, len(self.counts), step)
        sums = [sum(self.counts[start : start + step]) for start in starts]
        ends = [(start, min(start + step, len(self.counts))) for start in starts]
        names = [" … ".join(_shown(self.edges[end]) for end in each) for each in ends]
        most, column = max(sums), max(map(len, names))
        return "\n".join(
            f"{name:>{column}}  {'█' * max(round(30 * size / most), bool(size)):<30}  {size:,}"
            for name, size in zip(names, sums, strict=True)
        )


def _shown(value: object) -> str:
    return number(value) if isinstance(value, float) else str(value)


async def stats(
    source: Source,
    path: str = "",
    *,
    bins: int = 64,
    executor: Executor | None = None,
    storage_options: StorageOptions | None = None,
    progress: Progress = None,
) -> Stats:
    """Compute statistics of an array, in one pass over what is stored.

    The chunks that are not stored are not read: their elements are the fill value. The result does
    not depend on the order in which workers end. Counts, extremes, the histogram, and the mean of
    integers are exact.

    Parameters
    ----------
    source : StoreLike or Array
        Where it is.
    path : str, default: ''
        A path below it.
    bins : int, default: 64
        How many bins the histogram has at most; it has more than half as many, unless its range is
        narrow. 0 makes none.
    executor : concurrent.futures.Executor, optional
        Whose workers read the chunks, each its own: threads, processes, or other machines. By
        default this process does.
    storage_options : dict, optional
        Settings for the store that a URL names.
    progress : bool, callable or type, optional
        How it is shown how far this is, in bytes of elements; see `zarr.progress`.

    Returns
    -------
    Stats
        It prints as a table.

    Raises
    ------
    FileNotFoundError
        If there is no array.
    TypeError
        If there is a group.
    ValueError
        If `bins` is negative or more than 4096.
    ChunkDecodeError
        If a chunk cannot be decoded.

    Examples
    --------
    >>> import numpy as np, zarr
    >>> array = zarr.create_array({}, data=np.arange(100.0), chunks=10)
    >>> found = zarr.tools.stats(array)
    >>> found.minimum, found.maximum, found.mean
    (0.0, 99.0, 49.5)
    """
    if not 0 <= bins <= _MOST_BINS:
        raise ValueError(f"bins must be between 0 and {_MOST_BINS}. Got {bins}.")
    array = await node_of(source, path, storage_options=storage_options)
    if not isinstance(array, AsyncArray):
        raise TypeError(
            f"{array.store_path} is a group, which has no values: name one of its arrays by path"
        )
    parts: list[Part] = []
    blocks = Blocks(array)
    regions = [blocks.region(first) for first in await blocks.stored()]
    size = sum(map(count_of, regions))
    left = array.size - size
    item = max(1, array.dtype.itemsize)
    with metered("stats", (size + left) * item, progress=progress) as meter:
        meter.advance(left * item)

        def done(part: Part) -> None:
            parts.append(part)
            meter.advance(part.elements * item)

        if executor is not None:
            tasks = ((array, region, bins) for region in regions)
            await spread(executor, _measure_part, tasks, done)
        else:

            async def measure_part(region: Region) -> None:
                values = np.asarray(await array.getitem(region))
                done(await offload(_measured, values, array.metadata.fill_value, bins))

            await bounded(regions, measure_part, _BLOCKS)
    if left:
        fill = np.full(1, array.metadata.fill_value, dtype=array.dtype)
        parts.append(_measured(fill, array.metadata.fill_value, bins, weight=left))
    return _stats(array, parts, array.size - blocks.seen, bins)


def _measure_part(array: AnyAsyncArray, region: Region, bins: int) -> Part:
    values = run(array.getitem(region), waits=array.needs_event_loop)
    return _measured(np.asarray(values), array.metadata.fill_value, bins)


# -- parts -----------------------------------------------------------------------------------------


class Part(NamedTuple):
    """Statistics of some of the elements, which are merged exactly.

    Parameters
    ----------
    elements, fill, missing, infinite
        As of `Stats`.
    minimum, maximum
        As of `Stats`; times are integers here.
    total
        The sum of integers.
    mean, square
        Of finite numbers: their mean, and the sum of the squares of their distances from it.
    lengths
        The least and the greatest length of strings.
    histogram
        Of finite numbers.
    fields
        The same of each field of records.
    above, below
        How many elements are positive infinity and negative infinity.
    """

    elements: int
    fill: int
    missing: int = 0
    minimum: Any = None
    maximum: Any = None
    total: int | None = None
    mean: Any = None
    square: float = 0.0
    lengths: tuple[int, int] | None = None
    histogram: Histogram | None = None
    fields: dict[str, Part] | None = None
    above: int = 0
    below: int = 0

    @property
    def numbers(self) -> int:
        """How many finite numbers there are."""
        return self.elements - self.missing - self.above - self.below


def _measured(values: np.ndarray[Any, Any], fill: Any, bins: int, weight: int = 1) -> Part:
    """The statistics of elements, each of which counts `weight` times."""
    values = values.reshape(-1)
    part = Part(values.size * weight, _equal(values, fill) * weight)
    dtype = values.dtype
    if dtype.names is not None:
        fields = {}
        for name in dtype.names:
            inner = None if fill is None else fill[name]
            fields[name] = _measured(np.ascontiguousarray(values[name]), inner, bins, weight)
        return part._replace(fields=fields)
    if dtype.kind in "USTO":
        return _of_strings(part, values, weight)
    if dtype.kind in "mM":
        there = values[~np.isnat(values)]
        part = part._replace(missing=(values.size - there.size) * weight)
        return _of_numbers(part, there.view(np.int64), bins, weight)
    if dtype.kind == "V":
        if issubclass(dtype.type, np.void):
            return part  # bytes without a meaning
        # The small types of ml_dtypes; each has its elements in one of these.
        values = values.astype(np.int16 if "int" in dtype.name else np.float32)
    if values.dtype.kind == "b":
        values, bins = values.astype(np.uint8), 0  # the mean says it all
    return _of_numbers(part, values, bins, weight)


def _equal(values: np.ndarray[Any, Any], fill: Any) -> int:
    """How many elements are equal to the fill value; NaN is equal to NaN here."""
    if fill is None:
        return 0
    try:
        same = values == fill
        if not fill == fill:  # noqa: SIM201 - NaN and NaT are equal to nothing
            same = values != values
    except (TypeError, ValueError):
        return 0
    return int(np.count_nonzero(same))


def _of_strings(part: Part, values: np.ndarray[Any, Any], weight: int) -> Part:
    if values.dtype.kind == "O":
        if not all(isinstance(each, str) for each in values):
            return part
        if not values.size:
            return part
        lengths = [len(each) for each in values]
        ends = (min(lengths), max(lengths))
        return part._replace(minimum=min(values), maximum=max(values), lengths=ends)
    if not values.size:
        return part
    sizes = np.strings.str_len(values)
    low, high = np.sort(values)[[0, -1]]
    return part._replace(
        minimum=low.decode("utf-8", "backslashreplace") if isinstance(low, bytes) else str(low),
        maximum=high.decode("utf-8", "backslashreplace") if isinstance(high, bytes) else str(high),
        lengths=(int(sizes.min()), int(sizes.max())),
    )


def _of_numbers(part: Part, values: np.ndarray[Any, Any], bins: int, weight: int) -> Part:
    kind = values.dtype.kind
    if kind in "fc":
        nan = np.isnan(values)
        if nan.any():
            values = values[~nan]
        part = part._replace(missing=part.missing + int(np.count_nonzero(nan)) * weight)
    if kind == "c":
        return _of_complex(part, values, weight)
    if not values.size:
        return part
    part = part._replace(minimum=values.min(), maximum=values.max())
    if kind == "f" and not (np.isfinite(part.minimum) and np.isfinite(part.maximum)):
        above, below = np.count_nonzero(values == np.inf), np.count_nonzero(values == -np.inf)
        part = part._replace(above=int(above) * weight, below=int(below) * weight)
        values = values[np.isfinite(values)]
        if not values.size:
            return part
    histogram = histogram_of(values, bins, weight) if bins else None
    if kind in "iu":
        total = _sum(values)
        mean: Any = total / values.size
        distance = values.astype(np.float64) - mean
        part = part._replace(total=total * weight)
    else:
        wide = values.astype(np.promote_types(values.dtype, np.float64), copy=False)
        with np.errstate(over="ignore"):
            mean = wide.mean()
        if not np.isfinite(mean):  # the sum is too large a number, the mean is not
            mean = (wide / wide.size).sum()
        with np.errstate(over="ignore"):
            distance = wide - mean
        mean = float(mean)
    with np.errstate(over="ignore"):
        square = float(np.dot(distance, distance)) * weight
    return part._replace(mean=mean, square=square, histogram=histogram)


def _sum(values: np.ndarray[Any, Any]) -> int:
    """The exact sum of integers."""
    if values.dtype.itemsize <= 4:
        return int(values.sum(dtype=np.int64 if values.dtype.kind == "i" else np.uint64))
    high, low = values >> values.dtype.type(32), values & values.dtype.type(0xFFFFFFFF)
    return (int(high.sum()) << 32) + int(low.sum())


def _of_complex(part: Part, values: np.ndarray[Any, Any], weight: int) -> Part:
    finite = values[np.isfinite(values)]
    part = part._replace(above=(values.size - finite.size) * weight)
    if not finite.size:
        return part
    wide = finite.astype(np.promote_types(finite.dtype, np.complex128), copy=False)
    mean = complex(wide.mean())
    distance = np.abs(wide - mean)
    return part._replace(mean=mean, square=float(np.dot(distance, distance)) * weight)


def _stats(array: AnyAsyncArray, parts: list[Part], unstored: int, bins: int) -> Stats:
    place = array.store_path
    dtype = array.dtype
    if not parts:
        parts = [_measured(np.empty(0, dtype), None, bins)]

    def of(parts: list[Part], dtype: np.dtype[Any], path: str, shape: tuple[int, ...]) -> Stats:
        elements = sum(part.elements for part in parts)
        mean, std = _moments(parts, dtype)
        histogram = merged((part.histogram for part in parts), bins)
        edges = () if histogram is None else tuple(_value(e, dtype) for e in histogram.edges())
        lengths = [part.lengths for part in parts if part.lengths is not None]
        lows = [part.minimum for part in parts if part.minimum is not None]
        highs = [part.maximum for part in parts if part.maximum is not None]
        fields: dict[str, Stats] = {}
        for name in dtype.names or ():
            inner = [part.fields[name] for part in parts if part.fields is not None]
            kind, items = dtype[name].base, dtype[name].shape
            fields[name] = of(inner, kind, f"{path}.{name}", (*shape, *items))
        return Stats(
            place.store.shown_as(),
            path,
            shape,
            str(dtype),
            elements,
            unstored,
            sum(part.fill for part in parts),
            sum(part.missing for part in parts),
            sum(part.above + part.below for part in parts),
            _value(min(lows), dtype) if lows else None,
            _value(max(highs), dtype) if highs else None,
            mean,
            std,
            min(each[0] for each in lengths) if lengths else None,
            max(each[1] for each in lengths) if lengths else None,
            edges,
            () if histogram is None else histogram.counts,
            fields,
        )

    return of(parts, dtype, place.path, array.shape)


def _value(value: Any, dtype: np.dtype[Any]) -> object:
    """An element, an edge or a mean as users know it."""
    if dtype.kind in "mM":
        try:
            return np.int64(int(value)).view(dtype.newbyteorder("="))
        except OverflowError:  # an edge beyond all times
            return str(value)
    if dtype.kind == "b":
        return bool(value) if value in (0, 1) else int(value)
    return value.item() if isinstance(value, np.generic) else value


def _moments(parts: list[Part], dtype: np.dtype[Any]) -> tuple[object, float | None]:
    """The mean and the standard deviation, whatever the order of the parts."""
    counted = [part for part in parts if part.mean is not None]
    above, below = sum(part.above for part in parts), sum(part.below for part in parts)
    if above or below:
        infinite = math.inf if not below else -math.inf if not above else math.nan
        return (None if dtype.kind == "c" else infinite), math.nan
    n = sum(part.numbers for part in counted)
    if not n:
        return None, None
    if all(part.total is not None for part in counted):
        total = sum(part.total or 0 for part in counted)
        if dtype.kind in "mM":
            return _value(total // n, dtype), None
        mean: Any = total / n
    elif dtype.kind == "c":
        mean = complex(
            math.fsum(part.mean.real * (part.numbers / n) for part in counted),
            math.fsum(part.mean.imag * (part.numbers / n) for part in counted),
        )
    else:
        mean = math.fsum(part.mean * (part.numbers / n) for part in counted)
    try:
        square = math.fsum(
            part.square + part.numbers * abs(part.mean - mean) ** 2 for part in counted
        )
    except OverflowError:
        square = math.inf
    return mean, math.sqrt(square / n)
