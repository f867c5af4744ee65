"""The bases of the built-in codecs: how one becomes a link of the engine, and runs alone.

An array's chunks are coded by the engine, which takes a chain of links: a codec names its own with
``_link(spec)``. The coding methods of a codec serve those who call a codec object themselves, and
go through the same engine.
"""

from __future__ import annotations

import warnings
from dataclasses import fields, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Final, TypeAlias, cast

import numpy as np

from zarr import _core
from zarr.abc.codec import ArrayArrayCodec, ArrayBytesCodec, BytesBytesCodec
from zarr.abc.metadata import Metadata
from zarr.abc.store import OffsetByteRequest, RangeByteRequest, SuffixByteRequest
from zarr.buffer import cpu
from zarr.codecs.configuration import named, optional_configuration, required_configuration
from zarr.codecs.limits import chunk_bytes, decoded_max, most_decoded
from zarr.codecs.vlen import bind, holds_objects, table_for
from zarr.dtype.storage import as_type, buffer_view, element_of, fill_bytes

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Self

    from zarr.abc.buffer import Buffer, NDBuffer
    from zarr.abc.store import ByteGetter, ByteRequest, ByteSetter
    from zarr.codecs.vlen import Table
    from zarr.dtype.base import AnyDType as AnyDType
    from zarr.metadata.chunk_grids import ChunkGridMetadata
    from zarr.metadata.spec import ArraySpec
    from zarr.types import JSON, AnyNDArray, BytesLike

    Array: TypeAlias = AnyNDArray
    Shape: TypeAlias = tuple[int, ...]


class DeprecatedStrEnumMeta(type):
    """Makes ``Kind.member`` the plain string of that member, and warns."""

    def __getattr__(cls, name: str) -> str:
        members: dict[str, str] = cls.__dict__.get("_members", {})
        if name not in members:
            raise AttributeError(name)
        value = members[name]
        warnings.warn(
            f"{cls.__name__}.{name} is deprecated; pass the string {value!r} instead.",
            DeprecationWarning,
            stacklevel=2,
        )
        return value

    def __setattr__(cls, name: str, value: object) -> None:
        if name in cls.__dict__.get("_members", {}):
            raise AttributeError(f"cannot reassign member {name!r}")
        super().__setattr__(name, value)


NOT_STORED: Final = MappingProxyType({"stored": False})
"""The metadata of a field that has no place in a document."""


class DeclaredCodec(Metadata):
    """A codec that is its name and its fields.

    Its JSON form, its checks and its sizes follow from these; a subclass adds how it codes.
    """

    _name: ClassVar[str]
    """The name in metadata documents."""
    _optional: ClassVar[bool] = False
    """Whether a document may lack the configuration."""
    _short: ClassVar[bool] = False
    """Whether fields that have their default values are not stored."""
    is_fixed_size: bool = False

    def _set(self, **values: object) -> None:
        """Set fields, which is for `__init__` and `__post_init__` only."""
        for name, value in values.items():
            object.__setattr__(self, name, value)

    @classmethod
    def from_dict(cls, data: dict[str, JSON]) -> Self:
        """Make a codec from its JSON form.

        Parameters
        ----------
        data : dict
            The name and the configuration.

        Raises
        ------
        TypeError, ValueError
            If `data` is not the form of such a codec.
        """
        read = optional_configuration if cls._optional else required_configuration
        return cls(**read(data, cls._name))

    def to_dict(self) -> dict[str, JSON]:
        """Return the JSON form: the name and the configuration."""
        values = super().to_dict()
        configuration = {
            field.name: values[field.name]
            for field in fields(self)
            if field.metadata.get("stored", True)
            and not (self._short and values[field.name] == field.default)
        }
        return named(self._name, None if self._optional and not configuration else configuration)

    def validate(self, *, shape: Shape, dtype: AnyDType, chunk_grid: ChunkGridMetadata) -> None:
        """Raise an error if the codec cannot serve an array.

        Parameters
        ----------
        shape : tuple of int
            The shape of the array.
        dtype : ZDType
            Its data type.
        chunk_grid : ChunkGridMetadata
            Its chunk grid.

        Raises
        ------
        TypeError, ValueError
            If the codec cannot code such chunks.
        """
        self._check_dtype(dtype)

    def _check_dtype(self, dtype: AnyDType) -> None:
        """Raise an error if the codec cannot code elements of a data type."""

    def compute_encoded_size(self, input_byte_length: int, chunk_spec: ArraySpec) -> int:
        """Return how many bytes a chunk has when it is encoded.

        Parameters
        ----------
        input_byte_length : int
            How many bytes the chunk has when it is decoded.
        chunk_spec : ArraySpec
            The chunk.

        Raises
        ------
        NotImplementedError
            If the size depends on the content of the chunk.
        """
        if self.is_fixed_size:
            return input_byte_length
        raise NotImplementedError(
            f"The size of a chunk that the codec {self._name!r} encodes depends on its content."
        )


Link: TypeAlias = tuple[str, Any]
"""One codec as the engine knows it: its name there, and its parameters."""

_CODING = (
    "_decode_sync",
    "_encode_sync",
    "_decode_single",
    "_encode_single",
    "decode",
    "encode",
)

_native_classes: dict[type, bool] = {}


def is_native(cls: type) -> bool:
    """Whether the engine codes for codecs of this class.

    It does for a class that names a link, and for its subclasses, unless they define a coding
    method of their own.
    """
    native = _native_classes.get(cls)
    if native is None:
        native = _has_own_link(cls)
        _native_classes[cls] = native
    return native


def _has_own_link(cls: type) -> bool:
    for ancestor in cls.__mro__:
        defined = vars(ancestor)
        if "_link" in defined:
            return True
        if any(name in defined for name in _CODING):
            return False
    return False


def native_link(codec: object, spec: ArraySpec) -> Link | None:
    """The engine's link for a codec that is given chunks of `spec`; None if it must run itself."""
    if not is_native(type(codec)):
        return None
    link: Link | None = codec._link(spec)  # type: ignore[attr-defined]
    return link


class NativeBytesCodec(DeclaredCodec, BytesBytesCodec):
    """A codec from bytes to bytes that the engine has."""

    def _link(self, spec: ArraySpec) -> Link | None:
        raise TypeError(f"{type(self).__name__} names no link of the engine.")

    def _bytes_link(self, spec: ArraySpec) -> Link:
        link = self._link(spec)
        if link is None:
            raise TypeError(f"{self!r} is not a codec of the engine.")
        return link

    def _decode_sync(self, chunk_data: Buffer, chunk_spec: ArraySpec) -> Buffer:
        data = chunk_data.as_buffer_like()
        limit = most_decoded(len(chunk_data), chunk_bytes(chunk_spec))
        decoded = _core.decode_bytes([self._bytes_link(chunk_spec)], data, limit=limit)
        return chunk_spec.prototype.buffer.from_bytes(cast("BytesLike", decoded))

    def _encode_sync(self, chunk_data: Buffer, chunk_spec: ArraySpec) -> Buffer | None:
        encoded = _core.encode_bytes([self._bytes_link(chunk_spec)], chunk_data.as_buffer_like())
        return chunk_spec.prototype.buffer.from_bytes(cast("BytesLike", encoded))


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

    def decode(self, data: Buffer) -> Array:
        """The whole chunk, from its stored form."""
        table = self._table(writing=False)
        out = self._empty(self._spec.shape, table)
        source = _core.Mapping({self._key: cpu.Buffer.from_buffer(data)}, cpu.Buffer.from_bytes)
        self._engine(table).read(source, self._whole, None, buffer_view(out))
        return out if table is None else table.elements(out)

    def encode(self, array: Array) -> Buffer | None:
        """The stored form of a chunk; None if all of it is the fill value and is not stored."""
        table = self._table(writing=True)
        stored: dict[str, Buffer] = {}
        source = _core.Mapping(stored, self._spec.prototype.buffer.from_bytes)
        value = self._value(np.broadcast_to(array, self._spec.shape), table)
        self._engine(table).write(
            source, self._whole, None, value, self._spec.config.write_empty_chunks, _LABEL
        )
        return stored.get(self._key)

    async def decode_part(self, getter: ByteGetter, selection: object) -> Array | None:
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
        found: Array = np.asanyarray(part[within])
        return found

    async def encode_part(self, setter: ByteSetter, selection: Any, value: Array) -> None:
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

    def _empty(self, shape: tuple[int, ...], table: Table | None) -> Array:
        return np.ndarray(shape, self._dtype if table is None else table.number_type)

    def _value(self, array: Array, table: Table | None) -> Array:
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
    selection: object, shape: tuple[int, ...]
) -> tuple[tuple[tuple[int, int], ...], tuple[Any, ...]]:
    """Return the smallest box with all elements of a selection, and the selection within it."""
    items = selection if isinstance(selection, tuple) else (selection,)
    items = _without_ellipsis(items, len(shape))
    box: list[tuple[int, int]] = []
    within: list[object] = []
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


def _without_ellipsis(items: tuple[object, ...], ndim: int) -> tuple[object, ...]:
    for index, item in enumerate(items):
        if item is Ellipsis:
            missing = (slice(None),) * (ndim - len(items) + 1)
            return items[:index] + missing + items[index + 1 :]
    return items + (slice(None),) * (ndim - len(items))


def _chunk(chain: tuple[Link, ...], spec: ArraySpec) -> OneChunk:
    """One chunk, which is encoded whatever is in it."""
    return OneChunk(chain, replace(spec, config=replace(spec.config, write_empty_chunks=True)))


class NativeSerializer(DeclaredCodec, ArrayBytesCodec):
    """A codec from array to bytes that the engine has."""

    def _link(self, spec: ArraySpec) -> Link:
        raise TypeError(f"{type(self).__name__} names no link of the engine.")

    def _decode_sync(self, chunk_data: Buffer, chunk_spec: ArraySpec) -> NDBuffer:
        array = _chunk((self._link(chunk_spec),), chunk_spec).decode(chunk_data)
        return chunk_spec.prototype.nd_buffer.from_numpy_array(array)

    def _encode_sync(self, chunk_data: NDBuffer, chunk_spec: ArraySpec) -> Buffer | None:
        chunk = _chunk((self._link(chunk_spec),), chunk_spec)
        return chunk.encode(chunk_data.as_numpy_array())


class NativeFilter(DeclaredCodec, ArrayArrayCodec):
    """A codec from array to array that the engine has."""

    is_fixed_size = True

    def _link(self, spec: ArraySpec) -> Link:
        raise TypeError(f"{type(self).__name__} names no link of the engine.")

    def _decode_sync(self, chunk_data: NDBuffer, chunk_spec: ArraySpec) -> NDBuffer:
        array = np.ascontiguousarray(chunk_data.as_numpy_array())
        data = chunk_spec.prototype.buffer.from_bytes(buffer_view(array).tobytes())
        decoded = _chunk((self._link(chunk_spec), ("bytes", 0)), chunk_spec).decode(data)
        return chunk_spec.prototype.nd_buffer.from_numpy_array(decoded)

    def _encode_sync(self, chunk_data: NDBuffer, chunk_spec: ArraySpec) -> NDBuffer | None:
        chunk = _chunk((self._link(chunk_spec), ("bytes", 0)), chunk_spec)
        stored = chunk.encode(chunk_data.as_numpy_array())
        if stored is None:
            raise AssertionError("a chunk that is to be written always was not")
        spec = self.resolve_metadata(chunk_spec)
        array = np.asarray(stored.as_numpy_array()).view(spec.dtype.to_native_dtype())
        return chunk_spec.prototype.nd_buffer.from_numpy_array(array.reshape(spec.shape))
