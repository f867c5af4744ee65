"""The codec ``crc32c``: a checksum after the bytes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from zarr.codecs.base import Link, NativeBytesCodec
from zarr.codecs.configuration import named, optional_configuration

if TYPE_CHECKING:
    from typing import Self

    from zarr.metadata.spec import ArraySpec
    from zarr.types import JSON

__all__ = ["Crc32cCodec"]

_CHECKSUM_SIZE = 4


@dataclass(frozen=True)
class Crc32cCodec(NativeBytesCodec):
    """Appends a CRC-32C checksum (RFC 3720) of the bytes, and verifies it when reading.

    Examples
    --------
    >>> from zarr.codecs import Crc32cCodec
    >>> Crc32cCodec().to_dict()
    {'name': 'crc32c'}
    """

    is_fixed_size = True

    @classmethod
    def from_dict(cls, data: dict[str, JSON]) -> Self:
        optional_configuration(data, "crc32c")
        return cls()

    def to_dict(self) -> dict[str, JSON]:
        return named("crc32c")

    def compute_encoded_size(self, input_byte_length: int, _chunk_spec: ArraySpec) -> int:
        return input_byte_length + _CHECKSUM_SIZE

    def _link(self, spec: ArraySpec) -> Link | None:
        return ("crc32c", ())
