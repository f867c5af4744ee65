"""The work of one pass: blocks that are read, cast and written, here or by anybody's workers.

A worker is sent a `Work` and the number of a block, and no elements.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from itertools import product
from math import prod
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias, get_args

import numpy as np

from zarr._async.run import run
from zarr.arrays.async_array import AsyncArray
from zarr.arrays.read import read
from zarr.arrays.write import write
from zarr.buffer.cpu import Buffer
from zarr.codecs.cast_value import cast_elements
from zarr.codecs.configuration import is_number_type
from zarr.dtype.storage import as_type
from zarr.errors import ChunkDecodeError, SourceChangedError
from zarr.hierarchy.documents import find_metadata
from zarr.indexing import basic
from zarr.metadata.chunk_grids import chunk_bounds, chunk_count, chunk_of
from zarr.metadata.layout import layout_of, same_chunks
from zarr.storage.client import Requests
from zarr.tools.reshape.encoded import encoded_arrays

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from zarr.metadata.chunk_grids import Grid
    from zarr.storage.path import StorePath
    from zarr.tools.reshape.encoded import Common
    from zarr.types import AnyAsyncArray, AnyNDArray, NumpyDType
    from zarr.views import AsyncView

__all__ = ["Bad", "OnOverflow", "Work", "cast_values", "check_on_overflow"]

OnOverflow: TypeAlias = Literal["raise", "clip", "wrap"]
"""How a number is cast that the new data type cannot hold."""

Region: TypeAlias = tuple[slice, ...]
Held: TypeAlias = list[tuple[int, ...]] | None

_CAST = 1 << 18
"""Elements that are cast at a time: casting needs memory of its own."""


class Bad(NamedTuple):
    """A chunk of a source that could not be decoded.

    Parameters
    ----------
    path : str
        The path of the array, below that which was copied.
    region : str
        The part of the array that has the fill value in its place, as a selection.
    reason : str
        The error, which names the chunk.
    """

    path: str
    region: str
    reason: str


class Done(NamedTuple):
    """The result of a block: the bytes of its elements as they were written, and bad chunks."""

    size: int
    bad: tuple[Bad, ...]


@dataclass(frozen=True)
class Work:
    """One pass over one array, as it is sent to workers.

    Parameters
    ----------
    source
        The array or view that is read.
    target
        The array that is written to. Its document need not be stored.
    path
        The path of the array, below that which is copied.
    blocks
        The edges of the blocks; each is made of whole stored values of the target.
    units
        The edges of what is read alone of the source.
    read_at_once, write_at_once
        How many units one operation reads, or writes; 0 is no limit.
    on_overflow
        How numbers are cast that the target cannot hold.
    skip_bad
        Whether the elements of a chunk that cannot be decoded get the fill value; else it is an
        error.
    notes
        Where such chunks are noted, for a run that goes on after this one.
    common
        The chunks that are passed on as they are stored; None if elements are.
    """

    source: AnyAsyncArray | AsyncView
    target: AnyAsyncArray
    path: str
    blocks: Grid
    units: Grid
    read_at_once: int
    write_at_once: int
    on_overflow: OnOverflow = "raise"
    skip_bad: bool = False
    notes: StorePath | None = None
    common: Common | None = None

    @property
    def counts(self) -> tuple[int, ...]:
        """The number of blocks along each dimension."""
        return tuple(map(chunk_count, self.blocks, self.target.shape))

    @property
    def waits(self) -> bool:
        """Whether a store may have to be waited for."""
        notes = self.notes is not None and self.notes.needs_event_loop
        return self.source.needs_event_loop or self.target.needs_event_loop or notes

    def region(self, index: int) -> Region:
        """Return the part of the array that a block is."""
        coords = np.unravel_index(index, self.counts) if self.counts else ()
        found = []
        for chunk, edge, length in zip(coords, self.blocks, self.target.shape, strict=True):
            start, stop = chunk_bounds(edge, int(chunk))
            found.append(slice(start, min(stop, length)))
        return tuple(found)

    async def move(self, index: int, held: Held = None) -> Done:
        """Read a block, and write it.

        Parameters
        ----------
        index
            The number of the block.
        held
            The places in the grid of all that is stored of the source in the block; None if that
            is not known.
        """
        region = self.region(index)
        bad: list[Bad] = []
        if self.common is None:
            note = None if self.notes is None else f"{self.notes.path}/{index}.json"
            await self._move(region, held, self.source, bad, note)
        else:
            chunks, part = self._of_chunks(self.common, region)
            await chunks._move(part, held, self.source, bad)
        size = prod(part.stop - part.start for part in region)
        return Done(size * self.target.dtype.itemsize, tuple(bad))

    def _of_chunks(self, common: Common, region: Region) -> tuple[Work, Region]:
        """The work of which the elements are encoded chunks, and those that are a region."""
        source: Any = self.source
        source, target = encoded_arrays(source, self.target, common)
        units = (1,) * len(common.unit)
        part = tuple(
            slice(within.start // size, -(-within.stop // size))
            for within, size in zip(region, common.unit, strict=True)
        )
        return replace(self, source=source, target=target, units=units, read_at_once=0), part

    async def _move(
        self,
        region: Region,
        held: Held,
        stored: AnyAsyncArray | AsyncView,
        bad: list[Bad],
        note: str | None = None,
    ) -> None:
        shape = tuple(part.stop - part.start for part in region)
        block: AnyNDArray = np.ndarray(shape, self.source.dtype)
        if held is None:
            found = parts(region, self.units, self.read_at_once)
        else:
            block[...] = self.source.fill_value
            found = self._held(region, held, grid_of(self.source))
        for part in found:
            await self._read(part, block[_within(part, region)], bad)
        await check_unchanged(stored)
        if bad and note is not None and self.notes is not None:
            # Before anything is written: a block that is there has its notes beside it.
            document = Buffer.from_bytes(json.dumps(bad).encode())
            await Requests(self.notes.store).set(note, document)
        block = self._cast(block, region)
        grid = layout_of(self.target.metadata).grid
        for part in parts(region, grid, self.write_at_once):
            await write(self.target, basic, part, block[_within(part, region)])

    def _held(
        self, region: Region, held: Iterable[tuple[int, ...]], grid: Grid
    ) -> Iterator[Region]:
        """Yield the parts of a region that lie in stored values."""
        for coords in held:
            bounds = map(chunk_bounds, grid, coords)
            part = tuple(
                slice(max(start, within.start), min(stop, within.stop))
                for (start, stop), within in zip(bounds, region, strict=True)
            )
            yield from parts(part, self.units, self.read_at_once)

    async def _read(self, part: Region, out: AnyNDArray, bad: list[Bad]) -> None:
        try:
            await read_into(self.source, part, out)
        except ChunkDecodeError as error:
            if not self.skip_bad:
                raise
            halves = list(_halves(part, self.units))
            if len(halves) > 1:
                for half in halves:
                    await self._read(half, out[_within(half, part)], bad)
                return
            fill = self.source.fill_value
            out[...] = np.zeros((), out.dtype) if fill is None else fill
            bad.append(Bad(self.path, shown(part), str(error)))

    def _cast(self, block: AnyNDArray, region: Region) -> AnyNDArray:
        dtype = self.target.dtype
        if block.dtype == dtype:
            return block
        result: AnyNDArray = np.ndarray(block.shape, dtype)
        flat, whole = result.reshape(-1), block.reshape(-1)
        for start in range(0, block.size, _CAST):
            part = whole[start : start + _CAST]
            try:
                flat[start : start + _CAST] = cast_values(part, dtype, self.on_overflow)
            except (ValueError, TypeError, OverflowError) as error:
                raise type(error)(
                    f"{error}: in {shown(region)} of array {self.target.store_path.shown_as()}, "
                    f"which is cast from {block.dtype} to {dtype}"
                ) from error
        return result

    async def is_sound(self, index: int) -> bool:
        """Return whether what is stored of a block can be decoded."""
        region = self.region(index)
        grid = layout_of(self.target.metadata).grid
        for part in parts(region, grid, self.write_at_once or 0):
            shape = tuple(piece.stop - piece.start for piece in part)
            try:
                await read_into(self.target, part, np.ndarray(shape, self.target.dtype))
            except ChunkDecodeError:
                return False
        return True


def move(work: Work, index: int, held: Held = None) -> Done:
    """Read a block and write it, in a worker."""
    return run(work.move(index, held), waits=work.waits)


async def read_into(source: AnyAsyncArray | AsyncView, region: Region, out: AnyNDArray) -> None:
    """Read a part of an array or view into an array of its shape and data type."""
    if isinstance(source, AsyncArray):
        await read(source, basic, region, out=out)
    else:
        await source[region].result(out=out)


async def check_unchanged(source: AnyAsyncArray | AsyncView) -> None:
    """Fail if the metadata of a source are not what they were when it was opened.

    Of a source that has vanished all chunks are absent, and absent chunks are fill values: nothing
    of that is to be written.
    """
    if not isinstance(source, AsyncArray):
        await source.ready()
        return
    if not source.is_known_stored:
        return  # it never had a document
    now = await find_metadata(source.store_path, source.metadata.zarr_format)
    if now is None:
        raise SourceChangedError(
            f"{source.store_path.shown_as()} was deleted while it was read: the target is not "
            "completed"
        )
    if now.shape != source.shape or not same_chunks(now, source.metadata):
        raise SourceChangedError(
            f"{source.store_path.shown_as()} was changed while it was read: its shape was "
            f"{source.shape}, and is {now.shape}. The target is not completed; begin anew with "
            "resume=False."
        )


def grid_of(source: AnyAsyncArray | AsyncView) -> Grid:
    """Return the edges of what is stored under one key."""
    if isinstance(source, AsyncArray):
        return layout_of(source.metadata).grid
    return _positive(source.shards or source.chunks)


def units_of(source: AnyAsyncArray | AsyncView) -> Grid:
    """Return the edges of what is decoded alone."""
    if isinstance(source, AsyncArray):
        codec = getattr(source.metadata, "sharding_codec", None)
        found: Grid = layout_of(source.metadata).grid if codec is None else codec.chunk_shape
        return found
    return _positive(source.chunks)


def _positive(grid: Any) -> Grid:
    return tuple(max(1, edge) if isinstance(edge, int) else edge or 1 for edge in grid)


def parts(region: Region, grid: Grid, most: int) -> Iterator[Region]:
    """Yield the parts of a region that hold at most so many units of a grid; 0 is no limit."""
    spans = [
        range(chunk_of(edge, part.start), chunk_of(edge, max(part.start, part.stop - 1)) + 1)
        for part, edge in zip(region, grid, strict=True)
    ]
    if not most or prod(map(len, spans)) <= most:
        yield region
        return
    steps = [1] * len(spans)
    for axis in reversed(range(len(spans))):
        steps[axis] = max(1, min(len(spans[axis]), most // prod(steps)))
        if steps[axis] < len(spans[axis]):
            break
    for first in product(*(span[::step] for span, step in zip(spans, steps, strict=True))):
        found = []
        for chunk, step, span, edge, part in zip(first, steps, spans, grid, region, strict=True):
            start, _ = chunk_bounds(edge, chunk)
            _, stop = chunk_bounds(edge, min(chunk + step, span.stop) - 1)
            found.append(slice(max(start, part.start), min(stop, part.stop)))
        yield tuple(found)


def _halves(region: Region, grid: Grid) -> Iterator[Region]:
    """Yield the two halves of a region of several units, or the region."""
    counts = [
        chunk_of(edge, part.stop - 1) - chunk_of(edge, part.start) + 1
        for part, edge in zip(region, grid, strict=True)
    ]
    if prod(counts) <= 1:
        yield region
        return
    axis = counts.index(max(counts))
    part, edge = region[axis], grid[axis]
    middle, _ = chunk_bounds(edge, chunk_of(edge, part.start) + counts[axis] // 2)
    for half in (slice(part.start, middle), slice(middle, part.stop)):
        yield (*region[:axis], half, *region[axis + 1 :])


def _within(part: Region, region: Region) -> tuple[Any, ...]:
    """A part of a region, as a selection of the region that never gives a scalar."""
    slices = (
        slice(inner.start - outer.start, inner.stop - outer.start)
        for inner, outer in zip(part, region, strict=True)
    )
    return (*slices, ...)


def shown(region: Region) -> str:
    """A region as one writes a selection."""
    return f"[{', '.join(f'{part.start}:{part.stop}' for part in region)}]"


# -- casts ----------------------------------------------------------------------------------------


def check_on_overflow(value: str) -> None:
    """Fail unless it is an `OnOverflow`."""
    if value not in get_args(OnOverflow):
        raise ValueError(f"on_overflow is 'raise', 'clip' or 'wrap', not {value!r}")


_OUT_OF_RANGE: dict[OnOverflow, Any] = {"raise": None, "clip": "clamp", "wrap": "wrap"}


def cast_values(values: AnyNDArray, dtype: NumpyDType, on_overflow: OnOverflow) -> AnyNDArray:
    """Return elements as elements of another type.

    Parameters
    ----------
    values
        The elements.
    dtype
        The type.
    on_overflow
        Numbers that it cannot hold are an error; or the nearest number that it holds (infinity, of
        floating point numbers); or they are taken modulo its range. A fraction is always cut off.

    Raises
    ------
    ValueError
        If an element cannot be cast. No integer stands for NaN.
    TypeError
        If no element of one type can become one of the other.
    """
    if values.dtype.isbuiltin == _ADDED and dtype.kind != "O":
        values = values.astype(np.float64)  # which holds all numbers of such types
    if is_number_type(values.dtype) and is_number_type(dtype):
        return _cast_numbers(values, dtype, on_overflow)
    if dtype.isbuiltin == _ADDED and values.dtype.kind in "biuf":
        return _cast_to_small(values, dtype, on_overflow)
    if dtype.kind == "b" and values.dtype.kind in "iuf":
        if on_overflow == "raise" and not ((values == 0) | (values == 1)).all():
            raise ValueError("a number other than 0 and 1 is no truth value")
        return values.astype(dtype)
    if values.dtype.kind == "c" and dtype.kind in "biuf":
        raise TypeError("the imaginary parts of complex numbers would be lost")
    with np.errstate(over="ignore", invalid="ignore"):
        result = as_type(values, dtype)
    checks = on_overflow == "raise" and values.dtype.kind in "iufc" and dtype.kind in "fc"
    if checks and (np.isfinite(values) & ~np.isfinite(result)).any():
        raise ValueError(f"a number is beyond the range of {dtype}")
    return result


_ADDED = 2
"""How NumPy marks data types that other packages added: those of ml_dtypes."""


def _cast_numbers(values: AnyNDArray, dtype: NumpyDType, on_overflow: OnOverflow) -> AnyNDArray:
    to_integers = dtype.kind in "iu"
    rounding: Any = "towards-zero" if to_integers else "nearest-even"
    try:
        return cast_elements(values, dtype, rounding, _OUT_OF_RANGE[on_overflow], [])
    except ValueError as error:
        if to_integers and not np.isfinite(values).all():
            raise ValueError("NaN and infinity are no integers") from error
        raise ValueError(
            f"{str(error).partition('. Set')[0]} (on_overflow='clip' takes the nearest, 'wrap' the "
            "remainder)"
        ) from error


def _cast_to_small(values: AnyNDArray, dtype: NumpyDType, on_overflow: OnOverflow) -> AnyNDArray:
    import ml_dtypes  # late: few have such types

    is_integer = dtype.name.lstrip("u").startswith("int")
    limits = (ml_dtypes.iinfo if is_integer else ml_dtypes.finfo)(dtype)
    numbers = values.astype(np.float64)
    if is_integer and not np.isfinite(numbers).all():
        raise ValueError("NaN and infinity are no integers")
    outside = np.isfinite(numbers) & ((numbers < float(limits.min)) | (numbers > float(limits.max)))
    if outside.any():
        if on_overflow == "raise":
            raise ValueError(f"{numbers[outside][0]} is beyond the range of {dtype}")
        if on_overflow == "wrap" and is_integer:
            length = int(limits.max) - int(limits.min) + 1
            numbers = (np.trunc(numbers) - int(limits.min)) % length + int(limits.min)
        else:
            numbers = numbers.clip(float(limits.min), float(limits.max))
    if is_integer:
        return np.trunc(numbers).astype(np.int8).astype(dtype)
    return numbers.astype(dtype)
