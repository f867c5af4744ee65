"""Reading and writing what views consist of."""

from __future__ import annotations

from contextlib import contextmanager
from math import gcd
from typing import TYPE_CHECKING, Any

import numpy as np

from zarr._async.run import bounded
from zarr.abc._traits import data_id_of
from zarr.arrays.batch import fill_many
from zarr.arrays.read import fill
from zarr.arrays.write import write
from zarr.errors import ArrayNotFoundError, SourceChangedError
from zarr.hierarchy.documents import load_metadata
from zarr.hierarchy.locking import may_have_grown
from zarr.views.source import Leaf

if TYPE_CHECKING:
    from collections.abc import Iterator

    from zarr.indexing import Axis, Selection
    from zarr.types import AnyNDArray
    from zarr.views.plan import Reading, Write
    from zarr.views.source import Expression


def sources_of(view: Expression) -> tuple[Leaf, ...]:
    """The arrays of a view, each once."""
    return view.leaves


async def check_sources(view: Expression, *, ask: bool = False) -> None:
    """Fail unless the arrays of a view have the shapes that they had when it was made.

    Parameters
    ----------
    view
        The view.
    ask
        Whether the store is asked in any case. Otherwise it is where this process knows of a
        change, and for handles that read their metadata before each operation.

    Raises
    ------
    SourceChangedError
        An array has been resized.
    ArrayNotFoundError
        An array has been deleted.
    """
    for leaf in sources_of(view):
        array = leaf.array
        if not array.access.cache_metadata:
            with _not_deleted(leaf):
                await array.reload()
        elif (ask and array.is_known_stored) or may_have_grown(
            array.chunk_store_path, array.metadata.shape
        ):
            await _check_stored(leaf)
        _check_shape(leaf, array.metadata.shape)


async def _check_stored(leaf: Leaf) -> None:
    array = leaf.array
    with _not_deleted(leaf):
        metadata = await load_metadata(array.store_path, array.metadata.zarr_format)
    _check_shape(leaf, metadata.shape)


def _check_shape(leaf: Leaf, shape: tuple[int, ...]) -> None:
    if shape != leaf.shape:
        raise SourceChangedError(
            f"a view of {leaf.array.store_path.shown_as()} was made when the array had the shape "
            f"{leaf.shape}, and now it has {shape}: make the view anew"
        )


@contextmanager
def _not_deleted(leaf: Leaf) -> Iterator[None]:
    try:
        yield
    except ArrayNotFoundError:
        raise ArrayNotFoundError(
            f"a view of {leaf.array.store_path.shown_as()} was made when the array had the shape "
            f"{leaf.shape}, and now it is deleted"
        ) from None


def read_at_once(view: Expression) -> AnyNDArray | None:
    """Read a box of an array that never waits, in one call; None if it takes more than that.

    All is as it is where `check_sources`, `read_all` and `check_not_deleted` do it.

    Parameters
    ----------
    view
        The view.
    """
    leaf, transform, steps = view
    if steps or not isinstance(leaf, Leaf):
        return None
    box = transform.box()
    if box is None:
        return None
    array = leaf.array
    engine = array.engine()
    if (
        engine.reader is None
        or array.metadata.shape != leaf.shape
        or may_have_grown(array.chunk_store_path, leaf.shape)
    ):
        return None
    found = engine.reader.read(box)
    if found is NotImplemented:
        return None
    found = np.asarray(found)
    # The array may have been deleted: the store has to be asked.
    return None if array.is_known_stored and _all_filled(found, engine.fill_value) else found


async def read_all(reading: Reading) -> None:
    """Run all reads, and finish them."""
    reads = reading.reads
    if len(reads) == 1:
        array = reads[0].array
        await fill(array, array.engine(), *reads[0][1:3], fresh=reads[0].fresh)
    else:
        await fill_many(reads)
    reading.finish()


async def check_not_deleted(view: Expression, reading: Reading) -> None:
    """Fail if an array was deleted: its elements were read as the fill value, all of them.

    The store is asked only for arrays of which nothing else was found.
    """
    found: dict[int, bool] = {}
    for read in reading.reads:
        array = read.array
        if found.get(id(array), array.is_known_stored):
            found[id(array)] = _all_filled(read.memory, array.engine().fill_value)
    for leaf in sources_of(view):
        if found.get(id(leaf.array), False):
            await _check_stored(leaf)


def _all_filled(elements: AnyNDArray, fill: Any) -> bool:
    """Whether all elements have the fill value."""
    dtype = elements.dtype
    first = elements[(0,) * elements.ndim]
    if dtype.kind in "biufc" and first != fill and first == first:
        return False
    if dtype.kind == "O" and isinstance(elements.item(0), np.ndarray):
        return all(np.array_equal(element, fill) for element in elements.flat)
    alone = np.zeros(1, dtype)
    if fill is not None:
        alone[0] = fill
    if dtype.itemsize in (1, 2, 4, 8) and not dtype.hasobject:  # so a NaN equals itself
        bits = np.dtype(f"u{dtype.itemsize}")
        alone, elements = alone.view(bits), elements.view(bits)
    if not elements.ndim:
        return bool((elements == alone).all())
    step = max(1, _COMPARED * len(elements) // elements.size)
    return all(
        bool((elements[start : start + step] == alone).all())
        for start in range(0, len(elements), step)
    )


_COMPARED = 1 << 18
"""So many elements are compared with the fill value at a time."""


async def write_all(writes: list[Write]) -> None:
    """Write: for each array in order, so that of two elements for one place the last one stays."""
    await bounded(writes, _write)


def as_it_is(selection: Selection, shape: tuple[int, ...]) -> Selection:
    """A selection that was parsed already."""
    return selection


async def _write(one: Write) -> None:
    for selection, elements in one.parts():
        chosen: Any = selection
        await write(one.array, as_it_is, chosen, elements)


def check_apart(writes: list[Write]) -> None:
    """Fail if several parts of a view have one element of an array.

    Parameters
    ----------
    writes
        The writes of each part.

    Raises
    ------
    ValueError
        Which value would stay depends on the order of the parts.
    """
    places: dict[tuple[str, str], list[Write]] = {}
    for one in writes:
        place = one.array.chunk_store_path
        places.setdefault((data_id_of(place.store), place.path), []).append(one)
    for same in places.values():
        if len(same) > 1 and any(_meet(*pair) for pair in _near(same)):
            raise ValueError(
                "cannot write to a view that has elements of "
                f"{same[0].array.store_path.shown_as()} in more than one of its parts: nothing "
                "was written"
            )


def _near(parts: list[Write]) -> Iterator[tuple[Selection, Selection]]:
    """The selections of different parts whose first and last index along a dimension meet."""
    found = [(number, one) for number, part in enumerate(parts) for one in part.selections()]
    hulls = [_hull(selection) for _, selection in found]
    if not hulls:
        return
    # The dimension along which the parts lie apart most.
    axis = max(range(len(hulls[0])), key=lambda axis: len({hull[axis][0] for hull in hulls}))
    open_ends: list[tuple[int, int, Selection]] = []
    for at in sorted(range(len(found)), key=lambda at: hulls[at][axis]):
        number, selection = found[at]
        low, high = hulls[at][axis]
        open_ends = [other for other in open_ends if other[0] >= low]
        for _, other, before in open_ends:
            if other != number:
                yield before, selection
        open_ends.append((high, number, selection))


def _hull(selection: Selection) -> list[tuple[int, int]]:
    """The first and the last index along each dimension; one dimension if there is none."""
    axes = selection.axes if selection.axes is not None else selection.points or ()
    return [_ends(axis) for axis in axes] or [(0, 0)]


def _ends(axis: Axis) -> tuple[int, int]:
    if isinstance(axis, np.ndarray):
        return int(np.min(axis)), int(np.max(axis))
    start, step, count = axis
    return start, start + step * (count - 1)


def _meet(one: Selection, other: Selection) -> bool:
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
