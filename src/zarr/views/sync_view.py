"""The synchronous face of a view."""

from __future__ import annotations

from dataclasses import dataclass
from functools import update_wrapper
from importlib import import_module
from operator import index
from typing import TYPE_CHECKING, Any, Self

from zarr._async.run import faces, synced_method
from zarr.views.async_view import AsyncView
from zarr.views.base import ViewBase
from zarr.views.running import read_at_once

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    import numpy.typing as npt
    import xarray

    from zarr.types import AnyNDArray, SelectionLike
    from zarr.views.blocks import Block
    from zarr.views.source import Expression


@dataclass(frozen=True, eq=False, repr=False)
class View(ViewBase):
    """A view of arrays: choose first, then read.

    Views are made by ``array.lazy``, by selecting of views, and by :func:`zarr.concat` and
    :func:`zarr.stack`. Nothing is read until ``view.result()``, or until NumPy asks for an array.

    Parameters
    ----------
    _async : AsyncView
        The asynchronous face of the view, which does the work.

    Examples
    --------
    >>> import numpy as np, zarr
    >>> array = zarr.create_array({}, data=np.arange(16).reshape(4, 4), chunks=(2, 2))
    >>> view = array.lazy[1:, ::-1].T
    >>> view.shape
    (4, 3)
    >>> view.result()
    array([[ 7, 11, 15],
           [ 6, 10, 14],
           [ 5,  9, 13],
           [ 4,  8, 12]])
    """

    _async: AsyncView

    @property
    def expression(self) -> Expression:
        """The view as a value."""
        return self._async.expression

    def derived(self, expression: Expression) -> Self:
        """Return another view."""
        return type(self)(self._async.derived(expression))

    @property
    def async_view(self) -> AsyncView:
        """The asynchronous face of this view.

        Returns
        -------
        AsyncView

        Examples
        --------
        >>> import zarr
        >>> type(zarr.ones(3).lazy.async_view).__name__
        'AsyncView'
        """
        return self._async

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, View):
            return NotImplemented
        return self._async == other._async

    __hash__ = None  # type: ignore[assignment]

    _result = synced_method(AsyncView.result)

    def result(self, out: Any = None) -> AnyNDArray:
        # A small part of an array is read in less time than a coroutine takes to begin and end.
        if out is None and type(self._async) is AsyncView:
            found = read_at_once(self._async.expression)
            if found is not None:
                return found
        return self._result(out)

    update_wrapper(result, _result)
    write = synced_method(AsyncView.write)

    def iter_blocks(
        self, by: str | Sequence[int] = "chunks", *, prefetch: int = 2
    ) -> Generator[Block, None, None]:
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
        yield from blocks.Blocks(self._async, by, prefetch)

    def __setitem__(self, selection: SelectionLike, values: npt.ArrayLike) -> None:
        """Write to a selection of the view, which is interpreted as in ``__getitem__``.

        Parameters
        ----------
        selection
            Where to write.
        values : array_like
            The values; they are broadcast to the shape of the selection.

        Examples
        --------
        >>> import numpy as np, zarr
        >>> array = zarr.create_array({}, data=np.arange(4))
        >>> array.lazy[::-1][:2] = 7
        >>> array[:]
        array([0, 1, 7, 7])
        """
        self[selection].write(values)

    def __array__(self, dtype: npt.DTypeLike | None = None, copy: bool | None = None) -> AnyNDArray:
        if copy is False:
            raise ValueError("`copy=False` is not supported. This method always creates a copy.")
        view = self if dtype is None else self.astype(dtype)
        return view.result()

    # -- for other libraries ----------------------------------------------------------------

    def __dlpack__(
        self,
        *,
        stream: int | None = None,
        max_version: tuple[int, int] | None = None,
        dl_device: tuple[int, int] | None = None,
        copy: bool | None = None,
    ) -> Any:
        if copy is False:
            raise BufferError("the elements of a view are read anew: there is no memory to share")
        given = {"stream": stream, "max_version": max_version, "dl_device": dl_device}
        named: Any = {name: value for name, value in given.items() if value is not None}
        return self.result().__dlpack__(**named)

    def __dlpack_device__(self) -> tuple[int, int]:
        return 1, 0  # the memory of the computer, kDLCPU

    def _scalar(self) -> AnyNDArray:
        if self.ndim:
            raise TypeError(
                f"only a view without dimensions is one value; this one has the shape {self.shape}"
            )
        return self.result()

    def __bool__(self) -> bool:
        return bool(self._scalar())

    def __int__(self) -> int:
        return int(self._scalar())

    def __float__(self) -> float:
        return float(self._scalar())

    def __complex__(self) -> complex:
        return complex(self._scalar())

    def __index__(self) -> int:
        return index(self._scalar())

    def to_xarray(self, dims: Sequence[str] | None = None) -> xarray.Variable:
        """Return a variable of xarray, whose data are read when they are asked for.

        Selections of the variable are selections of the view: only they are read.

        Parameters
        ----------
        dims : sequence of str, optional
            The names of the dimensions. Those of the array if None, where they are known.

        Returns
        -------
        xarray.Variable

        Raises
        ------
        ImportError
            If xarray is not installed.

        Examples
        --------
        >>> import zarr
        >>> array = zarr.create_array(
        ...     {}, shape=(4, 6), chunks=(2, 3), dtype="f4", dimension_names=["time", "x"]
        ... )
        >>> variable = array.lazy[1:].to_xarray()
        >>> dict(variable.sizes)
        {'time': 3, 'x': 6}
        """
        home = import_module("zarr.views.xarray_data")  # late: xarray may not be there
        variable: xarray.Variable = home.variable(self, dims)
        return variable


faces[AsyncView] = View
