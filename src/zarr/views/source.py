"""The sources of views: one array, or several views one after the other."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import accumulate
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np

from zarr.views.plan import Write, add_reads, empty
from zarr.views.steps import Cast, applied, dtype_after, undone, with_fields
from zarr.views.transform import Range, Table, Transform, identity, linked, taken, values

if TYPE_CHECKING:
    from collections.abc import Iterator

    from zarr.types import AnyAsyncArray, AnyNDArray, NumpyDType
    from zarr.views.plan import Reading
    from zarr.views.steps import Step


@dataclass(frozen=True, eq=False)
class Leaf:
    """An array, as it was when a view of it was made.

    Parameters
    ----------
    array
        The array.
    shape
        The shape that it had.
    """

    array: AnyAsyncArray
    shape: tuple[int, ...]

    @property
    def dtype(self) -> NumpyDType:
        """The data type of the elements."""
        return self.array.dtype

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Leaf):
            return NotImplemented
        return self.shape == other.shape and bool(self.array == other.array)

    __hash__ = None  # type: ignore[assignment]


@dataclass(frozen=True)
class Joined:
    """Several views, one after the other along a dimension; they have one data type.

    Parameters
    ----------
    parts
        The views; they differ in length along `axis` only.
    axis
        The dimension.
    """

    parts: tuple[Expression, ...]
    axis: int

    __hash__ = None  # type: ignore[assignment]

    @property
    def dtype(self) -> NumpyDType:
        """The data type of the elements."""
        return self.parts[0].dtype

    @cached_property
    def starts(self) -> list[int]:
        """The index along the dimension at which each part begins, and the end of the last."""
        lengths = (part.shape[self.axis] for part in self.parts)
        return list(accumulate(lengths, initial=0))

    @cached_property
    def leaves(self) -> tuple[Leaf, ...]:
        """The arrays of all parts, each once."""
        found = {id(leaf.array): leaf for part in self.parts for leaf in part.leaves}
        return tuple(found.values())

    def __reduce__(self) -> tuple[object, ...]:
        return Joined, (self.parts, self.axis)  # without the above

    @property
    def shape(self) -> tuple[int, ...]:
        """The length of each dimension."""
        shape = self.parts[0].shape
        return (*shape[: self.axis], self.starts[-1], *shape[self.axis + 1 :])

    def split(self, transform: Transform) -> Iterator[Share]:
        """Cut a view into what it has of each part.

        Parameters
        ----------
        transform
            Of the view.
        """
        if transform.is_empty:
            return
        one = transform.maps[self.axis]
        if isinstance(one, Table):
            yield from self._split_table(transform, one)
            return
        if isinstance(one, int):
            number = bisect_right(self.starts, one) - 1
            yield Share(number, self._within(number, transform), (...,), False)
            return
        count = transform.shape[one.dim]
        ahead = (slice(None),) * one.dim
        ends = sorted((one.start, one.start + one.step * (count - 1)))
        first, last = (bisect_right(self.starts, end) - 1 for end in ends)
        for number in range(first, last + 1):
            low, high = self.starts[number], self.starts[number + 1]
            if one.step > 0:
                begin = max(0, -((one.start - low) // one.step))
                end = min(count, -((one.start - high) // one.step))
            else:
                begin = max(0, (one.start - high) // -one.step + 1)
                end = min(count, (one.start - low) // -one.step + 1)
            if begin < end:
                part = self._within(number, transform.at(one.dim, begin, end - begin))
                yield Share(number, part, (*ahead, slice(begin, end)), False)

    def _within(self, number: int, transform: Transform) -> Transform:
        """A view of the whole that lies in one part, as a view of that part."""
        low = self.starts[number]
        one = transform.maps[self.axis]
        if isinstance(one, int):
            one -= low
        elif isinstance(one, Range):
            one = one._replace(start=one.start - low)
        else:
            one = Table(one.dims, one.indices - low)
        maps = (*transform.maps[: self.axis], one, *transform.maps[self.axis + 1 :])
        return Transform(transform.shape, maps)

    def _split_table(self, transform: Transform, one: Table) -> Iterator[Share]:
        dims = linked(transform, one.dims)
        rest = [dim for dim in range(len(transform.shape)) if dim not in dims]
        lengths = tuple(transform.shape[dim] for dim in dims)
        owners = np.searchsorted(self.starts, values(one, transform.shape, dims), "right") - 1
        owners = np.broadcast_to(owners, lengths).reshape(-1)
        order = np.argsort(owners, kind="stable")
        bounds = np.flatnonzero(np.diff(owners[order])) + 1
        for places in np.split(order, bounds):
            number = int(owners[places[0]])
            first, count = int(places[0]), len(places)
            if len(dims) == 1 and places[-1] - first == count - 1:
                # They follow one another, so the memory for them needs no detour.
                part = self._within(number, transform.at(dims[0], first, count))
                ahead = (slice(None),) * dims[0]
                yield Share(number, part, (*ahead, slice(first, first + count)), False)
                continue
            at = tuple(axis.astype(np.int64) for axis in np.unravel_index(places, lengths))
            part = self._within(number, taken(transform, dims, at))
            yield Share(number, part, at, True, tuple(rest + dims))


class Share(NamedTuple):
    """The elements that a view has of one part of its source.

    Parameters
    ----------
    number
        Which part.
    transform
        Where these elements are in the part.
    place
        Where they are in the view: an index of NumPy.
    scattered
        Whether that index makes a copy: they are scattered along the last dimensions of the view,
        once these are in the `order`.
    order
        An order of the dimensions of the view.
    """

    number: int
    transform: Transform
    place: tuple[Any, ...]
    scattered: bool
    order: tuple[int, ...] = ()

    def of(self, memory: AnyNDArray) -> AnyNDArray:
        """These elements of an array of the shape of the view: a copy if they are scattered."""
        if self.scattered:
            memory = memory.transpose(self.order)
            return np.asarray(memory[(..., *self.place)])
        return np.asarray(memory[self.place])

    def put(self, memory: AnyNDArray, elements: AnyNDArray) -> None:
        """Put elements there that are scattered."""
        memory.transpose(self.order)[(..., *self.place)] = elements


Source: TypeAlias = Leaf | Joined


class Expression(NamedTuple):
    """A view, as a value: where its elements are in a source, and how they are changed.

    Parameters
    ----------
    source
        An array, or several views.
    transform
        Where the elements are in it.
    steps
        Casts, and fields that are taken.
    """

    source: Source
    transform: Transform
    steps: tuple[Step, ...] = ()

    @property
    def shape(self) -> tuple[int, ...]:
        """The length of each dimension."""
        return self.transform.shape

    @property
    def dtypes(self) -> list[NumpyDType]:
        """The data types of the source, and after each step."""
        found = [self.source.dtype]
        for step in self.steps:
            found.append(dtype_after(step, found[-1]))
        return found

    @property
    def dtype(self) -> NumpyDType:
        """The data type of the elements."""
        return self.dtypes[-1] if self.steps else self.source.dtype

    @property
    def leaves(self) -> tuple[Leaf, ...]:
        """The arrays that the view is made of, each once."""
        source = self.source
        return (source,) if isinstance(source, Leaf) else source.leaves

    @property
    def is_changed(self) -> bool:
        """Whether elements are read into memory of another data type first."""
        source = self.source
        inner = not isinstance(source, Leaf) and any(part.is_changed for part in source.parts)
        return bool(self.steps) or inner

    def add_reads(
        self,
        reading: Reading,
        transform: Transform | None,
        memory: AnyNDArray,
        *,
        fresh: bool,
    ) -> None:
        """Add what is to be read for a view of the view.

        Parameters
        ----------
        reading
            Takes the reads.
        transform
            Of the view of this view; None for all of it.
        memory
            Where the elements go.
        fresh
            Whether NumPy has just made that memory.
        """
        transform = self.transform if transform is None else self.transform.then(transform)
        if self.steps or memory.dtype != self.source.dtype:
            found = empty(transform.shape, self.source.dtype)
            self._add_plain(reading, transform, found, fresh=True)
            reading.after.append(partial(_cast_into, memory, self.steps, found))
        else:
            self._add_plain(reading, transform, memory, fresh=fresh)

    def _add_plain(
        self, reading: Reading, transform: Transform, memory: AnyNDArray, *, fresh: bool
    ) -> None:
        source = self.source
        if isinstance(source, Leaf):
            add_reads(reading, source.array, transform, memory, fresh=fresh)
            return
        for share in source.split(transform):
            part = source.parts[share.number]
            if share.scattered:
                found = empty(share.transform.shape, memory.dtype)
                part.add_reads(reading, share.transform, found, fresh=True)
                reading.after.append(partial(share.put, memory, found))
            else:
                part.add_reads(reading, share.transform, share.of(memory), fresh=fresh)

    def writes(self, transform: Transform | None, elements: AnyNDArray) -> Iterator[Write]:
        """Yield what is written for a view of the view, array by array.

        Parameters
        ----------
        transform
            Of the view of this view; None for all of it.
        elements
            An array of the shape of that view, and the data type of this one.
        """
        fields, elements = undone(self.steps, self.dtypes, elements)
        transform = self.transform if transform is None else self.transform.then(transform)
        source = self.source
        if isinstance(source, Leaf):
            yield Write(source.array, transform, fields, elements)
            return
        for share in source.split(transform):
            part = source.parts[share.number]
            part = part._replace(steps=with_fields(part.steps, fields, part.dtype))
            yield from part.writes(share.transform, share.of(elements))


def _cast_into(memory: AnyNDArray, steps: tuple[Step, ...], found: AnyNDArray) -> None:
    if steps and isinstance(steps[-1], Cast) and memory.dtype == steps[-1].dtype:
        steps = steps[:-1]  # the assignment casts
    memory[...] = applied(steps, found)


def whole(array: AnyAsyncArray) -> Expression:
    """The view of a whole array."""
    shape = array.metadata.shape
    return Expression(Leaf(array, shape), identity(shape))
