"""The codec ``zstd``: Zstandard, RFC 8878."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from zarr.codecs.base import NativeBytesCodec
from zarr.codecs.chain import own_numcodec
from zarr.codecs.configuration import bool_field, int_field

if TYPE_CHECKING:
    from zarr.codecs.base import Link
    from zarr.metadata.spec import ArraySpec

__all__ = ["ZstdCodec"]

_MAX_LEVEL = 22


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class ZstdCodec(NativeBytesCodec):
    """Compresses with Zstandard.

    Parameters
    ----------
    level : int, default: 0
        How hard to compress, up to 22; 0 leaves it to the library (3), below 0 trades size for
        more speed.
    checksum : bool, default: False
        Whether to store a checksum of the content, which is verified when reading.

    Examples
    --------
    >>> from zarr.codecs import ZstdCodec
    >>> ZstdCodec(level=1).to_dict()
    {'name': 'zstd', 'configuration': {'level': 1, 'checksum': False}}
    """

    _name = "zstd"
    level: int = 0
    checksum: bool = False
    _zstd_codec = own_numcodec

    def __post_init__(self) -> None:
        if int_field(self.level, "level") > _MAX_LEVEL:
            raise ValueError(
                f"Value must be less than or equal to {_MAX_LEVEL}. "
                f"Got {self.level} instead as a level."
            )
        bool_field(self.checksum, "checksum")

    def _link(self, spec: ArraySpec) -> Link:
        return ("zstd", (self.level, self.checksum))
