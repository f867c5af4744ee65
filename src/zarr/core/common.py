"""Names of zarr-python, kept for programs that import them from here."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from zarr.core._concurrency import concurrent_foreach as concurrent_foreach
from zarr.core._concurrency import concurrent_iter as concurrent_iter
from zarr.core._concurrency import concurrent_map as concurrent_map
from zarr.metadata.common import ceildiv_int as ceildiv_int
from zarr.metadata.common import compress_rle as compress_rle
from zarr.metadata.common import expand_rle as expand_rle
from zarr.metadata.common import parse_bool as parse_bool
from zarr.metadata.common import parse_chunk_edge as parse_chunk_edge
from zarr.metadata.common import parse_chunk_shape as parse_chunk_shape
from zarr.metadata.common import parse_configuration as parse_configuration
from zarr.metadata.common import parse_name as parse_name
from zarr.metadata.common import parse_named_configuration as parse_named_configuration
from zarr.metadata.common import parse_order as parse_order
from zarr.metadata.common import parse_shapelike as parse_shapelike
from zarr.metadata.common import validate_rectilinear_edges as validate_rectilinear_edges
from zarr.metadata.common import validate_rectilinear_kind as validate_rectilinear_kind
from zarr.metadata.group import ZARR_JSON as ZARR_JSON
from zarr.metadata.group import ZARRAY_JSON as ZARRAY_JSON
from zarr.metadata.group import ZATTRS_JSON as ZATTRS_JSON
from zarr.metadata.group import ZGROUP_JSON as ZGROUP_JSON
from zarr.metadata.group import ZMETADATA_V2_JSON as ZMETADATA_V2_JSON
from zarr.types import ANY_ACCESS_MODE as ANY_ACCESS_MODE
from zarr.types import JSON as JSON
from zarr.types import AccessModeLiteral as AccessModeLiteral
from zarr.types import BytesLike as BytesLike
from zarr.types import ChunkCoords as ChunkCoords
from zarr.types import ChunksLike as ChunksLike
from zarr.types import DimensionNames as DimensionNames
from zarr.types import DimensionNamesLike as DimensionNamesLike
from zarr.types import MemoryOrder as MemoryOrder
from zarr.types import NamedConfig as NamedConfig
from zarr.types import NamedRequiredConfig as NamedRequiredConfig
from zarr.types import NodeType as NodeType
from zarr.types import ShapeLike as ShapeLike
from zarr.types import ZarrFormat as ZarrFormat

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from enum import Enum
    from typing import TypeVar

    T = TypeVar("T")


def product(tup: Iterable[int]) -> int:
    """Return the product of integers."""
    return math.prod(tup)


def ceildiv(a: float, b: float) -> int:
    """Return the quotient, rounded up; 0 for 0."""
    return math.ceil(a / b) if a else 0


def parse_int(data: object) -> int:
    """Return an integer, if it is one."""
    if isinstance(data, (int, np.integer)) and not isinstance(data, bool):
        return int(data)
    raise ValueError(f"Expected int, got {data!r} instead.")


def parse_fill_value(data: T) -> T:
    """Return a fill value as it is."""
    return data


def enum_names(enum: type[Enum]) -> Iterator[str]:
    """Iterate over the names of the members of an enumeration."""
    return (member.name for member in enum)


def parse_enum(data: object, cls: type[Enum]) -> Enum:
    """Return the member of an enumeration that a value names."""
    if isinstance(data, cls):
        return data
    names = [member.value for member in cls]
    if data in names:
        return cls(data)
    raise ValueError(f"Value must be one of {names!r}. Got {data} instead.")
