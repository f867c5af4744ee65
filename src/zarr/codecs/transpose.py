"""The codecs of dimensions, ``transpose``, ``reshape`` and ``singleton_dim``: elements stay."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from math import prod
from typing import TYPE_CHECKING, Any, TypeAlias

from zarr.abc.codec import ArrayArrayCodec
from zarr.codecs.base import DeclaredCodec, NativeFilter
from zarr.codecs.configuration import InnerGrid, chunk_edges, int_field, int_tuple, named

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Self

    from zarr.abc.buffer import NDBuffer
    from zarr.codecs.base import AnyDType, Link, Shape
    from zarr.metadata.chunk_grids import ChunkGridMetadata
    from zarr.metadata.spec import ArraySpec
    from zarr.types import JSON

__all__ = ["ReshapeCodec", "SingletonDimCodec", "TransposeCodec"]

Dimension: TypeAlias = int | tuple[int, ...]


@dataclass(frozen=True, init=False, eq=False, repr=False)
class TransposeCodec(DeclaredCodec, ArrayArrayCodec):
    """Stores the dimensions of a chunk in another order.

    Parameters
    ----------
    order : iterable of int
        The dimension of the array that becomes the first, the second, … of the stored chunk.

    Notes
    -----
    Documents of early drafts of format 3 say ``"C"`` or ``"F"``. These are read, and become
    numbers when the number of dimensions is known.

    Examples
    --------
    >>> from zarr.codecs import TransposeCodec
    >>> TransposeCodec(order=[1, 0])
    TransposeCodec(order=(1, 0))
    """

    _name = "transpose"
    is_fixed_size = True

    order: tuple[int, ...]

    def __init__(self, *, order: Iterable[int]) -> None:
        self._set(order=order if _is_draft(order) else int_tuple(order))

    def validate(self, shape: Shape, dtype: AnyDType, chunk_grid: ChunkGridMetadata) -> None:
        """Refuse an order that does not name each dimension of `shape` once."""
        self.axes_of(len(shape))

    def evolve_from_array_spec(self, array_spec: ArraySpec) -> Self:
        """The codec with its order as numbers, which must fit the dimensions of `array_spec`."""
        axes = self.axes_of(array_spec.ndim)
        return self if axes == self.order else replace(self, order=axes)

    def resolve_metadata(self, chunk_spec: ArraySpec) -> ArraySpec:
        """Return the chunk when encoded: with its dimensions in the order of the codec."""
        axes = self.axes_of(chunk_spec.ndim)
        return replace(chunk_spec, shape=tuple(chunk_spec.shape[axis] for axis in axes))

    def axes_of(self, ndim: int) -> tuple[int, ...]:
        """Return the order of the dimensions of an array of `ndim` dimensions.

        Parameters
        ----------
        ndim : int
            The number of dimensions.

        Returns
        -------
        tuple of int
            The order, also where the codec names it ``"C"`` or ``"F"``.

        Raises
        ------
        ValueError
            If `order` is not one of so many dimensions.
        """
        order = self.order
        if isinstance(order, str):
            return tuple(range(ndim) if order == "C" else reversed(range(ndim)))
        if len(order) != ndim:
            raise ValueError(
                "The `order` tuple must have as many entries as there are dimensions in the "
                f"array. Got {order}."
            )
        if len(set(order)) != ndim:
            raise ValueError(f"There must not be duplicates in the `order` tuple. Got {order}.")
        if not all(0 <= axis < ndim for axis in order):
            raise ValueError(
                "All entries in the `order` tuple must be between 0 and the number of dimensions "
                f"in the array. Got {order}."
            )
        return order

    def seen_behind(self, shape: tuple[int, ...], chunk_grid: Any) -> tuple[tuple[int, ...], Any]:
        """The shape and the chunk grid of an array, as the next codec must take them."""
        axes = self.axes_of(len(shape))
        name = "chunk_shapes" if hasattr(chunk_grid, "chunk_shapes") else "chunk_shape"
        sizes = getattr(chunk_grid, name)
        moved = replace(chunk_grid, **{name: tuple(sizes[axis] for axis in axes)})
        return tuple(shape[axis] for axis in axes), moved

    def _link(self, spec: ArraySpec) -> Link:
        return ("transpose", self.axes_of(spec.ndim))

    def _decode_sync(self, chunk_data: NDBuffer, chunk_spec: ArraySpec) -> NDBuffer:
        axes = self.axes_of(chunk_spec.ndim)
        return chunk_data.transpose(tuple(axes.index(axis) for axis in range(len(axes))))

    def _encode_sync(self, chunk_data: NDBuffer, chunk_spec: ArraySpec) -> NDBuffer | None:
        return chunk_data.transpose(self.axes_of(chunk_spec.ndim))


def _is_draft(order: object) -> bool:
    return isinstance(order, str) and order in ("C", "F")


class _Reshaping(NativeFilter):
    """The base of both codecs: dimensions of the encoded array, as `ReshapeCodec` lists them."""

    def _dimensions(self, ndim: int) -> tuple[Dimension, ...]:
        raise NotImplementedError

    def validate(self, *, shape: Shape, dtype: AnyDType, chunk_grid: ChunkGridMetadata) -> None:
        """Refuse chunks that cannot be reshaped."""
        edges = chunk_edges(chunk_grid)
        for chunk in _shapes(shape if edges is None else edges):
            self._shape(chunk)

    def resolve_metadata(self, chunk_spec: ArraySpec) -> ArraySpec:
        """Return the chunk when encoded: with its new shape."""
        return replace(chunk_spec, shape=self._shape(chunk_spec.shape))

    def _shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return reshaped(shape, self._dimensions(len(shape)))

    def seen_behind(
        self, shape: tuple[int, ...], chunk_grid: object
    ) -> tuple[tuple[int, ...], object]:
        edges = chunk_edges(chunk_grid)
        chunk = shape if edges is None else tuple(lengths[0] for lengths in edges)
        inner = self._shape(chunk)
        return inner, InnerGrid(inner)

    def _link(self, spec: ArraySpec) -> Link:
        return ("reshape", self._dimensions(spec.ndim))


@dataclass(frozen=True, init=False, eq=False, repr=False)
class ReshapeCodec(_Reshaping):
    """Gives chunks other dimensions; the elements stay in their order.

    Parameters
    ----------
    shape : iterable of int or iterable of int
        For each dimension of the stored chunk its length; or the dimensions of the array that it
        takes the place of, in increasing order; or, once, -1 for what is left over.

    Examples
    --------
    >>> from zarr.codecs import ReshapeCodec
    >>> ReshapeCodec(shape=[[0, 1], [2], 3]).to_dict()["configuration"]
    {'shape': ((0, 1), (2,), 3)}
    """

    _name = "reshape"
    shape: tuple[Dimension, ...]

    def __init__(self, *, shape: Iterable[int | Iterable[int]]) -> None:
        if not isinstance(shape, Iterable):
            raise TypeError(f"Expected an iterable. Got {shape} instead.")
        parsed = tuple(
            int_tuple(item) if isinstance(item, Iterable) else int_field(item, "shape")
            for item in shape
        )
        sizes = [item for item in parsed if isinstance(item, int)]
        if sizes.count(-1) > 1 or any(size < 1 and size != -1 for size in sizes):
            raise ValueError(f"Lengths are positive, and at most one is -1. Got {parsed}.")
        axes = [axis for item in parsed if isinstance(item, tuple) for axis in item]
        if axes != sorted(set(axes)) or any(axis < 0 for axis in axes):
            raise ValueError(f"Axes must be in increasing order. Got {parsed}.")
        self._set(shape=parsed)

    def _dimensions(self, ndim: int) -> tuple[Dimension, ...]:
        return self.shape


@dataclass(frozen=True, init=False, eq=False, repr=False)
class SingletonDimCodec(_Reshaping):
    """Inserts and removes dimensions of length 1, so that the next codec finds those that it takes.

    Parameters
    ----------
    operations : iterable of mapping
        One after the other: ``{"insert": i}`` or ``{"remove": i}``, where `i` counts the dimensions
        that there are then.

    Examples
    --------
    >>> from zarr.codecs import SingletonDimCodec
    >>> SingletonDimCodec(operations=[{"remove": 0}]).to_dict()["configuration"]
    {'operations': [{'remove': 0}]}
    """

    _name = "singleton_dim"
    operations: tuple[tuple[str, int], ...]

    def __init__(self, *, operations: Iterable[Mapping[str, int]]) -> None:
        if not isinstance(operations, Iterable):
            raise TypeError(f"Expected an iterable of operations. Got {operations!r}.")
        self._set(operations=tuple(map(_operation, operations)))

    def to_dict(self) -> dict[str, JSON]:
        """Return the JSON form: the name and the operations."""
        operations = [{kind: axis} for kind, axis in self.operations]
        return named(self._name, {"operations": operations})

    def _dimensions(self, ndim: int) -> tuple[Dimension, ...]:
        axes: list[Dimension] = [(axis,) for axis in range(ndim)]
        for kind, axis in self.operations:
            if axis > len(axes) - (kind == "remove"):
                raise ValueError(
                    f"The codec singleton_dim is to {kind} axis {axis} of {len(axes)}."
                )
            if kind == "insert":
                axes.insert(axis, 1)
            else:
                del axes[axis]
        return tuple(axes)


def _operation(data: object) -> tuple[str, int]:
    if isinstance(data, Mapping) and len(data) == 1:
        ((kind, axis),) = data.items()
        if kind in ("insert", "remove") and int_field(axis, kind) >= 0:
            return kind, axis
    raise ValueError(f'Expected {{"insert": NUMBER}} or {{"remove": NUMBER}}. Got {data!r}.')


def _shapes(edges: Sequence[object]) -> list[tuple[int, ...]]:
    """The shapes of chunks with the first, and with the last edges along each dimension."""
    lengths = [edge if isinstance(edge, tuple) else (edge,) for edge in edges]
    return [tuple(edge[0] for edge in lengths), tuple(edge[-1] for edge in lengths)]


def reshaped(shape: tuple[int, ...], dimensions: tuple[Dimension, ...]) -> tuple[int, ...]:
    """Return the new shape of a chunk of `shape`.

    Raises
    ------
    ValueError
        If it has not as many elements, or a dimension does not take the place of those it names.
    """
    try:
        found = [
            prod(shape[axis] for axis in item) if isinstance(item, tuple) else max(item, 1)
            for item in dimensions
        ]
    except IndexError:
        raise _misfit(shape, dimensions) from None
    if -1 in dimensions:
        found[dimensions.index(-1)] = prod(shape) // max(prod(found), 1)
    for i, item in enumerate(dimensions):
        if isinstance(item, tuple) and item:
            before, after = prod(shape[: item[0]]), prod(shape[item[-1] + 1 :])
            if (before, after) != (prod(found[:i]), prod(found[i + 1 :])):
                raise _misfit(shape, dimensions)
    if prod(found) != prod(shape):
        raise _misfit(shape, dimensions)
    return tuple(found)


def _misfit(shape: tuple[int, ...], dimensions: tuple[Dimension, ...]) -> ValueError:
    return ValueError(f"A chunk of shape {shape} cannot be reshaped to {dimensions}.")
