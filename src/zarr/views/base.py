"""Properties and selections of a view, which need no I/O and are the same in both faces."""

from __future__ import annotations

from functools import partial
from math import prod
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

import numpy as np

from zarr.arrays.card import readable_size
from zarr.indexing import pop_fields
from zarr.views import selecting
from zarr.views.chunks import chunks_of, has_shards
from zarr.views.plan import Reading, empty
from zarr.views.running import sources_of
from zarr.views.source import Expression, Leaf
from zarr.views.steps import Cast, applied, with_fields
from zarr.views.transform import Transform, permuted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy.typing as npt

    from zarr.types import AnyNDArray, MemoryOrder, NumpyDType, SelectionLike
    from zarr.views.chunks import ViewChunks


class ViewBase:
    """A view of arrays: its properties, and the views of it."""

    if TYPE_CHECKING:

        @property
        def expression(self) -> Expression:
            """The view as a value."""

    def derived(self, expression: Expression) -> Self:
        """Return another view, in the same face."""
        raise NotImplementedError

    # -- properties -------------------------------------------------------------------------

    @property
    def shape(self) -> tuple[int, ...]:
        """The length of each dimension.

        Returns
        -------
        tuple of int

        Examples
        --------
        >>> import zarr
        >>> zarr.zeros((100, 60)).lazy[10:20, 0].shape
        (10,)
        """
        return self.expression.shape

    @property
    def ndim(self) -> int:
        """The number of dimensions.

        Returns
        -------
        int

        Examples
        --------
        >>> import zarr
        >>> zarr.zeros((100, 60)).lazy[10:20, 0].ndim
        1
        """
        return len(self.expression.shape)

    @property
    def size(self) -> int:
        """The number of elements.

        Returns
        -------
        int

        Examples
        --------
        >>> import zarr
        >>> zarr.zeros((100, 60)).lazy[10:20].size
        600
        """
        return prod(self.expression.shape)

    @property
    def dtype(self) -> NumpyDType:
        """The NumPy data type of the elements.

        Returns
        -------
        numpy.dtype

        Examples
        --------
        >>> import zarr
        >>> zarr.zeros(3).lazy.astype("f4").dtype
        dtype('float32')
        """
        return self.expression.dtype

    @property
    def nbytes(self) -> int:
        """The number of bytes that the elements take in memory.

        Returns
        -------
        int

        Examples
        --------
        >>> import zarr
        >>> zarr.zeros((100, 60), dtype="f4").lazy[10:20].nbytes
        2400
        """
        return self.size * self.dtype.itemsize

    @property
    def chunks(self) -> ViewChunks:
        """The chunks of the sources, as they fall in the view.

        Along each dimension there is one number if all chunks but the last have that length, and
        else the length of each. Along a dimension of index arrays or points, it is as many elements
        as a chunk of the source has there.

        Returns
        -------
        tuple of int or tuple of int

        Examples
        --------
        >>> import zarr
        >>> view = zarr.zeros((100, 60), chunks=(10, 20)).lazy
        >>> view[20:, ::2].chunks
        (10, 10)
        >>> view[:, 10:].chunks
        (10, (10, 20, 20))
        """
        return chunks_of(self.expression)

    @property
    def shards(self) -> ViewChunks | None:
        """The shards of the sources, as they fall in the view; None if no source has shards.

        They are told as `chunks` are.

        Returns
        -------
        tuple of int or tuple of int, or None

        Examples
        --------
        >>> import zarr
        >>> array = zarr.create_array(
        ...     {}, shape=(100, 60), chunks=(5, 20), shards=(10, 60), dtype="f4"
        ... )
        >>> array.lazy[20:, ::2].shards
        (10, 30)
        """
        view = self.expression
        return chunks_of(view, stored=True) if has_shards(view) else None

    @property
    def fill_value(self) -> Any:
        """The value of elements that are not stored; None if the sources differ in it.

        Returns
        -------
        scalar or None

        Examples
        --------
        >>> import zarr
        >>> zarr.create_array({}, shape=3, dtype="i4", fill_value=7).lazy.fill_value
        np.int32(7)
        """
        return _fill_value(self.expression)

    @property
    def read_only(self) -> bool:
        """Whether writing is refused, as it is if one of the sources is read-only.

        Returns
        -------
        bool

        Examples
        --------
        >>> import zarr
        >>> zarr.zeros(3).lazy.read_only
        False
        """
        return any(leaf.array.read_only for leaf in sources_of(self.expression))

    @property
    def needs_event_loop(self) -> bool:
        """Whether reading may wait for a store, and so runs on an event loop.

        Returns
        -------
        bool

        Examples
        --------
        >>> import zarr
        >>> zarr.zeros(3).lazy.needs_event_loop
        False
        """
        return any(leaf.array.needs_event_loop for leaf in sources_of(self.expression))

    # -- views of the view ------------------------------------------------------------------

    def selected(self, selection: SelectionLike, select: Callable[..., Transform]) -> Self:
        """Return the view of a selection, which a function turns into a transform."""
        expression = self.expression
        fields, items = pop_fields(selection)
        steps = with_fields(expression.steps, fields, expression.dtype)
        if fields is not None and not items:
            items = (...,)
        chosen = select(items if fields is not None else selection, expression.shape)
        return self._with(chosen, steps=steps)

    def _with(self, outer: Transform, steps: Any = None) -> Self:
        source, transform, before = self.expression
        steps = before if steps is None else steps
        return self.derived(Expression(source, transform.then(outer), steps))

    def __getitem__(self, selection: SelectionLike) -> Self:
        """Select of the view, as of a NumPy array; nothing is read.

        Parameters
        ----------
        selection
            Integers, slices with steps of either sign, Ellipsis, None for a new dimension, arrays
            of integers or booleans, and names of fields.

        Returns
        -------
        View

        Raises
        ------
        IndexError
            If the selection is out of bounds, or of another kind.

        Examples
        --------
        >>> import numpy as np, zarr
        >>> array = zarr.create_array({}, data=np.arange(16).reshape(4, 4), chunks=(2, 2))
        >>> array.lazy[1:][::-1, 0].result()
        array([12,  8,  4])
        """
        return self.selected(selection, selecting.numpy_like)

    @property
    def oindex(self) -> Selector[Self]:
        """Orthogonal selections: ``view.oindex[rows, columns]``.

        Returns
        -------
        Selector

        Examples
        --------
        >>> import numpy as np, zarr
        >>> array = zarr.create_array({}, data=np.arange(16).reshape(4, 4), chunks=(2, 2))
        >>> array.lazy[1:].oindex[[0, 2], [3, 0]].result()
        array([[ 7,  4],
               [15, 12]])
        """
        return Selector(self, selecting.orthogonal)

    @property
    def vindex(self) -> Selector[Self]:
        """Points and masks: ``view.vindex[rows, columns]``.

        Dimensions that no array is given for follow those of the points.

        Returns
        -------
        Selector

        Examples
        --------
        >>> import numpy as np, zarr
        >>> array = zarr.create_array({}, data=np.arange(16).reshape(4, 4), chunks=(2, 2))
        >>> array.lazy[1:].vindex[[0, 2], [3, 0]].result()
        array([ 7, 12])
        """
        return Selector(self, selecting.points)

    @property
    def blocks(self) -> Selector[Self]:
        """Whole chunks, or shards, as they fall in the view: ``view.blocks[0, 1:3]``.

        Returns
        -------
        Selector

        Examples
        --------
        >>> import numpy as np, zarr
        >>> array = zarr.create_array({}, data=np.arange(16).reshape(4, 4), chunks=(2, 2))
        >>> array.lazy[1:].blocks[0, 1].result()
        array([[6, 7]])
        """
        grid = chunks_of(self.expression, stored=True)
        return Selector(self, partial(selecting.block, chunks=grid))

    def transpose(self, *axes: Any) -> Self:
        """Return a view with the dimensions in another order.

        Parameters
        ----------
        *axes : int, or tuple of int
            The dimensions in their new order; reversed if there are none.

        Returns
        -------
        View

        Examples
        --------
        >>> import zarr
        >>> zarr.zeros((3, 4, 5)).lazy.transpose(1, 0, 2).shape
        (4, 3, 5)
        """
        if len(axes) == 1 and (axes[0] is None or isinstance(axes[0], tuple | list)):
            axes = tuple(range(self.ndim))[::-1] if axes[0] is None else tuple(axes[0])
        elif not axes:
            axes = tuple(range(self.ndim))[::-1]
        order = [self._dim(axis) for axis in axes]
        if sorted(order) != list(range(self.ndim)):
            raise ValueError(f"axes {axes} are no order of the {self.ndim} dimensions of the view")
        return self._with(permuted(self.shape, order))

    @property
    def T(self) -> Self:
        """The view with its dimensions in reverse order.

        Returns
        -------
        View

        Examples
        --------
        >>> import zarr
        >>> zarr.zeros((3, 4, 5)).lazy.T.shape
        (5, 4, 3)
        """
        return self.transpose()

    def squeeze(self, axis: int | tuple[int, ...] | None = None) -> Self:
        """Return a view without dimensions of length 1.

        Parameters
        ----------
        axis : int or tuple of int, optional
            The dimensions to leave out; all of length 1 if None.

        Returns
        -------
        View

        Raises
        ------
        ValueError
            If one of them has another length.

        Examples
        --------
        >>> import zarr
        >>> zarr.zeros((3, 1, 5)).lazy.squeeze().shape
        (3, 5)
        """
        if axis is None:
            out = {dim for dim, length in enumerate(self.shape) if length == 1}
        else:
            out = {self._dim(one) for one in (axis if isinstance(axis, tuple) else (axis,))}
        wrong = [dim for dim in sorted(out) if self.shape[dim] != 1]
        if wrong:
            raise ValueError(
                f"dimension {wrong[0]} has length {self.shape[wrong[0]]}: only dimensions of "
                "length 1 can be left out"
            )
        items = tuple(0 if dim in out else slice(None) for dim in range(self.ndim))
        return self[items]

    def _dim(self, axis: int) -> int:
        if not -self.ndim <= axis < self.ndim:
            raise ValueError(f"axis {axis} is out of bounds for a view of {self.ndim} dimensions")
        return int(axis) % self.ndim

    def astype(self, dtype: npt.DTypeLike) -> Self:
        """Return a view whose elements are cast when they are read.

        Values that are written are cast back, and refused if that changes them.

        Parameters
        ----------
        dtype : dtype_like
            The data type of the elements.

        Returns
        -------
        View

        Examples
        --------
        >>> import zarr
        >>> zarr.ones(3, dtype="i4").lazy.astype("f4").result()
        array([1., 1., 1.], dtype=float32)
        """
        source, transform, steps = self.expression
        wanted = np.dtype(dtype)
        if wanted == self.dtype:
            return self
        return self.derived(Expression(source, transform, (*steps, Cast(wanted))))

    @property
    def mT(self) -> Self:
        """The view with its last two dimensions exchanged.

        Returns
        -------
        View

        Raises
        ------
        ValueError
            If there are fewer than two dimensions.

        Examples
        --------
        >>> import zarr
        >>> zarr.zeros((3, 4, 5)).lazy.mT.shape
        (3, 5, 4)
        """
        if self.ndim < 2:
            raise ValueError(f"mT needs two dimensions, and the view has {self.ndim}")
        return self.transpose(*range(self.ndim - 2), self.ndim - 1, self.ndim - 2)

    @property
    def device(self) -> str:
        """The device of results: always ``"cpu"``.

        Returns
        -------
        str

        Examples
        --------
        >>> import zarr
        >>> zarr.zeros(3).lazy.device
        'cpu'
        """
        return "cpu"

    def to_device(self, device: str, /, *, stream: None = None) -> Self:
        """Return the view itself: its results are in the memory of the computer.

        Parameters
        ----------
        device : str
            ``"cpu"``.
        stream : None
            There are no streams.

        Returns
        -------
        View

        Raises
        ------
        ValueError
            If another device or a stream is asked for.

        Examples
        --------
        >>> import zarr
        >>> zarr.zeros(3).lazy.to_device("cpu").shape
        (3,)
        """
        if device != "cpu" or stream is not None:
            raise ValueError(
                f"the results of a view are on the device 'cpu', without streams; got {device!r}, "
                f"stream {stream!r}"
            )
        return self

    def __iter__(self) -> Iterator[Self]:
        """Yield the view of each index of the first dimension; nothing is read.

        Yields
        ------
        View

        Examples
        --------
        >>> import zarr
        >>> [row.shape for row in zarr.zeros((2, 3)).lazy]
        [(3,), (3,)]
        """
        for place in range(len(self)):
            yield self[place]

    # -- reading ----------------------------------------------------------------------------

    def empty(self) -> AnyNDArray:
        """Return a new array for the result, without values.

        Returns
        -------
        numpy.ndarray

        Examples
        --------
        >>> import zarr
        >>> zarr.zeros((3, 4)).lazy[:2].empty().shape
        (2, 4)
        """
        source = self.expression.source
        order: MemoryOrder = source.array.order if isinstance(source, Leaf) else "C"
        return empty(self.shape, self.dtype, order)

    def reads(self, out: AnyNDArray, *, fresh: bool = False) -> Reading:
        """Return what has to be read so that an array holds the elements of the view.

        Parameters
        ----------
        out : numpy.ndarray
            An array of the shape of the view, into which its elements can be cast.
        fresh : bool
            Whether NumPy has just made that array.

        Returns
        -------
        Reading
            The reads, to be run in any order, and ``finish()``, to be called afterwards.
        """
        reading = Reading()
        if self.size:
            self.expression.add_reads(reading, None, out, fresh=fresh)
        return reading

    # -- for people -------------------------------------------------------------------------

    def __len__(self) -> int:
        if not self.ndim:
            raise TypeError("len() of a view without dimensions")
        return self.shape[0]

    # `in` would compare with each view along the first dimension: with no element.
    __contains__ = None

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            hint = ""
            if not name.startswith("_") and hasattr(np.ndarray, name):
                hint = f": a view computes nothing, its result() does; so does numpy.{name}(view)"
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}{hint}")

    def _sources_shown(self) -> str:
        leaves = sources_of(self.expression)
        first = leaves[0].array.store_path.shown_as()
        return first if len(leaves) == 1 else f"{first} and {len(leaves) - 1} more"

    def __repr__(self) -> str:
        kind = type(self).__name__
        return f"<{kind} of {self._sources_shown()} shape={self.shape} dtype={self.dtype}>"

    def _repr_html_(self) -> str:
        from zarr.arrays.card import Grid, card  # late: few are shown in a notebook

        facts = {
            type(self).__name__: self._sources_shown(),
            "Data type": self.dtype,
            "Shape": self.shape,
            "Chunks": self.chunks,
            "Decoded size": readable_size(self.nbytes),
        }
        return card(facts.items(), Grid(self.shape, self.chunks, self.shards))


V = TypeVar("V", bound=ViewBase)


class Selector(Generic[V]):
    """A way to select of a view, as ``view.oindex`` is.

    Parameters
    ----------
    view : View or AsyncView
        The view to select of.
    select : callable
        How a selection is understood.
    """

    __slots__ = ("_select", "_view")

    def __init__(self, view: V, select: Callable[..., Transform]) -> None:
        self._view = view
        self._select = select

    def __getitem__(self, selection: SelectionLike) -> V:
        """Return the view of a selection; nothing is read."""
        return self._view.selected(selection, self._select)

    def __setitem__(self, selection: SelectionLike, values: npt.ArrayLike) -> None:
        """Write to a selection of a synchronous view."""
        self._view.selected(selection, self._select)[...] = values  # type: ignore[index]


def _fill_value(view: Expression) -> Any:
    source = view.source
    if isinstance(source, Leaf):
        value = source.array.fill_value
    else:
        value, *rest = [_fill_value(part) for part in source.parts]
        for other in rest:
            if not (value is other or value == other or (value != value and other != other)):
                return None
    if value is None or not view.steps:
        return value
    alone = np.empty((), source.dtype)
    alone[()] = value
    return applied(view.steps, alone)[()]
