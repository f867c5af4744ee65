"""Reading a selection of an array."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from zarr import _core
from zarr._async import progress
from zarr._async.run import offload, pause, stepping
from zarr.buffer import cpu
from zarr.buffer.core import NDBuffer, default_buffer_prototype
from zarr.dtype.storage import buffer_view
from zarr.indexing import Selection, basic, block, check_fields, parse
from zarr.storage.client.chunks import SMALL, read_all

if TYPE_CHECKING:
    from collections.abc import Callable

    from zarr.arrays.compiled import Engine
    from zarr.buffer.core import BufferPrototype, NDArrayLikeOrScalar
    from zarr.indexing import Fields
    from zarr.types import AnyAsyncArray, AnyNDArray, MemoryOrder, NumpyDType, SelectionLike

    Out = NDBuffer | AnyNDArray | None


async def read(
    array: AnyAsyncArray,
    select: Callable[..., Selection],
    selection: SelectionLike,
    *,
    out: Out = None,
    prototype: BufferPrototype | None = None,
    fields: Fields = None,
) -> NDArrayLikeOrScalar:
    """Read what is selected.

    Parameters
    ----------
    array
        What to read of.
    select
        How a selection is to be understood: a function of `zarr.indexing`.
    selection
        As the user wrote it.
    out
        Where the elements go; a new array if None.
    prototype
        The kind of array to return.
    fields
        The fields of a structured data type to return.
    """
    if not array.access.cache_metadata:
        await array.reload()
    engine = array.engine()
    chosen = understand(engine, select, selection, fields)
    if prototype is None:
        prototype = array.access.prototype or default_buffer_prototype()
    if out is None and chosen.fields is None and prototype.nd_buffer is cpu.NDBuffer:
        result = engine.empty(chosen.shape, engine.dtype, order=_order(chosen, engine))
        await fill(array, engine, chosen, result, prototype, fresh=True)
        if result.ndim == 0 and gives_scalar(select, selection):
            return cast("NDArrayLikeOrScalar", result[()])
        return result
    return await _read_into(array, engine, chosen, out, prototype, select, selection)


def understand(
    engine: Engine, select: Callable[..., Selection], selection: SelectionLike, fields: Fields
) -> Selection:
    """Parse a selection for the shape and grid of an array."""
    if select is block:
        chosen = block(selection, engine.shape, engine.grid)
    else:
        chosen = select(selection, engine.shape)
    if fields is not None:
        chosen = chosen._replace(fields=fields)
    if chosen.fields is not None:
        check_fields(chosen.fields, engine.dtype)
    return chosen


def gives_scalar(select: Callable[..., Selection], selection: SelectionLike) -> bool:
    """Whether one element is returned as a scalar, and not as an array without dimensions.

    It is for basic selections. A selection in brackets that is integers only is taken for an
    orthogonal one, and the result is then an array.
    """
    if select is not parse:
        return select is basic
    items = selection if isinstance(selection, tuple) else (selection,)
    return not items or any(type(item) is not int for item in items)


def _takes(target: NumpyDType, dtype: NumpyDType) -> bool:
    """Whether elements of an array can be put into memory of a type as they are read.

    Strings become objects as well as NumPy's strings.
    """
    return target == dtype or (target.kind == "O" and isinstance(dtype, np.dtypes.StringDType))


def _order(chosen: Selection, engine: Engine) -> MemoryOrder:
    # The points of a coordinate selection follow one another, whatever the memory layout.
    return engine.order if chosen.points is None else "C"


async def _read_into(
    array: AnyAsyncArray,
    engine: Engine,
    chosen: Selection,
    out: Out,
    prototype: BufferPrototype,
    select: Callable[..., Selection],
    selection: SelectionLike,
) -> NDArrayLikeOrScalar:
    """The general way: into an array of the caller's, another kind of memory, or some fields."""
    scalar = chosen.shape == () and gives_scalar(select, selection)
    memory, finish, _ = placed(engine, chosen, out, prototype, scalar=scalar)
    await fill(array, engine, chosen, memory, prototype)
    return finish()


def placed(
    engine: Engine,
    chosen: Selection,
    out: Any,
    prototype: BufferPrototype,
    *,
    scalar: bool,
) -> tuple[AnyNDArray, Callable[[], NDArrayLikeOrScalar], AnyNDArray | None]:
    """The memory that a selection is read into, and how the result is made of it then.

    The last of the three is the memory of the result, as far as it is known before.

    Parameters
    ----------
    engine
        Of the array.
    chosen
        The selection.
    out
        Where the caller wants the elements; a new array if None.
    prototype
        The kind of array to return.
    scalar
        Whether the one element is returned as a scalar.
    """
    dtype = check_fields(chosen.fields, engine.dtype)
    order = _order(chosen, engine)
    if out is None and issubclass(prototype.nd_buffer, cpu.NDBuffer):
        out = prototype.nd_buffer.empty(chosen.shape, dtype, order)
    target = None if out is None else _checked(out, chosen.shape)
    fits = target is not None and _takes(target.dtype, engine.dtype)
    direct = fits and chosen.fields is None
    if direct and chosen.points is not None:
        direct = target is not None and target.flags.c_contiguous
        # They are read while the elements are placed.
        given = chosen.points if isinstance(chosen.points, tuple) else (chosen.points,)
        direct = direct and not any(np.may_share_memory(target, axis) for axis in given)
    memory = target
    if memory is None or not direct:
        memory = engine.empty(chosen.shape, engine.dtype, order=order)
    read = memory

    def finish() -> NDArrayLikeOrScalar:
        result = read
        if chosen.fields is not None:
            names = chosen.fields
            result = result[names] if isinstance(names, str) else result[list(names)].astype(dtype)
        if target is not None and result is not target:
            np.copyto(target, result, casting="same_kind")
        if out is None:
            answer: Any = prototype.nd_buffer.from_numpy_array(result).as_ndarray_like()
        elif isinstance(out, NDBuffer):
            if not isinstance(out, cpu.NDBuffer):  # `target` was a copy in this memory
                out[...] = type(out).from_numpy_array(target)
            answer = out.as_ndarray_like()
        else:
            answer = out
        return cast("NDArrayLikeOrScalar", answer[()] if scalar else answer)

    return memory, finish, target


def _checked(out: Any, shape: tuple[int, ...]) -> AnyNDArray:
    """The memory of `out`, if a result of this shape can be put there."""
    if isinstance(out, NDBuffer):
        target = out.as_numpy_array()
    elif isinstance(out, np.ndarray):
        target = out
    else:
        from zarr.buffer.host import host_array  # late: most give an array of NumPy

        target = host_array(out)
    if target.shape != shape:
        raise ValueError(
            f"shape of out argument doesn't match. Expected {shape}, got {target.shape}"
        )
    if not target.flags.writeable:
        raise ValueError("out argument is read-only")
    return target


async def fill(
    array: AnyAsyncArray,
    engine: Engine,
    chosen: Selection,
    result: AnyNDArray,
    prototype: BufferPrototype = cpu.buffer_prototype,
    *,
    fresh: bool = False,
) -> None:
    """Read the selected elements into an array of the shape that the user sees.

    Where that is `fresh`, NumPy has just made it. The store is asked for buffers of `prototype`.
    """
    if result.size == 0:
        return
    if progress.watchers and (parts := parts_to_show(engine, chosen, result.nbytes)):
        view = result.reshape(chosen.engine_shape)
        with progress.metered("read", result.nbytes) as meter:
            for part, place in parts:
                piece = view[place]
                await fill(array, engine, part, piece, prototype, fresh=fresh)
                meter.advance(piece.nbytes)
        return
    if engine.compiled is None:
        view = result.reshape(chosen.engine_shape)
        for part, place in _parts(engine, chosen):
            table = engine.table(writing=False)
            numbers: AnyNDArray = np.empty(part.engine_shape, table.number_type)
            await _run(array, engine, engine.bound(table), part, numbers, prototype)
            table.place(numbers, view[place], fresh=fresh)
        return
    view = result.reshape(chosen.engine_shape)
    if engine.is_opaque:
        view = buffer_view(view)
    await _run(array, engine, engine.compiled, chosen, view, prototype)


def parts_to_show(
    engine: Engine, chosen: Selection, nbytes: int
) -> list[tuple[Selection, tuple[slice, ...]]] | None:
    """Return the parts in which a selection is read or written so that it can be shown."""
    from zarr.arrays import in_parts  # late: few watch

    return in_parts.parts_to_show(engine, chosen, nbytes)


_KEPT = 64 << 20
_SPARSE = 8


def _parts(engine: Engine, chosen: Selection) -> list[tuple[Selection, Any]]:
    """The parts in which elements of no fixed size are read, and where they belong.

    Elements decoded with them are kept until they are placed: a small part of much data is read in
    several parts.
    """
    shape = chosen.engine_shape
    decoded = engine.work(chosen)
    sparse = decoded > _KEPT and decoded > _SPARSE * prod(shape) * engine.dtype.itemsize
    if chosen.axes is None or not sparse:
        return [(chosen, ...)]
    axis = shape.index(max(shape))
    length = max(1, shape[axis] * _KEPT // decoded)
    parts: list[tuple[Selection, object]] = []
    for start in range(0, shape[axis], length):
        stop = min(start + length, shape[axis])
        taken: Any = chosen.axes[axis]
        if isinstance(taken, np.ndarray):
            taken = taken[start:stop]
        else:
            taken = (taken[0] + start * taken[1], taken[1], stop - start)
        axes = (*chosen.axes[:axis], taken, *chosen.axes[axis + 1 :])
        part = (*shape[:axis], stop - start, *shape[axis + 1 :])
        place = (*(slice(None),) * axis, slice(start, stop))
        parts.append((chosen._replace(axes=axes, engine_shape=part), place))
    return parts


async def _run(
    array: AnyAsyncArray,
    engine: Engine,
    compiled: _core.CompiledArray,
    chosen: Selection,
    view: AnyNDArray,
    prototype: BufferPrototype,
) -> None:
    store = array.chunk_store_path.store
    source = store.traits.native_handle
    if source is None:
        plan = compiled.plan_read(chosen.axes, chosen.points, view)
        await read_all(store, plan, engine.stored_bytes, prototype)
    elif stepping():
        compiled.read(source, chosen.axes, chosen.points, view)
    elif isinstance(source, _core.Mapping) and engine.work(chosen) <= SMALL:
        await pause()
        compiled.read(source, chosen.axes, chosen.points, view)
    else:
        cancel = _core.Cancel()
        await offload(
            compiled.read, source, chosen.axes, chosen.points, view, cancel, cancel=cancel
        )
