"""Chunk key encodings of extensions: ``fanout``, ``prefix`` and ``suffix``."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from zarr.metadata.chunk_key_encodings import ChunkKeyEncoding, parse_chunk_key_encoding

if TYPE_CHECKING:
    from zarr.types import JSON, Document


@dataclass(frozen=True, eq=False, repr=False)
class FanoutChunkKeyEncoding(ChunkKeyEncoding):
    """``d0/1/23/d1/5/c``: no directory has more than a number of entries.

    Parameters
    ----------
    max_children : int
        How many, at least 4.

    Notes
    -----
    `The specification
    <https://github.com/zarr-developers/zarr-extensions/tree/main/chunk-key-encodings/fanout>`_.

    Examples
    --------
    >>> FanoutChunkKeyEncoding(max_children=101).encode_chunk_key((1234, 5))
    'd0/12/34/d1/5/c'
    """

    name: ClassVar[Literal["fanout"]] = "fanout"
    max_children: int = 1001

    def __post_init__(self) -> None:
        if type(self.max_children) is not int or self.max_children <= 3:
            raise ValueError(f"max_children must be an integer above 3, got {self.max_children!r}.")

    def encode_chunk_key(self, chunk_coords: tuple[int, ...]) -> str:
        """Return the key of a place in the grid."""
        base = self.max_children - 1
        parts: list[str] = []
        for axis, coord in enumerate(chunk_coords):
            digits: list[str] = []
            left = coord
            while left or not digits:
                left, digit = divmod(left, base)
                digits.append(str(digit))
            parts += [f"d{axis}", *reversed(digits)]
        return "/".join((*parts, "c"))

    def decode_chunk_key(self, chunk_key: str) -> tuple[int, ...]:
        """Return the place in the grid of a key."""
        *parts, last = chunk_key.split("/")
        starts = [number for number, part in enumerate(parts) if part.startswith("d")]
        coords = []
        for start, stop in pairwise((*starts, len(parts))):
            coord = 0
            for digit in parts[start + 1 : stop]:
                coord = coord * (self.max_children - 1) + (int(digit) if digit.isdecimal() else 0)
            coords.append(coord)
        if last != "c" or self.encode_chunk_key(tuple(coords)) != chunk_key:
            raise ValueError(f"{chunk_key!r} is no chunk key of {self}.")
        return tuple(coords)


@dataclass(frozen=True, eq=False, repr=False)
class _Affixed(ChunkKeyEncoding):
    """The keys of another encoding, with something beside them."""

    base_encoding: Any

    def __post_init__(self) -> None:
        object.__setattr__(self, "base_encoding", parse_chunk_key_encoding(self.base_encoding))

    @property
    def _base(self) -> ChunkKeyEncoding:
        encoding: ChunkKeyEncoding = self.base_encoding
        return encoding

    def to_dict(self) -> dict[str, JSON]:
        configuration: Document = {
            self.name: getattr(self, self.name),
            "base_encoding": self._base.to_dict(),
        }
        return {"name": self.name, "configuration": configuration}


def _check(what: str, text: object) -> str:
    if not isinstance(text, str) or not text:
        raise ValueError(f"{what} must be a string that is not empty, got {text!r}.")
    if any(bad in text for bad in ("..", "\\", "\0", "//", "zarr.json")):
        raise ValueError(f"{what} contains what a chunk key must not: {text!r}.")
    return text


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class PrefixChunkKeyEncoding(_Affixed):
    """``x/1.2``: a prefix before the keys of another encoding.

    Parameters
    ----------
    prefix : str
        The text.
    base_encoding : ChunkKeyEncodingLike
        The other encoding.

    Notes
    -----
    `The specification
    <https://github.com/zarr-developers/zarr-extensions/tree/main/chunk-key-encodings>`_.

    Examples
    --------
    >>> PrefixChunkKeyEncoding(prefix="x/", base_encoding="v2").encode_chunk_key((1, 2))
    'x/1.2'
    """

    name: ClassVar[Literal["prefix"]] = "prefix"
    prefix: str
    base_encoding: Any

    def __post_init__(self) -> None:
        if _check("prefix", self.prefix).startswith("/"):
            raise ValueError(f"prefix must not begin with '/', got {self.prefix!r}.")
        super().__post_init__()

    def encode_chunk_key(self, chunk_coords: tuple[int, ...]) -> str:
        """Return the key of a place in the grid."""
        return self.prefix + self._base.encode_chunk_key(chunk_coords)

    def decode_chunk_key(self, chunk_key: str) -> tuple[int, ...]:
        """Return the place in the grid of a key."""
        if not chunk_key.startswith(self.prefix):
            raise ValueError(f"{chunk_key!r} is no chunk key of {self}.")
        return self._base.decode_chunk_key(chunk_key.removeprefix(self.prefix))


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class SuffixChunkKeyEncoding(_Affixed):
    """``c/1/2.tiff``: a suffix after the keys of another encoding.

    Parameters
    ----------
    suffix : str
        The text.
    base_encoding : ChunkKeyEncodingLike
        The other encoding.

    Notes
    -----
    `The specification
    <https://github.com/zarr-developers/zarr-extensions/tree/main/chunk-key-encodings/suffix>`_.

    Examples
    --------
    >>> SuffixChunkKeyEncoding(suffix=".tiff", base_encoding="default").encode_chunk_key((1, 2))
    'c/1/2.tiff'
    """

    name: ClassVar[Literal["suffix"]] = "suffix"
    suffix: str
    base_encoding: Any

    def __post_init__(self) -> None:
        if _check("suffix", self.suffix).endswith("/"):
            raise ValueError(f"suffix must not end with '/', got {self.suffix!r}.")
        super().__post_init__()

    def encode_chunk_key(self, chunk_coords: tuple[int, ...]) -> str:
        """Return the key of a place in the grid."""
        return self._base.encode_chunk_key(chunk_coords) + self.suffix

    def decode_chunk_key(self, chunk_key: str) -> tuple[int, ...]:
        """Return the place in the grid of a key."""
        if not chunk_key.endswith(self.suffix):
            raise ValueError(f"{chunk_key!r} is no chunk key of {self}.")
        return self._base.decode_chunk_key(chunk_key.removesuffix(self.suffix))
