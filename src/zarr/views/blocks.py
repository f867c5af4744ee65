"""A view, one block after the other, with the next ones already on their way."""

from __future__ import annotations

from contextlib import aclosing
from itertools import accumulate, islice, pairwise, product
from math import ceil, prod
from operator import index
from typing import TYPE_CHECKING, Any, NamedTuple

from zarr._async.ahead import ahead, ahead_in_threads
from zarr.arrays.batch import results
from zarr.metadata.chunk_grids import chunk_sizes
from zarr.views.batch import check_views, look_at, prepare_view

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator, Iterator, Sequence

    from zarr.types import AnyNDArray
    from zarr.views.async_view import AsyncView

_TOGETHER = 1 << 20
"""Bytes that are read as one operation, where blocks are smaller."""


class Block(NamedTuple):
    """A part of an array or a view, and where it is.

    Parameters
    ----------
    selection : tuple of slice
        Where it is: ``view[selection]`` is the block.
    values : numpy.ndarray
        The elements.
    """

    selection: tuple[slice, ...]
    values: AnyNDArray


class Blocks:
    """The blocks of a view, to be iterated over in either face.

    Parameters
    ----------
    view
        The view.
    by
        The shape of the blocks, or ``"chunks"``.
    prefetch
        How many blocks are read before they are asked for.
    """

    def __init__(
        self, view: AsyncView, by: str | Sequence[int] = "chunks", prefetch: int = 2
    ) -> None:
        if index(prefetch) < 0:
            raise ValueError(f"prefetch is a number of blocks, not {prefetch}")
        self._view = view
        self._edges = _edges(view, by)
        together = 1
        if prefetch:
            largest = prod(max(edge, default=1) for edge in self._edges) * view.dtype.itemsize
            together = min(prefetch, max(1, _TOGETHER // max(1, largest)))
        self._together = together
        self._count = ceil(prefetch / together)

    def _lots(self) -> Iterator[list[tuple[slice, ...]]]:
        """Where the blocks are, those together that are read together."""
        ends = [list(accumulate(edge, initial=0)) for edge in self._edges]
        axes = [[slice(a, b) for a, b in pairwise(end)] for end in ends]
        selections = product(*axes)
        while lot := list(islice(selections, self._together)):
            yield lot

    async def _read(self, selections: Sequence[tuple[slice, ...]]) -> list[Block]:
        view = self._view
        await look_at([view])
        prepared = [prepare_view(view[selection]) for selection in selections]
        values: list[Any] = await results(prepared)
        await check_views([view.expression], prepared)
        return [Block(*pair) for pair in zip(selections, values, strict=True)]

    def __iter__(self) -> Generator[Block, None, None]:
        waits = self._view.needs_event_loop
        for lot in ahead_in_threads(self._lots(), self._read, self._count, waits=waits):
            yield from lot

    async def __aiter__(self) -> AsyncGenerator[Block, None]:
        async with aclosing(ahead(self._lots(), self._read, self._count)) as lots:
            async for lot in lots:
                for block in lot:
                    yield block


def _edges(view: AsyncView, by: str | Sequence[int]) -> list[tuple[int, ...]]:
    """The length of each block along each dimension."""
    sizes: Sequence[Any]
    if isinstance(by, str):
        if by != "chunks":
            raise ValueError(f"by is 'chunks' or the shape of a block, not {by!r}")
        sizes = view.chunks
    else:
        try:
            sizes = [index(size) for size in ([by] if isinstance(by, int) else by)]
        except TypeError:
            raise TypeError(f"by is 'chunks' or the shape of a block, not {by!r}") from None
        if len(sizes) != view.ndim:
            raise ValueError(
                f"blocks of shape {tuple(sizes)} are no blocks of a view of {view.ndim} dimensions"
            )
        sizes = [
            max(1, n) if size == -1 else size for size, n in zip(sizes, view.shape, strict=True)
        ]
        if any(size < 1 for size in sizes):
            raise ValueError(f"the lengths of a block are at least 1, or -1 for all: {by}")
    return [chunk_sizes(size, n) for size, n in zip(sizes, view.shape, strict=True)]
