"""The parameters of codecs: their JSON form, and the facts on data types and chunks they go by."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from importlib import import_module
from math import prod
from operator import index
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from zarr.abc.metadata import Metadata

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType

    from zarr.dtype.base import AnyDType, TBaseDType
    from zarr.types import JSON, Document

G = TypeVar("G")


def _named(data: object) -> tuple[str, object]:
    """The name and the configuration (None where absent) of a named configuration."""
    if not isinstance(data, Mapping):
        raise TypeError(f"Expected dict, got {type(data)}")
    if "name" not in data:
        raise ValueError(f"Named configuration does not have a 'name' key. Got {data}.")
    name = data["name"]
    if not isinstance(name, str):
        raise TypeError(f"Expected a string, got an instance of {type(name)}.")
    return name, data.get("configuration")


def optional_configuration(data: object, name: str) -> Document:
    """The configuration of the codec `name`, which may be left out."""
    found, configuration = _named(data)
    if found != name:
        raise ValueError(f"Expected '{name}'. Got {found} instead.")
    return {} if configuration is None else _fields(configuration)


def required_configuration(data: object, name: str) -> dict[str, object]:
    """The configuration of the codec `name`, which must be there."""
    found, configuration = _named(data)
    if found != name:
        raise ValueError(f"Expected '{name}'. Got {found} instead.")
    return configuration_of(data, configuration)


def named_configuration(data: object) -> tuple[str, Document]:
    """The name and the configuration, which must be there, of a codec of any name."""
    name, configuration = _named(data)
    return name, configuration_of(data, configuration)


def configuration_of(data: object, configuration: object) -> dict[str, object]:
    """The configuration found in `data` as a dict, or an error that shows `data`."""
    if configuration is None:
        raise ValueError(f"Named configuration does not have a 'configuration' key. Got {data}.")
    return _fields(configuration)


def _fields(configuration: object) -> dict[str, object]:
    if not isinstance(configuration, Mapping):
        raise TypeError(f"Expected dict, got {type(configuration)}")
    return dict(configuration)


def int_field(value: object, field: str) -> int:
    """`value` if it is an integer; a bool is none."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise TypeError(f"Failed to parse input for '{field}': expected int, got {value!r}.")


def bool_field(value: object, field: str) -> bool:
    """`value` if it is a bool."""
    if isinstance(value, bool):
        return value
    raise TypeError(f"Failed to parse input for '{field}': expected bool, got {value!r}.")


def choice_field(value: object, field: str, choices: tuple[str, ...]) -> str:
    """`value` if it is one of `choices`, or a member of any enumeration that stands for one."""
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, str) and value in choices:
        return value
    raise ValueError(f"{field} must be one of {list(choices)}. Got {value!r}.")


def int_tuple(value: object) -> tuple[int, ...]:
    """`value` as a tuple of integers, if it is an iterable of them."""
    if not isinstance(value, Iterable):
        raise TypeError(f"Expected an iterable. Got {value} instead.")
    items = tuple(value)
    if not all(isinstance(item, int) and not isinstance(item, bool) for item in items):
        raise TypeError(f"Expected an iterable of integers. Got {value} instead.")
    return items


def shape_field(value: object, *, least: int = 0) -> tuple[int, ...]:
    """`value`, an integer or an iterable of them, as a shape."""
    if isinstance(value, (int, np.integer)):
        value = (value,)
    if not isinstance(value, Iterable):
        raise TypeError(f"Expected an iterable of integers. Got {value} instead.")
    items = tuple(value)
    if not all(isinstance(item, (int, np.integer)) for item in items):
        raise TypeError(f"Expected an iterable of integers. Got {value!s} instead.")
    shape = tuple(index(item) for item in items)
    if any(size < 0 for size in shape):
        raise ValueError(f"Expected all values to be non-negative. Got {shape} instead.")
    for axis, size in enumerate(shape):
        if size < least:
            raise ValueError(f"Dimension {axis}: chunk edge length must be >= {least}, got {size}")
    return shape


def named(name: str, configuration: Mapping[str, JSON] | None = None) -> dict[str, JSON]:
    """The JSON form of a codec."""
    if configuration is None:
        return {"name": name}
    return {"name": name, "configuration": dict(configuration)}


def extra(module: str, codec: str, name: str) -> ModuleType:
    """The module that a codec needs, or an error that tells which extra of zarr brings it."""
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"The codec {codec!r} needs the package {module}: pip install 'zarr[{name}]'"
        ) from error


def is_number_type(dtype: TBaseDType) -> bool:
    """Whether elements are the integers or the real numbers of NumPy."""
    return dtype.kind in "iu" or (dtype.kind == "f" and dtype.itemsize in (2, 4, 8))


def number(value: object, dtype: AnyDType, what: str) -> object:
    """A number, or its JSON form, as a scalar of `dtype`; `what` names it in errors."""
    native = dtype.to_native_dtype().newbyteorder("=")
    try:
        if native.kind == "f":
            return native.type(_real(value, dtype))
        if isinstance(value, str):  # digits, as others write integers
            value = int(value)
        if isinstance(value, (int, float, np.number)) and value == int(value):
            return native.type(int(value))
    except (TypeError, ValueError, OverflowError):
        pass
    raise ValueError(f"{what} {value!r} is not representable in dtype {native}.")


def _real(value: object, dtype: AnyDType) -> object:
    if isinstance(value, str):
        try:
            return dtype.from_json_scalar(value, zarr_format=3)
        except (TypeError, ValueError):
            return float(value)
    if isinstance(value, (int, float, np.number)):
        return value
    raise TypeError("not a number")


@dataclass(frozen=True, eq=False, repr=False)
class InnerGrid(Metadata):
    """The grid of the inner chunks of a shard, given to the codecs of these for validation."""

    chunk_shape: tuple[int, ...]

    def to_dict(self) -> dict[str, JSON]:
        """The JSON form of the grid, as if it were that of an array."""
        return {"name": "regular", "configuration": {"chunk_shape": list(self.chunk_shape)}}


def seen_behind(codec: object, shape: tuple[int, ...], chunk_grid: G) -> tuple[tuple[int, ...], G]:
    """The shape and the chunk grid of an array, as the codec after `codec` must take them.

    The effect of other packages' codecs on the lengths of chunks is not known.
    """
    if not hasattr(codec, "seen_behind"):
        return shape, chunk_grid
    seen: tuple[tuple[int, ...], G] = codec.seen_behind(shape, chunk_grid)
    return seen


def item_size(dtype: object) -> int:
    """Bytes of one element of a data type, and 1 where elements have no one size."""
    return getattr(dtype, "item_size", None) or 1


def chunk_edges(chunk_grid: object) -> tuple[tuple[int, ...], ...] | None:
    """The lengths that chunks have along each dimension; None for a grid that does not tell."""
    sizes: Sequence[int | Sequence[int]] | None = getattr(chunk_grid, "chunk_shape", None)
    if sizes is None:
        sizes = getattr(chunk_grid, "chunk_shapes", None)
    if sizes is None:
        return None
    return tuple((size,) if isinstance(size, int) else tuple(size) for size in sizes)


_MOST_BYTES = {"blosc": ("Blosc", 2**31 - 1 - 16), "lz4": ("LZ4", 0x7E00_0000)}
"""The most bytes that a library takes at once, where it has such a limit."""


def check_chunk_bytes(codec: str, size: int) -> None:
    """Refuse chunks of `size` bytes, if the codec of that name cannot hold so many."""
    name, most = _MOST_BYTES.get(codec, ("", size))
    if size > most:
        raise ValueError(
            f"{name} takes at most {most} bytes at once, and the largest chunk has {size}. Choose "
            "smaller chunks or another compressor."
        )


MOST_INNER_CHUNKS = 1 << 27
"""The most chunks of a shard: its index is held in memory, 16 bytes for each."""


def check_shards(shape: tuple[int, ...], inner: tuple[int, ...]) -> None:
    """Refuse shards of `shape` that have too many chunks of the shape `inner`."""
    count = prod(length // size for length, size in zip(shape, inner, strict=True))
    if count > MOST_INNER_CHUNKS:
        raise ValueError(
            f"A shard of shape {shape} has {count} chunks of shape {inner}, and at most "
            f"{MOST_INNER_CHUNKS} can be indexed: choose larger chunks or smaller shards."
        )


def largest_chunk(shape: tuple[int, ...], chunk_grid: object) -> int:
    """The number of elements of the largest chunk."""
    edges = chunk_edges(chunk_grid)
    if edges is None:
        return prod(shape)
    return prod(max(lengths, default=0) for lengths in edges)
