"""Plans for arrays of another shape: which blocks are read and written, in how much memory.

All here is arithmetic on grids. A *unit* is what is read or written alone: a chunk of the source,
or of its shards; a stored value of the target. A *block* is a box of whole units that one task
holds in memory.

One pass reads blocks that are made of whole units of the target, and each of these is written
once. It is chosen where each unit of the source is read at most twice. Otherwise there are two
passes: the first reads each unit of the source once, and writes the pieces in which its blocks and
those of the second pass overlap; the second reads each piece once, and writes the target.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate, pairwise
from math import gcd, prod
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from zarr.metadata.chunk_grids import chunk_count, chunk_sizes

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy.typing as npt

    from zarr.metadata.chunk_grids import Edge, Grid

    Indexes = npt.NDArray[np.intp]

__all__ = ["Ends", "MemoryTooSmallError", "Pass", "Plan", "plan_blocks"]

_PREFERRED = 64 << 20
"""Bytes of a block that is large enough: more only cost memory, unless they spare reading."""
_PIECE = 16 << 20
"""Bytes of a piece between two passes, at most."""
_READS = 2
"""How often a unit of the source is read at most."""
_TRIED = 48
"""About how many lengths of blocks are tried along each dimension, of each kind."""
_KEPT = 256
"""How many combinations of them are kept."""


_SLACK = 16
"""The part of the memory that is left for all that is not counted: one in so many."""


class MemoryTooSmallError(ValueError):
    """The memory that may be used holds no block.

    Parameters
    ----------
    message
        The message.
    least
        The bytes that are enough.
    """

    def __init__(self, message: str, least: int) -> None:
        super().__init__(message)
        self.least = least

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.args[0], self.least)


class Ends(NamedTuple):
    """An array to be read or written, as a plan sees it.

    Parameters
    ----------
    units
        The edges of what is read or written alone.
    itemsize
        The bytes of an element in memory.
    scratch
        How many times the bytes of a unit it takes to decode or encode one.
    together
        How many units are decoded or encoded at a time, if memory allows.
    is_cast
        Whether the elements are cast before they are written.
    """

    units: Grid
    itemsize: int
    scratch: int = 2
    together: int = 1
    is_cast: bool = False

    @property
    def unit(self) -> int:
        """The bytes of the largest unit."""
        return prod(map(_largest, self.units)) * self.itemsize


@dataclass(frozen=True)
class Pass:
    """One way through all elements, block by block.

    Parameters
    ----------
    blocks
        The edges of the blocks.
    memory
        The bytes that one task needs at most.
    read_at_once, write_at_once
        How many units one operation of a task reads or writes at most.
    read
        The bytes that are read, not compressed: those of a unit that is read twice count twice.
    written
        The bytes that are written, not compressed.
    units_read, units_written
        How many units that is.
    """

    blocks: Grid
    memory: int
    read_at_once: int
    write_at_once: int
    read: int
    written: int
    units_read: int
    units_written: int

    def count(self, shape: tuple[int, ...]) -> int:
        """The number of blocks, and so of tasks."""
        return prod(map(chunk_count, self.blocks, shape))


@dataclass(frozen=True)
class Plan:
    """How the elements of an array get into another grid.

    Parameters
    ----------
    passes
        One or two.
    pieces
        The edges of the pieces between two passes; None if there is one pass.
    at_a_time
        How many tasks are under way together.
    """

    passes: tuple[Pass, ...]
    pieces: Grid | None
    at_a_time: int

    @property
    def memory(self) -> int:
        """The bytes that all tasks together need at most."""
        return self.at_a_time * max(each.memory for each in self.passes)


def plan_blocks(
    shape: tuple[int, ...],
    source: Ends,
    target: Ends,
    memory: int,
    *,
    tasks: int = 1,
    side_by_side: bool = False,
    pieces_together: int = 1,
) -> Plan:
    """Choose the blocks by which an array gets into another grid.

    Parameters
    ----------
    shape
        The shape of both.
    source, target
        The array that is read, and the one that is written.
    memory
        The bytes that all tasks together may need.
    tasks
        How many tasks may be under way together. There are fewer where the memory does not suffice
        for so many.
    side_by_side
        Whether tasks have CPUs of their own: then many of them are better than few that move less.
    pieces_together
        How many pieces between two passes are decoded or encoded at a time, if memory allows.

    Raises
    ------
    MemoryTooSmallError
        If the memory holds no block.
    """
    given, memory = memory, memory - memory // _SLACK
    found: list[tuple[float, int, Plan]] = []
    at_a_time = max(1, tasks)
    while True:
        room = memory // at_a_time
        plan = _one_pass(shape, source, target, room, tasks, at_a_time)
        if plan is None:
            plan = _two_passes(shape, source, target, room, at_a_time, pieces_together)
        if plan is not None:
            moved = sum(each.read + each.written for each in plan.passes)
            found.append((moved / (plan.at_a_time if side_by_side else 1), -at_a_time, plan))
        if at_a_time == 1:
            break
        at_a_time //= 2
    if not found:
        least = _least(source, target)
        least += -(-least // (_SLACK - 1))
        raise MemoryTooSmallError(
            f"max_memory is {given:,} bytes, and a block takes {least:,}: a chunk of the source "
            f"has {source.unit:,} bytes, and what is stored at a time in the target has "
            f"{target.unit:,}. Give at least {least:,}, or choose smaller chunks or shards.",
            least,
        )
    return min(found, key=lambda item: item[:2])[2]


# -- memory ---------------------------------------------------------------------------------------


class _Room(NamedTuple):
    """How many bytes there are for a block, and how many units are coded at a time beside it."""

    block: int
    read_at_once: int
    write_at_once: int
    beside: int


def _room(memory: int, source: Ends, target: Ends, smallest: int) -> _Room:
    """Divide the memory of a task: a quarter to coding, unless the smallest block needs that."""
    one_read, one_write = source.scratch * source.unit, target.scratch * target.unit
    least = max(one_read, one_write)
    wished = max(one_read * source.together, one_write * target.together)
    beside = max(least, min(wished, memory // 4, memory - smallest))
    return _Room(
        memory - beside,
        _at_once(beside, one_read, source.together),
        _at_once(beside, one_write, target.together),
        beside,
    )


def _at_once(beside: int, one: int, together: int) -> int:
    """How many units one operation takes: as many as it likes, if all that it codes at a time fit.

    Zero is no limit.
    """
    fit = beside // max(1, one)
    return 0 if fit >= together else max(1, fit)


def _width(source: Ends, target: Ends) -> int:
    """The bytes that one element of a block takes."""
    return source.itemsize + (target.itemsize if target.is_cast else 0)


def _least(source: Ends, target: Ends) -> int:
    """The memory in which two passes can be made."""
    width = _width(source, target)
    first = prod(map(_largest, source.units)) * source.itemsize
    second = prod(map(_largest, target.units)) * width
    return max(first, second) + max(source.scratch * source.unit, target.scratch * target.unit)


# -- one pass -------------------------------------------------------------------------------------


class _Length(NamedTuple):
    """A length of blocks along a dimension.

    Parameters
    ----------
    size
        The elements of the longest block.
    cost
        How often an element of the source is read, on average.
    reads
        How often a unit of the source is read at most.
    edge
        The edge of the blocks.
    """

    size: int
    cost: float
    reads: int
    edge: Edge


class _Shape(NamedTuple):
    size: int
    cost: float
    reads: int
    edges: tuple[Edge, ...]


def _one_pass(
    shape: tuple[int, ...], source: Ends, target: Ends, memory: int, tasks: int, at_a_time: int
) -> Plan | None:
    width = _width(source, target)
    room = _room(memory, source, target, prod(map(_largest, target.units)) * width)
    most = room.block // width
    if most < prod(map(_largest, target.units)):
        return None
    lengths = [
        _lengths(target_edge, source_edge, length)
        for target_edge, source_edge, length in zip(target.units, source.units, shape, strict=True)
    ]
    shapes = _combined(lengths, most)
    if not shapes:
        return None
    # A block that is much smaller, and costs no more to read, is better: it leaves work for all
    # tasks, and memory to others.
    enough = min(most, max(_PREFERRED // width, 1), max(1, prod(shape) // (3 * max(1, tasks))))
    best = min(shapes, key=lambda each: (each.cost, each.size))
    small = [each for each in shapes if each.size <= enough]
    if small:
        candidate = min(small, key=lambda each: (each.cost, each.size))
        if candidate.cost <= 1.02 * best.cost:
            best = candidate
    edges = _enlarged(best, target.units, source.units, shape, enough)
    made = _pass(shape, edges, source, target, room)
    return Plan((made,), None, min(at_a_time, max(1, made.count(shape))))


def _lengths(unit: Edge, other: Edge, length: int) -> list[_Length]:
    """Lengths of blocks of whole units along a dimension, none of which is worse than another."""
    count = chunk_count(unit, length)
    found: list[_Length] = []
    for number in _numbers(unit, other, count, length):
        edge = _grouped(unit, number, length)
        cost, reads = _reading(edge, other, length)
        if reads <= _READS:
            found.append(_Length(_largest_within(edge, length), cost, reads, edge))
    return _best(found)


def _numbers(unit: Edge, other: Edge, count: int, length: int) -> list[int]:
    """How many units a block may have along a dimension."""
    found = {1, max(1, count)}
    found.update(-(-count // parts) for parts in range(1, min(count, _TRIED) + 1))
    number = 1.0
    while number < count:
        found.add(int(number))
        number = max(number + 1, number * 1.2)
    if isinstance(unit, int) and isinstance(other, int) and count:
        step = other // gcd(unit, other)  # so many units end where a unit of the source ends
        for times in {*range(1, 9), *(2**power for power in range(3, 40))}:
            if step * times >= count:
                break
            found.add(step * times)
    return sorted(number for number in found if 1 <= number <= max(1, count))


def _best(found: Iterable[_Length]) -> list[_Length]:
    kept: list[_Length] = []
    for each in sorted(found, key=lambda each: (each.size, each.cost, each.reads)):
        if all(each.cost < other.cost or each.reads < other.reads for other in kept):
            kept.append(each)
    return kept


def _combined(lengths: list[list[_Length]], most: int) -> list[_Shape]:
    """Shapes of blocks of at most so many elements, none of which is worse than another."""
    shapes = [_Shape(1, 1.0, 1, ())]
    least = [min((each.size for each in choices), default=0) for choices in lengths]
    for axis, choices in enumerate(lengths):
        rest = prod(least[axis + 1 :])
        found = [
            _Shape(
                shape.size * each.size,
                shape.cost * each.cost,
                shape.reads * each.reads,
                (*shape.edges, each.edge),
            )
            for shape in shapes
            for each in choices
            if shape.size * each.size * rest <= most and shape.reads * each.reads <= _READS
        ]
        shapes = []
        cheapest: dict[int, float] = {}
        for each in sorted(found, key=lambda each: (each.size, each.cost, each.reads)):
            if any(cost <= each.cost for reads, cost in cheapest.items() if reads <= each.reads):
                continue
            cheapest[each.reads] = each.cost
            shapes.append(each)
        if len(shapes) > _KEPT:  # evenly, with the last, which is the cheapest
            shapes = [shapes[round(at)] for at in np.linspace(0, len(shapes) - 1, _KEPT)]
    return shapes


def _enlarged(
    best: _Shape, units: Grid, others: Grid, shape: tuple[int, ...], enough: int
) -> tuple[Edge, ...]:
    """The edges of larger blocks that cost no more, of about `enough` elements."""
    edges = list(best.edges)
    size = best.size
    reads, cost = best.reads, best.cost
    for axis in reversed(range(len(edges))):
        unit, edge, length = units[axis], edges[axis], shape[axis]
        here = _largest_within(edge, length)
        times = enough // max(1, size)
        if times < 2 or not isinstance(edge, int) or not isinstance(unit, int):
            continue
        blocks = chunk_count(edge, length)
        new = edge * min(times, blocks)
        old_cost, old_reads = _reading(edge, others[axis], length)
        new_cost, new_reads = _reading(new, others[axis], length)
        if new_cost <= old_cost and new_reads <= old_reads and cost and reads:
            edges[axis] = new
            size = size // max(1, here) * _largest_within(new, length)
    return tuple(edges)


def _reading(blocks: Edge, units: Edge, length: int) -> tuple[float, int]:
    """How often elements are read on average, and a unit at most, if blocks are read one by one."""
    if length == 0:
        return 1.0, 1
    if isinstance(blocks, int) and isinstance(units, int):
        return _reading_regular(blocks, units, length)
    first, last = _spans(blocks, units, length)
    ends = np.fromiter(accumulate(chunk_sizes(units, length)), np.int64)
    begins = np.concatenate(([0], ends[:-1]))
    cost = float((ends[last] - begins[first]).sum()) / length
    reads = np.zeros(len(ends) + 1, np.int64)
    np.add.at(reads, first, 1)
    np.add.at(reads, last + 1, -1)
    return cost, int(np.max(np.cumsum(reads)[:-1]))


def _reading_regular(block: int, unit: int, length: int) -> tuple[float, int]:
    count = -(-length // block)
    if count == 1 or block % unit == 0:
        return 1.0, 1
    # One period of the pattern, or enough of it to tell.
    period = unit // gcd(block, unit)
    index = np.arange(count) if count <= 4096 else np.linspace(0, count - 1, 4096).astype(np.int64)
    starts = index * block
    stops = np.minimum(starts + block, length)
    first = starts // unit * unit
    last = np.minimum(-(-stops // unit) * unit, length)
    cost = float((last - first).sum()) / float((stops - starts).sum())
    if block > unit:
        return max(1.0, cost), 2 if period > 1 else 1
    return max(1.0, cost), unit // block if unit % block == 0 else -(-(unit - 1) // block) + 1


# -- two passes -----------------------------------------------------------------------------------


def _two_passes(
    shape: tuple[int, ...],
    source: Ends,
    target: Ends,
    memory: int,
    at_a_time: int,
    together: int,
) -> Plan | None:
    # The pieces are small beside the blocks: so many of them are coded at a time.
    middle = Ends((1,) * len(shape), source.itemsize, 2, together)
    piece = max(1, min(_PIECE, memory // 32) // source.itemsize)
    middle_units = middle._replace(units=(piece, *(1,) * len(shape))[: len(shape)])
    smallest = prod(map(_largest, target.units)) * _width(source, target)
    first_room = _room(memory, source, middle_units, source.unit)
    second_room = _room(memory, middle_units, target, smallest)
    first_most = first_room.block // source.itemsize
    second_most = second_room.block // _width(source, target)
    if first_most < prod(map(_largest, source.units)):
        return None
    if second_most < prod(map(_largest, target.units)):
        return None
    longer = sorted(
        range(len(shape)),
        key=lambda axis: (
            _largest_within(target.units[axis], shape[axis])
            / max(1, _largest_within(source.units[axis], shape[axis]))
        ),
        reverse=True,
    )
    first = _grown(source.units, shape, first_most, longer)
    second = _grown(target.units, shape, second_most, longer[::-1])
    cut = [_overlaps(*edges) for edges in zip(first, second, shape, strict=True)]
    pieces = _cut_to(cut, piece)
    middle = middle._replace(units=tuple(pieces))
    return Plan(
        (
            _pass(shape, first, source, middle, first_room),
            _pass(shape, second, middle, target, second_room),
        ),
        middle.units,
        at_a_time,
    )


def _grown(units: Grid, shape: tuple[int, ...], most: int, order: list[int]) -> tuple[Edge, ...]:
    """The edges of blocks of at most so many elements, long along the first dimensions in order."""
    sizes = [max(1, _largest_within(unit, n)) for unit, n in zip(units, shape, strict=True)]
    edges: list[Edge] = [_grouped(unit, 1, n) for unit, n in zip(units, shape, strict=True)]
    for axis in order:
        others = prod(sizes) // sizes[axis]
        fits = most // max(1, others)
        count = chunk_count(units[axis], shape[axis])
        number = _fitting(units[axis], shape[axis], fits)
        number = -(-count // -(-count // number)) if count else 1  # blocks of about one length
        edges[axis] = _grouped(units[axis], number, shape[axis])
        # Of units of several sizes, fewer may take more.
        while number > 1 and _largest_within(edges[axis], shape[axis]) > fits:
            number -= 1
            edges[axis] = _grouped(units[axis], number, shape[axis])
        sizes[axis] = max(1, _largest_within(edges[axis], shape[axis]))
    return tuple(edges)


def _fitting(unit: Edge, length: int, most: int) -> int:
    """How many units there can be in blocks of at most so many elements."""
    if isinstance(unit, int):
        return max(1, most // unit) if length > most else max(1, chunk_count(unit, length))
    low, high = 1, max(1, chunk_count(unit, length))
    while low < high:
        middle = (low + high + 1) // 2
        if _largest_within(_grouped(unit, middle, length), length) <= most:
            low = middle
        else:
            high = middle - 1
    return low


def _overlaps(first: Edge, second: Edge, length: int) -> Edge:
    """The edges of the pieces in which two kinds of blocks overlap."""
    if isinstance(first, int) and isinstance(second, int):
        if first % second == 0 or length <= first:
            return second
        if second % first == 0 or length <= second:
            return first
    ends = {*accumulate(chunk_sizes(first, length)), *accumulate(chunk_sizes(second, length))}
    sizes = tuple(stop - start for start, stop in pairwise((0, *sorted(ends))))
    return sizes or 1


def _cut_to(edges: list[Edge], most: int) -> list[Edge]:
    """The edges of smaller pieces, of about so many elements: they are cut along the first."""
    cut = list(edges)
    for axis, edge in enumerate(cut):
        size = prod(map(_largest, cut))
        if size <= most:
            break
        here = _largest(edge)
        new = max(1, here // -(-size // most))
        if isinstance(edge, int):
            # A divisor: pieces still end where the blocks do.
            cut[axis] = next(part for part in range(new, 0, -1) if edge % part == 0)
        else:
            cut[axis] = tuple(part for size in edge for part in chunk_sizes(new, size))
    return cut


# -- both -----------------------------------------------------------------------------------------


def _pass(
    shape: tuple[int, ...], blocks: tuple[Edge, ...], source: Ends, target: Ends, room: _Room
) -> Pass:
    size = prod(map(_largest_within, blocks, shape))
    cost = 1.0
    units = 1
    for block, unit, length in zip(blocks, source.units, shape, strict=True):
        cost *= _reading(block, unit, length)[0]
        units *= _touched(block, unit, length)
    elements = prod(shape)
    return Pass(
        blocks=blocks,
        memory=size * _width(source, target) + room.beside,
        read_at_once=room.read_at_once,
        write_at_once=room.write_at_once,
        read=round(elements * source.itemsize * cost),
        written=elements * target.itemsize,
        units_read=units,
        units_written=prod(map(chunk_count, target.units, shape)),
    )


def _touched(blocks: Edge, units: Edge, length: int) -> int:
    """How many units all blocks touch, those that two blocks touch counted twice."""
    if length == 0:
        return 0
    if isinstance(blocks, int) and isinstance(units, int):
        if blocks % units == 0 or blocks >= length:
            return chunk_count(units, length)
        starts = np.arange(0, length, blocks)
        stops = np.minimum(starts + blocks, length)
        return int((-(-stops // units) - starts // units).sum())
    first, last = _spans(blocks, units, length)
    return int((last - first).sum()) + len(first)


def _spans(blocks: Edge, units: Edge, length: int) -> tuple[Indexes, Indexes]:
    """The first and the last unit that each block touches."""
    ends = np.fromiter(accumulate(chunk_sizes(units, length)), np.int64)
    stops = np.fromiter(accumulate(chunk_sizes(blocks, length)), np.int64)
    starts = np.concatenate(([0], stops[:-1]))
    first: Indexes = np.searchsorted(ends, starts, "right")
    last: Indexes = np.searchsorted(ends, stops, "left")
    return first, last


def _grouped(unit: Edge, number: int, length: int) -> Edge:
    """The edges of blocks of so many units each."""
    if isinstance(unit, int):
        return unit * number
    sizes = chunk_sizes(unit, length)
    return tuple(sum(sizes[at : at + number]) for at in range(0, len(sizes), number)) or unit


def _largest(edge: Edge) -> int:
    return edge if isinstance(edge, int) else max(edge, default=1)


def _largest_within(edge: Edge, length: int) -> int:
    """The longest block of a dimension, as far as it lies in the array."""
    return min(_largest(edge), length)
