"""Shapes of arrays, chunks and shards, and chunk grids."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from zarr.metadata.chunk_grids import RectilinearChunkGridMetadata, RegularChunkGridMetadata
from zarr.metadata.common import compress_rle
from zarr.settings import config

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

    from zarr.metadata.chunk_grids import ChunkGridMetadata

array_shapes = npst.array_shapes(max_dims=4, min_side=3, max_side=5) | npst.array_shapes(
    max_dims=4, min_side=0
)
"""Shapes of small arrays, also of some without elements."""

# So that an array of several axes stays at a number of chunks that can be read one by one.
_MOST_CHUNKS = 200


@st.composite
def chunk_shapes(draw: st.DrawFn, *, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Shapes of chunks, none of which is longer than the array.

    Parameters
    ----------
    shape : tuple of int
        The shape of the array.
    """
    return tuple(draw(st.integers(1, max(1, length))) for length in shape)


@st.composite
def shard_shapes(
    draw: st.DrawFn, *, shape: tuple[int, ...], chunk_shape: tuple[int, ...]
) -> tuple[int, ...]:
    """Shapes of shards, which chunks divide.

    Parameters
    ----------
    shape : tuple of int
        The shape of the array.
    chunk_shape : tuple of int
        The shape of the chunks.
    """
    return tuple(
        size * draw(st.integers(1, max(1, length // size)))
        for length, size in zip(shape, chunk_shape, strict=True)
    )


@st.composite
def rectilinear_dim_edges(draw: st.DrawFn, *, extent: int, max_chunks: int = 20) -> list[int]:
    """The lengths of chunks along an axis, which add up to the length of the axis.

    Parameters
    ----------
    extent : int
        The length of the axis.
    max_chunks : int, optional
        The most chunks.
    """
    if extent < 1:
        return []
    most = min(extent, max_chunks) - 1
    cuts = draw(st.sets(st.integers(1, extent - 1), max_size=most)) if most else set()
    return [end - start for start, end in pairwise([0, *sorted(cuts), extent])]


def _share(shape: tuple[int, ...]) -> int:
    return max(1, int(_MOST_CHUNKS ** (1 / max(1, len(shape)))))


@st.composite
def rectilinear_chunks(draw: st.DrawFn, *, shape: tuple[int, ...]) -> list[list[int]]:
    """The lengths of chunks along each axis, which add up to the shape of the array.

    Parameters
    ----------
    shape : tuple of int
        The shape of the array.
    """
    most = _share(shape)
    return [draw(rectilinear_dim_edges(extent=length, max_chunks=most)) for length in shape]


@st.composite
def rectilinear_chunk_shape_declarations(
    draw: st.DrawFn, *, shape: tuple[int, ...]
) -> tuple[list[int | list[int | list[int]]], tuple[int | tuple[int, ...], ...]]:
    """The chunks along each axis as a document can write them, and what that means.

    Parameters
    ----------
    shape : tuple of int
        The shape of the array. The chunks may reach over its end.
    """
    written: list[Any] = []
    meant: list[int | tuple[int, ...]] = []
    for length in shape:
        if draw(st.booleans()):
            size = draw(st.integers(max(1, length // _share(shape)), length + 5))
            written.append(size)
            meant.append(size)
            continue
        edges = draw(rectilinear_dim_edges(extent=length, max_chunks=_share(shape)))
        if not edges or draw(st.booleans()):
            over = draw(st.integers(1, 5))
            edges = [*edges[:-1], (edges[-1] if edges else 0) + over]
        meant.append(tuple(edges))
        written.append(compress_rle(edges) if draw(st.booleans()) else edges)
    return written, tuple(meant)


@st.composite
def rectilinear_chunk_grids(
    draw: st.DrawFn, *, shape: tuple[int, ...]
) -> RectilinearChunkGridMetadata:
    """Grids of chunks of several sizes.

    Parameters
    ----------
    shape : tuple of int
        The shape of the array.
    """
    _, sizes = draw(rectilinear_chunk_shape_declarations(shape=shape))
    with config.set({"array.rectilinear_chunks": True}):
        return RectilinearChunkGridMetadata(chunk_shapes=sizes)


def chunk_grids(*, shape: tuple[int, ...]) -> SearchStrategy[ChunkGridMetadata]:
    """Chunk grids; those of several sizes only where the settings allow them.

    Parameters
    ----------
    shape : tuple of int
        The shape of the array.
    """
    regular = chunk_shapes(shape=shape).map(
        lambda sizes: RegularChunkGridMetadata(chunk_shape=sizes)
    )
    if not config.get("array.rectilinear_chunks"):
        return regular
    return regular | rectilinear_chunk_grids(shape=shape)


def chunks_param_from_rectilinear(meta: RectilinearChunkGridMetadata) -> list[int | list[int]]:
    """Return a grid in the form of the parameter ``chunks``.

    Parameters
    ----------
    meta : RectilinearChunkGridMetadata
        The grid.
    """
    return [edges if isinstance(edges, int) else list(edges) for edges in meta.chunk_shapes]


@st.composite
def chunk_paths(draw: st.DrawFn, ndim: int, numblocks: tuple[int, ...], subset: bool = True) -> str:
    """Keys of chunks behind the prefix, as ``1/0/2``.

    Parameters
    ----------
    ndim : int
        The number of axes.
    numblocks : tuple of int
        The number of chunks along each axis.
    subset : bool, optional
        Whether there may be fewer places than axes: the prefix of several keys.
    """
    places = [str(draw(st.integers(0, max(0, count - 1)))) for count in numblocks]
    return "/".join(places[: draw(st.integers(0, ndim))] if subset else places)
