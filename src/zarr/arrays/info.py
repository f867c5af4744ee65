"""Summaries of arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_UNITS = tuple((1 << 10 * (power + 1), unit) for power, unit in enumerate("KMGTPE"))[::-1]


def readable_size(size: int) -> str:
    """A number of bytes with a unit, as in ``1.5M``."""
    for factor, unit in _UNITS:
        if size >= factor:
            return f"{size / factor:.1f}{unit}"
    return str(size)


def _bytes(size: int) -> str:
    text = readable_size(size)
    return text if text == str(size) else f"{size} ({text})"


@dataclass(frozen=True, kw_only=True, slots=True)
class ArrayInfo:
    """A summary of an array; printed, it is a table.

    The last two are known only where the store was asked, see ``Array.info_complete``.
    """

    _zarr_format: int
    _data_type: object
    _fill_value: object
    _shape: tuple[int, ...]
    _shard_shape: tuple[int, ...] | str | None
    _chunk_shape: tuple[int, ...] | str | None
    _order: str
    _read_only: bool
    _store_type: str
    _filters: tuple[object, ...]
    _serializer: object
    _compressors: tuple[object, ...]
    _count_bytes: int | None
    _count_bytes_stored: int | None = None
    _count_chunks_initialized: int | None = None
    _type: str = "Array"

    def _rows(self) -> Iterator[tuple[str, object]]:
        yield "Type", self._type
        yield "Zarr format", self._zarr_format
        yield "Data type", self._data_type
        yield "Fill value", self._fill_value
        yield "Shape", self._shape
        if self._shard_shape is not None:
            yield "Shard shape", self._shard_shape
        if self._chunk_shape is not None:
            yield "Chunk shape", self._chunk_shape
        yield "Order", self._order
        yield "Read-only", self._read_only
        yield "Store type", self._store_type
        yield "Filters", self._filters
        if self._serializer is not None:
            yield "Serializer", self._serializer
        yield "Compressors", self._compressors
        if self._count_bytes is not None:
            yield "No. bytes", _bytes(self._count_bytes)
        if self._count_bytes_stored is not None:
            yield "No. bytes stored", _bytes(self._count_bytes_stored)
            if self._count_bytes is not None and self._count_bytes_stored:
                ratio = self._count_bytes / self._count_bytes_stored
                yield "Storage ratio", f"{ratio:.1f}"
        if self._count_chunks_initialized is not None:
            name = "Chunks Initialized" if self._shard_shape is None else "Shards Initialized"
            yield name, self._count_chunks_initialized

    def __repr__(self) -> str:
        return "\n".join(f"{name:<18} : {value}" for name, value in self._rows())

    def _repr_html_(self) -> str:
        from zarr.arrays.card import fact_table  # late: few are shown in a notebook

        return fact_table(self._rows())
