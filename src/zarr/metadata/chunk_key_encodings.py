"""Chunk key encodings: the names under which chunks are stored."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, ClassVar, Literal, Self, TypeAlias, TypedDict

from zarr.abc.metadata import Metadata
from zarr.metadata.fields import parse_named_configuration, parse_separator
from zarr.registry import get_chunk_key_encoding_class
from zarr.types import JSON

if TYPE_CHECKING:
    from zarr.metadata.chunk_key_extensions import (
        FanoutChunkKeyEncoding,
        PrefixChunkKeyEncoding,
        SuffixChunkKeyEncoding,
    )

__all__ = [
    "ChunkKeyEncoding",
    "ChunkKeyEncodingLike",
    "ChunkKeyEncodingParams",
    "DefaultChunkKeyEncoding",
    "FanoutChunkKeyEncoding",
    "PrefixChunkKeyEncoding",
    "SeparatorLiteral",
    "SuffixChunkKeyEncoding",
    "V2ChunkKeyEncoding",
    "parse_chunk_key_encoding",
]

SeparatorLiteral: TypeAlias = Literal[".", "/"]


class ChunkKeyEncodingParams(TypedDict):
    """A name and a separator."""

    name: Literal["v2", "default"]
    separator: SeparatorLiteral


@dataclass(frozen=True, eq=False, repr=False)
class ChunkKeyEncoding(ABC, Metadata):
    """How the place of a chunk in the grid becomes a key.

    A subclass has a `name`, and is made known by ``zarr.registry.register_chunk_key_encoding``.
    """

    name: ClassVar[str]

    @classmethod
    def from_dict(cls, data: dict[str, JSON]) -> Self:
        """Make an instance from ``{"name", "configuration"}``."""
        _, configuration = parse_named_configuration(data, require_configuration=False)
        return cls(**configuration) if configuration else cls()

    def to_dict(self) -> dict[str, JSON]:
        """Return ``{"name", "configuration"}``."""
        configuration = super().to_dict()
        configuration.pop("name", None)
        return {"name": self.name, "configuration": configuration}

    def decode_chunk_key(self, chunk_key: str) -> tuple[int, ...]:
        """Return the place in the grid of a key. An encoding need not be reversible."""
        raise NotImplementedError(f"{self.__class__.__name__} does not implement decode_chunk_key.")

    @abstractmethod
    def encode_chunk_key(self, chunk_coords: tuple[int, ...]) -> str:
        """Return the key of a place in the grid, relative to the array."""


ChunkKeyEncodingLike: TypeAlias = dict[str, JSON] | ChunkKeyEncodingParams | ChunkKeyEncoding


@dataclass(frozen=True, eq=False, repr=False)
class _Separated(ChunkKeyEncoding):
    separator: SeparatorLiteral = "/"

    def __post_init__(self) -> None:
        parse_separator(self.separator)


@dataclass(frozen=True, eq=False, repr=False)
class DefaultChunkKeyEncoding(_Separated):
    """``c/1/2``; the default of Zarr v3 (core specification, chunk key encoding)."""

    name: ClassVar[Literal["default"]] = "default"

    def decode_chunk_key(self, chunk_key: str) -> tuple[int, ...]:
        """Return the place in the grid of a key."""
        if chunk_key == "c":
            return ()
        if chunk_key[:2] != f"c{self.separator}":
            raise ValueError(f"{chunk_key!r} is no chunk key of {self}.")
        return tuple(map(int, chunk_key[2:].split(self.separator)))

    def encode_chunk_key(self, chunk_coords: tuple[int, ...]) -> str:
        """Return the key of a place in the grid."""
        return self.separator.join(("c", *map(str, chunk_coords)))


@dataclass(frozen=True, eq=False, repr=False)
class V2ChunkKeyEncoding(_Separated):
    """``1.2``; the keys of Zarr v2."""

    name: ClassVar[Literal["v2"]] = "v2"
    separator: SeparatorLiteral = "."

    def decode_chunk_key(self, chunk_key: str) -> tuple[int, ...]:
        """Return the place in the grid of a key."""
        return tuple(map(int, chunk_key.split(self.separator)))

    def encode_chunk_key(self, chunk_coords: tuple[int, ...]) -> str:
        """Return the key of a place in the grid."""
        return self.separator.join(map(str, chunk_coords)) or "0"


_EXTENSIONS = ("FanoutChunkKeyEncoding", "PrefixChunkKeyEncoding", "SuffixChunkKeyEncoding")
_BUILT_IN: dict[str, type[_Separated]] = {
    "default": DefaultChunkKeyEncoding,
    "v2": V2ChunkKeyEncoding,
}


def parse_chunk_key_encoding(data: object) -> ChunkKeyEncoding:
    """Return the encoding that a user or a document names.

    Takes an encoding, ``{"name", "configuration"}``, ``{"name", "separator"}``, a name, or a pair
    of a name and a separator.
    """
    if isinstance(data, ChunkKeyEncoding):
        return data
    if isinstance(data, tuple) and len(data) == 2:
        data = {"name": data[0], "configuration": {"separator": data[1]}}
    if isinstance(data, str):
        data = {"name": data}
    if isinstance(data, dict) and "separator" in data and "configuration" not in data:
        data = {"name": data.get("name"), "configuration": {"separator": data["separator"]}}
    name, configuration = parse_named_configuration(data, require_configuration=False)
    cls = _BUILT_IN.get(name)
    if cls is not None and (configuration is None or configuration.keys() <= {"separator"}):
        return cls(**(configuration or {}))
    try:
        found = get_chunk_key_encoding_class(name)
    except KeyError as error:
        raise ValueError(f"Unknown chunk key encoding: {error}") from None
    return found.from_dict({"name": name, "configuration": configuration or {}})


if not TYPE_CHECKING:  # those of extensions, which few arrays have

    def __getattr__(name: str) -> object:
        if name not in _EXTENSIONS:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module("zarr.metadata.chunk_key_extensions"), name)
