"""Names of zarr-python, kept for programs that import them from here."""

from __future__ import annotations

import asyncio
import math
from contextlib import nullcontext
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from zarr._async.run import bounded
from zarr.metadata.chunk_grids import compress_rle as compress_rle
from zarr.metadata.chunk_grids import expand_rle as expand_rle
from zarr.metadata.chunk_grids import parse_chunk_edge as parse_chunk_edge
from zarr.metadata.chunk_grids import parse_chunk_shape as parse_chunk_shape
from zarr.metadata.chunk_grids import validate_rectilinear_edges as validate_rectilinear_edges
from zarr.metadata.chunk_grids import validate_rectilinear_kind as validate_rectilinear_kind
from zarr.metadata.fields import ceildiv_int as ceildiv_int
from zarr.metadata.fields import parse_bool as parse_bool
from zarr.metadata.fields import parse_configuration as parse_configuration
from zarr.metadata.fields import parse_name as parse_name
from zarr.metadata.fields import parse_named_configuration as parse_named_configuration
from zarr.metadata.fields import parse_order as parse_order
from zarr.metadata.fields import parse_shapelike as parse_shapelike
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
    from collections.abc import Awaitable, Callable, Iterable, Iterator
    from enum import Enum

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


async def concurrent_map(
    items: Iterable[tuple[object, ...]],
    func: Callable[..., Awaitable[T]],
    limit: int | None = None,
) -> list[T]:
    """Await ``func(*item)`` for every item; the results in order.

    Parameters
    ----------
    items : iterable of tuple
        The arguments of each call.
    func : callable
        What to call.
    limit : int, optional
        The most calls at a time; without a limit if None.
    """
    work = list(items)
    return await bounded(work, lambda item: func(*item), limit or max(1, len(work)))


async def concurrent_foreach(
    items: Iterable[tuple[object, ...]], func: Callable[..., Awaitable[object]], limit: int
) -> None:
    """Await ``func(*item)`` for every item.

    Parameters
    ----------
    items : iterable of tuple
        The arguments of each call.
    func : callable
        What to call.
    limit : int
        The most calls at a time.
    """
    await bounded(items, lambda item: func(*item), limit)


def concurrent_iter(
    items: Iterable[tuple[object, ...]],
    func: Callable[..., Awaitable[T]],
    limit: int | None = None,
) -> list[asyncio.Task[T]]:
    """Start ``func(*item)`` for every item, on the running event loop.

    Parameters
    ----------
    items : iterable of tuple
        The arguments of each call.
    func : callable
        What to call.
    limit : int, optional
        The most calls at a time; without a limit if None.

    Returns
    -------
    list of asyncio.Task
        To be awaited; :func:`asyncio.as_completed` gives what is done first.
    """
    gate = nullcontext() if limit is None else asyncio.Semaphore(limit)

    async def call(item: tuple[object, ...]) -> T:
        async with gate:
            return await func(*item)

    return [asyncio.create_task(call(item)) for item in items]
