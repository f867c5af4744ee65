"""The codec ``gzip``: DEFLATE in the form of RFC 1952."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from zarr.codecs.base import NativeBytesCodec
from zarr.codecs.chain import own_numcodec
from zarr.codecs.configuration import int_field

if TYPE_CHECKING:
    from zarr.codecs.base import Link
    from zarr.metadata.spec import ArraySpec

__all__ = ["GzipCodec"]


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class GzipCodec(NativeBytesCodec):
    """Compresses with gzip.

    Parameters
    ----------
    level : int, default: 5
        How hard to compress, from 0 (not at all) to 9.

    Examples
    --------
    >>> from zarr.codecs import GzipCodec
    >>> GzipCodec(level=9).to_dict()
    {'name': 'gzip', 'configuration': {'level': 9}}
    """

    _name = "gzip"
    level: int = 5
    _gzip_codec = own_numcodec

    def __post_init__(self) -> None:
        if not 0 <= int_field(self.level, "level") <= 9:
            raise ValueError(
                "Expected an integer from the inclusive range (0, 9). "
                f"Got {self.level} instead as a level."
            )

    def _link(self, spec: ArraySpec) -> Link:
        return ("gzip", self.level)
