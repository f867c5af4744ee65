"""Type aliases: what the parameters and documents of zarr are made of.

The aliases of array classes (``AnyArray``, ``ArrayV2``, …) are made when first asked for, because
this module stands below the arrays.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import EllipsisType
from typing import (
    TYPE_CHECKING,
    Any,
    Final,
    Generic,
    Literal,
    NotRequired,
    TypeAlias,
    TypedDict,
    TypeVar,
    Union,
)

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from zarr import Array, AsyncArray
    from zarr.metadata.chunk_grids import ChunkGridMetadata
    from zarr.metadata.v2 import ArrayV2Metadata
    from zarr.metadata.v3 import ArrayV3Metadata

    ArrayMetadata: TypeAlias = ArrayV2Metadata | ArrayV3Metadata
    AnyArray: TypeAlias = Array[Any]
    AnyAsyncArray: TypeAlias = AsyncArray[Any]
    ArrayV2: TypeAlias = Array[ArrayV2Metadata]
    ArrayV3: TypeAlias = Array[ArrayV3Metadata]
    AsyncArrayV2: TypeAlias = AsyncArray[ArrayV2Metadata]
    AsyncArrayV3: TypeAlias = AsyncArray[ArrayV3Metadata]

__all__ = [
    "ANY_ACCESS_MODE",
    "JSON",
    "AccessModeLiteral",
    "AnyArray",
    "AnyAsyncArray",
    "ArrayV2",
    "ArrayV3",
    "AsyncArrayV2",
    "AsyncArrayV3",
    "BasicSelection",
    "BasicSelector",
    "BytesLike",
    "ChunkCoords",
    "ChunksLike",
    "CoordinateSelection",
    "CoordinateSelector",
    "DTypeConfig_V2",
    "DTypeJSON",
    "DimensionNames",
    "DimensionNamesLike",
    "EndianLiteral",
    "MaskSelection",
    "MemoryOrder",
    "NamedConfig",
    "NamedRequiredConfig",
    "NodeType",
    "OrthogonalSelection",
    "OrthogonalSelector",
    "Selection",
    "Selector",
    "SelectorTuple",
    "ShapeLike",
    "ShardsLike",
    "ZarrFormat",
]

JSON: TypeAlias = str | int | float | bool | Mapping[str, "JSON"] | Sequence["JSON"] | None
"""A value of a JSON document."""

BytesLike: TypeAlias = bytes | bytearray | memoryview
ZarrFormat: TypeAlias = Literal[2, 3]
NodeType: TypeAlias = Literal["array", "group"]
MemoryOrder: TypeAlias = Literal["C", "F"]
EndianLiteral: TypeAlias = Literal["little", "big"]
AccessModeLiteral: TypeAlias = Literal["r", "r+", "a", "w", "w-"]
ANY_ACCESS_MODE: Final[tuple[AccessModeLiteral, ...]] = ("r", "r+", "a", "w", "w-")

ShapeLike: TypeAlias = Iterable[int | np.integer[Any]] | int | np.integer[Any]
ChunksLike: TypeAlias = Union[ShapeLike, str, Iterable[int | Iterable[int]], "ChunkGridMetadata"]
"""One size for all axes, one a axis, the edges of each axis, ``"auto"``, or bytes: ``"4MB"``."""
ShardsLike: TypeAlias = ChunksLike | dict[str, Any]
ChunkCoords: TypeAlias = tuple[int, ...]
DimensionNamesLike: TypeAlias = Iterable[str | None] | None
DimensionNames: TypeAlias = DimensionNamesLike

BasicSelector: TypeAlias = int | slice | EllipsisType
Selector: TypeAlias = BasicSelector | npt.NDArray[np.intp] | npt.NDArray[np.bool_]
SelectorTuple: TypeAlias = tuple[Selector, ...] | npt.NDArray[np.intp] | slice
BasicSelection: TypeAlias = BasicSelector | tuple[BasicSelector, ...]
CoordinateSelector: TypeAlias = int | Sequence[int] | npt.NDArray[np.intp]
CoordinateSelection: TypeAlias = CoordinateSelector | tuple[CoordinateSelector, ...]
MaskSelection: TypeAlias = npt.NDArray[np.bool_]
OrthogonalSelector: TypeAlias = (
    int | slice | Sequence[int] | npt.NDArray[np.intp] | npt.NDArray[np.bool_]
)
OrthogonalSelection: TypeAlias = OrthogonalSelector | tuple[OrthogonalSelector, ...]
Selection: TypeAlias = BasicSelection | CoordinateSelection | MaskSelection | OrthogonalSelection

DTypeJSON: TypeAlias = (
    str | int | float | Sequence["DTypeJSON"] | None | Mapping[str, object]  # noqa: RUF036
)
"""A data type in a metadata document."""

_ConfigT = TypeVar("_ConfigT", bound=Mapping[str, object])
_TextT = TypeVar("_TextT", bound=str)


class NamedRequiredConfig(TypedDict, Generic[_TextT, _ConfigT]):
    """A name and a configuration, as format 3 writes codecs, grids and data types."""

    name: _TextT
    configuration: _ConfigT


class NamedConfig(TypedDict, Generic[_TextT, _ConfigT]):
    """A name and, where there is anything to say, a configuration."""

    name: _TextT
    configuration: NotRequired[_ConfigT]


_NameT = TypeVar("_NameT", bound=DTypeJSON)
_CodecIdT = TypeVar("_CodecIdT", bound=str | None)


class DTypeConfig_V2(TypedDict, Generic[_NameT, _CodecIdT]):
    """A data type of format 2: its name, and the codec of its objects where it has some."""

    name: _NameT
    object_codec_id: _CodecIdT


_ARRAY_ALIASES = {
    "AnyArray": ("Array", None),
    "AnyAsyncArray": ("AsyncArray", None),
    "ArrayV2": ("Array", ("zarr.metadata.v2", "ArrayV2Metadata")),
    "ArrayV3": ("Array", ("zarr.metadata.v3", "ArrayV3Metadata")),
    "AsyncArrayV2": ("AsyncArray", ("zarr.metadata.v2", "ArrayV2Metadata")),
    "AsyncArrayV3": ("AsyncArray", ("zarr.metadata.v3", "ArrayV3Metadata")),
}


def __getattr__(name: str) -> Any:
    if name not in _ARRAY_ALIASES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    face, parameter = _ARRAY_ALIASES[name]
    kind = Any if parameter is None else getattr(import_module(parameter[0]), parameter[1])
    alias = getattr(import_module("zarr"), face)[kind]
    globals()[name] = alias
    return alias
