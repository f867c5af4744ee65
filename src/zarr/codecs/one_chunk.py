"""One chunk, coded by the engine outside of an array: as an array of its own with one chunk."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy as np

from zarr import _core
from zarr.abc.store import OffsetByteRequest, RangeByteRequest, SuffixByteRequest
from zarr.buffer import cpu
from zarr.codecs.limits import decoded_max
from zarr.codecs.objects import bind, holds_objects, table_for
from zarr.dtype.storage import as_type, buffer_view, element_of, fill_bytes

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from zarr.abc.buffer import Buffer
    from zarr.abc.store import ByteGetter, ByteRequest, ByteSetter
    from zarr.codecs.base import Link
    from zarr.codecs.objects import Table
    from zarr.metadata.spec import ArraySpec

_LABEL = "(none: a chunk that is coded alone)"
"""Where errors name the array."""


class OneChunk:
    """Codes a chunk, or a part of it, with a chain of links.

    Parameters
    ----------
    chain
        The links for chunks of `spec`.
    spec
        The shape and the data type of the chunk, and what it is filled with.
    """

    def __init__(self, chain: Sequence[Link], spec: ArraySpec) -> None:
        self._chain = tuple(chain)
        self._spec = spec
        self._dtype = spec.dtype.to_native_dtype()
        self._fill = element_of(spec.fill_value)
        self._key = "/".join(["c", *("0" for _ in spec.shape)])
        self._whole = tuple((0, 1, length) for length in spec.shape)

    def decode(self, data: Buffer) -> npt.NDArray[Any]:
        """The whole chunk, from its stored form."""
        table = self._table(writing=False)
        out = self._empty(self._spec.shape, table)
        source = _core.Mapping(
            {self._key: cpu.Buffer.from_buffer(data)}, cast("Any", cpu.Buffer.from_bytes)
        )
        self._engine(table).read(source, self._whole, None, buffer_view(out))
        return out if table is None else table.elements(out)

    def encode(self, array: npt.NDArray[Any]) -> Buffer | None:
        """The stored form of a chunk; None if all of it is the fill value and is not stored."""
        table = self._table(writing=True)
        stored: dict[str, Buffer] = {}
        source = _core.Mapping(stored, cast("Any", self._spec.prototype.buffer.from_bytes))
        value = self._value(np.broadcast_to(array, self._spec.shape), table)
        self._engine(table).write(
            source, self._whole, None, value, self._spec.config.write_empty_chunks, _LABEL
        )
        return stored.get(self._key)

    async def decode_part(self, getter: ByteGetter, selection: Any) -> npt.NDArray[Any] | None:
        """A NumPy selection of the chunk, reading only what it needs; None if it is not stored."""
        box, within = covering_box(selection, self._spec.shape)
        table = self._table(writing=False)
        out = self._empty(tuple(stop - start for start, stop in box), table)
        axes = tuple((start, 1, stop - start) for start, stop in box)
        plan = self._engine(table).plan_read(axes, None, buffer_view(out))
        while (want := plan.next()) is not None:
            while want is not None:
                answers = await self._fetch(getter, want.ranges)
                if answers[0] is None:
                    return None
                want = want.feed(answers)
        part = out if table is None else table.elements(out)
        found: npt.NDArray[Any] = np.asanyarray(part[within])
        return found

    async def encode_part(
        self, setter: ByteSetter, selection: Any, value: npt.NDArray[Any]
    ) -> None:
        """Change a NumPy selection of the stored chunk."""
        current = await setter.get(self._spec.prototype)
        if current is None:
            fill = self._fill
            array = np.ndarray(self._spec.shape, self._dtype)
            if self._dtype.kind == "O":
                array.fill(fill)  # one element, also if that is an array
            else:
                array[...] = self._dtype.type() if fill is None else fill
        else:
            array = self.decode(current)
        array[selection] = value
        encoded = self.encode(array)
        if encoded is None:
            await setter.delete()
        else:
            await setter.set(encoded)

    async def _fetch(
        self, getter: ByteGetter, ranges: Sequence[tuple[int, int | None]] | None
    ) -> list[Any]:
        prototype = self._spec.prototype
        if ranges is None:
            found = [await getter.get(prototype)]
        else:
            found = [await getter.get(prototype, byte_request(*item)) for item in ranges]
        return [None if buffer is None else buffer.as_buffer_like() for buffer in found]

    def _engine(self, table: Table | None) -> _core.CompiledArray:
        dtype, fill = self._dtype, self._fill
        return _core.CompiledArray(
            label=_LABEL,
            prefix="",
            shape=self._spec.shape,
            # A grid's chunks have at least one element, those of an empty array too.
            grid=tuple(max(1, length) for length in self._spec.shape),
            key_encoding=("default", "/"),
            itemsize=dtype.itemsize if table is None else table.number_type.itemsize,
            fill=fill_bytes(fill, dtype) if table is None else table.fill_number,
            chain=self._chain if table is None else bind(self._chain, table),
            coalesce_gap=self._spec.config.sharding_coalesce_max_gap_bytes,
            coalesce_max=self._spec.config.sharding_coalesce_max_bytes,
            decoded_max=decoded_max(),
        )

    def _table(self, *, writing: bool) -> Table | None:
        if not holds_objects(self._dtype):
            return None
        return table_for(self._chain, self._dtype, self._fill, writing=writing)

    def _empty(self, shape: tuple[int, ...], table: Table | None) -> npt.NDArray[Any]:
        return np.ndarray(shape, self._dtype if table is None else table.number_type)

    def _value(self, array: npt.NDArray[Any], table: Table | None) -> npt.NDArray[Any]:
        if table is not None:
            return table.number(array)
        return buffer_view(as_type(array, self._dtype))


def byte_request(start: int, stop: int | None) -> ByteRequest:
    """A range of bytes as stores are asked for it; a negative start counts from the end."""
    if start < 0:
        return SuffixByteRequest(-start)
    if stop is None:
        return OffsetByteRequest(start)
    return RangeByteRequest(start, stop)


def covering_box(
    selection: Any, shape: tuple[int, ...]
) -> tuple[tuple[tuple[int, int], ...], tuple[Any, ...]]:
    """The smallest box with all that a selection needs, and the selection within that box."""
    items = selection if isinstance(selection, tuple) else (selection,)
    items = _without_ellipsis(items, len(shape))
    box: list[tuple[int, int]] = []
    within: list[Any] = []
    for item, length in zip(items, shape, strict=True):
        if isinstance(item, slice):
            picked = range(*item.indices(length))
            start, stop = (min(picked), max(picked) + 1) if picked else (0, 0)
            first = picked[0] - start if picked else 0
            end = first + len(picked) * picked.step
            within.append(slice(first, None if end < 0 else end, picked.step))
        else:
            places = np.asarray(item)
            places = np.flatnonzero(places) if places.dtype == np.bool_ else places
            places = np.where(places < 0, places + length, places)
            start, stop = (int(places.min()), int(places.max()) + 1) if places.size else (0, 0)
            within.append(places - start if places.ndim else int(places) - start)
        box.append((start, stop))
    return tuple(box), tuple(within)


def _without_ellipsis(items: tuple[Any, ...], ndim: int) -> tuple[Any, ...]:
    for index, item in enumerate(items):
        if item is Ellipsis:
            missing = (slice(None),) * (ndim - len(items) + 1)
            return items[:index] + missing + items[index + 1 :]
    return items + (slice(None),) * (ndim - len(items))
