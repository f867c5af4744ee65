"""Selections of arrays, and the same for NumPy."""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING, Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

if TYPE_CHECKING:
    import numpy.typing as npt
    from hypothesis.strategies import SearchStrategy


def is_negative_slice(idx: Any) -> bool:
    """Whether a value is a slice that goes backward.

    Parameters
    ----------
    idx
        An item of a selection.
    """
    return isinstance(idx, slice) and idx.step is not None and idx.step < 0


@st.composite
def end_slices(draw: st.DrawFn, *, shape: tuple[int, ...]) -> tuple[slice, ...]:
    """Slices in the second half of each axis, where the last chunk is.

    Parameters
    ----------
    shape : tuple of int
        The shape of the array.
    """
    slices = []
    for length in shape:
        start = draw(st.integers(length // 2, max(length // 2, length - 1)))
        slices.append(slice(start, draw(st.integers(start, length))))
    return tuple(slices)


@st.composite
def basic_indices(
    draw: st.DrawFn,
    *,
    shape: tuple[int, ...],
    min_dims: int = 0,
    max_dims: int | None = None,
    allow_newaxis: bool = False,
    allow_ellipsis: bool = True,
) -> Any:
    """Integers and slices that go forward.

    Parameters
    ----------
    shape : tuple of int
        The shape of the array.
    min_dims, max_dims : int, optional
        The number of axes of the result.
    allow_newaxis, allow_ellipsis : bool, optional
        Whether there may be such items.
    """
    items: SearchStrategy[Any] = npst.basic_indices(  # type: ignore[call-overload]
        shape,
        min_dims=min_dims,
        max_dims=max_dims,
        allow_newaxis=allow_newaxis,
        allow_ellipsis=allow_ellipsis,
    )
    forward = items.filter(
        lambda found: (
            not any(
                is_negative_slice(item)
                for item in (found if isinstance(found, tuple) else (found,))
            )
        )
    )
    fits = min_dims <= len(shape) and (max_dims is None or max_dims >= len(shape))
    return draw(st.one_of(forward, end_slices(shape=shape)) if fits else forward)


@st.composite
def orthogonal_indices(
    draw: st.DrawFn, *, shape: tuple[int, ...]
) -> tuple[tuple[int | slice | npt.NDArray[Any], ...], tuple[npt.NDArray[Any], ...]]:
    """Integers, slices and integer arrays for ``oindex``, and the same for NumPy.

    Parameters
    ----------
    shape : tuple of int
        The shape of the array, which has elements.
    """
    items: list[Any] = []
    arrays: list[npt.NDArray[Any]] = []
    for length in shape:
        index = st.integers(-length, length - 1)
        ranges = basic_indices(shape=(length,), min_dims=1, allow_ellipsis=False)
        lists = st.lists(index, min_size=1, max_size=length).map(
            lambda found: np.array(found, dtype=np.intp)
        )
        item = draw(st.one_of(index, ranges, lists))
        if isinstance(item, tuple):
            item = item[0] if item else slice(None)
        items.append(item)
        arrays.append(np.arange(length)[item] if isinstance(item, slice) else np.asarray(item))
    # Each array along an axis of its own; integers have none.
    ndim = sum(array.ndim for array in arrays)
    axis = 0
    for which, array in enumerate(arrays):
        if array.ndim:
            arrays[which] = array.reshape([-1 if i == axis else 1 for i in range(ndim)])
            axis += 1
    return tuple(items), tuple(np.broadcast_arrays(*arrays))


@st.composite
def block_indices(
    draw: st.DrawFn, *, chunk_sizes: tuple[tuple[int, ...], ...]
) -> tuple[tuple[int | slice, ...], tuple[slice, ...]]:
    """Integers and slices that count chunks, and the elements that they mean.

    Parameters
    ----------
    chunk_sizes : tuple of tuple of int
        The lengths of the chunks along each axis.
    """
    blocks: list[int | slice] = []
    elements: list[slice] = []
    for sizes in chunk_sizes:
        edges = [0, *accumulate(sizes)]
        count = len(sizes)
        if draw(st.booleans()):
            which = draw(st.integers(0, count - 1))
            blocks.append(draw(st.sampled_from([which, which - count])))
            elements.append(slice(edges[which], edges[which + 1]))
            continue
        start = draw(st.none() | st.integers(-count, count - 1))
        stop = draw(st.none() | st.integers(-count, count))
        found = slice(start, stop, draw(st.sampled_from([None, 1])))
        first, last, _ = found.indices(count)
        blocks.append(found)
        elements.append(slice(edges[first], edges[max(first, last)]))
    return tuple(blocks), tuple(elements)
