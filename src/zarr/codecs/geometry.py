"""The few facts about elements, chunks and their grids that codecs ask for."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zarr.types import JSON


@dataclass(frozen=True)
class InnerGrid:
    """The grid of the inner chunks of a shard, given to the codecs of these for validation."""

    chunk_shape: tuple[int, ...]

    def to_dict(self) -> dict[str, JSON]:
        """The JSON form of the grid, as if it were that of an array."""
        return {"name": "regular", "configuration": {"chunk_shape": list(self.chunk_shape)}}


def item_size(dtype: Any) -> int:
    """Bytes of one element of a data type, and 1 where elements have no one size."""
    return getattr(dtype, "item_size", None) or 1


def chunk_edges(chunk_grid: Any) -> tuple[tuple[int, ...], ...] | None:
    """The lengths that chunks have along each axis; None for a grid that does not tell."""
    sizes: Sequence[Any] | None = getattr(chunk_grid, "chunk_shape", None)
    if sizes is None:
        sizes = getattr(chunk_grid, "chunk_shapes", None)
    if sizes is None:
        return None
    return tuple((size,) if isinstance(size, int) else tuple(size) for size in sizes)


_MOST_BYTES = {"blosc": ("Blosc", 2**31 - 1 - 16), "lz4": ("LZ4", 0x7E00_0000)}
"""The most bytes that a library takes at once, where it has such a limit."""


def check_chunk_bytes(codec: str, size: int) -> None:
    """Refuse chunks of `size` bytes, if the codec of that name cannot hold so many."""
    name, most = _MOST_BYTES.get(codec, ("", size))
    if size > most:
        raise ValueError(
            f"{name} takes at most {most} bytes at once, and the largest chunk has {size}. Choose "
            "smaller chunks or another compressor."
        )


MOST_INNER_CHUNKS = 1 << 27
"""The most chunks of a shard: its index is held in memory, 16 bytes for each."""


def check_shards(shape: tuple[int, ...], inner: tuple[int, ...]) -> None:
    """Refuse shards of `shape` that have too many chunks of the shape `inner`."""
    count = prod(length // size for length, size in zip(shape, inner, strict=True))
    if count > MOST_INNER_CHUNKS:
        raise ValueError(
            f"A shard of shape {shape} has {count} chunks of shape {inner}, and at most "
            f"{MOST_INNER_CHUNKS} can be indexed: choose larger chunks or smaller shards."
        )


def largest_chunk(shape: tuple[int, ...], chunk_grid: Any) -> int:
    """The number of elements of the largest chunk."""
    edges = chunk_edges(chunk_grid)
    if edges is None:
        return prod(shape)
    return prod(max(lengths, default=0) for lengths in edges)
