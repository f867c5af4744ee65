"""Changes of an array's metadata: its shape and its attributes.

A document is read, changed and written under a lock, so that no change is lost, whoever makes it:
threads, tasks, or handles that were opened separately.
"""

from __future__ import annotations

from itertools import product
from math import prod
from typing import TYPE_CHECKING

import numpy as np

from zarr._async.run import bounded, section
from zarr.abc._traits import data_id_of
from zarr.arrays.compiled import Engine
from zarr.arrays.write import as_array, in_memory, write_elements
from zarr.errors import ArrayNotFoundError
from zarr.hierarchy.documents import document_key, kind_at, load_metadata, save_changes
from zarr.hierarchy.locking import guarded, note_growth
from zarr.indexing import Selection
from zarr.metadata.chunk_grids import chunk_bounds, chunk_count, chunk_of
from zarr.metadata.fields import parse_shapelike
from zarr.storage.client import Requests
from zarr.storage.client.conditional import exchanged
from zarr.storage.path import StorePath

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    import numpy.typing as npt

    from zarr.abc.store import Store
    from zarr.types import AnyAsyncArray, ArrayMetadata, NodeAttributes, ShapeLike

# Up to so many chunks are deleted by their names; if more could be there, the store is asked
# which are.
_FEW = 1000


async def _changed(
    array: AnyAsyncArray,
    change: Callable[[ArrayMetadata], ArrayMetadata],
    *,
    anew: bool = False,
    marked: bool = False,
    first: Callable[[ArrayMetadata, ArrayMetadata], Awaitable[None]] | None = None,
) -> tuple[ArrayMetadata, ArrayMetadata]:
    """Change the stored metadata under their lock, and return those before and those after.

    With `anew`, metadata are written even if none are stored, because somebody cleared the store.
    With `marked`, a change whose answer was lost is not made twice. `first` is called with both
    before they are written, and once more if another writer was faster.
    """
    array.check_writable()
    place = array.store_path
    store = place.store
    key = document_key(place.path)

    async def attempt(store: Store) -> tuple[ArrayMetadata, ArrayMetadata]:
        there = StorePath(store, place.path)
        zarr_format = array.metadata.zarr_format
        try:
            before = await load_metadata(there, zarr_format)
            stored: ArrayMetadata | None = before
        except ArrayNotFoundError:
            if not anew or await kind_at(store, place.path, zarr_format) is not None:
                raise
            before, stored = array.metadata, None
        after = change(before)
        if first is not None:
            await first(before, after)
        await save_changes(store, place.path, stored, after)
        return before, after

    async def work() -> tuple[ArrayMetadata, ArrayMetadata]:
        async with guarded(data_id_of(store), key, array.access.synchronizer):
            before, after = await exchanged(store, attempt, marked=marked)
            if after.shape != before.shape:
                note_growth(array.chunk_store_path, after.shape)
            array.set_metadata(after)
            return before, after

    return await section(work, store.traits.needs_event_loop)


async def change_attributes(
    array: AnyAsyncArray, change: Callable[[NodeAttributes], NodeAttributes]
) -> None:
    """Replace the attributes by what a function makes of the stored ones."""
    await _changed(
        array,
        lambda metadata: metadata.update_attributes(change(dict(metadata.attributes))),
        anew=True,
    )


async def resize(
    array: AnyAsyncArray, new_shape: ShapeLike, delete_outside_chunks: bool = True
) -> None:
    """Change the shape of an array."""
    shape = _parsed_shape(new_shape, array.ndim)

    async def clear(before: ArrayMetadata, after: ArrayMetadata) -> None:
        # Before the shape: stores that know of it ignore what lies outside, and what they still
        # held would come back when the array grows.
        if any(new < old for new, old in zip(after.shape, before.shape, strict=True)):
            array.set_metadata(
                before
            )  # the handle may know an older shape, and its keys are listed by it
            await _clear_outside(array, before, shape)

    await _changed(
        array,
        lambda old: old if old.shape == shape else old.update_shape(shape),
        first=clear if delete_outside_chunks else None,
    )


async def append(array: AnyAsyncArray, data: npt.ArrayLike, axis: int = 0) -> tuple[int, ...]:
    """Make an array longer along a dimension, and write to the new part."""
    value = as_array(await in_memory(data), array.dtype, array.chunk_store_path)
    if not isinstance(axis, (int, np.integer)):
        raise TypeError(f"axis must be an integer, got {axis!r} of {type(axis).__name__}")
    along = axis + array.ndim if axis < 0 else axis
    if not 0 <= along < array.ndim:
        raise ValueError(f"axis {axis} is out of bounds for an array of {array.ndim} dimensions")

    def longer(old: ArrayMetadata) -> ArrayMetadata:
        _check_fits(value.shape, old.shape, along)
        length = old.shape[along] + value.shape[along]
        return old.update_shape((*old.shape[:along], length, *old.shape[along + 1 :]))

    before, after = await _changed(array, longer, marked=True)
    # The part that was reserved is ours alone, so it is written after the lock is released.
    engine = Engine(after, array.config, array.chunk_store_path)
    axes = [(0, 1, length) for length in after.shape]
    axes[along] = (before.shape[along], 1, value.shape[along])
    chosen = Selection(tuple(axes), None, value.shape, value.shape)
    await write_elements(array, engine, chosen, value, may_grow=True)
    return after.shape


def _check_fits(data: tuple[int, ...], shape: tuple[int, ...], axis: int) -> None:
    rest = tuple(length for index, length in enumerate(shape) if index != axis)
    data_rest = tuple(length for index, length in enumerate(data) if index != axis)
    if len(data) != len(shape) or rest != data_rest:
        raise ValueError(
            f"shape of data to append is not compatible with the array. The shape of the data is "
            f"{data} and the shape of the array is {shape}. "
            f"All dimensions must match except for the dimension being appended, {axis}."
        )


def _parsed_shape(new_shape: ShapeLike, ndim: int) -> tuple[int, ...]:
    shape = parse_shapelike(new_shape)
    if len(shape) != ndim:
        raise ValueError(
            "The new shape must have the same number of dimensions as the array. "
            f"Got {len(shape)} dimension(s), expected {ndim}."
        )
    return shape


# -- what a smaller shape leaves behind ---------------------------------------------------------


async def _clear_outside(
    array: AnyAsyncArray, before: ArrayMetadata, shape: tuple[int, ...]
) -> None:
    """Remove what lies outside of a shape: whole chunks, and elements of those at its edge."""
    engine = Engine(before, array.config, array.chunk_store_path)
    await _delete_chunks(array, engine, shape)
    engine.write_empty = False
    kept: list[tuple[int, int, int]] = []
    for axis, edge in enumerate(engine.grid):
        old, new = engine.shape[axis], min(shape[axis], engine.shape[axis])
        end = chunk_bounds(edge, chunk_of(edge, new - 1))[1] if new else 0
        if new < min(end, old):
            # Along the dimensions before this one the outer part is cleared already.
            box = [*kept, (new, 1, min(end, old) - new)]
            box += [(0, 1, length) for length in _ends(engine, shape, axis + 1)]
            await _fill_box(array, engine, tuple(box))
        kept.append((0, 1, new))


def _ends(engine: Engine, shape: tuple[int, ...], first: int) -> list[int]:
    """For each dimension from one on, where the last chunk that is kept ends."""
    ends = []
    for edge, old, new in zip(
        engine.grid[first:], engine.shape[first:], shape[first:], strict=True
    ):
        end = chunk_bounds(edge, chunk_of(edge, new - 1))[1] if new else 0
        ends.append(min(end, old))
    return ends


async def _fill_box(
    array: AnyAsyncArray, engine: Engine, axes: tuple[tuple[int, int, int], ...]
) -> None:
    counts = tuple(count for _, _, count in axes)
    fill = as_array(_fill_of(engine), engine.dtype, array.chunk_store_path)
    await write_elements(array, engine, Selection(axes, None, counts, counts), fill)


def _fill_of(engine: Engine) -> object:
    if isinstance(engine.fill_value, np.ndarray):  # one element, and not an array of them
        alone = np.empty(1, object)
        alone[0] = engine.fill_value
        return alone.reshape(())
    return engine.fill_value


async def _delete_chunks(array: AnyAsyncArray, engine: Engine, shape: tuple[int, ...]) -> None:
    """Delete the chunks that have no element inside of a shape."""
    place = array.chunk_store_path
    prefix = f"{place.path}/" if place.path else ""
    old = tuple(map(chunk_count, engine.grid, engine.shape))
    new = tuple(map(chunk_count, engine.grid, shape))
    kept = prod(map(min, old, new))
    encode = array.metadata.encode_chunk_key
    requests = Requests(place.store)

    def outside(coords: tuple[int, ...]) -> bool:
        return any(chunk >= count for chunk, count in zip(coords, new, strict=True))

    async def delete(coords: tuple[int, ...]) -> None:
        await requests.delete(prefix + encode(coords))

    if prod(old) - kept > _FEW and place.store.supports_listing:
        from zarr.arrays.stored_chunks import listed_coords  # late: few arrays are so large

        coords = [item async for item in listed_coords(array) if outside(item)]
    else:
        coords = list(_outside(old, new))
    await bounded(coords, delete)


def _outside(old: tuple[int, ...], new: tuple[int, ...]) -> list[tuple[int, ...]]:
    """The places of one grid that a smaller one lacks."""
    found: list[tuple[int, ...]] = []
    for axis in range(len(old)):
        # Inside of both grids along the dimensions before, outside along this one.
        ranges = [range(min(o, n)) for o, n in zip(old[:axis], new[:axis], strict=True)]
        ranges.append(range(new[axis], old[axis]))
        ranges += [range(length) for length in old[axis + 1 :]]
        found += product(*ranges)
    return found
