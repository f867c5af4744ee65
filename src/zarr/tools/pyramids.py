"""Pyramids: an array and smaller ones of it, of which each shows the same with fewer elements."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from itertools import product
from math import lcm, prod
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from zarr._async.progress import metered
from zarr._async.run import offload, run
from zarr.arrays.async_array import AsyncArray
from zarr.arrays.copy import check_reach, spread
from zarr.arrays.create import keep, new_array, place
from zarr.arrays.read import read
from zarr.arrays.write import write
from zarr.groups.async_group import AsyncGroup
from zarr.hierarchy.documents import child_path, load_node
from zarr.hierarchy.place import check_writable, place_node
from zarr.hierarchy.transfer import delete_below
from zarr.indexing import basic
from zarr.metadata.group import GroupMetadata, is_group
from zarr.metadata.layout import layout_of
from zarr.storage.memory import MemoryStore
from zarr.storage.path import StorePath
from zarr.tools.conventions import (
    Level,
    check,
    known_scale,
    known_title,
    known_units,
    level,
    version,
    with_geozarr,
    with_ome,
    without_multiscales,
    without_place,
)
from zarr.tools.nodes import node_of, opened
from zarr.tools.reductions import reduction_of
from zarr.tools.replacing import check_free, replacing
from zarr.tools.result import Result
from zarr.tools.text import count, printable, table
from zarr.tools.transfer import place_for, target_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from concurrent.futures import Executor

    from zarr._async.progress import Progress
    from zarr.storage.path import StoreLike
    from zarr.tools.nodes import Source
    from zarr.tools.reductions import Parts, Reduction
    from zarr.types import AnyAsyncArray, ChunksLike, ShardsLike, StorageOptions

    Index = tuple[int, ...]
    Region = tuple[slice, ...]

__all__ = ["Level", "Pyramid", "pyramid"]

_BLOCK_BYTES = 4 << 20
"""About how many bytes of elements are in a block: several blocks of each level are in memory."""
_TASKS = 64
"""How many tasks there are for an executor, at most: the memory for their results is bounded."""
_MOST = 1 << 31
"""So many elements make a cell, at most: sums of more might overflow."""


@dataclass(frozen=True)
class Pyramid(Result):
    """The result of `pyramid`.

    Parameters
    ----------
    group : str
        The group that all levels are in.
    method : str
        How elements are put together.
    convention : str
        How the attributes of the group name the levels; empty if they do not.
    levels : tuple of Level
        The arrays, the largest first.
    """

    group: str
    method: str
    convention: str
    levels: tuple[Level, ...]

    def __str__(self) -> str:
        named = f", {self.convention}" if self.convention else ""
        line = f"{self.group}: {count(len(self.levels), 'level')} by {self.method}{named}"
        rows = [("", level.path, " × ".join(map(str, level.shape))) for level in self.levels]
        return f"{printable(line)}\n{table(rows)}"


async def pyramid(
    source: Source,
    target: StoreLike | None = None,
    *,
    path: str = "",
    target_path: str = "",
    method: Literal["mean", "sum", "min", "max", "nearest", "mode"] = "mean",
    dimensions: Sequence[str | int] | None = None,
    factor: int | Sequence[int] = 2,
    levels: int | None = None,
    skipna: bool = True,
    convention: Literal["ome", "geozarr", "none"] = "ome",
    dimension_names: Sequence[str] | None = None,
    scale: Sequence[float] | None = None,
    units: Mapping[str, str] | None = None,
    chunks: ChunksLike | None = None,
    shards: ShardsLike | None = None,
    overwrite: bool = False,
    storage_options: StorageOptions | None = None,
    executor: Executor | None = None,
    progress: Progress = None,
) -> Pyramid:
    """Make smaller arrays of an array, each a level of a pyramid.

    The array is read once, block by block, and all levels are made of the block, each value of the
    elements that it stands for: means are not rounded level by level. Cells at the end of a
    dimension may have fewer elements. Only a few blocks of each level are in memory.

    Parameters
    ----------
    source : StoreLike, Array or Group
        The array, or the store that it is in; of a group, its array ``"0"``.
    target : StoreLike, optional
        Where a group is made, with a copy of the array as its first level. By default the levels
        are made beside the array, in its group.
    path, target_path : str, default: ''
        The paths in them.
    method : {'mean', 'sum', 'min', 'max', 'nearest', 'mode'}, default: 'mean'
        How the elements of a cell become one: ``'nearest'`` takes the first, ``'mode'`` the most
        frequent of the level below (of several, the least). A mean of integers is rounded to the
        nearest, of two the even one. A sum of integers has 8 bytes.
    dimensions : sequence of str or int, optional
        Which dimensions get shorter: names or numbers. By default ``"y"`` and ``"x"``, or the last
        two.
    factor : int or sequence of int, default: 2
        By how much, from level to level; for each of `dimensions` if there are several.
    levels : int, optional
        How many levels there are besides the array. By default, the last one is the first that
        fits into one chunk along `dimensions`.
    skipna : bool, default: True
        Whether NaN and NaT are left out where there are other elements.
    convention : {'ome', 'geozarr', 'none'}, default: 'ome'
        Which attributes the group gets: those of OME-Zarr, 0.5 in format 3 and 0.4 in format 2;
        those of GeoZarr, the conventions *multiscales*, *spatial* and *proj*, the last two if the
        array or the group has them; or none.
    dimension_names : sequence of str, optional
        The names of the dimensions, if the array has none.
    scale : sequence of float, optional
        For OME-Zarr, the size of an element of the array along each dimension; by default that
        which the attributes tell, or 1.
    units : dict, optional
        For OME-Zarr, the unit of `scale` by the name of the dimension, as ``{"x": "micrometer"}``;
        by default those that the attributes tell.
    chunks, shards : optional
        As of :func:`zarr.create_array`; by default those of the array.
    overwrite : bool, default: False
        Whether levels that are there, or what is in the target, make way.
    storage_options : dict, optional
        Settings for the stores that URLs name.
    executor : concurrent.futures.Executor, optional
        Whose workers do it, each another part.
    progress : bool, callable or type, optional
        How the bytes that are read are shown.

    Returns
    -------
    Pyramid
        The levels.

    Raises
    ------
    ValueError
        If there is no such method for these elements; or if the convention cannot have these
        dimensions.
    ContainsArrayError, ContainsGroupError, FileExistsError
        If there is something where a level would be.

    Examples
    --------
    >>> import numpy as np
    >>> import zarr
    >>> from zarr import tools
    >>> group = zarr.create_group({})
    >>> image = group.create_array(
    ...     "0", data=np.arange(16).reshape(4, 4), chunks=(2, 2), dimension_names=("y", "x")
    ... )
    >>> made = tools.pyramid(group)
    >>> [level.shape for level in made.levels]
    [(4, 4), (2, 2)]
    >>> group["1"][:]
    array([[ 2,  4],
           [10, 12]])
    """
    array, parent = await _array(source, path, storage_options, writes=target is None)
    names = _names(array, dimension_names)
    factors = _factors(array, names, dimensions, factor)
    reduction = reduction_of(method, np.dtype(array.dtype), skipna=skipna)
    options = _options(array, names, chunks, shards)
    above = parent.metadata if parent is not None else None
    if convention != "ome" and (units or scale is not None):
        raise ValueError(f"scale and units are of OME-Zarr: convention={convention!r} has none")
    before: dict[str, Any] = {} if above is None else above.attributes
    if scale is None:
        scale = known_scale(before, len(array.shape))
    if units is None:
        units = known_units(before, names)
    if len(scale) != len(array.shape):
        raise ValueError(f"scale has {len(scale)} numbers for {len(array.shape)} dimensions")
    own_names = getattr(array.metadata, "dimension_names", names) or ()
    check(convention, names, None if target is not None else own_names)
    unknown = set(units) - set(names)
    if unknown:
        raise ValueError(f"there is no dimension {min(unknown)!r} for a unit: there are {names}")
    made = _Maker(array, reduction, factors, options)
    shapes = made.shapes(levels)
    if len(shapes) == 1:
        raise ValueError(f"an array of shape {array.shape} has no smaller levels by {factor}")
    made.check(shapes)
    first = array.basename if target is None else "0"
    paths = [first, *_level_names(first, len(shapes) - 1)]
    described = tuple(
        level(name, shape, [f**number for f in factors], scale, centred=method != "nearest")
        for number, (name, shape) in enumerate(zip(paths, shapes, strict=True))
    )
    zarr_format, title = array.metadata.zarr_format, known_title(before)

    def attributes(others: Mapping[str, Any]) -> dict[str, Any]:
        match convention:
            case "ome":
                return with_ome(others, zarr_format, names, units, described, method, title)
            case "geozarr":
                own = array.metadata.attributes
                return with_geozarr(others, own, names, described, method)
            case _:
                return dict(others)

    with metered("pyramid", array.nbytes, progress=progress) as meter:
        if target is None:
            assert parent is not None
            check_writable(parent.store_path)
            there = [StorePath(parent.store, child_path(parent.path, n)) for n in paths[1:]]
            await _make_way(parent, there, overwrite=overwrite)
            try:
                await made.make(there, None, meter.advance, executor)
            except BaseException:
                with contextlib.suppress(Exception):  # the first error tells more
                    for each in there:
                        await delete_below(each)
                raise
            await parent.change_attributes(attributes)
            where = parent.store_path
        else:
            where = await target_for(target, target_path, False, storage_options)
            async with replacing(where, zarr_format, overwrite=overwrite) as base:
                there = [base / name for name in paths]
                await made.make(there[1:], there[0], meter.advance, executor)
                group = GroupMetadata(attributes=attributes(before), zarr_format=zarr_format)
                await place_node(base, group, parents=False)
    return Pyramid(where.shown_as(), method, version(convention, zarr_format), described)


async def _array(
    source: Source, path: str, storage_options: StorageOptions | None, *, writes: bool
) -> tuple[AnyAsyncArray, AsyncGroup | None]:
    """The array, and the group that it is in."""
    mode: Any = "r+" if writes else "r"
    node = None if path else opened(source)
    if node is None:
        node = await node_of(await place_for(source, path, mode, storage_options), mode=mode)
    if isinstance(node, AsyncGroup):
        found = await node.get("0")
        if not isinstance(found, AsyncArray):
            raise ValueError(f"{node.store_path.shown_as()} is a group without an array '0'")
        return found, node
    above, _, name = node.path.rpartition("/")
    parent = None
    if name:
        metadata = await load_node(node.store, above, node.metadata.zarr_format)
        if metadata is not None and is_group(metadata):
            parent = AsyncGroup(metadata, StorePath(node.store, above))
    if parent is None and writes:
        raise ValueError(
            f"{node.store_path.shown_as()} is in no group that levels could be made in: give a "
            "target"
        )
    return node, parent


def _names(array: AnyAsyncArray, given: Sequence[str] | None) -> list[str]:
    """The names of the dimensions; numbers where there are none."""
    found = getattr(array.metadata, "dimension_names", None)
    if found is None:
        found = array.metadata.attributes.get("_ARRAY_DIMENSIONS")
    if given is not None:
        names = list(map(str, given))
        if len(names) != len(array.shape) or len(set(names)) != len(names):
            raise ValueError(f"{names} are not the names of {len(array.shape)} dimensions")
        if found is not None and list(found) != names:
            raise ValueError(f"the dimensions have the names {list(found)} already, not {names}")
        return names
    if not isinstance(found, (list, tuple)) or len(found) != len(array.shape):
        found = [None] * len(array.shape)
    return [str(axis) if name is None else str(name) for axis, name in enumerate(found)]


def _factors(
    array: AnyAsyncArray,
    names: list[str],
    dimensions: Sequence[str | int] | None,
    factor: int | Sequence[int],
) -> tuple[int, ...]:
    """By how much each dimension gets shorter from level to level."""
    rank = len(array.shape)
    if not rank:
        raise ValueError("an array without dimensions has no smaller levels")
    if dimensions is None:
        axes = [names.index(name) for name in ("y", "x") if name in names]
        axes = axes if len(axes) == 2 else list(range(max(0, rank - 2), rank))
    else:
        axes = []
        for each in dimensions:
            if isinstance(each, str) and each in names:
                axes.append(names.index(each))
            elif isinstance(each, int) and -rank <= each < rank:
                axes.append(each % rank)
            else:
                raise ValueError(f"there is no dimension {each!r}: there are {names}")
    if not axes or len(set(axes)) != len(axes):
        raise ValueError(f"dimensions must name some, each once. Got {dimensions!r}.")
    by = [factor] * len(axes) if isinstance(factor, int) else list(factor)
    if len(by) != len(axes) or any(each < 2 for each in by):
        raise ValueError(f"factor must be 2 or more, for each of {len(axes)} dimensions")
    factors = [1] * rank
    for axis, each in zip(axes, by, strict=True):
        factors[axis] = int(each)
    return tuple(factors)


def _options(
    array: AnyAsyncArray,
    names: list[str],
    chunks: ChunksLike | None,
    shards: ShardsLike | None,
) -> dict[str, Any]:
    """Parameters of the levels: those of the array, where nothing else is said."""
    kept = keep(array)._asdict()
    if chunks is not None or shards is not None:
        kept["chunks"] = "auto" if chunks is None else chunks
        kept["shards"] = shards
    elif any(not isinstance(edge, int) for edge in layout_of(array.metadata).grid):
        kept["chunks"], kept["shards"] = "auto", None  # a grid of uneven chunks fits no level
    if array.metadata.zarr_format == 2:
        kept["chunk_key_encoding"] = {"name": "v2", "separator": "/"}  # as OME-Zarr 0.4 has it
    elif any(not name.isdigit() for name in names):
        kept["dimension_names"] = names
    return kept


def _level_names(first: str, number: int) -> list[str]:
    start = int(first) + 1 if first.isdigit() else 1
    return [str(start + each) for each in range(number)]


async def _make_way(parent: AsyncGroup, there: list[StorePath], *, overwrite: bool) -> None:
    """Fail if there is something where levels are to be, or delete it."""
    if not overwrite:
        for each in there:
            await check_free(each)
    elif any([not await each.is_empty() for each in there]):
        await parent.change_attributes(without_multiscales)  # nobody looks for levels meanwhile
        for each in there:
            await delete_below(each)


# -- the levels -----------------------------------------------------------------------------------


@dataclass
class _Maker:
    """Makes all levels of the blocks of an array, each of which is read once.

    A block of a level is made of those of the level below that it covers, one after another: so
    there are at most two of each level in memory.
    """

    array: AnyAsyncArray
    reduction: Reduction
    factors: tuple[int, ...]
    options: dict[str, Any]
    made: list[AnyAsyncArray] = field(default_factory=list)
    copy: AnyAsyncArray | None = None
    unit: tuple[int, ...] = ()
    known: dict[Index, Parts] = field(default_factory=dict)
    known_level: int = -1

    def shapes(self, levels: int | None) -> list[tuple[int, ...]]:
        """The shapes of all levels, the array's first."""
        found = [self.array.shape]
        fits = self._fits()
        if levels is not None and levels < 1:
            raise ValueError(f"levels must be 1 or more. Got {levels}.")
        while levels is None or len(found) <= levels:
            last = found[-1]
            if levels is None and len(found) > 1 and fits(last):
                break
            cell = prod(factor ** len(found) for factor in self.factors)
            smaller = tuple(-(-n // f) for n, f in zip(last, self.factors, strict=True))
            if smaller == last or cell >= _MOST:
                break
            found.append(smaller)
            if levels is None and fits(smaller):
                break
        return found

    def check(self, shapes: list[tuple[int, ...]]) -> None:
        """Fail if there cannot be such levels, before anything is made."""
        nowhere = StorePath(MemoryStore())
        for shape in shapes[1:]:
            self._new(nowhere, shape, self.reduction.dtype)

    def _fits(self) -> Callable[[tuple[int, ...]], bool]:
        edges = [e if isinstance(e, int) else max(e) for e in layout_of(self.array.metadata).grid]

        def fits(shape: tuple[int, ...]) -> bool:
            sides = zip(shape, edges, self.factors, strict=True)
            return all(n <= edge for n, edge, factor in sides if factor > 1)

        return fits

    async def make(
        self,
        there: list[StorePath],
        copy: StorePath | None,
        done: Callable[[int], None],
        executor: Executor | None,
    ) -> None:
        """Make the levels at their places, and a copy of the array if that is wanted."""
        shapes = self.shapes(len(there))
        self.made = [
            self._new(place_of, shape, self.reduction.dtype)
            for place_of, shape in zip(there, shapes[1:], strict=True)
        ]
        if copy is not None:
            self.copy = self._new(copy, self.array.shape, np.dtype(self.array.dtype))
        if executor is not None:
            await check_reach(executor, self.array.store)
            await check_reach(executor, self.made[0].store)
        self.unit = self._unit()
        top = len(self.made)
        if executor is not None:
            await self._spread(executor, done)
        for index in self._indices(top):
            await self.block(top, index, done)
        for each in [*self.made, *filter(None, [self.copy])]:  # nobody sees one that is not whole
            await place(each, overwrite=False, parents=False)

    def _new(self, place_of: StorePath, shape: tuple[int, ...], dtype: Any) -> AnyAsyncArray:
        same = dtype == self.array.dtype
        options = dict(self.options)
        if not same:  # codecs and fill values of other elements may not fit
            options = {
                name: value
                for name, value in options.items()
                if name in ("chunks", "shards", "dimension_names", "zarr_format", "order")
                or name == "chunk_key_encoding"
            }
        made = new_array(
            store_path=place_of,
            shape=shape,
            dtype=getattr(self.array, "_zdtype", dtype) if same else dtype,
            attributes=_attributes_of_levels(self.array, shape),
            **options,
        )
        made.engine()
        return made

    def _unit(self) -> tuple[int, ...]:
        """The shape of a block of each level: whole chunks of all arrays, and whole cells."""
        grids = [layout_of(each.metadata).grid for each in self.made]
        if self.copy is not None:
            grids.append(layout_of(self.copy.metadata).grid)
        unit = list(self.factors)
        for grid in grids:
            for axis, edge in enumerate(grid):
                width = edge if isinstance(edge, int) else 1
                unit[axis] = lcm(unit[axis], width)
        own = layout_of(self.array.metadata).grid
        for axis, edge in enumerate(own):  # so that a chunk of the array is decoded once
            if isinstance(edge, int) and edge > unit[axis]:
                unit[axis] = lcm(unit[axis], edge)
        size = prod(unit) * max(1, self.array.dtype.itemsize)
        order = sorted(range(len(unit)), key=lambda axis: (self.factors[axis] == 1, -axis))
        growing = True
        while growing and size * 2 <= _BLOCK_BYTES:
            growing = False
            for axis in order:
                if unit[axis] < self.array.shape[axis] and size * 2 <= _BLOCK_BYTES:
                    unit[axis] *= 2
                    size *= 2
                    growing = True
        return tuple(unit)

    def _shape(self, level: int) -> tuple[int, ...]:
        return self.array.shape if level == 0 else self.made[level - 1].shape

    def _counts(self, level: int) -> tuple[int, ...]:
        """How many blocks a level has along each dimension."""
        return tuple(-(-n // u) for n, u in zip(self._shape(level), self.unit, strict=True))

    def _indices(self, level: int) -> Iterator[Index]:
        return product(*map(range, self._counts(level)))

    def _region(self, level: int, index: Index) -> Region:
        return tuple(
            slice(at * unit, min((at + 1) * unit, length))
            for at, unit, length in zip(index, self.unit, self._shape(level), strict=True)
        )

    async def block(self, level: int, index: Index, done: Callable[[int], None]) -> Parts:
        """Make a block of a level, and all those that it is made of; return its state."""
        if level == self.known_level and index in self.known:
            return self.known.pop(index)
        region = self._region(level, index)
        if level == 0:
            block = np.asarray(await read(self.array, basic, region))
            if self.copy is not None:
                await write(self.copy, basic, region, block)
            done(block.size * self.array.dtype.itemsize)
            return await offload(self.reduction.begin, block)
        parts = await self._state(level, index, region, done)
        values = await offload(self.reduction.end, parts, self._elements(level, region))
        await write(self.made[level - 1], basic, region, values)
        return parts

    async def _state(
        self, level: int, index: Index, region: Region, done: Callable[[int], None]
    ) -> Parts:
        shape = tuple(part.stop - part.start for part in region)
        below = self._counts(level - 1)
        children = product(
            *(
                range(at * factor, min((at + 1) * factor, most))
                for at, factor, most in zip(index, self.factors, below, strict=True)
            )
        )
        state: Parts = ()
        for child in children:
            found = await self.block(level - 1, child, done)
            smaller = await offload(self.reduction.reduce, found, self.factors)
            del found
            if not state:
                if smaller[0].shape == shape:
                    return smaller
                state = tuple(np.empty(shape, part.dtype) for part in smaller)
            inside = []
            for axis, at in enumerate(child):
                start = at * self.unit[axis] // self.factors[axis] - region[axis].start
                inside.append(slice(start, start + smaller[0].shape[axis]))
            for part, piece in zip(state, smaller, strict=True):
                part[tuple(inside)] = piece
        return state

    def _elements(self, level: int, region: Region) -> Any:
        """How many elements of the array each cell of a region stands for."""
        counts = np.ones((1,) * len(region), "i8")
        for axis, part in enumerate(region):
            width = self.factors[axis] ** level
            starts = np.arange(part.start, part.stop, dtype="i8") * width
            own = np.minimum(starts + width, self.array.shape[axis]) - starts
            counts = counts * own.reshape([-1 if a == axis else 1 for a in range(len(region))])
        return counts

    async def _spread(self, executor: Executor, done: Callable[[int], None]) -> None:
        """Have workers make the blocks of a level, and all below; the states of these come back."""
        level = 0
        while level < len(self.made) and prod(self._counts(level)) > _TASKS:
            level += 1
        level = max(1, level)

        def keep_state(result: tuple[Index, Parts, int]) -> None:
            index, parts, size = result
            self.known[index] = parts
            done(size)

        tasks = ((self, level, index) for index in list(self._indices(level)))
        await spread(executor, _make_block, tasks, keep_state)
        self.known_level = level


def _make_block(maker: _Maker, level: int, index: Index) -> tuple[Index, Parts, int]:
    size = 0

    def done(part: int) -> None:
        nonlocal size
        size += part

    arrays = [maker.array, *maker.made, *filter(None, [maker.copy])]
    waits = any(array.needs_event_loop for array in arrays)
    parts = run(maker.block(level, index, done), waits=waits)
    return index, parts, size


def _attributes_of_levels(array: AnyAsyncArray, shape: tuple[int, ...]) -> dict[str, Any]:
    """The attributes of the array, for a level of another shape."""
    own = {k: v for k, v in array.metadata.attributes.items() if k not in ("ome", "multiscales")}
    return own if shape == array.shape else without_place(own)
