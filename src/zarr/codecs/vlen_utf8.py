"""The codecs ``vlen-utf8`` and ``vlen-bytes``: strings and byte strings of any length."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any, ClassVar

from zarr.abc.codec import ArrayBytesCodec
from zarr.codecs import vlen
from zarr.codecs.configuration import named, optional_configuration
from zarr.codecs.python_codec import Elements
from zarr.codecs.vlen import holds_objects

if TYPE_CHECKING:
    from typing import Self

    from zarr.abc.buffer import Buffer, NDBuffer
    from zarr.codecs.base import Link
    from zarr.dtype import ZDType
    from zarr.metadata.chunk_grids import ChunkGridMetadata
    from zarr.metadata.spec import ArraySpec
    from zarr.types import JSON

__all__ = ["VLenBytesCodec", "VLenUTF8Codec"]


class _VLenCodec(ArrayBytesCodec):
    """What the two codecs share: all but the name."""

    is_fixed_size = False
    _name: ClassVar[str]

    @classmethod
    def from_dict(cls, data: dict[str, JSON]) -> Self:
        return cls(**optional_configuration(data, cls._name))

    def to_dict(self) -> dict[str, JSON]:
        return named(self._name, {})

    def evolve_from_array_spec(self, array_spec: ArraySpec) -> Self:
        return self

    def compute_encoded_size(self, _input_byte_length: int, _chunk_spec: ArraySpec) -> int:
        raise NotImplementedError("compute_encoded_size is not implemented for VLen codecs")

    def validate(
        self,
        *,
        shape: tuple[int, ...],
        dtype: ZDType[Any, Any],
        chunk_grid: ChunkGridMetadata,
    ) -> None:
        """Refuse elements that are arrays: these have codecs of their own."""
        if dtype._serializer in ("label_multiset", "vlen-ndarray"):
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


@dataclass(frozen=True)
class VLenUTF8Codec(_VLenCodec):
    """Stores strings of any length, in UTF-8.

    Examples
    --------
    >>> from zarr.codecs import VLenUTF8Codec
    >>> VLenUTF8Codec().to_dict()
    {'name': 'vlen-utf8', 'configuration': {}}
    """

    _name: ClassVar[str] = "vlen-utf8"


@dataclass(frozen=True)
class VLenBytesCodec(_VLenCodec):
    """Stores byte strings of any length.

    Examples
    --------
    >>> from zarr.codecs import VLenBytesCodec
    >>> VLenBytesCodec().to_dict()
    {'name': 'vlen-bytes', 'configuration': {}}
    """

    _name: ClassVar[str] = "vlen-bytes"
