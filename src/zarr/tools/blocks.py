"""Blocks of an array: whole stored chunks, so many that reading one is worth it."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

import numpy as np

from zarr.arrays.copy import Region, block_shape, count_of, region_of
from zarr.arrays.stored_chunks import stored_coords
from zarr.metadata.chunk_grids import chunk_bounds, chunk_count
from zarr.metadata.layout import layout_of
from zarr.settings import config

if TYPE_CHECKING:
    from zarr.types import AnyAsyncArray

Coords = tuple[int, ...]

__all__ = ["Blocks", "Coords", "Region", "count_of"]


class Blocks:
    """The blocks of an array, each at a place in a grid of its own.

    Parameters
    ----------
    array
        The array. The setting ``tools.block_bytes`` tells how large its blocks are.
    """

    def __init__(self, array: AnyAsyncArray) -> None:
        layout = layout_of(array.metadata)
        most = config.settings.tools__block_bytes
        self._array = array
        self._edges, self._shape = layout.grid, layout.shape
        self._counts = tuple(map(chunk_count, layout.grid, layout.shape))
        itemsize = max(1, layout.dtype.itemsize)
        self.strides = block_shape(layout.grid, self._counts, itemsize, most)
        self.seen = 0
        """How many elements are in stored values, as far as the store was asked."""

    async def stored(self) -> list[Coords]:
        """Return the places of the blocks of which something is stored, in order."""
        if not prod(self._shape):
            return []
        if not self._array.chunk_store_path.store.supports_listing:
            self.seen = prod(self._shape)
            return self.all()
        found = set()
        async for coords in stored_coords(self._array):
            found.add(tuple(map(int.__floordiv__, coords, self.strides)))
            self.seen += self._elements(coords)
        return sorted(found)

    def _elements(self, coords: Coords) -> int:
        bounds = map(chunk_bounds, self._edges, coords)
        ends = zip(bounds, self._shape, strict=True)
        return prod(min(stop, length) - start for (start, stop), length in ends)

    def all(self) -> list[Coords]:
        """Return the places of all blocks, in order."""
        if not prod(self._shape):
            return []
        counts = (-(-n // s) for n, s in zip(self._counts, self.strides, strict=True))
        return list(np.ndindex(*counts))

    def region(self, place: Coords) -> Region:
        """Return the part of the array that a block is."""
        first = tuple(map(int.__mul__, place, self.strides))
        return region_of(self._edges, self._shape, first, self.strides)
