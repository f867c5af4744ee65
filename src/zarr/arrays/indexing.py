"""The accessors of an array: ``oindex``, ``vindex`` and ``blocks``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from zarr._async.run import run
from zarr.arrays.read import read
from zarr.arrays.write import in_memory, write, writing_waits
from zarr.indexing import orthogonal, vindex

if TYPE_CHECKING:
    import numpy.typing as npt

    from zarr.buffer.core import NDArrayLikeOrScalar
    from zarr.types import AnyArray, AnyAsyncArray, SelectionLike


class _Accessor:
    """A way to select of an array. Two of one array are equal."""

    __slots__ = ("array",)

    def __init__(self, array: object) -> None:
        self.array = array

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and bool(self.array == getattr(other, "array", None))

    def __hash__(self) -> int:
        return hash((type(self), self.array))

    def __repr__(self) -> str:
        return f"{type(self).__name__}(array={self.array!r})"


class AsyncOIndex(_Accessor):
    """Orthogonal selections: ``await array.oindex.getitem((rows, columns))``.

    Parameters
    ----------
    array : AsyncArray
        What to select of.
    """

    __slots__ = ()
    array: AnyAsyncArray

    async def getitem(self, selection: SelectionLike) -> NDArrayLikeOrScalar:
        """Read the outer product of integers, slices and arrays, one for each dimension.

        Parameters
        ----------
        selection
            What to read.
        """
        return await read(self.array, orthogonal, await _in_memory(selection))


class AsyncVIndex(_Accessor):
    """Points and masks: ``await array.vindex.getitem((rows, columns))``.

    Parameters
    ----------
    array : AsyncArray
        What to select of.
    """

    __slots__ = ()
    array: AnyAsyncArray

    async def getitem(self, selection: SelectionLike) -> NDArrayLikeOrScalar:
        """Read points, given by an integer array for each dimension, or where a mask is true.

        Parameters
        ----------
        selection
            What to read.
        """
        return await read(self.array, vindex, await _in_memory(selection))


async def _in_memory(selection: SelectionLike) -> object:
    """A selection with the zarr arrays in it read."""
    if isinstance(selection, tuple):
        return tuple([await _in_memory(item) for item in selection])
    return await in_memory(selection)


def _loaded(selection: SelectionLike) -> object:
    """The same for a synchronous caller."""
    if isinstance(selection, tuple):
        return tuple(map(_loaded, selection))
    is_ours = hasattr(selection, "async_array") or hasattr(selection, "async_view")
    return np.asarray(selection) if is_ours else selection


class OIndex(_Accessor):
    """Orthogonal selections: ``array.oindex[rows, columns]``.

    Parameters
    ----------
    array : Array
        What to select of.
    """

    __slots__ = ()
    array: AnyArray

    def __getitem__(self, selection: SelectionLike) -> NDArrayLikeOrScalar:
        return self.array.get_orthogonal_selection(_loaded(selection))

    def __setitem__(self, selection: SelectionLike, value: npt.ArrayLike) -> None:
        self.array.set_orthogonal_selection(selection, value)


class VIndex(_Accessor):
    """Points and masks: ``array.vindex[rows, columns]``.

    Parameters
    ----------
    array : Array
        What to select of.
    """

    __slots__ = ()
    array: AnyArray

    def __getitem__(self, selection: SelectionLike) -> NDArrayLikeOrScalar:
        array = self.array.async_array
        return run(read(array, vindex, _loaded(selection)), waits=array.needs_event_loop)

    def __setitem__(self, selection: SelectionLike, value: npt.ArrayLike) -> None:
        array = self.array.async_array
        run(write(array, vindex, selection, value), waits=writing_waits(array, value))


class BlockIndex(_Accessor):
    """Whole chunks, or shards: ``array.blocks[0, 1:3]``.

    Parameters
    ----------
    array : Array
        What to select of.
    """

    __slots__ = ()
    array: AnyArray

    def __getitem__(self, selection: SelectionLike) -> NDArrayLikeOrScalar:
        return self.array.get_block_selection(selection)

    def __setitem__(self, selection: SelectionLike, value: npt.ArrayLike) -> None:
        self.array.set_block_selection(selection, value)
