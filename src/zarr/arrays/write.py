"""Writing to a selection of an array."""

from __future__ import annotations

from copy import copy
from functools import partial
from itertools import product
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from zarr import _core
from zarr._async import progress
from zarr._async.run import bounded, offload, section, stepping
from zarr.abc._traits import data_id_of
from zarr.arrays.read import fill, parts_to_show, read, understand
from zarr.buffer import cpu
from zarr.buffer.core import NDBuffer, default_buffer_prototype
from zarr.dtype.base import shown
from zarr.dtype.storage import as_type, buffer_view
from zarr.errors import ArrayNotFoundError, ChunkDecodeError
from zarr.hierarchy.documents import find_metadata
from zarr.hierarchy.locking import guarded, may_have_grown
from zarr.indexing import basic, coordinates_of
from zarr.metadata.chunk_grids import chunk_of
from zarr.metadata.layout import layout_of, same_coding
from zarr.storage.client import Requests
from zarr.storage.client.chunks import write_all
from zarr.storage.client.conditional import deletes, exchanged, warn_if_unprotected
from zarr.storage.client.own_writes import deletions, may_be_deleted
from zarr.storage.memory import MemoryStore
from zarr.storage.path import StorePath

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractAsyncContextManager

    from zarr.abc.store import Store
    from zarr.arrays.compiled import Engine
    from zarr.buffer.core import BufferPrototype
    from zarr.codecs.vlen import Table
    from zarr.indexing import Axis, Fields, Indices, Selection
    from zarr.metadata.chunk_grids import Edge
    from zarr.types import AnyAsyncArray, AnyNDArray, NumpyDType, SelectionLike


class Piece(NamedTuple):
    """The selected part of one stored value."""

    coords: tuple[int, ...]
    """The place of the value in the grid."""
    chosen: Selection
    """The part of the selection that lies there."""
    place: Any
    """Where that part is in an array of the selection's `engine_shape`."""


def pieces(chosen: Selection, shape: tuple[int, ...], grid: Sequence[Edge]) -> Iterator[Piece]:
    """Cut a selection, so that each piece lies in one stored value.

    Parameters
    ----------
    chosen
        The selection.
    shape
        The shape of the array.
    grid
        The edges of the stored values, along each dimension.
    """
    if chosen.axes is None:
        points = () if chosen.points is None else coordinates_of(chosen.points, shape)
        yield from _of_points(chosen, points, grid)
        return
    cut = [list(_of_axis(axis, edge)) for axis, edge in zip(chosen.axes, grid, strict=True)]
    for parts in product(*cut):
        sizes = tuple(place.size for _, _, place in parts)
        part = chosen._replace(
            axes=tuple(axis for _, axis, _ in parts), shape=sizes, engine_shape=sizes, fields=None
        )
        yield Piece(tuple(at for at, _, _ in parts), part, np.ix_(*(p for _, _, p in parts)))


def _of_axis(axis: Axis, edge: Edge) -> Iterator[tuple[int, Axis, AnyNDArray]]:
    indices: AnyNDArray
    if isinstance(axis, np.ndarray):
        indices = axis
    else:
        start, step, count = axis
        indices = start + step * np.arange(count)
    chunks = _chunks(indices, edge)
    for place in _alike(chunks):
        chunk = int(chunks[place[0]])
        part: Axis = indices[place]
        if not isinstance(axis, np.ndarray):
            part = (int(indices[place[0]]), axis[1], place.size)
        yield chunk, part, place


def _of_points(
    chosen: Selection, points: tuple[Indices, ...], grid: Sequence[Edge]
) -> Iterator[Piece]:
    if not points:
        return
    chunks = np.stack([_chunks(p, edge) for p, edge in zip(points, grid, strict=True)])
    which = np.unique(chunks, axis=1, return_inverse=True)[1].reshape(-1)
    for place in _alike(which):
        coords = chunks[:, place[0]].tolist()
        shape = (place.size,)
        part = chosen._replace(
            points=tuple(p[place] for p in points), shape=shape, engine_shape=shape, fields=None
        )
        yield Piece(tuple(coords), part, place)


def _alike(values: AnyNDArray) -> list[AnyNDArray]:
    """Where each value stands, in order."""
    if not values.size:
        return []
    order = np.argsort(values, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(values[order])) + 1)


def _chunks(indices: AnyNDArray, edge: Edge) -> AnyNDArray:
    """For each index, which chunk it is in."""
    if isinstance(edge, int):
        return indices // edge
    return np.array([chunk_of(edge, index) for index in indices.tolist()], np.intp)


_NO_LOCKS = SimpleNamespace(synchronizer=None)


async def write(
    array: AnyAsyncArray,
    select: Callable[..., Selection],
    selection: SelectionLike,
    value: Any,
    *,
    fields: Fields = None,
    prototype: BufferPrototype | None = None,
) -> None:
    """Write a value to what is selected.

    Parameters
    ----------
    array
        What to write to.
    select
        How a selection is to be understood: a function of `zarr.indexing`.
    selection
        As the user wrote it.
    value
        A scalar or an array that broadcasts to the shape of the selection, as in NumPy.
    fields
        The fields of a structured data type to change.
    prototype
        The kind of memory that the value is in; it is found out if None.
    """
    if not array.access.cache_metadata:
        await array.reload()
    array.check_writable()
    given = value
    if type(value) is not np.ndarray:
        value = await in_memory(value)
    if value is given and prototype is not None and prototype.nd_buffer is not cpu.NDBuffer:
        value = prototype.nd_buffer.from_ndarray_like(value).as_numpy_array()
    engine = array.engine()
    chosen = understand(engine, select, selection, fields)
    if chosen.fields is not None:
        await _write_fields(array, engine, chosen, value)
    else:
        dtype = engine.dtype
        # As nearly always: there is nothing to cast.
        if type(value) is not np.ndarray or value.dtype != dtype or dtype.kind == "O":
            value = as_elements(array, dtype, chosen.shape, value)
        await write_elements(array, engine, chosen, value, prototype)


def writing_waits(array: AnyAsyncArray, value: object) -> bool:
    """Whether writing a value may wait: for the store of the array, or for that of the value."""
    return array.needs_event_loop or getattr(value, "needs_event_loop", False) is True


async def in_memory(value: Any) -> Any:
    """Return the elements of an array or a view of zarr, and anything else as it is."""
    if hasattr(value, "async_array"):
        return await read(value.async_array, basic, ...)
    if hasattr(value, "async_view"):
        return await value.async_view.result()
    return value


def checked(array: AnyAsyncArray, selection: SelectionLike, value: object) -> AnyNDArray:
    """Return the value that `write` would write, as an array of the array's data type.

    Raises
    ------
    ValueError, TypeError, …
        If it cannot be cast, or has not the shape.
    """
    engine = array.engine()
    cast = as_array(value, engine.dtype, array.chunk_store_path)
    if engine.dtype.kind != "O" or cast.shape:  # else one element, which may have a shape itself
        _broadcast(cast, understand(engine, basic, selection, None))
    return cast


async def write_elements(
    array: AnyAsyncArray,
    engine: Engine,
    chosen: Selection,
    value: AnyNDArray,
    prototype: BufferPrototype | None = None,
    *,
    may_grow: bool = False,
) -> None:
    """Write an array of the right data type to a parsed selection.

    The store is given buffers of `prototype`; of that of the configuration if None.
    `may_grow`: others may be making the array longer, so what a chunk holds beyond the end of the
    array as `engine` knows it is kept.
    """
    if not value.shape == chosen.shape == chosen.engine_shape:
        value = _broadcast(value, chosen)
    if value.size == 0:
        return
    if progress.watchers and (parts := parts_to_show(engine, chosen, value.nbytes)):
        with progress.metered("write", value.nbytes) as meter:
            for part, place in parts:
                await _write_elements(array, engine, part, value[place], prototype, may_grow)
                meter.advance(value[place].nbytes)
        return
    await _write_elements(array, engine, chosen, value, prototype, may_grow)


async def _write_elements(
    array: AnyAsyncArray,
    engine: Engine,
    chosen: Selection,
    value: AnyNDArray,
    prototype: BufferPrototype | None,
    may_grow: bool,
) -> None:
    compiled = engine.compiled
    if compiled is None:
        table = engine.table(writing=True)
        compiled = engine.bound(table)
        try:
            value = _numbers(table, value)
        except _UNCASTABLE as error:
            given, place = value.reshape(chosen.shape), array.chunk_store_path
            raise _uncastable(error, given, engine.dtype, place, table.number) from None
    elif engine.is_opaque:
        value = buffer_view(value)
    await _run(array, engine, compiled, chosen, value, prototype, may_grow)


def as_elements(
    array: AnyAsyncArray, dtype: NumpyDType, shape: tuple[int, ...], value: object
) -> AnyNDArray:
    """Return the value assigned to a selection of a shape as an array of a data type.

    Raises
    ------
    TypeError, ValueError, OverflowError
        If it cannot be cast.
    """
    # One element, which may be an array or a list itself; an array without dimensions holds one.
    is_one = shape == () and dtype.kind == "O" and layout_of(array.metadata).zdtype.holds_arrays
    if is_one and getattr(value, "shape", None) != ():
        value = _one(value)
    return as_array(value, dtype, array.chunk_store_path)


def as_array(value: object, dtype: NumpyDType, place: StorePath) -> AnyNDArray:
    """Return the assigned value as an array of the data type of the array at `place`.

    Raises
    ------
    TypeError, ValueError, OverflowError
        If it cannot be cast.
    """
    if isinstance(value, np.ndarray):
        plain = np.asarray(value)
        if plain.dtype == dtype:
            return plain
        value = plain
    elif isinstance(value, NDBuffer):
        value = value.as_numpy_array()
    elif hasattr(value, "get") and hasattr(value, "__cuda_array_interface__"):
        value = np.asarray(value.get())
    elif hasattr(value, "__array__") and not isinstance(value, np.generic):
        value = np.asarray(value)
    elif dtype.kind == "O" and not isinstance(value, list):
        return _one(value)
    try:
        return as_type(value if isinstance(value, np.ndarray) else np.asarray(value, dtype), dtype)
    except _UNCASTABLE as error:
        raise _uncastable(error, value, dtype, place, partial(as_type, dtype=dtype)) from None


def _one(value: object) -> AnyNDArray:
    """One object, which may have a length: it is not taken apart."""
    scalar = np.empty((), object)
    scalar[()] = value
    return scalar


_UNCASTABLE: Final = (TypeError, ValueError, OverflowError)


def _uncastable(
    error: TypeError | ValueError | OverflowError,
    value: object,
    dtype: NumpyDType,
    place: StorePath,
    cast: Callable[[AnyNDArray], object],
) -> TypeError | ValueError | OverflowError:
    """An error of the same kind that names the array and the element that `cast` refuses."""
    try:
        elements = value if isinstance(value, np.ndarray) else np.asarray(value, object)
        index = _first_refused(elements, cast)
    except _UNCASTABLE:  # lists of different lengths, perhaps
        elements, index = np.empty(0), None
    kind = type(value).__name__
    if index is not None:
        value = elements.item(index)
        kind = type(value).__name__ if elements.dtype == object else str(elements.dtype)
    place_of_it = f" at index {index}" if index else ""
    message = (
        f"expected values that can be cast to {dtype}, the data type of {place.shown_as()}, "
        f"found {shown(value)} of {kind}{place_of_it}"
    )
    if isinstance(error, UnicodeEncodeError):
        message = f"{error.reason}: {message}"
        return UnicodeEncodeError(error.encoding, error.object, error.start, error.end, message)
    made = next(made for made in _UNCASTABLE if isinstance(error, made))
    return made(f"{error}: {message}")


def _first_refused(
    elements: AnyNDArray, cast: Callable[[AnyNDArray], object]
) -> tuple[int, ...] | None:
    """The index of the first element that cannot be cast; None if each of them can."""

    def refused(start: int, stop: int) -> bool:
        try:
            cast(flat[start:stop])
        except _UNCASTABLE:
            return True
        return False

    flat = elements.reshape(-1)
    start, stop = 0, flat.size
    while stop - start > 1:
        middle = (start + stop) // 2
        if refused(start, middle):
            stop = middle
        else:
            start = middle
    if not refused(start, stop):
        return None
    return tuple(map(int, np.unravel_index(start, elements.shape)))


def _broadcast(value: AnyNDArray, chosen: Selection) -> AnyNDArray:
    """The value in the shape that the engine is given."""
    return broadcast(value, chosen.shape).reshape(chosen.engine_shape)


def broadcast(value: AnyNDArray, shape: tuple[int, ...]) -> AnyNDArray:
    """Return the assigned value in the shape of the selection.

    Raises
    ------
    ValueError
        If it cannot be broadcast.
    """
    if value.shape != shape:
        while value.ndim > len(shape) and value.shape[0] == 1:
            value = value[0]
        try:
            value = np.broadcast_to(value, shape)
        except ValueError:
            raise ValueError(
                f"could not broadcast input array from shape {value.shape} into shape {shape}"
            ) from None
    return value


def _numbers(table: Table, value: AnyNDArray) -> AnyNDArray:
    """The elements as numbers of a table; what was broadcast is numbered once."""
    if value.size > 1 and not any(value.strides):
        one = table.number(value[(slice(0, 1),) * value.ndim])
        return np.broadcast_to(one, value.shape)
    return table.number(value)


async def _run(
    array: AnyAsyncArray,
    engine: Engine,
    compiled: _core.CompiledArray,
    chosen: Selection,
    value: AnyNDArray,
    prototype: BufferPrototype | None,
    may_grow: bool,
) -> None:
    write_empty = engine.write_empty
    place = array.chunk_store_path
    store = place.store
    traits = store.traits
    synchronizer = array.access.synchronizer
    # A synchronizer says that others write: they may have made the array longer, too.
    may_grow = may_grow or synchronizer is not None
    may_grow = may_grow or may_have_grown(place, engine.shape)
    source = traits.native_handle if synchronizer is None else None
    seen = array.deletions_seen
    # The engine looks itself whether the array was deleted; another one may be in its place.
    if seen is not None and (source is None or seen != deletions()):
        await _check_stored(array, engine, asks=source is None)
    # Where it was seen it still is, or else the array was deleted.
    document = None if seen is None else engine.document
    axes, points = chosen.axes, chosen.points
    if source is None:
        identity = data_id_of(store)

        def guard(key: str) -> AbstractAsyncContextManager[None]:
            if synchronizer is None:
                warn_if_unprotected(store)
            return guarded(identity, key, synchronizer)

        async def work() -> None:
            plan = compiled.plan_write(axes, points, value, write_empty, may_grow)
            kind = prototype or default_buffer_prototype()
            await write_all(store, plan, guard, engine.stored_bytes, kind)

        await section(work, traits.needs_event_loop)
    elif stepping():
        name = data_id_of(store)
        compiled.write(source, axes, points, value, write_empty, name, None, may_grow, document)
        if isinstance(source, _core.Files):
            warn_if_unprotected(store)
    else:
        cancel = _core.Cancel()
        name = data_id_of(store)
        arguments = (source, axes, points, value, write_empty, name, cancel, may_grow, document)
        # It waits for the locks of chunks, so it must not take a thread from plain work.
        await offload(compiled.write, *arguments, cancel=cancel, kind="section")
        if isinstance(source, _core.Files):
            warn_if_unprotected(store)


async def _check_stored(array: AnyAsyncArray, engine: Engine, *, asks: bool = True) -> None:
    """Fail if the array was deleted after it was opened, or another one is in its place.

    The store is asked where the array may have been deleted in this process. With `asks`, one that
    never waits is asked always.
    """
    seen, now = array.deletions_seen, deletions()
    if seen is None:
        return
    place = array.chunk_store_path
    store = place.store
    if seen == now or not may_be_deleted(data_id_of(store), place.path, seen):
        asks = asks and not store.traits.needs_event_loop
        if not asks or await Requests(store).exists(engine.document):
            array.known_stored(now)
            return
    found = await find_metadata(place, None)
    if found is None:
        raise ArrayNotFoundError(
            "the array was deleted after it was opened: open or create it anew in array "
            f"{place.shown_as()}"
        )
    if not same_coding(found, array.metadata):
        raise ArrayNotFoundError(
            "the array was deleted after it was opened, and there is another one now: open it "
            f"anew in array {place.shown_as()}"
        )
    array.known_stored(now)


async def _write_fields(
    array: AnyAsyncArray, engine: Engine, chosen: Selection, value: object
) -> None:
    """Change some fields of the selected elements, and leave the others as they are.

    It is always a part of a stored value that is changed: all of them are read, changed and put
    back as such are, beside others who change other fields or elements.
    """
    names = [chosen.fields] if isinstance(chosen.fields, str) else list(chosen.fields or ())
    await _check_stored(array, engine)
    given = np.zeros(chosen.shape, engine.dtype)
    part = given[names[0] if len(names) == 1 else names]
    part[...] = as_array(value, part.dtype, array.chunk_store_path)
    given = given.reshape(chosen.engine_shape)
    path, synchronizer = array.chunk_store_path, array.access.synchronizer
    store = path.store

    async def change(piece: Piece) -> None:
        key = array.metadata.encode_chunk_key(piece.coords)
        key = f"{path.path}/{key}" if path.path else key
        part = given[piece.place]
        if synchronizer is None:
            warn_if_unprotected(store)
        async with guarded(data_id_of(store), key, synchronizer):
            await exchanged(store, partial(_change_fields, array, engine, piece, key, names, part))

    await section(
        lambda: bounded(pieces(chosen, engine.shape, engine.grid), change),
        store.traits.needs_event_loop,
    )


async def _change_fields(
    array: AnyAsyncArray,
    engine: Engine,
    piece: Piece,
    key: str,
    names: list[str],
    given: AnyNDArray,
    store: Store,
) -> None:
    """Replace a stored value by one with other fields."""
    requests = Requests(store)
    for last in (False, True):
        value = await requests.get(key, cpu.buffer_prototype)
        kept: dict[str, Any] = {} if value is None else {key: value}
        scratch = StorePath(MemoryStore(kept), array.chunk_store_path.path)
        # The attributes of an array that reading and writing ask for, of one with a single value.
        there: Any = SimpleNamespace(
            chunk_store_path=scratch, access=_NO_LOCKS, deletions_seen=None
        )
        engine = copy(engine)
        engine.write_empty |= value is not None and not deletes(store)
        current = np.ndarray(piece.chosen.shape, engine.dtype)
        try:
            await fill(there, engine, piece.chosen, current)
            for name in names:
                current[name] = given[name]
            await write_elements(there, engine, piece.chosen, current, may_grow=True)
            break
        except ChunkDecodeError:
            if last:  # else it was cut on the way, perhaps: it is read again, once
                raise
    if key in kept:
        await requests.set(key, kept[key])
    elif value is not None:
        await requests.delete(key)
