"""The codecs ``vlen-utf8`` and ``vlen-bytes``: strings and byte strings of any length."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

from zarr.abc.codec import ArrayBytesCodec
from zarr.codecs import vlen
from zarr.codecs.base import DeclaredCodec
from zarr.codecs.configuration import named
from zarr.codecs.python_codec import Elements
from zarr.codecs.vlen import holds_objects

if TYPE_CHECKING:
    from zarr.abc.buffer import Buffer, NDBuffer
    from zarr.codecs.base import AnyDType, Link
    from zarr.metadata.spec import ArraySpec
    from zarr.types import JSON

__all__ = ["VLenBytesCodec", "VLenUTF8Codec"]


class _VLenCodec(DeclaredCodec, ArrayBytesCodec):
    """The base of the two codecs, which differ in their names only."""

    _optional = True

    def to_dict(self) -> dict[str, JSON]:
        """Return the JSON form: the name and an empty configuration."""
        return named(self._name, {})

    def _check_dtype(self, dtype: AnyDType) -> None:
        """Refuse elements that are arrays: these have codecs of their own."""
        if dtype.serializer_name in ("label_multiset", "vlen-ndarray"):
            raise ValueError(f"{self._name} stores strings or byte strings. Got {dtype}.")

    def _link(self, spec: ArraySpec) -> Link:
        dtype = spec.dtype.to_native_dtype()
        if not holds_objects(dtype):
            raise ValueError(f"{self._name} stores elements of any length. Got {spec.dtype}.")
        return ("vlen", (self._name, Elements(dtype)))

    def _decode_sync(self, chunk_data: Buffer, chunk_spec: ArraySpec) -> NDBuffer:
        dtype, shape = chunk_spec.dtype.to_native_dtype(), chunk_spec.shape
        array = vlen.decode(self._name, chunk_data.as_buffer_like(), prod(shape), dtype)
        return chunk_spec.prototype.nd_buffer.from_numpy_array(array.reshape(shape))

    def _encode_sync(self, chunk_data: NDBuffer, chunk_spec: ArraySpec) -> Buffer | None:
        encoded = vlen.encode(self._name, chunk_data.as_numpy_array())
        return chunk_spec.prototype.buffer.from_bytes(encoded)


@dataclass(frozen=True, eq=False, repr=False)
class VLenUTF8Codec(_VLenCodec):
    """Stores strings of any length, in UTF-8.

    Examples
    --------
    >>> from zarr.codecs import VLenUTF8Codec
    >>> VLenUTF8Codec().to_dict()
    {'name': 'vlen-utf8', 'configuration': {}}
    """

    _name = "vlen-utf8"


@dataclass(frozen=True, eq=False, repr=False)
class VLenBytesCodec(_VLenCodec):
    """Stores byte strings of any length.

    Examples
    --------
    >>> from zarr.codecs import VLenBytesCodec
    >>> VLenBytesCodec().to_dict()
    {'name': 'vlen-bytes', 'configuration': {}}
    """

    _name = "vlen-bytes"
