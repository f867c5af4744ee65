"""Reading and writing what views consist of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from zarr._async.run import bounded
from zarr.abc._traits import data_id_of
from zarr.arrays.read import fill
from zarr.arrays.write import write
from zarr.errors import ArrayNotFoundError, SourceChangedError
from zarr.hierarchy.documents import load_metadata
from zarr.hierarchy.locking import may_have_grown

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy.typing as npt

    from zarr.arrays import AsyncArray
    from zarr.indexing import Selection
    from zarr.views.plan import Read, Reading, Write
    from zarr.views.source import Expression, Leaf


def sources_of(views: Iterable[Expression]) -> list[Leaf]:
    """The arrays of views, each once."""
    return list({id(leaf.array): leaf for view in views for leaf in view.leaves()}.values())


async def check_sources(views: Iterable[Expression]) -> None:
    """Fail unless the arrays of views have the shapes that they had when the views were made.

    The store is asked only where this process knows of a change, or for handles that read their
    metadata before each operation.

    Raises
    ------
    SourceChangedError
        An array has been resized.
    ArrayNotFoundError
        An array has been deleted.
    """
    for leaf in sources_of(views):
        array = leaf.array
        if not array.access.cache_metadata:
            try:
                await array.reload()
            except ArrayNotFoundError:
                raise _deleted(leaf) from None
        shape = array.metadata.shape
        if shape == leaf.shape and may_have_grown(array.chunk_store_path, shape):
            shape = (await _stored_metadata(leaf)).shape
        if shape != leaf.shape:
            raise SourceChangedError(
                f"a view of {array.store_path.shown_as()} was made when the array had the shape "
                f"{leaf.shape}, and now it has {shape}: make the view anew"
            )


async def _stored_metadata(leaf: Leaf) -> Any:
    array = leaf.array
    try:
        return await load_metadata(array.store_path, array.metadata.zarr_format)
    except ArrayNotFoundError:
        raise _deleted(leaf) from None


def _deleted(leaf: Leaf) -> ArrayNotFoundError:
    return ArrayNotFoundError(
        f"a view of {leaf.array.store_path.shown_as()} was made when the array had the shape "
        f"{leaf.shape}, and now it is deleted"
    )


async def read_all(reading: Reading) -> None:
    """Run all reads, and finish them."""
    await bounded(reading.reads, _read)
    reading.finish()


async def _read(read: Read) -> None:
    array = read.array
    await fill(array, array.engine(), read.selection, read.memory, fresh=read.fresh)


async def check_not_deleted(views: Iterable[Expression], reading: Reading) -> None:
    """Fail if an array was deleted: its elements were read as the fill value, all of them.

    The store is asked only for arrays of which nothing else was found.
    """
    found: dict[int, bool] = {}
    for read in reading.reads:
        array = read.array
        if found.get(id(array), array.is_known_stored):
            found[id(array)] = _all_filled(read.memory, array.engine().fill_value)
    for leaf in sources_of(views):
        if found.get(id(leaf.array), False):
            await _stored_metadata(leaf)


def _all_filled(elements: npt.NDArray[Any], fill: Any) -> bool:
    """Whether all elements have the fill value."""
    dtype = elements.dtype
    if dtype.kind == "O" and isinstance(elements.item(0), np.ndarray):
        return all(np.array_equal(element, fill) for element in elements.flat)
    alone = np.zeros(1, dtype)
    if fill is not None:
        alone[0] = fill
    if dtype.itemsize in (1, 2, 4, 8) and not dtype.hasobject:  # so a NaN equals itself
        bits = np.dtype(f"u{dtype.itemsize}")
        alone, elements = alone.view(bits), elements.view(bits)
    first = elements[(slice(0, 1),) * elements.ndim]
    return bool((first == alone).all()) and bool((elements == alone).all())


async def write_all(writes: list[list[Write]]) -> None:
    """Write: for each array in order, so that of two elements for one place the last one stays."""
    await bounded(writes, _write)


def as_it_is(selection: Selection, shape: tuple[int, ...]) -> Selection:
    """A selection that was parsed already."""
    return selection


async def _write(writes: list[Write]) -> None:
    for one in writes:
        chosen: Any = one.selection
        await write(one.array, as_it_is, chosen, one.elements)


def address(array: AsyncArray[Any]) -> tuple[str, str]:
    """Where the elements of an array are."""
    place = array.chunk_store_path
    return data_id_of(place.store), place.path
