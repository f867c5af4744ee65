"""The codec ``gzip``: DEFLATE in the form of RFC 1952."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from zarr.codecs.base import Link, NativeBytesCodec
from zarr.codecs.configuration import int_field, named, required_configuration
from zarr.codecs.translate import v2_config
from zarr.registry import get_numcodec

if TYPE_CHECKING:
    from typing import Self

    from zarr.abc.numcodec import Numcodec
    from zarr.metadata.spec import ArraySpec
    from zarr.types import JSON

__all__ = ["GzipCodec"]


@dataclass(frozen=True)
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

    is_fixed_size = False

    level: int = 5

    def __init__(self, *, level: int = 5) -> None:
        object.__setattr__(self, "level", _parse_level(level))

    @classmethod
    def from_dict(cls, data: dict[str, JSON]) -> Self:
        return cls(**required_configuration(data, "gzip"))

    def to_dict(self) -> dict[str, JSON]:
        return named("gzip", {"level": self.level})

    def compute_encoded_size(self, _input_byte_length: int, _chunk_spec: ArraySpec) -> int:
        raise NotImplementedError("The size of gzip's output depends on its input.")

    @property
    def _gzip_codec(self) -> Numcodec:
        # Not used here: programs take it to code bytes of their own.
        return get_numcodec(cast("Any", v2_config(self)))

    def _link(self, spec: ArraySpec) -> Link | None:
        return ("gzip", self.level)


def _parse_level(value: object) -> int:
    level = int_field(value, "level")
    if not 0 <= level <= 9:
        raise ValueError(
            f"Expected an integer from the inclusive range (0, 9). Got {level} instead as a level."
        )
    return level
