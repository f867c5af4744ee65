"""Type aliases: what the parameters and documents of zarr are made of.

The aliases of classes that stand above this module, those of arrays and of chunk grids
(``AnyArray``, ``ArrayV2``, ``ChunksLike``, …), are made when first asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib import import_module
from types import EllipsisType
from typing import (
    TYPE_CHECKING,
    Any,
    Final,
    ForwardRef,
    Generic,
    Literal,
    NotRequired,
    SupportsIndex,
    TypeAlias,
    TypedDict,
    TypeVar,
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
    "AnyNDArray",
    "AnyScalar",
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
    "Document",
    "EndianLiteral",
    "IndexLike",
    "MaskSelection",
    "MemoryOrder",
    "NamedConfig",
    "NamedRequiredConfig",
    "NodeAttributes",
    "NodeType",
    "NumpyDType",
    "OrthogonalSelection",
    "OrthogonalSelector",
    "Selection",
    "SelectionLike",
    "Selector",
    "SelectorTuple",
    "ShapeLike",
    "ShardsLike",
    "StorageOptions",
    "ZarrFormat",
]

if TYPE_CHECKING:
    JSON: TypeAlias = str | int | float | bool | Mapping[str, "JSON"] | Sequence["JSON"] | None
    """A value of a JSON document."""
    DTypeJSON: TypeAlias = (
        str | int | float | Sequence["DTypeJSON"] | None | Mapping[str, object]  # noqa: RUF036
    )
    """A data type in a metadata document."""
else:
    # A type that refers to itself names its module, for tools that resolve hints elsewhere.
    _INNER = ForwardRef("JSON", module=__name__)
    JSON = str | int | float | bool | Mapping[str, _INNER] | Sequence[_INNER] | None
    _INNER = ForwardRef("DTypeJSON", module=__name__)
    DTypeJSON = str | int | float | Sequence[_INNER] | None | Mapping[str, object]

AnyNDArray: TypeAlias = npt.NDArray[Any]
"""An array of NumPy with elements of a type that only the running program knows."""
NumpyDType: TypeAlias = np.dtype[Any]
"""A data type of NumPy that only the running program knows."""
AnyScalar: TypeAlias = Any
"""An element of an array: of the class that its data type makes, which only the program knows."""
Document: TypeAlias = dict[str, Any]
"""The object of a JSON document, before its fields are checked one by one."""
NodeAttributes: TypeAlias = dict[str, Any]
"""The attributes of an array or group: values of JSON, or values that are stored as such."""
StorageOptions: TypeAlias = dict[str, Any]
"""Options that the library behind a URL takes."""
BytesLike: TypeAlias = bytes | bytearray | memoryview
ZarrFormat: TypeAlias = Literal[2, 3]
NodeType: TypeAlias = Literal["array", "group"]
MemoryOrder: TypeAlias = Literal["C", "F"]
EndianLiteral: TypeAlias = Literal["little", "big"]
AccessModeLiteral: TypeAlias = Literal["r", "r+", "a", "w", "w-"]
ANY_ACCESS_MODE: Final[tuple[AccessModeLiteral, ...]] = ("r", "r+", "a", "w", "w-")

ShapeLike: TypeAlias = Iterable[int | np.integer[Any]] | int | np.integer[Any]
if TYPE_CHECKING:
    ChunksLike: TypeAlias = ShapeLike | str | Iterable[int | Iterable[int]] | ChunkGridMetadata
    """A size for all dimensions or for each, the edges of each, ``"auto"``, or bytes: ``"4MB"``."""
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
IndexLike: TypeAlias = SupportsIndex | slice | EllipsisType | npt.ArrayLike
SelectionLike: TypeAlias = IndexLike | tuple[IndexLike, ...]
"""A selection as users write it between brackets; names of fields are among the array-likes."""

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


def _array_alias(face: str, parameter: str | None) -> object:
    kind = Any
    if parameter is not None:
        home, _, name = parameter.rpartition(".")
        kind = getattr(import_module(home), name)
    return getattr(import_module("zarr"), face)[kind]  # late: when an alias is evaluated


def _chunks_like() -> object:
    home = import_module("zarr.metadata.chunk_grids")  # late: when an alias is evaluated
    grid = home.ChunkGridMetadata
    return ShapeLike | str | Iterable[int | Iterable[int]] | grid


_V2, _V3 = "zarr.metadata.v2.ArrayV2Metadata", "zarr.metadata.v3.ArrayV3Metadata"
_LATE: Mapping[str, Callable[[], object]] = {
    "AnyArray": lambda: _array_alias("Array", None),
    "AnyAsyncArray": lambda: _array_alias("AsyncArray", None),
    "ArrayV2": lambda: _array_alias("Array", _V2),
    "ArrayV3": lambda: _array_alias("Array", _V3),
    "AsyncArrayV2": lambda: _array_alias("AsyncArray", _V2),
    "AsyncArrayV3": lambda: _array_alias("AsyncArray", _V3),
    "ChunksLike": _chunks_like,
    "ShardsLike": lambda: _chunks_like() | dict[str, Any],
}


def __getattr__(name: str) -> object:
    if name not in _LATE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    alias = globals()[name] = _LATE[name]()
    return alias
