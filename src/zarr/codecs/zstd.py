"""The codec ``zstd``: Zstandard, RFC 8878."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from zarr.codecs.base import Link, NativeBytesCodec
from zarr.codecs.configuration import bool_field, int_field, named, required_configuration
from zarr.codecs.translate import v2_config
from zarr.registry import get_numcodec

if TYPE_CHECKING:
    from typing import Self

    from zarr.abc.numcodec import Numcodec
    from zarr.metadata.spec import ArraySpec
    from zarr.types import JSON

__all__ = ["ZstdCodec"]

_MAX_LEVEL = 22


@dataclass(frozen=True)
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

    is_fixed_size = False

    level: int = 0
    checksum: bool = False

    def __init__(self, *, level: int = 0, checksum: bool = False) -> None:
        object.__setattr__(self, "level", _parse_level(level))
        object.__setattr__(self, "checksum", bool_field(checksum, "checksum"))

    @classmethod
    def from_dict(cls, data: dict[str, JSON]) -> Self:
        return cls(**required_configuration(data, "zstd"))

    def to_dict(self) -> dict[str, JSON]:
        return named("zstd", {"level": self.level, "checksum": self.checksum})

    def compute_encoded_size(self, _input_byte_length: int, _chunk_spec: ArraySpec) -> int:
        raise NotImplementedError("The size of zstd's output depends on its input.")

    @property
    def _zstd_codec(self) -> Numcodec:
        # Not used here: programs take it to code bytes of their own.
        return get_numcodec(cast("Any", v2_config(self)))

    def _link(self, spec: ArraySpec) -> Link | None:
        return ("zstd", (self.level, self.checksum))


def _parse_level(value: object) -> int:
    level = int_field(value, "level")
    if level > _MAX_LEVEL:
        raise ValueError(
            f"Value must be less than or equal to {_MAX_LEVEL}. Got {level} instead as a level."
        )
    return level
