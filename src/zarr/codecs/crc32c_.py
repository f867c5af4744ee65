"""The codec ``crc32c``: a checksum after the bytes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from zarr.codecs.base import NativeBytesCodec
from zarr.codecs.configuration import optional_configuration

if TYPE_CHECKING:
    from typing import Self

    from zarr.codecs.base import Link
    from zarr.metadata.spec import ArraySpec
    from zarr.types import JSON

__all__ = ["Crc32cCodec"]

_CHECKSUM_SIZE = 4


@dataclass(frozen=True, eq=False, repr=False)
class Crc32cCodec(NativeBytesCodec):
    """Appends a CRC-32C checksum (RFC 3720) of the bytes, and verifies it when reading.

    Examples
    --------
    >>> from zarr.codecs import Crc32cCodec
    >>> Crc32cCodec().to_dict()
    {'name': 'crc32c'}
    """

    _name = "crc32c"
    _optional = True
    is_fixed_size = True

    @classmethod
    def from_dict(cls, data: dict[str, JSON]) -> Self:
        """Make a codec from its JSON form, whose configuration is of no use.

        Parameters
        ----------
        data : dict
            The name, and perhaps a configuration.
        """
        optional_configuration(data, cls._name)
        return cls()

    def compute_encoded_size(self, input_byte_length: int, chunk_spec: ArraySpec) -> int:
        """Return how many bytes a chunk has with its checksum."""
        return input_byte_length + _CHECKSUM_SIZE

    def _link(self, spec: ArraySpec) -> Link:
        return ("crc32c", "end")
