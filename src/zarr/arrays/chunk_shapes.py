"""The chunks and shards of a new array: the shapes that its maker asks for, or good ones."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from zarr.metadata.chunk_grids import (
    RectilinearChunkGridMetadata,
    RegularChunkGridMetadata,
    check_rectilinear_enabled,
    regular_shape,
)
from zarr.metadata.fields import ceildiv_int
from zarr.setting_values import parse_size
from zarr.settings import config

if TYPE_CHECKING:
    from zarr.metadata.chunk_grids import Edge, Grid
    from zarr.types import ChunksLike, ShardsLike

TARGET_BYTES = 1 << 20
"""The bytes of a chunk if the user does not say: large enough that its overhead does not count,
small enough that a few fit a processor's cache."""
SHARDED_INNER_CHUNK_MAX_BYTES = 1 << 20
TARGET_SHARD_BYTES = 32 << 20
"""The bytes of a shard if the user does not say: few files, yet written in a moment."""


def guess_chunks(
    shape: tuple[int, ...], typesize: int, *, max_bytes: int | None = None
) -> tuple[int, ...]:
    """Return the shape of chunks of about `max_bytes`, of edges as equal as the shape allows.

    Deterministic. No chunk is less than half as large, unless the array is; none is longer than
    the array along any dimension.

    Parameters
    ----------
    shape
        Of the array.
    typesize
        Bytes of an element.
    max_bytes
        The most bytes of a chunk; one element at least. The default is 1 MiB.
    """
    budget = max(1, (max_bytes or TARGET_BYTES) // max(typesize, 1))
    edges = [max(1, n) for n in shape]
    # From the shortest dimension on: one shorter than its share leaves more to the others.
    by_length = sorted(range(len(edges)), key=lambda axis: (edges[axis], axis))
    for rank, axis in enumerate(by_length):
        share = _root(budget, len(edges) - rank)
        if edges[axis] > share:
            # Equal chunks: a thin remainder at the end would be a chunk of its own.
            count = ceildiv_int(edges[axis], share)
            edges[axis] = ceildiv_int(edges[axis], count)
        budget = max(1, budget // edges[axis])
    return tuple(edges)


def _root(n: int, degree: int) -> int:
    """Return the integer root, rounded down."""
    root: int = round(n ** (1 / degree))
    while root**degree > n:
        root -= 1
    while (root + 1) ** degree <= n:
        root += 1
    return max(1, root)


def full_span_chunk_size(span: int, unit: int = 1) -> int:
    """Return the size of one chunk for a whole dimension: a multiple of `unit`."""
    return max(1, ceildiv_int(max(span, 1), unit)) * unit


def is_regular_1d(dim_chunks: Sequence[int]) -> bool:
    """Return whether edges are equal, but for a last one that may be shorter."""
    if not dim_chunks:
        return True
    first = dim_chunks[0]
    return all(size == first for size in dim_chunks[:-1]) and dim_chunks[-1] <= first


def normalize_edge(chunks: int | Iterable[object], span: int, unit: int = 1) -> Edge:
    """Return the chunks along a dimension of length `span`: one size, -1 for all, or all edges."""
    if isinstance(chunks, (int, np.integer)) and not isinstance(chunks, bool):
        size = int(chunks)
        if size == -1:
            size = full_span_chunk_size(span, unit)
        if size < 1:
            raise ValueError(f"Chunk size must be positive or -1, got {size}")
        return size
    if not isinstance(chunks, Iterable) or isinstance(chunks, (str, bytes)):
        raise TypeError(
            "Chunk specification must be an integer or an iterable of integers; got "
            f"{chunks!r} of type {type(chunks).__name__}."
        )
    edges: list[int] = []
    for edge in chunks:
        if isinstance(edge, bool) or not isinstance(edge, (int, np.integer)):
            raise TypeError(f"Chunk sizes must be integers; got {edge!r}.")
        if edge < 1:
            raise ValueError(f"Chunk size must be positive, got {edge}")
        edges.append(int(edge))
    # Where there is nothing yet, they are those of what will be appended.
    if not edges or (span and sum(edges) != span):
        raise ValueError(f"Chunk sizes {edges} do not sum to the length of the dimension, {span}")
    return tuple(edges)


def normalize_grid(
    chunks: ChunksLike | None,
    shape: tuple[int, ...],
    unit: tuple[int, ...] | None = None,
    name: str = "chunks",
) -> Grid:
    """Return the grid over an array of `shape` that a user names.

    Parameters
    ----------
    chunks
        One size for all dimensions, or one for each; -1 for all of a dimension, the edges of its
        chunks for chunks of several sizes; False for a single chunk.
    shape
        Of the array.
    unit
        Sizes that stand for all of a dimension are multiples of these.
    name
        The name of the chunks in messages: the stored objects may be shards.

    Raises
    ------
    TypeError, ValueError
        If it names none.
    """
    if name != "chunks" and isinstance(chunks, (bool, str)):
        raise ValueError(
            f"{name}={chunks!r} is no shape: expected an int, a tuple of ints, None or 'auto'"
        )
    if chunks is None or chunks is True or isinstance(chunks, str):
        raise ValueError(
            f'{chunks!r} is not a valid chunk input. Use chunks=None or chunks="auto" from the '
            "top-level API for auto-chunking, or pass an int / tuple of ints."
        )
    units = unit or (1,) * len(shape)
    if chunks is False:
        chunks = -1
    if isinstance(chunks, np.ndarray) and chunks.ndim == 0:
        chunks = chunks.item()
    each: tuple[Any, ...]
    if isinstance(chunks, RegularChunkGridMetadata):
        each = chunks.chunk_shape
    elif isinstance(chunks, RectilinearChunkGridMetadata):
        # As they are stored: the last chunks may reach beyond the array.
        _check_count(chunks.chunk_shapes, shape, name)
        for edges, extent in zip(chunks.chunk_shapes, shape, strict=True):
            if not isinstance(edges, int) and sum(edges) < extent:
                raise ValueError(
                    f"The chunk edges sum to {sum(edges)}, less than the extent {extent}"
                )
        return chunks.chunk_shapes
    elif isinstance(chunks, (int, np.integer)):
        each = (chunks,) * len(shape)
    elif not isinstance(chunks, Iterable):
        raise TypeError(
            "Chunk specification must be an integer or an iterable of integers; got "
            f"{chunks!r} of type {type(chunks).__name__}."
        )
    else:
        each = tuple(chunks)
    _check_count(each, shape, name)
    return tuple(map(normalize_edge, each, shape, units))


def _check_count(each: Sequence[object], shape: tuple[int, ...], name: str) -> None:
    if len(each) != len(shape):
        raise ValueError(
            f"{name} has {len(each)} dimensions but shape has {len(shape)} dimensions: got {each} "
            f"for an array of shape {shape}"
        )


class ChunkLayout(NamedTuple):
    """The grid of the stored objects, and the shape of the chunks inside, if they are shards."""

    outer: Grid
    inner: tuple[int, ...] | None


def divided(
    shape: tuple[int, ...], chunks: Grid, shards: ShardsLike | None, item_size: int
) -> ChunkLayout:
    """Return both grids of an array, given its chunks.

    Raises
    ------
    ValueError
        If the chunks do not divide the shards.
    """
    if shards is None:
        return ChunkLayout(chunks, None)
    inner = regular_shape(chunks)
    if inner is None:
        raise ValueError("The chunks inside of shards must have one shape.")
    wanted: Any = shards
    if isinstance(wanted, Mapping):
        wanted = wanted["shape"]
    if isinstance(wanted, str):
        target = config.settings.array__target_shard_size_bytes or TARGET_SHARD_BYTES
        size = target if wanted == "auto" else _size(wanted, "shards")
        outer = _guess_shards(shape, inner, item_size, size)
    else:
        outer = normalize_grid(wanted, shape, inner, "shards")
    for axis, (edge, size) in enumerate(zip(outer, inner, strict=True)):
        wrong = next((length for length in _lengths(edge) if length % size), None)
        if wrong is not None:
            fits = " or ".join(
                str(n) for n in (wrong // size * size, -(-wrong // size) * size) if n
            )
            raise ValueError(
                f"The array's `chunk_shape` (got {wanted!r}) needs to be divisible by the "
                f"shard's inner `chunk_shape` (got {inner}): along dimension {axis}, a shard of "
                f"{wrong} elements is no multiple of a chunk of {size}. Choose {fits}."
            )
    return ChunkLayout(outer, inner)


def _lengths(edge: Edge) -> tuple[int, ...]:
    return (edge,) if isinstance(edge, int) else edge


def _guess_shards(
    shape: tuple[int, ...], inner: tuple[int, ...], item_size: int, target: int
) -> Grid:
    """Return the shape of shards of about `target` bytes, in whole inner chunks."""
    counts = tuple(max(1, ceildiv_int(n, size)) for n, size in zip(shape, inner, strict=True))
    chunk_bytes = max(1, math.prod(inner) * max(item_size, 1))
    grid = guess_chunks(counts, chunk_bytes, max_bytes=max(target, chunk_bytes))
    return tuple(n * size for n, size in zip(grid, inner, strict=True))


def resolve_grids(
    shape: tuple[int, ...],
    chunks: ChunksLike | None,
    shards: ShardsLike | None,
    item_size: int,
) -> ChunkLayout:
    """Return both grids of a new array, from what a user asks for.

    Besides what `normalize_grid` takes: None, True or ``"auto"`` for chunks of a good size,
    the size of a chunk in bytes (``"4MB"``), and None for all of a dimension.
    """
    if chunks is None or chunks is True or isinstance(chunks, str):
        size = None
        if isinstance(chunks, str) and chunks != "auto":
            size = _size(chunks, "chunks")
        elif shards is not None:
            size = SHARDED_INNER_CHUNK_MAX_BYTES
        grid: Grid = guess_chunks(shape, item_size, max_bytes=size)
        if shards is not None and not isinstance(shards, str):
            grid = _dividing(grid, shards, shape)
    else:
        if isinstance(chunks, (list, tuple)):  # as in Zarr v2, None is all of a dimension
            chunks = tuple(-1 if size is None else size for size in chunks)
        grid = normalize_grid(chunks, shape)
        if regular_shape(grid) is None and not config.settings.array__rectilinear_chunks:
            grid = _as_regular(grid)
    return divided(shape, grid, shards, item_size)


def _size(text: str, name: str) -> int:
    """Return how many bytes a string such as ``"4MB"`` asks for."""
    return parse_size(text, f"the size of {name}, unless it is 'auto',")


def _as_regular(grid: Grid) -> Grid:
    """Return chunks that were listed one by one as chunks of one shape, which they must have."""
    for edge in grid:
        if not is_regular_1d(_lengths(edge)):
            check_rectilinear_enabled()
    return tuple(_lengths(edge)[0] for edge in grid)


def _dividing(grid: Grid, shards: Any, shape: tuple[int, ...]) -> Grid:
    """Return chunks that divide the given shards, of about the size of those of `grid`."""
    wanted = shards["shape"] if isinstance(shards, Mapping) else shards
    outer = normalize_grid(wanted, shape, name="shards")
    return tuple(
        _divisor_near(math.gcd(*_lengths(edge)), max(_lengths(size)[0], 1))
        for edge, size in zip(outer, grid, strict=True)
    )


def _divisor_near(n: int, wanted: int) -> int:
    """Return the largest divisor of `n` that is not above `wanted`.

    Where that is far below, as for a prime, the next above: a few chunks that are too large cost
    less than dust.
    """
    below = next(i for i in range(min(n, wanted), 0, -1) if n % i == 0)
    if 4 * below >= min(n, wanted):
        return below
    return next((i for i in range(wanted + 1, 4 * wanted) if n % i == 0), n)
