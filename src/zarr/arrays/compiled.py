"""The engine's view of one open array, made of its metadata once."""

from __future__ import annotations

import os
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from zarr import _core
from zarr._async.warnings import warn
from zarr.abc._traits import Notes, data_id_of
from zarr.codecs.limits import decoded_max
from zarr.codecs.vlen import StringTable, bind, holds_objects, table_for
from zarr.dtype.storage import buffer_view
from zarr.errors import ZarrUserWarning
from zarr.metadata.chunk_grids import chunk_count
from zarr.metadata.layout import layout_of
from zarr.metadata.v2 import ArrayV2Metadata
from zarr.storage.wrapper import layers

if TYPE_CHECKING:
    from collections.abc import Callable

    from zarr.abc.store import Store
    from zarr.cache import ChunkCache
    from zarr.codecs.vlen import Table
    from zarr.indexing import Selection
    from zarr.metadata.chunk_grids import Edge
    from zarr.metadata.layout import ArrayLayout
    from zarr.metadata.spec import ArrayConfig
    from zarr.storage.path import StorePath
    from zarr.types import AnyNDArray, AnyScalar, ArrayMetadata, NumpyDType


class Engine:
    """The native side of one open array; frozen.

    Parameters
    ----------
    metadata
        Of the array.
    config
        Its settings.
    place
        Where the chunks are: a store, and the path that their keys follow.
    plain
        Whether the handle reads without looking at the metadata again, into NumPy's arrays.
    """

    __slots__ = (
        "_cache",
        "_edges",
        "_parts",
        "compiled",
        "document",
        "dtype",
        "empty",
        "fill_value",
        "grid",
        "holds_objects",
        "is_opaque",
        "metadata",
        "order",
        "reader",
        "shape",
        "write_empty",
    )

    def __init__(
        self, metadata: ArrayMetadata, config: ArrayConfig, place: StorePath, *, plain: bool = False
    ) -> None:
        self.metadata = metadata
        layout = layout_of(metadata)
        self.shape: tuple[int, ...] = layout.shape
        self.grid: tuple[Edge, ...] = layout.grid
        self.dtype: NumpyDType = layout.dtype
        self.fill_value: AnyScalar = layout.fill_value
        self.order = metadata.order if isinstance(metadata, ArrayV2Metadata) else config.order
        self.write_empty = config.write_empty_chunks
        self.holds_objects = holds_objects(layout.dtype)
        # Whether NumPy refuses the buffer protocol for elements of this type.
        self.is_opaque = not self.holds_objects and _is_opaque(layout.dtype)
        # NumPy's `empty` makes times without a unit in the native byte order, whatever it is asked.
        self.empty: Callable[..., AnyNDArray] = np.ndarray if self.is_opaque else np.empty
        self._edges = _decoded_edges(layout)
        self._parts = _parts(layout, config, place)
        name = ".zarray" if isinstance(metadata, ArrayV2Metadata) else "zarr.json"
        self.document: str = self._parts["prefix"] + name
        self.compiled: _core.CompiledArray | None = None
        self._cache = None if config.cache is None else _cache_of(config.cache, metadata, place)
        if not self.holds_objects:
            self.compiled = _core.CompiledArray(
                itemsize=layout.itemsize,
                fill=layout.fill,
                cache=self._cache and (*self._cache, None),
                **self._parts,
            )
            if config.cache is not None:
                self._warn_of_small(config.cache, place)
        # Reads integers and slices in one call, where nothing waits.
        self.reader: _core.Reader | None = None
        source = place.store.traits.native_handle
        if plain and self.compiled is not None and source is not None and not self.is_opaque:
            self.reader = _core.Reader(self.compiled, source, self.dtype, self.order)

    def _warn_of_small(self, cache: ChunkCache, place: StorePath) -> None:
        chunk = prod(map(_size, self._edges)) * self.dtype.itemsize
        if chunk > cache.size:
            warn(
                f"{place.shown_as()} has chunks of {chunk} bytes, and its cache holds "
                f"{cache.size}: they are read without it. Give the array a larger zarr.ChunkCache, "
                "or none.",
                ZarrUserWarning,
            )

    def bound(self, table: Table) -> _core.CompiledArray:
        """The engine for one operation on elements that are no plain memory."""
        chain = bind(self._parts["chain"], table)
        parts = {**self._parts, "chain": chain}
        cache = None
        if self._cache is not None and isinstance(table, StringTable):
            cache = (*self._cache, table.heap)
        size = table.number_type.itemsize
        return _core.CompiledArray(itemsize=size, fill=table.fill_number, cache=cache, **parts)

    def table(self, *, writing: bool) -> Table:
        """The elements that take part in one operation, where they are no plain memory."""
        return table_for(self._parts["chain"], self.dtype, self.fill_value, writing=writing)

    @property
    def stored_bytes(self) -> int:
        """About how many bytes the elements of one stored value have."""
        return prod(map(_size, self.grid)) * self.dtype.itemsize

    def work(self, chosen: Selection) -> int:
        """About how many bytes have to be coded for a selection."""
        if chosen.axes is None:
            counts = map(chunk_count, self._edges, self.shape)
            chunks = min(prod(chosen.engine_shape), prod(counts))
            return chunks * prod(map(_size, self._edges)) * self.dtype.itemsize
        coded = self.dtype.itemsize
        for axis, edge, length in zip(chosen.axes, self._edges, self.shape, strict=True):
            size = _size(edge)
            touched = axis.size if isinstance(axis, np.ndarray) else _touched(axis, size)
            coded *= size * min(touched, chunk_count(edge, length))
        return coded


# Members of an array's metadata that have no influence on how its chunks are decoded.
_OTHER = frozenset({"attributes", "dimension_names", "shape"})
_views: Notes[str] = Notes()


def _cache_of(
    cache: ChunkCache, metadata: ArrayMetadata, place: StorePath
) -> tuple[_core.Chunks, str, int, float]:
    """The arguments by which the engine reads an array by way of a cache."""
    parts = {key: value for key, value in metadata.to_dict().items() if key not in _OTHER}
    return cache.used_by(f"{data_id_of(place.store)}/", repr((_view(place.store), parts)))


def _view(store: Store) -> str:
    """Name the way in which a store shows its data.

    One that somebody else defines may show the same data as another in its own way.
    """
    return " ".join(
        type(layer).__qualname__
        if type(layer).__module__.startswith("zarr.storage.")
        else _views.note(layer, os.urandom(16).hex())
        for layer in layers(store)
    )


def _index_place(layout: ArrayLayout, place: StorePath) -> str | None:
    """The beginning of the names of shards of which the indexes are kept, by version."""
    traits = place.store.traits
    if traits.native_handle is not None or not traits.versions:
        return None
    if not any(name == "sharding_indexed" for name, _ in layout.chain or ()):
        return None
    return f"{_view(place.store)} {data_id_of(place.store)}/"


def _size(edge: Edge) -> int:
    return edge if isinstance(edge, int) else max(edge, default=1)


def _touched(axis: tuple[int, int, int], size: int) -> int:
    start, step, count = axis
    if count == 0:
        return 0
    return min(count, (start + (count - 1) * step) // size - start // size + 1)


def _is_opaque(dtype: NumpyDType) -> bool:
    return buffer_view(np.ndarray(0, dtype)).dtype != dtype


def _decoded_edges(layout: ArrayLayout) -> tuple[Edge, ...]:
    """The edges of what is decoded alone: in a shard, of the chunks inside."""
    for name, parameters in layout.chain or ():
        if name == "sharding_indexed":
            return tuple(parameters[0])
    return layout.grid


def _parts(layout: ArrayLayout, config: ArrayConfig, place: StorePath) -> dict[str, Any]:
    return {
        "label": place.shown_as(),
        "prefix": f"{place.path}/" if place.path else "",
        "shape": layout.shape,
        "grid": layout.grid,
        "chain": layout.chain,
        "key_encoding": layout.key_encoding,
        "read_missing": config.read_missing_chunks,
        "coalesce_gap": config.sharding_coalesce_max_gap_bytes,
        "coalesce_max": config.sharding_coalesce_max_bytes,
        "decoded_max": decoded_max(),
        "index_place": _index_place(layout, place),
    }
