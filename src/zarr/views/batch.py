"""Reading several arrays, selections and views as one operation."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from functools import partial
from typing import TYPE_CHECKING, Any

from zarr._async.run import asks, faces, iterate
from zarr.arrays.async_array import AsyncArray
from zarr.arrays.batch import (
    Prepared,
    each_prepared,
    outs_of,
    prepare,
    results,
    results_as_they_come,
    several,
)
from zarr.buffer.host import host_array
from zarr.views.async_view import AsyncView
from zarr.views.base import ViewBase
from zarr.views.plan import Reading
from zarr.views.running import check_not_deleted, check_sources, sources_of

if TYPE_CHECKING:
    from collections.abc import (
        AsyncGenerator,
        Awaitable,
        Callable,
        Iterator,
        Mapping,
        Sequence,
    )

    from zarr.buffer.core import NDArrayLikeOrScalar
    from zarr.types import AnyAsyncArray, SelectionLike
    from zarr.views.source import Expression


async def read(
    reads: Sequence[object], out: Any = None, *, ordered: bool = True
) -> list[NDArrayLikeOrScalar] | AsyncIterator[tuple[int, NDArrayLikeOrScalar]]:
    """Read any number of selections of any number of arrays as one operation.

    Each chunk is fetched and decoded once, whatever number of selections want some of it, and
    requests for all of them are under way together. Reading takes the memory of the results, and of
    one chunk for each thread that decodes.

    Parameters
    ----------
    reads : sequence
        What to read: views, arrays, or pairs of an array and a selection, which means what it
        would mean in the brackets of ``array[...]``.
    out : array or sequence of arrays, optional
        Where the elements go: an array for each of `reads`, or one whose first dimension they are.
        They must not share memory. Anything that exports its memory on the host by DLPack or the
        buffer protocol will do.
    ordered : bool, default True
        Whether to return all results in the order of `reads`. If False, pairs of a number and a
        result are yielded as they are complete.

    Returns
    -------
    list of NDArrayLikeOrScalar, or AsyncIterator of (int, NDArrayLikeOrScalar)
        The results: of each of `reads` if `ordered`, else with its number in `reads`.

    Raises
    ------
    TypeError
        One of `reads` is nothing that can be read.
    IndexError
        A selection does not fit its array.
    ValueError
        Something in `out` has another shape, is read-only, or shares memory with another.
    SourceChangedError
        The array of a view was resized since the view was made.

    Examples
    --------
    >>> import asyncio, numpy as np, zarr
    >>> from zarr.api import asynchronous
    >>> array = zarr.create_array({}, data=np.arange(12), chunks=4)
    >>> reads = [(array, slice(0, 3)), array.lazy[::-6], (array, 5)]
    >>> asyncio.run(asynchronous.read(reads))
    [array([0, 1, 2]), array([11,  5]), array(5)]

    The synchronous function is ``zarr.read``. As they come:

    >>> for number, values in zarr.read(reads[:2], ordered=False):
    ...     print(number, values)
    0 [0 1 2]
    1 [11  5]
    """
    wanted = several(reads, "reads", "what to read")
    items = [_handle(item, number) for number, item in enumerate(wanted)]
    await look_at(items)
    outs = outs_of(out, len(items))
    prepared = each_prepared(_prepared, items, outs)
    views = [item.expression for item in items if isinstance(item, AsyncView)]
    of_views = [
        one for item, one in zip(items, prepared, strict=True) if isinstance(item, AsyncView)
    ]
    if not ordered:
        return AsyncResults(prepared, partial(check_views, views, of_views), waits=_waits(items))
    found = await results(prepared)
    await check_views(views, of_views)
    return found


def _handle(item: object, number: int) -> AsyncView | tuple[AnyAsyncArray, SelectionLike]:
    """An item that is to be read, in the asynchronous face."""
    array, selection = item if isinstance(item, tuple) and len(item) == 2 else (item, ...)
    array = getattr(array, "async_array", array)
    if isinstance(array, AsyncArray):
        return array, selection
    if isinstance(array, ViewBase):
        view = AsyncView(array.expression)
        return view if selection is Ellipsis else view[selection]
    raise TypeError(
        f"number {number} of what is to be read is neither a view, nor an array, nor a pair of an "
        f"array and a selection, but {type(item).__name__}"
    )


def view_of(item: object, name: str) -> AsyncView:
    """The view that an array or a view is.

    Parameters
    ----------
    item
        An array or a view, in either face.
    name
        The name of the item in errors.
    """
    array = getattr(item, "async_array", item)
    if isinstance(array, AsyncArray):
        return AsyncView.of(array)
    if isinstance(array, ViewBase):
        return AsyncView(array.expression)
    raise TypeError(f"{name} is neither an array nor a view, but {type(item).__name__}")


async def look_at(items: Sequence[AsyncView | tuple[AnyAsyncArray, SelectionLike]]) -> None:
    """See that arrays are what they were taken for."""
    seen = set()
    for item in items:
        if isinstance(item, AsyncView):
            leaves = sources_of(item.expression)
            key: object = tuple((id(leaf.array), leaf.shape) for leaf in leaves)
            if key not in seen:
                await check_sources(item.expression)
        elif not item[0].access.cache_metadata:
            key = id(item[0])
            if key not in seen:
                await item[0].reload()
        else:
            continue
        seen.add(key)


def _prepared(item: AsyncView | tuple[AnyAsyncArray, SelectionLike], out: Any) -> Prepared:
    if isinstance(item, tuple):
        return prepare(*item, out)
    return prepare_view(item, out)


def prepare_view(view: AsyncView, out: Any = None) -> Prepared:
    """Choose the memory for a view, and what has to be read.

    Parameters
    ----------
    view
        The view.
    out
        Where the elements go; a new array if None.
    """
    if out is None:
        target, answer = view.empty(), None
    else:
        target, answer = view.checked(host_array(out)), out
    reading = view.reads(target, fresh=out is None)

    def finish() -> Any:
        reading.finish()
        return target if answer is None else answer

    return Prepared(reading.reads, finish, None if answer is None else target)


async def check_views(views: Sequence[Expression], prepared: Sequence[Prepared]) -> None:
    """Fail if the array of a view was deleted.

    Parameters
    ----------
    views
        The views.
    prepared
        All that was read of them.
    """
    reading = Reading([read for one in prepared for read in one.reads])
    different = {tuple(id(leaf.array) for leaf in sources_of(view)): view for view in views}
    for view in different.values():
        await check_not_deleted(view, reading)


def _waits(items: Sequence[AsyncView | tuple[AnyAsyncArray, SelectionLike]]) -> bool:
    handles = [item[0] if isinstance(item, tuple) else item for item in items]
    return any(handle.needs_event_loop for handle in handles)


def _may_wait(args: Sequence[object], kwargs: Mapping[str, object]) -> bool:
    """Whether reading may wait for a store; wrong arguments do not."""
    reads = args[0] if args else kwargs.get("reads", ())
    if not isinstance(reads, list | tuple):  # to look at its items may be to take them
        return True
    for item in reads:
        handle = item[0] if isinstance(item, tuple) and item else item
        if getattr(handle, "needs_event_loop", False):
            return True
    return False


asks[read] = _may_wait


class AsyncResults(AsyncIterator[tuple[int, "NDArrayLikeOrScalar"]]):
    """Results as they come: pairs of a number and a result."""

    def __init__(
        self,
        prepared: Sequence[Prepared],
        check: Callable[[], Awaitable[None]],
        *,
        waits: bool,
    ) -> None:
        self.needs_event_loop = waits
        self._prepared = prepared
        self._check = check
        self._found = self._one_by_one()

    async def __anext__(self) -> tuple[int, NDArrayLikeOrScalar]:
        return await anext(self._found)

    async def aclose(self) -> None:
        """End the iteration: nothing more is read."""
        await self._found.aclose()

    async def _one_by_one(self) -> AsyncGenerator[tuple[int, NDArrayLikeOrScalar], None]:
        async with aclosing(self.lots()) as lots:
            async for lot in lots:
                for one in lot:
                    yield one

    async def lots(self) -> AsyncGenerator[list[tuple[int, NDArrayLikeOrScalar]], None]:
        """The same, those together that are complete at the same time."""
        async with aclosing(results_as_they_come(self._prepared)) as come:
            async for lot in come:
                yield lot
        await self._check()


def _as_they_come(results: AsyncResults) -> Iterator[tuple[int, NDArrayLikeOrScalar]]:
    for lot in iterate(results.lots(), waits=results.needs_event_loop, ahead=False):
        yield from lot


faces[AsyncResults] = _as_they_come
