"""Parsers of small values, shared by all documents."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from enum import Enum

    from zarr.types import JSON, ShapeLike

MOST_ELEMENTS = 2**63 - 1
"""The most elements along an axis."""


def product(tup: Iterable[int]) -> int:
    """Return the product of integers."""
    return math.prod(tup)


def ceildiv(a: float, b: float) -> int:
    """Return the quotient, rounded up; 0 for 0."""
    return math.ceil(a / b) if a else 0


def ceildiv_int(a: int, b: int) -> int:
    """Return the quotient of integers, rounded up, without going by way of floats."""
    return -(-a // b)


def parse_int(data: object) -> int:
    """Return an integer, if it is one."""
    if isinstance(data, (int, np.integer)) and not isinstance(data, bool):
        return int(data)
    raise ValueError(f"Expected int, got {data!r} instead.")


def parse_bool(data: object) -> bool:
    """Return a boolean, if it is one."""
    if isinstance(data, bool):
        return data
    raise ValueError(f"Expected bool, got {data} instead.")


def parse_order(data: object) -> Literal["C", "F"]:
    """Return an order of axes in memory, if it is one."""
    if data in ("C", "F"):
        return data
    raise ValueError(
        f"Failed to parse input for 'order': expected Literal['C', 'F'], got {data!r}."
    )


def parse_separator(data: object) -> Literal[".", "/"]:
    """Return a separator of chunk keys, if it is one."""
    if data in (".", "/"):
        return data
    raise ValueError(
        f"Failed to parse input for 'separator': expected Literal['.', '/'], got {data!r}."
    )


def parse_fill_value(data: Any) -> Any:
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


def parse_shapelike(data: ShapeLike) -> tuple[int, ...]:
    """Return a shape as a tuple of integers.

    Raises
    ------
    TypeError
        If it is no integer and no iterable of integers.
    ValueError
        If a length is negative, or larger than any axis can be.
    """
    if isinstance(data, (int, np.integer)) and not isinstance(data, bool):
        data = (data,)
    try:
        shape = tuple(data)  # type: ignore[arg-type]
    except TypeError:
        raise TypeError(
            f"Expected an integer or an iterable of integers. Got {data} instead."
        ) from None
    for length in shape:
        if type(length) is not int and (
            isinstance(length, bool) or not isinstance(length, (int, np.integer))
        ):
            raise TypeError(f"Expected an iterable of integers. Got {data} instead.")
        if length < 0:
            raise ValueError(f"Expected all values to be non-negative. Got {data} instead.")
        if length > MOST_ELEMENTS:
            raise ValueError(f"Expected all values to be below 2**63. Got {data} instead.")
    return tuple(map(int, shape))


def parse_name(data: JSON, expected: str | None = None) -> str:
    """Return a name, if it is the expected one."""
    if not isinstance(data, str):
        raise TypeError(f"Expected a string, got an instance of {type(data)}.")
    if expected is not None and data != expected:
        raise ValueError(f"Expected '{expected}'. Got {data} instead.")
    return data


def parse_configuration(data: JSON) -> JSON:
    """Return a configuration, if it is a dict."""
    if not isinstance(data, dict):
        raise TypeError(f"Expected dict, got {type(data)}")
    return data


def parse_named_configuration(
    data: Any, expected_name: str | None = None, *, require_configuration: bool = True
) -> tuple[str, dict[str, Any] | None]:
    """Return the name and the configuration of an extension point.

    A name alone may be written as a string (core specification, extension definitions).
    """
    if isinstance(data, str) and not require_configuration:
        return parse_name(data, expected_name), None
    if not isinstance(data, Mapping):
        raise TypeError(f"Expected dict, got {type(data)}")
    if "name" not in data:
        raise ValueError(f"Named configuration does not have a 'name' key. Got {dict(data)}.")
    name = parse_name(data["name"], expected_name)
    if "configuration" in data:
        return name, cast("dict[str, Any]", parse_configuration(data["configuration"]))
    if require_configuration:
        raise ValueError(
            f"Named configuration does not have a 'configuration' key. Got {dict(data)}."
        )
    return name, None


def expand_rle(data: Sequence[object], axis: int | None = None) -> list[int]:
    """Return the lengths that a run-length form stands for: lengths, and [length, count] pairs."""
    where = "" if axis is None else f"Dimension {axis}: "
    lengths: list[int] = []
    total = 0
    for item in data:
        size, count = item, 1
        if isinstance(item, (list, tuple)):
            if len(item) != 2:
                raise ValueError(f"{where}RLE entries must be pairs, got {item!r}")
            size, count = item
        edge = parse_chunk_edge(size, axis)
        if type(count) is not int:
            raise TypeError(f"{where}RLE count must be an integer, got {count!r}")
        if count < 1:
            raise ValueError(f"{where}RLE count must be an integer >= 1, got {count!r}")
        total += count
        if total > MOST_RUNS:
            raise ValueError(f"{where}more than {MOST_RUNS} chunks along one axis")
        lengths.extend([edge] * count)
    return lengths


MOST_RUNS = 1 << 22
"""The most chunks of an axis that are listed one by one: a document of a few bytes may ask for any
number of them."""


def compress_rle(sizes: Sequence[int]) -> list[int | list[int]]:
    """Return the run-length form of lengths: [length, count] where one repeats."""
    runs: list[list[int]] = []
    for size in sizes:
        if runs and runs[-1][0] == size:
            runs[-1][1] += 1
        else:
            runs.append([int(size), 1])
    return [size if count == 1 else [size, count] for size, count in runs]


def parse_chunk_edge(size: object, axis: int | None = None) -> int:
    """Return the length of a chunk, if it is one."""
    where = "" if axis is None else f"Dimension {axis}: "
    if isinstance(size, bool) or not isinstance(size, (int, np.integer)):
        raise TypeError(f"{where}chunk edge length must be an integer, got {size!r}")
    if size < 1:
        raise ValueError(f"{where}chunk edge length must be >= 1, got {size}")
    return int(size)


def parse_chunk_edges(sizes: Iterable[object], axis: int | None = None) -> tuple[int, ...]:
    """Return the lengths of the chunks along an axis, if they are some."""
    edges: Any = tuple(sizes)
    if edges and set(map(type, edges)) == {int} and min(edges) >= 1:
        return edges  # type: ignore[no-any-return]
    return tuple(parse_chunk_edge(edge, axis) for edge in edges)


def parse_chunk_shape(data: object) -> tuple[int, ...]:
    """Return the shape of chunks as a tuple of positive integers."""
    if not isinstance(data, Iterable) or isinstance(data, (str, Mapping)):
        raise TypeError(f"Expected an iterable of integers. Got {data} instead.")
    return tuple(parse_chunk_edge(size, axis) for axis, size in enumerate(data))


def validate_rectilinear_kind(kind: str | None) -> None:
    """Fail unless the edges of a grid are listed in its metadata."""
    if kind is None:
        raise ValueError(
            "Rectilinear chunk grid configuration requires a 'kind' field. "
            "Only 'inline' is currently supported."
        )
    if kind != "inline":
        raise ValueError(
            f"Unsupported rectilinear chunk grid kind: {kind!r}. "
            "Only 'inline' is currently supported."
        )


def validate_rectilinear_edges(
    chunk_shapes: Sequence[int | Sequence[int]], array_shape: Sequence[int]
) -> None:
    """Fail unless the edges of each axis reach its end."""
    for axis, (edges, extent) in enumerate(zip(chunk_shapes, array_shape, strict=True)):
        if not isinstance(edges, int) and sum(edges) < extent:
            raise ValueError(
                f"Rectilinear chunk edges for dimension {axis} sum to {sum(edges)} but array "
                f"shape extent is {extent} (edge sum must be >= extent)"
            )
