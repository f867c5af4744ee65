"""The codec ``transpose``: the dimensions in another order."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from zarr.abc.codec import ArrayArrayCodec
from zarr.codecs.base import DeclaredCodec
from zarr.codecs.configuration import int_tuple

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Self

    from zarr.abc.buffer import NDBuffer
    from zarr.codecs.base import AnyDType, Link, Shape
    from zarr.metadata.chunk_grids import ChunkGridMetadata
    from zarr.metadata.spec import ArraySpec

__all__ = ["TransposeCodec", "seen_behind"]


@dataclass(frozen=True)
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

    def _link(self, spec: ArraySpec) -> Link:
        return ("transpose", self.axes_of(spec.ndim))

    def _decode_sync(self, chunk_data: NDBuffer, chunk_spec: ArraySpec) -> NDBuffer:
        axes = self.axes_of(chunk_spec.ndim)
        return chunk_data.transpose(tuple(axes.index(axis) for axis in range(len(axes))))

    def _encode_sync(self, chunk_data: NDBuffer, chunk_spec: ArraySpec) -> NDBuffer | None:
        return chunk_data.transpose(self.axes_of(chunk_spec.ndim))


def seen_behind(
    codec: object, shape: tuple[int, ...], chunk_grid: Any
) -> tuple[tuple[int, ...], Any]:
    """The shape and the chunk grid of an array, as the codec after `codec` must take them.

    The effect of other packages' codecs on the lengths of chunks is not known.
    """
    if hasattr(codec, "seen_behind"):
        seen: tuple[tuple[int, ...], object] = codec.seen_behind(shape, chunk_grid)
        return seen
    if not isinstance(codec, TransposeCodec):
        return shape, chunk_grid
    axes = codec.axes_of(len(shape))
    name = "chunk_shapes" if hasattr(chunk_grid, "chunk_shapes") else "chunk_shape"
    sizes = getattr(chunk_grid, name)
    moved = replace(chunk_grid, **{name: tuple(sizes[axis] for axis in axes)})
    return tuple(shape[axis] for axis in axes), moved


def _is_draft(order: object) -> bool:
    return isinstance(order, str) and order in ("C", "F")
