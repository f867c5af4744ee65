"""The asynchronous face of a view."""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from zarr.arrays.write import as_elements, broadcast, in_memory
from zarr.buffer.host import host_array
from zarr.metadata.chunk_grids import chunk_sizes
from zarr.views.base import ViewBase
from zarr.views.running import (
    check_apart,
    check_not_deleted,
    check_sources,
    read_all,
    sources_of,
    write_all,
)
from zarr.views.source import whole

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator, Sequence

    import numpy.typing as npt

    from zarr.types import AnyAsyncArray, AnyNDArray
    from zarr.views.blocks import Block
    from zarr.views.source import Expression

_CAST = 64 << 20
"""Bytes of elements that are in memory beside the result while they are cast, about."""


@dataclass(frozen=True, eq=False, repr=False)
class AsyncView(ViewBase):
    """A view of arrays, for asynchronous code: choose first, then read.

    Views are made by ``array.lazy``, by selecting of views, and by :func:`zarr.concat` and
    :func:`zarr.stack`.

    Parameters
    ----------
    expression : Expression
        The view as a value.

    Examples
    --------
    >>> import asyncio, zarr
    >>> view = zarr.ones((4, 4)).async_array.lazy[:2, 1]
    >>> asyncio.run(view.result())
    array([1., 1.])
    """

    expression: Expression

    @classmethod
    def of(cls, array: AnyAsyncArray) -> Self:
        """Return the view of a whole array."""
        return cls(whole(array))

    @property
    def async_view(self) -> Self:
        """The view itself, as `View.async_view`."""
        return self

    def derived(self, expression: Expression) -> Self:
        """Return another view."""
        return type(self)(expression)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, AsyncView):
            return NotImplemented
        return self.expression == other.expression

    __hash__ = None  # type: ignore[assignment]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> AnyNDArray:
        # NumPy would otherwise take it for a sequence, and make a view of each element.
        raise TypeError("await the elements of an asynchronous view: await view.result()")

    async def ready(self) -> None:
        """Fail unless the sources are as they were when the view was made: call it before `reads`.

        Raises
        ------
        SourceChangedError
            If a source was resized.
        ArrayNotFoundError
            If a source was deleted.
        """
        await check_sources(self.expression)

    async def result(self, out: Any = None) -> AnyNDArray:
        """Read the elements.

        Parameters
        ----------
        out : array, optional
            Where the elements go: an array of the shape of the view. A new one if None. Anything
            that exports its memory on the host by DLPack or the buffer protocol will do.

        Returns
        -------
        numpy.ndarray
            The elements, in the shape and data type of the view; `out` if it was given.

        Raises
        ------
        ValueError
            If `out` has another shape, or is read-only.
        TypeError
            If the elements cannot be cast to the data type of `out`.
        SourceChangedError
            If a source was resized since the view was made.
        ArrayNotFoundError
            If a source was deleted.

        Examples
        --------
        >>> import numpy as np, zarr
        >>> array = zarr.create_array({}, data=np.arange(16).reshape(4, 4), chunks=(2, 2))
        >>> array.lazy[1:3, ::-1].result()
        array([[ 7,  6,  5,  4],
               [11, 10,  9,  8]])
        """
        target = self.empty() if out is None else self.checked(host_array(out))
        await self.ready()
        for view, memory in self._lots(target):
            await view.read_into(memory, fresh=out is None)
        return target if out is None else out

    async def read_into(self, memory: AnyNDArray, *, fresh: bool) -> None:
        """Read the elements, all together, into an array as `reads` takes one."""
        reading = self.reads(memory, fresh=fresh)
        await read_all(reading)
        await check_not_deleted(self.expression, reading)

    def _lots(self, target: AnyNDArray) -> Iterator[tuple[Self, AnyNDArray]]:
        """Yield views that are read one after the other, and where their elements go.

        It is the view itself, unless many elements are cast.
        """
        width = max(leaf.dtype.itemsize for leaf in sources_of(self.expression))
        size = self.size * width
        if size <= _CAST or not self.expression.is_changed:
            yield self, target
            return
        row = size // len(self)
        start = stop = 0
        for count in chunk_sizes(self.chunks[0], len(self)):
            if stop > start and (stop + count - start) * row > _CAST:
                yield self[start:stop], target[start:stop]
                start = stop
            stop += count
        yield self[start:stop], target[start:stop]

    def checked(self, out: AnyNDArray) -> AnyNDArray:
        """Return the array that elements are to go to, if they fit into it.

        Parameters
        ----------
        out : numpy.ndarray
            The array.

        Returns
        -------
        numpy.ndarray
            `out`.

        Raises
        ------
        ValueError
            If it has another shape, or is read-only.
        TypeError
            If the elements cannot be cast to its data type.
        """
        if out.shape != self.shape:
            raise ValueError(
                f"shape of out argument doesn't match. Expected {self.shape}, got {out.shape}"
            )
        if not out.flags.writeable:
            raise ValueError("out argument is read-only")
        if not np.can_cast(self.dtype, out.dtype, "same_kind"):
            raise TypeError(f"elements of {self.dtype} cannot be put into an array of {out.dtype}")
        return out

    async def write(self, values: npt.ArrayLike) -> None:
        """Write to the sources.

        Chunks that are covered in part are read, changed and written while nobody else in this
        process changes them. The stored shape of each source is looked at first. Where the view
        has an element of a source several times, the last of its values stays.

        Parameters
        ----------
        values : array_like
            The values; they are broadcast to the shape of the view. Arrays and views are read
            first.

        Raises
        ------
        ValueError
            If a source is read-only, the values cannot be broadcast to the view, or they would
            change when they are cast to the data type of a source. Nothing is written then.
        SourceChangedError
            If a source was resized since the view was made.
        ArrayNotFoundError
            If a source was deleted.

        Examples
        --------
        >>> import numpy as np, zarr
        >>> array = zarr.create_array({}, data=np.arange(16).reshape(4, 4), chunks=(2, 2))
        >>> array.lazy[1, ::-1].write([1, 2, 3, 4])
        >>> array[1]
        array([4, 3, 2, 1])
        """
        leaves = sources_of(self.expression)
        for leaf in leaves:
            leaf.array.check_writable()
        await check_sources(self.expression, ask=True)
        given = await in_memory(values)
        elements = as_elements(leaves[0].array, self.dtype, self.shape, given)
        elements = broadcast(elements, self.shape)
        if self.size:
            writes = list(self.expression.writes(None, elements))
            check_apart(writes)
            await write_all(writes)

    async def iter_blocks(
        self, by: str | Sequence[int] = "chunks", *, prefetch: int = 2
    ) -> AsyncGenerator[Block, None]:
        """Yield the view block by block, the next ones of which are already on their way.

        Blocks come in C order. A chunk is decoded once if the blocks are its chunks, or multiples
        of them.

        Parameters
        ----------
        by : "chunks" or tuple of int, default "chunks"
            The shape of the blocks; -1 is the whole length of a dimension. The last block along a
            dimension may be smaller.
        prefetch : int, default 2
            How many blocks are read before they are asked for. Their memory is needed at the same
            time. With 0, a block is read when it is asked for.

        Yields
        ------
        Block
            A named tuple of ``selection``, a tuple of slices that says where the block is, and
            ``values``, a NumPy array of its elements.

        Raises
        ------
        ValueError
            If `by` is no shape of blocks, or `prefetch` is negative.

        Examples
        --------
        >>> import numpy as np, zarr
        >>> array = zarr.create_array({}, data=np.arange(16).reshape(4, 4), chunks=(2, 4))
        >>> [int(block.values.sum()) for block in array.lazy.iter_blocks()]
        [28, 92]
        """
        blocks = import_module("zarr.views.blocks")  # late: it stands on views
        async with aclosing(aiter(blocks.Blocks(self, by, prefetch))) as found:
            async for block in found:
                yield block
