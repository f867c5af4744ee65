"""The synchronous face of a view."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from zarr._async.run import faces, synced_method
from zarr.views.async_view import AsyncView
from zarr.views.base import ViewBase

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from zarr.types import SelectionLike
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

    result = synced_method(AsyncView.result)
    write = synced_method(AsyncView.write)

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

    def __iter__(self) -> Iterator[Self]:
        """Yield the view of each index of the first dimension; nothing is read.

        Yields
        ------
        View
        """
        for place in range(len(self)):
            yield self[place]

    def __array__(
        self, dtype: npt.DTypeLike | None = None, copy: bool | None = None
    ) -> npt.NDArray[Any]:
        if copy is False:
            raise ValueError("`copy=False` is not supported. This method always creates a copy.")
        view = self if dtype is None else self.astype(dtype)
        result: npt.NDArray[Any] = view.result()
        return result


faces[AsyncView] = View
